/* test_band.c: the bands leave the truth out in less than 5 % of rollouts, looked at after every
 * tick, and narrow as they should. Simulated, seeded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backend/judge/band.h"
#include "tests/bench/chance.h"

#define RUNS  300
#define TICKS 300
#define RATE  100
/* 5 % of 300 are 15; 22 or more are seen in 5 % of cases at exactly 5 %. */
#define MOST 22

struct world {
	const char *name;
	double stable, candidate, share; /* share 0: 1, 5, 25, 50 % in turn */
	int waves;
};

static double share_at(const struct world *w, int tick)
{
	static const double ladder[] = {.01, .05, .25, .5};

	return w->share > 0 ? w->share : ladder[tick * 4 / TICKS];
}

/* Load that both arms share: a slow wave around 1. */
static double wave_at(const struct world *w, int tick)
{
	return w->waves ? 1 + .8 * sin(tick * 2 * M_PI / 120) : 1;
}

/* 1 when the band left `truth` out at any tick; *last is what it was at the end. */
static int rate_run(const struct world *w, struct chance *c, struct band_range *last)
{
	double truth = w->candidate - w->stable;
	struct band b;
	int out = 0;

	band_init(&b, .01, sqrt(.01 * .99));
	for (int t = 0; t < TICKS; t++) {
		double share = share_at(w, t), at = w->stable * wave_at(w, t);
		int n = chance_count(c, RATE, share);
		struct tick_counts k = {
			RATE - n, chance_count(c, RATE - n, at), n, chance_count(c, n, at + truth)};

		band_begin(&b);
		band_counts(&b, share, &k);
		*last = band_read(&b);
		out |= last->low > truth || last->high < truth;
	}
	return out;
}

