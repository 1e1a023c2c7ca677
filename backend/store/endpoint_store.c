/* endpoint_store.c: endpoints and what belongs to them: configuration, segment overrides, backend
 * slots, replicas. */
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

static const struct db_field endpoints_fields[] = {
	DB_FIELD(endpoint_row, id, DB_TEXT),
	DB_FIELD(endpoint_row, project, DB_TEXT),
	DB_FIELD(endpoint_row, name, DB_TEXT),
	DB_FIELD(endpoint_row, environment, DB_TEXT),
	DB_FIELD(endpoint_row, tier, DB_TEXT),
	DB_FIELD(endpoint_row, mode, DB_TEXT),
	DB_FIELD(endpoint_row, listen, DB_TEXT),
	DB_FIELD(endpoint_row, stable, DB_TEXT),
	DB_FIELD(endpoint_row, candidate, DB_TEXT),
	DB_FIELD(endpoint_row, previous, DB_TEXT),
	DB_FIELD(endpoint_row, hot_until_us, DB_BIGINT),
	DB_FIELD(endpoint_row, rollout, DB_BIGINT),
	DB_FIELD(endpoint_row, share_bp, DB_INT),
	DB_FIELD(endpoint_row, gate, DB_INT),
	DB_FIELD(endpoint_row, removed, DB_INT),
	DB_FIELD(endpoint_row, spec_seq, DB_BIGINT),
	DB_FIELD(endpoint_row, revision, DB_BIGINT),
	DB_END,
};

enum { ENDPOINT_SAVE, ENDPOINT_FIND, ENDPOINT_LIST, ENDPOINT_COUNT };

static const char *const endpoints_sql[ENDPOINT_COUNT] = {
	[ENDPOINT_SAVE] = "INSERT INTO endpoints ($COLUMNS) VALUES ($VALUES) ON CONFLICT (id) DO "
			  "UPDATE SET $SET",
	[ENDPOINT_FIND] = "SELECT $COLUMNS FROM endpoints WHERE id = :id",
	[ENDPOINT_LIST] = "SELECT $COLUMNS FROM endpoints ORDER BY id",
};

const struct db_table endpoints_table = {
	"endpoints", endpoints_fields, endpoints_sql, ENDPOINT_COUNT};

enum { CONFIG_SAVE, CONFIG_FIND, CONFIG_COUNT };

static const char *const endpoint_configs_sql[CONFIG_COUNT] = {
	[CONFIG_SAVE] = "INSERT INTO endpoint_configs (endpoint, json) VALUES (:endpoint, :json)"
			" ON CONFLICT (endpoint) DO UPDATE SET json = excluded.json",
	[CONFIG_FIND] = "SELECT json FROM endpoint_configs WHERE endpoint = :endpoint",
};

const struct db_table endpoint_configs_table = {
	"endpoint_configs", NULL, endpoint_configs_sql, CONFIG_COUNT};

static const struct db_field overrides_fields[] = {
	DB_FIELD(override_row, endpoint, DB_TEXT),
	DB_FIELD(override_row, segment, DB_TEXT),
	DB_FIELD(override_row, rollout, DB_BIGINT),
	DB_FIELD(override_row, share_bp, DB_INT),
	DB_FIELD(override_row, revision, DB_BIGINT),
	DB_END,
};

enum { OVERRIDE_SAVE, OVERRIDE_REMOVE, OVERRIDE_LIST, OVERRIDE_COUNT };

static const char *const overrides_sql[OVERRIDE_COUNT] = {
	[OVERRIDE_SAVE] = "INSERT INTO overrides ($COLUMNS) VALUES ($VALUES) ON CONFLICT "
			  "(endpoint, segment) DO UPDATE SET $SET",
	[OVERRIDE_REMOVE] =
		"DELETE FROM overrides WHERE endpoint = :endpoint AND segment = :segment",
	[OVERRIDE_LIST] =
		"SELECT $COLUMNS FROM overrides WHERE endpoint = :endpoint ORDER BY segment",
};

const struct db_table overrides_table = {
	"overrides", overrides_fields, overrides_sql, OVERRIDE_COUNT};

static const struct db_field drains_fields[] = {
	DB_FIELD(drain_row, endpoint, DB_TEXT),
	DB_FIELD(drain_row, version, DB_TEXT),
	DB_FIELD(drain_row, server, DB_TEXT),
	DB_FIELD(drain_row, username, DB_TEXT),
	DB_FIELD(drain_row, reason, DB_TEXT),
	DB_FIELD(drain_row, at_us, DB_BIGINT),
	DB_FIELD(drain_row, revision, DB_BIGINT),
	DB_END,
};

