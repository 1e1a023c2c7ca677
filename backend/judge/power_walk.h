/* power_walk.h: how likely an e-process crosses its threshold within n requests: the numerics of
 * power.h. A process is a mixture of up to six bets; all of them are driven by the same requests,
 * so that where the mixture crosses is a boundary for one number.
 *
 *   Few events, most requests on stable: that number is N, the events on the candidate, a Poisson
 *   process; stable's part is taken at its mean and its noise as a scale of N. Exact recursion over
 *   the times until which m events are enough.
 *   Else: log w_k = g_k n + s_k W with one Brownian W, g and s the mean and deviation of a
 *   request's log f_k; a lattice for W against its boundary.
 *
 * Held against simulation of the tests themselves: within 5 points (tests/bench/). Only used by
 * power.c. Pure. */
#ifndef PITHEAD_BACKEND_JUDGE_POWER_WALK_H
#define PITHEAD_BACKEND_JUDGE_POWER_WALK_H

#include "backend/judge/proportion.h"

/* What one request does to log w_k, on average and by deviation. */
struct power_walk {
	int count;
	double log_weight[EPROCESS_GRID], g[EPROCESS_GRID], s[EPROCESS_GRID];
	double share;
	/* Of rare events, all per request on the candidate; else event_rate is 0. */
	double event_rate, jump[EPROCESS_GRID], slope[EPROCESS_GRID];
	double stable_rate, stable_jump[EPROCESS_GRID];
};

/* Rare events at the true rates ps, pc, when the bets are those of proportion_begin_at(). */
void power_walk_events(struct power_walk *walk, const struct proportion_bets *bets,
	const double *weights, int count, double w, double ps, double pc);

/* A bounded mean: stable has mean m and deviation sd, which the bets know, the candidate `effect`
 * more; margin d. */
void power_walk_mean(struct power_walk *walk, enum judge_side side, double d, double w, double m,
	double sd, double effect);

/* P(log E >= threshold at some look within n requests on both arms). */
double power_walk_crosses(const struct power_walk *walk, double threshold, double n);

#endif
