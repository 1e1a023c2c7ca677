/* codec_yaml.c: a YAML document as JSON text. Anchors and aliases are refused: they can make a
 * small file endless. pithead.yaml itself is read by backend/spec, which wants marks for every
 * value. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "backend/base/json.h"
#include "backend/intake/openapi.h"

#define DEPTH_MOST 64

struct yaml_walk {
	yaml_parser_t parser;
	struct err *e;
};

static int refuse(struct yaml_walk *w, const char *what)
{
	size_t line = w->parser.problem ? w->parser.problem_mark.line : w->parser.mark.line;

	return err_set(w->e, ERR_INVALID, "line %zu of the document: %s", line + 1, what);
}

static int next_event(struct yaml_walk *w, yaml_event_t *event)
{
	if (yaml_parser_parse(&w->parser, event))
		return 0;
	return refuse(w, w->parser.problem ? w->parser.problem : "it is no YAML");
}

static cJSON *scalar(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	char *end;
	double v;

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return cJSON_CreateString(text);
	if (!*text || !strcmp(text, "~") || !strcmp(text, "null"))
		return cJSON_CreateNull();
	if (!strcmp(text, "true") || !strcmp(text, "false"))
		return cJSON_CreateBool(*text == 't');
	v = strtod(text, &end);
	if (!*end && isfinite(v) && (isdigit((unsigned char)*text) || strchr("-+.", *text)))
		return cJSON_CreateNumber(v);
	return cJSON_CreateString(text);
}

static int value(struct yaml_walk *w, yaml_event_t *event, int depth, cJSON **out);

static int sequence(struct yaml_walk *w, int depth, cJSON *list)
{
	yaml_event_t event;
	int rc = next_event(w, &event);

	while (rc == 0 && event.type != YAML_SEQUENCE_END_EVENT) {
		cJSON *item = NULL;

		rc = value(w, &event, depth, &item);
		if (item)
			cJSON_AddItemToArray(list, item);
		if (rc == 0)
			rc = next_event(w, &event);
	}
	if (rc == 0)
		yaml_event_delete(&event);
	return rc;
}

static int mapping(struct yaml_walk *w, int depth, cJSON *object)
{
	yaml_event_t event;
	int rc = next_event(w, &event);

	while (rc == 0 && event.type != YAML_MAPPING_END_EVENT) {
		cJSON *member = NULL;
		char *key;

		if (event.type != YAML_SCALAR_EVENT) {
			yaml_event_delete(&event);
			return refuse(w, "a key is no text");
		}
		key = strdup((const char *)event.data.scalar.value);
		yaml_event_delete(&event);
		rc = next_event(w, &event);
		if (rc == 0)
			rc = value(w, &event, depth, &member);
		if (member)
			cJSON_AddItemToObject(object, key, member);
		free(key);
		if (rc == 0)
			rc = next_event(w, &event);
	}
	if (rc == 0)
		yaml_event_delete(&event);
	return rc;
}

/* The value that begins with the event, which is released. */
static int value(struct yaml_walk *w, yaml_event_t *event, int depth, cJSON **out)
{
	yaml_event_type_t type = event->type;

	if (type == YAML_SCALAR_EVENT)
		*out = scalar(event);
	yaml_event_delete(event);
	if (type == YAML_SCALAR_EVENT)
		return 0;
	if (type == YAML_ALIAS_EVENT)
		return refuse(w, "aliases are not read");
	if (depth > DEPTH_MOST)
		return refuse(w, "it is nested too deep");
	if (type == YAML_SEQUENCE_START_EVENT)
		return sequence(w, depth + 1, *out = cJSON_CreateArray());
	if (type == YAML_MAPPING_START_EVENT)
		return mapping(w, depth + 1, *out = cJSON_CreateObject());
	return refuse(w, "a value is missing");
}

int yaml_to_json(const char *text, size_t n, struct buf *out, struct err *e)
{
	struct yaml_walk w = {.e = e};
	yaml_event_t event;
	cJSON *v = NULL;
	int rc = 0;

	if (!yaml_parser_initialize(&w.parser))
		return err_set(e, ERR_FAILED, "no memory to read the document");
	yaml_parser_set_input_string(&w.parser, (const unsigned char *)text, n);
	for (int i = 0; i < 2 && rc == 0; i++) { /* the stream begins, then the document */
		rc = next_event(&w, &event);
		if (rc == 0)
			yaml_event_delete(&event);
	}
	if (rc == 0)
		rc = next_event(&w, &event);
	if (rc == 0)
		rc = value(&w, &event, 0, &v);
	if (rc == 0) {
		char *json = json_format(v);

		buf_adds(out, json);
		free(json);
	}
	cJSON_Delete(v);
	yaml_parser_delete(&w.parser);
	return rc;
}
