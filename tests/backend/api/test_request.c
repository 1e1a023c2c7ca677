/* test_request.c: every route as everybody, made from the table of routes: nothing that somebody
 * lacks the permission for gets through, and each refusal is an event. Also revisions, keys that
 * make an act happen once, and lowering. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/api/auth.h"
#include "backend/api/codec.h"
#include "backend/api/metrics.h"
#include "backend/api/notes.h"
#include "backend/api/request.h"
#include "backend/api/router.h"
#include "backend/base/xalloc.h"
#include "tests/support/api_world.h"

struct fixture {
	struct world *w;
	struct api_state api;
};

static int spied; /* how often a handler was reached */
static unsigned spied_permissions;

static int spy(struct request *rq, struct err *e)
{
	(void)e;
	spied++;
	spied_permissions = rq->caller.permissions;
	codec_reply(rq, 200, codec_object());
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	struct event ev = {.verb = "rollout.pause",
		.actor = "me",
		.via = "engine",
		.change = 1,
		.subject = "rollout:41",
		.project = "flights",
		.endpoint = "flights/delay",
		.rollout = 41};
	struct alert_row alert = {.project = "flights",
		.endpoint = "flights/delay",
		.kind = "guard",
		.level = "investigate",
		.state = "open",
		.message = "m",
		.since_us = 1};
	struct proposal_row proposal = {
		.id = 1, .kind = "apply", .state = "open", .project = "flights", .needed = 1};

	f->w = api_world_new();
	f->api = (struct api_state){
		.world = f->w, .notes = notes_new(f->w), .metrics = metrics_new(), .spy = spy};
	api_world_rollout(f->w, 41, "stepping", 500);
	must(api_world_event(f->w, &ev) == 1);
	must(store_begin(f->w->store, NULL) == 0);
	must(store_save_alert(f->w->store, &alert, NULL) == 0);
	must(store_commit(f->w->store, NULL) == 0);
	must(alert.id == 1);
	must(store_save_proposal(f->w->store, &proposal, "", NULL) == 0);
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

/* A request by uid; the body may be NULL. Freed by the caller. */
static struct request *ask(struct fixture *f, int64_t uid, const char *method, const char *path,
	const char *as, const char *key, const char *body)
{
	struct request *rq = request_new(&f->api, method, path);

	rq->peer = (struct caller){.uid = uid, .gid = uid, .login_uid = -1, .via = "api"};
	snprintf(rq->peer.user, sizeof rq->peer.user, "uid %lld", (long long)uid);
	str_copy(rq->as, sizeof rq->as, as ? as : "");
	str_copy(rq->idempotency, sizeof rq->idempotency, key ? key : "");
	request_begin(rq);
	if (body)
		request_add_body(rq, body, strlen(body));
	request_finish(rq);
	return rq;
}

/* A path and a body that fit the route's row. */
static void fill(const struct route *r, char *path, char *body, size_t size)
{
	static const char *const numbers[] = {[SCOPE_ROLLOUT] = "41",
		[SCOPE_CHANGE] = "1",
		[SCOPE_ALERT] = "1",
		[SCOPE_PROPOSAL] = "1"};
	const char *value = r->scope == SCOPE_ENDPOINT	? "delay"
			    : r->scope == SCOPE_VERSION ? "flights~v1"
			    : r->scope >= SCOPE_ROLLOUT && r->scope <= SCOPE_PROPOSAL
				    ? numbers[r->scope]
				    : "";
	const char *brace = strchr(r->pattern, '{');
	size_t n = 1;

	if (brace)
		snprintf(path, size, "%.*s%s%s", (int)(brace - r->pattern), r->pattern, value,
			strchr(brace, '}') + 1);
	else
		snprintf(path, size, "%s%s", r->pattern,
			r->upload == 1 ? "?project=flights&name=v9" : "");
	snprintf(body, size, "{");
	for (const struct field *f = r->body; f && f->name; f++) {
		const char *example =
			f->type == FIELD_OUTCOMES || f->type == FIELD_PREDICTIONS ? "[]"
			: f->type == FIELD_SHARE_NULL				  ? "10000"
			: f->type == FIELD_INT					  ? "60000"
			: r->scope == SCOPE_LINE				  ? "\"delay\""
			: strcmp(f->name, "spec") == 0 ? "\"project: flights\\nowner: x\\n\""
						       : "\"v1\"";
		/* A line is that of all unless an endpoint is named. */
		if (f->required || strcmp(f->name, "endpoint") == 0)
			n += (size_t)snprintf(body + n, size - n, "%s\"%s\": %s", n > 1 ? ", " : "",
				f->name, example);
	}
	snprintf(body + n, size - n, "}");
	if (strcmp(r->method, "GET") == 0 || r->upload)
		body[0] = '\0';
}

static const struct {
	int64_t uid;
	const char *role;
} people[] = {
	{UID_ADMIN, "admin"},
	{UID_OPERATOR, "operator"},
	{UID_APPROVER, "approver"},
	{UID_DEVELOPER, "developer"},
	{UID_AUDITOR, "auditor"},
	{UID_SERVICE, "service"},
	{UID_BOTH, "auditor"},
	{UID_STRANGER, "stranger"},
};
#define PEOPLE (sizeof people / sizeof people[0])

/* The permissions that are needed in these examples, beyond the row's own. */
static unsigned needed(const struct route *r)
{
	/* The override raises; the undone pause resumes; the rolled-back v1 was stable before. */
	if (strstr(r->pattern, "/overrides") || strstr(r->pattern, "/undo"))
		return PERM_RELEASE;
	if (strstr(r->pattern, "/rollback"))
		return PERM_LOWER;
	if (strstr(r->pattern, "/proposals/{n}/approve")) /* it is a spec's */
		return PERM_APPROVE;
	return r->permission;
}

static void check_cell(struct fixture *f, const struct route *r, int64_t uid, const char *role,
	const char *as, unsigned have)
{
	int may = (have & r->permission) && (have & needed(r));
	char path[200], body[400];
	struct request *rq;

	fill(r, path, body, sizeof body);
	spied = 0;
	rq = ask(f, uid, r->method, path, as, NULL, body[0] ? body : NULL);
	if (spied != may)
		fail_msg("%s %s as %s%s%s: %s, answer %d %s", r->method, r->pattern, role,
			as ? " lowered to " : "", as ? as : "",
			spied ? "got through" : "was refused", rq->reply.status,
			buf_text(&rq->reply.body));
	if (!may) {
		assert_int_equal(rq->reply.status, 403);
		assert_non_null(strstr(buf_text(&rq->reply.body),
			(r->permission & PERM_ALL) == PERM_ALL ? "has no permission here"
							       : "lacks the permission"));
	}
	if (r->mutates && spied)
		assert_true(spied_permissions & r->permission);
	request_free(rq);
}

static void test_every_route_as_everybody(void **state)
{
	struct fixture *f = *state;
	int refused = 0;

	for (const struct route *r = routes; r->method; r++)
		for (size_t p = 0; p < PEOPLE; p++) {
			unsigned have = role_permissions(people[p].role);

			check_cell(f, r, people[p].uid, people[p].role, NULL, have);
			refused += !((have & r->permission) && (have & needed(r)));
		}
	assert_true(refused > 100);
	assert_int_equal(api_world_count(f->w, "access.denied"), refused);
}

static void test_every_route_of_a_lowered_admin(void **state)
{
	struct fixture *f = *state;

	for (const struct route *r = routes; r->method; r++)
		for (int n = 0; role_name(n); n++)
			check_cell(f, r, UID_ADMIN, "admin", role_name(n),
				role_permissions(role_name(n)));
}

static void test_a_role_cannot_be_raised(void **state)
{
	static const struct {
		int64_t uid;
		const char *as;
		int status;
	} cases[] = {
		{UID_OPERATOR, "operator", 200},
		{UID_OPERATOR, "developer", 200},
		{UID_OPERATOR, "auditor", 200},
		{UID_OPERATOR, "admin", 403},
		{UID_OPERATOR, "approver", 403},
		{UID_AUDITOR, "operator", 403},
		{UID_BOTH, "operator", 403},
		{UID_STRANGER, "auditor", 403},
		{UID_SERVICE, "auditor", 403},
		{UID_ADMIN, "emperor", 400},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request *rq =
			ask(f, cases[i].uid, "GET", "/v1/whoami", cases[i].as, NULL, NULL);

		assert_int_equal(rq->reply.status, cases[i].status);
		request_free(rq);
	}
	/* Six were refused, two of them the same person on the same route within a minute. */
	assert_int_equal(api_world_count(f->w, "access.denied"), 5);
}

static void test_the_other_projects_people_are_strangers_here(void **state)
{
	struct fixture *f = *state;
	char path[200], body[400];

	for (const struct route *r = routes; r->method; r++) {
		struct request *rq;

		if (r->scope == SCOPE_ALL)
			continue;
		fill(r, path, body, sizeof body);
		spied = 0;
		rq = ask(f, UID_ETA, r->method, path, NULL, NULL, body[0] ? body : NULL);
		if (spied)
			fail_msg("%s %s got through", r->method, r->pattern);
		request_free(rq);
	}
}

static void test_a_new_project_needs_an_admin(void **state)
{
	struct fixture *f = *state;
	const char *body = "{\"spec\": \"project: fresh\\nowner: me\\n\"}";
	struct request *rq = ask(f, UID_OPERATOR, "POST", "/v1/apply", NULL, NULL, body);

	assert_int_equal(rq->reply.status, 403);
	request_free(rq);
	rq = ask(f, UID_ADMIN, "POST", "/v1/apply", NULL, NULL, body);
	assert_int_equal(rq->reply.status, 200);
	request_free(rq);
}

static void test_what_an_undo_and_a_pin_need(void **state)
{
	static const struct {
		const char *path, *body;
		int64_t uid;
		int status;
	} cases[] = {
		{"/v1/endpoints/delay/overrides", "{\"segment\": \"ORD\", \"share_bp\": 0}",
			UID_APPROVER, 200},
		{"/v1/endpoints/delay/overrides", "{\"segment\": \"ORD\", \"share_bp\": null}",
			UID_APPROVER, 403},
		{"/v1/endpoints/delay/overrides", "{\"segment\": \"ORD\", \"share_bp\": 10000}",
			UID_APPROVER, 403},
		{"/v1/endpoints/delay/overrides", "{\"segment\": \"ORD\", \"share_bp\": 10000}",
			UID_OPERATOR, 200},
		{"/v1/endpoints/delay/rollback", "{}", UID_APPROVER, 200},
		{"/v1/endpoints/delay/rollback", "{\"to\": \"v1\"}", UID_APPROVER, 200},
		{"/v1/endpoints/delay/rollback", "{\"to\": \"v9\"}", UID_APPROVER, 403},
		{"/v1/endpoints/delay/rollback", "{\"to\": \"v9\"}", UID_OPERATOR, 200},
		{"/v1/endpoints/delay/serve", "{\"to\": \"v1\"}", UID_APPROVER, 403},
		{"/v1/changes/2/undo", "{}", UID_APPROVER, 200},
		{"/v1/changes/3/undo", "{}", UID_APPROVER, 403},
	};
	struct fixture *f = *state;
	struct event ev = {.verb = "rollout.promote",
		.actor = "me",
		.via = "engine",
		.change = 1,
		.subject = "rollout:41",
		.project = "flights",
		.endpoint = "flights/delay"};

	assert_int_equal(api_world_event(f->w, &ev), 2);
	ev.verb = "rollout.abort";
	assert_int_equal(api_world_event(f->w, &ev), 3);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request *rq =
			ask(f, cases[i].uid, "POST", cases[i].path, NULL, NULL, cases[i].body);

		if (rq->reply.status != cases[i].status)
			fail_msg("%s %s: %d", cases[i].path, cases[i].body, rq->reply.status);
		request_free(rq);
	}
}

