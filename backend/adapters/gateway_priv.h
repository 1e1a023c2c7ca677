/* gateway_priv.h: the table of operations behind gateway.h, so that the real gateway and the one
 * of unit tests exist side by side in one program. Seen only by gateway*.c. */
#ifndef PITHEAD_BACKEND_ADAPTERS_GATEWAY_PRIV_H
#define PITHEAD_BACKEND_ADAPTERS_GATEWAY_PRIV_H

#include "backend/adapters/gateway.h"

/* Each member is the function gateway_NAME of gateway.h. */
struct gateway_ops {
	void (*free)(struct gateway *g);
	int (*adopt)(struct gateway *g, struct err *e);
	int (*configure)(struct gateway *g, const struct gateway_endpoint *eps,
		const struct gateway_route *routes, int count, int overwrite, struct err *e);
	int (*alive)(struct gateway *g);
	int (*set_route)(struct gateway *g, const char *endpoint, const struct gateway_route *r,
		struct err *e);
	int (*get_route)(
		struct gateway *g, const char *endpoint, struct gateway_route *out, struct err *e);
	int (*set_lease)(
		struct gateway *g, const char *endpoint, int64_t expires_us, struct err *e);
	int (*get_lease)(
		struct gateway *g, const char *endpoint, int64_t *expires_us, struct err *e);
	int (*set_override)(struct gateway *g, const char *endpoint, int64_t rollout,
		const char *segment, int share_bp, struct err *e);
	int (*sweep_overrides)(
		struct gateway *g, const char *endpoint, int64_t keep, struct err *e);
	int (*server_add)(struct gateway *g, const char *endpoint, int slot,
		const struct gateway_server *s, struct err *e);
	int (*server_drain)(
		struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e);
	int (*server_ready)(
		struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e);
	int (*server_follow)(struct gateway *g, const char *endpoint, int slot,
		const struct gateway_server *s, const char *now, struct err *e);
	void (*server_explain)(struct gateway *g, const struct gateway_server *s,
		struct gateway_server_state *state);
	int (*server_remove)(
		struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e);
	int (*servers)(struct gateway *g, const char *endpoint, struct gateway_server_state *out,
		int most, struct err *e);
	int (*get_info)(struct gateway *g, struct gateway_info *out, struct err *e);
	int (*stop)(struct gateway *g, struct err *e);
};

/* The first member of every kind of gateway. */
struct gateway {
	const struct gateway_ops *ops;
};

#endif
