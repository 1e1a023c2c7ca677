/* codec_spec.c: endpoints and access as JSON and back, for the store. The JSON has the keys and
 * the texts of the file, in the order of the schema's rows, and is read by the same rows, so what
 * the store hands back has passed every check again. */
#include "backend/spec/spec_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"

static cJSON *section_json(const struct spec_section *s, const void *base);

static cJSON *scalar_json(const struct spec_field *f, const void *member)
{
	struct buf text = {0};
	cJSON *v = NULL;

	if (f->type->format(f, member, &text))
		v = f->type->number ? cJSON_CreateNumber(atoi(buf_text(&text)))
				    : cJSON_CreateString(buf_text(&text));
	buf_release(&text);
	return v;
}

/* The short form where it says all. */
static cJSON *map_json(const struct spec_field *f, const void *holder)
{
	cJSON *o = section_json(f->sub, holder), *only = o->child;

	if (!f->bare || !only || only->next || strcmp(only->string, f->bare) != 0)
		return o;
	cJSON_DetachItemViaPointer(o, only);
	cJSON_free(only->string);
	only->string = NULL;
	cJSON_Delete(o);
	return only;
}

/* The value of one row, or NULL when it is unset. */
static cJSON *field_json(const struct spec_field *f, const char *base)
{
	const char *holder = base + f->offset, *items;
	cJSON *out;
	int count;

	if (f->kind == FIELD_SCALAR)
		return scalar_json(f, holder);
	if (f->kind == FIELD_MAP)
		return map_json(f, holder);
	if (f->kind == FIELD_LOOSE || f->array->owned) /* endpoints are rows of their own */
		return NULL;
	count = *(const int *)(const void *)(holder + f->array->count);
	items = holder + f->array->items;
	if (count == 0 && f->key) /* an item without a key of its own stays, empty */
		return NULL;
	out = f->kind == FIELD_LIST ? cJSON_CreateArray() : cJSON_CreateObject();
	for (int i = 0; i < count; i++, items += f->array->element) {
		cJSON *v = field_json(f->item, items);

		must(v);
		if (f->kind == FIELD_LIST)
			cJSON_AddItemToArray(out, v);
		else
			cJSON_AddItemToObject(out, items, v);
	}
	return out;
}

static cJSON *section_json(const struct spec_section *s, const void *base)
{
	cJSON *o = cJSON_CreateObject();

	for (int i = 0; i < s->count; i++) {
		cJSON *v = field_json(&s->fields[i], base);

		/* A section of which nothing is given is not there. */
		if (v && s->fields[i].kind == FIELD_MAP && !v->child) {
			cJSON_Delete(v);
			v = NULL;
		}
		if (v)
			cJSON_AddItemToObject(o, s->fields[i].key, v);
	}
	return o;
}

static struct node *text_node(struct spec_reading *r, const char *text)
{
	struct node *n = node_new(NODE_TEXT, (struct mark){0, 0});

	n->text = xstrdup(text);
	node_check_text(n, strlen(text), r);
	return n;
}

/* A JSON value as the tree that the readers walk. */
static struct node *tree_of(struct spec_reading *r, const cJSON *v, int depth)
{
	struct node *n;

	if (cJSON_IsString(v))
		return text_node(r, v->valuestring);
	if (cJSON_IsNumber(v)) {
		char number[32];

		snprintf(number, sizeof number, "%.15g", v->valuedouble);
		return text_node(r, number);
	}
	if ((!cJSON_IsObject(v) && !cJSON_IsArray(v)) || depth > SPEC_DEPTH_MOST) {
		spec_fault_add(r, (struct mark){0, 0},
			"true, false, null and nesting deeper than %d stand for nothing here",
			SPEC_DEPTH_MOST);
		n = text_node(r, "");
		n->refused = 1;
		return n;
	}
	n = node_new(cJSON_IsObject(v) ? NODE_MAP : NODE_LIST, (struct mark){0, 0});
	for (const cJSON *item = v->child; item; item = item->next)
		node_add(n, cJSON_IsObject(v) ? text_node(r, item->string) : NULL,
			tree_of(r, item, depth + 1));
	if (n->kind == NODE_MAP)
		node_check_twice(n, r);
	return n;
}

