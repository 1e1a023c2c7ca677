/* test_router.c: paths, escapes, queries and did-you-mean. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "backend/api/router.h"
#include "backend/api/suggest.h"
#include "tests/support/api_world.h"

static struct api_state api;

static void test_paths(void **state)
{
	static const struct {
		const char *method, *path, *pattern, *param, *word;
		int code;
	} cases[] = {
		{"GET", "/v1/engine", "/v1/engine", "", "", 0},
		{"GET", "/v1/endpoints/delay", "/v1/endpoints/{e}", "delay", "", 0},
		{"GET", "/v1/endpoints/a%2Fb", "/v1/endpoints/{e}", "a/b", "", 0},
		{"POST", "/v1/rollouts/41/abort", "/v1/rollouts/{n}/abort", "41", "", 0},
		{"GET", "/v1/rollouts/41/abort", NULL, "", "use POST", -ERR_METHOD_N},
		{"PUT", "/v1/versions", NULL, "", "GET, POST", -ERR_METHOD_N},
		{"GET", "/v1/rolouts", NULL, "", "/v1/rollouts?", -ERR_NOT_FOUND_N},
		{"GET", "/", NULL, "", "openapi", -ERR_NOT_FOUND_N},
		{"GET", "", NULL, "", "openapi", -ERR_NOT_FOUND_N},
		{"GET", "//v1/engine", NULL, "", "", -ERR_NOT_FOUND_N},
		{"GET", "/v1/engine/", NULL, "", "", -ERR_NOT_FOUND_N},
		{"GET", "/v1/a/b/c/d/e/f/g/h/i", NULL, "", "", -ERR_NOT_FOUND_N},
		{"GET", "/v1/endpoints/%", NULL, "", "", -ERR_INVALID_N},
		{"GET", "/v1/endpoints/%2", NULL, "", "", -ERR_INVALID_N},
		{"GET", "/v1/endpoints/%00", NULL, "", "", -ERR_INVALID_N},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request *rq = request_new(&api, cases[i].method, cases[i].path);
		struct err e = {0};

		assert_int_equal(router_find(rq, &e), cases[i].code);
		if (cases[i].pattern) {
			assert_string_equal(rq->route->pattern, cases[i].pattern);
			assert_string_equal(rq->param[0], cases[i].param);
		}
		assert_non_null(strstr(e.hint, cases[i].word));
		request_free(rq);
	}
}

static void test_queries(void **state)
{
	static const struct {
		const char *uri, *name, *value;
		int fine;
	} cases[] = {
		{"/v1/audit?limit=5&match=a%26b", "match", "a&b", 1},
		{"/v1/audit?match=a+b%2B", "match", "a b+", 1},
		{"/v1/audit?match=", "match", "", 1},
		{"/v1/audit?", NULL, NULL, 1},
		{"/v1/audit?match", "match", "", 1},
		{"/v1/audit?limit=5&limit=6", NULL, NULL, 0},
		{"/v1/audit?match=%0", NULL, NULL, 0},
		{"/v1/audit?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1&l=1&m=1&n=1&o=1&p=1&q=1",
			NULL, NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct request *rq = request_new(&api, "GET", cases[i].uri);

		assert_int_equal(!rq->done, cases[i].fine);
		if (cases[i].name)
			assert_string_equal(request_query(rq, cases[i].name), cases[i].value);
		request_free(rq);
	}
}

static void test_every_row_is_whole(void **state)
{
	(void)state;
	for (const struct route *r = routes; r->method; r++) {
		assert_non_null(r->handler);
		assert_true(r->summary && r->summary[0] && r->permission);
		/* What only looks needs no more than reading; what changes is a POST. */
		assert_int_equal(strcmp(r->method, "GET") == 0 && r->mutates, 0);
		if (r->mutates)
			assert_int_equal(r->permission & PERM_READ, 0);
		for (const struct route *o = r + 1; o->method; o++)
			assert_false(strcmp(r->method, o->method) == 0 &&
				     strcmp(r->pattern, o->pattern) == 0);
	}
}

static void test_distances(void **state)
{
	static const struct {
		const char *a, *b;
		int want;
	} cases[] = {{"", "", 0}, {"a", "", 1}, {"abc", "abc", 0}, {"abc", "acb", 1},
		{"limt", "limit", 1}, {"Reason", "reason", 0}, {"kitten", "sitting", 3}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(suggest_distance(cases[i].a, cases[i].b), cases[i].want);
		assert_int_equal(suggest_distance(cases[i].b, cases[i].a), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_every_row_is_whole),
		cmocka_unit_test(test_distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
