/* spark.h: a line of little bars, the newest at the right: 8 heights in blocks, 5 in ASCII. */
#ifndef PITHEAD_TUI_WIDGET_SPARK_H
#define PITHEAD_TUI_WIDGET_SPARK_H

#include <stddef.h>

#include "tui/canvas.h"

/* Draws the last width values between 0 (or the lowest) and the highest; NaN is a blank. When
 * there are fewer values than columns the left stays blank. */
void spark_draw(struct canvas *c, int row, int col, int width, enum role role, const double *values,
	size_t n);

/* The same as text for a table's cell: UTF-8 into out (3 bytes a column and a NUL), cut to size.
 * The canvas turns blocks into ASCII by itself. Returns out. */
char *spark_text(char *out, size_t size, int width, const double *values, size_t n);

#endif
