/*
 * request.c: the JSON body of a prediction request into a flight. Strict: a
 * field that is absent, of another type or out of its range is refused by
 * name, since a silent default is how models get fed nonsense.
 */
#include "request.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MILES_MAX 20000.0 /* nearly round the earth */

static int read_number(const cJSON *json, const char *name, double min, double max, double *out,
	char *why, size_t why_size)
{
	const cJSON *field = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!cJSON_IsNumber(field) || !isfinite(field->valuedouble) || field->valuedouble < min ||
		field->valuedouble > max) {
		snprintf(why, why_size, "%s must be a number from %g to %g", name, min, max);
		return 0;
	}
	*out = field->valuedouble;
	return 1;
}

static int read_airport(
	const cJSON *json, const char *name, char out[AIRPORT_LEN], char *why, size_t why_size)
{
	const cJSON *field = cJSON_GetObjectItemCaseSensitive(json, name);

	if (!cJSON_IsString(field) || strlen(field->valuestring) != AIRPORT_LEN - 1 ||
		!airport_valid(field->valuestring)) {
		snprintf(why, why_size, "%s must be an airport of three capital letters", name);
		return 0;
	}
	memcpy(out, field->valuestring, AIRPORT_LEN);
	return 1;
}

static int read_fields(const cJSON *json, struct flight *f, char *why, size_t why_size)
{
	double dow;

	if (!cJSON_IsObject(json)) {
		snprintf(why, why_size, "the body must be a JSON object");
		return 0;
	}
	if (!read_number(json, "hour", 0, 24, &f->hour, why, why_size) ||
		!read_number(json, "dow", 0, 6, &dow, why, why_size) ||
		!read_number(json, "distance_mi", 0, MILES_MAX, &f->distance_mi, why, why_size) ||
		!read_airport(json, "origin", f->origin, why, why_size) ||
		!read_airport(json, "destination", f->destination, why, why_size))
		return 0;
	if (dow != floor(dow)) {
		snprintf(why, why_size,
			"dow must be a whole number: "
			"0 is Monday, 6 is Sunday");
		return 0;
	}
	f->dow = (int)dow;
	return 1;
}

int request_parse(const char *body, size_t len, struct flight *f, char *why, size_t why_size)
{
	const char *end = NULL;
	cJSON *json = NULL;
	int ok;

	if (len > 0)
		json = cJSON_ParseWithLengthOpts(body, len, &end, 0);
	/* cJSON is content with what stands before rubbish; we are not */
	while (json != NULL && end < body + len && strchr(" \t\r\n", *end) != NULL && *end != '\0')
		end++;
	if (json == NULL || end != body + len) {
		snprintf(why, why_size, "the body is not valid JSON");
		cJSON_Delete(json);
		return 0;
	}
	ok = read_fields(json, f, why, why_size);
	cJSON_Delete(json);
	return ok;
}
