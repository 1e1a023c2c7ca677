/* rollout_verdict.c: from e-values to a verdict, and to the card that shows it. */
#include "backend/judge/rollout_judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/rollout_judge_priv.h"

#define EXPECTED_LEAST 10  /* observations that an arm should have had before it is missing some */
#define CLASSES_LEAST  100 /* outcomes before it is odd that all are the same */
#define PSI_MATERIAL   .1  /* below it a shift is real, but too small to matter */

double judge_line_log_e(const struct rollout_judge *j, const struct judge_line *l, int run)
{
	switch (j->config.signals[l->signal].kind) {
	case JUDGE_MEAN:
		return bounded_mean_log_e(&l->run.mean[run]);
	case JUDGE_LATENCY:
		return exceedance_log_e(&l->run.rate[run]);
	default:
		return proportion_log_e(&l->run.rate[run]);
	}
}

double judge_line_harm(const struct rollout_judge *j, const struct judge_line *l)
{
	return mixture_log_e(
		&l->mix, judge_line_log_e(j, l, RUN_GLOBAL), judge_line_log_e(j, l, RUN_STEP));
}

double judge_signal_harm(const struct rollout_judge *j, int signal)
{
	double sum = -INFINITY;

	for (int i = 0; i < j->line_count; i++)
		if (j->lines[i].signal == signal)
			sum = eprocess_log_add(
				sum, log(j->lines[i].weight) + judge_line_harm(j, &j->lines[i]));
	return sum;
}

/* The least of its lines: each of them must be proven. */
double judge_signal_ok(const struct rollout_judge *j, int signal, int most)
{
	double least = INFINITY;

	for (int i = 0; i < j->line_count; i++) {
		const struct judge_line *l = &j->lines[i];

		if (l->signal == signal)
			least = fmin(least, most ? l->ok_most : judge_line_log_e(j, l, RUN_OK));
	}
	return least;
}

/* Outcomes of one class cannot tell a good model from a broken join. */
static int is_one_class(const struct rollout_judge *j, int signal)
{
	return j->config.signals[signal].outcomes && j->signals[signal].classes != 3;
}

/* Whether an arm has had no data for too long: for `missing_after` ticks in which the other arm's
 * data let some of its own be expected, or had none either. Little traffic is not missing data. */
static int is_silent(const struct rollout_judge *j, const struct judge_signal *s, int arm,
	int64_t now, int64_t *since)
{
	double odds = j->share / (1 - j->share), others;
	int64_t last[2];

	for (int i = 0; i < 2; i++)
		last[i] = s->step.n[i] > 0 ? s->seen[i] : j->step_tick;
	*since = last[arm];
	if (j->step_tick == INT64_MIN || now - last[arm] <= j->config.missing_after)
		return 0;
	others = s->step.n[arm] > 0 ? s->all.n[!arm] - s->beside[arm] : s->step.n[!arm];
	return now - last[!arm] > j->config.missing_after ||
	       others * (arm ? odds : 1 / odds) >= EXPECTED_LEAST;
}

/* Whether a signal has no data, and since which tick. */
static int is_missing(const struct rollout_judge *j, int signal, int64_t now, int64_t *since)
{
	const struct judge_signal *s = &j->signals[signal];

	*since = j->first_tick == INT64_MIN ? now : j->first_tick;
	if (j->share == 0)
		return 1;
	for (int arm = 0; arm < 2; arm++)
		if (j->config.missing_after > 0 ? is_silent(j, s, arm, now, since)
						: s->step.n[arm] <= 0)
			return 1;
	*since = j->first_tick;
	return is_one_class(j, signal) &&
	       (j->config.missing_after == 0 || s->all.n[0] + s->all.n[1] >= CLASSES_LEAST);
}

/* What counts towards HARM: outcomes of one class speak for nobody's harm. */
static double harm_log_e(const struct rollout_judge *j, int signal)
{
	double e = judge_signal_harm(j, signal);

	return is_one_class(j, signal) ? fmin(e, 0) : e;
}

static enum judge_verdict signal_verdict(
	const struct rollout_judge *j, int signal, int64_t now, int64_t *since)
{
	double ok = judge_signal_ok(j, signal, j->config.latch_ok);

	if (is_missing(j, signal, now, since))
		return JUDGE_MISSING;
	if (is_one_class(j, signal))
		return JUDGE_UNDECIDED;
	return ok >= -log(j->config.alpha_ok) ? JUDGE_OK : JUDGE_UNDECIDED;
}

