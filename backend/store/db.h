/* db.h: the thin layer between the store and a database. `struct store_ops` is what a database must
 * do; SQLite is the first row of it (db_sqlite.c). SQL stays in the subset that PostgreSQL takes:
 * parameters by name, types BIGINT, TEXT and DOUBLE PRECISION. Only backend/store/ calls it. */
#ifndef PITHEAD_BACKEND_STORE_DB_H
#define PITHEAD_BACKEND_STORE_DB_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

struct db;	 /* one connection */
struct db_query; /* one prepared statement of it */

enum db_mode {
	DB_READ_ONLY,
	DB_FAST,
	DB_DURABLE
}; /* FAST may lose the last second in a power cut */

struct store_ops {
	const char *name;
	/* Opens (makes, unless read only) the database at path. */
	struct db *(*open)(const char *path, enum db_mode mode, struct err *e);
	void (*close)(struct db *d);
	/* Runs a script of statements without parameters. */
	int (*exec)(struct db *d, const char *sql, struct err *e);
	struct db_query *(*prepare)(struct db *d, const char *sql, struct err *e);
	void (*finish)(struct db_query *q);
	/* Parameters by name, without the colon. Text is borrowed until the query is reset. A name
	 * that the statement lacks is passed over. */
	void (*bind_int)(struct db_query *q, const char *name, int64_t v);
	void (*bind_double)(struct db_query *q, const char *name, double v); /* NAN = null */
	void (*bind_text)(struct db_query *q, const char *name, const char *text, size_t n);
	/* 1 a row, 0 the end (the query is then reset), negative ERR_* (reset too). */
	int (*query)(struct db_query *q, struct err *e);
	void (*reset)(struct db_query *q);
	int64_t (*column_int)(struct db_query *q, int i);
	double (*column_double)(struct db_query *q, int i);		  /* null = NAN */
	const char *(*column_text)(struct db_query *q, int i, size_t *n); /* until the next step */
	int64_t (*changes)(struct db *d);	   /* rows that the last write touched */
	int (*begin)(struct db *d, struct err *e); /* for writing, at once */
	int (*commit)(struct db *d, struct err *e);
	void (*rollback)(struct db *d); /* safe when nothing is open */
	/* Takes the writer's term: its new epoch, or negative ERR_*. Inside a transaction,
	 * lease_read tells the epoch now in force. */
	int64_t (*lease_acquire)(struct db *d, struct err *e);
	int64_t (*lease_read)(struct db *d, struct err *e);
	/* on = 1: what is written from now on stays in the log beside the file, so that removing
	 * the log takes it back; also after a close. on = 0: all of it goes where it belongs. */
	int (*hold_back)(struct db *d, int on, struct err *e);
	/* A consistent copy of the database into the file at path. */
	int (*copy)(struct db *d, const char *path, struct err *e);
};

extern const struct store_ops store_ops_sqlite;

/* What every implementation's struct starts with. */
struct db {
	const struct store_ops *ops;
	char *path; /* owned */
};
struct db_query {
	struct db *db;
};

/* A row's members as columns, for binding and reading by table. */
enum db_type { DB_BIGINT, DB_INT, DB_TEXT, DB_DOUBLE };
struct db_field {
	const char *name;
	enum db_type type;
	size_t offset, size;
};
#define DB_FIELD(row, member, type)                                                                \
	{                                                                                          \
#member, type, offsetof(struct row, member), sizeof(((struct row *)0)->member)     \
	}
#define DB_NAMED(row, member, column, type)                                                        \
	{                                                                                          \
		column, type, offsetof(struct row, member), sizeof(((struct row *)0)->member)      \
	}
#define DB_END                                                                                     \
	{                                                                                          \
		0                                                                                  \
	}

/* The statements of one table. In the text, $COLUMNS stands for the fields' names, $VALUES for
 * them as parameters, $SET for the assignments of an upsert, so that they cannot drift apart. */
struct db_table {
	const char *name;
	const struct db_field *fields; /* ended by DB_END; NULL = none */
	const char *const *sql;	       /* indexed by the file's own enum */
	int count;
};

/* Prepares all statements of t into a new array of t->count; NULL with *e. */
struct db_query **db_prepare(struct db *d, const struct db_table *t, struct err *e);
void db_finish(struct db_query **queries, int count);

/* Binds every field of row / reads the current row into out (columns in the fields' order, from
 * column `first`). Texts that do not fit are cut. */
void db_bind_row(struct db_query *q, const struct db_field *fields, const void *row);
void db_read_row(struct db_query *q, const struct db_field *fields, int first, void *out);

void db_bind_int(struct db_query *q, const char *name, int64_t v);
void db_bind_double(struct db_query *q, const char *name, double v);
void db_bind_text(struct db_query *q, const char *name, const char *text); /* NULL = "" */
int db_step(struct db_query *q, struct err *e);
void db_reset(struct db_query *q);
int64_t db_int(struct db_query *q, int column);
double db_double(struct db_query *q, int column);
const char *db_text(struct db_query *q, int column, size_t *n); /* n may be NULL */

/* Runs a statement to its end: 0 or negative. */
int db_run(struct db_query *q, struct err *e);

/* Reads the one row that is expected: 1 and *out, 0 none. */
int db_find_row(struct db_query *q, const struct db_field *fields, void *out, struct err *e);

/* All rows at once, so that a caller may use the store while walking them. */
struct db_rows {
	char *data; /* owned: count rows of `size` bytes */
	size_t size;
	int count;
};
int db_collect(struct db_query *q, const struct db_field *fields, size_t size, struct db_rows *out,
	struct err *e);
/* The i-th row, or NULL behind the last. */
const void *db_row_get(const struct db_rows *rows, int i);
void db_rows_release(struct db_rows *rows);

#endif
