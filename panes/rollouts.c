/* rollouts.c: the rollouts, active ones first, each with its share and who started it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "panes/verdict_card.h"

enum { MOVE_NAME = 12 }; /* columns of a version's name */

enum column {
	C_ID,
	C_STATE,
	C_VERDICT,
	C_ENDPOINT,
	C_MOVE,
	C_STEP,
	C_SHARE,
	C_FORCE,
	C_WHEN,
	C_WHO,
	C_WHY,
	C_COUNT
};

struct rollouts {
	const struct pane *pane;
	struct table *table;	  /* owned */
	const struct node **rows; /* owned array of borrowed nodes */
	size_t count;
	bool short_names;
	enum charset charset;
};

static const struct table_column columns[C_COUNT] = {
	[C_ID] = {.title = "#", .width = 5},
	[C_STATE] = {.title = "STATE", .width = 11},
	[C_VERDICT] = {.title = "VERDICT", .width = 9, .drop = 8},
	[C_ENDPOINT] = {.title = "ENDPOINT", .width = 9, .flex = 1, .most = 32, .middle = true},
	[C_MOVE] = {.title = "MOVE", .width = 8, .flex = 1, .most = 28, .drop = 1},
	[C_STEP] = {.title = "STEP", .width = 4, .drop = 5, .right = true},
	[C_SHARE] = {.title = "SHARE", .width = 5, .drop = 7, .right = true},
	[C_FORCE] = {.title = "NOW", .width = 5, .drop = 2, .right = true},
	[C_WHEN] = {.title = "STARTED", .width = 7, .drop = 6},
	[C_WHO] = {.title = "BY", .width = 6, .drop = 3},
	[C_WHY] = {.title = "REASON, OR HOW IT ENDED", .width = 14, .flex = 3, .drop = 4},
};

static size_t count_rows(void *ctx)
{
	return ((struct rollouts *)ctx)->count;
}

static uint64_t row_id(void *ctx, size_t row)
{
	return (uint64_t)node_int(((struct rollouts *)ctx)->rows[row], "id", 1);
}

static void step(const struct node *r, struct table_cell *out)
{
	int steps;

	node_list(node_get(r, "steps"), "", &steps);
	if (steps && !node_int(r, "ended_us", 0))
		snprintf(out->space, sizeof out->space, "%" PRId64 "/%d",
			node_int(r, "step", 0) + 1, steps);
	out->text = out->space;
}

static void cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	struct rollouts *s = ctx;
	const struct pane_host *host = s->pane->host;
	const struct node *r = s->rows[row];
	bool ended = node_int(r, "ended_us", 0) > 0;
	char from[64], to[64];

	out->role = ended ? ROLE_dim : ROLE_text;
	switch ((enum column)column) {
	case C_ID:
		snprintf(out->space, sizeof out->space, "#%" PRId64, node_int(r, "id", 0));
		out->text = out->space;
		break;
	case C_STATE:
		state_cell(out, rollout_glyph(node_str(r, "state", "")), s->charset,
			node_str(r, "state", "?"));
		break;
	case C_VERDICT:
		out->text = node_str(r, "verdict", "");
		if (*out->text)
			out->role = verdict_role(out->text);
		break;
	case C_ENDPOINT:
		out->text = endpoint_name(node_str(r, "endpoint", "?"), s->short_names);
		break;
	case C_MOVE:
		canvas_cut_middle(from, sizeof from, node_str(r, "from", ""), MOVE_NAME, 0);
		canvas_cut_middle(to, sizeof to, node_str(r, "to", ""), MOVE_NAME, 0);
		if (*node_str(r, "from", ""))
			snprintf(out->space, sizeof out->space, "%s -> %s", from, to);
		else
			snprintf(out->space, sizeof out->space, "%s first", to);
		out->text = out->space;
		break;
	case C_STEP:
		step(r, out);
		break;
	case C_SHARE:
		if (!ended)
			out->text = share_text(out->space, 16, node_int(r, "share_bp", 0));
		break;
	case C_FORCE:
		if (!ended)
			out->text = share_text(out->space, 16, node_int(r, "share_in_force_bp", 0));
		if (node_int(r, "share_in_force_bp", 0) != node_int(r, "share_bp", 0) && !ended)
			out->role = ROLE_watch;
		break;
	case C_WHEN:
		out->text = when_short(
			out->space, sizeof out->space, node_int(r, "started_us", 0), host);
		break;
	case C_WHO:
		out->text = node_str(r, "author", "?");
		break;
	case C_WHY:
		if (*node_str(r, "end_reason", ""))
			out->text = node_str(r, "end_reason", "");
		else
			out->text =
				quoted(out->space, sizeof out->space, node_str(r, "reason", ""));
		break;
	case C_COUNT:
		break;
	}
}

