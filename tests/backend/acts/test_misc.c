/* test_misc.c: reasons, stale screens, outcomes, versions, notes, and the engine's own acts. */
#include "tests/backend/acts/story.h"

#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/registry/registry.h"
#include "backend/store/telemetry.h"

static void test_reason(void **state)
{
	struct act a = {.caller = acts_person("ada"), .reason = ""};
	struct rollout_request req = {.to = "v2", .share_bp = -1};
	struct acts_world x;

	(void)state;
	story_warm(&x);
	assert_int_equal(act_rollout_start(&x.w, &a, x.ep, &req, &x.r, &x.e), ERR_INVALID);
	assert_string_equal(x.e.field, "reason");
	a.reason = NULL;
	assert_int_equal(act_rollout_start(&x.w, &a, x.ep, &req, &x.r, &x.e), ERR_INVALID);
	a.reason = "why not";
	req.pattern = "rainbow";
	assert_int_equal(act_rollout_start(&x.w, &a, x.ep, &req, &x.r, &x.e), ERR_INVALID);
	assert_string_equal(x.e.field, "pattern");
	req.pattern = NULL;
	req.steps = "5%";
	assert_int_equal(act_rollout_start(&x.w, &a, x.ep, &req, &x.r, &x.e), ERR_INVALID);
	assert_string_equal(x.e.field, "steps");
	req.steps = "";
	assert_int_equal(act_rollout_start(&x.w, &a, x.ep, &req, &x.r, &x.e), ERR_INVALID);
	req.steps = "2% 1m, 40% 1m";
	assert_int_equal(act_rollout_start(&x.w, &a, x.ep, &req, &x.r, &x.e), 0);
	assert_int_equal(x.ep->row.share_bp, 200);
	a.reason = NULL; /* what lowers a risk asks for no words */
	assert_int_equal(act_rollout_verb(&x.w, &a, x.r.rollout, "abort", -1, &x.r, &x.e), 0);
	acts_world_free(&x);
}

/* Every act names what the person saw, and is refused with who moved it since. */
static void test_stale(void **state)
{
	static const char *const words[] = {"start v3", "rollback v2", "override ORD 0"};
	static const char *const verbs[] = {"advance", "pause", "promote", "abort"};
	struct acts_world x;
	int64_t seen, head;

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	seen = x.r.revision;
	acts_do(&x, "by ben");
	acts_do(&x, "advance");
	acts_do(&x, "by ada");
	x.revision = seen;
	head = store_head(x.w.store);
	for (int i = 0; i < 7; i++) {
		const char *line = i < 3 ? words[i] : verbs[i - 3];
		if (acts_do(&x, line) != ERR_STALE)
			fail_msg("%s: %s", line, x.e.message);
		assert_non_null(
			strstr(x.r.moved, "v2 from 1 % to 5 % by ben at 2025-11-24T12:00:00Z"));
		assert_non_null(strstr(x.e.hint, "nothing was done"));
	}
	assert_true(store_head(x.w.store) == head);
	x.revision = x.ep->row.revision;
	assert_int_equal(acts_do(&x, "abort"), 0);
	acts_world_free(&x);
}

static void put_record(struct acts_world *x, const char *id, enum arm arm)
{
	struct record r = {.arm = arm,
		.routed_us = clock_wall_us(&x->w.clock),
		.status = 200,
		.total_ms = 3,
		.answer_ms = 2,
		.score = 0.8,
		.read = 1};

	strcpy(r.id, id);
	strcpy(r.endpoint, x->ep->row.id);
	strcpy(r.version, "v1");
	strcpy(r.environment, "production");
	telemetry_add_record(x->w.store, &r);
	window_add(x->ep->window, &r);
}

static void test_outcomes(void **state)
{
	static const struct outcome_in list[] = {{"r1", "late", 1}, {"r1", "late", 0},
		{"r2", "late", 0}, {"r2", "other", 1}, {"none", "late", 1}};
	struct outcome_counts n;
	struct arm_counts sum;
	struct acts_world x;
	int64_t now;

	(void)state;
	story_warm(&x);
	put_record(&x, "r1", ARM_STABLE);
	acts_do(&x, "tick");
	put_record(&x, "r2", ARM_CANDIDATE); /* queued only */
	assert_int_equal(act_outcomes(&x.w, list, 5, &n, &x.e), 0);
	assert_int_equal(n.stored, 3);
	assert_int_equal(n.duplicate, 1);
	assert_int_equal(n.unknown, 1);
	now = clock_wall_us(&x.w.clock) + 1000000;
	window_sum(x.ep->window, ARM_STABLE, now, 60, &sum);
	assert_int_equal(sum.outcomes, 1);
	assert_true(fabs(sum.brier_sum - 0.04) < 1e-9);
	window_sum(x.ep->window, ARM_CANDIDATE, now, 60, &sum);
	assert_int_equal(sum.outcomes, 1); /* the declared one only */
	assert_true(fabs(sum.brier_sum - 0.64) < 1e-9);
	assert_int_equal(act_outcomes(&x.w, list, 5, &n, &x.e), 0);
	assert_int_equal(n.stored, 0);
	assert_int_equal(n.duplicate, 4);
	acts_world_free(&x);
}

