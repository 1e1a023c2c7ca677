/* app_feed.c: the console's link to the engine: finds it, listens for changes with one long poll,
 * asks anew for what is shown, and says since when the screen is stale. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/version.h"
#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/app_priv.h"
#include "tui/client/codec.h"
#include "tui/client/start.h"

#define BACKOFF_MAX_MS 5000
/* While data comes in, once a second is how often numbers change; at rest we hear of changes just
 * as fast, and only look for new data now and then. */
#define WAIT_LIVE_S  1
#define WAIT_QUIET_S 5
#define QUIET_AFTER  10

static void listen_events(struct app *a, bool at_once);

static void link_down(struct app *a, const struct err *e)
{
	if (a->link != LINK_DOWN || !a->down_since_us)
		a->down_since_us = a->host.now_us;
	a->link = LINK_DOWN;
	a->host.up = false;
	a->link_error = *e;
	a->retry_at_ms = app_mono_ms(a) + a->backoff_ms;
	a->backoff_ms = a->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : a->backoff_ms * 2;
	a->dirty = true;
}

/* The pane says what is refused; here stands what can be done about it. */
static void say_refusal(struct app *a, const struct err *e)
{
	app_say(a, ROLE_banner, "%s", e->hint[0] ? e->hint : e->message);
}

static void on_whoami(void *arg, struct reply *r)
{
	struct app *a = arg;
	char *before = a->whoami ? xstrdup(node_str(snapshot_root(a->whoami), "role", "")) : NULL;

	if (r->code || !r->data) {
		/* That nobody answers is what the banner says already. */
		if (r->code != ERR_UNREACHABLE)
			say_refusal(a, &r->err);
		free(before);
		return;
	}
	snapshot_free(a->whoami);
	a->whoami = r->data;
	r->data = NULL;
	if (!before || strcmp(before, node_str(snapshot_root(a->whoami), "role", "")) != 0)
		app_keymap_load(a);
	free(before);
	a->dirty = true;
}

/* Said once for each engine that is reached; the header goes on saying it. */
static void say_version(struct app *a, bool changed)
{
	const struct node *engine = snapshot_root(a->engine);
	int newer;
	enum version_reach reach = version_reach_of(node_str(engine, "api_version", "1.0"), &newer);

	if (reach == VERSION_SAME && changed)
		app_say(a, ROLE_ok, "the engine is %s now", node_str(engine, "version", "?"));
	if (reach == VERSION_SAME)
		return;
	app_say(a, ROLE_banner, "the engine (%s) is %s than this console (%s)%s: %s",
		node_str(engine, "version", "?"), newer ? "newer" : "older", version_program(),
		reach == VERSION_FAR ? ", and too far apart for acts" : "",
		newer ? "leave and start it again from the engine's program"
		      : "pithead engine upgrade");
}

static void on_engine(void *arg, struct reply *r)
{
	struct app *a = arg;
	char before[64] = "";

	if (r->code || !r->data)
		return;
	if (a->engine)
		str_copy(before, sizeof before, node_str(snapshot_root(a->engine), "version", ""));
	snapshot_free(a->engine);
	a->engine = r->data;
	r->data = NULL;
	if (strcmp(before, node_str(snapshot_root(a->engine), "version", "")) != 0)
		say_version(a, before[0] != '\0');
	a->dirty = true;
}

static void ask_about(struct app *a)
{
	struct request q = REQUEST_INIT;

	q.path = PATH_WHOAMI;
	conn_send(a->conn, &q, on_whoami, a);
	/* An upgrade does not interrupt us: only asking tells. */
	q.path = PATH_ENGINE;
	conn_send(a->conn, &q, on_engine, a);
}

static void link_up(struct app *a)
{
	if (a->link == LINK_DOWN && a->down_since_us)
		app_say(a, ROLE_ok, "the engine answers again");
	a->link = LINK_UP;
	a->host.up = true;
	a->down_since_us = 0;
	a->retry_at_ms = 0;
	a->backoff_ms = 250;
	a->quiet = 0;
	ask_about(a);
	app_refresh(a, false);
	a->dirty = true;
}

static void on_events(void *arg, struct reply *r)
{
	struct app *a = arg;
	const struct node *root = r->data ? snapshot_root(r->data) : NULL;
	int64_t head = node_int(root, "head", a->head);
	int64_t data_us = node_int(root, "data_us", a->data_us);
	bool moved = head != a->head, fresh = data_us != a->data_us;

	a->events_request = 0;
	if (r->code == ERR_UNREACHABLE || r->code == ERR_TIMEOUT) {
		link_down(a, &r->err);
		return;
	}
	a->head = head;
	a->data_us = data_us;
	a->quiet = fresh ? 0 : a->quiet + 1;
	if (a->link != LINK_UP) {
		link_up(a);
	} else if (r->code) {
		/* It answers, and refuses: a person who is not listed, for example. */
		say_refusal(a, &r->err);
		a->retry_at_ms = app_mono_ms(a) + BACKOFF_MAX_MS;
		return;
	} else if (moved) {
		ask_about(a);
		app_refresh(a, false);
	} else if (fresh) {
		app_refresh(a, true);
	}
	if (r->code)
		a->retry_at_ms = app_mono_ms(a) + BACKOFF_MAX_MS;
	else
		listen_events(a, false);
}

