/* test_rollout_judge.c: verdicts, their precedence, missing data, order inside a tick, and a state
 * that is saved and restored at every moment. Seeded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/judge/calibration.h"
#include "backend/judge/rollout_judge.h"
#include "tests/bench/chance.h"

#define BRIER 2

/* What one request may do; play() makes ticks of them. */
struct world {
	double share, error[2], slower, score_shift;
	int rate;
	int no_outcomes, one_class, no_scores,
		lost; /* lost: candidate's answers that never come, in 10 */
	int nan_latency;
};

static const struct world healthy = {.share = .25, .error = {.01, .01}, .slower = 1, .rate = 200};

static struct judge_config config_new(void)
{
	struct judge_config c = judge_config_default();

	c.least_ticks = 5;
	judge_config_add(&c, JUDGE_ERRORS, "error_rate", .005, 0);
	judge_config_add(&c, JUDGE_LATENCY, "latency_p99", .1, .99);
	judge_config_add(&c, JUDGE_MEAN, "brier", .02, 0)->outcomes = 1;
	return c;
}

struct event {
	int is_value;
	struct judge_request request;
	struct judge_value value;
};

/* The events of one tick; returns their number. */
static int tick_make(const struct world *w, struct chance *c, int64_t tick, struct event *out)
{
	int n = 0;

	for (int i = 0; i < w->rate; i++) {
		int arm = chance_is(c, w->share), y = !w->one_class && chance_is(c, .3);
		double score = (y ? .5 : .1) + .4 * chance_unit(c) + (arm ? w->score_shift : 0);
		double latency = .05 * exp(.5 * chance_normal(c)) * (arm ? w->slower : 1);

		if (arm && (int)(chance_bits(c) % 10) < w->lost)
			continue;
		out[n++].request = (struct judge_request){.tick = tick,
			.candidate = arm,
			.share = w->share,
			.w = w->share,
			.failed = chance_is(c, w->error[arm]),
			.latency_s = w->nan_latency ? (double)NAN : latency,
			.score = w->no_scores && arm ? (double)NAN : score};
		if (w->no_outcomes)
			continue;
		out[n++] = (struct event){.is_value = 1,
			.value = {.signal = BRIER,
				.candidate = arm,
				.w = w->share,
				.value = calibration_brier(score, y),
				.outcome = y}};
	}
	return n;
}

static void event_take(struct rollout_judge *j, int64_t tick, const struct event *e)
{
	if (e->is_value)
		rollout_judge_value(j, tick, &e->value);
	else
		rollout_judge_request(j, &e->request);
}

static void close_all(struct rollout_judge *j, int64_t before)
{
	while (rollout_judge_close(j, before))
		;
}

/* Plays ticks [from, to); stops after HARM or INVALID. */
static void play(struct rollout_judge *j, const struct world *w, uint64_t seed, int from, int to,
	struct judge_card *card)
{
	struct event *events = calloc((size_t)w->rate * 2, sizeof *events);
	struct chance c = {seed};

	for (int t = from; t < to; t++) {
		int n;

		memset(events, 0, (size_t)w->rate * 2 * sizeof *events);
		n = tick_make(w, &c, t, events);
		for (int i = 0; i < n; i++)
			event_take(j, t, &events[i]);
		close_all(j, t + 1);
		rollout_judge_read(j, card);
		if (card->verdict >= JUDGE_HARM)
			break;
	}
	free(events);
}

static struct judge_card play_new(const struct world *w, int ticks)
{
	struct judge_config c = config_new();
	struct rollout_judge *j = rollout_judge_new(&c);
	struct judge_card card;

