/* spark.c: values as a row of little bars. The canvas knows the plain forms of the bars. */
#include "tui/widget/spark.h"

#include <math.h>
#include <stdbool.h>

#include "backend/base/buf.h"

static void spark_range(const double *values, size_t n, double *lo, double *hi)
{
	*lo = *hi = 0;
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(values[i]))
			continue;
		if (values[i] < *lo)
			*lo = values[i];
		if (values[i] > *hi)
			*hi = values[i];
	}
}

char *spark_text(char *out, size_t size, int width, const double *values, size_t n)
{
	double lo, hi;
	size_t at = 0, cols = width > 0 ? (size_t)width : 0;

	if (n > cols) {
		values += n - cols;
		n = cols;
	}
	spark_range(values, n, &lo, &hi);
	for (size_t i = 0; i < cols && at + 4 <= size; i++) {
		uint32_t cp = ' ';
		if (i + n >= cols && isfinite(values[i + n - cols])) {
			double v = values[i + n - cols];
			double level = hi > lo ? (v - lo) / (hi - lo) * 7 : 0;
			cp = 0x2581 + (uint32_t)lrint(level);
		}
		at += canvas_utf8_encode(cp, out + at);
	}
	if (size)
		out[at] = '\0';
	return out;
}

void spark_draw(struct canvas *c, int row, int col, int width, enum role role, const double *values,
	size_t n)
{
	char text[3 * 256 + 1];

	if (width > 256)
		width = 256;
	spark_text(text, sizeof(text), width, values, n);
	canvas_put(c, row, col, role, 0, text);
}
