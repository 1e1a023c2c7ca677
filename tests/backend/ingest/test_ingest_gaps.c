/* test_ingest_gaps.c: the loss that is told is the true loss, whatever order numbers come in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "backend/ingest/ingest_priv.h"

#define LATER 100000000 /* us: long after everything was settled */

static int fresh(void *arg, int64_t pid)
{
	(void)pid;
	return *(int *)arg;
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Sends `count` numbers from `first`, losing `percent` of them and shuffling blocks of `far`.
 * Returns the true loss. The first and the last always arrive. */
static int64_t send_some(struct gaps *g, int64_t pid, int64_t first, int64_t count, int percent,
	int far, uint64_t *x)
{
	int64_t *order = malloc((size_t)count * sizeof *order), lost = 0;

	for (int64_t i = 0; i < count; i++)
		order[i] = first + i;
	for (int64_t i = 1; far && i < count - 1; i++) {
		int64_t block = i / far * far,
			j = block + (int64_t)(next_random(x) % (uint64_t)far);
		int64_t t = order[i];
		if (j < 1 || j >= count - 1)
			continue;
		order[i] = order[j];
		order[j] = t;
	}
	for (int64_t i = 0; i < count; i++) {
		if (i && i < count - 1 && next_random(x) % 100 < (uint64_t)percent)
			lost++;
		else
			gaps_add(g, pid, "a/b", order[i], i / 5);
		if (!percent) /* what is only late is never called lost */
			assert_int_equal(gaps_lost(g, i / 5), 0);
	}
	free(order);
	return lost;
}

static const struct {
	const char *name;
	int is_fresh, percent, far;
	int64_t first, count;
} cases[] = {
	{"nothing lost", 1, 0, 0, 0, 5000},
	{"one in ten", 1, 10, 0, 0, 50000},
	{"out of order", 1, 0, 60, 0, 50000},
	{"both", 1, 5, 60, 0, 50000},
	{"nearly all", 1, 99, 0, 0, 50000},
	{"an old process", 0, 5, 30, 777777, 50000},
	{"the counter wraps at 32 bits", 0, 5, 30, 4294967296 - 20000, 20000},
	{"two numbers", 1, 0, 0, 0, 2},
};

static void test_loss_is_the_true_loss(void **state)
{
	uint64_t x = 1234567;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int is_fresh = cases[i].is_fresh;
		struct gaps *g = gaps_new(fresh, &is_fresh);
		int64_t lost = send_some(
			g, 1, cases[i].first, cases[i].count, cases[i].percent, cases[i].far, &x);
		if (cases[i].first > 4000000000) /* and on, beyond the wrap */
			lost += send_some(g, 1, 0, 20000, 5, 30, &x);
		if (gaps_lost(g, LATER) != lost)
			fail_msg("%s: told %lld, true %lld", cases[i].name,
				(long long)gaps_lost(g, LATER), (long long)lost);
		gaps_free(g);
	}
}

static void test_two_processes_overlap(void **state)
{
	int is_fresh = 1;
	struct gaps *g = gaps_new(fresh, &is_fresh);
	uint64_t x = 42;
	int64_t lost = 0;

	(void)state;
	for (int64_t i = 0; i < 3000; i++) {
		int old = i >= 2999 || next_random(&x) % 20 != 0,
		    young = i == 0 || i == 2999 || next_random(&x) % 20 != 0;
		if (old)
			gaps_add(g, 100, "a/b", i, i);
		if (young)
			gaps_add(g, 101, "a/b", i, i);
		lost += !old + !young;
	}
	assert_int_equal(gaps_lost(g, LATER), lost);
	gaps_free(g);
}

static void test_endpoints_count_apart(void **state)
{
	int is_fresh = 1;
	struct gaps *g = gaps_new(fresh, &is_fresh);

	(void)state;
	for (int64_t i = 0; i < 2000; i++) {
		gaps_add(g, 1, "a/b", i, i);
		if (i % 2 == 0)
			gaps_add(g, 1, "a/c", i / 2, i);
	}
	assert_int_equal(gaps_lost(g, LATER), 0);
	gaps_free(g);
}

static void test_first_of_a_fresh_process_count(void **state)
{
	int is_fresh = 1;
	struct gaps *g = gaps_new(fresh, &is_fresh);

	(void)state;
	gaps_add(g, 1, "a/b", 7, 0);
	assert_int_equal(gaps_lost(g, 0), 0);
	assert_int_equal(gaps_lost(g, LATER), 7);
	is_fresh = 0;
	gaps_add(g, 2, "a/b", 7, 0);
	gaps_add(g, 2, "a/b", 6, 0); /* before the first that we saw: none of our business */
	gaps_add(g, 2, "a/b", 9, 0);
	assert_int_equal(gaps_lost(g, LATER), 8);
	gaps_free(g);
}

/* The gateway reads its counter and raises it in two steps: 5, 5, 7 is three records of three. */
static void test_doubles_fill_the_gap_behind_them(void **state)
{
	int is_fresh = 1;
	struct gaps *g = gaps_new(fresh, &is_fresh);

	(void)state;
	for (int64_t i = 0; i < 9000; i++)
		gaps_add(g, 1, "a/b", i % 3 == 1 ? i - 1 : i, i);
	assert_int_equal(gaps_lost(g, LATER), 0);
	gaps_free(g);
}

static void test_settles_within_two_seconds(void **state)
{
	int is_fresh = 1;
	struct gaps *g = gaps_new(fresh, &is_fresh);

	(void)state;
	gaps_add(g, 1, "a/b", 0, 0);
	gaps_add(g, 1, "a/b", 2, 100000);
	assert_int_equal(gaps_lost(g, 200000), 0);
	for (int64_t i = 3; i < 33; i++) /* ten a second */
		gaps_add(g, 1, "a/b", i, i * 100000);
	assert_int_equal(gaps_lost(g, 3200001), 1);
	gaps_add(g, 1, "a/b", 1, 3200002); /* so late, but it came */
	assert_int_equal(gaps_lost(g, 3200003), 0);
	gaps_free(g);
}

static void test_restart_with_the_same_pid(void **state)
{
	int is_fresh = 1;
	struct gaps *g = gaps_new(fresh, &is_fresh);
	uint64_t x = 99;
	int64_t lost = send_some(g, 8, 0, 20000, 5, 30, &x);

	(void)state;
	lost += send_some(g, 8, 0, 20000, 5, 30, &x);
	assert_int_equal(gaps_lost(g, LATER), lost);
	gaps_free(g);
}

static void test_many_processes_are_forgotten_but_not_their_loss(void **state)
{
	int is_fresh = 1;
	struct gaps *g = gaps_new(fresh, &is_fresh);

	(void)state;
	for (int64_t pid = 1; pid <= 1000; pid++) {
		gaps_add(g, pid, "a/b", 0, pid);
		gaps_add(g, pid, "a/b", 2, pid);
	}
	assert_int_equal(gaps_lost(g, LATER), 1000);
	gaps_excuse(g, 300);
	assert_int_equal(gaps_lost(g, LATER), 700);
	gaps_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss_is_the_true_loss),
		cmocka_unit_test(test_two_processes_overlap),
		cmocka_unit_test(test_endpoints_count_apart),
		cmocka_unit_test(test_first_of_a_fresh_process_count),
		cmocka_unit_test(test_doubles_fill_the_gap_behind_them),
		cmocka_unit_test(test_settles_within_two_seconds),
		cmocka_unit_test(test_restart_with_the_same_pid),
		cmocka_unit_test(test_many_processes_are_forgotten_but_not_their_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
