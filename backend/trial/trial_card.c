/* trial_card.c: reads a trial into the card. What decides is the judges'; the effect and its band
 * are shown beside it, from the step under way. */
#include "backend/trial/trial_card.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/trial/trial_priv.h"

#define LATENCY_LEAST 1e-4 /* seconds */
#define LATENCY_STEP  1.06
#define WORST_SHOWN   3
#define TELLING	      3.0 /* log E of a segment that explains a verdict on all traffic: 20 to 1 */
#define NEARLY_ALL    .8  /* of the harm on all traffic */

void trial_latency_add(struct trial_latency *l, int64_t us, uint32_t n)
{
	double x = us < 0 ? (double)INFINITY : (double)us / 1e6 / LATENCY_LEAST;
	double bin = x > 1 ? floor(log(x) / log(LATENCY_STEP)) : 0;

	l->bins[bin < TRIAL_LATENCY_BINS - 1 ? (int)bin : TRIAL_LATENCY_BINS - 1] += n;
	l->n += n;
}

double trial_latency_ms(const struct trial_latency *l, double quantile)
{
	double rank = ceil(quantile * l->n), seen = 0;

	for (int i = 0; l->n && i < TRIAL_LATENCY_BINS; i++) {
		seen += l->bins[i];
		if (seen >= rank)
			return 1e3 * LATENCY_LEAST * pow(LATENCY_STEP, i + .5);
	}
	return (double)NAN;
}

static double evidence(double budget, double alpha)
{
	return budget > 0 ? fmax(0, 1 + log(budget) / -log(alpha)) : 0;
}

static double mean_of(const struct trial_tally *y, int arm)
{
	return y->n[arm] > 0 ? y->sum[arm] / y->n[arm] : (double)NAN;
}

/* The two values of this step, and the judge's band of the whole rollout in the shown unit. */
static void read_values(const struct trial *t, int part, int i,
	const struct judge_signal_config *how, struct trial_signal_card *c)
{
	const struct trial_tally *y = &t->tally[1 + part][i];

	if (how->kind == JUDGE_LATENCY) {
		/* A segment's answer times are judged and not kept. */
		c->stable =
			part < 0 ? trial_latency_ms(&t->latency[0], how->quantile[0]) : (double)NAN;
		c->candidate =
			part < 0 ? trial_latency_ms(&t->latency[1], how->quantile[0]) : (double)NAN;
		return;
	}
	c->stable = mean_of(y, 0) * (how->kind == JUDGE_ERRORS ? 100 : 1);
	c->candidate = mean_of(y, 1) * (how->kind == JUDGE_ERRORS ? 100 : 1);
}

/* From the judge's unit to the one of the effect; negative where less of a value is worse. */
static double effect_factor(const struct trial_signal *s, enum judge_kind kind)
{
	if (kind != JUDGE_MEAN)
		return 100;
	return s->lower_is_worse ? s->low - s->high : s->high - s->low;
}

static void read_signal(const struct trial *t, int part, const struct judge_card *j,
	const struct judge_config *config, int i, struct trial_signal_card *c)
{
	const struct trial_signal *s = &t->config.signals[i];
	const struct judge_signal_config *how = &config->signals[i];
	const struct judge_signal_card *got = &j->signals[i];
	double factor = effect_factor(s, how->kind);

	*c = (struct trial_signal_card){.decimals = s->decimals,
		.critical = how->critical || how->late,
		.late = how->late,
		.verdict = got->verdict,
		.budget_spent = got->budget * config->alpha_harm,
		.left = got->left,
		.evidence = evidence(got->budget, config->alpha_harm),
		.evidence_ok = fmax(0, got->log_e_ok_most / -log(config->alpha_ok)),
		.lower = got->lower,
		.missing_since = got->verdict == JUDGE_MISSING ? got->missing_since : 0};
	str_copy(c->name, sizeof c->name, how->name);
	str_copy(c->unit, sizeof c->unit, s->unit);
	str_copy(c->effect_unit, sizeof c->effect_unit, s->effect_unit);
	str_copy(c->segment, sizeof c->segment, trial_part_name(t, part));
	read_values(t, part, i, how, c);
	c->effect = got->band.effect * factor;
	c->low = (factor < 0 ? got->band.high : got->band.low) * factor;
	c->high = (factor < 0 ? got->band.low : got->band.high) * factor;
	c->limit_ok = got->ok_limit > 0 ? got->ok_limit * factor : (double)NAN;
	c->limit_harm = got->harm_limit > 0 ? got->harm_limit * factor : (double)NAN;
	for (int arm = 0; arm < 2; arm++)
		c->n[arm] = got->n[arm];
	/* Young steps have no data of outcomes yet. */
	if (c->verdict == JUDGE_MISSING && trial_is_young(t)) {
		c->verdict = JUDGE_UNDECIDED;
		c->missing_since = 0;
	}
}

static double part_evidence(const struct trial *t, const struct judge_card *j)
{
	return fmax(0, j->log_e_harm / -log(t->config.part.alpha_harm));
}

struct standing {
	int part;
	double evidence;
};

static int by_evidence(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;

	return x->evidence > y->evidence ? -1 : x->evidence < y->evidence;
}

