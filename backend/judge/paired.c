/* paired.c: the tests on pairs. See paired.h. */
#include "backend/judge/paired.h"

#include <math.h>

#define ALTERNATIVES_OK 3

static const double ok_rate[ALTERNATIVES_OK] = {.25, .5, .75};
static const double ok_weight[ALTERNATIVES_OK] = {.25, .5, .25};

void one_rate_init(struct one_rate *p, enum judge_side side, double r0)
{
	*p = (struct one_rate){.side = side, .r0 = r0};
}

void one_rate_fold(struct one_rate *p, double n, double events)
{
	int count = p->side == SIDE_HARM ? EPROCESS_GRID : ALTERNATIVES_OK;
	double q;

	for (int k = 0; k < count; k++) {
		q = p->side == SIDE_HARM ? fmin(p->r0 * grid_ratio[k], p->r0 + (1 - p->r0) * .98)
					 : ok_rate[k] * p->r0;
		p->log_w[k] += events * log(q / p->r0) + (n - events) * log((1 - q) / (1 - p->r0));
	}
}

double one_rate_log_e(const struct one_rate *p)
{
	return p->side == SIDE_HARM ? eprocess_log_mix(p->log_w, grid_ratio_weight, EPROCESS_GRID)
				    : eprocess_log_mix(p->log_w, ok_weight, ALTERNATIVES_OK);
}

void one_mean_init(struct one_mean *p, enum judge_side side, double d0, double lo)
{
	*p = (struct one_mean){.side = side, .d0 = d0, .lo = lo};
}

void one_mean_begin(struct one_mean *p)
{
	double n = p->n + 5, mean = (p->sum + 5 * p->d0) / n;
	double square = (p->squares + 5 * (p->d0 * p->d0 + .01)) / n;
	double sd = sqrt(fmax(square - mean * mean, 1e-6));
	double cap = p->side == SIDE_HARM ? .9 / (p->d0 - p->lo) : .9 / (1 - p->d0);

	for (int k = 0; k < EPROCESS_GRID; k++)
		p->eta[k] = fmin(cap, grid_mean[k] / sd);
}

void one_mean_add(struct one_mean *p, double x)
{
	double z;

	x = eprocess_clamp(x, p->lo, 1);
	z = p->side == SIDE_HARM ? x - p->d0 : p->d0 - x;
	for (int k = 0; k < EPROCESS_GRID; k++)
		p->log_w[k] += log1p(p->eta[k] * z);
	p->n++;
	p->sum += x;
	p->squares += x * x;
}

double one_mean_log_e(const struct one_mean *p)
{
	return eprocess_log_mix(p->log_w, grid_mean_weight, EPROCESS_GRID);
}
