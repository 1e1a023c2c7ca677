/* home.c: which folder the engine's state is in. */
#include "backend/base/home.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *set_or_null(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value ? value : NULL;
}

static int put(char *out, size_t size, const char *base, const char *rest, struct err *e)
{
	if ((size_t)snprintf(out, size, "%s%s", base, rest) < size)
		return 0;
	err_set(e, ERR_INVALID, "the home's path is longer than %zu bytes: %.60s...", size - 1,
		base);
	return err_hint(e, "choose a shorter $PITHEAD_HOME");
}

/* The engine works in "/": a path relative to the working folder is made absolute. */
static int put_named(char *out, size_t size, const char *named, struct err *e)
{
	char cwd[PATH_MAX], slash[PATH_MAX];

	if (named[0] == '/')
		return put(out, size, named, "", e);
	if (!getcwd(cwd, sizeof cwd))
		return err_set(e, ERR_INVALID, "the working folder is gone: %s", strerror(errno));
	if ((size_t)snprintf(slash, sizeof slash, "/%s", named) >= sizeof slash)
		return put(out, size, slash, slash, e);
	return put(out, size, cwd, slash, e);
}

int state_home_own(char *out, size_t size, struct err *e)
{
	const char *named = set_or_null("PITHEAD_HOME"), *state = set_or_null("XDG_STATE_HOME");
	const char *user = set_or_null("HOME");
	const struct passwd *pw;

	if (named)
		return put_named(out, size, named, e);
	if (state && state[0] == '/')
		return put(out, size, state, "/pithead", e);
	if (!user) {
		pw = getpwuid(geteuid());
		user = pw ? pw->pw_dir : NULL;
	}
	if (user)
		return put(out, size, user, "/.local/state/pithead", e);
	err_set(e, ERR_INVALID, "there is no home directory to keep state in");
	return err_hint(e, "set $PITHEAD_HOME to a folder of yours");
}

int state_home_find(char *out, size_t size, struct err *e)
{
	if (!set_or_null("PITHEAD_HOME") &&
		(access("/run/pithead", F_OK) == 0 || access("/etc/pithead", F_OK) == 0))
		return put(out, size, STATE_HOME_TEAM, "", e);
	return state_home_own(out, size, e);
}
