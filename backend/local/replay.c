/* replay.c: `rollout replay`: folds what a past rollout was judged by again: under its own policy,
 * where every card must come out bit by bit as it was frozen, or under that of another file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/local/local.h"
#include "backend/local/replayed.h"
#include "backend/local/words.h"
#include "backend/trial/journal.h"
#include "backend/trial/trial_setup.h"

#define FILE_MOST ((size_t)1 << 30)
#define SPEC_MOST ((size_t)1 << 20)

static const char usage[] =
	"pithead rollout replay N [--policy=FILE] [--json]\n"
	"Folds what rollout N was judged by again and prints each change of the verdict. Without\n"
	"--policy its frozen cards must come out the same, bit by bit; with it: what another\n"
	"pithead.yaml would have said.";

struct replay {
	struct past_rollout past;
	struct trial_card card;
	enum judge_verdict told;
	int any, json, other; /* other: under another policy, nothing is compared */
};

static void print_change(struct replay *r, int64_t second)
{
	char at[32];

	if (r->json) {
		codec_print_change(second, &r->card);
		return;
	}
	clock_format_utc(second * 1000000, at, sizeof at);
	printf("%.8sZ  %-10s %s\n", at + 11, judge_verdict_name(r->card.verdict), r->card.why);
}

static void on_close(void *arg, const struct trial *t, int64_t before)
{
	struct replay *r = arg;

	trial_read(t, &r->card);
	if (!r->any || r->card.verdict != r->told)
		print_change(r, before - 1);
	r->any = 1;
	r->told = r->card.verdict;
	for (int i = 0; i < r->past.card_count; i++) {
		struct frozen_card *f = &r->past.cards[i];
		char *own;

		/* A second may be looked at more than once: outcomes come in between. */
		if (f->judged != before - 1 || f->same || r->other)
			continue;
		own = frozen_card_format(&r->card, f->kind, f->at_us);
		f->found = 1;
		f->same = strcmp(own, f->text) == 0;
		free(own);
	}
}

/* The endpoint of the same name of another pithead.yaml takes the place of the rollout's own. */
static int take_policy(struct trial_setup *s, const char *file, struct err *e)
{
	struct buf text = {0};
	const struct spec_endpoint *found = NULL;
	struct spec *spec = NULL;
	int rc = buf_read_file(&text, file, SPEC_MOST);

	if (rc < 0)
		rc = err_set(e, ERR_NOT_FOUND, "cannot read %s", file);
	else if (!(spec = spec_parse(buf_text(&text), text.len, file, NULL, e)))
		rc = ERR_INVALID;
	for (int i = 0; spec && i < spec->endpoint_count; i++)
		if (strcmp(spec->endpoints[i].name, s->endpoint->name) == 0)
			found = &spec->endpoints[i];
	if (spec && !found)
		rc = err_set(e, ERR_NOT_FOUND, "%s has no endpoint %s", file, s->endpoint->name);
	if (found) {
		*s->endpoint = *found;
		rc = 0;
		if (found->rollout.segment_count && !spec_segments_largest(&found->rollout)) {
			s->segment_count = found->rollout.segment_count;
			memcpy(s->segments, found->rollout.segments, sizeof s->segments);
		}
	}
	buf_release(&text);
	spec_free(spec);
	return rc;
}

static int fold(struct replay *r, const char *policy, struct err *e)
{
	struct trial_setup setup = {0};
	struct trial_config config;
	struct journal j;
	struct trial *t;
	int rc = trial_setup_parse(r->past.setup, &setup, e);

	if (rc)
		return rc;
	if (policy)
		rc = take_policy(&setup, policy, e);
	if (!rc)
		rc = trial_setup_config(&setup, &config, e);
	trial_setup_release(&setup);
	if (rc)
		return rc;
	t = trial_new(&config);
	journal_init(&j);
	for (int i = 0; !rc && i < r->past.entry_count; i++)
		rc = journal_feed(
			&j, r->past.entries[i].data, r->past.entries[i].len, t, on_close, r, e);
	journal_release(&j);
	trial_free(t);
	return rc;
}

/* How many frozen cards there are and came out the same; the first that did not is named. */
static int compare(const struct replay *r, int *cards)
{
	int same = 0;

	*cards = 0;
	for (int i = 0; i < r->past.card_count; i++) {
		const struct frozen_card *f = &r->past.cards[i];

		/* Pairs of a shadow are in no journal. */
		if (strcmp(f->kind, "shadow") == 0)
			continue;
		++*cards;
		if (f->same)
			same++;
		else if (!r->json)
			fprintf(stderr, "pithead: card %d (%s) %s\n", i + 1, f->kind,
				f->found ? "differs from what the engine judged"
					 : "is of a second that the journal does not have");
	}
	return same;
}

static int finish(struct replay *r)
{
	int cards = 0, same = r->other ? 0 : compare(r, &cards);

	if (r->json)
		codec_print_replayed(&r->card, cards, same);
	else if (r->other)
		printf("under this policy: %s: %s\n", judge_verdict_name(r->card.verdict),
			r->card.why);
	else if (same == cards)
		printf("identical to what the engine judged: %d of %d cards, bit by bit\n", same,
			cards);
	return same == cards ? 0 : 1;
}

int local_replay(int argc, char **argv)
{
	struct words w = {.usage = usage, .takes_file = 1};
	struct replay r = {0};
	const char *policy = NULL;
	struct buf text = {0};
	struct err e = {0};
	int kept = 0, rc;

	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "--policy=", 9) == 0)
			policy = argv[i] + 9;
		else
			argv[kept++] = argv[i];
	}
	rc = words_read(&w, kept, argv);
	if (rc >= 0)
		return rc;
	r.json = w.json;
	r.other = policy != NULL;
	if (!w.file || buf_read_file(&text, w.file, FILE_MOST) < 0)
		rc = err_set(&e, ERR_NOT_FOUND, "cannot read the journal of the rollout");
	else
		rc = past_rollout_parse(buf_text(&text), text.len, &r.past, &e);
	buf_release(&text);
	if (!rc)
		rc = fold(&r, policy, &e);
	rc = rc ? words_fail(w.json, &e) : finish(&r);
	past_rollout_release(&r.past);
	return rc;
}
