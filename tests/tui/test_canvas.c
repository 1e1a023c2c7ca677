/* test_canvas.c: what is put on a canvas stays in its columns and is never a terminal code. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tui/canvas.h"

static char *dump_of(const struct canvas *c)
{
	struct buf b = {0};

	canvas_dump(c, &b);
	return buf_detach(&b);
}

/* Text put at column 0 of a row that has a "|" at column 20: what comes of it, and that the border
 * stays where it is. */
static void test_text_is_made_harmless(void **state)
{
	static const struct {
		const char *name, *given, *want, *want_ascii;
		int width;
	} cases[] = {
		{"plain text", "delay", "delay", "delay", 5},
		{"an escape code", "a\033[31mb", "a␛[31mb", "a?[31mb", 7},
		{"control bytes", "a\tb\nc\rd\177", "a␉b␊c␍d␡", "a?b?c?d?", 8},
		{"C1 control as UTF-8",
			"a\xc2\x9b"
			"1m",
			"a�1m", "a?1m", 4},
		{"a raw C1 byte",
			"a\x9b"
			"1m",
			"a�1m", "a?1m", 4},
		{"cut UTF-8", "a\xe2\x82", "a��", "a??", 3},
		{"overlong UTF-8", "\xc0\xaf", "��", "??", 2},
		{"a surrogate", "\xed\xa0\x80", "���", "???", 3},
		{"direction marks", "a\u202eb\u2066c\u200fd", "a�b�c�d", "a?b?c?d", 7},
		{"zero width", "a\u200bb\ufeffc\u200dd", "a�b�c�d", "a?b?c?d", 7},
		{"wide characters", "日本x", "日本x", "????x", 5},
		{"an emoji", "🚀x", "🚀x", "??x", 3},
		{"a combining mark", "e\u0301x", "e\u0301x", "ex", 2},
		{"four combining marks", "e\u0301\u0302\u0303\u0304x", "e\u0301\u0302x", "ex", 2},
		{"a mark without a base", "\u0301x", "�x", "?x", 2},
		{"a variation selector", "x\ufe0fy", "xy", "xy", 2},
		{"glyphs", "● ◐ ✖ → …", "● ◐ ✖ → …", ". ~ x > ~", 9},
		{"private use", "\ue0b0x", "�x", "?x", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (int plain = 0; plain < 2; plain++) {
			struct canvas *c =
				canvas_new(1, 30, plain ? CHARSET_ASCII : CHARSET_BRAILLE);
			canvas_put(c, 0, 20, ROLE_border, 0, "|");
			int width = canvas_put(c, 0, 0, ROLE_text, 0, cases[i].given);
			char *got = dump_of(c);
			const char *want = plain ? cases[i].want_ascii : cases[i].want;
			if (width != cases[i].width || strncmp(got, want, strlen(want)) != 0)
				fail_msg("%s: got '%s' of width %d", cases[i].name, got, width);
			assert_int_equal(canvas_text_width(cases[i].given, strlen(cases[i].given)),
				cases[i].width);
			assert_int_equal(canvas_at(c, 0, 20)->ch[0], '|');
			free(got);
			canvas_free(c);
		}
	}
}

static void test_no_bytes_make_a_code(void **state)
{
	struct canvas *c = canvas_new(3, 17, CHARSET_BRAILLE);
	char text[64];

	(void)state;
	srand(7);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand() % (sizeof(text) - 1);
		for (size_t i = 0; i < n; i++)
			text[i] = (char)(rand() % 255 + 1);
		text[n] = '\0';
		canvas_put(c, rand() % 5 - 1, rand() % 21 - 2, ROLE_text, 0, text);
		canvas_put_left(c, 1, rand() % 17, rand() % 9, ROLE_text, 0, text);
		canvas_put_right(c, 2, rand() % 17, rand() % 9, ROLE_text, 0, text);
		char *got = dump_of(c);
		for (const char *p = got; *p; p++) {
			unsigned char b = (unsigned char)*p, next = (unsigned char)p[1];
			if ((b < 0x20 && b != '\n') || b == 0x7f || (b == 0xc2 && next < 0xa0))
				fail_msg("byte %02x reached the screen", b);
		}
		for (const char *line = got, *end; (end = strchr(line, '\n')); line = end + 1)
			assert_true(canvas_text_width(line, (size_t)(end - line)) <= 17);
		free(got);
	}
	canvas_free(c);
}