/* Parses an object; NULL with *e when it is none. */
static cJSON *object_parse(const char *json, const char *what, struct err *e)
{
	size_t n = strlen(json);
	cJSON *v;

	if (n > SPEC_BYTES_MOST) {
		err_set(e, ERR_TOO_LARGE, "%s: %zu bytes of JSON; at most %d are read", what, n,
			SPEC_BYTES_MOST);
		return NULL;
	}
	v = json_parse(json, n, what, e);
	if (v && !cJSON_IsObject(v)) {
		err_set(e, ERR_INVALID, "%s: expected a JSON object", what);
		cJSON_Delete(v);
		v = NULL;
	}
	return v;
}

/* What the rows' fallbacks say of an endpoint that is only looked at means nothing. */
static void drop_unobserved(cJSON *o, int in_rollout)
{
	for (cJSON *v = o ? o->child : NULL, *next; v; v = next) {
		next = v->next;
		if (!spec_observed_key(v->string, in_rollout))
			cJSON_Delete(cJSON_DetachItemViaPointer(o, v));
	}
}

char *spec_endpoint_format_json(const struct spec_endpoint *ep)
{
	cJSON *o = cJSON_CreateObject(), *fields = section_json(&spec_endpoint_section, ep), *v;
	char *text;

	if (spec_is_observed(ep)) {
		drop_unobserved(fields, 0);
		drop_unobserved(cJSON_GetObjectItemCaseSensitive(fields, "rollout"), 1);
	}
	json_put_str(o, "name", ep->name);
	json_put_int(o, "line", ep->line);
	while ((v = fields->child)) {
		cJSON_DetachItemViaPointer(fields, v);
		char *key = v->string;
		v->string = NULL;
		cJSON_AddItemToObject(o, key, v);
		cJSON_free(key);
	}
	text = json_format(o);
	cJSON_Delete(fields);
	cJSON_Delete(o);
	return text;
}

int spec_endpoint_parse_json(const char *json, struct spec_endpoint *out, struct err *e)
{
	struct spec_faults faults = {0};
	struct spec_reading r = {.faults = &faults};
	struct spec_endpoint ep = {0};
	struct spec_field name_row = {.key = "name", .type = &type_name, .size = sizeof ep.name};
	struct node *map;
	cJSON *o = object_parse(json, "endpoint", e);
	const char *name = json_str(o, "name", "");
	int64_t line = json_int(o, "line", 0);
	int rc;

	if (!o)
		return e ? e->code : ERR_INVALID;
	if (name_row.type->parse(&name_row, name, ep.name, NULL) < 0) {
		cJSON_Delete(o);
		return err_set(e, ERR_INVALID, "endpoint: `name` is missing or is no name");
	}
	ep.line = line > 0 && line <= SPEC_BYTES_MOST ? (int)line : 0;
	cJSON_DeleteItemFromObjectCaseSensitive(o, "name");
	cJSON_DeleteItemFromObjectCaseSensitive(o, "line");
	map = tree_of(&r, o, 0);
	spec_section_read(&r, &spec_endpoint_section, map, (struct mark){0, 0}, &ep);
	if (faults.count == 0)
		spec_check_endpoint(&r, &ep, (struct mark){0, 0});
	node_free(map);
	cJSON_Delete(o);
	rc = spec_reading_end(&r, ep.name, e);
	if (rc == 0)
		*out = ep;
	spec_faults_release(&faults);
	return rc;
}

char *spec_access_format_json(const struct spec *s)
{
	cJSON *o = section_json(&spec_top, s);
	char *text = json_format(o);

	cJSON_Delete(o);
	return text;
}

struct spec *spec_access_parse_json(const char *json, struct err *e)
{
	struct spec_faults faults = {0};
	struct spec_reading r = {.faults = &faults};
	cJSON *o = object_parse(json, "access", e);
	struct spec *s;
	struct node *map;

	if (!o)
		return NULL;
	s = xcalloc(1, sizeof *s);
	map = tree_of(&r, o, 0);
	spec_section_read(&r, &spec_top, map, (struct mark){0, 0}, s);
	spec_check(&r, map, s);
	node_free(map);
	cJSON_Delete(o);
	if (spec_reading_end(&r, "access", e) < 0) {
		spec_free(s);
		s = NULL;
	}
	spec_faults_release(&faults);
	return s;
}
