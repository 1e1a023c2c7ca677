/* haproxy_priv.h: parts of the reader of haproxy.cfg. Only used inside backend/intake/. */
#ifndef PITHEAD_BACKEND_INTAKE_HAPROXY_PRIV_H
#define PITHEAD_BACKEND_INTAKE_HAPROXY_PRIV_H

#include "backend/intake/haproxy_file.h"

/* Adds the server of the line to p; words[0] is `server` or `server-template`. */
void haproxy_server_read(
	struct haproxy_proxy *p, const char *const *words, int count, haproxy_env env, void *arg);

/* The options after an address, or after `default-server`. */
void haproxy_server_options(struct haproxy_server *s, const char *const *words, int count);

/* Whether the condition of an `.if` holds: literals, defined, streq, strneq, version and feature
 * tests, with `!`, `&&` and `||`. What it does not know holds. */
int haproxy_condition(const char *text, haproxy_env env, void *arg);

#endif
