/* process.c: processes that outlive us: double fork, own session, no inherited descriptors. After
 * fork only async-signal-safe calls are made, as the engine has threads. */
#include "backend/adapters/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/adapters/runner.h"
#include "backend/base/xalloc.h"

static const char *const bare_environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};

/* What the child tells us by the pipe: its pid first, then (only on failure) errno and the step. */
struct report {
	int32_t error;
	int32_t step;
};

static const char *const step_names[] = {
	"fork", "log", "folder", "control group", "limit", "exec", "mount", "user"};

int64_t process_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void process_pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

/* State letter, number of threads (field 20) and start (field 22) of /proc/PID/stat; the name in
 * field 2 may hold spaces and ')'. */
static int64_t read_stat(int64_t pid, char *state, int *threads)
{
	char path[64], text[1024], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || p[1] != ' ')
		return -1;
	*state = p[2];
	*threads = 0;
	for (int field = 2; field < 22 && p; field++) {
		p = strchr(p + 1, ' ');
		if (p && field == 19)
			*threads = atoi(p + 1);
	}
	return p ? atoll(p + 1) : -1;
}

int64_t process_start_ticks(int64_t pid)
{
	char state;
	int threads;

	return pid > 0 ? read_stat(pid, &state, &threads) : -1;
}

int process_alive(int64_t pid, int64_t start_ticks)
{
	char state = 'Z';
	int threads = 0;

	if (pid <= 0 || start_ticks <= 0 || read_stat(pid, &state, &threads) != start_ticks)
		return 0;
	/* The first thread may be gone while others still end and hold what is open, such as ports.
	 */
	return (state != 'Z' && state != 'X') || threads > 1;
}

static int read_link(int64_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, name);
	n = readlink(path, out, size - 1);
	if (n < 0)
		return -1;
	out[n] = '\0';
	return 0;
}

int process_exe(int64_t pid, char *out, size_t size)
{
	char path[4096], *slash, *gone;

	if (read_link(pid, "exe", path, sizeof path) < 0)
		return -1;
	gone = strstr(path, " (deleted)"); /* the package was upgraded under it */
	if (gone)
		*gone = '\0';
	slash = strrchr(path, '/');
	str_copy(out, size, slash ? slash + 1 : path);
	return 0;
}

int process_cwd(int64_t pid, char *out, size_t size)
{
	return read_link(pid, "cwd", out, size);
}

int process_signal(int64_t pid, int64_t start_ticks, int sig)
{
	int fd, rc;

	if (pid <= 1)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd < 0)
		return -1;
	/* The start time is read after the descriptor is held: both then mean one process. */
	rc = process_alive(pid, start_ticks) ? (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0)
					     : -1;
	close(fd);
	return rc < 0 ? -1 : 0;
}

