/* test_server.c: a server that a person takes out of the rotation stays out, whatever restarts. */
#include "tests/backend/acts/story.h"

#include <stdlib.h>

#include "backend/acts/change.h"
#include "backend/acts/reconcile.h"
#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

static const struct story stories[] = {
	{"out and back", {{"drain 127.0.0.1:9001", "v1> 0 aborted"},
				 {"drain 127.0.0.1:9001", "!conflict: drained already"},
				 {"drain u9001-127-0-0-1", "!conflict: drained already"},
				 {"ready v1/u9001-127-0-0-1", "v1> 0 aborted"},
				 {"ready 127.0.0.1:9001", "!conflict: is not drained"},
				 {"drain u9001-127-0-0-1 v1", "v1> 0 aborted"}}},
	{"unknown ones", {{"drain 127.0.0.1:1", "!not_found: has no upstream server 127.0.0.1:1"},
				 {"drain 127.0.0.1:9001 v2", "!not_found: of version v2"},
				 {"drain v2/u9001-127-0-0-1", "!not_found: of version v2"},
				 {"drain v1/", "!not_found: has no upstream server"},
				 {"seen 1", NULL}, {"drain 127.0.0.1:9001", "!stale: "}}},
	{"undone both ways", {{"drain 127.0.0.1:9001", "v1> 0 aborted"}, {"undo", "v1> 0 aborted"},
				     {"drain 127.0.0.1:9001", "v1> 0 aborted"},
				     {"ready 127.0.0.1:9001", "v1> 0 aborted"},
				     {"undo", "v1> 0 aborted"}, {"undo", "v1> 0 aborted"}}},
	{"a drained candidate is not ready",
		{{"drain 127.0.0.1:9002", "v1> 0 aborted"}, {"start v2", "v1>v2 0 waiting"},
			{"tick", "v1>v2 0 waiting"}, {"ready 127.0.0.1:9002", "v1>v2 0 waiting"},
			{"tick 2", "v1>v2 100 stepping"}}},
};

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

static const char *seen(struct acts_world *x, const char *version)
{
	const struct gateway_server_state *s;
	char name[48];

	snprintf(name, sizeof name, "u900%c-127-0-0-1", version[1]);
	servers_refresh(&x->w, x->ep);
	s = server_of(x->ep, slot_find(x->ep, version), name);
	return s ? s->state : "none";
}

