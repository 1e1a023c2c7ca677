/* test_loosening.c: pairs of specs that differ in one value, and what the plan calls of it. */
#include "tests/backend/acts/story.h"

#include <stdlib.h>

#include "backend/acts/loosening.h"
#include "backend/base/xalloc.h"

/* Free ones, found at the start: of m, of another one, and of one that never moves. */
static int ports[3];

enum place { ACCESS, ACCOUNTS, ENDPOINT, ROLLOUT, SIGNALS, TIER };

/* One value of the spec is replaced, both ways: the first text is what is recorded. */
static const struct {
	enum place place;
	const char *name, *from, *to;
	const char *loosens; /* part of the sentence when it goes from `from` to `to`; NULL = not */
	const char *back;    /* and the other way */
} pairs[] = {
	{ACCESS, "a role", "admin: [bin]", "admin: [bin, games]", "grants admin to games", NULL},
	{ACCESS, "a group", "admin: [bin]", "admin: [bin, \"@tape\"]", "grants admin to @tape",
		NULL},
	{ACCESS, "an auditor", "auditor: [mail]", "auditor: [news]", "takes mail from the auditors",
		"takes news from the auditors"},
	/* An admin may do all that an operator may, an approver may not. */
	{ACCESS, "a lower role", "admin: [bin, games]", "operator: [games]\n  admin: [bin]", NULL,
		"grants admin to games"},
	{ACCESS, "another role", "operator: [games]\n  admin: [bin]",
		"approver: [games]\n  admin: [bin]", "grants approver to games",
		"grants operator to games"},
	{ACCOUNTS, "a robot", "ci: robot", "cj: robot", "takes the mark from account ci",
		"takes the mark from account cj"},
	{ACCOUNTS, "a robot's list", "ci: {kind: robot, may: [status]}",
		"ci: {kind: robot, may: [status, rollout promote]}",
		"lets account ci use rollout promote", NULL},
	{ACCOUNTS, "no list", "ci: {kind: robot, may: [status]}", "ci: robot",
		"lets account ci do all that its roles allow", NULL},
	{ENDPOINT, "a tier", "tier: high", "tier: low", "lowers the tier of m", NULL},
	{TIER, "approvals", "approvals: 2", "approvals: 1", "asks for fewer approvals on tier high",
		NULL},
	{TIER, "what is approved", "approve: both", "approve: start",
		"asks for no approval of a promotion", NULL},
	{TIER, "when it is approved", "approve: start", "approve: promote",
		"asks for no approval of a start", "asks for no approval of a promotion"},
	{TIER, "a window", "freeze: daily 22:00 .. 06:00 UTC", "freeze: daily 23:00 .. 06:00 UTC",
		"lifts or shortens the freeze daily 22:00 .. 06:00 UTC", NULL},
	{TIER, "soak", "soak: 10m", "soak: 5m", "shortens the soak of tier high", NULL},
	{TIER, "step-most", "step-most: 20%", "step-most: 50%", "allows larger steps on tier high",
		NULL},
	{TIER, "no step-most", "step-most: 20%", "rollback: 1s", "allows larger steps on tier high",
		"gives rollbacks more time"},
	{TIER, "rollback", "rollback: 1s", "rollback: 2s", "gives rollbacks more time", NULL},
	{TIER, "late outcomes", "late-outcomes: refuse", "late-outcomes: allow",
		"before late outcomes on tier high", NULL},
	{TIER, "signals of a tier", "signals: [error_rate, brier]", "signals: [error_rate]",
		"no longer needs brier on tier high", NULL},
	{TIER, "undecided, tier", "on-undecided: abort", "on-undecided: pause",
		"does less about an undecided rollout of m", NULL},
	{SIGNALS, "worse-by", "error_rate: critical worse-by 0.5pp",
		"error_rate: critical worse-by 1pp", "widens the limit of error_rate of m", NULL},
	{SIGNALS, "harm-at", "error_rate: critical worse-by 1pp harm-at 0.1pp",
		"error_rate: critical worse-by 1pp harm-at 0.3pp", "aborts later on error_rate",
		NULL},
	{SIGNALS, "watched only", "error_rate: critical worse-by 1pp", "error_rate: watch",
		"only watches error_rate of m", NULL},
	{SIGNALS, "another signal", "error_rate: critical worse-by 1pp",
		"latency_p50: critical worse-by 10%", "no longer judges error_rate of m",
		"no longer judges latency_p50 of m"},
	{ROLLOUT, "false aborts", "false-abort: 1%", "false-abort: 2%",
		"raises the false-abort budget", NULL},
	{ROLLOUT, "a larger step", "steps: [1% 2m, 30% 5m]", "steps: [1% 2m, 20% 5m]",
		"takes larger steps on m", NULL},
	{ROLLOUT, "a shorter step", "steps: [1% 2m, 30% 5m]", "steps: [1% 1m, 30% 5m]",
		"takes less time for the steps of m", NULL},
	{ROLLOUT, "a larger first step", "steps: [1% 2m, 30% 5m]", "steps: [2% 2m, 30% 5m]",
		"begins with a larger share on m", NULL},
	{ROLLOUT, "hold", "hold: 30m", "hold: 5h",
		"waits longer before it acts on an undecided rollout", NULL},
	{SIGNALS, "bounds", "outcome:late: critical worse-by 0.1 of 0..1",
		"outcome:late: critical worse-by 0.1 of 0..9", "judges outcome:late of m by other",
		"judges outcome:late of m by other"},
	{ROLLOUT, "a segment", "segments: [ORD, ATL]", "segments: [ORD, SFO]",
		"no longer judges segment ATL of m", "no longer judges segment SFO of m"},
	{ROLLOUT, "largest segments", "segments: largest 8", "segments: largest 4",
		"judges fewer segments", NULL},
	{ENDPOINT, "another score", "score: json p", "score: json q",
		"judges brier of m by another value", "judges brier of m by another value"},
	{ENDPOINT, "later outcomes", "outcome: late within 1h", "outcome: late within 2h",
		"lets the outcomes for brier of m come later", NULL},
	{ROLLOUT, "keep-hot", "keep-hot: 24h", "keep-hot: 1h", "hot for less time", NULL},
	{ENDPOINT, "a timeout", "timeout: 2s", "timeout: 3s", NULL, NULL},
	{ENDPOINT, "an owner", "owner: a", "owner: b", NULL, NULL},
};

