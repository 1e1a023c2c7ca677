/* test_panes.c: what the panes draw from recorded answers, compared with the screens beside this
 * file (PANE_COLSxROWS.screen). PITHEAD_GOLDEN=write makes them anew, for a person to look at. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend/base/xalloc.h"
#include "panes/panes.h"
#include "tui/app_priv.h"
#include "tui/client/codec.h"

#define NOW_US 1795528931000000LL /* 2026-11-24 14:02:11 UTC, when the answers were recorded */

static const struct {
	int cols, rows;
} sizes[] = {{40, 10}, {80, 24}, {120, 40}, {200, 60}};

static const struct {
	const char *name, *place;
	const char *files[PANE_FEEDS];
} screens[] = {
	{"now", "now", {"now.json"}},
	{"now_empty", "now", {"now_empty.json"}},
	{"now_waits", "now", {"now_waits.json"}},
	{"changes", "changes", {"changes.json"}},
	{"proposals", "proposals", {"proposals.json"}},
	{"rollouts", "rollouts", {"rollouts.json"}},
	{"rollouts_empty", "rollouts", {"empty.json"}},
	{"audit", "audit", {"audit.json"}},
	{"rollout", "rollout/40", {"rollout_40.json", "series_delay.json"}},
	{"charts", "charts/42",
		{"rollout_42.json", "band_error_rate.json", "band_latency_p99.json",
			"band_brier.json", "band_calibration.json"}},
	{"cards", "cards/42", {"cards_42.json", "rollout_42.json"}},
	{"card", "card/42/2", {"cards_42.json", "rollout_42.json"}},
	{"endpoint", "endpoint/payments/refund", {"endpoint_refund.json", "series_delay.json"}},
	{"servers", "servers/payments/eta", {"endpoint_eta.json"}},
	{"change", "change/811", {"change_811.json"}},
	{"event", "event/812", {"audit.json"}},
};

static struct snapshot *fixture(const char *name)
{
	char path[200];
	struct buf b = {0};
	struct snapshot *s;
	struct err e = {0};

	snprintf(path, sizeof path, "tests/panes/fixtures/%s", name);
	if (buf_read_file(&b, path, 1 << 20) < 0)
		fail_msg("cannot read %s", path);
	s = codec_parse(b.data, b.len, &e);
	if (!s)
		fail_msg("%s: %s", path, e.message);
	buf_release(&b);
	return s;
}

static void open_app(struct app *a, const struct console_options *o)
{
	app_init(a, o);
	a->host.now_us = NOW_US;
	a->data_us = NOW_US - 1000000;
	a->whoami = fixture("whoami.json");
	a->engine = fixture("engine.json");
	app_keymap_load(a);
}

static void load(struct app *a, const char *place, const char *const *files)
{
	struct err e;
	struct pane *p;

	assert_true(app_open_place(a, place, &e));
	p = app_pane(a);
	for (int i = 0; i < PANE_FEEDS && files[i]; i++) {
		snapshot_free(p->data[i]);
		p->data[i] = fixture(files[i]);
		if (p->ops->on_snapshot)
			p->ops->on_snapshot(p, i);
	}
	a->link = LINK_UP;
	a->host.up = true;
}

static void compare_screen(const char *name, int cols, int rows, const char *shown)
{
	const char *mode = getenv("PITHEAD_GOLDEN");
	struct buf want = {0};
	char path[200];

	snprintf(path, sizeof path, "tests/panes/%s_%dx%d.screen", name, cols, rows);
	if (mode && strcmp(mode, "write") == 0) {
		assert_int_equal(file_write_atomic(path, shown, strlen(shown), 0644), 0);
		return;
	}
	if (buf_read_file(&want, path, 1 << 20) < 0)
		fail_msg("no %s: make it with PITHEAD_GOLDEN=write and look at it", path);
	if (strcmp(buf_text(&want), shown) != 0)
		fail_msg("%s differs; shown is:\n%s", path, shown);
	buf_release(&want);
}

static void screens_are_as_recorded(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};

	(void)state;
	for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++)
		for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
			struct buf shown = {0};
			struct app a;

			open_app(&a, &o);
			canvas_resize(a.canvas, sizes[k].rows, sizes[k].cols);
			load(&a, screens[i].place, screens[i].files);
			app_draw(&a);
			canvas_dump(a.canvas, &shown);
			compare_screen(
				screens[i].name, sizes[k].cols, sizes[k].rows, buf_text(&shown));
			buf_release(&shown);
			app_release(&a);
		}
}

