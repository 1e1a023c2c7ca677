/* window.h: what happened on both arms of one endpoint, second by second, for the last quarter of
 * an hour: counts, failures, a latency histogram and the mean score. Fixed memory per endpoint.
 * Fed by records and outcomes; read by API, console, guard and the judge's seam. */
#ifndef PITHEAD_BACKEND_INGEST_WINDOW_H
#define PITHEAD_BACKEND_INGEST_WINDOW_H

#include <stdint.h>

#include "backend/ingest/record.h"

#define WINDOW_SECONDS 900
#define LATENCY_BINS   64 /* log-spaced, 0.1 ms to 100 s; error of a quantile < 12 % */

struct window;

/* Sums over a span of seconds for one arm. */
struct arm_counts {
	int64_t requests, failures, unread, segment_unknown, keyless;
	int64_t scored;
	double score_sum, score_square_sum;
	int64_t latency_bins[LATENCY_BINS]; /* of answer times; failures without answer excluded */
	int64_t outcomes;		    /* joined labels */
	double outcome_sum;
	double brier_sum; /* sum of (score - outcome)^2 over joined labels with a score */
	int64_t brier_n;
};

/* An empty window (some 0.6 MB); ended by window_free. */
struct window *window_new(void);
void window_free(struct window *w);

/* Adds one record, at its routing second. Seconds older than the window are ignored. */
void window_add(struct window *w, const struct record *r);

/* What somebody else counted of a second, of an endpoint that is only looked at: it adds up. */
struct window_counts {
	int64_t second; /* of UTC */
	uint32_t requests, failures;
};
void window_add_counts(struct window *w, enum arm arm, const struct window_counts *c);
void window_add_latencies(
	struct window *w, enum arm arm, int64_t second, double answer_ms, uint32_t n);

/* Adds a joined outcome for a request routed at routed_us on `arm` with `score` (NAN unknown). */
void window_add_outcome(
	struct window *w, enum arm arm, int64_t routed_us, double score, double outcome);

/* Adds the score of a request that was unread when it was added. */
void window_add_score(
	struct window *w, enum arm arm, int64_t routed_us, double score, int was_read);

/* Sums over [now - seconds, now) for one arm. */
void window_sum(
	const struct window *w, enum arm arm, int64_t now_us, int seconds, struct arm_counts *out);

/* The last `points` spans of `span_s` seconds each, oldest first, for charts. */
void window_series(const struct window *w, enum arm arm, int64_t now_us, int span_s, int points,
	struct arm_counts *out);

/* Latency quantile q (0..1) in ms, -1 when there are no answers. */
double arm_counts_quantile(const struct arm_counts *c, double q);

/* UTC second of the newest record, 0 = none yet. */
int64_t window_newest_us(const struct window *w);

/* The last answers of the candidate of one rollout, for the fail-fast guard. */
struct guard {
	int64_t rollout;
	unsigned char failed[64]; /* ring, newest at (next - 1) */
	int next, filled;
	int down; /* an answer said that no server could be reached */
};

/* Counts an answer; a record of another rollout or of stable is ignored (a new rollout is set by
 * guard_reset). */
void guard_add(struct guard *g, const struct record *r, int window);
void guard_reset(struct guard *g, int64_t rollout);

/* Failed answers among the last `window`, or `window` when the backend was down. */
int guard_failures(const struct guard *g, int window);

#endif
