/* haproxy_process.c: HAProxy's life. It runs in its own session with the gateway's folder as cwd,
 * is nobody's child after the double fork, and is known by pid, start time, executable and cwd,
 * never by pid alone. A reload is a second process that takes the listening sockets over. */
#include "backend/adapters/haproxy_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/adapters/process.h"
#include "backend/adapters/runner.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define HAPROXY_PATH "/usr/sbin/haproxy"
#define PID_FILE     "haproxy.pid"
#define LOG_FILE     "haproxy.log"
#define START_MS     10000
#define LOOK_MS	     100

void haproxy_process_init(struct haproxy_process *p, const char *folder)
{
	*p = (struct haproxy_process){.folder = xstrdup(folder)};
}

void haproxy_process_release(struct haproxy_process *p)
{
	for (int i = 0; i < p->count; i++)
		haproxy_cli_close(p->live[i].cli);
	xfree(p->folder);
	p->count = 0;
}

int haproxy_info_get(const char *answer, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	for (const char *line = answer; line && *line;) {
		const char *end = strchrnul(line, '\n');
		if (strncmp(line, name, n) == 0 && line[n] == ':' && line[n + 1] == ' ') {
			char *value = xstrndup(line + n + 2, (size_t)(end - line) - n - 2);
			str_copy(out, size, value);
			free(value);
			return 0;
		}
		line = *end ? end + 1 : NULL;
	}
	return -1;
}

/* Fills g from `show info` over its connection. */
static int ask_identity(struct haproxy_generation *g, struct err *e)
{
	struct buf out = {0};
	char pid[32] = "", text[64] = "";
	long long number = 0;
	int rc = haproxy_cli_ask(g->cli, "show info\n", 1, &out, e);

	if (rc == 0) {
		haproxy_info_get(buf_text(&out), "Pid", pid, sizeof pid);
		haproxy_info_get(buf_text(&out), "description", text, sizeof text);
		g->pid = atoll(pid);
		g->start_ticks = process_start_ticks(g->pid);
		g->fingerprint[0] = '\0';
		if (sscanf(text, "gen=%lld fp=%16s", &number, g->fingerprint) < 1)
			number = 0;
		g->number = number;
		if (g->start_ticks < 0)
			rc = err_set(e, ERR_GATEWAY,
				"the gateway's admin socket names a process (\"%.20s\") that "
				"does not exist",
				pid);
	}
	buf_release(&out);
	return rc;
}

/* Whether pid is an HAProxy that runs in our folder. */
static int is_ours(const struct haproxy_process *p, int64_t pid)
{
	char exe[64], cwd[4096], ours[4096];

	return process_exe(pid, exe, sizeof exe) == 0 && strcmp(exe, "haproxy") == 0 &&
	       process_cwd(pid, cwd, sizeof cwd) == 0 && realpath(p->folder, ours) &&
	       strcmp(cwd, ours) == 0;
}

static void write_pid_file(const struct haproxy_process *p)
{
	const struct haproxy_generation *g = &p->live[0];
	char *path = xasprintf("%s/" PID_FILE, p->folder);
	char *text = xasprintf("%lld %lld %lld\n", (long long)g->pid, (long long)g->start_ticks,
		(long long)g->number);

	/* Only a help for adoption when the socket is mute: a failure costs nothing now. */
	if (file_write_atomic(path, text, strlen(text), 0600) < 0)
		log_warn("gateway", "cannot write %s", path);
	free(path);
	free(text);
}

/* The socket is mute: is the process of the pid file still there (stopped, stuck)? */
static int adopt_mute(const struct haproxy_process *p, struct err *e)
{
	char *path = xasprintf("%s/" PID_FILE, p->folder);
	struct buf text = {0};
	long long pid = 0, ticks = 0;
	int rc = 0;

	if (buf_read_file(&text, path, 4096) == 0 &&
		sscanf(buf_text(&text), "%lld %lld", &pid, &ticks) == 2 &&
		process_alive(pid, ticks) && is_ours(p, pid)) {
		rc = err_set(e, ERR_GATEWAY,
			"the gateway (HAProxy, pid %lld) runs but does not answer on %s/%s", pid,
			p->folder, HAPROXY_ADMIN);
		err_hint(e, "look at %s/" LOG_FILE "; if it is stuck, end it: kill %lld", p->folder,
			pid);
	}
	buf_release(&text);
	free(path);
	return rc;
}

