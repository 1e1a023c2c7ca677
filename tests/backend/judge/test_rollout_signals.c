/* test_rollout_signals.c: signals whose outcomes come late, answers that failed, means that may
 * move neither way, and the small judge of a segment that borrows its marks. Seeded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backend/judge/calibration.h"
#include "backend/judge/rollout_judge.h"
#include "tests/bench/chance.h"

enum { ERRORS, LATENCY, BRIER, CALIBRATION };

struct world {
	double share, error[2], slower, score_shift;
	int rate;
};

static const struct world healthy = {.25, {.01, .01}, 1, 0, 200};

static struct judge_config config_new(void)
{
	struct judge_config c = judge_config_default();
	struct judge_signal_config *s;

	c.least_ticks = 5;
	judge_config_add(&c, JUDGE_ERRORS, "error_rate", .005, 0);
	judge_config_add(&c, JUDGE_LATENCY, "latency_p99", .1, .99);
	judge_config_add(&c, JUDGE_MEAN, "brier", .02, 0)->outcomes = 1;
	s = judge_config_add(&c, JUDGE_MEAN, "calibration", .025, 0);
	s->outcomes = s->two_sided = 1;
	s->shown_zero = -1;
	s->shown_scale = 2;
	return c;
}

static void close_all(struct rollout_judge *j, int64_t before)
{
	while (rollout_judge_close(j, before))
		;
}

static struct judge_request request_make(const struct world *w, struct chance *c, int64_t tick)
{
	int arm = chance_is(c, w->share);
	struct judge_request r = {.tick = tick,
		.candidate = arm,
		.share = w->share,
		.w = w->share,
		.failed = chance_is(c, w->error[arm]),
		.latency_s = .05 * exp(.5 * chance_normal(c)) * (arm ? w->slower : 1)};

	r.score = r.failed ? (double)NAN : .1 + .8 * chance_unit(c);
	return r;
}

static void outcomes_give(struct rollout_judge *j, const struct world *w, struct chance *c,
	const struct judge_request *r, int64_t tick)
{
	double score = r->failed ? (double)NAN : r->score;
	int y = chance_is(c, isnan(score) ? .5 : score);
	double told = score + (r->candidate ? w->score_shift : 0);
	struct judge_value v = {.signal = BRIER,
		.candidate = r->candidate,
		.w = r->w,
		.value = calibration_brier(told, y),
		.outcome = y,
		.failed = r->failed};

	rollout_judge_value(j, tick, &v);
	v.signal = CALIBRATION;
	v.value = calibration_residual(told, y);
	rollout_judge_value(j, tick, &v);
}

/* Ticks [from, to), with outcomes at once unless `outcomes` is 0; stops after HARM or INVALID. */
static void play(struct rollout_judge *j, const struct world *w, uint64_t seed, int from, int to,
	int outcomes, struct judge_card *card)
{
	struct chance c = {seed};

	for (int t = from; t < to; t++) {
		for (int i = 0; i < w->rate; i++) {
			struct judge_request r = request_make(w, &c, t);

			rollout_judge_request(j, &r);
			if (outcomes)
				outcomes_give(j, w, &c, &r, t);
		}
		close_all(j, t + 1);
		rollout_judge_read(j, card);
		if (card->verdict >= JUDGE_HARM)
			break;
	}
}

static void late_config(struct judge_config *c)
{
	*c = config_new();
	c->signals[BRIER].late = 1;
	c->signals[CALIBRATION].critical = 0;
	c->signals[CALIBRATION].late = 1;
}

/* Nothing is held back for it, and it is shown as missing where it is. */
static void test_late_signals_hold_nothing_back(void **state)
{
	struct judge_config c;
	struct rollout_judge *j;
	struct judge_card card;

	(void)state;
	late_config(&c);
	j = rollout_judge_new(&c);
	play(j, &healthy, 3, 0, 600, 0, &card);
	assert_int_equal(card.verdict, JUDGE_OK);
	assert_int_equal(card.signals[BRIER].verdict, JUDGE_MISSING);
	rollout_judge_free(j);

	c.signals[BRIER].late = 0;
	j = rollout_judge_new(&c);
	play(j, &healthy, 3, 0, 600, 0, &card);
	assert_int_equal(card.verdict, JUDGE_MISSING);
	rollout_judge_free(j);

	/* With late ones alone there is nothing that could be proven in time. */
	for (int i = 0; i < c.signal_count; i++)
		c.signals[i].late = 1;
	j = rollout_judge_new(&c);
	play(j, &healthy, 3, 0, 600, 1, &card);
	assert_int_equal(card.verdict, JUDGE_MISSING);
	rollout_judge_free(j);
}

