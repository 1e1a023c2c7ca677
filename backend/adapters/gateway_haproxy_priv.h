/* gateway_haproxy_priv.h: what the files of the HAProxy gateway share: gateway_haproxy.c (the
 * operations), haproxy_configure.c (files, start, reload), haproxy_map.c (rows at run time) and
 * haproxy_servers.c. */
#ifndef PITHEAD_BACKEND_ADAPTERS_GATEWAY_HAPROXY_PRIV_H
#define PITHEAD_BACKEND_ADAPTERS_GATEWAY_HAPROXY_PRIV_H

#include "backend/adapters/gateway_priv.h"
#include "backend/adapters/haproxy_config.h"
#include "backend/adapters/haproxy_process.h"
#include "backend/adapters/names.h"

struct known_endpoint {
	char id[130];
	int slot_count;
};

struct haproxy_gateway {
	struct gateway base;	   /* first: a struct gateway is one of these */
	char *folder, *log_socket; /* owned */
	struct process_user user;
	const struct settings *settings;
	const struct clock *clock;
	struct haproxy_process process;
	struct names *names;	      /* owned; of upstream servers */
	struct names *looks;	      /* owned; why the TLS of some fails */
	struct known_endpoint *known; /* owned; what was configured by this process */
	int known_count;
};

/* haproxy_configure.c */
int haproxy_configure(struct haproxy_gateway *h, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count, int overwrite, struct err *e);

/* haproxy_map.c: rows of a map in every live generation. */

/* Asks live[i]; for the newest a connection that broke is made anew once. */
int haproxy_ask(struct haproxy_gateway *h, int i, const char *commands, int count, struct buf *out,
	struct err *e);

/* Sets key to value everywhere and reads it back. A missing row is added when `add`, otherwise
 * ERR_NOT_FOUND. */
int haproxy_map_put(struct haproxy_gateway *h, const char *map, const char *key, const char *value,
	int add, struct err *e);

/* The value in the newest generation. ERR_NOT_FOUND without one. */
int haproxy_map_get(struct haproxy_gateway *h, const char *map, const char *key, char *out,
	size_t size, struct err *e);

/* Removes the row everywhere; a missing one is fine. */
int haproxy_map_del(struct haproxy_gateway *h, const char *map, const char *key, struct err *e);

/* All rows of the newest generation as "KEY VALUE" lines. */
int haproxy_map_list(struct haproxy_gateway *h, const char *map, struct buf *out, struct err *e);

/* haproxy_servers.c */
int haproxy_server_add(struct haproxy_gateway *h, const char *endpoint, int slot,
	const struct gateway_server *s, struct err *e);
int haproxy_server_drain(
	struct haproxy_gateway *h, const char *endpoint, int slot, const char *name, struct err *e);
int haproxy_server_ready(
	struct haproxy_gateway *h, const char *endpoint, int slot, const char *name, struct err *e);
int haproxy_server_follow(struct haproxy_gateway *h, const char *endpoint, int slot,
	const struct gateway_server *s, const char *now, struct err *e);
/* haproxy_tls.c */
void haproxy_server_explain(struct haproxy_gateway *h, const struct gateway_server *s,
	struct gateway_server_state *state);
int haproxy_tls_look(
	void *arg, const char *key, char (*list)[NAMES_ADDRESS], int most, char *why, size_t size);
/* "IP:PORT" of a server whose name may have to be looked up, waited for at most wait_ms; or its
 * socket. 0, or ERR_UNREACHABLE with what its name lacks. */
int haproxy_server_address(struct haproxy_gateway *h, const struct gateway_server *s, int wait_ms,
	char *out, size_t size, struct err *e);
int haproxy_server_remove(
	struct haproxy_gateway *h, const char *endpoint, int slot, const char *name, struct err *e);
int haproxy_server_states(struct haproxy_gateway *h, const char *endpoint,
	struct gateway_server_state *out, int most, struct err *e);
/* The sum of a column ("req_tot") over the lines of an answer to `show stat`. */
int64_t haproxy_stats_sum(const char *answer, const char *name);

#endif
