/* test_power.c: what a plan says that a rollout would see is what simulated rollouts see, and the
 * words about it. Seeded; `make bench-judge` does the same with more runs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backend/judge/power.h"
#include "tests/bench/chance.h"

enum { ERRORS, LATENCY, BRIER };

/* One signal is judged: the one of the case. */
struct play {
	int signal;
	double share, rate, base, harm; /* rate: requests a second, whole */
	int seconds, tick_s;
};

static struct judge_config config_new(int signal, int steps)
{
	struct judge_config c = judge_config_default();
	struct judge_signal_config *s;

	c.steps = steps;
	c.least_ticks = 0;
	c.shifts = 0;
	c.presence = 0;
	c.group_slots = 4;
	if (signal == ERRORS) {
		s = judge_config_add(&c, JUDGE_ERRORS, "error_rate", .005, 0);
	} else if (signal == LATENCY) {
		s = judge_config_add(&c, JUDGE_LATENCY, "latency_p99", .2, .99);
	} else {
		s = judge_config_add(&c, JUDGE_MEAN, "brier", .02, 0);
		s->prior_mean = .15;
		s->prior_n = 100;
		s->prior_sd = .1;
	}
	return c;
}

static struct power_plan plan_new(const struct judge_config *c, double share, double rate)
{
	struct power_plan p = {.config = c, .rate = rate, .step_count = 1};

	p.steps[0] = (struct power_step){share, 300};
	p.signals[0] = (struct power_signal){.01, 0, 1};
	if (c->signals[0].kind == JUDGE_LATENCY)
		p.signals[0].sd = .5;
	else if (c->signals[0].kind == JUDGE_MEAN)
		p.signals[0] = (struct power_signal){.15, .1, 1};
	return p;
}

static void request_play(struct rollout_judge *j, const struct play *w, struct chance *c, int64_t t)
{
	int arm = chance_is(c, w->share);
	double harm = arm ? w->harm : 0;
	struct judge_request r = {.tick = t,
		.candidate = arm,
		.share = w->share,
		.w = w->share,
		.latency_s = NAN,
		.score = .5};
	struct judge_value v = {.candidate = arm, .w = w->share, .outcome = -1};

	if (w->signal == ERRORS)
		r.failed = chance_is(c, w->base + harm);
	else if (w->signal == LATENCY)
		r.latency_s = .05 * exp(.5 * chance_normal(c)) * (1 + harm);
	rollout_judge_request(j, &r);
	if (w->signal != BRIER)
		return;
	/* Mean .15, deviation .1: a square of a uniform number has 1/3 and .298. */
	v.value = .0382 + .3354 * pow(chance_unit(c), 2) + harm;
	rollout_judge_value(j, t, &v);
}

/* The second of the verdict, 0 = none. */
static int rollout_play(const struct judge_config *c, const struct play *w,
	enum judge_verdict verdict, struct chance *chance)
{
	struct rollout_judge *j = rollout_judge_new(c);
	struct judge_card card;
	int found = 0;

	for (int i = 0; w->signal == LATENCY && i < 4000; i++)
		rollout_judge_warm(j, .05 * exp(.5 * chance_normal(chance)));
	for (int t = 0; t < w->seconds / w->tick_s && !found; t++) {
		double each = w->rate * w->tick_s;
		int n = (int)((t + 1) * each) - (int)(t * each);

		for (int i = 0; i < n; i++)
			request_play(j, w, chance, t);
		while (rollout_judge_close(j, t + 1))
			;
		rollout_judge_read(j, &card);
		found = card.verdict == verdict ? (t + 1) * w->tick_s : 0;
	}
	rollout_judge_free(j);
	return found;
}

