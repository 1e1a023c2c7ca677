/* codec_event.c: audit events as JSON: in full, and as changes with their undo. */
#include "backend/api/codec.h"

#include "backend/audit/canonical.h"
#include "backend/base/json.h"

/* Absent texts are "" for machines that join on them. */
static const char *text(const char *s)
{
	return s ? s : "";
}

struct cJSON *codec_event(const struct event *ev)
{
	cJSON *o = cJSON_CreateObject();
	struct buf canonical = {0};

	json_put_int(o, "seq", ev->seq);
	json_put_int(o, "at_us", ev->at_us);
	json_put_int(o, "actor_uid", ev->actor_uid);
	json_put_int(o, "login_uid", ev->login_uid);
	json_put_str(o, "actor", text(ev->actor));
	json_put_str(o, "role", text(ev->role));
	json_put_str(o, "via", text(ev->via));
	json_put_str(o, "verb", text(ev->verb));
	json_put_str(o, "subject", text(ev->subject));
	json_put_str(o, "project", text(ev->project));
	json_put_str(o, "environment", text(ev->environment));
	json_put_str(o, "endpoint", text(ev->endpoint));
	json_put_str(o, "version", text(ev->version));
	json_put_int(o, "rollout", ev->rollout);
	json_put_str(o, "before", ev->before);
	json_put_str(o, "after", ev->after);
	json_put_str(o, "reason", text(ev->reason));
	json_put_str(o, "causes", ev->causes);
	json_put_str(o, "request_id", text(ev->request_id));
	json_put_int(o, "undo_of", ev->undo_of);
	json_put_bool(o, "change", ev->change);
	json_put_str(o, "prev", text(ev->prev));
	json_put_str(o, "hash", text(ev->hash));
	canonical_format(ev, &canonical);
	json_put_str(o, "canonical", buf_text(&canonical));
	buf_release(&canonical);
	return o;
}

static void put_causes(cJSON *o, const char *causes)
{
	cJSON *list = causes ? cJSON_Parse(causes) : NULL;

	if (!cJSON_IsArray(list)) {
		cJSON_Delete(list);
		list = cJSON_CreateArray();
	}
	cJSON_AddItemToObject(o, "causes", list);
}

struct cJSON *codec_change(struct world *w, const struct event *ev, int suspicion, const char *why)
{
	cJSON *o = cJSON_CreateObject();
	char what[240] = "", undo[320] = "";
	int64_t by = 0;
	int undoable = act_undo_describe(w, ev, undo, sizeof undo);

	event_describe(ev, what, sizeof what);
	if (store_undone_by(w->store, ev->seq, &by, NULL) != 1)
		by = 0;
	json_put_int(o, "seq", ev->seq);
	json_put_int(o, "at_us", ev->at_us);
	json_put_str(o, "actor", text(ev->actor));
	json_put_int(o, "actor_uid", ev->actor_uid);
	json_put_str(o, "role", text(ev->role));
	json_put_str(o, "via", text(ev->via));
	json_put_str(o, "verb", text(ev->verb));
	json_put_str(o, "subject", text(ev->subject));
	json_put_str(o, "project", text(ev->project));
	json_put_str(o, "endpoint", text(ev->endpoint));
	json_put_int(o, "rollout", ev->rollout);
	json_put_str(o, "version", text(ev->version));
	json_put_str(o, "what", what);
	json_put_str(o, "reason", text(ev->reason));
	put_causes(o, ev->causes);
	json_put_int(o, "undo_of", ev->undo_of);
	json_put_int(o, "undone_by", by);
	json_put_bool(o, "undoable", undoable > 0);
	json_put_str(o, "undo", undo);
	json_put_int(o, "suspicion", suspicion);
	json_put_str(o, "why", why);
	return o;
}
