/* test_chart.c: charts as golden pictures in all three kinds of letters; scales; sparklines. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tui/widget/chart.h"
#include "tui/widget/spark.h"

enum { POINTS = 21 };

static double xs[POINTS], stable[POINTS], candidate[POINTS];

static struct chart make(void)
{
	for (int i = 0; i < POINTS; i++) {
		xs[i] = i;
		stable[i] = 0.02;
		candidate[i] = 0.01 + 0.002 * i;
	}
	candidate[10] = NAN;
	return (struct chart){
		.title = "error %",
		.series = {{"stable v2", xs, stable, POINTS, ROLE_stable_arm, false},
			{"candidate v3", xs, candidate, POINTS, ROLE_candidate_arm, true}},
		.nseries = 2,
		.limits = {{0.04, "limit .04", NULL}},
		.nlimits = 1,
		.from_zero = true,
		.x_left = "13:50",
		.x_right = "14:10",
		.marks = {{5, "canary #41"}},
		.nmarks = 1,
	};
}

static char *drawn(const struct chart *ch, int rows, int cols, enum charset charset)
{
	struct canvas *c = canvas_new(rows, cols, charset);
	struct buf b = {0};

	chart_draw(c, canvas_all(c), ch);
	canvas_dump(c, &b);
	canvas_free(c);
	return buf_detach(&b);
}

static void test_pictures(void **state)
{
	static const char *const want[] = {
		"error %   * stable v2  o candidate v3  -- limit .04\n"
		"0.06|\n"
		"    |                                        ooooooooooo\n"
		"0.04|----------------------------oooooooooooo-----------\n"
		"0.02|************ooooooooooo****************************\n"
		"    |oooooooooooo\n"
		"0.00|\n"
		"                 ^ canary #41\n"
		"     13:50                                         14:10\n",
		"error %   ── stable v2  ·· candidate v3  ┄┄ limit .04\n"
		"0.06┤\n"
		"    │                                        ▄ ▄ ▄ ▄ ▀ ▀\n"
		"0.04┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄▄┄▄┄▀┄▀┄▀┄▀┄┄┄┄┄┄┄┄┄┄┄┄\n"
		"0.02┤▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄█▄█▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄\n"
		"    │▄ ▄ ▀ ▀ ▀ ▀\n"
		"0.00┤\n"
		"                 ^ canary #41\n"
		"     13:50                                         14:10\n",
		"error %   ── stable v2  ·· candidate v3  ┄┄ limit .04\n"
		"0.06┤\n"
		"    │                                        ⣀ ⠤ ⠔ ⠒ ⠒ ⠉\n"
		"0.04┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⣀┄⠤┄⠒┄⠊┄⠉┄⠉┄┄┄┄┄┄┄┄┄┄┄┄\n"
		"0.02┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣠⣀⣤⣀⣒⣀⣉⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀\n"
		"    │⣀ ⠤ ⠤ ⠔ ⠒ ⠉\n"
		"0.00┤\n"
		"                 ^ canary #41\n"
		"     13:50                                         14:10\n",
	};
	struct chart ch = make();

	(void)state;
	for (int charset = CHARSET_ASCII; charset <= CHARSET_BRAILLE; charset++) {
		char *got = drawn(&ch, 9, 56, (enum charset)charset);
		assert_string_equal(got, want[charset]);
		free(got);
	}
}

/* No data is a gap, not a slope; what is outside the times shown does not stretch the axis. */
static void test_gaps_and_zoom(void **state)
{
	double x[] = {0, 10, 11, 12, 18, 19, 20}, y[] = {500, 1, 1, NAN, NAN, 3, 3};
	double zero[] = {0, 0, 0, 0, 0, 0, 0};
	struct chart ch = {.series = {{.x = x, .y = y, .n = 7}},
		.nseries = 1,
		.from_zero = true,
		.fixed_x = true,
		.x_min = 10,
		.x_max = 20};
	char *shown = drawn(&ch, 4, 24, CHARSET_ASCII);

	(void)state;
	assert_string_equal(shown, "4|\n |                   ***\n2|***\n0|\n");
	free(shown);
	ch.series[0].y = zero;
	shown = drawn(&ch, 3, 24, CHARSET_ASCII);
	assert_string_equal(shown, "1|\n |\n0|**********************\n");
	free(shown);
}

/* A fixed y axis cuts off what lies outside; limits are named on their lines, side by side where
 * they share a row. */