/* The segments, worst first, and all signals of the worst few. */
static void read_parts(const struct trial *t, struct trial_card *out)
{
	struct standing list[TRIAL_PARTS] = {{0, 0}};
	struct judge_card j;
	int n = 0, shown = 0;

	for (int i = 0; i < trial_part_count(t); i++) {
		if (!t->parts[i])
			continue;
		rollout_judge_read(t->parts[i], &j);
		list[n++] = (struct standing){i, part_evidence(t, &j)};
	}
	qsort(list, (size_t)n, sizeof list[0], by_evidence);
	for (int i = 0; i < n; i++) {
		struct trial_segment_card *c = &out->segments[out->segment_count++];
		int part = list[i].part;

		rollout_judge_read(t->parts[part], &j);
		str_copy(c->name, sizeof c->name, trial_part_name(t, part));
		c->verdict = j.verdict;
		c->evidence = list[i].evidence;
		memcpy(c->counted, t->counted[1 + part], sizeof c->counted);
		if (part != t->stage_part &&
			(shown == WORST_SHOWN ||
				(list[i].evidence < .2 && !t->config.segments_alone)))
			continue;
		shown++;
		for (int k = 0; k < j.signal_count; k++)
			read_signal(t, part, &j, &t->config.part, k,
				&out->signals[out->signal_count++]);
	}
}

static void read_shifts(const struct trial *t, const struct judge_card *j, struct trial_card *out)
{
	out->shift_count = t->config.whole.shifts;
	for (int i = 0; i < out->shift_count; i++) {
		struct trial_shift_card *c = &out->shifts[i];

		c->psi = j->psi[i];
		c->evidence = fmax(0, j->shift_log_e[i] / -log(t->config.whole.alpha_shift));
		c->limit = i == 0 ? t->config.psi_warn : 0;
		rollout_judge_bins(t->whole, i, c->bins);
	}
}

/* How much worse the candidate's observations of a signal were than stable's, in sum. */
static double excess(const struct judge_signal_card *c)
{
	return c->n[0] > 0 && c->n[1] > 0 ? (c->mean[1] - c->mean[0]) * c->n[1] : 0;
}

/* The segment that nearly all of the harm comes from, if one has evidence that speaks for itself;
 * -1 when it is everywhere. */
static int blamed_part(const struct trial *t, const struct judge_card *whole, int signal)
{
	double all = excess(&whole->signals[signal]);
	struct judge_card j;

	for (int i = 0; i < trial_part_count(t) - 1; i++) {
		if (!t->parts[i])
			continue;
		rollout_judge_read(t->parts[i], &j);
		if (j.signals[signal].log_e_harm > TELLING &&
			excess(&j.signals[signal]) >= NEARLY_ALL * all)
			return i;
	}
	return -1;
}

static void format_value(const struct trial_signal_card *c, double v, char *out, size_t size)
{
	snprintf(out, size, "%.*f%s%s", c->decimals, v, *c->unit ? " " : "", c->unit);
}

/* "brier 0.171 against 0.148: +0.023, harm proven above +0.0025". */
static void say_harm(const struct trial_signal_card *c, char *out, size_t size)
{
	char candidate[48], stable[48], where[96] = "";
	int percent = strcmp(c->effect_unit, "%") == 0;
	/* Of the two numbers in the sentence, so that a reader's sum is right. */
	double apart = percent ? 100 * (c->candidate / c->stable - 1) : c->candidate - c->stable;

	format_value(c, c->candidate, candidate, sizeof candidate);
	format_value(c, c->stable, stable, sizeof stable);
	if (c->segment[0])
		snprintf(where, sizeof where, " in segment %s", c->segment);
	if (isnan(apart))
		snprintf(out, size, "%s%s: harm proven above %+.3g %s", c->name, where,
			c->limit_harm, c->effect_unit);
	else
		snprintf(out, size, "%s%s %s against %s: %+.*f%s%s, harm proven above %+.3g",
			c->name, where, candidate, stable, c->decimals, apart,
			*c->effect_unit ? " " : "", c->effect_unit, c->limit_harm);
}

/* "error_rate has had no data since 14:02:03: nothing is passed without it" */
static void say_silent(const struct judge_card *j, char *out, size_t size)
{
	char at[32];

	for (int i = 0; i < j->signal_count; i++) {
		const struct judge_signal_card *s = &j->signals[i];

		if (s->verdict != JUDGE_MISSING || s->step_n[0] <= 0 || s->step_n[1] <= 0 ||
			!strstr(j->why, "since tick"))
			continue;
		clock_format_utc(s->missing_since * 1000000, at, sizeof at);
		snprintf(out, size,
			"%s has had no data since %.8s UTC: nothing is passed without it", s->name,
			at + 11);
		return;
	}
}

