/* gateway_fake.c: the gateway of unit tests: remembers what it is told and answers by it, with the
 * same errors as the real one. */
#include "backend/adapters/gateway_fake.h"

#include <stdlib.h>
#include <string.h>

#include "backend/adapters/gateway_priv.h"
#include "backend/adapters/haproxy_config.h"
#include "backend/base/xalloc.h"

#define FAKE_SERVERS   256
#define FAKE_OVERRIDES 256

struct fake_endpoint {
	char id[130];
	int slot_count;
	struct gateway_route route;
	int64_t lease_us;
};

struct fake_server {
	char endpoint[130], address[160];
	struct gateway_server_state state;
};

struct fake_override {
	char endpoint[130], segment[64];
	int64_t rollout;
	int share_bp;
};

struct fake_gateway {
	struct gateway base; /* first */
	int alive, fail_calls, loads;
	char sentence[200], fingerprint[HAPROXY_FINGERPRINT];
	int64_t generation;
	struct fake_endpoint *eps; /* owned */
	int ep_count;
	struct fake_server servers[FAKE_SERVERS];
	int server_count;
	struct fake_override overrides[FAKE_OVERRIDES];
	int override_count;
};

static struct fake_gateway *of(struct gateway *g)
{
	return (struct fake_gateway *)(void *)g;
}

/* What every operation meets first: a planned failure, or nobody there. */
static int enter(struct fake_gateway *f, struct err *e)
{
	if (f->fail_calls > 0) {
		f->fail_calls--;
		return err_set(e, ERR_GATEWAY, "%s", f->sentence);
	}
	return f->alive ? 0 : err_set(e, ERR_UNREACHABLE, "the gateway (HAProxy) is not running");
}

static struct fake_endpoint *find(struct fake_gateway *f, const char *endpoint, struct err *e)
{
	for (int i = 0; i < f->ep_count; i++)
		if (strcmp(f->eps[i].id, endpoint) == 0)
			return &f->eps[i];
	err_set(e, ERR_NOT_FOUND, "the gateway has no row for %s: it is not configured", endpoint);
	return NULL;
}

static int find_server(struct fake_gateway *f, const char *endpoint, int slot, const char *name)
{
	for (int i = 0; i < f->server_count; i++)
		if (f->servers[i].state.slot == slot &&
			strcmp(f->servers[i].endpoint, endpoint) == 0 &&
			strcmp(f->servers[i].state.name, name) == 0)
			return i;
	return -1;
}

static void put_server(
	struct fake_gateway *f, const char *endpoint, int slot, const struct gateway_server *s)
{
	struct fake_server *n = &f->servers[f->server_count++];

	must(f->server_count < FAKE_SERVERS);
	*n = (struct fake_server){.state = {.slot = slot}};
	str_copy(n->endpoint, sizeof n->endpoint, endpoint);
	str_copy(n->address, sizeof n->address, s->address);
	str_copy(n->state.name, sizeof n->state.name, s->name);
	str_copy(n->state.state, sizeof n->state.state, s->drained ? "drain" : "up");
}

static void op_free(struct gateway *g)
{
	free(of(g)->eps);
	free(g);
}

static int op_adopt(struct gateway *g, struct err *e)
{
	(void)e;
	return of(g)->alive;
}

static void load(struct fake_gateway *f, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count)
{
	struct fake_endpoint *fresh = xcalloc((size_t)count, sizeof *fresh);

	f->server_count = 0;
	for (int i = 0; i < count; i++) {
		struct fake_endpoint *old = f->alive ? find(f, eps[i].id, NULL) : NULL;
		str_copy(fresh[i].id, sizeof fresh[i].id, eps[i].id);
		fresh[i].slot_count = eps[i].slot_count;
		fresh[i].route = routes[i];
		fresh[i].lease_us = old ? old->lease_us : 0;
		for (int s = 0; s < eps[i].slot_count; s++)
			for (int k = 0; k < eps[i].slots[s].server_count; k++)
				put_server(f, eps[i].id, s, &eps[i].slots[s].servers[k]);
	}
	free(f->eps);
	f->eps = fresh;
	f->ep_count = count;
	f->alive = 1;
	f->generation++;
	f->loads++;
}

static int op_configure(struct gateway *g, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count, int overwrite, struct err *e)
{
	struct fake_gateway *f = of(g);
	char fingerprint[HAPROXY_FINGERPRINT], row[HAPROXY_ROW_SIZE];
	struct haproxy_config c = {
		.eps = eps, .count = count, .log_socket = "/log", .body_max = 12000};
	int rc = haproxy_config_check(&c, e);

	(void)overwrite;
	for (int i = 0; i < count && rc == 0; i++)
		rc = haproxy_route_format(eps[i].id, &routes[i], row, e);
	if (rc < 0)
		return rc;
	if (f->fail_calls > 0)
		return enter(f, e);
	haproxy_config_fingerprint(&c, fingerprint);
	if (!f->alive || strcmp(fingerprint, f->fingerprint) != 0)
		load(f, eps, routes, count);
	str_copy(f->fingerprint, sizeof f->fingerprint, fingerprint);
	return 0;
}

