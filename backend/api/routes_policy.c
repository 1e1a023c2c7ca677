/* routes_policy.c: the line and its stop, proposals, and what the policy says. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/policy_explain.h"
#include "backend/api/auth.h"
#include "backend/api/codec.h"
#include "backend/api/routes.h"
#include "backend/policy/roles.h"

/* -- the line -- */

/* The endpoint that the body names, NULL for all. */
static int scope_of(struct request *rq, struct live_endpoint **ep, struct err *e)
{
	*ep = rq->endpoint[0] ? request_endpoint(rq, e) : NULL;
	if (*ep && body_bool(rq->body, "all", 0)) {
		err_set(e, ERR_INVALID, "name one endpoint or say all, not both");
		return err_field(e, "all");
	}
	return rq->endpoint[0] && !*ep ? e->code : 0;
}

int handle_freeze(struct request *rq, struct err *e)
{
	struct act a = request_act(rq);
	struct live_endpoint *ep;

	if (scope_of(rq, &ep, e))
		return e->code;
	ANSWER_ACT(rq, e, act_freeze(rq->world, &a, ep, &rq->result, e));
}

int handle_unfreeze(struct request *rq, struct err *e)
{
	struct act a = request_act(rq);
	struct live_endpoint *ep;

	if (scope_of(rq, &ep, e))
		return e->code;
	ANSWER_ACT(rq, e, act_unfreeze(rq->world, &a, ep, &rq->result, e));
}

/* What holds everybody is lifted by those who may move something everywhere. */
unsigned need_unfreeze(struct request *rq)
{
	unsigned any = PERM_RELEASE | PERM_APPROVE;

	for (int i = 0; !rq->endpoint[0] && i < rq->world->project_count; i++) {
		struct caller c = rq->peer;

		auth_grant(rq->world, rq->world->projects[i]->spec.project, &c);
		if (!(c.permissions & any))
			return PERM_ADMIN;
	}
	return any;
}

int handle_override_freeze(struct request *rq, struct err *e)
{
	struct live_endpoint *ep = request_endpoint(rq, e);
	struct act a = request_act(rq);

	if (!ep)
		return e->code;
	ANSWER_ACT(rq, e,
		act_override_freeze(
			rq->world, &a, ep, body_int(rq->body, "for_ms", 0), &rq->result, e));
}

struct listing {
	struct request *rq;
	struct cJSON *items;
};

static int on_hold(void *arg, const struct hold_row *r)
{
	struct listing *l = arg;
	struct live_endpoint *ep =
		r->scope[0] ? world_find_endpoint(l->rq->world, r->scope, NULL) : NULL;

	/* One that has run out is history, which the audit log has. */
	if ((r->until_us && r->until_us <= clock_wall_us(&l->rq->world->clock)) ||
		(ep && !request_may_read(l->rq, ep->row.project)))
		return 0;
	codec_append(l->items, codec_hold(r));
	return 0;
}

int handle_holds(struct request *rq, struct err *e)
{
	struct listing l = {rq, codec_array()};
	int rc = store_list_holds(rq->world->store, on_hold, &l, e);

	codec_reply(rq, 200, codec_page(l.items, 0));
	return rc;
}

/* -- proposals -- */

static int on_proposal(void *arg, const struct proposal_row *r)
{
	struct listing *l = arg;

	if (request_may_read(l->rq, r->project))
		codec_append(l->items, codec_proposal(l->rq->world, r));
	return 0;
}

int handle_proposals(struct request *rq, struct err *e)
{
	const char *open = request_query(rq, "open");
	struct listing l = {rq, NULL};
	int64_t limit;
	int rc;

	if (request_query_int(rq, "limit", 1, 1000, 100, &limit, e) != 0)
		return e->code;
	l.items = codec_array();
	rc = store_list_proposals(rq->world->store,
		open && (strcmp(open, "1") == 0 || strcmp(open, "true") == 0), (int)limit,
		on_proposal, &l, e);
	codec_reply(rq, 200, codec_page(l.items, 0));
	return rc;
}

static int on_vote(void *arg, const struct proposal_vote *r)
{
	codec_append(arg, codec_vote(r));
	return 0;
}

int handle_proposal(struct request *rq, struct err *e)
{
	struct cJSON *o, *votes;
	struct proposal_row row;
	struct buf text = {0};

	if (store_find_proposal(rq->world->store, rq->number, &row, &text, e) != 1)
		return e->code;
	votes = codec_array();
	store_list_votes(rq->world->store, row.id, on_vote, votes, NULL);
	o = codec_proposal(rq->world, &row);
	codec_put(o, "approvals", votes);
	answer_put_str(o, "spec", buf_text(&text));
	codec_reply(rq, 200, o);
	buf_release(&text);
	return 0;
}

int handle_proposal_approve(struct request *rq, struct err *e)
{
	struct act a = request_act(rq);

	ANSWER_ACT(rq, e, act_proposal_approve(rq->world, &a, rq->number, &rq->result, e));
}

