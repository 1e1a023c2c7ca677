/* routes_need.c: which permission an act needs when that depends on what it would do: what lowers
 * the candidate's traffic or returns to an earlier stable version needs less than what raises it.
 */
#include <string.h>

#include "backend/acts/state.h"
#include "backend/api/codec.h"
#include "backend/api/routes.h"
#include "backend/policy/roles.h"

unsigned need_override(struct request *rq)
{
	/* Ending an override may raise the candidate's share as well as lower it. */
	if (!body_is_null(rq->body, "share_bp") && body_int(rq->body, "share_bp", SHARE_ALL) == 0)
		return PERM_LOWER;
	return PERM_RELEASE;
}

struct earlier {
	const char *version;
	int found;
};

static int on_earlier(void *arg, const struct rollout_row *r)
{
	struct earlier *x = arg;

	x->found |= strcmp(r->from_version, x->version) == 0;
	x->found |= strcmp(r->to_version, x->version) == 0 && strcmp(r->state, "promoted") == 0;
	return x->found;
}

unsigned need_rollback(struct request *rq)
{
	struct earlier x = {body_str(rq->body, "to"), 0};
	struct live_endpoint *ep = request_endpoint(rq, NULL);

	if (!ep || !x.version || strcmp(x.version, ep->row.stable) == 0 ||
		strcmp(x.version, ep->row.previous) == 0)
		return PERM_LOWER;
	/* A version that never was stable here would be a release without its steps. */
	store_list_rollouts(rq->world->store, ep->row.id, 0, 0, 1000, on_earlier, &x, NULL);
	return x.found ? PERM_LOWER : PERM_RELEASE;
}

/* What the inverse of a verb does. act_undo judges further; this is the least that is needed. */
static const struct {
	const char *verb;
	unsigned permission;
} inverses[] = {
	{"rollout.start", PERM_LOWER},
	{"rollout.resume", PERM_LOWER},
	{"rollout.promote", PERM_LOWER},
	{"server.ready", PERM_LOWER},
	{"spec.apply", PERM_APPLY | PERM_ADMIN},
};

static int on_undone(void *arg, const struct event *ev)
{
	unsigned *need = arg;
	struct event_state was, is;

	*need = PERM_RELEASE;
	if (ev->verb && strcmp(ev->verb, "rollout.advance") == 0) {
		/* An exact share may also have been a smaller one: its undo raises. */
		event_state_parse(ev->before, &was);
		event_state_parse(ev->after, &is);
		*need = was.share_bp <= is.share_bp ? PERM_LOWER : PERM_RELEASE;
	}
	for (size_t i = 0; ev->verb && i < sizeof inverses / sizeof inverses[0]; i++)
		if (strcmp(inverses[i].verb, ev->verb) == 0)
			*need = inverses[i].permission;
	return 0;
}

unsigned need_undo(struct request *rq)
{
	unsigned need = PERM_ADMIN;

	store_find_event(rq->world->store, rq->number, on_undone, &need, NULL);
	return need;
}
