/* shadow.c: see shadow.h. */
#include "backend/trial/shadow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/calibration.h"
#include "backend/judge/paired.h"
#include "backend/judge/visit.h"

#define MAGIC	      UINT64_C(0x776f646168730001)
#define LEAST_PAIRS   100
#define MISSING_AFTER 60 /* seconds without a pair */
#define DIFFER	      .2 /* of the scores' range, where the spec says nothing */

static const struct {
	const char *name, *unit, *effect_unit;
	int decimals;
	double shown; /* from 0..1 to what is shown */
} rows[SHADOW_SIGNALS] = {
	[SHADOW_ERRORS] = {"error_rate", "%", "pp", 2, 100},
	[SHADOW_DISTANCE] = {"score_distance", "", "", 3, 1},
	[SHADOW_CALIBRATION] = {"calibration", "", "", 3, 1},
	[SHADOW_BRIER] = {"brier", "", "", 3, 1},
};

struct line {
	struct one_mean harm[2], ok[2]; /* 1: mirrored, of a signal that may not move either way */
	double n, sum[2];		/* of each version's own value */
	double ok_most;			/* of log E: what was proven stands */
};

struct shadow {
	struct shadow_config config;
	struct line lines[SHADOW_SIGNALS];
	int64_t begun, now, last; /* seconds; last: of the newest pair */
	double dropped, ms[2], timed;
	int harm; /* the signal that proved it + 1; for ever */
	struct trial_example examples[TRIAL_EXAMPLES];
	double apart[TRIAL_EXAMPLES];
};

static const struct spec_signal *signal_of(
	const struct spec_signal *list, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0 && list[i].critical)
			return &list[i];
	return NULL;
}

static void set_limits(struct shadow_config *c, int i, double worse_by, double harm_at)
{
	c->signals[i].judged = 1;
	c->signals[i].ok = fmin(.99, worse_by);
	c->signals[i].harm = isnan(harm_at) ? worse_by / 4 : fmin(.99, harm_at);
}

void shadow_config_init(struct shadow_config *c, const struct spec_endpoint *ep)
{
	struct spec_signal list[SPEC_LIST];
	int count = ep->rollout.signal_count;
	const struct spec_signal *s;
	int alpha = ep->rollout.false_abort[0] ? share_parse(ep->rollout.false_abort, NULL) : 100;
	int yes_or_no = strcmp(ep->task, "binary") == 0;

	if (count)
		memcpy(list, ep->rollout.signals, (size_t)count * sizeof list[0]);
	else
		count = spec_signals_default(ep, list, SPEC_LIST);
	*c = (struct shadow_config){.low = 0,
		.high = 1,
		.alpha_harm = alpha > 0 ? alpha / 10000.0 : .01,
		.alpha_ok = .05,
		.least = LEAST_PAIRS};
	s = signal_of(list, count, "error_rate");
	set_limits(c, SHADOW_ERRORS, s ? s->worse_by : .005, s ? s->harm_at : (double)NAN);
	s = signal_of(list, count, "absolute_error");
	if (s)
		spec_signal_bounds(s, &c->low, &c->high);
	if (ep->score.kind == SOURCE_JSON && (yes_or_no || s)) {
		double differ =
			ep->rollout.differ_bp > 0 ? ep->rollout.differ_bp / 10000.0 : DIFFER;

		set_limits(c, SHADOW_DISTANCE, differ, differ);
	}
	s = signal_of(list, count, "calibration");
	if (s && ep->score.kind == SOURCE_JSON)
		set_limits(c, SHADOW_CALIBRATION, s->worse_by, s->harm_at);
	s = signal_of(list, count, "brier");
	if (s && ep->outcome[0]) {
		set_limits(c, SHADOW_BRIER, s->worse_by, s->harm_at);
		c->signals[SHADOW_BRIER].late = ep->outcome_within_ms > ep->rollout.shadow_for_ms;
	}
}

struct shadow *shadow_new(const struct shadow_config *c)
{
	struct shadow *s = xcalloc(1, sizeof *s);

