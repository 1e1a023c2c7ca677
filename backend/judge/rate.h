/* rate.h: is the candidate's rate of a rare event above r times stable's? (section 6, point 8: a
 * relative margin). Only the events speak: under the null an event is the candidate's with
 * probability at most w' = w r/(w r + 1 - w). Exact, and no rate needs to be known. */
#ifndef PITHEAD_BACKEND_JUDGE_RATE_H
#define PITHEAD_BACKEND_JUDGE_RATE_H

#include "backend/judge/eprocess.h"

struct relative_rate {
	double r; /* the limit: 1.5 = half as many again */
	double log_w[EPROCESS_GRID];
};

/* Starts at E = 1; r > 0. */
void relative_rate_init(struct relative_rate *p, double r);

/* The events of one tick, all with share w. 0 < w < 1. */
void relative_rate_fold(struct relative_rate *p, double w, double candidate, double stable);

/* log E. */
double relative_rate_log_e(const struct relative_rate *p);

#endif
