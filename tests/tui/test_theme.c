/* test_theme.c: themes are whole, readable, and a broken edit changes nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "tui/defaults.h"
#include "tui/theme.h"

static void test_shipped_themes_are_whole_and_readable(void **state)
{
	const char *name;
	size_t i;

	(void)state;
	for (i = 0; (name = theme_shipped(i)) != NULL; i++) {
		struct theme t = {0};
		struct err e = {0};
		if (theme_load(&t, name, &e) < 0)
			fail_msg("%s: %s", name, e.message);
		for (int r = 0; r < ROLE_COUNT; r++) {
			uint32_t fg = theme_rgb(&t, t.style[r].fg, false);
			uint32_t bg = theme_rgb(&t, t.style[r].bg, true);
			double contrast = theme_contrast(fg, bg);
			if (contrast < 4.5)
				fail_msg("%s: %s has contrast %.2f", name,
					color_role_name((enum role)r), contrast);
			/* Terminals are seldom pure black or white. */
			if (t.style[r].bg == THEME_DEFAULT &&
				theme_contrast(fg, t.light ? 0xfdf6e3 : 0x1e1e1e) < 4.5)
				fail_msg("%s: %s on a softer ground", name,
					color_role_name((enum role)r));
		}
	}
	assert_int_equal(i, 4);
}

static void test_colour_blind_states_differ_in_blue_or_light(void **state)
{
	static const enum role states[] = {ROLE_ok, ROLE_watch, ROLE_harm};
	struct theme t = {0};

	(void)state;
	assert_int_equal(theme_load(&t, "deuteranopia", NULL), 0);
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < i; j++) {
			int a = (int)(theme_rgb(&t, t.style[states[i]].fg, false) & 255);
			int b = (int)(theme_rgb(&t, t.style[states[j]].fg, false) & 255);
			assert_true(abs(a - b) >= 40);
		}
	}
}

static void test_faults_are_named_and_change_nothing(void **state)
{
	const char *name, *dark = defaults_theme(0, &name);
	struct buf text = {0};
	struct theme t = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(theme_parse(&t, "dark", dark, &e), 0);
	struct theme before = t;
	assert_true(theme_parse(&t, "x", "color text default default -\n", &e) < 0);
	assert_non_null(strstr(e.message, "leaves out: dim, accent"));
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"color glow 1 2 -", "there is no role 'glow'"},
		{"color text 1 2 -", "role 'text' is given twice"},
		{"color", "not 'color ROLE FG BG ATTRS'"},
		{"set background pink", "not 'color ROLE"},
		{"colour text 1 2 -", "not 'color ROLE"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_reset(&text);
		buf_addf(&text, "%s%s\n", dark, cases[i].line);
		assert_int_equal(theme_parse(&t, "x", buf_text(&text), &e), ERR_INVALID);
		if (!strstr(e.message, cases[i].words) || strncmp(e.message, "x:", 2) != 0)
			fail_msg("'%s' gave '%s'", cases[i].line, e.message);
	}
	assert_memory_equal(&t, &before, sizeof(t));
	assert_int_equal(theme_load(&t, "drak", &e), ERR_NOT_FOUND);
	assert_non_null(strstr(e.message, "dark, light, mono, deuteranopia"));
	buf_release(&text);
}

static void write_theme(const char *path, const char *text, long seconds)
{
	struct timespec times[2] = {{1700000000 + seconds, 0}, {1700000000 + seconds, 0}};

	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_an_edit_is_seen_and_a_broken_one_is_not_used(void **state)
{
	char path[] = "/tmp/pithead-theme-XXXXXX";
	const char *name, *dark = defaults_theme(0, &name), *light = defaults_theme(1, &name);
	struct theme t = {0};
	struct err e = {0};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_theme(path, dark, 1);
	assert_int_equal(theme_load(&t, path, &e), 0);
	assert_int_equal(theme_reload(&t, &e), 0);
	write_theme(path, light, 2);
	assert_int_equal(theme_reload(&t, &e), 1);
	assert_true(t.light);
	write_theme(path, "color text\n", 3);
	assert_true(theme_reload(&t, &e) < 0);
	assert_true(t.light);
	assert_int_equal(t.style[ROLE_harm].fg, 124);
	/* Told once; the repaired file is taken. */
	assert_int_equal(theme_reload(&t, &e), 0);
	write_theme(path, dark, 4);
	assert_int_equal(theme_reload(&t, &e), 1);
	assert_false(t.light);
	unlink(path);
	assert_int_equal(theme_reload(&t, &e), 0);
}

static void test_few_colours_keep_text_visible(void **state)
{
	struct theme t = {0};
	const char *name;

	(void)state;
	for (size_t i = 0; (name = theme_shipped(i)) != NULL; i++) {
		assert_int_equal(theme_load(&t, name, NULL), 0);
		for (int r = 0; r < ROLE_COUNT; r++) {
			for (int n = 8; n <= 16; n += 8) {
				int fg = theme_nearest(theme_rgb(&t, t.style[r].fg, false), n);
				assert_int_not_equal(fg, 8);
			}
		}
	}
	assert_int_equal(theme_nearest(0xff0000, 16), 9);
	assert_int_equal(theme_nearest(0x87d7ff, 256), 117);
}

static void test_garbage_is_refused_or_whole(void **state)
{
	const char *name, *dark = defaults_theme(0, &name);
	size_t n = strlen(dark);
	char *text = malloc(n + 1);

	(void)state;
	srand(9);
	for (int round = 0; round < 3000; round++) {
		struct theme t = {.light = true}, before = t;
		struct err e = {0};
		memcpy(text, dark, n + 1);
		for (int i = 0; i <= round % 20; i++)
			text[(size_t)rand() % n] = (char)(rand() % 255 + 1);
		if (theme_parse(&t, "x", text, &e) < 0) {
			assert_memory_equal(&t, &before, sizeof(t));
			assert_true(e.message[0] != '\0');
		}
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped_themes_are_whole_and_readable),
		cmocka_unit_test(test_colour_blind_states_differ_in_blue_or_light),
		cmocka_unit_test(test_faults_are_named_and_change_nothing),
		cmocka_unit_test(test_an_edit_is_seen_and_a_broken_one_is_not_used),
		cmocka_unit_test(test_few_colours_keep_text_visible),
		cmocka_unit_test(test_garbage_is_refused_or_whole),
	};
	/* Themes of whoever runs the tests stay out of it. */
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
