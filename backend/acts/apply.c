/* apply.c: the plan of a spec (desired, recorded, observed) and its apply: all of it or nothing,
 * refused when the recorded spec has moved on since the plan was seen. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/acts/change.h"
#include "backend/acts/plan_rows.h"
#include "backend/acts/reconcile.h"
#include "backend/base/digest.h"
#include "backend/base/xalloc.h"
#include "backend/policy/roles.h"

void spec_plan_release(struct spec_plan *plan)
{
	spec_faults_release(&plan->faults);
	xfree(plan->rows);
	plan->row_count = 0;
}

static struct live_endpoint *live_of(struct world *w, const char *project, const char *name)
{
	for (int i = 0; i < w->endpoint_count; i++)
		if (strcmp(w->endpoints[i]->row.project, project) == 0 &&
			strcmp(w->endpoints[i]->row.name, name) == 0)
			return w->endpoints[i];
	return NULL;
}

static void loosen(struct spec_plan *plan, const char *fmt, const char *what)
{
	if (plan->loosen_count < PLAN_LINES)
		snprintf(plan->loosens[plan->loosen_count++], 200, fmt, what);
}

/* What the world shows beside what is written: the third column. */
static void observe(struct world *w, struct spec_plan *plan, struct live_endpoint *ep)
{
	char path[160];
	int slot = slot_find(ep, ep->row.stable);

	servers_refresh(w, ep);
	snprintf(path, sizeof path, "endpoints.%s.replicas", ep->row.name);
	for (int i = 0; i < plan->row_count; i++) {
		struct plan_row *r = &plan->rows[i];
		if (strcmp(r->path, path) != 0)
			continue;
		snprintf(r->observed, sizeof r->observed, "%d", slot_healthy(ep, slot));
		if (r->mark == '=' && ep->row.stable[0] && strcmp(r->observed, r->recorded) != 0)
			r->mark = '!';
	}
	snprintf(path, sizeof path, "endpoints.%s.listen", ep->row.name);
	for (int i = 0; i < plan->row_count; i++)
		if (strcmp(plan->rows[i].path, path) == 0)
			str_copy(plan->rows[i].observed, sizeof plan->rows[i].observed,
				w->gateway_up ? plan->rows[i].recorded : "gateway down");
}

static int tier_rank(const char *tier)
{
	return strcmp(tier, "high") == 0 ? 2 : strcmp(tier, "medium") == 0 ? 1 : 0;
}

static void compare_endpoints(struct world *w, const struct spec *spec, struct spec_plan *plan)
{
	char path[160];

	for (int i = 0; i < spec->endpoint_count; i++) {
		const struct spec_endpoint *want = &spec->endpoints[i];
		struct live_endpoint *ep = live_of(w, spec->project, want->name);
		char *new_json = spec_endpoint_format_json(want);
		char *old_json =
			ep && !ep->row.removed ? spec_endpoint_format_json(ep->config) : NULL;
		snprintf(path, sizeof path, "endpoints.%s", want->name);
		plan_compare(plan, path, new_json, old_json);
		if (old_json) {
			observe(w, plan, ep);
			if (tier_rank(want->tier) < tier_rank(ep->row.tier))
				loosen(plan, "lowers the tier of %s", want->name);
		}
		free(new_json);
		free(old_json);
	}
	for (int i = 0; i < w->endpoint_count; i++) {
		struct live_endpoint *ep = w->endpoints[i];
		int kept = 0;
		if (strcmp(ep->row.project, spec->project) != 0 || ep->row.removed)
			continue;
		for (int k = 0; k < spec->endpoint_count; k++)
			kept |= strcmp(spec->endpoints[k].name, ep->row.name) == 0;
		if (kept)
			continue;
		snprintf(path, sizeof path, "endpoints.%s", ep->row.name);
		struct plan_row *r = plan_row_add(plan, path);
		r->mark = '-';
		str_copy(r->recorded, sizeof r->recorded, "served");
		str_copy(r->note, sizeof r->note, "it will answer no more requests");
	}
}

static int has_member(const struct spec *access, const char *role, const char *member)
{
	for (int i = 0; access && i < access->role_count; i++)
		for (int k = 0; k < access->roles[i].member_count; k++)
			if (strcmp(access->roles[i].role, role) == 0 &&
				strcmp(access->roles[i].members[k], member) == 0)
				return 1;
	return 0;
}

