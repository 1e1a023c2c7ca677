/* rollback.c: back to an earlier version, or the first one of an endpoint. It is a rollout without
 * steps: hot = one map row, cold = its servers start first and the plan says so. Never blocked by
 * approvals, and it ends whatever rollout is under way. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/mirror.h"
#include "backend/acts/policy_ask.h"
#include "backend/acts/stage.h"
#include "backend/base/xalloc.h"

struct history {
	const char *version;
	int was_stable;
};

static int look_back(void *arg, const struct rollout_row *r)
{
	struct history *h = arg;

	if (strcmp(r->from_version, h->version) == 0)
		h->was_stable = 1;
	if (strcmp(r->to_version, h->version) == 0 && strcmp(r->state, "promoted") == 0)
		h->was_stable = 1;
	return h->was_stable;
}

static int was_stable(struct world *w, const struct live_endpoint *ep, const char *version)
{
	struct history h = {version, strcmp(ep->row.previous, version) == 0};

	if (!h.was_stable)
		store_list_rollouts(w->store, ep->row.id, 0, 0, 1000, look_back, &h, NULL);
	return h.was_stable;
}

static int check_target(
	struct world *w, const struct live_endpoint *ep, const char *to, struct err *e)
{
	int rc = version_check(w, ep, to, e);

	if (rc)
		return rc;
	if (ep->row.removed)
		return err_set(e, ERR_CONFLICT, "endpoint %s is no longer in the applied spec",
			ep->row.id);
	if (strcmp(ep->row.stable, to) == 0 && !ep->row.rollout)
		return err_set(e, ERR_CONFLICT, "%s is what serves %s already", to, ep->row.id);
	if (ep->row.stable[0] && strcmp(ep->row.stable, to) != 0 && !was_stable(w, ep, to)) {
		err_set(e, ERR_CONFLICT, "%s has never been the stable version of %s", to,
			ep->row.id);
		return err_hint(e, "bring it in as a canary: pithead rollout start %s --to %s",
			ep->row.name, to);
	}
	return 0;
}

static void fill_plan(const struct live_endpoint *ep, const char *to, int hot, struct plan *p)
{
	int slot = slot_find(ep, to);
	int first = !ep->row.stable[0];

	if (first)
		snprintf(p->title, sizeof p->title, "serve %s as the first version of %s", to,
			ep->row.name);
	else
		snprintf(p->title, sizeof p->title, "rollback %s from %s to %s", ep->row.name,
			ep->row.stable, to);
	str_copy(p->subject, sizeof p->subject, ep->row.id);
	if (ep->row.rollout)
		plan_will(p, "end rollout #%" PRId64 " to %s", ep->row.rollout, ep->row.candidate);
	if (hot)
		plan_will(p, "route 100 %% to %s: hot, %d of %d servers healthy", to,
			slot_healthy(ep, slot), servers_wanted(ep, to));
	else {
		plan_will_ready(p, ep, to);
		plan_will(p, "then route 100 %% to %s", to);
	}
	if (!first && strcmp(ep->row.stable, to) != 0)
		plan_will(p, "keep %s hot", ep->row.stable);
	plan_will_not(p, "re-run steps or tests");
	plan_need(p, "nobody else (a rollback is never blocked)");
	p->undoable = !first;
	if (first)
		str_copy(p->undo, sizeof p->undo, "cannot be undone: there is no earlier version");
	else
		snprintf(p->undo, sizeof p->undo, "as a new rollout of %s", ep->row.stable);
	str_copy(p->duration, sizeof p->duration, hot ? "< 1 s" : "some seconds: it is cold");
}

int rollout_supersede(struct world *w, struct live_endpoint *ep, const char *reason,
	struct rollout_row *was, struct rollout_row *old, struct err *e)
{
	int64_t id = ep->row.rollout ? ep->row.rollout : ep->proving;
	int rc = id ? store_find_rollout(w->store, id, was, e) : 0;

	if (rc <= 0)
		return rc;
	*old = *was;
	if (!fsm_step(&rollout_fsm, fsm_state_find(&rollout_fsm, old->state),
		    ROLLOUT_EVENT_SUPERSEDE, NULL, NULL))
		return 0;
	str_copy(old->state, sizeof old->state, rollout_state_name(ROLLOUT_SUPERSEDED));
	old->share_bp = 0;
	old->ended_us = clock_wall_us(&w->clock);
	str_copy(old->end_reason, sizeof old->end_reason, reason);
	return 1;
}

static void fill_rollout(struct rollout_row *r, const struct act *a, const struct live_endpoint *ep,
	const char *to, int64_t now)
{
	str_copy(r->endpoint, sizeof r->endpoint, ep->row.id);
	str_copy(r->project, sizeof r->project, ep->row.project);
	str_copy(r->environment, sizeof r->environment, ep->row.environment);
	str_copy(r->pattern, sizeof r->pattern, ep->row.stable[0] ? "rollback" : "first");
	str_copy(r->from_version, sizeof r->from_version, ep->row.stable);
	str_copy(r->to_version, sizeof r->to_version, to);
	str_copy(r->author, sizeof r->author, a->caller->user);
	str_copy(r->reason, sizeof r->reason, a->reason ? a->reason : "");
	r->author_uid = a->caller->uid;
	r->author_login_uid = a->caller->login_uid;
	r->started_us = r->step_since_us = now;
}

/* The endpoint's row once `to` is the stable version. */
static void take_over(struct endpoint_row *row, const char *to, int64_t hot_until_us)
{
	if (strcmp(row->stable, to) != 0) {
		str_copy(row->previous, sizeof row->previous, row->stable);
		str_copy(row->stable, sizeof row->stable, to);
	}
	row->hot_until_us = hot_until_us;
	row->candidate[0] = '\0';
	row->rollout = 0;
	row->share_bp = row->gate = 0;
}

