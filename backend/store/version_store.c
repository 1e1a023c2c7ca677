/* version_store.c: the versions that a project has, by name and by digest. */
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

static const struct db_field versions_fields[] = {
	DB_FIELD(version_row, project, DB_TEXT),
	DB_FIELD(version_row, name, DB_TEXT),
	DB_FIELD(version_row, digest, DB_TEXT),
	DB_FIELD(version_row, author, DB_TEXT),
	DB_FIELD(version_row, size_bytes, DB_BIGINT),
	DB_FIELD(version_row, files, DB_BIGINT),
	DB_FIELD(version_row, created_us, DB_BIGINT),
	DB_FIELD(version_row, revision, DB_BIGINT),
	DB_END,
};

enum {
	VERSION_SAVE,
	VERSION_FIND,
	VERSION_FIND_DIGEST,
	VERSION_LIST,
	VERSION_LIST_ALL,
	VERSION_COUNT
};

static const char *const versions_sql[VERSION_COUNT] = {
	[VERSION_SAVE] = "INSERT INTO versions ($COLUMNS) VALUES ($VALUES) ON CONFLICT (project, "
			 "name) DO UPDATE SET $SET",
	[VERSION_FIND] = "SELECT $COLUMNS FROM versions WHERE project = :project AND name = :name",
	[VERSION_FIND_DIGEST] =
		"SELECT $COLUMNS FROM versions WHERE project = :project AND digest = :name"
		" ORDER BY created_us LIMIT 1",
	[VERSION_LIST] = "SELECT $COLUMNS FROM versions WHERE project = :project"
			 " ORDER BY created_us DESC, name DESC",
	[VERSION_LIST_ALL] =
		"SELECT $COLUMNS FROM versions ORDER BY created_us DESC, project, name DESC",
};

const struct db_table versions_table = {"versions", versions_fields, versions_sql, VERSION_COUNT};

int store_save_version(struct store *s, const struct version_row *r, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_VERSIONS, VERSION_SAVE);

	db_bind_row(q, versions_fields, r);
	return store_run(s, q, e);
}

int store_find_version(struct store *s, const char *project, const char *name_or_digest,
	struct version_row *out, struct err *e)
{
	int rc = 0;

	/* A name is tried first; the digest is the version's true name. */
	for (int n = VERSION_FIND; n <= VERSION_FIND_DIGEST && rc == 0; n++) {
		struct db_query *q = store_query(s, TABLE_VERSIONS, n);

		db_bind_text(q, "project", project);
		db_bind_text(q, "name", name_or_digest);
		rc = db_find_row(q, versions_fields, out, e);
	}
	return rc;
}

static int each_versions(struct db_query *q, store_on_version fn, void *arg, struct err *e)
{
	const struct version_row *r;
	struct db_rows rows;
	int rc = db_collect(q, versions_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}

int store_list_versions(
	struct store *s, const char *project, store_on_version fn, void *arg, struct err *e)
{
	struct db_query *q =
		store_query(s, TABLE_VERSIONS, project ? VERSION_LIST : VERSION_LIST_ALL);

	if (project)
		db_bind_text(q, "project", project);
	return each_versions(q, fn, arg, e);
}
