/* Signals of pithead.yaml as numbers, and those of an endpoint that names none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/spec/spec.h"

#define HEAD                                                                                       \
	"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n"                  \
	"    listen: 127.0.0.1:8100\n    serve: s\n    score: json p\n    segment: json o\n"       \
	"    outcome: y within 1h\n"

static struct spec *parse(const char *rest)
{
	char text[2000];
	struct err e = {0};
	struct spec *s;

	snprintf(text, sizeof text, "%s%s", HEAD, rest);
	s = spec_parse(text, strlen(text), "p.yaml", NULL, &e);
	if (!s)
		print_error("%s\n", e.message);
	assert_non_null(s);
	return s;
}

static void texts_become_numbers(void **state)
{
	static const struct {
		const char *name, *text;
		int critical;
		double worse_by, harm_at, psi, low, high;
		int lower;
	} cases[] = {
		{"error_rate", "critical worse-by 0.5pp", 1, .005, NAN, NAN, NAN, NAN, 0},
		{"error_rate", "worse-by 1% harm-at 0.2pp", 1, .01, .002, NAN, NAN, NAN, 0},
		{"error_rate", "watch worse-by 1%", 0, .01, NAN, NAN, NAN, NAN, 0},
		{"latency_p90", "worse-by 20% critical", 1, .2, NAN, NAN, NAN, NAN, 0},
		{"score_shift", "psi 0.2", 0, NAN, NAN, .2, NAN, NAN, 0},
		{"score_shift", "critical psi 0.2", 1, NAN, NAN, .2, NAN, NAN, 0},
		{"throughput", "watch", 0, NAN, NAN, NAN, NAN, NAN, 0},
		{"outcome:spent", "worse-by 3 of -10..60 lower-is-worse", 1, 3, NAN, NAN, -10, 60,
			1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char rest[300];
		const struct spec_signal *g;
		struct spec *s;

		snprintf(rest, sizeof rest, "    rollout:\n      signals:\n        %s: %s\n",
			cases[i].name, cases[i].text);
		s = parse(rest);
		g = &s->endpoints[0].rollout.signals[0];
		assert_string_equal(g->name, cases[i].name);
		assert_int_equal(g->critical, cases[i].critical);
		assert_int_equal(g->lower_is_worse, cases[i].lower);
		for (int k = 0; k < 5; k++) {
			double want[] = {cases[i].worse_by, cases[i].harm_at, cases[i].psi,
				cases[i].low, cases[i].high};
			double got[] = {g->worse_by, g->harm_at, g->psi, g->low, g->high};

			assert_true(
				isnan(want[k]) ? isnan(got[k]) : fabs(want[k] - got[k]) < 1e-12);
		}
		spec_free(s);
	}
}

static void the_store_gives_back_the_same(void **state)
{
	struct spec *s = parse("    rollout:\n      pattern: canary\n      on-undecided: abort\n"
			       "      segments: [ORD, ATL]\n      signals:\n"
			       "        outcome:spent: worse-by 3 of 0..60\n");
	char *json = spec_endpoint_format_json(&s->endpoints[0]), *again;
	struct spec_endpoint back;
	struct err e = {0};

	(void)state;
	assert_int_equal(spec_endpoint_parse_json(json, &back, &e), 0);
	again = spec_endpoint_format_json(&back);
	assert_string_equal(json, again);
	assert_string_equal(back.rollout.segments[1], "ATL");
	assert_string_equal(back.rollout.on_undecided, "abort");
	assert_true(back.rollout.signals[0].worse_by == 3 && back.rollout.signals[0].high == 60);
	assert_int_equal(spec_segments_largest(&back.rollout), 0);
	free(json);
	free(again);
	spec_free(s);
	s = parse("    rollout: {segments: largest 12}\n");
	assert_int_equal(spec_segments_largest(&s->endpoints[0].rollout), 12);
	spec_free(s);
}

static void signals_of_an_endpoint_that_names_none(void **state)
{
	struct spec *s = parse("");
	struct spec_signal list[SPEC_LIST];
	struct spec_endpoint bare = s->endpoints[0];

	(void)state;
	assert_int_equal(s->endpoints[0].rollout.signal_count, 0);
	assert_int_equal(spec_signals_default(&s->endpoints[0], list, SPEC_LIST), 5);
	assert_string_equal(list[2].name, "brier");
	assert_int_equal(list[2].critical, 1);
	assert_string_equal(list[4].name, "score_shift");
	assert_int_equal(list[4].critical, 0);
	bare.outcome[0] = '\0';
	assert_int_equal(spec_signals_default(&bare, list, SPEC_LIST), 3);
	bare.score.kind = SOURCE_NONE;
	assert_int_equal(spec_signals_default(&bare, list, SPEC_LIST), 2);
	assert_int_equal(spec_signals_default(&bare, list, 1), 1);
	spec_free(s);
}

static void tiers_and_accounts(void **state)
{
	struct spec *s = parse("tiers:\n  high:\n    approve: both\n    soak: 10m\n"
			       "    step-most: 20%\n    signals: [error_rate, brier]\n"
			       "    freeze:\n    - Fri 16:00 .. Mon 08:00 UTC\n"
			       "    - daily 22:00 .. 06:00 UTC\n"
			       "accounts:\n  ci: robot\n  ops: shared\n");
	char *json = spec_access_format_json(s);
	struct err e = {0};
	struct spec *back = spec_access_parse_json(json, &e);

	(void)state;
	assert_non_null(back);
	for (int i = 0; i < 2; i++) {
		const struct spec *x = i ? back : s;

		assert_string_equal(x->tiers[2].approve, "both");
		assert_int_equal(x->tiers[2].approvals, 2);
		assert_int_equal(x->tiers[2].soak_ms, 600000);
		assert_int_equal(x->tiers[2].step_most_bp, 2000);
		assert_int_equal(x->tiers[2].signal_count, 2);
		assert_int_equal(x->tiers[2].freeze_count, 2);
		assert_string_equal(x->tiers[2].late_outcomes, "refuse");
		assert_string_equal(x->tiers[0].late_outcomes, "allow");
		assert_string_equal(x->tiers[0].approve, "start");
		assert_int_equal(x->account_count, 2);
		assert_string_equal(x->accounts[1].kind, "shared");
	}
	free(json);
	spec_free(back);
	spec_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_numbers),
		cmocka_unit_test(the_store_gives_back_the_same),
		cmocka_unit_test(signals_of_an_endpoint_that_names_none),
		cmocka_unit_test(tiers_and_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
