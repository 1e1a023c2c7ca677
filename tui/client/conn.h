/* conn.h: requests to the engine over its unix socket, blocking for one-shot commands and
 * asynchronous for the console. One connection pool per process, kept alive. */
#ifndef PITHEAD_TUI_CLIENT_CONN_H
#define PITHEAD_TUI_CLIENT_CONN_H

#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "tui/client/snapshot.h"

struct conn;

/* What is asked. All strings are borrowed for the call and copied. */
struct request {
	const char *method;	 /* "GET" or "POST" */
	const char *path;	 /* with its query */
	const char *body;	 /* JSON; NULL = none */
	int64_t revision;	 /* sent as If-Match; 0 = none */
	const char *idempotency; /* NULL = none */
	int upload_fd;		 /* with upload_size >= 0: a tar to send, read from its start */
	int64_t upload_size;	 /* -1 = no upload */
	int download_fd;	 /* -1, or where the answer's body is written on success */
	long timeout_ms;	 /* 0 = 30 s */
};
#define REQUEST_INIT                                                                               \
	{                                                                                          \
		.method = "GET", .upload_fd = -1, .upload_size = -1, .download_fd = -1             \
	}

struct reply {
	int code;	       /* 0 or a negative ERR_*, also in err */
	long status;	       /* HTTP status, 0 when nothing came back */
	struct buf body;       /* owned: exactly what came */
	struct snapshot *data; /* owned: its tree; NULL when it is no JSON */
	struct err err;
	char moved[400];      /* of a 412: who changed what, when */
	char api_version[16]; /* that the engine speaks; "" = it did not say */
};
/* Frees what r holds. */
void reply_release(struct reply *r);

/* Takes the reply: the callback may detach data (set it to NULL); the rest is released after. */
typedef void (*conn_done)(void *arg, struct reply *r);

/* socket: the engine's path. via: "console" or "command". as: a role, or NULL. No traffic yet. */
struct conn *conn_open(const char *socket, const char *via, const char *as);
/* Ends all requests without calling them back. c may be NULL. */
void conn_close(struct conn *c);

/* Sends and waits. 0 or the negative code; r is filled either way and released by the caller. */
int conn_call(struct conn *c, const struct request *q, struct reply *r);

/* Starts a request; done is called from conn_wait. Returns its id, for conn_cancel. */
int conn_send(struct conn *c, const struct request *q, conn_done done, void *arg);
/* Forgets a request: done is not called. An unknown id is ignored. */
void conn_cancel(struct conn *c, int id);
/* Whether requests are under way. */
int conn_busy(const struct conn *c);

/* Waits for the fds, the connections, or timeout_ms; then runs what is due and calls back.
 * events/revents are as of poll(2). Returns 0. */
struct conn_fd {
	int fd;
	short events, revents;
};
int conn_wait(struct conn *c, struct conn_fd *fds, int count, int timeout_ms);

#endif
