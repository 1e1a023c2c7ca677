/* test_spec_steps.c: shares and steps as text and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "backend/spec/spec.h"

static void shares_read_exactly(void **state)
{
	static const struct {
		const char *text;
		int want; /* -1 = refused */
	} cases[] = {{"5%", 500}, {"0.25%", 25}, {"500bp", 500}, {"100%", 10000}, {"0%", 0},
		{"0bp", 0}, {"10000bp", 10000}, {"0.01%", 1}, {"99.9%", 9990}, {"33.33%", 3333},
		{"", -1}, {"5", -1}, {"%", -1}, {"-1%", -1}, {"100.01%", -1}, {"10001bp", -1},
		{"5 %", -1}, {"0.001%", -1}, {"5.%", -1}, {".5%", -1}, {"5%%", -1}, {"1e1%", -1},
		{"999999999999%", -1}, {"5.5bp", -1}, {"nan%", -1}, {" 5%", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = {0};
		int got = share_parse(cases[i].text, &e);

		if (cases[i].want >= 0 ? got != cases[i].want : got != ERR_INVALID)
			fail_msg("share `%s`: %d", cases[i].text, got);
		if (cases[i].want < 0)
			assert_non_null(strstr(e.message, "is not a share"));
	}
}

static void steps_go_there_and_back(void **state)
{
	static const char *const texts[][2] = {
		{"1% 2m, 5% 5m", "1% 2m, 5% 5m"},
		{" 0.25%  90s ,50bp 2m,100% 1h", "0.25% 90s, 0.5% 2m, 100% 1h"},
		{"0.01% 250ms", "0.01% 250ms"},
		{"12.34% 1s", "12.34% 1s"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct spec_step steps[SPEC_STEPS];
		struct buf out = {0};
		struct err e = {0};
		int n = spec_steps_parse(texts[i][0], steps, &e);

		assert_true(n > 0);
		spec_steps_format(steps, n, &out);
		assert_string_equal(buf_text(&out), texts[i][1]);
		buf_release(&out);
	}
}

static void bad_steps_are_refused(void **state)
{
	static const char *const texts[] = {"", "5%", "5% 5m,", "5% 5m, 5% 6m", "5% 5m, 1% 5m",
		"0% 5m", "101% 5m", "5% 31d", "5%5m", "x", "5% 5m; 6% 5m",
		"1% 1s,2% 1s,3% 1s,4% 1s,5% 1s,6% 1s,7% 1s,8% 1s,9% 1s,10% 1s,11% 1s,12% 1s,"
		"13% 1s,14% 1s,15% 1s,16% 1s,17% 1s"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct spec_step steps[SPEC_STEPS];
		struct err e = {0};

		if (spec_steps_parse(texts[i], steps, &e) != ERR_INVALID || !e.message[0])
			fail_msg("steps `%s` were taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_read_exactly),
		cmocka_unit_test(steps_go_there_and_back),
		cmocka_unit_test(bad_steps_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
