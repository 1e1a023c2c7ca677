/* trial.c: folds answers and outcomes into the judges of a rollout. What is shown of them is in
 * trial_card.c, their bytes in trial_state.c. */
#include "backend/trial/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/calibration.h"
#include "backend/trial/trial_priv.h"

#define LOG_LOSS_MOST 5.0 /* nats: a certain and wrong score must not be worth infinitely much */
#define SECOND_US     INT64_C(1000000)

int trial_config_check(const struct trial_config *c, struct err *e)
{
	int rc = judge_config_check(&c->whole, e);

	if (!rc && c->segment_count > 0)
		rc = judge_config_check(&c->part, e);
	if (!rc && c->segments_alone && c->segment_count == 0)
		rc = err_set(e, ERR_INVALID, "a segmented rollout needs segments");
	for (int i = 0; !rc && i < c->whole.signal_count; i++)
		if (c->signals[i].source != TRIAL_NONE && !(c->signals[i].low < c->signals[i].high))
			rc = err_set(e, ERR_INVALID,
				"signal %s: its lowest value must be below its highest",
				c->whole.signals[i].name);
	return rc;
}

struct trial *trial_new(const struct trial_config *c)
{
	struct trial *t = xcalloc(1, sizeof *t);

	must(trial_config_check(c, NULL) == 0);
	t->config = *c;
	t->whole = rollout_judge_new(&c->whole);
	key_filter_init(&t->keys, TRIAL_KEYS);
	replicas_init(&t->replicas);
	t->step_tick = t->begun = t->closed = INT64_MIN;
	t->stage_part = -1;
	t->other.since = t->other.until = INT64_MIN;
	return t;
}

void trial_free(struct trial *t)
{
	if (!t)
		return;
	rollout_judge_free(t->whole);
	for (int i = 0; i < TRIAL_PARTS; i++)
		rollout_judge_free(t->parts[i]);
	key_filter_release(&t->keys);
	free(t);
}

size_t trial_bytes(const struct trial *t)
{
	size_t n = sizeof *t + rollout_judge_bytes(t->whole) + (size_t)TRIAL_KEYS * 8;

	for (int i = 0; i < TRIAL_PARTS; i++)
		n += t->parts[i] ? rollout_judge_bytes(t->parts[i]) : 0;
	return n;
}

const struct trial_config *trial_get_config(const struct trial *t)
{
	return &t->config;
}

int trial_part_count(const struct trial *t)
{
	return t->config.segment_count ? t->config.segment_count + 1 : 0;
}

int trial_part_find(const struct trial *t, const char *segment)
{
	for (int i = 0; i < t->config.segment_count; i++)
		if (strcmp(t->config.segments[i], segment) == 0)
			return i;
	return trial_part_count(t) - 1;
}

const char *trial_part_name(const struct trial *t, int part)
{
	return part < 0 ? "" : part < t->config.segment_count ? t->config.segments[part] : "other";
}

void trial_warm(struct trial *t, int64_t latency_us)
{
	rollout_judge_warm(t->whole, (double)latency_us / 1e6);
}

double trial_scale(const struct trial_signal *s, double value)
{
	double v = (value - s->low) / (s->high - s->low);

	v = v < 0 ? 0 : v > 1 ? 1 : v;
	return s->lower_is_worse ? 1 - v : v;
}

/* The number that a signal is the mean of; NAN when it has none here. */
static double value_of(enum trial_source source, double score, double outcome)
{
	double p = score < 1e-12 ? 1e-12 : score > 1 - 1e-12 ? 1 - 1e-12 : score;

	switch (source) {
	case TRIAL_SCORE:
		return score;
	case TRIAL_UNSURE:
		return 1 - fabs(2 * score - 1);
	case TRIAL_BRIER:
		return calibration_brier(score, outcome);
	case TRIAL_LOG_LOSS:
		return fmin(LOG_LOSS_MOST, -(outcome > .5 ? log(p) : log(1 - p)));
	case TRIAL_CALIBRATION:
		return score - outcome;
	case TRIAL_DISTANCE:
		return fabs(score - outcome);
	case TRIAL_OUTCOME:
		return outcome;
	default:
		return (double)NAN;
	}
}

