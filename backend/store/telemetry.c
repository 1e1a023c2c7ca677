/* telemetry.c: single requests and their outcomes. A batch is a transaction that the first write
 * opens and the flush of the tick ends, so that what is queued can be found by SQL at once. */
#include "backend/store/telemetry.h"

#include <math.h>
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

/* Rows that one flush drops at most, so that a long pause does not end in a long tick. */
#define DROP_LIMIT 5000

static const struct db_field records_fields[] = {
	DB_FIELD(record, id, DB_TEXT),
	DB_FIELD(record, endpoint, DB_TEXT),
	DB_FIELD(record, version, DB_TEXT),
	DB_FIELD(record, environment, DB_TEXT),
	DB_FIELD(record, arm, DB_INT),
	DB_FIELD(record, rollout, DB_BIGINT),
	DB_FIELD(record, share_bp, DB_INT),
	DB_FIELD(record, bucket, DB_INT),
	DB_FIELD(record, keyed, DB_INT),
	DB_FIELD(record, key, DB_TEXT),
	DB_FIELD(record, segment, DB_TEXT),
	DB_FIELD(record, segment_unknown, DB_INT),
	DB_FIELD(record, routed_us, DB_BIGINT),
	DB_FIELD(record, status, DB_INT),
	DB_FIELD(record, total_ms, DB_DOUBLE),
	DB_FIELD(record, answer_ms, DB_DOUBLE),
	DB_FIELD(record, failed, DB_INT),
	DB_FIELD(record, backend_down, DB_INT),
	DB_FIELD(record, score, DB_DOUBLE),
	DB_FIELD(record, read, DB_INT),
	DB_FIELD(record, server, DB_TEXT),
	DB_FIELD(record, counted_w, DB_DOUBLE),
	DB_END,
};

enum {
	RECORD_SAVE,
	RECORD_FIND,
	RECORD_DROP,
	RECORD_SINCE,
	RECORD_EXPOSED,
	RECORD_SCORE,
	RECORD_COUNT
};

static const char *const records_sql[RECORD_COUNT] = {
	[RECORD_SAVE] =
		"INSERT INTO records ($COLUMNS) VALUES ($VALUES) ON CONFLICT (id) DO NOTHING",
	[RECORD_FIND] = "SELECT $COLUMNS FROM records WHERE id = :id",
	/* What counts on a trial waits for its outcome. */
	[RECORD_DROP] = "DELETE FROM records WHERE id IN (SELECT id FROM records"
			" WHERE routed_us < :oldest AND (counted_w = 0 OR routed_us < :due)"
			" ORDER BY routed_us LIMIT :count)",
	[RECORD_SINCE] =
		"SELECT $COLUMNS FROM records WHERE routed_us >= :since AND endpoint = :endpoint"
		" ORDER BY routed_us",
	[RECORD_SCORE] = "UPDATE records SET score = :score, read = 1"
			 " WHERE id = :id AND score IS NULL",
	[RECORD_EXPOSED] = "SELECT COUNT(*) FROM records WHERE routed_us >= :since"
			   " AND rollout = :rollout AND arm = 1",
};

const struct db_table records_table = {"records", records_fields, records_sql, RECORD_COUNT};

enum { OUTCOME_SAVE, OUTCOME_OF, OUTCOME_DROP, OUTCOME_COUNT };

static const char *const outcomes_sql[OUTCOME_COUNT] = {
	[OUTCOME_SAVE] = "INSERT INTO outcomes (id, name, value, at_us)"
			 " VALUES (:id, :name, :value, :at_us) ON CONFLICT (id, name) DO NOTHING",
	[OUTCOME_OF] = "SELECT value FROM outcomes WHERE id = :id ORDER BY at_us, name",
	[OUTCOME_DROP] = "DELETE FROM outcomes WHERE id IN (SELECT id FROM outcomes"
			 " WHERE at_us < :oldest ORDER BY at_us LIMIT :count) AND at_us < :oldest",
};

const struct db_table outcomes_table = {"outcomes", NULL, outcomes_sql, OUTCOME_COUNT};

int telemetry_begin_batch(struct store *s, struct err *e)
{
	int rc = s->in_batch ? 0 : s->telemetry->ops->begin(s->telemetry, e);

	if (!rc)
		s->in_batch = 1;
	return rc;
}

int telemetry_end_batch(struct store *s, struct err *e)
{
	int rc = s->telemetry->ops->commit(s->telemetry, e);

	if (rc)
		s->telemetry->ops->rollback(s->telemetry);
	s->in_batch = 0;
	return rc;
}

