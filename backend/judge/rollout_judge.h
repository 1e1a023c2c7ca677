/* rollout_judge.h: the judge of one rollout (or of one segment of it): folds counted requests and
 * values into its signals, tick by tick, and says INVALID, HARM, OK, undecided or missing, in this
 * order of precedence. Pure: no I/O, no clock, no random source; time comes with the records, and
 * the same input gives the same bits. Read by the engine's tick and by `pithead judge`.
 * Sources: the research on canary statistics, sections 2 (tests), 3 (verdicts), 6 (pitfalls).
 *
 *   HARM  log(sum over critical and late signals of v_m E_m) >= log(1/alpha_harm), E_m = mixture.h
 * over a process of the whole rollout and one restarted at each step; latched for ever. Holds for
 *         the whole rollout, all signals, any number of looks.
 *   OK    each critical signal's process of this step crossed 1/alpha_ok (each is a test of its own
 *         null, so that no correction is needed), enough requests, long enough; latched for the
 * step. INVALID  what is counted is not what was routed (srm.h), or the inputs differ between the
 * arms. missing  a critical signal without data: never OK, never harm by itself.
 *
 * A tick is a second of routing. It closes `timeout` later: the caller then calls
 * rollout_judge_close(), and what has not answered by then comes as an error at infinite latency.
 * Bets are placed with what earlier ticks taught only, so that the order inside a tick is of no
 * consequence. Memory: rollout_judge_bytes(), fixed at the start (beside the key filter). */
#ifndef PITHEAD_BACKEND_JUDGE_ROLLOUT_JUDGE_H
#define PITHEAD_BACKEND_JUDGE_ROLLOUT_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "backend/judge/band.h"

#define JUDGE_MOST_SIGNALS 8
#define JUDGE_QUANTILES	   3 /* of latency, over all signals of a rollout */
#define JUDGE_SHIFTS	   3 /* 0 is the score; the others are features */
#define JUDGE_LADDER	   8

enum judge_verdict { JUDGE_MISSING, JUDGE_UNDECIDED, JUDGE_OK, JUDGE_HARM, JUDGE_INVALID };
enum judge_kind { JUDGE_ERRORS, JUDGE_LATENCY, JUDGE_MEAN };

struct judge_signal_config {
	char name[32];
	enum judge_kind kind;
	int critical;  /* else it is told and decides nothing */
	int late;      /* its outcomes come after the steps: it can prove HARM like a critical one,
			* but never holds OK back nor makes the verdict missing */
	double weight; /* of the false-abort budget; scaled so that the critical ones make 1 */
	/* Fractions for errors, X for latency, the value's unit for a mean. HARM proves that the
	 * difference is above harm_margin, OK that it is below ok_margin x the step's factor. */
	double harm_margin, ok_margin;
	double prior_mean, prior_n, prior_sd; /* of stable before the rollout; any value is valid */
	double quantile[JUDGE_QUANTILES], quantile_weight[JUDGE_QUANTILES];
	int quantiles;
	int two_sided; /* a mean that may not move either way: half the stake on each */
	int outcomes;  /* values are joined outcomes: with one class only they say nothing */
	/* How people see it in a sentence: zero + scale x value, then the unit. scale 0 = 1. */
	double shown_zero, shown_scale;
	char shown_unit[8];
};

struct judge_config {
	struct judge_signal_config signals[JUDGE_MOST_SIGNALS];
	int signal_count;
	double alpha_harm, alpha_ok, alpha_srm, alpha_shift;
	double psi_block; /* adjusted PSI that holds OK back, 0 = it is told only */
	int shifts;	  /* histograms watched, 0..JUDGE_SHIFTS */
	int steps;	  /* slots of the mixture */
	double ladder_share[JUDGE_LADDER], ladder_factor[JUDGE_LADDER];
	int ladder;	       /* factor of the first row with share <= ladder_share; else 1 */
	int least_candidate;   /* requests on the candidate in this step before OK */
	int64_t least_ticks;   /* and ticks since the step began */
	int64_t missing_after; /* ticks without data; 0 = only when there was none in the step */
	double latency_least;  /* latencies of stable before a quantile is judged */
	double timeout_s;      /* a slower answer is an error at infinite latency; 0 = none is */
	int presence;	       /* also judge whether scores and outcomes come from both arms */
	int whole_ticks;       /* values of a tick without a usable share are dropped with it */
	int latch_ok;	       /* an OK of a signal stands for the step (the usual) */
	int group_slots, value_slots; /* memory: open (tick, share) pairs, values of one tick */
	int borrows_latencies;	      /* the marks come from rollout_judge_borrow_latencies() */
};

