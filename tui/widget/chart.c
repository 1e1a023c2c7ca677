/* chart.c: line charts. Lines are drawn into a grid of dots, finer than the cells (braille 2 x 4,
 * blocks 1 x 2, letters 1 x 1), which is then turned into characters. */
#include "tui/widget/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "tui/timefmt.h"

/* One cell of the plot. */
struct dots {
	uint8_t bits;
	uint8_t role;
	bool dotted;
};

struct plot {
	struct rect r; /* the cells of the plot itself */
	enum charset charset;
	int per_col, per_row; /* dots in a cell */
	double x_min, x_max, y_min, y_max;
	struct dots *cells; /* owned */
};

void chart_scale(double lo, double hi, int n, double *first, double *step, int *decimals)
{
	static const double nice[] = {1, 2, 5, 10};
	double raw, power;

	if (!(hi > lo)) {
		double pad = fabs(lo) > 0 ? fabs(lo) * 0.5 : 1;
		lo -= pad;
		hi += pad;
	}
	raw = (hi - lo) / (n < 1 ? 1 : n);
	power = pow(10, floor(log10(raw)));
	*step = nice[3] * power;
	for (size_t i = 0; i < 4; i++) {
		if (nice[i] * power >= raw * (1 - 1e-9)) {
			*step = nice[i] * power;
			break;
		}
	}
	*first = floor(lo / *step + 1e-9) * *step;
	int digits = (int)ceil(-log10(*step) - 1e-9);
	*decimals = digits < 0 ? 0 : digits > 9 ? 9 : digits;
}

static bool point_ok(const struct chart_series *s, size_t i)
{
	return isfinite(s->x[i]) && isfinite(s->y[i]);
}

/* What lies outside the times that are shown does not stretch the other axis. */
static bool point_shown(const struct chart *ch, const struct chart_series *s, size_t i)
{
	return point_ok(s, i) && (!ch->fixed_x || (s->x[i] >= ch->x_min && s->x[i] <= ch->x_max));
}

/* The range of all points; false when there is none. */
static bool chart_range(const struct chart *ch, struct plot *p)
{
	bool any = false;

	for (int k = 0; k < ch->nseries; k++) {
		const struct chart_series *s = &ch->series[k];
		for (size_t i = 0; i < s->n; i++) {
			if (!point_shown(ch, s, i))
				continue;
			p->x_min = any ? fmin(p->x_min, s->x[i]) : s->x[i];
			p->x_max = any ? fmax(p->x_max, s->x[i]) : s->x[i];
			p->y_min = any ? fmin(p->y_min, s->y[i]) : s->y[i];
			p->y_max = any ? fmax(p->y_max, s->y[i]) : s->y[i];
			any = true;
		}
	}
	if (!any)
		return false;
	for (int i = 0; i < ch->nlimits; i++) {
		p->y_min = fmin(p->y_min, ch->limits[i].y);
		p->y_max = fmax(p->y_max, ch->limits[i].y);
	}
	if (ch->fixed_y) {
		p->y_min = ch->y_min;
		p->y_max = ch->y_max;
	}
	if (ch->from_zero) {
		p->y_min = fmin(p->y_min, 0);
		p->y_max = fmax(p->y_max, 0);
		/* All zero: a line on the ground, not one in the middle. */
		if (!(p->y_max > p->y_min))
			p->y_max = p->y_min + 1;
	}
	if (ch->fixed_x) {
		p->x_min = ch->x_min;
		p->x_max = ch->x_max;
	}
	if (!(p->x_max > p->x_min))
		p->x_max = p->x_min + 1;
	return true;
}

static int dot_x(const struct plot *p, double x)
{
	return (int)lrint((x - p->x_min) / (p->x_max - p->x_min) * (p->r.cols * p->per_col - 1));
}

static int dot_y(const struct plot *p, double y)
{
	double part = (y - p->y_min) / (p->y_max - p->y_min);

	return (int)lrint((1 - part) * (p->r.rows * p->per_row - 1));
}

