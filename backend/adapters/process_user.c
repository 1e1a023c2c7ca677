/* process_user.c: the unprivileged user that a root engine gives its gateway and replicas to. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/adapters/process.h"
#include "backend/base/xalloc.h"

#define SERVICE_USER "pithead"

/* Whether user may pass through the folder: by its mode alone, as it is in no other group. */
static int passes(const char *folder, const struct process_user *user)
{
	struct stat st;

	if (stat(folder, &st) < 0)
		return 1; /* not made yet: it will be ours */
	if (st.st_uid == (uid_t)user->uid)
		return (st.st_mode & 0100) != 0;
	if (st.st_gid == (gid_t)user->gid)
		return (st.st_mode & 0010) != 0;
	return (st.st_mode & 0001) != 0;
}

int process_user_find(const char *home, struct process_user *out, struct err *e)
{
	struct passwd entry, *found = NULL;
	struct process_user user;
	char text[4096], *path;
	int rc = 1;

	*out = (struct process_user){0, 0};
	if (geteuid() != 0 || getpwnam_r(SERVICE_USER, &entry, text, sizeof text, &found) != 0 ||
		!found || found->pw_uid == 0)
		return 0;
	user = (struct process_user){found->pw_uid, found->pw_gid};
	path = xasprintf("%s/", home);
	for (char *p = path + 1; rc == 1 && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (!passes(path, &user)) {
			rc = err_set(e, ERR_DENIED,
				"gateway and replicas run as root: the user " SERVICE_USER
				" cannot pass through %s",
				path);
			err_hint(e, "chmod o+x %s, or choose another $PITHEAD_HOME", path);
		}
		*p = '/';
	}
	free(path);
	if (rc == 1)
		*out = user;
	return rc;
}
