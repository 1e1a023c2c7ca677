/* replicas.c: the servers of the versions that an endpoint keeps hot. A row with an id is written
 * before a process is started, so that a crash in between leaves something to find. Start, wait
 * for health, then route; stop routing, drain, then stop. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/acts/change.h"
#include "backend/acts/reconcile.h"
#include "backend/base/digest.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/registry/registry.h"

#define ROWS_MAX 128

/* Added to a replica's number when its command is no longer the applied one: it serves until the
 * new ones are healthy. */
#define OUTDATED 1000

struct replicas {
	struct world *w;
	struct live_endpoint *ep;
	struct replica_row rows[ROWS_MAX];
	int count;
};

struct job_paths {
	char bundle[400], box[400], log[400], socket[420];
};

static int collect(void *arg, const struct replica_row *r)
{
	struct replicas *rs = arg;

	if (rs->count < ROWS_MAX)
		rs->rows[rs->count++] = *r;
	return 0;
}

static void paths_of(const struct world *w, const struct replica_row *r, struct job_paths *p)
{
	registry_path(w->home, r->digest, p->bundle, sizeof p->bundle);
	snprintf(p->box, sizeof p->box, "%s/run/box/%s", w->home, r->id);
	snprintf(p->log, sizeof p->log, "%s/log/%s.log", w->home, r->id);
	snprintf(p->socket, sizeof p->socket, "%s/s.sock", p->box);
}

static struct runner_job job_of(const struct world *w, const struct live_endpoint *ep,
	const struct replica_row *r, const struct job_paths *p)
{
	return (struct runner_job){.id = r->id,
		.bundle = p->bundle,
		.box = p->box,
		.command = ep->config->serve,
		.log = p->log,
		.user = w->user,
		.memory_mb = w->settings.replica_memory_mb,
		.cpu_percent = w->settings.replica_cpu_percent};
}

static struct runner_process process_of(const struct replica_row *r)
{
	return (struct runner_process){.pid = r->pid, .start_ticks = r->start_ticks};
}

static void save(struct world *w, const struct replica_row *r)
{
	struct err e = {0};

	if (store_save_replica(w->store, r, &e))
		log_warn("replica", "%s: %s", r->id, e.message);
}

/* -- which versions are to be kept -- */

static int wanted(const struct world *w, const struct live_endpoint *ep, const char *version)
{
	if (!*version || ep->row.removed || strcmp(ep->evict, version) == 0)
		return 0;
	if (strcmp(version, ep->row.stable) == 0 || strcmp(version, ep->row.candidate) == 0)
		return 1;
	/* Servers of others that the spec names no more are gone. */
	if (!ep->config->serve[0] && !upstream_of(ep, version))
		return 0;
	/* Everything else that is still running stays hot for the same time as the predecessor. */
	return ep->row.hot_until_us > clock_wall_us(&w->clock);
}

static int save_slot(struct world *w, struct live_endpoint *ep, int slot, const char *version)
{
	struct slot_row row = {.slot = slot};
	struct err e = {0};

	str_copy(row.endpoint, sizeof row.endpoint, ep->row.id);
	str_copy(row.version, sizeof row.version, version);
	if (store_save_slot(w->store, &row, &e)) {
		log_warn("replica", "%s: %s", ep->row.id, e.message);
		return -1;
	}
	str_copy(ep->slots[slot].version, sizeof ep->slots[slot].version, version);
	return slot;
}

/* A slot for version: its own, a free one, or none yet (then somebody is asked to leave). */
static int take_slot(struct world *w, struct live_endpoint *ep, const char *version)
{
	int slot = slot_find(ep, version);

	if (slot >= 0)
		return slot;
	for (int i = 0; i < ep->slot_count; i++)
		if (!ep->slots[i].version[0])
			return save_slot(w, ep, i, version);
	for (int i = 0; i < ep->slot_count && !ep->evict[0]; i++) {
		const char *v = ep->slots[i].version;
		if (strcmp(v, ep->row.stable) && strcmp(v, ep->row.candidate) &&
			strcmp(v, ep->row.previous))
			str_copy(ep->evict, sizeof ep->evict, v);
	}
	return -1;
}

