/* roles.h: who may do what. Pure: roles are sets of permissions, they unite, and `auditor`
 * excludes every mutation even when united with others. */
#ifndef PITHEAD_BACKEND_POLICY_ROLES_H
#define PITHEAD_BACKEND_POLICY_ROLES_H

enum permission {
	PERM_READ = 1 << 0,    /* look at everything readable */
	PERM_RELEASE = 1 << 1, /* raise a share: start, advance, resume, promote, override */
	PERM_LOWER = 1 << 2,   /* lower a risk: abort, pause, rollback, reject, acknowledge */
	PERM_APPROVE = 1 << 3,
	PERM_VERSION = 1 << 4, /* add versions */
	PERM_APPLY = 1 << 5,   /* apply endpoints */
	PERM_ADMIN = 1 << 6,   /* access, tiers, engine, backup */
	PERM_POST = 1 << 7,    /* outcomes and predictions */
	PERM_ALL = (1 << 8) - 1,
	PERM_NONE = 0
};

/* The permissions of one role; PERM_NONE for an unknown name. */
unsigned role_permissions(const char *role);

/* Unites two sets that came from roles; `auditor` = either side held the auditor role. */
unsigned permissions_unite(unsigned a, unsigned b, int auditor);

/* Whether a session of `mine` may lower itself to `role`: its permissions are a subset. */
int role_allowed_as(const char *role, unsigned mine);

/* "release" for PERM_RELEASE; "" for a set of several. */
const char *permission_name(unsigned permission);

/* The name of the n-th role, NULL past the last (for help and tests). */
const char *role_name(int n);

#endif