/* Three days on: no more requests, only what became of them. */
static void test_late_harm_is_harm(void **state)
{
	struct judge_config c;
	struct rollout_judge *j;
	struct judge_card card;
	struct world bad = healthy;
	struct chance chance = {12};

	(void)state;
	late_config(&c);
	bad.score_shift = .3;
	j = rollout_judge_new(&c);
	play(j, &healthy, 3, 0, 600, 0, &card);
	assert_int_equal(card.verdict, JUDGE_OK);
	for (int t = 260000; t < 260100; t++) {
		for (int i = 0; i < 100; i++) {
			struct judge_request r = request_make(&bad, &chance, t);

			outcomes_give(j, &bad, &chance, &r, t);
		}
		close_all(j, t + 1);
	}
	rollout_judge_read(j, &card);
	assert_int_equal(card.verdict, JUDGE_HARM);
	assert_true(card.worst >= BRIER);
	assert_true(card.signals[BRIER].budget > 0 && card.signals[CALIBRATION].budget > 0);
	rollout_judge_free(j);
}

/* What fails has neither score nor outcome: it is harm, not a fault of the log. */
static void test_failing_candidate_is_harm(void **state)
{
	struct judge_config c = config_new();
	struct world w = healthy;
	struct judge_card card;

	(void)state;
	w.share = .5;
	w.rate = 2000;
	for (int k = 1; k <= 10; k++) {
		struct rollout_judge *j = rollout_judge_new(&c);

		w.error[1] = .1 * k;
		play(j, &w, 3, 0, 60, 1, &card);
		if (card.verdict != JUDGE_HARM)
			fail_msg("%d %% fail: %s (%s)", 10 * k, judge_verdict_name(card.verdict),
				card.why);
		assert_string_equal(card.signals[card.worst].name, "error_rate");
		assert_non_null(strstr(card.why, " % on the candidate"));
		assert_non_null(strstr(card.why, "worse by more than 0.125 pp"));
		assert_true(card.srm_scores < 4 && card.srm_outcomes < 4);
		rollout_judge_free(j);
	}
}

/* Two signals on the same outcomes are no more evidence of a fault than one. */
static void test_outcomes_count_once(void **state)
{
	struct judge_config two = config_new(), one = config_new();
	struct judge_card a, b;

	(void)state;
	one.signals[CALIBRATION].outcomes = 0;
	for (int k = 0; k < 2; k++) {
		struct rollout_judge *j = rollout_judge_new(k ? &two : &one);

		play(j, &healthy, 3, 0, 100, 1, k ? &a : &b);
		rollout_judge_free(j);
	}
	assert_true(fabs(a.srm_outcomes) > .1);
	assert_true(fabs(a.srm_outcomes - b.srm_outcomes) < 1e-12);
}

/* A mean that may move neither way. */
static void test_two_sided(void **state)
{
	static const struct {
		double move, scale;
		enum judge_verdict want;
		const char *why;
	} cases[] = {
		{.3, 0, JUDGE_HARM, "higher by more than 0.025"},
		{-.3, 0, JUDGE_HARM, "lower by more than 0.025"},
		{.3, -4, JUDGE_HARM, "lower by more than 0.1"},
		{0, 0, JUDGE_OK, "within its limit"},
	};

	(void)state;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct judge_config c = judge_config_default();
		struct judge_signal_config *s;
		struct rollout_judge *j;
		struct judge_card card;
		struct chance chance = {4};

		c.least_ticks = 0;
		s = judge_config_add(&c, JUDGE_MEAN, "score_mean", .1, 0);
		s->two_sided = 1;
		s->shown_scale = cases[k].scale;
		j = rollout_judge_new(&c);
		for (int t = 0; t < 100; t++) {
			for (int i = 0; i < 100; i++) {
				int arm = chance_is(&chance, .5);
				struct judge_value v = {.candidate = arm, .w = .5, .outcome = -1};
				struct judge_request r = {.tick = t,
					.candidate = arm,
					.share = .5,
					.w = .5,
					.latency_s = .1,
					.score = .5};

				v.value = .35 + .3 * chance_unit(&chance) + arm * cases[k].move;
				rollout_judge_request(j, &r);
				rollout_judge_value(j, t, &v);
			}
			close_all(j, t + 1);
		}
		rollout_judge_read(j, &card);
		assert_int_equal(card.verdict, cases[k].want);
		if (!strstr(card.why, cases[k].why))
			fail_msg("%s", card.why);
		if (card.verdict == JUDGE_HARM)
			assert_int_equal(card.signals[0].lower, cases[k].move < 0);
		rollout_judge_free(j);
	}
}

/* --- segments --- */

static struct judge_config segment_config(void)
{
	struct judge_config c = config_new();

	c.shifts = 0;
	c.borrows_latencies = 1;
	c.group_slots = 24;
	c.value_slots = 64;
	return c;
}

/* A segment that has a tenth of the traffic and answers twice as slowly as the rest, where the
 * candidate is slower still. */
static void play_both(
	struct rollout_judge *whole, struct rollout_judge *segment, double slower, int from, int to)
{
	struct world w = healthy;
	struct chance c = {21 + (uint64_t)from};