static void dot_set(struct plot *p, const struct chart_series *s, int x, int y)
{
	static const uint8_t braille[4][2] = {
		{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
	int dash = p->per_col == 2 ? 2 : 1;

	if (x < 0 || y < 0 || x >= p->r.cols * p->per_col || y >= p->r.rows * p->per_row)
		return;
	/* Letters tell the arms apart by themselves; dots do it by leaving every other one out. */
	if (s->dotted && p->charset != CHARSET_ASCII && x / dash % 2)
		return;
	struct dots *d = &p->cells[y / p->per_row * p->r.cols + x / p->per_col];
	d->bits |= braille[y % p->per_row][x % p->per_col];
	d->role = (uint8_t)s->role;
	d->dotted = s->dotted;
}

/* A line from dot to dot, without gaps. */
static void line_set(struct plot *p, const struct chart_series *s, int x0, int y0, int x1, int y1)
{
	int dx = abs(x1 - x0), dy = abs(y1 - y0);
	int steps = dx > dy ? dx : dy;

	for (int i = 0; i <= steps; i++) {
		double part = steps ? (double)i / steps : 0;
		dot_set(p, s, x0 + (int)lrint((x1 - x0) * part), y0 + (int)lrint((y1 - y0) * part));
	}
}

/* Keeps dot numbers of far-away points small enough to walk along. */
static int dot_bound(int v)
{
	return v < -4000 ? -4000 : v > 4000 ? 4000 : v;
}

static void series_set(struct plot *p, const struct chart *ch, const struct chart_series *s)
{
	bool pen = false;
	int x0 = 0, y0 = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!point_shown(ch, s, i)) {
			pen = false;
			continue;
		}
		int x = dot_bound(dot_x(p, s->x[i])), y = dot_bound(dot_y(p, s->y[i]));
		if (pen)
			line_set(p, s, x0, y0, x, y);
		else
			dot_set(p, s, x, y);
		x0 = x;
		y0 = y;
		pen = true;
	}
}

static uint32_t dots_char(const struct plot *p, const struct dots *d)
{
	if (p->charset == CHARSET_BRAILLE)
		return 0x2800u + d->bits;
	if (p->charset == CHARSET_ASCII)
		return d->dotted ? 'o' : '*';
	return d->bits == 3 ? 0x2588 : d->bits == 1 ? 0x2580 : 0x2584;
}

static int limit_row(const struct plot *p, const struct chart_limit *l)
{
	return p->r.row + dot_y(p, l->y) / p->per_row;
}

/* What each limit is, on its line; side by side where two share a row. */
static void words_draw(const struct plot *p, const struct chart *ch, struct canvas *c)
{
	int col[CHART_LIMITS];

	for (int i = 0; i < ch->nlimits; i++) {
		int row = limit_row(p, &ch->limits[i]);

		col[i] = p->r.col + 1;
		for (int k = 0; k < i; k++)
			if (ch->limits[k].word && limit_row(p, &ch->limits[k]) == row)
				col[i] = col[k];
		if (ch->limits[i].word && row >= p->r.row && row < p->r.row + p->r.rows)
			col[i] += canvas_putf(
				c, row, col[i], ROLE_limit, 0, " %s ", ch->limits[i].word);
	}
}

static void plot_draw(struct plot *p, const struct chart *ch, struct canvas *c)
{
	p->cells = xcalloc((size_t)p->r.rows * (size_t)p->r.cols, sizeof(*p->cells));
	for (int k = 0; k < ch->nseries; k++)
		series_set(p, ch, &ch->series[k]);
	for (int i = 0; i < ch->nlimits; i++)
		canvas_fill(c, (struct rect){limit_row(p, &ch->limits[i]), p->r.col, 1, p->r.cols},
			0x2504, ROLE_limit, 0);
	for (int row = 0; row < p->r.rows; row++) {
		for (int col = 0; col < p->r.cols; col++) {
			const struct dots *d = &p->cells[row * p->r.cols + col];
			if (d->bits)
				canvas_put_char(c, p->r.row + row, p->r.col + col,
					(enum role)d->role, 0, dots_char(p, d));
		}
	}
	words_draw(p, ch, c);
	free(p->cells);
}

/* The axis left of the plot: a tick with its number wherever a round one falls. */
static void axis_draw(const struct plot *p, struct canvas *c, int col, int width, double first,
	double step, int decimals)
{
	for (int row = 0; row < p->r.rows; row++)
		canvas_put_char(c, p->r.row + row, col + width, ROLE_axis, 0, 0x2502);
	for (int i = 0; i < 100; i++) {
		double y = first + i * step;
		if (y > p->y_max + step / 1e6)
			break;
		if (y < p->y_min - step / 1e6)
			continue;
		int row = p->r.row + dot_y(p, y) / p->per_row;
		canvas_put_number(c, row, col, width, ROLE_axis, 0, y, decimals);
		canvas_put_char(c, row, col + width, ROLE_axis, 0, 0x2524);
	}
}