	play(j, w, 7, 0, ticks, &card);
	rollout_judge_free(j);
	return card;
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *name;
		struct world world;
		int ticks;
		enum judge_verdict want;
		const char *worst, *why;
	} cases[] = {
		{"a healthy one is ok", {.25, {.01, .01}, 1, 0, 200, 0, 0, 0, 0, 0}, 600, JUDGE_OK,
			NULL, "within its limit"},
		{"few requests decide nothing", {.25, {.01, .01}, 1, 0, 20, 0, 0, 0, 0, 0}, 10,
			JUDGE_UNDECIDED, NULL, "not enough"},
		{"errors harm", {.25, {.01, .06}, 1, 0, 200, 0, 0, 0, 0, 0}, 300, JUDGE_HARM,
			"error_rate", "error_rate is "},
		{"slowness harms", {.25, {.01, .01}, 2, 0, 200, 0, 0, 0, 0, 0}, 300, JUDGE_HARM,
			"latency_p99", "slower"},
		{"bad scores harm", {.25, {.01, .01}, 1, .3, 200, 0, 0, 0, 0, 0}, 300, JUDGE_HARM,
			"brier", "brier is 0."},
		{"lost answers are invalid, not ok", {.25, {.01, .01}, 1, 0, 200, 0, 0, 0, 3, 0},
			600, JUDGE_INVALID, NULL, "what is counted is not what was routed"},
		{"scores of one arm only are invalid", {.25, {.01, .01}, 1, 0, 200, 0, 0, 1, 0, 0},
			600, JUDGE_INVALID, NULL, "answers with a score"},
		{"no outcomes: missing", {.25, {.01, .01}, 1, 0, 200, 1, 0, 0, 0, 0}, 600,
			JUDGE_MISSING, NULL, "brier has no data"},
		{"outcomes of one class: missing", {.25, {.01, .01}, 1, 0, 200, 0, 1, 0, 0, 0}, 600,
			JUDGE_MISSING, NULL, "one class only"},
		{"one class and bad scores: missing, not harm",
			{.25, {.01, .01}, 1, .3, 200, 0, 1, 0, 0, 0}, 600, JUDGE_MISSING, NULL,
			"brier"},
		{"latencies that are no numbers: missing",
			{.25, {.01, .01}, 1, 0, 200, 0, 0, 0, 0, 1}, 600, JUDGE_MISSING, NULL,
			"latency_p99 has no data"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct judge_card c = play_new(&cases[i].world, cases[i].ticks);

		if (c.verdict != cases[i].want)
			fail_msg(
				"%s: %s (%s)", cases[i].name, judge_verdict_name(c.verdict), c.why);
		if (cases[i].worst)
			assert_string_equal(c.signals[c.worst].name, cases[i].worst);
		if (!strstr(c.why, cases[i].why))
			fail_msg("%s: %s", cases[i].name, c.why);
	}
}

/* Nothing at all, only one arm, and silence after a good start. */
static void test_no_data_never_passes(void **state)
{
	struct judge_config c = config_new();
	struct rollout_judge *j = rollout_judge_new(&c);
	struct judge_card card;

	(void)state;
	close_all(j, 1000000);
	rollout_judge_read(j, &card);
	assert_int_equal(card.verdict, JUDGE_MISSING);
	play(j, &healthy, 3, 1000000, 1000400, &card);
	assert_int_equal(card.verdict, JUDGE_OK);
	close_all(j, 1000400 + c.missing_after);
	rollout_judge_read(j, &card);
	assert_int_equal(card.verdict, JUDGE_OK);
	close_all(j, 1000402 + c.missing_after);
	rollout_judge_read(j, &card);
	assert_int_equal(card.verdict, JUDGE_MISSING);
	assert_int_equal(card.signals[0].missing_since, 1000399);
	assert_true(card.log_e_harm < 4.6);
	rollout_judge_free(j);
}

/* A wrong clock or a replayed log: old ticks come again after they were closed. */
static void test_time_that_jumps_back(void **state)
{
	struct judge_config c = config_new();
	struct rollout_judge *j = rollout_judge_new(&c);
	struct judge_request r = {.tick = 3, .share = .25, .w = .25, .latency_s = .05, .score = .5};
	struct judge_card card;

	(void)state;
	play(j, &healthy, 3, 0, 10, &card);
	rollout_judge_request(j, &r);
	assert_false(rollout_judge_close(j, 10));
	assert_true(rollout_judge_close(j, 11));
	rollout_judge_read(j, &card);
	assert_true(card.late[0] == 1);
	assert_int_equal(card.verdict, JUDGE_UNDECIDED);
	rollout_judge_free(j);
}

static void shuffle(struct event *e, int n, struct chance *c)
{
	for (int i = n - 1; i > 0; i--) {
		int k = (int)(chance_bits(c) % (uint64_t)(i + 1));
		struct event swap = e[i];

		e[i] = e[k];
		e[k] = swap;
	}
}

static void save_equal(const struct rollout_judge *a, const struct rollout_judge *b)
{
	struct buf x = {0}, y = {0};

	rollout_judge_save(a, &x);
	rollout_judge_save(b, &y);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	buf_release(&x);
	buf_release(&y);
}

/* Two judges, one fed in another order within each tick, with two shares and three
 * conditional ones: bit for bit the same. */
