/* codec_local.c: the JSON of local commands. */
#include "backend/local/codec_local.h"

#include <stdio.h>
#include <stdlib.h>

#include "backend/base/json.h"
#include "backend/local/restored.h"

static void print_and_free(cJSON *o)
{
	char *text = json_format(o);

	puts(text);
	free(text);
	cJSON_Delete(o);
}

void codec_print_faults(const char *file, const struct spec_faults *faults)
{
	cJSON *o = cJSON_CreateObject(), *list;

	json_put_str(o, "file", file);
	json_put_bool(o, "valid", faults->count == 0);
	list = json_put_array(o, "faults");
	for (int i = 0; i < faults->count; i++) {
		cJSON *f = cJSON_CreateObject();

		json_put_int(f, "line", faults->list[i].line);
		json_put_int(f, "column", faults->list[i].column);
		json_put_str(f, "message", faults->list[i].message);
		cJSON_AddItemToArray(list, f);
	}
	print_and_free(o);
}

static const char *finding_name(enum audit_finding f)
{
	return f == AUDIT_WHOLE	      ? "whole"
	       : f == AUDIT_ALTERED   ? "altered"
	       : f == AUDIT_MISSING   ? "missing"
	       : f == AUDIT_TRUNCATED ? "truncated"
	       : f == AUDIT_FORKED    ? "forked"
				      : "unsigned";
}

void codec_print_report(const char *home, const struct audit_report *r)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "home", home);
	json_put_str(o, "finding", finding_name(r->finding));
	json_put_bool(o, "whole", r->finding == AUDIT_WHOLE);
	json_put_int(o, "events", r->events);
	json_put_int(o, "signed_seq", r->signed_seq);
	json_put_int(o, "exposed", r->exposed);
	json_put_int(o, "first_bad_seq", r->first_bad_seq);
	json_put_str(o, "sentence", r->sentence);
	print_and_free(o);
}

void codec_print_checks(const struct checks *c)
{
	static const char *const levels[] = {"ok", "warn", "fail"};
	cJSON *o = cJSON_CreateObject(), *list;

	json_put_bool(o, "ok", c->fails == 0);
	list = json_put_array(o, "checks");
	for (int i = 0; i < c->count; i++) {
		cJSON *line = cJSON_CreateObject();

		json_put_str(line, "level", levels[c->list[i].level]);
		json_put_str(line, "what", c->list[i].what);
		json_put_str(line, "text", c->list[i].text);
		json_put_str(line, "remedy", *c->list[i].remedy ? c->list[i].remedy : NULL);
		cJSON_AddItemToArray(list, line);
	}
	print_and_free(o);
}

void codec_print_restored(const struct restored *r)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "home", r->home);
	json_put_str(o, "file", r->file);
	json_put_int(o, "event", r->seq);
	json_put_int(o, "restored_seq", r->last_seq);
	json_put_int(o, "lost", r->old_seq > r->last_seq ? r->old_seq - r->last_seq : 0);
	json_put_int(o, "bundles", r->bundles);
	json_put_str(o, "aside", r->has_old ? r->suffix : NULL);
	json_put_str(o, "sentence", r->sentence);
	print_and_free(o);
}

char *codec_format_text(const char *text)
{
	cJSON *o = cJSON_CreateObject();
	char *out;

	json_put_str(o, "text", text);
	out = json_format(o);
	cJSON_Delete(o);
	return out;
}

static const char *chosen(const struct intake_choice *c)
{
	return c->off || !c->value[0] ? NULL : c->value;
}

void codec_print_proposal(const char *file, const struct intake *in, const char *text)
{
	cJSON *o = cJSON_CreateObject(), *list;

	json_put_str(o, "file", file);
	json_put_str(o, "project", in->project);
	list = json_put_array(o, "endpoints");
	for (int i = 0; i < in->count; i++) {
		const struct intake_endpoint *ep = &in->endpoints[i];
		cJSON *one = cJSON_CreateObject();

		json_put_str(one, "name", ep->name);
		json_put_str(one, "listen", ep->listen.value);
		json_put_str(one, "score", chosen(&ep->score));
		json_put_str(one, "key", chosen(&ep->key));
		json_put_str(one, "segment", chosen(&ep->segment));
		json_put_str(one, "task", chosen(&ep->task));
		json_put_str(one, "health", ep->health.value);
		cJSON_AddItemToArray(list, one);
	}
	json_put_str(o, "text", text);
	print_and_free(o);
}