static double shift_psi(const struct rollout_judge *j, int i)
{
	return psi_smooth(j->shifts[i].stable, j->shifts[i].candidate, SHIFT_BINS).adjusted;
}

static int is_shifted(const struct rollout_judge *j, int i, double psi)
{
	return shift_log_e(&j->shifts[i]) >= -log(j->config.alpha_shift) && shift_psi(j, i) >= psi;
}

/* Whether outcomes come from both arms: the mean of the signals' e-values, as several signals may
 * live on the same outcomes. *most = the signal with the most evidence, -1 = none. */
static double outcomes_log_e(const struct rollout_judge *j, int *most)
{
	double sum = -INFINITY;
	int count = 0;

	*most = -1;
	for (int i = 0; i < j->config.signal_count; i++) {
		double e = j->signals[i].arrived.log_e;

		if (!j->config.signals[i].outcomes)
			continue;
		count++;
		sum = eprocess_log_add(sum, e);
		if (*most < 0 || e > j->signals[*most].arrived.log_e)
			*most = i;
	}
	return count ? sum - log((double)count) : 0;
}

/* What the arms are fed must be alike before anything else is believed. The three ratio tests
 * share no budget with harm: a false INVALID freezes, it does not abort. */
static int is_invalid(const struct rollout_judge *j)
{
	double limit = -log(j->config.alpha_srm), half = limit + log(2);
	int most;

	if (j->srm.log_e >= limit)
		return 1;
	if (j->config.presence && (j->srm_scores.log_e >= half || outcomes_log_e(j, &most) >= half))
		return 1;
	for (int i = 1; i < j->config.shifts; i++)
		if (is_shifted(j, i, PSI_MATERIAL))
			return 1;
	return 0;
}

/* `counted`: what may decide; else what is shown, with all that was measured. */
static double total_harm(const struct rollout_judge *j, int counted, int *worst)
{
	double sum = -INFINITY, most = -INFINITY, e;

	*worst = -1;
	for (int i = 0; i < j->config.signal_count; i++) {
		if (!judge_is_staked(&j->config.signals[i]))
			continue;
		e = counted ? harm_log_e(j, i) : judge_signal_harm(j, i);
		e += log(j->signals[i].budget);
		sum = eprocess_log_add(sum, e);
		if (e > most) {
			most = e;
			*worst = i;
		}
	}
	return sum;
}

static void note_most(struct rollout_judge *j)
{
	for (int i = 0; i < j->line_count; i++)
		j->lines[i].ok_most =
			fmax(j->lines[i].ok_most, judge_line_log_e(j, &j->lines[i], RUN_OK));
	for (int i = 0; i < j->config.signal_count; i++)
		j->signals[i].harm_most = fmax(j->signals[i].harm_most, judge_signal_harm(j, i));
}

/* OK, missing or undecided, when it is neither invalid nor harm. */
static enum judge_verdict verdict_of_signals(const struct rollout_judge *j, int64_t now)
{
	int awaited = 0, ok = 0, missing = 0;
	int64_t since;

	for (int i = 0; i < j->config.signal_count; i++) {
		enum judge_verdict v = signal_verdict(j, i, now, &since);

		if (!judge_is_awaited(&j->config.signals[i]))
			continue;
		awaited++;
		ok += v == JUDGE_OK;
		missing += v == JUDGE_MISSING;
	}
	if (missing || !awaited || j->share == 0)
		return JUDGE_MISSING;
	if (ok < awaited || j->step_n[1] < j->config.least_candidate ||
		now - j->step_tick < j->config.least_ticks)
		return JUDGE_UNDECIDED;
	if (j->config.psi_block > 0 && j->config.shifts && is_shifted(j, 0, j->config.psi_block))
		return JUDGE_UNDECIDED;
	return JUDGE_OK;
}

void judge_decide(struct rollout_judge *j, int64_t now)
{
	enum judge_verdict v;
	int worst;

	note_most(j);
	if (j->verdict == JUDGE_INVALID || j->verdict == JUDGE_HARM)
		return;
	if (is_invalid(j))
		v = JUDGE_INVALID;
	else if (total_harm(j, 1, &worst) >= -log(j->config.alpha_harm))
		v = JUDGE_HARM;
	else
		v = verdict_of_signals(j, now);
	if (v == JUDGE_HARM)
		j->worst = worst;
	if (v != j->verdict || j->decided == INT64_MIN)
		j->decided = now;
	j->verdict = v;
}

