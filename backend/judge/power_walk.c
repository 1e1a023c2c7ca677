/* power_walk.c: first passage of a mixture of bets. See power_walk.h. */
#include "backend/judge/power_walk.h"

#include <math.h>
#include <string.h>

#define EVENTS_MOST 60	/* expected events beyond which the normal law serves better */
#define SHARE_MOST  .35 /* and the share beyond which stable's noise counts as much */
#define STEPS	    160 /* of the lattice */
#define CELLS	    64	/* of a distribution on [0,1] */
#define STATES	    512

void power_walk_events(struct power_walk *walk, const struct proportion_bets *bets,
	const double *weights, int count, double w, double ps, double pc)
{
	*walk = (struct power_walk){
		.count = count, .share = w, .event_rate = pc, .stable_rate = (1 - w) / w * ps};
	for (int k = 0; k < count; k++) {
		const double *f = bets->log_f[k];
		double stable = (1 - ps) * f[0] + ps * f[1];
		double candidate = (1 - pc) * f[2] + pc * f[3];
		double squares = (1 - w) * ((1 - ps) * f[0] * f[0] + ps * f[1] * f[1]) +
				 w * ((1 - pc) * f[2] * f[2] + pc * f[3] * f[3]);

		walk->log_weight[k] = log(weights[k]);
		walk->g[k] = (1 - w) * stable + w * candidate;
		walk->s[k] = sqrt(fmax(squares - walk->g[k] * walk->g[k], 0));
		walk->jump[k] = f[3] - f[2];
		walk->slope[k] = f[2] + (1 - w) / w * stable;
		walk->stable_jump[k] = f[1] - f[0];
	}
}

/* A distribution on [0,1]. */
struct cells {
	double y[CELLS], p[CELLS];
};

/* The beta distribution with this mean and deviation; the outer cells hold what it heaps there. */
static void beta_cells(double m, double sd, struct cells *c)
{
	double width = 1. / CELLS, sum = 0, a, b;

	m = eprocess_clamp(m, 1e-3, 1 - 1e-3);
	a = fmax(m * (1 - m) / fmax(sd * sd, 1e-8) - 1, .05);
	b = (1 - m) * a;
	a *= m;
	for (int i = 0; i < CELLS; i++) {
		c->y[i] = (i + .5) * width;
		c->p[i] = width * exp((a - 1) * log(c->y[i]) + (b - 1) * log1p(-c->y[i]));
	}
	c->p[0] = pow(width, a) / a;
	c->y[0] = width * a / (a + 1);
	c->p[CELLS - 1] = pow(width, b) / b;
	c->y[CELLS - 1] = 1 - width * b / (b + 1);
	for (int i = 0; i < CELLS; i++)
		sum += c->p[i];
	for (int i = 0; i < CELLS; i++)
		c->p[i] /= sum;
}

void power_walk_mean(struct power_walk *walk, enum judge_side side, double d, double w, double m,
	double sd, double effect)
{
	struct cells cells[2];
	double sign = side == SIDE_HARM ? 1 : -1;
	double cap = .9 * (side == SIDE_HARM ? fmin(1 / (m + d), (1 - w) / (w * (1 - m)))
					     : fmin(1 / (1 - m - d), (1 - w) / (w * m)));

	*walk = (struct power_walk){.count = EPROCESS_GRID, .share = w};
	beta_cells(m, sd, &cells[0]);
	beta_cells(m + effect, sd, &cells[1]);
	for (int k = 0; k < EPROCESS_GRID; k++) {
		double eta = fmax(0, fmin(cap, grid_mean[k] * (1 - w) / sd)), squares = 0;

		for (int i = 0; i < 2 * CELLS; i++) {
			int arm = i >= CELLS;
			double y = cells[arm].y[i % CELLS], p = cells[arm].p[i % CELLS];
			double z = arm ? y - m - d : -(w / (1 - w)) * (y - m);
			double f = log1p(eta * sign * z);

			p *= arm ? w : 1 - w;
			walk->g[k] += p * f;
			squares += p * f * f;
		}
		walk->s[k] = sqrt(fmax(squares - walk->g[k] * walk->g[k], 0));
		walk->log_weight[k] = log(grid_mean_weight[k]);
	}
}

