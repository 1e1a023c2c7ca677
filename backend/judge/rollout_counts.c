/* rollout_counts.c: takes what somebody else counted into the judge. See rollout_judge.h. */
#include "backend/judge/rollout_judge.h"

#include <math.h>

#include "backend/base/xalloc.h"
#include "backend/judge/rollout_judge_priv.h"

#define SAME 1e-9 /* bounds that differ by no more are equal */

static struct judge_group *open_group(
	struct rollout_judge *j, const struct judge_counts *c, double stable, double candidate)
{
	struct judge_group *g;
	double w = candidate / (stable + candidate);

	while (!(g = judge_group_find(j, c->tick, c->share, w)))
		rollout_judge_close(j, INT64_MAX);
	return g;
}

static uint32_t sum_above(const struct judge_counts *c, int arm, int bound)
{
	uint32_t n = 0;

	for (int i = bound + 1; i <= c->bounds; i++)
		n += c->timed[arm][i];
	return n;
}

/* The last bound that is not above x, -1 = all are. */
static int bound_below(const struct judge_counts *c, double x)
{
	int i = c->bounds - 1;

	while (i >= 0 && c->bound_s[i] > x * (1 + SAME))
		i--;
	return i;
}

/* The first bound that is not below x; c->bounds = none is. */
static int bound_above(const struct judge_counts *c, double x)
{
	int i = 0;

	while (i < c->bounds && c->bound_s[i] < x * (1 - SAME))
		i++;
	return i;
}

/* Stable is counted above a bound near its quantile, the candidate above the first bound beyond the
 * limit of harm, and above the last one within the limit of OK. */
static void count_above(struct rollout_judge *j, struct judge_group *g, const struct judge_line *l,
	const struct judge_counts *c)
{
	const struct exceedance_aim *aim = &g->aim[l->quantile];
	uint32_t *over = g->over[l->quantile];
	int mark, harm;

	mark = aim->ready ? bound_below(c, aim->q) : -1;
	if (mark < 0)
		return;
	harm = bound_above(c, c->bound_s[mark] * (1 + j->config.signals[l->signal].harm_margin));
	over[0] += sum_above(c, 0, mark);
	over[1] += harm < c->bounds ? sum_above(c, 1, harm) : 0;
	over[2] += sum_above(
		c, 1, bound_below(c, c->bound_s[mark] * (1 + judge_ok_limit(j, l, g->share))));
}

static void take_latencies(struct rollout_judge *j, const struct judge_counts *c)
{
	double n[2] = {0};
	struct judge_group *g;

	for (int arm = 0; arm < 2; arm++)
		for (int i = 0; i <= c->bounds; i++)
			n[arm] += c->timed[arm][i];
	if (!j->marks || !(n[0] > 0) || !(n[1] > 0))
		return;
	g = open_group(j, c, n[0], n[1]);
	for (int arm = 0; arm < 2; arm++)
		g->timed[arm] += (uint32_t)n[arm];
	for (int i = 0; i < j->line_count; i++)
		if (j->lines[i].quantile >= 0)
			count_above(j, g, &j->lines[i], c);
	for (int i = 0; j->latencies && i <= c->bounds; i++) {
		double s = i < c->bounds ? c->bound_s[i] : (double)INFINITY;

		j->latencies->fresh[latency_bucket(s)] += c->timed[0][i];
		j->latencies->fresh_n += c->timed[0][i];
	}
}

void rollout_judge_counts(struct rollout_judge *j, const struct judge_counts *c)
{
	struct judge_group *g;

	must(c->bounds >= 0 && c->bounds <= JUDGE_BOUNDS);
	must(c->failed[0] <= c->n[0] && c->failed[1] <= c->n[1]);
	j->told = c->share;
	if (!(c->share > 0 && c->share < 1))
		return;
	if (c->tick < j->closed_before) {
		j->late[0] += c->n[0];
		j->late[1] += c->n[1];
		return;
	}
	if (c->n[0] && c->n[1]) {
		g = open_group(j, c, c->n[0], c->n[1]);
		for (int arm = 0; arm < 2; arm++) {
			g->n[arm] += c->n[arm];
			g->failed[arm] += c->failed[arm];
			g->scored[arm] += c->n[arm];
		}
	}
	if (c->bounds)
		take_latencies(j, c);
}
