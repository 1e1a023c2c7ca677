/* plan_rows.h: rows of a spec plan, made by comparing configurations. */
#ifndef PITHEAD_BACKEND_ACTS_PLAN_ROWS_H
#define PITHEAD_BACKEND_ACTS_PLAN_ROWS_H

#include "backend/acts/acts.h"

/* Appends an empty row for path; borrowed until the next append. */
struct plan_row *plan_row_add(struct spec_plan *plan, const char *path);

/* Appends a row per value that stands in want or have (JSON texts; NULL = absent). */
void plan_compare(struct spec_plan *plan, const char *path, const char *want, const char *have);

/* Makes the gateway's configuration match all applied endpoints, then sends routes, overrides and
 * leases. overwrite: a hand-edited configuration is replaced. */
int gateway_sync(struct world *w, int overwrite, struct err *e);

#endif