static void test_order_inside_a_tick(void **state)
{
	struct judge_config config = config_new();
	struct rollout_judge *a = rollout_judge_new(&config), *b = rollout_judge_new(&config);
	struct event events[600];
	struct chance c = {5}, order = {6};

	(void)state;
	for (int t = 0; t < 120; t++) {
		struct world w = healthy;
		int n;

		memset(events, 0, sizeof events);
		w.share = t < 60 ? .05 : .25;
		n = tick_make(&w, &c, t, events);
		for (int i = 0; t == 60 && i < n / 2; i++)
			if (!events[i].is_value)
				events[i].request.share = events[i].request.w = .05;
		for (int i = 0; t > 60 && i < n; i += 3)
			events[i].request.w = events[i].value.w = i % 2 ? .21 : .2;
		for (int i = 0; i < n; i++)
			event_take(a, t, &events[i]);
		shuffle(events, n, &order);
		for (int i = 0; i < n; i++)
			event_take(b, t, &events[i]);
		close_all(a, t + 1);
		close_all(b, t + 1);
	}
	/* Which group was used last is a matter of speed: let both use the same. */
	rollout_judge_request(a, &events[0].request);
	rollout_judge_request(b, &events[0].request);
	close_all(a, 121);
	close_all(b, 121);
	{
		struct judge_card x, y;

		rollout_judge_read(a, &x);
		rollout_judge_read(b, &y);
		assert_true(x.log_e_harm == y.log_e_harm && x.srm == y.srm);
		assert_true(x.shift_log_e[0] == y.shift_log_e[0]);
		assert_int_equal(x.step, 1);
		for (int i = 0; i < 3; i++) {
			assert_true(x.signals[i].log_e_harm == y.signals[i].log_e_harm);
			assert_true(x.signals[i].log_e_ok == y.signals[i].log_e_ok);
		}
	}
	rollout_judge_free(a);
	rollout_judge_free(b);
}

/* Saved and loaded after every 37th event, in the middle of ticks and at their ends. */
static void test_save_and_load_at_any_moment(void **state)
{
	struct judge_config config = config_new();
	struct rollout_judge *a = rollout_judge_new(&config), *b = rollout_judge_new(&config);
	struct event events[600];
	struct chance c = {8};
	int done = 0;

	(void)state;
	for (int t = 0; t < 60; t++) {
		struct world w = healthy;
		int n;

		memset(events, 0, sizeof events);
		w.share = t < 30 ? .05 : .25;
		n = tick_make(&w, &c, t, events);
		for (int i = 0; i < n; i++) {
			struct buf saved = {0};
			struct err e = {0};

			event_take(a, t, &events[i]);
			event_take(b, t, &events[i]);
			if (i == n - 1 && t % 2) { /* two ticks are open at times */
				close_all(a, t);
				close_all(b, t);
			}
			if (++done % 37)
				continue;
			rollout_judge_save(b, &saved);
			rollout_judge_free(b);
			b = rollout_judge_load(&config, saved.data, saved.len, &e);
			assert_non_null(b);
			save_equal(a, b);
			buf_release(&saved);
		}
	}
	close_all(a, 60);
	close_all(b, 60);
	save_equal(a, b);
	rollout_judge_free(a);
	rollout_judge_free(b);
}

static void test_damage_is_refused(void **state)
{
	struct judge_config config = config_new(), other = config_new();
	struct rollout_judge *j = rollout_judge_new(&config);
	struct judge_card card;
	struct buf saved = {0};
	struct err e = {0};

	(void)state;
	play(j, &healthy, 3, 0, 20, &card);
	rollout_judge_save(j, &saved);
	for (size_t i = 0; i < saved.len; i++) {
		saved.data[i] ^= 0x10;
		assert_null(rollout_judge_load(&config, saved.data, saved.len, &e));
		saved.data[i] ^= 0x10;
	}
	for (size_t n = 0; n < saved.len; n += 11)
		assert_null(rollout_judge_load(&config, saved.data, n, &e));
	other.signals[0].ok_margin = .01;
	assert_null(rollout_judge_load(&other, saved.data, saved.len, &e));
	assert_non_null(strstr(e.message, "another configuration"));
	rollout_judge_free(j);
	j = rollout_judge_load(&config, saved.data, saved.len, &e);
	assert_non_null(j);
	rollout_judge_free(j);
	buf_release(&saved);
}

/* A slow answer, one that never came, and one after its tick was closed. */
static void test_slow_answers_count(void **state)
{
	struct judge_config c = config_new();
	struct judge_request r = {.share = .5, .w = .5, .candidate = 1, .score = .5};
	struct rollout_judge *j;
	struct judge_card card;

	(void)state;
	c.timeout_s = 2;
	j = rollout_judge_new(&c);
	for (int i = 0; i < 1000; i++)
		rollout_judge_warm(j, .05);
	r.latency_s = 1.9;
	rollout_judge_request(j, &r);
	r.latency_s = 2.1;
	rollout_judge_request(j, &r);
	close_all(j, 1);
	r.latency_s = .01;
	rollout_judge_request(j, &r);
	close_all(j, 2);
	rollout_judge_read(j, &card);
	assert_true(card.n[1] == 3 && card.late[1] == 1);
	assert_true(fabs(card.signals[0].mean[1] - 2. / 3) < 1e-12);
	assert_true(card.signals[1].n[1] == 3 && card.signals[1].mean[1] == 1);
	rollout_judge_free(j);
}

