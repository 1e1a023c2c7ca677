/* test_clock.c: durations both ways, times as text, and the clock of tests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <string.h>

#include "backend/base/clock.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1 = refused */
		const char *shown;
	} cases[] = {
		{"90s", 90000, "90s"},
		{"2m", 120000, "2m"},
		{"5m30s", 330000, "330s"},
		{"24h", 86400000, "1d"},
		{"14d", 14 * INT64_C(86400000), "14d"},
		{"250ms", 250, "250ms"},
		{"1s1ms", 1001, "1001ms"},
		{"1d2h3m4s5ms", 93784005, "93784005ms"},
		{"0s", 0, "0ms"},
		{"1000000000d", INT64_C(1000000000) * 86400000, "1000000000d"},
		{"", -1, NULL},
		{"5", -1, NULL},
		{"s", -1, NULL},
		{"-5s", -1, NULL},
		{"+5s", -1, NULL},
		{" 5s", -1, NULL},
		{"5s ", -1, NULL},
		{"5 s", -1, NULL},
		{"1.5s", -1, NULL},
		{"5S", -1, NULL},
		{"5w", -1, NULL},
		{"5sm", -1, NULL},
		{"5mss", -1, NULL},
		{"30s5m", -1, NULL},
		{"5s5s", -1, NULL},
		{"5s5", -1, NULL},
		{"1000000001s", -1, NULL},
		{"99999999999999999999s", -1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ms = -7, again;
		char shown[32];
		int rc = duration_parse(cases[i].text, &ms);
		if (rc != (cases[i].ms < 0 ? -1 : 0) || (rc == 0 && ms != cases[i].ms))
			fail_msg("%s: rc %d, %" PRId64 " ms", cases[i].text, rc, ms);
		if (rc)
			continue;
		duration_format(ms, shown, sizeof shown);
		assert_string_equal(shown, cases[i].shown);
		assert_int_equal(duration_parse(shown, &again), 0);
		assert_true(again == ms);
	}
}

static void test_utc(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000Z"},
		{INT64_C(1763951355123456), "2025-11-24T02:29:15.123456Z"},
		{INT64_C(951827696000001), "2000-02-29T12:34:56.000001Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
	};
	char out[28];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		clock_format_utc(cases[i].us, out, sizeof out);
		assert_string_equal(out, cases[i].text);
	}
}

static void test_instants(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* -1 = refused */
	} cases[] = {
		{"0", 0},
		{"1795000060", 1795000060000000},
		{"1795000060.25", 1795000060250000},
		{"1795000060250", 1795000060250000},
		{"1795000060250000", 1795000060250000},
		{"1795000060250000000", 1795000060250000},
		{"2026-11-18T11:07:40Z", 1795000060000000},
		{"2026-11-18 11:07:40", 1795000060000000},
		{"2026-11-18T11:07:40.25Z", 1795000060250000},
		{"2026-11-18T12:07:40+01:00", 1795000060000000},
		{"2026-11-18T05:37:40-0530", 1795000060000000},
		{"2026-11-18T12:07:40,5+01", 1795000060500000},
		{"2026-11-18T11:07", 1795000020000000},
		{"2026-11-18 11:07:40 UTC", 1795000060000000},
		{"", -1},
		{"soon", -1},
		{"-5", -1},
		{"nan", -1},
		{"inf", -1},
		{"1e300", -1},
		{"2026-11-18", -1},
		{"2026-13-18T11:07:40Z", -1},
		{"1969-11-18T11:07:40Z", -1},
		{"2026-11-18T11:07:40X", -1},
		{"2026-11-18T11:07:40+1", -1},
		{"2026-11-18T11:07:40+01:", -1},
		{"2026-11-18T11:07:40+99:00", -1},
		{"2026-11-18T11:07:40Z ", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t us = 0;
		int rc = clock_parse(cases[i].text, &us);

		if (rc != (cases[i].us < 0 ? -1 : 0) || (!rc && us != cases[i].us))
			fail_msg("\"%s\": %d, %lld", cases[i].text, rc, (long long)us);
	}
}

static void test_clocks(void **state)
{
	struct clock fake = clock_fake(77), real = clock_system();
	int64_t before = clock_mono_us(&real);

	(void)state;
	assert_true(clock_wall_us(&fake) == 77);
	fake.fake_wall_us += 5;
	fake.fake_mono_us += 5;
	assert_true(clock_wall_us(&fake) == 82);
	assert_true(clock_mono_us(&fake) == 1000005);
	assert_true(clock_mono_us(&real) >= before);
	assert_true(clock_wall_us(&real) > INT64_C(1700000000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_utc),
		cmocka_unit_test(test_instants),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