/* log of the mixture where log w_k = a_k x + b_k y. */
static double mixed(
	const struct power_walk *walk, const double *a, double x, const double *b, double y)
{
	double lw[EPROCESS_GRID], ones[EPROCESS_GRID];

	for (int k = 0; k < walk->count; k++) {
		lw[k] = walk->log_weight[k] + a[k] * x + b[k] * y;
		ones[k] = 1;
	}
	return eprocess_log_mix(lw, ones, walk->count);
}

/* The candidate's requests until which `events` are enough; 0 = they never are. */
static double enough_until(
	const struct power_walk *walk, double threshold, double events, double most)
{
	double lo = 0, hi = most;

	if (mixed(walk, walk->jump, events, walk->slope, 0) < threshold)
		return 0;
	if (mixed(walk, walk->jump, events, walk->slope, most) >= threshold)
		return most;
	for (int i = 0; i < 30; i++) {
		double at = .5 * (lo + hi);

		if (mixed(walk, walk->jump, events, walk->slope, at) >= threshold)
			lo = at;
		else
			hi = at;
	}
	return lo;
}

/* How much noise stable adds to that of the candidate's events: the variance as a factor, by the
 * bet that has won most after n requests. */
static double stable_noise(const struct power_walk *walk, double n)
{
	double most = -INFINITY, ratio = 0;

	for (int k = 0; k < walk->count; k++) {
		double at = walk->log_weight[k] + walk->g[k] * n;

		if (at > most && walk->jump[k] > 0) {
			most = at;
			ratio = walk->stable_jump[k] / walk->jump[k];
		}
	}
	return 1 + walk->stable_rate / walk->event_rate * ratio * ratio;
}

/* Lets `mean` more events come over states 0..top. */
static void arrive(double *q, int top, double mean)
{
	double p[STATES];
	int most = (int)fmin(mean + 8 * sqrt(mean) + 12, STATES - 1);

	p[0] = exp(-mean);
	for (int i = 1; i <= most; i++)
		p[i] = p[i - 1] * mean / i;
	for (int j = top; j >= 0; j--) {
		double sum = 0;

		for (int i = 0; i <= most && i <= j; i++)
			sum += q[j - i] * p[i];
		q[j] = sum;
	}
}

/* `n` requests on the candidate. */
static double events_cross(const struct power_walk *walk, double threshold, double n)
{
	double scale = stable_noise(walk, n / walk->share), rate = walk->event_rate / scale;
	double q[STATES] = {1}, at = 0, left = 0;
	int m = 1;

	for (; m < STATES; m++) {
		double until = enough_until(walk, threshold, m * scale, n);

		if (until <= 0)
			continue;
		/* At `until` less than m events have come, or it has crossed. */
		arrive(q, m - 1, rate * (until - at));
		at = until;
		if (until >= n)
			break;
	}
	for (int i = 0; i < m && i < STATES; i++)
		left += q[i];
	return eprocess_clamp(1 - left, 0, 1);
}

/* The W within +-most at which the mixture crosses after n requests. */
static double boundary(const struct power_walk *walk, double threshold, double n, double most)
{
	double lo = -most, hi = most;

	for (int i = 0; i < 16; i++) {
		double at = .5 * (lo + hi);

		if (mixed(walk, walk->g, n, walk->s, at) >= threshold)
			hi = at;
		else
			lo = at;
	}
	return hi;
}

static double normal_cross(const struct power_walk *walk, double threshold, double n)
{
	double q[STEPS + 2] = {1}, step = sqrt(n / STEPS), crossed = 0;

	for (int i = 1; i <= STEPS; i++) {
		/* A little lower: what the lattice does not see between its looks. */
		double edge = boundary(walk, threshold, n * i / STEPS, (i + 2) * step) - .2 * step;

		for (int u = i; u >= 0; u--) {
			q[u] = .5 * ((u < i ? q[u] : 0) + (u ? q[u - 1] : 0));
			if ((2 * u - i) * step >= edge) {
				crossed += q[u];
				q[u] = 0;
			}
		}
	}
	return eprocess_clamp(crossed, 0, 1);
}

double power_walk_crosses(const struct power_walk *walk, double threshold, double n)
{
	double events = walk->event_rate * walk->share * n;

	if (n <= 0)
		return 0;
	if (walk->event_rate > 0 && events < EVENTS_MOST && walk->share < SHARE_MOST &&
		walk->jump[0] > 0)
		return events_cross(walk, threshold, n * walk->share);
	return normal_cross(walk, threshold, n);
}
