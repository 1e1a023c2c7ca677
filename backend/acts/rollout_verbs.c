/* rollout_verbs.c: driving a rollout: advance, pause, resume, promote, abort, approve, reject. One
 * row per verb; legality is the state table's, the people's part (revision, approvals) is here. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/policy_ask.h"
#include "backend/acts/stage.h"
#include "backend/base/xalloc.h"

/* What one verb does to copies of the rows, and how it reads in a plan. */
struct doing {
	struct world *w;
	const struct act *a;
	struct live_endpoint *ep;
	struct rollout_row r;	 /* as it will be */
	struct endpoint_row row; /* as it will be */
	struct approval_row approval;
	struct override_row pin; /* of the step's segment; segment "" = none */
	int share_bp;		 /* asked for, -1 = next step */
	int to;			 /* state after */
	struct plan *plan;
};

struct verb_row {
	const char *verb, *event_verb;
	enum rollout_event event;
	enum policy_action action;
	int lowers_risk;
	int (*apply)(struct doing *d, struct err *e);
};

static int keep_hot(const struct doing *d, int64_t *until)
{
	*until = clock_wall_us(&d->w->clock) + d->ep->config->rollout.keep_hot_ms * 1000;
	return 0;
}

static void leave_candidate(struct doing *d)
{
	d->r.share_bp = 0;
	d->row.share_bp = d->row.gate = 0;
	d->row.candidate[0] = '\0';
	d->row.rollout = 0;
	keep_hot(d, &d->row.hot_until_us);
}

/* Whether a person has pinned the segment to stable: then it does not go along by itself. */
static int is_pinned(void *arg, const struct override_row *r)
{
	struct override_row *pin = arg;

	if (r->rollout != pin->rollout || r->share_bp != 0 || strcmp(r->segment, pin->segment) != 0)
		return 0;
	pin->share_bp = 0;
	return 1;
}

/* The next step; in a segmented rollout its segment takes the share. */
static int enter_next(struct doing *d, const struct stages *s, struct err *e)
{
	int next = stages_next(s, &d->r);

	if (next < 0) {
		err_set(e, ERR_CONFLICT, "rollout #%" PRId64 " is on its last step", d->r.id);
		return err_hint(e, "promote it, abort it, or name an exact share with --share");
	}
	stages_enter(s, next, &d->r, &d->row, &d->pin);
	if (!d->pin.segment[0])
		return 0;
	if (store_list_overrides(d->w->store, d->ep->row.id, is_pinned, &d->pin, e) < 0)
		return ERR_STORE;
	if (d->pin.share_bp > 0)
		return 0;
	err_set(e, ERR_CONFLICT, "segment %s is pinned to stable", d->pin.segment);
	return err_hint(
		e, "unpin it first: pithead override %s %s", d->ep->row.name, d->pin.segment);
}

/* An exact share. Never further than the share: a resume goes back to the step. */
static int enter_share(struct doing *d, const struct stages *s, struct err *e)
{
	if (s->segment_count) {
		err_set(e, ERR_CONFLICT,
			"a segmented rollout goes step by step, and has no exact share");
		return err_hint(e, "advance it without a share, or abort it");
	}
	d->row.share_bp = d->r.share_bp = d->share_bp;
	d->row.gate = 1;
	d->r.step = 0;
	for (int i = 0; i < s->step_count; i++)
		if (s->steps[i].share_bp <= d->share_bp)
			d->r.step = i;
	return 0;
}

static int apply_advance(struct doing *d, struct err *e)
{
	struct stages s;
	int rc = stages_read(&d->r, &s, e);
	char text[96], before[96];

	if (!rc)
		rc = share_check(d->share_bp, e);
	if (rc)
		return rc;
	stage_describe(&d->r, before, sizeof before);
	rc = d->share_bp < 0 ? enter_next(d, &s, e) : enter_share(d, &s, e);
	if (rc)
		return rc;
	d->r.step_since_us = clock_wall_us(&d->w->clock);
	stage_describe(&d->r, text, sizeof text);
	snprintf(d->plan->title, sizeof d->plan->title, "#%" PRId64 " %s from %s to %s", d->r.id,
		d->r.to_version, before, text);
	plan_will(d->plan, "route %s of %s to %s: who is in stays in", text, d->ep->row.name,
		d->r.to_version);
	if (s.segment_count)
		str_copy(d->plan->undo, sizeof d->plan->undo, "abort: all segments back on stable");
	else
		snprintf(d->plan->undo, sizeof d->plan->undo, "the share goes back to %s", before);
	return 0;
}

