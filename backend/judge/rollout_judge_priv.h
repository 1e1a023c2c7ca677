/* rollout_judge_priv.h: the insides of the judge, shared by the files that fold (rollout_fold.c),
 * decide (rollout_verdict.c) and save (rollout_state.c). Only included there. */
#ifndef PITHEAD_BACKEND_JUDGE_ROLLOUT_JUDGE_PRIV_H
#define PITHEAD_BACKEND_JUDGE_ROLLOUT_JUDGE_PRIV_H

#include "backend/judge/band.h"
#include "backend/judge/bounded_mean.h"
#include "backend/judge/exceedance.h"
#include "backend/judge/mixture.h"
#include "backend/judge/proportion.h"
#include "backend/judge/rollout_judge.h"
#include "backend/judge/shift.h"
#include "backend/judge/srm.h"

enum { RUN_GLOBAL, RUN_STEP, RUN_OK, RUN_COUNT };

/* One hypothesis of a signal: a quantile, a direction, or the signal itself. */
struct judge_line {
	int signal, quantile; /* quantile: index into group.aim, -1 = none */
	int mirrored;	      /* 1 - y instead of y */
	double p, weight;     /* the quantile; the part of the signal's stake */
	union {
		struct proportion rate[RUN_COUNT];
		struct bounded_mean mean[RUN_COUNT];
	} run;
	struct mixture mix;
	double ok_most;
};

/* The requests of one tick with one share. */
struct judge_group {
	int64_t tick; /* GROUP_FREE = not in use */
	double share, w;
	uint32_t n[2], failed[2], scored[2], timed[2];
	struct exceedance_aim aim[JUDGE_QUANTILES];
	/* Above the mark: stable, candidate for HARM, candidate for OK. */
	uint32_t over[JUDGE_QUANTILES][3];
};
#define GROUP_FREE INT64_MIN

/* One histogram of one tick's requests with one share, of both arms. */
struct judge_bins {
	uint32_t count[2][SHIFT_BINS];
};

struct judge_sums {
	double n[2], sum[2];
};

struct judge_signal {
	double budget; /* v_m */
	struct judge_sums all, step;
	int64_t seen[2];  /* the last tick with data of each arm */
	double beside[2]; /* how much the other arm had then */
	int classes;	  /* bit 0: an outcome 0 was seen, bit 1: an outcome 1 */
	double harm_most;
	struct band band;   /* of rates and means */
	struct srm arrived; /* of outcomes: whether they come from both arms */
};

struct rollout_judge {
	struct judge_config config;
	struct judge_line *lines; /* owned */
	int line_count;
	struct judge_signal signals[JUDGE_MOST_SIGNALS];
	struct judge_group *groups; /* owned, config.group_slots */
	struct judge_bins *bins;    /* owned, config.shifts for each group */
	struct slowdown *slowdowns; /* owned, one for each quantile */
	int quantile_count;
	int last_group;		    /* where the last request went */
	struct judge_value *values; /* owned, config.value_slots */
	int value_count;
	int64_t value_tick;
	struct latency_histogram *latencies; /* owned; NULL without a latency signal, or borrowed */
	const struct latency_histogram *marks; /* what the quantiles are read from; NULL = none */
	struct srm srm, srm_scores;
	struct shift shifts[JUDGE_SHIFTS];
	double share; /* of the step; 0 = none yet */
	double told;  /* of the last request, usable or not */
	int step, looks;
	int64_t first_tick, step_tick, tick; /* INT64_MIN = none yet */
	int64_t closed_before;
	double n[2], step_n[2], late[2], dropped[2];
	enum judge_verdict verdict;
	int64_t decided;
	int worst;
};

/* The open group of a tick with one share and w, NULL = there is no room. Its limit of OK in the
 * latency of a line at that share. */
struct judge_group *judge_group_find(struct rollout_judge *j, int64_t tick, double share, double w);
double judge_ok_limit(const struct rollout_judge *j, const struct judge_line *l, double share);

/* Restarts what belongs to a step: the new share's limits. */
void judge_step_begin(struct rollout_judge *j, double share, int64_t tick);

/* Whether a signal has a part of the false-abort budget, and whether OK waits for it. */
int judge_is_staked(const struct judge_signal_config *s);
int judge_is_awaited(const struct judge_signal_config *s);

/* The histograms of a group: config.shifts of them. */
struct judge_bins *judge_group_bins(const struct rollout_judge *j, const struct judge_group *g);

/* The factor of the limit of OK at a share. */
double judge_ladder_factor(const struct judge_config *c, double share);

/* log E of a line's three runs, of a line, of a signal on each side. */
double judge_line_log_e(const struct rollout_judge *j, const struct judge_line *l, int run);
double judge_line_harm(const struct rollout_judge *j, const struct judge_line *l);
double judge_signal_harm(const struct rollout_judge *j, int signal);
double judge_signal_ok(const struct rollout_judge *j, int signal, int most);

/* Looks at all signals after a tick and moves the verdict. */
void judge_decide(struct rollout_judge *j, int64_t now);

#endif
