/* test_rollout_counts.c: counts that somebody else took: what is as it should be is hardly ever
 * called harm, what is worse is, coarse histograms cost power and no false verdict. Seeded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backend/judge/rollout_judge.h"
#include "tests/bench/chance.h"

struct world {
	double share, error[2], slower;
	int rate, waves;
};

static const double bounds[] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5};
#define BOUNDS ((int)(sizeof bounds / sizeof bounds[0]))

static struct judge_config config_new(int latency)
{
	struct judge_config c = judge_config_default();

	c.shifts = 0;
	c.presence = 0;
	c.least_ticks = 5;
	judge_config_add(&c, JUDGE_ERRORS, "error_rate", .005, 0);
	if (latency)
		judge_config_add(&c, JUDGE_LATENCY, "latency_p90", .1, .9);
	return c;
}

/* One tick as an exporter would have counted it; load comes in waves that both arms share. */
static struct judge_counts tick_make(const struct world *w, struct chance *c, int64_t tick)
{
	struct judge_counts out = {.tick = tick, .share = w->share, .bounds = BOUNDS};
	double burst = w->waves && tick % 20 < 3 ? 10 : 1;
	int n = w->waves ? w->rate * (int)(1 + tick % 7) / 4 : w->rate;

	memcpy(out.bound_s, bounds, sizeof bounds);
	for (int i = 0; i < n; i++) {
		int arm = chance_is(c, w->share), b = 0;
		double s = .04 * exp(.4 * chance_normal(c)) * (arm ? w->slower : 1);

		while (b < BOUNDS && s > bounds[b])
			b++;
		out.n[arm]++;
		out.failed[arm] += chance_is(c, w->error[arm] * burst);
		out.timed[arm][b]++;
	}
	return out;
}

/* Plays ticks until HARM; the tick, or `most`. */
static int play(
	const struct world *w, struct chance *c, int latency, int most, struct judge_card *card)
{
	const struct judge_config config = config_new(latency);
	struct rollout_judge *j = rollout_judge_new(&config);
	int tick = 0;

	for (; tick < most; tick++) {
		struct judge_counts counts = tick_make(w, c, tick);

		rollout_judge_counts(j, &counts);
		rollout_judge_close(j, tick + 1);
		rollout_judge_read(j, card);
		if (card->verdict == JUDGE_HARM)
			break;
	}
	rollout_judge_free(j);
	return tick;
}

static void test_healthy_is_no_harm(void **state)
{
	static const struct world worlds[] = {
		{.share = .1, .error = {.01, .01}, .slower = 1, .rate = 60},
		{.share = .5, .error = {.02, .02}, .slower = 1, .rate = 60, .waves = 1},
		/* 2 % slower moves many answers over the bound at 50 ms: below the limit all the
		 * same. */
		{.share = .3, .error = {.01, .01}, .slower = 1.02, .rate = 60},
	};
	struct chance c;
	struct judge_card card;

	(void)state;
	for (size_t k = 0; k < sizeof worlds / sizeof worlds[0]; k++) {
		int harm = 0;

		for (int run = 0; run < 100; run++) {
			c = (struct chance){(uint64_t)(1000 * k) + (uint64_t)run};
			harm += play(&worlds[k], &c, 1, 300, &card) < 300;
			if (card.srm > 1e-9)
				fail_msg("world %zu: evidence of a ratio that nobody drew", k);
		}
		/* 1 % of 100 is 1; 6 or more come less than once in a thousand. */
		if (harm > 5)
			fail_msg("world %zu: %d of 100 called harm", k, harm);
	}
}

static void test_worse_is_harm(void **state)
{
	const struct world failing = {.share = .2, .error = {.01, .04}, .slower = 1, .rate = 300};
	const struct world slow = {.share = .2, .error = {.01, .01}, .slower = 3, .rate = 300};
	struct chance c = {7};
	struct judge_card card;

	(void)state;
	assert_true(play(&failing, &c, 1, 200, &card) < 60);
	assert_int_equal(card.verdict, JUDGE_HARM);
	assert_string_equal(card.signals[card.worst].name, "error_rate");
	assert_true(card.signals[0].band.low < .03 && card.signals[0].band.high > .03);
	assert_true(play(&slow, &c, 1, 200, &card) < 60);
	assert_string_equal(card.signals[card.worst].name, "latency_p90");
}

static void test_good_is_ok(void **state)
{
	const struct world good = {.share = .5, .error = {.01, .01}, .slower = 1, .rate = 400};
	struct chance c = {3};
	struct judge_card card;

	(void)state;
	assert_int_equal(play(&good, &c, 0, 200, &card), 200);
	assert_int_equal(card.verdict, JUDGE_OK);
}

/* What has no counterpart is not counted, closed ticks take nothing, silence is missing. */
static void test_edges(void **state)
{
	struct judge_config config = config_new(0);
	struct rollout_judge *j = rollout_judge_new(&config);
	struct judge_counts c = {.tick = 10, .share = .5, .n = {100, 0}};
	struct judge_card card;

	(void)state;
	rollout_judge_counts(j, &c);
	rollout_judge_close(j, 11);
	rollout_judge_read(j, &card);
	assert_true(card.n[0] == 0);
	assert_int_equal(card.verdict, JUDGE_MISSING);
	c.n[1] = 100;
	rollout_judge_counts(j, &c);
	rollout_judge_read(j, &card);
	assert_true(card.late[0] == 100 && card.late[1] == 100);
	c.tick = 11;
	rollout_judge_counts(j, &c);
	rollout_judge_close(j, 12);
	rollout_judge_read(j, &card);
	assert_true(card.n[0] == 100 && card.n[1] == 100);
	rollout_judge_close(j, 12 + config.missing_after + 1);
	rollout_judge_read(j, &card);
	assert_int_equal(card.verdict, JUDGE_MISSING);
	assert_int_equal(card.signals[0].missing_since, 11);
	rollout_judge_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy_is_no_harm),
		cmocka_unit_test(test_worse_is_harm),
		cmocka_unit_test(test_good_is_ok),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