	s->config = *c;
	for (int i = 0; i < SHADOW_SIGNALS; i++) {
		double lo = i == SHADOW_DISTANCE ? 0 : -1;

		for (int k = 0; k < 2; k++) {
			one_mean_init(&s->lines[i].harm[k], SIDE_HARM, c->signals[i].harm, lo);
			one_mean_init(&s->lines[i].ok[k], SIDE_OK, c->signals[i].ok, lo);
		}
	}
	return s;
}

void shadow_free(struct shadow *s)
{
	free(s);
}

/* -- kept over a restart -- */

static void walk_mean(struct visit *v, struct one_mean *m)
{
	visit_doubles(v, m->log_w, EPROCESS_GRID);
	visit_doubles(v, m->eta, EPROCESS_GRID);
	visit_doubles(v, &m->n, 1);
	visit_doubles(v, &m->sum, 1);
	visit_doubles(v, &m->squares, 1);
}

static void walk_line(struct visit *v, struct line *l)
{
	for (int k = 0; k < 2; k++) {
		walk_mean(v, &l->harm[k]);
		walk_mean(v, &l->ok[k]);
	}
	visit_doubles(v, &l->n, 1);
	visit_doubles(v, l->sum, 2);
	visit_doubles(v, &l->ok_most, 1);
}

/* The config goes along to be compared: walked into a copy when reading. */
static void walk_config(struct visit *v, struct shadow_config *c)
{
	for (int i = 0; i < SHADOW_SIGNALS; i++) {
		visit_int(v, &c->signals[i].judged);
		visit_int(v, &c->signals[i].late);
		visit_doubles(v, &c->signals[i].ok, 1);
		visit_doubles(v, &c->signals[i].harm, 1);
	}
	visit_doubles(v, &c->low, 1);
	visit_doubles(v, &c->high, 1);
	visit_doubles(v, &c->alpha_harm, 1);
	visit_doubles(v, &c->alpha_ok, 1);
	visit_doubles(v, &c->least, 1);
}

static void walk(struct visit *v, struct shadow *s)
{
	uint64_t magic = MAGIC;

	visit_u64(v, &magic);
	v->failed |= magic != MAGIC;
	walk_config(v, &s->config);
	for (int i = 0; i < SHADOW_SIGNALS; i++)
		walk_line(v, &s->lines[i]);
	visit_i64(v, &s->begun);
	visit_i64(v, &s->now);
	visit_i64(v, &s->last);
	visit_doubles(v, &s->dropped, 1);
	visit_doubles(v, s->ms, 2);
	visit_doubles(v, &s->timed, 1);
	visit_int(v, &s->harm);
	v->failed |= s->harm < 0 || s->harm > SHADOW_SIGNALS;
	for (int i = 0; i < TRIAL_EXAMPLES; i++) {
		visit_text(v, s->examples[i].id, sizeof s->examples[i].id);
		visit_doubles(v, s->examples[i].score, 2);
		visit_int(v, &s->examples[i].status[0]);
		visit_int(v, &s->examples[i].status[1]);
	}
	visit_doubles(v, s->apart, TRIAL_EXAMPLES);
}

void shadow_save(const struct shadow *s, struct buf *out)
{
	struct shadow copy = *s; /* the walk is the same for both ways */
	struct visit v = {.out = out};

	walk(&v, &copy);
}

static int same_config(const struct shadow_config *a, const struct shadow_config *b)
{
	struct shadow_config one = *a, two = *b;
	struct buf bytes[2] = {{0}, {0}};
	struct visit v = {.out = &bytes[0]}, u = {.out = &bytes[1]};
	int same;

	walk_config(&v, &one);
	walk_config(&u, &two);
	same = bytes[0].len == bytes[1].len &&
	       memcmp(bytes[0].data, bytes[1].data, bytes[0].len) == 0;
	buf_release(&bytes[0]);
	buf_release(&bytes[1]);
	return same;
}

struct shadow *shadow_load(const struct shadow_config *c, const void *data, size_t n, struct err *e)
{
	struct shadow *s = shadow_new(c);
	struct visit v = {.at = data, .left = n};

