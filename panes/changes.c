/* changes.c: what changed, newest first, by whom and why; `u` undoes what is selected. */
#include "panes/common.h"
#include "panes/panes.h"

struct changes {
	struct change_list list;
};

static void changes_open(struct pane *p)
{
	struct changes *s = p->state;

	change_list_init(&s->list, p, false);
	table_set_empty(s->list.table, "nothing has changed yet: what people and the engine do is "
				       "listed here, each with its undo");
}

static bool changes_feed(struct pane *p, int slot, struct buf *path)
{
	(void)p;
	if (slot == 0)
		buf_adds(path, "/v1/changes?limit=500");
	return slot == 0;
}

static void changes_on_snapshot(struct pane *p, int slot)
{
	struct changes *s = p->state;
	const struct node *items;
	int n;

	items = node_items(pane_root(p, slot), &n);
	change_list_set(&s->list, items, n);
}

static void changes_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct changes *s = p->state;

	if (!draw_loading(p, c, r))
		table_draw(s->list.table, c, r, true);
}

static bool changes_command(struct pane *p, const char *command)
{
	struct changes *s = p->state;

	return table_act(s->list.table, command);
}

static int changes_filter(struct pane *p, const char *regex, struct err *e)
{
	struct changes *s = p->state;

	return table_set_filter(s->list.table, regex, e);
}

static const char *changes_filtered(const struct pane *p)
{
	const struct changes *s = p->state;

	return table_filter(s->list.table);
}

static void changes_select(const struct pane *p, struct selection *out)
{
	const struct changes *s = p->state;

	change_select(change_list_selected(&s->list), out);
}

static void changes_close(struct pane *p)
{
	struct changes *s = p->state;

	change_list_release(&s->list);
}

static bool changes_offers(const struct pane *p, const char *command)
{
	const struct changes *s = p->state;

	return change_offers(change_list_selected(&s->list), command);
}

static const struct help_hint changes_hints[] = {
	{"undo %id", "undo this"}, {"open", "explain"}, {NULL, NULL}};

const struct pane_ops changes_pane = {
	.name = "changes",
	.title = "Changes",
	.kind = "list",
	.state_size = sizeof(struct changes),
	.hints = changes_hints,
	.open = changes_open,
	.feed = changes_feed,
	.on_snapshot = changes_on_snapshot,
	.draw = changes_draw,
	.command = changes_command,
	.filter = changes_filter,
	.filtered = changes_filtered,
	.select = changes_select,
	.offers = changes_offers,
	.close = changes_close,
};
