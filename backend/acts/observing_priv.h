/* observing_priv.h: what observing.c and observing_tell.c share. Only included there. */
#ifndef PITHEAD_BACKEND_ACTS_OBSERVING_PRIV_H
#define PITHEAD_BACKEND_ACTS_OBSERVING_PRIV_H

#include "backend/acts/change.h"
#include "backend/adapters/metrics_reader.h"
#include "backend/trial/observed.h"

#define SECOND_US INT64_C(1000000)

struct observing {
	struct spec_metrics metrics;   /* as asked: a change of it begins anew */
	struct metrics_reader *reader; /* owned; NULL where requests are posted */
	struct posted *posted;	       /* owned; those, else NULL */
	int64_t step_ms, begun_s;      /* begun_s: UTC */
	int64_t read_ms;	       /* the last instant that was read; 0 = none yet */
	int64_t answers;	       /* that were taken */
	int64_t away_us;	       /* UTC; since when there is no answer, 0 = there is */
	int64_t newest_ms[2];	       /* last instant with counters of the arm; 0 = none */
	int64_t traffic_us[2];	       /* and with requests */
	int beginning; /* steps in which both arms had requests and no rollout was open */
	char trouble[240];
	enum judge_verdict told; /* the last verdict that was told of */
	int missing;		 /* an alert tells of it */
	int cleared;		 /* what was open before this engine started has been looked at */
};

/* Begins a rollout: the candidate has got requests. */
void observing_open(struct world *w, struct live_endpoint *ep, const struct judge_counts *c);

/* Ends the one under way, if there is one. */
void observing_end(
	struct world *w, struct live_endpoint *ep, enum rollout_event event, const char *why);

/* Ends it where it was begun by other metrics, signals or limits than those that are applied. */
void observing_check_config(struct world *w, struct live_endpoint *ep);

/* Tells of what has changed: harm, missing numbers and their return, the end. */
void observing_tell(struct world *w, struct live_endpoint *ep);

#endif
