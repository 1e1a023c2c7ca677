/* rollout_start.c: starting a rollout: what must be true before, the plan that is shown, and the
 * first state. A candidate that is cold or lacks approvals waits; the reconciler moves it on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/outlook.h"
#include "backend/acts/policy_ask.h"
#include "backend/base/xalloc.h"

int rollout_active(
	struct world *w, const struct live_endpoint *ep, struct rollout_row *out, struct err *e)
{
	return ep->row.rollout ? store_find_rollout(w->store, ep->row.rollout, out, e) : 0;
}

int version_check(
	struct world *w, const struct live_endpoint *ep, const char *version, struct err *e)
{
	struct version_row row;
	int rc;

	for (int i = 0; i < ep->config->arm_count; i++)
		if (strcmp(ep->config->arms[i].name, version) == 0)
			return 0;
	rc = store_find_version(w->store, ep->row.project, version, &row, e);
	if (rc < 0)
		return rc;
	if (rc == 0 || strcmp(row.name, version) != 0) {
		err_set(e, ERR_NOT_FOUND, "project %s has no version %s", ep->row.project, version);
		err_hint(e,
			"see `pithead version list`, or add it with `pithead version add DIR "
			"--name %s`",
			version);
		return err_field(e, "to");
	}
	if (!ep->config->serve[0])
		return err_set(e, ERR_CONFLICT,
			"endpoint %s has no `serve` command, so it can only use its upstream "
			"versions",
			ep->row.id);
	return 0;
}

int share_check(int share_bp, struct err *e)
{
	if (share_bp >= -1 && share_bp <= SHARE_ALL)
		return 0;
	err_set(e, ERR_INVALID, "the share is %d basis points, expected 0 to %d", share_bp,
		SHARE_ALL);
	return err_field(e, "share_bp");
}

static int check_start(struct world *w, const struct act *a, struct live_endpoint *ep,
	const struct rollout_request *req, struct err *e)
{
	int rc = version_check(w, ep, req->to, e);

	if (rc)
		return rc;
	if (ep->row.removed)
		return err_set(e, ERR_CONFLICT, "endpoint %s is no longer in the applied spec",
			ep->row.id);
	if (!ep->row.stable[0]) {
		err_set(e, ERR_CONFLICT, "endpoint %s serves no version yet", ep->row.id);
		return err_hint(e, "start the first one: pithead endpoint serve %s --to %s",
			ep->row.name, req->to);
	}
	if (ep->row.rollout) {
		err_set(e, ERR_CONFLICT, "endpoint %s has rollout #%" PRId64 " to %s under way",
			ep->row.id, ep->row.rollout, ep->row.candidate);
		return err_hint(e, "promote or abort #%" PRId64 " first", ep->row.rollout);
	}
	if (ep->proving) {
		err_set(e, ERR_CONFLICT,
			"the gateway has not confirmed the end of rollout #%" PRId64 " on %s yet",
			ep->proving, ep->row.id);
		return err_hint(e, "repeat it when #%" PRId64 " has ended", ep->proving);
	}
	if (strcmp(req->to, ep->row.stable) == 0)
		return err_set(e, ERR_CONFLICT, "%s is the stable version of %s already", req->to,
			ep->row.id);
	if (req->pattern && strcmp(req->pattern, "canary") != 0) {
		err_set(e, ERR_INVALID, "there is no rollout pattern %s, expected canary",
			req->pattern);
		return err_field(e, "pattern");
	}
	rc = share_check(req->share_bp, e);
	if (rc)
		return rc;
	if (!a->dry_run && (!a->reason || !*a->reason)) {
		err_set(e, ERR_INVALID, "starting a rollout needs a reason");
		err_hint(e, "say why, for whoever reads this at 3 a.m.: --reason \"...\"");
		return err_field(e, "reason");
	}
	return 0;
}

/* Index of the last step whose share is not above share_bp; 0 when all are. */
static int step_of_share(const struct spec_step *steps, int count, int share_bp)
{
	int at = 0;

	for (int i = 0; i < count; i++)
		if (steps[i].share_bp <= share_bp)
			at = i;
	return at;
}

static int fill_steps(const struct live_endpoint *ep, const struct rollout_request *req,
	struct rollout_row *r, int *first_share, struct err *e)
{
	struct spec_step steps[SPEC_STEPS];
	struct buf text = {0};
	int count, fits;

	if (req->steps) {
		count = spec_steps_parse(req->steps, steps, e);
		if (count <= 0)
			return err_field(e, "steps");
	} else {
		count = ep->config->rollout.step_count;
		memcpy(steps, ep->config->rollout.steps, sizeof steps);
	}
	if (count == 0) { /* the spec names none: an exact share, or a careful first step */
		steps[0] = (struct spec_step){req->share_bp > 0 ? req->share_bp : 100, 0};
		count = 1;
	}
	spec_steps_format(steps, count, &text);
	fits = str_copy(r->steps, sizeof r->steps, buf_text(&text));
	buf_release(&text);
	if (!fits)
		return err_set(e, ERR_INVALID, "the steps are too many to keep");
	*first_share = req->share_bp >= 0 ? req->share_bp : steps[0].share_bp;
	r->step = step_of_share(steps, count, *first_share);
	return 0;
}

