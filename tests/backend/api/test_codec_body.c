/* test_codec_body.c: the strictness of bodies: a table of wrong ones, and random damage done to
 * right ones for two seconds with a fixed seed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/api/codec.h"
#include "backend/base/xalloc.h"

static const struct field fields[] = {
	{"reason", FIELD_REASON, 0, "why"},
	{"to", FIELD_NAME, 1, "the version"},
	{"share_bp", FIELD_SHARE, 0, "share"},
	{"pin", FIELD_SHARE_NULL, 0, "share or null"},
	{"base", FIELD_INT, 0, "a number"},
	{"all", FIELD_BOOL, 0, "all"},
	{"segment", FIELD_SEGMENT, 0, "segment"},
	{"outcomes", FIELD_OUTCOMES, 0, "outcomes"},
	{NULL, FIELD_TEXT, 0, NULL},
};

static void test_wrong_bodies_are_named(void **state)
{
	static const struct {
		const char *text, *field, *message, *hint;
	} cases[] = {
		{"{\"to\":\"v1\"}", NULL, NULL, NULL},
		{"  {\"to\":\"v1\"} \n", NULL, NULL, NULL},
		{"", "to", "missing", ""},
		{"{}", "to", "missing", ""},
		{"[]", "", "one JSON object", "reason"},
		{"\"to\"", "", "one JSON object", ""},
		{"{\"to\":\"v1\"", "", "not valid JSON", ""},
		{"{\"to\":\"v1\"} x", "", "not valid JSON", ""},
		{"{\"to\":\"v1\",\"reson\":\"x\"}", "reson", "unknown field", "\"reason\""},
		{"{\"to\":\"v1\",\"TO\":\"v1\"}", "TO", "unknown field", "\"to\""},
		{"{\"to\":\"v1\",\"xyzzy\":1}", "xyzzy", "unknown field", ""},
		{"{\"to\":\"v1\",\"to\":\"v2\"}", "to", "twice", ""},
		{"{\"to\":1}", "to", "a text in quotes", ""},
		{"{\"to\":\"../v1\"}", "to", "must be a name", ""},
		{"{\"to\":\"\"}", "to", "must be a name", ""},
		{"{\"to\":\"-rf\"}", "to", "must be a name", ""},
		{"{\"to\":\"v1\",\"share_bp\":\"5\"}", "share_bp", "basis points", ""},
		{"{\"to\":\"v1\",\"share_bp\":-1}", "share_bp", "basis points", ""},
		{"{\"to\":\"v1\",\"share_bp\":10001}", "share_bp", "basis points", ""},
		{"{\"to\":\"v1\",\"share_bp\":1.5}", "share_bp", "basis points", ""},
		{"{\"to\":\"v1\",\"share_bp\":1e999}", "share_bp", "basis points", ""},
		{"{\"to\":\"v1\",\"share_bp\":null}", "share_bp", "basis points", ""},
		{"{\"to\":\"v1\",\"pin\":null}", NULL, NULL, NULL},
		{"{\"to\":\"v1\",\"pin\":true}", "pin", "null or", ""},
		{"{\"to\":\"v1\",\"base\":1e17}", "base", "whole number", ""},
		{"{\"to\":\"v1\",\"base\":NaN}", "", "not valid JSON", ""},
		{"{\"to\":\"v1\",\"all\":1}", "all", "true or false", ""},
		{"{\"to\":\"v1\",\"segment\":\"O RD\"}", "segment", "must be a segment", ""},
		{"{\"to\":\"v1\",\"reason\":\"a\\nb\"}", "reason", "control", ""},
		{"{\"to\":\"v1\",\"reason\":\"\\u001b[2J\"}", "reason", "control", ""},
		{"{\"to\":\"v1\",\"reason\":\"\xc2\x9b"
		 "2J\"}",
			"reason", "control", ""},
		{"{\"to\":\"v1\",\"reason\":\"a\\u0000b\"}", "", "NUL", ""},
		{"{\"to\":\"v1\",\"reason\":\"a\\\\u0000b\"}", NULL, NULL, NULL},
		{"{\"to\":\"v1\",\"reason\":\"\xff\"}", "", "UTF-8", ""},
		{"{\"to\":\"v1\",\"reason\":\"\xed\xa0\x80\"}", "", "UTF-8", ""},
		{"{\"to\":\"v1\",\"reason\":\"gr\xc3\xbc\xc3\x9f\"}", NULL, NULL, NULL},
		{"{\"to\":\"v1\",\"outcomes\":{}}", "outcomes", "a list", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = {0};
		struct body *b = body_parse(cases[i].text, strlen(cases[i].text), fields, &e);

		if (!b != !!cases[i].field)
			fail_msg("%s: %s", cases[i].text, b ? "accepted" : e.message);
		if (!b) {
			assert_int_equal(e.code, ERR_INVALID);
			assert_string_equal(e.field, cases[i].field);
			assert_non_null(strstr(e.message, cases[i].message));
			assert_non_null(strstr(e.hint, cases[i].hint));
		}
		body_free(b);
	}
}

static void test_a_reason_has_a_limit(void **state)
{
	char text[1200];

	(void)state;
	for (int n = 499; n <= 501; n++) {
		struct err e;
		struct body *b;

		snprintf(text, sizeof text, "{\"to\":\"v1\",\"reason\":\"%0*d\"}", n, 0);
		b = body_parse(text, strlen(text), fields, &e);
		assert_int_equal(b != NULL, n <= 500);
		body_free(b);
	}
}

static void test_values_are_read(void **state)
{
	const char *text = "{\"to\":\"v1\",\"share_bp\":500,\"all\":true,\"pin\":null}";
	struct body *b = body_parse(text, strlen(text), fields, NULL);

	(void)state;
	assert_string_equal(body_str(b, "to"), "v1");
	assert_null(body_str(b, "reason"));
	assert_int_equal(body_int(b, "share_bp", -1), 500);
	assert_int_equal(body_int(b, "base", -1), -1);
	assert_int_equal(body_bool(b, "all", 0), 1);
	assert_true(body_is_null(b, "pin"));
	assert_false(body_is_null(b, "base"));
	body_free(b);
}

static void test_predictions(void **state)
{
	static const struct {
		const char *item, *fault;
	} cases[] = {
		{"{\"id\":\"a\",\"score\":0.5}", NULL},
		{"{\"id\":\"a\",\"score\":true}", "must be a number"},
		{"{\"id\":\"a\"}", "must have exactly"},
		{"{\"id\":\"a\",\"score\":1,\"x\":1}", "must have exactly"},
		{"{\"id\":\"\",\"score\":1}", "X-Request-ID"},
		{"{\"id\":\"0123456789012345678901234567890123456789\",\"score\":1}",
			"X-Request-ID"},
		{"7", "must have exactly"},
		{"{\"endpoint\":\"e\",\"version\":\"v\",\"status\":200}", NULL},
		{"{\"endpoint\":\"e\",\"version\":\"v\",\"status\":0,\"ms\":1.5,\"time\":9}", NULL},
		{"{\"endpoint\":\"e\",\"version\":\"v\"}", "must have \"endpoint\""},
		{"{\"endpoint\":\"e\",\"status\":200}", "must have \"endpoint\""},
		{"{\"endpoint\":\"e\",\"version\":\"v\",\"status\":200,\"score\":1}",
			"must have \"endpoint\""},
		{"{\"endpoint\":\"e\",\"version\":\"v\",\"status\":-1}", "the status of HTTP"},
		{"{\"endpoint\":\"e\",\"version\":\"v\",\"status\":\"200\"}", "the status of HTTP"},
		{"{\"endpoint\":\"e\",\"version\":\"v\",\"status\":200,\"ms\":-1}", "milliseconds"},
		{"{\"endpoint\":\"e\",\"version\":\"v\",\"status\":200,\"time\":1e300}",
			"seconds of UTC"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		static const struct field only[] = {
			{"predictions", FIELD_PREDICTIONS, 1, ""}, {NULL, FIELD_TEXT, 0, NULL}};
		struct prediction_in *list = NULL;
		struct err e = {0};
		char text[200];
		struct body *b;

		snprintf(text, sizeof text, "{\"predictions\":[%s]}", cases[i].item);
		b = body_parse(text, strlen(text), only, &e);
		assert_non_null(b);
		if (cases[i].fault) {
			assert_int_equal(body_predictions(b, &list, &e), ERR_INVALID);
			assert_non_null(strstr(e.message, cases[i].fault));
			assert_string_equal(e.field, "predictions");
		} else {
			assert_int_equal(body_predictions(b, &list, &e), 1);
			assert_true(list[0].endpoint || list[0].score == 0.5);
			free(list);
		}
		body_free(b);
	}
}

static void test_outcomes(void **state)
{
	static const struct {
		const char *item;
		int count;
	} cases[] = {
		{"", 0},
		{"{\"id\":\"a\",\"name\":\"late\",\"value\":1}", 1},
		{"{\"id\":\"a\",\"name\":\"late\",\"value\":true}", 1},
		{"{\"id\":\"a\",\"name\":\"late\",\"value\":0.5},{\"id\":\"b\",\"name\":\"late\","
		 "\"value\":0}",
			2},
		{"{\"id\":\"a\",\"name\":\"late\"}", -1},
		{"{\"id\":\"a\",\"name\":\"late\",\"value\":\"1\"}", -1},
		{"{\"id\":\"a\",\"name\":\"late\",\"value\":1e999}", -1},
		{"{\"id\":\"\",\"name\":\"late\",\"value\":1}", -1},
		{"{\"id\":\"a\",\"name\":\"la te\",\"value\":1}", -1},
		{"{\"id\":\"a\",\"name\":\"late\",\"value\":1,\"x\":1}", -1},
		{"7", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[400];
		struct outcome_in *list = NULL;
		struct err e = {0};
		struct body *b;
		int count;

		snprintf(text, sizeof text, "{\"to\":\"v\",\"outcomes\":[%s]}", cases[i].item);
		b = body_parse(text, strlen(text), fields, &e);
		count = body_outcomes(b, &list, &e);
		assert_int_equal(count < 0 ? -1 : count, cases[i].count);
		if (count < 0)
			assert_string_equal(e.field, "outcomes");
		free(list);
		body_free(b);
	}
}

static uint64_t next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void test_damaged_bodies_are_answered(void **state)
{
	static const char *const seeds[] = {
		"{\"to\":\"v1\",\"reason\":\"because \\u00fc\",\"share_bp\":500,\"pin\":null}",
		"{\"to\":\"v2\",\"outcomes\":[{\"id\":\"a\",\"name\":\"n\",\"value\":1.5}],\"all\":"
		"true}",
		"{\"to\":\"v2\",\"x\":{\"y\":[[[[[1,2,{\"z\":null}]]]]]},\"base\":12345678901}",
	};
	static const char pieces[] = "{}[]\",:\\u0000-1e9nulltruefalse\x80\xff\x1b ";
	uint64_t random = 0x9e3779b97f4a7c15u;
	clock_t end = clock() + 2 * CLOCKS_PER_SEC;
	long tries = 0, accepted = 0;

	(void)state;
	while (clock() < end) {
		char text[256];
		size_t n = strlen(seeds[tries % 3]);
		struct err e = {0};
		struct body *b;

		memcpy(text, seeds[tries % 3], n);
		for (int hits = (int)(next_random(&random) % 4); hits >= 0; hits--) {
			size_t at = next_random(&random) % n;

			if (next_random(&random) % 3 == 0 && n > 2)
				memmove(text + at, text + at + 1, --n - at);
			else
				text[at] = pieces[next_random(&random) % (sizeof pieces - 1)];
		}
		b = body_parse(text, n, fields, &e);
		if (b) {
			struct outcome_in *list = NULL;

			body_outcomes(b, &list, &e);
			free(list);
			accepted++;
		} else if (e.code != ERR_INVALID || !e.message[0]) {
			fail_msg("refused without a sentence: %.*s", (int)n, text);
		}
		body_free(b);
		tries++;
	}
	print_message("%ld bodies, %ld of them still good\n", tries, accepted);
	assert_true(tries > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_bodies_are_named),
		cmocka_unit_test(test_a_reason_has_a_limit),
		cmocka_unit_test(test_values_are_read),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_predictions),
		cmocka_unit_test(test_damaged_bodies_are_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
