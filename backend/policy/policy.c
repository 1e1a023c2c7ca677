/* policy.c: the rules, one row each. A rule looks at the facts and says yes, no, or that what it
 * would have to know is missing; what it found stands in its sentence either way. */
#include "backend/policy/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"

#define BIT(action) (1u << (action))
#define MOVES                                                                                      \
	(BIT(POLICY_START) | BIT(POLICY_BEGIN) | BIT(POLICY_ADVANCE) | BIT(POLICY_RESUME) |        \
		BIT(POLICY_PROMOTE) | BIT(POLICY_OVERRIDE) | BIT(POLICY_SERVE))
#define LOWERS (BIT(POLICY_ABORT) | BIT(POLICY_ROLLBACK) | BIT(POLICY_PAUSE) | BIT(POLICY_REJECT))

static const char *const actions[POLICY_ACTION_COUNT] = {
	[POLICY_START] = "start",
	[POLICY_BEGIN] = "begin",
	[POLICY_ADVANCE] = "advance",
	[POLICY_RESUME] = "resume",
	[POLICY_PROMOTE] = "promote",
	[POLICY_APPROVE] = "approve",
	[POLICY_OVERRIDE] = "override",
	[POLICY_SERVE] = "serve",
	[POLICY_APPLY] = "apply",
	[POLICY_ABORT] = "abort",
	[POLICY_ROLLBACK] = "rollback",
	[POLICY_PAUSE] = "pause",
	[POLICY_REJECT] = "reject",
};

struct rule {
	const char *id;
	unsigned actions;
	enum policy_result (*look)(const struct policy_facts *f, char *out, size_t size);
	const char *text, *hint; /* what it asks for; what to do when it says no */
};

static enum policy_result say(enum policy_result r, char *out, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static enum policy_result say(enum policy_result r, char *out, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, size, fmt, ap);
	va_end(ap);
	return r;
}

static enum policy_result look_lowers(const struct policy_facts *f, char *out, size_t size)
{
	return say(POLICY_ALLOW, out, size, "nothing blocks a %s", actions[f->action]);
}

static enum policy_result look_line(const struct policy_facts *f, char *out, size_t size)
{
	if (f->stopped && f->lowers)
		return say(POLICY_ALLOW, out, size, "the line is stopped, and this lowers a share");
	if (f->stopped)
		return say(POLICY_DENY, out, size, "the line is stopped by %s: %s may not %s",
			f->stopped_by, f->subject, actions[f->action]);
	return say(POLICY_ALLOW, out, size, "nobody has stopped the line");
}

static enum policy_result look_freeze(const struct policy_facts *f, char *out, size_t size)
{
	if (f->freeze == FREEZE_NONE)
		return say(POLICY_ALLOW, out, size, "no freeze window of tier %s holds", f->tier);
	if (f->lowers)
		return say(POLICY_ALLOW, out, size, "a freeze lets a share be lowered");
	if (f->overridden[0])
		return say(POLICY_ALLOW, out, size, "the freeze is overridden %s", f->overridden);
	if (f->freeze == FREEZE_UNREADABLE)
		return say(POLICY_UNKNOWN, out, size,
			"the freeze window \"%s\" of tier %s cannot be read here, so it may hold",
			f->window, f->tier);
	return say(POLICY_DENY, out, size, "tier %s is frozen until %s (%s): %s may not %s",
		f->tier, f->freeze_until, f->window, f->subject, actions[f->action]);
}

static enum policy_result look_author(const struct policy_facts *f, char *out, size_t size)
{
	if (f->is_author)
		return say(POLICY_DENY, out, size,
			"you started %s: its approval must come from somebody else", f->subject);
	return say(POLICY_ALLOW, out, size, "the approval is not of its author");
}

static enum policy_result look_person(const struct policy_facts *f, char *out, size_t size)
{
	if (f->is_hidden)
		return say(POLICY_DENY, out, size,
			"the process that asked has ended: whose login session it was cannot be "
			"told");
	if (f->is_account)
		return say(POLICY_DENY, out, size,
			"this account is declared as %s: only a person approves", f->account_kind);
	return say(POLICY_ALLOW, out, size, "the account is declared neither robot nor shared");
}

static enum policy_result look_asked(const struct policy_facts *f, char *out, size_t size)
{
	if (!f->approves_this)
		return say(POLICY_DENY, out, size, "tier %s asks for no approval of %s now",
			f->tier, f->subject);
	return say(POLICY_ALLOW, out, size, "tier %s asks for approval now", f->tier);
}

static enum policy_result look_approvals(const struct policy_facts *f, char *out, size_t size)
{
	int missing = f->approvals_needed - f->approvals_valid;

	if (f->approvals_needed == 0)
		return say(POLICY_ALLOW, out, size, "none is needed to %s", actions[f->action]);
	if (missing <= 0)
		return say(POLICY_ALLOW, out, size, "%d of %d given", f->approvals_valid,
			f->approvals_needed);
	return say(POLICY_DENY, out, size, "%s still needs %d approval%s%s%s", f->subject, missing,
		missing == 1 ? "" : "s", f->lapsed[0] ? "; " : "", f->lapsed);
}

