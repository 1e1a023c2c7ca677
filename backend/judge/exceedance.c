/* exceedance.c: stable's latency histogram and the matched exceedance. See exceedance.h. */
#include "backend/judge/exceedance.h"

#include <math.h>
#include <string.h>

#define FIRST_EDGE	1e-4
#define ALTERNATIVES_OK 3

static const double ok_weight[ALTERNATIVES_OK] = {.5, .25, .25};

static double log_width(void)
{
	return log(1.02);
}

int latency_bucket(double seconds)
{
	double b = floor(log(seconds / FIRST_EDGE) / log_width());

	if (!(b > 0))
		return 0;
	return b >= LATENCY_BUCKETS ? LATENCY_BUCKETS - 1 : (int)b;
}

double latency_edge(int bucket)
{
	return FIRST_EDGE * exp(log_width() * (bucket + 1));
}

void latency_add(struct latency_histogram *h, double seconds)
{
	h->fresh[latency_bucket(seconds)]++;
	h->fresh_n++;
}

void latency_settle(struct latency_histogram *h)
{
	if (h->fresh_n > 0) {
		for (int b = 0; b < LATENCY_BUCKETS; b++)
			h->seen[b] += h->fresh[b];
		h->n += h->fresh_n;
		memset(h->fresh, 0, sizeof h->fresh);
		h->fresh_n = 0;
	}
	if (h->n > 2 * LATENCY_FORGET) {
		for (int b = 0; b < LATENCY_BUCKETS; b++)
			h->seen[b] *= .5;
		h->n *= .5;
	}
}

static double mass_above(const struct latency_histogram *h, int bucket)
{
	double sum = 0;

	for (int b = LATENCY_BUCKETS - 1; b > bucket; b--)
		sum += h->seen[b];
	return sum;
}

struct exceedance_aim exceedance_aim(
	const struct latency_histogram *h, double p, double x, double least)
{
	struct exceedance_aim aim = {0};
	double above = 0;
	int b = LATENCY_BUCKETS - 1;

	if (h->n < least || h->n <= 0)
		return aim;
	while (b > 0 && above + h->seen[b] <= (1 - p) * h->n)
		above += h->seen[b--];
	aim.ready = 1;
	aim.q = latency_edge(b);
	aim.ps = (above + .5) / (h->n + 1);
	aim.a = fmin(
		(mass_above(h, latency_bucket((1 + x) * aim.q)) + .5) / (h->n + 1), .98 * aim.ps);
	return aim;
}

int exceedance_alternatives(enum judge_side side, const struct exceedance_aim *aim,
	double pc[EPROCESS_GRID], const double **weights)
{
	if (side == SIDE_HARM)
		return proportion_alternatives(side, aim->ps, 0, pc, weights);
	pc[0] = aim->a;
	pc[1] = .5 * (aim->a + aim->ps);
	pc[2] = .6 * aim->a;
	*weights = ok_weight;
	return ALTERNATIVES_OK;
}

void exceedance_begin(const struct proportion *p, const struct exceedance_aim *aim, double w,
	struct proportion_bets *b)
{
	const double *weights;
	double pc[EPROCESS_GRID];
	int count = exceedance_alternatives(p->side, aim, pc, &weights);

	proportion_begin_at(p, aim->ps, pc, count, w, b);
}

double exceedance_log_e(const struct proportion *p)
{
	return p->side == SIDE_HARM ? proportion_log_e(p)
				    : eprocess_log_mix(p->log_w, ok_weight, ALTERNATIVES_OK);
}
