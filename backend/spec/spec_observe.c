/* spec_observe.c: an endpoint with `mode: observe`: what it must say of its metrics, and which keys
 * mean nothing where nobody is served. */
#include "backend/spec/spec_priv.h"

#include <string.h>

#define EVERY_MS     INT64_C(15000)
#define STALE_EVERYS 8

static const struct {
	const char *key;
	int in_rollout;
} observed_keys[] = {
	{"environment", 0},
	{"mode", 0},
	{"tier", 0},
	{"owner", 0},
	{"runbook", 0},
	{"metrics", 0},
	{"rollout", 0},
	{"false-abort", 1},
	{"signals", 1},
};

int spec_is_observed(const struct spec_endpoint *ep)
{
	return strcmp(ep->mode, "observe") == 0;
}

int64_t spec_metrics_every(const struct spec_metrics *m)
{
	return m->every_ms > 0 ? m->every_ms : EVERY_MS;
}

int64_t spec_metrics_stale(const struct spec_metrics *m)
{
	return m->stale_ms > 0 ? m->stale_ms : STALE_EVERYS * spec_metrics_every(m);
}

int spec_metrics_is_posted(const struct spec_metrics *m)
{
	return strcmp(m->from, "predictions") == 0;
}

int spec_observed_key(const char *key, int in_rollout)
{
	for (size_t i = 0; i < sizeof observed_keys / sizeof observed_keys[0]; i++)
		if (observed_keys[i].in_rollout == in_rollout &&
			strcmp(observed_keys[i].key, key) == 0)
			return 1;
	return 0;
}

static void check_keys(struct spec_reading *r, const struct node *map, int in_rollout)
{
	for (int i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
		if (!spec_observed_key(map->entries[i].key->text, in_rollout))
			spec_fault_add(r, map->entries[i].key->at,
				"`%s` means nothing here: an endpoint with `mode: observe` serves "
				"nobody and moves no traffic",
				map->entries[i].key->text);
}

/* What a Prometheus is asked by. */
static const char *const asked_keys[] = {"prometheus", "bearer", "basic", "ca", "arm", "requests",
	"errors", "latency", "latency-unit"};

static int is_asked(const char *key)
{
	for (size_t i = 0; i < sizeof asked_keys / sizeof asked_keys[0]; i++)
		if (strcmp(asked_keys[i], key) == 0)
			return 1;
	return 0;
}

static void check_metrics(struct spec_reading *r, const struct spec_metrics *m,
	const struct node *map, struct mark at)
{
	const struct {
		const char *key, *value, *what;
	} needed[] = {
		{"prometheus", m->prometheus, "the address that is asked"},
		{"arm", m->arm, "the label whose value tells stable from candidate"},
		{"stable", m->stable, "the name of the stable version: the label's value"},
		{"candidate", m->candidate, "the name of the candidate: the label's value"},
		{"requests", m->requests, "the query for the counters of all requests"},
	};
	const struct node *v;
	int posted = spec_metrics_is_posted(m);

	for (int i = 0; posted && map && map->kind == NODE_MAP && i < map->count; i++)
		if (is_asked(map->entries[i].key->text))
			spec_fault_add(r, map->entries[i].key->at,
				"`%s` means nothing beside `from: predictions`: no Prometheus is "
				"asked",
				map->entries[i].key->text);
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if (!(posted && is_asked(needed[i].key)) && !needed[i].value[0] &&
			!(map && node_find(map, needed[i].key)))
			spec_fault_add(r, at, "`%s` is missing in `metrics`: %s", needed[i].key,
				needed[i].what);
	v = map ? node_find(map, "candidate") : NULL;
	if (m->stable[0] && strcmp(m->stable, m->candidate) == 0)
		spec_fault_add(
			r, v ? v->at : at, "`candidate` is `%s`, as `stable` is", m->candidate);
	v = map ? node_find(map, "basic") : NULL;
	if (m->bearer[0] && m->basic[0])
		spec_fault_add(
			r, v ? v->at : at, "`basic` stands beside `bearer`: one login is used");
	v = map ? node_find(map, "stale") : NULL;
	if (spec_metrics_stale(m) < 2 * spec_metrics_every(m))
		spec_fault_add(r, v ? v->at : at,
			"`stale` must be at least twice `every`: one reading may be late");
	if (m->requests[0] && !m->errors[0] && !m->latency[0])
		spec_fault_add(r, at,
			"`metrics` has nothing to judge by: it needs `errors`, `latency` or both");
}

void spec_check_observed(struct spec_reading *r, const struct spec_endpoint *ep,
	const struct node *own, struct mark at)
{
	int is_map = own && own->kind == NODE_MAP;
	const struct node *metrics = is_map ? node_find(own, "metrics") : NULL;
	const struct node *listen = is_map ? node_find(own, "listen") : NULL;

	if (!spec_is_observed(ep)) {
		if (metrics)
			spec_fault_add(r, metrics->at,
				"`metrics` belongs to `mode: observe`: what passes our gateway is "
				"counted there");
		if (!listen)
			spec_fault_add(r, at,
				"`listen` is missing here: HOST:PORT where the gateway takes "
				"requests.");
		return;
	}
	if (!is_map)
		return;
	check_keys(r, own, 0);
	check_keys(r, node_find(own, "rollout"), 1);
	check_metrics(r, &ep->metrics, metrics, metrics ? metrics->at : at);
}