/* The hint line offers what can be done with the selected thing as it is now, and nothing else. */
static void hints_fit_the_selection(void **state)
{
	static const struct {
		const char *place, *file;
		int down; /* rows from the first */
		const char *with, *without;
	} cases[] = {
		{"now", "now.json", 0, "K alert seen", "X abort"},
		{"rollouts", "rollouts.json", 0, "X abort", "N advance"},     /* waiting */
		{"rollouts", "rollouts.json", 1, "N advance", "R resume"},    /* stepping */
		{"rollouts", "rollouts.json", 2, "Enter explain", "X abort"}, /* aborted */
		{"changes", "changes.json", 1, "u undo", "X abort"},
		{"proposals", "proposals.json", 0, "Enter explain", "A approve"}, /* an operator */
		{"proposals", "proposals.json", 2, "Enter explain", "A approve"}, /* rejected */
		{"changes", "changes.json", 5, "Enter explain", "u undo"},	  /* undone */
	};
	const struct console_options o = {.panes = panes_all, .no_files = 1};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *const files[PANE_FEEDS] = {cases[i].file};
		struct buf shown = {0};
		struct app a;

		open_app(&a, &o);
		canvas_resize(a.canvas, 24, 120);
		load(&a, cases[i].place, files);
		for (int k = 0; k < cases[i].down; k++)
			app_command(&a, "move down");
		app_draw(&a);
		canvas_dump(a.canvas, &shown);
		if (!strstr(buf_text(&shown), cases[i].with) ||
			strstr(buf_text(&shown), cases[i].without))
			fail_msg("case %zu:\n%s", i, buf_text(&shown));
		/* No act is offered on a screen that may have moved on. */
		a.link = LINK_DOWN;
		app_draw(&a);
		buf_reset(&shown);
		canvas_dump(a.canvas, &shown);
		assert_null(strstr(buf_text(&shown), "X abort"));
		assert_null(strstr(buf_text(&shown), "u undo"));
		buf_release(&shown);
		app_release(&a);
	}
}

/* Any size is drawn without a crash, with data and without. */
static void every_size_is_drawn(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	struct app a;

	(void)state;
	open_app(&a, &o);
	for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++) {
		load(&a, screens[i].place, screens[i].files);
		for (int rows = 1; rows <= 30; rows += 3)
			for (int cols = 1; cols <= 140; cols += 9) {
				canvas_resize(a.canvas, rows, cols);
				app_draw(&a);
			}
	}
	app_release(&a);
}

static void key(struct app *a, uint32_t code)
{
	struct key_event ev = {.code = code};

	app_key(a, &ev);
}

/* While an endpoint is in trouble the cursor waits on its top suspect. */
static void cursor_starts_on_the_top_suspect(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const files[PANE_FEEDS] = {"now.json"};
	struct selection s = {0};
	struct app a;

	(void)state;
	open_app(&a, &o);
	load(&a, "now", files);
	app_pane(&a)->ops->select(app_pane(&a), &s);
	assert_string_equal(s.id, "811");
	assert_string_equal(s.endpoint, "flights/delay");
	app_release(&a);
}

/* One cursor: Down past the last endpoint goes on into the changes, Up comes back. */
static void cursor_moves_over_both_lists(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const files[PANE_FEEDS] = {"now.json"};
	struct selection s = {0};
	struct app a;

	(void)state;
	open_app(&a, &o);
	load(&a, "now", files);
	app_draw(&a);
	key(&a, KEYC_UP);
	app_pane(&a)->ops->select(app_pane(&a), &s);
	assert_string_equal(s.place, "endpoint/flights/rebook");
	key(&a, KEYC_DOWN);
	s = (struct selection){0};
	app_pane(&a)->ops->select(app_pane(&a), &s);
	assert_string_equal(s.place, "change/811");
	app_release(&a);
}

/* What a screen of so many columns and rows shows now. */
static char *shown(struct app *a, int rows, int cols)
{
	struct buf b = {0};

	canvas_resize(a->canvas, rows, cols);
	app_draw(a);
	canvas_dump(a->canvas, &b);
	return buf_detach(&b);
}

static void shows(struct app *a, const char *with, const char *without)
{
	char *text = shown(a, 24, 80);

	if (!strstr(text, with) || (without && strstr(text, without)))
		fail_msg("wanted \"%s\", not \"%s\":\n%s", with, without ? without : "-", text);
	free(text);
}

static const char *const chart_files[PANE_FEEDS] = {"rollout_42.json", "band_error_rate.json",
	"band_latency_p99.json", "band_brier.json", "band_calibration.json"};

