/* canonical.h: the bytes of an event that are hashed, and their hash (docs/audit-format.md). Pure.
 * Used by the store's append and search, and by verify. */
#ifndef PITHEAD_BACKEND_AUDIT_CANONICAL_H
#define PITHEAD_BACKEND_AUDIT_CANONICAL_H

#include <stddef.h>

#include "backend/audit/event.h"
#include "backend/base/buf.h"
#include "backend/base/digest.h"

/* What the first event has as its previous hash. */
#define AUDIT_GENESIS "0000000000000000000000000000000000000000000000000000000000000000"

/* Appends the canonical form: a JSON object, keys sorted, integers and strings only, no whitespace.
 * NULL and "" are left out; bytes that are not UTF-8 become U+FFFD. prev and hash are no part. */
void canonical_format(const struct event *ev, struct buf *out);

/* Reads exactly what canonical_format writes. Strings point into scratch (n bytes needed), absent
 * ones are NULL. 0, or -1 for anything else. */
int canonical_parse(const char *text, size_t n, struct event *out, char *scratch);

/* SHA-256 of prev, "\n" and the canonical bytes, as hex. scratch is any buffer, to be reused. */
void canonical_hash(
	const char *prev, const char *text, size_t n, struct buf *scratch, char out[DIGEST_HEX]);

#endif
