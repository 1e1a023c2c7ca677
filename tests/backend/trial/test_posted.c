/* test_posted.c: posted requests become counts of steps: by their own time, whatever order they
 * come in; late, early and strange ones are told apart. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "backend/trial/posted.h"

#define NOW INT64_C(1000) /* steps of 5 s */

struct got {
	struct judge_counts list[8];
	int count;
};

static void take(void *arg, const struct judge_counts *c)
{
	struct got *g = arg;

	g->list[g->count++] = *c;
}

static enum posted_taking add(struct posted *p, const char *version, double time_s, int status)
{
	const struct posted_request r = {.version = version,
		.failed = status == 0 || status >= 500,
		.answered = status != 0,
		.ms = 20,
		.time_s = time_s};

	return posted_add(p, &r, NOW);
}

static void test_steps(void **state)
{
	struct posted *p = posted_new("a", "b", 5, NOW);
	struct got g = {.count = 0};

	(void)state;
	assert_int_equal(add(p, "a", 1000.5, 200), POSTED_TAKEN);
	assert_int_equal(add(p, "b", 995, 503), POSTED_TAKEN); /* ends at 1000 */
	assert_int_equal(add(p, "b", 1004.9, 0), POSTED_TAKEN);
	assert_int_equal(add(p, "a", 1005, 200), POSTED_TAKEN); /* a clock that is ahead */
	assert_int_equal(add(p, "c", 1000, 200), POSTED_UNKNOWN);
	assert_int_equal(add(p, "a", 985, 200), POSTED_LATE);
	assert_int_equal(add(p, "a", 1012, 200), POSTED_LATE);
	assert_int_equal(posted_take(p, NOW, take, &g), 995);
	assert_int_equal(g.count, 0);
	assert_int_equal(posted_take(p, NOW + 5, take, &g), 1000);
	assert_int_equal(g.count, 1);
	assert_true(g.list[0].tick == 1000 && g.list[0].n[1] == 1 && g.list[0].failed[1] == 1);
	assert_int_equal(add(p, "a", 999, 200), POSTED_LATE); /* what was taken stays */
	assert_int_equal(posted_take(p, NOW + 5, take, &g), 1000);
	assert_int_equal(posted_take(p, NOW + 3600, take, &g), 4595);
	assert_int_equal(g.count, 1);			       /* too old to be compared */
	assert_int_equal(posted_take(p, NOW, take, &g), 4595); /* a clock that steps back */
	posted_free(p);
}

static void test_counts(void **state)
{
	struct posted *p = posted_new("a", "b", 5, NOW);
	const struct posted_request untimed = {"a", 0, 1, (double)NAN, 1000};
	struct got g = {.count = 0};
	int timed[2] = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(
			add(p, i % 4 ? "a" : "b", 1000 + i % 5, i % 10 ? 200 : 0), POSTED_TAKEN);
	assert_int_equal(posted_add(p, &untimed, NOW), POSTED_TAKEN);
	posted_take(p, NOW + 10, take, &g);
	assert_int_equal(g.count, 1);
	assert_int_equal(g.list[0].tick, 1005);
	assert_int_equal(g.list[0].n[0], 76);
	assert_int_equal(g.list[0].n[1], 25);
	assert_int_equal(g.list[0].failed[0] + g.list[0].failed[1], 10);
	/* Those without an answer are beyond all bounds, 20 ms lies below one that is near. */
	assert_int_equal(g.list[0].timed[0][JUDGE_BOUNDS] + g.list[0].timed[1][JUDGE_BOUNDS], 10);
	for (int b = 0; b < JUDGE_BOUNDS; b++)
		for (int arm = 0; arm < 2; arm++) {
			timed[arm] += (int)g.list[0].timed[arm][b];
			if (g.list[0].timed[arm][b])
				assert_true(
					g.list[0].bound_s[b] >= .02 && g.list[0].bound_s[b] < .026);
		}
	assert_int_equal(timed[0] + timed[1], 90);
	posted_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