/* One counted request. */
struct judge_request {
	int64_t tick;
	int candidate;
	double share; /* in force when it was routed: a change of it begins a step */
	double w;     /* the probability with which it counts (key_filter_see, or share) */
	int failed;
	double latency_s;	       /* INFINITY: no answer; NAN: not known */
	double score;		       /* NAN: not read; of a failed one nothing is expected */
	int feature_bin[JUDGE_SHIFTS]; /* of shifts 1.. (reference deciles); -1 = not known */
};

/* One value of a JUDGE_MEAN signal. For outcomes: of a request that counted, with the w and the
 * arm kept from its routing, older than the outcome's maturity on both arms alike. */
struct judge_value {
	int signal, candidate;
	double w, value;
	int outcome; /* 0 or 1; -1 = the value is no outcome, or its classes are many */
	int failed;  /* its request failed, there is no value: it only counts as having come */
};

struct judge_signal_card {
	char name[32];
	enum judge_verdict verdict;
	double log_e_harm, log_e_harm_most; /* of this signal alone */
	double log_e_ok, log_e_ok_most;	    /* of this step */
	double harm_limit, ok_limit;	    /* what the two prove, in the signal's unit */
	double n[2], mean[2];		    /* stable, candidate: whole rollout; NAN without data */
	double step_n[2], step_mean[2];
	struct band_range band; /* of the whole rollout; a latency's: 0.1 = 10 % slower */
	int lower;     /* two-sided: the evidence of harm is that the candidate's is lower */
	double budget; /* share of alpha_harm that is spent: v_m E_m alpha, at most 1 */
	double left;   /* requests on the candidate until OK at this pace, NAN = unknown */
	int64_t missing_since; /* tick, when verdict is missing */
};

struct judge_card {
	enum judge_verdict verdict;
	int64_t tick;			      /* the last one that was closed */
	int64_t decided;		      /* when the verdict became what it is */
	double share;			      /* of the current step, 0 = none yet */
	int step, looks;		      /* steps begun - 1, ticks judged */
	double log_e_harm;		      /* over all signals, against log(1/alpha_harm) */
	int worst;			      /* signal with the largest v_m E_m, -1 = none */
	double srm, srm_scores, srm_outcomes; /* log E */
	double shift_log_e[JUDGE_SHIFTS], psi[JUDGE_SHIFTS]; /* psi: adjusted */
	double n[2], step_n[2];				     /* counted requests */
	double late[2], dropped[2]; /* answers after their tick was closed; not finite values */
	struct judge_signal_card signals[JUDGE_MOST_SIGNALS];
	int signal_count;
	char why[240]; /* one sentence with the value and the limit */
};

struct rollout_judge;

/* Defaults of a rollout (section 0 and 3): no signals, alphas 1 %, 5 %, 0.1 %, 1 %, ladder 5, 3, 2,
 * 1, 1, five steps, memory below 256 KB. Signals are added with judge_config_add(). */
struct judge_config judge_config_default(void);

/* Adds a critical signal of a kind with its usual stake and priors; harm_margin = margin / 4.
 * Returns it for changes, NULL when the table is full. Latency: quantile 0.5, 0.9 or 0.99. */
struct judge_signal_config *judge_config_add(struct judge_config *c, enum judge_kind kind,
	const char *name, double margin, double quantile);

/* 0, or ERR_INVALID with a sentence: weights, margins, alphas and sizes that cannot be judged. */
int judge_config_check(const struct judge_config *c, struct err *e);

