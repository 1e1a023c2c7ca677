/* codec_openapi.c: the description of the API, made from the table of routes, so that it cannot
 * say anything else than what is served. */
#include "backend/api/codec.h"

#include <string.h>

#include "backend/base/json.h"
#include "backend/wire/paths.h"

static cJSON *typed(const char *type)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "type", type);
	return o;
}

static cJSON *pattern(const char *regex)
{
	cJSON *o = typed("string");

	json_put_str(o, "pattern", regex);
	return o;
}

static cJSON *ranged(double most)
{
	cJSON *o = typed("integer");

	json_put_num(o, "minimum", 0);
	json_put_num(o, "maximum", most);
	return o;
}

static cJSON *outcomes_schema(void)
{
	cJSON *o = typed("array"), *item = typed("object"), *p;

	json_put_int(o, "maxItems", 1000);
	p = json_put_object(item, "properties");
	cJSON_AddItemToObject(p, "id", typed("string"));
	cJSON_AddItemToObject(p, "name", typed("string"));
	cJSON_AddItemToObject(p, "value", typed("number"));
	p = json_put_array(item, "required");
	cJSON_AddItemToArray(p, cJSON_CreateString("id"));
	cJSON_AddItemToArray(p, cJSON_CreateString("name"));
	cJSON_AddItemToArray(p, cJSON_CreateString("value"));
	json_put_bool(item, "additionalProperties", 0);
	cJSON_AddItemToObject(o, "items", item);
	return o;
}

/* An object of these members, of which the first `least` must be there. */
static cJSON *closed_object(const char *const names[][2], int least)
{
	cJSON *o = typed("object"), *p = json_put_object(o, "properties"), *list;

	for (int i = 0; names[i][0]; i++)
		cJSON_AddItemToObject(p, names[i][0], typed(names[i][1]));
	list = json_put_array(o, "required");
	for (int i = 0; i < least; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(names[i][0]));
	json_put_bool(o, "additionalProperties", 0);
	return o;
}

static cJSON *predictions_schema(void)
{
	static const char *const score[][2] = {{"id", "string"}, {"score", "number"}, {NULL, NULL}};
	static const char *const request[][2] = {{"endpoint", "string"}, {"version", "string"},
		{"status", "integer"}, {"ms", "number"}, {"time", "number"}, {NULL, NULL}};
	cJSON *o = typed("array"), *item = json_put_object(o, "items"),
	      *any = json_put_array(item, "anyOf");

	json_put_int(o, "maxItems", 1000);
	cJSON_AddItemToArray(any, closed_object(score, 2));
	cJSON_AddItemToArray(any, closed_object(request, 3));
	return o;
}

static cJSON *schema_of(enum field_type type)
{
	cJSON *o, *list;

	switch (type) {
	case FIELD_NAME:
		return pattern("^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$");
	case FIELD_ID:
		return pattern("^[A-Za-z0-9_][A-Za-z0-9._-]*([/~][A-Za-z0-9_][A-Za-z0-9._-]*)?$");
	case FIELD_SEGMENT:
		return pattern("^[A-Za-z0-9_:][A-Za-z0-9._:-]{0,59}$");
	case FIELD_INT:
		return ranged(9007199254740992.0);
	case FIELD_SHARE:
		return ranged(SHARE_ALL);
	case FIELD_SHARE_NULL:
		o = ranged(SHARE_ALL);
		list = cJSON_CreateArray();
		cJSON_AddItemToArray(list, cJSON_CreateString("integer"));
		cJSON_AddItemToArray(list, cJSON_CreateString("null"));
		cJSON_ReplaceItemInObject(o, "type", list);
		return o;
	case FIELD_BOOL:
		return typed("boolean");
	case FIELD_OUTCOMES:
		return outcomes_schema();
	case FIELD_PREDICTIONS:
		return predictions_schema();
	case FIELD_REASON:
		o = typed("string");
		json_put_int(o, "maxLength", 500);
		return o;
	case FIELD_TEXT:
	case FIELD_REGEX:
		break;
	}
	return typed("string");
}

