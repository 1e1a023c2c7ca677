/* test_keymap.c: keymap files: what is taken, what is refused with its line, and that no file
 * stops the start. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/canvas.h"
#include "tui/defaults.h"
#include "tui/keymap.h"
#include "tui/keys.h"

static const char *const panes[] = {"now", "changes", "rollouts", "audit", "proposals", NULL};

/* First message with the words in it, or NULL. */
static const struct keymap_message *message_with(const struct keymap *k, const char *words)
{
	const struct keymap_message *m;

	for (size_t i = 0; (m = keymap_message_get(k, i)) != NULL; i++) {
		if (strstr(m->text, words))
			return m;
	}
	return NULL;
}

static void test_the_shipped_file_is_without_fault(void **state)
{
	static const char *const sections[] = {"now", "list", "global", NULL};
	struct keymap *k = keymap_new(panes);
	const struct keymap_message *m = keymap_message_get(k, 0);

	(void)state;
	if (m)
		fail_msg("%s", m->text);
	assert_string_equal(keymap_lookup(k, sections, key_parse("j")), "move down");
	assert_string_equal(keymap_lookup(k, sections, key_parse("u")), "undo %id");
	assert_string_equal(keymap_lookup(k, sections, key_parse("1")), "pane now");
	assert_string_equal(keymap_find(k, "dialog", KEYC_ENTER), "confirm");
	assert_null(keymap_lookup(k, sections, key_parse("Z")));
	assert_string_equal(keymap_setting(k, "theme"), "dark");
	keymap_free(k);
}

/* A letter means one thing in all panes, and habits of vi, less and tmux do no harm. */
static void test_one_letter_has_one_meaning(void **state)
{
	static const char *const harmless[] = {"j", "k", "h", "l", "C-d", "C-u", "C-f", "C-j",
		"C-k", "C-h", "d", "D", "x", "g", "G", "Space", "Enter", "Delete", "C-w", "n",
		"Backspace"};
	struct keymap *k = keymap_new(panes);
	const struct keymap_binding *a, *b;

	(void)state;
	for (size_t i = 0; (a = keymap_get(k, NULL, i)) != NULL; i++) {
		for (size_t j = 0; (b = keymap_get(k, NULL, j)) != NULL; j++) {
			bool modal = strcmp(b->section, "prompt") == 0 ||
				     strcmp(b->section, "dialog") == 0 ||
				     strcmp(a->section, "prompt") == 0 ||
				     strcmp(a->section, "dialog") == 0;
			if (!modal && key_text(a->key) && a->key == b->key &&
				strcmp(a->command, b->command) != 0)
				fail_msg("line %d and line %d", a->line, b->line);
		}
		for (size_t j = 0; j < sizeof(harmless) / sizeof(*harmless); j++) {
			if (a->key == key_parse(harmless[j]) &&
				(strncmp(a->command, "roll", 4) == 0 ||
					strncmp(a->command, "undo", 4) == 0))
				fail_msg("%s runs %s", harmless[j], a->command);
		}
	}
	keymap_free(k);
}

static void test_faults_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text, *words;
		bool error;
	} cases[] = {
		{"bind now x \"a\"\nbind now x \"b\"\n", "mine:2: x is bound twice in now; line 1",
			true},
		{"bind nwo x \"a\"", "mine:1: there is no section 'nwo'; there are: global list",
			true},
		{"bind now Entre \"a\"", "mine:1: 'Entre' is no key", true},
		{"\n\nbind now x", "mine:3: not 'bind SECTION KEY", true},
		{"bind now x a b", "mine:1: not 'bind", true},
		{"bind now x \"a b", "mine:1: a quote is opened", true},
		{"bind now x \"\"", "mine:1: the command line is empty", true},
		{"bnid now x \"a\"", "mine:1: 'bnid' is not bind, unbind, set or color", true},
		{"set thme dark", "mine:1: there is no setting 'thme'; there are: theme", true},
		{"set time mars", "mine:1: 'mars' is no value of time; there are: utc local", true},
		{"set time utc\nset time local", "mine:2: time is set twice", true},
		{"color alarm 1 2 -", "mine:1: there is no role 'alarm'", true},
		{"color text 8 default -", "bright black", true},
		{"color text 300 default -", "'300' is no colour", true},
		{"color text red default shiny", "'shiny' is no attribute", true},
		{"a b c d e f g h i j", "mine:1: too many words", true},
		{"bind now q \"x\"", "mine:1: q in now hides the global \"quit\" (keymap.conf",
			false},
		{"bind now C-m \"x\"", "mine:1: C-m may never arrive: terminals send Enter", false},
		{"bind now C-i \"x\"", "C-i may never arrive", false},
		{"bind now C-[ \"x\"", "C-[ may never arrive", false},
		{"bind now C-Enter \"x\"", "C-Enter may never arrive", false},
		{"bind now C-b \"x\"", "prefix of tmux", false},
		{"bind now C-a \"x\"", "prefix of screen", false},
		{"bind now C-s \"x\"", "stop the terminal's output", false},
		{"bind now C-q \"x\"", "flow control", false},
		{"unbind now Z", "mine:1: Z is not bound in now", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct keymap *k = keymap_new(panes);
		int errors = keymap_load_text(k, "mine", cases[i].text);
		const struct keymap_message *m = message_with(k, cases[i].words);
		if (!m || m->error != cases[i].error || errors != (cases[i].error ? 1 : 0))
			fail_msg("case %zu: %s", i,
				keymap_message_get(k, 0) ? keymap_message_get(k, 0)->text
							 : "silent");
		/* The keys that matter are there all the same. */
		assert_string_equal(keymap_find(k, "global", key_parse("q")), "quit");
		keymap_free(k);
	}
}