static void test_wide_characters_are_never_halved(void **state)
{
	struct canvas *c = canvas_new(1, 6, CHARSET_BRAILLE);
	static const struct {
		int col;
		const char *put, *want;
	} cases[] = {
		{0, "x", "x 本語\n"},
		{1, "x", " x本語\n"},
		{3, "x", "日 x語\n"},
		{1, "全", " 全 語\n"},
		{5, "全", "日本\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		canvas_clear(c);
		canvas_put(c, 0, 0, ROLE_text, 0, "日本語");
		canvas_put(c, 0, cases[i].col, ROLE_text, 0, cases[i].put);
		char *got = dump_of(c);
		assert_string_equal(got, cases[i].want);
		free(got);
	}
	canvas_free(c);
}

static void test_nothing_is_drawn_outside_the_clip(void **state)
{
	struct canvas *c = canvas_new(3, 10, CHARSET_BRAILLE);

	(void)state;
	struct rect before = canvas_clip(c, (struct rect){1, 2, 1, 5});
	for (int row = -1; row < 5; row++)
		canvas_put(c, row, -3, ROLE_text, 0, "abcdefghijklmnopqr");
	/* A wide character on the edge becomes a blank, not half of itself. */
	canvas_put(c, 1, 6, ROLE_text, 0, "日");
	struct rect inner = canvas_clip(c, (struct rect){0, 0, 9, 3});
	canvas_fill(c, (struct rect){-5, -5, 50, 50}, '#', ROLE_text, 0);
	canvas_unclip(c, inner);
	canvas_unclip(c, before);
	char *got = dump_of(c);
	assert_string_equal(got, "\n  #ghi\n\n");
	free(got);
	canvas_put(c, 2, 9, ROLE_text, 0, "z");
	assert_int_equal(canvas_at(c, 2, 9)->ch[0], 'z');
	canvas_free(c);
}

static void test_fields_are_cut_and_aligned(void **state)
{
	struct canvas *c = canvas_new(8, 12, CHARSET_BRAILLE);

	(void)state;
	canvas_put_left(c, 0, 0, 6, ROLE_text, 0, "abc");
	canvas_put(c, 0, 6, ROLE_text, 0, "|");
	canvas_put_left(c, 1, 0, 6, ROLE_text, 0, "abcdefgh");
	canvas_put(c, 1, 6, ROLE_text, 0, "|");
	canvas_put_right(c, 2, 0, 6, ROLE_text, 0, "abc");
	canvas_put_left(c, 3, 0, 6, ROLE_text, 0, "日本語x");
	canvas_put(c, 3, 6, ROLE_text, 0, "|");
	canvas_put_number(c, 4, 0, 8, ROLE_text, 0, 26000, 0);
	canvas_put_number(c, 5, 0, 8, ROLE_text, 0, -0.1484, 3);
	canvas_put_number(c, 6, 0, 4, ROLE_text, 0, 123456, 0);
	canvas_put_number(c, 7, 0, 4, ROLE_text, 0, NAN, 0);
	char *got = dump_of(c);
	assert_string_equal(
		got, "abc   |\nabcde…|\n   abc\n日本… |\n  26,000\n  -0.148\n####\n   -\n");
	free(got);
	canvas_free(c);
}

static void test_states_have_a_word_beside_the_sign(void **state)
{
	struct canvas *c = canvas_new(2, 12, CHARSET_BRAILLE),
		      *plain = canvas_new(2, 12, CHARSET_ASCII);

	(void)state;
	canvas_put_state(c, 0, 0, GLYPH_harm);
	assert_int_equal(canvas_put_state(c, 1, 0, GLYPH_ok), 4);
	canvas_put_state(plain, 0, 0, GLYPH_harm);
	canvas_put_state(plain, 1, 0, GLYPH_waiting);
	char *rich = dump_of(c), *poor = dump_of(plain);
	assert_string_equal(rich, "✖ HARM\n● ok\n");
	assert_string_equal(poor, "x HARM\n= waiting\n");
	free(rich);
	free(poor);
	canvas_free(c);
	canvas_free(plain);
}

/* Names of a series differ at their end, and what is beside a name in its column stands there. */
static void test_long_names_are_cut_in_the_middle(void **state)
{
	static const struct {
		const char *text;
		int width, tail;
		const char *cut;
	} cases[] = {{"refund", 6, 0, "refund"}, {"v2026-11-26", 7, 0, "v20\u2026-26"},
		{"v2026-11-26 25% #5", 11, 7, "v20\u2026 25% #5"},
		{"v2026-11-26 25% #5", 8, 7, "v2026-11-26 25% #5"},
		{"最初のバージョン", 9, 0, "最初\u2026ョン"}, {"", 5, 0, ""}};
	char out[80];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		canvas_cut_middle(out, sizeof out, cases[i].text, cases[i].width, cases[i].tail);
		assert_string_equal(out, cases[i].cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_made_harmless),
		cmocka_unit_test(test_no_bytes_make_a_code),
		cmocka_unit_test(test_wide_characters_are_never_halved),
		cmocka_unit_test(test_nothing_is_drawn_outside_the_clip),
		cmocka_unit_test(test_fields_are_cut_and_aligned),
		cmocka_unit_test(test_long_names_are_cut_in_the_middle),
		cmocka_unit_test(test_states_have_a_word_beside_the_sign),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
