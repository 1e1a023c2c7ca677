/* json.h: reading and building cJSON trees without repeating the type checks. Codec files use
 * this; the SQL side never sees JSON trees. */
#ifndef PITHEAD_BACKEND_BASE_JSON_H
#define PITHEAD_BACKEND_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "backend/base/err.h"

/* Parses n bytes that must be one JSON value and nothing else; nesting is limited by the library.
 * NULL with ERR_INVALID and the offset; `what` names the input in the sentence. Caller frees with
 * cJSON_Delete. */
cJSON *json_parse(const char *text, size_t n, const char *what, struct err *e);

/* Compact text; the caller frees it. */
char *json_format(const cJSON *v);

/* Typed members; the default when absent or of another type. Borrowed from o. Keys are matched
 * exactly. o may be NULL. */
const char *json_str(const cJSON *o, const char *key, const char *fallback);
int64_t json_int(const cJSON *o, const char *key, int64_t fallback);
double json_num(const cJSON *o, const char *key, double fallback);
int json_bool(const cJSON *o, const char *key, int fallback);
const cJSON *json_get(const cJSON *o, const char *key); /* NULL when absent */

/* Adds a member; NULL strings become JSON null. Integers of 16 digits and more are written exactly,
 * and are text until the tree is printed and parsed again. */
void json_put_str(cJSON *o, const char *key, const char *value);
void json_put_int(cJSON *o, const char *key, int64_t value);
void json_put_num(cJSON *o, const char *key, double value); /* NaN and infinity become null */
void json_put_bool(cJSON *o, const char *key, int value);

/* Adds the value parsed from text (null when text is NULL or not JSON). */
void json_put_raw(cJSON *o, const char *key, const char *text);

/* Adds and returns a new object or array member, owned by o. */
cJSON *json_put_object(cJSON *o, const char *key);
cJSON *json_put_array(cJSON *o, const char *key);

#endif
