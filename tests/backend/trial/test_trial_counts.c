/* test_trial_counts.c: a trial that is fed with somebody else's counts: both arms are waited for, a
 * share that moves begins a step, harm and silence are told, and the journal and the kept state
 * give the same bits. Seeded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/trial/journal.h"
#include "backend/trial/trial_card.h"
#include "backend/trial/trial_setup.h"
#include "tests/bench/chance.h"

static struct trial_config config_new(void)
{
	static struct spec_endpoint ep = {.mode = "observe",
		.metrics = {.requests = "r", .errors = "e", .latency = "l", .every_ms = 5000}};
	struct trial_setup s;
	struct trial_config c;
	struct err e = {0};

	trial_setup_init(&s, &ep);
	assert_int_equal(trial_setup_config(&s, &c, &e), 0);
	trial_setup_release(&s);
	assert_int_equal(c.whole.signal_count, 2);
	assert_int_equal(c.whole.missing_after, 20);
	return c;
}

static struct judge_counts counts_make(
	struct chance *c, int64_t tick, int rate, double share, double candidate)
{
	struct judge_counts out = {.tick = tick, .bounds = 2, .bound_s = {.1, .5}};

	for (int i = 0; i < rate; i++) {
		int arm = chance_is(c, share);

		out.n[arm]++;
		out.failed[arm] += chance_is(c, arm ? candidate : .01);
		out.timed[arm][chance_is(c, .05)]++;
	}
	return out;
}

static void test_harm_by_journal_and_state(void **state)
{
	const struct trial_config config = config_new();
	struct trial *live = trial_new(&config), *again = trial_new(&config), *kept = NULL;
	struct trial_card card, other;
	struct chance c = {5};
	struct journal j, k;
	struct buf bytes = {0};
	struct err e = {0};
	char *texts[2];

	(void)state;
	journal_init(&j);
	journal_init(&k);
	for (int64_t tick = 1000; tick < 1300; tick += 5) {
		struct judge_counts x = counts_make(&c, tick, 400, .2, tick < 1100 ? .01 : .04);

		journal_add_counts(&j, &x);
		trial_take_counts(kept ? kept : live, &x);
		journal_add_close(&j, tick + 1);
		trial_close(kept ? kept : live, tick + 1);
		if (tick == 1150) { /* as after a crash */
			trial_save(live, &bytes);
			kept = trial_load(&config, bytes.data, bytes.len, &e);
			assert_non_null(kept);
		}
	}
	trial_read(kept, &card);
	assert_int_equal(card.verdict, JUDGE_HARM);
	assert_int_equal(strncmp(card.why, "error_rate ", 11), 0);
	assert_non_null(strstr(card.why, "harm proven above +0.125"));
	assert_true(card.share > .15 && card.share < .25);
	assert_int_equal(card.step, 0);
	assert_true(card.ratio_requests == 0);
	assert_int_equal(journal_feed(&k, j.out.data, j.out.len, again, NULL, NULL, &e), 0);
	trial_read(again, &other);
	texts[0] = trial_card_format(&card, "end", 1);
	texts[1] = trial_card_format(&other, "end", 1);
	assert_string_equal(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
	buf_release(&bytes);
	journal_release(&j);
	journal_release(&k);
	trial_free(live);
	trial_free(kept);
	trial_free(again);
}

static void test_steps_and_silence(void **state)
{
	const struct trial_config config = config_new();
	struct trial *t = trial_new(&config);
	struct chance c = {9};
	struct trial_card card;
	int64_t tick = 0;

	(void)state;
	for (; tick < 500; tick += 5) {
		struct judge_counts x = counts_make(&c, tick, 600, .05, .01);

		trial_take_counts(t, &x);
		trial_close(t, tick + 1);
	}
	trial_read(t, &card);
	assert_int_equal(card.verdict, JUDGE_UNDECIDED);
	assert_true(card.step <= 1); /* the first look may have been off */
	for (; tick < 1500; tick += 5) {
		struct judge_counts x = counts_make(&c, tick, 600, .5, .01);

		trial_take_counts(t, &x);
		trial_close(t, tick + 1);
	}
	trial_read(t, &card);
	assert_true(card.share > .4 && card.share < .6);
	assert_true(card.step >= 1 && card.step <= 3);
	assert_true(card.signals[0].verdict == JUDGE_OK);
	trial_close(t, tick + 16);
	trial_read(t, &card);
	assert_int_not_equal(card.verdict, JUDGE_MISSING);
	trial_close(t, tick + 17);
	trial_read(t, &card);
	assert_int_equal(card.verdict, JUDGE_MISSING);
	assert_string_equal(card.why,
		"error_rate has had no data since 00:24:55 UTC: nothing is passed without it");
	trial_free(t);
}

/* The candidate has a request now and then: stable's wait for it, but not for ever. */
static void test_waits_for_both_arms(void **state)
{
	const struct trial_config config = config_new();
	struct trial *t = trial_new(&config);
	struct trial_card card;

	(void)state;
	for (int64_t tick = 0; tick <= 100; tick += 5) {
		struct judge_counts x = {.tick = tick, .n = {10, tick % 20 == 10}};

		trial_take_counts(t, &x);
		trial_close(t, tick + 1);
	}
	trial_read(t, &card);
	assert_true(card.counted[0] == 190 && card.counted[1] == 5);
	/* 21 s later nothing of before is compared any more. */
	trial_take_counts(t, &(struct judge_counts){.tick = 116, .n = {0, 1}});
	trial_take_counts(t, &(struct judge_counts){.tick = 121, .n = {7, 0}});
	trial_close(t, 122);
	trial_read(t, &card);
	assert_true(card.counted[0] == 197 && card.counted[1] == 6);
	trial_free(t);
}

static void test_damaged_journals(void **state)
{
	const struct trial_config config = config_new();
	struct judge_counts x = {.tick = 5,
		.n = {10, 3},
		.failed = {1, 1},
		.bounds = 1,
		.bound_s = {.1},
		.timed = {{5, 5}, {1, 2}}};
	struct journal j;
	struct err e = {0};

	(void)state;
	journal_init(&j);
	journal_add_counts(&j, &x);
	for (size_t n = 1; n <= j.out.len; n++) {
		struct trial *t = trial_new(&config);
		struct journal k;

		journal_init(&k);
		assert_int_equal(journal_feed(&k, j.out.data, n, t, NULL, NULL, &e),
			n < j.out.len ? ERR_INVALID : 0);
		journal_release(&k);
		trial_free(t);
	}
	j.out.data[2] = 127; /* more buckets than there are */
	assert_int_equal(
		journal_feed(&j, j.out.data, j.out.len, NULL, NULL, NULL, &e), ERR_INVALID);
	journal_release(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_harm_by_journal_and_state),
		cmocka_unit_test(test_steps_and_silence),
		cmocka_unit_test(test_waits_for_both_arms),
		cmocka_unit_test(test_damaged_journals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
