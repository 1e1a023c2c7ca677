/* The engine acts on verdicts by itself: harm is taken back, proof moves on and promotes, silence
 * and doubt are held, and a restart in the middle loses nothing that was judged. (run: long) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/autopilot.h"
#include "backend/acts/judging.h"
#include "backend/acts/stage.h"
#include "backend/adapters/gateway_fake.h"
#include "backend/base/xalloc.h"
#include "backend/store/telemetry.h"
#include "backend/store/trial_store.h"
#include "tests/support/acts_world.h"

#define RATE 100 /* requests a second */

struct traffic {
	double failing, slower; /* of the candidate */
	int blind;		/* its answers carry no score */
	double off;		/* added to its score, against what becomes of it */
	const char *bad;	/* the only segment that fails; NULL = all, and none is told */
	uint64_t chance;
	int64_t sent;
};

static double unit(struct traffic *t)
{
	t->chance ^= t->chance << 13;
	t->chance ^= t->chance >> 7;
	t->chance ^= t->chance << 17;
	return (double)(t->chance >> 11) / 9007199254740992.0;
}

/* The share of a segment as the gateway has it: its override, else the endpoint's. */
static int share_of(struct acts_world *x, const char *segment)
{
	struct rollout_row r;
	struct stages s;
	int own = -1;

	if (!x->ep->row.gate)
		return 0;
	if (*segment && store_find_rollout(x->w.store, x->ep->row.rollout, &r, &x->e) == 1 &&
		stages_read(&r, &s, &x->e) == 0)
		own = stages_segment_bp(&s, r.step, segment);
	return own < 0 ? x->ep->row.share_bp : own;
}

static void send_one(struct acts_world *x, struct traffic *t, int i)
{
	static const char *const segments[] = {"SFO", "SFO", "ORD", "LAX"};
	const char *segment = t->bad ? segments[t->sent % 4] : "";
	int outcome, share = share_of(x, segment);
	struct record r = {.rollout = x->ep->row.rollout,
		.share_bp = share,
		.keyed = 1,
		.read = 1,
		.status = 200,
		.routed_us = clock_wall_us(&x->w.clock) + i * (1000000 / RATE)};

	r.arm = unit(t) < share / 10000.0 ? ARM_CANDIDATE : ARM_STABLE;
	r.failed = unit(t) < (r.arm == ARM_CANDIDATE && (!t->bad || strcmp(t->bad, segment) == 0)
					     ? t->failing
					     : .001);
	str_copy(r.segment, sizeof r.segment, segment);
	r.answer_ms = r.total_ms = 5 * exp(.5 * (unit(t) + unit(t) + unit(t) - 1.5));
	if (r.arm == ARM_CANDIDATE)
		r.answer_ms *= t->slower;
	r.score = .2 + .2 * unit(t);
	outcome = unit(t) < r.score;
	if (r.arm == ARM_CANDIDATE)
		r.score = t->blind ? (double)NAN : r.score + t->off;
	t->sent++;
	snprintf(r.id, sizeof r.id, "req-%" PRId64, t->sent);
	snprintf(r.key, sizeof r.key, "%016" PRIx64, (uint64_t)t->sent * 0x9e3779b97f4a7c15u);
	str_copy(r.endpoint, sizeof r.endpoint, x->ep->row.id);
	str_copy(r.version, sizeof r.version,
		r.arm == ARM_CANDIDATE ? x->ep->row.candidate : x->ep->row.stable);
	judging_take_record(x->ep, &r);
	telemetry_add_record(x->w.store, &r);
	window_add(x->ep->window, &r);
	(void)telemetry_add_outcome(
		x->w.store, r.id, "late", outcome, clock_wall_us(&x->w.clock), &x->e);
}

static void look(struct acts_world *x, struct rollout_row *r)
{
	assert_int_equal(store_find_rollout(x->w.store, x->rollout, r, &x->e), 1);
}