enum { DRAIN_SAVE, DRAIN_REMOVE, DRAIN_LIST, DRAIN_COUNT };

static const char *const drains_sql[DRAIN_COUNT] = {
	[DRAIN_SAVE] = "INSERT INTO drains ($COLUMNS) VALUES ($VALUES) ON CONFLICT "
		       "(endpoint, version, server) DO UPDATE SET $SET",
	[DRAIN_REMOVE] = "DELETE FROM drains WHERE endpoint = :endpoint AND version = :version "
			 "AND server = :server",
	[DRAIN_LIST] = "SELECT $COLUMNS FROM drains WHERE endpoint = :endpoint "
		       "ORDER BY version, server",
};

const struct db_table drains_table = {"drains", drains_fields, drains_sql, DRAIN_COUNT};

static const struct db_field slots_fields[] = {
	DB_FIELD(slot_row, endpoint, DB_TEXT),
	DB_FIELD(slot_row, version, DB_TEXT),
	DB_FIELD(slot_row, slot, DB_INT),
	DB_END,
};

enum { SLOT_SAVE, SLOT_REMOVE, SLOT_LIST, SLOT_COUNT };

static const char *const slots_sql[SLOT_COUNT] = {
	[SLOT_SAVE] = "INSERT INTO slots ($COLUMNS) VALUES ($VALUES) ON CONFLICT (endpoint, slot) "
		      "DO UPDATE SET $SET",
	[SLOT_REMOVE] = "DELETE FROM slots WHERE endpoint = :endpoint AND slot = :slot",
	[SLOT_LIST] = "SELECT $COLUMNS FROM slots WHERE endpoint = :endpoint ORDER BY slot",
};

const struct db_table slots_table = {"slots", slots_fields, slots_sql, SLOT_COUNT};

static const struct db_field replicas_fields[] = {
	DB_FIELD(replica_row, id, DB_TEXT),
	DB_FIELD(replica_row, endpoint, DB_TEXT),
	DB_FIELD(replica_row, version, DB_TEXT),
	DB_FIELD(replica_row, digest, DB_TEXT),
	DB_FIELD(replica_row, slot, DB_INT),
	DB_FIELD(replica_row, number, DB_INT),
	DB_FIELD(replica_row, pid, DB_BIGINT),
	DB_FIELD(replica_row, start_ticks, DB_BIGINT),
	DB_FIELD(replica_row, state, DB_TEXT),
	DB_FIELD(replica_row, since_us, DB_BIGINT),
	DB_END,
};

enum { REPLICA_SAVE, REPLICA_REMOVE, REPLICA_LIST, REPLICA_LIST_ALL, REPLICA_COUNT };

static const char *const replicas_sql[REPLICA_COUNT] = {
	[REPLICA_SAVE] = "INSERT INTO replicas ($COLUMNS) VALUES ($VALUES) ON CONFLICT (id) DO "
			 "UPDATE SET $SET",
	[REPLICA_REMOVE] = "DELETE FROM replicas WHERE id = :id",
	[REPLICA_LIST] = "SELECT $COLUMNS FROM replicas WHERE endpoint = :endpoint"
			 " ORDER BY version, number, id",
	[REPLICA_LIST_ALL] = "SELECT $COLUMNS FROM replicas ORDER BY endpoint, version, number, id",
};

const struct db_table replicas_table = {"replicas", replicas_fields, replicas_sql, REPLICA_COUNT};

int store_save_endpoint(struct store *s, const struct endpoint_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ENDPOINTS, ENDPOINT_SAVE);

	db_bind_row(q, endpoints_fields, r);
	return store_run(s, q, e);
}

int store_find_endpoint(struct store *s, const char *id, struct endpoint_row *out, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ENDPOINTS, ENDPOINT_FIND);

	db_bind_text(q, "id", id);
	return db_find_row(q, endpoints_fields, out, e);
}

