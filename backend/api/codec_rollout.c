/* codec_rollout.c: rollouts, versions and alerts as JSON. */
#include "backend/api/codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/judging.h"
#include "backend/acts/mirror.h"
#include "backend/acts/policy_ask.h"
#include "backend/acts/stage.h"
#include "backend/base/json.h"
#include "backend/judge/judge.h"

static cJSON *steps_of(const char *text)
{
	struct spec_step steps[SPEC_STEPS];
	cJSON *a = cJSON_CreateArray();
	int count = *text ? spec_steps_parse(text, steps, NULL) : 0;

	for (int i = 0; i < count; i++) {
		cJSON *o = cJSON_CreateObject();

		json_put_int(o, "share_bp", steps[i].share_bp);
		json_put_int(o, "least_ms", steps[i].least_ms);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

/* Where it stands: a step of all traffic, or of one segment after the other. */
static void put_stage(cJSON *o, const struct rollout_row *r)
{
	struct stages s;
	cJSON *list;
	char text[96];

	if (stages_read(r, &s, NULL) || !s.step_count)
		memset(&s, 0, sizeof s);
	json_put_int(o, "step", s.segment_count ? r->step % s.step_count : r->step);
	cJSON_AddItemToObject(o, "steps", steps_of(r->steps));
	stage_describe(r, text, sizeof text);
	json_put_str(o, "stage", text);
	json_put_str(o, "segment", stages_segment(&s, r->step));
	list = json_put_array(o, "segments");
	for (int i = 0; s.segment_count && i <= s.segment_count; i++) {
		const char *name = stages_segment(&s, i * s.step_count);
		int own = i < s.segment_count ? stages_segment_bp(&s, r->step, name)
					      : stages_base_bp(&s, r->step);
		cJSON *item = cJSON_CreateObject();

		json_put_str(item, "segment", name);
		json_put_int(item, "share_bp", own < 0 || !r->share_bp ? 0 : own);
		cJSON_AddItemToArray(list, item);
	}
}

static const struct live_endpoint *live_of(const struct world *w, const char *id)
{
	for (int i = 0; i < w->endpoint_count; i++)
		if (strcmp(w->endpoints[i]->row.id, id) == 0)
			return w->endpoints[i];
	return NULL;
}

/* What is known only while it is the endpoint's active rollout; null and 0 afterwards. */
static void put_live(cJSON *o, struct world *w, const struct rollout_row *r)
{
	const struct live_endpoint *ep = live_of(w, r->endpoint);
	int active = ep && ep->row.rollout == r->id;
	int window = (int)w->settings.guard_window;
	cJSON *guard = cJSON_CreateObject();

	json_put_int(o, "share_in_force_bp",
		!active			? 0
		: world_is_observed(ep) ? r->share_bp
		: !r->segments[0]	? world_share_in_force(w, ep)
		: world_is_open(w, ep)	? r->share_bp
					: 0);
	json_put_num(o, "exposed", (double)(active ? ep->exposed : r->exposed));
	json_put_int(guard, "failures",
		active && ep->guard.rollout == r->id ? guard_failures(&ep->guard, window) : 0);
	json_put_int(guard, "window", window);
	json_put_int(guard, "limit", w->settings.guard_failures);
	cJSON_AddItemToObject(o, "guard", guard);
}

/* What is said of it now, in a word and a sentence, and what it waits for besides people and
 * servers;
 * "" where there is nothing. */
static void put_standing(cJSON *o, const struct world *w, const struct rollout_row *r)
{
	const struct live_endpoint *ep = live_of(w, r->endpoint);
	const struct trial_card *card = NULL;
	char waits[320] = "";

	if (ep && ep->row.rollout == r->id) {
		card = rollout_card(ep, r->id, NULL);
		if (strcmp(r->state, "waiting") == 0)
			(void)mirror_smoke(ep, r, waits, sizeof waits);
	}
	json_put_str(o, "verdict", card ? judge_verdict_name(card->verdict) : "");
	json_put_str(o, "why", card ? card->why : "");
	json_put_str(o, "waits_for", waits);
}

struct cJSON *codec_rollout(struct world *w, const struct rollout_row *r)
{
	cJSON *o = cJSON_CreateObject();
	int needed, given;

	approvals_shown(w, r, &needed, &given);
	json_put_int(o, "id", r->id);
	json_put_str(o, "endpoint", r->endpoint);
	json_put_str(o, "project", r->project);
	json_put_str(o, "environment", r->environment);
	json_put_str(o, "pattern", r->pattern);
	json_put_str(o, "state", r->state);
	json_put_str(o, "from", r->from_version);
	json_put_str(o, "to", r->to_version);
	put_stage(o, r);
	json_put_int(o, "share_bp", r->share_bp);
	json_put_str(o, "author", r->author);
	json_put_int(o, "author_uid", r->author_uid);
	json_put_int(o, "started_us", r->started_us);
	json_put_int(o, "step_since_us", r->step_since_us);
	json_put_int(o, "ended_us", r->ended_us);
	json_put_str(o, "reason", r->reason);
	json_put_str(o, "end_reason", r->end_reason);
	json_put_int(o, "approvals_needed", needed);
	json_put_int(o, "approvals_given", given);
	json_put_int(o, "revision", r->revision);
	put_live(o, w, r);
	put_standing(o, w, r);
	return o;
}

struct cJSON *codec_approval(
	struct world *w, const struct rollout_row *rollout, const struct approval_row *r)
{
	cJSON *o = cJSON_CreateObject();
	char why[160] = "";

	json_put_str(o, "user", r->user);
	json_put_int(o, "uid", r->uid);
	json_put_int(o, "at_us", r->at_us);
	json_put_str(o, "reason", r->reason);
	json_put_str(o, "purpose", r->purpose);
	json_put_str(o, "verdict", r->verdict);
	json_put_str(o, "card_digest", r->card_digest);
	json_put_str(o, "version_digest", r->version_digest);
	json_put_int(o, "spec_seq", r->spec_seq);
	json_put_bool(o, "counts", !approval_is_lapsed(w, rollout, r, why, sizeof why));
	json_put_str(o, "lapsed", why);
	return o;
}

/* Both arms since the step began (at most what the window holds), seen by the judge's seam. */
struct cJSON *codec_signals(struct world *w, const struct rollout_row *r)
{
	const struct live_endpoint *ep = live_of(w, r->endpoint);
	int64_t now = clock_wall_us(&w->clock), seconds = (now - r->step_since_us) / 1000000 + 1;
	struct arm_counts arms[ARM_COUNT];
	struct signal_value values[JUDGE_SIGNALS];
	cJSON *a = cJSON_CreateArray();
	int count;

	if (!ep || ep->row.rollout != r->id)
		return a;
	if (seconds < 1 || seconds > WINDOW_SECONDS)
		seconds = WINDOW_SECONDS;
	for (int i = 0; i < ARM_COUNT; i++)
		window_sum(ep->window, (enum arm)i, now, (int)seconds, &arms[i]);
	count = judge_counts.judge(arms, values);
	for (int i = 0; i < count; i++) {
		cJSON *o = cJSON_CreateObject();

		json_put_str(o, "name", values[i].name);
		json_put_str(o, "unit", values[i].unit);
		json_put_num(o, "stable", values[i].stable);
		json_put_num(o, "candidate", values[i].candidate);
		json_put_int(o, "stable_n", values[i].stable_n);
		json_put_int(o, "candidate_n", values[i].candidate_n);
		json_put_str(o, "verdict", verdict_name(values[i].verdict));
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

static void add_serving(cJSON *a, const char *endpoint, const char *word)
{
	char text[ID_SIZE + 32];

	snprintf(text, sizeof text, "%s %s", endpoint, word);
	cJSON_AddItemToArray(a, cJSON_CreateString(text));
}

static cJSON *serving(const struct world *w, const struct version_row *r)
{
	cJSON *a = cJSON_CreateArray();

	for (int i = 0; i < w->endpoint_count; i++) {
		const struct endpoint_row *ep = &w->endpoints[i]->row;

		if (ep->removed || strcmp(ep->project, r->project) != 0)
			continue;
		if (strcmp(ep->stable, r->name) == 0)
			add_serving(a, ep->id, "stable");
		if (strcmp(ep->candidate, r->name) == 0)
			add_serving(a, ep->id, "candidate");
		if (strcmp(ep->previous, r->name) == 0)
			add_serving(a, ep->id, "hot");
	}
	return a;
}

struct cJSON *codec_version(struct world *w, const struct version_row *r)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "project", r->project);
	json_put_str(o, "name", r->name);
	json_put_str(o, "digest", r->digest);
	json_put_str(o, "author", r->author);
	json_put_int(o, "created_us", r->created_us);
	json_put_int(o, "size_bytes", r->size_bytes);
	json_put_int(o, "files", r->files);
	json_put_int(o, "revision", r->revision);
	cJSON_AddItemToObject(o, "serving", serving(w, r));
	return o;
}

struct cJSON *codec_alert(const struct alert_row *r)
{
	cJSON *o = cJSON_CreateObject();

	json_put_int(o, "id", r->id);
	json_put_str(o, "project", r->project);
	json_put_str(o, "endpoint", r->endpoint);
	json_put_str(o, "kind", r->kind);
	json_put_str(o, "level", r->level);
	json_put_str(o, "state", r->state);
	json_put_str(o, "message", r->message);
	json_put_int(o, "rollout", r->rollout);
	json_put_int(o, "since_us", r->since_us);
	json_put_int(o, "ended_us", r->ended_us);
	json_put_int(o, "revision", r->revision);
	return o;
}
