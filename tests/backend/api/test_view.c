/* test_view.c: the state of an endpoint in one word, and which changes are suspected. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/api/view.h"
#include "backend/base/xalloc.h"
#include "tests/support/api_world.h"

#define NOW (1795474000LL * 1000000)
#define MIN (60 * 1000000LL)

/* n answers of an arm in the last half minute, `failed` of them failures. */
static void feed(struct live_endpoint *ep, enum arm arm, int n, int failed, int64_t age_us)
{
	for (int i = 0; i < n; i++) {
		struct record r = {.arm = arm,
			.status = 200,
			.answer_ms = 5,
			.score = NAN,
			.keyed = 1,
			.routed_us = NOW - age_us - (i % 20) * 1000000,
			.failed = i < failed};

		window_add(ep->window, &r);
	}
}

struct situation {
	const char *name;
	int gateway_down, server, n, failed, candidate_n, candidate_failed;
	int64_t age_us;
	const char *rollout;
	int share_bp, guard;
	const char *alert; /* its level */
	enum health want;
	const char *word;
};

static const struct situation situations[] = {
	{"quiet", 0, 0, 100, 0, 0, 0, MIN / 6, NULL, 0, 0, NULL, HEALTH_OK, "serving v2"},
	{"no traffic ever", 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0, NULL, HEALTH_OK, "no request yet"},
	{"silent", 0, 0, 10, 0, 0, 0, 3 * MIN, NULL, 0, 0, NULL, HEALTH_MISSING,
		"no request for 3 min"},
	{"gateway gone", 1, 0, 100, 0, 0, 0, MIN / 6, NULL, 0, 0, NULL, HEALTH_DOWN, "gateway"},
	{"no server", 0, -1, 100, 0, 0, 0, MIN / 6, NULL, 0, 0, NULL, HEALTH_DOWN,
		"no server of v2"},
	{"server", 0, 1, 100, 0, 0, 0, MIN / 6, NULL, 0, 0, NULL, HEALTH_OK, ""},
	{"few failures", 0, 0, 20, 2, 0, 0, MIN / 6, NULL, 0, 0, NULL, HEALTH_OK, ""},
	{"failures", 0, 0, 100, 6, 0, 0, MIN / 6, NULL, 0, 0, NULL, HEALTH_HARM, "6.0 % of v2's"},
	{"the candidate fails", 0, 0, 900, 0, 10, 5, MIN / 6, "stepping", 100, 0, NULL, HEALTH_HARM,
		"50.0 % of v3's"},
	{"canary", 0, 0, 90, 0, 10, 0, MIN / 6, "stepping", 500, 0, NULL, HEALTH_WATCH,
		"has v3 at 5 %"},
	{"paused", 0, 0, 90, 0, 10, 0, MIN / 6, "paused", 0, 0, NULL, HEALTH_WATCH, "is paused"},
	{"waiting", 0, 0, 90, 0, 0, 0, MIN / 6, "waiting", 0, 0, NULL, HEALTH_WAITING,
		"servers of v3"},
	{"guard near", 0, 0, 90, 0, 9, 0, MIN / 6, "stepping", 500, 4, NULL, HEALTH_HARM,
		"guard: 4"},
	{"rollback alert", 0, 0, 90, 0, 0, 0, MIN / 6, NULL, 0, 0, "rollback", HEALTH_HARM,
		"an alert"},
	{"an alert", 0, 0, 90, 0, 0, 0, MIN / 6, NULL, 0, 0, "investigate", HEALTH_WATCH,
		"an alert"},
};

static void check(const struct situation *s)
{
	struct world *w = api_world_new();
	struct live_endpoint *ep = w->endpoints[0];
	struct alert_row row = {
		.level = "", .state = "open", .message = "an alert", .since_us = NOW - MIN};
	struct alert_list open = {&row, s->alert != NULL};
	struct endpoint_view v;

	w->clock = clock_fake(NOW);
	w->gateway_up = !s->gateway_down;
	feed(ep, ARM_STABLE, s->n, s->failed, s->age_us);
	feed(ep, ARM_CANDIDATE, s->candidate_n, s->candidate_failed, s->age_us);
	if (s->server) {
		ep->server_count = 1;
		str_copy(ep->servers[0].state, sizeof ep->servers[0].state,
			s->server > 0 ? "up" : "down");
	}
	if (s->rollout)
		api_world_rollout(w, 41, s->rollout, s->share_bp);
	if (s->guard) {
		guard_reset(&ep->guard, 41);
		for (int i = 0; i < s->guard; i++) {
			struct record r = {.arm = ARM_CANDIDATE, .rollout = 41, .failed = 1};

			guard_add(&ep->guard, &r, (int)w->settings.guard_window);
		}
	}
	if (s->alert) {
		str_copy(row.level, sizeof row.level, s->alert);
		str_copy(row.endpoint, sizeof row.endpoint, ep->row.id);
	}
	view_endpoint(w, ep, &open, &v);
	if (v.health != s->want || !strstr(v.state_word, s->word))
		fail_msg("%s: %s, \"%s\"", s->name, health_name(v.health), v.state_word);
	if (s->alert)
		assert_int_equal(v.trouble_us, NOW - MIN);
	if (s->n && s->age_us < MIN)
		assert_int_equal(v.arms[ARM_STABLE].requests, s->n);
	api_world_free(w);
}