static int approvals_of(const struct spec *access, const char *tier, int fallback)
{
	for (int i = 0; access && i < access->tier_count; i++)
		if (strcmp(access->tiers[i].name, tier) == 0)
			return access->tiers[i].approvals;
	return fallback;
}

static void compare_access(struct world *w, const struct spec *spec, struct spec_plan *plan)
{
	const struct live_project *p = world_find_project(w, spec->project);
	char *want = spec_access_format_json(spec);
	char *have = p ? spec_access_format_json(p->access) : NULL;

	plan_compare(plan, "project", want, have);
	free(want);
	free(have);
	if (!p)
		return;
	for (int i = 0; i < spec->role_count; i++)
		for (int k = 0; k < spec->roles[i].member_count; k++)
			if (!has_member(
				    p->access, spec->roles[i].role, spec->roles[i].members[k])) {
				char text[140];
				snprintf(text, sizeof text, "%s to %s", spec->roles[i].role,
					spec->roles[i].members[k]);
				loosen(plan, "grants %s", text);
			}
	for (int i = 0; i < spec->tier_count; i++)
		if (spec->tiers[i].approvals <
			approvals_of(p->access, spec->tiers[i].name, spec->tiers[i].approvals))
			loosen(plan, "asks for fewer approvals on tier %s", spec->tiers[i].name);
}

static struct spec *parse(const struct apply_request *req, struct spec_plan *plan, struct err *e)
{
	char hex[DIGEST_HEX];

	digest_hex(req->text, req->size, hex);
	snprintf(plan->digest, sizeof plan->digest, "sha256:%s", hex);
	return spec_parse(req->text, req->size, "pithead.yaml", &plan->faults, e);
}

int act_plan(
	struct world *w, const struct apply_request *req, struct spec_plan *plan, struct err *e)
{
	const struct live_project *p;
	struct spec *spec;

	*plan = (struct spec_plan){0};
	spec = parse(req, plan, e);
	if (!spec)
		return ERR_INVALID;
	str_copy(plan->project, sizeof plan->project, spec->project);
	p = world_find_project(w, spec->project);
	plan->base = p ? p->spec.seq : 0;
	compare_access(w, spec, plan);
	compare_endpoints(w, spec, plan);
	spec_free(spec);
	return 0;
}

/* -- apply -- */

static int address_free(const char *host, int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd, one = 1, free_now;

	if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return 1; /* a name: the gateway's own check will tell */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	free_now = bind(fd, (struct sockaddr *)&in, sizeof in) == 0;
	close(fd);
	return free_now;
}

static int check_listen(
	struct world *w, const struct spec *spec, const struct spec_endpoint *s, struct err *e)
{
	char text[80];

	snprintf(text, sizeof text, "%s:%d", s->listen_host, s->listen_port);
	for (int i = 0; i < w->endpoint_count; i++) {
		const struct endpoint_row *r = &w->endpoints[i]->row;
		if (r->removed || strcmp(r->listen, text) != 0)
			continue;
		if (strcmp(r->project, spec->project) == 0)
			return 0; /* ours already; the spec's own doubles are refused by the parser
				   */
		return err_set(e, ERR_CONFLICT, "endpoint %s listens on %s, and %s does already",
			s->name, text, r->id);
	}
	if (address_free(s->listen_host, s->listen_port))
		return 0;
	err_set(e, ERR_CONFLICT, "endpoint %s listens on %s, but another program has that port",
		s->name, text);
	return err_hint(e, "see who with `ss -ltnp`, or choose another port");
}

static int check_apply(struct world *w, const struct act *a, const struct apply_request *req,
	const struct spec *spec, const struct spec_plan *plan, struct act_result *out,
	struct err *e)
{
	char what[120];
	struct act seen = *a;
	int rc = 0;

