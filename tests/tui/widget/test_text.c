/* test_text.c: lines wrap at words, keep their styles and scroll. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tui/widget/text.h"

static void assert_drawn(struct text *t, int rows, int cols, const char *want)
{
	struct canvas *c = canvas_new(rows, cols, CHARSET_BRAILLE);
	struct buf b = {0};

	text_draw(t, c, canvas_all(c));
	canvas_dump(c, &b);
	assert_string_equal(buf_text(&b), want);
	buf_release(&b);
	canvas_free(c);
}

static void test_lines_wrap_at_words(void **state)
{
	static const struct {
		const char *text;
		int indent, cols;
		const char *want;
	} cases[] = {
		{"short", 0, 20, "short\n\n\n\n"},
		{"aborted by the judge", 0, 12, "aborted by\nthe judge\n\n\n"},
		{"reason  raise the timeout", 8, 19, "reason  raise the\n        timeout\n\n\n"},
		{"abcdefghijklmnop", 0, 7, "abcdef\nghijkl\nmnop\n\n"},
		{"日本語日本語", 0, 6, "日本\n語日\n本語\n\n"},
		{"a\nb\n\nc", 0, 9, "a\nb\n\nc\n"},
		{"", 0, 9, "\n\n\n\n"},
		{"x\033[2Jy", 0, 12, "x␛[2Jy\n\n\n\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text *t = text_new();
		text_set_indent(t, cases[i].indent);
		text_add(t, ROLE_text, 0, cases[i].text);
		text_line(t);
		assert_drawn(t, 4, cases[i].cols, cases[i].want);
		text_free(t);
	}
}

static void test_styles_survive_the_wrap(void **state)
{
	struct text *t = text_new();
	struct canvas *c = canvas_new(2, 8, CHARSET_BRAILLE);

	(void)state;
	text_add(t, ROLE_dim, 0, "seen ");
	text_addf(t, ROLE_harm, ATTR_BOLD, "revision %d", 8);
	text_line(t);
	text_draw(t, c, canvas_all(c));
	assert_int_equal(canvas_at(c, 0, 0)->role, ROLE_dim);
	assert_int_equal(canvas_at(c, 1, 0)->role, ROLE_harm);
	assert_int_equal(canvas_at(c, 1, 0)->attrs, ATTR_BOLD);
	assert_int_equal(canvas_at(c, 1, 0)->ch[0], 'r');
	canvas_free(c);
	text_free(t);
}

static void test_it_scrolls_and_says_that_there_is_more(void **state)
{
	struct text *t = text_new();

	(void)state;
	for (int i = 1; i <= 9; i++)
		text_addf(t, ROLE_text, 0, "line %d\n", i);
	assert_int_equal(text_count(t), 9);
	assert_drawn(t, 3, 10, "line 1\nline 2\nline 3   ▼\n");
	assert_true(text_act(t, "move page-down"));
	assert_drawn(t, 3, 10, "line 3   ▲\nline 4\nline 5   ▼\n");
	assert_true(text_act(t, "move last"));
	assert_drawn(t, 3, 10, "line 7   ▲\nline 8\nline 9\n");
	assert_true(text_at_end(t));
	assert_true(text_act(t, "move down"));
	assert_true(text_act(t, "move up"));
	assert_drawn(t, 3, 10, "line 6   ▲\nline 7\nline 8   ▼\n");
	assert_false(text_act(t, "undo"));
	/* Filled anew, it stays where it was as far as there is text. */
	text_clear(t);
	text_add(t, ROLE_text, 0, "only\n");
	assert_drawn(t, 3, 10, "only\n\n\n");
	text_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_wrap_at_words),
		cmocka_unit_test(test_styles_survive_the_wrap),
		cmocka_unit_test(test_it_scrolls_and_says_that_there_is_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
