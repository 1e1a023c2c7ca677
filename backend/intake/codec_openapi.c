/* codec_openapi.c: finds the operation of a document that predicts, and makes a request and an
 * answer of it. See openapi.h; OpenAPI 3.0 and 3.1 (https://spec.openapis.org/oas/). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"
#include "backend/intake/openapi.h"

#define REF_MOST   16	/* a $ref to a $ref ...: then it is a circle */
#define DEPTH_MOST 10	/* of what is made from a schema */
#define NODES_MOST 2000 /* the same, in all */

struct making {
	const cJSON *doc;
	int nodes;
	const cJSON *way[DEPTH_MOST + 1]; /* the schemas around this one: none is in itself */
};

/* A part of a JSON pointer: ~1 is /, ~0 is ~. */
static void unescape(char *part)
{
	char *to = part;

	for (; *part; part++)
		if (part[0] == '~' && (part[1] == '0' || part[1] == '1'))
			*to++ = *++part == '0' ? '~' : '/';
		else
			*to++ = *part;
	*to = '\0';
}

/* A member of a list is named by digits alone (RFC 6901); anything else names none. */
static const cJSON *list_member(const cJSON *list, const char *index)
{
	size_t n = strlen(index);

	if (n == 0 || n > 6 || strspn(index, "0123456789") != n)
		return NULL;
	return cJSON_GetArrayItem(list, (int)strtol(index, NULL, 10));
}

static const cJSON *pointer(const cJSON *doc, const char *ref)
{
	char *copy, *rest, *part;
	const cJSON *at = doc;

	if (strncmp(ref, "#/", 2) != 0)
		return NULL; /* another document is not fetched */
	copy = rest = xstrdup(ref + 2);
	while (at && (part = strsep(&rest, "/")) != NULL) {
		unescape(part);
		at = cJSON_IsArray(at) ? list_member(at, part) : json_get(at, part);
	}
	free(copy);
	return at;
}

/* v, or what its $ref leads to; NULL = nowhere. */
static const cJSON *resolve(const cJSON *doc, const cJSON *v)
{
	for (int i = 0; v && json_str(v, "$ref", NULL); i++) {
		if (i == REF_MOST)
			return NULL;
		v = pointer(doc, json_str(v, "$ref", NULL));
	}
	return v;
}

static cJSON *make(struct making *m, const cJSON *schema, int depth);

/* The value that the schema itself gives; NULL = none. */
static const cJSON *given(const cJSON *schema)
{
	static const char *const keys[] = {"example", "const", "default"};
	const cJSON *v;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		v = json_get(schema, keys[i]);
		if (v && !cJSON_IsNull(v))
			return v;
	}
	v = json_get(schema, "examples");
	if (cJSON_IsArray(v) && v->child)
		return v->child;
	v = json_get(schema, "enum");
	return cJSON_IsArray(v) ? v->child : NULL;
}

static void make_members(struct making *m, const cJSON *schema, int depth, cJSON *into)
{
	const cJSON *member, *part;

	schema = resolve(m->doc, schema);
	if (++m->nodes > NODES_MOST)
		return;
	m->way[depth] = schema;
	cJSON_ArrayForEach(part, json_get(schema, "allOf")) {
		if (depth < DEPTH_MOST)
			make_members(m, part, depth + 1, into);
	}
	cJSON_ArrayForEach(member, json_get(schema, "properties")) {
		cJSON *v = json_get(into, member->string) ? NULL : make(m, member, depth + 1);

		if (v)
			cJSON_AddItemToObject(into, member->string, v);
	}
}

/* A bound of a number: its own, or one that is excluded (OpenAPI 3.1: the number itself; 3.0: a
 * truth value beside it), then `inside` within it. NAN = there is none. */
static double bound(const cJSON *schema, const char *name, const char *excluded, double inside)
{
	const cJSON *own = json_get(schema, name), *beyond = json_get(schema, excluded);

	if (cJSON_IsNumber(beyond))
		return beyond->valuedouble + inside;
	if (!cJSON_IsNumber(own))
		return (double)NAN;
	return own->valuedouble + (cJSON_IsTrue(beyond) ? inside : 0);
}

