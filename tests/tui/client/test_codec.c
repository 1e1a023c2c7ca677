/* test_codec.c: answers to trees, errors to sentences, bodies to JSON; garbage included. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tui/client/codec.h"

static struct snapshot *parse(const char *text)
{
	struct err e = {0};

	return codec_parse(text, strlen(text), &e);
}

static void trees_are_typed(void **state)
{
	struct snapshot *s = parse("{\"a\":[1,2.5,\"x\",null,true],\"items\":[{\"id\":9}],"
				   "\"big\":1e300,\"neg\":-3}");
	const struct node *root = snapshot_root(s), *list;
	int n;

	(void)state;
	list = node_list(node_get(root, "a"), "", &n);
	assert_int_equal(n, 5);
	assert_string_equal(list[2].text, "x");
	assert_int_equal(list[3].kind, NODE_NULL);
	list = node_items(root, &n);
	assert_int_equal(n, 1);
	assert_int_equal(node_int(list, "id", 0), 9);
	assert_int_equal(node_int(root, "big", 7), 7); /* no integer: the fallback, not a cast */
	assert_int_equal(node_int(root, "neg", 0), -3);
	assert_string_equal(node_str(root, "a", "-"), "-");
	assert_true(isnan(node_num(root, "none", NAN)));
	assert_null(node_list(NULL, "x", &n));
	assert_int_equal(n, 0);
	snapshot_free(s);
}

static void garbage_gives_no_tree(void **state)
{
	static const char *const texts[] = {
		"", "{", "{\"a\":}", "[1,]", "nul", "{} {}", "\xff\xfe", "{\"a\":\"\\ud800\"}"};
	char deep[4000];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_null(parse(texts[i]));
	memset(deep, '[', sizeof deep);
	assert_null(codec_parse(deep, sizeof deep, NULL));
}

static void errors_become_sentences(void **state)
{
	struct snapshot *s = parse("{\"error\":{\"code\":\"stale\",\"message\":\"it moved\","
				   "\"hint\":\"look\",\"field\":\"base\"},\"moved\":\"ci did\"}");
	struct err e = {0};
	char moved[80];

	(void)state;
	assert_int_equal(codec_error(snapshot_root(s), 412, &e, moved, sizeof moved), ERR_STALE);
	assert_int_equal(err_exit_code(e.code), 4);
	assert_string_equal(e.message, "it moved");
	assert_string_equal(e.hint, "look");
	assert_string_equal(moved, "ci did");
	snapshot_free(s);
	assert_int_equal(codec_error(NULL, 502, &e, NULL, 0), ERR_FAILED);
	assert_non_null(strstr(e.message, "502"));
}

static void bodies_are_escaped(void **state)
{
	struct codec_body b;
	struct buf path = {0};
	char *text;

	(void)state;
	codec_open(&b);
	codec_put_str(&b, "r", "a\"b\\\n");
	codec_put_int(&b, "n", -5);
	codec_put_null(&b, "z");
	codec_put_bool(&b, "t", 1);
	text = codec_close(&b);
	assert_string_equal(text, "{\"r\":\"a\\\"b\\\\\\n\",\"n\":-5,\"z\":null,\"t\":true}");
	free(text);
	codec_escape(&path, "a b/../?&%~\xc3\xa9");
	assert_string_equal(buf_text(&path), "a%20b%2F..%2F%3F%26%25~%C3%A9");
	buf_release(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_are_typed),
		cmocka_unit_test(garbage_gives_no_tree),
		cmocka_unit_test(errors_become_sentences),
		cmocka_unit_test(bodies_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
