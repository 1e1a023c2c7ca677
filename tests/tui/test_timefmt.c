/* test_timefmt.c: times and numbers as people read them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "tui/timefmt.h"

static const int64_t sec = 1000000;
/* 2026-11-24 14:02:11 UTC */
static const int64_t now = 1795528931000000;

static void test_moments_are_relative_near_now(void **state)
{
	static const struct {
		int64_t ago_s;
		const char *want;
	} cases[] = {
		{0, "0 s"},
		{40, "40 s"},
		{59, "59 s"},
		{60, "1 min"},
		{599, "9 min"},
		{3599, "59 min"},
		{3600, "13:02"},
		{7200, "12:02"},
		{50532, "Nov 23 23:59"},
		{86400, "Nov 23 14:02"},
		{400 * 86400, "2025 Oct 20 14:02"},
		{-300, "in 5 min"},
		{-7200, "16:02"},
	};
	char out[24];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(timefmt_when(out, sizeof(out), now - cases[i].ago_s * sec, now,
					    TIMEFMT_UTC),
			cases[i].want);
	assert_string_equal(timefmt_when(out, sizeof(out), 0, now, TIMEFMT_UTC), "-");
	setenv("TZ", "UTC-2", 1);
	tzset();
	assert_string_equal(
		timefmt_when(out, sizeof(out), now - 7200 * sec, now, TIMEFMT_LOCAL), "14:02");
	assert_string_equal(timefmt_clock(out, sizeof(out), now, TIMEFMT_UTC), "14:02:11Z");
	assert_string_equal(timefmt_clock(out, sizeof(out), now, TIMEFMT_LOCAL), "16:02:11");
	char full[32];
	assert_string_equal(
		timefmt_full(full, sizeof(full), now, TIMEFMT_UTC), "2026-11-24 14:02:11Z");
}

static void test_spans_have_two_units(void **state)
{
	static const struct {
		int64_t us;
		const char *want;
	} cases[] = {
		{250000, "250 ms"},
		{40000000, "40 s"},
		{192000000, "3 min 12 s"},
		{300000000, "5 min"},
		{7500000000, "2 h 5 min"},
		{273600000000, "3 d 4 h"},
		{-5, "0 ms"},
	};
	char out[24];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(timefmt_span(out, sizeof(out), cases[i].us), cases[i].want);
}

static void test_ages_change_by_the_minute(void **state)
{
	char a[24], b[24];

	(void)state;
	for (int64_t ago = 60 * sec; ago < 3500 * sec; ago += 7 * sec) {
		int64_t wait = timefmt_next_change_us(now - ago, now);
		assert_true(wait > 0 && wait <= 60 * sec);
		timefmt_when(a, sizeof(a), now - ago, now, TIMEFMT_UTC);
		assert_string_equal(
			timefmt_when(b, sizeof(b), now - ago, now + wait - 1, TIMEFMT_UTC), a);
		assert_string_not_equal(
			timefmt_when(b, sizeof(b), now - ago, now + wait, TIMEFMT_UTC), a);
	}
}

static void test_numbers_have_commas(void **state)
{
	static const struct {
		double value;
		int decimals;
		const char *want;
	} cases[] = {
		{0, 0, "0"},
		{999, 0, "999"},
		{1000, 0, "1,000"},
		{26000, 0, "26,000"},
		{-1234567, 0, "-1,234,567"},
		{1234.5678, 2, "1,234.57"},
		{-0.148, 3, "-0.148"},
		{-0.0001, 2, "0.00"},
		{NAN, 2, "-"},
		{-999, 0, "-999"},
	};
	char out[48];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(
			numfmt(out, sizeof(out), cases[i].value, cases[i].decimals), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments_are_relative_near_now),
		cmocka_unit_test(test_spans_have_two_units),
		cmocka_unit_test(test_ages_change_by_the_minute),
		cmocka_unit_test(test_numbers_have_commas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
