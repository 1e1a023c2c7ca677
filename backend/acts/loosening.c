/* loosening.c: see loosening.h. */
#include "backend/acts/loosening.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/loosening_priv.h"
#include "backend/acts/policy_ask.h"
#include "backend/base/xalloc.h"
#include "backend/policy/loosen.h"
#include "backend/policy/roles.h"

static void found(struct comparing *c, const char *sentence)
{
	struct spec_plan *p = c->plan;
	int worth = c->approvals > c->least ? c->approvals : c->least, known = 0;

	for (int i = 0; i < p->loosen_count; i++)
		known |= strcmp(p->loosens[i], sentence) == 0;
	if (!known && p->loosen_count < PLAN_LINES)
		str_copy(p->loosens[p->loosen_count++], sizeof p->loosens[0], sentence);
	else if (!known)
		p->loosen_more++;
	if (worth > p->approvals)
		p->approvals = worth;
}

void loosening_number(
	struct comparing *c, const char *key, const char *where, double was, double is)
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

/* What all roles of a member permit together. */
static unsigned held(const struct spec *s, const char *member)
{
	unsigned all = PERM_NONE;

	for (int i = 0; i < s->role_count; i++)
		if (has_member(s, s->roles[i].role, member))
			all |= role_permissions(s->roles[i].role);
	return permissions_unite(all, PERM_NONE, has_member(s, "auditor", member));
}

/* Members of a's roles that b's do not have. An auditor may not act, whatever else they hold: to
 * be made one loosens nothing, to be it no more does. Neither does a role that permits nothing that
 * the member could not do before, as when an admin becomes an operator. */
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
			if (granted && role_permissions(role) & ~held(b, member))
				loosening_number(c, "grant", text, 0, 1);
			else if (!granted && strcmp(role, "auditor") == 0)
				loosening_number(c, "watcher", member, 1, 0);
		}
}

static const struct spec_account *find_account(const struct spec *s, const char *name)
{
	for (int i = 0; i < s->account_count; i++)
		if (strcmp(s->accounts[i].name, name) == 0)
			return &s->accounts[i];
	return NULL;
}

static int lists_command(const struct spec_account *a, const char *command)
{
	for (int i = 0; i < a->may_count; i++)
		if (strcmp(a->may[i], command) == 0)
			return 1;
	return 0;
}

/* An account with a closed list may do what is new on it, or all when there is none any more. */
static void compare_account(
	struct comparing *c, const struct spec_account *was, const struct spec_account *want)
{
	char text[140];

	loosening_number(c, "account", was->name, 1, want != NULL);
	if (!was->may_count)
		return;
	if (!want || !want->may_count) {
		snprintf(text, sizeof text, "%s do all that its roles allow", was->name);
		loosening_number(c, "robot-may", text, 0, 1);
		return;
	}
	for (int i = 0; i < want->may_count; i++) {
		if (lists_command(was, want->may[i]))
			continue;
		snprintf(text, sizeof text, "%s use %s", was->name, want->may[i]);
		loosening_number(c, "robot-may", text, 0, 1);
	}
}

static void compare_access(struct comparing *c)
{
	c->approvals = approvals_of(c, NULL);
	compare_members(c, c->want, c->was, 1);
	compare_members(c, c->was, c->want, 0);
	for (int i = 0; i < c->was->account_count; i++)
		compare_account(
			c, &c->was->accounts[i], find_account(c->want, c->was->accounts[i].name));
}

/* -- tiers -- */