/* A judge at E = 1. The configuration must have passed judge_config_check(). */
struct rollout_judge *rollout_judge_new(const struct judge_config *c);
void rollout_judge_free(struct rollout_judge *j);

/* Bytes of memory that it holds. */
size_t rollout_judge_bytes(const struct rollout_judge *j);

/* Notes a latency of stable from before the rollout (seconds), so that the quantiles are known from
 * its first request on. */
void rollout_judge_warm(struct rollout_judge *j, double latency_s);

/* Lets the judge of a segment (config.borrows_latencies) aim its latency signals by the histogram
 * of `whole`, the judge of all traffic, instead of one of its own (24 KB). How often the segment's
 * stable answers lie above such a mark is learned in the segment. The mark only aims: the test is
 * valid whatever it is. `whole` must have a latency signal and outlive the borrowing; a loaded
 * segment, or one whose whole was loaded, borrows again. Each request goes to both before either
 * closes its tick. */
void rollout_judge_borrow_latencies(
	struct rollout_judge *segment, const struct rollout_judge *whole);

/* Takes one request or value into its open tick. A request whose tick is closed is counted as late,
 * an error at infinite latency of the oldest open tick. w or share outside (0,1): not counted. */
void rollout_judge_request(struct rollout_judge *j, const struct judge_request *r);
void rollout_judge_value(struct rollout_judge *j, int64_t tick, const struct judge_value *v);

/* What somebody else counted of one tick. Nobody has drawn the arms here: the share is what was
 * seen of it in this very tick, and the tests hold given these numbers. (A bet's factors have a
 * mean of at most 1 over the arms in the parts w and 1 - w; given n of each, the product of n such
 * means is not above the n-th power of that mean. So harm is proven of what was routed, on the
 * premise that whoever routed it did so without regard to what is asked, and that the requests of
 * one tick fail independently of each other but for what moves both arms. Ratios cannot be tested.)
 * Answer times come as a histogram: an answer counts for harm only where it is certainly above the
 * mark, and for OK wherever it may be, so that coarse buckets cost power and never a false verdict.
 */
#define JUDGE_BOUNDS 48
struct judge_counts {
	int64_t tick;
	double share; /* of the step under way, as far as it is known: a change of it begins one */
	uint32_t n[2], failed[2]; /* stable, candidate; failed <= n */
	int bounds;		  /* finite upper bounds of the histogram, rising; 0 = none */
	double bound_s[JUDGE_BOUNDS];
	uint32_t timed[2][JUDGE_BOUNDS + 1]; /* by bucket; the last one is above all bounds */
};

/* Takes the counts of a tick, whole; of a tick that is closed they are noted as late. An arm
 * without any leaves nothing to compare: such a tick is not counted. */
void rollout_judge_counts(struct rollout_judge *j, const struct judge_counts *c);

/* Closes the oldest open tick before `before`. 1: one was closed and judged; 0: there is none left.
 * (A tick with two shares closes in two parts.) `before` is the first tick that is still open; with
 * INT64_MAX all that is there is judged, but more of it may come. */
int rollout_judge_close(struct rollout_judge *j, int64_t before);

/* What stands now. */
void rollout_judge_read(const struct rollout_judge *j, struct judge_card *out);

/* What one shift has counted by bin: stable, candidate. shift < config.shifts. */
void rollout_judge_bins(const struct rollout_judge *j, int shift, double out[2][10]);

/* "missing", "undecided", "ok", "harm", "invalid". */
const char *judge_verdict_name(enum judge_verdict v);

/* The state as bytes, appended to out, at any moment; and back into a new judge of the same
 * configuration, which then gives the same bits for the same input. NULL with ERR_INVALID and a
 * sentence when the bytes are damaged, of another form or of another configuration. */
void rollout_judge_save(const struct rollout_judge *j, struct buf *out);
struct rollout_judge *rollout_judge_load(
	const struct judge_config *c, const void *data, size_t n, struct err *e);

#endif
