/* reconcile.c: the loop that makes the world match the store: adopt what runs, repair what
 * differs, move on what is ready, and only then renew the leases. */
#include "backend/acts/reconcile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/autopilot.h"
#include "backend/acts/change.h"
#include "backend/acts/judging.h"
#include "backend/acts/mirror.h"
#include "backend/acts/observing.h"
#include "backend/acts/plan_rows.h"
#include "backend/acts/policy_ask.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/store/telemetry.h"
#include "backend/store/trial_store.h"

#define SWEEP_US (INT64_C(3600) * 1000000)

static struct gateway_source source_of(const struct source *s)
{
	struct gateway_source out = {.kind = (int)s->kind, .else_random = s->else_random};

	str_copy(out.name, sizeof out.name, s->name);
	return out;
}

static void add_server(struct gateway_slot *slot, const struct gateway_server *s)
{
	if (slot->server_count < GATEWAY_SERVERS)
		slot->servers[slot->server_count++] = *s;
}

struct filling {
	struct world *w;
	struct live_endpoint *ep;
};

static int fill_replica(void *arg, const struct replica_row *r)
{
	const struct filling *f = arg;
	struct gateway_server s = {.tls = 0};

	str_copy(s.name, sizeof s.name, r->id);
	snprintf(s.address, sizeof s.address, "unix@%s/run/box/%s/s.sock", f->w->home, r->id);
	if (r->slot >= 0 && r->slot < f->ep->slot_count && strcmp(r->state, "draining") != 0)
		add_server(&f->ep->slots[r->slot], &s);
	return 0;
}

/* A server in the file is taken for healthy until a check fails. One that was never seen so is left
 * to be added at run time, when it is not healthy until a check passes: else a reload would make a
 * version ready that never answered. */
static int is_proven(const struct live_endpoint *ep, int slot, const struct gateway_server *s)
{
	const struct gateway_server_state *seen = server_of(ep, slot, s->name);
	const char *version = ep->slots[slot].version;

	if (s->drained || (seen && strcmp(seen->state, "up") == 0))
		return 1;
	return strcmp(version, ep->row.stable) == 0 ||
	       (ep->row.gate && strcmp(version, ep->row.candidate) == 0 && !seen);
}

/* Servers as the store knows them, so that a start or a reload has them all at once. */
static void fill_slots(struct world *w, struct live_endpoint *ep)
{
	struct filling f = {w, ep};

	for (int i = 0; i < ep->slot_count; i++)
		ep->slots[i].server_count = 0;
	store_list_replicas(w->store, ep->row.id, fill_replica, &f, NULL);
	for (int i = 0; i < ep->config->arm_count; i++) {
		const struct spec_arm *arm = &ep->config->arms[i];
		int slot = slot_find(ep, arm->name);
		for (int k = 0; slot >= 0 && k < arm->server_count; k++) {
			struct gateway_server server;
			upstream_server(ep, arm, k, &server);
			if (is_proven(ep, slot, &server))
				add_server(&ep->slots[slot], &server);
		}
	}
}

static void fill_endpoint(struct world *w, struct live_endpoint *ep, struct gateway_endpoint *out)
{
	*out = (struct gateway_endpoint){.port = ep->config->listen_port,
		.timeout_ms = ep->config->timeout_ms,
		.stream_ms = ep->config->stream_ms,
		.key = source_of(&ep->config->key),
		.segment = source_of(&ep->config->segment),
		.score = source_of(&ep->config->score)};
	str_copy(out->id, sizeof out->id, ep->row.id);
	str_copy(out->environment, sizeof out->environment, ep->row.environment);
	str_copy(out->host, sizeof out->host, ep->config->listen_host);
	/* Without a path the gateway only connects. */
	if (strcmp(ep->config->health, "tcp") != 0)
		str_copy(out->health, sizeof out->health, ep->config->health);
	str_copy(out->host_header, sizeof out->host_header, ep->config->host);
	out->ca = ep->config->ca[0] ? ep->config->ca : NULL;
	fill_slots(w, ep);
	out->slots = ep->slots;
	out->slot_count = ep->slot_count;
}

static void tell_ingest(struct world *w)
{
	struct ingest_endpoint *list =
		xcalloc((size_t)w->endpoint_count + 1, sizeof(struct ingest_endpoint));

	for (int i = 0; i < w->endpoint_count; i++) {
		const struct spec_endpoint *c = w->endpoints[i]->config;
		str_copy(list[i].id, sizeof list[i].id, w->endpoints[i]->row.id);
		list[i].score_kind = (int)c->score.kind;
		str_copy(list[i].score_name, sizeof list[i].score_name, c->score.name);
	}
	ingest_set_endpoints(w->ingest, list, w->endpoint_count);
	free(list);
}

