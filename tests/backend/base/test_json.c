/* test_json.c: what is JSON and what is not, and numbers that must come back exactly. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"

#define EXACT INT64_C(9007199254740992) /* 2^53 */

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		size_t n; /* 0 = all of it */
		int good;
	} cases[] = {
		{"{}", 0, 1},
		{" {\"a\":[1,2,{\"b\":null}]} \r\n\t", 0, 1},
		{"\"text\"", 0, 1},
		{"7", 0, 1},
		{"{}xyz", 2, 1}, /* only n bytes are read */
		{"", 0, 0},
		{"   ", 0, 0},
		{"{", 0, 0},
		{"{} {}", 0, 0},
		{"{}x", 0, 0},
		{"{}\0x", 4, 0},
		{"{}\0", 3, 0},
		{"{\"a\":\"\\u0000\"}", 0, 1},
		{"{\"a\":1,}", 0, 0},
		{"{a:1}", 0, 0},
		{"[1 2]", 0, 0},
		{"\"open", 0, 0},
		{"nul", 0, 0},
		{"{\"a\":1}", 5, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = cases[i].n ? cases[i].n : strlen(cases[i].text);
		char *exact = xcalloc(n, 1); /* no closing NUL: a read behind it is seen by asan */
		struct err e = {0};
		cJSON *v;
		memcpy(exact, cases[i].text, n);
		v = json_parse(exact, n, "the body", &e);
		if (!v != !cases[i].good)
			fail_msg("%s: %s", cases[i].text, e.message);
		if (!v) {
			assert_int_equal(e.code, ERR_INVALID);
			assert_memory_equal(e.message, "the body is not valid JSON, at byte ", 36);
		}
		cJSON_Delete(v);
		free(exact);
	}
}

static void test_nesting(void **state)
{
	size_t n = 200000;
	char *text = xcalloc(n + 1, 1);
	struct err e = {0};

	(void)state;
	memset(text, '[', n);
	assert_null(json_parse(text, n, "it", &e));
	assert_int_equal(e.code, ERR_INVALID);
	memset(text, '[', 500);
	memset(text + 500, ']', 500);
	cJSON *v = json_parse(text, 1000, "it", &e);
	assert_non_null(v);
	cJSON_Delete(v);
	free(text);
}

static void test_integers(void **state)
{
	static const int64_t values[] = {0, 1, -1, INT32_MAX, INT32_MIN, INT64_C(4294967296),
		INT64_C(999999999999999), INT64_C(1000000000000000), INT64_C(1764000000123450),
		INT64_C(1764000000000000), INT64_C(1764000000123456), EXACT - 2, EXACT - 1, EXACT,
		-EXACT, -EXACT + 1};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		cJSON *o = cJSON_CreateObject(), *back;
		char want[64], *text;
		json_put_int(o, "n", values[i]);
		text = json_format(o);
		snprintf(want, sizeof want, "{\"n\":%" PRId64 "}", values[i]);
		assert_string_equal(text, want);
		back = json_parse(text, strlen(text), "it", NULL);
		if (json_int(back, "n", -7) != values[i])
			fail_msg("%s became %" PRId64, text, json_int(back, "n", -7));
		cJSON_Delete(back);
		cJSON_Delete(o);
		free(text);
	}
}

static void test_members(void **state)
{
	const char *text = "{\"s\":\"x\",\"n\":2.5,\"t\":true,\"f\":false,\"z\":null,\"big\":1e300,"
			   "\"over\":9007199254740994,\"S\":\"capital\",\"o\":{},\"digits\":\"5\"}";
	cJSON *v = json_parse(text, strlen(text), "it", NULL);

	(void)state;
	assert_non_null(v);
	assert_string_equal(json_str(v, "s", "-"), "x");
	assert_string_equal(json_str(v, "S", "-"), "capital");
	assert_string_equal(json_str(v, "n", "-"), "-");
	assert_string_equal(json_str(v, "z", "-"), "-");
	assert_true(json_num(v, "n", 0) == 2.5);
	assert_true(json_num(v, "digits", 9) == 9);
	assert_int_equal(json_int(v, "big", -3), -3);
	assert_int_equal(json_int(v, "over", -3), -3);
	assert_int_equal(json_int(v, "digits", -3), -3);
	assert_int_equal(json_bool(v, "t", 0), 1);
	assert_int_equal(json_bool(v, "f", 1), 0);
	assert_int_equal(json_bool(v, "n", 7), 7);
	assert_null(json_get(v, "absent"));
	assert_null(json_get(NULL, "s"));
	assert_null(json_get(json_get(v, "n"), "s"));
	assert_int_equal(json_int(NULL, "s", 4), 4);
	cJSON_Delete(v);
}

static void test_put(void **state)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	(void)state;
	json_put_str(o, "a", "quote \" and \n");
	json_put_str(o, "b", NULL);
	json_put_num(o, "c", NAN);
	json_put_num(o, "d", INFINITY);
	json_put_num(o, "e", 0.25);
	json_put_bool(o, "f", 5);
	json_put_raw(o, "g", "{\"x\":[1]}");
	json_put_raw(o, "h", "{broken");
	json_put_raw(o, "i", NULL);
	json_put_int(json_put_object(o, "j"), "k", 1);
	cJSON_AddItemToArray(json_put_array(o, "l"), cJSON_CreateNumber(1));
	text = json_format(o);
	assert_string_equal(text,
		"{\"a\":\"quote \\\" and \\n\",\"b\":null,\"c\":null,\"d\":null,\"e\":0.25,"
		"\"f\":true,\"g\":{\"x\":[1]},\"h\":null,\"i\":null,\"j\":{\"k\":1},\"l\":[1]}");
	free(text);
	cJSON_Delete(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
