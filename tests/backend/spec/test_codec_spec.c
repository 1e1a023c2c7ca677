/* test_codec_spec.c: endpoints and access go to JSON and back unchanged; foreign JSON is refused
 * as a foreign file is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backend/spec/spec.h"
#include "tests/backend/spec/spec_texts.h"

static void endpoints_round_trip(void **state)
{
	static const char *const texts[] = {FULL, EP};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct spec *s = spec_parse(texts[i], strlen(texts[i]), "p", NULL, &e);

		assert_non_null(s);
		for (int j = 0; j < s->endpoint_count; j++) {
			struct spec_endpoint back;
			char *json = spec_endpoint_format_json(&s->endpoints[j]), *again;

			assert_int_equal(spec_endpoint_parse_json(json, &back, &e), 0);
			assert_memory_equal(&back, &s->endpoints[j], sizeof back);
			again = spec_endpoint_format_json(&back);
			assert_string_equal(json, again);
			free(json);
			free(again);
		}
		spec_free(s);
	}
}

static void keys_have_a_stable_order(void **state)
{
	struct err e = {0};
	struct spec *s = spec_parse(EP, strlen(EP), "p", NULL, &e);
	char *json = spec_endpoint_format_json(&s->endpoints[0]);

	(void)state;
	assert_string_equal(json,
		"{\"name\":\"d\",\"line\":3,\"environment\":\"production\",\"mode\":\"online\","
		"\"tier\":\"low\",\"listen\":\"127.0.0.1:8100\",\"serve\":\"./serve\","
		"\"replicas\":1,\"health\":\"/healthz\",\"timeout\":\"2s\","
		"\"stream-timeout\":\"5m\",\"rollout\":{"
		"\"pattern\":\"canary\",\"steps\":[\"1% 2m\",\"5% 5m\",\"25% 5m\",\"50% 5m\"],"
		"\"shadow-for\":\"2m\",\"hold\":\"30m\",\"keep-hot\":\"1d\","
		"\"false-abort\":\"1%\"}}");
	free(json);
	spec_free(s);
}

static void access_round_trips(void **state)
{
	struct err e = {0};
	struct spec *s = spec_parse(FULL, strlen(FULL), "p", NULL, &e), *back;
	char *json = spec_access_format_json(s), *again;

	(void)state;
	back = spec_access_parse_json(json, &e);
	assert_non_null(back);
	assert_int_equal(back->endpoint_count, 0);
	assert_memory_equal(back->roles, s->roles, sizeof s->roles);
	assert_memory_equal(back->tiers, s->tiers, sizeof s->tiers);
	assert_int_equal(back->account_count, 3);
	assert_memory_equal(back->accounts, s->accounts, sizeof s->accounts);
	assert_string_equal(back->project, "flights");
	again = spec_access_format_json(back);
	assert_string_equal(json, again);
	free(json);
	free(again);
	spec_free(s);
	spec_free(back);
}

/* What was stored before there were signals, segments, accounts and most keys of tiers. */
static void older_json_is_read(void **state)
{
	struct err e = {0};
	struct spec_endpoint ep;
	struct spec *s;

	(void)state;
	assert_int_equal(
		spec_endpoint_parse_json(
			"{\"name\":\"d\",\"line\":3,\"environment\":\"production\",\"mode\":"
			"\"online\",\"tier\":\"low\",\"listen\":\"127.0.0.1:8100\",\"serve\":"
			"\"./serve\",\"replicas\":1,\"health\":\"/healthz\",\"timeout\":\"2s\","
			"\"rollout\":{\"pattern\":\"canary\",\"steps\":[\"1% "
			"2m\"],\"shadow-for\":\"2m\",\"hold\":\"30m\","
			"\"keep-hot\":\"1d\",\"false-abort\":\"1%\",\"signals\":{\"brier\":"
			"\"critical worse-by 0.01\"}}}",
			&ep, &e),
		0);
	assert_string_equal(ep.rollout.on_undecided, "");
	assert_int_equal(ep.rollout.segment_count, 0);
	/* Whether the endpoint can deliver it is asked of files, not of what is in force. */
	assert_true(ep.rollout.signals[0].critical && ep.rollout.signals[0].worse_by == .01);
	s = spec_access_parse_json("{\"project\":\"p\",\"tiers\":{\"low\":{\"approvals\":0},"
				   "\"high\":{\"approvals\":3,\"freeze\":"
				   "\"Fri 16:00 .. Mon 08:00 UTC\",\"rollback\":\"1s\"}}}",
		&e);
	assert_non_null(s);
	assert_int_equal(s->tiers[2].approvals, 3);
	assert_int_equal(s->tiers[2].freeze_count, 1);
	assert_string_equal(s->tiers[2].freeze[0], "Fri 16:00 .. Mon 08:00 UTC");
	assert_string_equal(s->tiers[2].approve, "start");
	assert_string_equal(s->tiers[2].on_undecided, "pause");
	assert_string_equal(s->tiers[2].late_outcomes, "refuse");
	assert_string_equal(s->tiers[0].late_outcomes, "allow");
	assert_int_equal(s->account_count, 0);
	spec_free(s);
}

