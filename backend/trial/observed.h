/* observed.h: from the counters that a metrics store keeps to counts of each tick: the differences
 * of each series by itself, summed by arm. Not increase(): that estimates, in fractions, what lies
 * between the samples and the ends of its range. Not sum() of counters either: there the reset of
 * one server looks like fewer requests of all.
 *
 * Between two readings a counter has grown, or begun anew (it is lower: what it has since is
 * counted). A series that was not there before began at 0 if others of its server (labels job and
 * instance) were: so do series of errors that come with the first one. Else it is a server that
 * was not read before, and only what follows counts. A gap, NaN or an infinity: the same. Pure. */
#ifndef PITHEAD_BACKEND_TRIAL_OBSERVED_H
#define PITHEAD_BACKEND_TRIAL_OBSERVED_H

#include "backend/base/err.h"
#include "backend/base/series.h"
#include "backend/judge/rollout_judge.h"
#include "backend/spec/spec.h"

enum observed_query { OBSERVED_REQUESTS, OBSERVED_ERRORS, OBSERVED_LATENCY, OBSERVED_QUERIES };

/* The text of a query, "" when the endpoint has none of that kind. */
const char *observed_text(const struct spec_metrics *m, enum observed_query q);

/* What one reading tells beside its counts. */
struct observed_look {
	int64_t newest_ms[2]; /* last instant with requests' counters of the arm; -1 = none */
	int64_t excess;	      /* errors counted beyond the requests of their tick */
};

/* Reads sets (as queried from from_ms to to_ms by step_ms; the first instant is what the second is
 * compared with) and calls fn for each later instant, oldest first, its tick in seconds; ticks in
 * which nothing was counted too. ERR_INVALID with a sentence when what they hold are no counters of
 * whole numbers, or no buckets. */
typedef void (*observed_fn)(void *arg, const struct judge_counts *c);
int observed_count(const struct spec_metrics *m, const struct series_set sets[OBSERVED_QUERIES],
	int64_t from_ms, int64_t to_ms, int64_t step_ms, observed_fn fn, void *arg,
	struct observed_look *look, struct err *e);

/* Says in one sentence which series the requests lack, "" when both arms have some. */
void observed_lack(
	const struct spec_metrics *m, const struct series_set *requests, char *out, size_t size);

#endif
