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
#include "backend/acts/loosening.h"
#include "backend/acts/plan_rows.h"
#include "backend/acts/policy_ask.h"
#include "backend/acts/proposal.h"
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
		if (old_json)
			observe(w, plan, ep);
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

static int ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static void note_rows(struct spec_plan *plan)
{
	for (int i = 0; i < plan->row_count; i++) {
		struct plan_row *r = &plan->rows[i];

		if (ends_in(r->path, ".verify") && strcmp(r->desired, "none") == 0)
			str_copy(r->note, sizeof r->note,
				"WARNING: no certificate is checked: whoever is on the way can "
				"answer in its place");
	}
}

static void compare_access(struct world *w, const struct spec *spec, struct spec_plan *plan)
{
	const struct live_project *p = world_find_project(w, spec->project);
	char *want = spec_access_format_json(spec);
	char *have = p ? spec_access_format_json(p->access) : NULL;

	plan_compare(plan, "project", want, have);
	free(want);
	free(have);
}

static struct spec *parse(const struct apply_request *req, struct spec_plan *plan, struct err *e)
{
	char hex[DIGEST_HEX];
	struct spec *spec;

	digest_hex(req->text, req->size, hex);
	snprintf(plan->digest, sizeof plan->digest, "sha256:%s", hex);
	spec = spec_parse(req->text, req->size, "pithead.yaml", &plan->faults, e);
	if (spec && windows_check(spec, e)) {
		spec_free(spec);
		return NULL;
	}
	return spec;
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
	note_rows(plan);
	loosening_fill(w, spec, plan);
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

	if (spec_is_observed(s))
		return 0;
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

/* What is served and what is looked at share no history: one name is either. */
static int check_mode(
	struct world *w, const struct spec *spec, const struct spec_endpoint *s, struct err *e)
{
	const struct live_endpoint *ep = live_of(w, spec->project, s->name);

