/* api_world.c: see api_world.h. */
#include "tests/support/api_world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/xalloc.h"

static void add_endpoint(struct world *w, const char *project, const char *name)
{
	struct live_endpoint *ep = xcalloc(1, sizeof *ep);

	snprintf(ep->row.id, sizeof ep->row.id, "%s/%s", project, name);
	str_copy(ep->row.project, sizeof ep->row.project, project);
	str_copy(ep->row.name, sizeof ep->row.name, name);
	str_copy(ep->row.environment, sizeof ep->row.environment, "production");
	str_copy(ep->row.tier, sizeof ep->row.tier, "low");
	str_copy(ep->row.mode, sizeof ep->row.mode, "online");
	str_copy(ep->row.stable, sizeof ep->row.stable, "v2");
	str_copy(ep->row.previous, sizeof ep->row.previous, "v1");
	ep->row.revision = 1;
	ep->config = xcalloc(1, sizeof *ep->config);
	str_copy(ep->config->name, sizeof ep->config->name, name);
	ep->window = window_new();
	ep->slot_count = 2;
	ep->slots = xcalloc(2, sizeof *ep->slots);
	str_copy(ep->slots[0].version, sizeof ep->slots[0].version, "v2");
	w->endpoints = xrealloc(w->endpoints, (size_t)w->endpoint_count + 1, sizeof *w->endpoints);
	w->endpoints[w->endpoint_count++] = ep;
}

static void add_member(struct live_project *p, const char *role, int64_t uid)
{
	int n = 0;

	while (n < p->access->role_count && strcmp(p->access->roles[n].role, role) != 0)
		n++;
	str_copy(p->access->roles[n].role, sizeof p->access->roles[n].role, role);
	if (n == p->access->role_count)
		p->access->role_count++;
	p->ids[n].uids[p->ids[n].uid_count++] = uid;
}

static struct live_project *add_project(struct world *w, const char *project)
{
	struct live_project *p = xcalloc(1, sizeof *p);

	str_copy(p->spec.project, sizeof p->spec.project, project);
	p->spec.seq = 1;
	p->access = xcalloc(1, sizeof *p->access);
	p->access->tiers[p->access->tier_count++] =
		(struct spec_tier){.name = "low", .approve = "start"};
	w->projects = xrealloc(w->projects, (size_t)w->project_count + 1, sizeof *w->projects);
	w->projects[w->project_count++] = p;
	return p;
}

static void add_members(struct live_project *p)
{
	add_member(p, "admin", UID_ADMIN);
	add_member(p, "operator", UID_OPERATOR);
	add_member(p, "approver", UID_APPROVER);
	add_member(p, "developer", UID_DEVELOPER);
	add_member(p, "auditor", UID_AUDITOR);
	add_member(p, "service", UID_SERVICE);
	add_member(p, "operator", UID_BOTH);
	add_member(p, "auditor", UID_BOTH);
}

struct world *api_world_new(void)
{
	static const char *const folders[] = {"store", "keys", "log", "run", "run/upload"};
	struct world *w = xcalloc(1, sizeof *w);
	char path[320];
	struct err e;

	snprintf(w->home, sizeof w->home, "/tmp/pithead-api-XXXXXX");
	must(mkdtemp(w->home));
	must(chmod(w->home, 0711) == 0);
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof path, "%s/%s", w->home, folders[i]);
		must(mkdir(path, 0700) == 0);
	}
	settings_init(&w->settings);
	w->clock = clock_system();
	w->started_us = clock_wall_us(&w->clock);
	w->store = store_open(w->home, &w->settings, &w->clock, 0, &e);
	if (!w->store)
		fprintf(stderr, "%s\n", e.message);
	must(w->store);
	w->gateway_up = 1;
	add_endpoint(w, "flights", "delay");
	add_endpoint(w, "eta", "arrival");
	add_members(add_project(w, "flights"));
	add_member(add_project(w, "eta"), "operator", UID_ETA);
	return w;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

void api_world_free(struct world *w)
{
	store_close(w->store);
	nftw(w->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (int i = 0; i < w->endpoint_count; i++) {
		window_free(w->endpoints[i]->window);
		free(w->endpoints[i]->slots);
		free(w->endpoints[i]->config);
		free(w->endpoints[i]);
	}
	for (int i = 0; i < w->project_count; i++) {
		free(w->projects[i]->access);
		free(w->projects[i]);
	}
	free(w->endpoints);
	free(w->projects);
	free(w);
}

int64_t api_world_event(struct world *w, const struct event *ev)
{
	int64_t seq = 0;

	must(store_begin(w->store, NULL) == 0);
	must(store_append_event(w->store, ev, &seq, NULL) == 0);
	must(store_commit(w->store, NULL) == 0);
	return seq;
}

static int count_event(void *arg, const struct event *ev)
{
	(void)ev;
	(*(int *)arg)++;
	return 0;
}

int api_world_count(struct world *w, const char *verb)
{
	struct event_query q = {.limit = 1000, .verb = verb};
	int64_t next;
	int count = 0;

	must(store_query_events(w->store, &q, count_event, &count, &next, NULL) == 0);
	return count;
}

void api_world_rollout(struct world *w, int64_t id, const char *state, int share_bp)
{
	struct rollout_row r = {.id = id, .share_bp = share_bp, .started_us = 1, .revision = 1};
	struct endpoint_row *ep = &w->endpoints[0]->row;

	str_copy(r.endpoint, sizeof r.endpoint, ep->id);
	str_copy(r.project, sizeof r.project, ep->project);
	str_copy(r.environment, sizeof r.environment, "production");
	str_copy(r.pattern, sizeof r.pattern, "canary");
	str_copy(r.state, sizeof r.state, state);
	str_copy(r.steps, sizeof r.steps, "1% 2m, 5% 5m");
	str_copy(r.from_version, sizeof r.from_version, "v2");
	str_copy(r.to_version, sizeof r.to_version, "v3");
	must(store_begin(w->store, NULL) == 0);
	must(store_save_rollout(w->store, &r, NULL) == 0);
	must(store_commit(w->store, NULL) == 0);
	ep->rollout = id;
	ep->share_bp = share_bp;
	str_copy(ep->candidate, sizeof ep->candidate, "v3");
}
