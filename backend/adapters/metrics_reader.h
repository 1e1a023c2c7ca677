/* metrics_reader.h: asks a Prometheus in a thread of its own, so that the engine's loop never waits
 * for it. One question is under way at a time: memory is bounded, and a store that is slow is asked
 * less often. */
#ifndef PITHEAD_BACKEND_ADAPTERS_METRICS_READER_H
#define PITHEAD_BACKEND_ADAPTERS_METRICS_READER_H

#include "backend/adapters/prometheus.h"

#define METRICS_QUERIES 3

struct metrics_reader;

/* What came of a question. */
struct metrics_answer {
	int64_t from_ms, to_ms, step_ms;	 /* as asked */
	struct err error;			 /* code 0: the sets are there */
	struct series_set sets[METRICS_QUERIES]; /* the taker releases them */
};

/* Starts the thread. source (but its stop) and queries are copied; "" = a query that is not asked.
 */
struct metrics_reader *metrics_reader_new(
	const struct prometheus_source *source, const char *const queries[METRICS_QUERIES]);

/* Gives up on what is under way, joins the thread and frees everything. NULL is allowed. */
void metrics_reader_free(struct metrics_reader *r);

/* Asks; 0 when a question is under way, or its answer has not been taken. Never waits. */
int metrics_reader_ask(struct metrics_reader *r, int64_t from_ms, int64_t to_ms, int64_t step_ms);

/* The answer: 1 and it is the caller's, 0 there is none yet. Never waits. */
int metrics_reader_take(struct metrics_reader *r, struct metrics_answer *out);

#endif
