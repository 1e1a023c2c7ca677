/* loosening.c: see loosening.h. */
#include "backend/acts/loosening.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/policy_ask.h"
#include "backend/base/xalloc.h"
#include "backend/policy/loosen.h"
#include "backend/trial/trial_setup.h"

#define FALSE_ABORT_PERCENT 1.0 /* of a rollout that names none */

struct comparing {
	struct world *w;
	const struct spec *was, *want; /* was: access and tiers only */
	struct spec_plan *plan;
	int approvals; /* that the values compared now are worth */
};

static void found(struct comparing *c, const char *sentence)
{
	struct spec_plan *p = c->plan;

	if (p->loosen_count < PLAN_LINES)
		str_copy(p->loosens[p->loosen_count++], sizeof p->loosens[0], sentence);
	else
		p->loosen_more++;
	if (c->approvals > p->approvals)
		p->approvals = c->approvals;
}

static void number(struct comparing *c, const char *key, const char *where, double was, double is)
{
	char sentence[200];

	if (loosen_number(key, where, was, is, sentence, sizeof sentence))
		found(c, sentence);
}

/* Approvals of the old policy: of the endpoints of one tier, or (NULL) of all in the project. */
static int approvals_of(const struct comparing *c, const char *tier)
{
	int most = 0;

	for (int i = 0; i < c->w->endpoint_count; i++) {
		const struct endpoint_row *r = &c->w->endpoints[i]->row;

		if (r->removed || strcmp(r->project, c->want->project) != 0 ||
			(tier && strcmp(r->tier, tier) != 0))
			continue;
		if (tier_of(c->w, r)->approvals > most)
			most = tier_of(c->w, r)->approvals;
	}
	return most;
}

/* -- access and accounts -- */

static int has_member(const struct spec *s, const char *role, const char *member)
{
	for (int i = 0; i < s->role_count; i++)
		for (int k = 0; k < s->roles[i].member_count; k++)
			if (strcmp(s->roles[i].role, role) == 0 &&
				strcmp(s->roles[i].members[k], member) == 0)
				return 1;
	return 0;
}

/* Members of a's roles that b's do not have. An auditor may not act, whatever else they hold: to
 * be made one loosens nothing, to be it no more does. */
static void compare_members(
	struct comparing *c, const struct spec *a, const struct spec *b, int granted)
{
	for (int i = 0; i < a->role_count; i++)
		for (int k = 0; k < a->roles[i].member_count; k++) {
			const char *role = a->roles[i].role, *member = a->roles[i].members[k];
			char text[140];

			if (has_member(b, role, member))
				continue;
			snprintf(text, sizeof text, "%s to %s", role, member);
			if (granted && strcmp(role, "auditor") != 0)
				number(c, "grant", text, 0, 1);
			else if (!granted && strcmp(role, "auditor") == 0)
				number(c, "watcher", member, 1, 0);
		}
}

static int is_account(const struct spec *s, const char *name)
{
	for (int i = 0; i < s->account_count; i++)
		if (strcmp(s->accounts[i].name, name) == 0)
			return 1;
	return 0;
}

static void compare_access(struct comparing *c)
{
	c->approvals = approvals_of(c, NULL);
	compare_members(c, c->want, c->was, 1);
	compare_members(c, c->was, c->want, 0);
	for (int i = 0; i < c->was->account_count; i++)
		number(c, "account", c->was->accounts[i].name, 1,
			is_account(c->want, c->was->accounts[i].name));
}

/* -- tiers -- */

static const struct spec_tier *find_tier(const struct spec *s, const char *name)
{
	for (int i = 0; i < s->tier_count; i++)
		if (strcmp(s->tiers[i].name, name) == 0)
			return &s->tiers[i];
	return NULL;
}

/* 0 is written where there is no limit. */
static double limit(double value)
{
	return value > 0 ? value : (double)NAN;
}

static double asks(const struct spec_tier *t, const char *purpose)
{
	return strcmp(t->approve, "both") == 0 || strcmp(t->approve, purpose) == 0;
}

static void compare_freeze(
	struct comparing *c, const struct spec_tier *was, const struct spec_tier *is)
{
	const char *old[SPEC_WINDOWS], *new[SPEC_WINDOWS];
	char lost[128], sentence[200];

	for (int i = 0; i < was->freeze_count; i++)
		old[i] = was->freeze[i];
	for (int i = 0; i < is->freeze_count; i++)
		new[i] = is->freeze[i];
	if (!loosen_freeze(old, was->freeze_count, new, is->freeze_count, lost, sizeof lost))
		return;
	snprintf(sentence, sizeof sentence, "lifts or shortens the freeze %s of tier %s", lost,
		was->name);
	found(c, sentence);
}

static void compare_tier(
	struct comparing *c, const struct spec_tier *was, const struct spec_tier *is)
{
	const char *name = was->name;
	char text[120];