static void test_predictions_come_true(void **state)
{
	static const struct play cases[] = {
		{ERRORS, .05, 100, .01, .04, 40, 1},
		{ERRORS, .5, 20, .01, .01, 400, 2},
		{LATENCY, .25, 50, 0, .3, 60, 1},
		{BRIER, .05, 100, 0, .02, 90, 1},
	};
	enum { RUNS = 400 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct judge_config c = config_new(cases[i].signal, 5);
		struct power_plan p = plan_new(&c, cases[i].share, cases[i].rate);
		double said = power_of_harm(&p, 0, 0, cases[i].harm, cases[i].seconds), seen;
		struct chance chance = {700 + i};
		int found = 0;

		for (int k = 0; k < RUNS; k++)
			found += rollout_play(&c, &cases[i], JUDGE_HARM, &chance) > 0;
		seen = (double)found / RUNS;
		assert_true(said > .1 && said < .9);
		if (fabs(said - seen) > .05 + 2 * sqrt(seen * (1 - seen) / RUNS))
			fail_msg("%s: %.3f were said, %.3f seen", c.signals[0].name, said, seen);
	}
}

/* Errors from 0.5 % to 2 % at 50 requests a minute on each arm, within an hour. */
static void test_little_traffic_is_enough_in_an_hour(void **state)
{
	static const struct play w = {ERRORS, .5, 100. / 60, .005, .015, 3600, 15};
	struct judge_config c = config_new(ERRORS, 1);
	struct power_plan p = plan_new(&c, w.share, w.rate);
	struct chance chance = {5};
	int found = 0;

	(void)state;
	p.signals[0].mean = .005;
	assert_true(power_of_harm(&p, 0, 0, w.harm, w.seconds) >= .95);
	assert_true(power_harm_seconds(&p, 0, 0, w.harm, .95) <= 3600);
	for (int k = 0; k < 300; k++)
		found += rollout_play(&c, &w, JUDGE_HARM, &chance) > 0;
	/* 285 are 95 %; less than 277 are seen in 2 % of cases at exactly that. */
	assert_true(found >= 277);
}

static void test_time_until_ok(void **state)
{
	static const struct play cases[] = {
		{ERRORS, .25, 100, .01, 0, 2000, 2},
		{LATENCY, .5, 100, 0, 0, 2000, 1},
		{BRIER, .5, 20, 0, 0, 500, 1},
	};
	enum { RUNS = 100 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct judge_config c = config_new(cases[i].signal, 5);
		struct power_plan p = plan_new(&c, cases[i].share, cases[i].rate);
		double median = power_ok_seconds(&p, 0, 0, .5);
		struct chance chance = {800 + i};
		int sooner = 0;

		for (int k = 0; k < RUNS; k++) {
			int at = rollout_play(&c, &cases[i], JUDGE_OK, &chance);

			sooner += at > 0 && at <= median;
		}
		if (sooner < 35 || sooner > 65)
			fail_msg("%s: of %d, %d were OK within the median of %.0f s",
				c.signals[0].name, RUNS, sooner, median);
	}
}

/* More harm, more time, more share of the traffic: never less power; what is found is what it was
 * asked for. */
static void test_searches_agree(void **state)
{
	(void)state;
	for (int signal = ERRORS; signal <= BRIER; signal++) {
		struct judge_config c = config_new(signal, 5);
		struct power_plan p = plan_new(&c, .25, 50);
		double least, last = 0, at;

		least = power_least_harm(&p, 0, 0, 600, .8);
		assert_true(least > c.signals[0].harm_margin && least < 1);
		assert_true(fabs(power_of_harm(&p, 0, 0, least, 600) - .8) < .05);
		at = power_harm_seconds(&p, 0, 0, least, .8);
		assert_true(at > 500 && at < 700);
		for (double harm = least / 2; harm < least * 3; harm *= 1.3) {
			double now = power_of_harm(&p, 0, 0, harm, 600);

			assert_true(now >= last - .02);
			last = now;
		}
		assert_true(power_of_harm(&p, 0, 0, c.signals[0].harm_margin, 1e6) <= 0);
		assert_true(isinf(power_harm_seconds(&p, 0, 0, 0, .5)));
		assert_true(power_shadow_seconds(&p, 0, least, .8) < at);
		p.rate = 0;
		assert_true(isinf(power_harm_seconds(&p, 0, 0, least, .8)));
	}
}

