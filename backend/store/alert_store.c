/* alert_store.c: alerts, open ones and the history. */
#include <stdint.h>
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

static const struct db_field alerts_fields[] = {
	DB_FIELD(alert_row, id, DB_BIGINT),
	DB_FIELD(alert_row, project, DB_TEXT),
	DB_FIELD(alert_row, endpoint, DB_TEXT),
	DB_FIELD(alert_row, kind, DB_TEXT),
	DB_FIELD(alert_row, level, DB_TEXT),
	DB_FIELD(alert_row, state, DB_TEXT),
	DB_FIELD(alert_row, message, DB_TEXT),
	DB_FIELD(alert_row, rollout, DB_BIGINT),
	DB_FIELD(alert_row, since_us, DB_BIGINT),
	DB_FIELD(alert_row, ended_us, DB_BIGINT),
	DB_FIELD(alert_row, revision, DB_BIGINT),
	DB_END,
};

enum { ALERT_SAVE, ALERT_NEXT, ALERT_FIND, ALERT_LIST, ALERT_LIST_OPEN, ALERT_COUNT };

static const char *const alerts_sql[ALERT_COUNT] = {
	[ALERT_SAVE] = "INSERT INTO alerts ($COLUMNS) VALUES ($VALUES) ON CONFLICT (id) DO UPDATE "
		       "SET $SET",
	[ALERT_NEXT] = "SELECT COALESCE(MAX(id), 0) + 1 FROM alerts",
	[ALERT_FIND] = "SELECT $COLUMNS FROM alerts WHERE id = :id",
	[ALERT_LIST] = "SELECT $COLUMNS FROM alerts ORDER BY id DESC LIMIT :count",
	[ALERT_LIST_OPEN] = "SELECT $COLUMNS FROM alerts WHERE state <> 'resolved' ORDER BY id "
			    "DESC LIMIT :count",
};

const struct db_table alerts_table = {"alerts", alerts_fields, alerts_sql, ALERT_COUNT};

static int next_alert_id(struct store *s, int64_t *id, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ALERTS, ALERT_NEXT);
	int rc = db_step(q, e);

	if (rc < 0)
		return rc;
	*id = db_int(q, 0);
	db_reset(q);
	return 0;
}

int store_save_alert(struct store *s, struct alert_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ALERTS, ALERT_SAVE);
	struct alert_row full = *r;
	int rc = r->id ? 0 : next_alert_id(s, &full.id, e);

	if (rc)
		return rc;
	db_bind_row(q, alerts_fields, &full);
	rc = store_run(s, q, e);
	if (!rc)
		r->id = full.id;
	return rc;
}

int store_find_alert(struct store *s, int64_t id, struct alert_row *out, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ALERTS, ALERT_FIND);

	db_bind_int(q, "id", id);
	return db_find_row(q, alerts_fields, out, e);
}

int store_list_alerts(
	struct store *s, int open_only, int limit, store_on_alert fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ALERTS, open_only ? ALERT_LIST_OPEN : ALERT_LIST);
	const struct alert_row *r;
	struct db_rows rows;
	int rc;

	db_bind_int(q, "count", limit > 0 ? limit : INT32_MAX);
	rc = db_collect(q, alerts_fields, sizeof *r, &rows, e);
	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}
