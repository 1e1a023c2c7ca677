/* prometheus.h: reads a Prometheus (or what speaks its query API: Thanos, Mimir, VictoriaMetrics)
 * by POST /api/v1/query_range. It waits for the answer: called from a command, or from the thread
 * of metrics_reader.h. Protocol: https://prometheus.io/docs/prometheus/latest/querying/api/
 * Values are texts (also NaN and +Inf), a gap is a row that is not there, an error is JSON with an
 * errorType (bad_data, execution, timeout, unavailable ...) and a status of 400, 422 or 503. */
#ifndef PITHEAD_BACKEND_ADAPTERS_PROMETHEUS_H
#define PITHEAD_BACKEND_ADAPTERS_PROMETHEUS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/err.h"
#include "backend/base/series.h"

#define PROMETHEUS_POINTS_MOST 11000	   /* of one series in one answer: the server's limit */
#define PROMETHEUS_ANSWER_MOST (32L << 20) /* bytes of one answer */
#define PROMETHEUS_SERIES_MOST 20000	   /* over all answers of one query */

/* Where it is and how one gets in. Strings are borrowed; NULL or "" = not used. Secrets stand in
 * files that are read at each query, so that they can be renewed. */
struct prometheus_source {
	const char
		*url; /* http://HOST:PORT or https://, with a path before /api where it has one */
	const char *bearer_file; /* a token */
	const char *basic_file;	 /* USER:PASSWORD */
	const char *ca_file;	 /* certificates that are trusted instead of the system's */
	long timeout_ms;	 /* of one request, 0 = 10 s */
	atomic_int *stop;	 /* not 0: the request is given up soon; NULL = never */
};

/* Evaluates query at from_ms, from_ms + step_ms, ... up to to_ms (UTC) and fills out, released by
 * series_set_release(). A longer range than the server takes at once is asked for in pieces. 0; or
 * ERR_UNREACHABLE: no answer; ERR_DENIED: it asks for a login; ERR_INVALID: it refuses the query;
 * ERR_UNAVAILABLE: it gave up on it; ERR_TOO_LARGE; ERR_FAILED: what answers is no Prometheus. */
int prometheus_query_range(const struct prometheus_source *s, const char *query, int64_t from_ms,
	int64_t to_ms, int64_t step_ms, struct series_set *out, struct err *e);

/* The same for several queries; an empty one has no series. Either all of out is filled, or none.
 */
int prometheus_query_all(const struct prometheus_source *s, const char *const *queries, int count,
	int64_t from_ms, int64_t to_ms, int64_t step_ms, struct series_set *out, struct err *e);

/* codec_prometheus.c: adds the series of one answer to out. status is of HTTP. */
int prometheus_answer_parse(const char *url, int status, const char *text, size_t n,
	struct series_set *out, struct err *e);

#endif
