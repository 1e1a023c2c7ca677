/* server.c: takes one upstream server out of the rotation, and back. What is wanted is a row, so
 * that it outlives engine and gateway; the gateway is told at once, and again by the reconciler. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/reconcile.h"
#include "backend/base/xalloc.h"

/* The server that a person means. */
struct meant {
	const struct spec_arm *arm;
	struct gateway_server server;
	int slot;	   /* -1 = its version is not served now */
	int count;	   /* of servers that fit */
	const char *other; /* another version that has it */
};

static int check_known(const struct live_endpoint *ep, const char *server, const char *version,
	const struct meant *m, struct err *e)
{
	if (m->count == 1)
		return 0;
	if (m->count > 1) {
		err_set(e, ERR_CONFLICT, "server %s is one of %s and of %s", server, m->arm->name,
			m->other);
		return err_hint(e, "name the version: --version=%s", m->arm->name);
	}
	for (int i = 0; i < ep->server_count; i++)
		if (strcmp(ep->servers[i].name, server) == 0 && server[0] == 'r')
			return err_set(e, ERR_CONFLICT,
				"%s is a replica that the engine runs: it drains those by itself",
				server);
	err_set(e, ERR_NOT_FOUND, "endpoint %s has no upstream server %s%s%s", ep->row.id, server,
		version ? " of version " : "", version ? version : "");
	return err_hint(e, "see them: pithead endpoint show %s", ep->row.name);
}

/* By name, VERSION/NAME, or by the address as it is written. */
static int find(const struct live_endpoint *ep, const char *server, const char *version,
	struct meant *m, struct err *e)
{
	const char *slash = strchr(server, '/');
	char of[NAME_SIZE];

	*m = (struct meant){.slot = -1};
	if (slash) {
		snprintf(of, sizeof of, "%.*s", (int)(slash - server), server);
		return find(ep, slash + 1, of, m, e);
	}
	for (int i = 0; i < ep->config->arm_count; i++) {
		const struct spec_arm *arm = &ep->config->arms[i];

		if (version && strcmp(arm->name, version) != 0)
			continue;
		for (int k = 0; k < arm->server_count; k++) {
			struct gateway_server s;

			upstream_server(ep, arm, k, &s);
			if (strcmp(s.name, server) != 0 && strcmp(s.address, server) != 0)
				continue;
			if (m->count++)
				m->other = arm->name;
			else
				m->arm = arm, m->server = s, m->slot = slot_find(ep, arm->name);
		}
	}
	return check_known(ep, server, version, m, e);
}

/* How many servers of its version would take requests afterwards. */
static int left_ready(const struct live_endpoint *ep, const struct meant *m)
{
	int n = 0;

	for (int i = 0; i < ep->server_count; i++)
		n += m->slot >= 0 && ep->servers[i].slot == m->slot &&
		     strcmp(ep->servers[i].state, "up") == 0 &&
		     strcmp(ep->servers[i].name, m->server.name) != 0;
	return n;
}

static void fill_drain(const struct live_endpoint *ep, const struct meant *m, struct plan *p)
{
	const char *version = m->arm->name;
	int left = left_ready(ep, m);

	plan_will(p, "send no new requests to %s; what is under way ends by itself",
		m->server.address);
	plan_will(p, "leave %d ready server%s for %s", left, left == 1 ? "" : "s", version);
	if (left == 0 && strcmp(version, ep->row.stable) == 0)
		plan_warn(p,
			"it is the last ready server of stable %s: requests of %s will fail with "
			"503",
			version, ep->row.name);
	else if (left == 0 && strcmp(version, ep->row.candidate) == 0)
		plan_warn(p,
			"it is the last ready server of candidate %s: the guard will abort "
			"#%" PRId64,
			version, ep->row.rollout);
}

static void fill_plan(
	const struct live_endpoint *ep, const struct meant *m, int drain, struct plan *p)
{
	snprintf(p->title, sizeof p->title, "%s %.47s of %s, %s",
		drain ? "drain" : "end the drain of", m->server.name, m->arm->name, ep->row.name);
	str_copy(p->subject, sizeof p->subject, ep->row.id);
	if (drain)
		fill_drain(ep, m, p);
	else
		plan_will(p, "send requests to %s again once it is healthy", m->server.address);
	plan_will_not(p, "move any share between versions");
	plan_need(p, "nobody else");
	snprintf(p->undo, sizeof p->undo, "%s is %s again", m->server.address,
		drain ? "ready" : "drained");
	p->undoable = 1;
	str_copy(p->duration, sizeof p->duration, "< 1 s");
}

