/* handover.c: see handover.h. The lock of the home goes from program to program with the process,
 * so that nobody else can start an engine in between, and a timer of the kernel, which outlives the
 * exec too, ends a program that hangs. */
#include "backend/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/store/store.h"
#include "backend/wire/paths.h"

#define WORDS_MOST 65536

static void words_path(const char *home, char *out, size_t size)
{
	snprintf(out, size, "%s/log/upgrade.out", home);
}

/* "--NAME N", and the descriptor is inherited. */
static void add_fd(char **argv, int *n, const char *name, int fd, char number[12])
{
	if (fd < 0)
		return;
	fcntl(fd, F_SETFD, 0);
	snprintf(number, 12, "%d", fd);
	argv[(*n)++] = (char *)(uintptr_t)name;
	argv[(*n)++] = number;
}

/* Returns only if the program cannot be started, with errno. */
static void run_program(const struct handover *h, const char *path, int probation)
{
	char numbers[4][12], *argv[16];
	int n = 0;

	argv[n++] = (char *)(uintptr_t)path;
	argv[n++] = (char *)"engine";
	argv[n++] = (char *)(h->foreground ? "--foreground" : "--worker");
	if (probation)
		argv[n++] = (char *)"--probation";
	add_fd(argv, &n, "--lock-fd", h->lock_fd, numbers[0]);
	add_fd(argv, &n, "--ready-fd", h->ready_fd, numbers[1]);
	add_fd(argv, &n, "--api-fd", h->api_fd, numbers[2]);
	add_fd(argv, &n, "--err-fd", h->err_fd, numbers[3]);
	argv[n] = NULL;
	execv(path, argv);
	if (h->lock_fd >= 0)
		fcntl(h->lock_fd, F_SETFD, FD_CLOEXEC);
}

