/* trial_store.c: see trial_store.h. */
#include "backend/store/trial_store.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

enum { CARD_ADD, CARD_LIST, CARD_COUNT };

static const char *const cards_sql[CARD_COUNT] = {
	[CARD_ADD] = "INSERT INTO cards (rollout, number, at_us, kind, json) SELECT :rollout,"
		     " COALESCE(MAX(number), 0) + 1, :at_us, :kind, :json FROM cards"
		     " WHERE rollout = :rollout",
	[CARD_LIST] = "SELECT number, at_us, kind, json FROM cards WHERE rollout = :rollout"
		      " ORDER BY number",
};

const struct db_table cards_table = {"cards", NULL, cards_sql, CARD_COUNT};

enum {
	TRIAL_BEGIN,
	TRIAL_SETUP,
	TRIAL_MATURED,
	TRIAL_KEEP,
	TRIAL_STATE,
	TRIAL_DROP,
	JOURNAL_ADD,
	JOURNAL_LIST,
	JOURNAL_DROP,
	POINT_ADD,
	POINT_LIST,
	POINT_DROP,
	MATURE_LIST,
	LATENCY_LIST,
	SEGMENT_LIST,
	KEY_COUNT,
	TRIAL_SQL_COUNT
};

#define OLD_TRIALS "(SELECT rollout FROM trials WHERE at_us < :oldest)"

static const char *const trials_sql[TRIAL_SQL_COUNT] = {
	[TRIAL_BEGIN] = "INSERT INTO trials (rollout, setup, state, state_seq, matured_us, at_us)"
			" VALUES (:rollout, :setup, '', 0, 0, :at_us)",
	[TRIAL_SETUP] = "SELECT setup FROM trials WHERE rollout = :rollout",
	[TRIAL_MATURED] = "UPDATE trials SET matured_us = :matured_us WHERE rollout = :rollout",
	[TRIAL_KEEP] =
		"UPDATE trials SET state = :state, state_seq = :seq WHERE rollout = :rollout",
	[TRIAL_STATE] = "SELECT state, state_seq, matured_us FROM trials WHERE rollout = :rollout",
	[TRIAL_DROP] = "DELETE FROM trials WHERE at_us < :oldest",
	[JOURNAL_ADD] = "INSERT INTO trial_journals (rollout, seq, data)"
			" VALUES (:rollout, :seq, :data)",
	[JOURNAL_LIST] = "SELECT seq, data FROM trial_journals WHERE rollout = :rollout"
			 " AND seq > :after ORDER BY seq LIMIT :count",
	[JOURNAL_DROP] = "DELETE FROM trial_journals WHERE rollout IN " OLD_TRIALS,
	[POINT_ADD] = "INSERT INTO trial_points (rollout, at_us, json)"
		      " VALUES (:rollout, :at_us, :json) ON CONFLICT (rollout, at_us) DO NOTHING",
	[POINT_LIST] = "SELECT at_us, json FROM trial_points WHERE rollout = :rollout"
		       " ORDER BY at_us",
	[POINT_DROP] = "DELETE FROM trial_points WHERE rollout IN " OLD_TRIALS,
	[MATURE_LIST] =
		"SELECT r.arm, r.counted_w, r.score, o.value, r.segment, o.name FROM records r"
		" JOIN outcomes o ON o.id = r.id WHERE r.rollout = :rollout AND r.counted_w > 0"
		" AND r.routed_us >= :since AND r.routed_us < :until"
		" ORDER BY r.routed_us, r.id, o.name",
	[LATENCY_LIST] =
		"SELECT answer_ms FROM records WHERE routed_us >= :since AND endpoint = :endpoint"
		" AND version = :version AND answer_ms >= 0 ORDER BY routed_us DESC LIMIT :count",
	[SEGMENT_LIST] = "SELECT segment, COUNT(*) FROM records WHERE routed_us >= :since"
			 " AND endpoint = :endpoint AND segment <> '' GROUP BY segment"
			 " ORDER BY COUNT(*) DESC, segment LIMIT :count",
	[KEY_COUNT] = "SELECT COUNT(*), COUNT(DISTINCT key) FROM (SELECT key FROM records"
		      " WHERE routed_us >= :since AND endpoint = :endpoint AND keyed = 1"
		      " ORDER BY routed_us DESC LIMIT :count) AS newest",
};

