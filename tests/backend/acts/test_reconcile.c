/* test_reconcile.c: what the engine does by itself: lapse, guard, repair, proof, hold. */
#include "tests/backend/acts/story.h"

#include "backend/acts/change.h"
#include "backend/acts/reconcile.h"
#include "backend/adapters/gateway_fake.h"
#include "backend/adapters/gateway_priv.h"

static const struct story stories[] = {
	{"a watched canary keeps its lease",
		{{"start v2", "v1>v2 100 stepping"}, {"pass 10s", NULL},
			{"tick", "v1>v2 100 stepping"}, {"pass 10s", NULL},
			{"tick", "v1>v2 100 stepping"}}},
	{"an unwatched one ends by itself",
		{{"start v2", "v1>v2 100 stepping"}, {"advance", "v1>v2 500 stepping"},
			{"pass 15s", NULL}, {"tick", "v1>v2 0 paused"},
			{"tick 5", "v1>v2 0 paused"}, {"pass 20s", NULL},
			{"tick", "v1>v2 0 paused"}, {"resume", "v1>v2 500 stepping"},
			{"tick", "v1>v2 500 stepping"}}},
	{"also while it is paused",
		{{"start v2", "v1>v2 100 stepping"}, {"pause", "v1>v2 100 paused"},
			{"pass 20s", NULL}, {"tick", "v1>v2 0 paused"}}},
	{"a killed gateway is as before", {{"start v2", "v1>v2 100 stepping"}, {"kill", NULL},
						  {"tick 2", "v1>v2 100 stepping"},
						  {"on rebook", NULL}, {"tick", "v1> 0 aborted"}}},
};

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

static int is_gone(struct acts_world *x)
{
	return world_share_in_force(&x->w, x->ep);
}

static void test_lapse(void **state)
{
	struct alert_row alert = {0};
	struct acts_world x;
	int64_t until = 0, head;

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2 500");
	assert_int_equal(gateway_get_lease(x.w.gateway, x.ep->row.id, &until, &x.e), 0);
	assert_true(until == clock_wall_us(&x.w.clock) + 15000000);
	assert_int_equal(is_gone(&x), 500);
	acts_do(&x, "pass 16s");
	assert_int_equal(is_gone(&x), 0); /* the gateway has it off already */
	head = store_head(x.w.store);
	acts_do(&x, "tick 3");
	assert_int_equal(acts_changes(&x, head), 1);
	assert_int_equal(acts_alerts(&x, "lapse", &alert), 1);
	assert_string_equal(alert.state, "open");
	assert_true(alert.rollout == x.rollout);
	acts_do(&x, "undo 999"); /* a refusal changes nothing about it */
	assert_int_equal(acts_do(&x, "ack 1"), 0);
	assert_int_equal(acts_alerts(&x, "lapse", &alert), 1);
	assert_string_equal(alert.state, "acknowledged");
	assert_int_equal(acts_do(&x, "ack 1"), ERR_CONFLICT);
	assert_int_equal(acts_do(&x, "ack 7"), ERR_NOT_FOUND);
	acts_world_free(&x);
}

static void answer(struct acts_world *x, int failed, int down)
{
	struct record r = {.arm = ARM_CANDIDATE,
		.rollout = x->ep->row.rollout,
		.failed = failed,
		.backend_down = down};

	guard_add(&x->ep->guard, &r, (int)x->w.settings.guard_window);
}

