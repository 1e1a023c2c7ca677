/* power.c: thresholds and bets of each signal as the judge has them, and the searches over
 * power_walk.h. Its words are in power_text.c. */
#include "backend/judge/power.h"

#include <math.h>
#include <string.h>

#include "backend/judge/exceedance.h"
#include "backend/judge/power_walk.h"
#include "backend/judge/rollout_judge_priv.h"

#define LONGEST_S  3e8 /* ten years: for ever */
#define NEAR_TIME  .02
#define NEAR_HARM  .01
#define MOST_LATER 9. /* harm of latencies is looked for up to ten times as slow */

/* The traffic of one step. */
struct traffic {
	double share, rate;
	int first; /* the whole rollout's process is this step's */
};

static double budget_of(const struct judge_config *c, int signal)
{
	double sum = 0;

	for (int i = 0; i < c->signal_count; i++)
		sum += judge_is_staked(&c->signals[i]) ? c->signals[i].weight : 0;
	return judge_is_staked(&c->signals[signal]) ? c->signals[signal].weight / sum : 0;
}

/* log E that one line of a signal needs for HARM: the budget's part, of the two directions one, of
 * the quantiles the first, of the mixture the slot (mixture.h). */
static double harm_threshold(const struct judge_config *c, int signal, int first)
{
	const struct judge_signal_config *s = &c->signals[signal];
	double part = budget_of(c, signal) * (first ? .5 + .5 / c->steps : .5 / c->steps), sum = 0;

	for (int i = 0; i < s->quantiles; i++)
		sum += s->quantile_weight[i];
	if (s->kind == JUDGE_LATENCY)
		part *= s->quantile_weight[0] / sum;
	else if (s->kind == JUDGE_MEAN && s->two_sided)
		part *= .5;
	return -log(c->alpha_harm) - log(part);
}

static double normal_above(double z)
{
	return .5 * erfc(z / sqrt(2));
}

/* z with normal_above(z) = p. */
static double normal_quantile(double p)
{
	double lo = -9, hi = 9;

	for (int i = 0; i < 60; i++) {
		double at = .5 * (lo + hi);

		if (normal_above(at) > p)
			lo = at;
		else
			hi = at;
	}
	return lo;
}

static void events_walk(struct power_walk *walk, enum judge_side side, double d, double w,
	double ps, double pc, int count, const double *alternatives, const double *weights)
{
	struct proportion test = {.side = side, .d = d};
	struct proportion_bets bets;

	proportion_begin_at(&test, ps, alternatives, count, w, &bets);
	power_walk_events(walk, &bets, weights, count, w, ps, pc);
}

/* The candidate `harm` worse, tested against `margin`. */
static void signal_walk(const struct power_plan *p, int signal, enum judge_side side, double w,
	double margin, double harm, struct power_walk *walk)
{
	const struct judge_signal_config *s = &p->config->signals[signal];
	const struct power_signal *known = &p->signals[signal];
	struct exceedance_aim aim = {.ready = 1};
	double pc[EPROCESS_GRID], ps, z;
	const double *weights;
	int count;

	if (s->kind == JUDGE_MEAN) {
		power_walk_mean(walk, side, margin, w, known->mean, known->sd, harm);
		return;
	}
	if (s->kind == JUDGE_ERRORS) {
		ps = eprocess_clamp(known->mean, 1e-6, 1 - 1e-6);
		count = proportion_alternatives(side, ps, margin, pc, &weights);
		events_walk(
			walk, side, margin, w, ps, fmin(ps + harm, 1 - 1e-6), count, pc, weights);
		return;
	}
	aim.ps = 1 - s->quantile[0];
	z = normal_quantile(aim.ps);
	aim.a = fmin(normal_above(z + log1p(margin) / known->sd), .98 * aim.ps);
	count = exceedance_alternatives(side, &aim, pc, &weights);
	events_walk(walk, side, 0, w, aim.ps,
		normal_above(z + (log1p(margin) - log1p(harm)) / known->sd), count, pc, weights);
}

static double harm_chance(
	const struct power_plan *p, struct traffic t, int signal, double harm, double seconds)
{
	const struct judge_signal_config *s = &p->config->signals[signal];
	struct power_walk walk;

	if (!judge_is_staked(s) || !(t.share > 0 && t.share < 1) || harm <= s->harm_margin)
		return 0;
	signal_walk(p, signal, SIDE_HARM, t.share, s->harm_margin, harm, &walk);
	return power_walk_crosses(&walk, harm_threshold(p->config, signal, t.first),
		t.rate * p->signals[signal].part * seconds);
}

