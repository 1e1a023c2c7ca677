/* haproxy_cli.h: a lasting connection to HAProxy's admin socket in its `prompt` mode. One per
 * generation, so that a worker that is on its way out is still told of every move. */
#ifndef PITHEAD_BACKEND_ADAPTERS_HAPROXY_CLI_H
#define PITHEAD_BACKEND_ADAPTERS_HAPROXY_CLI_H

#include "backend/base/buf.h"
#include "backend/base/err.h"

#define HAPROXY_CLI_MS 500 /* the limit of one exchange */

struct haproxy_cli;

/* Connects to the socket `name` in folder (its path may be longer than a socket address). NULL
 * with ERR_UNREACHABLE or ERR_TIMEOUT. */
struct haproxy_cli *haproxy_cli_open(const char *folder, const char *name, struct err *e);

/* Takes over a connected descriptor (tests speak garbage through it). */
struct haproxy_cli *haproxy_cli_take(int fd, struct err *e);
void haproxy_cli_close(struct haproxy_cli *c);

/* Sends `commands`, `count` lines each ended by '\n', in one write, and appends their answers to
 * out, each ended by a byte 0, in order. 0, or ERR_UNREACHABLE (closed), ERR_TIMEOUT,
 * ERR_GATEWAY (more or other than answers); after any of these only close is of use. */
int haproxy_cli_ask(
	struct haproxy_cli *c, const char *commands, int count, struct buf *out, struct err *e);

/* Whether a former exchange broke the connection. */
int haproxy_cli_broken(const struct haproxy_cli *c);

/* The next of the answers in out (NULL starts); NULL after the last. */
const char *haproxy_cli_next(const struct buf *out, const char *before);

#endif
