/* codec_act.c: plans, answers to acts, and errors as JSON. */
#include "backend/api/codec.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"

static cJSON *lines(const char (*list)[200], int count)
{
	cJSON *a = cJSON_CreateArray();

	for (int i = 0; i < count; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(list[i]));
	return a;
}

struct cJSON *codec_plan(const struct act_result *r)
{
	const struct plan *p = &r->plan;
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "title", p->title);
	json_put_str(o, "subject", p->subject);
	cJSON_AddItemToObject(o, "will", lines(p->will, p->will_count));
	cJSON_AddItemToObject(o, "will_not", lines(p->will_not, p->will_not_count));
	cJSON_AddItemToObject(o, "needs", lines(p->needs, p->needs_count));
	cJSON_AddItemToObject(o, "warnings", lines(p->warnings, p->warning_count));
	json_put_str(o, "undo", p->undo);
	json_put_bool(o, "undoable", p->undoable);
	json_put_str(o, "duration", p->duration);
	json_put_int(o, "revision", r->revision);
	return o;
}

/* The endpoint as it is now, null when there is none (any more). */
static cJSON *endpoint_now(struct world *w, const char *id)
{
	struct live_endpoint *ep = *id ? world_find_endpoint(w, id, NULL) : NULL;
	struct alert_list open;
	struct endpoint_view v;

	if (!ep)
		return cJSON_CreateNull();
	alerts_load(w, 1, &open, NULL);
	view_endpoint(w, ep, &open, &v);
	alerts_release(&open);
	return codec_endpoint(&v);
}

static cJSON *rollout_now(struct world *w, int64_t id)
{
	struct rollout_row row;

	if (!id || store_find_rollout(w->store, id, &row, NULL) != 1)
		return cJSON_CreateNull();
	return codec_rollout(w, &row);
}

struct cJSON *codec_act(struct world *w, const struct act_result *r, int done, const char *summary)
{
	cJSON *o = cJSON_CreateObject();

	json_put_bool(o, "done", done);
	json_put_str(o, "summary", summary);
	json_put_int(o, "event", r->seq);
	json_put_int(o, "revision", r->revision);
	cJSON_AddItemToObject(o, "endpoint", endpoint_now(w, r->endpoint));
	cJSON_AddItemToObject(o, "rollout", rollout_now(w, r->rollout));
	json_put_int(o, "proposal", r->proposal);
	cJSON_AddItemToObject(o, "plan", codec_plan(r));
	return o;
}

static cJSON *faults_of(const struct spec_faults *faults)
{
	cJSON *a = cJSON_CreateArray();

	for (int i = 0; i < faults->count; i++) {
		cJSON *o = cJSON_CreateObject();

		json_put_int(o, "line", faults->list[i].line);
		json_put_int(o, "column", faults->list[i].column);
		json_put_str(o, "message", faults->list[i].message);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

static const char *mark_word(char mark)
{
	switch (mark) {
	case '+':
		return "add";
	case '-':
		return "remove";
	case '~':
		return "change";
	case '!':
		return "drift";
	default:
		return "same";
	}
}

struct cJSON *codec_spec_plan(const struct spec_plan *plan)
{
	cJSON *o = cJSON_CreateObject(), *rows = cJSON_CreateArray();

	json_put_str(o, "project", plan->project);
	json_put_int(o, "base", plan->base);
	json_put_str(o, "digest", plan->digest);
	cJSON_AddItemToObject(o, "faults", faults_of(&plan->faults));
	for (int i = 0; i < plan->row_count; i++) {
		const struct plan_row *r = &plan->rows[i];
		cJSON *row = cJSON_CreateObject();
		char mark[2] = {r->mark, '\0'};

		json_put_str(row, "path", r->path);
		json_put_str(row, "desired", r->desired);
		json_put_str(row, "recorded", r->recorded);
		json_put_str(row, "observed", r->observed);
		json_put_str(row, "mark", mark);
		json_put_str(row, "word", mark_word(r->mark));
		json_put_str(row, "note", r->note);
		cJSON_AddItemToArray(rows, row);
	}
	cJSON_AddItemToObject(o, "rows", rows);
	cJSON_AddItemToObject(o, "loosens", lines(plan->loosens, plan->loosen_count));
	json_put_int(o, "loosens_more", plan->loosen_more);
	json_put_int(o, "approvals", plan->approvals);
	return o;
}

/* What the person acted on, as it is now: the reason why a stale act is refused. */
static cJSON *current_of(struct request *rq)
{
	if (!rq->route)
		return cJSON_CreateNull();
	if (rq->route->scope == SCOPE_ROLLOUT)
		return rollout_now(rq->world, rq->number);
	if (rq->result.rollout && !rq->result.endpoint[0] && !rq->endpoint[0])
		return rollout_now(rq->world, rq->result.rollout);
	return endpoint_now(rq->world, rq->endpoint[0] ? rq->endpoint : rq->result.endpoint);
}

struct cJSON *codec_error_body(struct request *rq, const struct err *e)
{
	cJSON *o = cJSON_CreateObject(), *inner = json_put_object(o, "error");

	json_put_str(inner, "code", err_wire(e->code));
	json_put_str(inner, "message", e->message);
	json_put_str(inner, "hint", e->hint);
	json_put_str(inner, "field", e->field);
	if (e->code == ERR_STALE) {
		cJSON_AddItemToObject(o, "current", current_of(rq));
		json_put_str(o, "moved", rq->result.moved);
	}
	return o;
}

char *codec_result_format(const struct act_result *r)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	json_put_int(o, "event", r->seq);
	json_put_int(o, "revision", r->revision);
	json_put_str(o, "endpoint", r->endpoint);
	json_put_int(o, "rollout", r->rollout);
	json_put_int(o, "proposal", r->proposal);
	cJSON_AddItemToObject(o, "plan", codec_plan(r));
	text = json_format(o);
	cJSON_Delete(o);
	return text;
}

static void read_lines(const cJSON *plan, const char *key, char (*out)[200], int *count)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, json_get(plan, key))
		if (*count < PLAN_LINES && cJSON_IsString(v))
			str_copy(out[(*count)++], sizeof out[0], v->valuestring);
}

int codec_result_parse(const char *text, struct act_result *out)
{
	cJSON *o = cJSON_Parse(text);
	const cJSON *plan = json_get(o, "plan");
	struct plan *p = &out->plan;

	*out = (struct act_result){0};
	if (!o)
		return -1;
	out->seq = json_int(o, "event", 0);
	out->revision = json_int(o, "revision", 0);
	out->rollout = json_int(o, "rollout", 0);
	out->proposal = json_int(o, "proposal", 0);
	str_copy(out->endpoint, sizeof out->endpoint, json_str(o, "endpoint", ""));
	str_copy(p->title, sizeof p->title, json_str(plan, "title", ""));
	str_copy(p->subject, sizeof p->subject, json_str(plan, "subject", ""));
	str_copy(p->undo, sizeof p->undo, json_str(plan, "undo", ""));
	str_copy(p->duration, sizeof p->duration, json_str(plan, "duration", ""));
	p->undoable = json_bool(plan, "undoable", 0);
	read_lines(plan, "will", p->will, &p->will_count);
	read_lines(plan, "will_not", p->will_not, &p->will_not_count);
	read_lines(plan, "needs", p->needs, &p->needs_count);
	read_lines(plan, "warnings", p->warnings, &p->warning_count);
	cJSON_Delete(o);
	return 0;
}
