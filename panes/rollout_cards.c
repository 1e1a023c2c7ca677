/* rollout_cards.c: the verdict cards that were frozen while a rollout went on, newest first: at the
 * end of each step, at its end, and when outcomes came late. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "panes/verdict_card.h"
#include "tui/client/codec.h"

enum { SLOT_CARDS, SLOT_ROLLOUT };
enum column { C_NUMBER, C_WHEN, C_KIND, C_STEP, C_SHARE, C_VERDICT, C_WHY, C_COUNT };

struct cards {
	const struct pane *pane;
	struct table *table;	 /* owned */
	const struct node *list; /* of the snapshot; borrowed */
	size_t count;
	enum charset charset;
};

static const struct table_column columns[C_COUNT] = {
	[C_NUMBER] = {.title = "#", .width = 3, .right = true},
	[C_WHEN] = {.title = "WHEN", .width = 9},
	[C_KIND] = {.title = "AT", .width = 9, .drop = 1},
	[C_STEP] = {.title = "STEP", .width = 4, .drop = 4, .right = true},
	[C_SHARE] = {.title = "SHARE", .width = 5, .drop = 3, .right = true},
	[C_VERDICT] = {.title = "VERDICT", .width = 11},
	[C_WHY] = {.title = "WHY", .width = 20, .flex = 1, .drop = 2},
};

static size_t count_rows(void *ctx)
{
	return ((struct cards *)ctx)->count;
}

/* The engine's order is oldest first. */
static const struct node *card_at(const struct cards *s, size_t row)
{
	return &s->list[s->count - 1 - row];
}

static uint64_t row_id(void *ctx, size_t row)
{
	return (uint64_t)node_int(card_at(ctx, row), "number", 1);
}

static void cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	const struct cards *s = ctx;
	const struct node *card = card_at(s, row);
	const char *verdict = node_str(card, "verdict", "?");

	out->text = out->space;
	switch ((enum column)column) {
	case C_NUMBER:
		snprintf(out->space, sizeof out->space, "%" PRId64, node_int(card, "number", 0));
		break;
	case C_WHEN:
		timefmt_clock(out->space, sizeof out->space, node_int(card, "at_us", 0),
			s->pane->host->zone);
		break;
	case C_KIND:
		out->text = node_str(card, "kind", "");
		break;
	case C_STEP:
		snprintf(out->space, sizeof out->space, "%" PRId64, node_int(card, "step", 0) + 1);
		break;
	case C_SHARE:
		share_text(out->space, 16, node_int(card, "share_bp", 0));
		break;
	case C_VERDICT:
		state_cell(out, verdict_glyph(verdict), s->charset, verdict);
		break;
	case C_WHY:
		out->text = node_str(card, "why", "");
		break;
	case C_COUNT:
		break;
	}
}

static void cards_open(struct pane *p)
{
	struct cards *s = p->state;
	struct table_source source = {
		.ctx = s, .count = count_rows, .cell = cell, .row_id = row_id};

	s->pane = p;
	s->table = table_new(columns, C_COUNT, &source);
	table_set_empty(s->table, "no card was frozen yet: one is at the end of each step");
}

static bool cards_feed(struct pane *p, int slot, struct buf *path)
{
	if (slot != SLOT_CARDS && slot != SLOT_ROLLOUT)
		return false;
	buf_adds(path, "/v1/rollouts/");
	codec_escape(path, p->argument);
	if (slot == SLOT_CARDS)
		buf_adds(path, "/cards");
	return true;
}

static void cards_on_snapshot(struct pane *p, int slot)
{
	struct cards *s = p->state;
	int n;

	if (slot != SLOT_CARDS)
		return;
	s->list = node_list(pane_root(p, slot), "cards", &n);
	s->count = (size_t)n;
	table_refresh(s->table);
}

static void cards_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct cards *s = p->state;

	s->charset = c->charset;
	if (!draw_loading(p, c, r))
		table_draw(s->table, c, r, true);
}

static bool cards_command(struct pane *p, const char *command)
{
	return table_act(((struct cards *)p->state)->table, command);
}

static int cards_filter(struct pane *p, const char *regex, struct err *e)
{
	return table_set_filter(((struct cards *)p->state)->table, regex, e);
}

static const char *cards_filtered(const struct pane *p)
{
	return table_filter(((const struct cards *)p->state)->table);
}

static void cards_select(const struct pane *p, struct selection *out)
{
	const struct cards *s = p->state;
	const struct node *r = pane_root(p, SLOT_ROLLOUT);
	size_t row;

	str_copy(out->rollout, sizeof out->rollout, p->argument);
	str_copy(out->endpoint, sizeof out->endpoint, node_str(r, "endpoint", ""));
	str_copy(out->version, sizeof out->version, node_str(r, "to", ""));
	if (table_selected(s->table, &row))
		snprintf(out->place, sizeof out->place, "card/%s/%" PRId64, out->rollout,
			node_int(card_at(s, row), "number", 0));
}

static void cards_close(struct pane *p)
{
	table_free(((struct cards *)p->state)->table);
}

static bool cards_offers(const struct pane *p, const char *command)
{
	return rollout_offers(pane_root(p, SLOT_ROLLOUT), command);
}

static const struct help_hint cards_hints[] = {{"open", "the whole card"},
	{"charts %rollout", "charts"}, {"rollout abort %rollout", "abort"}, {NULL, NULL}};

const struct pane_ops rollout_cards_pane = {
	.name = "cards",
	.title = "cards",
	.place = "cards",
	.kind = "list",
	.state_size = sizeof(struct cards),
	.hints = cards_hints,
	.open = cards_open,
	.feed = cards_feed,
	.on_snapshot = cards_on_snapshot,
	.draw = cards_draw,
	.command = cards_command,
	.filter = cards_filter,
	.filtered = cards_filtered,
	.select = cards_select,
	.offers = cards_offers,
	.close = cards_close,
};
