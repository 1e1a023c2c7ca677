/* doctor_machine.c: programs, kernel settings, limits and the clock's own word. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/adapters/process.h"
#include "backend/adapters/runner.h"
#include "backend/base/buf.h"
#include "backend/base/home.h"
#include "backend/local/checks.h"

#define HAPROXY_PATH  "/usr/sbin/haproxy"
#define HAPROXY_LEAST 206 /* 2.6: runtime servers with health checks */
#define FILES_LEAST   1024
#define FILES_WELL    8192
#define DGRAM_WELL    128

static long read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long value = -1;

	if (f && fscanf(f, "%ld", &value) != 1)
		value = -1;
	if (f)
		fclose(f);
	return value;
}

static void check_sandbox(struct checks *c, const struct process_user *user)
{
	struct err e = {0};

	if (runner_probe(user, &e))
		checks_add(c, CHECK_FAIL, "sandboxes", e.hint, "%s", e.message);
	else
		checks_add(c, CHECK_OK, "sandboxes", NULL,
			"bubblewrap makes sandboxes here (user namespaces are allowed)");
}

/* Whom gateway and replicas of a root engine run as; others run them as themselves. */
static void check_user(struct checks *c, struct process_user *user)
{
	struct err e = {0};
	int rc = process_user_find(c->home, user, &e);

	if (rc < 0)
		checks_add(c, CHECK_WARN, "user", e.hint, "%s", e.message);
	else if (rc > 0)
		checks_add(c, CHECK_OK, "user", NULL,
			"gateway and replicas run as the user pithead, not as root");
	else if (strcmp(c->home, STATE_HOME_TEAM) == 0 && geteuid() == 0)
		checks_add(c, CHECK_WARN, "user",
			"adduser --system --group --no-create-home --home " STATE_HOME_TEAM
			" pithead; systemctl restart pithead",
			"gateway and replicas run as root: there is no user pithead");
}

static void check_limits(struct checks *c)
{
	enum runner_limits kind = runner_limits_kind();

	if (kind == RUNNER_RLIMIT)
		checks_add(c, CHECK_WARN, "limits",
			"run the engine where control groups are delegated: systemctl start pithead"
			" (Delegate=yes)",
			"replicas are limited by %s: memory of each process only, no processor "
			"limit",
			runner_limits_name(kind));
	else
		checks_add(c, CHECK_OK, "limits", NULL, "replicas are limited by %s",
			runner_limits_name(kind));
}

/* "HAProxy version 2.6.12-1+deb12u1 2023/12/16" as 206, 0 when it says nothing like it. */
static int haproxy_version(const char *text)
{
	const char *p = strstr(text, "ersion ");
	int major, minor;

	return p && sscanf(p, "ersion %d.%d", &major, &minor) == 2 ? major * 100 + minor : 0;
}

static void check_haproxy(struct checks *c)
{
	static const char *const argv[] = {HAPROXY_PATH, "-v", NULL};
	struct buf words = {0};
	int version;

	if (access(HAPROXY_PATH, X_OK) < 0) {
		checks_add(c, CHECK_FAIL, "haproxy", "apt install haproxy",
			"HAProxy is not installed: there is no " HAPROXY_PATH);
		return;
	}
	process_run(argv, "/", 5000, &words, NULL);
	version = haproxy_version(buf_text(&words));
	if (version < HAPROXY_LEAST)
		checks_add(c, CHECK_FAIL, "haproxy", "apt install haproxy (Debian 12 has 2.6)",
			"HAProxy 2.6 or later is needed, this is: %.*s",
			(int)strcspn(buf_text(&words), "\n"), buf_text(&words));
	else
		checks_add(c, CHECK_OK, "haproxy", NULL, "%.*s",
			(int)strcspn(buf_text(&words), "\n"), buf_text(&words));
	buf_release(&words);
}

/* Whether the engine can make its log socket in a network namespace of its own, where the queue may
 * be longer than the machine's. Tried in a child: it changes nothing here. */
static int can_lengthen_queue(void)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0
											       : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void check_queue(struct checks *c)
{
	long queue = read_number("/proc/sys/net/unix/max_dgram_qlen");

	if (queue < DGRAM_WELL && !can_lengthen_queue())
		checks_add(c, CHECK_WARN, "log queue", "sysctl net.unix.max_dgram_qlen=512",
			"only %ld records of the prediction log can wait: more are dropped (and "
			"counted) when the engine is slow",
			queue);
	else
		checks_add(c, CHECK_OK, "log queue", NULL,
			queue < DGRAM_WELL
				? "the machine's is %ld records; the engine makes a longer one"
				: "%ld records of the prediction log can wait",
			queue);
}

static void check_files(struct checks *c)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	if (files.rlim_max < FILES_LEAST)
		checks_add(c, CHECK_FAIL, "files", "ulimit -Hn 65536",
			"a process may have only %lu files open", (unsigned long)files.rlim_max);
	else if (files.rlim_max < FILES_WELL)
		checks_add(c, CHECK_WARN, "files", "ulimit -Hn 65536",
			"a process may have %lu files open: few for a gateway",
			(unsigned long)files.rlim_max);
	else
		checks_add(c, CHECK_OK, "files", NULL, "a process may have %lu files open",
			(unsigned long)files.rlim_max);
}

static void check_clock(struct checks *c)
{
	struct timex t = {0};
	int state = adjtimex(&t);

	if (state == TIME_ERROR || (t.status & STA_UNSYNC))
		checks_add(c, CHECK_WARN, "clock", "timedatectl set-ntp true",
			"nothing keeps the clock right (not synchronised): times in the audit log "
			"may be off");
	else
		checks_add(c, CHECK_OK, "clock", NULL, "synchronised");
}

void checks_machine(struct checks *c)
{
	struct process_user user;

	check_user(c, &user);
	check_sandbox(c, &user);
	check_limits(c);
	check_haproxy(c);
	check_queue(c);
	check_files(c);
	check_clock(c);
}
