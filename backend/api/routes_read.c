/* routes_read.c: the routes that only look: engine, endpoints, rollouts, alerts, settings. Lists
 * hold only what belongs to projects that the person may read. */
#include <stdlib.h>
#include <string.h>

#include "backend/api/codec.h"
#include "backend/api/metrics.h"
#include "backend/api/routes.h"
#include "backend/base/match.h"
#include "backend/base/xalloc.h"
#include "backend/store/trial_store.h"

#define SCAN_MOST 20000 /* rollouts looked at by one filtered request */

int handle_engine(struct request *rq, struct err *e)
{
	(void)e;
	codec_reply(rq, 200, codec_engine(rq->world, 0));
	return 0;
}

int handle_whoami(struct request *rq, struct err *e)
{
	(void)e;
	codec_reply(rq, 200, codec_whoami(rq));
	return 0;
}

int handle_projects(struct request *rq, struct err *e)
{
	struct cJSON *list = codec_array();

	(void)e;
	for (int i = 0; i < rq->world->project_count; i++)
		if (request_may_read(rq, rq->world->projects[i]->spec.project))
			codec_append(list, codec_project(rq->world->projects[i]));
	codec_reply(rq, 200, list);
	return 0;
}

int handle_endpoints(struct request *rq, struct err *e)
{
	struct world *w = rq->world;
	struct cJSON *items = codec_array();
	struct alert_list open;
	struct endpoint_view v;

	(void)e;
	alerts_load(w, 1, &open, NULL);
	for (int i = 0; i < w->endpoint_count; i++) {
		if (w->endpoints[i]->row.removed ||
			!request_may_read(rq, w->endpoints[i]->row.project))
			continue;
		view_endpoint(w, w->endpoints[i], &open, &v);
		codec_append(items, codec_endpoint(&v));
	}
	alerts_release(&open);
	codec_reply(rq, 200, codec_page(items, 0));
	return 0;
}

static int on_override(void *arg, const struct override_row *r)
{
	if (r->share_bp >= 0) /* else it is removed, and kept until the gateway has forgotten it */
		codec_append(arg, codec_override(r));
	return 0;
}

struct replicas {
	struct replica_row rows[WORLD_SERVERS];
	int count;
};

static int on_replica(void *arg, const struct replica_row *r)
{
	struct replicas *list = arg;

	if (list->count < WORLD_SERVERS)
		list->rows[list->count++] = *r;
	return 0;
}

int handle_endpoint(struct request *rq, struct err *e)
{
	struct live_endpoint *ep = request_endpoint(rq, e);
	struct cJSON *o, *overrides = codec_array();
	struct replicas replicas = {.count = 0};
	struct alert_list open;
	struct endpoint_view v;

	must(ep);
	alerts_load(rq->world, 1, &open, NULL);
	view_endpoint(rq->world, ep, &open, &v);
	alerts_release(&open);
	store_list_replicas(rq->world->store, ep->row.id, on_replica, &replicas, NULL);
	store_list_overrides(rq->world->store, ep->row.id, on_override, overrides, NULL);
	o = codec_endpoint(&v);
	codec_put(o, "config", codec_endpoint_config(ep->config));
	codec_put(o, "servers", codec_servers(ep, replicas.rows, replicas.count));
	codec_put(o, "overrides", overrides);
	codec_reply(rq, 200, o);
	return 0;
}

int handle_series(struct request *rq, struct err *e)
{
	struct live_endpoint *ep = request_endpoint(rq, e);
	int64_t span, points;

	if (!ep)
		return e->code;
	if (request_query_int(rq, "span", 1, WINDOW_SECONDS, 10, &span, e) != 0 ||
		request_query_int(rq, "points", 1, WINDOW_SECONDS, 90, &points, e) != 0)
		return e->code;
	/* The window is all that there is. */
	if (span * points > WINDOW_SECONDS)
		points = WINDOW_SECONDS / span;
	codec_reply(rq, 200,
		codec_series(ep, clock_wall_us(&rq->world->clock), (int)span, (int)points));
	return 0;
}

struct rollout_page {
	struct rollout_row *rows; /* owned */
	int count;
};

static int on_rollout(void *arg, const struct rollout_row *r)
{
	struct rollout_page *page = arg;

	page->rows[page->count++] = *r;
	return 0;
}

/* The text that ?match= is tried on: what a person sees in the list. */
static int matches(struct match *m, const struct rollout_row *r, struct err *e)
{
	char *text;
	int found;

	if (!m)
		return 1;
	text = xasprintf("#%lld %s %s %s -> %s %s %s %s %s", (long long)r->id, r->endpoint,
		r->pattern, r->from_version, r->to_version, r->state, r->author, r->reason,
		r->end_reason);
	found = match_find(m, text, strlen(text), e);
	free(text);
	return found;
}

