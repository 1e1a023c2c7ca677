/* test_spec_read.c: good files give exactly the typed values that they say, and defaults. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "backend/spec/spec.h"
#include "tests/backend/spec/spec_texts.h"

static struct spec *good(const char *text)
{
	struct spec_faults f = {0};
	struct err e = {0};
	struct spec *s = spec_parse(text, strlen(text), "p.yaml", &f, &e);

	if (!s)
		fail_msg("%s\n%s", e.message, text);
	assert_int_equal(f.count, 0);
	assert_null(f.list);
	return s;
}

static void check_source(const struct source *s, enum source_kind kind, const char *name)
{
	assert_int_equal(s->kind, kind);
	assert_string_equal(s->name, name);
}

static void every_key_is_read(void **state)
{
	struct spec *s = good(FULL);
	const struct spec_endpoint *ep = &s->endpoints[0];

	(void)state;
	assert_string_equal(s->project, "flights");
	assert_string_equal(s->owner, "travel-ml");
	assert_int_equal(s->endpoint_count, 2);
	assert_string_equal(ep->name, "delay");
	assert_int_equal(ep->line, 25);
	assert_string_equal(ep->environment, "production");
	assert_string_equal(ep->mode, "online");
	assert_string_equal(ep->tier, "low");
	assert_string_equal(ep->owner, "travel-ml"); /* the project's */
	assert_string_equal(ep->runbook, "docs/delay.md");
	assert_string_equal(ep->listen_host, "127.0.0.1");
	assert_int_equal(ep->listen_port, 8100);
	assert_string_equal(ep->serve, "./serve --model m # not a comment");
	assert_int_equal(ep->replicas, 2);
	assert_string_equal(ep->health, "/healthz");
	check_source(&ep->key, SOURCE_HEADER, "X-Flight");
	assert_int_equal(ep->key.else_random, 1);
	check_source(&ep->segment, SOURCE_JSON, "origin.code");
	check_source(&ep->score, SOURCE_JSON, "probability");
	assert_int_equal(ep->timeout_ms, 60000);
	assert_int_equal(ep->feature_count, 3);
	check_source(&ep->features[1], SOURCE_HEADER, "X-Day");
	check_source(&ep->features[2], SOURCE_JSON, "a.b");
	assert_string_equal(ep->task, "binary");
	assert_string_equal(ep->outcome, "late");
	assert_int_equal(ep->outcome_within_ms, 6 * 3600000);
	spec_free(s);
}

static void rollout_and_upstreams_are_read(void **state)
{
	struct spec *s = good(FULL);
	const struct spec_rollout *r = &s->endpoints[0].rollout;
	const struct spec_endpoint *far = &s->endpoints[1];

	(void)state;
	assert_int_equal(r->step_count, 3);
	assert_int_equal(r->steps[0].share_bp, 25);
	assert_int_equal(r->steps[0].least_ms, 90000);
	assert_int_equal(r->steps[1].share_bp, 50);
	assert_int_equal(r->steps[2].share_bp, 10000);
	assert_int_equal(r->hold_ms, 1800000);
	assert_int_equal(r->keep_hot_ms, 0);
	assert_string_equal(r->false_abort, "1%");
	assert_string_equal(r->on_undecided, "abort");
	assert_int_equal(r->segment_count, 3);
	assert_string_equal(r->segments[2], "9:x");
	assert_int_equal(r->signal_count, 2);
	assert_string_equal(r->signals[0].name, "error_rate");
	assert_string_equal(r->signals[0].text, "critical worse-by 0.5pp");
	assert_string_equal(far->owner, "no");
	assert_string_equal(far->listen_host, "0.0.0.0");
	assert_string_equal(far->serve, "");
	assert_int_equal(far->arm_count, 2);
	assert_string_equal(far->arms[0].name, "v9");
	assert_int_equal(far->arms[0].tls, 1);
	assert_int_equal(far->arms[0].server_count, 2);
	assert_string_equal(far->arms[0].servers[1].host, "[2001:db8::1]");
	assert_int_equal(far->arms[0].servers[1].port, 8443);
	assert_string_equal(far->arms[0].server_name, "gpu.example");
	assert_string_equal(far->arms[0].verify, "required");
	assert_int_equal(far->arms[0].connections, 40);
	assert_string_equal(far->arms[1].server_name, "");
	assert_int_equal(far->arms[1].connections, 0);
	assert_int_equal(far->arms[1].tls, 0);
	assert_string_equal(far->arms[1].servers[0].host, "10.0.0.7");
	spec_free(s);
}

