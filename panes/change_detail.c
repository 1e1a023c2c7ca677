/* change_detail.c: one change explained: who, when, why, before and after, what undoing it would
 * do, and what has happened to the same thing since. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "tui/client/codec.h"

struct change_detail {
	struct text *text; /* owned */
};

static void change_open(struct pane *p)
{
	struct change_detail *s = p->state;

	s->text = text_new();
}

static bool change_feed(struct pane *p, int slot, struct buf *path)
{
	if (slot != 0)
		return false;
	buf_adds(path, "/v1/changes/");
	codec_escape(path, p->argument);
	return true;
}

static void add_plan(
	struct text *t, const struct node *plan, const char *label, const char *key, enum role role)
{
	int n;
	const struct node *list = node_list(node_get(plan, key), "", &n);

	for (int i = 0; i < n; i++)
		if (list[i].kind == NODE_TEXT)
			detail_line(t, i ? "" : label, role, "%s", list[i].text);
}

static void add_undo(struct text *t, const struct node *r)
{
	const struct node *plan = node_get(r, "undo_plan");

	text_line(t);
	text_add(t, ROLE_heading, ATTR_NONE, "UNDO");
	text_line(t);
	if (node_int(r, "undone_by", 0))
		detail_line(t, "is undone", ROLE_text, "by change %" PRId64,
			node_int(r, "undone_by", 0));
	if (node_int(r, "undo_of", 0))
		detail_line(t, "undoes", ROLE_text, "change %" PRId64, node_int(r, "undo_of", 0));
	if (!plan || plan->kind != NODE_OBJECT) {
		detail_line(t, "", node_bool(r, "undoable") ? ROLE_text : ROLE_watch, "%s",
			node_str(r, "undo", "it cannot be undone"));
		return;
	}
	add_plan(t, plan, "would", "will", ROLE_text);
	add_plan(t, plan, "would not", "will_not", ROLE_dim);
	add_plan(t, plan, "needs", "needs", ROLE_text);
	add_plan(t, plan, "warning", "warnings", ROLE_harm);
}

static void add_later(struct text *t, const struct pane *p, const struct node *r)
{
	int n;
	const struct node *list = node_list(node_get(r, "later"), "", &n);
	char when[32];

	if (!n)
		return;
	text_line(t);
	text_add(t, ROLE_heading, ATTR_NONE, "SINCE THEN, ON THE SAME THING");
	text_line(t);
	for (int i = 0; i < n; i++) {
		text_add(t, ROLE_dim, ATTR_NONE,
			timefmt_when(when, sizeof when, node_int(&list[i], "at_us", 0),
				p->host->now_us, p->host->zone));
		text_tab(t, 13);
		text_addf(t, ROLE_text, ATTR_NONE, "%" PRId64 "  %s  by %s",
			node_int(&list[i], "seq", 0), node_str(&list[i], "what", "?"),
			node_str(&list[i], "actor", "?"));
		text_line(t);
	}
}

static void add_value(struct buf *b, const struct node *v)
{
	char number[48];

	if (!v || v->kind == NODE_NULL || (v->kind == NODE_TEXT && !*v->text))
		buf_adds(b, "nothing");
	else if (v->kind == NODE_TEXT)
		buf_adds(b, v->text);
	else if (v->kind == NODE_BOOL)
		buf_adds(b, v->number != 0 ? "yes" : "no");
	else if (v->kind == NODE_NUMBER && v->key && strcmp(v->key, "share_bp") == 0)
		buf_adds(b, share_text(number, sizeof number, (int64_t)v->number));
	else if (v->kind == NODE_NUMBER)
		buf_addf(b, "%.10g", v->number);
	else
		buf_addf(b, "(%d)", v->count);
}

static bool same_value(const struct node *a, const struct node *b)
{
	struct buf x = {0}, y = {0};
	bool same;

	add_value(&x, a);
	add_value(&y, b);
	same = strcmp(buf_text(&x), buf_text(&y)) == 0;
	buf_release(&x);
	buf_release(&y);
	return same;
}

/* "share_bp: 0% -> 50%": what is not the same before and after, a line each. */
static void add_differences(struct text *t, const struct node *before, const struct node *after)
{
	const char *label = "changed";

	for (int i = 0; after->kind == NODE_OBJECT && i < after->count; i++) {
		const struct node *is = &after->items[i], *was = node_get(before, is->key);
		struct buf line = {0};
		const char *key = strcmp(is->key, "share_bp") == 0 ? "share" : is->key;

		if (same_value(was, is) || (strcmp(key, "text") == 0 && !is->text))
			continue;
		if (before->kind == NODE_OBJECT && before->count) {
			buf_addf(&line, "%s: ", key);
			add_value(&line, was);
			buf_adds(&line, " -> ");
		} else if (strcmp(key, "text") != 0)
			buf_addf(&line, "%s: ", key);
		add_value(&line, is);
		detail_line(t, label, ROLE_text, "%s", buf_text(&line));
		label = "";
		buf_release(&line);
	}
}

