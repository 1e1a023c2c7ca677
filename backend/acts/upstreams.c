/* upstreams.c: servers that somebody else runs, as the gateway must have them: those that the spec
 * names, at the addresses that their names have now, drained where a person wants that. Nothing is
 * started here. */
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/reconcile.h"
#include "backend/base/digest.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

/* Named by its address and by how it is spoken to, so that another address or another way in the
 * spec is another server. */
static void name_server(const struct spec_upstream *u, struct gateway_server *s)
{
	char way[400], hex[DIGEST_HEX];

	snprintf(s->name, sizeof s->name, "u%d-%.32s", u->port, u->host);
	if (s->tls || s->connections) {
		digest_hex(s->ca ? s->ca : "", s->ca ? strlen(s->ca) : 0, hex);
		snprintf(way, sizeof way, "%d %d %d %s %s", s->tls, s->verify_none, s->connections,
			s->server_name, hex);
		digest_hex(way, strlen(way), hex);
		snprintf(s->name, sizeof s->name, "u%d-%.32s-%.6s", u->port, u->host, hex);
	}
	for (char *p = s->name; *p; p++)
		if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
			    (*p >= 'A' && *p <= 'Z')))
			*p = '-';
}

const struct drain_row *drain_find(
	const struct live_endpoint *ep, const char *version, const char *server)
{
	for (int i = 0; i < ep->drain_count; i++)
		if (strcmp(ep->drains[i].version, version) == 0 &&
			strcmp(ep->drains[i].server, server) == 0)
			return &ep->drains[i];
	return NULL;
}

void upstream_server(const struct live_endpoint *ep, const struct spec_arm *arm, int number,
	struct gateway_server *out)
{
	const struct spec_upstream *u = &arm->servers[number];

	*out = (struct gateway_server){.tls = arm->tls,
		.verify_none = strcmp(arm->verify, "none") == 0,
		.connections = arm->connections,
		.ca = arm->tls && ep->config->ca[0] ? ep->config->ca : NULL};
	str_copy(out->server_name, sizeof out->server_name, arm->server_name);
	snprintf(out->address, sizeof out->address, "%s:%d", u->host, u->port);
	name_server(u, out);
	out->drained = drain_find(ep, arm->name, out->name) != NULL;
}

const struct spec_arm *upstream_of(const struct live_endpoint *ep, const char *version)
{
	for (int i = 0; i < ep->config->arm_count; i++)
		if (strcmp(ep->config->arms[i].name, version) == 0)
			return &ep->config->arms[i];
	return NULL;
}

const struct gateway_server_state *server_of(
	const struct live_endpoint *ep, int slot, const char *name)
{
	for (int i = 0; i < ep->server_count; i++)
		if (ep->servers[i].slot == slot && strcmp(ep->servers[i].name, name) == 0)
			return &ep->servers[i];
	return NULL;
}

int remove_server(struct world *w, struct live_endpoint *ep, int slot, const char *name)
{
	struct err e = {0};

	(void)gateway_server_drain(w->gateway, ep->row.id, slot, name, &e);
	return gateway_server_remove(w->gateway, ep->row.id, slot, name, &e) == 0;
}

static int arm_has(const struct live_endpoint *ep, const struct spec_arm *arm, const char *name)
{
	struct gateway_server s;

	for (int i = 0; i < arm->server_count; i++) {
		upstream_server(ep, arm, i, &s);
		if (strcmp(s.name, name) == 0)
			return 1;
	}
	return 0;
}

/* What keeps a server out of the gateway, for people; said in the log when it is news. */
static void note_fault(struct live_endpoint *ep, int slot, const char *name, const char *why)
{
	struct server_fault *f;

	for (int i = 0; i < ep->fault_count; i++)
		if (ep->faults[i].slot == slot && strcmp(ep->faults[i].name, name) == 0)
			return;
	if (ep->fault_count == GATEWAY_SERVERS)
		return;
	f = &ep->faults[ep->fault_count++];
	f->slot = slot;
	str_copy(f->name, sizeof f->name, name);
	str_copy(f->why, sizeof f->why, why);
	log_warn("upstream", "%s: server %s: %s", ep->row.id, name, why);
}

static void forget_fault(struct live_endpoint *ep, int slot, const char *name)
{
	for (int i = 0; i < ep->fault_count; i++)
		if (ep->faults[i].slot == slot && strcmp(ep->faults[i].name, name) == 0)
			ep->faults[i--] = ep->faults[--ep->fault_count];
}

