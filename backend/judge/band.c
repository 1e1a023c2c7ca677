/* band.c: the band of a difference, and of a slowdown. See band.h; the judge feeds one for each
 * signal and shows it on the card. */
#include "backend/judge/band.h"

#include <math.h>
#include <string.h>

#define NARROWEST   110 /* rho in variances: narrowest at 8.8 times as many */
#define PRIOR	    10	/* values that a guess of a mean counts for */
#define EXTREMES    4	/* with 1 the truth is left out in 7 % of runs at rates of 1 % */
#define UNIT	    0x1p24
#define LEAST_ABOVE 3
#define FIRST_RATIO -.6 /* log(L/q) of the grid's lower end */
#define RATIO_WIDTH .05

void band_init(struct band *b, double mean0, double sd0)
{
	*b = (struct band){.rho = NARROWEST * fmax(sd0 * sd0, 1e-6), .mean0 = mean0};
}

void band_begin(struct band *b)
{
	/* Of an arm without values the other's mean is the best guess. */
	b->m[0] = (b->sum[0] + PRIOR * b->mean0) / (b->n[0] + PRIOR);
	b->m[1] = (b->sum[1] + PRIOR * b->m[0]) / (b->n[1] + PRIOR);
}

static void weigh(struct band *b, int candidate, double w, double y, double count)
{
	double h = w * (1 - w);
	double x = (candidate ? (1 - w) * (y - b->m[1]) : -w * (y - b->m[0])) +
		   h * (b->m[1] - b->m[0]);

	b->n[candidate] += count;
	b->sum[candidate] += count * y;
	b->squares[candidate] += count * y * y;
	b->s += count * x;
	b->x_squares += count * x * x;
	b->h += count * h;
	b->h_squares += count * h * h;
	b->variance_weight[0] += count * h * w;
	b->variance_weight[1] += count * h * (1 - w);
}

void band_add(struct band *b, int candidate, double w, double y)
{
	weigh(b, candidate, w, eprocess_clamp(y, 0, 1), 1);
}

void band_counts(struct band *b, double w, const struct tick_counts *c)
{
	weigh(b, 0, w, 0, c->stable_n - c->stable_events);
	weigh(b, 0, w, 1, c->stable_events);
	weigh(b, 1, w, 0, c->candidate_n - c->candidate_events);
	weigh(b, 1, w, 1, c->candidate_events);
}

/* The variance of one arm's values with EXTREMES more at each end of the range. */
static double variance(double n, double sum, double squares)
{
	double m = (sum + EXTREMES) / (n + 2 * EXTREMES);

	return fmax((squares + EXTREMES) / (n + 2 * EXTREMES) - m * m, 0);
}

/* The boundary of |S - H theta| at variance v. */
static double boundary(double v, double rho)
{
	return sqrt((v + rho) * log((v + rho) / (rho * BAND_ALPHA * BAND_ALPHA)));
}

struct band_range band_read(const struct band *b)
{
	struct band_range out = {(double)NAN, (double)NAN, (double)NAN};
	double v, by_arm, half;

	if (b->n[0] <= 0 || b->n[1] <= 0)
		return out;
	out.effect = eprocess_clamp(b->s / b->h, -1, 1);
	v = b->x_squares - out.effect * out.effect * b->h_squares;
	by_arm = b->variance_weight[0] * variance(b->n[0], b->sum[0], b->squares[0]) +
		 b->variance_weight[1] * variance(b->n[1], b->sum[1], b->squares[1]);
	half = boundary(fmax(v, by_arm), b->rho) / b->h;
	out.low = fmax(out.effect - half, -1);
	out.high = fmin(out.effect + half, 1);
	return out;
}

void slowdown_init(struct slowdown *s, double p)
{
	*s = (struct slowdown){.p = p};
}

/* v >= 0 in the units of the sums. */
static int64_t units(double v)
{
	return (int64_t)(v * UNIT + .5);
}

void slowdown_add(
	struct slowdown *s, int candidate, double w, double latency_s, double q, double ps)
{
	double h = w * (1 - w), own = candidate ? 1 - w : w, at;

	s->n[candidate]++;
	s->weight[candidate] += units(own);
	s->centre += candidate ? units(own * ps) : -units(own * ps);
	s->h += units(h);
	s->variance_weight[0] += units(h * w);
	s->variance_weight[1] += units(h * (1 - w));
	if (!candidate) {
		s->stable_above += latency_s > q ? units(own) : 0;
		return;
	}
	at = (log(latency_s / q) - FIRST_RATIO) / RATIO_WIDTH;
	if (at >= 0)
		s->above[at >= BAND_BINS ? BAND_BINS : (int)at] += units(own);
}

/* The sums at one edge of the grid. */
struct edge {
	double s, bound;
};

static struct edge edge_at(const struct slowdown *s, int64_t above)
{
	double stable = (double)s->stable_above / (double)s->weight[0];
	double candidate = (double)above / (double)s->weight[1], v;
	double n[2] = {(double)s->n[0], (double)s->n[1]};

	v = (double)s->variance_weight[0] * variance(n[0], stable * n[0], stable * n[0]) +
	    (double)s->variance_weight[1] * variance(n[1], candidate * n[1], candidate * n[1]);
	return (struct edge){(double)(above - s->stable_above - s->centre) / UNIT,
		boundary(v / UNIT, NARROWEST * s->p * (1 - s->p))};
}

/* The slowdown at a place of the grid. */
static double slowdown_at(double place)
{
	return exp(FIRST_RATIO + RATIO_WIDTH * place) - 1;
}

struct band_range slowdown_read(const struct slowdown *s)
{
	struct band_range out = {(double)NAN, (double)NAN, (double)NAN};
	double *const ends[] = {&out.low, &out.effect, &out.high};
	double last[3] = {0};
	int64_t above = 0;

	if (s->n[0] <= 0 || s->n[1] <= 0)
		return out;
	for (int i = 0; i <= BAND_BINS; i++)
		above += s->above[i];
	/* From low to high ratios S falls: it leaves the upper boundary, 0, and the lower one. */
	for (int i = 0; i <= BAND_BINS; i++) {
		struct edge e = edge_at(s, above);
		double now[] = {e.s - e.bound, e.s, e.s + e.bound};

		for (int k = 0; k < 3; k++) {
			if (i && last[k] > 0 && now[k] <= 0)
				*ends[k] = slowdown_at(i - now[k] / (now[k] - last[k]));
			last[k] = now[k];
		}
		if (i == 0 && now[2] <= 0)
			out.effect = out.high = slowdown_at(0);
		above -= s->above[i];
	}
	if (last[0] > 0)
		out.low = out.effect = slowdown_at(BAND_BINS);
	if ((double)s->n[1] * (1 - s->p) < LEAST_ABOVE)
		out.effect = (double)NAN;
	return out;
}
