/* gateway_fake.h: a gateway in memory with the contract of gateway.h, for unit tests of the
 * engine: no process, no file. Servers are up at once unless told otherwise. */
#ifndef PITHEAD_BACKEND_ADAPTERS_GATEWAY_FAKE_H
#define PITHEAD_BACKEND_ADAPTERS_GATEWAY_FAKE_H

#include "backend/adapters/gateway.h"

/* A new fake, "not running" until gateway_configure; ended by gateway_free. */
struct gateway *gateway_fake_new(void);

/* The next `calls` operations fail with ERR_GATEWAY and this sentence. */
void gateway_fake_fail(struct gateway *g, int calls, const char *sentence);

/* As kill -9 of the gateway: rows, leases, overrides and run-time servers are gone. */
void gateway_fake_kill(struct gateway *g);

/* Sets the state ("up", "down") and sessions of a server; 0, or -1 when there is none. */
int gateway_fake_server(struct gateway *g, const char *endpoint, int slot, const char *name,
	const char *state, int sessions);

/* The share of an override in force, -1 = none; and how often configure (re)loaded. */
int gateway_fake_override(
	const struct gateway *g, const char *endpoint, int64_t rollout, const char *segment);
int gateway_fake_loads(const struct gateway *g);

#endif