/* In 80 columns by 24 rows: two charts, two charts, the arms; and back. */
static void charts_go_by_screens(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	struct app a;

	(void)state;
	open_app(&a, &o);
	load(&a, "charts/42", chart_files);
	shows(&a, "error_rate, pp", "brier");
	shows(&a, "PageDown more", "PageUp before");
	key(&a, KEYC_PAGEDOWN);
	shows(&a, "brier", "error_rate");
	key(&a, KEYC_DOWN);
	shows(&a, "SPLIT, this step", "brier");
	shows(&a, "PageUp before", "PageDown more");
	key(&a, KEYC_DOWN);
	shows(&a, "3 of 3", NULL);
	key(&a, 'g');
	shows(&a, "1 of 3", "SPLIT");
	app_release(&a);
}

/* Without UTF-8 no sign is lost: the band is *, the difference o, both limits are named. */
static void charts_are_told_apart_in_ascii(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	struct app a;
	char *text;

	(void)state;
	open_app(&a, &o);
	a.canvas->charset = CHARSET_ASCII;
	load(&a, "charts/42", chart_files);
	text = shown(&a, 40, 120);
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c > 126)
			fail_msg("not ASCII:\n%s", text);
	assert_non_null(strstr(text, "* 95 % band  o difference"));
	assert_non_null(strstr(text, "- ok 0.5 ---"));
	assert_non_null(strstr(text, "- harm 0.125 "));
	assert_non_null(strstr(text, "4,083    50.1  ##############################|"));
	assert_non_null(strstr(text, "4,070    49.9  oooooooooooooooooooooooooooooo|"));
	free(text);
	app_release(&a);
}

/* A segment that is under suspicion gets a chart, behind the others, and keeps it. */
static void a_segments_chart_comes_last_and_stays(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char text[] =
		"{\"id\":42,\"card\":{\"verdict\":\"harm\",\"why\":\"w\",\"signals\":["
		"{\"name\":\"brier\",\"segment\":\"ORD\",\"evidence\":0.7},"
		"{\"name\":\"brier\",\"segment\":\"JFK\",\"evidence\":0.1}]}}";
	struct app a;
	struct pane *p;
	struct err e;
	char *wide;

	(void)state;
	open_app(&a, &o);
	load(&a, "charts/42", chart_files);
	p = app_pane(&a);
	for (int i = 0; i < 2; i++) {
		snapshot_free(p->data[0]);
		p->data[0] = i ? fixture("rollout_42.json") : codec_parse(text, strlen(text), &e);
		p->ops->on_snapshot(p, 0);
		shows(&a, "1 of 4", "ORD");
	}
	key(&a, KEYC_PAGEDOWN);
	key(&a, KEYC_PAGEDOWN);
	shows(&a, "SPLIT, this step", "ORD");
	key(&a, KEYC_PAGEDOWN);
	shows(&a, "brier ORD", "JFK");
	key(&a, 'g');
	wide = shown(&a, 40, 120); /* all but the segment on one screen */
	assert_non_null(strstr(wide, "SPLIT, this step"));
	assert_non_null(strstr(wide, "1 of 2"));
	assert_null(strstr(wide, "ORD"));
	free(wide);
	key(&a, KEYC_PAGEDOWN);
	wide = shown(&a, 40, 120);
	assert_non_null(strstr(wide, "brier ORD"));
	assert_null(strstr(wide, "SPLIT"));
	free(wide);
	app_release(&a);
}

/* v and c lead from a rollout to its charts and cards, Enter to one card, Esc back. */
static void keys_lead_to_charts_and_cards(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const rollout[PANE_FEEDS] = {"rollout_42.json"};
	static const char *const files[PANE_FEEDS] = {"cards_42.json", "rollout_42.json"};
	struct app a;

	(void)state;
	open_app(&a, &o);
	load(&a, "rollout/42", rollout);
	shows(&a, "v charts   c cards", NULL);
	key(&a, 'v');
	assert_string_equal(app_pane(&a)->ops->name, "charts");
	assert_string_equal(app_pane(&a)->argument, "42");
	key(&a, 'v');
	assert_int_equal(a.depth, 2);
	key(&a, KEYC_ESC);
	key(&a, 'c');
	assert_string_equal(app_pane(&a)->ops->name, "cards");
	key(&a, KEYC_ESC);
	load(&a, "cards/42", files);
	key(&a, KEYC_DOWN);
	key(&a, KEYC_ENTER);
	assert_string_equal(app_pane(&a)->ops->name, "card");
	assert_string_equal(app_pane(&a)->argument, "42/2");
	app_command(&a, "charts #7");
	assert_string_equal(app_pane(&a)->argument, "7");
	app_release(&a);
}

