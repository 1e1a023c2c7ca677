/* engine.c: the worker process. One loop, one place to wait: API, prediction log, the gateway's
 * pidfd, signals and the tick. Nothing here blocks for longer than one gateway command. */
#include "backend/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/acts/acts.h"
#include "backend/acts/judging.h"
#include "backend/acts/mirror.h"
#include "backend/acts/reconcile.h"
#include "backend/acts/upgrade.h"
#include "backend/api/server.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/keeper.h"
#include "backend/registry/registry.h"
#include "backend/store/telemetry.h"
#include "backend/wire/paths.h"

#define DRAIN_MOST   4096
#define PROBATION_MS 10 /* between two looks at whether we are healthy */

#define HOME_MAX 64 /* a socket's path has 108 bytes, and a replica's is the longest of ours */

struct engine {
	struct world world;
	struct api *api; /* owned */
	struct handover *h;
	int signals;	/* signalfd */
	int gateway_fd; /* pidfd of the gateway, -1 = none */
	int64_t gateway_pid;
	int64_t next_tick_us;
	int64_t head; /* newest event that clients were woken for */
	int ticked;   /* a tick was completed */
	int ask_fd;   /* on probation: our question to ourselves, -1 = none */
};

static int make_folder(const char *home, const char *name, mode_t mode, struct err *e)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s", home, name);
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_set(e, ERR_FAILED, "cannot make %s: %s", path, strerror(errno));
	return 0;
}

static int make_folders(const char *home, struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"store", 0700}, {"keys", 0700}, {"log", 0700}, {"run", 0700},
		{"run/gw", 0700}, {"run/box", 0700}, {"run/upload", 0700}, {"store/bundles", 0700},
		{"programs", 0700}, {"backups", 0700}};
	int rc = 0;

	if (strlen(home) > HOME_MAX) {
		err_set(e, ERR_INVALID, "the home %s is longer than %d characters", home, HOME_MAX);
		return err_hint(e, "sockets have short paths: set PITHEAD_HOME to a shorter one");
	}
	for (size_t i = 0; i < sizeof folders / sizeof folders[0] && !rc; i++)
		rc = make_folder(home, folders[i].name, folders[i].mode, e);
	return rc;
}

/* Gateway and replicas of root belong to another user, who passes through run/ to its sockets and
 * sees nothing on the way. What is made in run/gw has that user's group by itself (02000). */
static int open_folders(struct world *w, struct err *e)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"run", 0710}, {"run/gw", 02710}, {"run/box", 0710}};
	struct err why = {0};
	char path[400];

	if (process_user_find(w->home, &w->user, &why) < 0)
		log_warn("engine.user", "%s; %s", why.message, why.hint);
	if (w->user.uid == 0)
		return 0;
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", w->home, folders[i].name);
		if (chown(path, 0, (gid_t)w->user.gid) < 0 || chmod(path, folders[i].mode) < 0)
			return err_set(e, ERR_FAILED, "cannot open %s to the gateway: %s", path,
				strerror(errno));
	}
	return 0;
}

static void count_exposed(void *arg, const struct record *told)
{
	struct engine *en = arg;
	struct live_endpoint *ep = world_find_endpoint(&en->world, told->endpoint, NULL);
	struct record own = *told, *r = &own;

	/* Whether it counts must be known before it is kept: its outcome asks for it. */
	if (ep)
		judging_take_record(ep, r);
	telemetry_add_record(en->world.store, r);
	if (!ep)
		return;
	mirror_take_record(&en->world, ep, r);
	window_add(ep->window, r);
	guard_add(&ep->guard, r, (int)en->world.settings.guard_window);
	if (r->arm == ARM_CANDIDATE && r->rollout && r->rollout == ep->row.rollout)
		ep->exposed++;
}

static int load_hold(struct world *w, struct err *e)
{
	struct buf fact = {0};
	int rc = store_find_fact(w->store, "hold", &fact, e);

	w->hold = rc == 1 && fact.len > 0;
	buf_release(&fact);
	return rc < 0 ? rc : 0;
}