/* A line of the endpoint, unless the value is of the same key. */
static void add_line(struct buf *b, const char *line, enum place place, const char *value)
{
	size_t key = strcspn(line, ":") + 1;

	if (place != ENDPOINT || strncmp(line, value, key) != 0)
		buf_addf(b, "    %s\n", line);
}

/* A whole spec around the value. */
static char *spec_of(enum place place, const char *value)
{
	static const char *const lines[] = {"environment: production", "tier: high",
		"segment: json origin", "score: json p", "task: binary", "outcome: late within 1h"};
	struct buf b = {0};

	buf_adds(&b, "project: loose\n");
	if (place == ACCESS || place == ACCOUNTS)
		buf_addf(&b, "%s:\n  %s\n", place == ACCESS ? "access" : "accounts", value);
	buf_addf(&b, "endpoints:\n  m:\n    listen: 127.0.0.1:%d\n", ports[0]);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		add_line(&b, lines[i], place, value);
	buf_adds(&b, "    versions:\n      v1:\n        upstream: 127.0.0.1:9001\n");
	if (place == ENDPOINT)
		buf_addf(&b, "    %s\n", value);
	if (place == ROLLOUT || place == SIGNALS)
		buf_addf(&b, "    rollout:\n%s%s\n",
			place == SIGNALS ? "      signals:\n        " : "      ", value);
	buf_adds(&b, "tiers:\n  high:\n");
	if (place != TIER || !strstr(value, "approvals"))
		buf_adds(&b, "    approvals: 2\n");
	if (place == TIER)
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
		char *from = spec_of(pairs[i].place, pairs[i].from),
		     *to = spec_of(pairs[i].place, pairs[i].to);

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
	char *text = spec_of(ACCESS, "admin: [bin]");

	(void)state;
	acts_world_new(&x);
	plan_text(&x, text, &plan);
	assert_int_equal(plan.loosen_count, 0);
	assert_int_equal(plan.approvals, 0);
	spec_plan_release(&plan);
	free(text);
	acts_world_free(&x);
}

/* -- out of the way and back again -- */