/* Stands for a handler: an act that is proven when `proven` says so. */
static int acts_done;

static int act_handler(struct request *rq, struct err *e)
{
	int repeated = request_find_answer(rq, e);

	if (repeated < 0)
		return repeated;
	if (!repeated) {
		struct act a = request_act(rq);

		rq->result.seq = rq->result.revision = 100 + ++acts_done;
		str_copy(rq->result.plan.title, sizeof rq->result.plan.title, "an act");
		if (a.in_commit) /* as an act does inside its transaction */
			assert_int_equal(a.in_commit(a.in_commit_arg, rq->result.seq, e), 0);
	}
	return request_answer_act(rq, e);
}

static struct request *pause_41(struct fixture *f, int64_t uid, const char *key, const char *body)
{
	return ask(f, uid, "POST", "/v1/rollouts/41/pause", NULL, key, body);
}

static void test_a_key_makes_an_act_happen_once(void **state)
{
	struct fixture *f = *state;
	struct request *a, *b;

	f->api.spy = act_handler;
	acts_done = 0;
	/* While the first is still being answered, then after it has ended, then after a restart.
	 */
	a = pause_41(f, UID_OPERATOR, "k1", "{\"reason\": \"x\"}");
	b = pause_41(f, UID_OPERATOR, "k1", "{\"reason\": \"x\"}");
	assert_int_equal(acts_done, 1);
	assert_int_equal(b->result.revision, 101);
	request_free(b);
	request_free(a);
	a = pause_41(f, UID_OPERATOR, "k1", "{\"reason\": \"x\"}");
	assert_int_equal(acts_done, 1);
	assert_true(a->replayed);
	assert_int_equal(a->result.revision, 101);
	assert_string_equal(a->result.plan.title, "an act");
	request_free(a);
	/* Another body, another person, no key. */
	a = pause_41(f, UID_OPERATOR, "k1", "{\"reason\": \"y\"}");
	assert_int_equal(a->reply.status, 409);
	request_free(a);
	a = pause_41(f, UID_APPROVER, "k1", "{\"reason\": \"x\"}");
	assert_int_equal(acts_done, 2);
	request_free(a);
	a = pause_41(f, UID_OPERATOR, NULL, "{\"reason\": \"x\"}");
	assert_int_equal(acts_done, 3);
	request_free(a);
}

