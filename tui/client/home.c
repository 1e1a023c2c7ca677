/* home.c: where the engine is, and whether we may start one there. No connection is made here. */
#include "tui/client/home.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"

static int set_paths(struct home *h, const char *dir, const char *socket, struct err *e)
{
	struct sockaddr_un sun;

	if (!str_copy(h->dir, sizeof h->dir, dir) ||
		!str_copy(h->socket, sizeof h->socket, socket) ||
		strlen(socket) >= sizeof sun.sun_path) {
		err_set(e, ERR_INVALID, "the socket's path is longer than %zu bytes: %.80s...",
			sizeof sun.sun_path - 1, socket);
		return err_hint(e, "choose a shorter $PITHEAD_HOME");
	}
	return 0;
}

static int set_home(struct home *h, const char *dir, struct err *e)
{
	char *socket = xasprintf("%s/%s", dir, FILE_SOCKET);
	int rc = set_paths(h, dir, socket, e);

	free(socket);
	return rc;
}

static const char *set_or_null(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value ? value : NULL;
}

/* $XDG_STATE_HOME/pithead, else ~/.local/state/pithead. NULL without a home; the caller frees. */
static char *own_home(void)
{
	const char *state = set_or_null("XDG_STATE_HOME");
	const char *base = set_or_null("HOME");
	const struct passwd *pw;

	if (state && state[0] == '/')
		return xasprintf("%s/pithead", state);
	if (!base) {
		pw = getpwuid(geteuid());
		base = pw ? pw->pw_dir : NULL;
	}
	return base ? xasprintf("%s/.local/state/pithead", base) : NULL;
}

static int team_installed(void)
{
	return access("/run/pithead", F_OK) == 0 || access("/etc/pithead", F_OK) == 0;
}

/* A named home relative to the working folder is made absolute: the engine works in "/". */
static int set_named_home(struct home *h, const char *dir, struct err *e)
{
	char *cwd, *full;
	int rc;

	h->kind = HOME_NAMED;
	if (dir[0] == '/')
		return set_home(h, dir, e);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return err_set(e, ERR_INVALID, "the working folder is gone: %s", strerror(errno));
	full = xasprintf("%s/%s", cwd, dir);
	rc = set_home(h, full, e);
	free(full);
	free(cwd);
	return rc;
}

int home_find(const char *socket, struct home *h, struct err *e)
{
	const char *named = socket ? socket : set_or_null("PITHEAD_SOCKET");
	const char *dir = set_or_null("PITHEAD_HOME");
	char *own;
	int rc;

	*h = (struct home){0};
	if (named) {
		h->kind = HOME_NAMED_SOCKET;
		return set_paths(h, "", named, e);
	}
	if (dir)
		return set_named_home(h, dir, e);
	if (team_installed()) {
		h->kind = HOME_TEAM;
		return set_paths(h, "/var/lib/pithead", TEAM_SOCKET, e);
	}
	own = own_home();
	if (!own) {
		err_set(e, ERR_INVALID, "there is no home directory to keep state in");
		return err_hint(e, "set $PITHEAD_HOME to a folder of yours");
	}
	h->kind = HOME_OWN;
	rc = set_home(h, own, e);
	free(own);
	return rc;
}

int home_find_dir(char *dir, int size, struct err *e)
{
	struct home h;
	int rc;

	rc = home_find(NULL, &h, e);
	if (rc)
		return rc;
	if (!h.dir[0]) {
		char *copy = xstrdup(h.socket);

		str_copy(h.dir, sizeof h.dir, dirname(copy));
		free(copy);
	}
	str_copy(dir, (size_t)size, h.dir);
	return 0;
}

/* mkdir -p; the last folder 0711 so that others reach the socket, those above 0755. */
static int make_folders(const char *dir)
{
	char *path = xstrdup(dir);
	mode_t old = umask(0);
	int rc = 0;

	for (char *p = path + 1; rc == 0 && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			rc = -1;
		*p = '/';
	}
	if (rc == 0 && mkdir(path, 0711) < 0 && errno != EEXIST)
		rc = -1;
	umask(old);
	free(path);
	return rc;
}

static int check_folder(const char *dir, int must_own, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return err_set(e, ERR_UNREACHABLE, "%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_UNREACHABLE, "%s is not a folder", dir);
	/* A sticky folder (/tmp) is fine for a socket that somebody named there. */
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)) {
		err_set(e, ERR_DENIED, "%s can be written by others (mode %03o): not trusted", dir,
			st.st_mode & 0777);
		return err_hint(e, "chmod go-w %s", dir);
	}
	if (must_own && st.st_uid != geteuid()) {
		const struct passwd *pw = getpwuid(st.st_uid);

		err_set(e, ERR_UNREACHABLE, "no engine answers in %s, which belongs to %s", dir,
			pw ? pw->pw_name : "somebody else");
		return err_hint(e, "ask %s to start it, or set $PITHEAD_HOME to a folder of yours",
			pw ? pw->pw_name : "its owner");
	}
	return 0;
}

int home_check_trust(const struct home *h, struct err *e)
{
	char *copy = xstrdup(h->socket);
	int rc = check_folder(dirname(copy), 0, e);

	free(copy);
	return rc;
}

int home_prepare(const struct home *h, struct err *e)
{
	if (h->kind == HOME_NAMED_SOCKET) {
		err_set(e, ERR_UNREACHABLE, "no engine answers at %s", h->socket);
		return err_hint(e, "start it where it belongs: pithead engine --foreground");
	}
	if (h->kind == HOME_TEAM) {
		err_set(e, ERR_UNREACHABLE, "the team's engine does not answer at %s", h->socket);
		return err_hint(e, "root mends it: systemctl status pithead; "
				   "journalctl -u pithead");
	}
	if (make_folders(h->dir) < 0)
		return err_set(
			e, ERR_UNREACHABLE, "cannot make the home %s: %s", h->dir, strerror(errno));
	return check_folder(h->dir, 1, e);
}
