/* test_approvals.c: what approvals are bound to and when they lapse, what they are for, and the
 * other rules of a tier as acts meet them: signals, soak, ceiling, verdict. */
#include "tests/backend/acts/story.h"

#include "backend/acts/judging.h"
#include "backend/acts/policy_ask.h"
#include "backend/base/xalloc.h"

static const struct story stories[] = {
	{"the promotion is approved, not the start",
		{{"on rebook", NULL}, {"apply promote", "v1> 0 aborted"}, {"by ben", NULL},
			{"yes", "v1> 0 aborted"}, {"by cas", NULL}, {"yes", "v1> 0 aborted"},
			{"by ada", NULL}, {"start v2", "v1>v2 100 stepping"},
			{"promote", "!denied: still needs 2 approvals"},
			{"approve", "!denied: somebody else"}, {"by ben", NULL},
			{"approve", "v1>v2 100 stepping"}, {"approve", "!conflict: already"},
			{"pause", "v1>v2 100 paused"}, {"by ben2", NULL},
			{"approve", "!conflict: already"}, {"by cas", NULL},
			{"approve", "v1>v2 100 paused"}, {"by ada", NULL},
			{"promote", "v2> 0 promoted"}}},
	{"both are approved, each by itself",
		{{"on rebook", NULL}, {"apply both", "v1> 0 aborted"},
			{"start v2", "v1>v2 0 waiting"}, {"by ben", NULL},
			{"approve", "v1>v2 0 waiting"}, {"by cas", NULL},
			{"approve", "v1>v2 0 waiting"}, {"tick", "v1>v2 100 stepping"},
			{"by ada", NULL}, {"promote", "!denied: still needs 2 approvals"},
			{"by ben", NULL}, {"approve", "v1>v2 100 stepping"}, {"by cas", NULL},
			{"approve", "v1>v2 100 stepping"}, {"promote", "v2> 0 promoted"}}},
	{"another configuration, another approval",
		{{"on rebook", NULL}, {"start v2", "v1>v2 0 waiting"}, {"by ben", NULL},
			{"approve", "v1>v2 0 waiting"}, {"apply steps", "v1>v2 0 waiting"},
			{"by cas", NULL}, {"approve", "v1>v2 0 waiting"},
			{"tick 2", "v1>v2 0 waiting"}, {"by ben", NULL},
			{"approve", "v1>v2 0 waiting"}, {"tick", "v1>v2 100 stepping"}}},
	{"robots do not approve",
		{{"on rebook", NULL}, {"apply robots", "v1> 0 aborted"},
			{"start v2", "v1>v2 0 waiting"}, {"by ben", NULL},
			{"approve", "!denied: declared as robot"},
			{"pause", "!bad_transition: waiting"}, {"abort", "v1> 0 aborted"},
			{"start v2", "v1>v2 0 waiting"}}},
	{"signals that the tier needs and the endpoint does not judge",
		{{"on rebook", NULL}, {"apply signals", "v1> 0 aborted"},
			{"start v2",
				"!denied: does not judge as critical: score_shift, latency_p50"},
			{"on delay", NULL}, {"start v2", "v1>v2 100 stepping"}}},
	{"soak and ceiling", {{"on rebook", NULL}, {"apply tight", "v1> 0 aborted"},
				     {"start v2", "!denied: rise by 75 % from 25 % to 100 %"}}},
};

static void test_stories(void **state)
{
	(void)state;
	story_run(stories, sizeof stories / sizeof stories[0]);
}

/* rebook at its first step, its promotion approved by ben and cas. */
static void approved(struct acts_world *x, enum judge_verdict verdict)
{
	story_warm(x);
	acts_do(x, "on rebook");
	acts_do(x, "apply both");
	acts_do(x, "start v2");
	acts_do(x, "by ben");
	acts_do(x, "approve");
	acts_do(x, "by cas");
	acts_do(x, "approve");
	acts_do(x, "tick 2");
	assert_non_null(x->ep->judging);
	x->ep->judging->card.verdict = verdict;
	assert_int_equal(acts_do(x, "approve"), 0);
	acts_do(x, "by ben");
	assert_int_equal(acts_do(x, "approve"), 0);
	acts_do(x, "by ada");
}

