/* rollout_judge.c: the judge's configuration and its life; what it folds is in rollout_fold.c, what
 * it says in rollout_verdict.c, its bytes in rollout_state.c. */
#include "backend/judge/rollout_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/rollout_judge_priv.h"

struct judge_config judge_config_default(void)
{
	return (struct judge_config){
		.alpha_harm = .01,
		.alpha_ok = .05,
		.alpha_srm = .001,
		.alpha_shift = .01,
		.shifts = 1,
		.steps = 5,
		/* Small shares cannot prove small limits. */
		.ladder_share = {.01, .05, .25},
		.ladder_factor = {5, 3, 2},
		.ladder = 3,
		.least_candidate = 50,
		.least_ticks = 300,
		.missing_after = 60,
		.latency_least = 500,
		.presence = 1,
		.latch_ok = 1,
		.group_slots = 192,
		.value_slots = 2048,
	};
}

struct judge_signal_config *judge_config_add(struct judge_config *c, enum judge_kind kind,
	const char *name, double margin, double quantile)
{
	struct judge_signal_config *s;

	if (c->signal_count == JUDGE_MOST_SIGNALS)
		return NULL;
	s = &c->signals[c->signal_count++];
	*s = (struct judge_signal_config){.kind = kind,
		.critical = 1,
		.weight = kind == JUDGE_ERRORS ? .4 : .3,
		.harm_margin = margin / 4,
		.ok_margin = margin,
		.prior_mean = kind == JUDGE_ERRORS ? .01 : .5,
		.prior_n = kind == JUDGE_ERRORS ? 50 : 10,
		.prior_sd = .25};
	if (kind == JUDGE_ERRORS) {
		s->shown_scale = 100;
		str_copy(s->shown_unit, sizeof s->shown_unit, "%");
	}
	str_copy(s->name, sizeof s->name, name);
	if (kind == JUDGE_LATENCY) {
		s->quantile[0] = quantile;
		s->quantile_weight[0] = 1;
		s->quantiles = 1;
	}
	return s;
}

static int signal_check(const struct judge_signal_config *s, struct err *e)
{
	if (!(s->harm_margin >= 0 && s->ok_margin >= 0))
		return err_set(e, ERR_INVALID, "signal %s: its margin is below 0", s->name);
	if (s->kind != JUDGE_LATENCY && !(s->harm_margin < 1 && s->ok_margin < 1))
		return err_set(
			e, ERR_INVALID, "signal %s: its margin must be below 1 (100 %%)", s->name);
	if (!(s->weight >= 0) || (judge_is_staked(s) && !(s->weight > 0)))
		return err_set(e, ERR_INVALID, "signal %s: its part of the budget must be above 0",
			s->name);
	if (s->kind != JUDGE_LATENCY && (!(s->prior_mean > 0 && s->prior_mean < 1) ||
						!(s->prior_n > 0) || !(s->prior_sd >= 0)))
		return err_set(e, ERR_INVALID,
			"signal %s: the value before the rollout must lie between 0 and 1 and rest "
			"on something",
			s->name);
	for (int i = 0; s->kind == JUDGE_LATENCY && i < s->quantiles; i++)
		if (!(s->quantile[i] > 0 && s->quantile[i] < 1 && s->quantile_weight[i] > 0))
			return err_set(e, ERR_INVALID,
				"signal %s: a quantile must lie between 0 and 1", s->name);
	return 0;
}

static int is_alpha(double a)
{
	return a > 0 && a < 1;
}

int judge_config_check(const struct judge_config *c, struct err *e)
{
	int quantiles = 0;

	if (!is_alpha(c->alpha_harm) || !is_alpha(c->alpha_ok) || !is_alpha(c->alpha_srm) ||
		!is_alpha(c->alpha_shift))
		return err_set(e, ERR_INVALID, "an error probability must lie between 0 and 1");
	if (c->signal_count < 1 || c->signal_count > JUDGE_MOST_SIGNALS)
		return err_set(e, ERR_INVALID, "a rollout is judged by 1 to %d signals, not %d",
			JUDGE_MOST_SIGNALS, c->signal_count);
	for (int i = 0; i < c->signal_count; i++) {
		const struct judge_signal_config *s = &c->signals[i];

		if (signal_check(s, e))
			return e ? e->code : ERR_INVALID;
		if (s->kind == JUDGE_LATENCY && s->quantiles < 1)
			return err_set(e, ERR_INVALID, "signal %s: it has no quantile", s->name);
		quantiles += s->kind == JUDGE_LATENCY ? s->quantiles : 0;
	}
	if (quantiles > JUDGE_QUANTILES)
		return err_set(e, ERR_INVALID, "at most %d quantiles of latency are judged, not %d",
			JUDGE_QUANTILES, quantiles);
	if (c->steps < 1 || c->shifts < 0 || c->shifts > JUDGE_SHIFTS || c->ladder < 0 ||
		c->ladder > JUDGE_LADDER || c->group_slots < 2 || c->value_slots < 1)
		return err_set(e, ERR_INVALID, "steps, histograms, ladder or memory out of range");
	return 0;
}

static void line_add(struct rollout_judge *j, struct judge_line line)
{
	j->lines[j->line_count] = line;
	mixture_init(&j->lines[j->line_count].mix, j->config.steps);
	j->line_count++;
}