/* -- one replica -- */

static void set_state(struct world *w, struct replica_row *r, const char *state)
{
	if (strcmp(r->state, state) == 0)
		return;
	log_event(LOG_LEVEL_INFO, "replica.state", state, "replica", r->id, "endpoint", r->endpoint,
		"version", r->version, NULL);
	str_copy(r->state, sizeof r->state, state);
	r->since_us = clock_wall_us(&w->clock);
	save(w, r);
}

/* The gateway forgets the server first; only then the row and the folder go. */
static int forget(struct world *w, struct live_endpoint *ep, struct replica_row *r)
{
	char rotated[420];
	struct job_paths p;
	struct runner_job job;
	struct err e = {0};

	if (w->gateway_up && server_of(ep, r->slot, r->id)) {
		(void)gateway_server_drain(w->gateway, ep->row.id, r->slot, r->id, &e);
		if (gateway_server_remove(w->gateway, ep->row.id, r->slot, r->id, &e))
			return 0; /* connections are left: again at the next tick */
	}
	paths_of(w, r, &p);
	job = job_of(w, ep, r, &p);
	runner_clean(&job);
	unlink(p.log);
	/* logrotate leaves one where a package has set it up. */
	snprintf(rotated, sizeof rotated, "%s.1", p.log);
	unlink(rotated);
	if (store_remove_replica(w->store, r->id, &e))
		return 0;
	r->id[0] = '\0';
	return 1;
}

static void back_off(
	struct world *w, struct live_endpoint *ep, const char *why, const struct replica_row *r)
{
	int64_t wait = 500000LL << (ep->replica_failures < 6 ? ep->replica_failures : 6);

	ep->replica_failures++;
	ep->replica_retry_us = clock_mono_us(&w->clock) + wait;
	log_event(LOG_LEVEL_WARN, "replica.lost", why, "replica", r->id, "endpoint", r->endpoint,
		"version", r->version, NULL);
}

static int socket_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void keep_running(struct world *w, struct live_endpoint *ep, struct replica_row *r)
{
	const struct gateway_server_state *s = server_of(ep, r->slot, r->id);
	struct runner_process p = process_of(r);
	struct gateway_server server = {0};
	struct job_paths paths;
	struct err e = {0};

	if (!runner_alive(&p)) {
		back_off(w, ep, "its process has ended", r);
		forget(w, ep, r);
		return;
	}
	paths_of(w, r, &paths);
	if (!s && w->gateway_up && socket_there(paths.socket)) {
		str_copy(server.name, sizeof server.name, r->id);
		snprintf(server.address, sizeof server.address, "unix@%s", paths.socket);
		if (gateway_server_add(w->gateway, ep->row.id, r->slot, &server, &e))
			log_warn("replica", "%s: %s", r->id, e.message);
		return;
	}
	if (s && strcmp(s->state, "up") == 0) {
		set_state(w, r, "healthy");
		ep->replica_failures = 0;
	} else if (strcmp(r->state, "healthy") == 0) {
		set_state(w, r, "unhealthy");
	} else if (clock_wall_us(&w->clock) - r->since_us > w->settings.replica_start_ms * 1000) {
		back_off(w, ep, "it did not get healthy in time", r);
		runner_signal(&p, 1);
	}
}

static void wind_down(struct world *w, struct live_endpoint *ep, struct replica_row *r)
{
	const struct gateway_server_state *s = server_of(ep, r->slot, r->id);
	struct runner_process p = process_of(r);
	int64_t waited = clock_wall_us(&w->clock) - r->since_us;
	struct err e = {0};

	if (!runner_alive(&p)) {
		forget(w, ep, r);
		return;
	}
	if (strcmp(r->state, "draining") != 0) {
		set_state(w, r, "draining");
		if (s)
			(void)gateway_server_drain(w->gateway, ep->row.id, r->slot, r->id, &e);
		return;
	}
	if (!s || s->sessions == 0 || waited > w->settings.drain_ms * 1000)
		runner_signal(&p, waited > (w->settings.drain_ms + 5000) * 1000);
}

