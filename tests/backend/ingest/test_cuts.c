/* test_cuts.c: a candidate that breaks off its answers is found; one that is like stable is not,
 * more than once in a thousand rollouts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/ingest/cuts.h"
#include "backend/ingest/record.h"

static uint64_t seed = 7;

static double chance(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(seed >> 11) / (double)(UINT64_C(1) << 53);
}

/* Ticks of `rate` answers until it is proven, or `most`; each arm breaks off that part of its own.
 */
static int ticks_until(int rate, double share, double candidate, double stable, int most)
{
	struct cuts c;

	cuts_reset(&c, 1);
	for (int t = 1; t <= most; t++) {
		int64_t answers[2] = {0}, broken[2] = {0};

		for (int i = 0; i < rate; i++) {
			int arm = chance() < share ? ARM_CANDIDATE : ARM_STABLE;

			answers[arm]++;
			broken[arm] += chance() < (arm == ARM_CANDIDATE ? candidate : stable);
		}
		cuts_add(&c, answers, broken);
		if (cuts_proven(&c))
			return t;
	}
	return 0;
}

static void one_in_ten_is_found(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		int half = ticks_until(20, 0.5, 0.1, 0, 200),
		    few = ticks_until(20, 0.1, 0.1, 0, 200);
		int both = ticks_until(50, 0.5, 0.1, 0.01, 400);

		assert_in_range(half, 1, 60);
		assert_in_range(few, 1, 150);
		assert_in_range(both, 1, 100);
	}
	assert_in_range(ticks_until(400, 0.5, 0.1, 0, 10), 1, 1);   /* all within one tick */
	assert_int_not_equal(ticks_until(1, 0.5, 0.1, 0, 3000), 0); /* little traffic too */
}

static void what_is_alike_is_not(void **state)
{
	static const double shares[] = {0.01, 0.05, 0.5, 0.95};
	int wrong = 0;

	(void)state;
	for (int i = 0; i < 2000; i++)
		wrong += ticks_until(10, shares[i % 4], 0.05, 0.05, 300) > 0;
	assert_in_range(wrong, 0, 6);
	assert_int_equal(ticks_until(20, 0.5, 0.01, 0.1, 500), 0); /* nor what is better */
	assert_int_equal(ticks_until(20, 1, 0.5, 0, 100), 0);	   /* nor without a stable */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_in_ten_is_found),
		cmocka_unit_test(what_is_alike_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
