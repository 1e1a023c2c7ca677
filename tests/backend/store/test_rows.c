/* test_rows.c: every kind of row comes back as it was saved, and lists keep their order. Rows are
 * compared as bytes, so they are static: their padding is zero. */
#include "tests/backend/store/scratch.h"

#include <math.h>

#include "backend/store/telemetry.h"

static int on_endpoint(void *arg, const struct endpoint_row *r)
{
	memcpy(arg, r, sizeof *r);
	return 0;
}

static void test_endpoint(void **state)
{
	static struct endpoint_row a = {.id = "p/a",
					   .project = "p",
					   .name = "a",
					   .environment = "staging",
					   .tier = "low",
					   .mode = "online",
					   .listen = "127.0.0.1:1",
					   .stable = "v1",
					   .candidate = "v2",
					   .previous = "v0",
					   .hot_until_us = INT64_MAX,
					   .rollout = 41,
					   .share_bp = 100,
					   .gate = 1,
					   .removed = 1,
					   .spec_seq = 7,
					   .revision = 9},
				   out;
	struct scratch x;
	struct buf json = {0};

	(void)state;
	scratch_new(&x);
	assert_int_equal(store_find_endpoint(x.store, "p/a", &out, &x.e), 0);
	assert_int_equal(store_save_endpoint(x.store, &a, &x.e), 0);
	a.share_bp = 500;
	assert_int_equal(store_save_endpoint(x.store, &a, &x.e), 0);
	memset(&out, 0, sizeof out);
	assert_int_equal(store_find_endpoint(x.store, "p/a", &out, &x.e), 1);
	assert_memory_equal(&a, &out, sizeof a);
	memset(&out, 0, sizeof out);
	assert_int_equal(store_list_endpoints(x.store, on_endpoint, &out, &x.e), 0);
	assert_memory_equal(&a, &out, sizeof a);
	assert_int_equal(store_save_endpoint_config(x.store, "p/a", "{\"x\":1}", &x.e), 0);
	assert_int_equal(store_find_endpoint_config(x.store, "p/a", &json, &x.e), 1);
	assert_string_equal(json.data, "{\"x\":1}");
	assert_int_equal(store_find_endpoint_config(x.store, "p/b", &json, &x.e), 0);
	buf_release(&json);
	scratch_free(&x);
}

static int on_version(void *arg, const struct version_row *r)
{
	strcat(arg, r->name);
	return 0;
}

static void test_version(void **state)
{
	static struct version_row v = {.project = "p",
					  .name = "v1",
					  .digest = "sha256:aa",
					  .author = "ada",
					  .size_bytes = INT64_C(1) << 40,
					  .files = 3,
					  .created_us = 5,
					  .revision = 2},
				  out = {0};
	struct scratch x;
	char names[64] = "";

	(void)state;
	scratch_new(&x);
	assert_int_equal(store_save_version(x.store, &v, &x.e), 0);
	assert_int_equal(store_find_version(x.store, "p", "sha256:aa", &out, &x.e), 1);
	assert_memory_equal(&v, &out, sizeof v);
	assert_int_equal(store_find_version(x.store, "p", "v1", &out, &x.e), 1);
	assert_int_equal(store_find_version(x.store, "q", "v1", &out, &x.e), 0);
	strcpy(v.name, "v2");
	v.created_us = 6;
	assert_int_equal(store_save_version(x.store, &v, &x.e), 0);
	assert_int_equal(store_list_versions(x.store, NULL, on_version, names, &x.e), 0);
	assert_int_equal(store_list_versions(x.store, "p", on_version, names, &x.e), 0);
	assert_int_equal(store_list_versions(x.store, "q", on_version, names, &x.e), 0);
	assert_string_equal(names, "v2v1v2v1");
	scratch_free(&x);
}

struct numbers {
	struct store *store;
	char text[128];
};

static int on_rollout(void *arg, const struct rollout_row *r)
{
	struct numbers *n = arg;
	struct rollout_row again;

	/* A callback may use the store, and the same list too. */
	assert_int_equal(store_find_rollout(n->store, r->id, &again, NULL), 1);
	assert_int_equal(store_save_rollout(n->store, &again, NULL), 0);
	sprintf(n->text + strlen(n->text), "%d ", (int)r->id);
	return 0;
}