int process_wait_end(int64_t pid, int64_t start_ticks, int64_t limit_ms)
{
	int64_t end = process_now_ms() + limit_ms;

	while (process_alive(pid, start_ticks)) {
		if (process_now_ms() >= end)
			return 0;
		process_pause_ms(2);
	}
	return 1;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_fail(int report_fd, int step)
{
	struct report r = {errno, step};
	ssize_t n = write(report_fd, &r, sizeof r);

	_exit(n > 0 ? 126 : 127);
}

/* A join that fails (the group was removed meanwhile) is a failure: never run without limits. */
static void child_join(const struct process_spawn *s, int report_fd)
{
	for (int i = 0; i < PROCESS_JOINS && s->joins[i]; i++) {
		int fd = open(s->joins[i], O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			child_fail(report_fd, 3);
		close(fd);
	}
	for (int i = 0; i < s->limit_count; i++) {
		struct rlimit l = {(rlim_t)s->limits[i].value, (rlim_t)s->limits[i].value};
		if (setrlimit(s->limits[i].resource, &l) < 0)
			child_fail(report_fd, 4);
	}
}

/* Raw system calls: those of the C library would speak to threads that the fork has left behind.
 * The order matters, as each step takes away the right to the one before. */
static int child_become(const struct process_user *user)
{
	if (user->uid == 0)
		return 0;
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
		syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
		syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
		return -1;
	return 0;
}

/* Nothing of it is seen outside: the namespace is the child's, and passes nothing back. */
static int child_bind(const struct process_spawn *s)
{
	if (!s->bind_from)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -1;
	return mount(s->bind_from, s->bind_to, NULL, MS_BIND, NULL);
}

/* The grandchild: never returns. report_fd is closed by exec, which tells success. */
static void child_exec(const struct process_spawn *s, int report_fd)
{
	int log, null;
	int32_t pid = (int32_t)getpid();

	setsid();
	reset_signals();
	if (write(report_fd, &pid, sizeof pid) != sizeof pid)
		_exit(126);
	log = open(s->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (log < 0 || null < 0)
		child_fail(report_fd, 1);
	if (chdir(s->cwd ? s->cwd : "/") < 0)
		child_fail(report_fd, 2);
	child_join(s, report_fd);
	if (child_bind(s) < 0)
		child_fail(report_fd, 6);
	/* The pipe moves up first, so that it is not what 0..2 are written over. */
	report_fd = fcntl(report_fd, F_DUPFD_CLOEXEC, 3);
	if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		child_fail(report_fd, 1);
	if (report_fd > 3)
		syscall(SYS_close_range, 3u, (unsigned)report_fd - 1, 0);
	syscall(SYS_close_range, (unsigned)report_fd + 1, ~0u, 0);
	if (child_become(&s->user) < 0)
		child_fail(report_fd, 7);
	execve(s->argv[0], (char *const *)s->argv,
		(char *const *)(s->envp ? s->envp : bare_environment));
	child_fail(report_fd, 5);
}

static ssize_t read_whole(int fd, void *out, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = read(fd, (char *)out + have, n - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

int process_spawn(const struct process_spawn *s, int64_t *pid, int64_t *start_ticks, struct err *e)
{
	struct report r = {0, 0};
	int32_t got = 0;
	int fds[2], status;
	pid_t middle;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, ERR_FAILED, "cannot start %s: %s", s->argv[0], strerror(errno));
	middle = fork();
	if (middle == 0) {
		pid_t inner = fork();
		if (inner == 0)
			child_exec(s, fds[1]);
		if (inner < 0) {
			int32_t none = 0;
			if (write(fds[1], &none, sizeof none) > 0)
				child_fail(fds[1], 0);
		}
		_exit(0);
	}
	r.error = middle < 0 ? errno : 0;
	close(fds[1]);
	while (middle > 0 && waitpid(middle, &status, 0) < 0 && errno == EINTR)
		;
	if (middle > 0 && read_whole(fds[0], &got, sizeof got) != sizeof got)
		r.error = EIO;
	/* The start time is read while the child still must exec or has: it stays the same. */
	*start_ticks = got > 0 ? process_start_ticks(got) : -1;
	if (!r.error && read_whole(fds[0], &r, sizeof r) != sizeof r)
		r.error = 0;
	close(fds[0]);
	if (r.error)
		return err_set(e, ERR_FAILED, "cannot start %s (%s): %s", s->argv[0],
			step_names[r.step], strerror(r.error));
	*pid = got;
	return 0;
}

/* Reads until the end of file or the limit; 1 at the end. */
static int drain_pipe(int fd, int64_t end_ms, struct buf *out)
{
	char text[4096];

	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		int64_t left = end_ms - process_now_ms();
		if (left <= 0)
			return 0;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		ssize_t n = read(fd, text, sizeof text);
		if (n == 0)
			return 1;
		if (n > 0 && out->len < 65536)
			buf_add(out, text, (size_t)n);
	}
}

static void run_child(
	const struct process_user *user, const char *const *argv, const char *cwd, int out)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	reset_signals();
	setsid();
	if (null < 0 || chdir(cwd ? cwd : "/") < 0)
		_exit(126);
	if (out < 3)
		out = fcntl(out, F_DUPFD_CLOEXEC, 3);
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	syscall(SYS_close_range, 3u, ~0u, 0);
	if (child_become(user) < 0)
		_exit(126);
	execve(argv[0], (char *const *)argv, (char *const *)bare_environment);
	_exit(127);
}

int process_run(
	const char *const *argv, const char *cwd, int64_t limit_ms, struct buf *out, struct err *e)
{
	static const struct process_user ourselves = {0, 0};

	return process_run_as(&ourselves, argv, cwd, limit_ms, out, e);
}

int process_run_as(const struct process_user *user, const char *const *argv, const char *cwd,
	int64_t limit_ms, struct buf *out, struct err *e)
{
	int fds[2], status = 0, in_time;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, ERR_FAILED, "cannot run %s: %s", argv[0], strerror(errno));
	pid = fork();
	if (pid == 0)
		run_child(user, argv, cwd, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return err_set(e, ERR_FAILED, "cannot run %s: %s", argv[0], strerror(errno));
	}
	in_time = drain_pipe(fds[0], process_now_ms() + limit_ms, out);
	close(fds[0]);
	if (!in_time)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in_time)
		return err_set(e, ERR_TIMEOUT, "%s did not end within %lld ms", argv[0],
			(long long)limit_ms);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, ERR_FAILED, "cannot run %s: it is not installed", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The inode of the listening socket on the port in /proc/net/tcp or tcp6, 0 = none. */
static unsigned long listening_inode(const char *table, int port)
{
	FILE *f = fopen(table, "re");
	char line[512];
	unsigned long found = 0;

	while (f && !found && fgets(line, sizeof line, f)) {
		unsigned local, state;
		unsigned long inode;
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %lu", &local,
			    &state, &inode) == 3 &&
			(int)local == port && state == 0x0A)
			found = inode;
	}
	if (f)
		fclose(f);
	return found;
}

static int holds_socket(const char *pid, unsigned long inode)
{
	char want[64], path[320], link[64];
	int found = 0;

	snprintf(want, sizeof want, "socket:[%lu]", inode);
	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	DIR *d = opendir(path);
	struct dirent *f;
	while (d && !found && (f = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), f->d_name, link, sizeof link - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		found = strcmp(link, want) == 0;
	}
	if (d)
		closedir(d);
	return found;
}

int process_of_port(int port, char *out, size_t size)
{
	unsigned long inode = listening_inode("/proc/net/tcp", port);
	struct dirent *p;
	char name[64];
	int rc = -1;
	DIR *d;

	if (!inode)
		inode = listening_inode("/proc/net/tcp6", port);
	d = inode ? opendir("/proc") : NULL;
	while (d && rc < 0 && (p = readdir(d))) {
		if (p->d_name[0] < '1' || p->d_name[0] > '9' || !holds_socket(p->d_name, inode))
			continue;
		if (process_exe(atoll(p->d_name), name, sizeof name) < 0)
			str_copy(name, sizeof name, "a process");
		snprintf(out, size, "%s (pid %s)", name, p->d_name);
		rc = 0;
	}
	if (d)
		closedir(d);
	return rc;
}
