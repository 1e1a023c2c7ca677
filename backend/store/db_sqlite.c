/* db_sqlite.c: struct store_ops over SQLite. The only file that includes its header. WAL, one
 * writer; a busy database is waited for up to five seconds. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/store/db.h"

#define BUSY_MS 5000

struct sqlite_db {
	struct db base;
	sqlite3 *handle; /* owned */
};

struct sqlite_query {
	struct db_query base;
	sqlite3_stmt *stmt; /* owned */
};

static sqlite3 *handle_of(struct db *d)
{
	return ((struct sqlite_db *)d)->handle;
}

static sqlite3_stmt *stmt_of(struct db_query *q)
{
	return ((struct sqlite_query *)q)->stmt;
}

/* The errno of the last failed write, to the log or to the database itself; 0 unknown. */
static int write_errno(sqlite3 *h)
{
	sqlite3_file *log = NULL;
	int why = 0;

	if (sqlite3_file_control(h, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
		log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &why);
	if (!why)
		sqlite3_file_control(h, "main", SQLITE_FCNTL_LAST_ERRNO, &why);
	return why;
}

/* SQLite's result as a sentence. A file-size limit is a full disk as well. */
static int sqlite_fail(sqlite3 *h, const char *path, struct err *e)
{
	int code = h ? sqlite3_extended_errcode(h) : SQLITE_NOMEM;
	const char *words = h ? sqlite3_errmsg(h) : "out of memory";
	int system = h ? sqlite3_system_errno(h) : 0;

	switch (code & 0xff) {
	case SQLITE_FULL:
		err_set(e, ERR_DISK_FULL, "the disk is full: %s could not be written", path);
		return err_hint(e, "free some space; views and acts that lower risk still work");
	case SQLITE_IOERR:
		system = write_errno(h);
		if (system == ENOSPC || system == EDQUOT || system == EFBIG) {
			err_set(e, ERR_DISK_FULL, "no room to write %s: %s", path,
				strerror(system));
			return err_hint(
				e, "free some space, or raise the quota or file-size limit");
		}
		return err_set(e, ERR_STORE, "reading or writing %s failed: %s", path, words);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		err_set(e, ERR_STORE, "%s is damaged or not a database: %s", path, words);
		return err_hint(e, "put it aside and restore a backup with `pithead restore`");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, ERR_UNAVAILABLE, "%s is locked by another process", path);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return err_set(e, ERR_STORE, "cannot open %s: %s", path,
			system ? strerror(system) : words);
	default:
		return err_set(e, ERR_STORE, "%s: %s", path, words);
	}
}

static int sqlite_exec(struct db *d, const char *sql, struct err *e)
{
	if (sqlite3_exec(handle_of(d), sql, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_fail(handle_of(d), d->path, e);
	return 0;
}

static void sqlite_close(struct db *d)
{
	if (!d)
		return;
	sqlite3_close(handle_of(d));
	free(d->path);
	free(d);
}

/* SQLite makes its -wal and -shm files with the mode of the database. */
static int make_private_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, errno == ENOSPC ? ERR_DISK_FULL : ERR_STORE, "cannot open %s: %s",
			path, strerror(errno));
	close(fd);
	return 0;
}

static struct db *sqlite_open(const char *path, enum db_mode mode, struct err *e)
{
	static const char *const pragmas[] = {
		[DB_READ_ONLY] = "PRAGMA query_only = 1; SELECT count(*) FROM sqlite_master;",
		[DB_FAST] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
		[DB_DURABLE] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
	};
	int flags = mode == DB_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	struct sqlite_db *d;

	if (mode != DB_READ_ONLY && make_private_file(path, e))
		return NULL;
	d = xcalloc(1, sizeof *d);
	d->base.ops = &store_ops_sqlite;
	d->base.path = xstrdup(path);
	if (sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		sqlite_fail(d->handle, path, e);
		goto fail;
	}
	sqlite3_extended_result_codes(d->handle, 1);
	sqlite3_busy_timeout(d->handle, BUSY_MS);
	if (sqlite_exec(&d->base, "PRAGMA trusted_schema = 0; PRAGMA cell_size_check = 1;", e) ||
		sqlite_exec(&d->base, pragmas[mode], e))
		goto fail;
	return &d->base;
fail:
	sqlite_close(&d->base);
	return NULL;
}

static struct db_query *sqlite_prepare(struct db *d, const char *sql, struct err *e)
{
	struct sqlite_query *q = xcalloc(1, sizeof *q);

	q->base.db = d;
	if (sqlite3_prepare_v3(handle_of(d), sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL)) {
		sqlite_fail(handle_of(d), d->path, e);
		free(q);
		return NULL;
	}
	return &q->base;
}

static void sqlite_finish(struct db_query *q)
{
	sqlite3_finalize(stmt_of(q));
	free(q);
}

/* The index of :name, 0 when the statement has none. */
static int parameter(struct db_query *q, const char *name)
{
	char full[64];

	snprintf(full, sizeof full, ":%s", name);
	return sqlite3_bind_parameter_index(stmt_of(q), full);
}

static void sqlite_bind_int(struct db_query *q, const char *name, int64_t v)
{
	int i = parameter(q, name);

	must(!i || sqlite3_bind_int64(stmt_of(q), i, v) == SQLITE_OK);
}

static void sqlite_bind_double(struct db_query *q, const char *name, double v)
{
	int i = parameter(q, name);

	if (i && isnan(v))
		must(sqlite3_bind_null(stmt_of(q), i) == SQLITE_OK);
	else if (i)
		must(sqlite3_bind_double(stmt_of(q), i, v) == SQLITE_OK);
}

