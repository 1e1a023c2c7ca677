/* runner_limits.c: control groups by their files. The kind is found by trying: a folder that can
 * be made and has the controllers' files is the only proof that counts. */
#include "backend/adapters/runner_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backend/base/digest.h"
#include "backend/base/xalloc.h"

#define CGROUP_ROOT  "/sys/fs/cgroup"
#define CGROUP2_TYPE 0x63677270
#define CPU_PERIOD   100000 /* us */
#define TASKS_MOST   512

static const char *const v1_controllers[RUNNER_GROUPS] = {"memory", "cpu", "pids"};

static int write_value(const char *folder, const char *file, const char *value)
{
	char path[480];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%.400s/%.60s", folder, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = write(fd, value, strlen(value));
	close(fd);
	return n == (ssize_t)strlen(value) ? 0 : -1;
}

static int has_file(const char *folder, const char *file)
{
	char path[480];

	snprintf(path, sizeof path, "%.400s/%.60s", folder, file);
	return access(path, W_OK) == 0;
}

static int make_folder(const char *path)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -1;
}

/* Our own group of the unified hierarchy, as "/a/b". */
static int own_group(char *out, size_t size)
{
	struct buf text = {0};
	const char *line;
	int rc = -1;

	if (buf_read_file(&text, "/proc/self/cgroup", 65536) == 0 &&
		(line = strstr(buf_text(&text), "0::/")) != NULL) {
		snprintf(out, size, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
		rc = 0;
	}
	buf_release(&text);
	return rc;
}

/* A folder below which v2 groups with memory and cpu can be made: our own group when it was
 * delegated (systemd's Delegate=), else one at the top (root). 0 and its path, or -1. */
static int v2_base(char out[300])
{
	struct statfs fs;
	char own[200];

	if (statfs(CGROUP_ROOT, &fs) < 0 || (unsigned long)fs.f_type != CGROUP2_TYPE)
		return -1;
	for (int try = 0; try < 2; try++) {
		if (try == 0 && own_group(own, sizeof own) < 0)
			continue;
		snprintf(out, 300, CGROUP_ROOT "%s%s", try ? "" : own,
			try == 0 && strcmp(own, "/") == 0 ? "pithead" : "/pithead");
		if (make_folder(out) < 0)
			continue;
		if (write_value(out, "cgroup.subtree_control", "+memory +cpu +pids") == 0 &&
			has_file(out, "memory.max") && has_file(out, "cpu.max"))
			return 0;
		rmdir(out);
	}
	return -1;
}

static int v1_usable(void)
{
	return make_folder(CGROUP_ROOT "/memory/pithead") == 0 &&
	       has_file(CGROUP_ROOT "/memory/pithead", "memory.limit_in_bytes") &&
	       make_folder(CGROUP_ROOT "/cpu/pithead") == 0 &&
	       has_file(CGROUP_ROOT "/cpu/pithead", "cpu.cfs_quota_us");
}

enum runner_limits runner_limits_kind(void)
{
	char base[300];

	if (v2_base(base) == 0)
		return RUNNER_CGROUP2;
	return v1_usable() ? RUNNER_CGROUP1 : RUNNER_RLIMIT;
}

const char *runner_limits_name(enum runner_limits kind)
{
	switch (kind) {
	case RUNNER_CGROUP2:
		return "cgroup v2";
	case RUNNER_CGROUP1:
		return "cgroup v1";
	case RUNNER_RLIMIT:
		break;
	}
	return "rlimits (memory of each process only)";
}

void runner_groups_find(const struct runner_job *job, struct runner_groups *out)
{
	char base[300], name[96], hex[DIGEST_HEX];

	*out = (struct runner_groups){.kind = RUNNER_RLIMIT};
	/* Two engines may use one id: the box folder tells them apart. */
	digest_hex(job->box, strlen(job->box), hex);
	snprintf(name, sizeof name, "%.64s-%.8s", job->id, hex);
	if (v2_base(base) == 0) {
		out->kind = RUNNER_CGROUP2;
		snprintf(out->path[0], sizeof out->path[0], "%s/%s", base, name);
	} else if (v1_usable()) {
		out->kind = RUNNER_CGROUP1;
		for (int i = 0; i < RUNNER_GROUPS; i++)
			snprintf(out->path[i], sizeof out->path[i], CGROUP_ROOT "/%s/pithead/%s",
				v1_controllers[i], name);
	}
}

static int set_v2(const struct runner_job *job, const char *folder)
{
	char memory[32], cpu[64], tasks[16];

	snprintf(memory, sizeof memory, "%lld", (long long)job->memory_mb << 20);
	snprintf(cpu, sizeof cpu, "%lld %d", (long long)job->cpu_percent * CPU_PERIOD / 100,
		CPU_PERIOD);
	snprintf(tasks, sizeof tasks, "%d", TASKS_MOST);
	write_value(folder, "memory.swap.max", "0");  /* absent without swap accounting */
	write_value(folder, "memory.oom.group", "1"); /* all of a replica or none */
	write_value(folder, "pids.max", tasks);
	return write_value(folder, "memory.max", memory) < 0 ? -1
							     : write_value(folder, "cpu.max", cpu);
}

static int set_v1(const struct runner_job *job, const struct runner_groups *g)
{
	char memory[32], quota[32], tasks[16];

	snprintf(memory, sizeof memory, "%lld", (long long)job->memory_mb << 20);
	snprintf(quota, sizeof quota, "%lld", (long long)job->cpu_percent * CPU_PERIOD / 100);
	snprintf(tasks, sizeof tasks, "%d", TASKS_MOST);
	if (write_value(g->path[0], "memory.limit_in_bytes", memory) < 0 ||
		write_value(g->path[1], "cpu.cfs_quota_us", quota) < 0)
		return -1;
	write_value(g->path[0], "memory.memsw.limit_in_bytes", memory); /* often absent */
	write_value(g->path[2], "pids.max", tasks);
	return 0;
}

static void set_rlimits(const struct runner_job *job, struct process_spawn *s)
{
	s->limits[0].resource = RLIMIT_DATA;
	s->limits[0].value = job->memory_mb << 20;
	s->limits[1].resource = RLIMIT_CORE;
	s->limits[1].value = 0;
	s->limit_count = 2;
}

int runner_groups_make(const struct runner_job *job, const struct runner_groups *g,
	struct process_spawn *s, char files[RUNNER_GROUPS][420], struct err *e)
{
	int n = 0;

	if (g->kind == RUNNER_RLIMIT) {
		set_rlimits(job, s);
		return 0;
	}
	for (int i = 0; i < RUNNER_GROUPS && g->path[i][0]; i++) {
		char parent[400];
		str_copy(parent, sizeof parent, g->path[i]);
		*strrchr(parent, '/') = '\0';
		if (make_folder(parent) < 0 || make_folder(g->path[i]) < 0) {
			if (i == 2) /* the number of tasks is a nicety of v1 */
				continue;
			return err_set(e, ERR_FAILED, "cannot make the control group %s: %s",
				g->path[i], strerror(errno));
		}
		snprintf(files[n], 420, "%s/cgroup.procs", g->path[i]);
		s->joins[n] = files[n];
		n++;
	}
	if ((g->kind == RUNNER_CGROUP2 ? set_v2(job, g->path[0]) : set_v1(job, g)) < 0)
		return err_set(e, ERR_FAILED, "cannot set the limits of control group %s: %s",
			g->path[0], strerror(errno));
	return 0;
}

void runner_groups_kill(const struct runner_groups *g)
{
	struct buf text = {0};
	char path[420], *rest, *line;

	if (g->kind == RUNNER_RLIMIT ||
		(g->kind == RUNNER_CGROUP2 && write_value(g->path[0], "cgroup.kill", "1") == 0))
		return;
	snprintf(path, sizeof path, "%s/cgroup.procs", g->path[0]);
	if (buf_read_file(&text, path, 1 << 20) == 0) {
		rest = text.data;
		while (rest && (line = strsep(&rest, "\n")) != NULL)
			if (atoll(line) > 1)
				process_signal(
					atoll(line), process_start_ticks(atoll(line)), SIGKILL);
	}
	buf_release(&text);
}

void runner_groups_remove(const struct runner_groups *g, int64_t limit_ms)
{
	int64_t end = process_now_ms() + limit_ms;

	for (int i = 0; i < RUNNER_GROUPS && g->path[i][0]; i++)
		while (rmdir(g->path[i]) < 0 && errno == EBUSY && process_now_ms() < end)
			process_pause_ms(2);
}
