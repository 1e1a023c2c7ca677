/* misc.c: acts about the engine itself, outcomes, and the proof of an act. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/mirror.h"
#include "backend/acts/observing.h"
#include "backend/acts/plan_rows.h"
#include "backend/acts/policy_ask.h"
#include "backend/base/xalloc.h"
#include "backend/store/telemetry.h"

int act_outcomes(struct world *w, const struct outcome_in *list, int count,
	struct outcome_counts *out, struct err *e)
{
	int64_t now = clock_wall_us(&w->clock);

	*out = (struct outcome_counts){0};
	for (int i = 0; i < count; i++) {
		struct live_endpoint *ep;
		struct record r;
		int rc = telemetry_find_record(w->store, list[i].id, &r, e);

		if (rc < 0)
			return rc;
		if (rc == 0) {
			out->unknown++;
			continue;
		}
		rc = telemetry_add_outcome(
			w->store, list[i].id, list[i].name, list[i].value, now, e);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			out->duplicate++;
			continue;
		}
		out->stored++;
		ep = world_find_endpoint(w, r.endpoint, NULL);
		if (ep)
			mirror_take_outcome(ep, list[i].id, list[i].name, list[i].value);
		if (ep && strcmp(list[i].name, ep->config->outcome) == 0)
			window_add_outcome(ep->window, r.arm, r.routed_us, r.score, list[i].value);
	}
	return 0;
}

/* Until when a score still counts: its outcome is judged so long after the request. */
static int64_t score_due_us(const struct live_endpoint *ep, const struct record *r)
{
	int64_t within = ep->config->outcome[0] ? ep->config->outcome_within_ms * 1000 : 0;

	if (within < WINDOW_SECONDS * INT64_C(1000000))
		within = WINDOW_SECONDS * INT64_C(1000000);
	return r->routed_us + within;
}

static int add_prediction(struct world *w, const struct prediction_in *p, int64_t now,
	struct prediction_counts *out, struct err *e)
{
	struct live_endpoint *ep;
	struct record r;
	int rc = telemetry_find_record(w->store, p->id, &r, e);

	if (rc < 0)
		return rc;
	ep = rc ? world_find_endpoint(w, r.endpoint, NULL) : NULL;
	if (!ep) {
		out->unknown++;
	} else if (isfinite(r.score)) {
		out->duplicate++;
	} else if (now > score_due_us(ep, &r)) {
		out->late++;
	} else {
		rc = telemetry_add_score(w->store, p->id, p->score, e);
		if (rc < 0)
			return rc;
		window_add_score(ep->window, r.arm, r.routed_us, p->score, r.read);
		out->stored++;
	}
	return 0;
}

/* Each endpoint that is named must be one whose requests are posted; nothing is taken before. */
static int check_posted(struct world *w, const struct prediction_in *list, int count, struct err *e)
{
	const struct live_endpoint *ep;

	for (int i = 0; i < count; i++) {
		if (!list[i].endpoint)
			continue;
		ep = world_find_endpoint(w, list[i].endpoint, e);
		if (!ep)
			return e->code;
		if (!observing_is_posted(ep)) {
			err_set(e, ERR_CONFLICT, "endpoint %s takes no requests by POST",
				ep->row.id);
			return err_hint(
				e, "that needs `mode: observe` and `metrics: {from: predictions}`");
		}
	}
	return 0;
}

static void add_posted(
	struct world *w, const struct prediction_in *p, int64_t now, struct prediction_counts *out)
{
	struct live_endpoint *ep = world_find_endpoint(w, p->endpoint, NULL);
	const struct posted_request r = {.version = p->version,
		.failed = p->status == 0 || p->status >= 500,
		.answered = p->status != 0,
		.ms = p->ms,
		.time_s = isnan(p->time_s) ? (double)now / 1e6 : p->time_s};

	switch (observing_post(w, ep, &r)) {
	case POSTED_TAKEN:
		out->stored++;
		break;
	case POSTED_UNKNOWN:
		out->unknown++;
		break;
	case POSTED_LATE:
		out->late++;
	}
}

int act_predictions(struct world *w, const struct prediction_in *list, int count,
	struct prediction_counts *out, struct err *e)
{
	int64_t now = clock_wall_us(&w->clock);
	int rc = check_posted(w, list, count, e);

	*out = (struct prediction_counts){0};
	for (int i = 0; i < count && !rc; i++)
		if (list[i].endpoint)
			add_posted(w, &list[i], now, out);
		else
			rc = add_prediction(w, &list[i], now, out, e);
	return rc;
}

int act_engine_stop(
	struct world *w, const struct act *a, int all, struct act_result *out, struct err *e)
{
	struct change c;
	int rc;