int gateway_sync(struct world *w, int overwrite, struct err *e)
{
	struct gateway_endpoint *eps;
	struct gateway_route *routes;
	int n = 0, rc;

	tell_ingest(w);
	if (!world_serves(w)) /* what others serve needs no gateway of ours */
		return 0;
	eps = xcalloc((size_t)w->endpoint_count + 1, sizeof(struct gateway_endpoint));
	routes = xcalloc((size_t)w->endpoint_count + 1, sizeof(struct gateway_route));
	for (int i = 0; i < w->endpoint_count; i++) {
		struct live_endpoint *ep = w->endpoints[i];
		if (ep->row.removed || world_is_observed(ep))
			continue;
		fill_endpoint(w, ep, &eps[n]);
		ep->overrides_unsent = 1; /* maps start without them; until each is sent again */
		routes[n++] = route_desired(ep);
	}
	rc = gateway_configure(w->gateway, eps, routes, n, overwrite, e);
	w->gateway_up = rc == 0;
	for (int i = 0; !rc && i < w->endpoint_count; i++) {
		struct live_endpoint *ep = w->endpoints[i];
		if (ep->row.removed || world_is_observed(ep))
			continue;
		ep->in_force_known = 0;
		rc = effect_overrides(w, ep, e);
		/* The maps were written with lease 0: what was still running is told again. */
		if (!rc && ep->row.gate && ep->lease_mono_us > clock_mono_us(&w->clock))
			rc = gateway_set_lease(w->gateway, ep->row.id, ep->lease_until_us, e);
		if (!rc)
			rc = effect_route(w, ep, e);
	}
	free(eps);
	free(routes);
	return rc;
}

/* -- start -- */

static int note_proving(void *arg, const struct rollout_row *r)
{
	struct live_endpoint *ep = arg;

	if (strcmp(r->state, "aborting") == 0 || strcmp(r->state, "promoting") == 0)
		ep->proving = r->id;
	return 0;
}

/* What the gateway has been doing while nobody watched. */
static void read_gateway(struct world *w, struct live_endpoint *ep)
{
	int64_t now = clock_wall_us(&w->clock), until = 0;
	struct err e = {0};

	if (gateway_get_route(w->gateway, ep->row.id, &ep->in_force, &e) == 0)
		ep->in_force_known = 1;
	if (gateway_get_lease(w->gateway, ep->row.id, &until, &e) == 0 && until > now) {
		ep->lease_until_us = until;
		ep->lease_mono_us = clock_mono_us(&w->clock) + (until - now);
	}
	servers_refresh(w, ep);
}

static void check_lapse(struct world *w, struct live_endpoint *ep)
{
	struct err e = {0};
	char message[200], at[32] = "before this engine started";
	int64_t rollout = ep->row.rollout;

	if (!ep->row.gate || ep->lease_mono_us > clock_mono_us(&w->clock))
		return;
	if (ep->lease_until_us) {
		clock_format_utc(ep->lease_until_us, at, sizeof at);
		at[19] = '\0';
	}
	snprintf(message, sizeof message,
		"nobody judged #%" PRId64 " until its lease ended (%s): all traffic went to stable",
		rollout, at);
	if (rollout_engine_event(w, ep, ROLLOUT_EVENT_LAPSE, "rollout.lapse", message, NULL, &e)) {
		if (e.code != ERR_BAD_TRANSITION)
			log_warn("lapse", "%s: %s", ep->row.id, e.message);
		return;
	}
	(void)alert_raise(w, ep, "lapse", "investigate", message, rollout, &e);
}

int reconcile_start(struct world *w, struct err *e)
{
	struct rollout_row active;
	int rc = gateway_adopt(w->gateway, e);

	if (rc < 0)
		return rc;
	w->gateway_up = rc;
	for (int i = 0; i < w->endpoint_count; i++) {
		struct live_endpoint *ep = w->endpoints[i];
		if (world_is_observed(ep)) {
			observing_start(w, ep);
			continue;
		}
		if (w->gateway_up && !ep->row.removed)
			read_gateway(w, ep);
		store_list_rollouts(w->store, ep->row.id, 1, 0, 100, note_proving, ep, e);
		guard_reset(&ep->guard, ep->row.rollout);
		if (rollout_active(w, ep, &active, e) == 1)
			(void)telemetry_count_exposed(
				w->store, active.id, active.started_us, &ep->exposed, e);
		autopilot_start(w, ep);
	}
	tell_ingest(w);
	if (w->hold)
		return 0;
	for (int i = 0; i < w->endpoint_count && !w->probation; i++)
		check_lapse(w, w->endpoints[i]);
	return gateway_sync(w, 0, e);
}

/* -- tick -- */

