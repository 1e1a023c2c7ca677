/* test_prompt.c: typing, history, completion, paste; Esc always leaves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tui/widget/prompt.h"

struct fixture {
	struct keymap *k;
	struct prompt *p;
};

static struct fixture make(void)
{
	return (struct fixture){keymap_new(NULL), prompt_new(":")};
}

static void done(struct fixture *f)
{
	prompt_free(f->p);
	keymap_free(f->k);
}

/* Presses keys by name, with blanks between; the last result. */
static enum prompt_result press(struct fixture *f, const char *names)
{
	enum prompt_result result = PROMPT_SAME;
	char *copy = strdup(names), *rest = copy, *name;

	while ((name = strsep(&rest, " ")) != NULL) {
		struct key_event ev = {.code = key_parse(name)};
		assert_int_not_equal(ev.code, KEYC_NONE);
		result = prompt_key(f->p, f->k, &ev);
	}
	free(copy);
	return result;
}

static void test_keys_edit_the_line(void **state)
{
	static const struct {
		const char *keys, *want;
	} cases[] = {
		{"a b Space c", "ab c"},
		{"a é 日 Backspace", "aé"},
		{"a é 日 Left Left x", "axé日"},
		{"a é 日 Home Delete", "é日"},
		{"a b c Home x End y", "xabcy"},
		{"a b Space c d C-w", "ab "},
		{"a b c Left C-u", "c"},
		{"Backspace Delete Left Right a", "a"},
		{"j k q ? :", "jkq?:"},
		{"a C-z F5 M-x b", "ab"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture f = make();
		press(&f, cases[i].keys);
		assert_string_equal(prompt_text(f.p), cases[i].want);
		done(&f);
	}
}

static void test_results_tell_what_happened(void **state)
{
	struct fixture f = make();

	(void)state;
	assert_int_equal(press(&f, "a"), PROMPT_CHANGED);
	assert_int_equal(press(&f, "Left"), PROMPT_SAME);
	assert_int_equal(press(&f, "Enter"), PROMPT_ACCEPTED);
	assert_int_equal(press(&f, "C-c"), PROMPT_LEFT);
	/* Whatever the keymap says. */
	keymap_load_text(f.k, "mine", "bind prompt Esc \"accept\"\nbind prompt x \"leave\"\n");
	assert_int_equal(press(&f, "Esc"), PROMPT_LEFT);
	assert_int_equal(press(&f, "x"), PROMPT_CHANGED);
	done(&f);
}

static void test_history_keeps_the_line_being_typed(void **state)
{
	struct fixture f = make();

	(void)state;
	press(&f, "o n e Enter");
	prompt_open(f.p, ":");
	press(&f, "t w o Enter");
	prompt_open(f.p, ":");
	press(&f, "n o w Up");
	assert_string_equal(prompt_text(f.p), "two");
	press(&f, "Up Up");
	assert_string_equal(prompt_text(f.p), "one");
	press(&f, "Down Down");
	assert_string_equal(prompt_text(f.p), "now");
	press(&f, "Down");
	assert_string_equal(prompt_text(f.p), "now");
	done(&f);
}

static void complete(void *ctx, const char *text, struct prompt *p)
{
	static const char *const words[] = {"rollout abort", "rollout advance", "rollback", "undo"};

	(void)ctx;
	for (size_t i = 0; i < 4; i++) {
		if (strncmp(words[i], text, strlen(text)) == 0)
			prompt_choice_add(p, words[i]);
	}
}

static void test_tab_completes(void **state)
{
	struct fixture f = make();

	(void)state;
	prompt_set_complete(f.p, complete, NULL);
	press(&f, "u Tab");
	assert_string_equal(prompt_text(f.p), "undo");
	prompt_open(f.p, ":");
	press(&f, "r Tab");
	assert_string_equal(prompt_text(f.p), "roll");
	press(&f, "Tab");
	assert_string_equal(prompt_text(f.p), "rollout abort");
	press(&f, "Tab Tab");
	assert_string_equal(prompt_text(f.p), "rollback");
	press(&f, "Tab");
	assert_string_equal(prompt_text(f.p), "rollout abort");
	prompt_open(f.p, ":");
	press(&f, "z Tab Tab");
	assert_string_equal(prompt_text(f.p), "z");
	done(&f);
}

static void test_pasted_text_stays_one_line(void **state)
{
	static const char pasted[] = "line 1\nq\tx\033[31m\xff"
				     "é\r\n";
	struct fixture f = make();
	struct key_event ev = {
		.code = KEYC_PASTE, .paste = pasted, .paste_len = sizeof(pasted) - 1};

	(void)state;
	press(&f, "> <");
	press(&f, "Left");
	assert_int_equal(prompt_key(f.p, f.k, &ev), PROMPT_CHANGED);
	assert_string_equal(prompt_text(f.p), ">line 1 q x[31mé<");
	done(&f);
}

static void test_it_draws_the_part_around_the_caret(void **state)
{
	struct fixture f = make();
	struct canvas *c = canvas_new(4, 12, CHARSET_BRAILLE);
	struct buf b = {0};

	(void)state;
	prompt_set_complete(f.p, complete, NULL);
	press(&f, "r Tab Tab");
	prompt_draw(f.p, c, canvas_all(c));
	canvas_dump(c, &b);
	assert_string_equal(buf_text(&b), ">rollout abo\n rollout adv\n rollback\n:lout abort\n");
	assert_true(c->caret);
	assert_int_equal(c->cursor_row, 3);
	assert_int_equal(c->cursor_col, 11);
	buf_release(&b);
	canvas_free(c);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_edit_the_line),
		cmocka_unit_test(test_results_tell_what_happened),
		cmocka_unit_test(test_history_keeps_the_line_being_typed),
		cmocka_unit_test(test_tab_completes),
		cmocka_unit_test(test_pasted_text_stays_one_line),
		cmocka_unit_test(test_it_draws_the_part_around_the_caret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
