/* effects.c: what makes the gateway agree with what is committed, and the proof that it does.
 * Effects run only after a commit; whatever fails here is tried again by the reconciler. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

int slot_find(const struct live_endpoint *ep, const char *version)
{
	if (!*version)
		return -1;
	for (int i = 0; i < ep->slot_count; i++)
		if (strcmp(ep->slots[i].version, version) == 0)
			return i;
	return -1;
}

int slot_healthy(const struct live_endpoint *ep, int slot)
{
	int n = 0;

	for (int i = 0; i < ep->server_count; i++)
		if (ep->servers[i].slot == slot && strcmp(ep->servers[i].state, "up") == 0)
			n++;
	return n;
}

int servers_wanted(const struct live_endpoint *ep, const char *version)
{
	const struct spec_arm *arm = upstream_of(ep, version);
	struct gateway_server s;
	int n = arm ? arm->server_count : ep->config->replicas;

	for (int i = 0; arm && i < arm->server_count; i++) {
		upstream_server(ep, arm, i, &s);
		n -= s.drained;
	}
	return n > 0 ? n : 1; /* a version with nothing but drained servers is not ready */
}

/* What the servers of both arms did since they were looked at before. A server that is new, or of a
 * gateway that is, has no before. */
static void cuts_look(
	struct live_endpoint *ep, const struct gateway_server_state *before, int count)
{
	int64_t answers[ARM_COUNT] = {0}, broken[ARM_COUNT] = {0};
	int slots[ARM_COUNT];

	if (ep->cuts.rollout != ep->row.rollout)
		cuts_reset(&ep->cuts, ep->row.rollout);
	slots[ARM_STABLE] = slot_find(ep, ep->row.stable);
	slots[ARM_CANDIDATE] = slot_find(ep, ep->row.candidate);
	for (int i = 0; ep->row.rollout && i < ep->server_count; i++) {
		const struct gateway_server_state *s = &ep->servers[i];

		for (int k = 0; k < count; k++) {
			const struct gateway_server_state *b = &before[k];

			if (b->slot != s->slot || strcmp(b->name, s->name) != 0 ||
				b->cut > s->cut || b->requests > s->requests)
				continue;
			for (int arm = 0; arm < ARM_COUNT; arm++) {
				if (slots[arm] != s->slot)
					continue;
				answers[arm] += s->requests - b->requests;
				broken[arm] += s->cut - b->cut;
			}
		}
	}
	cuts_add(&ep->cuts, answers, broken);
}

void servers_refresh(struct world *w, struct live_endpoint *ep)
{
	struct gateway_server_state before[WORLD_SERVERS];
	struct err e = {0};
	int count = ep->server_count, n;

	memcpy(before, ep->servers, sizeof before);
	n = gateway_servers(w->gateway, ep->row.id, ep->servers, WORLD_SERVERS, &e);

	ep->server_count = n < 0 ? 0 : n;
	cuts_look(ep, before, count);
	upstreams_explain(w, ep);
}

int version_ready(const struct live_endpoint *ep, const char *version)
{
	int slot = slot_find(ep, version);

	return slot >= 0 && slot_healthy(ep, slot) >= servers_wanted(ep, version);
}

struct gateway_route route_desired(const struct live_endpoint *ep)
{
	struct gateway_route r = {
		.share_bp = ep->row.gate ? ep->row.share_bp : 0,
		.stable_slot = slot_find(ep, ep->row.stable),
		.candidate_slot = slot_find(ep, ep->row.candidate),
		.gate = ep->row.gate,
		.rollout = ep->row.rollout,
		.overrides = ep->row.rollout ? ep->overrides : 0,
	};
	str_copy(r.stable_version, sizeof r.stable_version, ep->row.stable);
	str_copy(r.candidate_version, sizeof r.candidate_version, ep->row.candidate);
	if (r.candidate_slot < 0)
		r.share_bp = r.gate = 0;
	return r;
}

int route_same(const struct gateway_route *a, const struct gateway_route *b)
{
	return a->share_bp == b->share_bp && a->stable_slot == b->stable_slot &&
	       a->candidate_slot == b->candidate_slot && a->gate == b->gate &&
	       a->rollout == b->rollout && a->overrides == b->overrides &&
	       strcmp(a->stable_version, b->stable_version) == 0 &&
	       strcmp(a->candidate_version, b->candidate_version) == 0;
}

struct sending {
	struct world *w;
	struct live_endpoint *ep;
	struct err *e;
	int count, rc;
};

/* Rows of an earlier rollout carry another salt and match nothing; they are swept later. */
static int send_override(void *arg, const struct override_row *r)
{
	struct sending *s = arg;

	if (r->rollout != s->ep->row.rollout)
		return 0;
	s->count += r->share_bp >= 0;
	s->rc = gateway_set_override(
		s->w->gateway, r->endpoint, r->rollout, r->segment, r->share_bp, s->e);
	return s->rc != 0;
}

int effect_overrides(struct world *w, struct live_endpoint *ep, struct err *e)
{
	struct sending s = {w, ep, e, 0, 0};
	int rc = 0;

	if (ep->row.rollout)
		rc = store_list_overrides(w->store, ep->row.id, send_override, &s, e);
	ep->overrides = s.count > 0;
	ep->overrides_unsent = rc < 0 || s.rc;
	return rc < 0 ? rc : s.rc;
}