static void access_and_tiers_are_in_order(void **state)
{
	struct spec *s = good(FULL);

	(void)state;
	assert_int_equal(s->role_count, 2);
	assert_string_equal(s->roles[0].role, "admin");
	assert_int_equal(s->roles[0].member_count, 2);
	assert_string_equal(s->roles[0].members[1], "anna_b");
	assert_string_equal(s->roles[1].role, "service");
	assert_string_equal(s->roles[1].members[0], "@apps");
	assert_int_equal(s->tier_count, 3);
	assert_string_equal(s->tiers[0].name, "low");
	assert_int_equal(s->tiers[0].approvals, 0);
	assert_int_equal(s->tiers[1].approvals, 1);
	assert_string_equal(s->tiers[2].name, "high");
	assert_int_equal(s->tiers[2].approvals, 3);
	assert_string_equal(s->tiers[2].freeze[0], "Fri 16:00 .. Mon 08:00 Europe/London");
	assert_int_equal(s->tiers[2].freeze_count, 1);
	assert_int_equal(s->tiers[2].rollback_ms, 1000);
	spec_free(s);
}

static void what_a_tier_asks_for_is_read(void **state)
{
	struct spec *s = good(FULL);
	const struct spec_tier *low = &s->tiers[0], *medium = &s->tiers[1], *high = &s->tiers[2];

	(void)state;
	assert_string_equal(high->approve, "both");
	assert_int_equal(high->soak_ms, 600000);
	assert_int_equal(high->step_most_bp, 2500);
	assert_int_equal(high->signal_count, 2);
	assert_string_equal(high->signals[1], "brier");
	assert_string_equal(high->on_undecided, "page");
	assert_string_equal(high->late_outcomes, "allow");
	assert_int_equal(low->freeze_count, 2);
	assert_string_equal(low->freeze[0], "daily 22:00 .. 06:00 UTC");
	assert_string_equal(low->freeze[1], "2026-12-20 .. 2027-01-03 Europe/Berlin");
	/* Neither of the other two is in the file. */
	assert_string_equal(medium->approve, "start");
	assert_string_equal(medium->on_undecided, "pause");
	assert_string_equal(medium->late_outcomes, "allow");
	assert_int_equal(medium->soak_ms + medium->step_most_bp + medium->freeze_count, 0);
	assert_int_equal(s->account_count, 3);
	assert_int_equal(s->accounts[0].may_count, 0);
	assert_string_equal(s->accounts[2].kind, "robot");
	assert_int_equal(s->accounts[2].may_count, 2);
	assert_string_equal(s->accounts[2].may[1], "outcomes");
	assert_string_equal(s->accounts[0].kind, "robot");
	assert_string_equal(s->accounts[1].name, "Deploy_2");
	assert_string_equal(s->accounts[1].kind, "shared");
	spec_free(s);
}

static void a_server_without_a_health_path_is_connected_to(void **state)
{
	struct spec *s = good(EP "    health: tcp\n");

	(void)state;
	assert_string_equal(s->endpoints[0].health, "tcp");
	spec_free(s);
}