int handle_proposal_reject(struct request *rq, struct err *e)
{
	struct act a = request_act(rq);

	ANSWER_ACT(rq, e, act_proposal_reject(rq->world, &a, rq->number, &rq->result, e));
}

/* A spec is approved by approvers; lifting a stop or a freeze by anybody who could ask for it. */
unsigned need_proposal(struct request *rq)
{
	struct proposal_row row;

	if (store_find_proposal(rq->world->store, rq->number, &row, NULL, NULL) != 1 ||
		strcmp(row.kind, "apply") == 0)
		return PERM_APPROVE;
	return row.endpoint[0] ? PERM_RELEASE | PERM_APPROVE : need_unfreeze(rq);
}

/* -- what the policy says -- */

static int explain(struct request *rq, struct live_endpoint *ep, struct err *e)
{
	struct act a = request_act(rq);
	struct explanation x;

	if (policy_explain(rq->world, ep, &a, request_query(rq, "action"), NULL, &x, e) != 0)
		return e->code;
	codec_reply(rq, 200, codec_explanation(ep, ep->row.tier, &x));
	return 0;
}

int handle_policy(struct request *rq, struct err *e)
{
	struct live_endpoint *ep = request_endpoint(rq, e);

	return ep ? explain(rq, ep, e) : e->code;
}

int handle_rollout_policy(struct request *rq, struct err *e)
{
	struct rollout_row r;
	struct live_endpoint *ep;

	if (store_find_rollout(rq->world->store, rq->number, &r, e) != 1)
		return e->code;
	ep = world_find_endpoint(rq->world, r.endpoint, e);
	if (!ep)
		return e->code;
	if (ep->row.rollout == r.id)
		return explain(rq, ep, e);
	err_set(e, ERR_CONFLICT, "rollout #%" PRId64 " is %s: nothing is decided about it any more",
		r.id, r.state);
	return err_hint(e, "ask about its endpoint: pithead policy explain %s", ep->row.name);
}

/* Every action of one endpoint, now and under the other spec. */
static int compare(struct request *rq, const struct spec *spec, struct live_endpoint *ep,
	struct cJSON *rows, struct err *e)
{
	struct policy_view view = policy_view_of(spec, ep);
	struct act a = request_act(rq);

	if (!view.config)
		return 0; /* it would be gone: the plan of the spec says so */
	for (int i = 0; policy_compared(i) >= 0; i++) {
		const char *name = policy_action_name((enum policy_action)policy_compared(i));
		struct explanation now, then;

		if (policy_explain(rq->world, ep, &a, name, NULL, &now, e) ||
			policy_explain(rq->world, ep, &a, name, &view, &then, e))
			return e->code;
		codec_append(rows, codec_what_if(ep, view.config->tier, &now, &then));
	}
	return 0;
}

/* The spec of the body, which what-if may read; NULL with a sentence. The caller frees it. */
static struct spec *read_spec(struct request *rq, struct err *e)
{
	const char *text = body_str(rq->body, "spec");
	struct spec_faults faults = {0};
	struct spec *spec = spec_parse(text, strlen(text), "pithead.yaml", &faults, e);

	spec_faults_release(&faults);
	if (!spec)
		return NULL;
	if (!world_find_project(rq->world, spec->project))
		err_set(e, ERR_NOT_FOUND, "there is no project %s yet: nothing is decided in it",
			spec->project);
	else if (!request_may_read(rq, spec->project))
		err_set(e, ERR_DENIED, "%s may not read the project %s", rq->caller.user,
			spec->project);
	else if (windows_check(spec, e) == 0)
		return spec;
	spec_free(spec);
	return NULL;
}

static int is_about(const struct live_endpoint *ep, const struct spec *spec, const char *only)
{
	return !ep->row.removed && strcmp(ep->row.project, spec->project) == 0 &&
	       (!only || strcmp(ep->row.name, only) == 0 || strcmp(ep->row.id, only) == 0);
}

int handle_what_if(struct request *rq, struct err *e)
{
	const char *only = body_str(rq->body, "endpoint");
	struct spec *spec = read_spec(rq, e);
	const struct world *w = rq->world;
	struct cJSON *rows;
	int code = 0, count = 0;

	if (!spec)
		return e->code;
	for (int i = 0; i < w->endpoint_count; i++)
		count += is_about(w->endpoints[i], spec, only);
	if (only && count == 0) {
		err_set(e, ERR_NOT_FOUND, "project %s has no endpoint %.80s now", spec->project,
			only);
		spec_free(spec);
		return e->code;
	}
	rows = codec_array();
	for (int i = 0; code == 0 && i < w->endpoint_count; i++)
		if (is_about(w->endpoints[i], spec, only))
			code = compare(rq, spec, w->endpoints[i], rows, e);
	codec_reply(rq, 200, codec_page(rows, 0));
	spec_free(spec);
	return code;
}
