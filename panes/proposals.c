/* proposals.c: what waits for other people: policy made looser, a stopped line let go, a freeze
 * overridden. Open ones first; what the selected one says is below, whole. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "tui/widget/text.h"

enum column { C_ID, C_STATE, C_WHAT, C_YES, C_WHEN, C_WHO, C_REASON, C_COUNT };
enum { BELOW = 6 }; /* rows for the selected one */

struct proposals {
	const struct pane *pane;
	struct table *table;	  /* owned */
	struct text *text;	  /* owned: of the selected one */
	const struct node **rows; /* owned array of borrowed nodes */
	size_t count;
	enum charset charset;
};

static const struct table_column columns[C_COUNT] = {
	[C_ID] = {.title = "#", .width = 4},
	[C_STATE] = {.title = "STATE", .width = 11, .drop = 3},
	[C_WHAT] = {.title = "WHAT WAITS FOR OTHERS", .width = 34, .flex = 3, .most = 72},
	[C_YES] = {.title = "YES", .width = 6, .drop = 1},
	[C_WHEN] = {.title = "SINCE", .width = 6, .drop = 4},
	[C_WHO] = {.title = "BY", .width = 6, .drop = 2},
	[C_REASON] = {.title = "REASON", .width = 10, .flex = 2, .drop = 5},
};

static bool is_open(const struct node *r)
{
	return strcmp(node_str(r, "state", ""), "open") == 0;
}

static size_t count_rows(void *ctx)
{
	return ((struct proposals *)ctx)->count;
}

static uint64_t row_id(void *ctx, size_t row)
{
	return (uint64_t)node_int(((struct proposals *)ctx)->rows[row], "id", 1);
}

static void cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	struct proposals *s = ctx;
	const struct node *r = s->rows[row];

	out->role = is_open(r) ? ROLE_text : ROLE_dim;
	out->text = out->space;
	switch ((enum column)column) {
	case C_ID:
		snprintf(out->space, sizeof out->space, "%" PRId64, node_int(r, "id", 0));
		break;
	case C_STATE:
		if (is_open(r))
			state_cell(out, GLYPH_waiting, s->charset, "open");
		else
			out->text = node_str(r, "state", "?");
		break;
	case C_WHAT:
		out->text = node_str(r, "summary", "?");
		break;
	case C_YES:
		snprintf(out->space, sizeof out->space, "%" PRId64 " of %" PRId64,
			node_int(r, "given", 0), node_int(r, "needed", 0));
		break;
	case C_WHEN:
		when_short(out->space, sizeof out->space, node_int(r, "at_us", 0), s->pane->host);
		break;
	case C_WHO:
		out->text = node_str(r, "author", "?");
		break;
	case C_REASON:
		quoted(out->space, sizeof out->space, node_str(r, "reason", ""));
		break;
	case C_COUNT:
		break;
	}
}

static void proposals_open(struct pane *p)
{
	struct proposals *s = p->state;
	struct table_source source = {
		.ctx = s, .count = count_rows, .cell = cell, .row_id = row_id};

	s->pane = p;
	s->text = text_new();
	s->table = table_new(columns, C_COUNT, &source);
	table_set_empty(
		s->table, "nothing waits for a second person, such as a looser policy would");
}

static bool proposals_feed(struct pane *p, int slot, struct buf *path)
{
	(void)p;
	if (slot == 0)
		buf_adds(path, "/v1/proposals?limit=200");
	return slot == 0;
}

static void proposals_on_snapshot(struct pane *p, int slot)
{
	struct proposals *s = p->state;
	const struct node *list;
	int n;

	list = node_items(pane_root(p, slot), &n);
	free(s->rows);
	s->rows = xcalloc((size_t)n + 1, sizeof(*s->rows));
	s->count = 0;
	for (int open = 1; open >= 0; open--)
		for (int i = 0; i < n; i++)
			/* One that is of no project, such as a stopped line, is everybody's. */
			if (is_open(&list[i]) == open &&
				(!*node_str(&list[i], "project", "") || in_project(p, &list[i])))
				s->rows[s->count++] = &list[i];
	table_refresh(s->table);
}

static const struct node *selected_row(const struct pane *p)
{
	const struct proposals *s = p->state;
	size_t row;

	return table_selected(s->table, &row) ? s->rows[row] : NULL;
}

static void fill(struct text *t, const struct node *r)
{
	int64_t missing = node_int(r, "needed", 0) - node_int(r, "given", 0);

	text_clear(t);
	text_set_indent(t, 11);
	detail_line(t, "what", ROLE_text, "%s", node_str(r, "summary", ""));
	detail_line(t, "reason", ROLE_text, "%s", node_str(r, "reason", ""));
	detail_line(t, "endpoint", ROLE_text, "%s", node_str(r, "endpoint", ""));
	if (is_open(r))
		detail_line(t, "needs", ROLE_watch,
			"%" PRId64 " more %s, not %s; to refuse it: :proposal reject %" PRId64,
			missing, missing == 1 ? "person" : "people", node_str(r, "author", "?"),
			node_int(r, "id", 0));
}

static void proposals_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct proposals *s = p->state;
	const struct node *at = selected_row(p);
	int below = at && r.rows >= 12 ? BELOW : 0;

	s->charset = c->charset;
	if (draw_loading(p, c, r))
		return;
	table_draw(s->table, c, (struct rect){r.row, r.col, r.rows - below, r.cols}, true);
	if (!below)
		return;
	fill(s->text, at);
	text_draw(s->text, c, (struct rect){r.row + r.rows - below + 1, 1, below - 1, r.cols - 2});
}

static bool proposals_command(struct pane *p, const char *command)
{
	return table_act(((struct proposals *)p->state)->table, command);
}

static int proposals_filter(struct pane *p, const char *regex, struct err *e)
{
	return table_set_filter(((struct proposals *)p->state)->table, regex, e);
}

static const char *proposals_filtered(const struct pane *p)
{
	return table_filter(((const struct proposals *)p->state)->table);
}

static void proposals_select(const struct pane *p, struct selection *out)
{
	const struct node *r = selected_row(p);

	if (!r)
		return;
	snprintf(out->proposal, sizeof out->proposal, "%" PRId64, node_int(r, "id", 0));
	str_copy(out->endpoint, sizeof out->endpoint, node_str(r, "endpoint", ""));
}

static bool proposals_offers(const struct pane *p, const char *command)
{
	const struct node *r = selected_row(p);

	return r && (strncmp(command, "proposal approve", 16) != 0 || is_open(r));
}

static void proposals_close(struct pane *p)
{
	struct proposals *s = p->state;

	table_free(s->table);
	text_free(s->text);
	free(s->rows);
}

static const struct help_hint proposals_hints[] = {{"proposal approve %proposal", "approve"},
	{"proposal show %proposal", "explain"}, {NULL, NULL}};

const struct pane_ops proposals_pane = {
	.name = "proposals",
	.title = "Proposals",
	.kind = "list",
	.state_size = sizeof(struct proposals),
	.hints = proposals_hints,
	.open = proposals_open,
	.feed = proposals_feed,
	.on_snapshot = proposals_on_snapshot,
	.draw = proposals_draw,
	.command = proposals_command,
	.filter = proposals_filter,
	.filtered = proposals_filtered,
	.select = proposals_select,
	.offers = proposals_offers,
	.close = proposals_close,
};
