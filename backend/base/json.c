/* json.c: typed access to cJSON trees. */
#include "backend/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define JSON_EXACT 9007199254740992.0 /* 2^53: every integer up to it is a double */

cJSON *json_parse(const char *text, size_t n, const char *what, struct err *e)
{
	const char *end = NULL;
	cJSON *v = cJSON_ParseWithLengthOpts(text, n, &end, 0);

	if (v) {
		while (end < text + n &&
			(*end == ' ' || *end == '\n' || *end == '\r' || *end == '\t'))
			end++;
		/* The library stops after the first value; more is an error of the sender. */
		if (end < text + n) {
			cJSON_Delete(v);
			v = NULL;
		}
	}
	if (!v)
		err_set(e, ERR_INVALID, "%s is not valid JSON, at byte %td", what,
			end && end >= text ? end - text : 0);
	return v;
}

char *json_format(const cJSON *v)
{
	char *out = cJSON_PrintUnformatted(v);

	must(out);
	return out;
}

const cJSON *json_get(const cJSON *o, const char *key)
{
	return cJSON_IsObject(o) ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
}

const char *json_str(const cJSON *o, const char *key, const char *fallback)
{
	const cJSON *v = json_get(o, key);

	return cJSON_IsString(v) ? v->valuestring : fallback;
}

int64_t json_int(const cJSON *o, const char *key, int64_t fallback)
{
	const cJSON *v = json_get(o, key);

	if (!cJSON_IsNumber(v) || !(fabs(v->valuedouble) <= JSON_EXACT))
		return fallback;
	return (int64_t)v->valuedouble;
}

double json_num(const cJSON *o, const char *key, double fallback)
{
	const cJSON *v = json_get(o, key);

	return cJSON_IsNumber(v) ? v->valuedouble : fallback;
}

int json_bool(const cJSON *o, const char *key, int fallback)
{
	const cJSON *v = json_get(o, key);

	return cJSON_IsBool(v) ? cJSON_IsTrue(v) : fallback;
}

void json_put_str(cJSON *o, const char *key, const char *value)
{
	if (value)
		cJSON_AddStringToObject(o, key, value);
	else
		cJSON_AddNullToObject(o, key);
}

void json_put_int(cJSON *o, const char *key, int64_t value)
{
	char text[24];

	if (value > -1000000000000000 && value < 1000000000000000) {
		cJSON_AddNumberToObject(o, key, (double)value);
		return;
	}
	/* The library writes 15 digits: times in microseconds would become 1.76e+15. */
	snprintf(text, sizeof text, "%" PRId64, value);
	cJSON_AddRawToObject(o, key, text);
}

void json_put_num(cJSON *o, const char *key, double value)
{
	if (isfinite(value))
		cJSON_AddNumberToObject(o, key, value);
	else
		cJSON_AddNullToObject(o, key);
}

void json_put_bool(cJSON *o, const char *key, int value)
{
	cJSON_AddBoolToObject(o, key, value);
}

void json_put_raw(cJSON *o, const char *key, const char *text)
{
	cJSON *v = text ? cJSON_Parse(text) : NULL;

	cJSON_AddItemToObject(o, key, v ? v : cJSON_CreateNull());
}

cJSON *json_put_object(cJSON *o, const char *key)
{
	return cJSON_AddObjectToObject(o, key);
}

cJSON *json_put_array(cJSON *o, const char *key)
{
	return cJSON_AddArrayToObject(o, key);
}

char *err_format_json(const struct err *e)
{
	cJSON *o = cJSON_CreateObject(), *inner = json_put_object(o, "error");
	char *text;

	json_put_str(inner, "code", err_wire(e->code));
	json_put_str(inner, "message", e->message);
	json_put_str(inner, "hint", e->hint);
	json_put_str(inner, "field", e->field);
	text = json_format(o);
	cJSON_Delete(o);
	return text;
}
