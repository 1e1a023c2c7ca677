/* api_world.h: a world in memory over a real store in a temporary home, for tests of the API: two
 * projects with members, two endpoints, no gateway. */
#ifndef PITHEAD_TESTS_SUPPORT_API_WORLD_H
#define PITHEAD_TESTS_SUPPORT_API_WORLD_H

#include "backend/acts/world.h"

/* Uids of the members of project "flights", one for each role; nobody has them on the machine. */
enum {
	UID_ADMIN = 61001,
	UID_OPERATOR,
	UID_APPROVER,
	UID_DEVELOPER,
	UID_AUDITOR,
	UID_SERVICE,
	UID_BOTH, /* operator and auditor */
	UID_STRANGER,
	UID_ETA /* operator of the project "eta" only */
};

struct world *api_world_new(void);
void api_world_free(struct world *w); /* removes the home */

/* Adds an event in its own transaction; returns its sequence. */
int64_t api_world_event(struct world *w, const struct event *ev);

/* Number of events with this verb. */
int api_world_count(struct world *w, const char *verb);

/* Saves a rollout of flights/delay and makes it the endpoint's active one. */
void api_world_rollout(struct world *w, int64_t id, const char *state, int share_bp);

#endif
