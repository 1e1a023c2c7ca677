/* test_dialog.c: no answer is taken that was typed before the plan was on the screen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tui/widget/dialog.h"

static struct keymap *keymap;

static enum dialog_result press(struct dialog *d, const char *name, int64_t at_ms)
{
	struct key_event ev = {.code = key_parse(name), .at_ms = at_ms};

	return dialog_key(d, keymap, &ev);
}

static struct dialog *make(void)
{
	struct dialog *d = dialog_new("UNDO  promote #39");

	text_add(dialog_text(d), ROLE_text, 0, "will  1  route 100 % to v1\nneeds nobody else\n");
	dialog_set_confirm(d, "do it");
	return d;
}

static void test_keys_typed_before_the_frame_are_no_answer(void **state)
{
	static const struct {
		const char *name;
		int64_t shown_ms, typed_ms; /* shown_ms -1: never shown */
		enum dialog_result want;
	} cases[] = {
		{"before it was shown at all", -1, 100, DIALOG_OPEN},
		{"read before the frame was sent", 1000, 999, DIALOG_OPEN},
		{"with the frame", 1000, 1000, DIALOG_OPEN},
		{"too quick to have read it", 1000, 1299, DIALOG_OPEN},
		{"after reading", 1000, 1300, DIALOG_CONFIRMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dialog *d = make();
		if (cases[i].shown_ms >= 0)
			dialog_shown(d, cases[i].shown_ms);
		if (press(d, "Enter", cases[i].typed_ms) != cases[i].want)
			fail_msg("%s", cases[i].name);
		assert_int_equal(press(d, "Esc", 0), DIALOG_LEFT);
		dialog_free(d);
	}
}

static void test_a_changed_plan_waits_to_be_seen_again(void **state)
{
	struct dialog *d = make();

	(void)state;
	dialog_shown(d, 1000);
	dialog_changed(d);
	assert_false(dialog_is_shown(d));
	assert_int_equal(press(d, "Enter", 9000), DIALOG_OPEN);
	dialog_shown(d, 9000);
	/* Drawing it again is not showing it anew. */
	dialog_shown(d, 9250);
	assert_int_equal(press(d, "Enter", 9300), DIALOG_CONFIRMED);
	dialog_free(d);
}

static void test_only_the_key_of_the_answer_answers(void **state)
{
	static const char *const others[] = {
		"u", "y", "Y", "X", "B", "q", "Space", "j", "Down", "Tab"};
	struct dialog *d = make();

	(void)state;
	dialog_shown(d, 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_int_equal(press(d, others[i], 5000), DIALOG_OPEN);
	assert_int_equal(press(d, "Enter", 5000), DIALOG_CONFIRMED);
	dialog_set_confirm(d, NULL);
	assert_int_equal(press(d, "Enter", 5000), DIALOG_LEFT);
	dialog_free(d);
}

static void type(struct dialog *d, const char *word)
{
	char name[2] = "";

	for (; *word; word++) {
		name[0] = *word;
		assert_int_equal(press(d, name, 5000), DIALOG_OPEN);
	}
}

static void test_a_name_must_be_typed(void **state)
{
	struct dialog *d = make();

	(void)state;
	dialog_set_question(d, "reason", true);
	dialog_set_challenge(d, "delay");
	dialog_shown(d, 0);
	assert_int_equal(press(d, "Enter", 5000), DIALOG_OPEN);
	type(d, "bad");
	assert_int_equal(press(d, "Enter", 5000), DIALOG_OPEN);
	assert_string_equal(dialog_answer(d), "bad");
	assert_int_equal(press(d, "Enter", 5000), DIALOG_OPEN);
	type(d, "dely");
	assert_int_equal(press(d, "Enter", 5000), DIALOG_OPEN);
	press(d, "Backspace", 5000);
	type(d, "ay");
	assert_int_equal(press(d, "Enter", 5000), DIALOG_CONFIRMED);
	assert_int_equal(press(d, "Esc", 5000), DIALOG_LEFT);
	dialog_free(d);
}

static void test_it_shows_the_plan_and_the_keys(void **state)
{
	struct dialog *d = make();
	struct canvas *c = canvas_new(8, 40, CHARSET_BRAILLE);
	struct buf b = {0};

	(void)state;
	dialog_draw(d, c, canvas_all(c), keymap);
	canvas_dump(c, &b);
	assert_string_equal(buf_text(&b), " UNDO  promote #39\n\n will  1  route 100 % to v1\n"
					  " needs nobody else\n\n\n\n Enter do it   Esc leave\n");
	for (int rows = 1; rows < 9; rows++) {
		for (int cols = 1; cols < 20; cols++) {
			canvas_resize(c, rows, cols);
			dialog_draw(d, c, canvas_all(c), keymap);
		}
	}
	buf_release(&b);
	canvas_free(c);
	dialog_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_typed_before_the_frame_are_no_answer),
		cmocka_unit_test(test_a_changed_plan_waits_to_be_seen_again),
		cmocka_unit_test(test_only_the_key_of_the_answer_answers),
		cmocka_unit_test(test_a_name_must_be_typed),
		cmocka_unit_test(test_it_shows_the_plan_and_the_keys),
	};
	keymap = keymap_new(NULL);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	keymap_free(keymap);
	return rc;
}
