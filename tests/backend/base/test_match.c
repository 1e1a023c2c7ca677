/* test_match.c: regular expressions that people type: smart case, bounded, and never a hang. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/match.h"
#include "backend/base/xalloc.h"

static void test_find(void **state)
{
	static const struct {
		const char *pattern, *text;
		size_t n; /* 0 = all of it */
		int found;
	} cases[] = {
		{"abort", "rollout.ABORT by ada", 0, 1}, /* small letters match both */
		{"Abort", "rollout.abort", 0, 0},
		{"Abort", "Abort", 0, 1},
		{"\\Wabort", "X ABORT", 0, 1}, /* a class is no capital letter */
		{"^v[0-9]+$", "v12", 0, 1},
		{"^v[0-9]+$", "v12x", 0, 0},
		{"", "anything", 0, 1},
		{"a.c",
			"a\xc3\xa4"
			"c",
			0, 1},			/* one character, two bytes */
		{"\xc3\xa4", "\xc3\x84", 0, 1}, /* case folds beyond ASCII */
		{"after", "before \xff\xfe after", 0, 1},
		{"x", "\xff\xc3", 0, 0},
		{"end", "the end", 3, 0}, /* only n bytes are looked at */
		{"a$", "a", 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = {0};
		struct match *m = match_new(cases[i].pattern, &e);
		size_t n = cases[i].n ? cases[i].n : strlen(cases[i].text);
		if (!m)
			fail_msg("%s: %s", cases[i].pattern, e.message);
		if (match_find(m, cases[i].text, n, &e) != cases[i].found)
			fail_msg("%s on %s: %s", cases[i].pattern, cases[i].text, e.message);
		match_free(m);
	}
	match_free(NULL);
}

static void test_bad(void **state)
{
	static const struct {
		const char *pattern, *sentence;
	} cases[] = {
		{"(abc", "bad pattern at character 4: "},
		{"a**b[", "bad pattern at character "},
		{"[z-a]", "bad pattern at character 3: "},
		{"\\", "bad pattern at character 1: "},
		{"\xff", "bad pattern at character 0: "},
	};
	char longest[1200];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = {0};
		assert_null(match_new(cases[i].pattern, &e));
		assert_int_equal(e.code, ERR_REGEX);
		assert_memory_equal(e.message, cases[i].sentence, strlen(cases[i].sentence));
		assert_true(strlen(e.message) > strlen(cases[i].sentence));
	}
	memset(longest, 'a', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	assert_null(match_new(longest, NULL));
}

/* Without a limit these take longer than the universe has. */
static void test_explosive(void **state)
{
	static const char *const patterns[] = {
		"(a+)+$", "(a|aa)+$", "(.*)*x$", "^(a?){40}a{40}$", "(?:(?:a*)*)*b"};
	struct clock c = clock_system();
	char text[2001];

	(void)state;
	memset(text, 'a', sizeof text - 2);
	text[1999] = '!';
	text[2000] = '\0';
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		struct err e = {0};
		struct match *m = match_new(patterns[i], &e);
		int64_t start = clock_mono_us(&c);
		int rc;
		assert_non_null(m);
		rc = match_find(m, text, 2000, &e);
		if (rc == ERR_REGEX)
			assert_non_null(strstr(e.message, "too costly"));
		else if (rc > 0)
			fail_msg("%s found", patterns[i]);
		if (i < 2)
			assert_int_equal(rc, ERR_REGEX);
		assert_true(clock_mono_us(&c) - start < 1000000);
		match_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_explosive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