static void check_route(struct world *w, struct live_endpoint *ep)
{
	struct gateway_route want, seen;
	struct err e = {0};

	if (ep->overrides_unsent)
		(void)effect_overrides(w, ep, &e);
	want = route_desired(ep);
	e.code = 0; /* the pins have their own mark; below it is about the row */
	if (gateway_get_route(w->gateway, ep->row.id, &seen, &e) == 0 && route_same(&seen, &want)) {
		if (!ep->in_force_known)
			ep->confirmed_us = clock_wall_us(&w->clock);
		ep->in_force = seen;
		ep->in_force_known = 1;
	} else {
		/* What we wish may have changed since; drift is what we did not send. */
		if (ep->in_force_known && e.code == 0 && !route_same(&seen, &ep->in_force))
			log_warn("gateway.drift",
				"%s: its row differed from the store and is repaired", ep->row.id);
		ep->in_force_known = 0;
		(void)effect_route(w, ep, &e);
	}
	(void)effect_prove(w, ep, &e);
}

/* Whether the policy lets r begin. What people have still to do is no news; the rest is told. */
static int may_begin(struct world *w, struct live_endpoint *ep, const struct rollout_row *r)
{
	struct act by_engine = {.caller = caller_engine()};
	struct policy_answer answer;
	char why[REASON_SIZE];
	struct err e = {0};
	enum policy_action action = strcmp(r->pattern, "rollback") == 0 ? POLICY_ROLLBACK
				    : strcmp(r->pattern, "first") == 0	? POLICY_SERVE
									: POLICY_BEGIN;

	if (policy_ask(w, ep, r, &by_engine, action, r->share_bp, &answer))
		return 1;
	if (strcmp(answer.rule, "approvals") != 0) {
		snprintf(why, sizeof why, "#%" PRId64 " is ready and cannot begin: %s", r->id,
			answer.sentence);
		(void)alert_raise(w, ep, "waits", "info", why, r->id, &e);
	}
	return 0;
}

/* Whether its smoke test is over and fine. A failed one ends it before anything has moved. */
static int has_passed(struct world *w, struct live_endpoint *ep, const struct rollout_row *r)
{
	char why[320];
	struct err e = {0};
	enum smoke smoke = mirror_smoke(ep, r, why, sizeof why);

	if (smoke != SMOKE_FAILED)
		return smoke == SMOKE_PASSED;
	if (rollout_engine_event(w, ep, ROLLOUT_EVENT_ABORT, "rollout.smoke", why, NULL, &e))
		log_warn("rollout.smoke", "%s: %s", ep->row.id, e.message);
	else
		(void)alert_raise(w, ep, "smoke", "investigate", why, r->id, &e);
	return 0;
}

static void check_ready(struct world *w, struct live_endpoint *ep)
{
	char why[REASON_SIZE], tested[320];
	struct rollout_row r;
	struct err e = {0};

	if (!ep->row.rollout || ep->row.gate || !version_ready(ep, ep->row.candidate))
		return;
	if (rollout_active(w, ep, &r, &e) != 1 || strcmp(r.state, "waiting") != 0 ||
		!has_passed(w, ep, &r) || !may_begin(w, ep, &r))
		return;
	(void)mirror_smoke(ep, &r, tested, sizeof tested);
	snprintf(why, sizeof why, "its servers are healthy and the approvals are there%s%s",
		*tested ? "; " : "", tested);
	if (rollout_engine_event(w, ep, ROLLOUT_EVENT_READY, "rollout.begin", why, NULL, &e))
		log_warn("rollout.begin", "%s: %s", ep->row.id, e.message);
}

static int breaks_off(const struct live_endpoint *ep)
{
	return ep->cuts.rollout == ep->row.rollout && cuts_proven(&ep->cuts);
}

static void check_guard(struct world *w, struct live_endpoint *ep)
{
	int window = (int)w->settings.guard_window;
	int failures = guard_failures(&ep->guard, window);
	int64_t rollout = ep->row.rollout;
	char reason[200], causes[64];
	struct err e = {0};

	if (!rollout || !ep->row.gate || (failures < w->settings.guard_failures && !breaks_off(ep)))
		return;
	if (failures < w->settings.guard_failures)
		snprintf(reason, sizeof reason,
			"%s broke off %" PRId64 " of %" PRId64 " answers, %s %" PRId64
			" of %" PRId64,
			ep->row.candidate, ep->cuts.broken[ARM_CANDIDATE],
			ep->cuts.answers[ARM_CANDIDATE], ep->row.stable,
			ep->cuts.broken[ARM_STABLE], ep->cuts.answers[ARM_STABLE]);
	else if (ep->guard.down)
		snprintf(reason, sizeof reason, "no server of %s could be reached",
			ep->row.candidate);
	else
		snprintf(reason, sizeof reason,
			"%d of the last %d answers of %s failed, limit %" PRId64, failures, window,
			ep->row.candidate, w->settings.guard_failures);
	snprintf(causes, sizeof causes, "[\"guard:%" PRId64 "\"]", rollout);
	if (rollout_engine_event(w, ep, ROLLOUT_EVENT_ABORT, "rollout.guard", reason, causes, &e)) {
		log_warn("guard", "%s: %s", ep->row.id, e.message);
		return;
	}
	(void)alert_raise(w, ep, "guard", "rollback", reason, rollout, &e);
}

