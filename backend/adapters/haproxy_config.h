/* haproxy_config.h: HAProxy's configuration and the rows of its maps as text, and back. Pure: no
 * file, no process, no socket. Used by gateway_haproxy*.c. */
#ifndef PITHEAD_BACKEND_ADAPTERS_HAPROXY_CONFIG_H
#define PITHEAD_BACKEND_ADAPTERS_HAPROXY_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "backend/adapters/gateway.h"
#include "backend/base/buf.h"

#define HAPROXY_BACKEND_SIZE 160
#define HAPROXY_ROW_SIZE     640
#define HAPROXY_FINGERPRINT  17 /* 16 hex digits and a NUL */

/* Names of the files in the gateway's folder; HAProxy runs with that folder as its cwd. */
#define HAPROXY_CFG	  "haproxy.cfg"
#define HAPROXY_ADMIN	  "admin.sock"
#define HAPROXY_ROUTES	  "route.map"
#define HAPROXY_LEASES	  "lease.map"
#define HAPROXY_OVERRIDES "override.map"

struct haproxy_config {
	const struct gateway_endpoint *eps;
	int count;
	const char *log_socket;	  /* absolute path */
	int64_t body_max;	  /* bytes */
	struct process_user user; /* whom it becomes after its start; uid 0 = nobody else */
	int64_t generation;
	const char *fingerprint; /* written into the description; NULL = none yet */
	int servers;		 /* 0 leaves the servers out: what the fingerprint is made of */
	/* Where a server stands now, as "IP:PORT" or "unix@/path"; 0, or it is left out because its
	 * name has no address yet. NULL = as it is written. */
	int (*address)(void *arg, const struct gateway_server *s, char *out, size_t size);
	void *arg;
};

#define HAPROXY_CA_SIZE 32
/* The file of certificates of a PEM text, named by its contents, in the gateway's folder. */
/* The name that TLS asks for: never an address, which is no name (RFC 6066, 3); "" then. */
void haproxy_tls_name(const struct gateway_server *s, char *out, size_t size);

void haproxy_ca_name(const char *pem, char out[HAPROXY_CA_SIZE]);

/* Whether every text may stand in a configuration file: names, addresses, paths have narrow
 * alphabets, so that nobody can write a line of their own. 0, or ERR_INVALID naming the part. */
int haproxy_config_check(const struct haproxy_config *c, struct err *e);

/* The whole file, appended to out. Checked input only. */
void haproxy_config_format(const struct haproxy_config *c, struct buf *out);

/* What tells two configurations apart, servers left out: they change at run time. */
void haproxy_config_fingerprint(const struct haproxy_config *c, char out[HAPROXY_FINGERPRINT]);

/* "flights:delay:0": a backend's name may not hold '/'. */
void haproxy_backend_name(const char *endpoint, int slot, char out[HAPROXY_BACKEND_SIZE]);

/* The slot of a backend's name if it is of this endpoint, else -1. */
int haproxy_backend_slot(const char *endpoint, const char *backend);

/* Whether a server's name and address are fit for the file and the command line. */
int haproxy_server_check(const struct gateway_server *s, struct err *e);

/* "ADDRESS check ...", as in the file and in `add server`; address replaces the server's when
 * not NULL (its name was looked up). */
void haproxy_server_format(const struct gateway_server *s, const char *address, struct buf *out);

/* 1 for 1..60 of [A-Za-z0-9_.:-]: a segment that can be told apart in a request. */
int haproxy_segment_valid(const char *segment);

/* PROJECT/NAME of [A-Za-z0-9._-]. */
int haproxy_endpoint_valid(const char *id);

/* The map row of a route, and back. 0, or ERR_INVALID / ERR_GATEWAY for text that is not one. */
int haproxy_route_format(const char *endpoint, const struct gateway_route *r,
	char out[HAPROXY_ROW_SIZE], struct err *e);
int haproxy_route_parse(
	const char *endpoint, const char *row, struct gateway_route *out, struct err *e);

/* "ID|ROLLOUT|SEGMENT" and the rollout of such a key of this endpoint, -1 = of another. */
void haproxy_override_key(
	const char *endpoint, int64_t rollout, const char *segment, char out[HAPROXY_ROW_SIZE]);
int64_t haproxy_override_rollout(const char *endpoint, const char *key);

#endif
