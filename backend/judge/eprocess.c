/* eprocess.c: sums of e-values in the log domain, and the grids. Called by every test of the judge.
 */
#include "backend/judge/eprocess.h"

#include <math.h>

const double grid_ratio[EPROCESS_GRID] = {1.3, 2, 3.5, 7, 16, 50};
const double grid_ratio_weight[EPROCESS_GRID] = {.20, .25, .20, .15, .10, .10};
const double grid_mean[EPROCESS_GRID] = {.02, .05, .1, .2, .4, .8};
const double grid_mean_weight[EPROCESS_GRID] = {.1, .2, .25, .2, .15, .1};

double eprocess_log_mix(const double *lw, const double *pi, int k)
{
	double most = lw[0], sum;

	for (int i = 1; i < k; i++)
		most = lw[i] > most ? lw[i] : most;
	sum = pi[0] * exp(lw[0] - most);
	for (int i = 1; i < k; i++)
		sum += pi[i] * exp(lw[i] - most);
	return most + log(sum);
}

double eprocess_log_add(double a, double b)
{
	double most = a > b ? a : b, least = a > b ? b : a;

	return isinf(most) ? most : most + log1p(exp(least - most));
}

double eprocess_clamp(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}