static int apply_pause(struct doing *d, struct err *e)
{
	char text[96];

	(void)e;
	stage_describe(&d->r, text, sizeof text);
	snprintf(d->plan->title, sizeof d->plan->title, "pause #%" PRId64 " at %s", d->r.id, text);
	plan_will(d->plan, "hold %s at %s; guard and lease stay live", d->r.to_version, text);
	str_copy(d->plan->undo, sizeof d->plan->undo, "resume");
	return 0;
}

/* The step back out of the first one: there is none before it that has traffic. As after a lapse a
 * person resumes; a shadow would move on by itself, on the proof that it has already. */
static int apply_halt(struct doing *d, struct err *e)
{
	struct stages s;
	int rc = stages_read(&d->r, &s, e);
	char text[16];

	if (rc)
		return rc;
	d->r.share_bp = d->row.share_bp = d->row.gate = 0;
	snprintf(d->plan->title, sizeof d->plan->title, "pause #%" PRId64 " at 0 %%", d->r.id);
	plan_will(d->plan, "route 100 %% of %s to %s at once", d->ep->row.name, d->row.stable);
	plan_will(d->plan, "keep %s running and hot, out of traffic", d->r.to_version);
	share_format(stages_step(&s, d->r.step)->share_bp, text, sizeof text);
	snprintf(d->plan->undo, sizeof d->plan->undo, "resume: %s again", text);
	return 0;
}

static int apply_resume(struct doing *d, struct err *e)
{
	struct stages s;
	int rc = stages_read(&d->r, &s, e);
	char text[96];

	if (rc)
		return rc;
	if (d->r.share_bp == 0) /* paused by a lapse: back to its step */
		d->r.share_bp = stages_step(&s, d->r.step)->share_bp;
	d->row.share_bp = s.segment_count ? stages_base_bp(&s, d->r.step) : d->r.share_bp;
	d->row.gate = 1;
	d->r.step_since_us = clock_wall_us(&d->w->clock);
	stage_describe(&d->r, text, sizeof text);
	snprintf(d->plan->title, sizeof d->plan->title, "resume #%" PRId64 " at %s", d->r.id, text);
	plan_will(d->plan, "route %s of %s to %s", text, d->ep->row.name, d->r.to_version);
	str_copy(d->plan->undo, sizeof d->plan->undo, "pause, or abort");
	return 0;
}

static int apply_promote(struct doing *d, struct err *e)
{
	if (!version_ready(d->ep, d->r.to_version))
		return err_set(e, ERR_CONFLICT, "not all servers of %s are healthy: %d of %d",
			d->r.to_version, slot_healthy(d->ep, slot_find(d->ep, d->r.to_version)),
			servers_wanted(d->ep, d->r.to_version));
	str_copy(d->row.previous, sizeof d->row.previous, d->row.stable);
	str_copy(d->row.stable, sizeof d->row.stable, d->r.to_version);
	leave_candidate(d);
	snprintf(d->plan->title, sizeof d->plan->title, "promote #%" PRId64 " %s -> %s on %s",
		d->r.id, d->r.from_version, d->r.to_version, d->ep->row.name);
	plan_will(d->plan, "route 100 %% of %s to %s", d->ep->row.name, d->r.to_version);
	plan_will(d->plan, "keep %s hot, so that a rollback takes less than a second",
		d->r.from_version);
	snprintf(d->plan->undo, sizeof d->plan->undo, "rollback to %s, at once while it is hot",
		d->r.from_version);
	return 0;
}

static void fill_end_reason(struct doing *d, const char *verb)
{
	snprintf(d->r.end_reason, sizeof d->r.end_reason, "%s by %s%s%.400s", verb,
		d->a->caller->user, d->a->reason && *d->a->reason ? ": " : "",
		d->a->reason ? d->a->reason : "");
}

static int apply_abort(struct doing *d, struct err *e)
{
	(void)e;
	leave_candidate(d);
	fill_end_reason(d, "aborted");
	snprintf(d->plan->title, sizeof d->plan->title, "abort #%" PRId64 " %s -> %s on %s",
		d->r.id, d->r.from_version, d->r.to_version, d->ep->row.name);
	plan_will(d->plan, "route 100 %% of %s to %s at once, segment overrides too",
		d->ep->row.name, d->row.stable);
	plan_will(d->plan, "keep %s running and hot, out of traffic", d->r.to_version);
	str_copy(d->plan->undo, sizeof d->plan->undo, "only as a new rollout of the same version");
	return 0;
}

static int apply_reject(struct doing *d, struct err *e)
{
	(void)e;
	leave_candidate(d);
	fill_end_reason(d, "rejected");
	d->r.ended_us = clock_wall_us(&d->w->clock);
	snprintf(d->plan->title, sizeof d->plan->title, "reject #%" PRId64, d->r.id);
	plan_will(d->plan, "end #%" PRId64 " before any traffic has moved", d->r.id);
	str_copy(d->plan->undo, sizeof d->plan->undo, "only as a new rollout of the same version");
	return 0;
}