static void rollouts_open(struct pane *p)
{
	struct rollouts *s = p->state;
	struct table_source source = {
		.ctx = s, .count = count_rows, .cell = cell, .row_id = row_id};

	s->pane = p;
	s->table = table_new(columns, C_COUNT, &source);
	table_set_empty(s->table, "no rollout yet; begin: `:rollout start`");
}

static bool rollouts_feed(struct pane *p, int slot, struct buf *path)
{
	(void)p;
	if (slot == 0)
		buf_adds(path, "/v1/rollouts?limit=500");
	return slot == 0;
}

static void rollouts_on_snapshot(struct pane *p, int slot)
{
	struct rollouts *s = p->state;
	const struct node *list;
	int n;

	list = node_items(pane_root(p, slot), &n);
	free(s->rows);
	s->rows = xcalloc((size_t)n + 1, sizeof(*s->rows));
	s->count = 0;
	/* Active ones first; within both kinds the engine's order, newest first. */
	for (int ended = 0; ended < 2; ended++)
		for (int i = 0; i < n; i++)
			if ((node_int(&list[i], "ended_us", 0) > 0) == ended &&
				in_project(p, &list[i]))
				s->rows[s->count++] = &list[i];
	s->short_names = names_are_unique(s->rows, s->count, "endpoint");
	table_refresh(s->table);
}

static void rollouts_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct rollouts *s = p->state;

	s->charset = c->charset;
	if (!draw_loading(p, c, r))
		table_draw(s->table, c, r, true);
}

static bool rollouts_command(struct pane *p, const char *command)
{
	struct rollouts *s = p->state;

	return table_act(s->table, command);
}

static int rollouts_filter(struct pane *p, const char *regex, struct err *e)
{
	struct rollouts *s = p->state;

	return table_set_filter(s->table, regex, e);
}

static const char *rollouts_filtered(const struct pane *p)
{
	const struct rollouts *s = p->state;

	return table_filter(s->table);
}

static void rollouts_select(const struct pane *p, struct selection *out)
{
	const struct rollouts *s = p->state;
	size_t row;

	if (!table_selected(s->table, &row))
		return;
	snprintf(out->rollout, sizeof out->rollout, "%" PRId64, node_int(s->rows[row], "id", 0));
	snprintf(out->place, sizeof out->place, "rollout/%s", out->rollout);
	str_copy(out->endpoint, sizeof out->endpoint, node_str(s->rows[row], "endpoint", ""));
	str_copy(out->version, sizeof out->version, node_str(s->rows[row], "to", ""));
}

static void rollouts_close(struct pane *p)
{
	struct rollouts *s = p->state;

	table_free(s->table);
	free(s->rows);
}

static bool rollouts_offers(const struct pane *p, const char *command)
{
	const struct rollouts *s = p->state;
	size_t row;

	return rollout_offers(table_selected(s->table, &row) ? s->rows[row] : NULL, command);
}

static const struct help_hint rollouts_hints[] = {{"open", "explain"},
	{"rollout abort %rollout", "abort"}, {"rollout approve %rollout", "approve"},
	{"rollout advance %rollout", "advance"}, {"rollout pause %rollout", "pause"},
	{"rollout resume %rollout", "resume"}, {"rollout promote %rollout", "promote"},
	{NULL, NULL}};

const struct pane_ops rollouts_pane = {
	.name = "rollouts",
	.title = "Rollouts",
	.kind = "list",
	.live = true,
	.state_size = sizeof(struct rollouts),
	.hints = rollouts_hints,
	.open = rollouts_open,
	.feed = rollouts_feed,
	.on_snapshot = rollouts_on_snapshot,
	.draw = rollouts_draw,
	.command = rollouts_command,
	.filter = rollouts_filter,
	.filtered = rollouts_filtered,
	.select = rollouts_select,
	.offers = rollouts_offers,
	.close = rollouts_close,
};