const struct db_table trials_table = {"trials", NULL, trials_sql, TRIAL_SQL_COUNT};

/* A write of the batch that is open, or opened by it. */
static int batch_run(struct store *s, struct db_query *q, struct err *e)
{
	int rc = telemetry_begin_batch(s, e);

	return rc ? rc : db_run(q, e);
}

static char *encode(const void *data, size_t n)
{
	char *text = xcalloc(4 * ((n + 2) / 3) + 1, 1);

	base64_encode(data, n, text);
	return text;
}

static int decode(const char *text, size_t n, struct buf *out, struct err *e)
{
	char *raw = xcalloc(n + 4, 1);
	long got = base64_decode(text, n, raw);

	if (got >= 0)
		buf_add(out, raw, (size_t)got);
	free(raw);
	return got < 0 ? err_set(e, ERR_STORE, "what is kept of a trial is no base64") : 0;
}

int trial_store_begin(struct store *s, int64_t rollout, const char *setup, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, TRIAL_BEGIN);

	db_bind_int(q, "rollout", rollout);
	db_bind_text(q, "setup", setup);
	db_bind_int(q, "at_us", clock_wall_us(s->clock));
	return batch_run(s, q, e);
}

int trial_store_find_setup(struct store *s, int64_t rollout, struct buf *out, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, TRIAL_SETUP);
	int rc;

	db_bind_int(q, "rollout", rollout);
	rc = db_step(q, e);
	if (rc > 0)
		buf_adds(out, db_text(q, 0, NULL));
	db_reset(q);
	return rc;
}

int trial_store_append(struct store *s, int64_t rollout, int64_t seq, const void *data, size_t n,
	int64_t matured_us, struct err *e)
{
	struct db_query *add = store_query(s, TABLE_TRIALS, JOURNAL_ADD);
	struct db_query *note = store_query(s, TABLE_TRIALS, TRIAL_MATURED);
	char *text = encode(data, n);
	int rc;

	db_bind_int(add, "rollout", rollout);
	db_bind_int(add, "seq", seq);
	db_bind_text(add, "data", text);
	rc = batch_run(s, add, e);
	free(text);
	if (rc)
		return rc;
	db_bind_int(note, "rollout", rollout);
	db_bind_int(note, "matured_us", matured_us);
	return batch_run(s, note, e);
}

int trial_store_keep(
	struct store *s, int64_t rollout, int64_t seq, const void *state, size_t n, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, TRIAL_KEEP);
	char *text = encode(state, n);
	int rc;

	db_bind_int(q, "rollout", rollout);
	db_bind_int(q, "seq", seq);
	db_bind_text(q, "state", text);
	rc = batch_run(s, q, e);
	free(text);
	return rc;
}

int trial_store_find_state(struct store *s, int64_t rollout, struct buf *out, int64_t *seq,
	int64_t *matured_us, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, TRIAL_STATE);
	const char *text;
	size_t n;
	int rc;

	db_bind_int(q, "rollout", rollout);
	rc = db_step(q, e);
	if (rc <= 0)
		return rc;
	text = db_text(q, 0, &n);
	rc = decode(text, n, out, e);
	*seq = db_int(q, 1);
	*matured_us = db_int(q, 2);
	db_reset(q);
	return rc ? rc : 1;
}

int trial_store_list(struct store *s, int64_t rollout, int64_t after, int most, trial_on_entry fn,
	void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, JOURNAL_LIST);
	struct buf raw = {0};
	int rc, bad = 0;

	db_bind_int(q, "rollout", rollout);
	db_bind_int(q, "after", after);
	db_bind_int(q, "count", most);
	while (!bad && (rc = db_step(q, e)) > 0) {
		size_t n;
		const char *text = db_text(q, 1, &n);

		buf_reset(&raw);
		bad = decode(text, n, &raw, e);
		if (!bad)
			bad = fn(arg, db_int(q, 0), raw.data, raw.len);
	}
	db_reset(q);
	buf_release(&raw);
	return bad ? bad : rc;
}

int trial_store_add_point(
	struct store *s, int64_t rollout, int64_t at_us, const char *json, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, POINT_ADD);

	db_bind_int(q, "rollout", rollout);
	db_bind_int(q, "at_us", at_us);
	db_bind_text(q, "json", json);
	return batch_run(s, q, e);
}

