/* grid.c: tables on a plain terminal or in a pipe: aligned, no colour, no cutting. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/canvas.h"
#include "tui/shell/shell_priv.h"

char *shell_clean(const char *text)
{
	char *out = xstrdup(text ? text : "");

	/* C1 controls (0x80..0x9f) come as two bytes in UTF-8, the first being 0xc2. */
	for (unsigned char *p = (unsigned char *)out; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = *p == '\n' || *p == '\t' ? ' ' : '?';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?';
	return out;
}

void grid_init(struct grid *g, const char *const *titles, int columns)
{
	*g = (struct grid){.columns = columns, .titles = titles};
}

void grid_add(struct grid *g, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (g->count == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 64;
		g->cells = xrealloc(g->cells, (size_t)g->cap, sizeof *g->cells);
	}
	g->cells[g->count++] = shell_clean(buf_text(&b));
	buf_release(&b);
}

static int width_of(const char *s)
{
	return canvas_text_width(s, strlen(s));
}

static void print_cell(const char *text, int width, int right, int last)
{
	int blanks = width - width_of(text);

	if (right)
		printf("%*s%s%s", blanks, "", text, last ? "" : "  ");
	else
		printf("%s%*s", text, last ? 0 : blanks + 2, "");
}

void grid_print(struct grid *g, const char *empty)
{
	int *widths = xcalloc((size_t)g->columns, sizeof *widths);

	must(g->count % g->columns == 0);
	for (int i = 0; i < g->columns; i++)
		widths[i] = width_of(g->titles[i] + (g->titles[i][0] == '>'));
	for (int i = 0; i < g->count; i++)
		if (width_of(g->cells[i]) > widths[i % g->columns])
			widths[i % g->columns] = width_of(g->cells[i]);
	for (int i = 0; g->count && i < g->columns; i++)
		print_cell(g->titles[i] + (g->titles[i][0] == '>'), widths[i],
			g->titles[i][0] == '>', i == g->columns - 1);
	if (g->count)
		putchar('\n');
	for (int i = 0; i < g->count; i++) {
		int last = i % g->columns == g->columns - 1;

		print_cell(g->cells[i], widths[i % g->columns], g->titles[i % g->columns][0] == '>',
			last);
		if (last)
			putchar('\n');
		free(g->cells[i]);
	}
	if (!g->count)
		puts(empty);
	free(g->cells);
	free(widths);
	*g = (struct grid){0};
}