static void make_bundle(const struct acts_world *x, const char *text, char *folder)
{
	char path[400];

	sprintf(folder, "%s/upload", x->w.home);
	sprintf(path, "%s/serve", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0755), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int add(struct acts_world *x, const struct act *a, const char *name, const char *folder,
	struct version_row *row)
{
	struct sealed sealed;
	int rc = registry_seal(x->w.home, folder, &sealed, &x->e);

	if (!rc)
		rc = act_version_add(&x->w, a, "flights", name, folder, &sealed, row, &x->r, &x->e);
	registry_release(&sealed);
	return rc;
}

static void test_version(void **state)
{
	struct act a = {.caller = acts_person("ada")};
	struct version_row row, again;
	struct acts_world x;
	char folder[300], path[300];
	int64_t head;

	(void)state;
	story_warm(&x);
	snprintf(path, sizeof path, "%s/store/bundles", x.w.home);
	mkdir(path, 0700);
	make_bundle(&x, "#!/bin/sh\n", folder);
	head = store_head(x.w.store);
	a.dry_run = 1;
	assert_int_equal(add(&x, &a, "v7", folder, &row), 0);
	assert_true(store_head(x.w.store) == head);
	a.dry_run = 0;
	assert_int_equal(add(&x, &a, "V 7", folder, &row), ERR_INVALID);
	assert_string_equal(x.e.field, "name");
	if (add(&x, &a, "v7", folder, &row))
		fail_msg("%s", x.e.message);
	assert_true(store_head(x.w.store) == head + 1);
	assert_int_equal(row.files, 1);
	/* The same bytes under the same name: it is there already. Other bytes: never. */
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	make_bundle(&x, "#!/bin/sh\n", folder);
	assert_int_equal(add(&x, &a, "v7", folder, &again), 0);
	assert_string_equal(again.digest, row.digest);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	make_bundle(&x, "#!/bin/sh\n# other\n", folder);
	assert_int_equal(add(&x, &a, "v7", folder, &again), ERR_CONFLICT);
	assert_true(store_head(x.w.store) == head + 1);
	/* The endpoint has no command to serve it with. */
	assert_int_equal(acts_do(&x, "start v7"), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "no `serve` command"));
	assert_int_equal(acts_do(&x, "rollback v7"), ERR_CONFLICT);
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

static void test_engine(void **state)
{
	struct act a = {.caller = acts_person("root"), .dry_run = 1};
	struct acts_world x;
	int64_t head;

	(void)state;
	story_warm(&x);
	head = store_head(x.w.store);
	assert_int_equal(act_engine_stop(&x.w, &a, 1, &x.r, &x.e), 0);
	assert_int_equal(x.w.stopping, 0);
	assert_true(store_head(x.w.store) == head);
	a.dry_run = 0;
	assert_int_equal(act_engine_stop(&x.w, &a, 1, &x.r, &x.e), 0);
	assert_true(x.w.stopping && x.w.stop_all);
	assert_int_equal(acts_changes(&x, head), 1);
	assert_int_equal(act_note(&x.w, &a, "denied", "endpoint:flights/delay",
				 "{\"text\":\"start\"}", &x.e),
		0);
	assert_true(store_head(x.w.store) == head + 2);
	assert_int_equal(acts_changes(&x, head), 1); /* a note is no change */
	assert_int_equal(acts_verify(&x), 0);
	acts_world_free(&x);
}

static void test_find(void **state)
{
	struct acts_world x;

	(void)state;
	acts_world_new(&x);
	assert_non_null(world_find_endpoint(&x.w, "flights/delay", &x.e));
	assert_non_null(world_find_endpoint(&x.w, "flights~delay", &x.e));
	assert_non_null(world_find_endpoint(&x.w, "delay", &x.e));
	assert_null(world_find_endpoint(&x.w, "flights/dela", &x.e));
	assert_int_equal(x.e.code, ERR_NOT_FOUND);
	assert_non_null(strstr(x.e.hint, "flights/delay"));
	assert_null(world_find_endpoint(&x.w, "", &x.e));
	assert_null(world_find_endpoint(&x.w, "flights", &x.e));
	acts_world_free(&x);
}

static void test_predictions(void **state)
{
	static const struct prediction_in list[] = {{.id = "r1", .score = 0.5},
		{.id = "r2", .score = 0.5}, {.id = "r1", .score = 0.9}, {.id = "none", .score = 1},
		{.id = "old", .score = 0.1}};
	static const struct outcome_in label = {"r1", "late", 1};
	struct prediction_counts n;
	struct outcome_counts labels;
	struct arm_counts sum;
	struct acts_world x;
	struct record r = {.status = 200, .answer_ms = 2, .score = (double)NAN};
	int64_t now;

	(void)state;
	story_warm(&x);
	now = clock_wall_us(&x.w.clock);
	strcpy(r.endpoint, x.ep->row.id);
	for (int i = 0; i < 2; i++) { /* r1 was unread, "old" is out of every window */
		strcpy(r.id, i ? "old" : "r1");
		r.routed_us = now - (i ? 90 * INT64_C(86400000000) : 0);
		telemetry_add_record(x.w.store, &r);
		window_add(x.ep->window, &r);
	}
	put_record(&x, "r2", ARM_STABLE); /* its score was in the answer */
	assert_int_equal(act_predictions(&x.w, list, 5, &n, &x.e), 0);
	assert_int_equal(n.stored, 1);
	assert_int_equal(n.duplicate, 2);
	assert_int_equal(n.unknown, 1);
	assert_int_equal(n.late, 1);
	window_sum(x.ep->window, ARM_STABLE, now + 1000000, 60, &sum);
	assert_int_equal(sum.scored, 2);
	assert_int_equal(sum.unread, 0);
	assert_true(fabs(sum.score_sum - 1.3) < 1e-9);
	/* Its outcome is judged with it. */
	assert_int_equal(act_outcomes(&x.w, &label, 1, &labels, &x.e), 0);
	window_sum(x.ep->window, ARM_STABLE, now + 1000000, 60, &sum);
	assert_true(sum.brier_n == 1 && fabs(sum.brier_sum - 0.25) < 1e-9);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_predictions),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
