/* audit_scan.h: the audit log's rows as they lie in the database, for verify: no engine, no key, no
 * term, and nothing believed. */
#ifndef PITHEAD_BACKEND_STORE_AUDIT_SCAN_H
#define PITHEAD_BACKEND_STORE_AUDIT_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/err.h"

/* All texts are borrowed for the call, never NULL. */
struct audit_row {
	int64_t seq, at_us, change, rollout, undo_of;
	const char *actor, *verb, *subject, *project, *endpoint;
	const char *prev, *hash;
	const char *canonical; /* `length` bytes */
	size_t length;
};

/* Calls fn for each row of HOME/store/state.db, by sequence, all of one moment; a non-zero return
 * stops. 0, or a negative ERR_* (of reading, or what fn returned). */
typedef int (*audit_on_row)(void *arg, const struct audit_row *row);
int audit_scan(const char *home, audit_on_row fn, void *arg, struct err *e);

#endif
