/* cuts.h: answers that break off after their head, of candidate and stable in one rollout. A record
 * is written at the head, so the judge takes such an answer for a good one; the gateway counts it
 * at its server. Pure. */
#ifndef PITHEAD_BACKEND_INGEST_CUTS_H
#define PITHEAD_BACKEND_INGEST_CUTS_H

#include <stdint.h>

struct cuts {
	int64_t rollout;	       /* 0 = none */
	int64_t answers[2], broken[2]; /* by arm, as enum arm, since its start */
	double recent[2];	       /* answers of the last ticks, older ones count less */
	uint64_t seed;		       /* of the order within a tick */
	double evidence;	       /* logarithm of the bet against "alike" */
};

/* Begins anew, for a rollout. */
void cuts_reset(struct cuts *c, int64_t rollout);

/* What came since the last call, by arm. */
void cuts_add(struct cuts *c, const int64_t answers[2], const int64_t broken[2]);

/* Whether the candidate breaks off more of its answers than stable. Where it does not, this ever
 * says so in at most one rollout of a thousand, however often it is asked. */
int cuts_proven(const struct cuts *c);

#endif
