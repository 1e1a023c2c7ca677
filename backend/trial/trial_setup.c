/* trial_setup.c: see trial_setup.h. One row of wire/signals.def is one kind of test. */
#include "backend/trial/trial_setup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define MISSING_TICKS  60
#define PRIOR_MOST     1000 /* what is known beforehand never outweighs the rollout itself */
#define OBSERVED_STEPS 5    /* somebody else makes them */
#define PART_GROUPS    16
#define PART_VALUES    64
#define TAIL_LEAST     2000 /* latencies of stable before p99 is judged, and other quantiles */
#define QUANTILE_LEAST 500

enum kind { ERRORS, LATENCY, MEAN, TWO_SIDED, SHIFT, COUNT };

static const struct row {
	const char *name, *unit;
	enum kind kind;
	int decimals;
} rows[] = {
#define SIGNAL(name, kind, unit, decimals, needs, tasks, help) {#name, unit, kind, decimals},
#include "backend/wire/signals.def"
#undef SIGNAL
};

static const struct {
	const char *name;
	enum trial_source source;
	int outcome; /* made of the endpoint's outcome */
} sources[] = {
	{"score_mean", TRIAL_SCORE, 0},
	{"confidence", TRIAL_UNSURE, 0},
	{"brier", TRIAL_BRIER, 1},
	{"log_loss", TRIAL_LOG_LOSS, 1},
	{"calibration", TRIAL_CALIBRATION, 1},
	{"absolute_error", TRIAL_DISTANCE, 1},
};
_Static_assert(SPEC_JUDGED == JUDGE_MOST_SIGNALS, "the spec refuses what the judge cannot hold");

static const struct row *row_find(const char *name)
{
	static const struct row posted = {"outcome", "", MEAN, 3};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return strncmp(name, "outcome:", 8) == 0 ? &posted : NULL;
}

void trial_setup_init(struct trial_setup *s, const struct spec_endpoint *ep)
{
	*s = (struct trial_setup){.endpoint = xcalloc(1, sizeof *ep), .speed = 1};
	memcpy(s->endpoint, ep, sizeof *ep);
}

void trial_setup_release(struct trial_setup *s)
{
	free(s->endpoint);
	s->endpoint = NULL;
}

int trial_setup_signals(const struct spec_endpoint *ep, struct spec_signal out[SPEC_LIST])
{
	if (!ep->rollout.signal_count)
		return spec_signals_default(ep, out, SPEC_LIST);
	memcpy(out, ep->rollout.signals, (size_t)ep->rollout.signal_count * sizeof *out);
	return ep->rollout.signal_count;
}

int trial_setup_is_late(const struct trial_setup *s)
{
	struct spec_step steps[SPEC_STEPS];
	int count = spec_steps_parse(s->steps, steps, NULL);
	int64_t longest = 0;

	for (int i = 0; i < count; i++)
		if (steps[i].least_ms > longest)
			longest = steps[i].least_ms;
	return s->endpoint->outcome_within_ms > longest;
}

static double quantile_of(const char *name)
{
	return strstr(name, "p50") ? .5 : strstr(name, "p90") ? .9 : .99;
}

static const struct trial_prior *prior_of(const struct trial_setup *s, enum trial_source source)
{
	static const struct trial_prior none = {0};

	return source == TRIAL_SCORE ? &s->score : source == TRIAL_BRIER ? &s->brier : &none;
}

/* Where the values of a mean come from, with the bounds that make them 0..1. */
static void fill_source(
	const struct spec_endpoint *ep, const struct spec_signal *how, struct trial_signal *s)
{
	s->source = TRIAL_OUTCOME;
	spec_signal_bounds(how, &s->low, &s->high);
	s->lower_is_worse = how->lower_is_worse;
	if (strncmp(how->name, "outcome:", 8) == 0)
		str_copy(s->outcome, sizeof s->outcome, how->name + 8);
	for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
		if (strcmp(sources[i].name, how->name) != 0)
			continue;
		s->source = sources[i].source;
		if (sources[i].outcome)
			str_copy(s->outcome, sizeof s->outcome, ep->outcome);
	}
}

static void fill_prior(const struct trial_setup *setup, const struct trial_signal *s,
	enum judge_kind kind, struct judge_signal_config *j)
{
	const struct trial_prior *p =
		kind == JUDGE_ERRORS ? &setup->errors : prior_of(setup, s->source);

	if (p->n <= 0)
		return;
	j->prior_n = fmin(p->n, PRIOR_MOST);
	j->prior_mean = fmin(fmax(p->mean, 1e-4), 1 - 1e-4);
	if (p->sd > 0)
		j->prior_sd = p->sd;
}