static void what_is_wanted_outlives_gateway_and_engine(void **state)
{
	struct acts_world x;

	(void)state;
	story_warm(&x);
	assert_string_equal(seen(&x, "v1"), "up");
	/* The gateway does not hear it at once. */
	acts_do(&x, "fail 3");
	assert_int_equal(acts_do(&x, "drain 127.0.0.1:9001"), 0);
	acts_do(&x, "tick 2");
	assert_string_equal(seen(&x, "v1"), "drain");
	assert_int_equal(upstreams_settled(x.ep), 1);
	acts_do(&x, "kill");
	acts_do(&x, "tick");
	assert_string_equal(seen(&x, "v1"), "drain");
	assert_int_equal(world_load(&x.w, &x.e), 0);
	acts_do(&x, "on flights/delay");
	assert_int_equal(x.ep->drain_count, 1);
	assert_string_equal(x.ep->drains[0].reason, "a test");
	acts_do(&x, "tick");
	assert_string_equal(seen(&x, "v1"), "drain");
	/* Somebody's hand at the gateway is put right. */
	assert_int_equal(gateway_server_ready(x.w.gateway, x.ep->row.id, slot_find(x.ep, "v1"),
				 "u9001-127-0-0-1", &x.e),
		0);
	acts_do(&x, "tick");
	assert_string_equal(seen(&x, "v1"), "drain");
	acts_do(&x, "ready 127.0.0.1:9001");
	assert_string_equal(seen(&x, "v1"), "up");
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

static int plan_has(const struct act_result *r, const char *words)
{
	for (int i = 0; i < r->plan.warning_count; i++)
		if (strstr(r->plan.warnings[i], words))
			return 1;
	return 0;
}

static void the_last_ready_one_is_told(void **state)
{
	struct acts_world x;

	(void)state;
	story_warm(&x);
	acts_do(&x, "drain 127.0.0.1:9001");
	assert_true(plan_has(&x.r, "last ready server of stable v1"));
	acts_do(&x, "ready 127.0.0.1:9001");
	assert_int_equal(x.r.plan.warning_count, 0);
	acts_do(&x, "start v2");
	acts_do(&x, "tick 2");
	acts_do(&x, "drain 127.0.0.1:9002");
	assert_true(plan_has(&x.r, "last ready server of candidate v2: the guard will abort"));
	acts_do(&x, "drain 127.0.0.1:9003"); /* serves nothing */
	assert_int_equal(x.r.plan.warning_count, 0);
	acts_world_free(&x);
}

static int apply_text(struct acts_world *x, const char *text)
{
	struct act a = {.caller = acts_person("root"), .reason = "a test"};
	struct apply_request req = {.text = text, .size = strlen(text), .commit = "", .base = -1};

	return act_apply(&x->w, &a, &req, &x->r, &x->e);
}

static void a_drain_ends_with_its_server(void **state)
{
	struct acts_world x;
	struct buf base = {0};
	char *other, *at;

	(void)state;
	story_warm(&x);
	acts_do(&x, "drain 127.0.0.1:9003");
	acts_do(&x, "drain 127.0.0.1:9001");
	acts_spec(&x, "base", &base);
	other = xstrdup(buf_text(&base));
	at = strstr(other, "127.0.0.1:9003");
	assert_non_null(at);
	memcpy(at, "127.0.0.1:9013", 14);
	assert_int_equal(apply_text(&x, other), 0);
	acts_do(&x, "on flights/delay");
	assert_int_equal(x.ep->drain_count, 1);
	assert_string_equal(x.ep->drains[0].server, "u9001-127-0-0-1");
	assert_int_equal(apply_text(&x, buf_text(&base)), 0);
	acts_do(&x, "on flights/delay");
	assert_int_equal(x.ep->drain_count, 1); /* it came back ready */
	free(other);
	buf_release(&base);
	acts_world_free(&x);
}

/* A server that is spoken to in another way is another server. */
static void the_name_tells_how_it_is_spoken_to(void **state)
{
	struct spec_endpoint config = {.ca = ""};
	struct live_endpoint ep = {.config = &config};
	struct spec_arm arm = {.name = "v1", .server_count = 1};
	struct gateway_server plain, tls, trusted, few;

	(void)state;
	str_copy(arm.servers[0].host, sizeof arm.servers[0].host, "[2001:db8::1]");
	arm.servers[0].port = 443;
	upstream_server(&ep, &arm, 0, &plain);
	assert_string_equal(plain.name, "u443--2001-db8--1-");
	assert_string_equal(plain.address, "[2001:db8::1]:443");
	arm.tls = 1;
	upstream_server(&ep, &arm, 0, &tls);
	assert_string_not_equal(tls.name, plain.name);
	assert_null(tls.ca);
	str_copy(config.ca, sizeof config.ca, "x");
	upstream_server(&ep, &arm, 0, &trusted);
	assert_string_not_equal(trusted.name, tls.name);
	assert_ptr_equal(trusted.ca, config.ca);
	arm.connections = 4;
	upstream_server(&ep, &arm, 0, &few);
	assert_string_not_equal(few.name, trusted.name);
	assert_int_equal(few.connections, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(what_is_wanted_outlives_gateway_and_engine),
		cmocka_unit_test(the_last_ready_one_is_told),
		cmocka_unit_test(a_drain_ends_with_its_server),
		cmocka_unit_test(the_name_tells_how_it_is_spoken_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
