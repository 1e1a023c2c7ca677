/* verify.h: is the audit log whole? Reads the events and the signed checkpoints; needs no engine.
 */
#ifndef PITHEAD_BACKEND_AUDIT_VERIFY_H
#define PITHEAD_BACKEND_AUDIT_VERIFY_H

#include <stdint.h>

#include "backend/base/err.h"

/* Distinct exit codes of `pithead audit verify`. 1-5 keep their general meaning. */
enum audit_finding {
	AUDIT_WHOLE = 0,
	AUDIT_ALTERED = 10, /* an event's canonical bytes do not give its hash, or columns differ */
	AUDIT_MISSING = 11, /* a gap in the sequence or chain: deleted, inserted or swapped */
	AUDIT_TRUNCATED = 12, /* the log ends before the last signed checkpoint */
	AUDIT_FORKED = 13,    /* a checkpoint names another hash for a sequence: another history */
	AUDIT_UNSIGNED = 14,  /* a checkpoint is not by the key, or there is none past the limit */
};

struct audit_report {
	enum audit_finding finding;
	int64_t events;	       /* looked at */
	int64_t first_bad_seq; /* 0 = none */
	int64_t signed_seq;    /* last covered by a good checkpoint */
	int64_t exposed;       /* events after it: could be cut without notice */
	char sentence[400];
};

/* Verifies HOME's log (the engine may be running). 0 with *out filled whatever the finding, or
 * ERR_* when it cannot be read at all. progress (may be NULL) is called every 100,000 events. */
int audit_verify(const char *home, struct audit_report *out,
	void (*progress)(void *arg, int64_t events), void *arg, struct err *e);

#endif
