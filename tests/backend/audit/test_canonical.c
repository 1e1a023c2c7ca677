/* test_canonical.c: the canonical form's exact bytes, and that nothing else is read as one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backend/audit/canonical.h"

static void test_bytes(void **state)
{
	struct event ev = {.seq = 7,
		.at_us = 1763985600000001,
		.actor_uid = -1,
		.login_uid = 0,
		.actor = "engine",
		.verb = "rollout.abort",
		.subject = "rollout:41",
		.reason = "a\"b\\c\nd\x01\x7f\xc3\xa9/",
		.role = "",
		.rollout = 41,
		.change = 1};
	const char *want =
		"{\"actor\":\"engine\",\"actor_uid\":-1,\"at_us\":1763985600000001,"
		"\"change\":1,\"login_uid\":0,\"reason\":\"a\\\"b\\\\c\\nd\\u0001\x7f\xc3\xa9/\","
		"\"rollout\":41,\"seq\":7,\"subject\":\"rollout:41\",\"undo_of\":0,"
		"\"verb\":\"rollout.abort\"}";
	struct buf out = {0}, again = {0};
	char scratch[512];
	struct event back;

	(void)state;
	canonical_format(&ev, &out);
	assert_string_equal(out.data, want);
	assert_int_equal(canonical_parse(out.data, out.len, &back, scratch), 0);
	assert_string_equal(back.reason, ev.reason);
	assert_null(back.role);
	canonical_format(&back, &again);
	assert_string_equal(again.data, want);
	buf_release(&out);
	buf_release(&again);
}

static void test_what_is_not_utf8_is_replaced(void **state)
{
	static const char *const cases[][2] = {
		{"\xff", "\xef\xbf\xbd"},
		{"a\xc3", "a\xef\xbf\xbd"},
		{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},		  /* overlong */
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xf0\x9f\x98", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf5\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct event ev = {.actor = cases[i][0]}, back;
		struct buf out = {0};
		char scratch[512];

		canonical_format(&ev, &out);
		assert_int_equal(canonical_parse(out.data, out.len, &back, scratch), 0);
		assert_string_equal(back.actor, cases[i][1]);
		buf_release(&out);
	}
}

/* Every cut is refused, every flipped bit is refused or read as another event. */
static void test_nothing_else_is_read(void **state)
{
	struct event ev = {.seq = 7, .at_us = 5, .actor = "a\"\x01", .verb = "v", .after = "{}"};
	struct buf good = {0}, again = {0};

	(void)state;
	canonical_format(&ev, &good);
	for (size_t i = 0; i < good.len * 8; i++) {
		char *text = malloc(good.len), *scratch = malloc(good.len);
		struct event back;

		memcpy(text, good.data, good.len);
		text[i / 8] ^= (char)(1 << i % 8);
		if (canonical_parse(text, good.len, &back, scratch) == 0) {
			buf_reset(&again);
			canonical_format(&back, &again);
			/* A change inside a value may read well, but never as the same event. */
			assert_string_not_equal(again.data, good.data);
		}
		assert_true(canonical_parse(good.data, i / 8, &back, scratch) < 0);
		free(text);
		free(scratch);
	}
	buf_release(&good);
	buf_release(&again);
}

static void test_hash(void **state)
{
	struct buf scratch = {0};
	char hash[DIGEST_HEX], want[DIGEST_HEX];

	(void)state;
	canonical_hash(AUDIT_GENESIS, "{}", 2, &scratch, hash);
	digest_hex(AUDIT_GENESIS "\n{}", 67, want);
	assert_string_equal(hash, want);
	buf_release(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_what_is_not_utf8_is_replaced),
		cmocka_unit_test(test_nothing_else_is_read),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
