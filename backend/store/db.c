/* db.c: statements as tables and rows by field, over any struct store_ops. Knows no schema. */
#include "backend/store/db.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

static void add_columns(struct buf *out, const struct db_field *f, const char *form)
{
	for (int i = 0; f[i].name; i++) {
		buf_adds(out, i ? ", " : "");
		for (const char *p = form; *p; p++) {
			if (*p == '#')
				buf_adds(out, f[i].name);
			else
				buf_addc(out, *p);
		}
	}
}

static void expand(const struct db_table *t, const char *sql, struct buf *out)
{
	static const struct {
		const char *word, *form;
	} forms[] = {{"$COLUMNS", "#"}, {"$VALUES", ":#"}, {"$SET", "# = excluded.#"}};

	while (*sql) {
		size_t i, n = strcspn(sql, "$");

		buf_add(out, sql, n);
		sql += n;
		if (!*sql)
			return;
		for (i = 0; strncmp(sql, forms[i].word, strlen(forms[i].word)) != 0;)
			must(++i < sizeof forms / sizeof forms[0]);
		add_columns(out, t->fields, forms[i].form);
		sql += strlen(forms[i].word);
	}
}

struct db_query **db_prepare(struct db *d, const struct db_table *t, struct err *e)
{
	struct db_query **queries = xcalloc((size_t)t->count, sizeof *queries);
	struct buf sql = {0};
	int bad = 0;

	for (int i = 0; i < t->count && !bad; i++) {
		buf_reset(&sql);
		expand(t, t->sql[i], &sql);
		queries[i] = d->ops->prepare(d, sql.data, e);
		bad = !queries[i];
	}
	buf_release(&sql);
	if (bad) {
		db_finish(queries, t->count);
		return NULL;
	}
	return queries;
}

void db_finish(struct db_query **queries, int count)
{
	if (!queries)
		return;
	for (int i = 0; i < count; i++)
		if (queries[i])
			queries[i]->db->ops->finish(queries[i]);
	free(queries);
}

void db_bind_row(struct db_query *q, const struct db_field *fields, const void *row)
{
	for (const struct db_field *f = fields; f->name; f++) {
		const void *at = (const char *)row + f->offset;

		if (f->type == DB_TEXT)
			db_bind_text(q, f->name, at);
		else if (f->type == DB_DOUBLE)
			db_bind_double(q, f->name, *(const double *)at);
		else
			db_bind_int(q, f->name,
				f->type == DB_INT ? *(const int *)at : *(const int64_t *)at);
	}
}

void db_read_row(struct db_query *q, const struct db_field *fields, int first, void *out)
{
	for (const struct db_field *f = fields; f->name; f++, first++) {
		void *at = (char *)out + f->offset;

		if (f->type == DB_TEXT)
			str_copy(at, f->size, db_text(q, first, NULL));
		else if (f->type == DB_DOUBLE)
			*(double *)at = db_double(q, first);
		else if (f->type == DB_INT)
			*(int *)at = (int)db_int(q, first);
		else
			*(int64_t *)at = db_int(q, first);
	}
}

void db_bind_int(struct db_query *q, const char *name, int64_t v)
{
	q->db->ops->bind_int(q, name, v);
}

void db_bind_double(struct db_query *q, const char *name, double v)
{
	q->db->ops->bind_double(q, name, v);
}

void db_bind_text(struct db_query *q, const char *name, const char *text)
{
	q->db->ops->bind_text(q, name, text ? text : "", text ? strlen(text) : 0);
}

int db_step(struct db_query *q, struct err *e)
{
	return q->db->ops->query(q, e);
}

void db_reset(struct db_query *q)
{
	q->db->ops->reset(q);
}

int64_t db_int(struct db_query *q, int column)
{
	return q->db->ops->column_int(q, column);
}

double db_double(struct db_query *q, int column)
{
	return q->db->ops->column_double(q, column);
}

const char *db_text(struct db_query *q, int column, size_t *n)
{
	size_t length;

	return q->db->ops->column_text(q, column, n ? n : &length);
}

int db_run(struct db_query *q, struct err *e)
{
	int rc;

	while ((rc = db_step(q, e)) > 0)
		;
	return rc;
}

int db_find_row(struct db_query *q, const struct db_field *fields, void *out, struct err *e)
{
	int rc = db_step(q, e);

	if (rc > 0) {
		db_read_row(q, fields, 0, out);
		db_reset(q);
	}
	return rc;
}

int db_collect(struct db_query *q, const struct db_field *fields, size_t size, struct db_rows *out,
	struct err *e)
{
	struct db_rows rows = {.size = size};
	int room = 0, rc;

	while ((rc = db_step(q, e)) > 0) {
		if (rows.count == room) {
			room = room ? 2 * room : 16;
			rows.data = xrealloc(rows.data, (size_t)room, size);
		}
		memset(rows.data + (size_t)rows.count * size, 0, size);
		db_read_row(q, fields, 0, rows.data + (size_t)rows.count++ * size);
	}
	if (rc < 0)
		db_rows_release(&rows);
	*out = rows;
	return rc;
}

const void *db_row_get(const struct db_rows *rows, int i)
{
	return i < rows->count ? rows->data + (size_t)i * rows->size : NULL;
}

void db_rows_release(struct db_rows *rows)
{
	free(rows->data);
	*rows = (struct db_rows){.size = rows->size};
}
