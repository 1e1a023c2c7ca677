/* test_policy.c: the decision table, all cells of tier x action x role x window (and the stopped
 * line) against an oracle that is written down anew here; and each rule by itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "backend/policy/policy.h"
#include "backend/policy/roles.h"

static const char *const tiers[] = {"low", "medium", "high"};
static const char *const roles[] = {
	"admin", "operator", "approver", "developer", "auditor", "service", "stranger"};

/* Which permission each action needs at the API, and how a freeze meets it: m moves traffic, a is
 * something else, - is never blocked. Actions in their order. */
static const struct {
	const char *name;
	unsigned permission;
	char kind;
} actions[POLICY_ACTION_COUNT] = {
	{"start", PERM_RELEASE, 'm'},
	{"begin", PERM_RELEASE, 'm'},
	{"advance", PERM_RELEASE, 'm'},
	{"resume", PERM_RELEASE, 'm'},
	{"promote", PERM_RELEASE, 'm'},
	{"approve", PERM_APPROVE, 'a'},
	{"override", PERM_RELEASE, 'm'},
	{"serve", PERM_RELEASE, 'm'},
	{"apply", PERM_APPLY, 'a'},
	{"abort", PERM_LOWER, '-'},
	{"rollback", PERM_LOWER, '-'},
	{"pause", PERM_LOWER, '-'},
	{"reject", PERM_LOWER, '-'},
};

/* Who holds what, from the table of the design. */
static int oracle_role(const char *role, const char *action)
{
	static const char *const may[][2] = {
		{"admin", "start begin advance resume promote approve override serve apply abort "
			  "rollback pause reject"},
		{"operator", "start begin advance resume promote override serve apply abort "
			     "rollback pause reject"},
		{"approver", "approve abort rollback pause reject"},
	};

	for (size_t i = 0; i < sizeof may / sizeof may[0]; i++)
		if (strcmp(may[i][0], role) == 0)
			return strstr(may[i][1], action) != NULL;
	return 0;
}

enum weather { OPEN, FROZEN, UNREADABLE, OVERRIDDEN, STOPPED, WEATHERS };

/* y yes, n no, u unknown: of a rollout that is fine otherwise. */
static char oracle_policy(int action, enum weather weather, int approved)
{
	char kind = actions[action].kind;
	int needs = strcmp(actions[action].name, "begin") == 0 ||
		    strcmp(actions[action].name, "promote") == 0;

	if (kind == '-')
		return 'y';
	if (kind == 'm' && (weather == STOPPED || weather == FROZEN))
		return 'n';
	if (needs && !approved)
		return 'n';
	return kind == 'm' && weather == UNREADABLE ? 'u' : 'y';
}

static struct policy_facts facts_of(int tier, int action, enum weather weather, int approved)
{
	struct policy_facts f = {.action = (enum policy_action)action,
		.subject = "rollout #7",
		.verdict = "ok",
		.approves_this = 1,
		.approvals_needed = tier,
		.approvals_valid = approved ? tier : 0};

	snprintf(f.tier, sizeof f.tier, "%s", tiers[tier]);
	if (weather == STOPPED) {
		f.stopped = 1;
		strcpy(f.stopped_by, "ada");
	}
	f.freeze = weather == FROZEN || weather == OVERRIDDEN ? FREEZE_HOLDS
		   : weather == UNREADABLE		      ? FREEZE_UNREADABLE
							      : FREEZE_NONE;
	strcpy(f.window, "Fri 16:00 .. Mon 08:00 Europe/London");
	strcpy(f.freeze_until, "Mon 08:00 Europe/London");
	if (weather == OVERRIDDEN)
		strcpy(f.overridden, "by ada and ben");
	return f;
}

