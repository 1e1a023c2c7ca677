/* gateway.c: sends each call of gateway.h to the kind of gateway that it was made as. */
#include "backend/adapters/gateway_priv.h"

void gateway_free(struct gateway *g)
{
	if (g)
		g->ops->free(g);
}

int gateway_adopt(struct gateway *g, struct err *e)
{
	return g->ops->adopt(g, e);
}

int gateway_configure(struct gateway *g, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count, int overwrite, struct err *e)
{
	return g->ops->configure(g, eps, routes, count, overwrite, e);
}

int gateway_alive(struct gateway *g)
{
	return g->ops->alive(g);
}

int gateway_set_route(
	struct gateway *g, const char *endpoint, const struct gateway_route *r, struct err *e)
{
	return g->ops->set_route(g, endpoint, r, e);
}

int gateway_get_route(
	struct gateway *g, const char *endpoint, struct gateway_route *out, struct err *e)
{
	return g->ops->get_route(g, endpoint, out, e);
}

int gateway_set_lease(struct gateway *g, const char *endpoint, int64_t expires_us, struct err *e)
{
	return g->ops->set_lease(g, endpoint, expires_us, e);
}

int gateway_get_lease(struct gateway *g, const char *endpoint, int64_t *expires_us, struct err *e)
{
	return g->ops->get_lease(g, endpoint, expires_us, e);
}

int gateway_set_override(struct gateway *g, const char *endpoint, int64_t rollout,
	const char *segment, int share_bp, struct err *e)
{
	return g->ops->set_override(g, endpoint, rollout, segment, share_bp, e);
}

int gateway_sweep_overrides(struct gateway *g, const char *endpoint, int64_t keep, struct err *e)
{
	return g->ops->sweep_overrides(g, endpoint, keep, e);
}

int gateway_server_add(struct gateway *g, const char *endpoint, int slot,
	const struct gateway_server *s, struct err *e)
{
	return g->ops->server_add(g, endpoint, slot, s, e);
}

int gateway_server_drain(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	return g->ops->server_drain(g, endpoint, slot, name, e);
}

int gateway_server_ready(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	return g->ops->server_ready(g, endpoint, slot, name, e);
}

int gateway_server_follow(struct gateway *g, const char *endpoint, int slot,
	const struct gateway_server *s, const char *now, struct err *e)
{
	return g->ops->server_follow(g, endpoint, slot, s, now, e);
}

void gateway_server_explain(
	struct gateway *g, const struct gateway_server *s, struct gateway_server_state *state)
{
	g->ops->server_explain(g, s, state);
}

int gateway_server_remove(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e)
{
	return g->ops->server_remove(g, endpoint, slot, name, e);
}

int gateway_servers(struct gateway *g, const char *endpoint, struct gateway_server_state *out,
	int most, struct err *e)
{
	return g->ops->servers(g, endpoint, out, most, e);
}

int gateway_get_info(struct gateway *g, struct gateway_info *out, struct err *e)
{
	return g->ops->get_info(g, out, e);
}

int gateway_stop(struct gateway *g, struct err *e)
{
	return g->ops->stop(g, e);
}
