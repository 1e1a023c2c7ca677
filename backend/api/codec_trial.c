/* codec_trial.c: what a rollout was judged by, as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/judging.h"
#include "backend/api/codec.h"
#include "backend/base/digest.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"

#define POINTS_MOST 240

struct cJSON *codec_live_card(struct world *w, const struct rollout_row *r)
{
	const struct live_endpoint *ep = world_find_endpoint(w, r->endpoint, NULL);
	const char *kind;
	const struct trial_card *card = ep ? rollout_card(ep, r->id, &kind) : NULL;
	struct cJSON *out;
	char *text;

	if (!card)
		return NULL;
	text = trial_card_format(card, kind, card->tick * 1000000);
	out = cJSON_CreateRaw(text);
	free(text);
	return out;
}

struct cJSON *codec_card(int64_t number, const char *json)
{
	char *text = xasprintf("{\"number\":%" PRId64 ",%s", number, json + 1);
	cJSON *card = cJSON_CreateRaw(text);

	free(text);
	return card;
}

struct cJSON *codec_band_point(const char *json, const char *signal, const char *segment)
{
	cJSON *point = cJSON_Parse(json), *s;
	cJSON *found = NULL;

	cJSON_ArrayForEach(s, json_get(point, "signals")) {
		if (found || strcmp(json_str(s, "segment", ""), segment) != 0 ||
			(*signal && strcmp(json_str(s, "name", ""), signal) != 0))
			continue;
		found = cJSON_Duplicate(s, 1);
		json_put_int(found, "at_us", json_int(point, "at_us", 0));
		json_put_int(found, "share_bp", json_int(point, "share_bp", 0));
	}
	cJSON_Delete(point);
	return found;
}

/* So few that a screen can show each: every n-th, and always the newest. */
static cJSON *thin(cJSON *points)
{
	int n = cJSON_GetArraySize(points), step = (n + POINTS_MOST - 1) / POINTS_MOST, i = 0;
	cJSON *out = cJSON_CreateArray(), *p;

	while ((p = cJSON_DetachItemFromArray(points, 0))) {
		if ((n - 1 - i++) % (step ? step : 1) == 0)
			cJSON_AddItemToArray(out, p);
		else
			cJSON_Delete(p);
	}
	cJSON_Delete(points);
	return out;
}

struct cJSON *codec_band(const char *signal, const char *segment, struct cJSON *points)
{
	cJSON *o = cJSON_CreateObject(), *thinned = thin(points);
	const cJSON *first = cJSON_GetArrayItem(thinned, 0);

	json_put_str(o, "signal", *signal ? signal : json_str(first, "name", ""));
	json_put_str(o, "segment", segment);
	json_put_str(o, "effect_unit", json_str(first, "effect_unit", ""));
	cJSON_AddItemToObject(o, "points", thinned);
	return o;
}

struct cJSON *codec_bytes(const void *data, size_t n)
{
	char *text = xcalloc(4 * ((n + 2) / 3) + 1, 1);
	cJSON *out;

	base64_encode(data, n, text);
	out = cJSON_CreateString(text);
	free(text);
	return out;
}
