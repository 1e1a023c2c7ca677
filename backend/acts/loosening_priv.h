/* loosening_priv.h: what the two files that walk the specs share. Only included there. */
#ifndef PITHEAD_BACKEND_ACTS_LOOSENING_PRIV_H
#define PITHEAD_BACKEND_ACTS_LOOSENING_PRIV_H

#include "backend/acts/acts.h"

struct comparing {
	struct world *w;
	const struct spec *was, *want; /* was: access and tiers only */
	struct spec_plan *plan;
	int approvals; /* that the values compared now are worth */
	int least;     /* what any of them is worth at least */
};

/* Compares one value by the row of `key` (policy/loosen.h) and notes a sentence when it is weaker.
 */
void loosening_number(
	struct comparing *c, const char *key, const char *where, double was, double is);

/* The tier of that name, NULL = none. */
const struct spec_tier *loosening_tier(const struct spec *s, const char *name);

/* loosening_endpoint.c: all that an endpoint says of how it is judged and moved. ep: as it is
 * recorded; another name than that of `is` when its address is taken over. */
void loosening_endpoint(
	struct comparing *c, const struct live_endpoint *ep, const struct spec_endpoint *is);

#endif
