/* canvas.c: the grid of cells. Every put passes through canvas_put_cell, which clips, keeps wide
 * characters whole and turns signs into their plain forms; bytes are made harmless in chars.c. */
#include "tui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/chars.h"
#include "tui/timefmt.h"

enum { CANVAS_MAX = 1000, CHAR_REPLACEMENT = 0xfffd };

struct glyph_row {
	uint32_t cp;
	char plain;
	const char *word;
	enum role role;
};

static const struct glyph_row glyph_rows[GLYPH_COUNT] = {
#define GLYPH(name, cp, plain, word, role) {cp, plain, word, role},
#include "tui/glyphs.def"
#undef GLYPH
};

static const struct cell blank_cell = {{' ', 0, 0}, 1, ROLE_text, 0};

struct canvas *canvas_new(int rows, int cols, enum charset charset)
{
	struct canvas *c = xcalloc(1, sizeof(*c));

	c->charset = charset;
	canvas_resize(c, rows, cols);
	return c;
}

void canvas_free(struct canvas *c)
{
	if (!c)
		return;
	free(c->cells);
	free(c);
}

static int size_bound(int n)
{
	return n < 1 ? 1 : n > CANVAS_MAX ? CANVAS_MAX : n;
}

void canvas_resize(struct canvas *c, int rows, int cols)
{
	c->rows = size_bound(rows);
	c->cols = size_bound(cols);
	c->cells = xrealloc(c->cells, (size_t)c->rows * (size_t)c->cols, sizeof(struct cell));
	canvas_clear(c);
}

void canvas_clear(struct canvas *c)
{
	for (int i = 0; i < c->rows * c->cols; i++)
		c->cells[i] = blank_cell;
	c->clip = canvas_all(c);
	c->cursor_row = c->cursor_col = -1;
	c->caret = false;
}

struct rect canvas_all(const struct canvas *c)
{
	return (struct rect){0, 0, c->rows, c->cols};
}

static int int_max(int a, int b)
{
	return a > b ? a : b;
}

static int int_min(int a, int b)
{
	return a < b ? a : b;
}

struct rect rect_intersect(struct rect a, struct rect b)
{
	int top = int_max(a.row, b.row), left = int_max(a.col, b.col);
	int bottom = int_min(a.row + a.rows, b.row + b.rows);
	int right = int_min(a.col + a.cols, b.col + b.cols);

	return (struct rect){top, left, int_max(bottom - top, 0), int_max(right - left, 0)};
}

struct rect canvas_clip(struct canvas *c, struct rect r)
{
	struct rect before = c->clip;

	c->clip = rect_intersect(before, r);
	return before;
}

void canvas_unclip(struct canvas *c, struct rect before)
{
	c->clip = rect_intersect(before, canvas_all(c));
}

static struct cell *cell_at(struct canvas *c, int row, int col)
{
	return &c->cells[row * c->cols + col];
}

/* Overwriting half of a wide character leaves no other half behind. */
static void canvas_split_wide(struct canvas *c, int row, int col)
{
	struct cell *cell = cell_at(c, row, col);

	if (cell->width == 0 && col > 0) {
		struct cell *left = cell - 1;
		left->ch[0] = ' ';
		left->ch[1] = left->ch[2] = 0;
		left->width = 1;
	} else if (cell->width == 2 && col + 1 < c->cols) {
		struct cell *right = cell + 1;
		right->ch[0] = ' ';
		right->width = 1;
	}
}

/* Puts a harmless character of width 1 or 2; false when it is clipped away. */
static bool canvas_put_cell(
	struct canvas *c, int row, int col, enum role role, unsigned attrs, uint32_t cp, int width)
{
	const struct rect *k = &c->clip;

	if (c->charset == CHARSET_ASCII && cp >= 0x7f) {
		cp = char_plain_form(cp);
		for (int i = 1; i < width; i++)
			canvas_put_cell(c, row, col + i, role, attrs, cp, 1);
		width = 1;
	}
	if (row < k->row || row >= k->row + k->rows || col < k->col || col >= k->col + k->cols)
		return false;
	if (width == 2 && col + 2 > k->col + k->cols) {
		cp = ' ';
		width = 1;
	}
	canvas_split_wide(c, row, col);
	struct cell *cell = cell_at(c, row, col);
	*cell = (struct cell){{cp, 0, 0}, (uint8_t)width, (uint8_t)role, (uint16_t)attrs};
	if (width == 2) {
		canvas_split_wide(c, row, col + 1);
		cell[1] = (struct cell){{0, 0, 0}, 0, (uint8_t)role, (uint16_t)attrs};
	}
	return true;
}

/* Adds a mark to the character put before; the third and later ones are left out. */
static void canvas_combine(struct canvas *c, int row, int col, uint32_t cp)
{
	if (c->charset == CHARSET_ASCII)
		return;
	struct cell *cell = cell_at(c, row, col);
	if (cell->ch[1] == 0)
		cell->ch[1] = cp;
	else if (cell->ch[2] == 0)
		cell->ch[2] = cp;
}

static int canvas_put_bytes(
	struct canvas *c, int row, int col, enum role role, unsigned attrs, const char *s, size_t n)
{
	const char *end = s + n;
	int start = col, width, last = -1;
	bool any = false;

	while (s < end) {
		uint32_t cp = canvas_next_char(&s, end, &width);
		if (cp == 0)
			continue;
		if (width == 0 && any) {
			if (last >= 0)
				canvas_combine(c, row, last, cp);
			continue;
		}
		if (width == 0) {
			cp = CHAR_REPLACEMENT;
			width = 1;
		}
		last = canvas_put_cell(c, row, col, role, attrs, cp, width) ? col : -1;
		any = true;
		col += width;
	}
	return col - start;
}