static void test_every_cell(void **state)
{
	int cells = 0, yes = 0;

	(void)state;
	for (int t = 0; t < 3; t++)
		for (int a = 0; a < POLICY_ACTION_COUNT; a++)
			for (int w = 0; w < WEATHERS; w++)
				for (int approved = 0; approved < 2; approved++)
					for (size_t r = 0; r < sizeof roles / sizeof roles[0];
						r++) {
						struct policy_facts f =
							facts_of(t, a, (enum weather)w, approved);
						struct policy_answer out;
						int holds = (role_permissions(roles[r]) &
								    actions[a].permission) != 0;
						char want = oracle_policy(
							a, (enum weather)w, approved || t == 0);

						policy_decide(&f, &out);
						cells++;
						if (holds != oracle_role(roles[r], actions[a].name))
							fail_msg("%s may %s: %d", roles[r],
								actions[a].name, holds);
						if ("ynu"[out.result] != want)
							fail_msg("%s %s weather %d approved %d: %s "
								 "(%s)",
								tiers[t], actions[a].name, w,
								approved,
								policy_result_name(out.result),
								out.sentence);
						if ((out.result == POLICY_ALLOW) !=
								(out.rule[0] == '\0') ||
							!out.sentence[0] || out.rule_count == 0)
							fail_msg("%s %s: no reason", tiers[t],
								actions[a].name);
						yes += holds && out.result == POLICY_ALLOW;
					}
	assert_int_equal(cells, 3 * POLICY_ACTION_COUNT * WEATHERS * 2 * 7);
	assert_true(yes > 0);
}

static void test_names(void **state)
{
	(void)state;
	for (int a = 0; a < POLICY_ACTION_COUNT; a++) {
		assert_string_equal(policy_action_name((enum policy_action)a), actions[a].name);
		assert_int_equal(policy_action_find(actions[a].name), a);
		assert_int_equal(
			policy_action_lowers((enum policy_action)a), actions[a].kind == '-');
	}
	assert_int_equal(policy_action_find("dance"), -1);
}

/* Whatever is wrong, what lowers a risk stays open. */
static void test_never_blocked(void **state)
{
	(void)state;
	for (int a = 0; a < POLICY_ACTION_COUNT; a++) {
		struct policy_facts f = facts_of(2, a, STOPPED, 0);
		struct policy_answer out;

		f.freeze = FREEZE_HOLDS;
		strcpy(f.verdict, "harm");
		strcpy(f.signals_absent, "brier");
		strcpy(f.signals_missing, "error_rate");
		f.soak_left_us = 1000000;
		f.is_author = f.is_account = 1;
		f.step_most_bp = 1;
		f.rise_bp = 10000;
		f.loosens = 3;
		policy_decide(&f, &out);
		assert_int_equal(out.result == POLICY_ALLOW, policy_action_lowers(f.action));
		/* A smaller share is a lowered risk, whatever act it comes by. */
		if (a != POLICY_ADVANCE && a != POLICY_OVERRIDE)
			continue;
		f.lowers = 1;
		f.rise_bp = -100;
		policy_decide(&f, &out);
		assert_int_equal(out.result, POLICY_ALLOW);
	}
}

static void change_verdict(struct policy_facts *f, const char *word)
{
	snprintf(f->verdict, sizeof f->verdict, "%s", word);
	strcpy(f->why, "brier 0.171 against 0.148");
}

static void check_single(
	const struct policy_facts *f, enum policy_result want, const char *rule, const char *says)
{
	struct policy_answer out;

	policy_decide(f, &out);
	if (out.result != want || strcmp(out.rule, rule) != 0 || !strstr(out.sentence, says))
		fail_msg("%s: %s by %s: %s", policy_action_name(f->action),
			policy_result_name(out.result), out.rule, out.sentence);
}

