/* codec_setup.c: a trial's setup as JSON and back. */
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"
#include "backend/trial/trial_setup.h"

static const struct {
	const char *name;
	size_t offset;
} priors[] = {
	{"errors", offsetof(struct trial_setup, errors)},
	{"score", offsetof(struct trial_setup, score)},
	{"brier", offsetof(struct trial_setup, brier)},
};

char *trial_setup_format(const struct trial_setup *s)
{
	cJSON *root = cJSON_CreateObject(), *list;
	char *endpoint = spec_endpoint_format_json(s->endpoint), *text;

	json_put_raw(root, "endpoint", endpoint);
	free(endpoint);
	json_put_str(root, "steps", s->steps);
	json_put_str(root, "pattern", s->pattern);
	json_put_num(root, "speed", s->speed);
	list = json_put_array(root, "segments");
	for (int i = 0; i < s->segment_count; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(s->segments[i]));
	for (size_t i = 0; i < sizeof priors / sizeof priors[0]; i++) {
		const struct trial_prior *p = (const void *)((const char *)s + priors[i].offset);
		cJSON *o = json_put_object(root, priors[i].name);

		json_put_num(o, "n", p->n);
		json_put_num(o, "mean", p->mean);
		json_put_num(o, "sd", p->sd);
	}
	text = json_format(root);
	cJSON_Delete(root);
	return text;
}

static int read_endpoint(const cJSON *root, struct trial_setup *out, struct err *e)
{
	const cJSON *endpoint = json_get(root, "endpoint");
	char *text = endpoint ? json_format(endpoint) : NULL;
	int rc;

	out->endpoint = xcalloc(1, sizeof *out->endpoint);
	rc = text ? spec_endpoint_parse_json(text, out->endpoint, e)
		  : err_set(e, ERR_INVALID, "the setup of the trial names no endpoint");
	free(text);
	return rc;
}

int trial_setup_parse(const char *json, struct trial_setup *out, struct err *e)
{
	cJSON *root = json_parse(json, strlen(json), "the setup of the trial", e);
	const cJSON *item;
	int rc;

	*out = (struct trial_setup){0};
	if (!root)
		return ERR_INVALID;
	rc = read_endpoint(root, out, e);
	str_copy(out->steps, sizeof out->steps, json_str(root, "steps", ""));
	str_copy(out->pattern, sizeof out->pattern, json_str(root, "pattern", "canary"));
	out->speed = json_num(root, "speed", 1);
	cJSON_ArrayForEach(item, json_get(root, "segments")) {
		if (out->segment_count < TRIAL_SEGMENTS && cJSON_IsString(item))
			str_copy(out->segments[out->segment_count++], sizeof out->segments[0],
				item->valuestring);
	}
	for (size_t i = 0; i < sizeof priors / sizeof priors[0]; i++) {
		struct trial_prior *p = (void *)((char *)out + priors[i].offset);
		const cJSON *o = json_get(root, priors[i].name);

		p->n = json_num(o, "n", 0);
		p->mean = json_num(o, "mean", 0);
		p->sd = json_num(o, "sd", 0);
	}
	cJSON_Delete(root);
	if (rc)
		trial_setup_release(out);
	return rc;
}