/* Seconds of traffic, with a tick after each, until the rollout is in the state, or the limit. */
static int until(struct acts_world *x, struct traffic *t, const char *state, int limit)
{
	struct rollout_row r;

	for (int s = 0; s < limit; s++) {
		if (x->rollout) {
			look(x, &r);
			if (strcmp(r.state, state) == 0)
				return s;
		}
		for (int i = 0; t && i < RATE; i++)
			send_one(x, t, i);
		acts_do(x, "pass 1s");
		acts_do(x, "tick");
	}
	return -1;
}

static void begin(struct acts_world *x, struct traffic *t, const char *words)
{
	acts_world_new(x);
	x->dry = 0;
	if (t->off > 0 || t->bad) {
		assert_int_equal(acts_do(x, "by root"), 0);
		assert_int_equal(acts_do(x, t->bad ? "apply segmented" : "apply late"), 0);
	}
	for (int s = 0; s < 60; s++) { /* what stable is like is known beforehand */
		for (int i = 0; i < RATE; i++)
			send_one(x, t, i);
		acts_do(x, "pass 1s");
	}
	assert_int_equal(acts_do(x, words), 0);
	acts_do(x, "tick 2");
}

static int count_card(void *arg, int64_t number, int64_t at_us, const char *kind, const char *json)
{
	(void)number;
	(void)at_us;
	assert_true(strcmp(kind, "step") == 0 || strcmp(kind, "end") == 0);
	assert_non_null(strstr(json, "\"verdict\":"));
	++*(int *)arg;
	return 0;
}

static int find_harm(void *arg, const struct event *ev)
{
	if (strcmp(ev->verb, "rollout.harm") == 0 && strstr(ev->after, "\"verdict_card\":{"))
		++*(int *)arg;
	return 0;
}