static void test_a_file_is_read_over_the_shipped_one(void **state)
{
	static const char *const sections[] = {"now", "list", "global", NULL};
	struct keymap *k = keymap_new(panes);
	struct theme t = {0};

	(void)state;
	assert_int_equal(
		keymap_load_text(k, "mine",
			"# mine\n\tbind global Z \"rollout abort %rollout\" # spare\r\n"
			"unbind global X\nbind list j none\nset theme light\n"
			"bind now \"#\" \"mark\"\ncolor harm #ff0000 default bold,underline"),
		0);
	assert_null(keymap_find(k, "global", key_parse("X")));
	assert_int_equal(keymap_key_of(k, "global", "rollout abort %rollout"), 'Z');
	assert_null(keymap_lookup(k, sections, key_parse("j")));
	assert_string_equal(keymap_lookup(k, sections, key_parse("#")), "mark");
	assert_string_equal(keymap_setting(k, "theme"), "light");
	keymap_apply_colors(k, &t);
	assert_int_equal(t.style[ROLE_harm].fg, THEME_RGB | 0xff0000);
	assert_int_equal(t.style[ROLE_harm].attrs, ATTR_BOLD | ATTR_UNDERLINE);
	/* Binding a key again in a second file is a change of mind, not a duplicate. */
	assert_int_equal(keymap_load_text(k, "other", "bind global Z \"quit\"\n"), 0);
	assert_string_equal(keymap_find(k, "global", key_parse("Z")), "quit");
	keymap_free(k);
}

static bool known_not_zap(void *ctx, const char *command)
{
	(void)ctx;
	return strncmp(command, "zap", 3) != 0;
}

static void test_unknown_commands_are_named(void **state)
{
	struct keymap *k = keymap_new(panes);

	(void)state;
	keymap_load_text(k, "mine", "bind now Z \"zap all\"\n");
	keymap_check_commands(k, known_not_zap, NULL);
	assert_non_null(message_with(k, "Z runs \"zap all\", which is no command"));
	assert_null(message_with(k, "quit"));
	keymap_free(k);
}

static void test_garbage_never_stops_the_start(void **state)
{
	const char *shipped = defaults_keymap();
	size_t n = strlen(shipped);
	char *text = malloc(n + 1);

	(void)state;
	srand(3);
	for (int round = 0; round < 300; round++) {
		struct keymap *k = keymap_new(panes);
		memcpy(text, shipped, n + 1);
		for (int i = 0; i < 1 + round; i++)
			text[(size_t)rand() % n] = (char)(rand() % 255 + 1);
		keymap_load_text(k, "mine", text);
		assert_non_null(keymap_setting(k, "theme"));
		assert_non_null(keymap_get(k, NULL, 0));
		keymap_free(k);
	}
	memset(text, 'x', n);
	struct keymap *k = keymap_new(NULL);
	assert_int_equal(keymap_load_text(k, "mine", text), 1);
	assert_non_null(message_with(k, "the line is too long"));
	keymap_free(k);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_shipped_file_is_without_fault),
		cmocka_unit_test(test_one_letter_has_one_meaning),
		cmocka_unit_test(test_faults_are_named_with_their_line),
		cmocka_unit_test(test_a_file_is_read_over_the_shipped_one),
		cmocka_unit_test(test_unknown_commands_are_named),
		cmocka_unit_test(test_garbage_never_stops_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
