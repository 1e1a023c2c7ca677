/* process.h: processes that outlive us. Started with a double fork, so that they are never our
 * zombies, and found again by pid and start time. Used by haproxy_process.c and runner_bwrap.c. */
#ifndef PITHEAD_BACKEND_ADAPTERS_PROCESS_H
#define PITHEAD_BACKEND_ADAPTERS_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

#define PROCESS_JOINS  4
#define PROCESS_LIMITS 4

/* Whom a process of a root engine runs as; uid 0 = as the engine itself does. */
struct process_user {
	int64_t uid, gid;
};

struct process_spawn {
	const char *const *argv;	  /* argv[0] is a full path; NULL-ended */
	const char *const *envp;	  /* NULL-ended; NULL = a bare PATH */
	const char *cwd;		  /* NULL = "/" */
	const char *log;		  /* stdout and stderr are appended to it */
	const char *joins[PROCESS_JOINS]; /* cgroup.procs files to join before exec; NULL = none */
	struct {
		int resource; /* RLIMIT_* */
		int64_t value;
	} limits[PROCESS_LIMITS];
	int limit_count;
	struct process_user user; /* given up to after all of the above was done */
	/* A folder that is bound over another in a mount namespace of the process's own, so that
	 * `user` reaches it through parents that are closed to it; NULL = none. Needs root. */
	const char *bind_from, *bind_to;
};

/* Starts the program in a session of its own, with no descriptor of ours but the log. 0 and the
 * pid and start time; ERR_FAILED names the program and what the system said. */
int process_spawn(const struct process_spawn *s, int64_t *pid, int64_t *start_ticks, struct err *e);

/* Runs a short program to its end and appends its stdout and stderr to out. Its exit status, 128
 * and more for a signal, or negative ERR_*; it is killed after limit_ms. */
int process_run(
	const char *const *argv, const char *cwd, int64_t limit_ms, struct buf *out, struct err *e);

/* The same as another user. */
int process_run_as(const struct process_user *user, const char *const *argv, const char *cwd,
	int64_t limit_ms, struct buf *out, struct err *e);

/* Whom the gateway and the replicas of an engine in `home` run as. 1 and *out: we are root, and
 * there is a user "pithead" who can reach the home. 0 and *out zero: there is no need or no such
 * user. ERR_DENIED, *out zero: that user cannot reach the home, with the folder that is closed. */
int process_user_find(const char *home, struct process_user *out, struct err *e);

/* Whether exactly this process (pid and start time) runs; a zombie does not. */
int process_alive(int64_t pid, int64_t start_ticks);

/* The base name of its executable into out; 0, or -1 when it cannot be read. */
int process_exe(int64_t pid, char *out, size_t size);

/* Its working folder into out; 0 or -1. */
int process_cwd(int64_t pid, char *out, size_t size);

/* Sends sig if pid and start time still match (by pidfd, so that a reused pid is never hit).
 * 0 sent, -1 not. */
int process_signal(int64_t pid, int64_t start_ticks, int sig);

/* Waits until the process has ended, at most limit_ms. 1 ended, 0 still there. */
int process_wait_end(int64_t pid, int64_t start_ticks, int64_t limit_ms);

/* "NAME (pid N)" of the process that listens on TCP port `port` of this machine, as far as /proc
 * lets us see; 0, or -1 when it does not. */
int process_of_port(int port, char *out, size_t size);

/* Milliseconds of the monotonic clock, for limits of waiting. */
int64_t process_now_ms(void);

/* Sleeps between two looks at a condition. */
void process_pause_ms(int ms);

#endif