int haproxy_process_adopt(struct haproxy_process *p, struct err *e)
{
	struct haproxy_generation g = {0};

	if (haproxy_process_look(p))
		return 1;
	g.cli = haproxy_cli_open(p->folder, HAPROXY_ADMIN, NULL);
	if (!g.cli)
		return adopt_mute(p, e);
	if (ask_identity(&g, e) < 0 || !is_ours(p, g.pid)) {
		haproxy_cli_close(g.cli);
		return err_set(e, ERR_GATEWAY,
			"something that is not this engine's gateway answers on %s/%s", p->folder,
			HAPROXY_ADMIN);
	}
	p->live[0] = g;
	p->count = 1;
	write_pid_file(p);
	return 1;
}

static void forget(struct haproxy_process *p, int i)
{
	haproxy_cli_close(p->live[i].cli);
	p->count--;
	memmove(&p->live[i], &p->live[i + 1], (size_t)(p->count - i) * sizeof p->live[0]);
}

/* An old worker is done when it listens no more and serves nobody (CurrConns leaves ours out);
 * while we hold our connection it would live on to hard-stop-after. */
static int is_done(struct haproxy_generation *g)
{
	struct buf out = {0};
	char connections[32] = "", stopping[8] = "";
	int done = 1;

	if (haproxy_cli_ask(g->cli, "show info\n", 1, &out, NULL) == 0) {
		haproxy_info_get(buf_text(&out), "CurrConns", connections, sizeof connections);
		haproxy_info_get(buf_text(&out), "Stopping", stopping, sizeof stopping);
		done = atoi(connections) == 0 && atoi(stopping) == 1;
	}
	buf_release(&out);
	return done;
}

/* Lets go of old workers that have nothing left to do, at most every LOOK_MS. */
static void release_done(struct haproxy_process *p)
{
	int64_t now = process_now_ms();

	if (p->count < 2 || now - p->looked_ms < LOOK_MS)
		return;
	p->looked_ms = now;
	for (int i = p->count - 1; i >= 1; i--)
		if (p->live[i].cli && is_done(&p->live[i])) {
			haproxy_cli_close(p->live[i].cli);
			p->live[i].cli = NULL;
		}
}

int haproxy_process_look(struct haproxy_process *p)
{
	for (int i = p->count - 1; i >= 1; i--)
		if (!process_alive(p->live[i].pid, p->live[i].start_ticks))
			forget(p, i);
	if (p->count > 0 && !process_alive(p->live[0].pid, p->live[0].start_ticks)) {
		/* The newest was killed. The old ones listen no more: nothing is lost by ending
		 * them, and none is left behind that no move can reach. */
		while (p->count > 1)
			haproxy_process_end(p, p->count - 1);
		forget(p, 0);
	}
	release_done(p);
	return p->count > 0;
}

void haproxy_process_end(struct haproxy_process *p, int i)
{
	if (process_signal(p->live[i].pid, p->live[i].start_ticks, SIGTERM) == 0 &&
		!process_wait_end(p->live[i].pid, p->live[i].start_ticks, 500))
		process_signal(p->live[i].pid, p->live[i].start_ticks, SIGKILL);
	forget(p, i);
}

struct haproxy_cli *haproxy_process_cli(struct haproxy_process *p, int i, struct err *e)
{
	struct haproxy_generation *g = &p->live[i], fresh = {0};

	if (g->cli && !haproxy_cli_broken(g->cli))
		return g->cli;
	haproxy_cli_close(g->cli);
	g->cli = NULL;
	if (i > 0) {
		err_set(e, ERR_UNREACHABLE, "an old worker of the gateway cannot be reached");
		return NULL;
	}
	fresh.cli = haproxy_cli_open(p->folder, HAPROXY_ADMIN, e);
	if (!fresh.cli)
		return NULL;
	if (ask_identity(&fresh, e) < 0 || fresh.pid != g->pid) {
		haproxy_cli_close(fresh.cli);
		err_set(e, ERR_GATEWAY, "another process took over the gateway's admin socket");
		return NULL;
	}
	g->cli = fresh.cli;
	return g->cli;
}

/* The first line of HAProxy's words that tells a fault, without its prefix. */
static void fault_of(const char *words, char *out, size_t size)
{
	const char *line = strstr(words, "[ALERT]");
	const char *text = line ? strstr(line, ") : ") : NULL;
	size_t n;
	char *copy;

	text = text ? text + 4 : words;
	n = strcspn(text, "\n");
	copy = xstrndup(text, n);
	str_copy(out, size, copy);
	free(copy);
}

