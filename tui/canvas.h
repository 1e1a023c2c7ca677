/* canvas.h: a grid of cells that panes and widgets draw on, without a terminal. Whatever bytes are
 * put, only printable characters are kept: control bytes, ESC, invalid UTF-8 and direction marks
 * become visible signs, so that data never reaches a terminal as a code. Written by everything
 * that draws; read by term.c and by tests. Rows and columns count from 0. */
#ifndef PITHEAD_TUI_CANVAS_H
#define PITHEAD_TUI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "tui/roles.h"

/* What the terminal can show, from poor to rich. */
enum charset { CHARSET_ASCII, CHARSET_BLOCKS, CHARSET_BRAILLE };

enum attr { ATTR_NONE = 0, ATTR_BOLD = 1, ATTR_REVERSE = 2, ATTR_UNDERLINE = 4 };

/* Sign + word + role of a state: ok, watch, harm … (glyphs.def). */
enum glyph {
#define GLYPH(name, cp, plain, word, role) GLYPH_##name,
#include "tui/glyphs.def"
#undef GLYPH
	GLYPH_COUNT
};

struct rect {
	int row, col, rows, cols;
};

struct cell {
	uint32_t ch[3]; /* a printable character and up to two combining marks; 0 when unused */
	uint8_t width;	/* 1 or 2 columns; 0 for the right half of a wide character */
	uint8_t role;	/* enum role */
	uint16_t attrs; /* enum attr, added to those of the role */
};

/* Fields are for reading; change them through the functions. */
struct canvas {
	int rows, cols;
	struct cell *cells; /* owned; rows * cols */
	struct rect clip;
	enum charset charset;
	bool low_bandwidth;	    /* selection is shown by the gutter sign alone */
	int cursor_row, cursor_col; /* where the hardware cursor belongs; -1 when unset */
	bool caret;		    /* it is the caret of something typed: shown in any case */
};

/* A blank canvas; ended by canvas_free. Sizes below 1 are taken as 1, above 1000 as 1000. */
struct canvas *canvas_new(int rows, int cols, enum charset charset);
void canvas_free(struct canvas *c);

/* Gives c another size and clears it. */
void canvas_resize(struct canvas *c, int rows, int cols);

/* Blanks all cells, opens the clip to the whole and unsets the cursor. */
void canvas_clear(struct canvas *c);

/* The whole canvas; the part of a inside b (may have 0 rows or columns). */
struct rect canvas_all(const struct canvas *c);
struct rect rect_intersect(struct rect a, struct rect b);

/* Narrows drawing to r within the present clip; returns the clip before, for canvas_unclip. */
struct rect canvas_clip(struct canvas *c, struct rect r);
void canvas_unclip(struct canvas *c, struct rect before);

/* Puts text from (row, col) on, as far as the clip goes; returns the columns the text is wide.
 * Text is UTF-8 from anywhere; it never wraps. */
int canvas_put(struct canvas *c, int row, int col, enum role role, unsigned attrs, const char *s);
int canvas_putf(struct canvas *c, int row, int col, enum role role, unsigned attrs, const char *fmt,
	...) __attribute__((format(printf, 6, 7)));

/* Puts text into exactly width columns: filled with blanks, cut with a "…" ("~" in ASCII) when
 * too long; _right aligns at the right end. */
void canvas_put_left(struct canvas *c, int row, int col, int width, enum role role, unsigned attrs,
	const char *s);
void canvas_put_right(struct canvas *c, int row, int col, int width, enum role role, unsigned attrs,
	const char *s);

/* Puts a number with so many decimals and thousands in commas, right-aligned in width columns;
 * NaN is "-". When it does not fit, the field is filled with "#" rather than cut to a lie. */
void canvas_put_number(struct canvas *c, int row, int col, int width, enum role role,
	unsigned attrs, double value, int decimals);

/* Puts the sign and word of a state ("● ok"); returns the columns used. */
int canvas_put_state(struct canvas *c, int row, int col, enum glyph g);

/* Puts one character (sanitized like text). */
void canvas_put_char(
	struct canvas *c, int row, int col, enum role role, unsigned attrs, uint32_t cp);

/* Fills r with one character of width 1, in the clip. */
void canvas_fill(struct canvas *c, struct rect r, uint32_t cp, enum role role, unsigned attrs);

/* Gives the cells of r another role and attributes and leaves their characters. */
void canvas_style(struct canvas *c, struct rect r, enum role role, unsigned attrs);

/* Says where the hardware cursor belongs: on the selected row; or, as a caret, where the next
 * character is typed. */
void canvas_set_cursor(struct canvas *c, int row, int col);
void canvas_set_caret(struct canvas *c, int row, int col);

/* The cell at (row, col); must be inside. Borrowed until the next change of size. */
const struct cell *canvas_at(const struct canvas *c, int row, int col);

/* Appends the canvas as UTF-8 text: one line a row, blanks at the line's end cut off. */
void canvas_dump(const struct canvas *c, struct buf *out);

/* Takes one character off *s (up to end): decoded, made harmless, with its width in columns (0 for
 * a combining mark, 1 or 2). This is the one place that decides widths. */
uint32_t canvas_next_char(const char **s, const char *end, int *width);

/* Columns of n bytes of text; bytes of s (at most n) that fit into width columns. */
int canvas_text_width(const char *s, size_t n);
size_t canvas_text_fit(const char *s, size_t n, int width);

/* Copies text into out (size bytes), cut with a "…" before its end to width columns: names of a
 * series differ there. tail: the columns at the end that stay, 0 for half of them. */
void canvas_cut_middle(char *out, size_t size, const char *s, int width, int tail);

/* Writes cp as UTF-8 to out (4 bytes needed, no NUL); returns the bytes. */
size_t canvas_utf8_encode(uint32_t cp, char *out);

/* The parts of a glyph. */
uint32_t glyph_char(enum glyph g, enum charset charset);
const char *glyph_word(enum glyph g);
enum role glyph_role(enum glyph g);

#endif
