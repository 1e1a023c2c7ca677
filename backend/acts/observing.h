/* observing.h: an endpoint that somebody else serves: reads its counters from a Prometheus, or
 * counts the requests that are posted, opens a rollout when a candidate gets requests and ends it
 * when it gets none, judges it meanwhile, and tells of harm and of missing numbers by alerts. Moves
 * nothing, ever.
 *
 * What is fed to the trial is in its journal, as of every rollout; the counters that a reading is
 * compared with are asked for again after a restart, as Prometheus has kept them. What comes later
 * than half of `stale` is not judged any more, and after the other half it is missing. */
#ifndef PITHEAD_BACKEND_ACTS_OBSERVING_H
#define PITHEAD_BACKEND_ACTS_OBSERVING_H

#include "backend/acts/world.h"
#include "backend/trial/posted.h"

struct observing; /* private */

/* What is known of the numbers now, for people. */
struct observed_state {
	int64_t answers;      /* good and bad ones, since the engine started */
	int64_t away_us;      /* UTC; since when there is no answer, 0 = there is */
	int64_t newest_us[2]; /* last instant with counters of stable and candidate, 0 = none */
	char trouble[240];    /* what is wrong with the answers, "" = nothing */
};
void observing_get_state(const struct live_endpoint *ep, struct observed_state *out);

/* UTC second until which its counters have been read, 0 = not yet. */
int64_t observing_read_until(const struct live_endpoint *ep);

/* Whether its requests are posted, and takes one of them (only then). */
int observing_is_posted(const struct live_endpoint *ep);
enum posted_taking observing_post(
	struct world *w, struct live_endpoint *ep, const struct posted_request *r);

/* Takes up the trial that was under way. */
void observing_start(struct world *w, struct live_endpoint *ep);

/* Takes what was read, judges it, tells, and asks for more. Never waits. */
void observing_tick(struct world *w, struct live_endpoint *ep);

void observing_free(struct observing *o); /* NULL is allowed */

#endif