int act_rollback(struct world *w, const struct act *a, struct live_endpoint *ep, const char *to,
	struct act_result *out, struct err *e)
{
	struct rollout_row r = {0}, was = {0}, old = {0};
	struct endpoint_row row = ep->row;
	struct change c;
	int64_t now = clock_wall_us(&w->clock);
	char ended[120];
	int hot, rc;

	*out = (struct act_result){.revision = ep->row.revision};
	str_copy(out->endpoint, sizeof out->endpoint, ep->row.id);
	rc = act_check_revision(w, a, ep->row.revision, ep->row.id, out, e);
	if (!rc)
		rc = moves_check(ep, "roll back or serve", e);
	if (rc)
		return rc;
	if (!to || !*to) {
		to = ep->row.previous;
		if (!*to) {
			err_set(e, ERR_CONFLICT, "%s has no earlier version to go back to",
				ep->row.id);
			return err_hint(e, "name one: --to VERSION");
		}
	}
	rc = check_target(w, ep, to, e);
	if (!rc && !ep->row.stable[0]) /* a first version is a release; a rollback is not asked */
		rc = policy_check(w, ep, NULL, a, POLICY_SERVE, SHARE_ALL, e);
	if (rc)
		return rc;
	servers_refresh(w, ep);
	hot = slot_healthy(ep, slot_find(ep, to)) > 0;
	fill_plan(ep, to, hot, &out->plan);
	if (a->dry_run)
		return 0;

	rc = store_next_rollout_id(w->store, &r.id, e);
	if (rc)
		return rc;
	fill_rollout(&r, a, ep, to, now);
	snprintf(ended, sizeof ended, "superseded by #%" PRId64 " of %s", r.id, a->caller->user);
	rc = rollout_supersede(w, ep, ended, &was, &old, e);
	if (rc < 0)
		return rc;
	if (hot) {
		str_copy(r.state, sizeof r.state, rollout_state_name(ROLLOUT_PROMOTING));
		take_over(&row, to, now + ep->config->rollout.keep_hot_ms * 1000);
	} else { /* the candidate's seat is where its servers are started */
		str_copy(r.state, sizeof r.state, rollout_state_name(ROLLOUT_WAITING));
		str_copy(row.candidate, sizeof row.candidate, to);
		row.rollout = r.id;
		row.share_bp = row.gate = 0;
	}
	change_init(&c, a, ep->row.stable[0] ? "rollback" : "endpoint.serve", ep, &r);
	state_format(&ep->row, rc ? &was : NULL, c.before, sizeof c.before);
	c.endpoint = &row;
	c.rollout = &r;
	c.superseded = rc ? &old : NULL;
	c.lowers_risk = 1;
	out->rollout = r.id;
	rc = change_commit(w, &c, ep, &out->seq, e);
	if (rc)
		return rc;
	out->revision = out->seq;
	ep->proving = hot ? r.id : 0;
	guard_reset(&ep->guard, ep->row.rollout);
	if (effect_route(w, ep, e) == 0)
		(void)effect_prove(w, ep, e);
	return 0;
}

