/* routes_trial.c: what a rollout was judged by: its frozen verdict cards, the band of a signal over
 * time, and the journal that a replay folds again. */
#include <inttypes.h>
#include <stdlib.h>

#include "backend/acts/judging.h"
#include "backend/acts/mirror.h"
#include "backend/api/codec.h"
#include "backend/api/routes.h"
#include "backend/store/trial_store.h"

#define ENTRIES_MOST 256

static int find(const struct request *rq, struct rollout_row *row, struct err *e)
{
	return store_find_rollout(rq->world->store, rq->number, row, e) == 1 ? 0 : e->code;
}

static int add_card(void *arg, int64_t number, int64_t at_us, const char *kind, const char *json)
{
	(void)at_us;
	(void)kind;
	codec_append(arg, codec_card(number, json));
	return 0;
}

int handle_cards(struct request *rq, struct err *e)
{
	struct cJSON *o, *list;
	struct rollout_row row;
	int rc = find(rq, &row, e);

	if (rc)
		return rc;
	o = codec_object();
	list = codec_array();
	rc = store_list_cards(rq->world->store, row.id, add_card, list, e);
	codec_put(o, "cards", list);
	codec_reply(rq, 200, o);
	return rc;
}

struct band_query {
	struct cJSON *list;
	const char *signal, *segment;
};

static int add_point(void *arg, int64_t at_us, const char *json)
{
	const struct band_query *q = arg;
	struct cJSON *point = codec_band_point(json, q->signal, q->segment);

	(void)at_us;
	if (point)
		codec_append(q->list, point);
	return 0;
}

int handle_band(struct request *rq, struct err *e)
{
	struct band_query q = {
		.signal = request_query(rq, "signal"), .segment = request_query(rq, "segment")};
	struct rollout_row row;
	int rc = find(rq, &row, e);

	if (rc)
		return rc;
	q.list = codec_array();
	q.signal = q.signal ? q.signal : "";
	q.segment = q.segment ? q.segment : "";
	rc = trial_store_list_points(rq->world->store, row.id, add_point, &q, e);
	codec_reply(rq, 200, codec_band(q.signal, q.segment, q.list));
	return rc;
}

struct journal_query {
	struct cJSON *list;
	int64_t last;
	int count;
};

static int add_entry(void *arg, int64_t seq, const void *data, size_t n)
{
	struct journal_query *q = arg;

	codec_append(q->list, codec_bytes(data, n));
	q->last = seq;
	q->count++;
	return 0;
}

int handle_journal(struct request *rq, struct err *e)
{
	const char *after = request_query(rq, "after");
	struct journal_query q = {0};
	struct buf setup = {0};
	struct rollout_row row;
	struct cJSON *o;
	int rc = find(rq, &row, e);

	if (!rc)
		rc = trial_store_find_setup(rq->world->store, row.id, &setup, e);
	if (rc <= 0) {
		buf_release(&setup);
		return rc ? rc
			  : err_set(e, ERR_NOT_FOUND,
				    mirror_shadows(row.pattern)
					    ? "rollout #%" PRId64
					      " has no steps to judge again: a shadow's pairs are "
					      "not journalled; `rollout card` has its verdict"
					    : "rollout #%" PRId64
					      " was not judged, or its journal is no longer kept",
				    rq->number);
	}
	o = codec_object();
	q.list = codec_array();
	rc = trial_store_list(rq->world->store, row.id, after ? strtoll(after, NULL, 10) : 0,
		ENTRIES_MOST, add_entry, &q, e);
	answer_put_json(o, "setup", buf_text(&setup));
	codec_put(o, "entries", q.list);
	answer_put_int(o, "next", q.count == ENTRIES_MOST ? q.last : 0);
	buf_release(&setup);
	codec_reply(rq, 200, o);
	return rc;
}
