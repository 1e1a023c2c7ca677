/* test_band_chart.c: a band that narrows, drawn in plain letters: its limits are named on their
 * lines, and what is much wider than all that matters is cut off. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "panes/band_chart.h"
#include "tui/client/codec.h"

#define POINT(at, low, effect, high, ok, harm)                                                     \
	"{\"at_us\":" #at "000000,\"low\":" #low ",\"effect\":" #effect ",\"high\":" #high         \
	",\"limit_ok\":" #ok ",\"limit_harm\":" #harm "}"

static const struct {
	const char *name, *band, *want;
} cases[] = {
	{"it narrows until it is below both limits",
		"{\"effect_unit\":\"pp\",\"points\":[" POINT(0, -80, 0, 80, 1, 0.5) "," POINT(
			20, -2, 0, 2, 1, 0.5) "," POINT(40, -0.5, 0, 0.5, 1, 0.5) "]}",
		"error_rate ORD, pp   * 95 % band  o difference\n"
		" 2|                     ******\n"
		"  |- ok 1 --------------------**********------\n"
		" 0|o harm 0.5 oooooooooooooooooooooooooooooooo\n"
		"  |                           **********\n"
		"-2|                     ******\n"
		"   00:00:00Z                         00:00:40Z\n"},
	{"nothing yet", "{\"effect_unit\":\"pp\",\"points\":[]}",
		"error_rate ORD, pp   * 95 % band  o difference\nno data yet\n\n\n\n\n\n"},
	{"a difference far below, and no band",
		"{\"points\":[" POINT(0, null, -3, null, 1, 0.5) "," POINT(
			40, null, -3, null, 1, 0.5) "]}",
		"error_rate ORD: no band yet   * 95 % band\n"
		" 2|\n"
		" 0|- harm 0.5  ok 1 --------------------------\n"
		"  |\n"
		"-2|ooooooooooooooooooooooooooooooooooooooooooo\n"
		"-4|\n"
		"   00:00:00Z                         00:00:40Z\n"},
	{"no limits", "{\"points\":[" POINT(0, null, null, null, null, null) "]}",
		"error_rate ORD   * 95 % band  o difference\nno data yet\n\n\n\n\n\n"},
};

static void bands_are_drawn(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct canvas *c = canvas_new(7, 46, CHARSET_ASCII);
		struct buf shown = {0};
		struct err e = {0};
		struct snapshot *s = codec_parse(cases[i].band, strlen(cases[i].band), &e);

		assert_non_null(s);
		band_chart_draw(c, canvas_all(c),
			&(struct band_chart){
				"error_rate", "ORD", snapshot_root(s), 0, 40000000, TIMEFMT_UTC});
		canvas_dump(c, &shown);
		if (strcmp(buf_text(&shown), cases[i].want) != 0)
			fail_msg("%s:\n%s", cases[i].name, buf_text(&shown));
		buf_release(&shown);
		snapshot_free(s);
		canvas_free(c);
	}
}

/* Before the first answer there is no data, and no crash. */
static void without_an_answer_it_says_so(void **state)
{
	struct canvas *c = canvas_new(7, 46, CHARSET_BRAILLE);
	struct buf shown = {0};

	(void)state;
	band_chart_draw(c, canvas_all(c),
		&(struct band_chart){"brier", "", NULL, 0, 40000000, TIMEFMT_UTC});
	canvas_dump(c, &shown);
	assert_non_null(strstr(buf_text(&shown), "no data yet"));
	buf_release(&shown);
	canvas_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bands_are_drawn),
		cmocka_unit_test(without_an_answer_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
