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
#include "backend/api/server.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/keeper.h"
#include "backend/registry/registry.h"
#include "backend/store/telemetry.h"
#include "backend/wire/paths.h"

#define DRAIN_MOST 4096

#define HOME_MAX 64 /* a socket's path has 108 bytes, and a replica's is the longest of ours */

struct engine {
	struct world world;
	struct api *api; /* owned */
	const struct engine_options *options;
	int signals;	/* signalfd */
	int gateway_fd; /* pidfd of the gateway, -1 = none */
	int64_t gateway_pid;
	int64_t next_tick_us;
	int64_t head; /* newest event that clients were woken for */
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
		{"run/gw", 0700}, {"run/box", 0700}, {"run/upload", 0700}, {"store/bundles", 0700}};
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

static int open_world(struct engine *en, struct err *e)
{
	struct world *w = &en->world;
	char path[320], gw[300];
	int rc;

	w->clock = clock_system();
	w->started_us = clock_wall_us(&w->clock);
	str_copy(w->home, sizeof w->home, en->options->home);
	w->team = strncmp(w->home, "/var/lib/pithead", 16) == 0;
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
	w->store = store_open(w->home, &w->settings, &w->clock, 0, e);
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
	if (en->options->end_all)
		return 0; /* nobody is to ask for anything any more */
	snprintf(path, sizeof path, "%s/" FILE_SOCKET, w->team ? "/run/pithead" : w->home);
	en->api = api_open(w, path, e);
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

	snprintf(detail, sizeof detail, "{\"pid\":%d,\"version\":\"" PITHEAD_VERSION "\"}",
		(int)getpid());
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
	if (en->options->keeper)
		keeper_ensure(w->home);
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

static void say_ready(const struct engine_options *options)
{
	if (options->ready_fd < 0)
		return;
	if (write(options->ready_fd, "r", 1) < 0)
		log_warn("engine.start", "the client that started us has gone");
	close(options->ready_fd);
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
	if (telemetry_flush(en->world.store, en->world.settings.record_keep_s * 1000000,
		    judging_keep_us(&en->world), &e))
		log_warn("engine.stop", "%s", e.message);
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

static void serve(struct engine *en, struct err *e)
{
	log_info("engine.start", "pithead " PITHEAD_VERSION " in %s, pid %d", en->options->home,
		(int)getpid());
	note_start(en);
	/* The gateway may take a second to start; whoever waits for us need not. */
	say_ready(en->options);
	if (reconcile_start(&en->world, e))
		log_error("gateway", "%s %s", e->message, e->hint);
	while (!en->world.stopping)
		loop_once(en);
	stop(en);
}

int engine_run(const struct engine_options *options, struct err *e)
{
	struct engine en = {.options = options, .gateway_fd = -1};
	int rc = make_folders(options->home, e);

	en.signals = block_signals();
	if (!rc)
		rc = open_world(&en, e);
	if (rc) {
		api_close(en.api);
		world_release(&en.world);
		return rc;
	}
	if (options->end_all)
		rc = end_all(&en, e);
	else
		serve(&en, e);
	if (en.gateway_fd >= 0)
		close(en.gateway_fd);
	close(en.signals);
	world_release(&en.world);
	log_close();
	return rc;
}