static void socket_path(const struct world *w, char *out, size_t size)
{
	snprintf(out, size, "%s/" FILE_SOCKET, w->team ? "/run/pithead" : w->home);
}

static int open_world(struct engine *en, struct err *e)
{
	struct world *w = &en->world;
	char path[320], gw[300];
	int rc, handed = en->h->api_fd;

	w->clock = clock_system();
	w->started_us = clock_wall_us(&w->clock);
	str_copy(w->home, sizeof w->home, en->h->home);
	w->team = strncmp(w->home, "/var/lib/pithead", 16) == 0;
	w->probation = en->h->probation;
	w->upgrade.note = en->h->note;
	version_build("/proc/self/exe", w->build);
	settings_init(&w->settings);
	snprintf(path, sizeof path, "%s/settings.conf", w->home);
	rc = settings_load(&w->settings, path, e);
	if (rc)
		return rc;
	snprintf(path, sizeof path, "%s/log/engine.log", w->home);
	if (log_open(path, (long)w->settings.log_max_bytes, (int)w->settings.log_keep) < 0)
		return err_set(e, ERR_FAILED, "cannot write %s: %s", path, strerror(errno));
	if (open_folders(w, e))
		return e->code;
	w->store = store_open(
		w->home, &w->settings, &w->clock, w->probation ? STORE_PROBATION : STORE_WRITE, e);
	if (!w->store)
		return e->code;
	snprintf(path, sizeof path, "%s/run/gw/log.sock", w->home);
	w->ingest = ingest_open(path, w->settings.ring_records, e);
	if (!w->ingest)
		return e->code;
	registry_sweep(w->home);
	snprintf(gw, sizeof gw, "%s/run/gw", w->home);
	w->gateway = gateway_new(gw, path, &w->user, &w->settings, &w->clock);
	rc = world_load(w, e);
	if (!rc)
		rc = load_hold(w, e);
	if (rc)
		return rc;
	if (en->h->end_all)
		return 0; /* nobody is to ask for anything any more */
	socket_path(w, path, sizeof path);
	en->h->api_fd = -1;
	en->api = api_open(w, path, handed, e);
	if (!en->api)
		return e->code;
	ingest_subscribe(w->ingest, count_exposed, en);
	ingest_subscribe(w->ingest, api_on_record, en->api);
	return 0;
}

static void note_start(struct engine *en)
{
	struct act a = {.caller = caller_engine()};
	char detail[160];
	struct err e = {0};

	snprintf(detail, sizeof detail, "{\"pid\":%d,\"version\":\"%s\"}", (int)getpid(),
		version_program());
	if (act_note(&en->world, &a, "engine.start", "engine", detail, &e))
		log_error("engine.start", "%s", e.message);
}

/* The gateway is no child of ours: its end is told by a pidfd. */
static void watch_gateway(struct engine *en)
{
	struct gateway_info info;

	if (!en->world.gateway_up) {
		if (en->gateway_fd >= 0)
			close(en->gateway_fd);
		en->gateway_fd = -1;
		en->gateway_pid = 0;
		return;
	}
	if (gateway_get_info(en->world.gateway, &info, NULL) || info.pid == en->gateway_pid)
		return;
	if (en->gateway_fd >= 0)
		close(en->gateway_fd);
	en->gateway_fd = (int)syscall(SYS_pidfd_open, (pid_t)info.pid, 0);
	en->gateway_pid = info.pid;
}

/* Something is on its way (servers starting, a proof missing): look again soon. */
static int settling(const struct world *w)
{
	for (int i = 0; i < w->endpoint_count; i++)
		if (w->endpoints[i]->settling || w->endpoints[i]->proving)
			return 1;
	return 0;
}

static void tick(struct engine *en)
{
	struct world *w = &en->world;

	reconcile_tick(w);
	watch_gateway(en);
	if (!en->h->foreground && !w->probation)
		keeper_ensure(w->home);
	en->ticked = 1;
	api_wake(en->api);
	en->head = store_head(w->store);
	en->next_tick_us =
		clock_mono_us(&w->clock) +
		(settling(w) && w->settings.tick_ms > 100 ? 100 : w->settings.tick_ms) * 1000;
}