const char *judge_verdict_name(enum judge_verdict v)
{
	static const char *const names[] = {"missing", "undecided", "ok", "harm", "invalid"};

	return v <= JUDGE_INVALID ? names[v] : "missing";
}

void rollout_judge_bins(const struct rollout_judge *j, int shift, double out[2][10])
{
	memcpy(out[0], j->shifts[shift].stable, sizeof j->shifts[shift].stable);
	memcpy(out[1], j->shifts[shift].candidate, sizeof j->shifts[shift].candidate);
}

static double ratio(double sum, double n)
{
	return n > 0 ? sum / n : (double)NAN;
}

/* Requests on the candidate until OK, if its evidence goes on growing as it did in this step. */
static double requests_left(const struct rollout_judge *j, double log_e_ok)
{
	double need = -log(j->config.alpha_ok) - log_e_ok;

	if (need <= 0)
		return 0;
	return log_e_ok > .2 && j->step_n[1] > 0 ? need * j->step_n[1] / log_e_ok : (double)NAN;
}

/* Of a two-sided signal: whether the evidence is more that the candidate's mean is lower. */
static int is_lower(const struct rollout_judge *j, int signal)
{
	double e[2] = {-INFINITY, -INFINITY};

	for (int i = 0; i < j->line_count; i++)
		if (j->lines[i].signal == signal && j->config.signals[signal].two_sided)
			e[j->lines[i].mirrored] = judge_line_harm(j, &j->lines[i]);
	return e[1] > e[0];
}

/* Of a latency: of its first quantile. */
static struct band_range signal_band(const struct rollout_judge *j, int signal)
{
	for (int i = 0; i < j->line_count; i++)
		if (j->lines[i].signal == signal && j->lines[i].quantile >= 0)
			return slowdown_read(&j->slowdowns[j->lines[i].quantile]);
	return band_read(&j->signals[signal].band);
}

static void signal_read(const struct rollout_judge *j, int i, struct judge_signal_card *c)
{
	const struct judge_signal_config *config = &j->config.signals[i];
	const struct judge_signal *s = &j->signals[i];
	int64_t now = j->closed_before == INT64_MIN ? 0 : j->closed_before - 1;

	*c = (struct judge_signal_card){.log_e_harm = judge_signal_harm(j, i),
		.log_e_harm_most = s->harm_most,
		.log_e_ok = judge_signal_ok(j, i, 0),
		.log_e_ok_most = judge_signal_ok(j, i, 1),
		.harm_limit = config->harm_margin,
		.ok_limit = config->ok_margin * judge_ladder_factor(&j->config, j->share)};
	str_copy(c->name, sizeof c->name, config->name);
	c->verdict = signal_verdict(j, i, now, &c->missing_since);
	if (j->verdict == JUDGE_HARM && j->worst == i)
		c->verdict = JUDGE_HARM;
	c->lower = is_lower(j, i);
	if (judge_is_staked(config))
		c->budget = fmin(1, exp(fmin(700, harm_log_e(j, i)) + log(s->budget) +
					    log(j->config.alpha_harm)));
	c->band = signal_band(j, i);
	c->left = requests_left(j, c->log_e_ok);
	for (int arm = 0; arm < 2; arm++) {
		c->n[arm] = s->all.n[arm];
		c->mean[arm] = ratio(s->all.sum[arm], s->all.n[arm]);
		c->step_n[arm] = s->step.n[arm];
		c->step_mean[arm] = ratio(s->step.sum[arm], s->step.n[arm]);
	}
}

static void say_invalid(const struct rollout_judge *j, char *out, size_t size)
{
	double limit = -log(j->config.alpha_srm);
	const struct srm *s = &j->srm;
	const char *what = "requests";
	int most;

	if (s->log_e < limit && j->srm_scores.log_e >= limit + log(2)) {
		s = &j->srm_scores;
		what = "answers with a score";
	} else if (s->log_e < limit && outcomes_log_e(j, &most) >= limit + log(2)) {
		s = &j->signals[most].arrived;
		what = "outcomes";
	} else if (s->log_e < limit) {
		snprintf(out, size, "the arms are not fed alike: a feature's values differ");
		return;
	}
	snprintf(out, size,
		"the candidate has %.0f of %.0f %s where %.0f were to be expected: what is counted "
		"is not what was routed",
		s->candidate, s->n, what, s->expected);
}

