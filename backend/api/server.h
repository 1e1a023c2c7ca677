/* server.h: the engine's HTTP server on a unix socket. It has no thread and no loop of its own:
 * the engine waits on api_fd for at most api_timeout_ms and then calls api_run. */
#ifndef PITHEAD_BACKEND_API_SERVER_H
#define PITHEAD_BACKEND_API_SERVER_H

#include "backend/acts/world.h"
#include "backend/ingest/record.h"

struct api;

/* Listens at socket_path (0666: the peer's credentials decide). The socket is bound under another
 * name and renamed, so that a client never finds one that does not listen; an old socket file is
 * replaced, so the caller must already know that it is the only engine. handed: the socket that
 * another program has left for us (taken), or -1. NULL with *e on failure. */
struct api *api_open(struct world *w, const char *socket_path, int handed, struct err *e);

/* Readable when something waits; NULL-safe: -1. */
int api_fd(const struct api *a);

/* How long the loop may wait before api_run: milliseconds, -1 = for ever, 0 = call it now. */
int api_timeout_ms(const struct api *a);

/* Serves what is ready, never blocks. */
void api_run(struct api *a);

/* Something was committed or seen: whoever waits is asked again by the next api_run, which must
 * follow at once (api_timeout_ms is 0). Cheap; may be called from within api_run. */
void api_wake(struct api *a);

/* Counts a record for /metrics; arg is the struct api. For ingest_subscribe. */
void api_on_record(void *arg, const struct record *r);

/* Answers everybody who still waits, stops listening, removes the socket. */
void api_close(struct api *a);

/* The same, and the socket goes on listening: clients wait in its queue until the descriptor that
 * is returned (the caller's, -1 = none) is opened again, by another program perhaps. */
int api_hand_over(struct api *a);

#endif