/* A number within its bounds; 1.5 or 1 where there are none. */
static cJSON *make_number(const cJSON *schema, int whole)
{
	double inside = whole ? 1 : 0.001, v = whole ? 1 : 1.5;
	double least = bound(schema, "minimum", "exclusiveMinimum", inside);
	double most = bound(schema, "maximum", "exclusiveMaximum", -inside);

	if (!isnan(least) && !isnan(most))
		v = (least + most) / 2;
	else if (!isnan(least) && v < least)
		v = least;
	else if (!isnan(most) && v > most)
		v = most;
	return cJSON_CreateNumber(whole ? trunc(v) : v);
}

static cJSON *make_text(const cJSON *schema)
{
	const char *format = json_str(schema, "format", "");

	return cJSON_CreateString(!strcmp(format, "date-time") ? "2026-01-02T03:04:05Z"
				  : !strcmp(format, "date")    ? "2026-01-02"
				  : !strcmp(format, "uuid") ? "00000000-0000-4000-8000-000000000001"
							    : "text");
}

/* The type of a schema; 3.1 has lists of them, the first that is not null counts. */
static const char *type_of(const cJSON *schema)
{
	const cJSON *type = json_get(schema, "type"), *one;

	if (cJSON_IsString(type))
		return type->valuestring;
	cJSON_ArrayForEach(one, type)
		if (cJSON_IsString(one) && strcmp(one->valuestring, "null") != 0)
			return one->valuestring;
	return json_get(schema, "properties") || json_get(schema, "allOf") ? "object"
	       : json_get(schema, "items")				   ? "array"
									   : "";
}

/* The first of anyOf or oneOf that is more than null. */
static const cJSON *either(const struct making *m, const cJSON *schema)
{
	const cJSON *list = json_get(schema, "anyOf"), *one;

	list = list ? list : json_get(schema, "oneOf");
	cJSON_ArrayForEach(one, list) {
		const cJSON *to = resolve(m->doc, one);

		if (to && strcmp(type_of(to), "null") != 0)
			return to;
	}
	return NULL;
}

static cJSON *make_array(struct making *m, const cJSON *schema, int depth)
{
	cJSON *list = cJSON_CreateArray();
	int count = (int)json_num(schema, "minItems", 1);
	const cJSON *part, *tuple = json_get(schema, "prefixItems");

	cJSON_ArrayForEach(part, tuple) {
		cJSON *v = make(m, part, depth + 1);

		if (v)
			cJSON_AddItemToArray(list, v);
	}
	for (int i = 0; !tuple && i < (count < 1 ? 1 : count > 16 ? 16 : count); i++) {
		cJSON *v = make(m, json_get(schema, "items"), depth + 1);

		if (v)
			cJSON_AddItemToArray(list, v);
	}
	return list;
}

/* A value of the schema; NULL where it goes too deep (a circle), or says nothing. */
static cJSON *make(struct making *m, const cJSON *schema, int depth)
{
	const char *type;
	cJSON *v;

	schema = resolve(m->doc, schema);
	if (!schema || depth > DEPTH_MOST || ++m->nodes > NODES_MOST)
		return NULL;
	for (int i = 0; i < depth; i++)
		if (m->way[i] == schema)
			return NULL;
	m->way[depth] = schema;
	if (given(schema))
		return cJSON_Duplicate(given(schema), 1);
	if (either(m, schema))
		return make(m, either(m, schema), depth + 1);
	type = type_of(schema);
	if (strcmp(type, "object") == 0) {
		v = cJSON_CreateObject();
		make_members(m, schema, depth, v);
		return v;
	}
	if (strcmp(type, "array") == 0)
		return make_array(m, schema, depth);
	if (strcmp(type, "number") == 0 || strcmp(type, "integer") == 0)
		return make_number(schema, type[0] == 'i');
	if (strcmp(type, "boolean") == 0)
		return cJSON_CreateBool(0);
	return strcmp(type, "string") == 0 ? make_text(schema) : NULL;
}

/* The media type of JSON among `content`. */
static const cJSON *json_content(const cJSON *body)
{
	const cJSON *media;

	cJSON_ArrayForEach(media, json_get(body, "content"))
		if (strncmp(media->string, "application/json", 16) == 0 ||
			strstr(media->string, "+json") || strcmp(media->string, "*/*") == 0)
			return media;
	return NULL;
}

