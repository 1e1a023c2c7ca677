/* runner.h: runs a replica of a bundle in a bubblewrap sandbox: bundle read-only, no network, its
 * own writable folder for the socket, memory and CPU limits. Replicas outlive the engine: they
 * are found again by pid and start time. */
#ifndef PITHEAD_BACKEND_ADAPTERS_RUNNER_H
#define PITHEAD_BACKEND_ADAPTERS_RUNNER_H

#include <stdint.h>

#include "backend/adapters/process.h"
#include "backend/base/err.h"

struct runner_job {
	const char *id;	     /* names folder, cgroup and log */
	const char *bundle;  /* folder of the bundle, bound read-only at /bundle, the cwd */
	const char *box;     /* host folder bound read-write at /run/box; made if missing */
	const char *command; /* run by sh -c with SOCKET=/run/box/s.sock; exec'ed */
	const char *log;     /* file that stdout and stderr are appended to */
	int64_t memory_mb, cpu_percent;
	struct process_user user; /* whom it runs as; it then owns the box */
};

struct runner_process {
	int64_t pid, start_ticks; /* of bwrap, the sandbox's outermost process */
};

enum runner_limits { RUNNER_CGROUP2, RUNNER_CGROUP1, RUNNER_RLIMIT };

/* The kind of limit in force on this machine, and its name ("cgroup v1"). */
enum runner_limits runner_limits_kind(void);
const char *runner_limits_name(enum runner_limits kind);

/* Starts the job in its own session, with no descriptor of ours. 0 and *out; or ERR_FAILED with
 * the setting that a person must change when the machine forbids sandboxes. */
int runner_start(const struct runner_job *job, struct runner_process *out, struct err *e);

/* Whether exactly this process (pid and start time) still lives. */
int runner_alive(const struct runner_process *p);

/* Sends SIGTERM to the process's own children so that the server can finish (kill = 0), or
 * SIGKILL to the whole tree. Never a pid whose start time differs. */
void runner_signal(const struct runner_process *p, int kill);

/* Removes what is left of a job: its cgroup and box folder. */
void runner_clean(const struct runner_job *job);

/* 0 when bubblewrap can make a sandbox here as that user; otherwise the remedy in *e. */
int runner_probe(const struct process_user *user, struct err *e);

/* Field 22 of /proc/PID/stat, or -1. */
int64_t process_start_ticks(int64_t pid);

#endif