static void sqlite_bind_text(struct db_query *q, const char *name, const char *text, size_t n)
{
	int i = parameter(q, name);

	must(!i || sqlite3_bind_text64(stmt_of(q), i, text, n, SQLITE_STATIC, SQLITE_UTF8) ==
			   SQLITE_OK);
}

static void sqlite_reset(struct db_query *q)
{
	sqlite3_reset(stmt_of(q));
}

static int sqlite_query(struct db_query *q, struct err *e)
{
	int rc = sqlite3_step(stmt_of(q));

	if (rc == SQLITE_ROW)
		return 1;
	rc = rc == SQLITE_DONE ? 0 : sqlite_fail(handle_of(q->db), q->db->path, e);
	sqlite3_reset(stmt_of(q));
	return rc;
}

static int64_t sqlite_column_int(struct db_query *q, int i)
{
	return sqlite3_column_int64(stmt_of(q), i);
}

static double sqlite_column_double(struct db_query *q, int i)
{
	if (sqlite3_column_type(stmt_of(q), i) == SQLITE_NULL)
		return (double)NAN;
	return sqlite3_column_double(stmt_of(q), i);
}

static const char *sqlite_column_text(struct db_query *q, int i, size_t *n)
{
	const char *text = (const char *)sqlite3_column_text(stmt_of(q), i);

	*n = (size_t)sqlite3_column_bytes(stmt_of(q), i);
	return text ? text : "";
}

static int64_t sqlite_changes(struct db *d)
{
	return sqlite3_changes64(handle_of(d));
}

static int sqlite_begin(struct db *d, struct err *e)
{
	return sqlite_exec(d, "BEGIN IMMEDIATE", e);
}

static int sqlite_commit(struct db *d, struct err *e)
{
	/* A failed write inside may have ended the transaction already: that is no success. */
	if (sqlite3_get_autocommit(handle_of(d)))
		return err_set(e, ERR_STORE, "%s: the transaction was already undone", d->path);
	return sqlite_exec(d, "COMMIT", e);
}

static void sqlite_rollback(struct db *d)
{
	if (!sqlite3_get_autocommit(handle_of(d)))
		sqlite3_exec(handle_of(d), "ROLLBACK", NULL, NULL, NULL);
}

static int64_t one_number(struct db *d, const char *sql, struct err *e)
{
	struct db_query *q = sqlite_prepare(d, sql, e);
	int64_t n = ERR_STORE;
	int rc;

	if (!q)
		return ERR_STORE;
	rc = sqlite_query(q, e);
	if (rc > 0)
		n = sqlite_column_int(q, 0);
	else if (rc == 0)
		err_set(e, ERR_STORE, "%s has no writer's term", d->path);
	sqlite_finish(q);
	return rc < 0 ? rc : n;
}

static int64_t sqlite_lease_read(struct db *d, struct err *e)
{
	return one_number(d, "SELECT value FROM meta WHERE name = 'term'", e);
}

static int64_t sqlite_lease_acquire(struct db *d, struct err *e)
{
	int rc = sqlite_begin(d, e);
	int64_t epoch;

	if (rc)
		return rc;
	rc = sqlite_exec(d, "UPDATE meta SET value = value + 1 WHERE name = 'term'", e);
	epoch = rc ? rc : sqlite_lease_read(d, e);
	if (epoch > 0)
		rc = sqlite_commit(d, e);
	if (epoch < 0 || rc)
		sqlite_rollback(d);
	return rc ? rc : epoch;
}

/* SQLite writes the log into the file at a checkpoint only: by itself after so many pages, and at
 * the last close. */
static int sqlite_hold_back(struct db *d, int on, struct err *e)
{
	if (sqlite3_db_config(handle_of(d), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on, NULL) !=
		SQLITE_OK)
		return sqlite_fail(handle_of(d), d->path, e);
	return sqlite_exec(
		d, on ? "PRAGMA wal_autocheckpoint = 0" : "PRAGMA wal_autocheckpoint = 1000", e);
}

static int sqlite_copy(struct db *d, const char *path, struct err *e)
{
	sqlite3 *to = NULL;
	sqlite3_backup *b = NULL;
	int rc = 0;

	unlink(path);
	if (make_private_file(path, e))
		return e ? e->code : ERR_STORE;
	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
		!(b = sqlite3_backup_init(to, "main", handle_of(d), "main")) ||
		sqlite3_backup_step(b, -1) != SQLITE_DONE) {
		if (b)
			sqlite3_backup_finish(b);
		b = NULL;
		rc = sqlite_fail(to, path, e);
	}
	if (b && sqlite3_backup_finish(b) != SQLITE_OK)
		rc = sqlite_fail(to, path, e);
	sqlite3_close(to);
	if (rc)
		unlink(path);
	return rc;
}

const struct store_ops store_ops_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.exec = sqlite_exec,
	.prepare = sqlite_prepare,
	.finish = sqlite_finish,
	.bind_int = sqlite_bind_int,
	.bind_double = sqlite_bind_double,
	.bind_text = sqlite_bind_text,
	.query = sqlite_query,
	.reset = sqlite_reset,
	.column_int = sqlite_column_int,
	.column_double = sqlite_column_double,
	.column_text = sqlite_column_text,
	.changes = sqlite_changes,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.lease_acquire = sqlite_lease_acquire,
	.lease_read = sqlite_lease_read,
	.hold_back = sqlite_hold_back,
	.copy = sqlite_copy,
};