/* The example of a media type, else one that is made. is_example may be NULL. */
static void body_make(const cJSON *doc, const cJSON *media, struct buf *out, int *is_example)
{
	struct making m = {.doc = doc};
	const cJSON *examples = json_get(media, "examples"), *example = json_get(media, "example");
	cJSON *v;
	char *text;

	if (!example && examples)
		example = json_get(resolve(doc, examples->child), "value");
	if (!example)
		example = json_get(resolve(doc, json_get(media, "schema")), "example");
	if (is_example)
		*is_example = example != NULL;
	v = example ? cJSON_Duplicate(example, 1) : make(&m, json_get(media, "schema"), 0);
	if (!v)
		return;
	text = json_format(v);
	buf_adds(out, text);
	free(text);
	cJSON_Delete(v);
}

#define PREDICT_WORDS                                                                              \
	"predict prediction predictions infer inference invoke invocations score scoring "         \
	"classify "                                                                                \
	"classification forecast recommend rank estimate detect"
#define OTHER_WORDS                                                                                \
	"train training feedback login token auth upload register explain batch jobs delete "      \
	"label "                                                                                   \
	"labels reload metrics stream"

static int operation_points(const cJSON *doc, const char *path, const cJSON *operation)
{
	const cJSON *body = resolve(doc, json_get(operation, "requestBody"));
	int points = 0;

	points += intake_has_word(path, PREDICT_WORDS) ? 40 : 0;
	points += intake_has_word(json_str(operation, "operationId", ""), PREDICT_WORDS) ? 20 : 0;
	points += intake_has_word(json_str(operation, "summary", ""), PREDICT_WORDS) ? 10 : 0;
	points -= intake_has_word(path, OTHER_WORDS) ? 30 : 0;
	points -= strchr(path, '{') ? 5 : 0;
	return points + (json_content(body) ? 10 : -100);
}

/* The path item of the operation; NULL with a sentence. */
static const cJSON *operation_find(
	const cJSON *doc, const char *path, struct openapi_found *out, struct err *e)
{
	const cJSON *paths = json_get(doc, "paths"), *item, *best = NULL;
	int most = -50;

	cJSON_ArrayForEach(item, paths) {
		const cJSON *operation = json_get(resolve(doc, item), "post");
		int points = operation ? operation_points(doc, item->string, operation) : -1000;

		if (path && operation && strcmp(item->string, path) == 0)
			return item;
		if (!path && points > most) {
			most = points;
			best = item;
		}
	}
	if (!best) {
		err_set(e, ERR_FAILED,
			path ? "the document has no POST operation at %s"
			     : "the document has no POST operation that takes JSON%s",
			path ? path : "");
		err_hint(e, path ? "its paths are written as in the document: /models/{name}/infer"
				 : "name the server and a request: --upstream URL --sample FILE");
		return NULL;
	}
	cJSON_ArrayForEach(item, paths) {
		size_t n = strlen(out->others);

		if (item != best && json_get(item, "post") && n < 100)
			snprintf(out->others + n, sizeof out->others - n, "%s%.50s", n ? ", " : "",
				item->string);
	}
	return best;
}

/* The value of a path's parameter {name}, as a text. */
static void parameter_format(
	const cJSON *doc, const cJSON *list, const char *name, char *out, size_t size)
{
	const cJSON *p, *v = NULL;

	cJSON_ArrayForEach(p, list) {
		const cJSON *to = resolve(doc, p), *schema;

		if (strcmp(json_str(to, "name", ""), name) != 0)
			continue;
		schema = resolve(doc, json_get(to, "schema"));
		v = json_get(to, "example") ? json_get(to, "example") : given(schema);
	}
	if (cJSON_IsString(v))
		str_copy(out, size, v->valuestring);
	else if (cJSON_IsNumber(v))
		snprintf(out, size, "%.15g", v->valuedouble);
}

/* The path with its {parameters} filled; one that the document does not tell is an error. */
static int path_fill(const cJSON *doc, const cJSON *item, struct openapi_found *out, struct err *e)
{
	const cJSON *own = resolve(doc, item);
	struct buf path = {0};
	int rc = 0;

	for (const char *p = item->string; *p && rc == 0; p++) {
		char name[64], filled[96] = "";
		size_t n = strcspn(p, "}");

		if (*p != '{' || !p[n] || n >= sizeof name) {
			buf_addc(&path, *p);
			continue;
		}
		snprintf(name, sizeof name, "%.*s", (int)(n - 1), p + 1);
		parameter_format(doc, json_get(own, "parameters"), name, filled, sizeof filled);
		parameter_format(doc, json_get(json_get(own, "post"), "parameters"), name, filled,
			sizeof filled);
		if (!filled[0]) {
			rc = err_set(e, ERR_FAILED,
				"%s needs {%s}, and the document gives no example", item->string,
				name);
			err_hint(e, "write the whole path into the address: --upstream "
				    "http://HOST:PORT/PATH --sample FILE");
		}
		buf_adds(&path, filled);
		p += n;
	}
	if (rc == 0 && !str_copy(out->path, sizeof out->path, buf_text(&path)))
		rc = err_set(e, ERR_FAILED, "the path %s is too long", item->string);
	buf_release(&path);
	return rc;
}

