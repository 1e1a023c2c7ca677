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

struct words {
	int foreground, keeper, worker, end_all, ready_fd;
};

static int read_words(int argc, char **argv, struct words *w)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--foreground") == 0)
			w->foreground = 1;
		else if (strcmp(argv[i], "--keeper") == 0)
			w->keeper = 1;
		else if (strcmp(argv[i], "--worker") == 0)
			w->worker = 1;
		else if (strcmp(argv[i], "--end-all") == 0)
			w->end_all = 1;
		else if (strcmp(argv[i], "--ready-fd") == 0 && i + 1 < argc)
			w->ready_fd = (int)strtol(argv[++i], NULL, 10);
		else if (strncmp(argv[i], "--ready-fd=", 11) == 0)
			w->ready_fd = (int)strtol(argv[i] + 11, NULL, 10);
		else
			return -1;
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

static int work(const char *home, const struct words *w)
{
	struct engine_options options = {
		.home = home, .ready_fd = w->ready_fd, .keeper = w->worker, .end_all = w->end_all};
	struct err e = {0};
	int rc;

	options.lock_fd = lock_take(home, "engine.lock", 2000);
	if (options.lock_fd < 0) {
		fprintf(stderr, "pithead: an engine runs in %s already\n", home);
		return 4;
	}
	keeper_note_stop(home, 0);
	rc = engine_run(&options, &e);
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
	rc = keeper_run(home, w->ready_fd);
	_exit(rc);
}

int engine_main(int argc, char **argv)
{
	struct words w = {.ready_fd = -1};
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
	if (w.foreground || w.end_all)
		return work(home, &w);
	setenv("PITHEAD_HOME", home, 1);
	if (chdir("/") < 0)
		return 1;
	if (w.worker || w.keeper)
		redirect(home);
	if (w.worker)
		return work(home, &w);
	if (w.keeper)
		return keeper_run(home, w.ready_fd);
	return detach(home, &w);
}