	for (int t = from; t < to; t++) {
		for (int i = 0; i < w.rate; i++) {
			struct judge_request r = request_make(&w, &c, t);

			if (i % 10 == 0)
				r.latency_s *= 2 * (r.candidate ? slower : 1);
			rollout_judge_request(whole, &r);
			outcomes_give(whole, &w, &c, &r, t);
			if (i % 10)
				continue;
			rollout_judge_request(segment, &r);
			outcomes_give(segment, &w, &c, &r, t);
		}
		close_all(whole, t + 1);
		close_all(segment, t + 1);
	}
}

static void test_segment_is_small(void **state)
{
	struct judge_config c = segment_config();
	struct rollout_judge *j = rollout_judge_new(&c);

	(void)state;
	if (rollout_judge_bytes(j) > 16 * 1024)
		fail_msg("a segment takes %zu bytes", rollout_judge_bytes(j));
	rollout_judge_free(j);
}

static void test_segment_borrows_its_marks(void **state)
{
	(void)state;
	for (int harmful = 0; harmful < 2; harmful++) {
		struct judge_config c = config_new(), small = segment_config();
		struct rollout_judge *whole = rollout_judge_new(&c);
		struct rollout_judge *segment = rollout_judge_new(&small);
		struct judge_card card;

		rollout_judge_borrow_latencies(segment, whole);
		play_both(whole, segment, harmful ? 1.6 : 1, 0, 1500);
		rollout_judge_read(segment, &card);
		assert_int_equal(card.verdict, harmful ? JUDGE_HARM : JUDGE_OK);
		if (harmful)
			assert_string_equal(card.signals[card.worst].name, "latency_p99");
		assert_true(card.signals[LATENCY].n[0] > 10000);
		/* The band has the truth: 0 or 60 % slower, 0 pp, 0. */
		assert_true(card.signals[LATENCY].band.low < (harmful ? .6 : 0));
		assert_true(card.signals[LATENCY].band.high > (harmful ? .6 : 0));
		assert_true(card.signals[LATENCY].band.low > -.5);
		for (int i = 0; i < 4; i++)
			assert_true(i == LATENCY || (card.signals[i].band.low < 0 &&
							    card.signals[i].band.high > 0 &&
							    card.signals[i].band.high < .2));
		rollout_judge_free(segment);
		rollout_judge_free(whole);
	}
}

/* Without a judge to borrow from it waits. */
static void test_segment_alone_has_no_latency(void **state)
{
	struct judge_config c = segment_config();
	struct rollout_judge *j = rollout_judge_new(&c);
	struct judge_card card;

	(void)state;
	play(j, &healthy, 3, 0, 100, 1, &card);
	assert_int_equal(card.verdict, JUDGE_MISSING);
	assert_non_null(strstr(card.why, "latency_p99 has no data"));
	rollout_judge_free(j);
}

static struct rollout_judge *saved_and_loaded(
	const struct judge_config *c, struct rollout_judge *j, struct buf *bytes)
{
	struct err e = {0};

	bytes->len = 0;
	rollout_judge_save(j, bytes);
	rollout_judge_free(j);
	j = rollout_judge_load(c, bytes->data, bytes->len, &e);
	assert_non_null(j);
	return j;
}

/* Both saved and loaded every few ticks give the bits of two that were not. */
static void test_segment_save_and_load(void **state)
{
	struct judge_config c = config_new(), small = segment_config();
	struct rollout_judge *whole[2], *segment[2];
	struct buf a = {0}, b = {0};

	(void)state;
	for (int k = 0; k < 2; k++) {
		whole[k] = rollout_judge_new(&c);
		segment[k] = rollout_judge_new(&small);
		rollout_judge_borrow_latencies(segment[k], whole[k]);
	}
	for (int t = 0; t < 60; t += 7) {
		for (int k = 0; k < 2; k++)
			play_both(whole[k], segment[k], 1.1, t, t + 7);
		whole[1] = saved_and_loaded(&c, whole[1], &b);
		segment[1] = saved_and_loaded(&small, segment[1], &b);
		rollout_judge_borrow_latencies(segment[1], whole[1]);
	}
	for (int k = 0; k < 2; k++)
		play_both(whole[k], segment[k], 1.1, 63, 70);
	rollout_judge_save(segment[0], &a);
	b.len = 0;
	rollout_judge_save(segment[1], &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	for (int k = 0; k < 2; k++) {
		rollout_judge_free(segment[k]);
		rollout_judge_free(whole[k]);
	}
	buf_release(&a);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late_signals_hold_nothing_back),
		cmocka_unit_test(test_late_harm_is_harm),
		cmocka_unit_test(test_failing_candidate_is_harm),
		cmocka_unit_test(test_outcomes_count_once),
		cmocka_unit_test(test_two_sided),
		cmocka_unit_test(test_segment_is_small),
		cmocka_unit_test(test_segment_borrows_its_marks),
		cmocka_unit_test(test_segment_alone_has_no_latency),
		cmocka_unit_test(test_segment_save_and_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
