/* runner_bwrap.c: a replica in a bubblewrap sandbox: bundle read-only, no network, no capability,
 * one writable folder for the socket. No --die-with-parent: replicas outlive the engine. The tree
 * is bwrap (ours, outside) > bwrap (pid 1 of the sandbox) > the server. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/adapters/process.h"
#include "backend/adapters/runner.h"
#include "backend/adapters/runner_limits.h"
#include "backend/base/xalloc.h"

#define BWRAP	  "/usr/bin/bwrap"
#define START_MS  1000 /* until the sandbox stands */
#define CHILDREN  64
#define REMOVE_MS 500

/* --clearenv acts in order: it must stand before the --setenv's. */
#define SANDBOX                                                                                    \
	"--unshare-all", "--new-session", "--cap-drop", "ALL", "--clearenv", "--setenv", "PATH",   \
		"/usr/local/bin:/usr/bin:/bin", "--setenv", "HOME", "/tmp", "--ro-bind", "/usr",   \
		"/usr", "--ro-bind-try", "/lib", "/lib", "--ro-bind-try", "/lib64", "/lib64",      \
		"--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin", "--ro-bind-try", \
		"/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind-try", "/etc/alternatives",      \
		"/etc/alternatives", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"

int runner_probe(const struct process_user *user, struct err *e)
{
	static const char *const argv[] = {BWRAP, SANDBOX, "/bin/true", NULL};
	struct buf words = {0};
	int rc;

	if (access(BWRAP, X_OK) < 0) {
		err_set(e, ERR_FAILED, "bubblewrap is not installed: there is no " BWRAP);
		return err_hint(e, "apt install bubblewrap");
	}
	rc = process_run_as(user, argv, "/", 5000, &words, e);
	if (rc > 0) {
		err_set(e, ERR_FAILED, "this machine forbids sandboxes: %.*s",
			(int)strcspn(buf_text(&words), "\n"), buf_text(&words));
		rc = err_hint(e, "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
				 " user.max_user_namespaces=10000 (Ubuntu also: "
				 "kernel.apparmor_restrict_unprivileged_userns=0)");
	}
	buf_release(&words);
	return rc;
}

