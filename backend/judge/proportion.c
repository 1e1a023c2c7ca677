/* proportion.c: the two-sample test of a rare event's rate. See proportion.h. */
#include "backend/judge/proportion.h"

#include <math.h>
#include <string.h>

#define ALTERNATIVES_OK 4
#define LEAST_FACTOR	1e-3 /* a bet may lose almost all, never all */

static const double ok_weight[ALTERNATIVES_OK] = {.15, .45, .20, .20};

double proportion_theta(double ps, double pc, double w, double d)
{
	double lo = (d < 0 ? -d : 0) + 1e-9, hi = 1 - (d > 0 ? d : 0) - 1e-9;

	if (d == 0)
		return (1 - w) * ps + w * pc;
	for (int i = 0; i < 60; i++) {
		double t = .5 * (lo + hi), u = t + d;

		if ((1 - w) * (t - ps) / (t * (1 - t)) + w * (u - pc) / (u * (1 - u)) < 0)
			lo = t;
		else
			hi = t;
	}
	return .5 * (lo + hi);
}

void proportion_factors(double ps, double pc, double w, double d, enum judge_side side, double f[4])
{
	double u = proportion_theta(ps, pc, w, d) + d;
	double fc1 = pc / u, fc0 = (1 - pc) / (1 - u), lam = w * (fc1 - fc0);
	double fs0, fs1, least, s;

	f[0] = f[1] = f[2] = f[3] = 1;
	if (side == SIDE_HARM ? lam <= 0 : lam >= 0)
		return;
	fs0 = (1 - w * fc0 - lam * d) / (1 - w);
	fs1 = fs0 - lam / (1 - w);
	least = fmin(fmin(fs0, fs1), fmin(fc0, fc1));
	/* Mixed with cash where a factor would come too near to 0: that keeps the mean. */
	s = least < LEAST_FACTOR ? (1 - LEAST_FACTOR) / (1 - least) : 1;
	f[0] = 1 - s + s * fs0;
	f[1] = 1 - s + s * fs1;
	f[2] = 1 - s + s * fc0;
	f[3] = 1 - s + s * fc1;
}

void proportion_init(struct proportion *p, enum judge_side side, double d, double p0, double n0)
{
	*p = (struct proportion){.side = side, .d = d, .p0 = p0, .n0 = n0};
}

void proportion_begin_at(const struct proportion *p, double ps, const double *pc, int count,
	double w, struct proportion_bets *b)
{
	double f[4];

	memset(b, 0, sizeof *b);
	for (int k = 0; k < count; k++) {
		proportion_factors(ps, pc[k], w, p->d, p->side, f);
		for (int i = 0; i < 4; i++)
			b->log_f[k][i] = log(f[i]);
	}
}

int proportion_alternatives(
	enum judge_side side, double ps, double d, double pc[EPROCESS_GRID], const double **weights)
{
	static const double share_of_d[ALTERNATIVES_OK] = {0, 0, .25, .5};
	double base = ps + d;

	if (side == SIDE_HARM) {
		for (int k = 0; k < EPROCESS_GRID; k++)
			pc[k] = fmin(base * grid_ratio[k], base + (1 - base) * .98);
		*weights = grid_ratio_weight;
		return EPROCESS_GRID;
	}
	for (int k = 0; k < ALTERNATIVES_OK; k++)
		pc[k] = eprocess_clamp((k ? ps : .5 * ps) + share_of_d[k] * d, 1e-7, 1 - 1e-7);
	*weights = ok_weight;
	return ALTERNATIVES_OK;
}

void proportion_begin(const struct proportion *p, double w, struct proportion_bets *b)
{
	double ps = (p->stable_events + p->p0 * p->n0) / (p->stable_n + p->n0), pc[EPROCESS_GRID];
	const double *weights;
	int count = proportion_alternatives(p->side, ps, p->d, pc, &weights);

	proportion_begin_at(p, ps, pc, count, w, b);
}

void proportion_fold(
	struct proportion *p, const struct proportion_bets *b, const struct tick_counts *c)
{
	for (int k = 0; k < EPROCESS_GRID; k++)
		p->log_w[k] += c->stable_events * b->log_f[k][1] +
			       (c->stable_n - c->stable_events) * b->log_f[k][0] +
			       c->candidate_events * b->log_f[k][3] +
			       (c->candidate_n - c->candidate_events) * b->log_f[k][2];
	p->stable_events += c->stable_events;
	p->stable_n += c->stable_n;
}

double proportion_log_e(const struct proportion *p)
{
	return p->side == SIDE_HARM ? eprocess_log_mix(p->log_w, grid_ratio_weight, EPROCESS_GRID)
				    : eprocess_log_mix(p->log_w, ok_weight, ALTERNATIVES_OK);
}