static void test_if_match(void **state)
{
	static const struct {
		const char *text;
		int64_t revision; /* -1 = refused */
	} cases[] = {{"12", 12}, {"\"12\"", 12}, {"W/\"12\"", 12}, {"*", 0}, {"", 0}, {"x", -1},
		{"-1", -1}, {"1.5", -1}, {"99999999999999999999", -1}, {"\"", -1}, {"\"12", -1}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request *rq = request_new(&f->api, "POST", "/v1/rollouts/41/pause");

		rq->peer.uid = UID_OPERATOR;
		str_copy(rq->if_match, sizeof rq->if_match, cases[i].text);
		request_begin(rq);
		assert_int_equal(rq->done, cases[i].revision < 0);
		if (cases[i].revision >= 0)
			assert_int_equal(rq->revision, cases[i].revision);
		request_free(rq);
	}
}

static int stale_handler(struct request *rq, struct err *e)
{
	str_copy(rq->result.moved, sizeof rq->result.moved, "ana paused it 3 s ago");
	return err_set(e, ERR_STALE, "it has moved on");
}

static void test_stale_tells_what_moved(void **state)
{
	struct fixture *f = *state;
	struct request *rq;

	f->api.spy = stale_handler;
	rq = pause_41(f, UID_OPERATOR, NULL, NULL);
	assert_int_equal(rq->reply.status, 412);
	assert_non_null(strstr(buf_text(&rq->reply.body), "\"current\":{\"id\":41"));
	assert_non_null(strstr(buf_text(&rq->reply.body), "\"moved\":\"ana paused it"));
	request_free(rq);
}