struct voters {
	struct doing *d;
	const char *purpose;
	int mine;
};

/* One person through two accounts is one person: the login uid tells where it is known. What has
 * lapsed may be given again. */
static int find_mine(void *arg, const struct approval_row *r)
{
	struct voters *v = arg;
	const struct caller *by = v->d->a->caller;
	char why[160];

	if (strcmp(r->purpose, v->purpose) == 0 &&
		(r->uid == by->uid || (by->login_uid >= 0 && r->login_uid == by->login_uid)) &&
		!approval_is_lapsed(v->d->w, &v->d->r, r, why, sizeof why))
		v->mine = 1;
	return 0;
}

static int apply_approve(struct doing *d, struct err *e)
{
	const struct caller *by = d->a->caller;
	struct voters v = {.d = d, .purpose = approval_purpose(&d->r)};
	int rc = store_list_approvals(d->w->store, d->r.id, find_mine, &v, e);
	int given = approvals_count(d->w, &d->r, v.purpose, NULL, 0);

	if (rc < 0)
		return rc;
	if (v.mine)
		return err_set(
			e, ERR_CONFLICT, "you have approved rollout #%" PRId64 " already", d->r.id);
	d->approval = (struct approval_row){.rollout = d->r.id,
		.uid = by->uid,
		.login_uid = by->login_uid,
		.at_us = clock_wall_us(&d->w->clock)};
	approval_bind(d->w, &d->r, &d->approval);
	str_copy(d->approval.user, sizeof d->approval.user, by->user);
	str_copy(d->approval.reason, sizeof d->approval.reason, d->a->reason ? d->a->reason : "");
	snprintf(d->plan->title, sizeof d->plan->title, "approve #%" PRId64 " %s -> %s on %s",
		d->r.id, d->r.from_version, d->r.to_version, d->ep->row.name);
	plan_will(d->plan, "count as approval %d of %d of its %s", given + 1,
		approvals_needed(tier_of(d->w, &d->ep->row), &d->r, v.purpose),
		strcmp(v.purpose, "start") == 0 ? "start" : "promotion");
	plan_will(d->plan, "count no longer when the version or the configuration changes%s",
		strcmp(v.purpose, "start") == 0 ? "" : ", or the verdict");
	if (d->ep->row.gate)
		plan_warn(d->plan, "the verdict is %s now", d->approval.verdict);
	str_copy(d->plan->undo, sizeof d->plan->undo,
		"cannot be undone: an approval is a statement; reject or abort instead");
	return 0;
}

static const struct verb_row verbs[] = {
	{"advance", "rollout.advance", ROLLOUT_EVENT_ADVANCE, POLICY_ADVANCE, 0, apply_advance},
	{"pause", "rollout.pause", ROLLOUT_EVENT_PAUSE, POLICY_PAUSE, 1, apply_pause},
	{"halt", "rollout.pause", ROLLOUT_EVENT_LAPSE, POLICY_PAUSE, 1,
		apply_halt}, /* by undo alone */
	{"resume", "rollout.resume", ROLLOUT_EVENT_RESUME, POLICY_RESUME, 0, apply_resume},
	{"promote", "rollout.promote", ROLLOUT_EVENT_PROMOTE, POLICY_PROMOTE, 0, apply_promote},
	{"abort", "rollout.abort", ROLLOUT_EVENT_ABORT, POLICY_ABORT, 1, apply_abort},
	{"approve", "rollout.approve", ROLLOUT_EVENT_APPROVE, POLICY_APPROVE, 0, apply_approve},
	{"reject", "rollout.reject", ROLLOUT_EVENT_REJECT, POLICY_REJECT, 1, apply_reject},
};

static const struct verb_row *verb_find(const char *verb)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return &verbs[i];
	return NULL;
}

static int load(struct doing *d, int64_t rollout, struct err *e)
{
	int rc = store_find_rollout(d->w->store, rollout, &d->r, e);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "there is no rollout #%" PRId64, rollout);
	d->ep = world_find_endpoint(d->w, d->r.endpoint, e);
	if (!d->ep)
		return ERR_NOT_FOUND;
	d->row = d->ep->row;
	return 0;
}

/* What nobody else has to agree to, and what stays as it was. */
static void finish_plan(struct doing *d, const struct verb_row *v)
{
	struct plan *p = d->plan;

	str_copy(p->subject, sizeof p->subject, d->ep->row.id);
	if (p->needs_count == 0)
		plan_need(p, v->lowers_risk ? "nobody else (lowering a risk is never blocked)"
					    : "nobody else");
	p->undoable = v->event != ROLLOUT_EVENT_APPROVE;
	str_copy(p->duration, sizeof p->duration, "< 1 s");
}