static void listen_events(struct app *a, bool at_once)
{
	int wait = at_once ? 0 : a->quiet > QUIET_AFTER ? WAIT_QUIET_S : WAIT_LIVE_S;
	char *path = xasprintf(PATH_EVENTS "?after=%" PRId64 "&wait=%d", a->head, wait);
	struct request q = REQUEST_INIT;

	q.path = path;
	q.timeout_ms = (wait + 5) * 1000;
	a->events_request = conn_send(a->conn, &q, on_events, a);
	free(path);
}

static void forget_requests(struct pane *p)
{
	for (int i = 0; i < PANE_FEEDS; i++)
		p->request[i] = 0;
}

void app_link_start(struct app *a, bool start)
{
	struct err e = {0};
	int rc = home_find(a->socket[0] ? a->socket : NULL, &a->home, &e);

	if (rc == 0 && start)
		rc = start_engine(&a->home, &e);
	else if (rc == 0) {
		/* Somebody may have stopped it on purpose: an open console does not undo that. */
		rc = start_probe(&a->home, &e);
		if (rc > 0)
			rc = home_check_trust(&a->home, &e);
		else if (rc == 0)
			rc = err_set(
				&e, ERR_UNREACHABLE, "the engine does not run; C-l starts it.");
	}
	conn_close(a->conn);
	a->conn = conn_open(a->home.socket, "console", a->options->as);
	a->events_request = 0;
	for (int i = 0; i < a->tab_count; i++)
		forget_requests(a->tabs[i]);
	for (int i = 0; i < a->depth; i++)
		forget_requests(a->stack[i]);
	if (a->act.state == ACT_PLANNING || a->act.state == ACT_SENDING)
		app_act_lost(a);
	if (rc)
		link_down(a, &e);
	else
		listen_events(a, true);
}

void app_link_retry(struct app *a)
{
	a->retry_at_ms = 0;
	if (a->link == LINK_UP && !a->events_request)
		listen_events(a, true);
	else
		app_link_start(a, false);
}

/* ---- panes ----------------------------------------------------------------------------------- */
static void on_feed(void *arg, struct reply *r)
{
	struct pane_slot *self = arg;
	struct pane *p = self->pane;
	struct app *a = p->host->app;
	int slot = self->slot;

	p->request[slot] = 0;
	a->dirty = true;
	if (r->code || !r->data) {
		str_copy(p->failed[slot], sizeof p->failed[slot],
			r->code ? r->err.message : "the engine's answer cannot be read");
		if (r->code == ERR_UNREACHABLE)
			link_down(a, &r->err);
		return;
	}
	p->failed[slot][0] = '\0';
	snapshot_free(p->data[slot]);
	p->data[slot] = r->data;
	r->data = NULL;
	if (p->ops->on_snapshot)
		p->ops->on_snapshot(p, slot);
}

static void fetch(struct pane_host *h, struct pane *p, int slot, const char *path)
{
	struct app *a = h->app;
	struct request q = REQUEST_INIT;

	if (!a->conn)
		return;
	if (p->request[slot])
		conn_cancel(a->conn, p->request[slot]);
	q.path = path;
	p->request[slot] = conn_send(a->conn, &q, on_feed, &p->self[slot]);
}

static void set_timer(struct pane_host *h, struct pane *p, int ms)
{
	p->timer_ms = app_mono_ms(h->app) + ms;
}

void app_pane_timers(struct app *a, int64_t now_ms, int *wait_ms)
{
	struct pane *p = app_pane(a);

	if (!p->timer_ms)
		return;
	if (p->timer_ms <= now_ms) {
		p->timer_ms = 0;
		p->ops->on_timer(p);
		*wait_ms = 0;
	} else if (*wait_ms < 0 || p->timer_ms - now_ms < *wait_ms)
		*wait_ms = (int)(p->timer_ms - now_ms);
}

struct pane *app_pane_new(struct app *a, const struct pane_ops *ops, const char *argument)
{
	struct pane *p = xcalloc(1, sizeof *p);

	a->host.fetch = fetch;
	a->host.timer = set_timer;
	p->ops = ops;
	p->host = &a->host;
	p->state = xcalloc(1, ops->state_size);
	str_copy(p->argument, sizeof p->argument, argument);
	for (int i = 0; i < PANE_FEEDS; i++)
		p->self[i] = (struct pane_slot){.pane = p, .slot = i};
	if (ops->open)
		ops->open(p);
	return p;
}

void app_pane_free(struct app *a, struct pane *p)
{
	for (int i = 0; i < PANE_FEEDS; i++) {
		if (a->conn && p->request[i])
			conn_cancel(a->conn, p->request[i]);
		snapshot_free(p->data[i]);
	}
	if (p->ops->close)
		p->ops->close(p);
	free(p->state);
	free(p);
}

static void ask_pane(struct app *a, struct pane *p)
{
	for (int i = 0; i < PANE_FEEDS; i++) {
		struct buf path = {0};

		if (p->ops->feed(p, i, &path))
			fetch(&a->host, p, i, buf_text(&path));
		buf_release(&path);
	}
	p->asked = true;
}

void app_refresh(struct app *a, bool live_only)
{
	struct pane *p = app_pane(a);

	a->dirty = true; /* the header shows the newest data's time */
	if (!live_only)
		for (int i = 0; i < a->tab_count; i++)
			a->tabs[i]->asked = false;
	if (a->link == LINK_UP && (!live_only || p->ops->live))
		ask_pane(a, p);
}

void app_show(struct app *a, struct pane *p)
{
	a->dirty = true;
	if (a->link == LINK_UP && (!p->asked || p->ops->live))
		ask_pane(a, p);
}