/* The row that goes with the event, or goes away with it. */
struct keeping {
	struct drain_row row;
	int drain;
};

static int keep(struct world *w, void *arg, int64_t seq, struct err *e)
{
	struct keeping *k = arg;

	k->row.revision = seq;
	k->row.at_us = clock_wall_us(&w->clock);
	return k->drain ? store_save_drain(w->store, &k->row, e)
			: store_remove_drain(
				  w->store, k->row.endpoint, k->row.version, k->row.server, e);
}

static void remember(struct live_endpoint *ep, const struct keeping *k)
{
	for (int i = 0; i < ep->drain_count; i++)
		if (strcmp(ep->drains[i].version, k->row.version) == 0 &&
			strcmp(ep->drains[i].server, k->row.server) == 0)
			ep->drains[i--] = ep->drains[--ep->drain_count];
	if (k->drain)
		ep->drains[ep->drain_count++] = k->row;
}

static void state_text(const struct keeping *k, const char *state, char *out, size_t size)
{
	snprintf(out, size,
		"{\"server\":\"%s\",\"state\":\"%s\",\"text\":\"%s of %s\",\"version\":\"%s\"}",
		k->row.server, state, k->row.server, k->row.version, k->row.version);
}

static int commit(struct world *w, const struct act *a, struct live_endpoint *ep, struct keeping *k,
	struct act_result *out, struct err *e)
{
	struct endpoint_row next = ep->row;
	struct change c;
	int rc;

	change_init(&c, a, k->drain ? "server.drain" : "server.ready", ep, NULL);
	state_text(k, k->drain ? "ready" : "drain", c.before, sizeof c.before);
	state_text(k, k->drain ? "drain" : "ready", c.after, sizeof c.after);
	c.ev.after = c.after;
	c.ev.version = k->row.version;
	c.endpoint = &next;
	c.also = keep;
	c.also_arg = k;
	rc = change_commit(w, &c, ep, &out->seq, e);
	if (rc)
		return rc;
	out->revision = out->seq;
	remember(ep, k);
	return 0;
}

int act_server(struct world *w, const struct act *a, struct live_endpoint *ep, const char *server,
	const char *version, int drain, struct act_result *out, struct err *e)
{
	struct keeping k = {.drain = drain};
	struct meant m;
	int rc;

	*out = (struct act_result){.revision = ep->row.revision};
	str_copy(out->endpoint, sizeof out->endpoint, ep->row.id);
	rc = act_check_revision(w, a, ep->row.revision, ep->row.id, out, e);
	if (!rc)
		rc = find(ep, server, version && *version ? version : NULL, &m, e);
	if (!rc && m.server.drained == drain)
		rc = err_set(e, ERR_CONFLICT, "server %s of %s is %s", server, m.arm->name,
			drain ? "drained already" : "not drained");
	if (!rc && drain && ep->drain_count == DRAINS_MOST)
		rc = err_set(e, ERR_CONFLICT, "endpoint %s has %d drained servers already",
			ep->row.id, ep->drain_count);
	if (rc)
		return rc;
	servers_refresh(w, ep);
	fill_plan(ep, &m, drain, &out->plan);
	if (a->dry_run)
		return 0;
	str_copy(k.row.endpoint, sizeof k.row.endpoint, ep->row.id);
	str_copy(k.row.version, sizeof k.row.version, m.arm->name);
	str_copy(k.row.server, sizeof k.row.server, m.server.name);
	str_copy(k.row.username, sizeof k.row.username, a->caller->user);
	str_copy(k.row.reason, sizeof k.row.reason, a->reason ? a->reason : "");
	rc = commit(w, a, ep, &k, out, e);
	if (rc)
		return rc;
	/* What fails from here on is tried again at every tick. */
	m.server.drained = drain;
	if (m.slot >= 0 && w->gateway_up)
		(void)server_make_so(w, ep, m.slot, &m.server, e);
	servers_refresh(w, ep);
	return 0;
}
