/* test_openapi.c: what is taken from OpenAPI documents, JSON and YAML: the operation, the server, a
 * request and an answer; and that circles, cuts and other files end in a sentence. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/intake/openapi.h"

#define HEAD "{\"openapi\":\"3.1.0\",\"paths\":{"
#define BODY(schema)                                                                               \
	"{\"post\":{\"requestBody\":{\"content\":{\"application/json\":{\"schema\":" schema "}}}}" \
	"}"

static const struct {
	const char *doc, *want_path, *sample;
} docs[] = {
	{HEAD "\"/a\":" BODY(
		 "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"}}}") "}}",
		"/a", "{\"x\":1.5}"},
	{HEAD "\"/train\":" BODY("{\"type\":\"object\"}") ",\"/score\":" BODY(
		 "{\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":3}}}") "}}",
		"/score", "{\"n\":3}"},
	{HEAD "\"/p\":" BODY("{\"type\":\"integer\",\"exclusiveMinimum\":17}") "}}", "/p", "18"},
	{HEAD "\"/p\":" BODY(
		 "{\"type\":\"integer\",\"minimum\":17,\"exclusiveMinimum\":true}") "}}",
		"/p", "18"},
	{HEAD "\"/p\":" BODY(
		 "{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":1}") "}}",
		"/p", "0.5"},
	{HEAD "\"/p\":" BODY("{\"type\":\"integer\",\"exclusiveMaximum\":0}") "}}", "/p", "-1"},
	{HEAD "\"/p\":" BODY("{\"example\":{\"b\":true}}") "}}", "/p", "{\"b\":true}"},
	{HEAD "\"/p\":" BODY(
		 "{\"type\":\"array\",\"minItems\":2,\"items\":{\"enum\":[\"k\"]}}") "}}",
		"/p", "[\"k\",\"k\"]"},
	{HEAD "\"/p\":" BODY("{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\",\"format\":"
			     "\"date\"}]}") "}}",
		"/p", "\"2026-01-02\""},
	{HEAD "\"/p\":" BODY(
		 "{\"allOf\":[{\"$ref\":\"#/"
		 "c~1d\"},{\"properties\":{\"y\":{\"const\":2}}}]}") "},\"c/"
								     "d\":{\"properties\":{"
								     "\"x\":{\"type\":["
								     "\"null\",\"boolean\"]}"
								     "}}}",
		"/p", "{\"x\":false,\"y\":2}"},
	{HEAD "\"/p\":" BODY("{\"$ref\":\"#/l/1\"}") "},\"l\":[1,{\"const\":7}]}", "/p", "7"},
	/* circles are left out where they close */
	{HEAD "\"/p\":" BODY("{\"$ref\":\"#/s\"}") "},\"s\":{\"type\":\"object\",\"properties\":{"
						   "\"v\":{\"type\":\"integer\"},\"next\":{\"$"
						   "ref\":\"#/s\"},\"all\":{\"type\":\"array\","
						   "\"items\":{\"$ref\":\"#/s\"}}}}}",
		"/p", "{\"v\":1,\"all\":[]}"},
	{HEAD "\"/p\":" BODY(
		 "{\"allOf\":[{\"$ref\":\"#/s\"}]}") "},\"s\":{\"allOf\":[{\"$ref\":\"#/s\"},"
						     "{\"$ref\":\"#/s\"},{\"$ref\":\"#/"
						     "s\"}],\"properties\":{\"v\":{\"default\":4}}}"
						     "}",
		"/p", "{\"v\":4}"},
	{HEAD "\"/m/{name}/infer\":{\"parameters\":[{\"name\":\"name\",\"in\":\"path\",\"schema\":{"
	      "\"default\":\"iris\"}}],\"post\":{\"requestBody\":{\"content\":{\"application/"
	      "json\":{"
	      "\"example\":{\"a\":1}}}}}}}}",
		"/m/iris/infer", "{\"a\":1}"},
	{"openapi: 3.0.0\npaths:\n  /p:\n    post:\n      requestBody:\n        content:\n"
	 "          application/json:\n            example: {id: '7', n: 1.5, ok: true, t: 12-3}\n",
		"/p", "{\"id\":\"7\",\"n\":1.5,\"ok\":true,\"t\":\"12-3\"}"},
};

static void documents_tell_a_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		struct openapi_found f;
		struct err e = {0};

		if (openapi_read(docs[i].doc, strlen(docs[i].doc), NULL, &f, &e))
			fail_msg("%s: %s", docs[i].doc, e.message);
		if (strcmp(f.path, docs[i].want_path) ||
			strcmp(buf_text(&f.sample), docs[i].sample))
			fail_msg("%s: %s %s", docs[i].doc, f.path, buf_text(&f.sample));
		openapi_release(&f);
	}
}

static void other_files_end_in_a_sentence(void **state)
{
	static const char *const bad[] = {"", "{}", "null", "[]", "x", "a: b", "- 1\n- 2",
		"{\"a\":", "a: *b", "a: &x [*x]", "\xff\xfe\x00", "%%%", "key: [1, 2", "? [a]\n: b",
		"\t- x", "{\"swagger\":\"2.0\",\"paths\":{}}", "{\"openapi\":\"3.0.0\"}",
		"{\"openapi\":\"3.0.0\",\"paths\":{}}", "{\"openapi\":\"3.0.0\",\"paths\":[1]}",
		HEAD "\"/p\":{\"get\":{}}}}", HEAD "\"/p\":" BODY("{\"$ref\":\"#/no\"}") "}}",
		HEAD "\"/p\":" BODY("{\"$ref\":\"http://x/y\"}") "}}",
		HEAD "\"/p\":" BODY("{\"$ref\":\"#/l/x\"}") "},\"l\":[{\"const\":1}]}",
		HEAD "\"/p\":" BODY("{\"$ref\":\"#/l/4294967296\"}") "},\"l\":[{\"const\":1}]}",
		HEAD "\"/p\":" BODY("{\"$ref\":\"#/l\"}") "},\"l\":{\"$ref\":\"#/l\"}}",
		HEAD "\"/{x}\":" BODY("{\"example\":{}}") "}}", HEAD "\"/p\":{\"post\":7}}}",
		HEAD "\"/p\":{\"$ref\":\"#/paths/~1p\"}}}"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct openapi_found f;
		struct err e = {0};

		if (openapi_read(bad[i], strlen(bad[i]), NULL, &f, &e) == 0)
			fail_msg("took %s", bad[i]);
		if (!e.message[0])
			fail_msg("no sentence for %s", bad[i]);
		openapi_release(&f);
	}
}

/* Each beginning of each document, and each with one byte changed. */
static void cut_and_damaged_documents_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++)
		for (size_t n = 0; n < strlen(docs[i].doc); n++) {
			struct openapi_found f;
			char *copy = xstrndup(docs[i].doc, n);

			openapi_read(copy, n, NULL, &f, NULL);
			openapi_release(&f);
			free(copy);
			copy = xstrdup(docs[i].doc);
			copy[n] = (char)(copy[n] ^ (1 << n % 7));
			openapi_read(copy, strlen(copy), NULL, &f, NULL);
			openapi_release(&f);
			free(copy);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_tell_a_request),
		cmocka_unit_test(other_files_end_in_a_sentence),
		cmocka_unit_test(cut_and_damaged_documents_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