static int check_job(const struct runner_job *job, struct err *e)
{
	struct stat st;

	for (const char *c = job->id; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return err_set(
				e, ERR_INVALID, "\"%.80s\" is not the id of a replica", job->id);
	if (!job->id[0] || job->id[0] == '.' || strlen(job->id) > 63)
		return err_set(e, ERR_INVALID, "\"%.80s\" is not the id of a replica", job->id);
	if (job->memory_mb < 1 || job->cpu_percent < 1)
		return err_set(e, ERR_INVALID, "replica %s: limits must be above 0", job->id);
	if (stat(job->bundle, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_FAILED, "replica %s: the bundle %s is not there", job->id,
			job->bundle);
	if (mkdir(job->box, 0700) < 0 && errno != EEXIST)
		return err_set(e, ERR_FAILED, "replica %s: cannot make %s: %s", job->id, job->box,
			strerror(errno));
	if (job->user.uid != 0 && lchown(job->box, (uid_t)job->user.uid, (gid_t)job->user.gid) < 0)
		return err_set(e, ERR_FAILED, "replica %s: cannot give %s away: %s", job->id,
			job->box, strerror(errno));
	return 0;
}

/* Bundles lie behind folders that only root sees into. For another user the one that it needs is
 * bound, for its eyes only, over an empty folder beside the boxes. */
static int make_mount(const struct runner_job *job, char out[400], struct err *e)
{
	const char *slash = strrchr(job->box, '/');

	if (job->user.uid == 0) {
		str_copy(out, 400, job->bundle);
		return 0;
	}
	snprintf(out, 400, "%.*s/.bundle", slash ? (int)(slash - job->box) : 0, job->box);
	if ((mkdir(out, 0755) < 0 && errno != EEXIST) || chmod(out, 0755) < 0)
		return err_set(e, ERR_FAILED, "replica %s: cannot make %s: %s", job->id, out,
			strerror(errno));
	return 0;
}

struct family {
	int64_t pid, parent;
};

/* All processes with their parents. Returns how many; *out is the caller's. */
static int read_family(struct family **out)
{
	int n = 0, cap = 0;
	struct dirent *d;
	DIR *proc = opendir("/proc");

	*out = NULL;
	while (proc && (d = readdir(proc)) != NULL) {
		char path[300], text[512], *p;
		struct buf stat = {0};
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%.20s/stat", d->d_name);
		if (buf_read_file(&stat, path, 4096) == 0) {
			str_copy(text, sizeof text, buf_text(&stat));
			p = strrchr(text, ')');
			if (n == cap) {
				cap = cap ? cap * 2 : 256;
				*out = xrealloc(*out, (size_t)cap, sizeof **out);
			}
			(*out)[n].pid = atoll(d->d_name);
			(*out)[n].parent = p && strlen(p) > 4 ? atoll(p + 4) : 0;
			n++;
		}
		buf_release(&stat);
	}
	if (proc)
		closedir(proc);
	return n;
}

static int children_of(const struct family *f, int n, int64_t parent, int64_t out[CHILDREN])
{
	int found = 0;

	for (int i = 0; i < n && found < CHILDREN; i++)
		if (f[i].parent == parent)
			out[found++] = f[i].pid;
	return found;
}

/* The sandbox's pid 1 processes and, below them, the servers. Start times are read at once, so
 * that a later signal cannot hit a reused pid. */
struct tree {
	struct runner_process inits[CHILDREN], servers[CHILDREN];
	int init_count, server_count;
};

static void read_tree(const struct runner_process *p, struct tree *t)
{
	struct family *f;
	int n = read_family(&f);
	int64_t inits[CHILDREN], servers[CHILDREN];

	t->init_count = children_of(f, n, p->pid, inits);
	t->server_count = 0;
	for (int i = 0; i < t->init_count; i++) {
		t->inits[i] = (struct runner_process){inits[i], process_start_ticks(inits[i])};
		int found = children_of(f, n, inits[i], servers);
		for (int k = 0; k < found && t->server_count < CHILDREN; k++)
			t->servers[t->server_count++] = (struct runner_process){
				servers[k], process_start_ticks(servers[k])};
	}
	free(f);
	/* What was read counts only if the parent is still the one we mean. */
	if (!runner_alive(p))
		t->init_count = t->server_count = 0;
}

/* Waits until the server is being run, or bwrap has given up. */
static int wait_sandbox(
	const struct runner_process *p, const struct process_user *user, struct err *e)
{
	int64_t end = process_now_ms() + START_MS;
	struct tree t;

	while (process_now_ms() < end) {
		read_tree(p, &t);
		if (t.server_count > 0)
			return 0;
		/* A server that ends at once is not our failure: whoever waits for health sees
		 * it. A machine without sandboxes is. */
		if (!runner_alive(p))
			return runner_probe(user, e);
		process_pause_ms(3);
	}
	return 0;
}

int runner_start(const struct runner_job *job, struct runner_process *out, struct err *e)
{
	char bundle[400];
	const char *const argv[] = {BWRAP, SANDBOX, "--setenv", "SOCKET", "/run/box/s.sock",
		"--ro-bind", bundle, "/bundle", "--bind", job->box, "/run/box", "--chdir",
		"/bundle", "/bin/sh", "-c", job->command, NULL};
	struct process_spawn s = {.argv = argv, .log = job->log, .user = job->user};
	char files[RUNNER_GROUPS][420];
	struct runner_groups groups;
	struct runner_process p;
	int rc = check_job(job, e);

	if (rc == 0)
		rc = make_mount(job, bundle, e);
	if (rc < 0)
		return rc;
	if (access(BWRAP, X_OK) < 0)
		return runner_probe(&job->user, e);
	if (job->user.uid != 0) {
		s.bind_from = job->bundle;
		s.bind_to = bundle;
	}
	runner_groups_find(job, &groups);
	rc = runner_groups_make(job, &groups, &s, files, e);
	if (rc == 0)
		rc = process_spawn(&s, &p.pid, &p.start_ticks, e);
	if (rc == 0)
		rc = wait_sandbox(&p, &job->user, e);
	if (rc == 0)
		*out = p;
	else
		runner_groups_remove(&groups, REMOVE_MS);
	return rc;
}

int runner_alive(const struct runner_process *p)
{
	return process_alive(p->pid, p->start_ticks);
}

void runner_signal(const struct runner_process *p, int kill)
{
	struct tree t;

	if (!runner_alive(p))
		return;
	read_tree(p, &t);
	if (!kill) {
		for (int i = 0; i < t.server_count; i++)
			process_signal(t.servers[i].pid, t.servers[i].start_ticks, SIGTERM);
		return;
	}
	/* The end of pid 1 of the sandbox ends everything in it; the outer bwrap alone would leave
	 * it running. */
	for (int i = 0; i < t.init_count; i++)
		process_signal(t.inits[i].pid, t.inits[i].start_ticks, SIGKILL);
	process_signal(p->pid, p->start_ticks, SIGKILL);
}

/* Kills whatever still has the job's box mounted: a sandbox whose outer bwrap was killed alone
 * goes on, and without control groups nothing else names its processes. */
static void kill_by_box(const struct runner_job *job)
{
	struct stat box, seen;
	struct family *f;
	char path[64];
	int n;

	if (stat(job->box, &box) < 0)
		return;
	n = read_family(&f);
	for (int i = 0; i < n; i++) {
		int64_t ticks = process_start_ticks(f[i].pid);
		snprintf(path, sizeof path, "/proc/%lld/root/run/box", (long long)f[i].pid);
		if (f[i].pid != getpid() && stat(path, &seen) == 0 && seen.st_ino == box.st_ino &&
			seen.st_dev == box.st_dev)
			process_signal(f[i].pid, ticks, SIGKILL);
	}
	free(f);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	if (kind == FTW_DP ? rmdir(path) : unlink(path))
		return 0; /* somebody else's leftovers stay */
	return 0;
}

void runner_clean(const struct runner_job *job)
{
	struct runner_groups groups;

	kill_by_box(job);
	runner_groups_find(job, &groups);
	runner_groups_kill(&groups);
	runner_groups_remove(&groups, REMOVE_MS);
	/* The folder was the sandbox's to write: never follow its links. */
	nftw(job->box, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
