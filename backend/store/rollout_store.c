/* rollout_store.c: rollouts and the approvals they got. */
#include <stdint.h>
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

static const struct db_field rollouts_fields[] = {
	DB_FIELD(rollout_row, id, DB_BIGINT),
	DB_FIELD(rollout_row, endpoint, DB_TEXT),
	DB_FIELD(rollout_row, project, DB_TEXT),
	DB_FIELD(rollout_row, environment, DB_TEXT),
	DB_FIELD(rollout_row, pattern, DB_TEXT),
	DB_FIELD(rollout_row, state, DB_TEXT),
	DB_FIELD(rollout_row, from_version, DB_TEXT),
	DB_FIELD(rollout_row, to_version, DB_TEXT),
	DB_FIELD(rollout_row, steps, DB_TEXT),
	DB_FIELD(rollout_row, segments, DB_TEXT),
	DB_FIELD(rollout_row, step, DB_INT),
	DB_FIELD(rollout_row, share_bp, DB_INT),
	DB_FIELD(rollout_row, approvals_needed, DB_INT),
	DB_FIELD(rollout_row, author, DB_TEXT),
	DB_FIELD(rollout_row, author_uid, DB_BIGINT),
	DB_FIELD(rollout_row, author_login_uid, DB_BIGINT),
	DB_FIELD(rollout_row, started_us, DB_BIGINT),
	DB_FIELD(rollout_row, step_since_us, DB_BIGINT),
	DB_FIELD(rollout_row, ended_us, DB_BIGINT),
	DB_FIELD(rollout_row, reason, DB_TEXT),
	DB_FIELD(rollout_row, end_reason, DB_TEXT),
	DB_FIELD(rollout_row, exposed, DB_BIGINT),
	DB_FIELD(rollout_row, revision, DB_BIGINT),
	DB_END,
};

enum {
	ROLLOUT_SAVE,
	ROLLOUT_FIND,
	ROLLOUT_NEXT,
	ROLLOUT_LIST,
	ROLLOUT_LIST_OF,
	ROLLOUT_ACTIVE,
	ROLLOUT_ACTIVE_OF,
	ROLLOUT_COUNT
};

static const char *const rollouts_sql[ROLLOUT_COUNT] = {
	[ROLLOUT_SAVE] = "INSERT INTO rollouts ($COLUMNS) VALUES ($VALUES) ON CONFLICT (id) DO "
			 "UPDATE SET $SET",
	[ROLLOUT_FIND] = "SELECT $COLUMNS FROM rollouts WHERE id = :id",
	[ROLLOUT_NEXT] = "SELECT COALESCE(MAX(id), 0) + 1 FROM rollouts",
	[ROLLOUT_LIST] =
		"SELECT $COLUMNS FROM rollouts WHERE id < :before ORDER BY id DESC LIMIT :count",
	[ROLLOUT_LIST_OF] =
		"SELECT $COLUMNS FROM rollouts WHERE endpoint = :endpoint AND id < :before"
		" ORDER BY id DESC LIMIT :count",
	[ROLLOUT_ACTIVE] = "SELECT $COLUMNS FROM rollouts WHERE ended_us = 0 AND id < :before"
			   " ORDER BY id DESC LIMIT :count",
	[ROLLOUT_ACTIVE_OF] =
		"SELECT $COLUMNS FROM rollouts WHERE ended_us = 0 AND endpoint = :endpoint"
		" AND id < :before ORDER BY id DESC LIMIT :count",
};

const struct db_table rollouts_table = {"rollouts", rollouts_fields, rollouts_sql, ROLLOUT_COUNT};

static const struct db_field approvals_fields[] = {
	DB_FIELD(approval_row, rollout, DB_BIGINT),
	DB_FIELD(approval_row, uid, DB_BIGINT),
	DB_FIELD(approval_row, login_uid, DB_BIGINT),
	DB_FIELD(approval_row, at_us, DB_BIGINT),
	DB_FIELD(approval_row, revision, DB_BIGINT),
	DB_NAMED(approval_row, user, "username", DB_TEXT),
	DB_FIELD(approval_row, reason, DB_TEXT),
	DB_FIELD(approval_row, purpose, DB_TEXT),
	DB_FIELD(approval_row, verdict, DB_TEXT),
	DB_FIELD(approval_row, card_digest, DB_TEXT),
	DB_FIELD(approval_row, version_digest, DB_TEXT),
	DB_FIELD(approval_row, spec_seq, DB_BIGINT),
	DB_END,
};

enum { APPROVAL_SAVE, APPROVAL_LIST, APPROVAL_COUNT };

static const char *const approvals_sql[APPROVAL_COUNT] = {
	[APPROVAL_SAVE] = "INSERT INTO approvals ($COLUMNS) VALUES ($VALUES) ON CONFLICT (rollout, "
			  "uid, purpose) DO UPDATE SET $SET",
	[APPROVAL_LIST] =
		"SELECT $COLUMNS FROM approvals WHERE rollout = :rollout ORDER BY at_us, uid",
};

const struct db_table approvals_table = {
	"approvals", approvals_fields, approvals_sql, APPROVAL_COUNT};

int store_next_rollout_id(struct store *s, int64_t *id, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ROLLOUTS, ROLLOUT_NEXT);
	int rc = db_step(q, e);

	if (rc < 0)
		return rc;
	*id = db_int(q, 0);
	db_reset(q);
	return 0;
}

int store_save_rollout(struct store *s, const struct rollout_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ROLLOUTS, ROLLOUT_SAVE);

	db_bind_row(q, rollouts_fields, r);
	return store_run(s, q, e);
}

int store_find_rollout(struct store *s, int64_t id, struct rollout_row *out, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ROLLOUTS, ROLLOUT_FIND);

	db_bind_int(q, "id", id);
	return db_find_row(q, rollouts_fields, out, e);
}

static int each_rollouts(struct db_query *q, store_on_rollout fn, void *arg, struct err *e)
{
	const struct rollout_row *r;
	struct db_rows rows;
	int rc = db_collect(q, rollouts_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_list_rollouts(struct store *s, const char *endpoint, int active_only, int64_t before,
	int limit, store_on_rollout fn, void *arg, struct err *e)
{
	int n = (active_only ? ROLLOUT_ACTIVE : ROLLOUT_LIST) + (endpoint != NULL);
	struct db_query *q = store_query(s, TABLE_ROLLOUTS, n);

	if (endpoint)
		db_bind_text(q, "endpoint", endpoint);
	db_bind_int(q, "before", before > 0 ? before : INT64_MAX);
	db_bind_int(q, "count", limit > 0 ? limit : INT32_MAX);
	return each_rollouts(q, fn, arg, e);
}

int store_save_approval(struct store *s, const struct approval_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_APPROVALS, APPROVAL_SAVE);

	db_bind_row(q, approvals_fields, r);
	return store_run(s, q, e);
}

static int each_approvals(struct db_query *q, store_on_approval fn, void *arg, struct err *e)
{
	const struct approval_row *r;
	struct db_rows rows;
	int rc = db_collect(q, approvals_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_list_approvals(
	struct store *s, int64_t rollout, store_on_approval fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_APPROVALS, APPROVAL_LIST);

	db_bind_int(q, "rollout", rollout);
	return each_approvals(q, fn, arg, e);
}
