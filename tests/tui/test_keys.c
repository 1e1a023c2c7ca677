/* test_keys.c: bytes become keys, whole, and replies to queries become nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "tui/keys.h"

/* All keys that come out by then, as names with blanks between. */
static void drain(struct keys *k, int64_t now_ms, struct buf *out)
{
	struct key_event ev;
	char name[24];

	while (keys_next(k, now_ms, &ev)) {
		buf_addf(out, "%s%s", out->len ? " " : "", key_format(ev.code, name, sizeof(name)));
		if (ev.code == KEYC_PASTE)
			buf_addf(out, "(%.*s)", (int)ev.paste_len, ev.paste);
		if (ev.code == KEYC_CLICK)
			buf_addf(out, "(%d,%d)", ev.row, ev.col);
	}
}

static const struct {
	const char *given, *want;
} sequences[] = {
	{"abc", "a b c"},
	{"\033[A\033[B\033OC\033OD", "Up Down Right Left"},
	{"\033[H\033[F\033[1~\033[4~\033[5~\033[6~", "Home End Home End PageUp PageDown"},
	{"\033[1;5A\033[1;2B\033[6;3~", "C-Up S-Down M-PageDown"},
	{"\033OP\033[11~\033[[A\033[15~\033[24~", "F1 F1 F1 F5 F12"},
	{"\r\n\t\177\010", "Enter Enter Tab Backspace C-h"},
	{"\002\032\034", "C-b C-z C-\\"},
	{"\033x\033\r", "M-x M-Enter"},
	{"\033[Z", "S-Tab"},
	{"é日🚀", "é 日 🚀"},
	{" ", "Space"},
	{"\033[200~rm -rf\nq\033[201~q", "Paste(rm -rf\nq) q"},
	{"\033[200~\033[31mX\033[201~", "Paste(\033[31mX)"},
	{"\033[<64;5;7M\033[<65;5;7M\033[<0;5;7M\033[<0;5;7m", "WheelUp WheelDown Click(6,4)"},
	{"\033[27;5;98~\033[98;5u\033[65;2u", "C-b C-b A"},
	/* Replies that come late, in the middle of typing. */
	{"a\033[?62;1;4cb", "a b"},
	{"a\033]11;rgb:0000/afaf/0000\033\\b", "a b"},
	{"a\033]11;rgb:0000/afaf/0000\ab", "a b"},
	{"a\033P>|tmux 3.4\033\\b", "a b"},
	{"a\033[3;1:3ub", "a b"},
	{"a\033[0nb\033[24;80Rb", "a b b"},
	{"a\033[I\033[Ob", "a b"},
	{"a\xff\xc3(b", "a ( b"},
	{"\033\033[A", "Esc Up"},
};

static void test_sequences_become_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++) {
		/* Whole, and byte by byte as a slow line brings it. */
		for (int split = 0; split < 2; split++) {
			struct keys *k = keys_new();
			struct buf got = {0};
			size_t n = strlen(sequences[i].given);
			for (size_t at = 0; at < n; at += split ? 1 : n) {
				keys_feed(k, sequences[i].given + at, split ? 1 : n, 100);
				drain(k, 100, &got);
			}
			if (strcmp(buf_text(&got), sequences[i].want) != 0)
				fail_msg("case %zu: got '%s', want '%s'", i, buf_text(&got),
					sequences[i].want);
			buf_release(&got);
			keys_free(k);
		}
	}
}

static void test_a_lone_escape_is_a_key_after_25_ms(void **state)
{
	struct keys *k = keys_new();
	struct buf got = {0};

	(void)state;
	assert_int_equal(keys_wait_ms(k, 0), -1);
	keys_feed(k, "\033", 1, 1000);
	drain(k, 1010, &got);
	assert_string_equal(buf_text(&got), "");
	assert_int_equal(keys_wait_ms(k, 1010), 15);
	drain(k, 1025, &got);
	assert_string_equal(buf_text(&got), "Esc");
	assert_int_equal(keys_wait_ms(k, 1025), -1);
	/* Half a sequence on a slow line waits longer, and never leaks its letters. */
	buf_reset(&got);
	keys_feed(k, "\033[1;", 4, 2000);
	drain(k, 2100, &got);
	keys_feed(k, "5A", 2, 2200);
	drain(k, 2200, &got);
	assert_string_equal(buf_text(&got), "C-Up");
	buf_reset(&got);
	keys_feed(k, "\033[1;", 4, 3000);
	drain(k, 3600, &got);
	assert_string_equal(buf_text(&got), "");
	keys_feed(k, "x", 1, 3600);
	drain(k, 3600, &got);
	assert_string_equal(buf_text(&got), "x");
	buf_release(&got);
	keys_free(k);
}

static void test_a_hundred_keys_in_one_read_are_a_hundred(void **state)
{
	struct keys *k = keys_new();
	struct key_event ev;
	int n = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		keys_feed(k, "\033[B", 3, 5);
	while (keys_next(k, 5, &ev))
		n += ev.code == KEYC_DOWN;
	assert_int_equal(n, 100);
	keys_feed(k, "abc", 3, 6);
	keys_discard(k);
	assert_false(keys_next(k, 6, &ev));
	keys_free(k);
}

static void test_names_and_codes_agree(void **state)
{
	static const char *const good[] = {"x", "X", "C-b", "M-x", "F5", "F20", "Enter", "Up",
		"Space", "PageDown", "?", ":", "S-Up", "C-M-x", "Tab", "é", "-", "C--", "#", "0"};
	static const char *const bad[] = {
		"", "xy", "C-", "F0", "F21", "S-a", "Entre", "C-C-x", "\033", "\x80", "M-"};
	char name[24];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_string_equal(key_format(key_parse(good[i]), name, sizeof(name)), good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (key_parse(bad[i]) != KEYC_NONE)
			fail_msg("'%s' was taken as a key", bad[i]);
	}
	assert_int_equal(key_parse("escape"), KEYC_ESC);
	assert_int_equal(key_parse("C-X"), KEYC_CTRL | 'x');
}

static void test_garbage_ends(void **state)
{
	struct keys *k = keys_new();
	struct key_event ev;
	char bytes[32];

	(void)state;
	srand(11);
	for (int64_t now = 0; now < 60000; now++) {
		size_t n = (size_t)rand() % sizeof(bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = rand() % 4 ? "\033[]OP;0~\\20<M"[rand() % 13] : (char)rand();
		keys_feed(k, bytes, n, now);
		for (int i = 0; keys_next(k, now, &ev); i++)
			assert_true(i < 100000);
	}
	/* Whatever was left half-read is over after a while. */
	while (keys_next(k, 70000, &ev))
		continue;
	assert_int_equal(keys_wait_ms(k, 70000), -1);
	keys_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences_become_keys),
		cmocka_unit_test(test_a_lone_escape_is_a_key_after_25_ms),
		cmocka_unit_test(test_a_hundred_keys_in_one_read_are_a_hundred),
		cmocka_unit_test(test_names_and_codes_agree),
		cmocka_unit_test(test_garbage_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
