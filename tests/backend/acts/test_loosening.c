/* test_loosening.c: pairs of specs that differ in one value, and what the plan calls of it. */
#include "tests/backend/acts/story.h"

#include <stdlib.h>

#include "backend/acts/loosening.h"
#include "backend/base/xalloc.h"

/* One value of the spec is replaced, both ways: the first text is what is recorded. */
static const struct {
	const char *name, *from, *to;
	const char *loosens; /* part of the sentence when it goes from `from` to `to`; NULL = not */
	const char *back;    /* and the other way */
} pairs[] = {
	{"a role", "admin: [bin]", "admin: [bin, games]", "grants admin to games", NULL},
	{"a group", "admin: [bin]", "admin: [bin, \"@tape\"]", "grants admin to @tape", NULL},
	{"an auditor", "auditor: [mail]", "auditor: [news]", "takes mail from the auditors",
		"takes news from the auditors"},
	{"a robot", "ci: robot", "cj: robot", "takes the mark from account ci",
		"takes the mark from account cj"},
	{"a tier", "tier: high", "tier: low", "lowers the tier of m", NULL},
	{"approvals", "approvals: 2", "approvals: 1", "asks for fewer approvals on tier high",
		NULL},
	{"what is approved", "approve: both", "approve: start",
		"asks for no approval of a promotion", NULL},
	{"when it is approved", "approve: start", "approve: promote",
		"asks for no approval of a start", "asks for no approval of a promotion"},
	{"a window", "freeze: daily 22:00 .. 06:00 UTC", "freeze: daily 23:00 .. 06:00 UTC",
		"lifts or shortens the freeze daily 22:00 .. 06:00 UTC", NULL},
	{"soak", "soak: 10m", "soak: 5m", "shortens the soak of tier high", NULL},
	{"step-most", "step-most: 20%", "step-most: 50%", "allows larger steps on tier high", NULL},
	{"no step-most", "step-most: 20%", "rollback: 1s", "allows larger steps on tier high",
		"gives rollbacks more time"},
	{"rollback", "rollback: 1s", "rollback: 2s", "gives rollbacks more time", NULL},
	{"late outcomes", "late-outcomes: refuse", "late-outcomes: allow",
		"before late outcomes on tier high", NULL},
	{"signals of a tier", "signals: [error_rate, brier]", "signals: [error_rate]",
		"no longer needs brier on tier high", NULL},
	{"undecided, tier", "on-undecided: abort", "on-undecided: pause",
		"does less about an undecided rollout of m", NULL},
	{"worse-by", "error_rate: critical worse-by 0.5pp", "error_rate: critical worse-by 1pp",
		"widens the limit of error_rate of m", NULL},
	{"harm-at", "error_rate: critical worse-by 1pp harm-at 0.1pp",
		"error_rate: critical worse-by 1pp harm-at 0.3pp", "aborts later on error_rate",
		NULL},
	{"watched only", "error_rate: critical worse-by 1pp", "error_rate: watch",
		"only watches error_rate of m", NULL},
	{"another signal", "error_rate: critical worse-by 1pp",
		"latency_p50: critical worse-by 10%", "no longer judges error_rate of m",
		"no longer judges latency_p50 of m"},
	{"false aborts", "false-abort: 1%", "false-abort: 2%", "raises the false-abort budget",
		NULL},
	{"a larger step", "steps: [1% 2m, 30% 5m]", "steps: [1% 2m, 20% 5m]",
		"takes larger steps on m", NULL},
	{"a shorter step", "steps: [1% 2m, 30% 5m]", "steps: [1% 1m, 30% 5m]",
		"takes less time for the steps of m", NULL},
	{"a larger first step", "steps: [1% 2m, 30% 5m]", "steps: [2% 2m, 30% 5m]",
		"begins with a larger share on m", NULL},
	{"keep-hot", "keep-hot: 24h", "keep-hot: 1h", "hot for less time", NULL},
	{"a timeout", "timeout: 2s", "timeout: 3s", NULL, NULL},
	{"an owner", "owner: a", "owner: b", NULL, NULL},
};