static struct judge_config whole_config(void)
{
	struct judge_config c = judge_config_default();
	struct judge_signal_config *s;

	judge_config_add(&c, JUDGE_ERRORS, "error_rate", .005, 0);
	judge_config_add(&c, JUDGE_LATENCY, "latency_p99", .2, .99);
	judge_config_add(&c, JUDGE_MEAN, "brier", .02, 0);
	s = judge_config_add(&c, JUDGE_MEAN, "calibration", .025, 0);
	s->two_sided = 1;
	s->shown_scale = 2;
	return c;
}

static struct power_plan whole_plan(const struct judge_config *c, double rate)
{
	static const struct power_plan shape = {
		.signals = {{.01, 0, 1}, {0, .5, 1}, {.15, .1, 1}, {.5, .2, 1}},
		.steps = {{.05, 300}, {.25, 600}, {.5, 600}},
		.step_count = 3,
		.hold_s = 4 * 3600,
	};
	struct power_plan p = shape;

	p.config = c;
	p.rate = rate;
	return p;
}

static void test_words(void **state)
{
	struct judge_config c = whole_config();
	struct power_plan p = whole_plan(&c, 40);
	struct buf b = {0};

	(void)state;
	power_step_text(&p, 0, &b);
	if (strncmp(b.data, "5 %, 40 req/s, ", 15) != 0 ||
		!strstr(b.data, " pp error_rate in about ") ||
		!strstr(b.data, " % latency_p99 in about ") || !strstr(b.data, "; +0.0") ||
		!strstr(b.data, " calibration in about "))
		fail_msg("%s", b.data);
	buf_reset(&b);
	p.rate = .002;
	power_step_text(&p, 0, &b);
	if (!strstr(b.data, "5 %, 0.002 req/s, 4 h: no harm of error_rate: too few requests"))
		fail_msg("%s", b.data);
	buf_reset(&b);
	p.hold_s = 0;
	c.signals[ERRORS].ok_margin = 0;
	p.rate = 1e-6;
	power_step_text(&p, 0, &b);
	if (!strstr(b.data, "without end"))
		fail_msg("%s", b.data);
	buf_release(&b);
}

static void lint_has(const struct power_plan *p, const char *what)
{
	struct buf b = {0};
	int n = power_lint(p, &b), lines = 0;

	for (const char *s = buf_text(&b); *s; s++)
		lines += *s == '\n';
	assert_int_equal(n, lines);
	if (!strstr(buf_text(&b), what))
		fail_msg("\"%s\" is not in:\n%s", what, buf_text(&b));
	buf_release(&b);
}

static void test_lint(void **state)
{
	struct judge_config c = whole_config();
	struct power_plan p = whole_plan(&c, 400);
	struct buf b = {0};

	(void)state;
	if (power_lint(&p, &b))
		fail_msg("a good plan is not left alone:\n%s", b.data);
	p.step_count = 2;
	lint_has(&p, "step 2 (25 %): the last step proves 2x the limits as written");
	p = whole_plan(&c, 1);
	lint_has(&p,
		"step 1 (5 %): 15 requests reach the candidate in its 5 min; nothing is passed "
		"before 50");
	lint_has(&p, "and it is held for 4 h: it would end undecided");
	lint_has(&p, "shadow first: harm of error_rate by 0.5 pp shows in ");
	lint_has(&p, " would show in less than half of the rollouts within the 4 h");
	p = whole_plan(&c, 400);
	p.signals[BRIER].part = 0;
	lint_has(&p, "brier: no values of it are known to come: nothing could be passed");
	c.signals[BRIER].late = 1;
	lint_has(&p, "brier: no values of it are known to come: it would see no harm");
	p.rate = 0;
	lint_has(&p, "there is no traffic");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_predictions_come_true),
		cmocka_unit_test(test_little_traffic_is_enough_in_an_hour),
		cmocka_unit_test(test_time_until_ok),
		cmocka_unit_test(test_searches_agree),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_lint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
