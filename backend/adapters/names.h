/* names.h: the addresses of host names, looked up by the machine's own rules (hosts file, search
 * domains, name servers) in a thread of its own, so that a name server that is silent never holds
 * up the loop. A name that is asked for is looked up again and again; its address stays while the
 * name still has it, or while it cannot be looked up. HAProxy could ask name servers itself, but
 * not for servers added at run time, and not by the machine's rules. */
#ifndef PITHEAD_BACKEND_ADAPTERS_NAMES_H
#define PITHEAD_BACKEND_ADAPTERS_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define NAMES_HOST    400 /* a host is short; what else is looked up may be longer */
#define NAMES_WHY     80
#define NAMES_ADDRESS 48 /* IPv4, or IPv6 without brackets, and a NUL */

struct names;

/* What looks one up, at most `most` addresses into list: their number, or -1 with a reason in why.
 * May take long; called in the thread only. NULL = as the machine does it. */
typedef int (*names_lookup)(
	void *arg, const char *host, char (*list)[NAMES_ADDRESS], int most, char *why, size_t size);

/* every_ms is read at each turn: how often a name is looked up again. */
struct names *names_new(const int64_t *every_ms, names_lookup lookup, void *arg);
/* The thread ends when its lookup does; nobody waits for it. */
void names_free(struct names *n);

/* The address of host, waited for at most wait_ms when it was not asked for before. 1 known; 0
 * still being looked up; -1 it has none, with the reason in why. */
int names_find(struct names *n, const char *host, int wait_ms, char out[NAMES_ADDRESS], char *why,
	size_t size);

#endif
