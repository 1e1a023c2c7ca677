/* test_policy_explain.c: what the policy says when it is only asked: of a rollout that would be
 * started, of one under way, and under another spec. It writes nothing and agrees with the act. */
#include "tests/backend/acts/story.h"

#include "backend/acts/policy_explain.h"
#include "backend/base/xalloc.h"

static void ask(struct acts_world *x, const char *action, const struct policy_view *view,
	struct explanation *out)
{
	struct act a = {.caller = x->by};
	int64_t head = store_head(x->w.store);

	if (policy_explain(&x->w, x->ep, &a, action, view, out, &x->e))
		fail_msg("%s: %s", action ? action : "next", x->e.message);
	assert_true(store_head(x->w.store) == head);
	assert_true(out->answer.rule_count > 0);
}

/* "promote deny approvals": what comes next there, and what of it. */
static void check_next(struct acts_world *x, const char *want)
{
	struct explanation out;
	char got[80];

	ask(x, NULL, NULL, &out);
	snprintf(got, sizeof got, "%s %s %s", policy_action_name(out.action),
		policy_result_name(out.answer.result), out.answer.rule);
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, expected %s", x->ep->row.id, got, want);
	assert_true(out.rollout == x->ep->row.rollout);
}

static void test_what_comes_next(void **state)
{
	struct acts_world x;

	(void)state;
	story_warm(&x);
	check_next(&x, "start allow ");
	acts_do(&x, "start v2");
	check_next(&x, "promote allow ");
	acts_do(&x, "pause");
	check_next(&x, "resume allow ");
	acts_do(&x, "freeze");
	check_next(&x, "resume deny stop-the-line");
	acts_do(&x, "abort");
	check_next(&x, "start deny stop-the-line");
	acts_do(&x, "unfreeze");
	acts_do(&x, "by ben");
	acts_do(&x, "unfreeze");
	acts_do(&x, "on rebook");
	acts_do(&x, "start v2");
	check_next(&x, "begin deny approvals");
	acts_world_free(&x);
}

/* What would be allowed is done, what would be denied is not. */
static void test_it_agrees_with_the_act(void **state)
{
	static const char *const verbs[] = {"approve", "pause", "resume", "advance", "promote"};
	static const char *const setups[][4] = {{"on delay", "start v2"},
		{"on delay", "start v2", "freeze"}, {"on rebook", "start v2", "by ben"},
		{"on rebook", "apply promote", "start v2", "by ben"}};

	(void)state;
	for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++)
		for (size_t v = 0; v < sizeof verbs / sizeof verbs[0]; v++) {
			struct explanation out;
			struct acts_world x;
			int rc;

			story_warm(&x);
			acts_do(&x, "apply both");
			for (int k = 0; k < 4 && setups[i][k]; k++)
				acts_do(&x, setups[i][k]);
			ask(&x, verbs[v], NULL, &out);
			rc = acts_do(&x, verbs[v]);
			/* The state table has its own say, which is not asked here. */
			if (rc != ERR_BAD_TRANSITION &&
				(rc == 0) != (out.answer.result == POLICY_ALLOW))
				fail_msg("%zu %s: %s %s", i, verbs[v],
					policy_result_name(out.answer.result), x.e.message);
			acts_world_free(&x);
		}
}

static void test_what_cannot_be_asked(void **state)
{
	struct explanation out;
	struct acts_world x;
	struct act a;

	(void)state;
	story_warm(&x);
	a = (struct act){.caller = x.by};
	assert_int_equal(policy_explain(&x.w, x.ep, &a, "dance", NULL, &out, &x.e), ERR_INVALID);
	assert_non_null(strstr(x.e.hint, "promote"));
	assert_int_equal(policy_explain(&x.w, x.ep, &a, "apply", NULL, &out, &x.e), ERR_INVALID);
	assert_non_null(strstr(x.e.hint, "pithead plan"));
	acts_world_free(&x);
}

static struct spec *other(const struct acts_world *x, const char *name)
{
	struct spec_faults faults = {0};
	struct buf text = {0};
	struct spec *spec;

	acts_spec(x, name, &text);
	spec = spec_parse(buf_text(&text), text.len, "pithead.yaml", &faults, NULL);
	assert_non_null(spec);
	spec_faults_release(&faults);
	buf_release(&text);
	return spec;
}

static void test_another_spec(void **state)
{
	static const struct {
		const char *spec, *endpoint, *action, *now, *then, *rule;
	} cases[] = {
		{"frozen", "rebook", "start", "allow", "deny", "freeze-window"},
		{"frozen", "rebook", "abort", "allow", "allow", ""},
		{"tight", "rebook", "start", "allow", "deny", "step-ceiling"},
		{"signals", "rebook", "start", "allow", "deny", "signals-judged"},
		{"signals", "delay", "start", "allow", "allow", ""},
		{"tier", "rebook", "begin", "deny", "allow", ""},
		{"promote", "rebook", "begin", "deny", "allow", ""},
		{"promote", "rebook", "promote", "allow", "deny", "approvals"},
	};
	struct acts_world x;

	(void)state;
	story_warm(&x);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct spec *spec = other(&x, cases[i].spec);
		struct explanation now, then;
		struct policy_view view;

		x.ep = world_find_endpoint(&x.w, cases[i].endpoint, NULL);
		view = policy_view_of(spec, x.ep);
		ask(&x, cases[i].action, NULL, &now);
		ask(&x, cases[i].action, &view, &then);
		if (strcmp(policy_result_name(now.answer.result), cases[i].now) != 0 ||
			strcmp(policy_result_name(then.answer.result), cases[i].then) != 0 ||
			strcmp(then.answer.rule, cases[i].rule) != 0)
			fail_msg("%s %s %s: %s, then %s by %s", cases[i].spec, cases[i].endpoint,
				cases[i].action, policy_result_name(now.answer.result),
				policy_result_name(then.answer.result), then.answer.rule);
		spec_free(spec);
	}
	acts_world_free(&x);
}

/* An endpoint that the other spec does not have is compared with nothing. */
static void test_one_that_would_be_gone(void **state)
{
	struct acts_world x;
	struct policy_view view;
	struct spec *spec;

	(void)state;
	story_warm(&x);
	spec = other(&x, "one");
	view = policy_view_of(spec, world_find_endpoint(&x.w, "rebook", NULL));
	assert_null(view.config);
	assert_null(view.tier);
	spec_free(spec);
	assert_true(policy_compared(0) == POLICY_START);
	assert_int_equal(policy_compared(99), -1);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_comes_next),
		cmocka_unit_test(test_it_agrees_with_the_act),
		cmocka_unit_test(test_what_cannot_be_asked),
		cmocka_unit_test(test_another_spec),
		cmocka_unit_test(test_one_that_would_be_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
