/* rate.c: the relative rate of a rare event. See rate.h. */
#include "backend/judge/rate.h"

#include <math.h>

void relative_rate_init(struct relative_rate *p, double r)
{
	*p = (struct relative_rate){.r = r};
}

void relative_rate_fold(struct relative_rate *p, double w, double candidate, double stable)
{
	double at = w * p->r / (w * p->r + 1 - w), q;

	for (int k = 0; k < EPROCESS_GRID; k++) {
		q = at * grid_ratio[k] / (at * grid_ratio[k] + 1 - at);
		p->log_w[k] += candidate * log(q / at) + stable * log((1 - q) / (1 - at));
	}
}

double relative_rate_log_e(const struct relative_rate *p)
{
	return eprocess_log_mix(p->log_w, grid_ratio_weight, EPROCESS_GRID);
}
