/* autopilot.h: what the engine does by itself about a rollout: takes it back on harm, holds it when
 * the trial is not valid or stays undecided for too long, moves it on when all that is critical is
 * proven and the step has lasted, and takes a promotion back when outcomes that came late say so.
 */
#ifndef PITHEAD_BACKEND_ACTS_AUTOPILOT_H
#define PITHEAD_BACKEND_ACTS_AUTOPILOT_H

#include "backend/acts/world.h"

/* Judges the endpoint's rollout and acts on it. 1 when it was judged (so that its lease may be
 * renewed), 0 when it could not be. */
int autopilot_tick(struct world *w, struct live_endpoint *ep);

/* At start: takes up the trials that were under way. */
void autopilot_start(struct world *w, struct live_endpoint *ep);

#endif