/* The hypotheses of one signal. */
static void signal_lines(struct rollout_judge *j, int i, int *quantiles)
{
	const struct judge_signal_config *s = &j->config.signals[i];
	double sum = 0;

	if (s->kind != JUDGE_LATENCY) {
		line_add(j, (struct judge_line){
				    .signal = i, .quantile = -1, .weight = s->two_sided ? .5 : 1});
		if (s->kind == JUDGE_MEAN && s->two_sided)
			line_add(j,
				(struct judge_line){
					.signal = i, .quantile = -1, .mirrored = 1, .weight = .5});
		return;
	}
	for (int k = 0; k < s->quantiles; k++)
		sum += s->quantile_weight[k];
	for (int k = 0; k < s->quantiles; k++)
		line_add(j, (struct judge_line){.signal = i,
				    .quantile = (*quantiles)++,
				    .p = s->quantile[k],
				    .weight = s->quantile_weight[k] / sum});
}

static void budgets_set(struct rollout_judge *j)
{
	double sum = 0;

	for (int i = 0; i < j->config.signal_count; i++)
		sum += judge_is_staked(&j->config.signals[i]) ? j->config.signals[i].weight : 0;
	for (int i = 0; i < j->config.signal_count; i++) {
		const struct judge_signal_config *s = &j->config.signals[i];

		j->signals[i].budget = judge_is_staked(s) ? s->weight / sum : 0;
		j->signals[i].harm_most = -INFINITY;
		j->signals[i].seen[0] = j->signals[i].seen[1] = INT64_MIN;
	}
}

static void bands_set(struct rollout_judge *j)
{
	for (int i = 0; i < j->config.signal_count; i++) {
		const struct judge_signal_config *s = &j->config.signals[i];
		double m = s->prior_mean;

		band_init(&j->signals[i].band, m,
			s->kind == JUDGE_ERRORS ? sqrt(m * (1 - m)) : s->prior_sd);
	}
	for (int i = 0; i < j->line_count; i++)
		if (j->lines[i].quantile >= 0)
			slowdown_init(&j->slowdowns[j->lines[i].quantile], j->lines[i].p);
}

struct rollout_judge *rollout_judge_new(const struct judge_config *c)
{
	struct rollout_judge *j = xcalloc(1, sizeof *j);
	int lines = 0, quantiles = 0;

	must(judge_config_check(c, NULL) == 0);
	j->config = *c;
	for (int i = 0; i < c->signal_count; i++)
		lines += c->signals[i].kind == JUDGE_LATENCY ? c->signals[i].quantiles
			 : c->signals[i].two_sided	     ? 2
							     : 1;
	j->lines = xcalloc((size_t)lines, sizeof *j->lines);
	for (int i = 0; i < c->signal_count; i++)
		signal_lines(j, i, &quantiles);
	j->groups = xcalloc((size_t)c->group_slots, sizeof *j->groups);
	for (int i = 0; i < c->group_slots; i++)
		j->groups[i].tick = GROUP_FREE;
	if (c->shifts)
		j->bins = xcalloc((size_t)c->group_slots * (size_t)c->shifts, sizeof *j->bins);
	j->values = xcalloc((size_t)c->value_slots, sizeof *j->values);
	j->quantile_count = quantiles;
	if (quantiles)
		j->slowdowns = xcalloc((size_t)quantiles, sizeof *j->slowdowns);
	if (quantiles && !c->borrows_latencies)
		j->marks = j->latencies = xcalloc(1, sizeof *j->latencies);
	for (int i = 0; i < c->shifts; i++)
		shift_init(&j->shifts[i], SHIFT_BINS);
	budgets_set(j);
	bands_set(j);
	j->first_tick = j->step_tick = j->tick = j->decided = INT64_MIN;
	j->closed_before = INT64_MIN;
	j->worst = -1;
	judge_step_begin(j, 0, INT64_MIN);
	return j;
}

void rollout_judge_free(struct rollout_judge *j)
{
	if (!j)
		return;
	free(j->lines);
	free(j->groups);
	free(j->bins);
	free(j->slowdowns);
	free(j->values);
	free(j->latencies);
	free(j);
}

size_t rollout_judge_bytes(const struct rollout_judge *j)
{
	return sizeof *j + (size_t)j->line_count * sizeof *j->lines +
	       (size_t)j->config.group_slots *
		       (sizeof *j->groups + (size_t)j->config.shifts * sizeof *j->bins) +
	       (size_t)j->config.value_slots * sizeof *j->values +
	       (size_t)j->quantile_count * sizeof *j->slowdowns +
	       (j->latencies ? sizeof *j->latencies : 0);
}

void rollout_judge_warm(struct rollout_judge *j, double latency_s)
{
	if (!j->latencies || isnan(latency_s) || latency_s < 0)
		return;
	j->latencies->seen[latency_bucket(latency_s)]++;
	j->latencies->n++;
}

void rollout_judge_borrow_latencies(
	struct rollout_judge *segment, const struct rollout_judge *whole)
{
	must(segment->config.borrows_latencies);
	segment->marks = whole->latencies;
}

int judge_is_staked(const struct judge_signal_config *s)
{
	return s->critical || s->late;
}

int judge_is_awaited(const struct judge_signal_config *s)
{
	return s->critical && !s->late;
}

struct judge_bins *judge_group_bins(const struct rollout_judge *j, const struct judge_group *g)
{
	return j->bins ? j->bins + (g - j->groups) * j->config.shifts : NULL;
}
