/* verdict_card.h: a verdict card as lines of text, the same whether it is the live one or one that
 * was frozen; and what the arms were fed, as bars. */
#ifndef PITHEAD_PANES_VERDICT_CARD_H
#define PITHEAD_PANES_VERDICT_CARD_H

#include "tui/canvas.h"
#include "tui/client/snapshot.h"
#include "tui/widget/text.h"

/* How a verdict's word is shown; the sign that goes with it. */
enum role verdict_role(const char *verdict);
enum glyph verdict_glyph(const char *verdict);

/* The verdict with its sentence, then each signal with its band. r: the rollout, for the names of
 * both versions. */
void verdict_card_add(struct text *t, const struct node *r, const struct node *card);

/* Requests counted on each arm in this step beside the share they should have, as bars in so many
 * columns; and both distributions of scores, bin by bin. Nothing where the card
 * has none; before there is any the lines are there already, so that nothing moves. */
void verdict_card_add_split(struct text *t, const struct node *r, const struct node *card, int cols,
	enum charset charset);
void verdict_card_add_scores(struct text *t, const struct node *r, const struct node *card,
	int cols, enum charset charset);

#endif
