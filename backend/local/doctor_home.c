/* doctor_home.c: the home: its path, rights and room, the engine that lives there, and the clock
 * against the newest event of its log. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/home.h"
#include "backend/base/xalloc.h"
#include "backend/local/checks.h"
#include "backend/store/store.h"
#include "backend/wire/paths.h"

#define HOME_PATH_MOST 64 /* a socket's path has 108 bytes; a replica's is the longest */
#define ROOM_LEAST     (64 << 20)
#define ROOM_WELL      (INT64_C(1) << 30)

static void check_path(struct checks *c)
{
	size_t n = strlen(c->home);

	if (n > HOME_PATH_MOST)
		checks_add(c, CHECK_FAIL, "home", "export PITHEAD_HOME=$HOME/.pithead",
			"%s has %zu characters; sockets allow %d", c->home, n, HOME_PATH_MOST);
	else
		checks_add(c, CHECK_OK, "home", NULL, "%s", c->home);
}

/* Rights of the home and of the folders that nobody else may see. */
static void check_rights(struct checks *c)
{
	static const char *const private[] = {"store", "keys", "log", "run"};
	char remedy[340], path[300];
	struct stat st;
	int bad = 0;

	if (stat(c->home, &st) < 0 || !S_ISDIR(st.st_mode)) {
		checks_add(c, CHECK_FAIL, "rights", NULL, "%s is not a folder", c->home);
		return;
	}
	if (st.st_mode & 022) {
		snprintf(remedy, sizeof remedy, "chmod 0711 %s", c->home);
		checks_add(c, CHECK_FAIL, "rights", remedy, "others may write in %s", c->home);
		bad = 1;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		const struct passwd *pw = getpwuid(st.st_uid);

		checks_add(c, CHECK_WARN, "rights", NULL,
			"%s belongs to %s: you can use the engine there, not start one", c->home,
			pw ? pw->pw_name : "another");
		return;
	}
	for (size_t i = 0; i < sizeof private / sizeof private[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", c->home, private[i]);
		/* The gateway's own group may pass through run/, and see nothing on its way. */
		if (stat(path, &st) < 0 ||
			!(st.st_mode & (strcmp(private[i], "run") == 0 ? 067 : 077)))
			continue;
		snprintf(remedy, sizeof remedy, "chmod 0700 %s", path);
		checks_add(c, CHECK_FAIL, "rights", remedy, "others may look into %s", path);
		bad = 1;
	}
	if (!bad)
		checks_add(c, CHECK_OK, "rights", NULL, "only its owner sees into it");
}

/* Room where the home is, or where it would be made. */
static void check_room(struct checks *c)
{
	char *path = xstrdup(c->home), *slash;
	struct statvfs room;
	int64_t bytes;

	while (statvfs(path, &room) < 0 && (slash = strrchr(path, '/')) && slash > path)
		*slash = '\0';
	if (statvfs(path, &room) == 0) {
		bytes = (int64_t)room.f_bavail * (int64_t)room.f_frsize;
		checks_add(c,
			bytes < ROOM_LEAST  ? CHECK_FAIL
			: bytes < ROOM_WELL ? CHECK_WARN
					    : CHECK_OK,
			"room", bytes < ROOM_WELL ? "df -h; free some space there" : NULL,
			"%" PRId64 " MB free on the disk of the home", bytes >> 20);
	}
	free(path);
}

static void check_engine(struct checks *c)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *named = getenv("PITHEAD_SOCKET");
	char path[300];
	int fd;

	if (named && *named)
		str_copy(path, sizeof path, named);
	else if (strcmp(c->home, STATE_HOME_TEAM) == 0)
		str_copy(path, sizeof path, TEAM_SOCKET);
	else
		snprintf(path, sizeof path, "%s/" FILE_SOCKET, c->home);
	if (!str_copy(sun.sun_path, sizeof sun.sun_path, path))
		return; /* told as the home's path */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sun, sizeof sun) == 0)
		checks_add(c, CHECK_OK, "engine", NULL, "answers at %s", path);
	else if (strcmp(path, TEAM_SOCKET) == 0)
		checks_add(c, CHECK_FAIL, "engine",
			"systemctl start pithead; journalctl -u pithead",
			"the team's engine does not answer at %s: %s", path, strerror(errno));
	else
		checks_add(c, CHECK_OK, "engine", NULL,
			"none runs; it starts by itself with the first command");
	if (fd >= 0)
		close(fd);
}

static int newest_time(void *arg, const struct event *ev)
{
	*(int64_t *)arg = ev->at_us;
	return 1;
}

/* A clock behind the log would write events that seem to precede their causes. */
static void check_log_time(struct checks *c)
{
	struct event_query q = {.limit = 1};
	struct clock clock = clock_system();
	struct settings set;
	struct store *s;
	struct err e = {0};
	int64_t at_us = 0, next, ahead_s;

	settings_init(&set);
	s = store_open(c->home, &set, &clock, 1, &e);
	if (!s) {
		checks_add(c, CHECK_FAIL, "store", e.hint, "%s", e.message);
		return;
	}
	store_query_events(s, &q, newest_time, &at_us, &next, &e);
	ahead_s = (at_us - clock_wall_us(&clock)) / 1000000;
	if (ahead_s > 5)
		checks_add(c, CHECK_FAIL, "store", "timedatectl set-ntp true",
			"the newest event is %" PRId64 " s in the future: the clock went back",
			ahead_s);
	else
		checks_add(
			c, CHECK_OK, "store", NULL, "readable, %" PRId64 " events", store_head(s));
	store_close(s);
}

void checks_home(struct checks *c)
{
	char path[300];

	check_path(c);
	check_room(c);
	if (access(c->home, F_OK) < 0)
		checks_add(c, CHECK_OK, "rights", NULL, "the home is made at the first start");
	else
		check_rights(c);
	check_engine(c);
	snprintf(path, sizeof path, "%s/store/state.db", c->home);
	if (access(path, R_OK) == 0)
		check_log_time(c);
}