int canvas_put(struct canvas *c, int row, int col, enum role role, unsigned attrs, const char *s)
{
	return canvas_put_bytes(c, row, col, role, attrs, s, strlen(s));
}

int canvas_putf(
	struct canvas *c, int row, int col, enum role role, unsigned attrs, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	int width = canvas_put(c, row, col, role, attrs, buf_text(&b));
	buf_release(&b);
	return width;
}

static void canvas_put_blanks(
	struct canvas *c, int row, int col, int n, enum role role, unsigned attrs)
{
	for (int i = 0; i < n; i++)
		canvas_put_cell(c, row, col + i, role, attrs, ' ', 1);
}

static void canvas_put_aligned(struct canvas *c, int row, int col, int width, enum role role,
	unsigned attrs, const char *s, bool right)
{
	size_t n = strlen(s);
	int wide = canvas_text_width(s, n);

	if (width <= 0)
		return;
	if (wide > width) {
		n = canvas_text_fit(s, n, width - 1);
		wide = canvas_put_bytes(c, row, col, role, attrs, s, n);
		canvas_put_cell(c, row, col + wide, role, attrs, 0x2026, 1);
		canvas_put_blanks(c, row, col + wide + 1, width - wide - 1, role, attrs);
		return;
	}
	int at = right ? col + width - wide : col;
	canvas_put_blanks(c, row, col, at - col, role, attrs);
	canvas_put_bytes(c, row, at, role, attrs, s, n);
	canvas_put_blanks(c, row, at + wide, col + width - at - wide, role, attrs);
}

void canvas_put_left(struct canvas *c, int row, int col, int width, enum role role, unsigned attrs,
	const char *s)
{
	canvas_put_aligned(c, row, col, width, role, attrs, s, false);
}

void canvas_put_right(struct canvas *c, int row, int col, int width, enum role role, unsigned attrs,
	const char *s)
{
	canvas_put_aligned(c, row, col, width, role, attrs, s, true);
}

void canvas_put_number(struct canvas *c, int row, int col, int width, enum role role,
	unsigned attrs, double value, int decimals)
{
	char text[48];

	numfmt(text, sizeof(text), value, decimals);
	if ((int)strlen(text) > width) {
		canvas_fill(c, (struct rect){row, col, 1, width}, '#', role, attrs);
		return;
	}
	canvas_put_right(c, row, col, width, role, attrs, text);
}

int canvas_put_state(struct canvas *c, int row, int col, enum glyph g)
{
	enum role role = glyph_role(g);

	canvas_put_char(c, row, col, role, 0, glyph_char(g, c->charset));
	return 2 + canvas_put(c, row, col + 2, role, 0, glyph_word(g));
}

void canvas_put_char(
	struct canvas *c, int row, int col, enum role role, unsigned attrs, uint32_t cp)
{
	char utf8[4];

	canvas_put_bytes(c, row, col, role, attrs, utf8, canvas_utf8_encode(cp, utf8));
}

void canvas_fill(struct canvas *c, struct rect r, uint32_t cp, enum role role, unsigned attrs)
{
	r = rect_intersect(r, c->clip);
	for (int row = r.row; row < r.row + r.rows; row++) {
		for (int col = r.col; col < r.col + r.cols; col++) {
			if (cp == ' ')
				canvas_put_cell(c, row, col, role, attrs, cp, 1);
			else
				canvas_put_char(c, row, col, role, attrs, cp);
		}
	}
}

void canvas_style(struct canvas *c, struct rect r, enum role role, unsigned attrs)
{
	r = rect_intersect(r, c->clip);
	for (int row = r.row; row < r.row + r.rows; row++) {
		for (int col = r.col; col < r.col + r.cols; col++) {
			cell_at(c, row, col)->role = (uint8_t)role;
			cell_at(c, row, col)->attrs = (uint16_t)attrs;
		}
	}
}

void canvas_set_cursor(struct canvas *c, int row, int col)
{
	c->cursor_row = int_max(0, int_min(row, c->rows - 1));
	c->cursor_col = int_max(0, int_min(col, c->cols - 1));
}

void canvas_set_caret(struct canvas *c, int row, int col)
{
	canvas_set_cursor(c, row, col);
	c->caret = true;
}

const struct cell *canvas_at(const struct canvas *c, int row, int col)
{
	must(row >= 0 && row < c->rows && col >= 0 && col < c->cols);
	return &c->cells[row * c->cols + col];
}

void canvas_dump(const struct canvas *c, struct buf *out)
{
	for (int row = 0; row < c->rows; row++) {
		int last = c->cols - 1;
		while (last >= 0 && canvas_at(c, row, last)->ch[0] == ' ')
			last--;
		for (int col = 0; col <= last; col++) {
			const struct cell *cell = canvas_at(c, row, col);
			for (int i = 0; i < 3 && cell->ch[i]; i++) {
				char utf8[4];
				buf_add(out, utf8, canvas_utf8_encode(cell->ch[i], utf8));
			}
		}
		buf_addc(out, '\n');
	}
}

uint32_t glyph_char(enum glyph g, enum charset charset)
{
	if (charset == CHARSET_ASCII)
		return (unsigned char)glyph_rows[g].plain;
	return glyph_rows[g].cp;
}

const char *glyph_word(enum glyph g)
{
	return glyph_rows[g].word;
}

enum role glyph_role(enum glyph g)
{
	return glyph_rows[g].role;
}
