/* rollout_start.c: starting a rollout: what must be true before, the plan that is shown, and the
 * first state. A candidate that is cold or lacks approvals waits; the reconciler moves it on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/outlook.h"
#include "backend/acts/mirror.h"
#include "backend/acts/policy_ask.h"
#include "backend/acts/stage.h"
#include "backend/base/xalloc.h"
#include "backend/store/trial_store.h"

#define CUT_BP	  9500 /* blue/green: what stays on stable is what the cut is compared with */
#define RECENT_US (INT64_C(900) * 1000000)

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
		if (ep->config->serve[0])
			err_hint(e,
				"see `pithead version list`, or add it with `pithead version add "
				"DIR --name %s`",
				version);
		else
			err_hint(e,
				"name its servers under `versions: %s: upstream:` in "
				"pithead.yaml, then `pithead apply`",
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

static const char *pattern_of(const struct live_endpoint *ep, const struct rollout_request *req)
{
	const char *own = ep->config->rollout.pattern;

	return req->pattern ? req->pattern : *own ? own : "canary";
}

static int check_start(struct world *w, const struct act *a, struct live_endpoint *ep,
	const struct rollout_request *req, struct err *e)
{
	int rc = moves_check(ep, "start a rollout", e);

	if (!rc)
		rc = version_check(w, ep, req->to, e);
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
	if (req->pattern && !spec_pattern_known(req->pattern)) {
		err_set(e, ERR_INVALID, "there is no rollout pattern %s, expected %s", req->pattern,
			spec_patterns());
		return err_field(e, "pattern");
	}
	rc = share_check(req->share_bp, e);
	if (rc)
		return rc;
	if (req->share_bp >= 0 && strcmp(pattern_of(ep, req), "canary") != 0) {
		err_set(e, ERR_INVALID,
			"a %s rollout goes by steps and has no first share: name --steps",
			pattern_of(ep, req));
		return err_field(e, "share_bp");
	}
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

static int add_segment(void *arg, const char *segment, int64_t requests)
{
	struct rollout_row *r = arg;
	char rest[sizeof r->segments];

	/* They come largest first; the smallest is to go first. */
	(void)requests;
	if (!segment_valid(segment) || strcmp(segment, STAGE_OTHER) == 0)
		return 0; /* it goes with the others */
	str_copy(rest, sizeof rest, r->segments);
	snprintf(r->segments, sizeof r->segments, "%s%s%s", segment, *rest ? ", " : "", rest);
	return 0;
}

/* The segments of a segmented rollout, in the order in which they go. */
static int fill_segments(
	struct world *w, const struct live_endpoint *ep, struct rollout_row *r, struct err *e)
{
	const struct spec_rollout *config = &ep->config->rollout;
	int largest = spec_segments_largest(config), rc = 0;

	if (ep->config->segment.kind == SOURCE_NONE) {
		err_set(e, ERR_CONFLICT, "endpoint %s declares no segment", ep->row.id);
		return err_hint(e, "add `segment: json FIELD` or `segment: header NAME` and apply");
	}
	for (int i = 0; i < config->segment_count && !largest; i++) {
		strncat(r->segments, i ? ", " : "", sizeof r->segments - strlen(r->segments) - 1);
		strncat(r->segments, config->segments[i],
			sizeof r->segments - strlen(r->segments) - 1);
	}
	if (!r->segments[0])
		rc = trial_store_list_segments(w->store, ep->row.id,
			clock_wall_us(&w->clock) - RECENT_US, largest ? largest : SPEC_SEGMENTS,
			add_segment, r, e);
	if (rc < 0)
		return rc;
	if (r->segments[0])
		return 0;
	err_set(e, ERR_CONFLICT, "no segment of %s has had a request in the last 15 minutes",
		ep->row.id);
	return err_hint(e, "name them, riskiest last: `rollout: segments: [SFO, ORD]`");
}

/* What a pattern makes of the steps: blue/green is one cut; where segments go one by one, each
 * keeps something to be compared with. */
static int shape_steps(const char *pattern, const struct rollout_request *req,
	struct spec_step *steps, int count, struct err *e)
{
	if (strcmp(pattern, "bluegreen") == 0 && count > 1 && !req->steps) {
		for (int i = 0; i < count; i++)
			if (steps[i].least_ms > steps[0].least_ms)
				steps[0].least_ms = steps[i].least_ms;
		steps[0].share_bp = CUT_BP;
		count = 1;
	}
	if (strcmp(pattern, "segmented") == 0 && steps[count - 1].share_bp == SHARE_ALL)
		count--;
	if (count > 0)
		return count;
	err_set(e, ERR_INVALID, "a segmented rollout needs a step below 100 %%");
	return err_field(e, "steps");
}

static int fill_steps(struct world *w, const struct live_endpoint *ep,
	const struct rollout_request *req, struct rollout_row *r, int *first_share, struct err *e)
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
	count = shape_steps(pattern_of(ep, req), req, steps, count, e);
	if (count < 0)
		return count;
	spec_steps_format(steps, count, &text);
	fits = str_copy(r->steps, sizeof r->steps, buf_text(&text));
	buf_release(&text);
	if (!fits)
		return err_set(e, ERR_INVALID, "the steps are too many to keep");
	*first_share = req->share_bp >= 0 ? req->share_bp : steps[0].share_bp;
	r->step = step_of_share(steps, count, *first_share);
	return strcmp(pattern_of(ep, req), "segmented") == 0 ? fill_segments(w, ep, r, e) : 0;
}

static void fill_row(struct rollout_row *r, const struct act *a, const struct live_endpoint *ep,
	const struct rollout_request *req, int64_t now)
{
	str_copy(r->endpoint, sizeof r->endpoint, ep->row.id);
	str_copy(r->project, sizeof r->project, ep->row.project);
	str_copy(r->environment, sizeof r->environment, ep->row.environment);
	str_copy(r->pattern, sizeof r->pattern, pattern_of(ep, req));
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
	char text[16], sample[16];
	struct stages s;
	int slot = slot_find(ep, r->to_version);

	share_format(share, text, sizeof text);
	share_format(ep->config->rollout.sample_bp ? ep->config->rollout.sample_bp : SHARE_ALL,
		sample, sizeof sample);
	(void)stages_read(r, &s, NULL);
	snprintf(p->title, sizeof p->title, "%s %s -> %s on %s%s%s%s%s", r->pattern,
		r->from_version, r->to_version, ep->row.name,
		mirror_shadows(r->pattern) ? "" : " at ", mirror_shadows(r->pattern) ? "" : text,
		s.segment_count ? " of segment " : "", s.segment_count ? s.segments[0] : "");
	str_copy(p->subject, sizeof p->subject, ep->row.id);
	if (slot >= 0 && ready)
		plan_will(p, "use %s, hot: %d of %d servers healthy", r->to_version,
			slot_healthy(ep, slot), servers_wanted(ep, r->to_version));
	else
		plan_will_ready(p, ep, r->to_version);
	if (mirror_tests(r->pattern))
		plan_will(p, "repeat recorded requests on %s first: it must answer as %s did",
			r->to_version, r->from_version);
	if (mirror_shadows(r->pattern))
		plan_will(p,
			"copy %s of %s's requests to %s, off their path, until its answers are "
			"proven; then go by steps: %s",
			sample, r->from_version, r->to_version, r->steps);
	if (s.segment_count)
		plan_will(p, "go segment by segment, each by %s: %.90s, then all others", r->steps,
			r->segments);
	else if (!mirror_shadows(r->pattern))
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
	struct override_row pin = {.rollout = 0};
	const struct spec_tier *tier;
	struct stages stages;
	struct change c;
	int share = 0, rc;

	*out = (struct act_result){.revision = ep->row.revision};
	str_copy(out->endpoint, sizeof out->endpoint, ep->row.id);
	rc = act_check_revision(w, a, ep->row.revision, ep->row.id, out, e);
	if (!rc)
		rc = check_start(w, a, ep, req, e);
	if (!rc)
		rc = fill_steps(w, ep, req, &r, &share, e);
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
	facts.tests_missing = mirror_tests(r.pattern);
	facts.shadow = mirror_shadows(r.pattern);
	fill_plan(w, ep, &r, share, facts.replicas_ready, a->dry_run, &out->plan);
	if (a->dry_run)
		return 0;

	rc = store_next_rollout_id(w->store, &r.id, e);
	if (rc)
		return rc;
	r.share_bp = facts.shadow ? 0 : share;
	str_copy(row.candidate, sizeof row.candidate, req->to);
	row.rollout = r.id;
	row.share_bp = row.gate = 0;
	if (fsm_can(&rollout_fsm, ROLLOUT_WAITING, ROLLOUT_EVENT_READY, &facts)) {
		str_copy(r.state, sizeof r.state, rollout_state_name(ROLLOUT_STEPPING));
		(void)stages_read(&r, &stages, NULL);
		stages_enter(&stages, r.step, &r, &row, &pin);
		if (!pin.segment[0])
			r.share_bp = row.share_bp = share;
	}
	change_init(&c, a, "rollout.start", ep, &r);
	state_format(&ep->row, NULL, c.before, sizeof c.before);
	c.endpoint = &row;
	c.rollout = &r;
	c.override = pin.segment[0] ? &pin : NULL;
	out->rollout = r.id;
	rc = change_commit(w, &c, ep, &out->seq, e);
	if (rc)
		return rc;
	out->revision = out->seq;
	guard_reset(&ep->guard, r.id);
	ep->exposed = 0;
	ep->overrides = 0;
	if (pin.segment[0])
		(void)effect_overrides(w, ep, e);
	(void)effect_route(w, ep, e); /* the reconciler tries again; act_proven says what is true */
	return 0;
}
