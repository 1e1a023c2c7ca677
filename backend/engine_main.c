/* engine_main.c: the ways an engine process comes to life. */
#include "backend/engine_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/home.h"
#include "backend/engine.h"
#include "backend/keeper.h"
#include "backend/local/prepare.h"

struct words {
	int foreground, keeper, worker, end_all, probation, dry_run;
	int ready_fd, lock_fd, api_fd, err_fd; /* -1 = none */
	const char *prepare;		       /* a program, to become the engine's */
};

static int read_flag(const char *word, struct words *w)
{
	const struct {
		const char *name;
		int *value;
	} flags[] = {{"--foreground", &w->foreground}, {"--keeper", &w->keeper},
		{"--worker", &w->worker}, {"--probation", &w->probation},
		{"--dry-run", &w->dry_run}, {"--end-all", &w->end_all}};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (strcmp(word, flags[i].name) == 0)
			return *flags[i].value = 1;
	return 0;
}

/* "--ready-fd 3" or "--ready-fd=3": how many words it took, 0 = it is none of these. */
static int read_fd(const char *word, const char *next, struct words *w)
{
	const struct {
		const char *name;
		int *value;
	} fds[] = {{"--ready-fd", &w->ready_fd}, {"--lock-fd", &w->lock_fd},
		{"--api-fd", &w->api_fd}, {"--err-fd", &w->err_fd}};
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (strlen(fds[i].name) != n || strncmp(word, fds[i].name, n) != 0)
			continue;
		if (!word[n] && !next)
			return 0;
		*fds[i].value = (int)strtol(word[n] ? word + n + 1 : next, NULL, 10);
		return word[n] ? 1 : 2;
	}
	return 0;
}

static int read_words(int argc, char **argv, struct words *w)
{
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		int taken = read_flag(argv[i], w);

		if (!taken)
			taken = read_fd(argv[i], next, w);
		if (!taken && strcmp(argv[i], "--prepare") == 0 && next) {
			w->prepare = next;
			taken = 2;
		}
		if (!taken)
			return -1;
		i += taken - 1;
	}
	return 0;
}

/* 0711: others may pass through to the socket, and see nothing else. */
static int make_home(char *home)
{
	for (char *p = home + 1; *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(home, 0755);
			*p = '/';
		}
	if (mkdir(home, 0711) < 0 && errno != EEXIST) {
		fprintf(stderr, "pithead: cannot make %s: %s\n", home, strerror(errno));
		return -1;
	}
	return 0;
}

/* stdio of a background engine: nothing in, and out and err to a file that a person can read. */
static void redirect(const char *home)
{
	char path[400];
	int in = open("/dev/null", O_RDONLY), out;

	snprintf(path, sizeof path, "%s/log", home);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/log/engine.out", home);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (in >= 0)
		dup2(in, STDIN_FILENO);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
	if (in > STDERR_FILENO)
		close(in);
	if (out > STDERR_FILENO)
		close(out);
}

/* What we were left is ours, and not our children's. */
static void close_on_exec(const struct handover *h)
{
	const int fds[] = {h->lock_fd, h->ready_fd, h->api_fd, h->err_fd};

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFD, FD_CLOEXEC);
}

static int work(const char *home, const struct words *w)
{
	struct handover h = {.home = home,
		.foreground = w->foreground,
		.end_all = w->end_all,
		.probation = w->probation,
		.lock_fd = w->lock_fd,
		.ready_fd = w->ready_fd,
		.api_fd = w->api_fd,
		.err_fd = w->err_fd};
	struct err e = {0};
	int rc, stopped;

	if (h.lock_fd < 0)
		h.lock_fd = lock_take(home, "engine.lock", 2000);
	if (h.lock_fd < 0) {
		fprintf(stderr, "pithead: an engine runs in %s already\n", home);
		return 4;
	}
	close_on_exec(&h);
	stopped = keeper_stopped(home);
	keeper_note_stop(home, 0);
	handover_enter(&h);
	rc = engine_run(&h, &e);
	if (rc && h.probation)
		handover_fail(&h, e.message);
	/* It has died, and an older program was asked to start it again: what ran goes on. */
	if (rc == ERR_NEWER && !stopped)
		handover_resume(&h);
	/* One that cannot start would not the next time either: a person must see the sentence. */
	keeper_note_stop(home, 1);
	if (rc)
		fprintf(stderr, "pithead: %s%s%s\n", e.message, *e.hint ? "; " : "", e.hint);
	return rc ? err_exit_code(rc) : 0;
}

/* `pithead engine` by hand: leave the terminal alone and keep a worker running. */
static int detach(const char *home, const struct words *w)
{
	int rc;
	pid_t pid = fork();

	if (pid < 0) {
		perror("pithead: fork");
		return 1;
	}
	if (pid > 0)
		return 0;
	setsid();
	redirect(home);
	rc = keeper_run(home, w->ready_fd, 0);
	_exit(rc);
}

int engine_main(int argc, char **argv)
{
	struct words w = {.ready_fd = -1, .lock_fd = -1, .api_fd = -1, .err_fd = -1};
	struct err e = {0};
	char home[256];

	if (read_words(argc, argv, &w)) {
		fprintf(stderr, "usage: pithead engine [--foreground | --end-all] | status | stop "
				"[--all]\n");
		return 2;
	}
	if (state_home_own(home, sizeof home, &e)) {
		fprintf(stderr, "pithead: %s; %s\n", e.message, e.hint);
		return 1;
	}
	umask(077);
	if (make_home(home) || chmod(home, 0711) < 0)
		return 1;
	if (w.prepare)
		return local_prepare(home, w.prepare, w.dry_run);
	if (w.foreground || w.end_all)
		return work(home, &w);
	setenv("PITHEAD_HOME", home, 1);
	if (chdir("/") < 0)
		return 1;
	/* On probation it was done by the program before, to another file. */
	if ((w.worker || w.keeper) && !w.probation)
		redirect(home);
	if (w.worker)
		return work(home, &w);
	if (w.keeper)
		return keeper_run(home, w.ready_fd, w.ready_fd < 0);
	return detach(home, &w);
}
