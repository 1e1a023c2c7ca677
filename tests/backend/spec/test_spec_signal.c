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

#include "backend/base/xalloc.h"
#include "backend/spec/spec.h"

#define HEAD                                                                                       \
	"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n"                  \
	"    listen: 127.0.0.1:8100\n    serve: s\n    score: json p\n    segment: json o\n"       \
	"    outcome: y within 1h\n"
#define BINARY "    task: binary\n"

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

static void check_number(double got, double want)
{
	assert_true(isnan(want) ? isnan(got) : fabs(want - got) < 1e-12);
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
		{"error_rate", "harm-at   0%  worse-by 99.9pp", 1, .999, 0, NAN, NAN, NAN, 0},
		{"latency_p99", "harm-at 150% worse-by 150%", 1, 1.5, 1.5, NAN, NAN, NAN, 0},
		{"latency_p99", "watch", 0, NAN, NAN, NAN, NAN, NAN, 0},
		{"brier", "worse-by 0.01", 1, .01, NAN, NAN, NAN, NAN, 0},
		{"log_loss", "worse-by 4.9", 1, 4.9, NAN, NAN, NAN, NAN, 0},
		{"calibration", "worse-by 0.04 watch", 0, .04, NAN, NAN, NAN, NAN, 0},
		{"confidence", "critical worse-by .1", 1, .1, NAN, NAN, NAN, NAN, 0},
		{"score_mean", "of -3..3 worse-by 2 critical", 1, 2, NAN, NAN, -3, 3, 0},
		{"absolute_error", "of 0..60 worse-by 3 harm-at 1", 1, 3, 1, NAN, 0, 60, 0},
		{"score_shift", "watch", 0, NAN, NAN, NAN, NAN, NAN, 0},
		{"score_shift", "watch psi 1.5", 0, NAN, NAN, 1.5, NAN, NAN, 0},
		{"label_rate", "watch", 0, NAN, NAN, NAN, NAN, NAN, 0},
		{"outcome:a_b-9", "worse-by 0.2", 1, .2, NAN, NAN, NAN, NAN, 0},
		{"throughput", "watch", 0, NAN, NAN, NAN, NAN, NAN, 0},
		{"outcome:spent", "worse-by 3 of -10..60 lower-is-worse", 1, 3, NAN, NAN, -10, 60,
			1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char rest[300];
		const struct spec_signal *g;
		struct spec *s;

		snprintf(rest, sizeof rest,
			"    rollout:\n      signals:\n        %s: %s\n        latency_p50: "
			"watch\n",
			cases[i].name, cases[i].text);
		s = parse(rest);
		g = &s->endpoints[0].rollout.signals[0];
		assert_string_equal(g->name, cases[i].name);
		assert_int_equal(g->critical, cases[i].critical);
		assert_int_equal(g->lower_is_worse, cases[i].lower);
		assert_string_equal(g->text, cases[i].text);
		check_number(g->worse_by, cases[i].worse_by);
		check_number(g->harm_at, cases[i].harm_at);
		check_number(g->psi, cases[i].psi);
		check_number(g->low, cases[i].low);
		check_number(g->high, cases[i].high);
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
	struct spec *s = parse(BINARY);
	struct spec_signal list[SPEC_LIST];
	struct spec_endpoint bare = s->endpoints[0];

	(void)state;
	assert_int_equal(s->endpoints[0].rollout.signal_count, 0);
	assert_int_equal(spec_signals_default(&s->endpoints[0], list, SPEC_LIST), 5);
	for (int i = 0; i < 5; i++) {
		static const struct spec_signal want[] = {
			{.name = "error_rate", .critical = 1, .worse_by = .005, .psi = NAN},
			{.name = "latency_p99", .critical = 1, .worse_by = .2, .psi = NAN},
			{.name = "brier", .critical = 1, .worse_by = .02, .psi = NAN},
			{.name = "calibration", .critical = 1, .worse_by = .05, .psi = NAN},
			{.name = "score_shift", .critical = 0, .worse_by = NAN, .psi = .2},
		};

		assert_string_equal(list[i].name, want[i].name);
		assert_string_equal(list[i].text, "");
		assert_int_equal(list[i].critical, want[i].critical);
		check_number(list[i].worse_by, want[i].worse_by);
		check_number(list[i].psi, want[i].psi);
		check_number(list[i].harm_at, NAN);
		check_number(list[i].low, NAN);
		check_number(list[i].high, NAN);
	}
	str_copy(bare.task, sizeof bare.task, "ranking"); /* brier is of yes and no alone */
	assert_int_equal(spec_signals_default(&bare, list, SPEC_LIST), 3);
	bare.task[0] = '\0';
	assert_int_equal(spec_signals_default(&bare, list, SPEC_LIST), 3);
	str_copy(bare.task, sizeof bare.task, "binary");
	bare.outcome[0] = '\0';
	assert_int_equal(spec_signals_default(&bare, list, SPEC_LIST), 3);
	bare.score.kind = SOURCE_NONE;
	assert_int_equal(spec_signals_default(&bare, list, SPEC_LIST), 2);
	assert_int_equal(spec_signals_default(&bare, list, 1), 1);
	spec_free(s);
}

/* What is not told of is not written either: neither by the store nor by `spec fmt`. */
static void defaults_stand_in_no_file(void **state)
{
	struct spec *s = parse(BINARY);
	char *json = spec_endpoint_format_json(&s->endpoints[0]);
	struct buf out = {0};
	struct err e = {0};

	(void)state;
	assert_null(strstr(json, "signals"));
	assert_null(strstr(json, "segments"));
	assert_null(strstr(json, "on-undecided"));
	assert_int_equal(spec_format(HEAD, strlen(HEAD), "p.yaml", &out, &e), 0);
	assert_null(strstr(buf_text(&out), "signals"));
	buf_release(&out);
	free(json);
	spec_free(s);
}

static void values_have_bounds(void **state)
{
	static const struct {
		const char *name;
		double own_low, own_high, low, high;
	} cases[] = {
		{"error_rate", NAN, NAN, 0, 1},
		{"brier", NAN, NAN, 0, 1},
		{"log_loss", NAN, NAN, 0, 5},
		{"calibration", NAN, NAN, -1, 1},
		{"score_mean", NAN, NAN, 0, 1},
		{"score_mean", -2, 8, -2, 8},
		{"absolute_error", 10, 60, 0, 50},
		{"outcome:spent", NAN, NAN, 0, 1},
		{"outcome:spent", -5, 5, -5, 5},
		{"no_such", 3, 4, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct spec_signal s = {.low = cases[i].own_low, .high = cases[i].own_high};
		double low, high;

		str_copy(s.name, sizeof s.name, cases[i].name);
		spec_signal_bounds(&s, &low, &high);
		check_number(low, cases[i].low);
		check_number(high, cases[i].high);
	}
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
		cmocka_unit_test(defaults_stand_in_no_file),
		cmocka_unit_test(values_have_bounds),
		cmocka_unit_test(tiers_and_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
