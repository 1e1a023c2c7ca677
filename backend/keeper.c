/* keeper.c: keeps a worker running. Two locks: engine.lock is held by the worker for life,
 * keeper.lock by the keeper; whoever can take the other's lock knows that it is dead. */
#include "backend/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/clock.h"

extern char **environ;

static void sleep_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static int open_lock(const char *home, const char *name)
{
	char path[400];

	snprintf(path, sizeof path, "%s/run", home);
	mkdir(path, 0700); /* a fresh home; an existing one is fine */
	snprintf(path, sizeof path, "%s/run/%s", home, name);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

int lock_take(const char *home, const char *name, int wait_ms)
{
	int fd = open_lock(home, name);

	for (; fd >= 0; wait_ms -= 10) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		if (wait_ms <= 0)
			break;
		sleep_ms(10);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

void keeper_note_stop(const char *home, int stopped)
{
	char path[400];
	int fd;

	snprintf(path, sizeof path, "%s/run/stopped", home);
	if (!stopped) {
		unlink(path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

int keeper_stopped(const char *home)
{
	char path[400];

	snprintf(path, sizeof path, "%s/run/stopped", home);
	return access(path, F_OK) == 0;
}

/* Ourselves again, with other words. inherit: a descriptor that the child gets as 3, -1 = none. */
static pid_t spawn_self(const char *what, int inherit)
{
	char exe[4096] = "pithead"; /* so that ps tells which program it is */
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *argv[] = {exe, (char *)"engine", (char *)what,
		inherit >= 0 ? (char *)"--ready-fd" : NULL, (char *)"3", NULL};
	posix_spawn_file_actions_t acts;
	posix_spawnattr_t attr;
	pid_t pid = -1;

	if (n > 0)
		exe[n] = '\0';
	posix_spawn_file_actions_init(&acts);
	posix_spawnattr_init(&attr);
	if (inherit >= 0)
		posix_spawn_file_actions_adddup2(&acts, inherit, 3);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	if (posix_spawn(&pid, "/proc/self/exe", &acts, &attr, argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&acts);
	posix_spawnattr_destroy(&attr);
	return pid;
}

/* Waits until the worker's lock is free, which says that no worker lives. */
static void wait_for_end(const char *home)
{
	int fd = open_lock(home, "engine.lock");

	if (fd < 0)
		return;
	while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
		continue;
	close(fd);
}

/* Who holds the lock, for keeper_replace. */
static void note_pid(int lock)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (ftruncate(lock, 0) < 0 || pwrite(lock, text, (size_t)n, 0) != n)
		return; /* an upgrade will leave us, and the next death of the worker finds us old
			 */
}

/* A home that was removed: nobody could start or stop anything there any more. */
static int is_gone(const char *home)
{
	return access(home, F_OK) < 0 && errno == ENOENT;
}

int keeper_run(const char *home, int ready_fd, int by_worker)
{
	struct clock clock = clock_system();
	int lock = lock_take(home, "keeper.lock", 500);
	int64_t pause_ms = 0;

	if (lock < 0)
		return 0; /* another keeper is on watch */
	note_pid(lock);
	if (by_worker && keeper_stopped(home))
		return 0;
	for (;;) {
		int64_t started = clock_mono_us(&clock);
		int worker = lock_take(home, "engine.lock", 0);
		pid_t pid = -1;
		if (worker >= 0) {
			close(worker);
			pid = spawn_self("--worker", ready_fd);
		}
		if (ready_fd >= 0)
			close(ready_fd);
		ready_fd = -1;
		if (pid > 0)
			waitpid(pid, NULL, 0);
		wait_for_end(home);
		if (keeper_stopped(home) || is_gone(home))
			return 0;
		/* One that dies young is given longer and longer pauses, up to 5 s. */
		if (clock_mono_us(&clock) - started > 10000000)
			pause_ms = 0;
		else
			pause_ms = pause_ms ? (pause_ms < 2500 ? pause_ms * 2 : 5000) : 20;
		sleep_ms(pause_ms);
	}
}

void keeper_replace(const char *home)
{
	int fd = open_lock(home, "keeper.lock"), pidfd = -1;
	char text[24] = "";
	long pid = fd >= 0 && pread(fd, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;

	/* Ours waits for the lock before the other one is ended: there is always one on watch. */
	spawn_self("--keeper", -1);
	if (pid > 1)
		pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	/* Whoever holds the lock has written its number: as long as it is held, it is that one. */
	if (pidfd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
	if (pidfd >= 0)
		close(pidfd);
	if (fd >= 0)
		close(fd);
}

void keeper_ensure(const char *home)
{
	int fd;

	while (waitpid(-1, NULL, WNOHANG) > 0) /* a keeper that we started and that has died */
		continue;
	fd = lock_take(home, "keeper.lock", 0);
	if (fd < 0)
		return;
	close(fd);
	spawn_self("--keeper", -1);
}
