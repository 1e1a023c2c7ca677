/* test_guard.c: the fail-fast guard trips on 8 of 10 and on nothing less. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "backend/ingest/window.h"

static void add(struct guard *g, enum arm arm, int64_t rollout, int failed, int down)
{
	struct record r = {.arm = arm, .rollout = rollout, .failed = failed, .backend_down = down};

	guard_add(g, &r, 10);
}

static const struct {
	const char *name, *answers; /* F failed, . good, s failed on stable, o of another rollout */
	int want;
} cases[] = {
	{"nothing seen", "", 0},
	{"all failing trips at eight", "FFFFFFFF", 8},
	{"seven are not enough", "FFFFFFF", 7},
	{"eight of ten", "F.FFFF.FFF", 8},
	{"old failures leave", "FFFFFFFFFF..........", 0},
	{"only the last ten", "FFFFFFFFFF.....", 5},
	{"stable is ignored", "ssssssssss", 0},
	{"another rollout is ignored", "oooooooooo", 0},
	{"between others", "soFsoFso.", 2},
	{"no server", "..D", 10},
	{"no server, once", "D..........", 10},
	{"round the ring", "..............................................................FFFFFF",
		6},
};

static void test_counts_the_last_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct guard g;
		guard_reset(&g, 41);
		for (const char *p = cases[i].answers; *p; p++)
			add(&g, *p == 's' ? ARM_STABLE : ARM_CANDIDATE, *p == 'o' ? 40 : 41,
				*p != '.', *p == 'D');
		if (guard_failures(&g, 10) != cases[i].want)
			fail_msg("%s: %d", cases[i].name, guard_failures(&g, 10));
		guard_reset(&g, 42);
		assert_int_equal(guard_failures(&g, 10), 0);
		add(&g, ARM_CANDIDATE, 41, 1, 1);
		assert_int_equal(guard_failures(&g, 10), 0);
	}
}

static void test_without_a_rollout_nothing_counts(void **state)
{
	struct guard g = {0};

	(void)state;
	add(&g, ARM_CANDIDATE, 0, 1, 1);
	assert_int_equal(guard_failures(&g, 10), 0);
}

/* 2 % failures: eight of ten have a chance of 1e-12 at each answer. */
static void test_ordinary_failures_do_not_trip(void **state)
{
	struct guard g;
	uint64_t x = 88172645463325252u;
	int trips = 0, failures = 0;

	(void)state;
	guard_reset(&g, 1);
	for (int i = 0; i < 1000000; i++) {
		int failed;
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		failed = (x >> 20) % 100 < 2;
		failures += failed;
		add(&g, ARM_CANDIDATE, 1, failed, 0);
		trips += guard_failures(&g, 10) >= 8;
	}
	assert_in_range(failures, 19000, 21000);
	assert_int_equal(trips, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_the_last_answers),
		cmocka_unit_test(test_without_a_rollout_nothing_counts),
		cmocka_unit_test(test_ordinary_failures_do_not_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
