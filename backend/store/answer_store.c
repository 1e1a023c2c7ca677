/* answer_store.c: answers kept for idempotency keys (24 hours), and small facts. */
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

#define ANSWER_KEEP_US (24 * 3600 * INT64_C(1000000))

enum { ANSWER_SAVE, ANSWER_FIND, ANSWER_SWEEP, ANSWER_COUNT };

static const char *const answers_sql[ANSWER_COUNT] = {
	[ANSWER_SAVE] = "INSERT INTO answers (uid, answer_key, route, status, body, at_us)"
			" VALUES (:uid, :key, :route, :status, :body, :at_us)"
			" ON CONFLICT (uid, answer_key) DO UPDATE SET route = excluded.route,"
			" status = excluded.status, body = excluded.body, at_us = excluded.at_us",
	[ANSWER_FIND] = "SELECT route, status, body FROM answers"
			" WHERE uid = :uid AND answer_key = :key AND at_us >= :oldest",
	[ANSWER_SWEEP] = "DELETE FROM answers WHERE at_us < :oldest",
};

const struct db_table answers_table = {"answers", NULL, answers_sql, ANSWER_COUNT};

enum { FACT_SAVE, FACT_FIND, FACT_COUNT };

static const char *const facts_sql[FACT_COUNT] = {
	[FACT_SAVE] = "INSERT INTO facts (name, value) VALUES (:name, :value)"
		      " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	[FACT_FIND] = "SELECT value FROM facts WHERE name = :name",
};

const struct db_table facts_table = {"facts", NULL, facts_sql, FACT_COUNT};

int store_save_answer(struct store *s, int64_t uid, const char *key, const char *route, int status,
	const char *body, struct err *e)
{
	struct db_query *sweep = store_query(s, TABLE_ANSWERS, ANSWER_SWEEP);
	struct db_query *q = store_query(s, TABLE_ANSWERS, ANSWER_SAVE);
	int64_t now = clock_wall_us(s->clock);
	int rc;

	db_bind_int(sweep, "oldest", now - ANSWER_KEEP_US);
	rc = store_run(s, sweep, e);
	if (rc)
		return rc;
	db_bind_int(q, "uid", uid);
	db_bind_text(q, "key", key);
	db_bind_text(q, "route", route);
	db_bind_int(q, "status", status);
	db_bind_text(q, "body", body);
	db_bind_int(q, "at_us", now);
	return store_run(s, q, e);
}

int store_find_answer(struct store *s, int64_t uid, const char *key, struct buf *route, int *status,
	struct buf *body, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ANSWERS, ANSWER_FIND);
	int rc;

	db_bind_int(q, "uid", uid);
	db_bind_text(q, "key", key);
	db_bind_int(q, "oldest", clock_wall_us(s->clock) - ANSWER_KEEP_US);
	rc = db_step(q, e);
	if (rc <= 0)
		return rc;
	buf_adds(route, db_text(q, 0, NULL));
	*status = (int)db_int(q, 1);
	buf_adds(body, db_text(q, 2, NULL));
	db_reset(q);
	return 1;
}

int store_set_fact(struct store *s, const char *name, const char *value, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_FACTS, FACT_SAVE);

	db_bind_text(q, "name", name);
	db_bind_text(q, "value", value);
	return store_run(s, q, e);
}

int store_find_fact(struct store *s, const char *name, struct buf *out, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_FACTS, FACT_FIND);
	int rc;

	db_bind_text(q, "name", name);
	rc = db_step(q, e);
	if (rc > 0) {
		buf_adds(out, db_text(q, 0, NULL));
		db_reset(q);
	}
	return rc;
}
