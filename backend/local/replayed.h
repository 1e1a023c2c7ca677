/* replayed.h: what a file of a past rollout holds, and what a replay of it says. Only used inside
 * backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_REPLAYED_H
#define PITHEAD_BACKEND_LOCAL_REPLAYED_H

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "backend/trial/trial_card.h"

#define REPLAY_CARDS 256

struct frozen_card {
	char *text; /* owned; as JSON that two readings give alike */
	char kind[8];
	int64_t at_us, judged; /* judged: second */
	int found, same;       /* set by the replay */
};

struct past_rollout {
	char *setup;	     /* owned, JSON */
	struct buf *entries; /* owned, each owned */
	int entry_count;
	struct frozen_card cards[REPLAY_CARDS];
	int card_count;
};

/* Reads the lines that `rollout replay` writes: pages of the journal, then the cards. */
int past_rollout_parse(const char *text, size_t n, struct past_rollout *out, struct err *e);
void past_rollout_release(struct past_rollout *p);

/* The card as JSON in the same form as past_rollout's; the caller frees it. */
char *frozen_card_format(const struct trial_card *c, const char *kind, int64_t at_us);

/* A change of the verdict, and the end, as one line of JSON to stdout. */
void codec_print_change(int64_t second, const struct trial_card *c);
void codec_print_replayed(const struct trial_card *c, int cards, int same);

#endif
