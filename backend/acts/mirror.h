/* mirror.h: stable's recorded requests, answered once more by a candidate: a few of them before a
 * blue/green or shadow rollout moves anything (the smoke test: it answers, with what stable's
 * answers hold), and a sample of all of them while it is shadowing. Copies go straight to the
 * candidate's servers, never through the gateway, and no client waits for one. What is judged of
 * them is trial/shadow.h. It is kept in memory only: after a restart pairs are gathered anew. */
#ifndef PITHEAD_BACKEND_ACTS_MIRROR_H
#define PITHEAD_BACKEND_ACTS_MIRROR_H

#include "backend/acts/world.h"
#include "backend/trial/shadow.h"

enum smoke { SMOKE_WAITS, SMOKE_RUNS, SMOKE_PASSED, SMOKE_FAILED };

/* Whether a rollout of this pattern begins with a smoke test; and with a shadow. */
int mirror_tests(const char *pattern);
int mirror_shadows(const char *pattern);

/* An answer of stable: what was asked is remembered, and copied where ep is shadowing. */
void mirror_take_record(struct world *w, struct live_endpoint *ep, const struct record *r);

/* What became of a request. */
void mirror_take_outcome(struct live_endpoint *ep, const char *id, const char *name, double value);

/* Once a tick, for the active rollout r of ep: begins what r needs, takes what has come back, looks
 * at it. Ends the mirror of a rollout that needs none any more. */
void mirror_tick(struct world *w, struct live_endpoint *ep, const struct rollout_row *r);
void mirror_free(struct mirror *m); /* NULL is allowed */

/* Where the smoke test of r stands; why: "" or a sentence (size bytes). */
enum smoke mirror_smoke(
	const struct live_endpoint *ep, const struct rollout_row *r, char *why, size_t size);

/* What its pairs say, as of the last tick; NULL when that rollout has no shadow. */
const struct trial_card *mirror_card(const struct live_endpoint *ep, int64_t rollout);

#endif