/* One entry; left out whole where it does not fit, since half a number is a wrong one. */
static int legend_part(struct canvas *c, int row, int col, int end, enum role role,
	const char *sign, const char *label)
{
	int wide = canvas_text_width(sign, strlen(sign)) + 1;

	if (col + wide + canvas_text_width(label, strlen(label)) > end)
		return col;
	canvas_put(c, row, col, role, 0, sign);
	col += wide;
	return col + canvas_put(c, row, col, ROLE_text, 0, label) + 2;
}

static void legend_draw(const struct chart *ch, struct canvas *c, struct rect r)
{
	int col = r.col, end = r.col + r.cols;

	if (ch->title)
		col += canvas_put(c, r.row, col, ROLE_heading, 0, ch->title) + 3;
	for (int k = 0; k < ch->nseries; k++) {
		const struct chart_series *s = &ch->series[k];
		const char *sign = s->dotted ? "\u00b7\u00b7" : "\u2500\u2500";
		if (c->charset == CHARSET_ASCII)
			sign = s->dotted ? "o" : "*";
		if (s->label)
			col = legend_part(c, r.row, col, end, s->role, sign, s->label);
	}
	for (int i = 0; i < ch->nlimits; i++)
		if (ch->limits[i].label)
			col = legend_part(c, r.row, col, end, ROLE_limit, "\u2504\u2504",
				ch->limits[i].label);
}

static void marks_draw(const struct chart *ch, const struct plot *p, struct canvas *c, int row)
{
	for (int i = 0; i < ch->nmarks; i++) {
		int col = dot_x(p, ch->marks[i].x) / p->per_col;
		if (col < 0 || col >= p->r.cols)
			continue;
		canvas_put_char(c, row, p->r.col + col, ROLE_accent, 0, '^');
		if (ch->marks[i].label)
			canvas_put(c, row, p->r.col + col + 2, ROLE_dim, 0, ch->marks[i].label);
	}
}

static int axis_width(double first, double last, int decimals)
{
	char a[48], b[48];
	size_t wa = strlen(numfmt(a, sizeof(a), first, decimals));
	size_t wb = strlen(numfmt(b, sizeof(b), last, decimals));

	return (int)(wa > wb ? wa : wb);
}

static void chart_body(struct canvas *c, struct rect r, const struct chart *ch, struct plot *p)
{
	double first, step;
	int decimals, foot = (ch->x_left || ch->x_right) + (ch->nmarks > 0);

	if (foot > r.rows - 2)
		foot = 0;
	chart_scale(p->y_min, p->y_max, (r.rows - foot) / 2, &first, &step, &decimals);
	p->y_min = fmin(first, p->y_min);
	p->y_max = first + ceil((p->y_max - first) / step - 1e-9) * step;
	if (!(p->y_max > p->y_min))
		p->y_max = p->y_min + step;
	int width = axis_width(first, p->y_max, decimals);
	if (width > r.cols / 2)
		width = r.cols / 2;
	p->r = (struct rect){r.row, r.col + width + 1, r.rows - foot, r.cols - width - 1};
	axis_draw(p, c, r.col, width, first, step, decimals);
	plot_draw(p, ch, c);
	int row = r.row + r.rows - foot;
	if (foot && ch->nmarks)
		marks_draw(ch, p, c, row++);
	if (foot && ch->x_left)
		canvas_put(c, row, p->r.col, ROLE_axis, 0, ch->x_left);
	if (foot && ch->x_right) {
		int wide = canvas_text_width(ch->x_right, strlen(ch->x_right));
		canvas_put(c, row, p->r.col + p->r.cols - wide, ROLE_axis, 0, ch->x_right);
	}
}

void chart_draw(struct canvas *c, struct rect r, const struct chart *ch)
{
	struct plot p = {.charset = c->charset, .per_col = 1, .per_row = 1};
	struct rect before = canvas_clip(c, r);
	bool head = ch->title != NULL;

	for (int i = 0; i < ch->nlimits; i++)
		head |= ch->limits[i].label != NULL;
	for (int k = 0; k < ch->nseries; k++)
		head |= ch->series[k].label != NULL;
	if (c->charset == CHARSET_BRAILLE)
		p.per_col = 2;
	if (c->charset != CHARSET_ASCII)
		p.per_row = c->charset == CHARSET_BRAILLE ? 4 : 2;
	if (r.cols < 12 || r.rows < 3)
		goto out;
	if (head) {
		legend_draw(ch, c, r);
		r.row++;
		r.rows--;
	}
	if (chart_range(ch, &p))
		chart_body(c, r, ch, &p);
	else
		canvas_put(c, r.row, r.col, ROLE_dim, 0, "no data yet");
out:
	canvas_unclip(c, before);
}
