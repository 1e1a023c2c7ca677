/* event_detail.c: one event of the audit log, with every field that it is hashed over. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"

struct event_detail {
	struct text *text; /* owned */
};

static void event_open(struct pane *p)
{
	struct event_detail *s = p->state;

	s->text = text_new();
}

static bool event_feed(struct pane *p, int slot, struct buf *path)
{
	/* The list runs backwards: the one before seq + 1 is seq. */
	if (slot == 0)
		buf_addf(path, "/v1/audit?limit=1&after=%lld", strtoll(p->argument, NULL, 10) + 1);
	return slot == 0;
}

/* The engine itself is no user, and not everybody has logged in: -1 stands for none. */
static void who(struct text *t, const struct node *v)
{
	int64_t uid = node_int(v, "actor_uid", -1), login = node_int(v, "login_uid", -1);
	char ids[80] = "";

	if (uid < 0) {
		detail_line(t, "who", ROLE_text, "%s itself", node_str(v, "actor", "?"));
		return;
	}
	if (login >= 0 && login != uid)
		snprintf(ids, sizeof ids, ", logged in as uid %" PRId64, login);
	detail_line(t, "who", ROLE_text, "%s (uid %" PRId64 "%s), as %s, by %s",
		node_str(v, "actor", "?"), uid, ids, node_str(v, "role", "?"),
		node_str(v, "via", "?"));
}

static void event_fill(const struct pane *p, struct text *t, const struct node *v)
{
	static const char *const texts[][2] = {{"project", "project"}, {"in", "environment"},
		{"endpoint", "endpoint"}, {"version", "version"}, {"reason", "reason"},
		{"before", "before"}, {"after", "after"}, {"request", "request_id"},
		{"prev", "prev"}, {"hash", "hash"}};
	char when[40];

	text_clear(t);
	text_set_indent(t, 11);
	detail_line(t, "event", ROLE_heading, "%" PRId64 "  %s %s", node_int(v, "seq", 0),
		node_str(v, "verb", "?"), node_str(v, "subject", ""));
	detail_line(t, "when", ROLE_text, "%s",
		timefmt_full(when, sizeof when, node_int(v, "at_us", 0), p->host->zone));
	who(t, v);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		detail_line(t, texts[i][0], ROLE_text, "%s", node_str(v, texts[i][1], ""));
	if (node_int(v, "rollout", 0))
		detail_line(t, "rollout", ROLE_text, "#%" PRId64, node_int(v, "rollout", 0));
	if (node_int(v, "undo_of", 0))
		detail_line(t, "undoes", ROLE_text, "%" PRId64, node_int(v, "undo_of", 0));
	detail_line(t, "causes", ROLE_text, "%s", node_str(v, "causes", ""));
	detail_line(t, "canonical", ROLE_dim, "%s", node_str(v, "canonical", ""));
}

static const struct node *event_of(const struct pane *p)
{
	int n;
	const struct node *items = node_items(pane_root(p, 0), &n);

	return n ? items : NULL;
}

static void event_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct event_detail *s = p->state;
	const struct node *v = event_of(p);

	if (!v) {
		canvas_put(c, r.row, 1, ROLE_dim, ATTR_NONE,
			pane_root(p, 0) ? "there is no such event" : "asking the engine …");
		return;
	}
	event_fill(p, s->text, v);
	text_draw(s->text, c, (struct rect){r.row, 1, r.rows, r.cols - 2});
}

static bool event_command(struct pane *p, const char *command)
{
	struct event_detail *s = p->state;

	return text_act(s->text, command);
}

static void event_select(const struct pane *p, struct selection *out)
{
	const struct node *v = event_of(p);
	const struct node *change = node_get(v, "change");

	str_copy(out->endpoint, sizeof out->endpoint, node_str(v, "endpoint", ""));
	if (node_int(v, "rollout", 0))
		snprintf(out->rollout, sizeof out->rollout, "%" PRId64, node_int(v, "rollout", 0));
	if (change && change->number != 0) {
		snprintf(out->id, sizeof out->id, "%" PRId64, node_int(v, "seq", 0));
		snprintf(out->place, sizeof out->place, "change/%s", out->id);
	}
}

static void event_close(struct pane *p)
{
	struct event_detail *s = p->state;

	text_free(s->text);
}

static const struct help_hint event_hints[] = {
	{"undo %id", "undo this"}, {"open", "the change it made"}, {NULL, NULL}};

const struct pane_ops event_detail_pane = {
	.name = "event",
	.title = "event",
	.place = "event",
	.kind = "detail",
	.state_size = sizeof(struct event_detail),
	.hints = event_hints,
	.open = event_open,
	.feed = event_feed,
	.draw = event_draw,
	.command = event_command,
	.select = event_select,
	.close = event_close,
};