static int op_alive(struct gateway *g)
{
	return of(g)->alive;
}

static int op_set_route(
	struct gateway *g, const char *endpoint, const struct gateway_route *r, struct err *e)
{
	char row[HAPROXY_ROW_SIZE];
	struct fake_endpoint *ep;
	int rc = haproxy_route_format(endpoint, r, row, e);

	if (rc == 0)
		rc = enter(of(g), e);
	if (rc < 0)
		return rc;
	ep = find(of(g), endpoint, e);
	if (!ep)
		return ERR_NOT_FOUND;
	ep->route = *r;
	return 0;
}

static int op_get_route(
	struct gateway *g, const char *endpoint, struct gateway_route *out, struct err *e)
{
	int rc = enter(of(g), e);
	struct fake_endpoint *ep = rc < 0 ? NULL : find(of(g), endpoint, e);

	if (ep)
		*out = ep->route;
	return rc < 0 ? rc : ep ? 0 : ERR_NOT_FOUND;
}

static int op_set_lease(struct gateway *g, const char *endpoint, int64_t expires_us, struct err *e)
{
	int rc = enter(of(g), e);
	struct fake_endpoint *ep = rc < 0 ? NULL : find(of(g), endpoint, e);

	if (ep)
		ep->lease_us = expires_us > 0 ? expires_us / 1000 * 1000 : 0;
	return rc < 0 ? rc : ep ? 0 : ERR_NOT_FOUND;
}

static int op_get_lease(struct gateway *g, const char *endpoint, int64_t *expires_us, struct err *e)
{
	int rc = enter(of(g), e);
	struct fake_endpoint *ep = rc < 0 ? NULL : find(of(g), endpoint, e);

	if (ep)
		*expires_us = ep->lease_us;
	return rc < 0 ? rc : ep ? 0 : ERR_NOT_FOUND;
}

static int find_override(
	const struct fake_gateway *f, const char *endpoint, int64_t rollout, const char *segment)
{
	for (int i = 0; i < f->override_count; i++)
		if (f->overrides[i].rollout == rollout &&
			strcmp(f->overrides[i].endpoint, endpoint) == 0 &&
			strcmp(f->overrides[i].segment, segment) == 0)
			return i;
	return -1;
}

static int op_set_override(struct gateway *g, const char *endpoint, int64_t rollout,
	const char *segment, int share_bp, struct err *e)
{
	struct fake_gateway *f = of(g);
	int rc, i;

	if (!haproxy_segment_valid(segment) || share_bp < -1 || share_bp > 10000)
		return err_set(e, ERR_INVALID, "\"%.80s\" is not a segment with a share", segment);
	rc = enter(f, e);
	if (rc < 0)
		return rc;
	i = find_override(f, endpoint, rollout, segment);
	if (share_bp < 0) {
		if (i >= 0)
			f->overrides[i] = f->overrides[--f->override_count];
		return 0;
	}
	if (i < 0) {
		i = f->override_count++;
		must(i < FAKE_OVERRIDES);
		f->overrides[i] = (struct fake_override){.rollout = rollout};
		str_copy(f->overrides[i].endpoint, sizeof f->overrides[i].endpoint, endpoint);
		str_copy(f->overrides[i].segment, sizeof f->overrides[i].segment, segment);
	}
	f->overrides[i].share_bp = share_bp;
	return 0;
}

static int op_sweep_overrides(struct gateway *g, const char *endpoint, int64_t keep, struct err *e)
{
	struct fake_gateway *f = of(g);
	int rc = enter(f, e);

	for (int i = f->override_count - 1; i >= 0 && rc == 0; i--)
		if (f->overrides[i].rollout != keep &&
			strcmp(f->overrides[i].endpoint, endpoint) == 0)
			f->overrides[i] = f->overrides[--f->override_count];
	return rc;
}

static int op_server_add(struct gateway *g, const char *endpoint, int slot,
	const struct gateway_server *s, struct err *e)
{
	struct fake_gateway *f = of(g);
	int rc = haproxy_server_check(s, e), i;
	struct fake_endpoint *ep;

	if (rc == 0)
		rc = enter(f, e);
	if (rc < 0)
		return rc;
	ep = find(f, endpoint, e);
	if (!ep || slot < 0 || slot >= ep->slot_count)
		return err_set(
			e, ERR_NOT_FOUND, "the gateway has no slot %d of %s", slot, endpoint);
	i = find_server(f, endpoint, slot, s->name);
	if (i < 0)
		put_server(f, endpoint, slot, s);
	else if (strcmp(f->servers[i].address, s->address) != 0)
		return err_set(e, ERR_CONFLICT,
			"server %s of %s exists already with another address: %s", s->name,
			endpoint, f->servers[i].address);
	else
		str_copy(f->servers[i].state.state, 16, "up");
	return 0;
}

