/* judging.h: the live trial of a rollout: feeds it answers as they are logged and outcomes as they
 * mature, closes its seconds behind the watermark, and keeps all of it in the telemetry database,
 * so that a crash loses nothing that was judged. Decides nothing: that is autopilot.h. */
#ifndef PITHEAD_BACKEND_ACTS_JUDGING_H
#define PITHEAD_BACKEND_ACTS_JUDGING_H

#include "backend/acts/world.h"
#include "backend/trial/journal.h"
#include "backend/trial/trial_card.h"
#include "backend/trial/trial_setup.h"

struct judging {
	int64_t rollout;
	struct trial *trial; /* owned */
	struct trial_setup setup;
	struct journal journal;
	int64_t seq;		/* of the last journal entry that was kept */
	size_t since_state;	/* bytes of journal since the state was kept */
	int64_t matured_us;	/* outcomes of requests routed before it have been taken */
	int64_t point_us;	/* of the last point of the charts */
	struct trial_card card; /* as of the last tick */
};

/* What r would be judged by, from the applied spec and what stable showed
 * in the last quarter of an hour. Released by trial_setup_release(). */
void judging_prepare(struct world *w, const struct live_endpoint *ep, const struct rollout_row *r,
	struct trial_setup *out);

/* Begins the trial of r, or takes it up again from what is kept. ERR_* with a sentence; the rollout
 * then has no judge, and passes nothing. */
int judging_open(
	struct world *w, struct live_endpoint *ep, const struct rollout_row *r, struct err *e);
void judging_free(struct judging *j); /* NULL is allowed */

/* Takes what somebody else counted, of an observed endpoint, and judges what may be judged now. */
void judging_take_counts(struct judging *j, const struct judge_counts *c);

/* Judges the seconds before `before`, and reads the card. */
void judging_close(struct judging *j, int64_t before);

/* Keeps what the trial was fed since the last time, its state now and then, and a point of its
 * charts. */
int judging_keep(struct world *w, struct judging *j, struct err *e);

/* Takes an answer, and notes in the record whether it counts. */
void judging_take_record(struct live_endpoint *ep, struct record *r);

/* Takes the outcomes that are mature, judges the seconds that are over, keeps it all. r is the
 * rollout while it goes on: at which step it stands; NULL afterwards. */
int judging_tick(struct world *w, struct live_endpoint *ep, struct judging *j,
	const struct rollout_row *r, struct err *e);

/* The trial of an endpoint that is about this rollout, or NULL. */
struct judging *judging_find(const struct live_endpoint *ep, int64_t rollout);

/* Whether outcomes of the requests of this rollout can still come: until `until_us`. */
int64_t judging_due_us(const struct judging *j, int64_t routed_until_us);

/* How long counted requests must be kept for their outcomes, over all endpoints. */
int64_t judging_keep_us(const struct world *w);

/* What is said of this rollout now: by its trial or, while it is shadowing, by its pairs; NULL =
 * nothing yet. *kind (may be NULL) is live, late or shadow. */
const struct trial_card *rollout_card(
	const struct live_endpoint *ep, int64_t rollout, const char **kind);

/* "missing", "undecided", "ok", "harm" or "invalid": of the active rollout. */
const char *rollout_verdict(const struct world *w, const struct live_endpoint *ep);

#endif
