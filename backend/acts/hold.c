/* hold.c: stop-the-line, which holds every rollout of its scope by one row; lifting it; and the
 * override of freeze windows by two people. Guards, aborts and rollbacks go on through all of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/policy_ask.h"
#include "backend/acts/proposal.h"
#include "backend/base/xalloc.h"

#define OVERRIDE_LEAST_MS INT64_C(60000)
#define OVERRIDE_MOST_MS  INT64_C(604800000) /* a week */

static const char *scope_text(const char *scope)
{
	return *scope ? scope : "all endpoints";
}

/* Rollouts that the scope holds. */
static int count_held(const struct world *w, const char *scope)
{
	int n = 0;

	for (int i = 0; i < w->endpoint_count; i++)
		n += w->endpoints[i]->row.rollout &&
		     (!*scope || strcmp(w->endpoints[i]->row.id, scope) == 0);
	return n;
}

static int has_high(const struct world *w, const char *scope)
{
	for (int i = 0; i < w->endpoint_count; i++) {
		const struct endpoint_row *r = &w->endpoints[i]->row;

		if (!r->removed && strcmp(r->tier, "high") == 0 &&
			(!*scope || strcmp(r->id, scope) == 0))
			return 1;
	}
	return 0;
}

struct stops {
	char first[200], where[ID_SIZE];
	int count;
};

static int note_stop(void *arg, const struct hold_row *r)
{
	struct stops *s = arg;

	/* That of all comes first: its scope is the empty one. */
	if (strcmp(r->kind, "line") != 0 || s->count++ > 0)
		return 0;
	str_copy(s->where, sizeof s->where, r->scope);
	snprintf(s->first, sizeof s->first, "%s has stopped the line of %s%s%.80s", r->user,
		scope_text(r->scope), r->reason[0] ? ": " : "", r->reason);
	return 0;
}

void line_describe(struct world *w, char *out, size_t size, char where[ID_SIZE])
{
	struct stops s = {.count = 0};

	store_list_holds(w->store, note_stop, &s, NULL);
	str_copy(where, ID_SIZE, s.where);
	if (s.count > 1)
		snprintf(out, size, "%s, and %d more", s.first, s.count - 1);
	else
		str_copy(out, size, s.first);
}

static void about(struct change *c, const char *scope, const struct live_endpoint *ep)
{
	if (ep)
		snprintf(c->subject, sizeof c->subject, "endpoint:%s", scope);
	else
		str_copy(c->subject, sizeof c->subject, "line");
	c->ev.subject = c->subject;
	c->ev.after = c->after;
	if (!ep)
		return;
	c->ev.project = ep->row.project;
	c->ev.environment = ep->row.environment;
	c->ev.endpoint = ep->row.id;
}

int act_freeze(struct world *w, const struct act *a, struct live_endpoint *ep,
	struct act_result *out, struct err *e)
{
	const char *scope = ep ? ep->row.id : "";
	struct hold_row h = {.kind = "line",
		.uid = a->caller->uid,
		.login_uid = a->caller->login_uid,
		.at_us = clock_wall_us(&w->clock)};
	struct proposal_rows rows = {.hold = &h};
	struct hold_row was;
	struct change c;
	int held = count_held(w, scope), rc = store_find_hold(w->store, "line", scope, &was, e);

