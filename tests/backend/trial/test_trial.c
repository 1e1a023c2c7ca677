/* A rollout on trial: harm is found and named, segments by themselves, and what is fed again from
 * the journal or after a kept state gives the same bits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/trial/journal.h"
#include "backend/trial/trial_card.h"
#include "backend/trial/trial_setup.h"

#define START INT64_C(1763985600)

static const char spec_text[] =
	"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n"
	"    listen: 127.0.0.1:8100\n    serve: s\n    score: json p\n    segment: json o\n"
	"    outcome: late within 10s\n    timeout: 1s\n    rollout:\n      segments: [ORD, ATL]\n"
	"      signals:\n        error_rate: worse-by 0.5pp\n        latency_p99: worse-by 20%\n"
	"        brier: worse-by 0.02\n        calibration: worse-by 0.05\n"
	"        score_shift: psi 0.2\n";

static void fill(struct trial_setup *s, const char *pattern)
{
	snprintf(s->steps, sizeof s->steps, "10%% 1m, 50%% 1m");
	snprintf(s->pattern, sizeof s->pattern, "%s", pattern);
	snprintf(s->segments[0], sizeof s->segments[0], "ORD");
	snprintf(s->segments[1], sizeof s->segments[1], "ATL");
	s->segment_count = 2;
	s->errors = (struct trial_prior){.n = 500, .mean = .005};
}

static void setup_make(struct trial_setup *s, const char *pattern)
{
	struct err e = {0};
	struct spec *spec = spec_parse(spec_text, strlen(spec_text), "p.yaml", NULL, &e);

	assert_non_null(spec);
	trial_setup_init(s, &spec->endpoints[0]);
	fill(s, pattern);
	spec_free(spec);
}

/* What is played: how the candidate differs. */
struct play {
	double failing, failing_ord; /* chance of a failure on the candidate, and of ORD's there */
	double slower, off;	     /* factor of its latency; added to its score */
	int blind;		     /* 1: its answers cannot be read */
	int seconds, half;	     /* length; the second at which the share goes to 50 % */
	int slow_server;	     /* 1: the candidate's r1 takes twice as long */
};

static uint64_t chance(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static double unit(uint64_t *x)
{
	return (double)(chance(x) >> 11) / 9007199254740992.0;
}

static int64_t latency_of(uint64_t *x)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += unit(x);
	return (int64_t)(2000 * exp(.4 * (sum - 6)));
}

static struct trial_answer answer_of(const struct play *p, int second, int i, uint64_t *x)
{
	struct trial_answer a = {.routed_us = (START + second) * 1000000 + i * 10000,
		.share_bp = second < p->half ? 1000 : 5000,
		.key = chance(x) | 1,
		.latency_us = latency_of(x),
		.score = .1 + .3 * unit(x)};
	double failing;

	snprintf(a.segment, sizeof a.segment, "%s", i % 4 == 0 ? "ORD" : i % 4 == 1 ? "ATL" : "X");
	snprintf(a.server, sizeof a.server, "r%d", i % 3);
	a.candidate = unit(x) < a.share_bp / 10000.0;
	failing = a.candidate ? (i % 4 == 0 ? p->failing_ord : p->failing) : .002;
	a.failed = unit(x) < failing;
	if (a.candidate) {
		a.latency_us = (int64_t)((double)a.latency_us * p->slower);
		if (p->slow_server && i % 3 == 1)
			a.latency_us *= 2;
		a.score = p->blind ? (double)NAN : a.score + p->off;
	}
	return a;
}

/* Feeds the play to t, and to the journal; from second `from` on. */
static void play(const struct play *p, struct trial *t, struct journal *j, int from, int to)
{
	static struct trial_label due[4000][100];
	static int counts[4000];

	for (int s = from; s < to; s++) {
		uint64_t x = 0x9e3779b97f4a7c15u * (uint64_t)(s + 1);

		counts[s] = 0;
		for (int i = 0; i < 60; i++) {
			struct trial_answer a = answer_of(p, s, i, &x);
			struct trial_label *l = &due[s][counts[s]];
			double late = unit(&x);

			journal_add_answer(j, &a);
			*l = (struct trial_label){.candidate = a.candidate, .score = a.score};
			l->w = trial_take_answer(t, &a);
			l->value = late < a.score - (a.candidate ? p->off : 0);
			snprintf(l->name, sizeof l->name, "late");
			memcpy(l->segment, a.segment, sizeof l->segment);
			counts[s]++;
		}
		for (int i = 0; s >= 10 && i < counts[s - 10]; i++) {
			if (isnan(due[s - 10][i].score))
				continue;
			journal_add_label(j, START + s - 2, &due[s - 10][i]);
			trial_take_label(t, START + s - 2, &due[s - 10][i]);
		}
		journal_add_close(j, START + s - 1);
		trial_close(t, START + s - 1);
	}
}

