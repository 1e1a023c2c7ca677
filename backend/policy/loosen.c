/* loosen.c: see loosen.h. */
#include "backend/policy/loosen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/policy/calendar.h"

#define WINDOWS_MOST 32

enum direction { UP, DOWN }; /* which way is weaker */

/* Marks and grants are counted as 1 (there) and 0. A limit of NAN is none at all. */
static const struct row {
	const char *key;
	enum direction weaker;
	const char *text; /* %s: where */
} rows[] = {
	{"grant", UP, "grants %s"},
	{"watcher", DOWN, "takes %s from the auditors, who may not act"},
	{"account", DOWN, "takes the mark from account %s, so that it may approve"},
	{"robot-may", UP, "lets account %s"},
	{"tier", DOWN, "lowers the tier of %s"},
	{"approvals", DOWN, "asks for fewer approvals on tier %s"},
	{"approve-start", DOWN, "asks for no approval of a start on tier %s"},
	{"approve-promote", DOWN, "asks for no approval of a promotion on tier %s"},
	{"soak", DOWN, "shortens the soak of tier %s"},
	{"step-most", UP, "allows larger steps on tier %s"},
	{"tier-signal", DOWN, "no longer needs %s"},
	{"late-outcomes", DOWN, "allows promotions before late outcomes on tier %s"},
	{"rollback-time", UP, "gives rollbacks more time on tier %s"},
	{"on-undecided", DOWN, "does less about an undecided rollout of %s"},
	{"signal", DOWN, "no longer judges %s"},
	{"critical", DOWN, "only watches %s"},
	{"worse-by", UP, "widens the limit of %s"},
	{"harm-at", UP, "aborts later on %s"},
	{"psi", UP, "widens the shift allowed to %s"},
	{"bounds", DOWN, "judges %s by other bounds"},
	{"source", DOWN, "judges %s by another value"},
	{"outcome-within", UP, "lets the outcomes for %s come later"},
	{"false-abort", UP, "raises the false-abort budget of %s"},
	{"segments", DOWN, "judges fewer segments of %s"},
	{"segment", DOWN, "no longer judges segment %s by itself"},
	{"hold", UP, "waits longer before it acts on an undecided rollout of %s"},
	{"first-share", UP, "begins with a larger share on %s"},
	{"largest-rise", UP, "takes larger steps on %s"},
	{"least-time", DOWN, "takes less time for the steps of %s"},
	{"keep-hot", DOWN, "keeps the previous version of %s hot for less time"},
};

static const struct row *find(const char *key)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

const char *loosen_key(int n)
{
	return n >= 0 && (size_t)n < sizeof rows / sizeof rows[0] ? rows[n].key : NULL;
}

int loosen_number(const char *key, const char *where, double was, double is, char *out, size_t size)
{
	const struct row *r = find(key);

	must(r);
	/* No limit is beyond every limit, whichever way it goes. */
	if (isnan(was) || (!isnan(is) && (r->weaker == UP ? is <= was : is >= was)))
		return 0;
	snprintf(out, size, r->text, where);
	return 1;
}

int loosen_freeze(const char *const *was, int was_count, const char *const *is, int is_count,
	char *lost, size_t size)
{
	struct freeze_window now[WINDOWS_MOST];
	int now_count = 0;

	for (int i = 0; i < is_count && now_count < WINDOWS_MOST; i++)
		if (freeze_window_parse(is[i], &now[now_count], NULL) == 0)
			now_count++;
	for (int i = 0; i < was_count; i++) {
		struct freeze_window old;
		int kept = 0, readable = freeze_window_parse(was[i], &old, NULL) == 0;

		for (int k = 0; k < is_count; k++)
			kept |= strcmp(was[i], is[k]) == 0;
		for (int k = 0; k < now_count && readable; k++)
			kept |= freeze_window_covers(&now[k], &old);
		if (!kept) {
			snprintf(lost, size, "%s", was[i]);
			return 1;
		}
	}
	return 0;
}
