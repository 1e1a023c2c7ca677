/* test_app_gate.c: nobody changes anything that their role does not allow, by whatever way: every
 * command of the table and every key, in every pane. And nobody acts on a stale screen. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "panes/panes.h"
#include "tui/app_priv.h"
#include "tui/client/codec.h"

static const struct console_options options = {.panes = panes_all, .no_files = 1};

static const struct {
	const char *role, *permissions;
} roles[] = {
	/* An engine that lists permissions for an auditor is not believed. */
	{"auditor", "\"read\",\"release\",\"lower\",\"approve\",\"version\",\"apply\",\"admin\""},
	{"auditor", "\"read\""},
	{"developer", "\"read\",\"version\""},
	{"service", "\"post\""},
	{"approver", "\"read\",\"approve\",\"lower\""},
	{"operator", "\"read\",\"release\",\"lower\",\"version\",\"apply\""},
	{"admin", "\"read\",\"release\",\"lower\",\"approve\",\"version\",\"apply\",\"admin\""},
};

static void open_as(struct app *a, const char *role, const char *permissions)
{
	char *text = xasprintf(
		"{\"user\":\"u\",\"role\":\"%s\",\"permissions\":[%s]}", role, permissions);

	app_init(a, &options);
	a->whoami = codec_parse(text, strlen(text), NULL);
	a->conn = conn_open("/nonexistent/engine.sock", "console", NULL);
	a->link = LINK_UP;
	app_keymap_load(a);
	free(text);
}

/* The row's command line with an argument for everything that is needed. */
static char *line_of(const struct command *c)
{
	struct command_arg arg;
	struct buf b = {0};
	size_t at = 0;

	buf_adds(&b, c->name);
	while (command_next_arg(c->args, &at, &arg)) {
		const char *value = strcmp(arg.type, "ARM") == 0	? "stable"
				    : strcmp(arg.type, "DURATION") == 0 ? "41m"
									: "41";

		if (arg.option && !arg.optional)
			buf_addf(&b, " --%s=%s", arg.name, value);
		else if (!arg.option)
			buf_addf(&b, " %s", value);
	}
	return buf_detach(&b);
}

static int expected(const struct command *c, const char *role, const char *permissions)
{
	char quoted[64];

	snprintf(quoted, sizeof quoted, "\"%s\"", c->permission);
	return c->method == METHOD_POST && strcmp(role, "auditor") != 0 &&
	       strstr(permissions, quoted) != NULL;
}

static void commands_ask_the_gate(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++)
		for (int pane = 0; panes_all[pane]; pane++)
			for (const struct command *c = command_rows; c->name; c++) {
				char place[80], *line = line_of(c);
				struct app a;
				struct err e;

				open_as(&a, roles[r].role, roles[r].permissions);
				snprintf(place, sizeof place, "%s%s",
					panes_all[pane]->place ? panes_all[pane]->place
							       : panes_all[pane]->name,
					panes_all[pane]->place ? "/41" : "");
				assert_true(app_open_place(&a, place, &e));
				app_command(&a, line);
				if ((int)a.posts !=
					expected(c, roles[r].role, roles[r].permissions))
					fail_msg("%s in %s as %s: %u requests", line, place,
						roles[r].role, a.posts);
				app_release(&a);
				free(line);
			}
}

/* No key of a forbidden act is left in the map, so none is offered by hints or help. */
static void keys_of_forbidden_acts_are_gone(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
		struct app a;
		int acts = 0;

		open_as(&a, roles[r].role, roles[r].permissions);
		for (size_t i = 0; keymap_get(a.keymap, NULL, i); i++) {
			const char *list[32];
			char *memory = NULL;
			int used, n = command_split(keymap_get(a.keymap, NULL, i)->command, list,
					  32, &memory, NULL);
			const struct command *c = command_find(n, list, &used);

			/* "open" and "help" are words of the console too. */
			if (c && command_mutates(c)) {
				acts++;
				assert_true(app_may(&a, c));
			}
			free(memory);
		}
		if (strcmp(roles[r].role, "auditor") == 0)
			assert_int_equal(acts, 0);
		if (strcmp(roles[r].role, "admin") == 0)
			assert_true(acts >= 8);
		app_release(&a);
	}
}

static void no_act_on_a_stale_screen(void **state)
{
	struct app a;

	(void)state;
	open_as(&a, "admin", roles[6].permissions);
	a.link = LINK_DOWN;
	for (const struct command *c = command_rows; c->name; c++) {
		char *line = line_of(c);

		app_command(&a, line);
		free(line);
	}
	assert_int_equal(a.posts, 0);
	app_release(&a);
}

/* A selection that is not there stands for nothing: nothing is sent. */
static void nothing_selected_nothing_sent(void **state)
{
	static const char *const lines[] = {"undo %id", "rollout abort %rollout",
		"rollback %endpoint", "rollout abort %nonsense", "undo \"", "undo x", "undo 1 2",
		"rollout abort --", "zzz", "", "   ", "undo --reason", "rollout start %endpoint"};
	struct app a;

	(void)state;
	open_as(&a, "admin", roles[6].permissions);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		app_command(&a, lines[i]);
	assert_int_equal(a.posts, 0);
	app_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_ask_the_gate),
		cmocka_unit_test(keys_of_forbidden_acts_are_gone),
		cmocka_unit_test(no_act_on_a_stale_screen),
		cmocka_unit_test(nothing_selected_nothing_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