static int add_signal(const struct trial_setup *setup, const struct spec_signal *how,
	const struct row *row, struct trial_config *out, struct err *e)
{
	enum judge_kind kind = row->kind == ERRORS    ? JUDGE_ERRORS
			       : row->kind == LATENCY ? JUDGE_LATENCY
						      : JUDGE_MEAN;
	struct trial_signal s = {.decimals = row->decimals, .low = 0, .high = 1};
	double range, margin = isnan(how->worse_by) ? 0 : how->worse_by;
	struct judge_signal_config *j;

	if (kind == JUDGE_MEAN)
		fill_source(setup->endpoint, how, &s);
	range = s.high - s.low;
	str_copy(s.unit, sizeof s.unit, row->unit);
	str_copy(s.effect_unit, sizeof s.effect_unit,
		kind == JUDGE_ERRORS	? "pp"
		: kind == JUDGE_LATENCY ? "%"
					: "");
	j = judge_config_add(&out->whole, kind, how->name, margin / range, quantile_of(how->name));
	if (!j)
		return err_set(e, ERR_INVALID,
			"a rollout is judged by at most %d signals, and %s is one more",
			JUDGE_MOST_SIGNALS, how->name);
	j->critical = how->critical;
	j->two_sided = row->kind == TWO_SIDED;
	/* Outcomes that are no yes or no have no classes to miss. */
	j->outcomes = s.source == TRIAL_BRIER || s.source == TRIAL_LOG_LOSS ||
		      s.source == TRIAL_CALIBRATION;
	if (!isnan(how->harm_at))
		j->harm_margin = how->harm_at / range;
	if (s.outcome[0] && how->critical && trial_setup_is_late(setup)) {
		j->late = 1;
		j->critical = 0;
	}
	if (kind == JUDGE_LATENCY && j->quantile[0] > .95)
		out->whole.latency_least = TAIL_LEAST;
	fill_prior(setup, &s, kind, j);
	out->signals[j - out->whole.signals] = s;
	return 0;
}

static int add_signals(const struct trial_setup *s, struct trial_config *out, struct err *e)
{
	struct spec_signal list[SPEC_LIST];
	int count = trial_setup_signals(s->endpoint, list), rc = 0;

	for (int i = 0; !rc && i < count; i++) {
		const struct row *row = row_find(list[i].name);

		if (!row)
			return err_set(e, ERR_INVALID, "there is no signal %s", list[i].name);
		if (row->kind == SHIFT) {
			out->psi_warn = isnan(list[i].psi) ? .2 : list[i].psi;
			out->whole.psi_block = list[i].critical ? out->psi_warn : 0;
			out->whole.shifts = 1;
		} else if (row->kind != COUNT) {
			rc = add_signal(s, &list[i], row, out, e);
		}
	}
	return rc;
}

/* Half of the budget is for all traffic, half for its segments in equal parts; where segments are
 * judged alone they have all of it. */
static void split_budget(const struct trial_setup *s, struct trial_config *out)
{
	int parts = out->segment_count + 1;

	out->part = out->whole;
	out->part.shifts = 0;
	out->part.psi_block = 0;
	out->part.presence = 0;
	out->part.group_slots = PART_GROUPS;
	out->part.value_slots = PART_VALUES;
	for (int i = 0; i < out->part.signal_count; i++)
		out->part.borrows_latencies |= out->part.signals[i].kind == JUDGE_LATENCY;
	if (!out->segment_count)
		return;
	out->segments_alone = strcmp(s->pattern, "segmented") == 0;
	if (!out->segments_alone)
		out->whole.alpha_harm /= 2;
	out->part.alpha_harm = out->whole.alpha_harm / parts;
	out->part.alpha_srm = out->whole.alpha_srm / parts;
}

int trial_setup_config(const struct trial_setup *s, struct trial_config *out, struct err *e)
{
	const struct spec_rollout *r = &s->endpoint->rollout;
	struct spec_step steps[SPEC_STEPS];
	int observed = spec_is_observed(s->endpoint);
	int count = observed ? 0 : spec_steps_parse(s->steps, steps, e), alpha, rc;

	if (count < 0)
		return count;
	memset(out, 0, sizeof *out);
	out->whole = judge_config_default();
	alpha = r->false_abort[0] ? share_parse(r->false_abort, e) : 100;
	if (alpha < 0)
		return alpha;
	out->whole.alpha_harm = alpha / 10000.0;
	out->whole.shifts = 0;
	out->whole.steps = count > 0 ? count : 1;
	out->whole.least_ticks = 0; /* how long a step lasts is the engine's to see */
	out->whole.latency_least = QUANTILE_LEAST;
	out->whole.missing_after = MISSING_TICKS;
	if (observed) { /* the other half is for what comes late: see acts/observing.c */
		out->whole.missing_after =
			(spec_metrics_stale(&s->endpoint->metrics) / 2 + 999) / 1000;
		out->whole.steps = OBSERVED_STEPS;
	}
	out->whole.timeout_s = (double)s->endpoint->timeout_ms / 1000;
	out->whole.presence = s->endpoint->score.kind != SOURCE_NONE;
	out->segment_count = s->segment_count;
	memcpy(out->segments, s->segments, sizeof out->segments);
	rc = add_signals(s, out, e);
	if (rc)
		return rc;
	split_budget(s, out);
	out->maturity_ticks =
		s->endpoint->outcome[0] ? (s->endpoint->outcome_within_ms + 999) / 1000 : 0;
	out->grace_ticks = (trial_setup_is_late(s) ? 0 : out->maturity_ticks) +
			   out->whole.missing_after + (int64_t)out->whole.timeout_s + 2;
	return trial_config_check(out, e);
}
