/* auth.h: who is at the other end of a connection (the kernel's word) and what they may do where
 * (the applied access sections). The name, and which groups still count, are members.h's; ids of
 * members were resolved when the access was loaded. */
#ifndef PITHEAD_BACKEND_API_AUTH_H
#define PITHEAD_BACKEND_API_AUTH_H

#include "backend/acts/acts.h"
#include "backend/acts/world.h"

/* Fills uid, groups of its session and login uid from the peer of a connected unix socket; no name
 * ("uid 7") and no permissions yet. ERR_FAILED when the kernel does not tell (not a unix socket).
 */
int auth_read_peer(int fd, struct caller *out, struct err *e);

/* Whether the caller is the one whose engine this is. */
int auth_is_owner(const struct caller *c);

/* Sets c->permissions and c->role to what c may do in `project`; NULL = united over all projects.
 * For a project that nobody has applied yet only an admin of the engine counts. */
void auth_grant(const struct world *w, const char *project, struct caller *c);

/* Names of all roles that c holds in any project, at most `most`; returns their number. */
int auth_roles(const struct world *w, const struct caller *c, const char **out, int most);

/* Lowers c to `role`. ERR_DENIED when that would raise anything, ERR_INVALID when there is no
 * such role. */
int auth_lower(struct caller *c, const char *role, struct err *e);

#endif