static void test_rates_are_covered_at_all_times(void **state)
{
	static const struct world cases[] = {
		{"1 % both, 5 % share", .01, .01, .05, 0},
		{"1 % -> 5 %, 5 % share", .01, .05, .05, 0},
		{"1 % -> 5 %, 1 % share", .01, .05, .01, 0},
		{"1 % both, 50 % share", .01, .01, .5, 0},
		{"0.1 % both, 25 % share", .001, .001, .25, 0},
		{"20 % -> 40 %, 50 % share", .2, .4, .5, 0},
		{"1 % -> 2 %, ramp and waves", .01, .02, 0, 1},
		{"20 % both, ramp and waves", .2, .2, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct chance c = {40 + i};
		struct band_range last;
		int out = 0;

		for (int k = 0; k < RUNS; k++)
			out += rate_run(&cases[i], &c, &last);
		if (out > MOST)
			fail_msg("%s: %d of %d left the truth out", cases[i].name, out, RUNS);
	}
}

/* Values of a mean: squares, as Brier scores are; moved by `truth`. */
static int mean_run(const struct world *w, struct chance *c, struct band_range *last)
{
	double truth = w->candidate - w->stable;
	struct band b;
	int out = 0;

	band_init(&b, .5, .25);
	for (int t = 0; t < TICKS; t++) {
		double share = share_at(w, t), wave = wave_at(w, t);

		band_begin(&b);
		for (int i = 0; i < RATE; i++) {
			int arm = chance_is(c, share);
			double u = chance_unit(c);

			band_add(&b, arm, share, .4 * u * u * wave + (arm ? truth : 0));
		}
		*last = band_read(&b);
		out |= last->low > truth || last->high < truth;
	}
	return out;
}

static void test_means_are_covered_at_all_times(void **state)
{
	static const struct world cases[] = {
		{"the same, 5 % share", 0, 0, .05, 0},
		{"+0.05, 50 % share", 0, .05, .5, 0},
		{"+0.05, ramp and waves", 0, .05, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct chance c = {60 + i};
		struct band_range last;
		int out = 0;

		for (int k = 0; k < RUNS; k++)
			out += mean_run(&cases[i], &c, &last);
		if (out > MOST)
			fail_msg("%s: %d of %d left the truth out", cases[i].name, out, RUNS);
		assert_true(fabs(last.effect - cases[i].candidate) < .02);
		assert_true(last.high - last.low < .08);
	}
}

static int slowdown_run(const struct world *w, double p, struct chance *c, struct band_range *last)
{
	double truth = w->candidate, z = p > .95 ? 2.326348 : p > .8 ? 1.281552 : 0;
	struct slowdown s;
	int out = 0;

	slowdown_init(&s, p);
	for (int t = 0; t < TICKS; t++) {
		double share = share_at(w, t), wave = wave_at(w, t);

		for (int i = 0; i < RATE; i++) {
			int arm = chance_is(c, share);
			double l = .05 * exp(.5 * chance_normal(c)) * wave * (arm ? 1 + truth : 1);

			/* The mark lags behind the wave and is wrong by some per cent. */
			slowdown_add(
				&s, arm, share, l, .052 * wave_at(w, t - 5) * exp(.5 * z), 1 - p);
		}
		*last = slowdown_read(&s);
		out |= last->low > truth || last->high < truth;
	}
	return out;
}

static void test_slowdowns_are_covered_at_all_times(void **state)
{
	static const struct {
		struct world world;
		double p;
	} cases[] = {
		{{"p99 the same, 5 % share", 0, 0, .05, 0}, .99},
		{{"p99 +50 %, 25 % share", 0, .5, .25, 0}, .99},
		{{"p99 +20 %, ramp and waves", 0, .2, 0, 1}, .99},
		{{"p50 +10 %, 5 % share", 0, .1, .05, 0}, .5},
		{{"p90 30 % faster, 50 % share", 0, -.3, .5, 0}, .9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct chance c = {80 + i};
		struct band_range last;
		int out = 0;

		for (int k = 0; k < RUNS / 3; k++)
			out += slowdown_run(&cases[i].world, cases[i].p, &c, &last);
		/* 10 or more of 100 are seen in 3 % of cases at exactly 5 %. */
		if (out > 10)
			fail_msg("%s: %d of %d left the truth out", cases[i].world.name, out,
				RUNS / 3);
		assert_true(last.low < last.effect && last.effect < last.high);
		assert_true(fabs(last.effect - cases[i].world.candidate) < .4);
	}
}

/* Nothing is known of nothing, and the ends of the grid are told as such. */
static void test_edges(void **state)
{
	struct band b;
	struct slowdown s;
	struct band_range r;

	(void)state;
	band_init(&b, .01, .1);
	band_begin(&b);
	band_add(&b, 0, .5, 1);
	r = band_read(&b);
	assert_true(isnan(r.effect) && isnan(r.low) && isnan(r.high));
	band_add(&b, 1, .5, 0);
	r = band_read(&b);
	assert_true(r.low >= -1 && r.high <= 1 && r.low < r.high);

	slowdown_init(&s, .9);
	r = slowdown_read(&s);
	assert_true(isnan(r.effect) && isnan(r.low) && isnan(r.high));
	for (int i = 0; i < 4000; i++)
		slowdown_add(&s, i % 2, .5, i % 2 ? (double)INFINITY : .05, .07, .1);
	r = slowdown_read(&s);
	assert_true(r.low > 5 - .1 && r.effect > 5 - .1 && isnan(r.high));
	slowdown_init(&s, .9);
	for (int i = 0; i < 4000; i++)
		slowdown_add(&s, i % 2, .5, i % 2 ? .001 : i % 20 ? .05 : .08, .07, .1);
	r = slowdown_read(&s);
	assert_true(isnan(r.low) && r.effect < -.44 && r.high < -.44);
}

/* Any order of the answers gives the same bits. */
static void test_slowdown_has_no_order(void **state)
{
	struct slowdown a, b;

	(void)state;
	slowdown_init(&a, .99);
	slowdown_init(&b, .99);
	for (int i = 0; i < 3000; i++) {
		int k = 2999 - i;

		slowdown_add(&a, i % 3 == 0, i % 2 ? .21 : .2, .01 * (i % 17), .1, .013);
		slowdown_add(&b, k % 3 == 0, k % 2 ? .21 : .2, .01 * (k % 17), .1, .013);
	}
	assert_memory_equal(&a, &b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_covered_at_all_times),
		cmocka_unit_test(test_means_are_covered_at_all_times),
		cmocka_unit_test(test_slowdowns_are_covered_at_all_times),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_slowdown_has_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