static void test_fixed_height_and_words(void **state)
{
	struct chart ch = make();
	char *shown;

	(void)state;
	ch.limits[0] = (struct chart_limit){0.05, NULL, "ok .05"};
	ch.limits[1] = (struct chart_limit){0.0495, NULL, "harm .0495"};
	ch.nlimits = 2;
	ch.from_zero = false;
	ch.fixed_y = true;
	ch.y_min = 0.04;
	ch.y_max = 0.08;
	shown = drawn(&ch, 8, 54, CHARSET_ASCII);
	assert_non_null(strstr(shown, "error %   * stable v2  o candidate v3\n"));
	assert_non_null(strstr(shown, "|- ok .05  harm .0495 -"));
	assert_null(strstr(shown, "**")); /* stable is at .02 */
	free(shown);
	ch.y_max = 0.2;
	ch.limits[1].y = 0.15;
	shown = drawn(&ch, 12, 54, CHARSET_ASCII);
	assert_non_null(strstr(shown, "|- ok .05 -"));
	assert_non_null(strstr(shown, "|- harm .0495 -"));
	free(shown);
}

static void test_scales_are_round(void **state)
{
	static const struct {
		double lo, hi;
		int n;
		double first, step;
		int decimals;
	} cases[] = {
		{0, 100, 5, 0, 20, 0},
		{0, 0.05, 5, 0, 0.01, 2},
		{0.3, 9.7, 4, 0, 5, 0},
		{-0.013, 0.02, 4, -0.02, 0.01, 2},
		{0, 1, 1, 0, 1, 0},
		{5, 5, 4, 2, 2, 0},
		{0, 26000, 3, 0, 10000, 0},
		{0, 0, 2, -1, 1, 0},
		{0.0148, 0.0152, 4, 0.0148, 0.0001, 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double first, step;
		int decimals;
		chart_scale(cases[i].lo, cases[i].hi, cases[i].n, &first, &step, &decimals);
		if (fabs(first - cases[i].first) > 1e-9 || fabs(step - cases[i].step) > 1e-9 ||
			decimals != cases[i].decimals)
			fail_msg("case %zu: from %g by %g, %d decimals", i, first, step, decimals);
	}
}

static void test_any_data_and_size_is_drawn(void **state)
{
	double odd[POINTS];
	struct chart ch = make();

	(void)state;
	srand(5);
	ch.series[1].y = odd;
	for (int round = 0; round < 2000; round++) {
		static const double values[] = {0, 1, -1, 1e300, -1e300, 1e-300, 3.5};
		for (int i = 0; i < POINTS; i++)
			odd[i] = rand() % 5 == 0 ? NAN : rand() % 7 ? values[rand() % 7] : INFINITY;
		ch.fixed_x = rand() % 2;
		ch.x_min = rand() % 30 - 5;
		ch.x_max = ch.x_min + rand() % 10;
		ch.fixed_y = rand() % 2;
		ch.y_min = -(double)(rand() % 3);
		ch.y_max = ch.y_min + rand() % 10;
		ch.limits[0].word = rand() % 2 ? "limit" : NULL;
		free(drawn(&ch, 1 + rand() % 12, 1 + rand() % 60, (enum charset)(rand() % 3)));
	}
	ch.nseries = 0;
	char *got = drawn(&ch, 4, 30, CHARSET_ASCII);
	assert_non_null(strstr(got, "no data yet"));
	free(got);
}

static void test_sparklines(void **state)
{
	static const struct {
		const char *name;
		double values[8];
		size_t n;
		int width;
		const char *want, *want_ascii;
	} cases[] = {
		{"rising", {0, 1, 2, 3, 4, 5, 6, 7}, 8, 8, "▁▂▃▄▅▆▇█", "__..--=#"},
		{"the newest are kept", {9, 9, 0, 7}, 4, 2, "▁█", "_#"},
		{"few values stand at the right", {7}, 1, 3, "  █", "  #"},
		{"a gap", {1, NAN, 1}, 3, 3, "█ █", "# #"},
		{"nothing happens", {0, 0, 0}, 3, 3, "▁▁▁", "___"},
		{"below zero", {-1, 0, 1}, 3, 3, "▁▅█", "_-#"},
		{"none", {0}, 0, 3, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (int plain = 0; plain < 2; plain++) {
			struct canvas *c = canvas_new(1, 9, plain ? CHARSET_ASCII : CHARSET_BLOCKS);
			struct buf b = {0};
			spark_draw(c, 0, 0, cases[i].width, ROLE_text, cases[i].values, cases[i].n);
			canvas_dump(c, &b);
			const char *want = plain ? cases[i].want_ascii : cases[i].want;
			if (strncmp(buf_text(&b), want, strlen(want)) != 0 ||
				b.len != strlen(want) + 1)
				fail_msg("%s: got %s", cases[i].name, buf_text(&b));
			buf_release(&b);
			canvas_free(c);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_gaps_and_zoom),
		cmocka_unit_test(test_fixed_height_and_words),
		cmocka_unit_test(test_scales_are_round),
		cmocka_unit_test(test_any_data_and_size_is_drawn),
		cmocka_unit_test(test_sparklines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