/* Turns the judge's sentence into one with shown units and, where one is to blame, its segment. */
static void say(
	const struct trial *t, int part, const struct judge_card *whole, struct trial_card *out)
{
	const struct judge_card *j = whole;
	struct judge_card own;
	struct trial_signal_card c;
	char first[96];
	int blamed;

	if (part >= 0 && t->parts[part]) {
		rollout_judge_read(t->parts[part], &own);
		j = &own;
	}
	str_copy(out->why, sizeof out->why, j->why);
	if (out->verdict == JUDGE_MISSING)
		say_silent(j, out->why, sizeof out->why);
	if (part >= 0 && !t->parts[part])
		snprintf(out->why, sizeof out->why,
			"no answer of segment %.64s has been judged yet", trial_part_name(t, part));
	else if (out->verdict == JUDGE_UNDECIDED && j->verdict == JUDGE_OK)
		str_copy(out->why, sizeof out->why,
			"the step is new: none of its answers has been judged yet");
	else if (out->verdict == JUDGE_UNDECIDED && j->verdict == JUDGE_MISSING)
		str_copy(out->why, sizeof out->why,
			"the step is young: what it is judged by is still coming in");
	if (out->verdict != JUDGE_HARM || j->worst < 0)
		return;
	blamed = t->config.segments_alone ? part : blamed_part(t, whole, j->worst);
	if (blamed >= 0) {
		struct judge_card there;

		rollout_judge_read(t->parts[blamed], &there);
		read_signal(t, blamed, &there, &t->config.part, j->worst, &c);
	} else {
		read_signal(t, -1, whole, &t->config.whole, j->worst, &c);
	}
	say_harm(&c, out->why, sizeof out->why);
	if (part < 0 || blamed >= 0)
		return;
	snprintf(first, sizeof first, " (first in segment %.60s)", trial_part_name(t, part));
	strncat(out->why, first, sizeof out->why - strlen(out->why) - 1);
}

static double spent(double alpha, double log_e)
{
	return alpha * fmin(1, exp(fmin(700, log_e) + log(alpha)));
}

/* Where segments are judged alone the judge of all traffic has nothing to spend. */
static void read_budget(const struct trial *t, const struct judge_card *j, struct trial_card *out)
{
	double part = t->config.part.alpha_harm;
	struct judge_card own;

	out->budget = part * trial_part_count(t);
	if (!t->config.segments_alone) {
		out->budget += t->config.whole.alpha_harm;
		out->budget_spent = spent(t->config.whole.alpha_harm, j->log_e_harm);
		return;
	}
	for (int i = 0; i < trial_part_count(t); i++) {
		if (!t->parts[i])
			continue;
		rollout_judge_read(t->parts[i], &own);
		out->budget_spent += spent(part, own.log_e_harm);
	}
}

/* Harm of a version is often proven sooner than the reason for it: then each server's own figures
 * are told, without a judgement. */
static void say_servers(const struct trial *t, int worst, struct trial_card *out)
{
	int failures = worst >= 0 && t->config.whole.signals[worst].kind == JUDGE_ERRORS;
	char list[240];

	if (replicas_list(&t->replicas, 1, failures, list, sizeof list))
		snprintf(out->replicas, sizeof out->replicas, "none stands out: %s", list);
}

void trial_read(const struct trial *t, struct trial_card *out)
{
	struct judge_card j;
	double alpha_srm = -log(t->config.whole.alpha_srm);
	struct replica_finding found;
	int part;

	memset(out, 0, sizeof *out);
	rollout_judge_read(t->whole, &j);
	out->verdict = trial_verdict(t, &part);
	out->tick = t->closed == INT64_MIN ? 0 : t->closed - 1;
	out->decided = j.decided == INT64_MIN ? 0 : j.decided;
	out->step_tick = t->step_tick == INT64_MIN ? 0 : t->step_tick;
	out->share = t->share;
	out->step = j.step;
	out->looks = j.looks;
	read_budget(t, &j, out);
	if (t->config.segments_alone && t->stage_part >= 0 && t->parts[t->stage_part]) {
		struct judge_card own;

		rollout_judge_read(t->parts[t->stage_part], &own);
		memcpy(j.step_n, own.step_n, sizeof j.step_n);
	}
	if (j.worst >= 0)
		str_copy(out->worst, sizeof out->worst, t->config.whole.signals[j.worst].name);
	for (int arm = 0; arm < 2; arm++) {
		out->counted[arm] = t->counted[0][arm];
		out->step_counted[arm] = j.step_n[arm];
		out->late[arm] = j.late[arm];
		out->dropped[arm] = j.dropped[arm];
	}
	for (int i = 0; i < j.signal_count && !t->config.segments_alone; i++)
		read_signal(t, -1, &j, &t->config.whole, i, &out->signals[out->signal_count++]);
	read_parts(t, out);
	read_shifts(t, &j, out);
	out->ratio_requests = fmax(0, j.srm / alpha_srm);
	out->ratio_scores = fmax(0, j.srm_scores / (alpha_srm + log(2)));
	out->ratio_outcomes = fmax(0, j.srm_outcomes / (alpha_srm + log(2)));
	say(t, part, &j, out);
	found = replicas_find(&t->replicas);
	out->replicas_differ = replicas_text(
		&found, "stable", "the candidate", out->replicas, sizeof out->replicas);
	if (!out->replicas_differ && out->verdict == JUDGE_HARM)
		say_servers(t, j.worst, out);
}