static int set_state(struct gateway *g, const char *endpoint, int slot, const char *name,
	const char *state, struct err *e)
{
	int rc = enter(of(g), e);
	int i = rc < 0 ? -1 : find_server(of(g), endpoint, slot, name);

	if (rc < 0)
		return rc;
	if (i < 0)
		return err_set(
			e, ERR_NOT_FOUND, "the gateway has no server %s of %s", name, endpoint);
	str_copy(of(g)->servers[i].state.state, 16, state);
	return 0;
}

static int op_server_drain(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	return set_state(g, endpoint, slot, name, "drain", e);
}

static int op_server_ready(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	return set_state(g, endpoint, slot, name, "up", e);
}

/* Names have no addresses here. */
static void op_server_explain(
	struct gateway *g, const struct gateway_server *s, struct gateway_server_state *state)
{
	(void)g, (void)s, (void)state;
}

static int op_server_follow(struct gateway *g, const char *endpoint, int slot,
	const struct gateway_server *s, const char *now, struct err *e)
{
	(void)g, (void)endpoint, (void)slot, (void)s, (void)now, (void)e;
	return 0;
}

static int op_server_remove(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	struct fake_gateway *f = of(g);
	int rc = enter(f, e);
	int i = rc < 0 ? -1 : find_server(f, endpoint, slot, name);

	if (i >= 0 && f->servers[i].state.sessions > 0)
		return err_set(
			e, ERR_CONFLICT, "server %s of %s still has connections", name, endpoint);
	if (i >= 0)
		f->servers[i] = f->servers[--f->server_count];
	return rc;
}

static int op_servers(struct gateway *g, const char *endpoint, struct gateway_server_state *out,
	int most, struct err *e)
{
	struct fake_gateway *f = of(g);
	int rc = enter(f, e), n = 0;

	for (int i = 0; i < f->server_count && n < most && rc == 0; i++)
		if (strcmp(f->servers[i].endpoint, endpoint) == 0)
			out[n++] = f->servers[i].state;
	return rc < 0 ? rc : n;
}

static int op_get_info(struct gateway *g, struct gateway_info *out, struct err *e)
{
	int rc = enter(of(g), e);

	if (rc == 0)
		*out = (struct gateway_info){.pid = 1,
			.start_ticks = 1,
			.generation = of(g)->generation,
			.version = "fake"};
	return rc;
}

static int op_stop(struct gateway *g, struct err *e)
{
	(void)e;
	gateway_fake_kill(g);
	return 0;
}

static const struct gateway_ops fake_ops = {
	.free = op_free,
	.adopt = op_adopt,
	.configure = op_configure,
	.alive = op_alive,
	.set_route = op_set_route,
	.get_route = op_get_route,
	.set_lease = op_set_lease,
	.get_lease = op_get_lease,
	.set_override = op_set_override,
	.sweep_overrides = op_sweep_overrides,
	.server_add = op_server_add,
	.server_drain = op_server_drain,
	.server_ready = op_server_ready,
	.server_follow = op_server_follow,
	.server_explain = op_server_explain,
	.server_remove = op_server_remove,
	.servers = op_servers,
	.get_info = op_get_info,
	.stop = op_stop,
};

struct gateway *gateway_fake_new(void)
{
	struct fake_gateway *f = xcalloc(1, sizeof *f);

	f->base.ops = &fake_ops;
	return &f->base;
}

void gateway_fake_fail(struct gateway *g, int calls, const char *sentence)
{
	of(g)->fail_calls = calls;
	str_copy(of(g)->sentence, sizeof of(g)->sentence, sentence);
}

void gateway_fake_kill(struct gateway *g)
{
	struct fake_gateway *f = of(g);

	f->alive = 0;
	f->ep_count = f->server_count = f->override_count = 0;
}

int gateway_fake_server(struct gateway *g, const char *endpoint, int slot, const char *name,
	const char *state, int sessions)
{
	int i = find_server(of(g), endpoint, slot, name);

	if (i < 0)
		return -1;
	str_copy(of(g)->servers[i].state.state, 16, state);
	of(g)->servers[i].state.sessions = sessions;
	return 0;
}

int gateway_fake_override(
	const struct gateway *g, const char *endpoint, int64_t rollout, const char *segment)
{
	const struct fake_gateway *f = (const struct fake_gateway *)(const void *)g;
	int i = find_override(f, endpoint, rollout, segment);

	return i < 0 ? -1 : f->overrides[i].share_bp;
}

int gateway_fake_loads(const struct gateway *g)
{
	return ((const struct fake_gateway *)(const void *)g)->loads;
}
