/* arm_charts.c: the charts of both arms, from the series of an endpoint. */
#include "panes/arm_charts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/widget/chart.h"

enum { POINTS = 360, ROWS_MOST = 16 };
#define SHOWN_MIN_S 120

enum kind { KIND_ERRORS, KIND_P99, KIND_BRIER, KIND_SHARE, KIND_TRAFFIC, KIND_COUNT };

static const char *const titles[KIND_COUNT] = {[KIND_ERRORS] = "errors, %",
	[KIND_P99] = "latency p99, ms",
	[KIND_BRIER] = "brier so far",
	[KIND_SHARE] = "candidate's share, %",
	[KIND_TRAFFIC] = "traffic, req/s"};

/* One arm's points; a missing point is a gap. */
struct line {
	double x[POINTS], y[POINTS];
	size_t n;
	bool any;
};

static double point(const struct node *v, enum kind kind, double span_s)
{
	double n = node_num(v, "n", 0);

	switch (kind) {
	case KIND_ERRORS:
		return 100 * node_num(v, "failures", 0) / n;
	case KIND_P99:
		return node_num(v, "p99_ms", NAN);
	case KIND_BRIER:
		return node_num(v, "brier", NAN);
	case KIND_SHARE:
	case KIND_TRAFFIC:
		return n / span_s;
	case KIND_COUNT:
		break;
	}
	return NAN;
}

/* From point to point the score jumps by chance; its mean so far settles. */
static void accumulate(struct line *l, const struct node *list, double from)
{
	double sum = 0, weight = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (isnan(l->y[i]) || l->x[i] < from)
			continue;
		sum += l->y[i] * node_num(&list[i], "n", 0);
		weight += node_num(&list[i], "n", 0);
		l->y[i] = sum / weight;
	}
}

static void fill(struct line *l, const struct arm_charts *a, const char *arm, enum kind kind)
{
	double span = node_num(a->series, "span_s", 10);
	double from = node_num(a->series, "from_us", 0) / 1e6;
	int n;
	const struct node *list = node_list(node_get(a->series, arm), "", &n);

	l->n = n > POINTS ? POINTS : (size_t)n;
	l->any = false;
	for (size_t i = 0; i < l->n; i++) {
		/* A point tells of the span after it. */
		l->x[i] = from + ((double)i + 0.5) * span;
		l->y[i] = node_num(&list[i], "n", 0) > 0 ? point(&list[i], kind, span) : NAN;
		l->any |= !isnan(l->y[i]);
	}
	if (kind == KIND_BRIER)
		accumulate(l, list, (double)a->from_us / 1e6);
}

/* The share that the candidate really had in each span. */
static void fill_share(struct line *l, const struct arm_charts *a)
{
	struct line other;

	fill(l, a, "candidate", KIND_SHARE);
	fill(&other, a, "stable", KIND_SHARE);
	for (size_t i = 0; i < l->n; i++) {
		double mine = isnan(l->y[i]) ? 0 : l->y[i];
		double rest = i < other.n && !isnan(other.y[i]) ? other.y[i] : 0;

		l->y[i] = mine + rest > 0 ? 100 * mine / (mine + rest) : NAN;
	}
}

/* The times shown when none are asked for: from the first data on. */
static void find_span(struct arm_charts *a)
{
	double span = node_num(a->series, "span_s", 10) * 1e6;
	struct line l[2];
	size_t first = POINTS;

	fill(&l[0], a, "stable", KIND_TRAFFIC);
	fill(&l[1], a, "candidate", KIND_TRAFFIC);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < l[k].n; i++)
			if (!isnan(l[k].y[i]) && i < first)
				first = i;
	a->from_us = node_int(a->series, "from_us", 0);
	a->to_us = a->from_us + (int64_t)(span * (double)l[0].n);
	if (first < l[0].n)
		a->from_us += (int64_t)(span * (double)first);
	if (a->to_us - a->from_us < SHOWN_MIN_S * 1000000LL)
		a->from_us = a->to_us - SHOWN_MIN_S * 1000000LL;
}

static void draw_one(
	struct canvas *c, struct rect r, const struct arm_charts *charts, enum kind kind)
{
	char left[20], right[20], names[2][96];
	struct line a, b;
	struct chart ch = {.title = titles[kind],
		.from_zero = kind != KIND_BRIER,
		.fixed_x = true,
		.x_min = (double)charts->from_us / 1e6,
		.x_max = (double)charts->to_us / 1e6,
		.x_left = timefmt_clock(left, sizeof left, charts->from_us, charts->zone),
		.x_right = timefmt_clock(right, sizeof right, charts->to_us, charts->zone)};

	fill(&a, charts, "stable", kind);
	if (kind == KIND_SHARE)
		fill_share(&b, charts);
	else
		fill(&b, charts, "candidate", kind);
	if (kind != KIND_SHARE && *charts->stable) {
		snprintf(names[0], sizeof names[0], "stable %.60s", charts->stable);
		ch.series[ch.nseries++] = (struct chart_series){
			.label = names[0], .x = a.x, .y = a.y, .n = a.n, .role = ROLE_stable_arm};
	}
	if (*charts->candidate) {
		snprintf(names[1], sizeof names[1], "candidate %.60s", charts->candidate);
		ch.series[ch.nseries++] = (struct chart_series){.label = names[1],
			.x = b.x,
			.y = b.y,
			.n = b.n,
			.role = ROLE_candidate_arm,
			.dotted = true};
	}
	chart_draw(c, r, &ch);
}

/* The kinds that say something here, in their order. Returns their number. */
static int choose(const struct arm_charts *a, enum kind out[KIND_COUNT])
{
	int n = 0;

	for (enum kind k = 0; k < KIND_COUNT; k++) {
		struct line x, y;

		fill(&x, a, "stable", k);
		fill(&y, a, "candidate", k);
		if ((k == KIND_BRIER && !x.any && !y.any) || (k == KIND_SHARE && !*a->candidate))
			continue;
		out[n++] = k;
	}
	return n;
}

void arm_charts_draw(struct canvas *c, struct rect r, const struct arm_charts *asked)
{
	struct arm_charts a = *asked;
	enum kind kinds[KIND_COUNT];
	int across = r.cols >= 110 ? 2 : 1, n, down;

	if (!a.series || r.rows < 5)
		return;
	if (!a.to_us)
		find_span(&a);
	n = choose(&a, kinds);
	down = r.rows / 7 < 1 ? 1 : r.rows / 7;
	if (down > (n + across - 1) / across)
		down = (n + across - 1) / across;
	if (r.rows > down * ROWS_MOST) /* taller says no more */
		r.rows = down * ROWS_MOST;
	for (int i = 0; i < n && i < down * across; i++) {
		int rows = r.rows / down, cols = r.cols / across;
		struct rect at = {r.row + i / across * rows, r.col + i % across * cols,
			rows - (down > 1), cols - (across > 1 ? 2 : 0)};

		draw_one(c, at, &a, kinds[i]);
	}
}
