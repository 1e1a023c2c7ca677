/* test_help.c: help and hints are those of the live keymap. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tui/widget/help.h"

static const char *const sections[] = {"now", "list", "global", NULL};
static const char *const panes[] = {"now", NULL};

static const char *about(void *ctx, const char *command)
{
	(void)ctx;
	return strncmp(command, "undo", 4) == 0 ? "take a change back, after its plan" : NULL;
}

static char *help_text(struct help *h)
{
	struct canvas *c = canvas_new(100, 80, CHARSET_BRAILLE);
	struct buf b = {0};

	help_draw(h, c, canvas_all(c));
	canvas_dump(c, &b);
	canvas_free(c);
	return buf_detach(&b);
}

static void test_a_rebound_key_is_in_help_and_hints(void **state)
{
	static const struct help_hint hints[] = {{"undo %id", "undo"},
		{"rollout abort %rollout", "abort"}, {"filter", "filter"}, {NULL, NULL}};
	struct keymap *k = keymap_new(panes);
	struct help *h = help_new(k, about, NULL);
	struct canvas *c = canvas_new(2, 40, CHARSET_ASCII);
	struct buf b = {0};

	(void)state;
	help_open(h, sections);
	char *text = help_text(h);
	assert_non_null(strstr(text, "u                    take a change back, after its plan"));
	assert_non_null(strstr(text, "j Down"));
	assert_true(strstr(text, "list") < strstr(text, "global"));
	free(text);
	help_draw_hints(k, sections, hints, c, 0, 0, 40);
	keymap_load_text(
		k, "mine", "unbind global u\nbind now C-t \"undo %id\"\nbind now X none\n");
	help_open(h, sections);
	text = help_text(h);
	assert_non_null(strstr(text, " C-t                  take a change back"));
	free(text);
	/* A key that the pane has taken away is not offered. */
	help_draw_hints(k, sections, hints, c, 1, 0, 40);
	canvas_dump(c, &b);
	assert_string_equal(buf_text(&b), "u undo   X abort   / filter\nC-t undo   / filter\n");
	help_set_filter(h, "CHANGE BACK");
	text = help_text(h);
	assert_string_equal(strtok(text, "\n"), "now");
	assert_non_null(strstr(strtok(NULL, "\n"), "C-t"));
	free(text);
	help_set_filter(h, "zebra");
	text = help_text(h);
	assert_non_null(strstr(text, "no key or command has \"zebra\""));
	free(text);
	buf_release(&b);
	canvas_free(c);
	help_free(h);
	keymap_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rebound_key_is_in_help_and_hints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
