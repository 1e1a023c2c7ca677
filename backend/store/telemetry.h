/* telemetry.h: the telemetry database: single requests for the join with outcomes, and per-second
 * arm counts for charts that survive a restart. Written in batches, one transaction a tick, with
 * synchronous=NORMAL; it never waits for the state database. */
#ifndef PITHEAD_BACKEND_STORE_TELEMETRY_H
#define PITHEAD_BACKEND_STORE_TELEMETRY_H

#include <stdint.h>

#include "backend/base/err.h"
#include "backend/ingest/record.h"
#include "backend/ingest/window.h"
#include "backend/store/store.h"

/* Queues a record (copied) for the next flush. */
void telemetry_add_record(struct store *s, const struct record *r);

/* Writes what is queued and drops rows older than keep_us, in one transaction. What counts on a
 * trial, and all outcomes, are kept for due_us where that is longer: they wait for each other. */
int telemetry_flush(struct store *s, int64_t keep_us, int64_t due_us, struct err *e);

/* The request with this id (queued or written): 1 found, 0 not. */
int telemetry_find_record(struct store *s, const char *id, struct record *out, struct err *e);

/* The score of a kept request that has none yet. 1 = taken, 0 = it has one, or there is no such
 * request. */
int telemetry_add_score(struct store *s, const char *id, double score, struct err *e);

/* Stores an outcome; the first for (id, name) wins. 1 stored, 0 was there already. */
int telemetry_add_outcome(struct store *s, const char *id, const char *name, double value,
	int64_t at_us, struct err *e);

/* Feeds the records and outcomes of the last quarter hour to a window again after a restart. */
int telemetry_load_window(
	struct store *s, const char *endpoint, int64_t since_us, struct window *w, struct err *e);

/* How many answers the candidate of a rollout has given since since_us. */
int telemetry_count_exposed(
	struct store *s, int64_t rollout, int64_t since_us, int64_t *out, struct err *e);

#endif
