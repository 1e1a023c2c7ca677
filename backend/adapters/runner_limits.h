/* runner_limits.h: memory and processor limits of one job: control groups v2 where they are
 * delegated to us, else v1, else rlimits (memory of each process only, no processor limit).
 * Used by runner_bwrap.c. */
#ifndef PITHEAD_BACKEND_ADAPTERS_RUNNER_LIMITS_H
#define PITHEAD_BACKEND_ADAPTERS_RUNNER_LIMITS_H

#include "backend/adapters/process.h"
#include "backend/adapters/runner.h"

#define RUNNER_GROUPS 3

/* The groups of a job as folders, "" = none. */
struct runner_groups {
	enum runner_limits kind;
	char path[RUNNER_GROUPS][400];
};

/* Names the job's groups, without making them. */
void runner_groups_find(const struct runner_job *job, struct runner_groups *out);

/* Makes them with the job's limits and puts them (or rlimits) into s; joins points into `files`,
 * which must live until the start. 0, or ERR_FAILED. */
int runner_groups_make(const struct runner_job *job, const struct runner_groups *g,
	struct process_spawn *s, char files[RUNNER_GROUPS][420], struct err *e);

/* Kills every process in the groups (none for rlimits). */
void runner_groups_kill(const struct runner_groups *g);

/* Removes the groups once they are empty, waiting up to limit_ms. */
void runner_groups_remove(const struct runner_groups *g, int64_t limit_ms);

#endif
