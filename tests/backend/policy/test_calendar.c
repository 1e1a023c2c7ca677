/* test_calendar.c: freeze windows: how they are read, when they hold, and the days on which clocks
 * change, in Europe and in America, both ways. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/policy/calendar.h"

static int64_t utc(const char *text)
{
	struct tm tm = {0};

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return (int64_t)timegm(&tm) * 1000000;
}

static struct freeze_window window(const char *text)
{
	struct freeze_window w;
	struct err e = {0};

	if (freeze_window_parse(text, &w, &e))
		fail_msg("%s: %s", text, e.message);
	return w;
}

struct instant {
	const char *window, *at;
	const char *until; /* UTC; NULL = it does not hold */
};

static const struct instant plain[] = {
	{"Fri 16:00 .. Mon 08:00 UTC", "2026-11-27 15:59:59", NULL},
	{"Fri 16:00 .. Mon 08:00 UTC", "2026-11-27 16:00:00", "2026-11-30 08:00:00"},
	{"Fri 16:00 .. Mon 08:00 UTC", "2026-11-29 23:00:00", "2026-11-30 08:00:00"},
	{"Fri 16:00 .. Mon 08:00 UTC", "2026-11-30 08:00:00", NULL},
	{"Mon 09:00 .. Mon 10:00 UTC", "2026-11-30 09:30:00", "2026-11-30 10:00:00"},
	{"Mon 10:00 .. Mon 09:00 UTC", "2026-11-30 08:30:00", "2026-11-30 09:00:00"},
	{"Mon 10:00 .. Mon 09:00 UTC", "2026-11-30 09:30:00", NULL},
	{"Sat 00:00 .. Sun 24:00 UTC", "2026-11-29 23:59:00", "2026-11-30 00:00:00"},
	{"daily 22:00 .. 06:00 UTC", "2026-11-27 21:59:59", NULL},
	{"daily 22:00 .. 06:00 UTC", "2026-11-27 22:00:00", "2026-11-28 06:00:00"},
	{"daily 22:00 .. 06:00 UTC", "2026-11-28 05:59:59", "2026-11-28 06:00:00"},
	{"daily 22:00 .. 06:00 UTC", "2026-11-28 06:00:00", NULL},
	{"daily 12:00 .. 13:00 Asia/Kolkata", "2026-11-28 06:30:00", "2026-11-28 07:30:00"},
	{"2026-12-20 .. 2027-01-03 Europe/Berlin", "2026-12-19 22:59:59", NULL},
	{"2026-12-20 .. 2027-01-03 Europe/Berlin", "2026-12-19 23:00:00", "2027-01-03 23:00:00"},
	{"2026-12-20 .. 2027-01-03 Europe/Berlin", "2027-01-03 22:59:59", "2027-01-03 23:00:00"},
	{"2026-12-20 .. 2027-01-03 Europe/Berlin", "2027-01-03 23:00:00", NULL},
	{"2026-12-20 16:00 .. 2026-12-20 18:30 UTC", "2026-12-20 18:29:59", "2026-12-20 18:30:00"},
	{"Tue 23:00 .. Wed 01:00 Pacific/Auckland", "2026-06-09 11:30:00", "2026-06-09 13:00:00"},
};

/* London puts its clocks forward on 29 March 2026 at 01:00 UTC and back on 25 October at 01:00 UTC;
 * New York forward on 8 March at 07:00 UTC and back on 1 November at 06:00 UTC. */