	c->approvals = approvals_of(c, name);
	number(c, "approvals", name, was->approvals, is->approvals);
	if (was->approvals > 0) {
		number(c, "approve-start", name, asks(was, "start"), asks(is, "start"));
		number(c, "approve-promote", name, asks(was, "promote"), asks(is, "promote"));
	}
	number(c, "soak", name, (double)was->soak_ms, (double)is->soak_ms);
	number(c, "step-most", name, limit(was->step_most_bp), limit(is->step_most_bp));
	number(c, "rollback-time", name, limit((double)was->rollback_ms),
		limit((double)is->rollback_ms));
	number(c, "late-outcomes", name, strcmp(was->late_outcomes, "refuse") == 0,
		strcmp(is->late_outcomes, "refuse") == 0);
	for (int i = 0; i < was->signal_count; i++) {
		int kept = 0;

		for (int k = 0; k < is->signal_count; k++)
			kept |= strcmp(was->signals[i], is->signals[k]) == 0;
		snprintf(text, sizeof text, "%s on tier %s", was->signals[i], name);
		number(c, "tier-signal", text, 1, kept);
	}
	compare_freeze(c, was, is);
}

/* -- endpoints -- */

static double tier_rank(const char *tier)
{
	return strcmp(tier, "high") == 0 ? 2 : strcmp(tier, "medium") == 0 ? 1 : 0;
}

static double undecided_rank(const struct spec_endpoint *ep, const struct spec_tier *tier)
{
	const char *word = ep->rollout.on_undecided[0] ? ep->rollout.on_undecided
			   : tier		       ? tier->on_undecided
						       : "pause";

	return strcmp(word, "abort") == 0 ? 2 : strcmp(word, "pause") == 0 ? 1 : 0;
}

static void compare_signals(
	struct comparing *c, const struct spec_endpoint *was, const struct spec_endpoint *is)
{
	struct spec_signal old[SPEC_LIST], new[SPEC_LIST];
	int olds = trial_setup_signals(was, old), news = trial_setup_signals(is, new);

	for (int i = 0; i < olds; i++) {
		const struct spec_signal *a = &old[i], *b = NULL;
		char text[140];

		if (!a->critical)
			continue;
		for (int k = 0; k < news; k++)
			if (strcmp(a->name, new[k].name) == 0 &&
				a->lower_is_worse == new[k].lower_is_worse)
				b = &new[k];
		snprintf(text, sizeof text, "%s of %s", a->name, was->name);
		number(c, "signal", text, 1, b != NULL);
		if (!b)
			continue;
		number(c, "critical", text, 1, b->critical);
		if (!b->critical)
			continue;
		number(c, "worse-by", text, a->worse_by, b->worse_by);
		number(c, "harm-at", text, isnan(a->harm_at) ? a->worse_by / 4 : a->harm_at,
			isnan(b->harm_at) ? b->worse_by / 4 : b->harm_at);
		number(c, "psi", text, a->psi, b->psi);
	}
}

struct way {
	double first, largest, least_ms;
};

static struct way way_of(const struct spec_rollout *r)
{
	struct way w = {100, 0, 0}; /* without steps it begins with 1 % */
	int at = 0;

	if (r->step_count > 0)
		w.first = r->steps[0].share_bp;
	else
		at = 100;
	for (int i = 0; i < r->step_count; i++) {
		w.largest = fmax(w.largest, r->steps[i].share_bp - at);
		w.least_ms += (double)r->steps[i].least_ms;
		at = r->steps[i].share_bp;
	}
	w.largest = fmax(w.largest, SHARE_ALL - at);
	return w;
}

static double false_abort(const struct spec_rollout *r)
{
	return r->false_abort[0] ? strtod(r->false_abort, NULL) : FALSE_ABORT_PERCENT;
}

static double segments(const struct spec_rollout *r)
{
	int largest = spec_segments_largest(r);

	return largest ? largest : r->segment_count;
}

static void compare_endpoint(
	struct comparing *c, const struct live_endpoint *ep, const struct spec_endpoint *is)
{
	const struct spec_endpoint *was = ep->config;
	struct way a = way_of(&was->rollout), b = way_of(&is->rollout);
	const char *name = is->name;

	c->approvals = tier_of(c->w, &ep->row)->approvals;
	number(c, "tier", name, tier_rank(ep->row.tier), tier_rank(is->tier));
	compare_signals(c, was, is);
	number(c, "false-abort", name, false_abort(&was->rollout), false_abort(&is->rollout));
	number(c, "segments", name, segments(&was->rollout), segments(&is->rollout));
	number(c, "first-share", name, a.first, b.first);
	number(c, "largest-rise", name, a.largest, b.largest);
	number(c, "least-time", name, a.least_ms, b.least_ms);
	number(c, "keep-hot", name, (double)was->rollout.keep_hot_ms,
		(double)is->rollout.keep_hot_ms);
	number(c, "on-undecided", name, undecided_rank(was, find_tier(c->was, ep->row.tier)),
		undecided_rank(is, find_tier(c->want, is->tier)));
}

void loosening_fill(struct world *w, const struct spec *want, struct spec_plan *plan)
{
	const struct live_project *p = world_find_project(w, want->project);
	struct comparing c = {.w = w, .want = want, .plan = plan};

	if (!p)
		return;
	c.was = p->access;
	compare_access(&c);
	for (int i = 0; i < c.was->tier_count; i++) {
		const struct spec_tier *is = find_tier(want, c.was->tiers[i].name);

		if (is)
			compare_tier(&c, &c.was->tiers[i], is);
	}
	for (int i = 0; i < want->endpoint_count; i++)
		for (int k = 0; k < w->endpoint_count; k++)
			/* One that was dropped and comes again is held against what it was. */
			if (strcmp(w->endpoints[k]->row.project, want->project) == 0 &&
				strcmp(w->endpoints[k]->row.name, want->endpoints[i].name) == 0)
				compare_endpoint(&c, w->endpoints[k], &want->endpoints[i]);
}