/* A whole spec around the value. */
static char *spec_of(const char *value)
{
	struct buf b = {0};
	int access = strstr(value, "admin") != NULL, auditor = strstr(value, "auditor") != NULL,
	    robot = strstr(value, "robot") != NULL, tier = strstr(value, "tier:") != NULL;
	int rollout = strstr(value, "steps:") || strstr(value, "keep-hot") ||
		      strstr(value, "false-abort");
	int signal = strstr(value, "error_rate: ") || strstr(value, "latency_p50: ");
	int endpoint = strstr(value, "timeout:") || strstr(value, "owner:");
	int in_tier = !access && !auditor && !robot && !tier && !rollout && !signal && !endpoint;

	buf_adds(&b, "project: loose\n");
	if (access || auditor)
		buf_addf(&b, "access:\n  %s\n", value);
	if (robot)
		buf_addf(&b, "accounts:\n  %s\n", value);
	buf_addf(&b,
		"endpoints:\n  m:\n    environment: production\n    %s\n"
		"    listen: 127.0.0.1:47123\n    score: json p\n    task: binary\n"
		"    outcome: late within 1h\n    versions:\n      v1:\n"
		"        upstream: 127.0.0.1:9001\n",
		tier ? value : "tier: high");
	if (endpoint)
		buf_addf(&b, "    %s\n", value);
	if (rollout)
		buf_addf(&b, "    rollout:\n      %s\n", value);
	if (signal)
		buf_addf(&b, "    rollout:\n      signals:\n        %s\n", value);
	buf_adds(&b, "tiers:\n  high:\n");
	if (!in_tier || !strstr(value, "approvals"))
		buf_adds(&b, "    approvals: 2\n");
	if (in_tier)
		buf_addf(&b, "    %s\n", value);
	return buf_detach(&b);
}

static void plan_text(struct acts_world *x, const char *text, struct spec_plan *plan)
{
	struct apply_request req = {.text = text, .size = strlen(text), .base = -1};

	if (act_plan(&x->w, &req, plan, &x->e))
		fail_msg("%s\n%s", x->e.message, text);
}

static void check(struct acts_world *x, const char *name, const char *text, const char *want)
{
	struct spec_plan plan;
	int hit = 0;

	plan_text(x, text, &plan);
	for (int i = 0; want && i < plan.loosen_count; i++)
		hit |= strstr(plan.loosens[i], want) != NULL;
	if ((want && !hit) || (!want && plan.loosen_count))
		fail_msg("%s: %d, %s", name, plan.loosen_count,
			plan.loosen_count ? plan.loosens[0] : "nothing");
	/* Each concerns m or its tier or all: the old tier high asks for two. */
	assert_int_equal(plan.approvals, want ? 2 : 0);
	spec_plan_release(&plan);
}

static void record(struct acts_world *x, const char *text)
{
	struct act a = {.caller = x->by, .reason = "record"};
	struct apply_request req = {.text = text, .size = strlen(text), .base = -1};

	if (act_apply(&x->w, &a, &req, &x->r, &x->e) || x->r.proposal)
		fail_msg("%s %s", x->e.message, x->r.plan.title);
}

static void test_pairs_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		char *from = spec_of(pairs[i].from), *to = spec_of(pairs[i].to);

		for (int back = 0; back < 2; back++) {
			const char *want = back ? pairs[i].back : pairs[i].loosens;
			struct acts_world x;

			/* Going back to a low tier: its own approvals, none, are asked. */
			acts_world_new(&x);
			record(&x, back ? to : from);
			if (!(back && strstr(pairs[i].to, "tier: low")))
				check(&x, pairs[i].name, back ? from : to, want);
			acts_world_free(&x);
		}
		free(from);
		free(to);
	}
}

static void test_a_first_spec_loosens_nothing(void **state)
{
	struct acts_world x;
	struct spec_plan plan;
	char *text = spec_of("admin: [bin]");

	(void)state;
	acts_world_new(&x);
	plan_text(&x, text, &plan);
	assert_int_equal(plan.loosen_count, 0);
	assert_int_equal(plan.approvals, 0);
	spec_plan_release(&plan);
	free(text);
	acts_world_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs_both_ways),
		cmocka_unit_test(test_a_first_spec_loosens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
