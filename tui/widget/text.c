/* text.c: styled lines, wrapped when drawn. A line keeps its plain bytes and where each style
 * begins; nothing is laid out beforehand, because texts here are short. */
#include "tui/widget/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

struct span {
	size_t start; /* byte of the line */
	enum role role;
	unsigned attrs;
};

struct line {
	struct buf plain;
	struct span *spans; /* owned */
	size_t nspans;
	int indent;
};

struct text {
	struct line *lines; /* owned */
	size_t nlines;
	bool open; /* the last line may grow */
	int indent;
	long top; /* first row on the screen, in rows after wrapping */
	int page; /* rows at the last draw */
	long height;
};

struct text *text_new(void)
{
	struct text *t = xcalloc(1, sizeof(*t));

	t->page = 1;
	return t;
}

void text_clear(struct text *t)
{
	for (size_t i = 0; i < t->nlines; i++) {
		buf_release(&t->lines[i].plain);
		free(t->lines[i].spans);
	}
	xfree(t->lines);
	t->nlines = 0;
	t->open = false;
	t->indent = 0;
}

void text_free(struct text *t)
{
	if (!t)
		return;
	text_clear(t);
	free(t);
}

static struct line *line_open(struct text *t)
{
	if (!t->open) {
		t->lines = xrealloc(t->lines, t->nlines + 1, sizeof(*t->lines));
		t->lines[t->nlines++] = (struct line){.indent = t->indent};
		t->open = true;
	}
	return &t->lines[t->nlines - 1];
}

static void line_add(struct line *l, enum role role, unsigned attrs, const char *s, size_t n)
{
	if (n == 0)
		return;
	l->spans = xrealloc(l->spans, l->nspans + 1, sizeof(*l->spans));
	l->spans[l->nspans++] = (struct span){l->plain.len, role, attrs};
	buf_add(&l->plain, s, n);
}

void text_add(struct text *t, enum role role, unsigned attrs, const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "\n");
		line_add(line_open(t), role, attrs, s, n);
		if (s[n] == '\0')
			return;
		text_line(t);
		s += n + 1;
		if (*s == '\0')
			return;
	}
}

void text_addf(struct text *t, enum role role, unsigned attrs, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	text_add(t, role, attrs, buf_text(&b));
	buf_release(&b);
}

void text_line(struct text *t)
{
	line_open(t);
	t->open = false;
}

void text_tab(struct text *t, int column)
{
	struct line *l = line_open(t);
	int at = canvas_text_width(buf_text(&l->plain), l->plain.len);

	while (at++ < column)
		line_add(l, ROLE_text, 0, " ", 1);
}

void text_set_indent(struct text *t, int column)
{
	t->indent = column;
}

size_t text_count(const struct text *t)
{
	return t->nlines;
}

const char *text_get(const struct text *t, size_t line)
{
	return line < t->nlines ? buf_text(&t->lines[line].plain) : NULL;
}

/* Blanks at the beginning of the row that holds byte at. */
static int row_indent(const struct line *l, size_t at, int cols)
{
	return at == 0 || l->indent >= cols ? 0 : l->indent;
}

/* Where the row that begins at byte at ends; *next is where the one after begins. A row ends at a
 * blank when there is one, and holds at least one character. */
static size_t row_end(const struct line *l, size_t at, int cols, size_t *next)
{
	const char *s = buf_text(&l->plain) + at;
	size_t n = l->plain.len - at;
	size_t fit = canvas_text_fit(s, n, cols - row_indent(l, at, cols));

	*next = l->plain.len;
	if (fit == n)
		return l->plain.len;
	if (fit == 0) {
		int width;
		const char *p = s;
		canvas_next_char(&p, s + n, &width);
		fit = (size_t)(p - s);
	}
	size_t cut = fit;
	while (cut > 0 && s[cut] != ' ')
		cut--;
	/* Blanks before the first word are no place to end a row at. */
	if (cut > 0 && strspn(s, " ") >= cut)
		cut = 0;
	*next = at + (cut ? cut + strspn(s + cut, " ") : fit);
	return at + (cut ? cut : fit);
}

static long line_height(const struct line *l, int cols)
{
	long rows = 1;
	size_t at = 0, next;

	for (row_end(l, 0, cols, &next); next < l->plain.len; row_end(l, at, cols, &next)) {
		at = next;
		rows++;
	}
	return rows;
}

int text_height(const struct text *t, int cols)
{
	long rows = 0;

	for (size_t i = 0; i < t->nlines; i++)
		rows += line_height(&t->lines[i], cols);
	return (int)rows;
}

void text_scroll(struct text *t, long by)
{
	long most = t->height > t->page ? t->height - t->page : 0;

	t->top += by;
	if (t->top > most)
		t->top = most;
	if (t->top < 0)
		t->top = 0;
}

bool text_act(struct text *t, const char *command)
{
	if (strcmp(command, "move down") == 0)
		text_scroll(t, 1);
	else if (strcmp(command, "move up") == 0)
		text_scroll(t, -1);
	else if (strcmp(command, "move page-down") == 0)
		text_scroll(t, t->page > 1 ? t->page - 1 : 1);
	else if (strcmp(command, "move page-up") == 0)
		text_scroll(t, t->page > 1 ? 1 - t->page : -1);
	else if (strcmp(command, "move first") == 0)
		text_scroll(t, -t->height);
	else if (strcmp(command, "move last") == 0)
		text_scroll(t, t->height);
	else
		return false;
	return true;
}

bool text_at_end(const struct text *t)
{
	return t->top + t->page >= t->height;
}

static void row_draw(
	const struct line *l, size_t from, size_t to, struct canvas *c, int row, int col)
{
	for (size_t i = 0; i < l->nspans; i++) {
		size_t a = l->spans[i].start;
		size_t b = i + 1 < l->nspans ? l->spans[i + 1].start : l->plain.len;
		a = a > from ? a : from;
		b = b < to ? b : to;
		if (a >= b)
			continue;
		char *piece = xstrndup(l->plain.data + a, b - a);
		col += canvas_put(c, row, col, l->spans[i].role, l->spans[i].attrs, piece);
		free(piece);
	}
}

static void more_draw(const struct text *t, struct canvas *c, struct rect r)
{
	if (t->top > 0)
		canvas_put_char(c, r.row, r.col + r.cols - 1, ROLE_accent, 0, 0x25b2);
	if (!text_at_end(t))
		canvas_put_char(c, r.row + r.rows - 1, r.col + r.cols - 1, ROLE_accent, 0, 0x25bc);
}

void text_draw(struct text *t, struct canvas *c, struct rect r)
{
	struct rect before = canvas_clip(c, r);
	/* The last column is kept for the signs of more. */
	int cols = r.cols > 2 ? r.cols - 1 : r.cols;
	long row = 0;

	canvas_fill(c, r, ' ', ROLE_text, 0);
	if (r.rows < 1 || r.cols < 1)
		goto out;
	t->page = r.rows;
	t->height = text_height(t, cols);
	text_scroll(t, 0);
	for (size_t i = 0; i < t->nlines && row < t->top + r.rows; i++) {
		const struct line *l = &t->lines[i];
		size_t at = 0, next;
		do {
			size_t end = row_end(l, at, cols, &next);
			if (row >= t->top)
				row_draw(l, at, end, c, r.row + (int)(row - t->top),
					r.col + row_indent(l, at, cols));
			at = next;
			row++;
		} while (at < l->plain.len);
	}
	more_draw(t, c, r);
	canvas_set_cursor(c, r.row, r.col);
out:
	canvas_unclip(c, before);
}
