/* codec_endpoint.c: endpoints, their arms and charts as JSON. */
#include "backend/api/codec.h"

#include <stdlib.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"

static cJSON *stats(const struct arm_stats *s)
{
	cJSON *o = cJSON_CreateObject();

	json_put_int(o, "requests", s->requests);
	json_put_num(o, "rate", s->rate);
	json_put_int(o, "failures", s->failures);
	json_put_num(o, "error_percent", s->error_percent);
	json_put_int(o, "unread", s->unread);
	json_put_num(o, "unread_percent", s->unread_percent);
	json_put_num(o, "p50_ms", s->p50_ms);
	json_put_num(o, "p90_ms", s->p90_ms);
	json_put_num(o, "p99_ms", s->p99_ms);
	json_put_num(o, "score_mean", s->score_mean);
	json_put_int(o, "outcomes", s->outcomes);
	json_put_num(o, "outcome_mean", s->outcome_mean);
	json_put_num(o, "brier", s->brier);
	return o;
}

static cJSON *numbers(const int64_t *list, int count)
{
	cJSON *a = cJSON_CreateArray();

	for (int i = 0; i < count; i++)
		cJSON_AddItemToArray(a, cJSON_CreateNumber((double)list[i]));
	return a;
}

/* The pid of the sandbox that a server stands for, 0 = run by somebody else or not known. */
static int64_t pid_of(const struct replica_row *list, int count, const char *id)
{
	for (int i = 0; i < count; i++)
		if (strcmp(list[i].id, id) == 0)
			return list[i].pid;
	return 0;
}

static cJSON *drain(const struct drain_row *d)
{
	cJSON *o;

	if (!d)
		return cJSON_CreateNull();
	o = cJSON_CreateObject();
	json_put_str(o, "by", d->username);
	json_put_str(o, "reason", d->reason);
	json_put_int(o, "at_us", d->at_us);
	return o;
}

static void put_server(cJSON *list, const struct live_endpoint *ep,
	const struct gateway_server_state *s, int64_t pid)
{
	const char *version =
		s->slot >= 0 && s->slot < ep->slot_count ? ep->slots[s->slot].version : "";
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "version", version);
	json_put_int(o, "slot", s->slot);
	json_put_str(o, "name", s->name);
	json_put_str(o, "address", s->address);
	json_put_str(o, "state", s->state);
	json_put_str(o, "check", s->check);
	json_put_int(o, "sessions", s->sessions);
	json_put_int(o, "cut", s->cut);
	json_put_int(o, "pid", pid);
	cJSON_AddItemToObject(o, "drained", drain(drain_find(ep, version, s->name)));
	cJSON_AddItemToArray(list, o);
}

struct cJSON *codec_servers(
	const struct live_endpoint *ep, const struct replica_row *replicas, int count)
{
	cJSON *a = cJSON_CreateArray();

	for (int i = 0; i < ep->server_count; i++)
		put_server(a, ep, &ep->servers[i], pid_of(replicas, count, ep->servers[i].name));
	for (int i = 0; i < ep->fault_count; i++) { /* wanted, and the gateway has none */
		struct gateway_server_state s = {.slot = ep->faults[i].slot, .state = "down"};

		if (server_of(ep, ep->faults[i].slot, ep->faults[i].name))
			continue;
		str_copy(s.name, sizeof s.name, ep->faults[i].name);
		str_copy(s.check, sizeof s.check, ep->faults[i].why);
		put_server(a, ep, &s, 0);
	}
	return a;
}

static void put_row(cJSON *o, const struct endpoint_row *r)
{
	json_put_str(o, "id", r->id);
	json_put_str(o, "project", r->project);
	json_put_str(o, "name", r->name);
	json_put_str(o, "environment", r->environment);
	json_put_str(o, "tier", r->tier);
	json_put_str(o, "mode", r->mode);
	json_put_str(o, "listen", r->listen);
	json_put_str(o, "stable", r->stable);
	json_put_str(o, "candidate", r->candidate);
	json_put_str(o, "previous", r->previous);
	json_put_int(o, "rollout", r->rollout);
	json_put_int(o, "share_bp", r->share_bp);
	json_put_bool(o, "gate", r->gate);
	json_put_int(o, "hot_until_us", r->hot_until_us);
	json_put_int(o, "revision", r->revision);
}

struct cJSON *codec_endpoint(const struct endpoint_view *v)
{
	cJSON *o = cJSON_CreateObject();

	put_row(o, &v->ep->row);
	json_put_int(o, "share_in_force_bp", v->share_in_force);
	json_put_int(o, "lease_until_us", v->ep->lease_until_us);
	json_put_str(o, "state", health_name(v->health));
	json_put_str(o, "state_word", v->state_word);
	json_put_num(o, "rate", v->rate);
	json_put_num(o, "error_percent", v->error_percent);
	json_put_num(o, "p99_ms", v->p99_ms);
	cJSON_AddItemToObject(o, "stable_stats", stats(&v->arms[ARM_STABLE]));
	if (v->ep->row.candidate[0] || v->arms[ARM_CANDIDATE].requests)
		cJSON_AddItemToObject(o, "candidate_stats", stats(&v->arms[ARM_CANDIDATE]));
	else
		cJSON_AddNullToObject(o, "candidate_stats");
	cJSON_AddItemToObject(o, "spark", numbers(v->spark, SPARK_POINTS));
	cJSON_AddItemToObject(o, "spark_errors", numbers(v->spark_errors, SPARK_POINTS));
	json_put_int(o, "segment_unknown", v->segment_unknown);
	json_put_int(o, "keyless", v->keyless);
	return o;
}

struct cJSON *codec_endpoint_config(const struct spec_endpoint *config)
{
	char *text = config ? spec_endpoint_format_json(config) : NULL;
	cJSON *tree = text ? cJSON_Parse(text) : NULL;

	free(text);
	return tree ? tree : cJSON_CreateNull();
}

static cJSON *series_of(const struct arm_counts *list, int span_s, int points)
{
	cJSON *a = cJSON_CreateArray();

	for (int i = 0; i < points; i++) {
		cJSON *o = cJSON_CreateObject();
		struct arm_stats s;

		arm_stats_from(&list[i], span_s, &s);
		json_put_int(o, "n", s.requests);
		json_put_int(o, "failures", s.failures);
		json_put_num(o, "p50_ms", s.p50_ms);
		json_put_num(o, "p99_ms", s.p99_ms);
		json_put_num(o, "score_mean", s.score_mean);
		json_put_num(o, "brier", s.brier);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

struct cJSON *codec_series(const struct live_endpoint *ep, int64_t now_us, int span_s, int points)
{
	struct arm_counts *list = xcalloc((size_t)points, sizeof *list);
	cJSON *o = cJSON_CreateObject();

	json_put_int(o, "span_s", span_s);
	json_put_int(o, "from_us", now_us - (int64_t)span_s * points * 1000000);
	window_series(ep->window, ARM_STABLE, now_us, span_s, points, list);
	cJSON_AddItemToObject(o, "stable", series_of(list, span_s, points));
	window_series(ep->window, ARM_CANDIDATE, now_us, span_s, points, list);
	cJSON_AddItemToObject(o, "candidate", series_of(list, span_s, points));
	free(list);
	return o;
}

struct cJSON *codec_override(const struct override_row *r)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "segment", r->segment);
	json_put_int(o, "share_bp", r->share_bp);
	json_put_int(o, "rollout", r->rollout);
	return o;
}