	if (!ep || spec_is_observed(s) == world_is_observed(ep))
		return 0;
	err_set(e, ERR_CONFLICT, "endpoint %s has been `mode: %s`, and cannot become `%s`", s->name,
		ep->row.mode, s->mode);
	return err_hint(e, "give it another name");
}

/* One apply on its way. approved: the proposal that it comes from, NULL = none. */
struct applying {
	struct world *w;
	const struct act *a;
	const struct apply_request *req;
	const struct proposal_row *approved;
	struct proposal_rows *rows;
	struct spec *spec; /* owned */
	struct spec_plan plan;
};

static int check_apply(const struct applying *x, struct act_result *out, struct err *e)
{
	struct world *w = x->w;
	const struct act *a = x->a;
	const struct apply_request *req = x->req;
	const struct spec *spec = x->spec;
	const struct spec_plan *plan = &x->plan;
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
	for (int i = 0; i < spec->endpoint_count && !rc; i++)
		rc = check_mode(w, spec, &spec->endpoints[i], e);
	for (int i = 0; i < plan->row_count && !rc; i++) {
		const struct plan_row *r = &plan->rows[i];
		if (r->mark == '=' || r->mark == '!' || strncmp(r->path, "project", 7) != 0)
			continue;
		if (plan->base && !x->approved && !(a->caller->permissions & PERM_ADMIN))
			rc = err_set(e, ERR_DENIED,
				"%s changes: only an admin applies access and tiers", r->path);
	}
	for (int i = 0; i < plan->row_count && !rc; i++) {
		const struct live_endpoint *ep;
		if (plan->rows[i].mark != '-' || strcmp(plan->rows[i].recorded, "served") != 0)
			continue;
		ep = live_of(w, spec->project, plan->rows[i].path + strlen("endpoints."));
		if (ep && ep->row.rollout && !world_is_observed(ep)) {
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

/* A drain ends with its server: one that comes back later is ready. */
static int drop_drains(struct world *w, const struct live_endpoint *ep,
	const struct spec_endpoint *s, struct err *e)
{
	/* Names depend on what is new. */
	struct live_endpoint then = {.config = (struct spec_endpoint *)s};
	struct gateway_server server;
	int rc = 0;

	for (int i = 0; ep && i < ep->drain_count && !rc; i++) {
		const struct drain_row *d = &ep->drains[i];
		const struct spec_arm *arm = upstream_of(&then, d->version);
		int kept = 0;

		for (int k = 0; arm && k < arm->server_count; k++) {
			upstream_server(&then, arm, k, &server);
			kept |= strcmp(server.name, d->server) == 0;
		}
		if (!kept)
			rc = store_remove_drain(w->store, d->endpoint, d->version, d->server, e);
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
	if (spec_is_observed(s))
		str_copy(row.stable, sizeof row.stable, s->metrics.stable);
	else
		snprintf(row.listen, sizeof row.listen, "%s:%d", s->listen_host, s->listen_port);
	row.removed = 0;
	row.spec_seq = seq;
	row.revision = seq;
	rc = store_save_endpoint_config(w->store, row.id, json, e);
	if (!rc)
		rc = store_save_endpoint(w->store, &row, e);
	if (!rc)
		rc = drop_drains(w, ep, s, e);
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

static int write_all(const struct applying *x, struct event *ev, int64_t *seq, struct err *e)
{
	struct world *w = x->w;
	const struct apply_request *req = x->req;
	struct spec_row row = {.dirty = req->dirty, .at_us = clock_wall_us(&w->clock)};
	char *access = spec_access_format_json(x->spec);
	char *text = xstrndup(req->text, req->size);
	int rc = store_begin(w->store, e);

	str_copy(row.project, sizeof row.project, x->spec->project);
	str_copy(row.digest, sizeof row.digest, x->plan.digest);
	str_copy(row.commit, sizeof row.commit, req->commit ? req->commit : "");
	str_copy(row.author, sizeof row.author,
		x->approved ? x->approved->author : x->a->caller->user);
	ev->at_us = row.at_us;
	if (!rc)
		rc = store_append_event(w->store, ev, seq, e);
	row.seq = *seq;
	if (!rc)
		rc = store_save_spec(w->store, &row, text, access, e);
	for (int i = 0; i < x->spec->endpoint_count && !rc; i++)
		rc = save_endpoint(w, x->spec, &x->spec->endpoints[i], *seq, e);
	if (!rc)
		rc = remove_missing(w, x->spec, *seq, e);
	if (!rc && x->rows)
		rc = proposal_also(w, x->rows, *seq, e);
	if (!rc)
		rc = act_in_commit(x->a, *seq, e);
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
	if (sp->approvals == 0)
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

/* Whether the policy lets the spec be applied as it is; else it waits for people. */
static int is_allowed(const struct applying *x)
{
	const struct spec_plan *sp = &x->plan;
	struct policy_facts f = {.action = POLICY_APPLY,
		.loosens = sp->loosen_count + sp->loosen_more,
		.approvals_needed = sp->approvals,
		.approvals_valid = x->approved ? x->approved->needed : 0};
	struct policy_answer answer;

	snprintf(f.subject, sizeof f.subject, "the spec of %s", sp->project);
	if (sp->loosen_count)
		str_copy(f.loosens_first, sizeof f.loosens_first, sp->loosens[0]);
	policy_decide(&f, &answer);
	return answer.result == POLICY_ALLOW;
}

/* What loosens waits for the people whom the policy that it loosens asks for. */
static int propose(struct applying *x, int changes, struct act_result *out, struct err *e)
{
	struct spec_plan *sp = &x->plan;
	struct proposal_row p = {
		.kind = "apply", .needed = sp->approvals, .dirty = x->req->dirty, .base = sp->base};
	int more = sp->loosen_count - 1 + sp->loosen_more;

	str_copy(p.project, sizeof p.project, sp->project);
	str_copy(p.digest, sizeof p.digest, sp->digest);
	str_copy(p.git_commit, sizeof p.git_commit, x->req->commit ? x->req->commit : "");
	snprintf(p.summary, sizeof p.summary, "apply %d value%s to %s: %.120s", changes,
		changes == 1 ? "" : "s", sp->project, sp->loosens[0]);
	if (more > 0)
		snprintf(p.summary + strlen(p.summary), sizeof p.summary - strlen(p.summary),
			", and %d more that loosen%s", more, more == 1 ? "s" : "");
	return proposal_open(x->w, x->a, &p, x->req->text, out, e);
}

static int commit_apply(struct applying *x, int changes, struct act_result *out, struct err *e)
{
	const struct apply_request *req = x->req;
	char by[NAME_SIZE + 40] = "";
	struct act act = *x->a;
	struct change c;
	int rc;

	if (x->approved && x->approved->undo_of)
		act.undo_of = x->approved->undo_of;
	change_init(&c, &act, "spec.apply", NULL, NULL);
	snprintf(c.subject, sizeof c.subject, "project:%s", x->spec->project);
	snprintf(c.before, sizeof c.before, "{\"spec_seq\":%" PRId64 "}", x->plan.base);
	if (x->approved)
		snprintf(by, sizeof by, ", proposal %" PRId64 " of %s", x->approved->id,
			x->approved->author);
	snprintf(c.after, sizeof c.after,
		"{\"commit\":\"%.64s\",\"digest\":\"%s\",\"dirty\":%d,\"text\":\"%d value%s of "
		"%s%s\"}",
		req->commit ? req->commit : "", x->plan.digest, req->dirty, changes,
		changes == 1 ? "" : "s", x->spec->project, by);
	c.ev.subject = c.subject;
	c.ev.project = x->spec->project;
	if (x->spec->endpoint_count == 1) /* one endpoint: the change touches just it */
		c.ev.environment = x->spec->endpoints[0].environment;
	c.ev.before = c.before;
	c.ev.after = c.after;
	rc = write_all(x, &c.ev, &out->seq, e);
	if (rc)
		return rc;
	out->revision = out->seq;
	rc = world_load(x->w, e);
	if (!rc && !x->w->hold)
		(void)gateway_sync(x->w, 0, e); /* the reconciler tries again, the header says so */
	return rc;
}

static int run_apply(struct applying *x, struct act_result *out, struct err *e)
{
	int changes, moved, rc = act_plan(x->w, x->req, &x->plan, e);

	if (!rc)
		x->spec =
			spec_parse(x->req->text, x->req->size, "pithead.yaml", &x->plan.faults, e);
	if (rc || !x->spec)
		return rc ? rc : ERR_INVALID;
	out->revision = x->plan.base;
	rc = check_apply(x, out, e);
	changes = count_changes(&x->plan);
	fill_plan(&x->plan, changes, &out->plan);
	if (rc)
		return rc;
	moved = changes == 0 && commit_moved(x->w, x->spec->project, x->req, &out->plan);
	if (changes == 0 && x->plan.base && !moved) {
		str_copy(out->plan.title, sizeof out->plan.title,
			"nothing to apply: all is as written");
		return 0;
	}
	if (!is_allowed(x))
		return propose(x, changes, out, e);
	return x->a->dry_run ? 0 : commit_apply(x, changes, out, e);
}

static void applying_release(struct applying *x)
{
	spec_free(x->spec);
	spec_plan_release(&x->plan);
}

int act_apply(struct world *w, const struct act *a, const struct apply_request *req,
	struct act_result *out, struct err *e)
{
	struct applying x = {.w = w, .a = a, .req = req};
	int rc;

	*out = (struct act_result){0};
	rc = run_apply(&x, out, e);
	applying_release(&x);
	return rc;
}

int apply_proposal(struct world *w, const struct act *a, const struct proposal_row *p,
	const char *text, struct proposal_rows *rows, struct act_result *out, struct err *e)
{
	struct apply_request req = {.text = text,
		.size = strlen(text),
		.commit = p->git_commit,
		.dirty = p->dirty,
		.base = p->base};
	struct applying x = {.w = w, .a = a, .req = &req, .approved = p, .rows = rows};
	int rc;

	*out = (struct act_result){0};
	rc = run_apply(&x, out, e);
	if (!rc && !a->dry_run && out->seq == 0) /* nothing was left to change */
		rc = err_set(
			e, ERR_CONFLICT, "proposal %" PRId64 " changes nothing any more", p->id);
	applying_release(&x);
	return rc;
}
