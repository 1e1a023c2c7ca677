/* codec_judge.c: a judgement as one line of JSON. See codec_local.h. */
#include "backend/local/codec_local.h"

#include <stdio.h>
#include <stdlib.h>

#include "backend/base/json.h"

void codec_print_judgement(const struct judge_card *card, const char *verdict)
{
	cJSON *o = cJSON_CreateObject(), *harm, *ok, *missing;
	char *text;

	json_put_int(o, "tick", card->tick);
	json_put_num(o, "w", card->share);
	json_put_str(o, "verdict", verdict);
	json_put_num(o, "logE_harm", card->log_e_harm);
	harm = json_put_object(o, "per_metric");
	ok = json_put_object(o, "logE_ok");
	for (int i = 0; i < card->signal_count; i++) {
		json_put_num(harm, card->signals[i].name, card->signals[i].log_e_harm);
		json_put_num(ok, card->signals[i].name, card->signals[i].log_e_ok);
	}
	json_put_num(o, "srm", card->srm);
	json_put_num(o, "shift_logE", card->shift_log_e[0]);
	json_put_num(o, "psi_adj", card->psi[0]);
	json_put_str(o, "worst", card->worst < 0 ? NULL : card->signals[card->worst].name);
	json_put_num(o, "n_canary", card->n[1]);
	json_put_num(o, "n_stable", card->n[0]);
	json_put_num(o, "n_canary_step", card->step_n[1]);
	missing = json_put_array(o, "missing");
	for (int i = 0; i < card->signal_count; i++)
		if (card->signals[i].verdict == JUDGE_MISSING)
			cJSON_AddItemToArray(missing, cJSON_CreateString(card->signals[i].name));
	json_put_str(o, "why", card->why);
	text = json_format(o);
	puts(text);
	free(text);
	cJSON_Delete(o);
}