static void foreign_json_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{"", "not valid JSON"},
		{"[]", "expected a JSON object"},
		{"{\"name\":\"d\"", "not valid JSON"},
		{"{}", "`name` is missing"},
		{"{\"name\":\"d e\"}", "`name` is missing or is no name"},
		{"{\"name\":\"d\"}", "`environment` is missing"},
		{"{\"name\":\"d\",\"environment\":\"sandbox\",\"tier\":\"low\",\"listen\":"
		 "\"127.0.0.1:1\"}",
			"nothing serves"},
		{"{\"name\":\"d\",\"environment\":\"sandbox\",\"tier\":\"low\",\"listen\":"
		 "\"127.0.0.1:1\",\"serve\":\"s\",\"replicas\":1.5}",
			"whole number"},
		{"{\"name\":\"d\",\"environment\":\"sandbox\",\"tier\":\"low\",\"listen\":"
		 "\"127.0.0.1:1\",\"serve\":null}",
			"stand for nothing"},
		{"{\"name\":\"d\",\"environment\":\"sandbox\",\"tier\":\"low\",\"listen\":"
		 "\"127.0.0.1:1\",\"serve\":\"a\\u001bb\"}",
			"control character"},
		{"{\"name\":\"d\",\"environment\":\"sandbox\",\"tier\":\"low\",\"listen\":"
		 "\"127.0.0.1:1\",\"serve\":\"s\",\"rollout\":{\"signals\":{\"brier\":"
		 "\"worse-by 2\"}}}",
			"`brier` is `worse-by 2`, expected worse-by below 1"},
		{"{\"name\":\"d\",\"stepz\":1}", "missing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct spec_endpoint out = {.line = 77};
		struct err e = {0};

		assert_true(spec_endpoint_parse_json(cases[i][0], &out, &e) < 0);
		if (!strstr(e.message, cases[i][1]))
			fail_msg("got: %s, want: %s", e.message, cases[i][1]);
		assert_int_equal(out.line, 77);
		assert_null(spec_access_parse_json(cases[i][0], &e));
	}
}

static void the_schema_names_every_key(void **state)
{
	static const char *const words[] = {"\"$schema\"", "2020-12", "\"keep-hot\"",
		"\"false-abort\"", "\"approvals\"", "\"upstream\"", "\"required\"",
		"\"additionalProperties\":\tfalse", "\"pattern\":\t\"^[a-z0-9]", "\"auditor\"",
		"\"on-undecided\"", "\"late-outcomes\"", "\"step-most\"", "\"accounts\"",
		"\"robot\"", "|outcome:[a-z0-9_-]{1,40})$"};
	struct buf out = {0};

	(void)state;
	spec_format_schema(&out);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (!strstr(buf_text(&out), words[i]))
			fail_msg("the schema lacks %s", words[i]);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_round_trip),
		cmocka_unit_test(keys_have_a_stable_order),
		cmocka_unit_test(access_round_trips),
		cmocka_unit_test(older_json_is_read),
		cmocka_unit_test(foreign_json_is_refused),
		cmocka_unit_test(the_schema_names_every_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