/* OK belongs to a step; its limit follows the ladder; more steps than slots are survived. */
static void test_steps(void **state)
{
	static const struct {
		double share, limit;
	} steps[] = {{.01, .025}, {.05, .015}, {.25, .01}, {.5, .005}, {.95, .005}, {.5, .005},
		{.95, .005}};
	struct judge_config c = config_new();
	struct rollout_judge *j = rollout_judge_new(&c);
	struct judge_card card;

	(void)state;
	for (int i = 0; i < 7; i++) {
		struct world w = healthy;

		w.share = steps[i].share;
		play(j, &w, 40 + (uint64_t)i, i * 500, i * 500 + 1, &card);
		assert_int_not_equal(card.verdict, JUDGE_OK);
		assert_int_equal(card.step, i);
		assert_true(card.signals[0].log_e_ok_most < 1);
		assert_true(fabs(card.signals[0].ok_limit - steps[i].limit) < 1e-12);
		play(j, &w, 60 + (uint64_t)i, i * 500 + 1, i * 500 + 500, &card);
		if (i == 2)
			assert_int_equal(card.verdict, JUDGE_OK);
	}
	assert_true(card.verdict < JUDGE_HARM);
	rollout_judge_free(j);
}

/* Harm that begins at the third step is not held up by two good ones. */
static void test_late_harm(void **state)
{
	struct judge_config c = config_new();
	struct rollout_judge *j = rollout_judge_new(&c);
	struct world w = healthy;
	struct judge_card card;

	(void)state;
	w.share = .05;
	play(j, &w, 1, 0, 300, &card);
	w.share = .25;
	w.error[1] = .05;
	play(j, &w, 2, 300, 400, &card);
	assert_int_equal(card.verdict, JUDGE_HARM);
	assert_true(card.step_n[1] < 600);
	rollout_judge_free(j);
}

/* Where memory is short, ticks end early; nothing is lost and nothing is called late. */
static void test_small_memory(void **state)
{
	struct judge_config c = config_new();
	struct rollout_judge *j;
	struct judge_card card;
	struct world w = healthy;
	struct event events[600];
	struct chance chance = {9};
	double n = 0;

	(void)state;
	c.group_slots = 2;
	c.value_slots = 3;
	j = rollout_judge_new(&c);
	for (int t = 0; t < 20; t++) {
		int made;

		memset(events, 0, sizeof events);
		made = tick_make(&w, &chance, t, events);
		for (int i = 0; i < made; i++) {
			if (!events[i].is_value)
				events[i].request.w = .2 + .01 * (i % 5);
			n += !events[i].is_value;
			event_take(j, t, &events[i]);
		}
	}
	close_all(j, 20);
	rollout_judge_read(j, &card);
	assert_true(card.n[0] + card.n[1] == n);
	assert_true(card.late[0] + card.late[1] == 0);
	assert_true(card.signals[BRIER].n[0] + card.signals[BRIER].n[1] == n);
	rollout_judge_free(j);
	c = config_new();
	j = rollout_judge_new(&c);
	assert_true(rollout_judge_bytes(j) <= 256 * 1024);
	rollout_judge_free(j);
}

static void test_bad_configurations(void **state)
{
	struct err e = {0};

	(void)state;
	for (int i = 0; i < 9; i++) {
		struct judge_config c = config_new();

		switch (i) {
		case 0:
			c.signal_count = 0;
			break;
		case 1:
			c.alpha_harm = 0;
			break;
		case 2:
			c.alpha_ok = NAN;
			break;
		case 3:
			c.signals[0].ok_margin = NAN;
			break;
		case 4:
			c.signals[2].ok_margin = 1;
			break;
		case 5:
			c.signals[1].quantile[0] = 1;
			break;
		case 6:
			c.signals[1].quantiles = 0;
			break;
		case 7:
			c.signals[0].weight = 0;
			break;
		default:
			c.steps = 0;
			break;
		}
		assert_int_equal(judge_config_check(&c, &e), ERR_INVALID);
		assert_true(strlen(e.message) > 10);
		assert_int_equal(judge_config_check(&c, NULL), ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_no_data_never_passes),
		cmocka_unit_test(test_time_that_jumps_back),
		cmocka_unit_test(test_order_inside_a_tick),
		cmocka_unit_test(test_save_and_load_at_any_moment),
		cmocka_unit_test(test_damage_is_refused),
		cmocka_unit_test(test_slow_answers_count),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_late_harm),
		cmocka_unit_test(test_small_memory),
		cmocka_unit_test(test_bad_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
