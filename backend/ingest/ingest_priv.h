/* ingest_priv.h: the pieces inside the receiver: its ring, its socket, the count of gaps, and the
 * reading of values. Included by the files of this folder and their tests only. */
#ifndef PITHEAD_BACKEND_INGEST_PRIV_H
#define PITHEAD_BACKEND_INGEST_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/err.h"

#define INGEST_DATAGRAM 65536 /* no datagram of the gateway is larger */

/* A bounded queue of datagrams from one thread to another, without locks. */
struct ring;

/* Room for `records` datagrams and `bytes` (rounded up to a power of two) of text. */
struct ring *ring_new(size_t bytes, int64_t records);
void ring_free(struct ring *r);

/* Sender's side: copies n bytes in. 1, or 0 when it is full: then the datagram is dropped, and the
 * next one that fits carries the number of drops before it. */
int ring_push(struct ring *r, const void *data, size_t n);

/* Receiver's side: the oldest datagram, borrowed until ring_pop, and the drops before it; NULL
 * when none waits. */
const char *ring_peek(struct ring *r, size_t *n, int64_t *dropped);
void ring_pop(struct ring *r);

/* The bound datagram socket at path, 0600, close-on-exec; *queue is how many datagrams the kernel
 * holds for it. A negative ERR_* with *e on failure. */
int ingest_socket_open(const char *path, int *queue, struct err *e);

/* Counts what is missing in the gateway's counters. A stream is one counter: one endpoint in one
 * process. The gateway reads a counter and raises it in two steps, so that with several threads a
 * number may come twice and the next one never: numbers are therefore counted, not ticked off. */
struct gaps;

/* Whether the process was started after we began to listen, so that its counters are known from
 * 0 on. Asked once for each new stream. */
typedef int (*gaps_is_fresh)(void *arg, int64_t pid);

struct gaps *gaps_new(gaps_is_fresh fn, void *arg);
void gaps_free(struct gaps *g);

/* Notes a number that arrived at now_us (monotonic). */
void gaps_add(struct gaps *g, int64_t pid, const char *stream, int64_t seq, int64_t now_us);

/* n numbers are missing because we dropped them ourselves: they are not lost. */
void gaps_excuse(struct gaps *g, int64_t n);

/* Numbers that never arrived. A gap counts when 512 later numbers or a second have passed. */
int64_t gaps_lost(const struct gaps *g, int64_t now_us);

/* The JSON number that n bytes are, whole. 1 with *out finite, or 0. Independent of the locale. */
int number_parse(const char *text, size_t n, double *out);

/* The number at a dotted path ("a.b.0.c"; "." = the text itself) of a JSON text. 1 with *out
 * finite, 0 when it is not there or not a number. Names with escapes never match. */
int json_number_at(const char *text, size_t n, const char *path, double *out);

/* The end of the JSON value that begins at p (no leading space), NULL when it is none. */
const char *json_skip_value(const char *p, const char *end);

#endif