	*out = (struct act_result){0};
	if (rc < 0)
		return rc;
	if (rc)
		return err_set(e, ERR_CONFLICT, "the line of %s is stopped already, by %s",
			scope_text(scope), was.user);
	snprintf(out->plan.title, sizeof out->plan.title, "stop the line of %s: %d rollout%s held",
		scope_text(scope), held, held == 1 ? "" : "s");
	str_copy(out->plan.subject, sizeof out->plan.subject, scope_text(scope));
	plan_will(&out->plan,
		"hold every share where it is: no start, advance, resume or promotion,"
		" by nobody and not by the engine");
	plan_will_not(&out->plan, "stop guards, aborts or rollbacks");
	plan_need(&out->plan, "nobody else (lowering a risk is never blocked)");
	snprintf(out->plan.undo, sizeof out->plan.undo, "pithead unfreeze%s%s%s", ep ? " " : "",
		scope, has_high(w, scope) ? ": two people" : "");
	if (a->dry_run)
		return 0;
	str_copy(h.scope, sizeof h.scope, scope);
	str_copy(h.user, sizeof h.user, a->caller->user);
	str_copy(h.reason, sizeof h.reason, a->reason ? a->reason : "");
	change_init(&c, a, "line.stop", NULL, NULL);
	snprintf(c.after, sizeof c.after, "{\"text\":\"%s: %d rollout%s held\"}", scope_text(scope),
		held, held == 1 ? "" : "s");
	about(&c, scope, ep);
	c.lowers_risk = 1;
	c.also = proposal_also;
	c.also_arg = &rows;
	return change_commit(w, &c, NULL, &out->seq, e);
}

static void plan_lift(const struct world *w, const char *scope, struct act_result *out)
{
	int held = count_held(w, scope);

	snprintf(out->plan.title, sizeof out->plan.title, "let the line of %s go on: %d rollout%s",
		scope_text(scope), held, held == 1 ? "" : "s");
	str_copy(out->plan.subject, sizeof out->plan.subject, scope_text(scope));
	plan_will(&out->plan, "let rollouts move again, by people and by the engine");
	snprintf(out->plan.undo, sizeof out->plan.undo, "stop it again: pithead freeze%s%s",
		*scope ? " " : "", scope);
}

static int lift(struct world *w, const struct act *a, const char *scope, struct proposal_rows *rows,
	struct act_result *out, struct err *e)
{
	struct live_endpoint *ep = *scope ? world_find_endpoint(w, scope, NULL) : NULL;
	struct change c;

	plan_lift(w, scope, out);
	if (a->dry_run)
		return 0;
	rows->lift = scope;
	change_init(&c, a, "line.go", NULL, NULL);
	snprintf(c.after, sizeof c.after, "{\"text\":\"%s\"}", scope_text(scope));
	about(&c, scope, ep);
	c.also = proposal_also;
	c.also_arg = rows;
	return change_commit(w, &c, NULL, &out->seq, e);
}

/* A wish that needs a second person: the first one's is opened, the second one's is its approval.
 */
static int wish(struct world *w, const struct act *a, struct proposal_row *p,
	struct act_result *out, struct err *e)
{
	struct proposal_row open = {0};

	if (!proposal_find_open(w, p->kind, p->endpoint, &open))
		return proposal_open(w, a, p, "", out, e);
	if (same_person(
		    a->caller->uid, a->caller->login_uid, open.author_uid, open.author_login_uid)) {
		err_set(e, ERR_CONFLICT,
			"you have asked for it already (proposal %" PRId64
			"): a second person is needed",
			open.id);
		return err_hint(e,
			"somebody else repeats it, or: pithead proposal approve %" PRId64, open.id);
	}
	return act_proposal_approve(w, a, open.id, out, e);
}

int act_unfreeze(struct world *w, const struct act *a, struct live_endpoint *ep,
	struct act_result *out, struct err *e)
{
	const char *scope = ep ? ep->row.id : "";
	struct proposal_row p = {.kind = "unfreeze", .needed = 1};
	struct proposal_rows rows = {0};
	struct hold_row h;
	int rc = store_find_hold(w->store, "line", scope, &h, e);

	*out = (struct act_result){0};
	if (rc < 0)
		return rc;
	if (!rc) {
		err_set(e, ERR_CONFLICT, "nobody has stopped the line of %s", scope_text(scope));
		if (store_find_hold(w->store, "line", "", &h, NULL) == 1)
			err_hint(e, "that of all endpoints is stopped: pithead unfreeze");
		return ERR_CONFLICT;
	}
	if (!has_high(w, scope)) {
		plan_need(&out->plan, "nobody else");
		return lift(w, a, scope, &rows, out, e);
	}
	plan_lift(w, scope, out);
	p.base = h.revision;
	str_copy(p.endpoint, sizeof p.endpoint, scope);
	if (ep)
		str_copy(p.project, sizeof p.project, ep->row.project);
	snprintf(p.summary, sizeof p.summary, "let the line of %s go on (stopped by %s%s%.60s)",
		scope_text(scope), h.user, h.reason[0] ? ": " : "", h.reason);
	return wish(w, a, &p, out, e);
}