struct dead {
	struct override_row rows[64];
	int64_t keep;
	int count;
};

static int collect_dead(void *arg, const struct override_row *r)
{
	struct dead *d = arg;

	if (r->rollout != d->keep && d->count < 64)
		d->rows[d->count++] = *r;
	return 0;
}

void overrides_sweep(struct world *w, struct live_endpoint *ep)
{
	struct dead d = {.keep = ep->row.rollout};
	struct err e = {0};

	store_list_overrides(w->store, ep->row.id, collect_dead, &d, &e);
	for (int i = 0; i < d.count; i++)
		(void)store_remove_override(w->store, ep->row.id, d.rows[i].segment, &e);
	if (d.count)
		(void)gateway_sweep_overrides(w->gateway, ep->row.id, d.keep, &e);
}

int effect_lease(struct world *w, struct live_endpoint *ep, struct err *e)
{
	int64_t until = clock_wall_us(&w->clock) + w->settings.lease_ms * 1000;
	int rc = gateway_set_lease(w->gateway, ep->row.id, until, e);

	if (!rc) {
		ep->lease_until_us = until;
		ep->lease_mono_us = clock_mono_us(&w->clock) + w->settings.lease_ms * 1000;
	}
	return rc;
}

int effect_route(struct world *w, struct live_endpoint *ep, struct err *e)
{
	struct gateway_route want;
	int rc = 0;

	if (w->hold)
		return 0;
	/* Pins before anything that lets the candidate have a share. A failure leaves them unsent,
	 * and then there is no lease either. */
	if (ep->row.gate && ep->overrides_unsent)
		(void)effect_overrides(w, ep, e);
	want = route_desired(ep);
	/* A share counts only while its lease is fresh, so the lease goes first: a new one where
	 * none is running. A running one is renewed by the tick that has judged, and by nothing
	 * else. */
	if (want.gate && !ep->overrides_unsent && ep->lease_until_us <= clock_wall_us(&w->clock))
		rc = effect_lease(w, ep, e);
	if (!rc)
		rc = gateway_set_route(w->gateway, ep->row.id, &want, e);
	if (rc) {
		ep->in_force_known = 0;
		log_warn("gateway.route", "%s: %s", ep->row.id, e->message);
		return rc;
	}
	if (!ep->in_force_known || !route_same(&ep->in_force, &want))
		ep->confirmed_us = clock_wall_us(&w->clock);
	ep->in_force = want;
	ep->in_force_known = 1;
	return 0;
}

/* What the gateway must show before `promoting` or `aborting` may be called done. */
static int wish_confirmed(const struct live_endpoint *ep, const struct rollout_row *r)
{
	if (!ep->in_force_known)
		return 0;
	if (strcmp(r->state, rollout_state_name(ROLLOUT_PROMOTING)) == 0)
		return strcmp(ep->in_force.stable_version, r->to_version) == 0 &&
		       ep->in_force.stable_slot >= 0 && ep->in_force.share_bp == 0;
	return ep->in_force.share_bp == 0 && ep->in_force.gate == 0;
}

static void end_sentence(
	const struct live_endpoint *ep, const struct rollout_row *r, char *out, size_t size)
{
	char at[32];

	clock_format_utc(ep->confirmed_us, at, sizeof at);
	at[21] = '\0'; /* tenths of a second */
	if (strcmp(r->state, rollout_state_name(ROLLOUT_PROMOTING)) == 0)
		snprintf(out, size, "gateway confirms all traffic on %s since %s", r->to_version,
			at + 11);
	else
		snprintf(out, size, "gateway confirms 0 %% since %s", at + 11);
}

int effect_prove(struct world *w, struct live_endpoint *ep, struct err *e)
{
	struct act by_engine = {.caller = caller_engine()};
	const struct fsm_row *row;
	struct rollout_row r;
	struct change c;
	char sentence[160];
	int64_t seq;
	int rc;

	if (!ep->proving)
		return 0;
	rc = store_find_rollout(w->store, ep->proving, &r, e);
	if (rc <= 0)
		return rc;
	row = fsm_step(&rollout_fsm, fsm_state_find(&rollout_fsm, r.state), ROLLOUT_EVENT_PROVEN,
		NULL, NULL);
	if (!row) { /* superseded meanwhile */
		ep->proving = 0;
		return 0;
	}
	if (!wish_confirmed(ep, &r))
		return 0;
	change_init(&c, &by_engine,
		row->to == ROLLOUT_PROMOTED ? "rollout.promoted" : "rollout.aborted", ep, &r);
	end_sentence(ep, &r, sentence, sizeof sentence);
	str_copy(r.state, sizeof r.state, rollout_state_name(row->to));
	r.ended_us = ep->confirmed_us;
	c.ev.reason = sentence;
	c.ev.change = 0;
	c.lowers_risk = 1;
	/* A proof is no change of anybody's: the revision that people saw stays the same. */
	rc = proof_commit(w, &c, ep, &r, &seq, e);
	if (!rc) {
		ep->proving = 0;
		overrides_sweep(w, ep);
	}
	return rc;
}
