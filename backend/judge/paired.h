/* paired.h: shadow traffic, where both versions answer the same request (section 2.6). No random
 * routing is needed, and noise that both share cancels out.
 *   one_rate: do the answers differ (or the candidate's fail) more often than r0? A likelihood
 * ratio against six rates; also the uncontrolled one-sample test where no stable is left. one_mean:
 * is the mean of x in [lo, 1] above d0? x = |score distance| (lo = 0), or the difference of errors
 * or of Brier scores (lo = -1). Betting with stakes from earlier pairs. */
#ifndef PITHEAD_BACKEND_JUDGE_PAIRED_H
#define PITHEAD_BACKEND_JUDGE_PAIRED_H

#include "backend/judge/eprocess.h"

struct one_rate {
	enum judge_side side;
	double r0;
	double log_w[EPROCESS_GRID];
};

/* Starts at E = 1; 0 < r0 < 1. */
void one_rate_init(struct one_rate *p, enum judge_side side, double r0);

/* n pairs, `events` of them events. */
void one_rate_fold(struct one_rate *p, double n, double events);

/* log E. */
double one_rate_log_e(const struct one_rate *p);

struct one_mean {
	enum judge_side side;
	double d0, lo;
	double log_w[EPROCESS_GRID], eta[EPROCESS_GRID];
	double n, sum, squares;
};

/* Starts at E = 1. lo is the least value that x can have: 0 or -1. */
void one_mean_init(struct one_mean *p, enum judge_side side, double d0, double lo);

/* Sets the stakes from the pairs so far; then one call for each pair. */
void one_mean_begin(struct one_mean *p);
void one_mean_add(struct one_mean *p, double x);

/* log E. */
double one_mean_log_e(const struct one_mean *p);

#endif
