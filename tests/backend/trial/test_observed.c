/* test_observed.c: counters of several servers become counts of each tick: growth, resets, gaps,
 * NaN, series that come late, histograms; and what is no counter is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/trial/observed.h"

#define NO (double)NAN

static const struct spec_metrics metrics = {.arm = "v",
	.stable = "a",
	.candidate = "b",
	.requests = "r",
	.errors = "e",
	.latency = "l"};

/* A series of one arm and server with a value for each of six seconds, NO = none. */
static void add(struct series_set *s, const char *arm, const char *instance, const char *more,
	const double values[6])
{
	struct series_label labels[] = {{(char *)"v", (char *)arm},
		{(char *)"instance", (char *)instance}, {(char *)"le", (char *)more}};
	struct series *x = series_set_get(s, 0, labels, *more ? 3 : 2);

	for (int i = 0; i < 6; i++)
		if (!isnan(values[i]))
			series_add(x, 1000 * i, values[i]);
}

struct got {
	struct judge_counts list[8];
	int count;
};

static void take(void *arg, const struct judge_counts *c)
{
	struct got *g = arg;

	g->list[g->count++] = *c;
}

static int count(
	struct series_set sets[3], struct got *g, struct observed_look *look, struct err *e)
{
	int rc;

	*g = (struct got){.count = 0};
	rc = observed_count(&metrics, sets, 0, 5000, 1000, take, g, look, e);
	for (int i = 0; i < 3; i++)
		series_set_release(&sets[i]);
	return rc;
}

/* What each of the five ticks has of an arm, as a text. */
static const char *requests(const struct got *g, int arm, char out[64])
{
	out[0] = '\0';
	for (int i = 0; i < g->count; i++)
		snprintf(out + strlen(out), 64 - strlen(out), "%s%u/%u", i ? " " : "",
			g->list[i].n[arm], g->list[i].failed[arm]);
	return out;
}

static void test_growth_resets_and_gaps(void **state)
{
	struct series_set sets[3] = {{0}};
	struct observed_look look;
	struct err e = {0};
	struct got g;
	char text[64];

	(void)state;
	add(&sets[0], "a", "1", "", (double[]){100, 110, 120, 5, 10, 20}); /* begins anew */
	add(&sets[0], "a", "2", "", (double[]){7, 8, NO, 50, 51, 52});	   /* a gap */
	add(&sets[0], "b", "1", "", (double[]){0, 1, 2, 3, INFINITY, 9});
	add(&sets[0], "c", "1", "", (double[]){0, 1, 2, 3, 4, 5}); /* nobody's arm */
	/* The first error of a server that was there: it counts from 0. Of one that was not: only
	 * what follows. */
	add(&sets[1], "a", "1", "", (double[]){NO, 2, 2, 1, 1, 4});
	add(&sets[1], "b", "9", "", (double[]){NO, NO, 1000, 1000, 1000, 1000});
	assert_int_equal(count(sets, &g, &look, &e), 0);
	assert_string_equal(requests(&g, 0, text), "11/2 10/0 5/1 6/0 11/3");
	assert_string_equal(requests(&g, 1, text), "1/0 1/0 1/0 0/0 0/0");
	assert_int_equal(g.list[0].tick, 1);
	assert_int_equal(g.list[4].tick, 5);
	assert_int_equal(look.newest_ms[0], 5000);
	assert_int_equal(look.excess, 0);
}

/* One exporter tells of many series: a NaN of one, or a gap, does not make it a new one. */
static void test_nan_beside_others(void **state)
{
	struct series_set sets[3] = {{0}};
	struct observed_look look;
	struct series *x;
	struct err e = {0};
	struct got g;
	char text[64];

	(void)state;
	add(&sets[0], "a", "1", "", (double[]){100, 110, 120, 130, 140, 150});
	add(&sets[0], "b", "1", "", (double[]){5000, INFINITY, 5002, NO, 5004, 5005});
	assert_int_equal(count(sets, &g, &look, &e), 0);
	assert_string_equal(requests(&g, 1, text), "0/0 0/0 0/0 0/0 1/0");
	/* Its first instant alone is known, and that is a NaN. */
	add(&sets[0], "a", "1", "", (double[]){100, 110, 120, 130, 140, 150});
	x = series_set_get(&sets[0], 0,
		(struct series_label[]){
			{(char *)"v", (char *)"b"}, {(char *)"instance", (char *)"1"}},
		2);
	for (int i = 0; i < 6; i++)
		series_add(x, 1000 * i, i ? 5000 + i : NO);
	assert_int_equal(count(sets, &g, &look, &e), 0);
	assert_string_equal(requests(&g, 1, text), "0/0 1/0 1/0 1/0 1/0");
}

