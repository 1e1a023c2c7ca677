/* band_chart.c: the band of a signal over time. */
#include "panes/band_chart.h"

#include <math.h>
#include <stdio.h>

#include "tui/widget/chart.h"

enum { POINTS = 240 };

/* The points, and of what they are made when there are none: NAN. */
struct points {
	double x[POINTS], effect[POINTS], low[POINTS], high[POINTS];
	double limit_ok, limit_harm; /* the newest */
	size_t n;
};

static void read_points(struct points *p, const struct node *band)
{
	int n;
	const struct node *list = node_list(band, "points", &n);

	*p = (struct points){.limit_ok = NAN, .limit_harm = NAN};
	p->n = n > POINTS ? POINTS : (size_t)n;
	for (size_t i = 0; i < p->n; i++) {
		p->x[i] = node_num(&list[i], "at_us", NAN) / 1e6;
		p->effect[i] = node_num(&list[i], "effect", NAN);
		p->low[i] = node_num(&list[i], "low", NAN);
		p->high[i] = node_num(&list[i], "high", NAN);
		p->limit_ok = node_num(&list[i], "limit_ok", p->limit_ok);
		p->limit_harm = node_num(&list[i], "limit_harm", p->limit_harm);
	}
}

static double newest(const struct points *p, const double *values)
{
	for (size_t i = p->n; i-- > 0;)
		if (isfinite(values[i]))
			return values[i];
	return NAN;
}

/* No difference, the limits, the newest band and difference, and as much again around them: the
 * first bands are so wide that nothing else could be seen beside them. */
static void find_range(const struct points *p, double *lo, double *hi)
{
	double seen[] = {p->limit_ok, p->limit_harm, newest(p, p->low), newest(p, p->high),
		newest(p, p->effect)};
	double least = 0, most = 0, span;

	*lo = *hi = 0;
	for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
		*lo = fmin(*lo, seen[i]);
		*hi = fmax(*hi, seen[i]);
	}
	for (size_t i = 0; i < p->n; i++) {
		least = fmin(least, p->low[i]);
		most = fmax(most, p->high[i]);
	}
	span = *hi > *lo ? *hi - *lo : 1;
	*lo = fmax(fmin(least, *lo), *lo - span / 2);
	*hi = fmin(fmax(most, *hi), *hi + span / 2);
	if (!(*hi > *lo))
		*hi = *lo + 1;
}

static void add_limit(struct chart *ch, double y, const char *word, char label[48])
{
	if (!isfinite(y))
		return;
	snprintf(label, 48, "%s %g", word, y);
	ch->limits[ch->nlimits++] = (struct chart_limit){.y = y, .word = label};
}

void band_chart_draw(struct canvas *c, struct rect r, const struct band_chart *b)
{
	const char *unit = node_str(b->band, "effect_unit", "");
	char title[140], left[20], right[20], labels[2][48];
	struct points p;
	bool bare;
	struct chart ch = {.title = title,
		.fixed_y = true,
		.fixed_x = true,
		.x_min = (double)b->from_us / 1e6,
		.x_max = (double)b->to_us / 1e6,
		.x_left = timefmt_clock(left, sizeof left, b->from_us, b->zone),
		.x_right = timefmt_clock(right, sizeof right, b->to_us, b->zone)};

	read_points(&p, b->band);
	/* A difference without its band proves nothing, and looks like a chart that is broken. */
	bare = isfinite(newest(&p, p.effect)) && isnan(newest(&p, p.low)) &&
	       isnan(newest(&p, p.high));
	snprintf(title, sizeof title, "%.32s%s%.60s%s%.12s%s", b->signal, *b->segment ? " " : "",
		b->segment, *unit ? ", " : "", unit, bare ? ": no band yet" : "");
	find_range(&p, &ch.y_min, &ch.y_max);
	ch.series[ch.nseries++] = (struct chart_series){
		.label = "95 % band", .x = p.x, .y = p.low, .n = p.n, .role = ROLE_text};
	ch.series[ch.nseries++] =
		(struct chart_series){.x = p.x, .y = p.high, .n = p.n, .role = ROLE_text};
	ch.series[ch.nseries++] = (struct chart_series){.label = "difference",
		.x = p.x,
		.y = p.effect,
		.n = p.n,
		.role = ROLE_candidate_arm,
		.dotted = true};
	add_limit(&ch, p.limit_harm, "harm", labels[0]);
	add_limit(&ch, p.limit_ok, "ok", labels[1]);
	chart_draw(c, r, &ch);
}