static const char *rollouts(struct scratch *x, const char *endpoint, int active, int64_t before,
	int limit, struct numbers *n)
{
	n->store = x->store;
	n->text[0] = '\0';
	assert_int_equal(store_list_rollouts(
				 x->store, endpoint, active, before, limit, on_rollout, n, &x->e),
		0);
	return n->text;
}

static void test_rollout(void **state)
{
	static struct rollout_row r = {.project = "p",
					  .endpoint = "p/a",
					  .environment = "staging",
					  .pattern = "canary",
					  .state = "stepping",
					  .from_version = "v1",
					  .to_version = "v2",
					  .steps = "1% 2m, 5% 5m",
					  .step = 1,
					  .share_bp = 500,
					  .approvals_needed = 2,
					  .author = "ada",
					  .author_uid = 1000,
					  .author_login_uid = -1,
					  .started_us = 1,
					  .step_since_us = 2,
					  .reason = "why",
					  .end_reason = "",
					  .revision = 3},
				  out = {0};
	struct numbers n;
	struct scratch x;

	(void)state;
	scratch_new(&x);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(store_next_rollout_id(x.store, &r.id, &x.e), 0);
		assert_int_equal(r.id, i);
		strcpy(r.endpoint, i % 2 ? "p/a" : "p/b");
		r.ended_us = i < 4 ? 9 : 0;
		assert_int_equal(store_save_rollout(x.store, &r, &x.e), 0);
	}
	assert_int_equal(store_find_rollout(x.store, 5, &out, &x.e), 1);
	assert_memory_equal(&r, &out, sizeof r);
	assert_string_equal(rollouts(&x, NULL, 0, 0, 10, &n), "5 4 3 2 1 ");
	assert_string_equal(rollouts(&x, NULL, 0, 4, 2, &n), "3 2 ");
	assert_string_equal(rollouts(&x, "p/a", 0, 0, 10, &n), "5 3 1 ");
	assert_string_equal(rollouts(&x, NULL, 1, 0, 10, &n), "5 4 ");
	assert_string_equal(rollouts(&x, "p/b", 1, 0, 10, &n), "4 ");
	scratch_free(&x);
}

static int on_approval(void *arg, const struct approval_row *r)
{
	memcpy(arg, r, sizeof *r);
	return 0;
}

static int on_override(void *arg, const struct override_row *r)
{
	memcpy(arg, r, sizeof *r);
	return 0;
}

static int on_slot(void *arg, const struct slot_row *r)
{
	memcpy(arg, r, sizeof *r);
	return 0;
}

static int on_replica(void *arg, const struct replica_row *r)
{
	memcpy(arg, r, sizeof *r);
	return 0;
}

static void test_what_belongs_to_an_endpoint(void **state)
{
	static struct approval_row ap = {41, 1000, -1, 5, 6, "ada", "fine", "start", "missing",
					   "sha256:cc", "sha256:dd", 7},
				   ap2 = {0};
	static struct override_row ov = {"p/a", "ORD", 41, 10000, 7}, ov2 = {0};
	static struct slot_row sl = {"p/a", "v2", 3}, sl2 = {0};
	static struct replica_row re = {"r-1", "p/a", "v2", "sha256:aa", 3, 1, 4711, 99, "healthy",
					  8},
				  re2 = {0};
	struct scratch x;

	(void)state;
	scratch_new(&x);
	assert_int_equal(store_save_approval(x.store, &ap, &x.e), 0);
	assert_int_equal(store_list_approvals(x.store, 41, on_approval, &ap2, &x.e), 0);
	assert_memory_equal(&ap, &ap2, sizeof ap);
	assert_int_equal(store_save_override(x.store, &ov, &x.e), 0);
	assert_int_equal(store_list_overrides(x.store, "p/a", on_override, &ov2, &x.e), 0);
	assert_memory_equal(&ov, &ov2, sizeof ov);
	assert_int_equal(store_save_slot(x.store, &sl, &x.e), 0);
	assert_int_equal(store_list_slots(x.store, "p/a", on_slot, &sl2, &x.e), 0);
	assert_memory_equal(&sl, &sl2, sizeof sl);
	assert_int_equal(store_save_replica(x.store, &re, &x.e), 0);
	assert_int_equal(store_list_replicas(x.store, NULL, on_replica, &re2, &x.e), 0);
	assert_memory_equal(&re, &re2, sizeof re);
	assert_int_equal(store_remove_override(x.store, "p/a", "ORD", &x.e), 0);
	assert_int_equal(store_remove_slot(x.store, "p/a", 3, &x.e), 0);
	assert_int_equal(store_remove_replica(x.store, "r-1", &x.e), 0);
	memset(&re2, 0, sizeof re2);
	assert_int_equal(store_list_overrides(x.store, "p/a", on_override, &re2, &x.e), 0);
	assert_int_equal(store_list_slots(x.store, "p/a", on_slot, &re2, &x.e), 0);
	assert_int_equal(store_list_replicas(x.store, "p/a", on_replica, &re2, &x.e), 0);
	assert_string_equal(re2.id, "");
	scratch_free(&x);
}

