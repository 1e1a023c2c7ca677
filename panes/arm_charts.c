/* arm_charts.c: the charts of both arms, from the series of an endpoint. */
#include "panes/arm_charts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/widget/chart.h"

enum { POINTS = 360, KINDS = 4 };

enum kind { KIND_ERRORS, KIND_P99, KIND_TRAFFIC, KIND_SHARE };

static const char *const titles[KINDS] = {[KIND_ERRORS] = "errors, %",
	[KIND_P99] = "latency p99, ms",
	[KIND_TRAFFIC] = "traffic, req/s",
	[KIND_SHARE] = "candidate's share, %"};

/* One arm's points; a missing point is a gap. */
struct line {
	double x[POINTS], y[POINTS];
	size_t n;
};

static double point(const struct node *v, enum kind kind, double span_s)
{
	double n = node_num(v, "n", NAN);

	switch (kind) {
	case KIND_ERRORS:
		return n > 0 ? 100 * node_num(v, "failures", 0) / n : NAN;
	case KIND_P99:
		return n > 0 ? node_num(v, "p99_ms", NAN) : NAN;
	case KIND_TRAFFIC:
	case KIND_SHARE:
		return n / span_s;
	}
	return NAN;
}

static void fill(struct line *l, const struct node *series, const char *arm, enum kind kind)
{
	double span = node_num(series, "span_s", 10);
	double from = node_num(series, "from_us", 0) / 1e6;
	int n;
	const struct node *list = node_list(node_get(series, arm), "", &n);

	l->n = n > POINTS ? POINTS : (size_t)n;
	for (size_t i = 0; i < l->n; i++) {
		l->x[i] = from + (double)i * span;
		l->y[i] = point(&list[i], kind, span);
	}
}

/* The share that the candidate really had in each span. */
static void fill_share(struct line *l, const struct node *series)
{
	struct line other;

	fill(l, series, "candidate", KIND_SHARE);
	fill(&other, series, "stable", KIND_SHARE);
	for (size_t i = 0; i < l->n; i++) {
		double mine = isnan(l->y[i]) ? 0 : l->y[i];
		double all = mine + (i < other.n && !isnan(other.y[i]) ? other.y[i] : 0);

		l->y[i] = all > 0 ? 100 * mine / all : NAN;
	}
}

static void draw_one(struct canvas *c, struct rect r, const struct node *series, enum kind kind,
	const char *stable, const char *candidate, enum timefmt_zone zone)
{
	char left[20], right[20], names[2][96];
	struct line a, b;
	struct chart ch = {.title = titles[kind], .from_zero = true};
	double from = node_num(series, "from_us", 0);

	if (kind != KIND_SHARE) {
		fill(&a, series, "stable", kind);
		snprintf(names[0], sizeof names[0], "stable %.60s", stable);
		ch.series[ch.nseries++] = (struct chart_series){
			.label = names[0], .x = a.x, .y = a.y, .n = a.n, .role = ROLE_stable_arm};
	}
	if (kind == KIND_SHARE)
		fill_share(&b, series);
	else
		fill(&b, series, "candidate", kind);
	if (*candidate && b.n) {
		snprintf(names[1], sizeof names[1], "candidate %.60s", candidate);
		ch.series[ch.nseries++] = (struct chart_series){.label = names[1],
			.x = b.x,
			.y = b.y,
			.n = b.n,
			.role = ROLE_candidate_arm,
			.dotted = true};
	}
	ch.x_left = timefmt_clock(left, sizeof left, (int64_t)from, zone);
	ch.x_right = timefmt_clock(right, sizeof right,
		(int64_t)(from + 1e6 * node_num(series, "span_s", 10) *
					 (double)(kind == KIND_SHARE ? b.n : a.n)),
		zone);
	if (kind == KIND_SHARE && (!*candidate || !b.n))
		return;
	chart_draw(c, r, &ch);
}

void arm_charts_draw(struct canvas *c, struct rect r, const struct node *series, const char *stable,
	const char *candidate, enum timefmt_zone zone)
{
	int across = r.cols >= 110 ? 2 : 1;
	int down = r.rows / (r.rows / 7 >= 2 ? r.rows / (r.rows / 7) : 7);
	int count;

	if (!series || r.rows < 5)
		return;
	if (down < 1)
		down = 1;
	if (down * across > KINDS)
		down = KINDS / across;
	count = down * across;
	for (int i = 0; i < count; i++) {
		int rows = r.rows / down, cols = r.cols / across;
		struct rect at = {r.row + i / across * rows, r.col + i % across * cols,
			rows - (down > 1), cols - (across > 1 ? 2 : 0)};

		draw_one(c, at, series, (enum kind)i, stable, candidate, zone);
	}
}
