/* ingest.h: receives the gateway's prediction log. One thread only receives datagrams into a
 * bounded ring; the engine's loop drains it, parses each record once and hands it to every
 * subscriber. Losses are counted and never hidden. */
#ifndef PITHEAD_BACKEND_INGEST_INGEST_H
#define PITHEAD_BACKEND_INGEST_INGEST_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/err.h"
#include "backend/ingest/record.h"

struct ingest;

/* What the parser must know of an endpoint to read score and segment from bodies. */
struct ingest_endpoint {
	char id[130];
	/* 0 none; 1 the header that the gateway logs; 2 JSON path, and that header where it is not
	 * in the body */
	int score_kind;
	char score_name[96];
};

struct ingest_counts {
	int64_t received;  /* datagrams */
	int64_t parsed;	   /* records handed on */
	int64_t bad;	   /* datagrams that are not a record */
	int64_t ring_full; /* dropped here because the loop was behind */
	int64_t lost;	   /* gaps in the gateway's own counters: never arrived */
};

typedef void (*ingest_on_record)(void *arg, const struct record *r);

/* Binds the datagram socket at path (0600; queue length raised by a private network namespace
 * where the machine allows it) and starts the receiver. NULL with *e on failure. */
struct ingest *ingest_open(const char *path, int64_t ring_records, struct err *e);
void ingest_close(struct ingest *in);

/* Adds a subscriber; called in the loop's thread, in the order of subscription. */
void ingest_subscribe(struct ingest *in, ingest_on_record fn, void *arg);

/* Within a subscriber's call: the bodies of the record that it was called with, borrowed until it
 * returns. They are decoded when they are first asked for; NULL outside of such a call. */
const struct record_bodies *ingest_bodies(struct ingest *in);

/* Replaces the set of known endpoints (copied). */
void ingest_set_endpoints(struct ingest *in, const struct ingest_endpoint *list, int count);

/* A descriptor that becomes readable when records wait. */
int ingest_fd(const struct ingest *in);

/* Parses and hands on what waits, at most `most` records. Returns how many. */
int ingest_drain(struct ingest *in, int most);

struct ingest_counts ingest_get_counts(const struct ingest *in);

/* Parses one datagram (pure). 0, or -1 when it is not a record. `seq` gets the gateway's own
 * counter, `pid` its process, so that gaps can be counted. */
int record_parse(const char *text, size_t n, const struct ingest_endpoint *eps, int ep_count,
	struct record *out, int64_t *pid, int64_t *seq);

/* Decodes the bodies of a datagram that record_parse took (pure). What out points to lies in room,
 * which holds n bytes. */
void record_bodies_parse(const char *text, size_t n, char *room, struct record_bodies *out);

#endif