static const struct instant changes[] = {
	/* Across the change: the end is a local time, an hour earlier or later in UTC. */
	{"Fri 16:00 .. Mon 08:00 Europe/London", "2026-03-27 16:00:00", "2026-03-30 07:00:00"},
	{"Fri 16:00 .. Mon 08:00 Europe/London", "2026-03-30 07:00:00", NULL},
	{"Fri 16:00 .. Mon 08:00 Europe/London", "2026-10-23 15:00:00", "2026-10-26 08:00:00"},
	{"Fri 16:00 .. Mon 08:00 Europe/London", "2026-10-26 07:59:59", "2026-10-26 08:00:00"},
	{"Fri 16:00 .. Mon 08:00 America/New_York", "2026-03-06 21:00:00", "2026-03-09 12:00:00"},
	{"Fri 16:00 .. Mon 08:00 America/New_York", "2026-10-30 20:00:00", "2026-11-02 13:00:00"},
	/* 01:30 is skipped in London: a window begins, and ends, at the skip. */
	{"daily 01:30 .. 05:00 Europe/London", "2026-03-29 00:59:59", NULL},
	{"daily 01:30 .. 05:00 Europe/London", "2026-03-29 01:00:00", "2026-03-29 04:00:00"},
	{"daily 00:15 .. 01:30 Europe/London", "2026-03-29 00:59:59", "2026-03-29 01:00:00"},
	{"daily 00:15 .. 01:30 Europe/London", "2026-03-29 01:00:00", NULL},
	{"daily 01:10 .. 01:50 Europe/London", "2026-03-29 01:00:00", NULL},
	{"daily 01:10 .. 01:50 Europe/London", "2026-03-28 01:10:00", "2026-03-28 01:50:00"},
	/* 01:30 comes twice: begun the first time, ended the second. */
	{"daily 01:30 .. 05:00 Europe/London", "2026-10-25 00:29:59", NULL},
	{"daily 01:30 .. 05:00 Europe/London", "2026-10-25 00:30:00", "2026-10-25 05:00:00"},
	{"daily 01:30 .. 05:00 Europe/London", "2026-10-25 01:10:00", "2026-10-25 05:00:00"},
	{"daily 00:15 .. 01:30 Europe/London", "2026-10-25 00:45:00", "2026-10-25 01:30:00"},
	{"daily 00:15 .. 01:30 Europe/London", "2026-10-25 01:29:59", "2026-10-25 01:30:00"},
	{"daily 00:15 .. 01:30 Europe/London", "2026-10-25 01:30:00", NULL},
	/* The same in New York, 02:30 and 01:30. */
	{"daily 02:30 .. 05:00 America/New_York", "2026-03-08 06:59:59", NULL},
	{"daily 02:30 .. 05:00 America/New_York", "2026-03-08 07:00:00", "2026-03-08 09:00:00"},
	{"daily 01:00 .. 02:30 America/New_York", "2026-03-08 06:59:59", "2026-03-08 07:00:00"},
	{"daily 01:00 .. 02:30 America/New_York", "2026-03-08 07:00:00", NULL},
	{"daily 01:30 .. 04:00 America/New_York", "2026-11-01 05:29:59", NULL},
	{"daily 01:30 .. 04:00 America/New_York", "2026-11-01 05:30:00", "2026-11-01 09:00:00"},
	{"daily 00:30 .. 01:30 America/New_York", "2026-11-01 06:15:00", "2026-11-01 06:30:00"},
	{"daily 00:30 .. 01:30 America/New_York", "2026-11-01 06:30:00", NULL},
	/* A whole day of 23 and of 25 hours. */
	{"2026-03-29 .. 2026-03-29 Europe/London", "2026-03-29 00:00:00", "2026-03-29 23:00:00"},
	{"2026-10-25 .. 2026-10-25 Europe/London", "2026-10-24 23:00:00", "2026-10-26 00:00:00"},
};

static void check(const struct instant *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct freeze_window w = window(list[i].window);
		int64_t until = 0;
		int holds = freeze_window_holds(&w, utc(list[i].at), &until);

		if (holds != (list[i].until != NULL))
			fail_msg("%s at %s: %d", list[i].window, list[i].at, holds);
		if (holds && until != utc(list[i].until))
			fail_msg("%s at %s: until %lld, not %s", list[i].window, list[i].at,
				(long long)until / 1000000, list[i].until);
	}
}

static void test_windows_hold(void **state)
{
	(void)state;
	check(plain, sizeof plain / sizeof plain[0]);
}

static void test_days_on_which_clocks_change(void **state)
{
	(void)state;
	check(changes, sizeof changes / sizeof changes[0]);
}

/* Every quarter of an hour of two years against the clock on the wall: outside the hours that are
 * skipped or doubled a daily window holds exactly when local time is within it. */
static void test_against_the_wall_clock(void **state)
{
	static const char *const zones[] = {"Europe/London", "America/New_York", "UTC"};
	int64_t begin = utc("2026-01-01 00:00:00"), until;

	(void)state;
	for (int z = 0; z < 3; z++) {
		char text[100];
		struct freeze_window w;

		snprintf(text, sizeof text, "daily 22:00 .. 06:00 %s", zones[z]);
		w = window(text);
		for (int q = 0; q < 2 * 365 * 96; q += 7) {
			int64_t at = begin + (int64_t)q * 900 * 1000000;
			int64_t local = at / 1000000 + zone_offset(zones[z], at / 1000000);
			int hour = (int)(local % 86400 / 3600);

			if (freeze_window_holds(&w, at, &until) != (hour >= 22 || hour < 6))
				fail_msg("%s: quarter %d", text, q);
		}
	}
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"Fri 16:00 .. Mon 08:00 Europe/Lundon", "time zone \"Europe/Lundon\""},
		{"Fri 16:00 .. Mon 08:00 ../../etc/passwd", "time zone \"../../etc/passwd\""},
		{"Fri 16:00 .. Mon 08:00 /etc/localtime", "not known here"},
		{"Fri 16:00 .. Mon 08:00 Europe", "not known here"},
		{"Fri 16:00 .. Mon 08:00", "names no time zone"},
		{"Fry 16:00 .. Mon 08:00 UTC", "day \"Fry\""},
		{"Fri 16:00 .. Moon 08:00 UTC", "day \"Moon\""},
		{"Fri 16 .. Mon 08:00 UTC", "time \"16\""},
		{"Fri 16:60 .. Mon 08:00 UTC", "time \"16:60\""},
		{"Fri 24:01 .. Mon 08:00 UTC", "time \"24:01\""},
		{"Fri 16:00 - Mon 08:00 UTC", "has no .."},
		{"Fri 16:00 .. Fri 16:00 UTC", "is empty"},
		{"Sat 24:00 .. Sun 00:00 UTC", "is empty"},
		{"daily 06:00 .. 06:00 UTC", "is empty"},
		{"2026-12-20 .. 2026-12-19 UTC", "ends before it begins"},
		{"2026-12-20 12:00 .. 2026-12-20 12:00 UTC", "ends before it begins"},
		{"2026-02-30 .. 2026-03-01 UTC", "date \"2026-02-30\""},
		{"2026-2-1 .. 2026-03-01 UTC", "date \"2026-2-1\""},
		{"Fri 16:00 .. Mon 08:00 UTC please", "goes on"},
		{"", "is no window"},
		{"always", "is no window"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct freeze_window w;
		struct err e = {0};

		if (freeze_window_parse(cases[i].text, &w, &e) != ERR_INVALID ||
			!strstr(e.message, cases[i].says) || !e.hint[0])
			fail_msg("%s: %s (%s)", cases[i].text, e.message, e.hint);
	}
}