int server_make_so(struct world *w, struct live_endpoint *ep, int slot,
	const struct gateway_server *s, struct err *e)
{
	const struct gateway_server_state *now = server_of(ep, slot, s->name);
	int drains = now && strcmp(now->state, "drain") == 0, rc;

	if (!now)
		return gateway_server_add(w->gateway, ep->row.id, slot, s, e);
	rc = gateway_server_follow(w->gateway, ep->row.id, slot, s, now->address, e);
	if (rc >= 0 && s->drained && !drains)
		rc = gateway_server_drain(w->gateway, ep->row.id, slot, s->name, e);
	/* One that was leaving and is wanted again comes back the same way. */
	else if (rc >= 0 && !s->drained && (drains || strcmp(now->state, "maint") == 0))
		rc = gateway_server_ready(w->gateway, ep->row.id, slot, s->name, e);
	return rc < 0 ? rc : 0;
}

/* Servers that the spec names no more go when one that it names is up, or after a time: another
 * address or another way to speak to it must not leave the version without a server. */
static void remove_others(
	struct world *w, struct live_endpoint *ep, const struct spec_arm *arm, int slot)
{
	int64_t now = clock_mono_us(&w->clock);
	int others = 0, up = 0;

	for (int i = 0; i < ep->server_count; i++) {
		const struct gateway_server_state *s = &ep->servers[i];
		int named = s->slot == slot && arm_has(ep, arm, s->name);

		others += s->slot == slot && !named;
		up += named && strcmp(s->state, "up") == 0;
	}
	if (!others) {
		ep->leaving_us = 0;
		return;
	}
	if (!ep->leaving_us)
		ep->leaving_us = now;
	if (!up && now - ep->leaving_us < w->settings.drain_ms * 1000)
		return;
	for (int i = 0; i < ep->server_count; i++)
		if (ep->servers[i].slot == slot && !arm_has(ep, arm, ep->servers[i].name))
			remove_server(w, ep, slot, ep->servers[i].name);
}

void upstreams_explain(struct world *w, struct live_endpoint *ep)
{
	for (int i = 0; i < ep->server_count; i++) {
		struct gateway_server_state *state = &ep->servers[i];
		const struct spec_arm *arm =
			state->slot >= 0 && state->slot < ep->slot_count
				? upstream_of(ep, ep->slots[state->slot].version)
				: NULL;
		struct gateway_server s;

		if (!arm || !arm->tls || strcmp(state->state, "down") != 0)
			continue;
		for (int k = 0; k < arm->server_count; k++) {
			upstream_server(ep, arm, k, &s);
			if (strcmp(s.name, state->name) == 0)
				gateway_server_explain(w->gateway, &s, state);
		}
	}
}

/* Those of a version that had the slot before. */
static void forget_others(struct live_endpoint *ep, const struct spec_arm *arm, int slot)
{
	for (int i = 0; i < ep->fault_count; i++)
		if (ep->faults[i].slot == slot && !arm_has(ep, arm, ep->faults[i].name))
			ep->faults[i--] = ep->faults[--ep->fault_count];
}

void upstreams_ensure(
	struct world *w, struct live_endpoint *ep, const struct spec_arm *arm, int slot)
{
	forget_others(ep, arm, slot);
	for (int i = 0; w->gateway_up && i < arm->server_count; i++) {
		struct gateway_server s;
		struct err e = {0};

		upstream_server(ep, arm, i, &s);
		if (server_make_so(w, ep, slot, &s, &e))
			note_fault(ep, slot, s.name, e.message);
		else
			forget_fault(ep, slot, s.name);
	}
	remove_others(w, ep, arm, slot);
}

int upstreams_settled(const struct live_endpoint *ep)
{
	for (int i = 0; i < ep->server_count; i++) {
		const struct gateway_server_state *s = &ep->servers[i];
		const char *version =
			s->slot >= 0 && s->slot < ep->slot_count ? ep->slots[s->slot].version : "";
		int drains = strcmp(s->state, "drain") == 0;

		if (upstream_of(ep, version) &&
			drains != (drain_find(ep, version, s->name) != NULL) &&
			strcmp(s->state, "down") != 0)
			return 0;
	}
	return 1;
}
