/* answer.c: how acts are answered: when the gateway has confirmed, or as "on the way" after a
 * while; and once only for each Idempotency-Key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/api/codec.h"
#include "backend/api/request.h"
#include "backend/api/router.h"
#include "backend/base/digest.h"
#include "backend/base/xalloc.h"

/* Method, path, what the query means, the revision and the body: the same key may only come with
 * the same wish. */
static void take_fingerprint(struct request *rq)
{
	char digest[DIGEST_HEX];

	digest_hex(buf_text(&rq->body_text), rq->body_text.len, digest);
	snprintf(rq->fingerprint, sizeof rq->fingerprint, "%s %.300s %s %s", rq->method, rq->path,
		digest, rq->if_match);
}

/* The key's row, inside the act's own transaction: it is there exactly when the act is. What is
 * kept is the act's result, not the answer: a repetition is told how things stand then. */
static int save_answer(void *arg, int64_t seq, struct err *e)
{
	struct request *rq = arg;
	struct act_result result = rq->result;
	char *text;
	int rc;

	result.seq = result.revision = seq;
	text = codec_result_format(&result);
	rc = store_save_answer(
		rq->world->store, rq->peer.uid, rq->idempotency, rq->fingerprint, 200, text, e);
	free(text);
	return rc;
}

struct act request_act(struct request *rq)
{
	if (rq->idempotency[0] && !rq->dry_run)
		take_fingerprint(rq);
	return (struct act){
		.in_commit = rq->fingerprint[0] ? save_answer : NULL,
		.in_commit_arg = rq,
		.caller = &rq->caller,
		.reason = body_str(rq->body, "reason"),
		.request_id = rq->id,
		.revision = rq->revision,
		.dry_run = rq->dry_run,
	};
}

static int poll_proof(struct request *rq, int expired, struct err *e)
{
	char summary[400] = "";
	int proven = act_proven(rq->world, &rq->result, summary, sizeof summary);

	(void)e;
	if (!proven && !expired)
		return REQUEST_WAIT;
	codec_reply(rq, proven ? 200 : 202, codec_act(rq->world, &rq->result, proven, summary));
	return 0;
}

int request_answer_act(struct request *rq, struct err *e)
{
	if (rq->dry_run) {
		struct cJSON *o = codec_object();

		codec_put(o, "plan", codec_plan(&rq->result));
		answer_put_int(o, "revision", rq->result.revision);
		codec_reply(rq, 200, o);
		return 0;
	}
	rq->acted = 1;
	rq->api->changed = 1;
	rq->poll = poll_proof;
	rq->deadline_us = clock_mono_us(&rq->world->clock) + rq->world->settings.answer_ms * 1000;
	return poll_proof(rq, 0, e);
}

static int check_fingerprint(const struct request *rq, const char *earlier, struct err *e)
{
	if (strcmp(rq->fingerprint, earlier) == 0)
		return 1;
	err_set(e, ERR_CONFLICT, "this Idempotency-Key was used for another request: %.*s",
		(int)strcspn(earlier, "?") > 80 ? 80 : (int)strcspn(earlier, "?"), earlier);
	err_hint(e, "make a new key for every new act");
	return err_field(e, "Idempotency-Key");
}

/* A request that is still being answered has not stored its answer yet. */
static const struct request *find_live(const struct request *rq)
{
	for (const struct request *o = rq->api->live; o; o = o->next)
		if (o != rq && o->acted && o->peer.uid == rq->peer.uid &&
			strcmp(o->idempotency, rq->idempotency) == 0)
			return o;
	return NULL;
}

int request_find_answer(struct request *rq, struct err *e)
{
	const struct request *live;
	struct buf route = {0}, body = {0};
	int status = 0, found;

	if (!rq->idempotency[0] || rq->dry_run)
		return 0;
	take_fingerprint(rq);
	live = find_live(rq);
	if (live) {
		rq->result = live->result;
		rq->replayed = 1;
		return check_fingerprint(rq, live->fingerprint, e);
	}
	found = store_find_answer(
		rq->world->store, rq->peer.uid, rq->idempotency, &route, &status, &body, e);
	if (found == 1) {
		rq->replayed = 1;
		found = check_fingerprint(rq, buf_text(&route), e);
		if (found == 1 && codec_result_parse(buf_text(&body), &rq->result) != 0)
			found = err_set(e, ERR_STORE,
				"the stored answer of this Idempotency-Key is unreadable");
	}
	buf_release(&route);
	buf_release(&body);
	return found;
}
