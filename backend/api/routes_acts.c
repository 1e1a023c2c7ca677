/* routes_acts.c: the routes that move traffic, and those of the engine itself. Each reads its
 * fields, calls the act, and leaves the answer to answer.c. */
#include <string.h>

#include "backend/api/codec.h"
#include "backend/api/routes.h"

int handle_rollback(struct request *rq, struct err *e)
{
	struct live_endpoint *ep = request_endpoint(rq, e);
	struct act a = request_act(rq);

	if (!ep)
		return e->code;
	ANSWER_ACT(
		rq, e, act_rollback(rq->world, &a, ep, body_str(rq->body, "to"), &rq->result, e));
}

int handle_serve(struct request *rq, struct err *e)
{
	/* The same act; only who may ask for it differs (see routes.c and routes_need.c). */
	return handle_rollback(rq, e);
}

int handle_start(struct request *rq, struct err *e)
{
	struct live_endpoint *ep = request_endpoint(rq, e);
	struct act a = request_act(rq);
	struct rollout_request wish = {
		.to = body_str(rq->body, "to"),
		.pattern = body_str(rq->body, "pattern"),
		.steps = body_str(rq->body, "steps"),
		.share_bp = (int)body_int(rq->body, "share_bp", -1),
	};

	if (!ep)
		return e->code;
	ANSWER_ACT(rq, e, act_rollout_start(rq->world, &a, ep, &wish, &rq->result, e));
}

int handle_override(struct request *rq, struct err *e)
{
	struct live_endpoint *ep = request_endpoint(rq, e);
	struct act a = request_act(rq);
	int share = (int)body_int(rq->body, "share_bp", -1);

	if (!ep)
		return e->code;
	if (share != -1 && share != 0 && share != SHARE_ALL) {
		err_set(e, ERR_INVALID,
			"share_bp must be 0 (stable), 10000 (candidate) or null (remove)");
		return err_field(e, "share_bp");
	}
	ANSWER_ACT(rq, e,
		act_override(
			rq->world, &a, ep, body_str(rq->body, "segment"), share, &rq->result, e));
}

int handle_server(struct request *rq, struct err *e)
{
	int drain = strcmp(strrchr(rq->route->pattern, '/'), "/drain") == 0;
	struct live_endpoint *ep = request_endpoint(rq, e);
	struct act a = request_act(rq);

	if (!ep)
		return e->code;
	ANSWER_ACT(rq, e,
		act_server(rq->world, &a, ep, body_str(rq->body, "server"),
			body_str(rq->body, "version"), drain, &rq->result, e));
}

int handle_rollout_verb(struct request *rq, struct err *e)
{
	const char *verb = strrchr(rq->route->pattern, '/') + 1;
	struct act a = request_act(rq);
	int share = (int)body_int(rq->body, "share_bp", -1);

	ANSWER_ACT(rq, e, act_rollout_verb(rq->world, &a, rq->number, verb, share, &rq->result, e));
}

int handle_ack(struct request *rq, struct err *e)
{
	struct act a = request_act(rq);

	ANSWER_ACT(rq, e, act_alert_ack(rq->world, &a, rq->number, &rq->result, e));
}

int handle_stop(struct request *rq, struct err *e)
{
	struct act a = request_act(rq);

	ANSWER_ACT(rq, e,
		act_engine_stop(rq->world, &a, body_bool(rq->body, "all", 0), &rq->result, e));
}

int handle_hold(struct request *rq, struct err *e)
{
	const char *choose = body_str(rq->body, "choose");
	struct act a = request_act(rq);

	if (strcmp(choose, "stored") != 0 && strcmp(choose, "observed") != 0) {
		err_set(e, ERR_INVALID, "choose must be \"stored\" or \"observed\"");
		return err_field(e, "choose");
	}
	ANSWER_ACT(rq, e, act_hold(rq->world, &a, choose, &rq->result, e));
}
