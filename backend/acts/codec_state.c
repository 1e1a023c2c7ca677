/* codec_state.c: reads the JSON of an event's before and after. */
#include <string.h>

#include "backend/acts/state.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"

void event_state_parse(const char *json, struct event_state *out)
{
	cJSON *v = json ? cJSON_Parse(json) : NULL;

	*out = (struct event_state){0};
	str_copy(out->stable, sizeof out->stable, json_str(v, "stable", ""));
	str_copy(out->candidate, sizeof out->candidate, json_str(v, "candidate", ""));
	str_copy(out->previous, sizeof out->previous, json_str(v, "previous", ""));
	str_copy(out->segment, sizeof out->segment, json_str(v, "segment", ""));
	str_copy(out->server, sizeof out->server, json_str(v, "server", ""));
	str_copy(out->state, sizeof out->state, json_str(v, "state", ""));
	str_copy(out->pattern, sizeof out->pattern, json_str(v, "pattern", ""));
	str_copy(out->text, sizeof out->text, json_str(v, "text", ""));
	out->share_bp = (int)json_int(v, "share_bp", 0);
	out->step = (int)json_int(v, "step", 0);
	out->rollout = json_int(v, "rollout", 0);
	out->spec_seq = json_int(v, "spec_seq", 0);
	cJSON_Delete(v);
}
