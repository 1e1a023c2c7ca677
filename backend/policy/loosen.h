/* loosen.h: which differences between two specs make a rule weaker. Pure: the caller walks the
 * specs and names each value by the key of the table here; what is not in the table never loosens.
 */
#ifndef PITHEAD_BACKEND_POLICY_LOOSEN_H
#define PITHEAD_BACKEND_POLICY_LOOSEN_H

#include <stddef.h>

/* Whether a value that went from `was` to `is` is weaker, by the table's row of `key`. NAN stands
 * for "no limit". A key without a row ends the program: it is a mistake of the caller. On yes, the
 * sentence about `where` ("delay: brier") goes to out. */
int loosen_number(
	const char *key, const char *where, double was, double is, char *out, size_t size);

/* Whether there is an instant at which a window of `was` holds and none of `is` does, as far as
 * their texts tell. A window that cannot be read counts as lost when its text is gone. */
int loosen_freeze(const char *const *was, int was_count, const char *const *is, int is_count,
	char *lost, size_t size);

/* The n-th key of the table, NULL past the last (for tests). */
const char *loosen_key(int n);

#endif
