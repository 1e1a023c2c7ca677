/* test_observing.c: an endpoint that somebody else serves: a candidate that gets requests is
 * watched, harm is told once and moves nothing, silence is missing, and a restart loses nothing. A
 * Prometheus that says what it is told, a clock that is played. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/judging.h"
#include "backend/acts/observing.h"
#include "backend/acts/reconcile.h"
#include "backend/base/xalloc.h"
#include "tests/support/acts_world.h"
#include "tests/support/canned.h"

#define STEP_S 5
#define STEPS  200 /* of which the counters are known beforehand */

/* What both counters have grown by in each step. */
struct traffic_plan {
	int stable[STEPS], candidate[STEPS], failed[STEPS]; /* -1: no sample of either arm */
};

struct rig {
	struct acts_world x;
	struct canned *server;
	int port;
	int64_t t0; /* seconds: of step 0 */
	struct traffic_plan plan;
	struct buf requests, errors;
	struct canned_match matches[2];
};

static void add_series(struct rig *g, struct buf *out, const char *arm, const int *growth)
{
	long sum = 0;

	buf_addf(out, "%s{\"metric\":{\"v\":\"%s\",\"instance\":\"i\"},\"values\":[",
		strstr(buf_text(out), "metric") ? "," : "", arm);
	for (int i = 0, n = 0; i < STEPS; i++) {
		if (growth[i] < 0)
			continue;
		sum += growth[i];
		buf_addf(out, "%s[%lld,\"%ld\"]", n++ ? "," : "",
			(long long)(g->t0 + (int64_t)i * STEP_S), sum);
	}
	buf_adds(out, "]}");
}

/* Tells the server what the plan says. */
static void serve(struct rig *g)
{
	struct buf *texts[] = {&g->requests, &g->errors};
	int none[STEPS] = {0};

	canned_set(g->server, NULL, 0);
	for (int i = 0; i < STEPS; i++)
		none[i] = g->plan.stable[i] < 0 ? -1 : 0;
	for (int i = 0; i < 2; i++) {
		buf_reset(texts[i]);
		buf_adds(texts[i], "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\","
				   "\"result\":[");
	}
	add_series(g, &g->requests, "a", g->plan.stable);
	add_series(g, &g->requests, "b", g->plan.candidate);
	add_series(g, &g->errors, "a", none);
	add_series(g, &g->errors, "b", g->plan.failed);
	for (int i = 0; i < 2; i++)
		buf_adds(texts[i], "]}}");
	g->matches[0] = (struct canned_match){"query=reqs", {200, buf_text(&g->requests)}};
	g->matches[1] = (struct canned_match){"query=errs", {200, buf_text(&g->errors)}};
	canned_set(g->server, g->matches, 2);
}

static int apply(struct rig *g, const char *more, const char *limit)
{
	struct act a = {.caller = acts_person("root"), .reason = "a test"};
	struct apply_request req = {.commit = "", .base = -1};
	struct buf text = {0};
	int rc;

	buf_addf(&text,
		"project: shop\nowner: t\nendpoints:\n  checkout:\n    environment: production\n"
		"    tier: low\n    mode: observe\n    metrics:\n      prometheus: "
		"http://127.0.0.1:%d\n      arm: v\n      stable: a\n      candidate: b\n      "
		"requests: reqs\n      errors: errs\n      every: 5s\n      stale: 20s\n    "
		"rollout: {signals: {error_rate: critical worse-by %s}}\n%s",
		g->port, limit, more);
	req.text = buf_text(&text);
	req.size = text.len;
	rc = act_apply(&g->x.w, &a, &req, &g->x.r, &g->x.e);
	buf_release(&text);
	g->x.ep = world_find_endpoint(&g->x.w, "checkout", NULL);
	return rc;
}