int haproxy_process_validate(const struct haproxy_process *p, const char *file, struct err *e)
{
	const char *const argv[] = {HAPROXY_PATH, "-c", "-f", file, NULL};
	struct buf words = {0};
	char fault[400];
	int rc;

	if (access(HAPROXY_PATH, X_OK) < 0) {
		err_set(e, ERR_FAILED, "HAProxy is not installed: there is no " HAPROXY_PATH);
		return err_hint(e, "apt install haproxy");
	}
	rc = process_run(argv, p->folder, START_MS, &words, e);
	if (rc > 0) {
		fault_of(buf_text(&words), fault, sizeof fault);
		rc = err_set(e, ERR_INVALID, "HAProxy refuses the new configuration: %s", fault);
	}
	buf_release(&words);
	return rc;
}

static void last_words(const char *log, off_t from, char *out, size_t size)
{
	struct buf words = {0};

	str_copy(out, size, "it ended without a word");
	if (buf_read_file(&words, log, 64u << 20) == 0 && (off_t)words.len > from)
		fault_of(words.data + from, out, size);
	buf_release(&words);
}

/* Waits until the new worker itself answers: the old one may still accept on the same path. */
static int wait_for(struct haproxy_process *p, struct haproxy_generation *g, struct err *e)
{
	int64_t pid = g->pid, end = process_now_ms() + START_MS;

	while (process_alive(pid, g->start_ticks)) {
		struct haproxy_generation seen = {
			.cli = haproxy_cli_open(p->folder, HAPROXY_ADMIN, NULL)};
		if (seen.cli && ask_identity(&seen, NULL) == 0 && seen.pid == pid) {
			*g = seen;
			return 0;
		}
		haproxy_cli_close(seen.cli);
		if (process_now_ms() > end) {
			process_signal(pid, g->start_ticks, SIGKILL);
			return err_set(e, ERR_TIMEOUT, "HAProxy did not answer within %d s",
				START_MS / 1000);
		}
		process_pause_ms(2);
	}
	return err_set(e, ERR_GATEWAY, "HAProxy ended while it started");
}

static void keep_newest(struct haproxy_process *p, const struct haproxy_generation *g)
{
	/* Generations end within hard-stop-after; more than a handful is a storm of reloads. */
	if (p->count == HAPROXY_GENERATIONS)
		haproxy_process_end(p, p->count - 1);
	memmove(&p->live[1], &p->live[0], (size_t)p->count * sizeof p->live[0]);
	p->live[0] = *g;
	p->count++;
	write_pid_file(p);
}

int haproxy_process_start(
	struct haproxy_process *p, int64_t generation, char *fault, size_t size, struct err *e)
{
	char old[32], *log = xasprintf("%s/" LOG_FILE, p->folder);
	const char *argv[] = {
		HAPROXY_PATH, "-db", "-f", HAPROXY_CFG, "-x", HAPROXY_ADMIN, "-sf", old, NULL};
	struct process_spawn s = {.argv = argv, .cwd = p->folder, .log = log};
	struct haproxy_generation g = {.number = generation};
	struct stat st = {0};
	int rc;

	fault[0] = '\0';
	if (haproxy_process_look(p))
		snprintf(old, sizeof old, "%lld", (long long)p->live[0].pid);
	else
		argv[4] = NULL;
	if (stat(log, &st) == 0 && st.st_size > (8 << 20) && truncate(log, 0) == 0)
		st.st_size = 0;
	rc = process_spawn(&s, &g.pid, &g.start_ticks, e);
	if (rc == 0)
		rc = wait_for(p, &g, e);
	if (rc < 0) {
		last_words(log, st.st_size, fault, size);
		err_set(e, ERR_GATEWAY, "HAProxy did not start: %s", fault);
		err_hint(e, "its log: %s", log);
	} else {
		keep_newest(p, &g);
	}
	free(log);
	return rc;
}

int haproxy_process_stop(struct haproxy_process *p, struct err *e)
{
	int rc = 0;

	for (int i = 0; i < p->count; i++) {
		struct haproxy_generation *g = &p->live[i];
		haproxy_cli_close(g->cli);
		g->cli = NULL;
		process_signal(g->pid, g->start_ticks, SIGUSR1);
	}
	for (int i = 0; i < p->count; i++) {
		struct haproxy_generation *g = &p->live[i];
		if (process_wait_end(g->pid, g->start_ticks, 2000))
			continue;
		process_signal(g->pid, g->start_ticks, SIGTERM);
		if (process_wait_end(g->pid, g->start_ticks, 1000))
			continue;
		process_signal(g->pid, g->start_ticks, SIGKILL);
		if (!process_wait_end(g->pid, g->start_ticks, 1000))
			rc = err_set(e, ERR_TIMEOUT, "HAProxy (pid %lld) does not end",
				(long long)g->pid);
	}
	while (rc == 0 && p->count > 0)
		forget(p, p->count - 1);
	return rc;
}
