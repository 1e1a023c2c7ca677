/* test_window.c: sums and quantiles of the last quarter of an hour against brute force. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "backend/ingest/window.h"

#define T0 1795474000LL /* s */
#define US 1000000LL

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static double unit_random(uint64_t *x)
{
	return (double)(next_random(x) >> 11) / 9007199254740992.0;
}

static struct record random_record(uint64_t *x, int64_t second)
{
	return (struct record){
		.arm = next_random(x) % 4 == 0 ? ARM_CANDIDATE : ARM_STABLE,
		.routed_us = second * US + (int64_t)(next_random(x) % US),
		.failed = next_random(x) % 10 == 0,
		.read = next_random(x) % 7 != 0,
		.keyed = next_random(x) % 5 != 0,
		.segment_unknown = next_random(x) % 9 == 0,
		.score = next_random(x) % 3 ? unit_random(x) : (double)NAN,
		.answer_ms = next_random(x) % 11 ? pow(10, unit_random(x) * 5 - 0.9) : -1,
	};
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void brute_sum(const struct record *r, int n, enum arm arm, int64_t from, int64_t to,
	struct arm_counts *out)
{
	*out = (struct arm_counts){0};
	for (int i = 0; i < n; i++) {
		int64_t s = r[i].routed_us / US;
		if (r[i].arm != arm || s < from || s >= to)
			continue;
		out->requests++;
		out->failures += r[i].failed;
		out->unread += !r[i].read;
		out->keyless += !r[i].keyed;
		out->segment_unknown += r[i].segment_unknown;
		if (!isnan(r[i].score)) {
			out->scored++;
			out->score_sum += r[i].score;
			out->score_square_sum += r[i].score * r[i].score;
		}
	}
}

static void assert_same(const struct arm_counts *a, const struct arm_counts *b)
{
	assert_int_equal(a->requests, b->requests);
	assert_int_equal(a->failures, b->failures);
	assert_int_equal(a->unread, b->unread);
	assert_int_equal(a->keyless, b->keyless);
	assert_int_equal(a->segment_unknown, b->segment_unknown);
	assert_int_equal(a->scored, b->scored);
	assert_true(fabs(a->score_sum - b->score_sum) < 1e-6);
	assert_true(fabs(a->score_square_sum - b->score_square_sum) < 1e-6);
}

#define N 60000

/* Forty minutes of records, up to 20 s out of order; every span is compared as time goes on. */
static void test_sums_are_those_of_brute_force(void **state)
{
	struct window *w = window_new();
	struct record *all = calloc(N, sizeof *all);
	uint64_t x = 2463534242u;

	(void)state;
	for (int i = 0; i < N; i++) {
		int64_t second = T0 + i / 25;
		all[i] = random_record(&x, second - (int64_t)(next_random(&x) % 20));
		window_add(w, &all[i]);
		if (i % 997 == 0 || i == N - 1) {
			static const int spans[] = {1, 10, 60, 899, 900};
			struct arm_counts got, want, series[9];
			int64_t now = second + 1;
			for (int k = 0; k < 10; k++) {
				enum arm arm = k % 2 ? ARM_CANDIDATE : ARM_STABLE;
				window_sum(w, arm, now * US + 5, spans[k / 2], &got);
				brute_sum(all, i + 1, arm, now - spans[k / 2], now, &want);
				assert_same(&got, &want);
			}
			window_series(w, ARM_STABLE, now * US, 100, 9, series);
			for (int k = 0; k < 9; k++) {
				int64_t from = now - 900 + 100 * k;
				brute_sum(all, i + 1, ARM_STABLE, from, from + 100, &want);
				assert_same(&series[k], &want);
			}
		}
	}
	window_free(w);
	free(all);
}

static void test_quantiles_are_within_the_stated_error(void **state)
{
	static const double quantiles[] = {0.01, 0.5, 0.9, 0.99, 1};
	struct window *w = window_new();
	double *ms = calloc(20000, sizeof *ms);
	uint64_t x = 7;
	struct arm_counts c;
	int n = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct record r = random_record(&x, T0 + i / 100);
		window_add(w, &r);
		if (r.arm == ARM_STABLE && r.answer_ms >= 0)
			ms[n++] = r.answer_ms;
	}
	qsort(ms, (size_t)n, sizeof *ms, by_value);
	window_sum(w, ARM_STABLE, (T0 + 300) * US, 900, &c);
	for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
		double want = ms[(int)ceil(quantiles[i] * n) - 1];
		double got = arm_counts_quantile(&c, quantiles[i]);
		if (fabs(got - want) >= 0.12 * want)
			fail_msg("q %.2f: %.3f, true %.3f", quantiles[i], got, want);
	}
	c = (struct arm_counts){0};
	assert_true(arm_counts_quantile(&c, 0.5) == -1);
	window_free(w);
	free(ms);
}