struct last {
	struct world *w;
	struct rollout_row r;
	char why[200];
	int lapsed;
};

static int look(void *arg, const struct approval_row *a)
{
	struct last *l = arg;

	if (strcmp(a->purpose, "promote") == 0)
		l->lapsed += approval_is_lapsed(l->w, &l->r, a, l->why, sizeof l->why);
	return 0;
}

/* Given for "ok": once the verdict is another word they count no longer, and say why. */
static void test_the_verdict_moves(void **state)
{
	static const struct {
		enum judge_verdict now;
		const char *says; /* NULL = promoted */
	} cases[] = {
		{JUDGE_OK, NULL},
		{JUDGE_UNDECIDED, "still needs 2 approvals; that of ben lapsed: the verdict was ok "
				  "and is undecided"},
		{JUDGE_MISSING, "is missing"},
		{JUDGE_HARM, "is harm"},
		{JUDGE_INVALID, "is invalid"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct acts_world x;
		struct last l = {0};
		int rc;

		approved(&x, JUDGE_OK);
		x.ep->judging->card.verdict = cases[i].now;
		l.w = &x.w;
		assert_int_equal(store_find_rollout(x.w.store, x.rollout, &l.r, &x.e), 1);
		store_list_approvals(x.w.store, x.rollout, look, &l, NULL);
		assert_int_equal(l.lapsed, cases[i].says ? 2 : 0);
		rc = acts_do(&x, "promote");
		if ((rc == 0) != (cases[i].says == NULL) ||
			(rc && (rc != ERR_DENIED || !strstr(x.e.message, cases[i].says))))
			fail_msg("%zu: %d %s", i, rc, x.e.message);
		/* Whatever it says, the way back is open. */
		if (rc)
			assert_int_equal(acts_do(&x, "abort"), 0);
		assert_int_equal(acts_verify(&x), 0);
		acts_world_free(&x);
	}
}

/* What lapsed may be given again, by the same people, for what they see now. */
static void test_approved_again(void **state)
{
	struct acts_world x;

	(void)state;
	approved(&x, JUDGE_OK);
	x.ep->judging->card.verdict = JUDGE_UNDECIDED;
	assert_int_equal(acts_do(&x, "promote"), ERR_DENIED);
	acts_do(&x, "by ben");
	assert_int_equal(acts_do(&x, "approve"), 0);
	acts_do(&x, "by cas");
	assert_int_equal(acts_do(&x, "approve"), 0);
	assert_int_equal(acts_do(&x, "promote"), 0);
	acts_world_free(&x);
}

static int copy_event(void *arg, const struct event *ev)
{
	str_copy(arg, 4000, ev->after);
	return 0;
}

static int copy_approval(void *arg, const struct approval_row *a)
{
	if (strcmp(a->purpose, "promote") == 0)
		*(struct approval_row *)arg = *a;
	return 0;
}

/* The evidence stands in the row and in the event. */
static void test_evidence_is_kept(void **state)
{
	struct approval_row row = {0};
	struct acts_world x;
	char after[4000] = "";

	(void)state;
	approved(&x, JUDGE_OK);
	store_list_approvals(x.w.store, x.rollout, copy_approval, &row, NULL);
	assert_string_equal(row.verdict, "ok");
	assert_true(row.spec_seq == x.ep->row.spec_seq);
	assert_int_equal(strncmp(row.card_digest, "sha256:", 7), 0);
	assert_int_equal(store_find_event(x.w.store, row.revision, copy_event, after, &x.e), 1);
	assert_non_null(strstr(after, "\"verdict_card\":{"));
	acts_world_free(&x);
}

/* Harm and an invalid trial hold people back too; the engine asks the same. */
static void test_the_verdict_holds(void **state)
{
	struct act engine = {.caller = caller_engine(), .reason = "proven"};
	struct policy_answer answer;
	struct rollout_row r;
	struct acts_world x;

	(void)state;
	story_warm(&x);
	acts_do(&x, "start v2");
	acts_do(&x, "tick 2");
	x.ep->judging->card.verdict = JUDGE_HARM;
	assert_int_equal(acts_do(&x, "advance"), ERR_DENIED);
	assert_int_equal(acts_do(&x, "promote"), ERR_DENIED);
	assert_int_equal(acts_do(&x, "override ORD 10000"), ERR_DENIED);
	assert_int_equal(acts_do(&x, "override ORD 0"), 0);
	assert_int_equal(acts_do(&x, "advance 50"), 0); /* a smaller share lowers a risk */
	x.ep->judging->card.verdict = JUDGE_INVALID;
	assert_int_equal(store_find_rollout(x.w.store, x.rollout, &r, &x.e), 1);
	assert_int_equal(policy_ask(&x.w, x.ep, &r, &engine, POLICY_PROMOTE, -1, &answer), 0);
	assert_string_equal(answer.rule, "verdict");
	assert_int_equal(acts_do(&x, "promote"), 0); /* tier low: a person may see through it */
	acts_world_free(&x);
}

static void test_soak_and_ceiling(void **state)
{
	struct act a = {.caller = acts_person("ada"), .reason = "a test"};
	struct rollout_request req = {.to = "v2", .share_bp = -1, .steps = "10% 1m, 50% 1m"};
	struct acts_world x;

	(void)state;
	story_warm(&x);
	acts_do(&x, "on rebook");
	assert_int_equal(acts_do(&x, "apply tight"), 0);
	x.ep = world_find_endpoint(&x.w, "rebook", NULL);
	if (act_rollout_start(&x.w, &a, x.ep, &req, &x.r, &x.e))
		fail_msg("%s", x.e.message);
	x.rollout = x.r.rollout;
	x.by = acts_person("ben");
	assert_int_equal(acts_do(&x, "approve"), 0);
	x.by = acts_person("cas");
	assert_int_equal(acts_do(&x, "approve"), 0);
	acts_do(&x, "tick");
	assert_int_equal(x.ep->row.share_bp, 1000);
	assert_int_equal(acts_do(&x, "advance"), ERR_DENIED);
	assert_non_null(strstr(x.e.message, "must stay on its step for 5m more"));
	assert_int_equal(acts_do(&x, "advance 500"), 0); /* downwards it may at any time */
	for (int i = 0; i < 31; i++) {
		acts_do(&x, "pass 10s");
		acts_do(&x, "tick");
	}
	assert_int_equal(acts_do(&x, "advance 9000"), ERR_DENIED);
	assert_non_null(strstr(x.e.message, "rise by 85 % from 5 % to 90 %"));
	assert_int_equal(acts_do(&x, "promote"), ERR_DENIED);
	assert_int_equal(acts_do(&x, "advance 5500"), 0);
	acts_world_free(&x);
}

/* Whose session it is must be known of those who stand for something, and of nobody else. */
static void test_hidden_sessions(void **state)
{
	struct caller hidden = *acts_person("ben");
	struct acts_world x;

	(void)state;
	story_warm(&x);
	hidden.login_uid = -1;
	hidden.login_hidden = 1;
	acts_do(&x, "on rebook");
	acts_do(&x, "start v2");
	x.by = &hidden;
	assert_int_equal(acts_do(&x, "approve"), ERR_DENIED);
	assert_non_null(strstr(x.e.message, "cannot be told"));
	assert_int_equal(acts_do(&x, "apply tier"), ERR_DENIED); /* it would be a proposal */
	assert_int_equal(acts_do(&x, "freeze"), 0);
	assert_int_equal(acts_do(&x, "unfreeze"), ERR_DENIED);
	assert_int_equal(acts_do(&x, "abort"), 0);
	acts_do(&x, "by ada");
	assert_int_equal(acts_do(&x, "unfreeze"), 0);
	x.by = &hidden;
	assert_int_equal(acts_do(&x, "yes"), ERR_DENIED);
	assert_int_equal(acts_do(&x, "no"), 0);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_the_verdict_moves),
		cmocka_unit_test(test_approved_again),
		cmocka_unit_test(test_evidence_is_kept),
		cmocka_unit_test(test_the_verdict_holds),
		cmocka_unit_test(test_soak_and_ceiling),
		cmocka_unit_test(test_hidden_sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
