/* metrics.h: what /metrics says, as Prometheus text. Counters are counted here, record by record,
 * because windows forget; the rest is read from the world when it is asked for. */
#ifndef PITHEAD_BACKEND_API_METRICS_H
#define PITHEAD_BACKEND_API_METRICS_H

#include "backend/acts/world.h"
#include "backend/base/buf.h"
#include "backend/ingest/record.h"

struct metrics;

/* Empty counters; ended by metrics_free. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* Counts one record; arg is the struct metrics. */
void metrics_on_record(void *arg, const struct record *r);

/* Appends the exposition text. */
void metrics_format(const struct metrics *m, struct world *w, struct buf *out);

#endif
