/* test_key_filter.c: which requests count and with what probability; bounded memory; saving. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "backend/judge/key_filter.h"
#include "backend/judge/rollout_judge.h"
#include "tests/bench/chance.h"

static void test_conditional_shares(void **state)
{
	static const struct {
		uint64_t key;
		double share;
		int candidate;
		double want;
	} cases[] = {
		{1, .05, 0, .05},	/* new */
		{1, .05, 0, 0},		/* again in the same step */
		{2, .05, 1, .05},	/* new, on the candidate */
		{1, .25, 0, .20 / .95}, /* seen on stable at 5 % */
		{1, .25, 1, 0},		/* again */
		{2, .25, 1, 0},		/* was on the candidate */
		{3, .25, 0, .25},	/* new in the second step */
		{1, .50, 1, .25 / .75}, /* seen on stable at 25 % */
		{1, .95, 1, 0},		/* on the candidate since */
		{3, .05, 0, 0},		/* back at 5 %: known to be on stable */
		{3, .50, 1, .25 / .75}, /* and what was known at 25 % still holds */
		{4, .05, 0, .05},
		{4, .95, 0, .90 / .95},
	};
	struct key_filter f;

	(void)state;
	key_filter_init(&f, 64);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double got = key_filter_see(&f, cases[i].key, cases[i].share, cases[i].candidate);

		if (fabs(got - cases[i].want) > 1e-12)
			fail_msg("row %zu: %.12g, want %.12g", i, got, cases[i].want);
	}
	key_filter_release(&f);
}

/* Ten times more keys than slots: a fair sample of them counts, each once, and no slot is lost. */
static void test_memory_is_bounded(void **state)
{
	struct key_filter f;
	int counted = 0, again = 0, on_candidate = 0;
	struct chance c = {1};

	(void)state;
	key_filter_init(&f, 1024);
	for (int i = 0; i < 10240; i++)
		key_filter_see(&f, (uint64_t)i * 977, .3, 0);
	assert_true(f.used < 768 && f.sample_bits >= 4);
	for (int i = 0; i < 10240; i++)
		again += key_filter_see(&f, (uint64_t)i * 977, .3, 0) > 0;
	assert_int_equal(again, 0);
	for (int i = 0; i < 10240; i++) {
		int candidate = chance_is(&c, .3);

		if (key_filter_see(&f, (uint64_t)i * 977, .6, candidate) > 0) {
			counted++;
			on_candidate += candidate;
		}
	}
	assert_in_range(counted, 300, 768);
	assert_true(fabs((double)on_candidate / counted - .3) < .1);
	key_filter_release(&f);
}

static void test_save_and_changes(void **state)
{
	uint64_t *changes = calloc(KEY_FILTER_CHANGES, sizeof *changes);
	struct key_filter a, b;
	struct buf saved = {0}, x = {0}, y = {0};
	struct err e = {0};
	int n;

	(void)state;
	key_filter_init(&a, 1024);
	key_filter_init(&b, 1024);
	for (uint64_t i = 0; i < 300; i++)
		key_filter_see(&a, i, .1, i % 10 == 0);
	assert_int_equal(
		key_filter_take_changes(&a, changes), -1); /* a new share: save the whole */
	key_filter_save(&a, &saved);
	assert_int_equal(key_filter_load(&b, saved.data, saved.len, &e), 0);
	for (uint64_t i = 200; i < 400; i++)
		key_filter_see(&a, i, .1, 0);
	n = key_filter_take_changes(&a, changes);
	assert_int_equal(n, 100);
	key_filter_apply(&b, changes, n);
	for (uint64_t i = 0; i < 500; i++)
		assert_true(key_filter_see(&a, i, .1, 0) == key_filter_see(&b, i, .1, 0));
	for (size_t i = 0; i < saved.len; i++) {
		saved.data[i] ^= 4;
		assert_int_equal(key_filter_load(&b, saved.data, saved.len, &e), ERR_INVALID);
		saved.data[i] ^= 4;
	}
	for (size_t i = 0; i < saved.len; i += 3)
		assert_int_equal(key_filter_load(&b, saved.data, i, &e), ERR_INVALID);
	key_filter_save(&a, &x);
	assert_int_equal(key_filter_load(&b, x.data, x.len, &e), 0);
	key_filter_save(&b, &y);
	assert_int_equal(x.len, y.len);
	buf_release(&saved);
	buf_release(&x);
	buf_release(&y);
	key_filter_release(&a);
	key_filter_release(&b);
	free(changes);
}

/* One rollout of 5, 25, 50 % over 3,000 users with many visits, a tenth of whom fail one time in
 * five on either version. Returns whether it was called harm. */
static int users_play(uint64_t seed, int every_request)
{
	static const double shares[] = {.05, .25, .5};
	struct judge_config config = judge_config_default();
	struct chance c = {seed};
	struct rollout_judge *j;
	struct key_filter f;
	struct judge_card card;
	double bucket[3000];

	config.group_slots = 8;
	config.value_slots = 1;
	judge_config_add(&config, JUDGE_ERRORS, "error_rate", .005, 0)->harm_margin = 0;
	j = rollout_judge_new(&config);
	key_filter_init(&f, 8192);
	for (int i = 0; i < 3000; i++)
		bucket[i] = chance_unit(&c);
	for (int t = 0; t < 300; t++) {
		double share = shares[t / 100];

		for (int i = 0; i < 100; i++) {
			int user = (int)(chance_bits(&c) % 3000), candidate = bucket[user] < share;
			struct judge_request r = {.tick = t,
				.candidate = candidate,
				.share = share,
				.w = every_request
					     ? share
					     : key_filter_see(&f, (uint64_t)user, share, candidate),
				.failed = user % 10 == 0 && chance_is(&c, .2),
				.latency_s = .1,
				.score = NAN};

			rollout_judge_request(j, &r);
		}
		while (rollout_judge_close(j, t + 1))
			;
	}
	rollout_judge_read(j, &card);
	rollout_judge_free(j);
	key_filter_release(&f);
	return card.verdict == JUDGE_HARM;
}

static void test_users_who_come_again(void **state)
{
	int counted_once = 0, counted_always = 0;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		counted_once += users_play(100 + i, 0);
		counted_always += users_play(100 + i, 1);
	}
	/* 1 % is promised; five of 100 would be seen once in 300 suites if it were just kept. */
	assert_in_range(counted_once, 0, 4);
	print_message("false harm of 100: %d counted once, %d counting every visit\n", counted_once,
		counted_always);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditional_shares),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_save_and_changes),
		cmocka_unit_test(test_users_who_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