/* On hold, or on probation: what differs stays as it is. */
static int is_still(const struct world *w)
{
	return w->hold || w->probation;
}

void reconcile_guards(struct world *w)
{
	for (int i = 0; i < w->endpoint_count && !is_still(w); i++)
		check_guard(w, w->endpoints[i]);
}

void reconcile_lapses(struct world *w)
{
	for (int i = 0; i < w->endpoint_count && !is_still(w); i++)
		if (!w->endpoints[i]->row.removed)
			check_lapse(w, w->endpoints[i]);
}

/* Traffic of which no record arrives cannot be judged: the log is deaf, and no lease is renewed.
 * Counted since the last record, so that a trickle of requests is missed as well as a flood. */
static void check_hearing(struct world *w)
{
	int64_t records = ingest_get_counts(w->ingest).received;
	struct gateway_info info;
	struct err e = {0};

	if (!w->gateway_up || gateway_get_info(w->gateway, &info, &e))
		return;
	/* A record arrived, the gateway counts anew, or this is the first look. */
	if (records > w->last_records || info.requests < w->last_requests || !w->hearing_known) {
		w->deaf = 0;
		w->hearing_known = 1;
		w->last_records = records;
		w->last_requests = info.requests;
	} else if (info.requests > w->last_requests + 2 && !w->deaf) {
		log_warn("ingest.deaf", "requests pass the gateway and no record of them arrives");
		w->deaf = 1;
	}
}

/* Judged first, renewed after: a tick that does not get here leaves the lease to run out. One that
 * stood still on its way renews nothing either: the lease may have ended after check_lapse. */
static void judge_and_renew(struct world *w, struct live_endpoint *ep)
{
	int judged = autopilot_tick(w, ep);
	struct err e = {0};

	if (!ep->row.gate || !judged || w->deaf || ep->overrides_unsent ||
		ep->lease_mono_us <= clock_mono_us(&w->clock))
		return;
	if (effect_lease(w, ep, &e))
		log_warn("lease", "%s: %s", ep->row.id, e.message);
}

static void tick_endpoint(struct world *w, struct live_endpoint *ep)
{
	struct rollout_row r;
	struct err e = {0};

	if (world_is_observed(ep)) {
		if (!w->hold)
			observing_tick(w, ep);
		return;
	}
	servers_refresh(w, ep);
	if (w->hold)
		return;
	if (w->probation) {
		if (!ep->row.removed)
			judge_and_renew(w, ep);
		return;
	}
	replicas_reconcile(w, ep);
	if (ep->row.removed)
		return;
	check_lapse(w, ep);
	check_route(w, ep);
	check_guard(w, ep);
	mirror_tick(w, ep, rollout_active(w, ep, &r, &e) == 1 ? &r : NULL);
	check_ready(w, ep);
	judge_and_renew(w, ep);
}

/* What rollouts were judged by is kept for a time, and dropped now and then. */
static void sweep_trials(struct world *w)
{
	int64_t now = clock_mono_us(&w->clock);
	struct err e = {0};

	if (w->swept_us && now - w->swept_us < SWEEP_US)
		return;
	w->swept_us = now;
	if (trial_store_drop(
		    w->store, clock_wall_us(&w->clock) - w->settings.trial_keep_s * 1000000, &e))
		log_warn("telemetry", "%s", e.message);
}

void reconcile_tick(struct world *w)
{
	struct err e = {0};

	if (world_serves(w) && !w->hold && (!w->gateway_up || !gateway_alive(w->gateway))) {
		if (w->gateway_up)
			log_warn("gateway.lost", "the gateway is gone; starting it again");
		w->gateway_up = 0;
		for (int i = 0; i < w->endpoint_count; i++)
			w->endpoints[i]->in_force_known = 0;
		if (gateway_sync(w, 0, &e))
			log_error("gateway", "%s", e.message);
	}
	check_hearing(w);
	for (int i = 0; i < w->endpoint_count; i++)
		tick_endpoint(w, w->endpoints[i]);
	sweep_trials(w);
	if (telemetry_flush(w->store, w->settings.record_keep_s * 1000000, judging_keep_us(w), &e))
		log_warn("telemetry", "%s", e.message);
	if (store_checkpoint(w->store, 0, &e))
		log_warn("checkpoint", "%s", e.message);
}
