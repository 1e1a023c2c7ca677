/* bounded_mean.h: is the candidate's mean of Y in [0,1] (larger = worse) above stable's by more
 * than d? (section 2.2). Betting with stable's mean m as control variate: an answer of the
 * candidate pays z = y - m - d, one of stable z = -(w/(1-w))(y - m); E grows by 1 + eta z for six
 * stakes eta that are set before the tick. E[z] <= 0 under the null for any m, so m may be wrong.
 * Y: Brier (score - outcome)^2; a score; an outcome rescaled by fixed bounds and clipped; the
 * calibration residual (score - outcome + 1)/2 with half the margin. d has Y's unit.
 * Assumed: as proportion.h. Both arms' values are clipped to [0,1] before use. */
#ifndef PITHEAD_BACKEND_JUDGE_BOUNDED_MEAN_H
#define PITHEAD_BACKEND_JUDGE_BOUNDED_MEAN_H

#include "backend/judge/eprocess.h"

struct bounded_mean {
	enum judge_side side;
	double d;
	double m0, n0, sd0; /* believed of stable beforehand: mean, weight in values, deviation */
	double log_w[EPROCESS_GRID];
	double stable_n, stable_sum, stable_squares;
	double w, m, eta[EPROCESS_GRID]; /* of the tick that is open */
	double product[EPROCESS_GRID];	 /* of its factors, not yet taken to log_w */
};

/* Starts at E = 1. */
void bounded_mean_init(
	struct bounded_mean *p, enum judge_side side, double d, double m0, double n0, double sd0);

/* Sets the stakes for values routed with share w, from earlier ticks only. 0 < w < 1. */
void bounded_mean_begin(struct bounded_mean *p, double w);

/* One value; candidate = 1 or 0. The caller has refused NaN and infinity. */
void bounded_mean_add(struct bounded_mean *p, int candidate, double y);

/* log E, with the values of the open tick. */
double bounded_mean_log_e(const struct bounded_mean *p);

#endif
