/* chart.h: lines over time or numbers, in braille, blocks or plain letters by the canvas's
 * charset. Stable is solid, candidate dotted, on every chart. Draws what it is given: no data. */
#ifndef PITHEAD_TUI_WIDGET_CHART_H
#define PITHEAD_TUI_WIDGET_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/canvas.h"

enum { CHART_SERIES = 4, CHART_MARKS = 8, CHART_LIMITS = 2 };

struct chart_series {
	const char *label; /* "stable v2"; NULL for none */
	const double *x;   /* borrowed for the call; rising */
	const double *y;   /* NaN is a gap */
	size_t n;
	enum role role; /* ROLE_stable_arm, ROLE_candidate_arm … */
	bool dotted;
};

struct chart_mark {
	double x;	   /* something happened here: a "^" below the axis */
	const char *label; /* "canary #41" */
};

struct chart_limit {
	double y;	   /* a level line */
	const char *label; /* in the legend: "limit .010"; NULL for none */
	const char *word;  /* on the line itself, at its left end; NULL for none */
};

struct chart {
	const char *title; /* with the unit; NULL for none */
	struct chart_series series[CHART_SERIES];
	int nseries;
	struct chart_limit limits[CHART_LIMITS];
	int nlimits;
	bool fixed_x; /* else from the data */
	double x_min, x_max;
	bool fixed_y; /* else from the data and the limits; what lies outside is cut off */
	double y_min, y_max;
	bool from_zero;		      /* the y axis holds 0 */
	const char *x_left, *x_right; /* labels below the ends of the x axis; NULL for none */
	struct chart_mark marks[CHART_MARKS];
	int nmarks;
};

/* Draws into r: title, y axis with round numbers, lines, x labels and marks. Below 12 columns or
 * 3 rows it draws nothing. Without points it says "no data yet". */
void chart_draw(struct canvas *c, struct rect r, const struct chart *ch);

/* Round numbers that enclose lo … hi with about n steps: *first, *step, and the decimals needed. */
void chart_scale(double lo, double hi, int n, double *first, double *step, int *decimals);

#endif
