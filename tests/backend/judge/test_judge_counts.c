/* test_judge_counts.c: the counting judge tells values and never decides. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backend/judge/judge.h"

static const struct arm_counts full[ARM_COUNT] = {
	{.requests = 1000,
		.failures = 5,
		.scored = 800,
		.score_sum = 200,
		.outcomes = 100,
		.brier_n = 100,
		.brier_sum = 16,
		.latency_bins = {[10] = 900, [30] = 95}},
	{.requests = 100,
		.failures = 4,
		.scored = 90,
		.score_sum = 45,
		.outcomes = 10,
		.brier_n = 10,
		.brier_sum = 2,
		.latency_bins = {[12] = 96}},
};

static const struct {
	const char *name, *unit;
	double stable, candidate, within;
	int64_t stable_n, candidate_n;
} want[] = {
	{"error_rate", "%", 0.5, 4, 1e-9, 1000, 100},
	{"latency_p50", "ms", 0.96, 1.48, 0.02, 995, 96},
	{"latency_p90", "ms", 0.96, 1.48, 0.02, 995, 96},
	{"latency_p99", "ms", 72.3, 1.48, 0.5, 995, 96},
	{"score_mean", "", 0.25, 0.5, 1e-9, 800, 90},
	{"brier", "", 0.16, 0.2, 1e-9, 100, 10},
	{"throughput", "requests", 1000, 100, 1e-9, 1000, 100},
};
#define WANT ((int)(sizeof want / sizeof want[0]))

static void test_tells_values_undecided(void **state)
{
	struct signal_value out[JUDGE_SIGNALS];

	(void)state;
	assert_string_equal(judge_counts.name, "counts");
	assert_int_equal(judge_counts.judge(full, out), WANT);
	for (int i = 0; i < WANT; i++) {
		assert_string_equal(out[i].name, want[i].name);
		assert_string_equal(out[i].unit, want[i].unit);
		if (fabs(out[i].stable - want[i].stable) > want[i].within ||
			fabs(out[i].candidate - want[i].candidate) > want[i].within)
			fail_msg("%s: %g %g", out[i].name, out[i].stable, out[i].candidate);
		assert_int_equal(out[i].stable_n, want[i].stable_n);
		assert_int_equal(out[i].candidate_n, want[i].candidate_n);
		assert_int_equal(out[i].verdict, VERDICT_UNDECIDED);
	}
}

static void test_no_data_is_missing(void **state)
{
	struct signal_value out[JUDGE_SIGNALS];
	struct arm_counts one[ARM_COUNT] = {full[0]};

	(void)state;
	for (int swap = 0; swap < 2; swap++) {
		int n = judge_counts.judge(one, out);
		for (int i = 0; i < n; i++) {
			assert_int_equal(out[i].verdict, VERDICT_MISSING);
			assert_true(isnan(swap ? out[i].stable : out[i].candidate));
			assert_false(isnan(swap ? out[i].candidate : out[i].stable));
		}
		one[1] = one[0];
		one[0] = (struct arm_counts){0};
	}
}

static void test_verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(verdict_name(VERDICT_MISSING), "missing");
	assert_string_equal(verdict_name(VERDICT_UNDECIDED), "undecided");
	assert_string_equal(verdict_name(VERDICT_OK), "ok");
	assert_string_equal(verdict_name(VERDICT_HARM), "harm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_values_undecided),
		cmocka_unit_test(test_no_data_is_missing),
		cmocka_unit_test(test_verdicts_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
