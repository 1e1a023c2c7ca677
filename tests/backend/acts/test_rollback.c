/* test_rollback.c: back to an earlier version, hot and cold, with and without a rollout under way.
 */
#include "tests/backend/acts/story.h"

static const struct story stories[] = {
	{"there is nothing earlier",
		{{"rollback", "!conflict: no earlier version"},
			{"rollback v2", "!conflict: never been the stable version"},
			{"rollback v1", "!conflict: is what serves"},
			{"rollback v9", "!not_found: no version v9"}}},
	{"hot: one map row", {{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
				     {"rollback", "v1> 0 promoted"}, {"rollback", "v2> 0 promoted"},
				     {"rollback v1", "v1> 0 promoted"}}},
	{"cold: its servers first",
		{{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
			{"pass 25h", NULL}, {"tick 3", "v2> 0 promoted"},
			{"rollback v1", "v2>v1 0 waiting"}, {"tick 4", "v1> 0 promoted"}}},
	{"cold, and given up",
		{{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
			{"pass 25h", NULL}, {"tick 3", NULL}, {"rollback v1", "v2>v1 0 waiting"},
			{"abort", "v2> 0 aborted"}, {"tick 4", "v2> 0 aborted"}}},
	{"ends a rollout under way",
		{{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
			{"start v3", "v2>v3 0 waiting"}, {"tick 3", "v2>v3 100 stepping"},
			{"rollback", "v1> 0 promoted"}, {"start v3", "v1>v3 100 stepping"},
			{"rollback v1", "v1> 0 promoted"}}},
	{"a cold one ends it too",
		{{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
			{"pass 25h", NULL}, {"tick 3", NULL}, {"start v3", "v2>v3 0 waiting"},
			{"tick 3", "v2>v3 100 stepping"}, {"rollback v1", "v2>v1 0 waiting"},
			{"tick 4", "v1> 0 promoted"}}},
	{"tier high asks nobody for a rollback",
		{{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"}, {"by ben", NULL},
			{"approve", "v1>v2 0 waiting"}, {"by cas", NULL},
			{"approve", "v1>v2 0 waiting"}, {"tick", "v1>v2 100 stepping"},
			{"promote", "v2> 0 promoted"}, {"rollback", "v1> 0 promoted"}}},
};

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

static int remember(void *arg, const struct rollout_row *r)
{
	struct rollout_row *old = arg;

	if (strcmp(r->state, "superseded") == 0)
		*old = *r;
	return 0;
}

static int copy_before(void *arg, const struct event *ev)
{
	snprintf(arg, 640, "%s", ev->before);
	return 0;
}

/* The event shows what was: the rollout as it ran, not as it ended. */
static void test_superseded(void **state)
{
	struct rollout_row old = {0};
	char before[640] = "";
	struct acts_world x;

	(void)state;
	story_warm(&x);
	assert_int_equal(acts_do(&x, "start v2"), 0);
	assert_int_equal(acts_do(&x, "advance 500"), 0);
	assert_int_equal(acts_do(&x, "rollback v1"), 0);
	store_list_rollouts(x.w.store, x.ep->row.id, 0, 0, 100, remember, &old, NULL);
	assert_true(old.ended_us > 0);
	assert_int_equal(old.share_bp, 0);
	assert_string_equal(old.end_reason, "superseded by #6 of ada");
	assert_int_equal(store_find_event(x.w.store, x.seq, copy_before, before, NULL), 1);
	assert_non_null(strstr(before, "\"share_bp\":500"));
	assert_non_null(strstr(before, "\"state\":\"stepping\""));
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_superseded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