	*out = (struct act_result){0};
	str_copy(out->plan.title, sizeof out->plan.title, "stop the engine");
	if (all)
		plan_will(&out->plan, "stop gateway and servers too: no endpoint answers any more");
	else
		plan_will(&out->plan, "leave gateway and servers running; candidates lose their "
				      "traffic with the lease");
	plan_need(&out->plan, "nobody else");
	str_copy(out->plan.undo, sizeof out->plan.undo, "start it again: any pithead command does");
	if (a->dry_run)
		return 0;
	change_init(&c, a, "engine.stop", NULL, NULL);
	c.ev.subject = "engine";
	c.ev.after = all ? "{\"text\":\"with gateway and servers\"}" : "{\"text\":\"engine only\"}";
	rc = change_commit(w, &c, NULL, &out->seq, e);
	if (rc)
		return rc;
	str_copy(out->plan.title, sizeof out->plan.title,
		all ? "the engine has stopped, with gateway and servers"
		    : "the engine has stopped; gateway and servers go on");
	w->stopping = 1;
	w->stop_all = all;
	return 0;
}

static int put_observed(
	struct world *w, const struct act *a, struct live_endpoint *ep, struct err *e)
{
	struct endpoint_row row = ep->row;
	struct rollout_row was, old;
	struct gateway_route seen;
	struct change c;
	int64_t seq;
	int rc = gateway_get_route(w->gateway, ep->row.id, &seen, e);

	if (rc || seen.stable_slot < 0 || !seen.stable_version[0])
		return 0; /* nothing runs for it: there is nothing to keep */
	str_copy(row.stable, sizeof row.stable, seen.stable_version);
	row.candidate[0] = '\0';
	row.rollout = 0;
	row.share_bp = row.gate = 0;
	rc = rollout_supersede(w, ep, "superseded: what ran was recorded", &was, &old, e);
	if (rc < 0)
		return rc;
	change_init(&c, a, "engine.hold", ep, NULL);
	c.endpoint = &row;
	c.superseded = rc ? &old : NULL;
	rc = change_commit(w, &c, ep, &seq, e);
	if (!rc)
		ep->proving = 0;
	return rc;
}

int act_hold(struct world *w, const struct act *a, const char *choose, struct act_result *out,
	struct err *e)
{
	int observed = strcmp(choose, "observed") == 0;
	struct change c;
	int rc = 0;

	*out = (struct act_result){0};
	if (!w->hold)
		return err_set(e, ERR_CONFLICT, "the engine is not on hold");
	if (!observed && strcmp(choose, "stored") != 0) {
		err_set(e, ERR_INVALID, "choose is %s, expected stored or observed", choose);
		return err_field(e, "choose");
	}
	snprintf(out->plan.title, sizeof out->plan.title, "end the hold: %s",
		observed ? "keep what runs" : "make traffic as the backup says");
	plan_will(&out->plan, observed ? "record what the gateway does now as what is wanted"
				       : "route every endpoint as the restored state says");
	plan_need(&out->plan, "nobody else");
	str_copy(out->plan.undo, sizeof out->plan.undo, "endpoint by endpoint, by rollback");
	if (a->dry_run)
		return 0;
	for (int i = 0; observed && rc == 0 && i < w->endpoint_count; i++)
		rc = put_observed(w, a, w->endpoints[i], e);
	if (rc)
		return rc;
	change_init(&c, a, "engine.hold", NULL, NULL);
	c.ev.subject = "engine";
	c.ev.after = observed ? "{\"text\":\"observed\"}" : "{\"text\":\"stored\"}";
	c.fact = "hold";
	c.fact_value = "";
	rc = change_commit(w, &c, NULL, &out->seq, e);
	if (rc)
		return rc;
	w->hold = 0;
	(void)gateway_sync(w, 0, e); /* the reconciler tries again */
	return 0;
}

static int all_routed(struct world *w, const struct act_result *r)
{
	struct live_endpoint *ep = world_find_endpoint(w, r->endpoint, NULL);
	struct gateway_route want;

	if (!ep)
		return 1;
	want = route_desired(ep);
	return ep->in_force_known && route_same(&want, &ep->in_force) && !ep->proving &&
	       !ep->overrides_unsent && upstreams_settled(ep);
}

int act_proven(struct world *w, const struct act_result *r, char *summary, size_t size)
{
	struct live_endpoint *ep =
		r->endpoint[0] ? world_find_endpoint(w, r->endpoint, NULL) : NULL;
	struct rollout_row row = {0};
	char at[32] = "";
	int proven = !r->endpoint[0] || all_routed(w, r);
	int waiting;

	if (r->rollout)
		store_find_rollout(w->store, r->rollout, &row, NULL);
	/* What waits for its servers is on the way; what waits for people has been done. */
	waiting = strcmp(row.state, "waiting") == 0;
	if (waiting && approvals_missing(w, &row) <= 0)
		proven = 0;
	if (!ep) {
		str_copy(summary, size, r->plan.title);
		return proven;
	}
	clock_format_utc(ep->confirmed_us, at, sizeof at);
	at[21] = '\0';
	if (!proven)
		snprintf(summary, size, "%s: on the way%s%s", r->plan.title,
			waiting	 ? ", its servers are not ready yet"
			: row.id ? ", the rollout is "
				 : "",
			waiting ? "" : row.state);
	else if (waiting)
		snprintf(summary, size, "%s: waiting for approvals", r->plan.title);
	else
		snprintf(summary, size, "%s: gateway confirms since %s", r->plan.title, at + 11);
	return proven;
}