static void test_extreme_latencies_stay_in_the_histogram(void **state)
{
	static const double ms[] = {0, 0.05, 99999, 1e9, INFINITY};
	struct window *w = window_new();
	struct arm_counts c;

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct record r = {.routed_us = T0 * US, .answer_ms = ms[i], .score = (double)NAN};
		window_add(w, &r);
	}
	window_sum(w, ARM_STABLE, (T0 + 1) * US, 1, &c);
	assert_int_equal(c.latency_bins[0], 2);
	assert_int_equal(c.latency_bins[LATENCY_BINS - 1], 3);
	window_free(w);
}

static int64_t requests_at(const struct window *w, int64_t second, int seconds)
{
	struct arm_counts c;

	window_sum(w, ARM_STABLE, second * US, seconds, &c);
	return c.requests;
}

static void add_at(struct window *w, int64_t second, int count)
{
	struct record r = {.routed_us = second * US, .answer_ms = 1, .score = (double)NAN};

	for (int i = 0; i < count; i++)
		window_add(w, &r);
}

static void test_the_clock_may_jump(void **state)
{
	struct window *w = window_new();

	(void)state;
	assert_int_equal(window_newest_us(w), 0);
	add_at(w, T0, 5);
	add_at(w, T0 + 100000, 3); /* on, by a day: the old seconds are not seen again */
	assert_int_equal(requests_at(w, T0 + 100001, 900), 3);
	assert_int_equal(requests_at(w, T0 + 1, 1), 5);
	add_at(w, T0 + 50, 7); /* a few stragglers are ignored */
	assert_int_equal(requests_at(w, T0 + 51, 1), 0);
	assert_int_equal(window_newest_us(w), (T0 + 100000) * US);
	add_at(w, T0 + 100001, 1);
	add_at(w, T0 + 60, 20); /* but a clock that was set back is believed */
	assert_int_equal(requests_at(w, T0 + 61, 900), 13);
	assert_int_equal(window_newest_us(w), (T0 + 60) * US);
	add_at(w, -5, 20);
	add_at(w, 0, 20);
	assert_int_equal(requests_at(w, T0 + 61, 900), 13);
	window_free(w);
}

static void test_the_second_under_way_is_not_summed(void **state)
{
	struct window *w = window_new();

	(void)state;
	add_at(w, T0, 4);
	assert_int_equal(requests_at(w, T0, 900), 0);
	assert_int_equal(requests_at(w, T0 + 1, 900), 4);
	assert_int_equal(requests_at(w, T0 + 900, 900), 4);
	assert_int_equal(requests_at(w, T0 + 901, 900), 0);
	window_free(w);
}

static void test_outcomes_make_a_brier_score(void **state)
{
	struct window *w = window_new();
	struct arm_counts c;

	(void)state;
	add_at(w, T0, 1);
	window_add_outcome(w, ARM_CANDIDATE, T0 * US, 0.25, 1);
	window_add_outcome(w, ARM_CANDIDATE, T0 * US, (double)NAN, 0);
	window_add_outcome(w, ARM_CANDIDATE, T0 * US, 0.5, (double)NAN);
	window_add_outcome(w, ARM_CANDIDATE, (T0 - 5000) * US, 0.5, 1);
	window_sum(w, ARM_CANDIDATE, (T0 + 1) * US, 10, &c);
	assert_int_equal(c.outcomes, 2);
	assert_int_equal(c.brier_n, 1);
	assert_true(c.outcome_sum == 1 && c.brier_sum == 0.5625);
	assert_int_equal(c.requests, 0);
	window_free(w);
}

/* What others counted adds up by seconds, beside what was recorded. */
static void test_counts_of_others_add_up(void **state)
{
	struct window *w = window_new();
	struct window_counts c = {.second = 5000, .requests = 70, .failures = 7};
	struct arm_counts out;

	(void)state;
	window_add_counts(w, ARM_CANDIDATE, &c);
	c.second++;
	window_add_counts(w, ARM_CANDIDATE, &c);
	window_add_latencies(w, ARM_CANDIDATE, 5000, 100, 60);
	window_add_latencies(w, ARM_CANDIDATE, 5000, 400, 40);
	window_add_latencies(w, ARM_CANDIDATE, 5000 - 2 * WINDOW_SECONDS, 1, 9); /* too old */
	window_sum(w, ARM_CANDIDATE, 5002 * US, 60, &out);
	assert_int_equal(out.requests, 140);
	assert_int_equal(out.failures, 14);
	assert_true(fabs(arm_counts_quantile(&out, .5) / 100 - 1) < .13);
	assert_true(fabs(arm_counts_quantile(&out, .9) / 400 - 1) < .13);
	assert_int_equal(window_newest_us(w), 5001 * US);
	window_sum(w, ARM_STABLE, 5002 * US, 60, &out);
	assert_int_equal(out.requests, 0);
	window_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_are_those_of_brute_force),
		cmocka_unit_test(test_quantiles_are_within_the_stated_error),
		cmocka_unit_test(test_extreme_latencies_stay_in_the_histogram),
		cmocka_unit_test(test_the_clock_may_jump),
		cmocka_unit_test(test_the_second_under_way_is_not_summed),
		cmocka_unit_test(test_outcomes_make_a_brier_score),
		cmocka_unit_test(test_counts_of_others_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