/* A crash between row and process leaves a row without pid: its process is told by its folder. */
static void find_process(struct world *w, struct replica_row *r)
{
	char needle[420], path[64];
	DIR *proc = opendir("/proc");
	const struct dirent *d;

	snprintf(needle, sizeof needle, "%s/run/box/%s", w->home, r->id);
	while (proc && (d = readdir(proc)) && r->pid == 0) {
		struct buf cmd = {0};
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%.20s/cmdline", d->d_name);
		if (buf_read_file(&cmd, path, 65536) == 0 &&
			memmem(buf_text(&cmd), cmd.len, needle, strlen(needle))) {
			r->pid = strtoll(d->d_name, NULL, 10);
			r->start_ticks = process_start_ticks(r->pid);
			save(w, r);
		}
		buf_release(&cmd);
	}
	if (proc)
		closedir(proc);
}

static void start_one(struct replicas *rs, const char *version, int slot, int number)
{
	struct world *w = rs->w;
	struct live_endpoint *ep = rs->ep;
	struct replica_row r = {.slot = slot, .number = number};
	struct version_row v;
	struct runner_process p;
	struct runner_job job;
	struct job_paths paths;
	unsigned char token[5];
	struct err e = {0};

	if (store_find_version(w->store, ep->row.project, version, &v, &e) != 1) {
		log_warn("replica", "%s: version %s is not in the registry", ep->row.id, version);
		return;
	}
	/* What is served is what was registered, or it is not served. */
	if (registry_verify(w->home, v.digest, &e)) {
		log_error("replica.start", "%s %s: %s", ep->row.id, version, e.message);
		ep->replica_retry_us = clock_mono_us(&w->clock) + 10000000;
		return;
	}
	random_bytes(token, sizeof token);
	snprintf(r.id, sizeof r.id, "r%02x%02x%02x%02x%02x", token[0], token[1], token[2], token[3],
		token[4]);
	str_copy(r.endpoint, sizeof r.endpoint, ep->row.id);
	str_copy(r.version, sizeof r.version, version);
	str_copy(r.digest, sizeof r.digest, v.digest);
	str_copy(r.state, sizeof r.state, "starting");
	r.since_us = clock_wall_us(&w->clock);
	save(w, &r);
	paths_of(w, &r, &paths);
	job = job_of(w, ep, &r, &paths);
	if (runner_start(&job, &p, &e)) {
		log_error("replica.start", "%s %s: %s", ep->row.id, version, e.message);
		back_off(w, ep, e.message, &r);
		forget(w, ep, &r);
		return;
	}
	r.pid = p.pid;
	r.start_ticks = p.start_ticks;
	save(w, &r);
	collect(rs, &r);
	log_event(LOG_LEVEL_INFO, "replica.start", job.command, "replica", r.id, "endpoint",
		ep->row.id, "environment", ep->row.environment, "version", version, NULL);
}

/* -- a version -- */

static void ensure_version(struct replicas *rs, const char *version)
{
	const struct spec_arm *arm = upstream_of(rs->ep, version);
	unsigned have = 0;
	int slot;

	if (!*version || rs->ep->row.removed)
		return;
	slot = take_slot(rs->w, rs->ep, version);
	if (arm) {
		if (slot >= 0)
			upstreams_ensure(rs->w, rs->ep, arm, slot);
		return;
	}
	for (int i = 0; i < rs->count; i++)
		if (rs->rows[i].id[0] && strcmp(rs->rows[i].version, version) == 0 &&
			strcmp(rs->rows[i].state, "draining") != 0 && rs->rows[i].number < 32)
			have |= 1u << rs->rows[i].number;
	for (int n = 0; slot >= 0 && n < rs->ep->config->replicas; n++)
		if (!(have & 1u << n) && clock_mono_us(&rs->w->clock) >= rs->ep->replica_retry_us)
			start_one(rs, version, slot, n);
}

static int healthy_current(const struct replicas *rs, const char *version)
{
	int n = 0;

	for (int i = 0; i < rs->count; i++)
		if (rs->rows[i].number < OUTDATED && strcmp(rs->rows[i].version, version) == 0 &&
			strcmp(rs->rows[i].state, "healthy") == 0)
			n++;
	return n;
}

