/* test_hold.c: stop-the-line over one endpoint, all, and fifty rollouts; freeze windows and their
 * override by two people. Guards, aborts and rollbacks go on through all of it. */
#include "tests/backend/acts/story.h"

#include <stdlib.h>
#include <time.h>

#include "backend/acts/reconcile.h"
#include "backend/base/xalloc.h"

static const struct story stories[] = {
	{"all endpoints",
		{{"start v2", "v1>v2 100 stepping"}, {"freeze", "v1>v2 100 stepping"},
			{"advance", "!denied: the line is stopped by ada"},
			{"promote", "!denied: line is stopped"}, {"pause", "v1>v2 100 paused"},
			{"resume", "!denied: line is stopped"},
			{"override ORD 10000", "!denied: line is stopped"},
			{"override ORD 0", "v1>v2 100 paused"},
			{"override ORD -1", "!denied: line is stopped"},
			{"freeze", "!conflict: stopped already, by ada"},
			{"tick 3", "v1>v2 100 paused"}, {"abort", "v1> 0 aborted"},
			{"start v2", "!denied: may not start"}, {"on rebook", NULL},
			{"start v2", "!denied: may not start"}}},
	{"a pin to the candidate may end through a stop",
		{{"start v2", "v1>v2 100 stepping"}, {"override ORD 10000", "v1>v2 100 stepping"},
			{"freeze", "v1>v2 100 stepping"}, {"override ORD -1", "v1>v2 100 stepping"},
			{"override ORD 10000", "!denied: line is stopped"}}},
	{"a rollback through a stop",
		{{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
			{"freeze", "v2> 0 promoted"}, {"rollback", "v1> 0 promoted"}}},
	{"lifting it needs two people where a tier is high",
		{{"freeze", "v1> 0 aborted"}, {"unfreeze", "v1> 0 aborted"},
			{"start v2", "!denied: line is stopped"},
			{"unfreeze", "!conflict: a second person is needed"},
			{"yes", "!denied: you made proposal"}, {"by ben", NULL},
			{"unfreeze", "v1> 0 aborted"}, {"start v2", "v1>v2 100 stepping"},
			{"unfreeze", "!conflict: nobody has stopped"}}},
	{"two accounts of one person are one",
		{{"by ben", NULL}, {"freeze", "v1> 0 aborted"}, {"unfreeze", "v1> 0 aborted"},
			{"by ben2", NULL}, {"unfreeze", "!conflict: a second person"},
			{"yes", "!denied: somebody else"}, {"by cas", NULL},
			{"yes", "v1> 0 aborted"}, {"start v2", "v1>v2 100 stepping"}}},
	{"one endpoint of a low tier needs one",
		{{"freeze here", "v1> 0 aborted"}, {"start v2", "!denied: line is stopped"},
			{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"}, {"on delay", NULL},
			{"unfreeze", "!conflict: nobody has stopped the line of all"},
			{"unfreeze here", "v1> 0 aborted"}, {"start v2", "v1>v2 100 stepping"}}},
	{"a wish for an earlier stop lifts no later one",
		{{"freeze", "v1> 0 aborted"}, {"unfreeze", "v1> 0 aborted"}, {"by ben", NULL},
			{"unfreeze", "v1> 0 aborted"}, {"freeze", "v1> 0 aborted"},
			{"yes", "!bad_transition: it is done"}, {"unfreeze", "v1> 0 aborted"},
			{"pass 61m", NULL}, {"by ada", NULL}, {"yes", "!bad_transition: expired"},
			{"unfreeze", "v1> 0 aborted"}, {"start v2", "!denied: line is stopped"},
			{"by ben", NULL}, {"yes", "v1> 0 aborted"},
			{"start v2", "v1>v2 100 stepping"}}},
	{"approvals may be given, and nothing begins",
		{{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"},
			{"freeze", "v1>v2 0 waiting"}, {"by ben", NULL},
			{"approve", "v1>v2 0 waiting"}, {"by cas", NULL},
			{"approve", "v1>v2 0 waiting"}, {"tick 3", "v1>v2 0 waiting"},
			{"unfreeze", "v1>v2 0 waiting"}, {"by ada", NULL},
			{"unfreeze", "v1>v2 0 waiting"}, {"tick", "v1>v2 100 stepping"}}},
	{"a lapse takes the share back as ever",
		{{"start v2", "v1>v2 100 stepping"}, {"freeze", "v1>v2 100 stepping"},
			{"pass 16s", NULL}, {"tick", "v1>v2 0 paused"},
			{"resume", "!denied: line is stopped"}}},
	{"a freeze window",
		{{"on rebook", NULL}, {"apply frozen", "v1> 0 aborted"},
			{"start v2", "!denied: is frozen until Mon 24 Nov 18:00 UTC"},
			{"on delay", NULL}, {"start v2", "v1>v2 100 stepping"}, {"pass 10s", NULL},
			{"abort", "v1> 0 aborted"}, {"pass 6h", NULL}, {"on rebook", NULL},
			{"start v2", "v1>v2 0 waiting"}, {"abort", "v1> 0 aborted"},
			{"pass 4h", NULL}, {"on delay", NULL},
			{"start v2", "!denied: tier low is frozen until Tue 25 Nov 06:00 UTC"}}},
	{"its override by two people",
		{{"on rebook", NULL}, {"overrule 1h", "!conflict: no freeze window"},
			{"apply frozen", "v1> 0 aborted"}, {"overrule 1s", "!invalid: 1 minute"},
			{"overrule 1h", "v1> 0 aborted"},
			{"overrule 1h", "!conflict: second person"},
			{"start v2", "!denied: is frozen"}, {"by ben", NULL},
			{"overrule 1h", "v1> 0 aborted"}, {"start v2", "v1>v2 0 waiting"},
			{"abort", "v1> 0 aborted"}, {"pass 61m", NULL},
			{"start v2", "!denied: is frozen"}}},
	{"a stopped line is not overridden with the freeze",
		{{"on rebook", NULL}, {"apply frozen", "v1> 0 aborted"},
			{"freeze here", "v1> 0 aborted"}, {"overrule 1h", "v1> 0 aborted"},
			{"by ben", NULL}, {"yes", "v1> 0 aborted"},
			{"start v2", "!denied: the line is stopped by ada"}}},
	{"robots are no second person",
		{{"apply robots", "v1> 0 aborted"}, {"freeze", "v1> 0 aborted"},
			{"unfreeze", "v1> 0 aborted"}, {"by ben", NULL},
			{"unfreeze", "!denied: declared as robot"},
			{"yes", "!denied: declared as robot"}, {"no", "v1> 0 aborted"}}},
};

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

/* The guard does not ask. */
static void test_guard_through_a_stop(void **state)
{
	struct acts_world x;
	char got[200];

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	assert_int_equal(acts_do(&x, "freeze"), 0);
	x.ep->guard.down = 1;
	reconcile_guards(&x.w);
	acts_look(&x, got, sizeof got);
	assert_string_equal(got, "v1> 0 aborted");
	acts_world_free(&x);
}

/* -- fifty -- */

#define MANY 50

static char *many_spec(void)
{
	struct buf b = {0};
	int ports[MANY];

	acts_free_ports(ports, MANY);
	buf_adds(&b, "project: many\nendpoints:\n");
	for (int i = 0; i < MANY; i++)
		buf_addf(&b,
			"  e%02d:\n    environment: production\n    tier: low\n"
			"    listen: 127.0.0.1:%d\n    versions:\n"
			"      v1:\n        upstream: 127.0.0.1:9001\n"
			"      v2:\n        upstream: 127.0.0.1:9002\n"
			"    rollout:\n      steps: [1%% 2m, 5%% 5m]\n",
			i, ports[i]);
	return buf_detach(&b);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void start_many(struct acts_world *x)
{
	char *text = many_spec();
	struct act a = {.caller = x->by, .reason = "many"};
	struct apply_request req = {.text = text, .size = strlen(text), .base = -1};
	struct rollout_request wish = {.to = "v2", .share_bp = -1};

	if (act_apply(&x->w, &a, &req, &x->r, &x->e))
		fail_msg("%s", x->e.message);
	for (int i = 0; i < x->w.endpoint_count; i++) {
		struct live_endpoint *ep = x->w.endpoints[i];

		if (strcmp(ep->row.project, "many") != 0)
			continue;
		assert_int_equal(act_rollback(&x->w, &a, ep, "v1", &x->r, &x->e), 0);
	}
	acts_do(x, "tick 3");
	for (int i = 0; i < x->w.endpoint_count; i++)
		if (strcmp(x->w.endpoints[i]->row.project, "many") == 0)
			assert_int_equal(act_rollout_start(
						 &x->w, &a, x->w.endpoints[i], &wish, &x->r, &x->e),
				0);
	acts_do(x, "tick 3");
	free(text);
}

static void test_fifty_rollouts_by_one_row(void **state)
{
	struct act a;
	struct acts_world x;
	int64_t head, begun;
	int held = 0, moving = 0;

	(void)state;
	story_warm(&x);
	start_many(&x);
	a = (struct act){.caller = x.by, .reason = "smoke"};
	head = store_head(x.w.store);
	begun = now_us();
	assert_int_equal(act_freeze(&x.w, &a, NULL, &x.r, &x.e), 0);
	print_message("%d rollouts held in %.1f ms\n", MANY, (double)(now_us() - begun) / 1000);
	assert_true(store_head(x.w.store) == head + 1); /* one event: one transaction */
	assert_non_null(strstr(x.r.plan.title, "50 rollouts held"));
	for (int i = 0; i < x.w.endpoint_count; i++) {
		struct live_endpoint *ep = x.w.endpoints[i];

		if (!ep->row.rollout)
			continue;
		moving += ep->row.gate;
		held += act_rollout_verb(&x.w, &a, ep->row.rollout, "advance", -1, &x.r, &x.e) ==
				ERR_DENIED &&
			act_rollout_verb(&x.w, &a, ep->row.rollout, "promote", -1, &x.r, &x.e) ==
				ERR_DENIED;
	}
	assert_int_equal(moving, MANY); /* they had begun, and their share is held */
	assert_int_equal(held, MANY);
	assert_true(store_head(x.w.store) == head + 1);
	for (int i = 0; i < x.w.endpoint_count; i++)
		if (x.w.endpoints[i]->row.rollout)
			assert_int_equal(act_rollout_verb(&x.w, &a, x.w.endpoints[i]->row.rollout,
						 "abort", -1, &x.r, &x.e),
				0);
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_guard_through_a_stop),
		cmocka_unit_test(test_fifty_rollouts_by_one_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