static enum policy_result look_present(const struct policy_facts *f, char *out, size_t size)
{
	if (f->signals_absent[0])
		return say(POLICY_DENY, out, size,
			"tier %s needs signals that the endpoint does not judge as critical: %s",
			f->tier, f->signals_absent);
	return say(POLICY_ALLOW, out, size, "all that tier %s needs is judged", f->tier);
}

static enum policy_result look_data(const struct policy_facts *f, char *out, size_t size)
{
	if (f->signals_missing[0])
		return say(POLICY_UNKNOWN, out, size, "tier %s needs signals that have no data: %s",
			f->tier, f->signals_missing);
	return say(POLICY_ALLOW, out, size, "no signal that tier %s needs is missing", f->tier);
}

static enum policy_result look_verdict(const struct policy_facts *f, char *out, size_t size)
{
	int harm = strcmp(f->verdict, "harm") == 0, invalid = strcmp(f->verdict, "invalid") == 0;

	/* On the lowest tier a person may see through a trial that is not valid. */
	if (!f->lowers && (harm || (invalid && f->action != POLICY_RESUME &&
					   (f->by_engine || strcmp(f->tier, "low") != 0))))
		return say(POLICY_DENY, out, size, "the verdict on %s is %s%s%s", f->subject,
			f->verdict, f->why[0] ? ": " : "", f->why);
	return say(POLICY_ALLOW, out, size, "the verdict is %s",
		f->verdict[0] ? f->verdict : "not asked for");
}

static enum policy_result look_late(const struct policy_facts *f, char *out, size_t size)
{
	if (!f->signals_late[0] || !f->late_refused)
		return say(POLICY_ALLOW, out, size, "%s",
			f->signals_late[0] ? "outcomes that come later are judged after it"
					   : "no outcome comes after the steps");
	if (!f->by_engine)
		return say(POLICY_ALLOW, out, size,
			"a person may decide before the outcomes are there: %s", f->signals_late);
	return say(POLICY_DENY, out, size,
		"tier %s is not promoted before its outcomes, which come after the steps: %s",
		f->tier, f->signals_late);
}

static enum policy_result look_soak(const struct policy_facts *f, char *out, size_t size)
{
	char left[32];

	if (f->soak_left_us <= 0 || f->lowers)
		return say(POLICY_ALLOW, out, size, "the step has lasted as long as tier %s asks",
			f->tier);
	duration_format((f->soak_left_us + 999999) / 1000000 * 1000, left, sizeof left);
	return say(POLICY_DENY, out, size, "%s must stay on its step for %s more (tier %s)",
		f->subject, left, f->tier);
}

/* A hot version is back with one row of the gateway's map; a cold one has to be started. */
static enum policy_result look_way_back(const struct policy_facts *f, char *out, size_t size)
{
	char within[32];

	if (f->rollback_ms == 0)
		return say(POLICY_ALLOW, out, size, "tier %s names no time for rollbacks", f->tier);
	if (f->hot_ms != 0)
		return say(POLICY_ALLOW, out, size,
			"the version before is kept hot: a rollback takes less than a second");
	duration_format(f->rollback_ms, within, sizeof within);
	return say(POLICY_DENY, out, size,
		"tier %s wants rollbacks done within %s, and %s would keep no version hot", f->tier,
		within, f->subject);
}

static enum policy_result look_ceiling(const struct policy_facts *f, char *out, size_t size)
{
	if (f->step_most_bp == 0 || f->rise_bp <= f->step_most_bp)
		return say(POLICY_ALLOW, out, size, "%s",
			f->step_most_bp ? "no step is too large" : "steps may be of any size");
	return say(POLICY_DENY, out, size,
		"the share of %s would rise by %g %% %s; tier %s allows "
		"%g %% at a time",
		f->subject, f->rise_bp / 100.0, f->rise_text, f->tier, f->step_most_bp / 100.0);
}

static enum policy_result look_loosens(const struct policy_facts *f, char *out, size_t size)
{
	int missing = f->approvals_needed - f->approvals_valid;

	if (f->loosens == 0)
		return say(POLICY_ALLOW, out, size, "it loosens nothing");
	if (missing <= 0)
		return say(POLICY_ALLOW, out, size, "it loosens, and %d of %d have approved it",
			f->approvals_valid, f->approvals_needed);
	return say(POLICY_DENY, out, size,
		"%s loosens (%s) and needs %d approval%s of the policy that it loosens", f->subject,
		f->loosens_first, missing, missing == 1 ? "" : "s");
}