/* A rollout that has ended is looked at by the same keys, from the change that it was. */
static void ended_rollouts_have_charts_too(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const files[PANE_FEEDS] = {"now.json"};
	struct app a;

	(void)state;
	open_app(&a, &o);
	load(&a, "now", files);
	key(&a, 'X'); /* it carries no traffic: there is nothing to abort */
	assert_non_null(strstr(a.message, "no rollout is under way here"));
	key(&a, 'v');
	assert_string_equal(app_pane(&a)->ops->name, "charts");
	assert_string_equal(app_pane(&a)->argument, "41");
	assert_string_equal(a.message, "");
	app_release(&a);
}

/* Nothing on the line of keys while help is open does what is said only below it. */
static void help_says_how_it_is_left(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const files[PANE_FEEDS] = {"now.json"};
	struct app a;

	(void)state;
	open_app(&a, &o);
	canvas_resize(a.canvas, 24, 80);
	load(&a, "now", files);
	key(&a, '?');
	shows(&a, "Esc close the help", "u undo this");
	app_release(&a);
}

/* What hides rows is seen as long as it does, and never hides all by a slip. */
static void filters_are_seen(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const files[PANE_FEEDS] = {"now.json"};
	struct app a;

	(void)state;
	open_app(&a, &o);
	load(&a, "now", files);
	shows(&a, "refund", "only what matches");
	key(&a, '/');
	key(&a, 'd');
	key(&a, 'e');
	key(&a, KEYC_ENTER);
	shows(&a, "only what matches /de/; Esc: all", NULL);
	key(&a, KEYC_ESC);
	shows(&a, "refund", "only what matches");
	key(&a, 'p');
	key(&a, 'x');
	key(&a, KEYC_ENTER);
	shows(&a, "there is no project \"x\"", "project x ");
	shows(&a, "refund", NULL);
	app_release(&a);
}

/* A list that goes on beyond the screen has a sign of it. */
static void long_lists_say_so(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const files[PANE_FEEDS] = {"changes.json"};
	struct app a;
	char *text;

	(void)state;
	open_app(&a, &o);
	load(&a, "changes", files);
	text = shown(&a, 8, 80);
	assert_non_null(strstr(text, "▼"));
	assert_null(strstr(text, "▲"));
	free(text);
	key(&a, 'G');
	text = shown(&a, 8, 80);
	assert_non_null(strstr(text, "▲"));
	assert_null(strstr(text, "▼"));
	free(text);
	app_release(&a);
}

/* A line is not spent on what the alert above it says: it says who gets the harm still. */
static void harm_says_where_traffic_goes(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const live[PANE_FEEDS] = {"now_live.json"};
	static const char *const over[PANE_FEEDS] = {"now.json"};
	struct app a;

	(void)state;
	open_app(&a, &o);
	load(&a, "now", live);
	shows(&a, "delay: v3 still has 5% of the traffic", NULL);
	load(&a, "now", over);
	shows(&a, "delay: all traffic is on v2 now", NULL);
	app_release(&a);
}

/* Where one is stays in the header of 80 columns, also for who has a long role. */
static void the_header_names_the_machine(void **state)
{
	const struct console_options o = {.panes = panes_all, .no_files = 1};
	static const char *const files[PANE_FEEDS] = {"now.json"};
	struct app a;

	(void)state;
	open_app(&a, &o);
	snapshot_free(a.whoami);
	a.whoami = fixture("whoami_auditor.json");
	load(&a, "now", files);
	shows(&a, " bastion1 team   maria.rodriguez · auditor (read only)", NULL);
	str_copy(a.host.project, sizeof a.host.project, "flights");
	shows(&a, " project flights   maria.rodriguez", NULL);
	app_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(screens_are_as_recorded),
		cmocka_unit_test(hints_fit_the_selection),
		cmocka_unit_test(every_size_is_drawn),
		cmocka_unit_test(cursor_starts_on_the_top_suspect),
		cmocka_unit_test(cursor_moves_over_both_lists),
		cmocka_unit_test(charts_go_by_screens),
		cmocka_unit_test(charts_are_told_apart_in_ascii),
		cmocka_unit_test(a_segments_chart_comes_last_and_stays),
		cmocka_unit_test(keys_lead_to_charts_and_cards),
		cmocka_unit_test(ended_rollouts_have_charts_too),
		cmocka_unit_test(help_says_how_it_is_left),
		cmocka_unit_test(filters_are_seen),
		cmocka_unit_test(the_header_names_the_machine),
		cmocka_unit_test(harm_says_where_traffic_goes),
		cmocka_unit_test(long_lists_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
