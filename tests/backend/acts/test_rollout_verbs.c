/* test_rollout_verbs.c: rollouts driven by people: each line is an act and what the gateway then
 * shows, or the refusal. Every act is tried with dry_run first, and leaves exactly one change. */
#include "tests/backend/acts/story.h"

static const struct story stories[] = {
	{"steps in order, then promote",
		{{"start v2", "v1>v2 100 stepping"}, {"advance", "v1>v2 500 stepping"},
			{"advance", "v1>v2 2500 stepping"}, {"advance", "!conflict: last step"},
			{"promote", "v2> 0 promoted"},
			{"advance", "!bad_transition: it is promoted"},
			{"abort", "!bad_transition: it is promoted"}}},
	{"exact shares",
		{{"start v2 37", "v1>v2 37 stepping"}, {"advance 1234", "v1>v2 1234 stepping"},
			{"advance", "v1>v2 2500 stepping"},
			{"advance 10000", "v1>v2 10000 stepping"},
			{"advance 0", "v1>v2 0 stepping"}, {"advance", "v1>v2 100 stepping"},
			{"advance 10001", "!invalid: 10001"}, {"advance -2", "!invalid: -2"},
			{"abort", "v1> 0 aborted"}}},
	{"pause holds the share",
		{{"start v2", "v1>v2 100 stepping"}, {"pause", "v1>v2 100 paused"},
			{"pause", "!bad_transition: it is paused"},
			{"advance", "!bad_transition: it is paused"},
			{"resume", "v1>v2 100 stepping"}, {"resume", "!bad_transition: stepping"},
			{"pause", "v1>v2 100 paused"}, {"promote", "v2> 0 promoted"}}},
	{"abort from a pause",
		{{"start v2", "v1>v2 100 stepping"}, {"pause", "v1>v2 100 paused"},
			{"abort", "v1> 0 aborted"}, {"abort", "!bad_transition: it is aborted"},
			{"start v2", "v1>v2 100 stepping"}}},
	{"what a start needs",
		{{"start v9", "!not_found: no version v9"},
			{"start v1", "!conflict: stable version"},
			{"start v2 10001", "!invalid: 10001"}, {"start v2", "v1>v2 100 stepping"},
			{"start v3", "!conflict: has rollout #5 to v2 under way"}}},
	{"a verb that is none, a rollout that is none",
		{{"dance", "!not_found: cannot be told to dance"}}},
	{"two people who are not the author",
		{{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"},
			{"promote", "!bad_transition: waiting"},
			{"advance", "!bad_transition: waiting"},
			{"pause", "!bad_transition: waiting"},
			{"approve", "!denied: somebody else"}, {"by ben", NULL},
			{"approve", "v1>v2 0 waiting"}, {"approve", "!conflict: already"},
			{"by ben2", NULL}, {"approve", "!conflict: already"},
			{"tick 3", "v1>v2 0 waiting"}, {"by cas", NULL},
			{"approve", "v1>v2 0 waiting"}, {"tick", "v1>v2 100 stepping"},
			{"approve", "!bad_transition: stepping"}, {"by ada", NULL},
			{"promote", "v2> 0 promoted"}}},
	{"another account of the author",
		{{"on rebook", NULL}, {"by ben", NULL}, {"start v2", "v1>v2 0 waiting"},
			{"by ben2", NULL}, {"approve", "!denied: somebody else"}}},
	{"a rejection",
		{{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"}, {"by ben", NULL},
			{"reject", "v1> 0 rejected"}, {"approve", "!bad_transition: rejected"},
			{"reject", "!bad_transition: rejected"}}},
	{"abort while waiting needs nobody",
		{{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"}, {"abort", "v1> 0 aborted"}}},
	{"a promotion with a server down",
		{{"start v2", "v1>v2 100 stepping"}, {"server v2 down", NULL},
			{"promote", "!conflict: 0 of 1"}, {"server v2 up", NULL},
			{"promote", "v2> 0 promoted"}}},
	{"a lapse forgets an exact share below the steps",
		{{"start v2", "v1>v2 100 stepping"}, {"advance", "v1>v2 500 stepping"},
			{"advance 50", "v1>v2 50 stepping"}, {"pass 16s", NULL},
			{"tick", "v1>v2 0 paused"}, {"resume", "v1>v2 100 stepping"}}},
};

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

/* A refusal says what can be done instead. */
static void test_refusals_say_what_to_do(void **state)
{
	struct acts_world x;

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	assert_int_equal(acts_do(&x, "resume"), ERR_BAD_TRANSITION);
	assert_non_null(strstr(x.e.hint, "advance, pause, promote or abort"));
	acts_do(&x, "pause");
	assert_int_equal(acts_do(&x, "advance"), ERR_BAD_TRANSITION);
	assert_non_null(strstr(x.e.hint, "resume it first"));
	acts_do(&x, "abort");
	acts_do(&x, "tick");
	assert_int_equal(acts_do(&x, "pause"), ERR_BAD_TRANSITION);
	assert_non_null(strstr(x.e.hint, "start another"));
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_refusals_say_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
