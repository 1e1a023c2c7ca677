/* routes_spec.c: plan and apply of a spec's text, and the outcomes that services post. */
#include <stdlib.h>
#include <string.h>

#include "backend/api/codec.h"
#include "backend/api/routes.h"

static struct apply_request read_wish(const struct request *rq)
{
	const char *text = body_str(rq->body, "spec"), *commit = body_str(rq->body, "commit");

	return (struct apply_request){
		.text = text,
		.size = strlen(text),
		.commit = commit ? commit : "",
		.dirty = body_bool(rq->body, "dirty", 0),
		.base = body_int(rq->body, "base", -1),
	};
}

/* A commit is shown to people and kept: hex digits, or a describe-like name. */
static int check_commit(const struct apply_request *wish, struct err *e)
{
	if (strlen(wish->commit) < 64 &&
		strspn(wish->commit, "0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-/+") == strlen(wish->commit))
		return 0;
	err_set(e, ERR_INVALID, "commit must be the name of a git commit, at most 63 characters");
	return err_field(e, "commit");
}

int handle_plan(struct request *rq, struct err *e)
{
	struct apply_request wish = read_wish(rq);
	struct spec_plan plan = {0};
	int code;

	if (check_commit(&wish, e) != 0)
		return e->code;
	code = act_plan(rq->world, &wish, &plan, e);
	if (code == 0 && plan.project[0] && world_find_project(rq->world, plan.project) &&
		!request_may_read(rq, plan.project))
		code = err_set(e, ERR_DENIED, "%s may not read the project %s", rq->caller.user,
			plan.project);
	/* A faulty spec is an answer and no error: all its faults, each with line and column. */
	if (code == 0 || plan.faults.count > 0) {
		codec_reply(rq, 200, codec_spec_plan(&plan));
		code = 0;
	}
	spec_plan_release(&plan);
	return code;
}

int handle_apply(struct request *rq, struct err *e)
{
	struct apply_request wish = read_wish(rq);
	struct act a = request_act(rq);
	int repeated;

	if (check_commit(&wish, e) != 0)
		return e->code;
	repeated = request_find_answer(rq, e);
	if (repeated < 0)
		return repeated;
	if (!repeated && act_apply(rq->world, &a, &wish, &rq->result, e) != 0)
		return e->code;
	return request_answer_act(rq, e);
}

int handle_outcomes(struct request *rq, struct err *e)
{
	struct outcome_counts counts = {0};
	struct outcome_in *list = NULL;
	int count = body_outcomes(rq->body, &list, e);
	struct cJSON *o;

	if (count < 0)
		return count;
	if (!rq->dry_run && act_outcomes(rq->world, list, count, &counts, e) != 0) {
		free(list);
		return e->code;
	}
	free(list);
	o = codec_object();
	answer_put_int(o, "stored", counts.stored);
	answer_put_int(o, "duplicate", counts.duplicate);
	answer_put_int(o, "unknown", counts.unknown);
	codec_reply(rq, 200, o);
	return 0;
}

int handle_predictions(struct request *rq, struct err *e)
{
	struct prediction_counts counts = {0};
	struct prediction_in *list = NULL;
	int count = body_predictions(rq->body, &list, e), rc = 0;
	struct cJSON *o;

	if (count < 0)
		return count;
	if (!rq->dry_run)
		rc = act_predictions(rq->world, list, count, &counts, e);
	free(list);
	if (rc != 0)
		return e->code;
	o = codec_object();
	answer_put_int(o, "stored", counts.stored);
	answer_put_int(o, "duplicate", counts.duplicate);
	answer_put_int(o, "unknown", counts.unknown);
	answer_put_int(o, "late", counts.late);
	codec_reply(rq, 200, o);
	return 0;
}