static void test_verdicts(void **state)
{
	struct policy_facts f = facts_of(1, POLICY_PROMOTE, OPEN, 1);

	(void)state;
	change_verdict(&f, "undecided");
	check_single(&f, POLICY_ALLOW, "", "may promote");
	change_verdict(&f, "harm");
	check_single(&f, POLICY_DENY, "verdict", "is harm: brier 0.171");
	change_verdict(&f, "invalid");
	check_single(&f, POLICY_DENY, "verdict", "is invalid");
	strcpy(f.tier, "low");
	check_single(&f, POLICY_ALLOW, "", "may promote");
	f.by_engine = 1;
	check_single(&f, POLICY_DENY, "verdict", "is invalid");
	f = facts_of(1, POLICY_OVERRIDE, OPEN, 1);
	change_verdict(&f, "harm");
	check_single(&f, POLICY_DENY, "verdict", "is harm");
	f = facts_of(2, POLICY_RESUME, OPEN, 1);
	change_verdict(&f, "invalid"); /* how a person says that the trial goes on */
	check_single(&f, POLICY_ALLOW, "", "may resume");
	change_verdict(&f, "harm");
	check_single(&f, POLICY_DENY, "verdict", "harm");
}

static void test_evidence(void **state)
{
	struct policy_facts f = facts_of(2, POLICY_PROMOTE, OPEN, 1);

	(void)state;
	strcpy(f.signals_missing, "brier, calibration");
	check_single(&f, POLICY_UNKNOWN, "signals-known", "no data: brier, calibration");
	strcpy(f.signals_absent, "latency_p99"); /* a no goes before a don't know */
	check_single(&f, POLICY_DENY, "signals-judged", "latency_p99");
	f.action = POLICY_START;
	check_single(&f, POLICY_DENY, "signals-judged", "latency_p99");
	f = facts_of(2, POLICY_PROMOTE, UNREADABLE, 1);
	check_single(&f, POLICY_UNKNOWN, "freeze-window", "cannot be read here");
	f = facts_of(2, POLICY_PROMOTE, OPEN, 1);
	strcpy(f.signals_late, "brier");
	f.late_refused = f.by_engine = 1;
	check_single(&f, POLICY_DENY, "late-outcomes", "not promoted before its outcomes");
	f.by_engine = 0;
	check_single(&f, POLICY_ALLOW, "", "may promote");
}

static void test_soak_and_ceiling(void **state)
{
	struct policy_facts f = facts_of(2, POLICY_ADVANCE, OPEN, 1);

	(void)state;
	f.soak_left_us = 90500000;
	check_single(&f, POLICY_DENY, "soak", "for 91s more");
	f.soak_left_us = 0;
	f.step_most_bp = 2000;
	f.rise_bp = 2000;
	check_single(&f, POLICY_ALLOW, "", "may advance");
	f.rise_bp = 2001;
	strcpy(f.rise_text, "from 5 % to 25.01 %");
	check_single(&f, POLICY_DENY, "step-ceiling", "by 20.01 % from 5 % to 25.01 %");
}

static void test_way_back(void **state)
{
	struct policy_facts f = facts_of(2, POLICY_START, OPEN, 0);

	(void)state;
	f.rollback_ms = 5000;
	f.hot_ms = 0;
	check_single(&f, POLICY_DENY, "way-back", "within 5s");
	f.action = POLICY_PROMOTE;
	f.approvals_valid = f.approvals_needed;
	check_single(&f, POLICY_DENY, "way-back", "keep no version hot");
	f.action = POLICY_ADVANCE;
	check_single(&f, POLICY_ALLOW, "", "may advance");
	f.action = POLICY_START;
	f.hot_ms = -1;
	check_single(&f, POLICY_ALLOW, "", "may start");
	f.hot_ms = 86400000;
	check_single(&f, POLICY_ALLOW, "", "may start");
	f.hot_ms = f.rollback_ms = 0;
	check_single(&f, POLICY_ALLOW, "", "may start");
}