/* Project `loose` with one endpoint: its name, its tier, which port; approvals of tier high. */
static char *one(const char *name, const char *tier, int port, int approvals)
{
	struct buf b = {0};

	buf_addf(&b,
		"project: loose\nendpoints:\n  other:\n    environment: production\n"
		"    tier: low\n    listen: 127.0.0.1:%d\n    versions:\n      v1:\n"
		"        upstream: 127.0.0.1:9001\n",
		ports[2]);
	if (name)
		buf_addf(&b,
			"  %s:\n    environment: production\n    tier: %s\n"
			"    listen: 127.0.0.1:%d\n    versions:\n      v1:\n"
			"        upstream: 127.0.0.1:9001\n",
			name, tier, ports[port - 1]);
	buf_addf(&b, "tiers:\n  high:\n    approvals: %d\n", approvals);
	return buf_detach(&b);
}

struct spec_line {
	const char *name, *tier; /* NULL: the endpoint is dropped */
	int port;		 /* the first or the second; 0 = the end */
	int approvals;		 /* of tier high */
	int asked;		 /* how many approvals the plan asks for */
	const char *says;	 /* part of what the plan says then */
};

/* The first is recorded, the rest is planned and recorded one after the other; the last asks. */
static const struct spec_line detours[][5] = {
	/* Dropped, and back under a tier that asked for less meanwhile. */
	{{"m", "high", 1, 2, 0, NULL}, {NULL, NULL, 1, 2, 0, NULL}, {NULL, NULL, 1, 0, 0, NULL},
		{"m", "high", 1, 0, 2, "asks for fewer approvals on tier high"}},
	/* Dropped, and back as it was: nobody. */
	{{"m", "high", 1, 2, 0, NULL}, {NULL, NULL, 1, 2, 0, NULL}, {"m", "high", 1, 2, 0, NULL}},
	/* Dropped, and back on a lower tier. */
	{{"m", "high", 1, 2, 0, NULL}, {NULL, NULL, 1, 2, 0, NULL}, {NULL, NULL, 1, 0, 0, NULL},
		{"m", "low", 1, 0, 2, "lowers the tier of m"}},
	/* Another name at the same address, at once and after a while. */
	{{"m", "high", 1, 2, 0, NULL},
		{"n", "low", 1, 2, 2, "lowers the tier of n (at the address of m)"}},
	{{"m", "high", 1, 2, 0, NULL}, {NULL, NULL, 1, 2, 0, NULL},
		{"n", "low", 1, 2, 2, "lowers the tier of n (at the address of m)"}},
	{{"m", "high", 1, 2, 0, NULL}, {"n", "high", 1, 2, 0, NULL}},
	/* A name that was free, and another one's address. */
	{{"n", "low", 2, 2, 0, NULL}, {NULL, NULL, 1, 2, 0, NULL}, {"m", "high", 1, 2, 0, NULL},
		{"n", "low", 1, 2, 2, "lowers the tier of n (at the address of m)"}},
	/* An address that has been one's own for long says nothing more. */
	{{"m", "high", 1, 2, 0, NULL}, {NULL, NULL, 1, 2, 0, NULL}, {"m", "high", 1, 2, 0, NULL},
		{"m", "high", 1, 3, 0, NULL}},
	/* Another port is another endpoint. */
	{{"m", "high", 1, 2, 0, NULL}, {"n", "low", 2, 2, 0, NULL}},
};

static void test_detours(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof detours / sizeof detours[0]; i++) {
		struct acts_world x;

		acts_world_new(&x);
		for (int k = 0; k < 5 && detours[i][k].port; k++) {
			const struct spec_line *l = &detours[i][k];
			char *text = one(l->name, l->tier, l->port, l->approvals);
			struct spec_plan plan;
			int hit = l->says == NULL;

			plan_text(&x, text, &plan);
			for (int n = 0; n < plan.loosen_count && l->says; n++)
				hit |= strstr(plan.loosens[n], l->says) != NULL;
			if (plan.approvals != l->asked || !hit)
				fail_msg("%zu, %d: %d approvals, %s", i, k, plan.approvals,
					plan.loosen_count ? plan.loosens[0] : "nothing");
			spec_plan_release(&plan);
			if (l->asked == 0)
				record(&x, text);
			free(text);
		}
		acts_world_free(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs_both_ways),
		cmocka_unit_test(test_a_first_spec_loosens_nothing),
		cmocka_unit_test(test_detours),
	};

	acts_free_ports(ports, 3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
