/* codec_body.c: reads the JSON body of an act, strictly: what is not asked for is refused by name,
 * so that a misspelt field is never silently ignored. */
#include "backend/api/codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/api/suggest.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"

#define OUTCOMES_MOST 1000
#define INT_MOST      9007199254740992.0 /* 2^53 */

struct body {
	cJSON *tree; /* owned */
};

/* Length of the UTF-8 sequence at p (n bytes left), 0 when it is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t need = p[0] < 0x80		    ? 1
		      : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		      : (p[0] & 0xf0) == 0xe0	    ? 3
		      : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						    : 0;

	if (need == 0 || need > n)
		return 0;
	for (size_t i = 1; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and above U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return need;
}

/* The library would cut a string at an escaped NUL and take any byte for text. */
static int check_bytes(const char *text, size_t n, struct err *e)
{
	size_t backslashes = 0;

	for (size_t i = 0; i < n;) {
		size_t step = utf8_length((const unsigned char *)text + i, n - i);

		if (step == 0 || text[i] == '\0')
			return err_set(e, ERR_INVALID, "the body is not UTF-8, at byte %zu", i);
		if (backslashes % 2 && n - i >= 5 && memcmp(text + i, "u0000", 5) == 0)
			return err_set(e, ERR_INVALID,
				"the body holds a NUL character, at byte %zu", i - 1);
		backslashes = text[i] == '\\' ? backslashes + 1 : 0;
		i += step;
	}
	return 0;
}