static int commit(struct doing *d, const struct verb_row *v, struct act_result *out, struct err *e)
{
	struct rollout_row before = d->r;
	struct change c;
	int rc;

	store_find_rollout(d->w->store, d->r.id, &before, NULL);
	change_init(&c, d->a, v->event_verb, d->ep, &before);
	c.endpoint = &d->row;
	c.rollout = &d->r;
	c.approval = d->approval.rollout ? &d->approval : NULL;
	c.override = d->pin.segment[0] ? &d->pin : NULL;
	c.lowers_risk = v->lowers_risk;
	c.ev.version = d->r.to_version;
	rc = change_commit(d->w, &c, d->ep, &out->seq, e);
	if (!rc)
		out->revision = out->seq;
	return rc;
}

static void run_effect(struct doing *d, const struct fsm_row *step)
{
	struct err e = {0};

	if (step->to == ROLLOUT_ABORTING || step->to == ROLLOUT_PROMOTING)
		d->ep->proving = d->r.id;
	if (d->pin.segment[0])
		(void)effect_overrides(d->w, d->ep, &e);
	if (step->effect == ROLLOUT_EFFECT_ROUTE && effect_route(d->w, d->ep, &e) == 0)
		(void)effect_prove(d->w, d->ep, &e);
}

/* What can be done instead, in the state that it is in. */
static int refuse_state(const struct rollout_row *r, const char *verb, struct err *e)
{
	static const char *const instead[][2] = {
		{"waiting",
			"it moves by itself once approved and its servers are ready, or abort it"},
		{"shadowing", "no user sees it: advance it to its first step, or abort it"},
		{"stepping", "advance, pause, promote or abort it"},
		{"paused", "resume it first, or abort it"},
		{"promoting", "wait until the gateway has confirmed it; then there is rollback"},
		{"aborting", "wait until the gateway has confirmed it"},
	};
	int ended = rollout_state_ended(fsm_state_find(&rollout_fsm, r->state));

	err_set(e, ERR_BAD_TRANSITION, "cannot %s rollout #%" PRId64 ": it is %s", verb, r->id,
		r->state);
	for (size_t i = 0; i < sizeof instead / sizeof instead[0]; i++)
		if (strcmp(instead[i][0], r->state) == 0)
			err_hint(e, "%s", instead[i][1]);
	if (ended)
		err_hint(e, "it has ended; start another: pithead rollout start");
	return ERR_BAD_TRANSITION;
}

int act_rollout_verb(struct world *w, const struct act *a, int64_t rollout, const char *verb,
	int share_bp, struct act_result *out, struct err *e)
{
	const struct verb_row *v = verb_find(verb);
	struct doing d = {.w = w, .a = a, .share_bp = share_bp, .plan = &out->plan};
	struct rollout_facts facts = {0};
	const struct fsm_row *step;
	char what[64];
	int rc;

	*out = (struct act_result){.rollout = rollout};
	if (!v)
		return err_set(e, ERR_NOT_FOUND, "a rollout cannot be told to %s", verb);
	rc = load(&d, rollout, e);
	if (rc)
		return rc;
	str_copy(out->endpoint, sizeof out->endpoint, d.ep->row.id);
	out->revision = d.r.revision;
	snprintf(what, sizeof what, "%s rollout #%" PRId64, verb, rollout);
	rc = moves_check(d.ep, what, e);
	if (rc)
		return rc;
	rc = act_check_revision(w, a, d.r.revision, "the rollout", out, e);
	if (rc)
		return rc;
	facts.approved_later = approvals_needed(tier_of(w, &d.ep->row), &d.r, "promote") > 0;
	step = fsm_step(&rollout_fsm, fsm_state_find(&rollout_fsm, d.r.state), v->event, &facts, e);
	if (!step)
		return refuse_state(&d.r, verb, e);
	if (v->event == ROLLOUT_EVENT_PROMOTE)
		servers_refresh(w, d.ep);
	d.to = step->to;
	rc = policy_check(w, d.ep, &d.r, a, v->action, share_bp, e);
	if (!rc)
		rc = v->apply(&d, e);
	if (rc)
		return rc;
	str_copy(d.r.state, sizeof d.r.state, rollout_state_name(step->to));
	finish_plan(&d, v);
	if (a->dry_run)
		return 0;
	rc = commit(&d, v, out, e);
	if (rc)
		return rc;
	run_effect(&d, step);
	return 0;
}