static void say_missing(
	const struct rollout_judge *j, const struct judge_card *c, char *out, size_t size)
{
	static const char *const whose[] = {
		"", " of stable", " of the candidate", " of stable and the candidate"};
	int i = 0;

	while (i < c->signal_count && (c->signals[i].verdict != JUDGE_MISSING ||
					      !judge_is_awaited(&j->config.signals[i])))
		i++;
	if (i == c->signal_count) {
		snprintf(out, size, "no request has been judged yet");
		return;
	}
	if (c->signals[i].step_n[0] <= 0 || c->signals[i].step_n[1] <= 0)
		snprintf(out, size, "%s has no data%s in this step: nothing is passed without it",
			c->signals[i].name,
			whose[(c->signals[i].step_n[0] <= 0) + 2 * (c->signals[i].step_n[1] <= 0)]);
	else if (is_one_class(j, i))
		snprintf(out, size,
			"%s has outcomes of one class only: nothing is passed without both",
			c->signals[i].name);
	else
		snprintf(out, size,
			"%s has had no data since tick %lld: nothing is passed without it",
			c->signals[i].name, (long long)c->signals[i].missing_since);
}

/* "brier is 0.172 on the candidate and 0.148 on stable: worse by more than 0.005" */
static void say_worse(const struct judge_signal_config *config, const struct judge_signal_card *s,
	char *out, size_t size)
{
	double scale = fabs(config->shown_scale) > 0 ? config->shown_scale : 1;
	const char *space = config->shown_unit[0] ? " " : "", *how = "worse";

	if (config->two_sided)
		how = s->lower == (scale > 0) ? "lower" : "higher";
	snprintf(out, size,
		"%s is %.4g%s%s on the candidate and %.4g%s%s on stable: %s by more "
		"than %.3g%s%s",
		s->name, config->shown_zero + scale * s->mean[1], space, config->shown_unit,
		config->shown_zero + scale * s->mean[0], space, config->shown_unit, how,
		fabs(scale) * s->harm_limit, space,
		strcmp(config->shown_unit, "%") == 0 ? "pp" : config->shown_unit);
}

static void say_harm(
	const struct rollout_judge *j, const struct judge_card *c, char *out, size_t size)
{
	const struct judge_signal_config *config = &j->config.signals[j->worst];
	const struct judge_signal_card *s = &c->signals[j->worst];

	if (config->kind == JUDGE_LATENCY)
		snprintf(out, size,
			"%s is more than %.3g %% slower: %.4g %% of the candidate's answers are "
			"above stable's mark so raised, %.4g %% of stable's above the mark",
			s->name, 100 * s->harm_limit, 100 * s->mean[1], 100 * s->mean[0]);
	else
		say_worse(config, s, out, size);
}

static void say(const struct rollout_judge *j, struct judge_card *c)
{
	switch (c->verdict) {
	case JUDGE_INVALID:
		say_invalid(j, c->why, sizeof c->why);
		break;
	case JUDGE_HARM:
		say_harm(j, c, c->why, sizeof c->why);
		break;
	case JUDGE_OK:
		snprintf(c->why, sizeof c->why,
			"every critical signal is proven to be within its limit");
		break;
	case JUDGE_MISSING:
		say_missing(j, c, c->why, sizeof c->why);
		break;
	default:
		snprintf(c->why, sizeof c->why,
			"the evidence is not enough for either side after %.0f requests on the "
			"candidate",
			c->step_n[1]);
	}
}

void rollout_judge_read(const struct rollout_judge *j, struct judge_card *out)
{
	int most;

	memset(out, 0, sizeof *out);
	out->verdict = j->verdict;
	out->tick = j->tick;
	out->decided = j->decided;
	out->share = j->share;
	out->step = j->step;
	out->looks = j->looks;
	out->log_e_harm = total_harm(j, 0, &out->worst);
	out->srm = j->srm.log_e;
	out->srm_scores = j->srm_scores.log_e;
	out->srm_outcomes = outcomes_log_e(j, &most);
	for (int i = 0; i < j->config.shifts; i++) {
		out->shift_log_e[i] = shift_log_e(&j->shifts[i]);
		out->psi[i] = shift_psi(j, i);
	}
	for (int arm = 0; arm < 2; arm++) {
		out->n[arm] = j->n[arm];
		out->step_n[arm] = j->step_n[arm];
		out->late[arm] = j->late[arm];
		out->dropped[arm] = j->dropped[arm];
	}
	out->signal_count = j->config.signal_count;
	for (int i = 0; i < out->signal_count; i++)
		signal_read(j, i, &out->signals[i]);
	say(j, out);
}
