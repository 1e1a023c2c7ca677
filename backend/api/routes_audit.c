/* routes_audit.c: the audit log as it is, and the changes in it with what undoes them. */
#include <string.h>

#include "backend/api/codec.h"
#include "backend/api/routes.h"

#define LATER_MOST 20

static int is_true(const char *text)
{
	return text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

/* A text filter: absent and empty are the same. */
static const char *filter(const struct request *rq, const char *name)
{
	const char *text = request_query(rq, name);

	return text && *text ? text : NULL;
}

/* What both lists share. The endpoint may be given by its short name; one that is gone from the
 * spec is still in the log, so an unknown one is searched for as it stands. */
static int read_query(struct request *rq, struct event_query *q, struct err *e)
{
	struct live_endpoint *ep;
	int64_t limit;

	*q = (struct event_query){.actor = filter(rq, "actor"),
		.match = filter(rq, "match"),
		.endpoint = filter(rq, "endpoint")};
	if (request_query_int(rq, "limit", 1, 1000, 100, &limit, e) != 0 ||
		request_query_int(rq, "after", 0, INT64_MAX, 0, &q->after, e) != 0 ||
		request_query_int(rq, "since_us", 0, INT64_MAX, 0, &q->since_us, e) != 0)
		return e->code;
	q->limit = (int)limit;
	ep = q->endpoint ? world_find_endpoint(rq->world, q->endpoint, NULL) : NULL;
	if (ep)
		q->endpoint = ep->row.id;
	return 0;
}

int handle_changes(struct request *rq, struct err *e)
{
	struct event_list events = {0};
	struct cJSON *items;
	struct event_query q;
	int64_t next = 0;
	int code;

	if (read_query(rq, &q, e) != 0)
		return e->code;
	q.changes_only = 1;
	code = store_query_events(rq->world->store, &q, event_list_add, &events, &next, e);
	items = codec_array();
	for (int i = 0; i < events.count; i++)
		if (request_may_read(rq, events.rows[i].project))
			codec_append(items, codec_change(rq->world, &events.rows[i], 0, ""));
	event_list_release(&events);
	codec_reply(rq, 200, codec_page(items, next));
	return code < 0 ? code : 0;
}

struct audit_page {
	struct request *rq;
	struct cJSON *items;
};

static int on_audit(void *arg, const struct event *ev)
{
	struct audit_page *page = arg;

	if (request_may_read(page->rq, ev->project))
		codec_append(page->items, codec_event(ev));
	return 0;
}

int handle_audit(struct request *rq, struct err *e)
{
	struct audit_page page = {rq, NULL};
	struct event_query q;
	int64_t next = 0;
	int code;

	if (read_query(rq, &q, e) != 0 ||
		request_query_int(rq, "rollout", 0, INT64_MAX, 0, &q.rollout, e) != 0 ||
		request_query_int(rq, "until_us", 0, INT64_MAX, 0, &q.until_us, e) != 0)
		return e->code;
	q.verb = filter(rq, "verb");
	q.subject = filter(rq, "subject");
	q.ascending = is_true(request_query(rq, "ascending"));
	page.items = codec_array();
	code = store_query_events(rq->world->store, &q, on_audit, &page, &next, e);
	codec_reply(rq, 200, codec_page(page.items, next));
	return code < 0 ? code : 0;
}

/* Changes after ev that touch what it touched: the reason why an undo may not be what is wanted. */
static struct cJSON *later_changes(struct request *rq, const struct event *ev)
{
	struct event_query q = {
		.after = ev->seq, .ascending = 1, .limit = LATER_MOST, .changes_only = 1};
	struct cJSON *list = codec_array();
	struct event_list events = {0};
	int64_t next;

	if (ev->endpoint && *ev->endpoint)
		q.endpoint = ev->endpoint;
	else
		q.subject = ev->subject;
	store_query_events(rq->world->store, &q, event_list_add, &events, &next, NULL);
	for (int i = 0; i < events.count; i++)
		codec_append(list, codec_change(rq->world, &events.rows[i], 0, ""));
	event_list_release(&events);
	return list;
}

int handle_change(struct request *rq, struct err *e)
{
	struct act a = request_act(rq);
	struct event_list found = {0};
	struct err why = {0};
	struct cJSON *o;
	const struct event *ev;

	if (store_find_event(rq->world->store, rq->number, event_list_add, &found, e) < 0)
		return e->code;
	if (!found.count)
		return err_set(e, ERR_NOT_FOUND, "there is no change %lld", (long long)rq->number);
	ev = &found.rows[0];
	o = codec_change(rq->world, ev, 0, "");
	codec_put(o, "event", codec_event(ev));
	a.dry_run = 1;
	if (ev->change && act_undo(rq->world, &a, rq->number, &rq->result, &why) == 0)
		codec_put(o, "undo_plan", codec_plan(&rq->result));
	else
		answer_put_str(o, "undo_plan", NULL);
	codec_put(o, "later", later_changes(rq, ev));
	codec_reply(rq, 200, o);
	event_list_release(&found);
	return 0;
}

int handle_undo(struct request *rq, struct err *e)
{
	struct act a = request_act(rq);
	int repeated = request_find_answer(rq, e);

	if (repeated < 0)
		return repeated;
	if (!repeated && act_undo(rq->world, &a, rq->number, &rq->result, e) != 0)
		return e->code;
	return request_answer_act(rq, e);
}