int act_override_freeze(struct world *w, const struct act *a, struct live_endpoint *ep,
	int64_t lasts_ms, struct act_result *out, struct err *e)
{
	struct proposal_row p = {.kind = "override", .needed = 1, .lasts_ms = lasts_ms};
	const struct spec_tier *tier = tier_of(w, &ep->row);
	char span[32];

	*out = (struct act_result){.revision = ep->row.revision};
	str_copy(out->endpoint, sizeof out->endpoint, ep->row.id);
	if (lasts_ms < OVERRIDE_LEAST_MS || lasts_ms > OVERRIDE_MOST_MS) {
		err_set(e, ERR_INVALID, "an override lasts from 1 minute to 7 days");
		return err_field(e, "for");
	}
	if (tier->freeze_count == 0)
		return err_set(e, ERR_CONFLICT, "tier %s of %s has no freeze window to override",
			tier->name, ep->row.id);
	if (!a->dry_run && (!a->reason || !*a->reason)) {
		err_set(e, ERR_INVALID, "overriding a freeze needs a reason");
		return err_field(e, "reason");
	}
	duration_format(lasts_ms, span, sizeof span);
	snprintf(p.summary, sizeof p.summary, "override the freeze windows of %s for %s",
		ep->row.id, span);
	str_copy(p.endpoint, sizeof p.endpoint, ep->row.id);
	str_copy(p.project, sizeof p.project, ep->row.project);
	str_copy(out->plan.title, sizeof out->plan.title, p.summary);
	plan_will(&out->plan, "let rollouts of %s move during a freeze for %s", ep->row.name, span);
	return wish(w, a, &p, out, e);
}

static int begin_override(struct world *w, const struct act *a, const struct proposal_row *p,
	struct proposal_rows *rows, struct act_result *out, struct err *e)
{
	struct live_endpoint *ep = world_find_endpoint(w, p->endpoint, e);
	struct hold_row h = {.kind = "window",
		.uid = p->author_uid,
		.login_uid = p->author_login_uid,
		.at_us = clock_wall_us(&w->clock)};
	struct proposal_rows all = *rows;
	char text[240];
	struct change c;

	if (!ep)
		return ERR_NOT_FOUND;
	str_copy(out->endpoint, sizeof out->endpoint, ep->row.id);
	str_copy(out->plan.title, sizeof out->plan.title, p->summary);
	plan_will(&out->plan, "begin now, by %s and %s", p->author, a->caller->user);
	str_copy(out->plan.undo, sizeof out->plan.undo,
		"it ends by itself; pithead freeze stops the line at once");
	if (a->dry_run)
		return 0;
	h.until_us = h.at_us + p->lasts_ms * 1000;
	str_copy(h.scope, sizeof h.scope, p->endpoint);
	str_copy(h.user, sizeof h.user, p->author);
	str_copy(h.second, sizeof h.second, a->caller->user);
	str_copy(h.reason, sizeof h.reason, p->reason);
	all.hold = &h;
	change_init(&c, a, "freeze.override", NULL, NULL);
	plain_text(p->summary, text, sizeof text);
	snprintf(c.after, sizeof c.after, "{\"text\":\"%s, by %s and %s\"}", text, p->author,
		a->caller->user);
	about(&c, p->endpoint, ep);
	c.also = proposal_also;
	c.also_arg = &all;
	return change_commit(w, &c, NULL, &out->seq, e);
}

int hold_carry_out(struct world *w, const struct act *a, const struct proposal_row *p,
	struct proposal_rows *rows, struct act_result *out, struct err *e)
{
	*out = (struct act_result){0};
	if (strcmp(p->kind, "unfreeze") == 0)
		return lift(w, a, p->endpoint, rows, out, e);
	return begin_override(w, a, p, rows, out, e);
}