/* Fills items from pages of the store until `limit` fit. *next gets where to go on. */
static int collect_rollouts(struct request *rq, const char *endpoint, int active, int64_t before,
	int limit, struct match *m, struct cJSON *items, int64_t *next, struct err *e)
{
	struct rollout_page page = {xcalloc((size_t)limit + 1, sizeof *page.rows), 0};
	int kept = 0, scanned = 0, code = 0;

	*next = 0;
	do {
		page.count = 0;
		code = store_list_rollouts(rq->world->store, endpoint, active, before, limit + 1,
			on_rollout, &page, e);
		for (int i = 0; code >= 0 && i < page.count && kept < limit; i++) {
			int found = request_may_read(rq, page.rows[i].project)
					    ? matches(m, &page.rows[i], e)
					    : 0;

			before = page.rows[i].id;
			if (found < 0)
				code = found;
			if (found <= 0)
				continue;
			codec_append(items, codec_rollout(rq->world, &page.rows[i]));
			kept++;
		}
		scanned += page.count;
	} while (code >= 0 && kept < limit && page.count > limit && scanned < SCAN_MOST);
	if (code >= 0 && page.count > 0 &&
		(page.rows[page.count - 1].id < before || page.count > limit))
		*next = before;
	free(page.rows);
	return code < 0 ? code : 0;
}

int handle_rollouts(struct request *rq, struct err *e)
{
	const char *match = request_query(rq, "match"), *name = request_query(rq, "endpoint");
	const char *active = request_query(rq, "active");
	struct live_endpoint *ep = name ? world_find_endpoint(rq->world, name, e) : NULL;
	struct match *m = NULL;
	struct cJSON *items;
	int64_t limit, after, next;
	int code;

	if (name && !ep)
		return e->code;
	if (request_query_int(rq, "limit", 1, 1000, 100, &limit, e) != 0 ||
		request_query_int(rq, "after", 0, INT64_MAX, 0, &after, e) != 0)
		return e->code;
	if (match && *match && !(m = match_new(match, e)))
		return e->code;
	items = codec_array();
	code = collect_rollouts(rq, ep ? ep->row.id : NULL,
		active && (strcmp(active, "1") == 0 || strcmp(active, "true") == 0), after,
		(int)limit, m, items, &next, e);
	match_free(m);
	codec_reply(rq, 200, codec_page(items, next));
	return code;
}

struct approving {
	struct world *w;
	const struct rollout_row *rollout;
	struct cJSON *list;
};

static int on_approval(void *arg, const struct approval_row *r)
{
	struct approving *a = arg;

	codec_append(a->list, codec_approval(a->w, a->rollout, r));
	return 0;
}

static int keep_last(void *arg, int64_t number, int64_t at_us, const char *kind, const char *json)
{
	char **last = arg;

	(void)number;
	(void)at_us;
	(void)kind;
	free(*last);
	*last = xstrdup(json);
	return 0;
}

/* The card as it stands, or the last one that was frozen; null when it was not judged. */
static void put_card(struct cJSON *o, struct world *w, const struct rollout_row *row)
{
	struct cJSON *live = codec_live_card(w, row);
	char *last = NULL;

	if (live) {
		codec_put(o, "card", live);
		return;
	}
	store_list_cards(w->store, row->id, keep_last, &last, NULL);
	answer_put_json(o, "card", last);
	free(last);
}

int handle_rollout(struct request *rq, struct err *e)
{
	struct event_query q = {.limit = 20, .changes_only = 1, .rollout = rq->number};
	struct cJSON *o, *list = codec_array();
	struct event_list events = {0};
	struct approving approving;
	struct rollout_row row;
	int64_t next;

	if (store_find_rollout(rq->world->store, rq->number, &row, e) != 1)
		return e->code;
	o = codec_rollout(rq->world, &row);
	approving = (struct approving){rq->world, &row, list};
	store_list_approvals(rq->world->store, row.id, on_approval, &approving, NULL);
	codec_put(o, "approvals", list);
	codec_put(o, "signals", codec_signals(rq->world, &row));
	put_card(o, rq->world, &row);
	list = codec_array();
	store_query_events(rq->world->store, &q, event_list_add, &events, &next, NULL);
	for (int i = 0; i < events.count; i++)
		codec_append(list, codec_change(rq->world, &events.rows[i], 0, ""));
	event_list_release(&events);
	codec_put(o, "events", list);
	codec_reply(rq, 200, o);
	return 0;
}

int handle_alerts(struct request *rq, struct err *e)
{
	const char *open = request_query(rq, "open");
	struct cJSON *items = codec_array();
	struct alert_list list;
	int code = alerts_load(
		rq->world, open && (strcmp(open, "1") == 0 || strcmp(open, "true") == 0), &list, e);

	for (int i = 0; i < list.count; i++)
		if (request_may_read(rq, list.rows[i].project))
			codec_append(items, codec_alert(&list.rows[i]));
	alerts_release(&list);
	codec_reply(rq, 200, codec_page(items, 0));
	return code < 0 ? code : 0;
}

int handle_settings(struct request *rq, struct err *e)
{
	(void)e;
	codec_reply(rq, 200, codec_settings(&rq->world->settings));
	return 0;
}

int handle_openapi(struct request *rq, struct err *e)
{
	(void)e;
	codec_reply(rq, 200, codec_openapi());
	return 0;
}

int handle_metrics(struct request *rq, struct err *e)
{
	(void)e;
	metrics_format(rq->api->metrics, rq->world, &rq->reply.body);
	rq->reply.status = 200;
	rq->reply.type = "text/plain; version=0.0.4; charset=utf-8";
	return 0;
}