static void test_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof situations / sizeof situations[0]; i++)
		check(&situations[i]);
}

static void test_suspicion(void **state)
{
	static const struct {
		const char *verb, *endpoint, *project;
		int64_t before_us; /* the trouble */
		int trouble;
		int64_t rollout; /* of the change; the endpoint's is `active` */
		const char *version;
		int64_t active;
		int want;
		const char *why;
	} cases[] = {
		{"rollout.start", "flights/delay", "flights", 9 * MIN, 1, 4, "v3", 0, 3,
			"9 min before the trouble, touches it"},
		{"rollout.start", "flights/delay", "flights", 9 * MIN, 1, 4, "v3", 4, 3, "touches"},
		{"rollout.start", "flights/delay", "flights", 9 * MIN, 1, 3, "v2", 4, 2, "9 min"},
		{"rollout.abort", "flights/delay", "flights", 0, 1, 4, "v3", 0, 2, "0 s before"},
		{"rollout.start", "flights/other", "flights", 9 * MIN, 1, 9, "v3", 0, 1,
			"9 min before the trouble"},
		{"spec.apply", NULL, "flights", 9 * MIN, 1, 0, NULL, 0, 2, "9 min"},
		{"engine.restore", NULL, NULL, 9 * MIN, 1, 0, NULL, 0, 3, "9 min"},
		{"version.add", NULL, "flights", 9 * MIN, 1, 0, "v5", 0, 0, "14 min ago"},
		{"version.add", NULL, "flights", 9 * MIN, 1, 0, "v2", 0, 1, "9 min"},
		{"version.add", NULL, "eta", 9 * MIN, 1, 0, "v2", 0, 0, "14 min ago"},
		{"spec.apply", "eta/arrival", "eta", 9 * MIN, 1, 0, NULL, 0, 1, "9 min before"},
		{"spec.apply", "flights/delay", "flights", 31 * MIN, 1, 0, NULL, 0, 0,
			"36 min ago"},
		{"spec.apply", "flights/delay", "flights", -2 * MIN, 1, 0, NULL, 0, 0, "3 min ago"},
		{"spec.apply", "flights/delay", "flights", -MIN / 6, 1, 0, NULL, 0, 3,
			"with the trouble, touches it"},
		{"spec.apply", "flights/delay", "flights", 9 * MIN, 0, 0, NULL, 0, 0, "14 min ago"},
	};
	struct live_endpoint ep = {
		.row = {.id = "flights/delay", .project = "flights", .stable = "v2"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct endpoint_view v = {.ep = &ep,
			.health = HEALTH_HARM,
			.trouble_us = cases[i].trouble ? NOW - 5 * MIN : 0};
		struct event ev = {.at_us = NOW - 5 * MIN - cases[i].before_us,
			.verb = cases[i].verb,
			.endpoint = cases[i].endpoint,
			.project = cases[i].project,
			.rollout = cases[i].rollout,
			.version = cases[i].version};
		char why[80];
		int got;

		ep.row.rollout = cases[i].active;
		got = suspicion_of(&ev, &v, 1, NOW, why, sizeof why);
		if (got != cases[i].want || !strstr(why, cases[i].why))
			fail_msg("case %zu: %d, %s", i, got, why);
	}
}

/* A harm that was taken back and is not yet acknowledged never stands before one that goes on. */
static void test_order(void **state)
{
	static struct live_endpoint eps[3];
	struct endpoint_view v[3];
	static const char *const want[] = {"t/zeta", "t/alpha", "t/beta"};

	(void)state;
	for (int i = 0; i < 3; i++)
		v[i] = (struct endpoint_view){.ep = &eps[i], .health = HEALTH_HARM};
	str_copy(eps[0].row.id, sizeof eps[0].row.id, "t/beta");
	str_copy(eps[1].row.id, sizeof eps[1].row.id, "t/zeta");
	str_copy(eps[2].row.id, sizeof eps[2].row.id, "t/alpha");
	eps[1].row.rollout = 5;
	v[0].health = HEALTH_WATCH;
	qsort(v, 3, sizeof *v, view_compare);
	for (int i = 0; i < 3; i++)
		assert_string_equal(v[i].ep->row.id, want[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_suspicion),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
