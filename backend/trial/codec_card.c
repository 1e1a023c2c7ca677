/* codec_card.c: the verdict card as JSON. NaN and infinity become null: not known. */
#include "backend/trial/trial_card.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"

#define SECOND_US INT64_C(1000000)

static void put_pair(cJSON *o, const char *key, const double v[2])
{
	cJSON *a = json_put_array(o, key);

	for (int i = 0; i < 2; i++)
		cJSON_AddItemToArray(a, cJSON_CreateNumber(v[i]));
}

static void put_effect(cJSON *o, const struct trial_signal_card *c)
{
	json_put_str(o, "effect_unit", c->effect_unit);
	json_put_num(o, "effect", c->effect);
	json_put_num(o, "low", c->low);
	json_put_num(o, "high", c->high);
	json_put_num(o, "limit_ok", c->limit_ok);
	json_put_num(o, "limit_harm", c->limit_harm);
}

static void put_signal(cJSON *list, const struct trial_signal_card *c)
{
	cJSON *o = cJSON_CreateObject();

	json_put_str(o, "name", c->name);
	json_put_str(o, "segment", c->segment);
	json_put_str(o, "unit", c->unit);
	json_put_int(o, "decimals", c->decimals);
	json_put_bool(o, "critical", c->critical);
	json_put_bool(o, "late", c->late);
	json_put_str(o, "verdict", judge_verdict_name(c->verdict));
	json_put_num(o, "stable", c->stable);
	json_put_num(o, "candidate", c->candidate);
	put_effect(o, c);
	put_pair(o, "n", c->n);
	json_put_num(o, "budget_spent", c->budget_spent);
	json_put_num(o, "evidence", c->evidence);
	json_put_num(o, "evidence_ok", c->evidence_ok);
	json_put_num(o, "left", c->left);
	json_put_int(o, "missing_since_us", c->missing_since * SECOND_US);
	cJSON_AddItemToArray(list, o);
}

static void put_segments(cJSON *root, const struct trial_card *c)
{
	cJSON *list = json_put_array(root, "segments");

	for (int i = 0; i < c->segment_count; i++) {
		cJSON *o = cJSON_CreateObject();

		json_put_str(o, "segment", c->segments[i].name);
		json_put_str(o, "verdict", judge_verdict_name(c->segments[i].verdict));
		put_pair(o, "counted", c->segments[i].counted);
		json_put_num(o, "evidence", c->segments[i].evidence);
		cJSON_AddItemToArray(list, o);
	}
}

static void put_shifts(cJSON *root, const struct trial_card *c)
{
	cJSON *list = json_put_array(root, "shifts");

	for (int i = 0; i < c->shift_count; i++) {
		cJSON *o = cJSON_CreateObject(), *arms = cJSON_CreateArray();

		json_put_str(o, "name", i == 0 ? "score" : "feature");
		json_put_num(o, "psi", c->shifts[i].psi);
		json_put_num(o, "evidence", c->shifts[i].evidence);
		json_put_num(o, "psi_limit", c->shifts[i].limit);
		for (int arm = 0; arm < 2; arm++)
			cJSON_AddItemToArray(
				arms, cJSON_CreateDoubleArray(c->shifts[i].bins[arm], 10));
		cJSON_AddItemToObject(o, "bins", arms);
		cJSON_AddItemToArray(list, o);
	}
}

static void put_examples(cJSON *root, const struct trial_card *c)
{
	cJSON *list = json_put_array(root, "examples");

	for (int i = 0; i < c->example_count; i++) {
		cJSON *o = cJSON_CreateObject();

		json_put_str(o, "id", c->examples[i].id);
		json_put_num(o, "stable", c->examples[i].score[0]);
		json_put_num(o, "candidate", c->examples[i].score[1]);
		json_put_int(o, "stable_status", c->examples[i].status[0]);
		json_put_int(o, "candidate_status", c->examples[i].status[1]);
		cJSON_AddItemToArray(list, o);
	}
}

static char *take_text(cJSON *root)
{
	char *text = json_format(root);

	cJSON_Delete(root);
	return text;
}

char *trial_card_format(const struct trial_card *c, const char *kind, int64_t at_us)
{
	cJSON *root = cJSON_CreateObject(), *o;

	json_put_int(root, "at_us", at_us);
	json_put_str(root, "kind", kind);
	json_put_str(root, "verdict", judge_verdict_name(c->verdict));
	json_put_str(root, "why", c->why);
	json_put_int(root, "judged_us", c->tick * SECOND_US);
	json_put_int(root, "decided_us", c->decided * SECOND_US);
	json_put_int(root, "share_bp", (int64_t)lround(c->share * 10000));
	json_put_int(root, "step", c->step);
	json_put_int(root, "step_since_us", c->step_tick * SECOND_US);
	json_put_int(root, "looks", c->looks);
	json_put_num(root, "budget", c->budget);
	json_put_num(root, "budget_spent", c->budget_spent);
	json_put_str(root, "worst", c->worst);
	put_pair(root, "counted", c->counted);
	put_pair(root, "step_counted", c->step_counted);
	put_pair(root, "late", c->late);
	put_pair(root, "dropped", c->dropped);
	o = json_put_array(root, "signals");
	for (int i = 0; i < c->signal_count; i++)
		put_signal(o, &c->signals[i]);
	put_segments(root, c);
	put_shifts(root, c);
	put_examples(root, c);
	o = json_put_object(root, "ratio");
	json_put_num(o, "requests", c->ratio_requests);
	json_put_num(o, "scores", c->ratio_scores);
	json_put_num(o, "outcomes", c->ratio_outcomes);
	o = json_put_object(root, "replicas");
	json_put_bool(o, "alike", !c->replicas_differ);
	json_put_str(o, "text", c->replicas);
	return take_text(root);
}

char *trial_point_format(const struct trial_card *c, int64_t at_us)
{
	cJSON *root = cJSON_CreateObject(), *list;

	json_put_int(root, "at_us", at_us);
	json_put_int(root, "share_bp", (int64_t)lround(c->share * 10000));
	list = json_put_array(root, "signals");
	for (int i = 0; i < c->signal_count; i++) {
		cJSON *o = cJSON_CreateObject();

		json_put_str(o, "name", c->signals[i].name);
		json_put_str(o, "segment", c->signals[i].segment);
		put_effect(o, &c->signals[i]);
		json_put_num(o, "n", c->signals[i].n[1]);
		cJSON_AddItemToArray(list, o);
	}
	return take_text(root);
}
