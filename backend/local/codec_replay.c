/* codec_replay.c: see replayed.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/digest.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"
#include "backend/local/replayed.h"

#define SECOND_US INT64_C(1000000)

void past_rollout_release(struct past_rollout *p)
{
	for (int i = 0; i < p->entry_count; i++)
		buf_release(&p->entries[i]);
	for (int i = 0; i < p->card_count; i++)
		free(p->cards[i].text);
	free(p->entries);
	free(p->setup);
	*p = (struct past_rollout){0};
}

/* Numbers go through the same reader and writer on both sides. */
static char *normal_text(const char *json)
{
	cJSON *o = cJSON_Parse(json);
	char *text;

	cJSON_DeleteItemFromObjectCaseSensitive(o, "number");
	text = o ? json_format(o) : xstrdup("");
	cJSON_Delete(o);
	return text;
}

char *frozen_card_format(const struct trial_card *c, const char *kind, int64_t at_us)
{
	char *own = trial_card_format(c, kind, at_us), *text = normal_text(own);

	free(own);
	return text;
}

static int take_entry(struct past_rollout *p, const cJSON *entry, struct err *e)
{
	const char *text = cJSON_IsString(entry) ? entry->valuestring : "";
	char *raw = xcalloc(strlen(text) + 4, 1);
	long n = base64_decode(text, strlen(text), raw);

	if (n > 0) {
		p->entries = xrealloc(p->entries, (size_t)p->entry_count + 1, sizeof *p->entries);
		p->entries[p->entry_count] = (struct buf){0};
		buf_add(&p->entries[p->entry_count++], raw, (size_t)n);
	}
	free(raw);
	return n > 0 ? 0 : err_set(e, ERR_INVALID, "an entry of the journal is no base64");
}

static void take_card(struct past_rollout *p, const cJSON *card)
{
	struct frozen_card *f = &p->cards[p->card_count];
	char *json;

	if (p->card_count == REPLAY_CARDS)
		return;
	p->card_count++;
	json = json_format(card);
	f->text = normal_text(json);
	free(json);
	str_copy(f->kind, sizeof f->kind, json_str(card, "kind", ""));
	f->at_us = (int64_t)json_num(card, "at_us", 0);
	f->judged = (int64_t)json_num(card, "judged_us", 0) / SECOND_US;
}

static int take_line(struct past_rollout *p, const char *text, size_t n, struct err *e)
{
	cJSON *o = json_parse(text, n, "a line of the journal", e);
	const cJSON *item;
	int rc = 0;

	if (!o)
		return ERR_INVALID;
	if (!p->setup && json_get(o, "setup"))
		p->setup = json_format(json_get(o, "setup"));
	cJSON_ArrayForEach(item, json_get(o, "entries"))
		rc = rc ? rc : take_entry(p, item, e);
	cJSON_ArrayForEach(item, json_get(o, "cards"))
		take_card(p, item);
	cJSON_Delete(o);
	return rc;
}

int past_rollout_parse(const char *text, size_t n, struct past_rollout *out, struct err *e)
{
	const char *end = text + n, *line = text;
	int rc = 0;

	*out = (struct past_rollout){0};
	while (!rc && line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		stop = stop ? stop : end;
		if (stop > line)
			rc = take_line(out, line, (size_t)(stop - line), e);
		line = stop + 1;
	}
	if (!rc && !out->setup)
		rc = err_set(e, ERR_INVALID, "the file holds no journal of a rollout");
	if (rc)
		past_rollout_release(out);
	return rc;
}

static void print(cJSON *o)
{
	char *text = json_format(o);

	puts(text);
	free(text);
	cJSON_Delete(o);
}

void codec_print_change(int64_t second, const struct trial_card *c)
{
	cJSON *o = cJSON_CreateObject();

	json_put_int(o, "at_us", second * SECOND_US);
	json_put_str(o, "verdict", judge_verdict_name(c->verdict));
	json_put_str(o, "why", c->why);
	print(o);
}

void codec_print_replayed(const struct trial_card *c, int cards, int same)
{
	cJSON *o = cJSON_CreateObject();
	char *card = trial_card_format(c, "end", c->tick * SECOND_US);

	json_put_raw(o, "card", card);
	json_put_int(o, "cards", cards);
	json_put_int(o, "identical", same);
	free(card);
	print(o);
}