	seen.revision = req->base < 0 ? 0 : req->base;
	snprintf(what, sizeof what, "the recorded spec of %s", spec->project);
	if (req->base == 0 && plan->base != 0)
		seen.revision = -1; /* planned against nothing, but something is there now */
	if (seen.revision)
		rc = act_check_revision(w, &seen, plan->base, what, out, e);
	for (int i = 0; i < spec->endpoint_count && !rc; i++)
		rc = check_listen(w, spec, &spec->endpoints[i], e);
	for (int i = 0; i < plan->row_count && !rc; i++) {
		const struct plan_row *r = &plan->rows[i];
		if (r->mark == '=' || r->mark == '!' || strncmp(r->path, "project", 7) != 0)
			continue;
		if (plan->base && !(a->caller->permissions & PERM_ADMIN))
			rc = err_set(e, ERR_DENIED,
				"%s changes: only an admin applies access and tiers", r->path);
	}
	for (int i = 0; i < plan->row_count && !rc; i++) {
		const struct live_endpoint *ep;
		if (plan->rows[i].mark != '-' || strcmp(plan->rows[i].recorded, "served") != 0)
			continue;
		ep = live_of(w, spec->project, plan->rows[i].path + strlen("endpoints."));
		if (ep && ep->row.rollout) {
			rc = err_set(e, ERR_CONFLICT,
				"the spec drops endpoint %s while rollout #%" PRId64
				" is under way",
				ep->row.id, ep->row.rollout);
			err_hint(
				e, "end it first: pithead rollout abort %" PRId64, ep->row.rollout);
		}
	}
	return rc;
}

static int save_endpoint(struct world *w, const struct spec *spec, const struct spec_endpoint *s,
	int64_t seq, struct err *e)
{
	struct live_endpoint *ep = live_of(w, spec->project, s->name);
	struct endpoint_row row = {0};
	int new_command = ep && strcmp(ep->config->serve, s->serve) != 0;
	char *json = spec_endpoint_format_json(s);
	int rc;

	if (ep)
		row = ep->row;
	snprintf(row.id, sizeof row.id, "%s/%s", spec->project, s->name);
	str_copy(row.project, sizeof row.project, spec->project);
	str_copy(row.name, sizeof row.name, s->name);
	str_copy(row.environment, sizeof row.environment, s->environment);
	str_copy(row.tier, sizeof row.tier, s->tier);
	str_copy(row.mode, sizeof row.mode, s->mode);
	snprintf(row.listen, sizeof row.listen, "%s:%d", s->listen_host, s->listen_port);
	row.removed = 0;
	row.spec_seq = seq;
	row.revision = seq;
	rc = store_save_endpoint_config(w->store, row.id, json, e);
	if (!rc)
		rc = store_save_endpoint(w->store, &row, e);
	if (!rc && new_command)
		replicas_outdate(w, ep);
	free(json);
	return rc;
}

static int remove_missing(struct world *w, const struct spec *spec, int64_t seq, struct err *e)
{
	int rc = 0;

	for (int i = 0; i < w->endpoint_count && !rc; i++) {
		struct endpoint_row row = w->endpoints[i]->row;
		int kept = row.removed || strcmp(row.project, spec->project) != 0;
		for (int k = 0; k < spec->endpoint_count; k++)
			kept |= strcmp(spec->endpoints[k].name, row.name) == 0;
		if (kept)
			continue;
		row.removed = 1;
		row.revision = seq;
		rc = store_save_endpoint(w->store, &row, e);
	}
	return rc;
}

static int write_all(struct world *w, const struct apply_request *req, const struct spec *spec,
	const struct spec_plan *plan, const struct act *a, struct event *ev, int64_t *seq,
	struct err *e)
{
	struct spec_row row = {.dirty = req->dirty, .at_us = clock_wall_us(&w->clock)};
	char *access = spec_access_format_json(spec);
	char *text = xstrndup(req->text, req->size);
	int rc = store_begin(w->store, e);

	str_copy(row.project, sizeof row.project, spec->project);
	str_copy(row.digest, sizeof row.digest, plan->digest);
	str_copy(row.commit, sizeof row.commit, req->commit ? req->commit : "");
	str_copy(row.author, sizeof row.author, a->caller->user);
	ev->at_us = row.at_us;
	if (!rc)
		rc = store_append_event(w->store, ev, seq, e);
	row.seq = *seq;
	if (!rc)
		rc = store_save_spec(w->store, &row, text, access, e);
	for (int i = 0; i < spec->endpoint_count && !rc; i++)
		rc = save_endpoint(w, spec, &spec->endpoints[i], *seq, e);
	if (!rc)
		rc = remove_missing(w, spec, *seq, e);
	if (!rc)
		rc = act_in_commit(a, *seq, e);
	if (!rc)
		rc = store_commit(w->store, e);
	if (rc)
		store_rollback(w->store);
	free(access);
	free(text);
	return rc;
}