static double ok_chance(const struct power_plan *p, int step, int signal, double seconds)
{
	const struct judge_config *c = p->config;
	const struct judge_signal_config *s = &c->signals[signal];
	double w = p->steps[step].share, margin = s->ok_margin * judge_ladder_factor(c, w), chance;
	struct power_walk walk;

	if (!(w > 0 && w < 1) || margin <= 0)
		return 0;
	signal_walk(p, signal, SIDE_OK, w, margin, 0, &walk);
	chance = power_walk_crosses(
		&walk, -log(c->alpha_ok), p->rate * p->signals[signal].part * seconds);
	return s->kind == JUDGE_MEAN && s->two_sided ? chance * chance : chance;
}

static struct traffic step_traffic(const struct power_plan *p, int step)
{
	return (struct traffic){p->steps[step].share, p->rate, step == 0};
}

double power_of_harm(const struct power_plan *p, int step, int signal, double harm, double seconds)
{
	return harm_chance(p, step_traffic(p, step), signal, harm, seconds);
}

/* What a search for a time asks: harm on some traffic, or OK on a step. */
struct question {
	const struct power_plan *plan;
	int signal, step, is_ok;
	struct traffic traffic;
	double harm, sure;
};

static int is_sure(const struct question *q, double seconds)
{
	return (q->is_ok ? ok_chance(q->plan, q->step, q->signal, seconds)
			 : harm_chance(q->plan, q->traffic, q->signal, q->harm, seconds)) >=
	       q->sure;
}

static double seconds_until(const struct question *q)
{
	double lo = 0, hi = 64;

	if (q->plan->rate <= 0 || q->plan->signals[q->signal].part <= 0)
		return INFINITY;
	while (hi < LONGEST_S && !is_sure(q, hi)) {
		lo = hi;
		hi *= 4;
	}
	if (hi >= LONGEST_S)
		return INFINITY;
	while (hi - lo > NEAR_TIME * hi) {
		double at = lo > 0 ? sqrt(lo * hi) : .25 * hi;

		if (is_sure(q, at))
			hi = at;
		else
			lo = at;
		if (hi < 1)
			break;
	}
	return hi;
}

double power_harm_seconds(
	const struct power_plan *p, int step, int signal, double harm, double sure)
{
	return seconds_until(&(struct question){.plan = p,
		.signal = signal,
		.traffic = step_traffic(p, step),
		.harm = harm,
		.sure = sure});
}

double power_shadow_seconds(const struct power_plan *p, int signal, double harm, double sure)
{
	return seconds_until(&(struct question){.plan = p,
		.signal = signal,
		.traffic = {.5, 2 * p->rate, 1},
		.harm = harm,
		.sure = sure});
}

double power_ok_seconds(const struct power_plan *p, int step, int signal, double sure)
{
	double counted = p->config->least_candidate / (p->rate * p->steps[step].share);

	return fmax(counted,
		seconds_until(&(struct question){
			.plan = p, .signal = signal, .step = step, .is_ok = 1, .sure = sure}));
}

double power_least_harm(
	const struct power_plan *p, int step, int signal, double seconds, double sure)
{
	const struct judge_signal_config *s = &p->config->signals[signal];
	double most = s->kind == JUDGE_LATENCY ? MOST_LATER : .98 - p->signals[signal].mean;
	double lo = s->harm_margin, hi = most;

	if (power_of_harm(p, step, signal, most, seconds) < sure)
		return INFINITY;
	while (hi - lo > NEAR_HARM * hi) {
		double at = lo > 0 ? sqrt(lo * hi) : .25 * hi;

		if (power_of_harm(p, step, signal, at, seconds) >= sure)
			hi = at;
		else
			lo = at;
		if (hi < 1e-6)
			break;
	}
	return hi;
}

double power_step_seconds(const struct power_plan *p, int step)
{
	double most = p->steps[step].least_s;

	for (int i = 0; i < p->config->signal_count; i++)
		if (judge_is_awaited(&p->config->signals[i]))
			most = fmax(most, power_ok_seconds(p, step, i, POWER_SURE));
	return p->hold_s > 0 ? fmin(most, p->hold_s) : most;
}

struct power_view power_view(const struct power_plan *p, int step, int signal, double seconds)
{
	struct power_view v = {.harm_s = INFINITY};

	v.least_harm = power_least_harm(p, step, signal, fmin(seconds, LONGEST_S), POWER_SURE);
	if (isfinite(v.least_harm))
		v.harm_s = power_harm_seconds(p, step, signal, v.least_harm, .5);
	return v;
}
