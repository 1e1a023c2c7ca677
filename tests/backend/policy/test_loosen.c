/* test_loosen.c: every key of the table both ways, and windows that are lifted or shortened. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "backend/policy/loosen.h"

/* Written down anew: for which keys more is weaker. */
static const char more_is_weaker[] =
	" grant robot-may step-most rollback-time worse-by harm-at psi "
	"false-abort first-share largest-rise hold outcome-within ";

static int weaker_up(const char *key)
{
	char word[40] = " ";

	strncat(word, key, 36);
	strcat(word, " ");
	return strstr(more_is_weaker, word) != NULL;
}

static void test_every_key_both_ways(void **state)
{
	char out[200];
	int n = 0;

	(void)state;
	for (const char *key; (key = loosen_key(n)); n++) {
		int up = weaker_up(key);

		assert_int_equal(loosen_number(key, "it", 1, 2, out, sizeof out), up);
		assert_int_equal(loosen_number(key, "it", 2, 1, out, sizeof out), !up);
		assert_int_equal(loosen_number(key, "it", 1, 1, out, sizeof out), 0);
		/* A limit that is taken away is weaker; one that comes is not. */
		assert_int_equal(loosen_number(key, "it", 1, (double)NAN, out, sizeof out), 1);
		assert_non_null(strstr(out, "it"));
		assert_int_equal(loosen_number(key, "it", (double)NAN, 1, out, sizeof out), 0);
		assert_int_equal(
			loosen_number(key, "it", (double)NAN, (double)NAN, out, sizeof out), 0);
	}
	assert_int_equal(n, 30);
	assert_null(loosen_key(-1));
}

static void test_sentences(void **state)
{
	char out[200];

	(void)state;
	assert_int_equal(loosen_number("grant", "operator to root", 0, 1, out, sizeof out), 1);
	assert_string_equal(out, "grants operator to root");
	assert_int_equal(loosen_number("tier", "rebook", 2, 0, out, sizeof out), 1);
	assert_string_equal(out, "lowers the tier of rebook");
	assert_int_equal(loosen_number("signal", "brier of delay", 1, 0, out, sizeof out), 1);
	assert_string_equal(out, "no longer judges brier of delay");
}

static void test_windows(void **state)
{
	static const struct {
		const char *was[3], *is[3];
		const char *lost; /* NULL = nothing */
	} cases[] = {
		{{NULL}, {NULL}, NULL},
		{{NULL}, {"daily 22:00 .. 06:00 UTC"}, NULL},
		{{"daily 22:00 .. 06:00 UTC"}, {NULL}, "daily 22:00 .. 06:00 UTC"},
		{{"daily 22:00 .. 06:00 UTC"}, {"daily 22:00 .. 06:00 UTC"}, NULL},
		{{"daily 22:00 .. 06:00 UTC"}, {"daily 21:00 .. 07:00 UTC"}, NULL},
		{{"daily 22:00 .. 06:00 UTC"}, {"daily 23:00 .. 06:00 UTC"},
			"daily 22:00 .. 06:00 UTC"},
		{{"daily 22:00 .. 06:00 UTC"}, {"daily 22:00 .. 06:00 Europe/London"},
			"daily 22:00 .. 06:00 UTC"},
		{{"daily 22:00 .. 06:00 UTC", "Fri 16:00 .. Mon 08:00 UTC"},
			{"Fri 15:00 .. Mon 08:00 UTC", "daily 22:00 .. 06:00 UTC"}, NULL},
		{{"daily 22:00 .. 06:00 UTC", "Fri 16:00 .. Mon 08:00 UTC"},
			{"Fri 16:00 .. Mon 07:59 UTC", "daily 22:00 .. 06:00 UTC"},
			"Fri 16:00 .. Mon 08:00 UTC"},
		{{"whenever it rains"}, {"whenever it rains"}, NULL},
		{{"whenever it rains"}, {"daily 22:00 .. 06:00 UTC"}, "whenever it rains"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char lost[200] = "";
		int was = 0, is = 0, loosens;

		while (was < 3 && cases[i].was[was])
			was++;
		while (is < 3 && cases[i].is[is])
			is++;
		loosens = loosen_freeze(cases[i].was, was, cases[i].is, is, lost, sizeof lost);
		if (loosens != (cases[i].lost != NULL) ||
			(loosens && strcmp(lost, cases[i].lost) != 0))
			fail_msg("%zu: %d %s", i, loosens, lost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_both_ways),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