static int setup(void **state)
{
	static const struct canned_answer nothing = {404, ""};
	struct rig *g = xcalloc(1, sizeof *g);

	acts_world_new(&g->x);
	g->t0 = clock_wall_us(&g->x.w.clock) / 1000000 / STEP_S * STEP_S;
	for (int i = 0; i < STEPS; i++)
		g->plan.stable[i] = 200;
	g->server = canned_start(&nothing, 1, &g->port);
	serve(g);
	assert_int_equal(apply(g, "", "2pp"), 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct rig *g = *state;

	acts_world_free(&g->x);
	if (g->server)
		canned_stop(g->server);
	buf_release(&g->requests);
	buf_release(&g->errors);
	free(g);
	return 0;
}

/* The clock goes on by a step, and its question is asked and answered. The reader is a thread: the
 * loop looks until its answer has been taken. */
static void pass(struct rig *g, int steps)
{
	struct world *w = &g->x.w;

	for (int i = 0; i < steps; i++) {
		struct observed_state s;
		int64_t want, before;

		observing_get_state(g->x.ep, &s);
		before = s.answers;
		w->clock.fake_wall_us += STEP_S * INT64_C(1000000);
		w->clock.fake_mono_us += STEP_S * INT64_C(1000000);
		want = (clock_wall_us(&w->clock) - 2000000) / 1000000 / STEP_S * STEP_S;
		for (int k = 0; k < 2000; k++) {
			observing_tick(w, g->x.ep);
			observing_get_state(g->x.ep, &s);
			if (s.answers > before && s.away_us)
				break;
			if (!s.away_us && observing_read_until(g->x.ep) >= want)
				break;
			poll(NULL, 0, 2);
		}
		assert_true(s.answers > 0);
	}
}

static void fill(struct rig *g, int from, int stable, int candidate, int failed)
{
	for (int i = from; i < STEPS; i++) {
		g->plan.stable[i] = stable;
		g->plan.candidate[i] = candidate;
		g->plan.failed[i] = failed;
	}
	serve(g);
}

static int step_now(const struct rig *g)
{
	return (int)((clock_wall_us(&g->x.w.clock) / 1000000 - g->t0) / STEP_S);
}

static enum judge_verdict verdict(const struct rig *g)
{
	return g->x.ep->judging ? g->x.ep->judging->card.verdict : JUDGE_MISSING;
}

static int open_alerts(struct rig *g, const char *kind, struct alert_row *last)
{
	return acts_alerts(&g->x, kind, last);
}

static void test_harm_is_told_and_nothing_moves(void **state)
{
	struct rig *g = *state;
	struct alert_row alert = {0};
	struct rollout_row r;
	int changes = acts_changes(&g->x, -1);
	int64_t rollout;

	pass(g, 4);
	assert_int_equal(g->x.ep->row.rollout, 0);
	fill(g, step_now(g) + 1, 200, 50, 4);
	pass(g, 2);
	assert_int_equal(g->x.ep->row.rollout, 0); /* it began in the middle of a step */
	pass(g, 1);
	rollout = g->x.ep->row.rollout;
	assert_true(rollout > 0);
	assert_int_equal(g->x.ep->row.share_bp, 2000);
	assert_int_equal(g->x.ep->row.gate, 0);
	pass(g, 20);
	assert_int_equal(verdict(g), JUDGE_HARM);
	assert_int_equal(open_alerts(g, "harm", &alert), 1);
	assert_string_equal(alert.level, "rollback");
	assert_non_null(strstr(alert.message, "error_rate 8.00 % against 0.00 %: +8.00 pp, harm "
					      "proven above +0.5"));
	assert_int_equal(acts_changes(&g->x, -1), changes);
	assert_int_equal(store_find_rollout(g->x.w.store, rollout, &r, &g->x.e), 1);
	assert_string_equal(r.state, "observing");

	/* What the judge knew is in the journal: another engine says the same, and tells it once.
	 */
	{
		double counted = g->x.ep->judging->card.counted[1];

		judging_free(g->x.ep->judging);
		g->x.ep->judging = NULL;
		observing_free(g->x.ep->observing);
		g->x.ep->observing = NULL;
		observing_start(&g->x.w, g->x.ep);
		assert_int_equal(verdict(g), JUDGE_HARM);
		assert_true(g->x.ep->judging->card.counted[1] == counted);
		pass(g, 3);
		assert_true(g->x.ep->judging->card.counted[1] == counted + 150);
		assert_int_equal(open_alerts(g, "harm", NULL), 1);
		assert_int_equal(g->x.ep->row.rollout, rollout);
	}

	/* Somebody takes it back. */
	fill(g, step_now(g) + 1, 200, 0, 0);
	pass(g, 8);
	assert_int_equal(g->x.ep->row.rollout, 0);
	assert_string_equal(g->x.ep->row.candidate, "");
	assert_int_equal(store_find_rollout(g->x.w.store, rollout, &r, &g->x.e), 1);
	assert_string_equal(r.state, "ended");
	assert_int_equal(open_alerts(g, "harm", &alert), 1);
	assert_string_equal(alert.state, "resolved");
}

static void test_silence_is_missing(void **state)
{
	struct rig *g = *state;
	struct alert_row alert = {0};
	struct observed_state s;

	fill(g, 1, 200, 50, 0);
	pass(g, 8);
	assert_true(g->x.ep->row.rollout > 0);
	assert_int_equal(verdict(g), JUDGE_OK);
	fill(g, step_now(g) + 1, -1, -1, -1); /* the scrape stops */
	pass(g, 3);
	assert_int_equal(open_alerts(g, "missing", NULL), 0);
	pass(g, 5);
	assert_int_equal(verdict(g), JUDGE_MISSING);
	assert_int_equal(open_alerts(g, "missing", &alert), 1);
	assert_non_null(strstr(alert.message, "since 12:00:4"));
	assert_string_equal(alert.state, "open");
	fill(g, step_now(g) + 1, 200, 50, 0);
	pass(g, 5);
	assert_int_not_equal(verdict(g), JUDGE_MISSING);
	assert_int_equal(open_alerts(g, "missing", &alert), 1);
	assert_string_equal(alert.state, "resolved");

	/* The Prometheus itself goes. */
	canned_stop(g->server);
	g->server = NULL;
	pass(g, 8);
	assert_int_equal(verdict(g), JUDGE_MISSING);
	assert_int_equal(open_alerts(g, "missing", &alert), 2);
	assert_non_null(strstr(alert.message, "does not answer"));
	observing_get_state(g->x.ep, &s);
	assert_true(s.away_us > 0);
}

static void test_vanished_candidate(void **state)
{
	struct rig *g = *state;
	int now;

	fill(g, 1, 200, 50, 0);
	pass(g, 8);
	now = step_now(g) + 1;
	for (int i = now; i < STEPS; i++)
		g->plan.candidate[i] = g->plan.failed[i] = -1;
	serve(g);
	pass(g, 8);
	assert_int_equal(verdict(g), JUDGE_MISSING); /* its counters are gone: not ok, not over */
	pass(g, 16);
	assert_int_equal(g->x.ep->row.rollout, 0);
}

static void test_share_that_others_move(void **state)
{
	struct rig *g = *state;
	struct rollout_row r;
	int64_t rollout;

	fill(g, 1, 200, 50, 0);
	pass(g, 8);
	rollout = g->x.ep->row.rollout;
	assert_int_equal(g->x.ep->row.share_bp, 2000);
	fill(g, step_now(g) + 1, 150, 150, 0);
	pass(g, 12);
	assert_int_equal(g->x.ep->row.rollout, rollout);
	assert_in_range(g->x.ep->row.share_bp, 4500, 5000);
	assert_int_equal(store_find_rollout(g->x.w.store, rollout, &r, &g->x.e), 1);
	assert_in_range(r.step, 1, 2);
	assert_int_equal(r.share_bp, g->x.ep->row.share_bp);
}

static void test_other_metrics_begin_anew(void **state)
{
	struct rig *g = *state;
	struct rollout_row r;
	int64_t first;

	fill(g, 1, 200, 50, 0);
	pass(g, 8);
	first = g->x.ep->row.rollout;
	assert_true(first > 0);
	assert_int_equal(apply(g, "# moved down a line\n", "2pp"), 0);
	pass(g, 1);
	assert_int_equal(g->x.ep->row.rollout, first);
	assert_int_equal(apply(g, "", "3pp"), 0);
	pass(g, 4);
	assert_int_equal(store_find_rollout(g->x.w.store, first, &r, &g->x.e), 1);
	assert_string_equal(r.state, "superseded");
	assert_true(g->x.ep->row.rollout > first);
}

static void test_acts_are_refused(void **state)
{
	struct rig *g = *state;
	struct act a = {.caller = acts_person("root"), .reason = "a test"};
	struct rollout_request req = {.to = "b", .share_bp = -1};

	fill(g, 1, 200, 50, 0);
	pass(g, 8);
	assert_int_equal(
		act_rollout_start(&g->x.w, &a, g->x.ep, &req, &g->x.r, &g->x.e), ERR_CONFLICT);
	assert_non_null(
		strstr(g->x.e.message, "is observed, and pithead moves none of its traffic"));
	assert_int_equal(act_rollback(&g->x.w, &a, g->x.ep, "a", &g->x.r, &g->x.e), ERR_CONFLICT);
	assert_int_equal(
		act_override(&g->x.w, &a, g->x.ep, "X", 0, &g->x.r, &g->x.e), ERR_CONFLICT);
	assert_int_equal(
		act_rollout_verb(&g->x.w, &a, g->x.ep->row.rollout, "abort", -1, &g->x.r, &g->x.e),
		ERR_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_harm_is_told_and_nothing_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vanished_candidate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_share_that_others_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_metrics_begin_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_acts_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
