/* text.h: lines of styled text that scroll: detail views, plans, help. Long lines wrap. */
#ifndef PITHEAD_TUI_WIDGET_TEXT_H
#define PITHEAD_TUI_WIDGET_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/canvas.h"

struct text;

/* An empty text; ended by text_free. */
struct text *text_new(void);
void text_free(struct text *t);

/* Removes all lines; the place scrolled to is kept, so that a refill does not jump. */
void text_clear(struct text *t);

/* Adds to the last line; text_line ends it. A newline in s ends the line too. */
void text_add(struct text *t, enum role role, unsigned attrs, const char *s);
void text_addf(struct text *t, enum role role, unsigned attrs, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void text_line(struct text *t);

/* Adds blanks up to a column, for simple alignment. */
void text_tab(struct text *t, int column);

/* Wrapped parts of a line begin at this column (default 0). */
void text_set_indent(struct text *t, int column);

/* Lines now; the plain text of one (borrowed). */
size_t text_count(const struct text *t);
const char *text_get(const struct text *t, size_t line);

/* Runs "move up|down|page-up|page-down|first|last". False when it is none of them. */
bool text_act(struct text *t, const char *command);
void text_scroll(struct text *t, long by);

/* Whether the last line was on the screen at the last draw. */
bool text_at_end(const struct text *t);

/* Draws into r; "more" is shown at the right end when there is some above or below. The canvas's
 * cursor is set on the first line shown. */
void text_draw(struct text *t, struct canvas *c, struct rect r);

/* Rows that the text takes at a width. */
int text_height(const struct text *t, int cols);

#endif