const struct spec_tier *loosening_tier(const struct spec *s, const char *name)
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
	loosening_number(c, "approvals", name, was->approvals, is->approvals);
	if (was->approvals > 0) {
		loosening_number(c, "approve-start", name, asks(was, "start"), asks(is, "start"));
		loosening_number(
			c, "approve-promote", name, asks(was, "promote"), asks(is, "promote"));
	}
	loosening_number(c, "soak", name, (double)was->soak_ms, (double)is->soak_ms);
	loosening_number(c, "step-most", name, limit(was->step_most_bp), limit(is->step_most_bp));
	loosening_number(c, "rollback-time", name, limit((double)was->rollback_ms),
		limit((double)is->rollback_ms));
	loosening_number(c, "late-outcomes", name, strcmp(was->late_outcomes, "refuse") == 0,
		strcmp(is->late_outcomes, "refuse") == 0);
	for (int i = 0; i < was->signal_count; i++) {
		int kept = 0;

		for (int k = 0; k < is->signal_count; k++)
			kept |= strcmp(was->signals[i], is->signals[k]) == 0;
		snprintf(text, sizeof text, "%s on tier %s", was->signals[i], name);
		loosening_number(c, "tier-signal", text, 1, kept);
	}
	compare_freeze(c, was, is);
}

/* -- endpoints that come again -- */

static const struct live_endpoint *namesake(
	const struct comparing *c, const struct spec_endpoint *is)
{
	for (int i = 0; i < c->w->endpoint_count; i++)
		if (strcmp(c->w->endpoints[i]->row.project, c->want->project) == 0 &&
			strcmp(c->w->endpoints[i]->row.name, is->name) == 0)
			return c->w->endpoints[i];
	return NULL;
}

/* The endpoint whose address `is` comes to: the last that had it. NULL: nobody had, or `is` has it
 * already. Whoever asks there is answered by another policy from then on. */
static const struct live_endpoint *predecessor_of(
	const struct comparing *c, const struct spec_endpoint *is, const struct live_endpoint *same)
{
	const struct live_endpoint *found = NULL;
	char address[80];

	snprintf(address, sizeof address, "%s:%d", is->listen_host, is->listen_port);
	if (same && !same->row.removed && strcmp(same->row.listen, address) == 0)
		return NULL;
	for (int i = 0; i < c->w->endpoint_count; i++) {
		const struct live_endpoint *ep = c->w->endpoints[i];

		if (ep != same && strcmp(ep->row.project, c->want->project) == 0 &&
			strcmp(ep->row.listen, address) == 0 &&
			(!found || ep->row.spec_seq > found->row.spec_seq))
			found = ep;
	}
	return found;
}

/* One that was dropped is held against the policy that it was served under, so that nothing can be
 * loosened while it is away. */
static void compare_returned(
	struct comparing *c, const struct live_endpoint *ep, const struct spec_endpoint *is)
{
	const struct spec_tier *tier, *now;
	struct comparing back = *c;
	struct buf json = {0};
	struct spec *then = NULL;

	if (store_find_spec(
		    c->w->store, ep->row.project, ep->row.spec_seq, NULL, NULL, &json, NULL) == 1)
		then = spec_access_parse_json(buf_text(&json), NULL);
	buf_release(&json);
	back.was = then ? then : c->was;
	tier = loosening_tier(back.was, ep->row.tier);
	now = loosening_tier(back.want, ep->row.tier);
	back.least = tier ? tier->approvals : 0;
	compare_access(&back);
	if (tier && now)
		compare_tier(&back, tier, now);
	loosening_endpoint(&back, ep, is);
	spec_free(then);
}

static void compare_with(
	struct comparing *c, const struct live_endpoint *ep, const struct spec_endpoint *is)
{
	if (ep && ep->row.removed)
		compare_returned(c, ep, is);
	else if (ep)
		loosening_endpoint(c, ep, is);
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
		const struct spec_tier *is = loosening_tier(want, c.was->tiers[i].name);

		if (is)
			compare_tier(&c, &c.was->tiers[i], is);
	}
	for (int i = 0; i < want->endpoint_count; i++) {
		const struct live_endpoint *same = namesake(&c, &want->endpoints[i]);

		compare_with(&c, same, &want->endpoints[i]);
		compare_with(
			&c, predecessor_of(&c, &want->endpoints[i], same), &want->endpoints[i]);
	}
}