static void test_windows_in_a_row(void **state)
{
	struct freeze_window list[3];
	int64_t until = 0;

	(void)state;
	list[0] = window("daily 22:00 .. 06:00 UTC");
	list[1] = window("2026-12-24 06:00 .. 2026-12-26 12:00 UTC");
	list[2] = window("Sat 12:00 .. Sun 12:00 UTC"); /* 26 December is a Saturday */
	assert_int_equal(freeze_find(list, 3, utc("2026-12-23 23:00:00"), &until), 0);
	assert_true(until == utc("2026-12-27 12:00:00"));
	assert_int_equal(freeze_find(list, 3, utc("2026-12-23 12:00:00"), &until), -1);
	assert_int_equal(freeze_find(list, 0, utc("2026-12-23 23:00:00"), &until), -1);
	list[0] = window("daily 00:00 .. 24:00 UTC"); /* for ever, and still an answer */
	assert_int_equal(freeze_find(list, 1, utc("2026-12-23 12:00:00"), &until), 0);
	assert_true(until > utc("2026-12-30 00:00:00"));
}

static void test_what_covers_what(void **state)
{
	static const struct {
		const char *wide, *narrow;
		int covers;
	} cases[] = {
		{"Fri 16:00 .. Mon 08:00 UTC", "Fri 16:00 .. Mon 08:00 UTC", 1},
		{"Fri 16:00 .. Mon 08:00 UTC", "Sat 00:00 .. Mon 00:00 UTC", 1},
		{"Sat 00:00 .. Mon 00:00 UTC", "Fri 16:00 .. Mon 08:00 UTC", 0},
		{"Fri 16:00 .. Mon 08:00 UTC", "Fri 16:00 .. Mon 08:00 Europe/London", 0},
		{"Fri 16:00 .. Mon 08:00 UTC", "Tue 16:00 .. Tue 17:00 UTC", 0},
		{"Mon 10:00 .. Mon 09:00 UTC", "Sun 10:00 .. Mon 09:00 UTC", 1},
		{"Mon 10:00 .. Mon 09:00 UTC", "Sun 10:00 .. Mon 09:30 UTC", 0},
		{"daily 22:00 .. 06:00 UTC", "daily 23:00 .. 05:00 UTC", 1},
		{"daily 22:00 .. 06:00 UTC", "daily 00:00 .. 01:00 UTC", 1},
		{"daily 23:00 .. 05:00 UTC", "daily 22:00 .. 06:00 UTC", 0},
		{"daily 00:00 .. 24:00 UTC", "daily 22:00 .. 06:00 UTC", 1},
		{"2026-12-20 .. 2027-01-03 UTC", "2026-12-24 .. 2026-12-26 UTC", 1},
		{"2026-12-24 .. 2026-12-26 UTC", "2026-12-20 .. 2027-01-03 UTC", 0},
		{"daily 22:00 .. 06:00 UTC", "Mon 23:00 .. Mon 23:30 UTC", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct freeze_window a = window(cases[i].wide), b = window(cases[i].narrow);

		if (freeze_window_covers(&a, &b) != cases[i].covers)
			fail_msg("%s covers %s: not %d", cases[i].wide, cases[i].narrow,
				cases[i].covers);
	}
}

/* The zone of the process stays what it was. */
static void test_leaves_no_trace(void **state)
{
	struct freeze_window w = window("Fri 16:00 .. Mon 08:00 Europe/London");
	char text[80];
	int64_t until;

	(void)state;
	setenv("TZ", "Asia/Tokyo", 1);
	freeze_window_holds(&w, utc("2026-11-27 16:00:00"), &until);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	freeze_format_until(&w, utc("2026-03-30 07:00:00"), text, sizeof text);
	assert_string_equal(text, "Mon 30 Mar 08:00 Europe/London");
	unsetenv("TZ");
	freeze_window_holds(&w, utc("2026-11-27 16:00:00"), &until);
	assert_null(getenv("TZ"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows_hold),
		cmocka_unit_test(test_days_on_which_clocks_change),
		cmocka_unit_test(test_against_the_wall_clock),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_windows_in_a_row),
		cmocka_unit_test(test_what_covers_what),
		cmocka_unit_test(test_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
