/* codec_schema.c: the schema's rows as JSON Schema 2020-12, for editors that check pithead.yaml
 * while it is typed. What rows cannot say (two listeners on one address) it does not say. */
#include "backend/spec/spec_priv.h"

#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"

static cJSON *field_schema(const struct spec_field *f);

static cJSON *section_schema(const struct spec_section *s)
{
	cJSON *o = cJSON_CreateObject(), *properties, *required;

	json_put_str(o, "type", "object");
	properties = json_put_object(o, "properties");
	for (int i = 0; i < s->count; i++)
		cJSON_AddItemToObject(properties, s->fields[i].key, field_schema(&s->fields[i]));
	required = cJSON_CreateArray();
	for (int i = 0; i < s->count; i++)
		if (s->fields[i].required)
			cJSON_AddItemToArray(required, cJSON_CreateString(s->fields[i].key));
	if (cJSON_GetArraySize(required))
		cJSON_AddItemToObject(o, "required", required);
	else
		cJSON_Delete(required);
	json_put_bool(o, "additionalProperties", 0);
	return o;
}

static void scalar_schema(cJSON *o, const struct spec_field *f)
{
	if (f->words) {
		cJSON *words = json_put_array(o, "enum");

		for (int i = 0; f->words[i]; i++)
			cJSON_AddItemToArray(words, cJSON_CreateString(f->words[i]));
	} else if (f->type->number) {
		json_put_str(o, "type", "integer");
		json_put_int(o, "minimum", f->min);
		json_put_int(o, "maximum", f->max);
	} else {
		json_put_str(o, "type", "string");
		json_put_str(o, "pattern", f->type->pattern);
		if (f->type == &type_text)
			json_put_int(o, "maxLength", (int64_t)f->size - 1);
	}
}

static void named_schema(cJSON *o, const struct spec_array *a, cJSON *item)
{
	json_put_str(o, "type", "object");
	if (a && a->names) {
		cJSON *words = json_put_array(json_put_object(o, "propertyNames"), "enum");

		for (int i = 0; a->names[i]; i++)
			cJSON_AddItemToArray(words, cJSON_CreateString(a->names[i]));
	} else {
		json_put_str(json_put_object(o, "propertyNames"), "pattern",
			a && a->name_type ? a->name_type->pattern : type_name.pattern);
	}
	if (a)
		json_put_int(o, "maxProperties", a->most);
	cJSON_AddItemToObject(o, "additionalProperties", item);
}

static void list_schema(cJSON *o, const struct spec_field *f)
{
	cJSON *list = o;

	if (f->inline_text) {
		cJSON *either = json_put_array(o, "anyOf"), *text = cJSON_CreateObject();

		list = cJSON_CreateObject();
		json_put_str(text, "type", "string");
		cJSON_AddItemToArray(either, list);
		cJSON_AddItemToArray(either, text);
	}
	json_put_str(list, "type", "array");
	cJSON_AddItemToObject(list, "items", field_schema(f->item));
	json_put_int(list, "minItems", f->array->least);
	json_put_int(list, "maxItems", f->array->most);
}

/* A mapping, or the text that stands for one key of it. */
static cJSON *map_schema(const struct spec_field *f)
{
	cJSON *o, *either;

	if (!f->bare)
		return section_schema(f->sub);
	o = cJSON_CreateObject();
	either = json_put_array(o, "anyOf");
	for (int i = 0; i < f->sub->count; i++)
		if (strcmp(f->sub->fields[i].key, f->bare) == 0)
			cJSON_AddItemToArray(either, field_schema(&f->sub->fields[i]));
	cJSON_AddItemToArray(either, section_schema(f->sub));
	return o;
}

static cJSON *field_schema(const struct spec_field *f)
{
	cJSON *o = f->kind == FIELD_MAP ? map_schema(f) : cJSON_CreateObject();

	if (f->kind == FIELD_SCALAR && f->list_text) {
		cJSON *either = json_put_array(o, "anyOf"), *text = cJSON_CreateObject();
		cJSON *list = cJSON_CreateObject();

		scalar_schema(text, f);
		json_put_str(list, "type", "array");
		json_put_str(json_put_object(list, "items"), "type", "string");
		json_put_int(list, "minItems", 1);
		cJSON_AddItemToArray(either, text);
		cJSON_AddItemToArray(either, list);
	} else if (f->kind == FIELD_SCALAR) {
		scalar_schema(o, f);
	} else if (f->kind == FIELD_NAMED) {
		named_schema(o, f->array, field_schema(f->item));
	} else if (f->kind == FIELD_LIST) {
		list_schema(o, f);
	} else if (f->kind == FIELD_LOOSE) {
		cJSON *any = cJSON_CreateObject();

		json_put_str(any, "type", "object");
		named_schema(o, NULL, any);
	}
	if (f->help)
		json_put_str(o, "description", f->help);
	if (f->fallback && f->type && f->type->number)
		cJSON_AddRawToObject(o, "default", f->fallback);
	else if (f->fallback)
		json_put_str(o, "default", f->fallback);
	return o;
}

void spec_format_schema(struct buf *out)
{
	cJSON *o = cJSON_CreateObject(), *rows = section_schema(&spec_top), *v;
	char *text;

	json_put_str(o, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_put_str(o, "title", "pithead.yaml");
	while ((v = rows->child)) {
		char *key = v->string;

		cJSON_DetachItemViaPointer(rows, v);
		v->string = NULL;
		cJSON_AddItemToObject(o, key, v);
		cJSON_free(key);
	}
	text = cJSON_Print(o);
	must(text);
	buf_adds(out, text);
	buf_addc(out, '\n');
	cJSON_free(text);
	cJSON_Delete(rows);
	cJSON_Delete(o);
}