static void test_approvals(void **state)
{
	struct policy_facts f = facts_of(2, POLICY_BEGIN, OPEN, 0);

	(void)state;
	f.approvals_valid = 1;
	strcpy(f.lapsed, "that of ben lapsed: the verdict was ok and is harm");
	check_single(&f, POLICY_DENY, "approvals", "needs 1 approval; that of ben lapsed");
	f = facts_of(2, POLICY_APPROVE, OPEN, 0);
	check_single(&f, POLICY_ALLOW, "", "may approve");
	f.is_author = 1;
	check_single(&f, POLICY_DENY, "not-author", "somebody else");
	f.is_author = 0;
	f.is_account = 1;
	strcpy(f.account_kind, "robot");
	check_single(&f, POLICY_DENY, "is-person", "declared as robot");
	f.is_account = 0;
	f.is_hidden = 1;
	check_single(&f, POLICY_DENY, "is-person", "cannot be told");
	f.is_hidden = f.approves_this = 0;
	check_single(&f, POLICY_DENY, "approval-due", "asks for no approval");
	f = facts_of(2, POLICY_APPLY, OPEN, 0);
	check_single(&f, POLICY_ALLOW, "", "may apply");
	f.loosens = 2;
	strcpy(f.loosens_first, "lowers the tier of rebook");
	check_single(&f, POLICY_DENY, "loosening", "lowers the tier of rebook");
	f.approvals_valid = 2;
	check_single(&f, POLICY_ALLOW, "", "may apply");
}

static void test_refusals_say_what_to_do(void **state)
{
	struct policy_facts f = facts_of(2, POLICY_PROMOTE, FROZEN, 1);
	struct policy_answer out;
	struct err e = {0};

	(void)state;
	policy_decide(&f, &out);
	assert_int_equal(policy_refuse(&out, &e), ERR_DENIED);
	assert_non_null(strstr(e.message, "frozen until Mon 08:00 Europe/London"));
	assert_non_null(strstr(e.hint, "override-freeze"));
}

/* An approval is bound to what was shown. */
static void test_lapses(void **state)
{
	static const struct {
		const char *purpose, *given, *now, *digest;
		int64_t seq;
		const char *why; /* NULL = it counts */
	} cases[] = {
		{"start", "missing", "missing", "d1", 5, NULL},
		{"start", "missing", "ok", "d1", 5, NULL},
		{"start", "missing", "harm", "d1", 5, "the verdict was missing and is harm"},
		{"start", "missing", "invalid", "d1", 5, "is invalid"},
		{"start", "missing", "missing", "d2", 5, "bytes"},
		{"start", "missing", "missing", "d1", 6, "configuration"},
		{"promote", "ok", "ok", "d1", 5, NULL},
		{"promote", "ok", "undecided", "d1", 5, "the verdict was ok and is undecided"},
		{"promote", "undecided", "ok", "d1", 5, "the verdict was undecided and is ok"},
		{"promote", "ok", "harm", "d1", 5, "is harm"},
		{"promote", "harm", "harm", "d1", 5, "is harm"},
		{"promote", "ok", "missing", "d1", 5, "is missing"},
		{"promote", "ok", "ok", "d1", 6, "configuration"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct approval_row given = {.spec_seq = 5, .version_digest = "d1"};
		struct approval_evidence now = {cases[i].now, cases[i].digest, cases[i].seq};
		char why[200] = "";
		int lapsed;

		strcpy(given.purpose, cases[i].purpose);
		strcpy(given.verdict, cases[i].given);
		lapsed = approval_lapsed(&given, &now, why, sizeof why);
		if (lapsed != (cases[i].why != NULL) || (lapsed && !strstr(why, cases[i].why)))
			fail_msg("%zu: %d %s", i, lapsed, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_never_blocked),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_soak_and_ceiling),
		cmocka_unit_test(test_way_back),
		cmocka_unit_test(test_approvals),
		cmocka_unit_test(test_refusals_say_what_to_do),
		cmocka_unit_test(test_lapses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
