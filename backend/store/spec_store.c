/* spec_store.c: every applied spec, whole, by project and the sequence of its apply. The current
 * one is the newest. */
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/store/store_priv.h"

static const struct db_field specs_fields[] = {
	DB_FIELD(spec_row, project, DB_TEXT),
	DB_FIELD(spec_row, digest, DB_TEXT),
	DB_NAMED(spec_row, commit, "git_commit", DB_TEXT),
	DB_FIELD(spec_row, author, DB_TEXT),
	DB_FIELD(spec_row, dirty, DB_INT),
	DB_FIELD(spec_row, seq, DB_BIGINT),
	DB_FIELD(spec_row, at_us, DB_BIGINT),
	DB_END,
};

enum { SPEC_SAVE, SPEC_FIND, SPEC_CURRENT, SPEC_LIST, SPEC_COUNT };

static const char *const specs_sql[SPEC_COUNT] = {
	[SPEC_SAVE] = "INSERT INTO specs ($COLUMNS, spec_text, access_json)"
		      " VALUES ($VALUES, :spec_text, :access_json) ON CONFLICT (project, seq)"
		      " DO UPDATE SET $SET, spec_text = excluded.spec_text,"
		      " access_json = excluded.access_json",
	[SPEC_FIND] = "SELECT $COLUMNS, spec_text, access_json FROM specs"
		      " WHERE project = :project AND seq = :seq",
	[SPEC_CURRENT] = "SELECT $COLUMNS, spec_text, access_json FROM specs"
			 " WHERE project = :project ORDER BY seq DESC LIMIT 1",
	[SPEC_LIST] = "SELECT $COLUMNS FROM specs AS s WHERE seq ="
		      " (SELECT MAX(t.seq) FROM specs AS t WHERE t.project = s.project)"
		      " ORDER BY project",
};

const struct db_table specs_table = {"specs", specs_fields, specs_sql, SPEC_COUNT};

int store_save_spec(struct store *s, const struct spec_row *r, const char *text,
	const char *access_json, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_SPECS, SPEC_SAVE);

	db_bind_row(q, specs_fields, r);
	db_bind_text(q, "spec_text", text);
	db_bind_text(q, "access_json", access_json);
	return store_run(s, q, e);
}

int store_find_spec(struct store *s, const char *project, int64_t seq, struct spec_row *out,
	struct buf *text, struct buf *access_json, struct err *e)
{
	struct db_query *q = store_query(s, TABLE_SPECS, seq ? SPEC_FIND : SPEC_CURRENT);
	int rc, width = (int)(sizeof specs_fields / sizeof specs_fields[0]) - 1;

	db_bind_text(q, "project", project);
	db_bind_int(q, "seq", seq);
	rc = db_step(q, e);
	if (rc <= 0)
		return rc;
	if (out)
		db_read_row(q, specs_fields, 0, out);
	if (text)
		buf_adds(text, db_text(q, width, NULL));
	if (access_json)
		buf_adds(access_json, db_text(q, width + 1, NULL));
	db_reset(q);
	return 1;
}

int store_list_specs(struct store *s, store_on_spec fn, void *arg, struct err *e)
{
	const struct spec_row *r;
	struct db_rows rows;
	int rc = db_collect(
		store_query(s, TABLE_SPECS, SPEC_LIST), specs_fields, sizeof *r, &rows, e);

	for (int i = 0; !rc && (r = db_row_get(&rows, i)); i++)
		rc = fn(arg, r);
	db_rows_release(&rows);
	return rc < 0 ? rc : 0;
}