static void harm_is_taken_back(void **state)
{
	struct event_query q = {.limit = 1000};
	struct buf setup = {0};
	struct traffic t = {.failing = .05, .slower = 1, .chance = 7};
	struct rollout_row r;
	struct alert_row alert = {.id = 0};
	struct acts_world x;
	int64_t next;
	int seen = 0;

	(void)state;
	begin(&x, &t, "start v2 2500");
	assert_true(until(&x, &t, "aborted", 120) > 0);
	look(&x, &r);
	assert_non_null(strstr(r.end_reason, "error_rate"));
	assert_non_null(strstr(r.end_reason, "harm proven above +0.125"));
	assert_string_equal(x.ep->row.stable, "v1");
	assert_int_equal(acts_alerts(&x, "harm", &alert), 1);
	assert_string_equal(alert.level, "rollback");
	assert_int_equal(store_query_events(x.w.store, &q, find_harm, &seen, &next, &x.e), 0);
	assert_int_equal(seen, 1);
	acts_check(&x);
	/* What it was judged by is kept for a month, its cards for ever. */
	assert_int_equal(trial_store_find_setup(x.w.store, x.rollout, &setup, &x.e), 1);
	acts_do(&x, "pass 31d");
	acts_do(&x, "tick");
	assert_int_equal(trial_store_find_setup(x.w.store, x.rollout, &setup, &x.e), 0);
	buf_release(&setup);
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

static void proof_moves_on_and_promotes(void **state)
{
	struct traffic t = {.failing = .001, .slower = 1, .chance = 11};
	struct acts_world x;
	int cards = 0, seconds;

	(void)state;
	begin(&x, &t, "start v2");
	seconds = until(&x, &t, "promoted", 7200);
	assert_true(seconds > (2 + 5 + 7) * 60); /* no step is left before its time */
	assert_string_equal(x.ep->row.stable, "v2");
	assert_string_equal(x.ep->row.previous, "v1");
	assert_int_equal(store_list_cards(x.w.store, x.rollout, count_card, &cards, &x.e), 0);
	assert_int_equal(cards, 3);
	assert_int_equal(acts_alerts(&x, "harm", NULL), 0);
	acts_check(&x);
	acts_world_free(&x);
}

static void what_cannot_be_compared_is_held(void **state)
{
	struct traffic t = {.failing = .001, .slower = 1, .blind = 1, .chance = 13};
	struct rollout_row r;
	struct acts_world x;

	(void)state;
	begin(&x, &t, "start v2 2500");
	assert_true(until(&x, &t, "paused", 600) > 0);
	look(&x, &r);
	assert_int_equal(r.share_bp, 2500);
	assert_int_equal(acts_alerts(&x, "invalid", NULL), 1);
	/* Harm is still harm: the guards live in every state. */
	acts_world_free(&x);
}

static void silence_never_passes(void **state)
{
	struct traffic t = {.failing = .001, .slower = 1, .chance = 17};
	struct rollout_row r;
	struct acts_world x;

	(void)state;
	begin(&x, &t, "start v2 2500");
	assert_int_equal(until(&x, NULL, "promoted", 1700), -1);
	look(&x, &r);
	assert_string_equal(r.state, "stepping");
	assert_int_equal(acts_alerts(&x, "missing", NULL), 1);
	assert_true(until(&x, NULL, "paused", 200) > 0); /* the hold of 30 minutes is over */
	assert_int_equal(acts_alerts(&x, "undecided", NULL), 1);
	acts_world_free(&x);
}

static void a_restart_goes_on_where_it_was(void **state)
{
	struct traffic t = {.failing = .01, .slower = 1, .chance = 19};
	struct trial_card before;
	struct acts_world x;

	(void)state;
	begin(&x, &t, "start v2 2500");
	until(&x, &t, "aborted", 20);
	assert_non_null(x.ep->judging);
	before = x.ep->judging->card;
	assert_true(before.counted[1] > 100);
	judging_free(x.ep->judging); /* as a killed engine leaves it */
	x.ep->judging = NULL;
	autopilot_start(&x.w, x.ep);
	assert_non_null(x.ep->judging);
	assert_memory_equal(
		&before.signals[0], &x.ep->judging->card.signals[0], sizeof before.signals[0]);
	assert_true(before.counted[1] == x.ep->judging->card.counted[1]);
	acts_world_free(&x);
}

/* Healthy and quick, and wrong: nobody can know before the outcomes count, three days later. */
static void late_outcomes_take_a_promotion_back(void **state)
{
	struct traffic t = {.failing = .001, .slower = 1, .off = .35, .chance = 23};
	struct rollout_row r;
	struct alert_row alert = {.id = 0};
	struct acts_world x;
	int hours = 0;

	(void)state;
	begin(&x, &t, "start v2");
	assert_true(until(&x, &t, "promoted", 7200) > 0);
	assert_string_equal(x.ep->row.stable, "v2");
	while (strcmp(x.ep->row.stable, "v2") == 0 && hours < 24 * 6) {
		acts_do(&x, "pass 1h");
		acts_do(&x, "tick");
		hours++;
	}
	assert_string_equal(x.ep->row.stable, "v1");
	assert_true(hours > 70 && hours < 75);
	assert_int_equal(acts_alerts(&x, "harm", &alert), 1);
	assert_non_null(strstr(alert.message, "outcomes that came after the promotion"));
	look(&x, &r);
	assert_string_equal(r.state, "promoted");
	acts_check(&x);
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

/* Tier high waits for them: proven is not enough. */
static void a_strict_tier_waits_for_late_outcomes(void **state)
{
	struct traffic t = {.failing = .001, .slower = 1, .off = .01, .chance = 29};
	struct rollout_row r;
	struct acts_world x;

	(void)state;
	begin(&x, &t, "on rebook");
	assert_int_equal(acts_do(&x, "by ada"), 0);
	assert_int_equal(acts_do(&x, "start v2"), 0);
	assert_int_equal(acts_do(&x, "by ben"), 0);
	assert_int_equal(acts_do(&x, "approve"), 0);
	assert_int_equal(acts_do(&x, "by cas"), 0);
	assert_int_equal(acts_do(&x, "approve"), 0);
	acts_do(&x, "tick 2");
	assert_int_equal(until(&x, &t, "promoted", 5400), -1);
	look(&x, &r);
	assert_int_equal(r.share_bp, 2500);
	assert_string_equal(x.ep->row.stable, "v1");
	assert_int_equal(acts_alerts(&x, "waits", NULL), 1);
	acts_world_free(&x);
}

/* One segment after the other, each through all steps, the unnamed ones last. */
static void segments_go_one_by_one(void **state)
{
	static const int wanted[][3] = {{1000, 0, 0}, {5000, 0, 0}, {5000, 1000, 0},
		{5000, 5000, 0}, {5000, 5000, 1000}, {5000, 5000, 5000}};
	struct traffic t = {.failing = .001, .slower = 1, .chance = 31, .bad = ""};
	struct rollout_row r;
	struct acts_world x;
	int seen = 0;

	(void)state;
	begin(&x, &t, "start v2");
	for (int s = 0; s < 7200 && strcmp(x.ep->row.stable, "v1") == 0; s++) {
		look(&x, &r);
		if (r.step == seen) {
			assert_int_equal(share_of(&x, "SFO"), wanted[seen][0]);
			assert_int_equal(share_of(&x, "ORD"), wanted[seen][1]);
			assert_int_equal(share_of(&x, "LAX"), wanted[seen][2]);
			assert_int_equal(gateway_fake_override(x.w.gateway, x.ep->row.id,
						 x.ep->row.rollout, "SFO"),
				wanted[seen][0]);
			seen++;
		}
		until(&x, &t, "promoted", 1);
	}
	assert_int_equal(seen, 6);
	assert_string_equal(x.ep->row.stable, "v2");
	assert_int_equal(acts_alerts(&x, "harm", NULL), 0);
	acts_check(&x);
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

/* The segment that regresses ends it, by name; those before it were fine. */
static void a_bad_segment_ends_it(void **state)
{
	struct traffic t = {.failing = .2, .slower = 1, .chance = 37, .bad = "ORD"};
	struct rollout_row r;
	struct acts_world x;

	(void)state;
	begin(&x, &t, "start v2");
	assert_true(until(&x, &t, "aborted", 7200) > 120); /* SFO went through both steps */
	look(&x, &r);
	assert_non_null(strstr(r.end_reason, "error_rate in segment ORD"));
	assert_int_equal(r.step, 2);
	assert_string_equal(x.ep->row.stable, "v1");
	acts_check(&x);
	acts_world_free(&x);
}

/* A person's hand in a segmented rollout: no exact share, no pin to the candidate; a pin to stable
 * holds its segment back until it is lifted, and then it goes on where the rollout stands. */
static void a_segmented_rollout_by_hand(void **state)
{
	struct traffic t = {.failing = .001, .slower = 1, .chance = 41, .bad = ""};
	struct rollout_row r;
	struct acts_world x;

	(void)state;
	begin(&x, &t, "start v2");
	assert_int_equal(acts_do(&x, "advance 2000"), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "has no exact share"));
	assert_int_equal(acts_do(&x, "override ORD 10000"), ERR_CONFLICT);
	assert_int_equal(acts_do(&x, "override ORD 0"), 0);
	assert_int_equal(acts_do(&x, "advance"), 0);
	assert_int_equal(acts_do(&x, "advance"), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "segment ORD is pinned to stable"));
	assert_int_equal(acts_do(&x, "override ORD -1"), 0);
	assert_int_equal(acts_do(&x, "advance"), 0);
	look(&x, &r);
	assert_int_equal(r.step, 2);
	assert_int_equal(r.share_bp, 1000);
	assert_int_equal(acts_do(&x, "override SFO 0"), 0);
	assert_int_equal(acts_do(&x, "override SFO -1"), 0);
	assert_int_equal(
		gateway_fake_override(x.w.gateway, x.ep->row.id, x.ep->row.rollout, "SFO"), 5000);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harm_is_taken_back),
		cmocka_unit_test(proof_moves_on_and_promotes),
		cmocka_unit_test(what_cannot_be_compared_is_held),
		cmocka_unit_test(silence_never_passes),
		cmocka_unit_test(a_restart_goes_on_where_it_was),
		cmocka_unit_test(late_outcomes_take_a_promotion_back),
		cmocka_unit_test(a_strict_tier_waits_for_late_outcomes),
		cmocka_unit_test(segments_go_one_by_one),
		cmocka_unit_test(a_bad_segment_ends_it),
		cmocka_unit_test(a_segmented_rollout_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
