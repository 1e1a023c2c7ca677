/* gateway.h: what the engine asks of an inference gateway. gateway_haproxy.c is the real one,
 * gateway_fake.c the one of unit tests. One gateway serves all endpoints; traffic moves by map
 * rows at run time, a new endpoint is a hitless reload. Every call is synchronous with a short
 * limit (500 ms) and reads back what it set: 0 means that the gateway said so. */
#ifndef PITHEAD_BACKEND_ADAPTERS_GATEWAY_H
#define PITHEAD_BACKEND_ADAPTERS_GATEWAY_H

#include <stdint.h>

#include "backend/adapters/process.h"
#include "backend/base/clock.h"
#include "backend/base/err.h"
#include "backend/base/settings.h"

#define GATEWAY_SERVERS 16

/* A server of a slot: a unix socket of a replica, or host:port of an upstream. */
struct gateway_server {
	char name[48];	   /* unique within the slot; letters, digits, '-' */
	char address[160]; /* "unix@/path" or "host:port" */
	int tls;
	char server_name[128]; /* tls: asked for, and of the certificate; "" = the host, if a name
				*/
	int verify_none;       /* tls: any certificate will do */
	const char *ca;	       /* tls: PEM, as of its endpoint; borrowed; NULL = the machine's */
	int connections;       /* at a time; 0 = any number */
	int drained;	       /* gets no new requests; a (re)start begins with it out of use */
};

struct gateway_slot {
	char version[64]; /* "" = free */
	struct gateway_server servers[GATEWAY_SERVERS];
	int server_count;
};

/* Where a request's split key / segment / score stand; as in the spec. */
struct gateway_source {
	int kind; /* 0 none, 1 header, 2 JSON path */
	char name[96];
	int else_random;
};

/* What of an endpoint needs the configuration file. */
struct gateway_endpoint {
	char id[130]; /* PROJECT/NAME */
	char environment[16];
	char host[64];
	int port;
	char health[128];      /* HTTP path of the check; "" = it only connects */
	char host_header[128]; /* of requests and checks; "" = the client's, localhost */
	const char *ca;	    /* PEM of who vouches for its servers; borrowed; NULL = the machine's */
	int64_t timeout_ms; /* until the first byte of an answer, and between two of its parts */
	int64_t stream_ms;  /* the same where a request asks for a stream; 0 = no other */
	struct gateway_source key, segment;
	struct gateway_source score; /* a header; else X-Pithead-Score is logged */
	struct gateway_slot *slots;  /* owned by the caller */
	int slot_count;
};

/* The one map row of an endpoint: all that decides where its traffic goes. */
struct gateway_route {
	int share_bp;	    /* 0..10000 */
	int stable_slot;    /* -1 = none: 503 with a sentence */
	int candidate_slot; /* -1 = none */
	int gate;	    /* 0 forces share 0 after overrides and lease */
	int64_t rollout;    /* salt of the hash; 0 = none */
	int overrides;	    /* 1: segment overrides exist; an unreadable segment goes to stable */
	char stable_version[64], candidate_version[64]; /* for X-Pithead-Version; "" = none */
};

struct gateway_server_state {
	int slot;
	char name[48];
	char state[16];	  /* up, down, drain, maint */
	int sessions;	  /* connections in use now */
	char address[64]; /* IP:PORT; "" for a socket */
	char check[96];	  /* what its last health check said; "" = not checked yet */
	int64_t cut;	  /* answers that it did not bring to their end */
	int64_t requests; /* that it was sent; both since the gateway's start */
};

struct gateway_info {
	int64_t pid, start_ticks;
	int64_t generation;
	char version[32];
	int64_t dropped_logs; /* as the gateway counts them */
	int64_t requests;     /* taken by this process since its start */
};

struct gateway;

/* folder: where configuration, maps and the admin socket live (made, 0700); log_socket: path of
 * the datagram socket that prediction records go to; user: whom it runs as once its ports are open,
 * NULL = as we do. Nothing is started yet. */
struct gateway *gateway_new(const char *folder, const char *log_socket,
	const struct process_user *user, const struct settings *settings,
	const struct clock *clock);
void gateway_free(struct gateway *g); /* closes connections; the gateway itself goes on */

/* Adopts the running gateway of this folder (pid, start time and executable checked), if any.
 * 1 adopted, 0 none is running, negative ERR_*. Changes nothing in it. */
int gateway_adopt(struct gateway *g, struct err *e);

/* Makes the configuration be `eps`: starts the gateway, or reloads it hitlessly when anything
 * that needs the file has changed; does nothing when it is right. The maps are written with gate
 * 0 and lease 0; the caller sends routes, leases and overrides afterwards, to be right at once
 * `routes` (one per endpoint) are also re-sent before this returns. A configuration on disk that
 * was edited by hand is ERR_CONFLICT unless `overwrite`. */
int gateway_configure(struct gateway *g, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count, int overwrite, struct err *e);

/* Whether the gateway answers now; on loss (killed) gateway_configure starts it again. */
int gateway_alive(struct gateway *g);

/* Sets and reads back the row of one endpoint, in every live generation. */
int gateway_set_route(
	struct gateway *g, const char *endpoint, const struct gateway_route *r, struct err *e);
/* Reads the row as it is in force. ERR_NOT_FOUND when there is none. */
int gateway_get_route(
	struct gateway *g, const char *endpoint, struct gateway_route *out, struct err *e);

/* The candidate's share counts until expires_us (UTC, at the gateway's ms clock). */
int gateway_set_lease(struct gateway *g, const char *endpoint, int64_t expires_us, struct err *e);
int gateway_get_lease(struct gateway *g, const char *endpoint, int64_t *expires_us, struct err *e);

/* The share of one segment under one rollout's salt; share_bp -1 removes the row. */
int gateway_set_override(struct gateway *g, const char *endpoint, int64_t rollout,
	const char *segment, int share_bp, struct err *e);
/* Removes every override of the endpoint whose rollout is not `keep` (dead rows match nothing;
 * this is tidying). */
int gateway_sweep_overrides(struct gateway *g, const char *endpoint, int64_t keep, struct err *e);

/* Adds a server to a slot at run time with health checks (already there = 0), and removes one:
 * drain stops new requests; remove is ERR_CONFLICT while connections are left. A host that is a
 * name is looked up in the background: ERR_UNREACHABLE until it has an address. */
int gateway_server_add(struct gateway *g, const char *endpoint, int slot,
	const struct gateway_server *s, struct err *e);
int gateway_server_drain(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e);
/* Ends a drain. */
int gateway_server_ready(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e);
/* Where the name of a server that is there has another address now (it stands at `now`), requests
 * go to that one from here on; 1 then, 0 when all is as it was. */
int gateway_server_follow(struct gateway *g, const char *endpoint, int slot,
	const struct gateway_server *s, const char *now, struct err *e);
/* Where TLS is why s is down, state->check is told which fault of it, as soon as that was looked
 * at; else it stays. Never waits. */
void gateway_server_explain(
	struct gateway *g, const struct gateway_server *s, struct gateway_server_state *state);
int gateway_server_remove(
	struct gateway *g, const char *endpoint, int slot, const char *name, struct err *e);

/* States of all servers of an endpoint into out (at most most). Count, or negative ERR_*. */
int gateway_servers(struct gateway *g, const char *endpoint, struct gateway_server_state *out,
	int most, struct err *e);

int gateway_get_info(struct gateway *g, struct gateway_info *out, struct err *e);

/* Ends the gateway and waits for it (only for `engine stop --all`). */
int gateway_stop(struct gateway *g, struct err *e);

#endif
