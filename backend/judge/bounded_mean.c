/* bounded_mean.c: the two-sample test of a bounded mean. See bounded_mean.h. */
#include "backend/judge/bounded_mean.h"

#include <math.h>

void bounded_mean_init(
	struct bounded_mean *p, enum judge_side side, double d, double m0, double n0, double sd0)
{
	*p = (struct bounded_mean){.side = side, .d = d, .m0 = m0, .n0 = n0, .sd0 = sd0};
	for (int k = 0; k < EPROCESS_GRID; k++)
		p->product[k] = 1;
}

static void take_products(struct bounded_mean *p)
{
	for (int k = 0; k < EPROCESS_GRID; k++) {
		p->log_w[k] += log(p->product[k]);
		p->product[k] = 1;
	}
}

void bounded_mean_begin(struct bounded_mean *p, double w)
{
	double n = p->stable_n + p->n0;
	double m = (p->stable_sum + p->m0 * p->n0) / n;
	double square = (p->stable_squares + p->n0 * (p->sd0 * p->sd0 + p->m0 * p->m0)) / n;
	double sd = sqrt(fmax(square - m * m, 1e-6));
	double cap = .9 * (p->side == SIDE_HARM ? fmin(1 / (m + p->d), (1 - w) / (w * (1 - m)))
						: fmin(1 / (1 - m - p->d), (1 - w) / (w * m)));

	take_products(p);
	p->w = w;
	p->m = m;
	/* cap keeps every factor above 0.1. A mean of exactly 0 or 1, or a margin beyond the range,
	 * leaves no bound on that side: the division by 0 is no cap, below 0 there is no bet. */
	for (int k = 0; k < EPROCESS_GRID; k++)
		p->eta[k] = fmax(0, fmin(cap, grid_mean[k] * (1 - w) / sd));
}

void bounded_mean_add(struct bounded_mean *p, int candidate, double y)
{
	double z, least = 1e300, most = 0;

	y = eprocess_clamp(y, 0, 1);
	z = candidate ? y - p->m - p->d : -(p->w / (1 - p->w)) * (y - p->m);
	z = p->side == SIDE_HARM ? z : -z;
	for (int k = 0; k < EPROCESS_GRID; k++) {
		p->product[k] *= 1 + p->eta[k] * z;
		least = p->product[k] < least ? p->product[k] : least;
		most = p->product[k] > most ? p->product[k] : most;
	}
	/* Six multiplications a value instead of six logarithms. */
	if (least < 1e-200 || most > 1e200)
		take_products(p);
	if (candidate)
		return;
	p->stable_n++;
	p->stable_sum += y;
	p->stable_squares += y * y;
}

double bounded_mean_log_e(const struct bounded_mean *p)
{
	double lw[EPROCESS_GRID];

	for (int k = 0; k < EPROCESS_GRID; k++)
		lw[k] = p->log_w[k] + log(p->product[k]);
	return eprocess_log_mix(lw, grid_mean_weight, EPROCESS_GRID);
}