static void set_timer(int64_t ms)
{
	struct itimerval t = {.it_value = {ms / 1000, ms % 1000 * 1000}};
	sigset_t set;

	signal(SIGALRM, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

/* The last line that the program on probation said; "" when nothing. */
static void last_words(const char *home, char *out, size_t size)
{
	struct buf text = {0};
	char path[340], *line;

	out[0] = '\0';
	words_path(home, path, sizeof path);
	if (buf_read_file(&text, path, WORDS_MOST) == 0 && text.len) {
		while (text.len && text.data[text.len - 1] == '\n')
			text.data[--text.len] = '\0';
		line = strrchr(text.data, '\n');
		str_copy(out, size, line ? line + 1 : text.data);
	}
	buf_release(&text);
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 32)
			*p = ' ';
}

/* What the new program wrote is dropped before the note says so: whoever finds the note of the
 * probation does the same again. */
static void take_back(const char *home, struct upgrade_note *n)
{
	struct err e = {0};

	if (store_take_back(home, &e))
		fprintf(stderr, "pithead: %s\n", e.message);
	n->phase = UPGRADE_BACK;
	if (upgrade_write(home, n, &e))
		fprintf(stderr, "pithead: %s\n", e.message);
}

static void note_death(const char *home, struct upgrade_note *n)
{
	struct clock clock = clock_system();
	char words[300];

	last_words(home, words, sizeof words);
	if (clock_wall_us(&clock) - n->at_us >= n->bound_ms * 1000)
		snprintf(n->why, sizeof n->why, "it was not healthy within %lld ms%s%s",
			(long long)n->bound_ms, *words ? "; it said last: " : "", words);
	else
		snprintf(n->why, sizeof n->why, "it ended%s%s",
			*words ? ", and said last: " : " without a word", words);
	take_back(home, n);
}

void handover_enter(struct handover *h)
{
	struct upgrade_note none = {.phase = UPGRADE_NONE};
	char build[VERSION_BUILD];
	struct err e = {0};

	upgrade_read(h->home, &h->note);
	if (h->note.phase == UPGRADE_NONE)
		h->probation = 0;
	if (h->note.phase == UPGRADE_NONE || (h->note.phase == UPGRADE_PROBATION && h->probation))
		return;
	h->probation = 0;
	if (h->note.phase == UPGRADE_PROBATION)
		note_death(h->home, &h->note);
	if (h->end_all)
		return; /* no other program is needed for an end */
	version_build("/proc/self/exe", build);
	if (strcmp(build, h->note.from_build) == 0)
		return;
	/* Whoever finds an upgrade that failed just now, the program of before is to run. After
	 * that only those that failed are kept from it. */
	if (h->note.phase == UPGRADE_BACK || strcmp(build, h->note.to_build) == 0 ||
		strstr(h->note.refused, build)) {
		run_program(h, h->note.from_program, 0);
		fprintf(stderr,
			"pithead: %s, which is to run here as the upgrade failed, cannot be "
			"run: %s\n",
			h->note.from_program, strerror(errno));
		return;
	}
	if (upgrade_write(h->home, &none, &e))
		fprintf(stderr, "pithead: %s\n", e.message);
	h->note = none;
}

/* This process becomes the older program: the one that it runs, or that it was before. */
_Noreturn static void go_back(struct handover *h, const char *path)
{
	set_timer(0);
	if (h->err_fd >= 0) {
		dup2(h->err_fd, STDOUT_FILENO);
		dup2(h->err_fd, STDERR_FILENO);
		close(h->err_fd);
		h->err_fd = -1;
	}
	run_program(h, path, 0);
	fprintf(stderr, "pithead: cannot run %s again: %s\n", path, strerror(errno));
	_exit(1); /* the keeper starts it */
}

/* What the new program says is kept apart, to know its last words. */
static void redirect(struct handover *h)
{
	char path[340];
	int fd;

	words_path(h->home, path, sizeof path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	h->err_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

void handover_give(struct handover *h, const struct upgrade_note *note)
{
	struct upgrade_note n = *note;
	struct err e = {0};

	n.phase = UPGRADE_PROBATION;
	if (!store_is_settled(h->home)) {
		/* Its log holds what is not in the database yet, and must not be dropped. */
		n.phase = UPGRADE_BACK;
		str_copy(n.why, sizeof n.why,
			"another process reads the databases (a long `audit verify`?); try again "
			"when it has ended");
		if (upgrade_write(h->home, &n, &e))
			fprintf(stderr, "pithead: %s\n", e.message);
		go_back(h, "/proc/self/exe");
	}
	if (upgrade_write(h->home, &n, &e)) {
		fprintf(stderr, "pithead: no upgrade: %s\n", e.message);
		go_back(h, "/proc/self/exe");
	}
	redirect(h);
	set_timer(n.bound_ms);
	run_program(h, n.to_program, 1);
	snprintf(n.why, sizeof n.why, "it cannot be run: %s", strerror(errno));
	take_back(h->home, &n);
	go_back(h, "/proc/self/exe");
}

void handover_fail(struct handover *h, const char *why)
{
	str_copy(h->note.why, sizeof h->note.why, why);
	take_back(h->home, &h->note);
	go_back(h, h->note.from_program);
}

/* The program whose schema the databases have, in HOME/programs. */
static void program_path(const char *home, char *out, size_t size)
{
	snprintf(out, size, "%s/run/program", home);
}

int handover_confirm(struct handover *h, struct err *e)
{
	struct upgrade_note none = {.phase = UPGRADE_NONE};
	char path[320];
	int rc;

	set_timer(0);
	program_path(h->home, path, sizeof path);
	if (file_write_atomic(path, h->note.to_program, strlen(h->note.to_program), 0600) < 0)
		return err_set(e, ERR_FAILED, "cannot write %s: %s", path, strerror(errno));
	rc = upgrade_write(h->home, &none, e);
	if (rc)
		return rc;
	if (h->err_fd >= 0) {
		dup2(h->err_fd, STDOUT_FILENO);
		dup2(h->err_fd, STDERR_FILENO);
		close(h->err_fd);
		h->err_fd = -1;
	}
	h->probation = 0;
	return 0;
}

static int connect_to(const char *path)
{
	static const char ask[] =
		"GET " PATH_ENGINE " HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	str_copy(address.sun_path, sizeof address.sun_path, path);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
		send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) != (ssize_t)sizeof ask - 1) {
		close(fd);
		return -1;
	}
	return fd;
}

int handover_answers(const char *socket_path, int *fd)
{
	static const char wanted[] = "HTTP/1.1 200";
	char text[sizeof wanted] = "";
	ssize_t n;

	if (*fd < 0 && (*fd = connect_to(socket_path)) < 0)
		return 0;
	n = recv(*fd, text, sizeof wanted - 1, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	close(*fd);
	*fd = -1;
	return n == sizeof wanted - 1 && strcmp(text, wanted) == 0;
}

void handover_resume(const struct handover *h)
{
	struct buf program = {0};
	char path[320], build[VERSION_BUILD], other[VERSION_BUILD];

	program_path(h->home, path, sizeof path);
	if (buf_read_file(&program, path, sizeof h->note.to_program) == 0 && program.len) {
		version_build("/proc/self/exe", build);
		version_build(buf_text(&program), other);
		if (strcmp(build, other) != 0)
			run_program(h, buf_text(&program), 0);
	}
	buf_release(&program);
}