static void tally_add(struct trial *t, int part, int signal, int arm, double value)
{
	struct trial_tally *y[2] = {
		&t->tally[0][signal], part < 0 ? NULL : &t->tally[1 + part][signal]};

	for (int i = 0; i < 2 && isfinite(value); i++) {
		if (!y[i])
			continue;
		y[i]->n[arm]++;
		y[i]->sum[arm] += value;
	}
}

static struct rollout_judge *part_judge(struct trial *t, int part)
{
	if (part >= 0 && !t->parts[part]) {
		t->parts[part] = rollout_judge_new(&t->config.part);
		if (t->config.part.borrows_latencies)
			rollout_judge_borrow_latencies(t->parts[part], t->whole);
	}
	return part < 0 ? NULL : t->parts[part];
}

/* One value to the judge of all traffic and to its segment's. */
static void give_value(struct trial *t, int part, int64_t tick, struct judge_value *v, double raw)
{
	struct rollout_judge *own = part_judge(t, part);

	v->value = trial_scale(&t->config.signals[v->signal], raw);
	if (!t->config.segments_alone)
		rollout_judge_value(t->whole, tick, v);
	if (own)
		rollout_judge_value(own, tick, v);
	tally_add(t, part, v->signal, v->candidate, raw);
}

void trial_begin_step(struct trial *t, double share, int64_t tick)
{
	t->share = share;
	t->step_tick = tick;
	memset(t->tally, 0, sizeof t->tally);
	memset(t->latency, 0, sizeof t->latency);
}

void trial_set_stage(struct trial *t, int64_t tick, const char *segment, double share)
{
	t->stage_share = share;
	t->stage_part = *segment ? trial_part_find(t, segment) : -1;
	if (t->config.segments_alone)
		trial_begin_step(t, share, tick);
}

void trial_get_stage(const struct trial *t, char segment[64], double *share)
{
	str_copy(segment, 64, trial_part_name(t, t->stage_part));
	*share = t->stage_share;
}

/* A key may come in several segments of a segmented rollout, each at a share of its own: there the
 * unit is the pair. (FNV-1a of the name, so that it is the same for ever.) */
static uint64_t key_in_segment(uint64_t key, const char *segment)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *segment; segment++)
		h = (h ^ (unsigned char)*segment) * UINT64_C(1099511628211);
	key ^= h;
	return key ? key : 1;
}

double trial_take_answer(struct trial *t, const struct trial_answer *a)
{
	double share = a->share_bp / 10000.0, w = share;
	int64_t tick = a->routed_us / SECOND_US;
	struct judge_request r = {.tick = tick,
		.candidate = a->candidate,
		.share = share,
		.failed = a->failed,
		.latency_s = a->latency_us < 0 ? (double)INFINITY : (double)a->latency_us / 1e6,
		.score = a->score};
	int part = trial_part_find(t, a->segment);
	struct rollout_judge *own;

	for (int i = 0; i < JUDGE_SHIFTS; i++)
		r.feature_bin[i] = -1;
	if (share <= 0 || share >= 1)
		return 0;
	replicas_add(&t->replicas, a->candidate, a->server, a->failed, r.latency_s);
	if (a->key)
		w = key_filter_see(&t->keys,
			t->config.segments_alone ? key_in_segment(a->key, a->segment) : a->key,
			share, a->candidate);
	if (!(w > 0 && w < 1))
		return 0;
	r.w = w;
	if (share != t->share && !t->config.segments_alone)
		trial_begin_step(t, share, tick);
	own = part_judge(t, part);
	/* In a segmented rollout the judge of all traffic keeps the marks of latency only. */
	rollout_judge_request(t->whole, &r);
	if (own)
		rollout_judge_request(own, &r);
	trial_latency_add(&t->latency[a->candidate], a->latency_us, 1);
	t->counted[0][a->candidate]++;
	if (part >= 0)
		t->counted[1 + part][a->candidate]++;
	for (int i = 0; i < t->config.whole.signal_count; i++) {
		struct judge_value v = {
			.signal = i, .candidate = a->candidate, .w = w, .outcome = -1};
		double raw = value_of(t->config.signals[i].source, a->score, (double)NAN);

		if (t->config.whole.signals[i].kind == JUDGE_ERRORS)
			tally_add(t, part, i, a->candidate, a->failed != 0);
		else if (!t->config.signals[i].outcome[0] && isfinite(raw))
			give_value(t, part, tick, &v, raw);
	}
	return w;
}