/* A series that vanishes is told by its newest value; errors beyond the requests are noted. */
static void test_vanished_and_excess(void **state)
{
	struct series_set sets[3] = {{0}};
	struct observed_look look;
	struct err e = {0};
	struct got g;
	char text[64];

	(void)state;
	add(&sets[0], "a", "1", "", (double[]){0, 10, 20, 30, 40, 50});
	add(&sets[0], "b", "1", "", (double[]){0, 10, 20, NO, NO, NO});
	add(&sets[1], "b", "1", "", (double[]){0, 15, 15, NO, NO, NO});
	assert_int_equal(count(sets, &g, &look, &e), 0);
	assert_string_equal(requests(&g, 1, text), "10/10 10/0 0/0 0/0 0/0");
	assert_int_equal(look.newest_ms[1], 2000);
	assert_int_equal(look.excess, 5);
	assert_int_equal(count(sets, &g, &look, &e), 0); /* nothing at all */
	assert_int_equal(look.newest_ms[0], -1);
}

static void test_histograms(void **state)
{
	struct series_set sets[3] = {{0}};
	struct observed_look look;
	struct err e = {0};
	struct got g;

	(void)state;
	add(&sets[0], "a", "1", "", (double[]){0, 10, 20, 30, 40, 50});
	add(&sets[2], "a", "1", "0.5", (double[]){0, 6, 6, 6, 6, 6});
	add(&sets[2], "a", "1", "+Inf", (double[]){0, 10, 10, 10, 10, 10});
	add(&sets[2], "a", "1", "0.1", (double[]){0, 2, 2, 2, 2, 2});
	add(&sets[2], "b", "1", "0.1", (double[]){1, 2, 1, 2, 2, 2});
	add(&sets[2], "b", "1", "0.5", (double[]){1, 3, 2, 2, 2, 2});
	add(&sets[2], "b", "1", "+Inf", (double[]){1, 3, 2, 2, 2, 2});
	assert_int_equal(count(sets, &g, &look, &e), 0);
	assert_int_equal(g.list[0].bounds, 2);
	assert_true(g.list[0].bound_s[0] == .1 && g.list[0].bound_s[1] == .5);
	assert_int_equal(g.list[0].timed[0][0], 2);
	assert_int_equal(g.list[0].timed[0][1], 4);
	assert_int_equal(g.list[0].timed[0][2], 4);
	assert_int_equal(g.list[0].timed[1][0], 1);
	assert_int_equal(g.list[1].timed[1][0], 1); /* begun anew with all three */
	assert_int_equal(g.list[1].timed[1][1], 1);
	assert_int_equal(g.list[1].timed[1][2], 0);
}

static const struct {
	double values[6];
	const char *le, *says;
} refused[] = {
	{{.5, .75, .8, .9, 1, 1}, "", "without rate() or increase()"},
	{{0, -1, 0, 0, 0, 0}, "", "expected counters of whole requests"},
	{{0, 1e10, 2e10, 0, 0, 0}, "", "those are no requests"},
	{{0, 1, 2, 3, 4, 5}, "x", "expected the buckets of a histogram"},
};

static void test_what_is_no_counter(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct series_set sets[3] = {{0}};
		struct observed_look look;
		struct err e = {0};
		struct got g;

		add(&sets[*refused[i].le ? 2 : 0], "a", "1", refused[i].le, refused[i].values);
		assert_int_equal(count(sets, &g, &look, &e), ERR_INVALID);
		if (!strstr(e.message, refused[i].says))
			fail_msg("%zu: %s", i, e.message);
	}
}

static void test_different_buckets(void **state)
{
	const double v[6] = {0, 1, 2, 3, 4, 5};
	struct series_set sets[3] = {{0}};
	struct observed_look look;
	struct err e = {0};
	struct got g;

	(void)state;
	add(&sets[2], "a", "1", "0.1", v);
	add(&sets[2], "a", "1", "0.5", v);
	add(&sets[2], "a", "2", "0.2", v);
	add(&sets[2], "a", "2", "0.5", v);
	assert_int_equal(count(sets, &g, &look, &e), ERR_INVALID);
	assert_non_null(strstr(e.message, "different buckets"));
}

static void test_lack(void **state)
{
	const double v[6] = {0, 1, 2, 3, 4, 5};
	struct series_set s = {0};
	char text[200];

	(void)state;
	observed_lack(&metrics, &s, text, sizeof text);
	assert_string_equal(text, "`requests` has no series at all");
	add(&s, "a", "1", "", v);
	add(&s, "x", "1", "", v);
	observed_lack(&metrics, &s, text, sizeof text);
	assert_string_equal(text, "`requests` has no series with v=\"b\"; it has x");
	add(&s, "b", "1", "", v);
	observed_lack(&metrics, &s, text, sizeof text);
	assert_string_equal(text, "");
	series_set_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth_resets_and_gaps),
		cmocka_unit_test(test_nan_beside_others),
		cmocka_unit_test(test_vanished_and_excess),
		cmocka_unit_test(test_histograms),
		cmocka_unit_test(test_what_is_no_counter),
		cmocka_unit_test(test_different_buckets),
		cmocka_unit_test(test_lack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