	walk(&v, s);
	if (!v.failed && v.left == 0 && same_config(&s->config, c))
		return s;
	err_set(e, ERR_INVALID,
		v.failed || v.left ? "the kept state of the shadow is damaged"
				   : "the kept state of the shadow is of other limits");
	shadow_free(s);
	return NULL;
}

static int is_two_sided(int i)
{
	return i == SHADOW_CALIBRATION;
}

/* Of one signal: half of the stake lies on each side of one that has two; ok needs both. */
static double line_harm(const struct shadow *s, int i)
{
	const struct line *l = &s->lines[i];
	double a = one_mean_log_e(&l->harm[0]), b = one_mean_log_e(&l->harm[1]), most = fmax(a, b);

	return is_two_sided(i) ? most + log((exp(a - most) + exp(b - most)) / 2) : a;
}

static double line_ok(const struct shadow *s, int i)
{
	const struct line *l = &s->lines[i];
	double a = one_mean_log_e(&l->ok[0]);

	return is_two_sided(i) ? fmin(a, one_mean_log_e(&l->ok[1])) : a;
}

/* log of the mean of E over the signals that are judged. */
static double log_e_harm(const struct shadow *s)
{
	double most = -INFINITY, sum = 0;
	int n = 0;

	for (int i = 0; i < SHADOW_SIGNALS; i++)
		if (s->config.signals[i].judged)
			most = fmax(most, line_harm(s, i));
	for (int i = 0; i < SHADOW_SIGNALS; i++)
		if (s->config.signals[i].judged) {
			sum += exp(line_harm(s, i) - most);
			n++;
		}
	return n ? most + log(sum / n) : 0;
}

/* What log E of one signal alone has to reach. */
static double need_of(const struct shadow *s)
{
	int n = 0;

	for (int i = 0; i < SHADOW_SIGNALS; i++)
		n += s->config.signals[i].judged != 0;
	return log(n) - log(s->config.alpha_harm);
}

static int worst(const struct shadow *s)
{
	int at = SHADOW_ERRORS;

	for (int i = 0; i < SHADOW_SIGNALS; i++)
		if (s->config.signals[i].judged && line_harm(s, i) > line_harm(s, at))
			at = i;
	return at;
}

void shadow_look(struct shadow *s, int64_t now)
{
	if (!s->begun)
		s->begun = s->last = now;
	s->now = now;
	for (int i = 0; i < SHADOW_SIGNALS; i++) {
		for (int k = 0; k < 2; k++) {
			one_mean_begin(&s->lines[i].harm[k]);
			one_mean_begin(&s->lines[i].ok[k]);
		}
		if (s->config.signals[i].judged)
			s->lines[i].ok_most = fmax(s->lines[i].ok_most, line_ok(s, i));
	}
	if (!s->harm && log_e_harm(s) >= -log(s->config.alpha_harm))
		s->harm = worst(s) + 1;
}

static void add(struct shadow *s, int i, double x, double stable, double candidate)
{
	struct line *l = &s->lines[i];

	if (!s->config.signals[i].judged || !isfinite(x))
		return;
	for (int k = 0; k < 2; k++) {
		one_mean_add(&l->harm[k], k ? -x : x);
		one_mean_add(&l->ok[k], k ? -x : x);
	}
	l->n++;
	l->sum[0] += stable;
	l->sum[1] += candidate;
}

/* The pairs that differ most are kept to be looked at. */
static void keep_example(struct shadow *s, const struct shadow_pair *p, double apart)
{
	int at = 0;

	if (p->failed[0] != p->failed[1])
		apart = 2;
	for (int i = 1; i < TRIAL_EXAMPLES; i++)
		if (s->apart[i] < s->apart[at])
			at = i;
	if (!(apart > s->apart[at]))
		return;
	s->apart[at] = apart;
	s->examples[at] = (struct trial_example){
		.score = {p->score[0], p->score[1]}, .status = {p->status[0], p->status[1]}};
	str_copy(s->examples[at].id, sizeof s->examples[at].id, p->id);
}

