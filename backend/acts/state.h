/* state.h: the before and after of an event, read back from its JSON. */
#ifndef PITHEAD_BACKEND_ACTS_STATE_H
#define PITHEAD_BACKEND_ACTS_STATE_H

#include <stdint.h>

#include "backend/store/rows.h"

struct event_state {
	char stable[NAME_SIZE], candidate[NAME_SIZE], previous[NAME_SIZE];
	char segment[NAME_SIZE], server[NAME_SIZE], state[16], pattern[16];
	char text[200]; /* "text" of events about something else */
	int share_bp, step;
	int64_t rollout, spec_seq;
};

/* Fills out from the JSON text; NULL or anything else gives an empty state. */
void event_state_parse(const char *json, struct event_state *out);

#endif
