/* migrations.h: the schema of both databases, as rows that are only ever added to. Called by
 * store_open. */
#ifndef PITHEAD_BACKEND_STORE_MIGRATIONS_H
#define PITHEAD_BACKEND_STORE_MIGRATIONS_H

#include "backend/store/db.h"

struct migration {
	int version; /* 1, 2, … without gaps; a row with version 0 ends the table */
	const char *name;
	const char *sql;
};

extern const struct migration state_migrations[];
extern const struct migration telemetry_migrations[];

/* Brings d up to the last row, each row in one transaction with its version. With `copy` an
 * existing database is first copied to PATH.v<version>.bak. A newer one than the table knows is
 * refused. 0 or ERR_*. */
int migrations_run(struct db *d, const struct migration *rows, int copy, struct err *e);

/* For readers, who change nothing: 0 if d is at the last row, else ERR_* with a sentence. */
int migrations_check(struct db *d, const struct migration *rows, struct err *e);

/* The version of the last row. */
int migrations_last(const struct migration *rows);

#endif