static struct trial *trial_make(const char *pattern)
{
	struct trial_setup s, again;
	struct trial_config c;
	struct err e = {0};
	char *text;

	setup_make(&s, pattern);
	text = trial_setup_format(&s);
	assert_int_equal(trial_setup_parse(text, &again, &e), 0);
	assert_int_equal(trial_setup_config(&again, &c, &e), 0);
	free(text);
	trial_setup_release(&s);
	trial_setup_release(&again);
	return trial_new(&c);
}

static void the_right_reason_is_given(void **state)
{
	static const struct {
		const char *what;
		struct play p;
		enum judge_verdict want;
		const char *words;
	} cases[] = {
		{"nothing is wrong", {.002, .002, 1, 0, 0, 400, 400, 0}, JUDGE_OK,
			"within its limit"},
		{"it fails", {.05, .05, 1, 0, 0, 400, 400, 0}, JUDGE_HARM, "error_rate"},
		{"it fails in ORD only", {.002, .4, 1, 0, 0, 400, 400, 0}, JUDGE_HARM,
			"error_rate in segment ORD"},
		{"it is slow", {.002, .002, 2, 0, 0, 400, 400, 0}, JUDGE_HARM, "latency_p99"},
		{"its scores are off", {.002, .002, 1, .3, 0, 400, 400, 0}, JUDGE_HARM, ""},
		{"it cannot be read", {.002, .002, 1, 0, 1, 400, 400, 0}, JUDGE_INVALID,
			"answers with a score"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct trial *t = trial_make("canary");
		struct trial_card card;
		struct journal j;
		uint64_t x = 1;

		journal_init(&j);
		for (int w = 0; w < 50 * 60; w++)
			trial_warm(t, latency_of(&x));
		play(&cases[i].p, t, &j, 0, cases[i].p.seconds);
		trial_read(t, &card);
		if (card.verdict != cases[i].want || !strstr(card.why, cases[i].words))
			fail_msg("%s: %s, %s", cases[i].what, judge_verdict_name(card.verdict),
				card.why);
		if (cases[i].want == JUDGE_HARM && cases[i].p.off > 0)
			assert_true(strstr(card.why, "brier") || strstr(card.why, "calibration"));
		if (cases[i].want == JUDGE_HARM && cases[i].p.failing > .002)
			assert_null(strstr(card.why, "in segment ORD "));
		journal_release(&j);
		trial_free(t);
	}
}

static void assert_same(const struct trial *a, const struct trial *b)
{
	struct buf x = {0}, y = {0};

	trial_save(a, &x);
	trial_save(b, &y);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	buf_release(&x);
	buf_release(&y);
}

static void count_close(void *arg, const struct trial *t, int64_t before)
{
	(void)t;
	(void)before;
	++*(int *)arg;
}

/* Killed at second 90: the kept state and what the journal has after it, and the whole journal. */
static void fed_again_it_is_the_same(void **state)
{
	static const struct play p = {.01, .02, 1.1, .05, 0, 150, 70, 0};
	struct trial *live = trial_make("canary"), *whole = trial_make("canary"), *back;
	struct journal written, read, taken;
	struct buf kept = {0}, names = {0}, first = {0};
	struct err e = {0};
	int closes = 0;

	(void)state;
	journal_init(&written);
	journal_init(&read);
	journal_init(&taken);
	play(&p, live, &written, 0, 90);
	trial_save(live, &kept);
	journal_save(&written, &names);
	buf_add(&first, written.out.data, written.out.len);
	buf_reset(&written.out);
	play(&p, live, &written, 90, 150);

	back = trial_load(trial_get_config(live), kept.data, kept.len, &e);
	assert_non_null(back);
	assert_int_equal(journal_load(&taken, names.data, names.len, &e), 0);
	assert_int_equal(
		journal_feed(&taken, written.out.data, written.out.len, back, NULL, NULL, &e), 0);
	assert_same(live, back);

	assert_int_equal(
		journal_feed(&read, first.data, first.len, whole, count_close, &closes, &e), 0);
	assert_int_equal(closes, 90);
	assert_int_equal(
		journal_feed(&read, written.out.data, written.out.len, whole, NULL, NULL, &e), 0);
	assert_same(live, whole);

	for (size_t n = 0; n < kept.len; n += kept.len / 50 + 1)
		assert_null(trial_load(trial_get_config(live), kept.data, n, &e));
	written.out.data[0] = '?';
	assert_int_equal(
		journal_feed(&read, written.out.data, written.out.len, whole, NULL, NULL, &e),
		ERR_INVALID);
	buf_release(&kept);
	buf_release(&names);
	buf_release(&first);
	journal_release(&written);
	journal_release(&read);
	journal_release(&taken);
	trial_free(live);
	trial_free(whole);
	trial_free(back);
}

static void a_segment_alone_decides(void **state)
{
	static const struct play p = {.002, .3, 1, 0, 0, 300, 300, 0};
	struct trial *t = trial_make("segmented");
	struct trial_card card;
	struct journal j;
	int part;

	(void)state;
	journal_init(&j);
	play(&p, t, &j, 0, 300);
	assert_int_equal(trial_verdict(t, &part), JUDGE_HARM);
	assert_string_equal(trial_part_name(t, part), "ORD");
	assert_int_equal(trial_part_verdict(t, trial_part_find(t, "ATL")) == JUDGE_HARM, 0);
	assert_string_equal(trial_part_name(t, trial_part_find(t, "unheard of")), "other");
	trial_read(t, &card);
	assert_non_null(strstr(card.why, "error_rate in segment ORD"));
	journal_release(&j);
	trial_free(t);
}

static void a_slow_replica_is_named(void **state)
{
	static const struct play p = {.002, .002, 1, 0, 0, 300, 0, 1};
	struct trial *t = trial_make("canary");
	struct trial_card card;
	struct journal j;

	(void)state;
	journal_init(&j);
	play(&p, t, &j, 0, 300);
	trial_read(t, &card);
	assert_non_null(strstr(card.replicas, "r1"));
	assert_non_null(strstr(card.replicas, "slower"));
	assert_true(card.replicas_differ);
	journal_release(&j);
	trial_free(t);
}

/* Harm is often proven before its reason: then each server is listed. */
static void harm_lists_its_servers(void **state)
{
	static const struct play p = {.05, .05, 1, 0, 0, 400, 400, 0};
	struct trial *t = trial_make("canary");
	struct trial_card card;
	struct journal j;

	(void)state;
	journal_init(&j);
	play(&p, t, &j, 0, 400);
	trial_read(t, &card);
	assert_int_equal(card.verdict, JUDGE_HARM);
	assert_false(card.replicas_differ);
	assert_non_null(strstr(card.replicas, "none stands out: r0 "));
	assert_non_null(strstr(card.replicas, "r2 "));
	journal_release(&j);
	trial_free(t);
}

/* After a move nothing is ok before answers of the new step have been judged. */
static void a_new_stage_is_not_ok_by_the_old(void **state)
{
	static const struct play p = {.002, .002, 1, 0, 0, 900, 900, 0};
	struct trial *t = trial_make("canary");
	struct trial_card card;
	struct journal j;
	char segment[64];
	double share;
	int part;

	(void)state;
	journal_init(&j);
	play(&p, t, &j, 0, 900);
	assert_int_equal(trial_verdict(t, &part), JUDGE_OK);
	trial_read(t, &card);
	trial_set_stage(t, 900, "", card.share);
	assert_int_equal(trial_verdict(t, &part), JUDGE_OK);
	trial_set_stage(t, 900, "", .9);
	assert_int_equal(trial_verdict(t, &part), JUDGE_UNDECIDED);
	trial_read(t, &card);
	assert_non_null(strstr(card.why, "the step is new"));
	trial_get_stage(t, segment, &share);
	assert_string_equal(segment, "");
	assert_true(share == .9);
	journal_release(&j);
	trial_free(t);
}

static void memory_is_bounded(void **state)
{
	static const struct play p = {.002, .002, 1, 0, 0, 60, 60, 0};
	struct trial *t = trial_make("canary");
	struct journal j;

	(void)state;
	journal_init(&j);
	play(&p, t, &j, 0, 60);
	assert_true(trial_bytes(t) < 8 * TRIAL_KEYS + 256 * 1024 + 3 * 16 * 1024);
	journal_release(&j);
	trial_free(t);
}

static void names_that_find_no_room_are_emptied(void **state)
{
	struct trial_answer a = {.routed_us = 1, .share_bp = 500, .score = (double)NAN};
	struct journal j;

	(void)state;
	journal_init(&j);
	for (int i = 0; i < 2 * JOURNAL_NAMES; i++) {
		snprintf(a.segment, sizeof a.segment, "s%d", i);
		journal_add_answer(&j, &a);
		assert_int_equal(a.segment[0] != '\0', i < JOURNAL_NAMES - 1);
	}
	journal_release(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_reason_is_given),
		cmocka_unit_test(fed_again_it_is_the_same),
		cmocka_unit_test(a_segment_alone_decides),
		cmocka_unit_test(a_slow_replica_is_named),
		cmocka_unit_test(harm_lists_its_servers),
		cmocka_unit_test(a_new_stage_is_not_ok_by_the_old),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(names_that_find_no_room_are_emptied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