static void fill_row(struct rollout_row *r, const struct act *a, const struct live_endpoint *ep,
	const struct rollout_request *req, int64_t now)
{
	str_copy(r->endpoint, sizeof r->endpoint, ep->row.id);
	str_copy(r->project, sizeof r->project, ep->row.project);
	str_copy(r->environment, sizeof r->environment, ep->row.environment);
	str_copy(r->pattern, sizeof r->pattern, req->pattern ? req->pattern : "canary");
	str_copy(r->from_version, sizeof r->from_version, ep->row.stable);
	str_copy(r->to_version, sizeof r->to_version, req->to);
	str_copy(r->author, sizeof r->author, a->caller->user);
	str_copy(r->reason, sizeof r->reason, a->reason ? a->reason : "");
	r->author_uid = a->caller->uid;
	r->author_login_uid = a->caller->login_uid;
	r->started_us = r->step_since_us = now;
}

static const char *approval_moment(const struct spec_tier *tier)
{
	if (strcmp(tier->approve, "promote") == 0)
		return "it is promoted";
	return strcmp(tier->approve, "both") == 0 ? "any traffic moves, and again before it is "
						    "promoted"
						  : "any traffic moves";
}

static void fill_plan(struct world *w, struct live_endpoint *ep, const struct rollout_row *r,
	int share, int ready, int dry, struct plan *p)
{
	char text[16];
	int slot = slot_find(ep, r->to_version);

	share_format(share, text, sizeof text);
	snprintf(p->title, sizeof p->title, "canary %s -> %s on %s at %s", r->from_version,
		r->to_version, ep->row.name, text);
	str_copy(p->subject, sizeof p->subject, ep->row.id);
	if (slot >= 0 && ready)
		plan_will(p, "use %s, hot: %d of %d servers healthy", r->to_version,
			slot_healthy(ep, slot), servers_wanted(ep, r->to_version));
	else
		plan_will(p, "start %d servers of %s and wait until they are healthy",
			servers_wanted(ep, r->to_version), r->to_version);
	plan_will(p, "route %s of %s to %s, the rest stays on %s", text, ep->row.name,
		r->to_version, r->from_version);
	plan_will(p, "take it back by itself when %d of %d answers fail or nobody watches",
		(int)w->settings.guard_failures, (int)w->settings.guard_window);
	plan_will(p,
		"take it back when harm is proven, go on when each signal is proven within its "
		"limit");
	if (dry) /* it takes a while, and is for who decides */
		outlook_plan(w, ep, r, p);
	if (r->approvals_needed > 0)
		plan_need(p, "%d %s before %s (tier %s), never its author", r->approvals_needed,
			r->approvals_needed == 1 ? "approval" : "approvals",
			approval_moment(tier_of(w, &ep->row)), ep->row.tier);
	else
		plan_need(p, "nobody else (tier %s)", ep->row.tier);
	str_copy(p->undo, sizeof p->undo, "abort: all traffic back on the stable version, at once");
	p->undoable = 1;
	str_copy(p->duration, sizeof p->duration, ready ? "< 1 s" : "some seconds: it is cold");
}

int act_rollout_start(struct world *w, const struct act *a, struct live_endpoint *ep,
	const struct rollout_request *req, struct act_result *out, struct err *e)
{
	struct rollout_row r = {0};
	struct endpoint_row row = ep->row;
	struct rollout_facts facts = {0};
	const struct spec_tier *tier;
	struct change c;
	int share = 0, rc;

	*out = (struct act_result){.revision = ep->row.revision};
	str_copy(out->endpoint, sizeof out->endpoint, ep->row.id);
	rc = act_check_revision(w, a, ep->row.revision, ep->row.id, out, e);
	if (!rc)
		rc = check_start(w, a, ep, req, e);
	if (!rc)
		rc = fill_steps(ep, req, &r, &share, e);
	if (rc)
		return rc;
	fill_row(&r, a, ep, req, clock_wall_us(&w->clock));
	str_copy(r.state, sizeof r.state, rollout_state_name(ROLLOUT_WAITING));
	tier = tier_of(w, &ep->row);
	r.approvals_needed = tier->approvals;
	rc = policy_check(w, ep, &r, a, POLICY_START, req->share_bp, e);
	if (rc)
		return rc;
	servers_refresh(w, ep);
	facts.approvals_missing = approvals_needed(tier, &r, "start");
	facts.replicas_ready = version_ready(ep, req->to);
	fill_plan(w, ep, &r, share, facts.replicas_ready, a->dry_run, &out->plan);
	if (a->dry_run)
		return 0;

	rc = store_next_rollout_id(w->store, &r.id, e);
	if (rc)
		return rc;
	r.share_bp = share;
	str_copy(row.candidate, sizeof row.candidate, req->to);
	row.rollout = r.id;
	row.share_bp = row.gate = 0;
	if (fsm_can(&rollout_fsm, ROLLOUT_WAITING, ROLLOUT_EVENT_READY, &facts)) {
		str_copy(r.state, sizeof r.state, rollout_state_name(ROLLOUT_STEPPING));
		row.share_bp = share;
		row.gate = 1;
	}
	change_init(&c, a, "rollout.start", ep, &r);
	state_format(&ep->row, NULL, c.before, sizeof c.before);
	c.endpoint = &row;
	c.rollout = &r;
	out->rollout = r.id;
	rc = change_commit(w, &c, ep, &out->seq, e);
	if (rc)
		return rc;
	out->revision = out->seq;
	guard_reset(&ep->guard, r.id);
	ep->exposed = 0;
	ep->overrides = 0;
	(void)effect_route(w, ep, e); /* the reconciler tries again; act_proven says what is true */
	return 0;
}