void shadow_add_pair(struct shadow *s, const struct shadow_pair *p)
{
	double range = s->config.high - s->config.low;
	double apart = fabs(p->score[1] - p->score[0]) / range;

	s->last = p->second > s->last ? p->second : s->last;
	add(s, SHADOW_ERRORS, p->failed[1] - p->failed[0], p->failed[0], p->failed[1]);
	/* A candidate that answers without a score where stable had one is as far away as can be.
	 */
	if (!p->failed[0] && !p->failed[1] && isfinite(p->score[0])) {
		double x = isfinite(apart) ? fmin(1, apart) : 1;

		add(s, SHADOW_DISTANCE, x, 0, x);
		add(s, SHADOW_CALIBRATION, p->score[1] - p->score[0], p->score[0], p->score[1]);
	}
	if (p->ms[0] >= 0 && p->ms[1] >= 0) {
		s->timed++;
		s->ms[0] += p->ms[0];
		s->ms[1] += p->ms[1];
	}
	keep_example(s, p, isfinite(apart) ? apart : 0);
}

void shadow_add_outcome(struct shadow *s, const double score[2], double outcome)
{
	double loss[2];

	for (int i = 0; i < 2; i++)
		loss[i] = calibration_brier(score[i], outcome);
	add(s, SHADOW_BRIER, loss[1] - loss[0], loss[0], loss[1]);
}

void shadow_add_dropped(struct shadow *s, int64_t n)
{
	s->dropped += (double)n;
}

/* -- the card -- */

static enum judge_verdict signal_verdict(const struct shadow *s, int i)
{
	const struct line *l = &s->lines[i];

	if (line_harm(s, i) >= need_of(s))
		return JUDGE_HARM;
	if (l->n == 0)
		return JUDGE_MISSING;
	return l->ok_most >= -log(s->config.alpha_ok) ? JUDGE_OK : JUDGE_UNDECIDED;
}

static void read_signal(const struct shadow *s, int i, struct trial_signal_card *c)
{
	const struct line *l = &s->lines[i];
	double need = need_of(s);

	*c = (struct trial_signal_card){.decimals = rows[i].decimals,
		.critical = 1,
		.late = s->config.signals[i].late,
		.verdict = signal_verdict(s, i),
		.stable = l->n ? l->sum[0] / l->n * rows[i].shown : (double)NAN,
		.candidate = l->n ? l->sum[1] / l->n * rows[i].shown : (double)NAN,
		.low = (double)NAN,
		.high = (double)NAN,
		.limit_ok = s->config.signals[i].ok * rows[i].shown,
		.limit_harm = s->config.signals[i].harm * rows[i].shown,
		.n = {l->n, l->n},
		.budget_spent = s->config.alpha_harm * fmin(1, exp(line_harm(s, i) - need)),
		.left = (double)NAN,
		.evidence = fmax(0, line_harm(s, i) / need),
		.evidence_ok = fmax(0, l->ok_most / -log(s->config.alpha_ok))};
	c->effect = c->candidate - c->stable;
	if (c->verdict == JUDGE_MISSING)
		c->missing_since = s->begun;
	str_copy(c->name, sizeof c->name, rows[i].name);
	str_copy(c->unit, sizeof c->unit, rows[i].unit);
	str_copy(c->effect_unit, sizeof c->effect_unit, rows[i].effect_unit);
}

static void read_latency(const struct shadow *s, struct trial_signal_card *c)
{
	*c = (struct trial_signal_card){.decimals = 1,
		.verdict = JUDGE_UNDECIDED,
		.stable = s->timed ? s->ms[0] / s->timed : (double)NAN,
		.candidate = s->timed ? s->ms[1] / s->timed : (double)NAN,
		.low = (double)NAN,
		.high = (double)NAN,
		.limit_ok = (double)NAN,
		.limit_harm = (double)NAN,
		.n = {s->timed, s->timed},
		.left = (double)NAN};
	c->effect = 100 * (c->candidate / c->stable - 1);
	str_copy(c->name, sizeof c->name, "latency_mean");
	str_copy(c->unit, sizeof c->unit, "ms");
	str_copy(c->effect_unit, sizeof c->effect_unit, "%");
}

