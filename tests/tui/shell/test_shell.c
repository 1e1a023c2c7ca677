/* test_shell.c: one-shot commands without an engine: exit codes, local commands, completion. The
 * output goes to a file that is read back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/base/buf.h"
#include "tui/app.h"
#include "tui/command.h"
#include "tui/shell/shell.h"

static int words_seen;
static char place_seen[64];

static int local_doctor(int argc, char **argv)
{
	words_seen = argc;
	assert_string_equal(argv[0], "doctor");
	return 7;
}

static int console(const struct console_options *o)
{
	snprintf(place_seen, sizeof place_seen, "%s", o->place ? o->place : "-");
	return 0;
}

static const struct local_command locals[] = {{"doctor", local_doctor}, {NULL, NULL}};
static const struct shell_hooks hooks = {.locals = locals, .console = console};

static const struct {
	const char *line;
	int code;
	const char *said; /* in stdout or stderr */
} cases[] = {
	{"--version", 0, "pithead "},
	{"", 0, ""},
	{"open rollout/12", 0, ""},
	{"--as auditor", 0, ""},
	{"doctor", 7, ""},
	{"help", 0, "rollout abort"},
	{"help rollout", 0, "pithead rollout promote"},
	{"rollout abort --help", 0, "--reason"},
	{"help nonsense", 2, "no command"},
	{"nonsense", 2, "no command"},
	{"rollout abort", 2, "usage: pithead rollout abort N"},
	{"rollout abort x", 2, "not a number"},
	{"rollout list", 5, "no engine answers"},
	{"rollout list --socket /nonexistent/e.sock", 5, "/nonexistent/e.sock"},
	{"engine status", 5, "no engine runs"},
	{"rollout card", 2, "usage: pithead rollout card N [--all]"},
	{"rollout card 4 --all", 5, "no engine answers"},
	{"undo 4", 5, "no engine answers"},
	{"apply --file /nonexistent.yaml", 2, "cannot read"},
	{"apply --plan a --file b", 2, "exclude"},
	{"version add /nonexistent --name v --project p", 2, "/nonexistent"},
	{"drill --timeout soon", 2, "not a duration"},
	{"completion fish", 2, "bash or zsh"},
	{"completion bash", 0, "complete -F _pithead pithead"},
	{"completion zsh", 0, "bashcompinit"},
};

/* Runs the line with both outputs in a file; the exit code. */
static int run(const char *line, struct buf *out)
{
	char path[] = "/tmp/pithead-shell.XXXXXX", *memory = NULL;
	const char *words[32] = {"pithead"};
	int fd = mkstemp(path), saved[2], code;
	int n = command_split(line, words + 1, 30, &memory, NULL);

	assert_true(fd >= 0 && n >= 0);
	fflush(stdout);
	fflush(stderr);
	saved[0] = dup(1);
	saved[1] = dup(2);
	dup2(fd, 1);
	dup2(fd, 2);
	code = shell_main(n + 1, (char **)words, &hooks);
	fflush(stdout);
	fflush(stderr);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	close(saved[0]);
	close(saved[1]);
	close(fd);
	buf_read_file(out, path, 1 << 20);
	unlink(path);
	free(memory);
	return code;
}

static void exit_codes_mean_what_they_say(void **state)
{
	(void)state;
	setenv("PITHEAD_SOCKET", "/nonexistent/engine.sock", 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out = {0};
		int code = run(cases[i].line, &out);

		if (code != cases[i].code || !strstr(buf_text(&out), cases[i].said))
			fail_msg("pithead %s: exit %d, not %d; said:\n%s", cases[i].line, code,
				cases[i].code, buf_text(&out));
		buf_release(&out);
	}
	assert_int_equal(words_seen, 1);
}

static void open_names_a_place(void **state)
{
	struct buf out = {0};

	(void)state;
	assert_int_equal(run("open change/812", &out), 0);
	assert_string_equal(place_seen, "change/812");
	buf_release(&out);
}

/* What completion prints is valid bash. */
static void completion_is_valid_bash(void **state)
{
	struct buf out = {0};
	FILE *bash;

	(void)state;
	assert_int_equal(run("completion bash", &out), 0);
	bash = popen("bash -n", "w");
	assert_non_null(bash);
	fwrite(buf_text(&out), 1, out.len, bash);
	assert_int_equal(pclose(bash), 0);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes_mean_what_they_say),
		cmocka_unit_test(open_names_a_place),
		cmocka_unit_test(completion_is_valid_bash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