/* The event keeps both as JSON; what cannot be read as such is shown as it stands. */
static void add_states(struct text *t, const struct node *event)
{
	const char *was = node_str(event, "before", ""), *is = node_str(event, "after", "");
	struct snapshot *before = codec_parse(*was ? was : "{}", *was ? strlen(was) : 2, NULL);
	struct snapshot *after = codec_parse(*is ? is : "{}", *is ? strlen(is) : 2, NULL);

	if (before && after) {
		add_differences(t, snapshot_root(before), snapshot_root(after));
	} else {
		detail_line(t, "before", ROLE_text, "%s", was);
		detail_line(t, "after", ROLE_text, "%s", is);
	}
	snapshot_free(before);
	snapshot_free(after);
}

static void change_fill(const struct pane *p, struct text *t)
{
	const struct node *r = pane_root(p, 0), *event = node_get(r, "event");
	char when[40], why[128], causes[160] = "";
	int n;
	const struct node *list = node_list(node_get(r, "causes"), "", &n);

	for (int i = 0; i < n; i++)
		if (list[i].kind == NODE_TEXT)
			snprintf(causes + strlen(causes), sizeof causes - strlen(causes), "%s%s",
				i ? ", " : "", list[i].text);
	text_clear(t);
	text_set_indent(t, 11);
	detail_line(t, "change", ROLE_heading, "%" PRId64 "  %s", node_int(r, "seq", 0),
		node_str(r, "what", "?"));
	detail_line(t, "on", ROLE_text, "%s",
		*node_str(r, "endpoint", "") ? node_str(r, "endpoint", "")
					     : node_str(r, "subject", ""));
	detail_line(t, "when", ROLE_text, "%s",
		timefmt_full(when, sizeof when, node_int(r, "at_us", 0), p->host->zone));
	detail_line(t, "who", ROLE_text, "%s, as %s, from the %s", node_str(r, "actor", "?"),
		node_str(r, "role", "?"), node_str(r, "via", "?"));
	detail_line(
		t, "reason", ROLE_text, "%s", quoted(why, sizeof why, node_str(r, "reason", "")));
	detail_line(t, "caused by", ROLE_text, "%s", causes);
	detail_line(t, "suspect", ROLE_harm, "%s", node_str(r, "why", ""));
	add_states(t, event);
	add_undo(t, r);
	add_later(t, p, r);
}

static void change_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct change_detail *s = p->state;

	if (!pane_root(p, 0)) {
		canvas_put(c, r.row, 1, ROLE_dim, ATTR_NONE, "asking the engine …");
		return;
	}
	change_fill(p, s->text);
	text_draw(s->text, c, (struct rect){r.row, 1, r.rows, r.cols - 2});
}

static bool change_command(struct pane *p, const char *command)
{
	struct change_detail *s = p->state;

	return text_act(s->text, command);
}

static void change_detail_select(const struct pane *p, struct selection *out)
{
	if (!pane_root(p, 0)) {
		str_copy(out->id, sizeof out->id, p->argument);
		return;
	}
	change_select(pane_root(p, 0), out);
	if (out->rollout[0])
		snprintf(out->place, sizeof out->place, "rollout/%s", out->rollout);
	else if (out->endpoint[0])
		snprintf(out->place, sizeof out->place, "endpoint/%s", out->endpoint);
	else
		out->place[0] = '\0';
}

static void change_close(struct pane *p)
{
	struct change_detail *s = p->state;

	text_free(s->text);
}

static bool change_detail_offers(const struct pane *p, const char *command)
{
	return change_offers(pane_root(p, 0), command);
}

static const struct help_hint change_hints[] = {
	{"undo %id", "undo this"}, {"open", "what it touched"}, {NULL, NULL}};

const struct pane_ops change_detail_pane = {
	.name = "change",
	.title = "change",
	.place = "change",
	.kind = "detail",
	.state_size = sizeof(struct change_detail),
	.hints = change_hints,
	.open = change_open,
	.feed = change_feed,
	.draw = change_draw,
	.command = change_command,
	.select = change_detail_select,
	.offers = change_detail_offers,
	.close = change_close,
};
