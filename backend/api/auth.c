/* auth.c: peer credentials to a caller, roles to permissions. */
#include "backend/api/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/api/suggest.h"
#include "backend/base/xalloc.h"
#include "backend/policy/roles.h"

#define GROUPS_MOST 64
#define NO_LOGIN    4294967295LL

/* The login uid survives sudo, so that two names of one person can be told. It never gives a right,
 * it only takes away that of approving one's own. The process that connected may have ended since:
 * whoever is hidden like that (*hidden) approves nothing. No pid: it lives where the kernel cannot
 * name it to us. */
static int64_t login_uid(pid_t pid, int *hidden)
{
	char path[64], text[32] = "";
	long long uid;
	FILE *f;

	*hidden = 0;
	snprintf(path, sizeof path, "/proc/%ld/loginuid", (long)pid);
	f = fopen(path, "re");
	if (!f) {
		*hidden = pid > 0 && access("/proc/self/loginuid", R_OK) == 0;
		return -1;
	}
	if (!fgets(text, sizeof text, f))
		text[0] = '\0';
	fclose(f);
	uid = text[0] ? atoll(text) : NO_LOGIN;
	return uid == NO_LOGIN ? -1 : uid;
}

/* Groups past the limit are left out: that can only take permissions away. */
static void read_groups(int fd, struct caller *c)
{
	gid_t groups[GROUPS_MOST], *list = groups, *more = NULL;
	socklen_t size = sizeof groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0) {
		/* ERANGE: size now says how much is needed. */
		more = size > sizeof groups && size < 1 << 20 ? xcalloc(1, size) : NULL;
		if (!more || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, more, &size) != 0)
			size = 0;
		list = more;
	}
	for (size_t i = 0; i < size / sizeof(gid_t) && c->group_count < GROUPS_MOST; i++)
		c->groups[c->group_count++] = list[i];
	free(more);
}

int auth_read_peer(int fd, struct caller *out, struct err *e)
{
	struct ucred cred;
	socklen_t size = sizeof cred;

	*out = (struct caller){.via = "api", .login_uid = -1, .uid = -1, .gid = -1};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0 || cred.uid == (uid_t)-1)
		return err_set(e, ERR_FAILED, "the kernel does not say who is at the other end");
	out->uid = cred.uid;
	out->gid = cred.gid;
	read_groups(fd, out);
	out->login_uid = login_uid(cred.pid, &out->login_hidden);
	snprintf(out->user, sizeof out->user, "uid %lld", (long long)out->uid);
	return 0;
}

int auth_is_owner(const struct caller *c)
{
	return c->uid == (int64_t)geteuid();
}

static int has_group(const struct caller *c, int64_t gid)
{
	if (c->gid == gid)
		return 1;
	for (int i = 0; i < c->group_count; i++)
		if (c->groups[i] == gid)
			return 1;
	return 0;
}

/* Whether a member as the spec names it, a user or "@group", is c by the names that the user
 * database gives c's ids now. */
static int is_called(const char *member, const struct caller *c)
{
	if (member[0] != '@')
		return strcmp(member, c->user) == 0;
	for (int i = 0; i < c->group_name_count; i++)
		if (strcmp(member + 1, c->group_names[i]) == 0)
			return 1;
	return 0;
}

/* Whether c is a member of the n-th role of the project's access. A user or group may have been
 * made after that was applied: then only the name tells. */
static int is_member(const struct live_project *p, int n, const struct caller *c)
{
	for (int i = 0; i < p->access->roles[n].member_count; i++)
		if (is_called(p->access->roles[n].members[i], c))
			return 1;
	for (int i = 0; i < p->ids[n].uid_count; i++)
		if (p->ids[n].uids[i] == c->uid)
			return 1;
	for (int i = 0; i < p->ids[n].gid_count; i++)
		if (has_group(c, p->ids[n].gids[i]))
			return 1;
	return 0;
}

/* Sets a bit per role (by its number in the table of roles) that c holds in p. */
static unsigned roles_in(const struct live_project *p, const struct caller *c)
{
	unsigned held = 0;

	for (int n = 0; p->access && n < p->access->role_count; n++) {
		if (!is_member(p, n, c))
			continue;
		for (int r = 0; role_name(r); r++)
			if (strcmp(role_name(r), p->access->roles[n].role) == 0)
				held |= 1u << r;
	}
	return held;
}

/* The roles in one project, or over all when project is NULL. */
static unsigned roles_held(const struct world *w, const char *project, const struct caller *c)
{
	unsigned held = 0;
	int known = 0;

	for (int i = 0; i < w->project_count; i++) {
		const struct live_project *p = w->projects[i];

		if (project && strcmp(project, p->spec.project) != 0)
			continue;
		held |= roles_in(p, c);
		known = 1;
	}
	/* Bit 0 is admin, the first of the table: who rules elsewhere may bring a new project. */
	if (project && !known)
		held = roles_held(w, NULL, c) & 1u;
	return held;
}

void auth_grant(const struct world *w, const char *project, struct caller *c)
{
	unsigned held = auth_is_owner(c) ? 1u : roles_held(w, project, c);
	int auditor = 0;

	c->permissions = PERM_NONE;
	c->role[0] = '\0';
	for (int r = 0; role_name(r); r++)
		if (held & 1u << r && strcmp(role_name(r), "auditor") == 0)
			auditor = 1;
	for (int r = 0; role_name(r); r++) {
		if (!(held & 1u << r))
			continue;
		c->permissions =
			permissions_unite(c->permissions, role_permissions(role_name(r)), auditor);
		if (!c->role[0])
			str_copy(c->role, sizeof c->role, auditor ? "auditor" : role_name(r));
	}
	if (!c->role[0])
		str_copy(c->role, sizeof c->role, "stranger");
	if (c->groups_stale && !auth_is_owner(c))
		c->permissions &= PERM_READ | PERM_LOWER;
}

int auth_roles(const struct world *w, const struct caller *c, const char **out, int most)
{
	unsigned held = auth_is_owner(c) ? 1u : roles_held(w, NULL, c);
	int count = 0;

	for (int r = 0; role_name(r) && count < most; r++)
		if (held & 1u << r)
			out[count++] = role_name(r);
	return count;
}

int auth_lower(struct caller *c, const char *role, struct err *e)
{
	struct suggest s = {.word = role};

	if (role_permissions(role) == PERM_NONE) {
		for (int r = 0; role_name(r); r++)
			suggest_try(&s, role_name(r));
		err_set(e, ERR_INVALID, "there is no role \"%.20s\"", role);
		if (s.best)
			err_hint(e, "did you mean %s?", s.best);
		return err_field(e, "X-Pithead-As");
	}
	if (!role_allowed_as(role, c->permissions)) {
		err_set(e, ERR_DENIED,
			"%s is %s and cannot become %s: a role can be lowered, never raised",
			c->user, c->role, role);
		return err_field(e, "X-Pithead-As");
	}
	c->permissions &= role_permissions(role);
	str_copy(c->role, sizeof c->role, role);
	return 0;
}
