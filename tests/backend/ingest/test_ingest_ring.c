/* test_ingest_ring.c: what goes in comes out whole and in order, or is counted as dropped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "backend/ingest/ingest_priv.h"

static void test_a_full_ring_drops_and_tells(void **state)
{
	struct ring *r = ring_new(2 * INGEST_DATAGRAM, 5);
	int64_t dropped;
	size_t n;

	(void)state;
	assert_null(ring_peek(r, &n, &dropped));
	for (int i = 0; i < 8; i++)
		assert_int_equal(ring_push(r, "abc", 3), i < 5);
	for (int i = 0; i < 5; i++) {
		assert_memory_equal(ring_peek(r, &n, &dropped), "abc", 3);
		assert_int_equal(n, 3);
		assert_int_equal(dropped, 0);
		ring_pop(r);
	}
	assert_null(ring_peek(r, &n, &dropped));
	assert_int_equal(ring_push(r, "", 0), 1);
	assert_non_null(ring_peek(r, &n, &dropped));
	assert_int_equal(n, 0);
	assert_int_equal(dropped, 3);
	ring_free(r);
}

static void test_bytes_are_bounded(void **state)
{
	struct ring *r = ring_new(2 * INGEST_DATAGRAM, 1000);
	char *big = calloc(1, INGEST_DATAGRAM);
	int64_t dropped;
	size_t n;

	(void)state;
	for (int round = 0; round < 50; round++) {
		size_t size = INGEST_DATAGRAM - (size_t)round * 1000;
		memset(big, 'a' + round % 26, size);
		assert_int_equal(ring_push(r, big, size), 1);
		if (round == 0)
			assert_int_equal(ring_push(r, big, INGEST_DATAGRAM), 0);
		assert_memory_equal(ring_peek(r, &n, &dropped), big, size);
		assert_int_equal(n, size);
		ring_pop(r);
		assert_null(ring_peek(r, &n, &dropped));
	}
	free(big);
	ring_free(r);
}

#define SENT 300000

static size_t size_of(uint32_t i)
{
	return 4 + (i * 2654435761u >> 16) % 3000;
}

static void *push_all(void *arg)
{
	struct ring *r = arg;
	unsigned char data[4096];
	int64_t *dropped = calloc(1, sizeof *dropped);

	for (uint32_t i = 0; i < SENT; i++) {
		memset(data, (int)(i & 0xff), size_of(i));
		memcpy(data, &i, sizeof i);
		*dropped += !ring_push(r, data, size_of(i));
		if (i % 64 == 0)
			sched_yield();
	}
	while (!ring_push(r, "end", 3)) /* a drop that is told with the end itself */
		++*dropped;
	return dropped;
}

static void test_two_threads(void **state)
{
	struct ring *r = ring_new(2 * INGEST_DATAGRAM, 64);
	int64_t got = 0, told = 0, dropped, *true_drops;
	int64_t last = -1;
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, push_all, r), 0);
	for (;;) {
		size_t n;
		const char *p = ring_peek(r, &n, &dropped);
		uint32_t i;
		if (!p) {
			sched_yield();
			continue;
		}
		told += dropped;
		if (n == 3)
			break;
		memcpy(&i, p, sizeof i);
		assert_true((int64_t)i == last + 1 + dropped);
		assert_int_equal(n, size_of(i));
		assert_int_equal(
			(unsigned char)p[n - 1], n > 4 ? i & 0xff : (unsigned char)p[n - 1]);
		last = i;
		got++;
		ring_pop(r);
	}
	assert_int_equal(pthread_join(t, (void **)&true_drops), 0);
	assert_int_equal(told, *true_drops);
	assert_true(got > 0 && got <= SENT);
	free(true_drops);
	ring_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_ring_drops_and_tells),
		cmocka_unit_test(test_bytes_are_bounded),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