static int on_alert(void *arg, const struct alert_row *r)
{
	(void)r;
	++*(int *)arg;
	return 0;
}

static void test_alert(void **state)
{
	static struct alert_row a = {.project = "p",
					.endpoint = "p/a",
					.kind = "lapse",
					.level = "rollback",
					.state = "open",
					.message = "it lapsed",
					.rollout = 41,
					.since_us = 5,
					.revision = 6},
				out = {0};
	struct scratch x;
	int n = 0;

	(void)state;
	scratch_new(&x);
	assert_int_equal(store_save_alert(x.store, &a, &x.e), 0);
	assert_int_equal(a.id, 1);
	assert_int_equal(store_find_alert(x.store, 1, &out, &x.e), 1);
	assert_memory_equal(&a, &out, sizeof a);
	strcpy(a.state, "resolved");
	assert_int_equal(store_save_alert(x.store, &a, &x.e), 0);
	assert_int_equal(store_list_alerts(x.store, 1, 10, on_alert, &n, &x.e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_list_alerts(x.store, 0, 10, on_alert, &n, &x.e), 0);
	assert_int_equal(n, 1);
	scratch_free(&x);
}

static int on_spec(void *arg, const struct spec_row *r)
{
	memcpy(arg, r, sizeof *r);
	return 0;
}

static void test_spec(void **state)
{
	static struct spec_row a = {"p", "sha256:aa", "c0ffee", "ada", 1, 7, 8}, b, out;
	struct buf text = {0}, access = {0};
	struct scratch x;

	(void)state;
	scratch_new(&x);
	memcpy(&b, &a, sizeof b);
	b.seq = 9;
	assert_int_equal(store_save_spec(x.store, &b, "new", "{}", &x.e), 0);
	assert_int_equal(store_save_spec(x.store, &a, "old", "[]", &x.e), 0);
	assert_int_equal(store_find_spec(x.store, "p", 0, &out, &text, &access, &x.e), 1);
	assert_memory_equal(&b, &out, sizeof b);
	assert_string_equal(text.data, "new");
	assert_string_equal(access.data, "{}");
	assert_int_equal(store_find_spec(x.store, "p", 7, &out, NULL, NULL, &x.e), 1);
	assert_memory_equal(&a, &out, sizeof a);
	assert_int_equal(store_find_spec(x.store, "q", 0, &out, NULL, NULL, &x.e), 0);
	assert_int_equal(store_list_specs(x.store, on_spec, &out, &x.e), 0);
	assert_memory_equal(&b, &out, sizeof b);
	buf_release(&text);
	buf_release(&access);
	scratch_free(&x);
}

static void test_answer_and_fact(void **state)
{
	struct buf route = {0}, body = {0};
	struct scratch x;
	int status = 0;

	(void)state;
	scratch_new(&x);
	assert_int_equal(store_save_answer(x.store, 1000, "k", "POST /x", 202, "{}", &x.e), 0);
	assert_int_equal(store_find_answer(x.store, 1000, "k", &route, &status, &body, &x.e), 1);
	assert_string_equal(route.data, "POST /x");
	assert_int_equal(status, 202);
	assert_string_equal(body.data, "{}");
	assert_int_equal(store_find_answer(x.store, 1001, "k", &route, &status, &body, &x.e), 0);
	x.clock.fake_wall_us += 24 * 3600 * INT64_C(1000000) + 1;
	assert_int_equal(store_find_answer(x.store, 1000, "k", &route, &status, &body, &x.e), 0);
	assert_int_equal(store_save_answer(x.store, 1000, "l", "POST /x", 200, "{}", &x.e), 0);
	assert_int_equal(scratch_shell(&x, "test $(sqlite3 $H/store/state.db 'select count(*) from "
					   "answers') = 1"),
		0);
	buf_reset(&body);
	assert_int_equal(store_find_fact(x.store, "hold", &body, &x.e), 0);
	assert_int_equal(store_set_fact(x.store, "hold", "1", &x.e), 0);
	assert_int_equal(store_set_fact(x.store, "hold", "2", &x.e), 0);
	assert_int_equal(store_find_fact(x.store, "hold", &body, &x.e), 1);
	assert_string_equal(body.data, "2");
	buf_release(&route);
	buf_release(&body);
	scratch_free(&x);
}

static void make_record(struct record *r, int i, int64_t routed_us)
{
	static const struct record base = {.endpoint = "p/a",
		.version = "v2",
		.environment = "production",
		.rollout = 41,
		.share_bp = 5000,
		.keyed = 1,
		.key = "0123456789abcdef",
		.segment = "ORD",
		.status = 200,
		.total_ms = 3.5,
		.answer_ms = 2.25,
		.read = 1,
		.server = "r-1"};

	memcpy(r, &base, sizeof *r);
	r->arm = i % 2 ? ARM_CANDIDATE : ARM_STABLE;
	r->bucket = i % 10000;
	r->routed_us = routed_us;
	r->score = i % 3 ? 0.25 : (double)NAN;
	snprintf(r->id, sizeof r->id, "req-%d", i);
}

static void test_telemetry(void **state)
{
	struct arm_counts counts;
	static struct record r, out;
	struct window *w = window_new();
	struct scratch x;

	(void)state;
	scratch_new(&x);
	for (int i = 0; i < 3000; i++) {
		make_record(&r, i, NOON - 60 * INT64_C(1000000));
		telemetry_add_record(x.store, &r);
	}
	/* Found before the flush too, field by field. */
	assert_int_equal(telemetry_find_record(x.store, r.id, &out, &x.e), 1);
	assert_true(isnan(r.score) == isnan(out.score));
	out.score = r.score;
	assert_memory_equal(&r, &out, sizeof r);
	assert_int_equal(telemetry_add_outcome(x.store, "req-1", "late", 1, NOON, &x.e), 1);
	assert_int_equal(telemetry_add_outcome(x.store, "req-1", "late", 0, NOON, &x.e), 0);
	assert_int_equal(telemetry_add_outcome(x.store, "req-1", "late", (double)NAN, NOON, &x.e),
		ERR_INVALID);
	assert_int_equal(telemetry_flush(x.store, INT64_C(3600) * 1000000, 0, &x.e), 0);
	store_close(x.store);
	scratch_open(&x);
	assert_int_equal(
		telemetry_load_window(x.store, "p/a", NOON - 900 * INT64_C(1000000), w, &x.e), 0);
	window_sum(w, ARM_CANDIDATE, NOON, 120, &counts);
	assert_int_equal(counts.requests, 1500);
	assert_int_equal(counts.outcomes, 1);
	/* An outcome of nobody's request is kept, and both are dropped in the end. */
	x.clock.fake_wall_us += INT64_C(7200) * 1000000;
	assert_int_equal(telemetry_flush(x.store, INT64_C(3600) * 1000000, 0, &x.e), 0);
	assert_int_equal(telemetry_find_record(x.store, "req-1", &out, &x.e), 0);
	assert_int_equal(scratch_shell(&x, "test $(sqlite3 $H/store/telemetry.db 'select count(*) "
					   "from outcomes') = 0"),
		0);
	window_free(w);
	scratch_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_rollout),
		cmocka_unit_test(test_what_belongs_to_an_endpoint),
		cmocka_unit_test(test_alert),
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_answer_and_fact),
		cmocka_unit_test(test_telemetry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
