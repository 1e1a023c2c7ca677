/* change_list.c: the table of changes: when, what, who, why they did it; and, ranked, how much it
 * is a suspect and why. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"

enum { WHEN_WIDTH = 6, NAME_WIDTH = 18 };

enum column { C_WHEN, C_WHAT, C_WHO, C_REASON, C_SUSPECT, C_WHY };

static size_t count_rows(void *ctx)
{
	return ((struct change_list *)ctx)->count;
}

static uint64_t row_id(void *ctx, size_t row)
{
	return (uint64_t)node_int(((struct change_list *)ctx)->rows[row], "seq", 1);
}

static void what(const struct change_list *l, const struct node *c, struct table_cell *out)
{
	const char *endpoint = node_str(c, "endpoint", "");
	const char *full = endpoint_name(endpoint, l->short_names);
	char name[80];
	const char *text = node_str(c, "what", node_str(c, "verb", "?"));

	/* Said first, where it is never cut off. */
	bool undone = node_int(c, "undone_by", 0) > 0;

	/* The sentence often names its endpoint already; saying it twice costs the line. */
	bool named = !*full || strstr(text, full);

	/* What was done to it is the news, whatever it is called. */
	canvas_cut_middle(name, sizeof name, full, NAME_WIDTH, 0);
	snprintf(out->space, sizeof out->space, "%s%s%s%s", undone ? "(undone) " : "",
		named ? "" : name, named ? "" : ": ", text);
	out->text = out->space;
	if (undone)
		out->role = ROLE_dim;
}

static void why(const struct node *c, struct table_cell *out)
{
	int64_t undone = node_int(c, "undone_by", 0), undo_of = node_int(c, "undo_of", 0);

	if (undone)
		snprintf(out->space, sizeof out->space, "undone by %" PRId64, undone);
	else if (undo_of)
		snprintf(out->space, sizeof out->space, "undoes %" PRId64, undo_of);
	else if (*node_str(c, "why", ""))
		str_copy(out->space, sizeof out->space, node_str(c, "why", ""));
	else if (!node_bool(c, "undoable"))
		str_copy(out->space, sizeof out->space, "no undo");
	out->text = out->space;
	if (undone || !node_int(c, "suspicion", 0))
		out->role = ROLE_dim;
}

static void cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	static const char *const stars[] = {"", "*", "**", "***"};
	struct change_list *l = ctx;
	const struct node *c = l->rows[row];
	int64_t suspicion = node_int(c, "suspicion", 0);

	switch ((enum column)column) {
	case C_WHEN:
		out->text = when_short(
			out->space, sizeof out->space, node_int(c, "at_us", 0), l->pane->host);
		break;
	case C_WHAT:
		what(l, c, out);
		break;
	case C_WHO:
		out->text = node_str(c, "actor", "?");
		break;
	case C_REASON:
		out->text = quoted(out->space, sizeof out->space, node_str(c, "reason", ""));
		/* Why a suspect was done is half of the answer; elsewhere it stands back. */
		if (!suspicion)
			out->role = ROLE_dim;
		break;
	case C_SUSPECT:
		out->text = stars[suspicion < 0 ? 0 : suspicion > 3 ? 3 : suspicion];
		out->role = ROLE_harm;
		break;
	case C_WHY:
		why(c, out);
		break;
	}
}

static int compare(void *ctx, size_t a, size_t b, int column)
{
	struct change_list *l = ctx;
	struct table_cell x = {.role = ROLE_text}, y = {.role = ROLE_text};
	int64_t d;

	if (column == C_WHEN || column == C_SUSPECT) {
		const char *key = column == C_WHEN ? "at_us" : "suspicion";

		d = node_int(l->rows[a], key, 0) - node_int(l->rows[b], key, 0);
		return d < 0 ? -1 : d > 0;
	}
	cell(ctx, a, column, &x);
	cell(ctx, b, column, &y);
	return strcmp(x.text ? x.text : "", y.text ? y.text : "");
}

void change_list_init(struct change_list *l, struct pane *p, bool ranked)
{
	struct table_source source = {
		.ctx = l, .count = count_rows, .cell = cell, .row_id = row_id, .compare = compare};

	*l = (struct change_list){.pane = p};
	str_copy(l->title, sizeof l->title, "WHAT CHANGED");
	l->columns[C_WHEN] = (struct table_column){.title = "", .width = WHEN_WIDTH};
	l->columns[C_WHAT] = (struct table_column){
		.title = l->title, .width = ranked ? 28 : 32, .flex = 5, .most = 64};
	l->columns[C_WHO] = (struct table_column){.title = "WHO", .width = 6, .drop = 3};
	l->columns[C_REASON] =
		(struct table_column){.title = "REASON", .width = 16, .flex = 3, .drop = 4};
	l->columns[C_SUSPECT] =
		(struct table_column){.title = "", .width = ranked ? 3 : 1, .drop = ranked ? 5 : 6};
	l->columns[C_WHY] = (struct table_column){
		.title = ranked ? "HOW NEAR" : "", .width = 18, .flex = 2, .drop = ranked ? 6 : 5};
	l->table = table_new(l->columns, CHANGE_COLUMNS, &source);
	table_set_empty(l->table, "no changes yet");
}

void change_list_release(struct change_list *l)
{
	table_free(l->table);
	free(l->rows);
}

void change_list_set(struct change_list *l, const struct node *list, int count)
{
	free(l->rows);
	l->rows = xcalloc((size_t)count + 1, sizeof(*l->rows));
	l->count = 0;
	for (int i = 0; i < count; i++)
		if (in_project(l->pane, &list[i]))
			l->rows[l->count++] = &list[i];
	l->short_names = names_are_unique(l->rows, l->count, "endpoint");
	table_refresh(l->table);
}

const struct node *change_list_selected(const struct change_list *l)
{
	size_t row;

	return table_selected(l->table, &row) ? l->rows[row] : NULL;
}

void change_select(const struct node *change, struct selection *out)
{
	if (!change)
		return;
	snprintf(out->id, sizeof out->id, "%" PRId64, node_int(change, "seq", 0));
	snprintf(out->place, sizeof out->place, "change/%s", out->id);
	str_copy(out->endpoint, sizeof out->endpoint, node_str(change, "endpoint", ""));
	str_copy(out->version, sizeof out->version, node_str(change, "version", ""));
	if (node_int(change, "rollout", 0))
		snprintf(out->rollout, sizeof out->rollout, "%" PRId64,
			node_int(change, "rollout", 0));
}
