/* world.c: the engine's memory of what is committed and what was last observed. Loading is whole:
 * rows, configurations and access are read again after an apply, and what was learnt of an
 * endpoint that stays (window, guard, gateway state) is kept. */
#include "backend/acts/world.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/judging.h"
#include "backend/acts/mirror.h"
#include "backend/acts/observing.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/store/telemetry.h"

struct loading {
	struct world *w;
	struct err *e;
	int rc;
	struct live_endpoint **old; /* borrowed while loading */
	int old_count;
};

static void endpoint_free(struct live_endpoint *ep)
{
	if (!ep)
		return;
	free(ep->config);
	window_free(ep->window);
	free(ep->slots);
	judging_free(ep->judging);
	judging_free(ep->after);
	mirror_free(ep->mirror);
	observing_free(ep->observing);
	free(ep);
}

static void project_free(struct live_project *p)
{
	if (!p)
		return;
	spec_free(p->access);
	free(p);
}

static struct live_endpoint *take_old(struct loading *l, const char *id)
{
	for (int i = 0; i < l->old_count; i++)
		if (l->old[i] && strcmp(l->old[i]->row.id, id) == 0) {
			struct live_endpoint *ep = l->old[i];
			l->old[i] = NULL;
			return ep;
		}
	return NULL;
}

static int load_slot(void *arg, const struct slot_row *r)
{
	struct live_endpoint *ep = arg;

	if (r->slot >= 0 && r->slot < ep->slot_count)
		str_copy(ep->slots[r->slot].version, sizeof ep->slots[r->slot].version, r->version);
	return 0;
}

static int load_drain(void *arg, const struct drain_row *r)
{
	struct live_endpoint *ep = arg;

	if (ep->drain_count < DRAINS_MOST)
		ep->drains[ep->drain_count++] = *r;
	return 0;
}

static struct live_endpoint *endpoint_new(struct world *w, const struct endpoint_row *r)
{
	struct live_endpoint *ep = xcalloc(1, sizeof *ep);
	struct err ignored = {0};

	ep->slot_count = (int)w->settings.slots;
	ep->slots = xcalloc((size_t)ep->slot_count, sizeof *ep->slots);
	ep->window = window_new();
	ep->row = *r;
	guard_reset(&ep->guard, r->rollout);
	/* Without the history a chart starts empty; that is no reason not to start. */
	if (telemetry_load_window(w->store, r->id,
		    clock_wall_us(&w->clock) - WINDOW_SECONDS * 1000000LL, ep->window,
		    &ignored) < 0)
		log_warn("telemetry", "%s: %s", r->id, ignored.message);
	return ep;
}

static int load_endpoint(void *arg, const struct endpoint_row *r)
{
	struct loading *l = arg;
	struct world *w = l->w;
	struct buf json = {0};
	struct spec_endpoint *config = xcalloc(1, sizeof *config);
	struct live_endpoint *ep;

	l->rc = store_find_endpoint_config(w->store, r->id, &json, l->e);
	if (l->rc == 1)
		l->rc = spec_endpoint_parse_json(buf_text(&json), config, l->e);
	else if (l->rc == 0)
		l->rc = err_set(
			l->e, ERR_STORE, "endpoint %s has no configuration in the store", r->id);
	buf_release(&json);
	if (l->rc < 0) {
		free(config);
		return 1;
	}
	ep = take_old(l, r->id);
	if (!ep)
		ep = endpoint_new(w, r);
	ep->row = *r;
	free(ep->config);
	ep->config = config;
	store_list_slots(w->store, r->id, load_slot, ep, l->e);
	ep->drain_count = 0;
	store_list_drains(w->store, r->id, load_drain, ep, l->e);
	w->endpoints = xrealloc(
		w->endpoints, (size_t)w->endpoint_count + 1, sizeof(struct live_endpoint *));
	w->endpoints[w->endpoint_count++] = ep;
	return 0;
}

/* Names become ids here, once, so that no request ever waits for a name service; by these a person
 * is known also while it does not answer. */
static void resolve_member(struct live_project *p, int role, const char *member)
{
	if (member[0] == '@') {
		const struct group *g = getgrnam(member + 1);
		if (g && p->ids[role].gid_count < SPEC_LIST)
			p->ids[role].gids[p->ids[role].gid_count++] = g->gr_gid;
		else if (!g)
			log_warn("access", "%s: there is no group %s on this machine",
				p->spec.project, member + 1);
	} else {
		const struct passwd *u = getpwnam(member);
		if (u && p->ids[role].uid_count < SPEC_LIST)
			p->ids[role].uids[p->ids[role].uid_count++] = u->pw_uid;
		else if (!u)
			log_warn("access", "%s: there is no user %s on this machine",
				p->spec.project, member);
	}
}