static void say_harm(const struct trial_signal_card *c, char *out, size_t size)
{
	const char *space = *c->unit ? " " : "";

	if (strcmp(c->name, "score_distance") == 0)
		snprintf(out, size,
			"shadow: the scores are %.3f apart in the mean of %.0f pairs, harm proven "
			"above %.3g",
			c->candidate, c->n[1], c->limit_harm);
	else if (strcmp(c->name, "calibration") == 0)
		snprintf(out, size,
			"shadow: the scores are %+.3f off stable's in the mean of %.0f pairs, and "
			"so is "
			"their calibration: harm proven above %.3g",
			c->candidate - c->stable, c->n[1], c->limit_harm);
	else
		snprintf(out, size,
			"shadow: %s %.*f%s%s against %.*f%s%s in %.0f pairs, harm proven above "
			"%+.3g%s%s",
			c->name, c->decimals, c->candidate, space, c->unit, c->decimals, c->stable,
			space, c->unit, c->n[1], c->limit_harm, *c->effect_unit ? " " : "",
			c->effect_unit);
}

static enum judge_verdict verdict_of(const struct shadow *s, char *why, size_t size)
{
	double pairs = s->lines[SHADOW_ERRORS].n;

	if (s->now - s->last > MISSING_AFTER) {
		snprintf(why, size, "shadow: no pair of answers for %lld s",
			(long long)(s->now - s->last));
		return JUDGE_MISSING;
	}
	if (pairs < s->config.least) {
		snprintf(why, size, "shadow: %.0f pairs of answers, %.0f are the least", pairs,
			s->config.least);
		return JUDGE_UNDECIDED;
	}
	for (int i = 0; i < SHADOW_SIGNALS; i++) {
		enum judge_verdict v = signal_verdict(s, i);

		if (!s->config.signals[i].judged || s->config.signals[i].late || v == JUDGE_OK)
			continue;
		snprintf(why, size,
			v == JUDGE_MISSING ? "shadow: %s has no data yet"
					   : "shadow: %s is not proven after %.0f pairs",
			rows[i].name, pairs);
		return JUDGE_UNDECIDED;
	}
	snprintf(why, size,
		"shadow: every critical signal is proven within its limit by %.0f pairs", pairs);
	return JUDGE_OK;
}

static int by_apart(const void *a, const void *b)
{
	const struct trial_example *x = a, *y = b;
	double p = fabs(x->score[1] - x->score[0]), q = fabs(y->score[1] - y->score[0]);

	p = isfinite(p) ? p : 2;
	q = isfinite(q) ? q : 2;
	return p > q ? -1 : p < q;
}

void shadow_read(const struct shadow *s, struct trial_card *out)
{
	memset(out, 0, sizeof *out);
	out->tick = s->now;
	out->step_tick = s->begun;
	out->budget = s->config.alpha_harm;
	for (int i = 0; i < SHADOW_SIGNALS; i++) {
		if (!s->config.signals[i].judged)
			continue;
		read_signal(s, i, &out->signals[out->signal_count]);
		out->budget_spent += out->signals[out->signal_count++].budget_spent;
	}
	read_latency(s, &out->signals[out->signal_count++]);
	out->counted[0] = out->counted[1] = s->lines[SHADOW_ERRORS].n;
	memcpy(out->step_counted, out->counted, sizeof out->counted);
	out->dropped[1] = s->dropped;
	for (int i = 0; i < TRIAL_EXAMPLES; i++)
		if (s->examples[i].id[0])
			out->examples[out->example_count++] = s->examples[i];
	qsort(out->examples, (size_t)out->example_count, sizeof out->examples[0], by_apart);
	str_copy(out->worst, sizeof out->worst, rows[worst(s)].name);
	if (s->harm) {
		struct trial_signal_card c;

		out->verdict = JUDGE_HARM;
		read_signal(s, s->harm - 1, &c);
		say_harm(&c, out->why, sizeof out->why);
	} else {
		out->verdict = verdict_of(s, out->why, sizeof out->why);
	}
}
