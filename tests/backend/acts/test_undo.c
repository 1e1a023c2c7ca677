/* test_undo.c: the inverse of every kind of change, and what has none. */
#include "tests/backend/acts/story.h"

static const struct story stories[] = {
	{"of a start", {{"start v2", "v1>v2 100 stepping"}, {"undo", "v1> 0 aborted"}}},
	{"of an advance, and of its undo",
		{{"start v2", "v1>v2 100 stepping"}, {"advance", "v1>v2 500 stepping"},
			{"undo", "v1>v2 100 stepping"}, {"undo", "v1>v2 500 stepping"},
			{"undo", "v1>v2 100 stepping"}}},
	{"of a pause and a resume",
		{{"start v2", "v1>v2 100 stepping"}, {"pause", "v1>v2 100 paused"},
			{"undo", "v1>v2 100 stepping"}, {"undo", "v1>v2 100 paused"}}},
	{"of a promotion", {{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
				   {"undo", "v1> 0 promoted"}, {"undo", "v1>v2 100 stepping"},
				   {"undo", "v1> 0 aborted"}, {"undo", "v1>v2 100 stepping"}}},
	{"of an abort is a new rollout",
		{{"start v2", "v1>v2 100 stepping"}, {"advance", "v1>v2 500 stepping"},
			{"abort", "v1> 0 aborted"}, {"undo", "v1>v2 100 stepping"}}},
	{"of a rejection", {{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"}, {"by ben", NULL},
				   {"reject", "v1> 0 rejected"}, {"undo", "v1>v2 0 waiting"}}},
	{"of a rollback", {{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
				  {"rollback", "v1> 0 promoted"}, {"undo", "v1>v2 100 stepping"}}},
	{"of a cold rollback whose servers still start",
		{{"start v2", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"},
			{"pass 25h", NULL}, {"tick 3", NULL}, {"rollback v1", "v2>v1 0 waiting"},
			{"undo", "v2> 0 aborted"}}},
	{"what has moved on",
		{{"start v2", "v1>v2 100 stepping"}, {"advance", "v1>v2 500 stepping"},
			{"undo", "v1>v2 100 stepping"}, {"advance", "v1>v2 500 stepping"},
			{"undo 16", "!conflict: undone already"}}},
	{"an approval is a statement",
		{{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"}, {"by ben", NULL},
			{"approve", "v1>v2 0 waiting"}, {"undo", "!conflict: is a statement"}}},
	{"nothing to undo", {{"undo 999", "!not_found: no change 999"}}},
	{"of an override",
		{{"start v2", "v1>v2 100 stepping"}, {"override ORD 10000", "v1>v2 100 stepping"},
			{"override ORD 0", "v1>v2 100 stepping"}, {"undo", "v1>v2 100 stepping"},
			{"undo", "v1>v2 100 stepping"}}},
};

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

static int first_seq(void *arg, const struct event *ev)
{
	*(int64_t *)arg = ev->seq;
	return 1;
}

static int64_t newest(struct acts_world *x, const char *verb)
{
	struct event_query q = {.limit = 1, .verb = verb};
	int64_t seq = 0, next;

	store_query_events(x->w.store, &q, first_seq, &seq, &next, NULL);
	return seq;
}

static int undo(struct acts_world *x, int64_t seq)
{
	char words[40];

	snprintf(words, sizeof words, "undo %lld", (long long)seq);
	return acts_do(x, words);
}

/* Twice is refused and says by which change; proofs and first versions cannot be undone. */
static void test_refusals(void **state)
{
	struct acts_world x;
	int64_t advance, pause;

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	acts_do(&x, "advance");
	advance = x.seq;
	assert_int_equal(undo(&x, advance), 0);
	assert_int_equal(undo(&x, advance), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "undone already by change"));
	acts_do(&x, "advance");
	advance = x.seq;
	acts_do(&x, "advance");
	assert_int_equal(undo(&x, advance), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "has moved on"));
	acts_do(&x, "pause");
	pause = x.seq;
	acts_do(&x, "resume");
	assert_int_equal(undo(&x, pause), ERR_CONFLICT);
	acts_do(&x, "override ORD 10000");
	advance = x.seq;
	acts_do(&x, "override ORD 0");
	assert_int_equal(undo(&x, advance), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "moved again"));
	acts_do(&x, "abort");
	assert_int_equal(undo(&x, newest(&x, "override.set")), ERR_CONFLICT);
	assert_int_equal(undo(&x, newest(&x, "rollout.aborted")), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "it is no change"));
	assert_int_equal(undo(&x, newest(&x, "endpoint.serve")), ERR_CONFLICT);
	assert_non_null(strstr(x.e.message, "no earlier version"));
	acts_world_free(&x);
}

static int copy_line(void *arg, const struct event *ev)
{
	struct acts_world *x = arg;
	char line[240];

	/* One line of words, whatever the verb; the undo of each change names it. */
	act_undo_describe(&x->w, ev, line, sizeof line);
	assert_true(line[0] != '\0');
	event_describe(ev, line, sizeof line);
	assert_true(line[0] != '\0');
	assert_null(strchr(line, '%') && strstr(line, "%s") ? line : NULL);
	return 0;
}

static void test_every_event_reads(void **state)
{
	struct event_query q = {.limit = 1000};
	struct acts_world x;
	int64_t next;

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	acts_do(&x, "override ORD 0");
	acts_do(&x, "pass 16s");
	acts_do(&x, "tick");
	acts_do(&x, "undo");
	acts_do(&x, "apply steps");
	store_query_events(x.w.store, &q, copy_line, &x, &next, NULL);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_every_event_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