static int to_keep(const struct replicas *rs, const struct replica_row *r)
{
	/* What is leaving leaves; if it is wanted again, a new one takes its place. */
	if (!wanted(rs->w, rs->ep, r->version) || strcmp(r->state, "draining") == 0)
		return 0;
	if (r->number >= OUTDATED)
		return healthy_current(rs, r->version) < rs->ep->config->replicas;
	return r->number < rs->ep->config->replicas;
}

static int slot_in_use(const struct replicas *rs, const char *version)
{
	for (int i = 0; i < rs->count; i++)
		if (rs->rows[i].id[0] && strcmp(rs->rows[i].version, version) == 0)
			return 1;
	return 0;
}

static void free_slots(struct replicas *rs)
{
	struct live_endpoint *ep = rs->ep;
	struct err e = {0};

	for (int i = 0; i < ep->slot_count; i++) {
		char *version = ep->slots[i].version;
		int left = 0;
		if (!*version || wanted(rs->w, ep, version) || slot_in_use(rs, version))
			continue;
		for (int k = 0; k < ep->server_count; k++) /* upstream servers */
			if (ep->servers[k].slot == i)
				left |= !remove_server(rs->w, ep, i, ep->servers[k].name);
		if (left || store_remove_slot(rs->w->store, ep->row.id, i, &e))
			continue;
		if (strcmp(ep->evict, version) == 0)
			ep->evict[0] = '\0';
		version[0] = '\0';
	}
}

void replicas_reconcile(struct world *w, struct live_endpoint *ep)
{
	struct replicas rs = {.w = w, .ep = ep};
	struct err e = {0};

	if (store_list_replicas(w->store, ep->row.id, collect, &rs, &e) < 0) {
		log_warn("replica", "%s: %s", ep->row.id, e.message);
		return;
	}
	for (int i = 0; i < rs.count; i++) {
		struct replica_row *r = &rs.rows[i];
		if (r->pid == 0)
			find_process(w, r);
		if (to_keep(&rs, r))
			keep_running(w, ep, r);
		else
			wind_down(w, ep, r);
	}
	ensure_version(&rs, ep->row.stable);
	ensure_version(&rs, ep->row.candidate);
	for (int i = 0; i < ep->slot_count; i++)
		if (wanted(w, ep, ep->slots[i].version))
			ensure_version(&rs, ep->slots[i].version);
	free_slots(&rs);
	ep->settling = 0;
	for (int i = 0; i < rs.count; i++)
		ep->settling |= rs.rows[i].id[0] && strcmp(rs.rows[i].state, "healthy") != 0;
}

void replicas_outdate(struct world *w, struct live_endpoint *ep)
{
	struct replicas rs = {.w = w, .ep = ep};

	store_list_replicas(w->store, ep->row.id, collect, &rs, NULL);
	for (int i = 0; i < rs.count; i++) {
		if (rs.rows[i].number >= OUTDATED)
			continue;
		rs.rows[i].number += OUTDATED;
		save(w, &rs.rows[i]);
	}
}

void replicas_stop_all(struct world *w)
{
	struct timespec pause = {0, 20000000};
	int64_t end = clock_mono_us(&w->clock) + (w->settings.drain_ms + 5000) * 1000;
	int left = 1;

	for (int round = 0; left; round++) {
		left = 0;
		for (int i = 0; i < w->endpoint_count; i++) {
			struct replicas rs = {.w = w, .ep = w->endpoints[i]};
			store_list_replicas(w->store, rs.ep->row.id, collect, &rs, NULL);
			for (int k = 0; k < rs.count; k++) {
				struct runner_process p = process_of(&rs.rows[k]);
				if (runner_alive(&p)) {
					left++;
					if (round == 0 || clock_mono_us(&w->clock) > end)
						runner_signal(&p, round > 0);
				} else {
					rs.ep->server_count = 0;
					forget(w, rs.ep, &rs.rows[k]);
				}
			}
		}
		if (left)
			nanosleep(&pause, NULL);
		if (clock_mono_us(&w->clock) > end + 3000000)
			break;
	}
}