static const struct rule rules[] = {
	{"never-blocked", LOWERS, look_lowers, "abort, rollback, pause and reject are always open",
		""},
	{"stop-the-line", MOVES, look_line, "nobody has stopped the line here",
		"see who and why: pithead holds; `pithead unfreeze [ENDPOINT]` lets it go on"},
	{"freeze-window", MOVES, look_freeze, "no freeze window of the tier holds",
		"two people may override it: pithead override-freeze ENDPOINT --for 1h --reason "
		"..."},
	{"not-author", BIT(POLICY_APPROVE), look_author, "an approval comes from somebody else",
		""},
	{"is-person", BIT(POLICY_APPROVE), look_person,
		"an approval comes from a person's own account", "approve as yourself"},
	{"approval-due", BIT(POLICY_APPROVE), look_asked,
		"the tier asks for approval at this point", ""},
	{"signals-judged", BIT(POLICY_START) | BIT(POLICY_BEGIN) | BIT(POLICY_PROMOTE),
		look_present, "the endpoint judges every signal that the tier needs",
		"add them below `signals` of the endpoint's rollout and apply"},
	{"way-back", BIT(POLICY_START) | BIT(POLICY_BEGIN) | BIT(POLICY_PROMOTE), look_way_back,
		"a rollback can be done as soon as the tier wants it",
		"set `keep-hot` of the endpoint's rollout, such as 24h, and apply"},
	{"step-ceiling",
		BIT(POLICY_START) | BIT(POLICY_BEGIN) | BIT(POLICY_ADVANCE) | BIT(POLICY_PROMOTE),
		look_ceiling, "no act raises the share further than the tier's step-most",
		"take a smaller step, or start with steps that rise less"},
	{"approvals", BIT(POLICY_BEGIN) | BIT(POLICY_PROMOTE), look_approvals,
		"as many people have approved as the tier asks", "pithead rollout approve N"},
	{"verdict",
		BIT(POLICY_ADVANCE) | BIT(POLICY_RESUME) | BIT(POLICY_PROMOTE) |
			BIT(POLICY_OVERRIDE),
		look_verdict, "the judge says neither harm nor invalid",
		"see it: pithead rollout show N"},
	{"signals-known", BIT(POLICY_PROMOTE), look_data,
		"no signal that the tier needs is without data",
		"find out why no data comes, or abort"},
	{"late-outcomes", BIT(POLICY_PROMOTE), look_late,
		"the engine does not promote before late outcomes where the tier refuses it",
		"a person may: pithead rollout promote N"},
	{"soak", BIT(POLICY_ADVANCE) | BIT(POLICY_PROMOTE), look_soak,
		"the step has lasted as long as the tier asks", "wait, or abort"},
	{"loosening", BIT(POLICY_APPLY), look_loosens,
		"what loosens is approved as the old policy asks", ""},
};

/* How strong a result is against the others. */
static int weight(enum policy_result r)
{
	return r == POLICY_DENY ? 2 : r == POLICY_UNKNOWN ? 1 : 0;
}

void policy_decide(const struct policy_facts *f, struct policy_answer *out)
{
	*out = (struct policy_answer){.result = POLICY_ALLOW, .rule = ""};
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		struct policy_looked *l;

		if (!(rules[i].actions & BIT(f->action)))
			continue;
		must(out->rule_count < POLICY_RULES);
		l = &out->rules[out->rule_count++];
		l->id = rules[i].id;
		l->text = rules[i].text;
		l->result = rules[i].look(f, l->sentence, sizeof l->sentence);
		if (weight(l->result) <= weight(out->result))
			continue;
		out->result = l->result;
		out->rule = l->id;
		str_copy(out->sentence, sizeof out->sentence, l->sentence);
		str_copy(out->hint, sizeof out->hint, rules[i].hint);
	}
	if (out->result == POLICY_ALLOW)
		snprintf(out->sentence, sizeof out->sentence, "%s may %s", f->subject,
			actions[f->action]);
}

int policy_refuse(const struct policy_answer *a, struct err *e)
{
	err_set(e, ERR_DENIED, "%s", a->sentence);
	return a->hint[0] ? err_hint(e, "%s", a->hint) : ERR_DENIED;
}

const char *policy_result_name(enum policy_result r)
{
	return r == POLICY_ALLOW ? "allow" : r == POLICY_DENY ? "deny" : "unknown";
}

const char *policy_action_name(enum policy_action a)
{
	return actions[a];
}

int policy_action_find(const char *name)
{
	for (int i = 0; i < POLICY_ACTION_COUNT; i++)
		if (strcmp(actions[i], name) == 0)
			return i;
	return -1;
}

int policy_action_lowers(enum policy_action a)
{
	return (BIT(a) & LOWERS) != 0;
}

int approval_lapsed(const struct approval_row *given, const struct approval_evidence *now,
	char *out, unsigned size)
{
	int promotion = strcmp(given->purpose, "promote") == 0;
	const char *what = NULL;

	if (strcmp(given->version_digest, now->version_digest) != 0)
		what = "the version's bytes are others now";
	else if (given->spec_seq && given->spec_seq != now->spec_seq)
		what = "the endpoint's configuration has changed since";
	if (what) {
		snprintf(out, size, "%s", what);
		return 1;
	}
	if (strcmp(now->verdict, "harm") == 0 || strcmp(now->verdict, "invalid") == 0 ||
		(promotion && strcmp(given->verdict, now->verdict) != 0)) {
		snprintf(out, size, "the verdict was %s and is %s", given->verdict, now->verdict);
		return 1;
	}
	return 0;
}