static void add_parameter(cJSON *list, const char *in, const char *name, int required,
	const char *help, cJSON *schema)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "name", name);
	json_put_str(o, "in", in);
	json_put_bool(o, "required", required);
	json_put_str(o, "description", help);
	cJSON_AddItemToObject(o, "schema", schema);
	cJSON_AddItemToArray(list, o);
}

/* {x} of the pattern. */
static void add_path_parameters(cJSON *list, const struct route *r)
{
	for (const char *p = strchr(r->pattern, '{'); p; p = strchr(p + 1, '{')) {
		int number = r->scope == SCOPE_ROLLOUT || r->scope == SCOPE_CHANGE ||
			     r->scope == SCOPE_ALERT || r->scope == SCOPE_PROPOSAL;
		char name[32] = "";

		strncat(name, p + 1, strcspn(p + 1, "}") < 31 ? strcspn(p + 1, "}") : 31);
		add_parameter(list, "path", name, 1,
			number ? "its number" : "PROJECT~NAME, or NAME where it is unique",
			number ? schema_of(FIELD_INT) : typed("string"));
	}
}

static void add_head_parameters(cJSON *list, const struct route *r)
{
	add_parameter(
		list, "header", HEADER_ROLE, 0, "lowers the role of this request", typed("string"));
	add_parameter(list, "header", HEADER_REQUEST_ID, 0, "returned, and kept in the audit log",
		pattern("^[A-Za-z0-9._-]{1,64}$"));
	if (!r->mutates)
		return;
	add_parameter(list, "query", "dry_run", 0, "1 = only the plan", typed("boolean"));
	add_parameter(list, "header", HEADER_VIA, 0, "console or command", typed("string"));
	add_parameter(
		list, "header", HEADER_REVISION, 0, "the revision that was seen", typed("string"));
	add_parameter(list, "header", HEADER_IDEMPOTENCY, 0, "a new key for every new act",
		typed("string"));
}

static void put_body(cJSON *o, const struct route *r)
{
	cJSON *body = json_put_object(o, "requestBody"),
	      *content = json_put_object(body, "content");
	cJSON *schema = typed("object"), *properties = json_put_object(schema, "properties");
	cJSON *required = cJSON_CreateArray();

	if (r->upload) {
		cJSON_Delete(schema);
		cJSON_Delete(required);
		json_put_object(
			content, r->upload == 1 ? "application/x-tar" : "application/octet-stream");
		json_put_bool(body, "required", 1);
		return;
	}
	for (const struct field *f = r->body; f && f->name; f++) {
		cJSON *s = schema_of(f->type);

		json_put_str(s, "description", f->help);
		cJSON_AddItemToObject(properties, f->name, s);
		if (f->required)
			cJSON_AddItemToArray(required, cJSON_CreateString(f->name));
	}
	json_put_bool(body, "required", cJSON_GetArraySize(required) > 0);
	cJSON_AddItemToObject(schema, "required", required);
	json_put_bool(schema, "additionalProperties", 0);
	cJSON_AddItemToObject(json_put_object(content, "application/json"), "schema", schema);
}

static void put_reference(cJSON *o, const char *kind, const char *name)
{
	char text[80] = "#/components/";

	strncat(text, kind, 20);
	strcat(text, "/");
	strncat(text, name, 30);
	json_put_str(o, "$ref", text);
}

static void put_answer(cJSON *answers, const char *status, const char *text, const struct route *r)
{
	cJSON *o = json_put_object(answers, status), *content;
	const char *type = r->answer[0]				 ? "application/json"
			   : strcmp(r->pattern, "/metrics") == 0 ? "text/plain"
								 : "application/x-tar";

	json_put_str(o, "description", text);
	content = json_put_object(json_put_object(o, "content"), type);
	if (r->answer[0])
		put_reference(json_put_object(content, "schema"), "schemas", r->answer);
}

static void put_answers(cJSON *o, const struct route *r)
{
	cJSON *answers = json_put_object(o, "responses");

	put_answer(answers, "200", r->mutates ? "done, or the plan of a dry run" : "the answer", r);
	if (r->upload == 1)
		put_answer(answers, "201", "added", r);
	if (strcmp(r->answer, "Act") == 0)
		put_answer(answers, "202", "done here, on the way at the gateway", r);
	put_reference(json_put_object(answers, "default"), "responses", "Error");
}

