/* test_override.c: segments pinned for the life of one rollout, at the gateway and in the store. */
#include "tests/backend/acts/story.h"

#include "backend/adapters/gateway_fake.h"

static const struct story stories[] = {
	{"needs a rollout",
		{{"override ORD 0", "!conflict: no rollout under way"},
			{"start v2", "v1>v2 100 stepping"},
			{"override ORD 500", "!invalid: stable (0)"},
			{"override O|D 0", "!invalid: a segment is"},
			{"override ORD -1", "!not_found: has no override"},
			{"override ORD 0", "v1>v2 100 stepping"}, {"abort", "v1> 0 aborted"},
			{"override ORD 0", "!conflict: no rollout under way"}}},
	{"set, moved, removed",
		{{"start v2", "v1>v2 100 stepping"}, {"override ORD 0", "v1>v2 100 stepping"},
			{"override JFK 10000", "v1>v2 100 stepping"},
			{"override ORD 10000", "v1>v2 100 stepping"},
			{"override ORD -1", "v1>v2 100 stepping"},
			{"override ORD -1", "!not_found: has no override"},
			{"override ORD 0", "v1>v2 100 stepping"}}},
};

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

static int seat(const struct acts_world *x, const char *segment)
{
	return gateway_fake_override(x->w.gateway, x->ep->row.id, x->ep->row.rollout, segment);
}

static int flag(struct acts_world *x)
{
	struct gateway_route r = {0};

	gateway_get_route(x->w.gateway, x->ep->row.id, &r, &x->e);
	return r.overrides;
}

static void test_gateway(void **state)
{
	struct acts_world x;
	int64_t first;

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	assert_int_equal(flag(&x), 0);
	acts_do(&x, "override ORD 0");
	acts_do(&x, "override JFK 10000");
	assert_int_equal(seat(&x, "ORD"), 0);
	assert_int_equal(seat(&x, "JFK"), 10000);
	assert_int_equal(flag(&x), 1);
	acts_do(&x, "undo");
	assert_int_equal(seat(&x, "JFK"), -1);
	assert_int_equal(flag(&x), 1);
	acts_do(&x, "override ORD -1");
	assert_int_equal(flag(&x), 0); /* none is left: an unreadable segment is split again */
	acts_do(&x, "override ORD 0");
	first = x.ep->row.rollout;
	acts_do(&x, "abort");
	acts_do(&x, "start v2");
	assert_int_equal(flag(&x), 0);
	assert_int_equal(seat(&x, "ORD"), -1);
	assert_int_equal(gateway_fake_override(x.w.gateway, x.ep->row.id, first, "ORD"), -1);
	acts_world_free(&x);
}

/* What the gateway did not take is on the way, not done, and is sent again: setting and removing.
 */
static void test_failures(void **state)
{
	struct acts_world x;
	char text[400];

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	x.dry = 0;
	for (int fails = 1; fails <= 2; fails++) {
		gateway_fake_fail(x.w.gateway, fails, "gone");
		assert_int_equal(acts_do(&x, "override ORD 10000"), 0);
		assert_int_equal(act_proven(&x.w, &x.r, text, sizeof text), 0);
		acts_do(&x, "tick");
		acts_do(&x, "tick");
		assert_int_equal(act_proven(&x.w, &x.r, text, sizeof text), 1);
		assert_int_equal(seat(&x, "ORD"), 10000);
		gateway_fake_fail(x.w.gateway, fails, "gone");
		assert_int_equal(acts_do(&x, "override ORD -1"), 0);
		assert_int_equal(act_proven(&x.w, &x.r, text, sizeof text), 0);
		acts_do(&x, "tick");
		acts_do(&x, "tick");
		assert_int_equal(act_proven(&x.w, &x.r, text, sizeof text), 1);
		assert_int_equal(seat(&x, "ORD"), -1);
		assert_int_equal(flag(&x), 0);
	}
	/* A gateway that was killed gets them again. */
	acts_do(&x, "override ORD 0");
	acts_do(&x, "kill");
	acts_do(&x, "tick 2");
	assert_int_equal(seat(&x, "ORD"), 0);
	acts_check(&x);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
