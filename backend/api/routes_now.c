/* routes_now.c: the answer to "what is wrong, what changed", and the long poll that tells a
 * console when to ask again. */
#include <stdlib.h>
#include <string.h>

#include "backend/api/codec.h"
#include "backend/api/routes.h"
#include "backend/base/xalloc.h"

#define CHANGES_SEEN  200
#define CHANGES_SHOWN 20

/* UTC of the newest record of any endpoint, 0 = none. */
static int64_t newest_data(const struct world *w)
{
	int64_t newest = 0;

	for (int i = 0; i < w->endpoint_count; i++) {
		int64_t at = window_newest_us(w->endpoints[i]->window);

		if (at > newest)
			newest = at;
	}
	return newest;
}

struct suspect {
	const struct event *ev;
	int suspicion;
	char why[80];
};

static int compare_suspects(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	if (x->suspicion != y->suspicion)
		return y->suspicion - x->suspicion;
	return x->ev->seq < y->ev->seq ? 1 : x->ev->seq > y->ev->seq ? -1 : 0;
}

static struct cJSON *rank_changes(
	struct request *rq, const struct endpoint_view *views, int count, struct err *e)
{
	struct event_query q = {.limit = CHANGES_SEEN, .changes_only = 1};
	int64_t now = clock_wall_us(&rq->world->clock), next;
	struct cJSON *list = codec_array();
	struct event_list events = {0};
	struct suspect *suspects;
	int n = 0;

	store_query_events(rq->world->store, &q, event_list_add, &events, &next, e);
	suspects = xcalloc((size_t)events.count + 1, sizeof *suspects);
	for (int i = 0; i < events.count; i++) {
		if (!request_may_read(rq, events.rows[i].project))
			continue;
		suspects[n].ev = &events.rows[i];
		suspects[n].suspicion = suspicion_of(&events.rows[i], views, count, now,
			suspects[n].why, sizeof suspects[n].why);
		n++;
	}
	qsort(suspects, (size_t)n, sizeof *suspects, compare_suspects);
	for (int i = 0; i < n && i < CHANGES_SHOWN; i++)
		codec_append(list, codec_change(rq->world, suspects[i].ev, suspects[i].suspicion,
					   suspects[i].why));
	free(suspects);
	event_list_release(&events);
	return list;
}

static void put_rollouts(struct request *rq, struct cJSON *o)
{
	struct world *w = rq->world;
	struct cJSON *list = codec_array();
	struct rollout_row row;

	for (int i = 0; i < w->endpoint_count; i++) {
		const struct endpoint_row *ep = &w->endpoints[i]->row;

		if (ep->rollout && request_may_read(rq, ep->project) &&
			store_find_rollout(w->store, ep->rollout, &row, NULL) == 1)
			codec_append(list, codec_rollout(w, &row));
	}
	codec_put(o, "rollouts", list);
}

static void put_alerts(struct request *rq, struct cJSON *o, const struct alert_list *open)
{
	struct cJSON *list = codec_array();

	for (int i = 0; i < open->count; i++)
		if (request_may_read(rq, open->rows[i].project))
			codec_append(list, codec_alert(&open->rows[i]));
	codec_put(o, "alerts", list);
}

int handle_now(struct request *rq, struct err *e)
{
	struct world *w = rq->world;
	struct endpoint_view *views = xcalloc((size_t)w->endpoint_count + 1, sizeof *views);
	struct cJSON *o = codec_object(), *list = codec_array();
	struct alert_list open;
	int count = 0;

	alerts_load(w, 1, &open, e);
	for (int i = 0; i < w->endpoint_count; i++)
		if (!w->endpoints[i]->row.removed &&
			request_may_read(rq, w->endpoints[i]->row.project))
			view_endpoint(w, w->endpoints[i], &open, &views[count++]);
	qsort(views, (size_t)count, sizeof *views, view_compare);
	answer_put_int(o, "head", store_head(w->store));
	answer_put_int(o, "data_us", newest_data(w));
	codec_put(o, "engine", codec_engine(w, 1));
	for (int i = 0; i < count; i++)
		codec_append(list, codec_endpoint(&views[i]));
	codec_put(o, "endpoints", list);
	put_rollouts(rq, o);
	put_alerts(rq, o, &open);
	codec_put(o, "changes", rank_changes(rq, views, count, e));
	alerts_release(&open);
	free(views);
	codec_reply(rq, 200, o);
	return 0;
}

/* Level-triggered: whoever asks with an old number is answered at once, so nothing is missed
 * between two calls. */
static int poll_head(struct request *rq, int expired, struct err *e)
{
	int64_t after, head = store_head(rq->world->store);
	struct cJSON *o;

	if (request_query_int(rq, "after", 0, INT64_MAX, 0, &after, e) != 0)
		return e->code;
	if (head <= after && !expired)
		return REQUEST_WAIT;
	o = codec_object();
	answer_put_int(o, "head", head);
	answer_put_int(o, "data_us", newest_data(rq->world));
	codec_reply(rq, 200, o);
	return 0;
}

int handle_events(struct request *rq, struct err *e)
{
	int64_t wait;

	if (request_query_int(rq, "wait", 0, 60, 0, &wait, e) != 0)
		return e->code;
	rq->poll = poll_head;
	rq->deadline_us = clock_mono_us(&rq->world->clock) + wait * 1000000;
	return poll_head(rq, wait == 0, e);
}
