/* doctor_screen.c: can the console draw here? Locale, terminal, colours, size. The terminal's
 * description is asked of tput: curses is the console's alone. */
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend/adapters/process.h"
#include "backend/base/buf.h"
#include "backend/local/checks.h"

static void check_locale(struct checks *c)
{
	const char *charset = nl_langinfo(CODESET);

	if (strcmp(charset, "UTF-8") == 0)
		checks_add(c, CHECK_OK, "locale", NULL, "UTF-8");
	else
		checks_add(c, CHECK_WARN, "locale", "export LC_ALL=C.UTF-8",
			"%s, not UTF-8: charts are drawn in ASCII", charset);
}

static void check_terminal(struct checks *c)
{
	const char *term = getenv("TERM");
	const char *const argv[] = {"/usr/bin/tput", "-T", term, "colors", NULL};
	struct buf words = {0};
	int rc;
	long colors;

	if (!term || !*term || !strcmp(term, "dumb")) {
		checks_add(c, CHECK_WARN, "terminal", "export TERM=xterm-256color",
			"TERM is %s: the console cannot draw, commands can be used",
			term && *term ? term : "not set");
		return;
	}
	rc = process_run(argv, "/", 2000, &words, NULL);
	colors = strtol(buf_text(&words), NULL, 10);
	if (rc != 0)
		checks_add(c, CHECK_WARN, "terminal", "apt install ncurses-term",
			"TERM=%s is not known on this machine", term);
	else if (colors < 8)
		checks_add(c, CHECK_OK, "terminal", NULL, "%s, without colours", term);
	else
		checks_add(c, CHECK_OK, "terminal", NULL, "%s, %ld colours", term, colors);
	buf_release(&words);
}

static void check_size(struct checks *c)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return; /* no terminal: nothing is drawn */
	if (size.ws_col < 40 || size.ws_row < 10)
		checks_add(c, CHECK_WARN, "size", "enlarge the window to 40x10 or more",
			"%dx%d is too small for the console", size.ws_col, size.ws_row);
	else
		checks_add(c, CHECK_OK, "size", NULL, "%dx%d", size.ws_col, size.ws_row);
}

void checks_screen(struct checks *c)
{
	check_locale(c);
	check_terminal(c);
	check_size(c);
}
