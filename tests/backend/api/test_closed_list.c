/* test_closed_list.c: an account with a list of commands may use the routes of these and no others,
 * whatever its roles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/api/closed_list.h"
#include "backend/api/metrics.h"
#include "backend/api/notes.h"
#include "backend/api/router.h"
#include "backend/base/xalloc.h"
#include "tests/support/api_world.h"

struct fixture {
	struct world *w;
	struct api_state api;
};

static int got_through(struct request *rq, struct err *e)
{
	(void)e;
	rq->reply.status = 200;
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	f->w = api_world_new();
	f->api = (struct api_state){.world = f->w,
		.notes = notes_new(f->w),
		.metrics = metrics_new(),
		.spy = got_through};
	api_world_rollout(f->w, 41, "stepping", 500);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	notes_free(f->api.notes);
	metrics_free(f->api.metrics);
	api_world_free(f->w);
	free(f);
	return 0;
}

/* ci may use these commands, as the project with this number says. */
static void list(struct fixture *f, int project, const char *const *commands)
{
	struct spec *s = f->w->projects[project]->access;
	struct spec_account *a = &s->accounts[s->account_count++];

	*a = (struct spec_account){.name = "ci", .kind = "robot"};
	for (int i = 0; commands[i]; i++)
		str_copy(a->may[a->may_count++], sizeof a->may[0], commands[i]);
}

/* The status that ci, who is an admin of flights, gets. */
static int status(struct fixture *f, const char *method, const char *path, const char *body)
{
	struct request *rq = request_new(&f->api, method, path);
	int result;

	rq->peer =
		(struct caller){.uid = UID_ADMIN, .gid = UID_ADMIN, .login_uid = -1, .via = "api"};
	strcpy(rq->peer.user, "ci");
	request_begin(rq);
	if (body)
		request_add_body(rq, body, strlen(body));
	request_finish(rq);
	result = rq->reply.status;
	if (result == 403)
		assert_non_null(strstr(buf_text(&rq->reply.body), "may use nothing but"));
	request_free(rq);
	return result;
}

static void test_the_list_is_closed(void **state)
{
	static const char *const may[] = {
		"rollout start", "rollout abort", "version add", "status", NULL};
	static const struct {
		const char *method, *path, *body;
		int status;
	} cases[] = {
		{"POST", "/v1/endpoints/delay/rollouts", "{\"to\":\"v3\"}", 200},
		{"POST", "/v1/endpoints/delay/rollouts?dry_run=1", "{\"to\":\"v3\"}", 200},
		{"POST", "/v1/rollouts/41/abort", "{}", 200},
		{"POST", "/v1/versions?project=flights&name=v9", NULL, 200},
		{"GET", "/v1/now", NULL, 200},
		{"GET", "/v1/whoami", NULL, 200},
		{"GET", "/v1/engine", NULL, 200},
		{"POST", "/v1/rollouts/41/promote", "{}", 403},
		{"POST", "/v1/rollouts/41/approve", "{}", 403},
		{"POST", "/v1/endpoints/delay/serve", "{\"to\":\"v3\"}", 403},
		{"POST", "/v1/endpoints/delay/rollback", "{}", 403},
		{"POST", "/v1/apply", "{\"spec\":\"project: flights\\n\"}", 403},
		{"POST", "/v1/freeze", "{\"endpoint\":\"delay\"}", 403},
		{"POST", "/v1/engine/stop", "{}", 403},
		{"POST", "/v1/engine/upgrade", NULL, 403},
		{"POST", "/v1/backup", "{}", 403},
		{"GET", "/v1/rollouts/41", NULL, 403},
		{"GET", "/v1/versions", NULL, 403},
		{"GET", "/v1/audit", NULL, 403},
		{"GET", "/metrics", NULL, 403},
	};
	struct fixture *f = *state;

	assert_int_equal(status(f, "POST", "/v1/rollouts/41/promote", "{}"), 200);
	list(f, 0, may);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int got = status(f, cases[i].method, cases[i].path, cases[i].body);

		if (got != cases[i].status)
			fail_msg("%s %s: %d, wanted %d", cases[i].method, cases[i].path, got,
				cases[i].status);
	}
}

/* The list of the request's own project holds there; elsewhere what any project lists. */
static void test_each_project_lists_for_itself(void **state)
{
	static const char *const here[] = {"rollout abort", NULL};
	static const char *const there[] = {"rollout promote", "status", NULL};
	struct fixture *f = *state;

	list(f, 1, there);
	assert_int_equal(status(f, "POST", "/v1/rollouts/41/promote", "{}"), 200);
	assert_int_equal(status(f, "POST", "/v1/rollouts/41/abort", "{}"), 403);
	list(f, 0, here);
	assert_int_equal(status(f, "POST", "/v1/rollouts/41/promote", "{}"), 403);
	assert_int_equal(status(f, "POST", "/v1/rollouts/41/abort", "{}"), 200);
	assert_int_equal(status(f, "GET", "/v1/now", NULL), 200);
	assert_int_equal(status(f, "GET", "/v1/audit", NULL), 403);
}

static const char *const all_commands[] = {
#define COMMAND(name, ...) name,
#include "backend/wire/commands.def"
#undef COMMAND
	"outcomes", "predictions", NULL};

/* What no command uses, no list can allow. */
static void test_every_act_has_a_command(void **state)
{
	(void)state;
	for (const struct route *r = routes; r->method; r++) {
		int used = 0;

		for (int i = 0; all_commands[i]; i++)
			used |= closed_list_uses(all_commands[i], r->method, r->pattern);
		if (r->mutates && !used)
			fail_msg("no command uses %s %s", r->method, r->pattern);
	}
	assert_true(closed_list_uses("policy explain", "GET", "/v1/rollouts/{n}/policy"));
	assert_true(closed_list_uses("policy explain", "GET", "/v1/endpoints/{e}/policy"));
	assert_false(closed_list_uses("rollout show", "GET", "/v1/rollouts/{n}/policy"));
	assert_false(closed_list_uses("rollout show", "GET", "/v1/rollouts"));
	assert_false(closed_list_uses("rollout list", "GET", "/v1/rollouts/{n}"));
	assert_false(closed_list_uses("rollout pause", "POST", "/v1/rollouts/{n}/promote"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_the_list_is_closed),
		T(test_each_project_lists_for_itself),
		cmocka_unit_test(test_every_act_has_a_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