void trial_take_label(struct trial *t, int64_t tick, const struct trial_label *l)
{
	int part = trial_part_find(t, l->segment);

	if (!(l->w > 0 && l->w < 1))
		return;
	for (int i = 0; i < t->config.whole.signal_count; i++) {
		const struct trial_signal *s = &t->config.signals[i];
		struct judge_value v = {.signal = i,
			.candidate = l->candidate,
			.w = l->w,
			.outcome = l->value == 0 || l->value == 1 ? (int)l->value : -1};
		double raw = value_of(s->source, l->score, l->value);

		if (s->outcome[0] && strcmp(s->outcome, l->name) == 0 && isfinite(raw))
			give_value(t, part, tick, &v, raw);
	}
}

int trial_close(struct trial *t, int64_t before)
{
	int looks = 0;

	while (rollout_judge_close(t->whole, before))
		looks++;
	for (int i = 0; i < TRIAL_PARTS; i++)
		while (t->parts[i] && rollout_judge_close(t->parts[i], before))
			looks++;
	replicas_tick(&t->replicas);
	if (t->begun == INT64_MIN)
		t->begun = before;
	if (before > t->closed)
		t->closed = before;
	return looks;
}

static enum judge_verdict verdict_of(const struct rollout_judge *j)
{
	struct judge_card card;

	if (!j)
		return JUDGE_MISSING;
	rollout_judge_read(j, &card);
	return card.verdict;
}

enum judge_verdict trial_part_verdict(const struct trial *t, int part)
{
	return verdict_of(t->parts[part]);
}

int trial_is_young(const struct trial *t)
{
	int64_t since = t->step_tick > t->begun ? t->step_tick : t->begun;

	return t->closed == INT64_MIN || t->closed < since + t->config.grace_ticks;
}

/* Whether what is judged is the step that the rollout stands at: after a move the answers of the
 * step before are judged for a while. */
static int is_of_stage(const struct trial *t, const struct rollout_judge *j)
{
	struct judge_card card;

	if (t->stage_share <= 0)
		return 1;
	rollout_judge_read(j, &card);
	return card.share == t->stage_share;
}

/* The judge of all traffic says here only whether the arms were fed alike; the segment that stands
 * at a step decides whether it is left. */
static enum judge_verdict stage_verdict(const struct trial *t, enum judge_verdict whole, int *part)
{
	const struct rollout_judge *own = t->stage_part < 0 ? NULL : t->parts[t->stage_part];
	enum judge_verdict v;

	if (whole == JUDGE_INVALID)
		return whole;
	*part = t->stage_part;
	v = own && is_of_stage(t, own) ? verdict_of(own) : JUDGE_MISSING;
	return v == JUDGE_HARM || v == JUDGE_INVALID ? JUDGE_UNDECIDED : v;
}

enum judge_verdict trial_verdict(const struct trial *t, int *part)
{
	enum judge_verdict v = verdict_of(t->whole);

	*part = -1;
	if (t->config.segments_alone)
		v = stage_verdict(t, v, part);
	else if (v == JUDGE_OK && !is_of_stage(t, t->whole))
		v = JUDGE_UNDECIDED;
	for (int i = 0; i < TRIAL_PARTS && v != JUDGE_INVALID; i++) {
		enum judge_verdict own = verdict_of(t->parts[i]);

		if (own <= JUDGE_OK || own <= v)
			continue;
		v = own;
		*part = i;
	}
	/* A step that has just begun has no outcomes yet, and that is nobody's fault. */
	return v == JUDGE_MISSING && trial_is_young(t) ? JUDGE_UNDECIDED : v;
}