static int wait_ms(const struct engine *en)
{
	int64_t left = (en->next_tick_us - clock_mono_us(&en->world.clock) + 999) / 1000;
	int api = api_timeout_ms(en->api);

	if (left < 0)
		left = 0;
	if (en->world.probation && left > PROBATION_MS)
		left = PROBATION_MS;
	return api >= 0 && api < left ? api : (int)left;
}

static void take_signal(struct engine *en)
{
	struct signalfd_siginfo info;

	if (read(en->signals, &info, sizeof info) == sizeof info && info.ssi_signo != SIGCHLD) {
		log_info("engine.signal", "signal %u: stopping", info.ssi_signo);
		en->world.stopping = 1;
	}
}

static void wake_clients(struct engine *en)
{
	int64_t head = store_head(en->world.store);

	if (head == en->head)
		return;
	en->head = head;
	/* What was just committed may need servers: the reconciler looks soon, not at the next
	 * tick. */
	if (en->next_tick_us > clock_mono_us(&en->world.clock) + 20000)
		en->next_tick_us = clock_mono_us(&en->world.clock) + 20000;
	api_wake(en->api);
	api_run(en->api);
}

/* Takes what was logged. Where some is left, no second may be closed past it. */
static void drain(struct engine *en)
{
	struct world *w = &en->world;
	int64_t now = clock_wall_us(&w->clock);
	int n = ingest_drain(w->ingest, DRAIN_MOST);

	if (n < DRAIN_MOST)
		w->drained_us = now;
	if (n > 0)
		reconcile_guards(w);
}

/* Whether each judged candidate has its lease from us; one that has lapsed is nobody's to keep. */
static int leases_renewed(const struct world *w)
{
	for (int i = 0; i < w->endpoint_count; i++) {
		const struct live_endpoint *ep = w->endpoints[i];

		if (ep->row.gate && ep->judging && ep->lease_mono_us > clock_mono_us(&w->clock) &&
			ep->lease_until_us < w->started_us + w->settings.lease_ms * 1000)
			return 0;
	}
	return 1;
}

static void confirm(struct engine *en)
{
	struct world *w = &en->world;
	struct upgrade_note note = en->h->note;
	struct err e = {0};

	/* First of all: until the note is gone whoever is started goes back, and from then on it
	 * must be this program that is started. */
	if (!en->h->foreground)
		keeper_replace(w->home);
	if (handover_confirm(en->h, &e) || store_confirm(w->store, &e))
		log_error("engine.upgrade", "%s", e.message);
	w->probation = 0;
	w->upgrade.note = (struct upgrade_note){.phase = UPGRADE_NONE};
	note_start(en);
	upgrade_conclude(w, &note);
	en->next_tick_us = 0;
}

static void watch_probation(struct engine *en)
{
	char path[320];

	socket_path(&en->world, path, sizeof path);
	if (en->ticked && leases_renewed(&en->world) && handover_answers(path, &en->ask_fd))
		confirm(en);
}