int rollout_engine_event(struct world *w, struct live_endpoint *ep, enum rollout_event event,
	const char *verb, const char *reason, const char *causes, struct err *e)
{
	struct act a = {.caller = caller_engine(), .reason = reason, .causes = causes};
	struct rollout_facts facts = {0};
	struct endpoint_row row = ep->row;
	struct override_row pin = {.rollout = 0};
	const struct fsm_row *step;
	struct rollout_row r, before;
	struct stages stages;
	struct change c;
	char why[320];
	int64_t seq, hot_until = clock_wall_us(&w->clock) + ep->config->rollout.keep_hot_ms * 1000;
	int rc = rollout_active(w, ep, &r, e);

	if (rc <= 0)
		return rc;
	before = r;
	facts.direct = strcmp(r.pattern, "rollback") == 0 || strcmp(r.pattern, "first") == 0;
	facts.approvals_missing = approvals_missing(w, &r);
	facts.replicas_ready = version_ready(ep, r.to_version);
	facts.tests_missing = mirror_smoke(ep, &r, why, sizeof why) != SMOKE_PASSED;
	facts.shadow = mirror_shadows(r.pattern);
	step = fsm_step(&rollout_fsm, fsm_state_find(&rollout_fsm, r.state), event, &facts, e);
	if (!step)
		return ERR_BAD_TRANSITION;
	str_copy(r.state, sizeof r.state, rollout_state_name(step->to));
	if (step->to == ROLLOUT_STEPPING) {
		int share = r.share_bp;

		(void)stages_read(&r, &stages, NULL);
		stages_enter(&stages, r.step, &r, &row, &pin);
		if (!pin.segment[0]) /* it may begin with an exact share */
			r.share_bp = row.share_bp = share;
		r.step_since_us = clock_wall_us(&w->clock);
	} else if (step->to == ROLLOUT_SHADOWING) {
		r.share_bp = 0;
		r.step_since_us = clock_wall_us(&w->clock);
	} else if (step->to == ROLLOUT_PROMOTING) {
		take_over(&row, r.to_version, hot_until);
	} else if (step->to == ROLLOUT_PAUSED) { /* lapse: at 0 until a person resumes */
		r.share_bp = row.share_bp = row.gate = 0;
	} else if (step->to == ROLLOUT_ABORTING) {
		r.share_bp = row.share_bp = row.gate = 0;
		row.candidate[0] = '\0';
		row.rollout = 0;
		row.hot_until_us = hot_until;
		str_copy(r.end_reason, sizeof r.end_reason, reason ? reason : "");
	}
	change_init(&c, &a, verb, ep, &before);
	/* What was asked for is the change; that its servers are ready now is its continuation. */
	c.ev.change = event != ROLLOUT_EVENT_READY;
	c.endpoint = &row;
	c.rollout = &r;
	c.override = pin.segment[0] ? &pin : NULL;
	c.lowers_risk = step->to == ROLLOUT_ABORTING || step->to == ROLLOUT_PAUSED;
	rc = change_commit(w, &c, ep, &seq, e);
	if (rc)
		return rc;
	if (step->to == ROLLOUT_ABORTING || step->to == ROLLOUT_PROMOTING)
		ep->proving = r.id;
	if (pin.segment[0])
		(void)effect_overrides(w, ep, e);
	if (effect_route(w, ep, e) == 0)
		(void)effect_prove(w, ep, e);
	return 0;
}
