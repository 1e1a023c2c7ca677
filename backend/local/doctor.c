/* doctor.c: `pithead doctor`: runs the groups of checks and prints a line for each. The checks
 * change nothing. */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/home.h"
#include "backend/base/xalloc.h"
#include "backend/local/checks.h"
#include "backend/local/codec_local.h"
#include "backend/local/local.h"
#include "backend/local/words.h"

void checks_add(struct checks *c, enum check_level level, const char *what, const char *remedy,
	const char *fmt, ...)
{
	struct check *line;
	va_list ap;

	c->list = xrealloc(c->list, (size_t)c->count + 1, sizeof *c->list);
	line = &c->list[c->count++];
	*line = (struct check){.level = level};
	str_copy(line->what, sizeof line->what, what);
	str_copy(line->remedy, sizeof line->remedy, remedy ? remedy : "");
	va_start(ap, fmt);
	vsnprintf(line->text, sizeof line->text, fmt, ap);
	va_end(ap);
	c->fails += level == CHECK_FAIL;
}

void checks_release(struct checks *c)
{
	xfree(c->list);
	c->count = 0;
}

static void print_checks(const struct checks *c)
{
	static const char *const levels[] = {"ok", "warn", "FAIL"};

	for (int i = 0; i < c->count; i++) {
		const struct check *line = &c->list[i];

		printf("%-4s  %-12s %s\n", levels[line->level], line->what, line->text);
		if (*line->remedy)
			printf("      %-12s remedy: %s\n", "", line->remedy);
	}
	if (c->fails)
		printf("%d thing%s must be mended before pithead can work here\n", c->fails,
			c->fails == 1 ? "" : "s");
}

int local_doctor(int argc, char **argv)
{
	struct words w = {.usage = "pithead doctor [--json]\n"
				   "Checks what this machine lacks and names the remedy of each.\n"
				   "Exit 0 when nothing FAILs, else 1."};
	int code = words_read(&w, argc, argv);
	struct checks c = {0};
	struct err e = {0};

	if (code >= 0)
		return code;
	setlocale(LC_CTYPE, "");
	checks_machine(&c);
	if (state_home_find(c.home, sizeof c.home, &e))
		checks_add(&c, CHECK_FAIL, "home", e.hint, "%s", e.message);
	else {
		checks_home(&c);
		checks_gateway(&c);
	}
	checks_screen(&c);
	if (w.json)
		codec_print_checks(&c);
	else
		print_checks(&c);
	code = c.fails ? 1 : 0;
	checks_release(&c);
	return code;
}