static void loop_once(struct engine *en)
{
	struct world *w = &en->world;
	struct pollfd fds[] = {{.fd = api_fd(en->api), .events = POLLIN},
		{.fd = ingest_fd(w->ingest), .events = POLLIN},
		{.fd = en->signals, .events = POLLIN}, {.fd = en->gateway_fd, .events = POLLIN}};

	if (poll(fds, sizeof fds / sizeof fds[0], wait_ms(en)) < 0 && errno != EINTR)
		must(!"poll failed");
	if (fds[2].revents)
		take_signal(en);
	if (fds[1].revents)
		drain(en);
	reconcile_lapses(w);
	api_run(en->api);
	if (fds[3].revents) /* the gateway has died: do not wait for the tick */
		en->next_tick_us = 0;
	if (clock_mono_us(&w->clock) >= en->next_tick_us) {
		drain(en); /* what has come meanwhile belongs to the seconds that are closed now */
		tick(en);
	}
	wake_clients(en);
	if (w->probation)
		watch_probation(en);
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void say_ready(struct handover *h)
{
	if (h->ready_fd < 0)
		return;
	if (write(h->ready_fd, "r", 1) < 0)
		log_warn("engine.start", "the client that started us has gone");
	close(h->ready_fd);
	h->ready_fd = -1;
}

static void flush(struct engine *en)
{
	struct world *w = &en->world;
	struct err e = {0};

	if (telemetry_flush(w->store, w->settings.record_keep_s * 1000000, judging_keep_us(w), &e))
		log_warn("engine.stop", "%s", e.message);
}

static void stop(struct engine *en)
{
	struct err e = {0};

	if (en->api)
		api_run(en->api); /* the answer to the stop itself */
	api_close(en->api);
	if (en->world.stop_all) {
		for (int i = 0; i < en->world.endpoint_count; i++)
			en->world.endpoints[i]->server_count = 0;
		if (en->world.gateway_up && gateway_stop(en->world.gateway, &e))
			log_warn("engine.stop", "%s", e.message);
		en->world.gateway_up = 0;
		replicas_stop_all(&en->world);
	}
	flush(en);
	log_info(
		"engine.stop", "stopped%s", en->world.stop_all ? ", with gateway and servers" : "");
}

/* An engine that starts nothing: it adopts what runs, ends it, and says so in the log. */
static int end_all(struct engine *en, struct err *e)
{
	struct act a = {.caller = caller_engine()};
	struct act_result done;
	int rc = act_engine_stop(&en->world, &a, 1, &done, e);

	if (rc == 0)
		en->world.gateway_up = gateway_adopt(en->world.gateway, e) == 1;
	if (rc == 0)
		stop(en);
	return rc;
}

static void release(struct engine *en)
{
	if (en->gateway_fd >= 0)
		close(en->gateway_fd);
	close(en->signals);
	world_release(&en->world);
	log_close();
}

/* A last tick judges what was logged and renews the leases to the full; then everything is closed
 * and the other program begins. */
static void hand_over(struct engine *en)
{
	struct upgrade_note note = en->world.upgrade.next;

	api_run(en->api); /* the answer to the upgrade itself */
	drain(en);
	reconcile_tick(&en->world);
	flush(en);
	en->h->api_fd = api_hand_over(en->api);
	log_info("engine.upgrade", "handing over to %s (%s)", note.to_version, note.to_program);
	release(en);
	handover_give(en->h, &note);
}

/* The gateway may take a second to start; whoever waits for us need not. On probation it is part of
 * being healthy. */
static int begin(struct engine *en, struct err *e)
{
	struct world *w = &en->world;
	int rc;

	log_info("engine.start", "pithead %s in %s, pid %d%s", version_program(), en->h->home,
		(int)getpid(), w->probation ? ", on probation" : "");
	if (!w->probation)
		note_start(en);
	say_ready(en->h);
	rc = reconcile_start(w, e);
	if (rc)
		log_error("gateway", "%s %s", e->message, e->hint);
	if (rc && w->probation)
		return rc;
	if (w->upgrade.note.phase == UPGRADE_BACK) {
		if (!en->h->foreground)
			keeper_replace(w->home); /* it may be the refused program's */
		upgrade_conclude(w, &w->upgrade.note);
	}
	return 0;
}

int engine_run(struct handover *h, struct err *e)
{
	struct engine en = {.h = h, .gateway_fd = -1, .ask_fd = -1};
	int rc = make_folders(h->home, e);

	en.signals = block_signals();
	if (!rc)
		rc = open_world(&en, e);
	if (!rc && !h->end_all)
		rc = begin(&en, e);
	if (rc) {
		api_close(en.api);
		release(&en);
		return rc;
	}
	if (h->end_all) {
		rc = end_all(&en, e);
		release(&en);
		return rc;
	}
	while (!en.world.stopping && !en.world.upgrade.handing_over)
		loop_once(&en);
	if (!en.world.stopping)
		hand_over(&en);
	stop(&en);
	release(&en);
	return 0;
}