int trial_store_list_points(
	struct store *s, int64_t rollout, trial_on_point fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, POINT_LIST);
	int rc;

	db_bind_int(q, "rollout", rollout);
	while ((rc = db_step(q, e)) > 0)
		if (fn(arg, db_int(q, 0), db_text(q, 1, NULL)))
			break;
	db_reset(q);
	return rc < 0 ? rc : 0;
}

int trial_store_drop(struct store *s, int64_t oldest_us, struct err *e)
{
	static const int drops[] = {JOURNAL_DROP, POINT_DROP, TRIAL_DROP};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof drops / sizeof drops[0]; i++) {
		struct db_query *q = store_query(s, TABLE_TRIALS, drops[i]);

		db_bind_int(q, "oldest", oldest_us);
		rc = batch_run(s, q, e);
	}
	return rc;
}

int trial_store_list_mature(struct store *s, int64_t rollout, int64_t from_us, int64_t to_us,
	trial_on_mature fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, MATURE_LIST);
	int rc;

	db_bind_int(q, "rollout", rollout);
	db_bind_int(q, "since", from_us);
	db_bind_int(q, "until", to_us);
	while ((rc = db_step(q, e)) > 0) {
		struct mature_row r = {.arm = (int)db_int(q, 0),
			.counted_w = db_double(q, 1),
			.score = db_double(q, 2),
			.value = db_double(q, 3)};

		str_copy(r.segment, sizeof r.segment, db_text(q, 4, NULL));
		str_copy(r.name, sizeof r.name, db_text(q, 5, NULL));
		if (fn(arg, &r))
			break;
	}
	db_reset(q);
	return rc < 0 ? rc : 0;
}

int trial_store_list_latencies(struct store *s, const char *endpoint, const char *version,
	int64_t since_us, int most, trial_on_latency fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, LATENCY_LIST);
	int rc;

	db_bind_text(q, "endpoint", endpoint);
	db_bind_text(q, "version", version);
	db_bind_int(q, "since", since_us);
	db_bind_int(q, "count", most);
	while ((rc = db_step(q, e)) > 0)
		if (fn(arg, db_double(q, 0)))
			break;
	db_reset(q);
	return rc < 0 ? rc : 0;
}

int trial_store_count_keys(struct store *s, const char *endpoint, int64_t since_us, int most,
	int64_t *requests, int64_t *keys, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, KEY_COUNT);
	int rc;

	db_bind_int(q, "since", since_us);
	db_bind_text(q, "endpoint", endpoint);
	db_bind_int(q, "count", most);
	rc = db_step(q, e);
	*requests = rc > 0 ? db_int(q, 0) : 0;
	*keys = rc > 0 ? db_int(q, 1) : 0;
	db_reset(q);
	return rc < 0 ? rc : 0;
}

int trial_store_list_segments(struct store *s, const char *endpoint, int64_t since_us, int most,
	trial_on_segment fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_TRIALS, SEGMENT_LIST);
	int rc;

	db_bind_text(q, "endpoint", endpoint);
	db_bind_int(q, "since", since_us);
	db_bind_int(q, "count", most);
	while ((rc = db_step(q, e)) > 0)
		if (fn(arg, db_text(q, 0, NULL), db_int(q, 1)))
			break;
	db_reset(q);
	return rc < 0 ? rc : 0;
}

int store_add_card(struct store *s, int64_t rollout, int64_t at_us, const char *kind,
	const char *json, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_CARDS, CARD_ADD);

	db_bind_int(q, "rollout", rollout);
	db_bind_int(q, "at_us", at_us);
	db_bind_text(q, "kind", kind);
	db_bind_text(q, "json", json);
	return store_run(s, q, e);
}

int store_list_cards(struct store *s, int64_t rollout, store_on_card fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_CARDS, CARD_LIST);
	int rc;

	db_bind_int(q, "rollout", rollout);
	while ((rc = db_step(q, e)) > 0)
		if (fn(arg, db_int(q, 0), db_int(q, 1), db_text(q, 2, NULL), db_text(q, 3, NULL)))
			break;
	db_reset(q);
	return rc < 0 ? rc : 0;
}
