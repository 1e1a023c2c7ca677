/* test_term_copy.c: what is sent beside the frames: the clipboard code, and the cursor on the
 * selected row for screen readers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "tui/term.h"

struct copy_case {
	const char *name, *term, *tmux, *sty;
	size_t bytes;	  /* of 'a' to copy */
	const char *want; /* must be sent; NULL: no clipboard code at all */
	int code;
};

static int child_run(const struct copy_case *k)
{
	struct term_options opt = {.charset = -1, .cursor_visible = true};
	struct err e = {0};
	struct term *t;

	if (term_open(&opt, &t, &e) < 0)
		return 1;
	struct canvas *c = canvas_new(24, 80, term_charset(t));
	canvas_put(c, 5, 0, ROLE_text, 0, ">delay");
	canvas_set_cursor(c, 5, 0);
	term_flush(t, c);
	char *text = malloc(k->bytes + 1);
	memset(text, 'a', k->bytes);
	int code = term_copy(t, text, k->bytes, &e);
	free(text);
	term_close(t);
	canvas_free(c);
	return code == k->code ? 0 : 2;
}

static void child_start(const struct copy_case *k)
{
	setenv("TERM", k->term, 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("TMUX");
	unsetenv("STY");
	if (k->tmux)
		setenv("TMUX", k->tmux, 1);
	if (k->sty)
		setenv("STY", k->sty, 1);
	exit(child_run(k));
}

static void test_copies_reach_the_terminal(void **state)
{
	static const struct copy_case cases[] = {
		{"plain", "xterm-256color", NULL, NULL, 4, "\033]52;c;YWFhYQ==\a", 0},
		{"within tmux", "xterm-256color", "x", NULL, 5,
			"\033Ptmux;\033\033]52;c;YWFhYWE=\a\033\\\033]52;c;YWFhYWE=\a", 0},
		{"within screen", "screen", NULL, "x", 6, "\033P\033]52;c;YWFhYWFh\a\033\\", 0},
		{"the most", "xterm-256color", NULL, NULL, 74994, "\033]52;c;YWFh", 0},
		{"too much", "xterm-256color", NULL, NULL, 74995, NULL, -ERR_TOO_LARGE_N},
		{"no clipboard", "vt100", NULL, NULL, 4, NULL, -ERR_UNAVAILABLE_N},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct winsize size = {.ws_row = 24, .ws_col = 80};
		struct buf out = {0};
		char bytes[8192];
		ssize_t n;
		int fd, status = -1;
		pid_t pid = forkpty(&fd, NULL, NULL, &size);
		assert_true(pid >= 0);
		if (pid == 0)
			child_start(&cases[i]);
		while ((n = read(fd, bytes, sizeof(bytes))) > 0)
			buf_add(&out, bytes, (size_t)n);
		waitpid(pid, &status, 0);
		if (status != 0)
			fail_msg("%s: ended with %d", cases[i].name, WEXITSTATUS(status));
		const char *code = strstr(buf_text(&out), "]52;");
		if (cases[i].want ? !strstr(buf_text(&out), cases[i].want) : code != NULL)
			fail_msg("%s: %s", cases[i].name, code ? code : "nothing was sent");
		/* The cursor is never hidden, and goes back to the beginning of its row. */
		assert_null(strstr(buf_text(&out), "\033[?25l"));
		const char *row = strstr(buf_text(&out), ">delay");
		assert_true(row && row[6] == '\r');
		buf_release(&out);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies_reach_the_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
