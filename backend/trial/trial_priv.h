/* trial_priv.h: the insides of a trial, shared by the files that fold (trial.c), show
 * (trial_card.c) and save (trial_state.c). Only included there. */
#ifndef PITHEAD_BACKEND_TRIAL_TRIAL_PRIV_H
#define PITHEAD_BACKEND_TRIAL_TRIAL_PRIV_H

#include "backend/judge/replicas.h"
#include "backend/trial/trial.h"

/* What the card shows of a signal in the step under way: count and sum, by arm. */
struct trial_tally {
	double n[2], sum[2];
};

/* Answer times of the step under way, for the quantiles that are shown: each bucket is 6 % wide. */
#define TRIAL_LATENCY_BINS 256
struct trial_latency {
	uint32_t n, bins[TRIAL_LATENCY_BINS];
};

/* Of a trial that is fed with counts: what waits for its other arm, and what was last seen of the
 * share. */
struct trial_counted {
	struct judge_counts open; /* tick: of its newest part */
	int64_t since;		  /* tick of its oldest part, INT64_MIN = nothing waits */
	int64_t until;		  /* the newest tick that was taken, INT64_MIN = none */
	double recent[2];	  /* requests since the share was last looked at */
	int recent_ticks;
};

struct trial {
	struct trial_config config;
	struct rollout_judge *whole;		  /* owned */
	struct rollout_judge *parts[TRIAL_PARTS]; /* owned; NULL until the segment's first answer */
	struct key_filter keys;
	double share;	    /* of the last counted answer: a change begins the tallies anew */
	double stage_share; /* of the step that the rollout stands at, 0 = not told yet */
	int stage_part;	    /* and its segment, -1 = all traffic */
	int64_t step_tick;  /* second of the first answer of the step, INT64_MIN = none yet */
	int64_t begun;	    /* the first second that was closed, INT64_MIN = none */
	int64_t closed;	    /* all seconds before it are judged, INT64_MIN = none */
	double counted[1 + TRIAL_PARTS][2]; /* requests: of all traffic, then of each part */
	struct trial_tally tally[1 + TRIAL_PARTS][JUDGE_MOST_SIGNALS];
	struct trial_latency latency[2];
	struct replicas replicas;   /* of each arm, all answers */
	struct trial_counted other; /* counts of somebody else */
};

/* How many parts are judged by themselves: the segments and the rest, or 0. */
int trial_part_count(const struct trial *t);

/* Whether the step is so young that data may be still on its way. */
int trial_is_young(const struct trial *t);

/* A value of signal i mapped to 0..1, larger = worse. */
double trial_scale(const struct trial_signal *s, double value);

/* Begins the tallies of a step anew. */
void trial_begin_step(struct trial *t, double share, int64_t tick);

/* Notes n answer times in microseconds, -1 = no answer; a quantile of them in ms, NAN without. */
void trial_latency_add(struct trial_latency *l, int64_t us, uint32_t n);
double trial_latency_ms(const struct trial_latency *l, double quantile);

#endif
