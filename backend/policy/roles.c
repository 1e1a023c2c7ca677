/* roles.c: the six roles as one table of permission sets. Who holds which role is not known here:
 * backend/api/auth.c finds that out and unites the sets. */
#include "backend/policy/roles.h"

#include <stddef.h>
#include <string.h>

/* Strongest first: the order in which a role is named when several are held. */
static const struct {
	const char *name;
	unsigned permissions;
} roles[] = {
	{"admin", PERM_ALL},
	{"operator", PERM_READ | PERM_RELEASE | PERM_LOWER | PERM_VERSION | PERM_APPLY},
	{"approver", PERM_READ | PERM_APPROVE | PERM_LOWER},
	{"developer", PERM_READ | PERM_VERSION},
	{"auditor", PERM_READ},
	{"service", PERM_POST},
};

static const struct {
	const char *name;
	unsigned permission;
} permissions[] = {
	{"read", PERM_READ},
	{"release", PERM_RELEASE},
	{"lower", PERM_LOWER},
	{"approve", PERM_APPROVE},
	{"version", PERM_VERSION},
	{"apply", PERM_APPLY},
	{"admin", PERM_ADMIN},
	{"post", PERM_POST},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

unsigned role_permissions(const char *role)
{
	for (size_t i = 0; role && i < COUNT(roles); i++)
		if (strcmp(roles[i].name, role) == 0)
			return roles[i].permissions;
	return PERM_NONE;
}

unsigned permissions_unite(unsigned a, unsigned b, int auditor)
{
	/* Whoever watches must not act, whatever else they were given. */
	return auditor ? ((a | b) & PERM_READ) : (a | b);
}

int role_allowed_as(const char *role, unsigned mine)
{
	unsigned wanted = role_permissions(role);

	return wanted != PERM_NONE && (wanted & ~mine) == 0;
}

const char *permission_name(unsigned permission)
{
	for (size_t i = 0; i < COUNT(permissions); i++)
		if (permissions[i].permission == permission)
			return permissions[i].name;
	return "";
}

const char *role_name(int n)
{
	return n >= 0 && (size_t)n < COUNT(roles) ? roles[n].name : NULL;
}
