/* exceedance.h: is the candidate's latency more than (1 + X) times stable's at a quantile?
 * (section 2.3). With q a guess of stable's quantile from earlier ticks, an answer of stable is an
 * event when L > q, one of the candidate when L > (1 + X) q; then proportion.h with d = 0. If the
 * candidate's latency is stochastically at most (1 + X) times stable's, the test is valid for any
 * q: the histogram only aims it. An answer that never came is L = INFINITY, an event. Latencies are
 * in seconds, X is a fraction, quantiles 0..1. */
#ifndef PITHEAD_BACKEND_JUDGE_EXCEEDANCE_H
#define PITHEAD_BACKEND_JUDGE_EXCEEDANCE_H

#include "backend/judge/proportion.h"

#define LATENCY_BUCKETS 2048  /* 0.1 ms up, each 2 % wide */
#define LATENCY_FORGET	20000 /* halved at twice so many: the newest days weigh most */

/* Stable's latencies: `seen` of ticks that are closed, `fresh` of those still open. */
struct latency_histogram {
	double n, fresh_n;
	double seen[LATENCY_BUCKETS];
	uint32_t fresh[LATENCY_BUCKETS];
};

/* What one tick's bets are aimed at. */
struct exceedance_aim {
	int ready; /* 0: too few latencies of stable, the test does not start */
	double q;  /* seconds */
	double ps; /* how often stable is expected above q */
	double a;  /* and above (1 + X) q, for the OK side */
};

/* The bucket of a latency, and its upper edge in seconds. */
int latency_bucket(double seconds);
double latency_edge(int bucket);

/* Notes a latency of stable, to be seen after the next latency_settle(). */
void latency_add(struct latency_histogram *h, double seconds);

/* Lets what was added be seen, and forgets half of all above twice LATENCY_FORGET. */
void latency_settle(struct latency_histogram *h);

/* The guess for quantile p; `least` = how many latencies are needed to start (500 for p95, 2000 for
 * p99 are good). `a` is for X, the limit of the OK side. */
struct exceedance_aim exceedance_aim(
	const struct latency_histogram *h, double p, double x, double least);

/* As proportion_alternatives(), of the OK side's own. */
int exceedance_alternatives(enum judge_side side, const struct exceedance_aim *aim,
	double pc[EPROCESS_GRID], const double **weights);

/* log E of the OK side has other weights than a proportion's, therefore a function of its own. */
void exceedance_begin(const struct proportion *p, const struct exceedance_aim *aim, double w,
	struct proportion_bets *b);
double exceedance_log_e(const struct proportion *p);

#endif
