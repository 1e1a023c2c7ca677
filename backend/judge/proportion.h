/* proportion.h: is the candidate's rate of a rare event higher than stable's by more than d?
 * (section 2.1). A bet f(arm, event) is placed before a tick and paid by its four counts:
 *   theta = projection of the alternative (ps, pc) on {pc - ps = d}, u = theta + d
 *   fc1 = pc/u, fc0 = (1-pc)/(1-u), lam = w(fc1-fc0), fs0 = (1-w fc0-lam d)/(1-w), fs1 =
 * fs0-lam/(1-w) E[f | past] = 1 + lam (p_c - p_s - d) <= 1 under the null, for any theta, ps, pc
 * chosen before. Assumed: the arm of each counted request is random with the recorded probability w
 * given the past, and the null holds for each request. Nothing else (no stationarity, no known
 * rates). Rates and d are fractions (0.005 = 0.5 percentage points). */
#ifndef PITHEAD_BACKEND_JUDGE_PROPORTION_H
#define PITHEAD_BACKEND_JUDGE_PROPORTION_H

#include "backend/judge/eprocess.h"

/* What one tick counted, all requests with the same w. `n` includes the events. */
struct tick_counts {
	double stable_n, stable_events;
	double candidate_n, candidate_events;
};

/* log f of each alternative: [k][stable none, stable event, candidate none, candidate event] */
struct proportion_bets {
	double log_f[EPROCESS_GRID][4];
};

struct proportion {
	enum judge_side side;
	double d;
	double p0,
		n0; /* what is believed of stable's rate beforehand, and its weight in requests */
	double log_w[EPROCESS_GRID];
	double stable_n, stable_events;
};

/* theta: the rate of stable on the boundary {pc - ps = d} that is nearest (in the sense of
 * Kullback-Leibler) to (ps, pc) when a share w goes to the candidate. */
double proportion_theta(double ps, double pc, double w, double d);

/* The four factors f of one alternative: stable none, stable event, candidate none, candidate
 * event. All 1 where the alternative lies on the null's side; never below 0.001. */
void proportion_factors(
	double ps, double pc, double w, double d, enum judge_side side, double f[4]);

/* The candidate's rates that are bet on when stable's is ps, into pc, and the shares of the stake
 * on them. Returns their number. */
int proportion_alternatives(enum judge_side side, double ps, double d, double pc[EPROCESS_GRID],
	const double **weights);

/* Starts at E = 1. */
void proportion_init(struct proportion *p, enum judge_side side, double d, double p0, double n0);

/* The bets for the next tick, from earlier ticks only. 0 < w < 1. */
void proportion_begin(const struct proportion *p, double w, struct proportion_bets *b);

/* The same for a rate of stable and alternatives that the caller has (exceedance.h): `count`
 * alternatives pc, all other bets are 1. */
void proportion_begin_at(const struct proportion *p, double ps, const double *pc, int count,
	double w, struct proportion_bets *b);

/* Pays the bets with what the tick counted. */
void proportion_fold(
	struct proportion *p, const struct proportion_bets *b, const struct tick_counts *c);

/* log E. */
double proportion_log_e(const struct proportion *p);

#endif
