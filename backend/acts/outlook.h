/* outlook.h: what a rollout will be able to see at its traffic, said before it starts. */
#ifndef PITHEAD_BACKEND_ACTS_OUTLOOK_H
#define PITHEAD_BACKEND_ACTS_OUTLOOK_H

#include "backend/acts/acts.h"

/* Adds to the plan a line for each step (the smallest harm that would show, and when), and warnings
 * where the rollout promises less than it says at this traffic. Some tenths of a second at most. */
void outlook_plan(struct world *w, const struct live_endpoint *ep, const struct rollout_row *r,
	struct plan *p);

#endif
