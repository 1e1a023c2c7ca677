/* test_forced.c: what a key with a forced command may ask for: exactly the commands of its list, as
 * words that no shell has seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tui/shell/shell_priv.h"

#define MAY "status, rollout start,version add , apply"

static const struct {
	const char *line;
	int code;	   /* 0, or as wished */
	const char *words; /* joined by | without "pithead"; NULL = do not look */
} cases[] = {
	{"pithead status", 0, "status"},
	{"status", 0, "status"},
	{"  pithead   status --json ", 0, "status|--json"},
	{"pithead rollout start delay --to v3 --reason 'nightly; rm -rf /'", 0,
		"rollout|start|delay|--to|v3|--reason|nightly; rm -rf /"},
	{"rollout start delay --to=v3 --reason=\"a $(id) `id` $HOME\"", 0,
		"rollout|start|delay|--to=v3|--reason=a $(id) `id` $HOME"},
	{"rollout start delay --to v3 --reason a\\ b", 0,
		"rollout|start|delay|--to|v3|--reason|a b"},
	{"version add - --name v3 --project flights", 0, NULL},
	{"apply --file=- --yes", 0, NULL},
	/* No shell is there to understand these. */
	{"pithead status; id", -2, NULL},
	{"pithead status | sh", -2, NULL},
	{"pithead status && id", -2, NULL},
	{"status $(id)", -2, NULL},
	{"status `id`", -2, NULL},
	{"status > /tmp/x", -2, NULL},
	{"pithead status\nid", -2, NULL},
	{"pithead status\rid", -2, NULL},
	{"status\x1b[2J", -2, NULL},
	{"status\x7f", -2, NULL},
	{"rollout start delay --to 'v3", -2, NULL},
	{"rollout start delay --to \"v3", -2, NULL},
	{"", -2, NULL},
	{"   ", -2, NULL},
	{"sh -c id", -2, NULL},
	{"/bin/sh", -2, NULL},
	{"/usr/bin/pithead status", -2, NULL},
	{"pithead pithead status", -2, NULL},
	{"scp -t .", -2, NULL},
	{"internal-sftp", -2, NULL},
	{"rollout start", -2, NULL},
	{"statsu", -2, NULL},
	{"status --shell", -2, NULL},
	/* Commands that are there, and not on the list. */
	{"pithead", -3, NULL},
	{"--json", -3, NULL},
	{"rollout promote 4", -3, NULL},
	{"rollout abort 4", -3, NULL},
	{"engine stop --all", -3, NULL},
	{"engine --foreground", -3, NULL},
	{"engine upgrade --to=/tmp/x", -3, NULL},
	{"forced --may=engine", -3, NULL},
	{"open", -3, NULL},
	{"restore x.tar --replace", -3, NULL},
	{"help", -3, NULL},
	/* Files of the machine. */
	{"version add /etc --name v3 --project flights", -3, NULL},
	{"version add . --name v3 --project flights", -3, NULL},
	{"apply --file=/etc/passwd --yes", -3, NULL},
	{"apply --plan=/tmp/p --yes", -3, NULL},
	{"status --socket=/tmp/s", -3, NULL},
};

static void check(const char *line, const char *may, int wanted, const char *words)
{
	struct err e = {0};
	struct forced f;
	struct buf got = {0};
	int code = forced_parse(line, may, &f, &e);

	if (code)
		code = -err_exit_code(code);
	if (code != wanted)
		fail_msg("\"%s\": %d, wanted %d (%s)", line ? line : "(null)", code, wanted,
			e.message);
	if (code) {
		assert_true(e.message[0] != '\0');
	} else {
		assert_string_equal(f.words[0], "pithead");
		assert_null(f.words[f.count]);
		for (int i = 1; i < f.count; i++)
			buf_addf(&got, "%s%s", i > 1 ? "|" : "", f.words[i]);
		if (words)
			assert_string_equal(buf_text(&got), words);
	}
	buf_release(&got);
	free(f.memory);
}

static void test_nothing_but_the_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check(cases[i].line, MAY, cases[i].code, cases[i].words);
	check(NULL, MAY, -2, NULL);
}

static void test_a_list_names_whole_commands(void **state)
{
	(void)state;
	check("rollout list", "rollout", -3, NULL);
	check("rollout list", "rollout list x", -3, NULL);
	check("rollout list", "a,rollout list", 0, NULL);
	check("rollout list", "", -3, NULL);
	check("rollout list", ",,", -3, NULL);
	check("spec fmt - --write", "spec fmt", -3, NULL);
	check("spec fmt -", "spec fmt", 0, NULL);
}

static void test_too_much_is_refused(void **state)
{
	char *many = malloc(80000);

	(void)state;
	memset(many, 'a', 79999);
	many[79999] = '\0';
	check(many, MAY, -2, NULL);
	for (int i = 0; i < 60000; i++)
		many[i] = i % 2 ? ' ' : 'a';
	many[60000] = '\0';
	check(many, MAY, -2, NULL);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_but_the_list),
		cmocka_unit_test(test_a_list_names_whole_commands),
		cmocka_unit_test(test_too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