static void server_fill(const cJSON *doc, struct openapi_found *out)
{
	const cJSON *server = cJSON_GetArrayItem(json_get(doc, "servers"), 0);
	const char *url = json_str(server, "url", "");
	struct buf text = {0};

	for (const char *p = url; *p; p++) {
		size_t n = strcspn(p, "}");
		char name[64];

		if (*p != '{' || !p[n] || n >= sizeof name) {
			buf_addc(&text, *p);
			continue;
		}
		snprintf(name, sizeof name, "%.*s", (int)(n - 1), p + 1);
		buf_adds(&text,
			json_str(json_get(json_get(server, "variables"), name), "default", ""));
		p += n;
	}
	str_copy(out->server, sizeof out->server, buf_text(&text));
	buf_release(&text);
}

static void answer_make(const cJSON *doc, const cJSON *operation, struct openapi_found *out)
{
	const cJSON *responses = json_get(operation, "responses"), *r;

	cJSON_ArrayForEach(r, responses) {
		const cJSON *media = json_content(resolve(doc, r));

		if (media && (r->string[0] == '2' || strcmp(r->string, "default") == 0)) {
			body_make(doc, media, &out->answer, &out->answer_is_example);
			return;
		}
	}
}

/* A path that tells of the server's health, as far as a name can say it. */
static void health_find(const cJSON *doc, struct openapi_found *out)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(doc, "paths"))
		if (!out->health[0] && json_get(resolve(doc, item), "get") &&
			!strchr(item->string, '{') &&
			intake_has_word(item->string,
				"health healthz healthcheck ready readyz ping live livez alive"))
			str_copy(out->health, sizeof out->health, item->string);
}

static int document_read(
	const cJSON *doc, const char *path, struct openapi_found *out, struct err *e)
{
	const cJSON *item, *operation, *body;
	int rc;

	if (json_str(doc, "swagger", NULL)) {
		err_set(e, ERR_FAILED, "the document is of Swagger %.8s: OpenAPI 3 is read",
			json_str(doc, "swagger", ""));
		return err_hint(e, "send a request that you know: --upstream "
				   "http://HOST:PORT/predict --sample request.json");
	}
	if (!json_str(doc, "openapi", NULL) || !cJSON_IsObject(json_get(doc, "paths"))) {
		err_set(e, ERR_FAILED,
			"this is no OpenAPI document: it has no `openapi` and `paths`");
		return err_hint(e, "FastAPI has it at /openapi.json");
	}
	item = operation_find(doc, path, out, e);
	rc = item ? path_fill(doc, item, out, e) : ERR_FAILED;
	if (rc)
		return rc;
	operation = json_get(resolve(doc, item), "post");
	body = resolve(doc, json_get(operation, "requestBody"));
	server_fill(doc, out);
	health_find(doc, out);
	body_make(doc, json_content(body), &out->sample, NULL);
	answer_make(doc, operation, out);
	if (!out->sample.len)
		return err_set(e, ERR_FAILED,
			"%s takes no JSON that the document describes: give a "
			"request with --sample FILE",
			item->string);
	return 0;
}

int openapi_read(
	const char *text, size_t n, const char *path, struct openapi_found *out, struct err *e)
{
	struct buf json = {0};
	cJSON *doc;
	int rc = 0;

	*out = (struct openapi_found){.path = ""};
	doc = json_parse(text, n, "the document", NULL);
	if (!doc) {
		rc = yaml_to_json(text, n, &json, e);
		doc = rc ? NULL : json_parse(buf_text(&json), json.len, "the document", e);
	}
	if (doc)
		rc = document_read(doc, path, out, e);
	else if (rc == 0)
		rc = ERR_INVALID;
	cJSON_Delete(doc);
	buf_release(&json);
	return rc;
}

void openapi_release(struct openapi_found *f)
{
	buf_release(&f->sample);
	buf_release(&f->answer);
}