void telemetry_add_record(struct store *s, const struct record *r)
{
	struct db_query *q = store_query(s, TABLE_RECORDS, RECORD_SAVE);
	struct err e = {0};

	if (s->batch_fault.code) /* told by the next flush; the rest of the batch is lost as well */
		return;
	if (telemetry_begin_batch(s, &e) == 0) {
		db_bind_row(q, records_fields, r);
		db_run(q, &e);
	}
	s->batch_fault = e;
}

static int drop_old(struct store *s, int64_t keep_us, int64_t due_us, struct err *e)
{
	int64_t now = clock_wall_us(s->clock), due = now - (due_us > keep_us ? due_us : keep_us);
	struct db_query *const drops[] = {
		store_query(s, TABLE_RECORDS, RECORD_DROP),
		store_query(s, TABLE_OUTCOMES, OUTCOME_DROP),
	};
	int rc = 0;

	for (int i = 0; !rc && i < 2; i++) {
		/* An outcome may be there long before the day on which it counts. */
		db_bind_int(drops[i], "oldest", i ? due : now - keep_us);
		db_bind_int(drops[i], "due", due);
		db_bind_int(drops[i], "count", DROP_LIMIT);
		rc = db_run(drops[i], e);
	}
	return rc;
}

int telemetry_flush(struct store *s, int64_t keep_us, int64_t due_us, struct err *e)
{
	int rc = s->batch_fault.code;

	if (rc && e)
		*e = s->batch_fault;
	s->batch_fault = (struct err){0};
	if (!rc)
		rc = telemetry_begin_batch(s, e);
	if (!rc)
		rc = drop_old(s, keep_us, due_us, e);
	if (!rc)
		return telemetry_end_batch(s, e);
	s->telemetry->ops->rollback(s->telemetry);
	s->in_batch = 0;
	return rc;
}

int telemetry_find_record(struct store *s, const char *id, struct record *out, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_RECORDS, RECORD_FIND);

	db_bind_text(q, "id", id);
	return db_find_row(q, records_fields, out, e);
}

int telemetry_add_outcome(struct store *s, const char *id, const char *name, double value,
	int64_t at_us, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_OUTCOMES, OUTCOME_SAVE);
	int rc;

	if (isnan(value)) {
		err_set(e, ERR_INVALID, "the outcome of %s is not a number", id);
		return err_field(e, "value");
	}
	rc = telemetry_begin_batch(s, e);
	if (rc)
		return rc;
	db_bind_text(q, "id", id);
	db_bind_text(q, "name", name);
	db_bind_double(q, "value", value);
	db_bind_int(q, "at_us", at_us);
	rc = db_run(q, e);
	return rc ? rc : s->telemetry->ops->changes(s->telemetry) > 0;
}

int telemetry_add_score(struct store *s, const char *id, double score, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_RECORDS, RECORD_SCORE);
	int rc = telemetry_begin_batch(s, e);

	if (rc)
		return rc;
	db_bind_text(q, "id", id);
	db_bind_double(q, "score", score);
	rc = db_run(q, e);
	return rc ? rc : s->telemetry->ops->changes(s->telemetry) > 0;
}

static int feed_outcomes(struct store *s, const struct record *r, struct window *w, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_OUTCOMES, OUTCOME_OF);
	int rc;

	db_bind_text(q, "id", r->id);
	while ((rc = db_step(q, e)) > 0)
		window_add_outcome(w, r->arm, r->routed_us, r->score, db_double(q, 0));
	return rc;
}

int telemetry_load_window(
	struct store *s, const char *endpoint, int64_t since_us, struct window *w, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_RECORDS, RECORD_SINCE);
	int rc, bad = 0;

	db_bind_int(q, "since", since_us);
	db_bind_text(q, "endpoint", endpoint);
	while (!bad && (rc = db_step(q, e)) > 0) {
		struct record r;

		db_read_row(q, records_fields, 0, &r);
		window_add(w, &r);
		bad = feed_outcomes(s, &r, w, e);
	}
	db_reset(q);
	return bad ? bad : rc;
}

int telemetry_count_exposed(
	struct store *s, int64_t rollout, int64_t since_us, int64_t *out, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_RECORDS, RECORD_EXPOSED);
	int rc;

	db_bind_int(q, "since", since_us);
	db_bind_int(q, "rollout", rollout);
	rc = db_step(q, e);
	if (rc > 0)
		*out = db_int(q, 0);
	db_reset(q);
	return rc < 0 ? rc : 0;
}