static void the_least_file_has_defaults(void **state)
{
	struct spec *s = good(EP "  six:\n    environment: sandbox\n    tier: high\n"
				 "    listen: \"[::1]:8100\"\n    serve: s\n");
	const struct spec_endpoint *ep = &s->endpoints[0];

	(void)state;
	assert_string_equal(ep->mode, "online");
	assert_string_equal(ep->owner, "");
	assert_int_equal(ep->replicas, 1);
	assert_string_equal(ep->health, "/healthz");
	assert_int_equal(ep->timeout_ms, 2000);
	assert_int_equal(ep->key.kind, SOURCE_NONE);
	assert_string_equal(ep->rollout.pattern, "canary");
	assert_int_equal(ep->rollout.step_count, 4);
	assert_int_equal(ep->rollout.steps[3].share_bp, 5000);
	assert_int_equal(ep->rollout.hold_ms, 1800000);
	assert_int_equal(ep->rollout.keep_hot_ms, 86400000);
	assert_string_equal(ep->rollout.on_undecided, "");
	assert_int_equal(ep->rollout.segment_count + ep->rollout.signal_count, 0);
	assert_int_equal(s->tiers[2].approvals, 2);
	assert_string_equal(s->tiers[2].late_outcomes, "refuse");
	assert_string_equal(s->endpoints[1].listen_host, "[::1]"); /* beside 127.0.0.1 */
	spec_free(s);
}

static void servers_may_be_a_list_and_certificates_a_text(void **state)
{
	struct spec *s = good(EP "    host: model.example\n    ca: |\n" CA_LINES "    versions:\n"
				 "      v1:\n        upstream:\n"
				 "          - tls a.example:1\n          - tls b.example:2\n");
	const struct spec_endpoint *ep = &s->endpoints[0];

	(void)state;
	assert_int_equal(ep->arms[0].server_count, 2);
	assert_int_equal(ep->arms[0].tls, 1);
	assert_string_equal(ep->arms[0].servers[1].host, "b.example");
	assert_int_equal(strncmp(ep->ca, "-----BEGIN CERTIFICATE-----\nMII", 31), 0);
	assert_string_equal(ep->host, "model.example");
	assert_string_equal(ep->health, "/healthz");
	assert_int_equal(ep->stream_ms, 300000);
	spec_free(s);
}

static void good_files_parse(void **state)
{
	static const char *const texts[] = {
		"project: p\n",
		"project: 3.10\naccess: {}\nendpoints: {}\ntiers: {}\n",
		"{project: p, owner: \"a: b\"}\n",
		EP "    rollout:\n      steps: 1% 2m, 5% 5m\n",
		EP "    rollout: {steps: [100% 0s]}\n",
		EP "    rollout: {}\n    versions: {}\n",
		EP "    key: json user.id\n    score: header X-Pithead-Score\n",
		EP "    versions:\n      v1: {upstream: \"tls  h.example:1 , h2:65535\"}\n",
		EP "    versions:\n      v1: {upstream: [\"tls h.example:1\", \"tls h2:2\"], "
		   "verify: none}\n",
		EP "    health: tcp\n    stream-timeout: 1h\n",
		"project: p\ntiers: {low: {approvals: 0}, high: {}}\n",
		"project: p\ntiers: {low: {freeze: \"Fri 16:00 .. Mon 08:00 UTC\"}}\n",
		"project: p\ntiers: {low: {freeze: [], signals: [], soak: 0s}}\n",
		"project: p\ntiers: {low: {signals: \"brier, score_shift\"}}\naccounts: {}\n",
		EP "    segment: json o\n    rollout: {segments: ORD}\n",
		EP "    segment: json o\n    rollout: {segments: \"ORD, ATL\"}\n",
		EP "    rollout: {signals: {}}\n",
		"project: p\ndatasets:\n  f:\n    deep: [a, {b: [c]}]\npipelines: {x: {}}\n",
		"project: p\nendpoints:\n  a: {environment: staging, tier: low, serve: s,\n"
		"    listen: \"0.0.0.0:80\"}\n  b: {environment: staging, tier: low, serve: s,\n"
		"    listen: \"[::1]:80\"}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		spec_free(good(texts[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(rollout_and_upstreams_are_read),
		cmocka_unit_test(access_and_tiers_are_in_order),
		cmocka_unit_test(what_a_tier_asks_for_is_read),
		cmocka_unit_test(a_server_without_a_health_path_is_connected_to),
		cmocka_unit_test(the_least_file_has_defaults),
		cmocka_unit_test(servers_may_be_a_list_and_certificates_a_text),
		cmocka_unit_test(good_files_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