static const struct field *field_of(const struct field *fields, const char *name)
{
	for (; fields && fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static int unknown_field(const struct field *fields, const char *name, struct err *e)
{
	struct suggest s = {.word = name};

	for (const struct field *f = fields; f && f->name; f++)
		suggest_try(&s, f->name);
	err_set(e, ERR_INVALID, "the body has an unknown field \"%.80s\"", name);
	if (s.best)
		err_hint(e, "did you mean \"%s\"?", s.best);
	return err_field(e, name);
}

static int wrong_type(const struct field *f, const char *expected, struct err *e)
{
	err_set(e, ERR_INVALID, "%s must be %s", f->name, expected);
	return err_field(e, f->name);
}

static int is_whole(const cJSON *v, double most)
{
	/* NaN fails every comparison, hence this form. */
	return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble <= most &&
	       v->valuedouble == floor(v->valuedouble);
}

static int check_field(const struct field *f, const cJSON *v, struct err *e)
{
	switch (f->type) {
	case FIELD_SHARE_NULL:
		if (cJSON_IsNull(v))
			return 0;
		return is_whole(v, SHARE_ALL)
			       ? 0
			       : wrong_type(f, "null or a whole number of basis points, 0 to 10000",
					 e);
	case FIELD_SHARE:
		return is_whole(v, SHARE_ALL)
			       ? 0
			       : wrong_type(f, "a whole number of basis points, 0 to 10000", e);
	case FIELD_INT:
		return is_whole(v, INT_MOST) ? 0 : wrong_type(f, "a whole number, not negative", e);
	case FIELD_BOOL:
		return cJSON_IsBool(v) ? 0 : wrong_type(f, "true or false", e);
	case FIELD_OUTCOMES:
		return cJSON_IsArray(v)
			       ? 0
			       : wrong_type(f, "a list of {\"id\", \"name\", \"value\"}", e);
	case FIELD_PREDICTIONS:
		return cJSON_IsArray(v) ? 0 : wrong_type(f, "a list of {\"id\", \"score\"}", e);
	default:
		if (!cJSON_IsString(v))
			return wrong_type(f, "a text in quotes", e);
		return field_check_text(f->name, f->type, v->valuestring, e);
	}
}

static int check_object(const cJSON *tree, const struct field *fields, struct err *e)
{
	const cJSON *v;

	if (!cJSON_IsObject(tree)) {
		err_set(e, ERR_INVALID, "the body must be one JSON object");
		return err_hint(e, "for example {\"reason\": \"why\"}");
	}
	cJSON_ArrayForEach(v, tree) {
		const struct field *f = field_of(fields, v->string);

		if (!f)
			return unknown_field(fields, v->string, e);
		if (cJSON_GetObjectItemCaseSensitive(tree, v->string) != v) {
			err_set(e, ERR_INVALID, "the body has the field \"%s\" twice", v->string);
			return err_field(e, v->string);
		}
		if (check_field(f, v, e) != 0)
			return e->code;
	}
	for (const struct field *f = fields; f && f->name; f++)
		if (f->required && !json_get(tree, f->name)) {
			err_set(e, ERR_INVALID, "the field \"%s\" is missing: %s", f->name,
				f->help);
			return err_field(e, f->name);
		}
	return 0;
}

struct body *body_parse(const char *text, size_t n, const struct field *fields, struct err *e)
{
	struct body *b;
	cJSON *tree;

	if (check_bytes(text, n, e) != 0)
		return NULL;
	tree = n ? json_parse(text, n, "the body", e) : cJSON_CreateObject();
	if (!tree)
		return NULL;
	if (check_object(tree, fields, e) != 0) {
		cJSON_Delete(tree);
		return NULL;
	}
	b = xcalloc(1, sizeof *b);
	b->tree = tree;
	return b;
}

void body_free(struct body *b)
{
	if (b)
		cJSON_Delete(b->tree);
	free(b);
}

const char *body_str(const struct body *b, const char *name)
{
	return b ? json_str(b->tree, name, NULL) : NULL;
}

int64_t body_int(const struct body *b, const char *name, int64_t fallback)
{
	return b ? json_int(b->tree, name, fallback) : fallback;
}

int body_bool(const struct body *b, const char *name, int fallback)
{
	return b ? json_bool(b->tree, name, fallback) : fallback;
}

int body_is_null(const struct body *b, const char *name)
{
	return b && cJSON_IsNull(json_get(b->tree, name));
}

static int outcome_fault(int i, const char *what, struct err *e)
{
	err_set(e, ERR_INVALID, "outcomes[%d]: %s", i, what);
	return err_field(e, "outcomes");
}

/* One item: exactly id, name and a finite value. */
static int read_outcome(const cJSON *v, int i, struct outcome_in *out, struct err *e)
{
	const cJSON *value = json_get(v, "value");

	*out = (struct outcome_in){json_str(v, "id", NULL), json_str(v, "name", NULL), 0};
	if (!cJSON_IsObject(v) || cJSON_GetArraySize(v) != 3 || !out->id || !out->name || !value)
		return outcome_fault(i, "must have exactly \"id\", \"name\" and \"value\"", e);
	if (!*out->id || strlen(out->id) > 39)
		return outcome_fault(i, "\"id\" must be the answer's X-Request-ID", e);
	if (field_check_text("\"name\"", FIELD_NAME, out->name, e) != 0)
		return err_field(e, "outcomes");
	if (cJSON_IsBool(value))
		out->value = cJSON_IsTrue(value);
	else if (cJSON_IsNumber(value) && isfinite(value->valuedouble))
		out->value = value->valuedouble;
	else
		return outcome_fault(i, "\"value\" must be a number, true or false", e);
	return 0;
}

int body_outcomes(const struct body *b, struct outcome_in **list, struct err *e)
{
	const cJSON *array = json_get(b->tree, "outcomes"), *v;
	int count = cJSON_GetArraySize(array), i = 0;

	if (count > OUTCOMES_MOST) {
		err_set(e, ERR_TOO_LARGE, "%d outcomes in one request; at most %d", count,
			OUTCOMES_MOST);
		return err_field(e, "outcomes");
	}
	*list = xcalloc(count > 0 ? (size_t)count : 1, sizeof **list);
	cJSON_ArrayForEach(v, array) {
		if (read_outcome(v, i, &(*list)[i], e) != 0) {
			xfree(*list);
			return e->code;
		}
		i++;
	}
	return count;
}

/* Whether an item has these members and no others. */
static int has_only(const cJSON *v, const char *const *names, int least)
{
	const cJSON *member;
	int known;

	for (int i = 0; i < least; i++)
		if (!json_get(v, names[i]))
			return 0;
	cJSON_ArrayForEach(member, v) {
		known = 0;
		for (int i = 0; names[i]; i++)
			known |= strcmp(names[i], member->string) == 0;
		if (!known)
			return 0;
	}
	return cJSON_IsObject(v);
}

/* A number from 0 to most; absent = NAN. */
static int read_number(const cJSON *v, const char *name, double most, double *out)
{
	const cJSON *x = json_get(v, name);

	*out = x ? x->valuedouble : (double)NAN;
	return !x || (cJSON_IsNumber(x) && x->valuedouble >= 0 && x->valuedouble <= most);
}

/* A request that somebody else has answered. */
static const char *read_posted(const cJSON *v, struct prediction_in *out)
{
	static const char *const names[] = {"endpoint", "version", "status", "ms", "time", NULL};
	double status;

	*out = (struct prediction_in){
		.endpoint = json_str(v, "endpoint", NULL), .version = json_str(v, "version", NULL)};
	if (!has_only(v, names, 3) || !out->endpoint || !out->version)
		return "must have \"endpoint\", \"version\" and \"status\", and may have \"ms\" "
		       "and "
		       "\"time\"";
	if (!read_number(v, "status", 999, &status) || status != floor(status))
		return "\"status\" must be the status of HTTP, or 0: there was no answer";
	if (!read_number(v, "ms", 1e9, &out->ms))
		return "\"ms\" must be milliseconds until the answer";
	if (!read_number(v, "time", 1e11, &out->time_s))
		return "\"time\" must be seconds of UTC";
	out->status = (int)status;
	return NULL;
}

/* Exactly id and a finite score. */
static const char *read_score(const cJSON *v, struct prediction_in *out)
{
	static const char *const names[] = {"id", "score", NULL};
	const cJSON *score = json_get(v, "score");

	*out = (struct prediction_in){.id = json_str(v, "id", NULL)};
	if (!has_only(v, names, 2) || !out->id)
		return "must have exactly \"id\" and \"score\"";
	if (!*out->id || strlen(out->id) > 39)
		return "\"id\" must be the answer's X-Request-ID";
	if (!cJSON_IsNumber(score) || !isfinite(score->valuedouble))
		return "\"score\" must be a number";
	out->score = score->valuedouble;
	return NULL;
}

static int read_prediction(const cJSON *v, int i, struct prediction_in *out, struct err *e)
{
	const char *fault = json_get(v, "endpoint") ? read_posted(v, out) : read_score(v, out);

	if (!fault)
		return 0;
	err_set(e, ERR_INVALID, "predictions[%d]: %s", i, fault);
	return err_field(e, "predictions");
}

int body_predictions(const struct body *b, struct prediction_in **list, struct err *e)
{
	const cJSON *array = json_get(b->tree, "predictions"), *v;
	int count = cJSON_GetArraySize(array), i = 0;

	if (count > OUTCOMES_MOST) {
		err_set(e, ERR_TOO_LARGE, "%d predictions in one request; at most %d", count,
			OUTCOMES_MOST);
		return err_field(e, "predictions");
	}
	*list = xcalloc(count > 0 ? (size_t)count : 1, sizeof **list);
	cJSON_ArrayForEach(v, array) {
		if (read_prediction(v, i, &(*list)[i], e) != 0) {
			xfree(*list);
			return e->code;
		}
		i++;
	}
	return count;
}
