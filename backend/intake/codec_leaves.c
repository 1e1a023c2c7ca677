/* codec_leaves.c: walks a JSON tree and writes down its scalars. See leaves.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"
#include "backend/intake/leaves.h"

#define LEAVES_MOST 256
#define LIST_MOST   16 /* members of one list that are looked at */
#define DEPTH_MOST  16

struct walk {
	struct leaves *out;
	int groups;
};

/* Where the walk is. */
struct place {
	char path[INTAKE_PATH], name[64], hints[160];
	const cJSON *columns; /* the names of a row's cells; NULL = they have none */
	int at, group, row, depth;
};

/* What a path of the spec may hold. A name that is a number means a list's place too, and is read
 * as either. */
static int name_fits(const char *name)
{
	return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789_-")] == '\0';
}

static void add(struct walk *w, const cJSON *v, const struct place *p)
{
	struct leaf *l;

	if (w->out->count == LEAVES_MOST) {
		w->out->left_out++;
		return;
	}
	l = &w->out->list[w->out->count];
	*l = (struct leaf){.group = p->group, .place = p->at, .row = p->row, .depth = p->depth};
	if (cJSON_IsNumber(v) && isfinite(v->valuedouble)) {
		l->kind = LEAF_NUMBER;
		l->number = v->valuedouble;
	} else if (cJSON_IsString(v)) {
		l->kind = LEAF_TEXT;
		l->cut = !str_copy(l->text, sizeof l->text, v->valuestring);
	} else if (cJSON_IsBool(v)) {
		l->kind = LEAF_BOOL;
		l->number = cJSON_IsTrue(v);
	} else {
		return;
	}
	str_copy(l->path, sizeof l->path, p->path[0] ? p->path : ".");
	str_copy(l->name, sizeof l->name, p->name);
	str_copy(l->hints, sizeof l->hints, p->hints);
	w->out->count++;
}

/* What a column is called, as in {"name": "age", "shape": [1], "data": [41]}; "" = it is none. */
static const char *column_name(const cJSON *object)
{
	return json_get(object, "data") || json_get(object, "value") || json_get(object, "values")
		       ? json_str(object, "name", "")
		       : "";
}

/* What stands beside the data of a column. */
static int describes(const char *member)
{
	return strcmp(member, "name") == 0 || strcmp(member, "shape") == 0 ||
	       strcmp(member, "datatype") == 0 || strcmp(member, "parameters") == 0;
}

/* The names of the cells of each row, as in {"columns": ["age"], "data": [[41]]} of pandas and
 * MLflow, or {"names": ["age"], "ndarray": [[41]]}; NULL = it has none. *rows is the list of rows.
 */
static const cJSON *columns_find(const cJSON *object, const cJSON **rows)
{
	static const struct {
		const char *names, *rows;
	} forms[] = {{"columns", "data"}, {"names", "ndarray"}, {"columns", "rows"},
		{"fields", "values"}};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		const cJSON *names = json_get(object, forms[i].names), *name;
		int texts = cJSON_IsArray(names) && names->child != NULL;

		*rows = json_get(object, forms[i].rows);
		cJSON_ArrayForEach(name, names)
			texts &= cJSON_IsString(name);
		if (texts && cJSON_IsArray(*rows) && cJSON_IsArray((*rows)->child) &&
			cJSON_GetArraySize((*rows)->child) == cJSON_GetArraySize(names))
			return names;
	}
	return NULL;
}

/* What stands beside the rows of a table, and says the same for each request. */
static int describes_table(const cJSON *member, const cJSON *columns)
{
	return columns && (member == columns || strcmp(member->string, "index") == 0);
}

/* p one step further: 0 when no path can name it. */
static int step(const struct place *p, const char *part, const char *name, struct place *out)
{
	*out = *p;
	out->depth++;
	if ((size_t)snprintf(out->path, sizeof out->path, "%s%s%s", p->path, p->path[0] ? "." : "",
		    part) >= sizeof out->path)
		return 0;
	if (!*name)
		return 1;
	snprintf(out->hints, sizeof out->hints, "%s %s", p->hints, name);
	str_copy(out->name, sizeof out->name, name);
	return 1;
}

static void walk_value(struct walk *w, const cJSON *v, const struct place *p);

static void walk_object(struct walk *w, const cJSON *v, const struct place *p)
{
	int group = ++w->groups;
	const char *column = column_name(v);
	const cJSON *member, *rows, *columns = columns_find(v, &rows);

	cJSON_ArrayForEach(member, v) {
		struct place from = *p, next;

		from.at = -1;
		from.group = group;
		from.columns = member == rows ? columns : NULL;
		if ((*column && describes(member->string)) || describes_table(member, columns))
			continue;
		if (!name_fits(member->string) ||
			!step(&from, member->string, *column ? column : member->string, &next))
			str_copy(w->out->unnamed, sizeof w->out->unnamed, member->string);
		else
			walk_value(w, member, &next);
	}
}

/* A list of objects or lists has rows, unless they are columns. */
static int has_rows(const cJSON *list)
{
	const cJSON *first = list->child;

	return first && (cJSON_IsArray(first) || (cJSON_IsObject(first) && !*column_name(first)));
}

static void walk_list(struct walk *w, const cJSON *v, const struct place *p)
{
	int group = ++w->groups, size = cJSON_GetArraySize(v), rows = has_rows(v), i = 0;
	const cJSON *column = rows || !p->columns ? NULL : p->columns->child;
	const cJSON *item;

	if (rows && size > w->out->rows)
		w->out->rows = size;
	cJSON_ArrayForEach(item, v) {
		struct place from = *p, next;
		char number[16];

		if (i == LIST_MOST) {
			w->out->left_out += size - i;
			return;
		}
		/* The cells of a named column are as the members of an object. */
		from.at = column ? -1 : i;
		from.columns = rows ? p->columns : NULL;
		from.group = group;
		from.row = rows && i > from.row ? i : from.row;
		snprintf(number, sizeof number, "%d", i++);
		if (step(&from, number, column ? column->valuestring : "", &next))
			walk_value(w, item, &next);
		column = column ? column->next : NULL;
	}
}

static void walk_value(struct walk *w, const cJSON *v, const struct place *p)
{
	if (p->depth > DEPTH_MOST)
		w->out->left_out++;
	else if (cJSON_IsObject(v))
		walk_object(w, v, p);
	else if (cJSON_IsArray(v))
		walk_list(w, v, p);
	else
		add(w, v, p);
}

int leaves_parse(const char *text, size_t n, const char *what, struct leaves *out, struct err *e)
{
	cJSON *v = json_parse(text, n, what, e);
	struct walk w = {.out = out};

	*out = (struct leaves){0};
	if (!v)
		return ERR_INVALID;
	out->list = xcalloc(LEAVES_MOST, sizeof *out->list);
	walk_value(&w, v, &(struct place){.at = -1});
	cJSON_Delete(v);
	return 0;
}

void leaves_release(struct leaves *l)
{
	free(l->list);
	*l = (struct leaves){0};
}

void leaf_format(const struct leaf *l, char *out, size_t size)
{
	if (l->kind == LEAF_NUMBER)
		snprintf(out, size, "%.6g", l->number);
	else if (l->kind == LEAF_BOOL)
		snprintf(out, size, "%s", l->number != 0 ? "true" : "false");
	else
		snprintf(out, size, "\"%.24s%s\"", l->text,
			l->cut || strlen(l->text) > 24 ? "..." : "");
}
