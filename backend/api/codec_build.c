/* codec_build.c: small steps of building JSON for handlers that must not see the library. */
#include "backend/api/codec.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"

struct cJSON *codec_object(void)
{
	return cJSON_CreateObject();
}

struct cJSON *codec_array(void)
{
	return cJSON_CreateArray();
}

void codec_put(struct cJSON *o, const char *key, struct cJSON *value)
{
	cJSON_AddItemToObject(o, key, value);
}

void codec_append(struct cJSON *array, struct cJSON *value)
{
	cJSON_AddItemToArray(array, value);
}

void answer_put_str(struct cJSON *o, const char *key, const char *value)
{
	json_put_str(o, key, value);
}

void answer_put_int(struct cJSON *o, const char *key, int64_t value)
{
	json_put_int(o, key, value);
}

void answer_put_num(struct cJSON *o, const char *key, double value)
{
	json_put_num(o, key, value);
}

void answer_put_bool(struct cJSON *o, const char *key, int value)
{
	json_put_bool(o, key, value);
}

void answer_put_json(struct cJSON *o, const char *key, const char *text)
{
	json_put_raw(o, key, text);
}

struct cJSON *codec_text(const char *value)
{
	return cJSON_CreateString(value);
}

struct cJSON *codec_page(struct cJSON *items, int64_t next)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "items", items);
	json_put_int(o, "next", next);
	return o;
}

void codec_reply(struct request *rq, int status, struct cJSON *tree)
{
	char *text = json_format(tree);

	buf_reset(&rq->reply.body);
	buf_adds(&rq->reply.body, text);
	buf_addc(&rq->reply.body, '\n');
	rq->reply.status = status;
	rq->reply.type = "application/json";
	free(text);
	cJSON_Delete(tree);
}
