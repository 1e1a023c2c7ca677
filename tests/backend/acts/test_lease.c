/* test_lease.c: who may renew a lease: only a tick that judged, with a log that hears. */
#include "tests/backend/acts/story.h"

#include "backend/acts/change.h"
#include "backend/acts/reconcile.h"
#include "backend/adapters/gateway_fake.h"
#include "backend/adapters/gateway_priv.h"

/* A gateway that counts requests of which no record ever arrives. */
static struct {
	const struct gateway_ops *real;
	int64_t requests;
	int lose_overrides;
} fake;

static int counting_info(struct gateway *g, struct gateway_info *out, struct err *e)
{
	int rc = fake.real->get_info(g, out, e);

	out->requests = fake.requests;
	return rc;
}

static int losing_override(struct gateway *g, const char *endpoint, int64_t rollout,
	const char *segment, int share_bp, struct err *e)
{
	if (fake.lose_overrides)
		return err_set(e, ERR_TIMEOUT, "the gateway did not answer");
	return fake.real->set_override(g, endpoint, rollout, segment, share_bp, e);
}

static void begin(struct acts_world *x, struct gateway_ops *ops)
{
	story_warm(x);
	fake.real = x->w.gateway->ops;
	fake.requests = 0;
	fake.lose_overrides = 0;
	*ops = *fake.real;
	ops->get_info = counting_info;
	ops->set_override = losing_override;
	x->w.gateway->ops = ops;
	acts_do(x, "start v2 500");
	acts_do(x, "tick");
}

/* A row that somebody else changed, before every tick: its repair must not renew anything. */
static void drift(struct acts_world *x)
{
	struct gateway_route r = route_desired(x->ep);

	r.share_bp = 0;
	assert_int_equal(gateway_set_route(x->w.gateway, x->ep->row.id, &r, NULL), 0);
}

static void test_who_renews(void **state)
{
	static const struct {
		const char *name;
		int requests; /* that pass the gateway in a second, without a record */
		int drifts;
		const char *want;
	} cases[] = {
		{"no traffic is no deafness", 0, 0, "v1>v2 500 stepping"},
		{"a deaf log renews nothing", 50, 0, "v1>v2 0 paused"},
		{"nor when it is one request a second", 1, 0, "v1>v2 0 paused"},
		{"nor by the repair of a row", 50, 1, "v1>v2 0 paused"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct gateway_ops ops;
		struct acts_world x;
		char look[100];

		begin(&x, &ops);
		for (int second = 0; second < 30; second++) {
			fake.requests += cases[i].requests;
			if (cases[i].drifts)
				drift(&x);
			acts_do(&x, "pass 1s");
			acts_do(&x, "tick");
		}
		acts_look(&x, look, sizeof look);
		if (strcmp(look, cases[i].want) != 0)
			fail_msg("%s: %s, expected %s", cases[i].name, look, cases[i].want);
		x.w.gateway->ops = fake.real;
		acts_world_free(&x);
	}
}

/* Moving a share is no judgement either: what is left of the lease stays what it is. */
static void test_an_act_does_not_renew(void **state)
{
	struct gateway_ops ops;
	struct acts_world x;
	int64_t before, after;

	(void)state;
	begin(&x, &ops);
	assert_int_equal(gateway_get_lease(x.w.gateway, x.ep->row.id, &before, NULL), 0);
	acts_do(&x, "pass 10s");
	assert_int_equal(acts_do(&x, "advance"), 0);
	assert_int_equal(gateway_get_lease(x.w.gateway, x.ep->row.id, &after, NULL), 0);
	assert_true(after == before);
	x.w.gateway->ops = fake.real;
	acts_world_free(&x);
}

/* A segment pinned to stable that the gateway was not told of could reach the candidate. */
static void test_no_lease_without_the_pins(void **state)
{
	struct gateway_ops ops;
	struct acts_world x;
	int64_t before, after;
	char look[100];

	(void)state;
	begin(&x, &ops);
	assert_int_equal(acts_do(&x, "override ORD 0"), 0);
	fake.lose_overrides = 1;
	gateway_fake_kill(x.w.gateway); /* it comes back with empty maps */
	acts_do(&x, "tick");
	assert_int_equal(gateway_get_lease(x.w.gateway, x.ep->row.id, &before, NULL), 0);
	assert_true(before == 0);
	for (int second = 0; second < 20; second++) {
		acts_do(&x, "pass 1s");
		acts_do(&x, "tick");
		assert_int_equal(gateway_get_lease(x.w.gateway, x.ep->row.id, &after, NULL), 0);
		assert_true(after == 0);
	}
	acts_look(&x, look, sizeof look);
	assert_string_equal(look, "v1>v2 0 paused");
	fake.lose_overrides = 0;
	assert_int_equal(acts_do(&x, "resume"), 0);
	acts_do(&x, "tick");
	assert_int_equal(gateway_fake_override(x.w.gateway, x.ep->row.id, x.rollout, "ORD"), 0);
	assert_int_equal(gateway_get_lease(x.w.gateway, x.ep->row.id, &after, NULL), 0);
	assert_true(after > clock_wall_us(&x.w.clock));
	x.w.gateway->ops = fake.real;
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_renews),
		cmocka_unit_test(test_an_act_does_not_renew),
		cmocka_unit_test(test_no_lease_without_the_pins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
