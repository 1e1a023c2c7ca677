/* codec_policy.c: holds, proposals, and what the policy says, as JSON. */
#include <inttypes.h>
#include <string.h>

#include "backend/acts/policy_explain.h"
#include "backend/api/codec.h"
#include "backend/base/json.h"

struct cJSON *codec_hold(const struct hold_row *r)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "kind", r->kind);
	json_put_str(o, "endpoint", r->scope);
	json_put_str(o, "user", r->user);
	json_put_str(o, "second", r->second);
	json_put_str(o, "reason", r->reason);
	json_put_int(o, "at_us", r->at_us);
	json_put_int(o, "until_us", r->until_us);
	json_put_int(o, "revision", r->revision);
	return o;
}

struct cJSON *codec_proposal(struct world *w, const struct proposal_row *r)
{
	cJSON *o = cJSON_CreateObject();

	json_put_int(o, "id", r->id);
	json_put_str(o, "kind", r->kind);
	json_put_str(o, "state", proposal_state(w, r));
	json_put_str(o, "project", r->project);
	json_put_str(o, "endpoint", r->endpoint);
	json_put_str(o, "summary", r->summary);
	json_put_str(o, "author", r->author);
	json_put_str(o, "reason", r->reason);
	json_put_int(o, "at_us", r->at_us);
	json_put_int(o, "ended_us", r->ended_us);
	json_put_int(o, "needed", r->needed);
	json_put_int(o, "given", proposal_votes(w, r->id));
	json_put_int(o, "base", r->base);
	json_put_int(o, "for_ms", r->lasts_ms);
	json_put_str(o, "commit", r->git_commit);
	json_put_str(o, "digest", r->digest);
	json_put_int(o, "revision", r->revision);
	return o;
}

struct cJSON *codec_vote(const struct proposal_vote *r)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "user", r->user);
	json_put_int(o, "uid", r->uid);
	json_put_int(o, "at_us", r->at_us);
	json_put_str(o, "reason", r->reason);
	return o;
}

struct cJSON *codec_explanation(
	const struct live_endpoint *ep, const char *tier, const struct explanation *x)
{
	cJSON *o = cJSON_CreateObject(), *rules = cJSON_CreateArray();
	const struct policy_answer *a = &x->answer;

	json_put_str(o, "endpoint", ep->row.id);
	json_put_str(o, "tier", tier);
	json_put_str(o, "action", policy_action_name(x->action));
	json_put_int(o, "rollout", x->rollout);
	json_put_str(o, "result", policy_result_name(a->result));
	json_put_str(o, "rule", a->rule);
	json_put_str(o, "sentence", a->sentence);
	json_put_str(o, "hint", a->hint);
	for (int i = 0; i < a->rule_count; i++) {
		cJSON *r = cJSON_CreateObject();

		json_put_str(r, "id", a->rules[i].id);
		json_put_str(r, "asks", a->rules[i].text);
		json_put_str(r, "result", policy_result_name(a->rules[i].result));
		json_put_str(r, "sentence", a->rules[i].sentence);
		cJSON_AddItemToArray(rules, r);
	}
	cJSON_AddItemToObject(o, "rules", rules);
	return o;
}

struct cJSON *codec_what_if(const struct live_endpoint *ep, const char *tier,
	const struct explanation *now, const struct explanation *then)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "endpoint", ep->row.id);
	json_put_str(o, "tier", ep->row.tier);
	json_put_str(o, "tier_then", tier);
	json_put_str(o, "action", policy_action_name(now->action));
	json_put_int(o, "rollout", now->rollout);
	json_put_str(o, "now", policy_result_name(now->answer.result));
	json_put_str(o, "then", policy_result_name(then->answer.result));
	/* What refuses both may ask for more or less than before: its sentence says so. */
	json_put_bool(o, "differs",
		now->answer.result != then->answer.result ||
			strcmp(now->answer.rule, then->answer.rule) != 0 ||
			(then->answer.rule[0] &&
				strcmp(now->answer.sentence, then->answer.sentence) != 0));
	json_put_str(o, "rule", then->answer.rule);
	json_put_str(o, "sentence", then->answer.sentence);
	return o;
}