static void put_permissions(cJSON *o, const struct route *r)
{
	cJSON *list = json_put_array(o, "x-permissions");

	for (unsigned bit = 1; bit & PERM_ALL; bit <<= 1)
		if (r->permission & bit)
			cJSON_AddItemToArray(list, cJSON_CreateString(permission_name(bit)));
}

/* "post_v1_rollouts_n_abort": unique, as method and pattern are. */
static void put_operation_id(cJSON *o, const struct route *r)
{
	char id[120];
	size_t n = 0;

	for (const char *p = r->method; *p && n < sizeof id - 2; p++)
		id[n++] = (char)(*p | 0x20);
	for (const char *p = r->pattern; *p && n < sizeof id - 2; p++) {
		if (*p == '/' || *p == '.' || *p == '-')
			id[n++] = '_';
		else if (*p != '{' && *p != '}')
			id[n++] = *p;
	}
	id[n] = '\0';
	json_put_str(o, "operationId", id);
}

static void put_operation(cJSON *paths, const struct route *r)
{
	cJSON *path = cJSON_GetObjectItemCaseSensitive(paths, r->pattern), *o, *list;

	if (!path)
		path = json_put_object(paths, r->pattern);
	o = json_put_object(path, strcmp(r->method, "GET") == 0 ? "get" : "post");
	put_operation_id(o, r);
	json_put_str(o, "summary", r->summary);
	list = json_put_array(o, "parameters");
	add_path_parameters(list, r);
	for (const struct field *f = r->query; f && f->name; f++)
		add_parameter(list, "query", f->name, f->required, f->help, schema_of(f->type));
	add_head_parameters(list, r);
	if (strcmp(r->method, "POST") == 0)
		put_body(o, r);
	put_permissions(o, r);
	put_answers(o, r);
}

static cJSON *error_schema(void)
{
	static const char *const fields[] = {"code", "message", "hint", "field"};
	cJSON *o = typed("object"), *inner = typed("object"),
	      *p = json_put_object(inner, "properties");
	cJSON *required = json_put_array(inner, "required");

	for (int i = 0; i < 4; i++) {
		cJSON_AddItemToObject(p, fields[i], typed("string"));
		cJSON_AddItemToArray(required, cJSON_CreateString(fields[i]));
	}
	p = json_put_object(o, "properties");
	cJSON_AddItemToObject(p, "error", inner);
	cJSON_AddItemToObject(p, "current", cJSON_CreateObject());
	cJSON_AddItemToObject(p, "moved", typed("string"));
	cJSON_AddItemToArray(json_put_array(o, "required"), cJSON_CreateString("error"));
	return o;
}

static void put_components(cJSON *o)
{
	cJSON *components = json_put_object(o, "components");
	cJSON *schemas = json_put_object(components, "schemas"), *error, *content;

	cJSON_AddItemToObject(schemas, "Error", error_schema());
	for (const struct route *r = routes; r->method; r++)
		if (r->answer[0] && !cJSON_GetObjectItemCaseSensitive(schemas, r->answer)) {
			int list = strcmp(r->answer, "Projects") == 0 ||
				   strcmp(r->answer, "Settings") == 0;

			cJSON_AddItemToObject(schemas, r->answer, typed(list ? "array" : "object"));
			if (list)
				cJSON_AddItemToObject(
					cJSON_GetObjectItemCaseSensitive(schemas, r->answer),
					"items", typed("object"));
		}
	error = json_put_object(json_put_object(components, "responses"), "Error");
	json_put_str(error, "description", "what is wrong and what to do about it");
	content = json_put_object(json_put_object(error, "content"), "application/json");
	put_reference(json_put_object(content, "schema"), "schemas", "Error");
}

struct cJSON *codec_openapi(void)
{
	cJSON *o = cJSON_CreateObject(), *info, *paths;

	json_put_str(o, "openapi", "3.1.0");
	info = json_put_object(o, "info");
	json_put_str(info, "title", "pithead engine");
	json_put_str(info, "version", version_api());
	json_put_str(info, "description",
		"HTTP on a unix socket. Who is calling is what the kernel says of the connection.");
	paths = json_put_object(o, "paths");
	for (const struct route *r = routes; r->method; r++)
		put_operation(paths, r);
	put_components(o);
	return o;
}