static int silent_handler(struct request *rq, struct err *e)
{
	(void)rq;
	(void)e;
	return 0;
}

static void test_a_handler_that_says_nothing_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct request *rq;

	f->api.spy = silent_handler;
	rq = pause_41(f, UID_OPERATOR, NULL, NULL);
	assert_int_equal(rq->reply.status, 500);
	request_free(rq);
}

/* An engine of 1.1: who may act, who may read, by the API that they speak; and nobody acts on
 * probation. */
static void test_acts_need_a_near_api_and_no_probation(void **state)
{
	static const struct {
		const char *api;
		int probation, acts;
	} cases[] = {{"", 0, 200}, {"1.1", 0, 200}, {"1.0", 0, 200}, {"1.2", 0, 200},
		{"1.3", 0, 426}, {"2.1", 0, 426}, {"x", 0, 426}, {"1.1", 1, 503}, {"", 1, 503}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		static const char *const methods[] = {"GET", "POST"};
		static const char *const paths[] = {"/v1/rollouts/41", "/v1/rollouts/41/pause"};

		f->w->probation = cases[i].probation;
		for (int act = 0; act < 2; act++) {
			struct request *rq = request_new(&f->api, methods[act], paths[act]);

			rq->peer.uid = rq->peer.gid = UID_OPERATOR;
			str_copy(rq->api_version, sizeof rq->api_version, cases[i].api);
			request_begin(rq);
			request_finish(rq);
			assert_int_equal(rq->reply.status, act ? cases[i].acts : 200);
			request_free(rq);
		}
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_every_route_as_everybody),
		T(test_every_route_of_a_lowered_admin),
		T(test_a_role_cannot_be_raised),
		T(test_the_other_projects_people_are_strangers_here),
		T(test_a_new_project_needs_an_admin),
		T(test_what_an_undo_and_a_pin_need),
		T(test_a_key_makes_an_act_happen_once),
		T(test_acts_need_a_near_api_and_no_probation),
		T(test_if_match),
		T(test_stale_tells_what_moved),
		T(test_a_handler_that_says_nothing_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
