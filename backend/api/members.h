/* members.h: what the machine's user database (passwd, group, and what nsswitch.conf adds) says of
 * a caller now. The kernel tells the groups that a session had when it began; a person who has left
 * one since must lose what it gave. The database may block (LDAP), so a thread of its own asks it,
 * and the loop waits for a bounded time. */
#ifndef PITHEAD_BACKEND_API_MEMBERS_H
#define PITHEAD_BACKEND_API_MEMBERS_H

#include "backend/acts/acts.h"

#define MEMBERS_GROUPS	256
#define MEMBERS_KEEP_US 5000000 /* so long an answer is good enough for looking */
#define MEMBERS_WAIT_MS 250	/* so long the loop waits for an answer */

/* A user as the database has it. */
struct member {
	int64_t uid;
	char name[NAME_SIZE]; /* "uid 1234" for one that it does not know */
	int64_t groups[MEMBERS_GROUPS];
	char group_names[MEMBERS_GROUPS][NAME_SIZE]; /* "" for one without a name */
	int group_count;
};

struct members;

/* look: asks the database about m->uid and fills the rest; 0, or -1 when it did not say. Called in
 * the thread. NULL = the machine's own. */
struct members *members_new(int (*look)(struct member *m));
void members_free(struct members *m); /* a lookup that hangs is left to end by itself */

/* Names c and its groups, and drops those of its session that the database does not give it now.
 * fresh: by an answer asked for by this call (acts); else one that is at most MEMBERS_KEEP_US old
 * will do. When none comes in time, the last one known counts, or the session's groups if there is
 * none, and c->groups_stale is set. */
void members_check(struct members *m, struct caller *c, int64_t mono_us, int fresh);

#endif
