/* routes_upgrade.c: the engine gets another program: the body is the program itself, as no path
 * that a client names is opened. The answer comes when it has been tried and the backup is made. */
#include <unistd.h>

#include "backend/acts/upgrade.h"
#include "backend/api/codec.h"
#include "backend/api/routes.h"
#include "backend/base/xalloc.h"

#define LOOK_US 20000 /* between two looks at the preparation */

static struct act upgrade_act(struct request *rq)
{
	struct act a = request_act(rq);

	a.in_commit = NULL; /* a repetition finds the new program, and that it runs already */
	a.reason = request_query(rq, "reason");
	return a;
}

static void answer(struct request *rq, int status)
{
	const struct upgrade_note *n = &rq->world->upgrade.next;
	struct cJSON *o = codec_act(rq->world, &rq->result, status == 200, rq->result.plan.title);
	struct cJSON *upgrade = codec_object();

	answer_put_str(upgrade, "from_version", n->from_version);
	answer_put_str(upgrade, "from_build", n->from_build);
	answer_put_str(upgrade, "to_version", n->to_version);
	answer_put_str(upgrade, "to_build", n->to_build);
	answer_put_str(upgrade, "backup", n->backup[0] ? n->backup : NULL);
	answer_put_int(upgrade, "bound_ms", n->bound_ms);
	codec_put(o, "upgrade", upgrade);
	codec_reply(rq, status, o);
}

static int poll_upgrade(struct request *rq, int expired, struct err *e)
{
	struct act a = upgrade_act(rq);
	int rc = upgrade_poll(rq->world, &a, &rq->result, e);

	(void)expired;
	if (rc > 0) {
		rq->deadline_us = clock_mono_us(&rq->world->clock) + LOOK_US;
		return REQUEST_WAIT;
	}
	if (rc < 0)
		return rc;
	if (rq->dry_run)
		return request_answer_act(rq, e);
	answer(rq, 202);
	return 0;
}

int handle_upgrade(struct request *rq, struct err *e)
{
	struct act a = upgrade_act(rq);
	int rc;

	close(rq->upload_fd);
	rq->upload_fd = -1;
	rc = upgrade_begin(rq->world, &a, rq->upload, &rq->result, e);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		str_copy(rq->world->upgrade.next.to_version,
			sizeof rq->world->upgrade.next.to_version, version_program());
		if (rq->dry_run)
			return request_answer_act(rq, e);
		answer(rq, 200);
		return 0;
	}
	rq->poll = poll_upgrade;
	rq->deadline_us = clock_mono_us(&rq->world->clock) + LOOK_US;
	return REQUEST_WAIT;
}
