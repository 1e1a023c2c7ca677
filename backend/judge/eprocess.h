/* eprocess.h: what all tests of the judge share: mixtures of bets in the log domain, the grids of
 * alternatives, the two sides of a limit. An e-process E starts at 1 and has mean <= 1 under its
 * null hypothesis at every moment; it rejects when E >= 1/alpha, however often one looks (Ville).
 * Pure; no memory, no clock. Source: the research on canary statistics, sections 0 to 2. */
#ifndef PITHEAD_BACKEND_JUDGE_EPROCESS_H
#define PITHEAD_BACKEND_JUDGE_EPROCESS_H

#include <stddef.h>
#include <stdint.h>

#define EPROCESS_GRID 6

/* What rejecting the null proves: that the candidate is worse than the limit, or that it is not. */
enum judge_side { SIDE_HARM, SIDE_OK };

/* Alternatives of a rare event as multiples of its rate, and the shares of the stake on each. */
extern const double grid_ratio[EPROCESS_GRID], grid_ratio_weight[EPROCESS_GRID];

/* Bets on a mean in units of 1/sd, and the shares of the stake on each (section 2.2). */
extern const double grid_mean[EPROCESS_GRID], grid_mean_weight[EPROCESS_GRID];

/* log(sum_k pi_k exp(lw_k)): the log of a mixture of k processes. Natural log, as everywhere. */
double eprocess_log_mix(const double *lw, const double *pi, int k);

/* log(exp(a) + exp(b)); either may be -INFINITY. */
double eprocess_log_add(double a, double b);

/* v inside [lo, hi]. */
double eprocess_clamp(double v, double lo, double hi);

#endif