static int count_changes(const struct spec_plan *plan)
{
	int n = 0;

	for (int i = 0; i < plan->row_count; i++)
		n += plan->rows[i].mark == '+' || plan->rows[i].mark == '-' ||
		     plan->rows[i].mark == '~';
	return n;
}

static void fill_plan(const struct spec_plan *sp, int changes, struct plan *p)
{
	snprintf(p->title, sizeof p->title, "apply %d value%s to project %s", changes,
		changes == 1 ? "" : "s", sp->project);
	str_copy(p->subject, sizeof p->subject, sp->project);
	for (int i = 0; i < sp->row_count; i++)
		if (sp->rows[i].mark != '=' && sp->rows[i].mark != '!')
			plan_will(p, "%c %s %.60s%s%.60s", sp->rows[i].mark, sp->rows[i].path,
				sp->rows[i].recorded, sp->rows[i].mark == '~' ? " -> " : "",
				sp->rows[i].desired);
	for (int i = 0; i < sp->loosen_count; i++)
		plan_warn(p, "loosens: %s", sp->loosens[i]);
	plan_will_not(p, "move traffic between versions");
	plan_need(p, "nobody else");
	p->undoable = sp->base != 0;
	if (sp->base)
		snprintf(p->undo, sizeof p->undo, "apply the spec of change %" PRId64 " again",
			sp->base);
	else
		str_copy(p->undo, sizeof p->undo, "cannot be undone: there is no earlier spec");
}

/* The same values from another commit: what runs can be traced to that one from now on. */
static int commit_moved(
	struct world *w, const char *project, const struct apply_request *req, struct plan *plan)
{
	const struct live_project *p = world_find_project(w, project);

	if (!p || !req->commit || !*req->commit ||
		(strcmp(p->spec.commit, req->commit) == 0 && !p->spec.dirty == !req->dirty))
		return 0;
	snprintf(plan->title, sizeof plan->title,
		"record commit %.12s%s for project %s: all values are as written", req->commit,
		req->dirty ? " + uncommitted changes" : "", project);
	plan_will(plan, "record the commit");
	return 1;
}

int act_apply(struct world *w, const struct act *a, const struct apply_request *req,
	struct act_result *out, struct err *e)
{
	struct spec_plan plan = {0};
	struct spec *spec = NULL;
	struct change c;
	int rc, changes, moved;

	*out = (struct act_result){0};
	rc = act_plan(w, req, &plan, e);
	if (!rc)
		spec = spec_parse(req->text, req->size, "pithead.yaml", &plan.faults, e);
	if (rc || !spec)
		goto out;
	out->revision = plan.base;
	rc = check_apply(w, a, req, spec, &plan, out, e);
	changes = count_changes(&plan);
	fill_plan(&plan, changes, &out->plan);
	moved = !rc && changes == 0 && commit_moved(w, spec->project, req, &out->plan);
	if (rc || a->dry_run || (changes == 0 && plan.base && !moved)) {
		if (!rc && changes == 0 && !moved)
			str_copy(out->plan.title, sizeof out->plan.title,
				"nothing to apply: all is as written");
		goto out;
	}
	change_init(&c, a, "spec.apply", NULL, NULL);
	snprintf(c.subject, sizeof c.subject, "project:%s", spec->project);
	snprintf(c.before, sizeof c.before, "{\"spec_seq\":%" PRId64 "}", plan.base);
	snprintf(c.after, sizeof c.after,
		"{\"commit\":\"%.64s\",\"digest\":\"%s\",\"dirty\":%d,\"text\":\"%d value%s of "
		"%s\"}",
		req->commit ? req->commit : "", plan.digest, req->dirty, changes,
		changes == 1 ? "" : "s", spec->project);
	c.ev.subject = c.subject;
	c.ev.project = spec->project;
	if (spec->endpoint_count == 1) /* one endpoint: the change touches just it */
		c.ev.environment = spec->endpoints[0].environment;
	c.ev.before = c.before;
	c.ev.after = c.after;
	rc = write_all(w, req, spec, &plan, a, &c.ev, &out->seq, e);
	if (rc)
		goto out;
	out->revision = out->seq;
	rc = world_load(w, e);
	if (!rc && !w->hold)
		(void)gateway_sync(w, 0, e); /* the reconciler tries again and the header says so */
out:
	spec_free(spec);
	spec_plan_release(&plan);
	return rc;
}