static int load_project(void *arg, const struct spec_row *r)
{
	struct loading *l = arg;
	struct world *w = l->w;
	struct live_project *p = xcalloc(1, sizeof *p);
	struct buf access = {0};
	struct spec_row row;

	p->spec = *r;
	l->rc = store_find_spec(w->store, r->project, 0, &row, NULL, &access, l->e);
	if (l->rc == 1)
		p->access = spec_access_parse_json(buf_text(&access), l->e);
	buf_release(&access);
	if (!p->access) {
		l->rc = l->rc < 0 ? l->rc : ERR_STORE;
		project_free(p);
		return 1;
	}
	for (int i = 0; i < p->access->role_count && i < 8; i++)
		for (int k = 0; k < p->access->roles[i].member_count; k++)
			resolve_member(p, i, p->access->roles[i].members[k]);
	l->rc = 0;
	w->projects =
		xrealloc(w->projects, (size_t)w->project_count + 1, sizeof(struct live_project *));
	w->projects[w->project_count++] = p;
	return 0;
}

static void free_projects(struct world *w)
{
	for (int i = 0; i < w->project_count; i++)
		project_free(w->projects[i]);
	xfree(w->projects);
	w->project_count = 0;
}

int world_load(struct world *w, struct err *e)
{
	struct loading l = {.w = w, .e = e, .old = w->endpoints, .old_count = w->endpoint_count};
	int rc;

	w->endpoints = NULL;
	w->endpoint_count = 0;
	free_projects(w);
	rc = store_list_specs(w->store, load_project, &l, e);
	if (rc >= 0 && l.rc >= 0)
		rc = store_list_endpoints(w->store, load_endpoint, &l, e);
	for (int i = 0; i < l.old_count; i++)
		endpoint_free(l.old[i]);
	free(l.old);
	return rc < 0 ? rc : l.rc < 0 ? l.rc : 0;
}

void world_release(struct world *w)
{
	for (int i = 0; i < w->endpoint_count; i++)
		endpoint_free(w->endpoints[i]);
	xfree(w->endpoints);
	w->endpoint_count = 0;
	free_projects(w);
	gateway_free(w->gateway);
	ingest_close(w->ingest);
	store_close(w->store);
	*w = (struct world){0};
}

static int same_id(const char *id, const char *name)
{
	size_t i = 0;

	for (; id[i] && name[i]; i++)
		if (id[i] != name[i] && !(id[i] == '/' && name[i] == '~'))
			return 0;
	return id[i] == name[i];
}

struct live_endpoint *world_find_endpoint(struct world *w, const char *name, struct err *e)
{
	struct live_endpoint *found = NULL;
	struct buf known = {0};
	int hits = 0;

	for (int i = 0; i < w->endpoint_count; i++) {
		struct live_endpoint *ep = w->endpoints[i];
		if (same_id(ep->row.id, name)) {
			buf_release(&known);
			return ep;
		}
		if (strcmp(ep->row.name, name) == 0) {
			found = ep;
			hits++;
		}
		buf_addf(&known, "%s%s", known.len ? ", " : "", ep->row.id);
	}
	if (hits > 1) {
		err_set(e, ERR_CONFLICT, "several projects have an endpoint %s", name);
		err_hint(e, "say PROJECT/NAME: %s", buf_text(&known));
		found = NULL;
	} else if (hits == 0) {
		err_set(e, ERR_NOT_FOUND, "there is no endpoint %s", name);
		if (known.len)
			err_hint(e, "there is %s", buf_text(&known));
		else
			err_hint(e, "nothing is applied yet: run `pithead apply` beside a "
				    "pithead.yaml");
	}
	buf_release(&known);
	return found;
}

struct live_project *world_find_project(struct world *w, const char *project)
{
	for (int i = 0; i < w->project_count; i++)
		if (strcmp(w->projects[i]->spec.project, project) == 0)
			return w->projects[i];
	return NULL;
}

int world_is_observed(const struct live_endpoint *ep)
{
	return spec_is_observed(ep->config);
}

int world_serves(const struct world *w)
{
	for (int i = 0; i < w->endpoint_count; i++)
		if (!world_is_observed(w->endpoints[i]))
			return 1;
	return 0;
}

int world_is_open(const struct world *w, const struct live_endpoint *ep)
{
	return ep->in_force_known && ep->in_force.gate && ep->in_force.candidate_slot >= 0 &&
	       ep->lease_until_us > clock_wall_us(&w->clock);
}

int world_share_in_force(const struct world *w, const struct live_endpoint *ep)
{
	return world_is_open(w, ep) ? ep->in_force.share_bp : 0;
}
