/* test_codec_openapi.c: the description has what OpenAPI 3.1 requires, and every route. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "backend/api/codec.h"
#include "backend/base/json.h"

static const cJSON *at(const cJSON *o, const char *key)
{
	const cJSON *v = json_get(o, key);

	if (!v)
		fail_msg("\"%s\" is missing", key);
	return v;
}

/* Follows "#/a/b" from the root. */
static void check_reference(const cJSON *root, const char *ref)
{
	char part[80];

	assert_true(strncmp(ref, "#/", 2) == 0);
	for (ref += 2; *ref; ref += strcspn(ref, "/"), ref += *ref == '/') {
		size_t n = strcspn(ref, "/");

		assert_true(n < sizeof part);
		memcpy(part, ref, n);
		part[n] = '\0';
		root = at(root, part);
	}
}

static void check_references(const cJSON *root, const cJSON *v)
{
	const cJSON *child;

	cJSON_ArrayForEach(child, v) {
		if (child->string && strcmp(child->string, "$ref") == 0)
			check_reference(root, child->valuestring);
		check_references(root, child);
	}
}

static void check_parameters(const cJSON *list, const char *pattern)
{
	const cJSON *p;

	cJSON_ArrayForEach(p, list) {
		const char *in = json_str(p, "in", "");
		char braced[64] = "{";

		assert_non_null(json_str(p, "name", NULL));
		assert_true(strcmp(in, "path") == 0 || strcmp(in, "query") == 0 ||
			    strcmp(in, "header") == 0);
		assert_true(cJSON_IsObject(at(p, "schema")));
		strncat(braced, json_str(p, "name", ""), 50);
		strcat(braced, "}");
		if (strcmp(in, "path") == 0) {
			assert_true(json_bool(p, "required", 0));
			assert_non_null(strstr(pattern, braced));
		}
	}
}

static void test_every_route_is_described(void **state)
{
	cJSON *root = codec_openapi();
	int count = 0;

	(void)state;
	assert_string_equal(json_str(root, "openapi", ""), "3.1.0");
	assert_non_null(json_str(at(root, "info"), "title", NULL));
	assert_non_null(json_str(at(root, "info"), "version", NULL));
	for (const struct route *r = routes; r->method; r++, count++) {
		const cJSON *path = at(at(root, "paths"), r->pattern);
		const cJSON *o = at(path, strcmp(r->method, "GET") == 0 ? "get" : "post");
		const cJSON *answer;

		assert_non_null(json_str(o, "operationId", NULL));
		assert_non_null(json_str(o, "summary", NULL));
		check_parameters(at(o, "parameters"), r->pattern);
		at(at(o, "responses"), "200");
		cJSON_ArrayForEach(answer, at(o, "responses"))
			assert_true(json_str(answer, "description", NULL) ||
				    json_str(answer, "$ref", NULL));
		for (const struct field *f = r->body; f && f->name; f++)
			at(at(at(at(at(at(o, "requestBody"), "content"), "application/json"),
				      "schema"),
				   "properties"),
				f->name);
	}
	assert_int_equal(count, 57);
	check_references(root, root);
	cJSON_Delete(root);
}

static void test_operation_ids_are_unique(void **state)
{
	cJSON *root = codec_openapi(), *seen = cJSON_CreateObject();
	const cJSON *path, *o;

	(void)state;
	cJSON_ArrayForEach(path, at(root, "paths"))
		cJSON_ArrayForEach(o, path) {
			const char *id = json_str(o, "operationId", "");

			assert_null(json_get(seen, id));
			json_put_bool(seen, id, 1);
		}
	cJSON_Delete(seen);
	cJSON_Delete(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_route_is_described),
		cmocka_unit_test(test_operation_ids_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
