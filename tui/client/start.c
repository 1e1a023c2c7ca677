/* start.c: starts the engine in the background. The order is: lock, look again, pipe, fork,
 * setsid, fork, exec ourselves as `engine --keeper --ready-fd 3`, wait for one byte on the pipe
 * (ready) or its end (died), unlock. The lock is not inherited, or nobody else could ever start. */
#include "tui/client/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/clock.h"
#include "backend/base/xalloc.h"

#define READY_FD      3
#define READY_WAIT_MS 10000
#define LOCK_WAIT_US  (15 * 1000000LL)
#define LOG_TAIL      (64 * 1024)

int start_probe(const struct home *h, struct err *e)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0)
		return err_set(e, ERR_FAILED, "no socket can be made: %s", strerror(errno));
	str_copy(sun.sun_path, sizeof sun.sun_path, h->socket);
	rc = connect(fd, (struct sockaddr *)&sun, sizeof sun);
	int why = rc < 0 ? errno : 0;

	close(fd);
	/* EAGAIN: the backlog is full, so somebody is there. */
	if (why == 0 || why == EAGAIN)
		return 1;
	if (why == ENOENT || why == ECONNREFUSED)
		return 0;
	err_set(e, why == EACCES ? ERR_DENIED : ERR_UNREACHABLE,
		"cannot reach the engine at %s: %s", h->socket, strerror(why));
	if (why == EACCES)
		err_hint(e, "the folders above it must be searchable by you: chmod o+x");
	return e ? e->code : ERR_UNREACHABLE;
}

/* Takes HOME/start.lock; the descriptor, or negative. Waits for at most LOCK_WAIT_US. */
static int take_lock(const struct home *h, struct err *e)
{
	struct clock clock = clock_system();
	int64_t until = clock_mono_us(&clock) + LOCK_WAIT_US;
	char *path = xasprintf("%s/start.lock", h->dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		err_set(e, ERR_UNREACHABLE, "cannot open %s: %s", path, strerror(errno));
		free(path);
		return -1;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (clock_mono_us(&clock) > until) {
			err_set(e, ERR_UNREACHABLE, "another client has held %s for 15 s", path);
			close(fd);
			fd = -1;
			break;
		}
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	free(path);
	return fd;
}

/* Opens HOME/log/engine.out for the new engine's stdout and stderr; /dev/null if it cannot be. */
static int open_output(const struct home *h)
{
	char *folder = xasprintf("%s/log", h->dir);
	char *path = xasprintf("%s/engine.out", folder);
	int fd;

	mkdir(folder, 0700);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	if (fd < 0)
		fd = open("/dev/null", O_WRONLY);
	free(path);
	free(folder);
	return fd;
}

/* In the grandchild: only async-signal-safe calls and exec. */
static void exec_engine(const char *exe, int ready, int out, char **env)
{
	char *argv[] = {(char *)"pithead", (char *)"engine", (char *)"--keeper",
		(char *)"--ready-fd", (char *)"3", NULL};
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	/* Both go out of the way of 0..3 first, whatever numbers they had. */
	ready = fcntl(ready, F_DUPFD, 10);
	out = fcntl(out, F_DUPFD, 10);
	if (null < 0 || ready < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
		dup2(out, 2) < 0 || dup2(ready, READY_FD) < 0)
		_exit(127);
	close_range(READY_FD + 1, ~0U, 0);
	if (chdir("/") < 0)
		_exit(127);
	umask(022);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	execve(exe, argv, env);
	_exit(127);
}

/* The environment of the engine: ours, with the home named. The caller frees the array and [0]. */
static char **engine_environment(const struct home *h)
{
	size_t n = 0;
	char **env;

	while (environ[n])
		n++;
	env = xcalloc(n + 2, sizeof *env);
	env[0] = xasprintf("PITHEAD_HOME=%s", h->dir);
	for (size_t i = 0, k = 1; i < n; i++)
		if (strncmp(environ[i], "PITHEAD_HOME=", 13) != 0 &&
			strncmp(environ[i], "PITHEAD_SOCKET=", 15) != 0)
			env[k++] = environ[i];
	return env;
}

static void spawn(const struct home *h, int ready, int out)
{
	char **env = engine_environment(h);
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	pid_t child;

	must(n > 0);
	exe[n] = '\0';
	/* Replaced under us, by an upgrade: the new one stands at the same place. */
	if (n > 10 && strcmp(exe + n - 10, " (deleted)") == 0) {
		exe[n - 10] = '\0';
		if (access(exe, X_OK) < 0)
			str_copy(exe, sizeof exe, "/proc/self/exe");
	}
	child = fork();
	if (child == 0) {
		setsid();
		if (fork() == 0)
			exec_engine(exe, ready, out, env);
		_exit(0);
	}
	if (child > 0)
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	free(env[0]);
	free(env);
}

/* What the engine said last before it died; "" when nothing. The caller frees. */
static char *last_words(const struct home *h)
{
	char *path = xasprintf("%s/log/engine.out", h->dir);
	struct buf b = {0};
	char *text, *line;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		char tail[4096];
		ssize_t n;

		lseek(fd, -(off_t)sizeof tail + 1, SEEK_END);
		while ((n = read(fd, tail, sizeof tail)) > 0)
			buf_add(&b, tail, (size_t)n);
		close(fd);
	}
	while (b.len && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	text = buf_detach(&b);
	line = strrchr(text, '\n');
	line = xstrdup(line ? line + 1 : text);
	free(text);
	free(path);
	return line;
}

static int wait_ready(const struct home *h, int fd, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte, *words;
	ssize_t n;
	int rc;

	do
		rc = poll(&p, 1, READY_WAIT_MS);
	while (rc < 0 && errno == EINTR);
	if (rc == 0) {
		err_set(e, ERR_UNREACHABLE, "the engine was started and is not ready after 10 s");
		return err_hint(e, "see %s/log/engine.out", h->dir);
	}
	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	words = last_words(h);
	err_set(e, ERR_UNREACHABLE, "the engine did not start: %s",
		*words ? words : "it ended without a word");
	err_hint(e, "see %s/log/engine.out; `pithead doctor` checks the machine", h->dir);
	free(words);
	return ERR_UNREACHABLE;
}

static int start_locked(const struct home *h, struct err *e)
{
	int pipe_fds[2], out, rc;

	rc = start_probe(h, e);
	if (rc != 0)
		return rc < 0 ? rc : 0; /* somebody else was faster */
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set(e, ERR_UNREACHABLE, "no pipe: %s", strerror(errno));
	out = open_output(h);
	spawn(h, pipe_fds[1], out);
	close(pipe_fds[1]);
	close(out);
	rc = wait_ready(h, pipe_fds[0], e);
	close(pipe_fds[0]);
	return rc;
}

int start_engine(const struct home *h, struct err *e)
{
	int lock, rc;

	rc = start_probe(h, e);
	if (rc < 0)
		return rc;
	if (rc > 0)
		return home_check_trust(h, e);
	rc = home_prepare(h, e);
	if (rc)
		return rc;
	lock = take_lock(h, e);
	if (lock < 0)
		return ERR_UNREACHABLE;
	rc = start_locked(h, e);
	close(lock);
	return rc;
}