static int each_endpoints(struct db_query *q, store_on_endpoint fn, void *arg, struct err *e)
{
	const struct endpoint_row *r;
	struct db_rows rows;
	int rc = db_collect(q, endpoints_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_list_endpoints(struct store *s, store_on_endpoint fn, void *arg, struct err *e)
{
	return each_endpoints(store_query(s, TABLE_ENDPOINTS, ENDPOINT_LIST), fn, arg, e);
}

int store_save_endpoint_config(
	struct store *s, const char *endpoint, const char *json, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ENDPOINT_CONFIGS, CONFIG_SAVE);

	db_bind_text(q, "endpoint", endpoint);
	db_bind_text(q, "json", json);
	return store_run(s, q, e);
}

int store_find_endpoint_config(
	struct store *s, const char *endpoint, struct buf *json, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_ENDPOINT_CONFIGS, CONFIG_FIND);
	int rc;

	db_bind_text(q, "endpoint", endpoint);
	rc = db_step(q, e);
	if (rc > 0) {
		buf_adds(json, db_text(q, 0, NULL));
		db_reset(q);
	}
	return rc;
}

int store_save_override(struct store *s, const struct override_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_OVERRIDES, OVERRIDE_SAVE);

	db_bind_row(q, overrides_fields, r);
	return store_run(s, q, e);
}

int store_remove_override(struct store *s, const char *endpoint, const char *segment, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_OVERRIDES, OVERRIDE_REMOVE);

	db_bind_text(q, "endpoint", endpoint);
	db_bind_text(q, "segment", segment);
	return store_run(s, q, e);
}

static int each_overrides(struct db_query *q, store_on_override fn, void *arg, struct err *e)
{
	const struct override_row *r;
	struct db_rows rows;
	int rc = db_collect(q, overrides_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_list_overrides(
	struct store *s, const char *endpoint, store_on_override fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_OVERRIDES, OVERRIDE_LIST);

	db_bind_text(q, "endpoint", endpoint);
	return each_overrides(q, fn, arg, e);
}

int store_save_drain(struct store *s, const struct drain_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_DRAINS, DRAIN_SAVE);

	db_bind_row(q, drains_fields, r);
	return store_run(s, q, e);
}

int store_remove_drain(struct store *s, const char *endpoint, const char *version,
	const char *server, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_DRAINS, DRAIN_REMOVE);

	db_bind_text(q, "endpoint", endpoint);
	db_bind_text(q, "version", version);
	db_bind_text(q, "server", server);
	return store_run(s, q, e);
}

int store_list_drains(
	struct store *s, const char *endpoint, store_on_drain fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_DRAINS, DRAIN_LIST);
	const struct drain_row *r;
	struct db_rows rows;
	int rc;

	db_bind_text(q, "endpoint", endpoint);
	rc = db_collect(q, drains_fields, sizeof *r, &rows, e);
	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_save_slot(struct store *s, const struct slot_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_SLOTS, SLOT_SAVE);

	db_bind_row(q, slots_fields, r);
	return store_run(s, q, e);
}

int store_remove_slot(struct store *s, const char *endpoint, int slot, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_SLOTS, SLOT_REMOVE);

	db_bind_text(q, "endpoint", endpoint);
	db_bind_int(q, "slot", slot);
	return store_run(s, q, e);
}

static int each_slots(struct db_query *q, store_on_slot fn, void *arg, struct err *e)
{
	const struct slot_row *r;
	struct db_rows rows;
	int rc = db_collect(q, slots_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_list_slots(
	struct store *s, const char *endpoint, store_on_slot fn, void *arg, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_SLOTS, SLOT_LIST);

	db_bind_text(q, "endpoint", endpoint);
	return each_slots(q, fn, arg, e);
}

int store_save_replica(struct store *s, const struct replica_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_REPLICAS, REPLICA_SAVE);

	db_bind_row(q, replicas_fields, r);
	return store_run(s, q, e);
}

int store_remove_replica(struct store *s, const char *id, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_REPLICAS, REPLICA_REMOVE);

	db_bind_text(q, "id", id);
	return store_run(s, q, e);
}

static int each_replicas(struct db_query *q, store_on_replica fn, void *arg, struct err *e)
{
	const struct replica_row *r;
	struct db_rows rows;
	int rc = db_collect(q, replicas_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_list_replicas(
	struct store *s, const char *endpoint, store_on_replica fn, void *arg, struct err *e)
{
	struct db_query *q =
		store_query(s, TABLE_REPLICAS, endpoint ? REPLICA_LIST : REPLICA_LIST_ALL);

	if (endpoint)
		db_bind_text(q, "endpoint", endpoint);
	return each_replicas(q, fn, arg, e);
}