static void test_guard(void **state)
{
	struct alert_row alert = {0};
	struct acts_world x;
	char look[100];

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	for (int i = 0; i < 7; i++)
		answer(&x, 1, 0);
	reconcile_guards(&x.w);
	assert_int_equal(x.ep->row.gate, 1);
	answer(&x, 0, 0);
	answer(&x, 0, 0);
	answer(&x, 1, 0); /* 8 of the last 10 */
	reconcile_guards(&x.w);
	acts_look(&x, look, sizeof look);
	assert_string_equal(look, "v1> 0 aborted");
	assert_int_equal(acts_alerts(&x, "guard", &alert), 1);
	assert_string_equal(alert.level, "rollback");
	assert_string_equal(alert.message, "8 of the last 10 answers of v2 failed, limit 8");
	acts_check(&x);
	acts_do(&x, "start v2"); /* the next rollout starts with a clean guard */
	acts_do(&x, "tick");
	assert_int_equal(x.ep->row.gate, 1);
	acts_do(&x, "pause"); /* and is guarded while it is paused, too */
	answer(&x, 1, 1);
	acts_do(&x, "tick");
	acts_look(&x, look, sizeof look);
	assert_string_equal(look, "v1> 0 aborted");
	assert_int_equal(acts_alerts(&x, "guard", &alert), 2);
	assert_string_equal(alert.message, "no server of v2 could be reached");
	acts_do(&x, "start v2");
	acts_do(&x, "tick");
	for (int i = 0; i < 20; i++) /* streams that begin well, and end too soon */
		cuts_add(&x.ep->cuts, (int64_t[]){10, 10}, (int64_t[]){0, 1});
	acts_do(&x, "tick");
	acts_look(&x, look, sizeof look);
	assert_string_equal(look, "v1> 0 aborted");
	assert_int_equal(acts_alerts(&x, "guard", &alert), 3);
	assert_string_equal(alert.message, "v2 broke off 20 of 200 answers, v1 0 of 200");
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

static int count(void *arg, const struct event *ev)
{
	(void)ev;
	(*(int *)arg)++;
	return 0;
}

static int events(struct acts_world *x, const char *verb, int64_t rollout)
{
	struct event_query q = {.limit = 1000, .verb = verb, .rollout = rollout};
	int64_t next;
	int n = 0;

	assert_int_equal(store_query_events(x->w.store, &q, count, &n, &next, &x->e), 0);
	return n;
}

static int no_route(
	struct gateway *g, const char *endpoint, const struct gateway_route *r, struct err *e)
{
	(void)g;
	(void)r;
	return err_set(e, ERR_GATEWAY, "the gateway took no row of %s", endpoint);
}

/* Done is what the gateway has confirmed; until then it is on the way, and it is proven once. */
static void test_proof(void **state)
{
	static const struct {
		const char *first, *words, *verb, *state;
	} cases[] = {
		{NULL, "abort", "rollout.aborted", "aborted"},
		{"on rebook", "abort", "rollout.aborted", "aborted"},
		{NULL, "promote", "rollout.promoted", "promoted"},
		{"promote", "rollback v1", "rollout.promoted", "promoted"},
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct gateway_ops deaf;
		const struct gateway_ops *hearing;
		struct rollout_row r = {0};
		struct acts_world x;
		int64_t revision;
		story_warm(&x);
		acts_do(&x, "start v2");
		if (cases[i].first)
			acts_do(&x, cases[i].first);
		if (i == 1) /* waiting: the gateway shows no share, and still has not answered */
			acts_do(&x, "start v2");
		hearing = x.w.gateway->ops;
		deaf = *hearing;
		deaf.set_route = no_route;
		x.w.gateway->ops = &deaf;
		assert_int_equal(acts_do(&x, cases[i].words), 0);
		revision = x.r.revision;
		acts_do(&x, "tick 2");
		assert_int_equal(act_proven(&x.w, &x.r, text, sizeof text), 0);
		assert_non_null(strstr(text, "on the way"));
		assert_int_equal(events(&x, cases[i].verb, x.rollout), 0);
		x.dry = 0;
		assert_int_equal(acts_do(&x, "start v3"), ERR_CONFLICT); /* first the proof */
		assert_non_null(strstr(x.e.message, "has not confirmed the end"));
		x.w.gateway->ops = hearing;
		acts_do(&x, "pass 1s");
		acts_do(&x, "tick 3");
		assert_int_equal(events(&x, cases[i].verb, x.rollout), 1);
		assert_int_equal(store_find_rollout(x.w.store, x.rollout, &r, &x.e), 1);
		assert_string_equal(r.state, cases[i].state);
		assert_true(r.ended_us > r.started_us);
		assert_true(r.revision == revision); /* a proof is nobody's change */
		acts_check(&x);
		assert_int_equal(acts_verify(&x), 0);
		acts_world_free(&x);
	}
}

/* A rollback may come before the promotion is proven, and ends it. */
static void test_rollback_unproven(void **state)
{
	struct gateway_ops deaf;
	const struct gateway_ops *hearing;
	struct rollout_row r = {0};
	struct acts_world x;
	char look[100];
	int64_t promoted;

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	hearing = x.w.gateway->ops;
	deaf = *hearing;
	deaf.set_route = no_route;
	x.w.gateway->ops = &deaf;
	acts_do(&x, "promote");
	promoted = x.rollout;
	assert_int_equal(acts_do(&x, "rollback"), 0);
	x.w.gateway->ops = hearing;
	acts_do(&x, "tick 2");
	acts_look(&x, look, sizeof look);
	assert_string_equal(look, "v1> 0 promoted");
	assert_int_equal(store_find_rollout(x.w.store, promoted, &r, &x.e), 1);
	assert_string_equal(r.state, "superseded");
	acts_check(&x);
	acts_world_free(&x);
}

/* A start that the gateway did not hear is sent again, and is not taken for a lapse. */
static void test_start_unheard(void **state)
{
	struct acts_world x;
	char text[400], look[100];

	(void)state;
	acts_world_new(&x);
	acts_do(&x, "start v2"); /* cold */
	acts_do(&x, "tick");
	servers_refresh(&x.w, x.ep);
	gateway_fake_fail(x.w.gateway, 1000, "gone");
	assert_int_equal(rollout_engine_event(
				 &x.w, x.ep, ROLLOUT_EVENT_READY, "rollout.begin", "", NULL, &x.e),
		0);
	assert_int_equal(act_proven(&x.w, &x.r, text, sizeof text), 0);
	acts_do(&x, "tick 3");
	gateway_fake_fail(x.w.gateway, 0, "");
	acts_do(&x, "tick");
	acts_look(&x, look, sizeof look);
	assert_string_equal(look, "v1>v2 100 stepping");
	assert_int_equal(act_proven(&x.w, &x.r, text, sizeof text), 1);
	assert_int_equal(acts_alerts(&x, "lapse", NULL), 0);
	acts_check(&x);
	/* But a gateway that stays silent for a whole lease is a lapse. */
	gateway_fake_fail(x.w.gateway, 1000, "gone");
	acts_do(&x, "pass 8s");
	acts_do(&x, "tick");
	assert_int_equal(x.ep->row.gate, 1);
	acts_do(&x, "pass 8s");
	acts_do(&x, "tick");
	assert_int_equal(x.ep->row.gate, 0);
	assert_int_equal(acts_alerts(&x, "lapse", NULL), 1);
	acts_world_free(&x);
}

/* A row that somebody changed at the gateway by hand is put right. */
static void test_drift(void **state)
{
	struct gateway_route r = {
		.share_bp = 10000, .stable_slot = 0, .candidate_slot = 0, .gate = 1, .rollout = 99};
	struct acts_world x;

	(void)state;
	story_warm(&x);
	assert_int_equal(gateway_set_route(x.w.gateway, x.ep->row.id, &r, &x.e), 0);
	acts_do(&x, "tick");
	acts_check(&x);
	acts_world_free(&x);
}

static int promote_at(struct acts_world *x, const char *to)
{
	struct gateway_route r = x->ep->in_force;

	r.stable_slot = slot_find(x->ep, to);
	strcpy(r.stable_version, to);
	return gateway_set_route(x->w.gateway, x->ep->row.id, &r, &x->e);
}

static void test_hold(void **state)
{
	static const struct {
		const char *choose, *look;
	} cases[] = {{"stored", "v1>v2 500 stepping"}, {"observed", "v2> 0 superseded"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct act a = {.caller = acts_person("root")};
		struct acts_world x;
		char look[100];
		story_warm(&x);
		acts_do(&x, "start v2 500");
		acts_do(&x, "override ORD 0");
		assert_int_equal(act_hold(&x.w, &a, "stored", &x.r, &x.e), ERR_CONFLICT);
		x.w.hold = 1;
		assert_int_equal(promote_at(&x, "v2"), 0);
		acts_do(&x, "tick 2"); /* on hold nothing is put right */
		assert_int_equal(act_hold(&x.w, &a, "neither", &x.r, &x.e), ERR_INVALID);
		a.dry_run = 1;
		assert_int_equal(act_hold(&x.w, &a, cases[i].choose, &x.r, &x.e), 0);
		assert_int_equal(x.w.hold, 1);
		a.dry_run = 0;
		assert_int_equal(act_hold(&x.w, &a, cases[i].choose, &x.r, &x.e), 0);
		assert_int_equal(x.w.hold, 0);
		acts_look(&x, look, sizeof look);
		assert_string_equal(look, cases[i].look);
		acts_check(&x);
		assert_int_equal(acts_verify(&x), 0);
		acts_world_free(&x);
	}
}

/* A new engine over the same home: it adopts, and a rollout whose lease has gone is paused. */
static void test_restart(void **state)
{
	struct acts_world x;
	char look[100];

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2 500");
	acts_do(&x, "pass 5s");
	x.ep->lease_mono_us = x.ep->lease_until_us = 0; /* what a new process knows */
	x.ep->in_force_known = 0;
	assert_int_equal(reconcile_start(&x.w, &x.e), 0);
	acts_look(&x, look, sizeof look);
	assert_string_equal(look, "v1>v2 500 stepping"); /* five seconds are no lapse */
	acts_do(&x, "pass 30s");
	x.ep->lease_mono_us = x.ep->lease_until_us = 0;
	assert_int_equal(reconcile_start(&x.w, &x.e), 0);
	acts_look(&x, look, sizeof look);
	assert_string_equal(look, "v1>v2 0 paused");
	assert_int_equal(acts_alerts(&x, "lapse", NULL), 1);
	acts_check(&x);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_lapse),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_rollback_unproven),
		cmocka_unit_test(test_start_unheard),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
