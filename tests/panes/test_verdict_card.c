/* test_verdict_card.c: a frozen card has the rows of the live one; verdicts have sign and colour.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "backend/base/buf.h"
#include "panes/verdict_card.h"
#include "tui/client/codec.h"

static struct snapshot *fixture(const char *path)
{
	struct buf b = {0};
	struct err e = {0};
	struct snapshot *s;

	assert_true(buf_read_file(&b, path, 1 << 20) >= 0);
	s = codec_parse(b.data, b.len, &e);
	assert_non_null(s);
	buf_release(&b);
	return s;
}

static void rows_of_a_frozen_card_are_those_of_the_live_one(void **state)
{
	struct snapshot *rollout = fixture("tests/panes/fixtures/rollout_42.json");
	struct snapshot *cards = fixture("tests/panes/fixtures/cards_42.json");
	const struct node *r = snapshot_root(rollout);
	struct text *live = text_new(), *frozen = text_new();
	int n;
	const struct node *list = node_list(snapshot_root(cards), "cards", &n);

	(void)state;
	assert_int_equal(n, 3);
	verdict_card_add(live, r, node_get(r, "card"));
	verdict_card_add(frozen, r, &list[n - 1]);
	assert_int_equal(text_count(live), text_count(frozen));
	for (size_t i = 0; i < text_count(live); i++)
		assert_string_equal(text_get(live, i), text_get(frozen, i));
	assert_string_equal(text_get(frozen, 4),
		"error_rate %          0.00    0.00   0.00 pp [  -*0-  |   ]  5,058 ok");
	text_free(live);
	text_free(frozen);
	snapshot_free(cards);
	snapshot_free(rollout);
}

/* The difference against its limit, from the limit below none to twice the limit. */
static void bands_point_to_what_lies_beyond(void **state)
{
	static const struct {
		const char *effect, *want;
	} cases[] = {
		{"0", "[  --*---|   ]"},
		{"1", "[  --0---*   ]"},
		{"1.9", "[  --0---|  *]"},
		{"2.1", "[  --0---|   >"},
		{"2.5", "[  --0---|   >"},
		{"-1.5", "<  --0---|   ]"},
		{"null", "              "},
	};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text *t = text_new();
		struct buf b = {0};
		struct snapshot *s;

		buf_addf(&b,
			"{\"signals\":[{\"name\":\"x\",\"effect\":%s,\"low\":-0.25,\"high\":1,"
			"\"limit_ok\":1}]}",
			cases[i].effect);
		s = codec_parse(b.data, b.len, &e);
		assert_non_null(s);
		verdict_card_add(t, NULL, snapshot_root(s));
		if (!strstr(text_get(t, text_count(t) - 1), cases[i].want))
			fail_msg("%s: %s", cases[i].effect, text_get(t, text_count(t) - 1));
		snapshot_free(s);
		buf_release(&b);
		text_free(t);
	}
}

static void a_hundred_points_keep_the_columns(void **state)
{
	static const char card[] =
		"{\"signals\":[{\"name\":\"error_rate\",\"segment\":\"ORD\",\"effect_unit\":\"pp\","
		"\"decimals\":2,\"stable\":0,\"candidate\":100,\"effect\":100,\"low\":-82,"
		"\"high\":100,\"limit_ok\":1,\"n\":[12,6],\"verdict\":\"undecided\"}]}";
	struct err e = {0};
	struct snapshot *s = codec_parse(card, strlen(card), &e);
	struct text *t = text_new();

	(void)state;
	assert_non_null(s);
	verdict_card_add(t, NULL, snapshot_root(s));
	assert_string_equal(text_get(t, text_count(t) - 1),
		"error_rate ORD        0.00  100.00 +100.0 pp [----0---|--->      6 undecided");
	text_free(t);
	snapshot_free(s);
}

static void verdicts_have_sign_and_colour(void **state)
{
	static const struct {
		const char *word;
		enum glyph glyph;
		enum role role;
	} cases[] = {
		{"ok", GLYPH_ok, ROLE_ok},
		{"harm", GLYPH_harm, ROLE_harm},
		{"invalid", GLYPH_failed, ROLE_harm},
		{"undecided", GLYPH_undecided, ROLE_watch},
		{"missing", GLYPH_missing, ROLE_missing},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(verdict_glyph(cases[i].word), cases[i].glyph);
		assert_int_equal(verdict_role(cases[i].word), cases[i].role);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_frozen_card_are_those_of_the_live_one),
		cmocka_unit_test(bands_point_to_what_lies_beyond),
		cmocka_unit_test(a_hundred_points_keep_the_columns),
		cmocka_unit_test(verdicts_have_sign_and_colour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
