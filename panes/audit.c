/* audit.c: the audit log, newest first, as long as it is: pages are fetched by key in the
 * background while one moves, rows are kept small, and a filter is run by the engine over the whole
 * log. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/match.h"
#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "tui/client/codec.h"

enum { PAGE = 500, AHEAD = 500, DEBOUNCE_MS = 150 };
enum { SLOT_OLDER, SLOT_NEWER };
enum column { C_SEQ, C_WHEN, C_WHO, C_VERB, C_SUBJECT, C_ROLE, C_VIA, C_REASON, C_COUNT };

/* One event, packed: the texts one behind the other, in the order of `texts`. */
struct row {
	int64_t seq, at_us, rollout;
	bool change;
	char *packed; /* owned */
};

static const char *const texts[] = {
	"actor", "verb", "subject", "role", "via", "reason", "endpoint"};
enum text_index { T_WHO, T_VERB, T_SUBJECT, T_ROLE, T_VIA, T_REASON, T_ENDPOINT, T_COUNT };

struct rows {
	struct row *list; /* owned */
	size_t count, cap;
};

struct audit {
	const struct pane *pane;
	struct table *table;  /* owned */
	struct rows older;    /* newest first, as fetched */
	struct rows newer;    /* arrived since, oldest first */
	bool begun, at_start; /* at_start: the oldest event is here */
	bool replace;	      /* the next page begins the list anew: another filter */
	char match[256];      /* the filter in force or on its way */
};

static const struct table_column columns[C_COUNT] = {
	[C_SEQ] = {.title = "SEQ", .width = 7, .drop = 3, .right = true},
	[C_WHEN] = {.title = "WHEN", .width = 12},
	[C_WHO] = {.title = "WHO", .width = 8},
	[C_VERB] = {.title = "VERB", .width = 16},
	[C_SUBJECT] = {.title = "SUBJECT", .width = 22, .flex = 2, .drop = 1},
	[C_ROLE] = {.title = "ROLE", .width = 8, .drop = 6},
	[C_VIA] = {.title = "VIA", .width = 7, .drop = 5},
	[C_REASON] = {.title = "REASON", .width = 10, .flex = 3, .drop = 4},
};

static void rows_clear(struct rows *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->list[i].packed);
	free(r->list);
	*r = (struct rows){0};
}

static void rows_add(struct rows *r, const struct node *v)
{
	const struct node *change = node_get(v, "change");
	struct buf b = {0};

	if (r->count == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 1024;
		r->list = xrealloc(r->list, r->cap, sizeof *r->list);
	}
	for (int i = 0; i < T_COUNT; i++) {
		const char *text = node_str(v, texts[i], "");

		buf_add(&b, text, strlen(text) + 1);
	}
	r->list[r->count++] = (struct row){.seq = node_int(v, "seq", 1),
		.at_us = node_int(v, "at_us", 0),
		.rollout = node_int(v, "rollout", 0),
		.change = change && change->number != 0,
		.packed = buf_detach(&b)};
}

static const struct row *row_at(const struct audit *s, size_t i)
{
	return i < s->newer.count ? &s->newer.list[s->newer.count - 1 - i]
				  : &s->older.list[i - s->newer.count];
}

static const char *row_text(const struct row *r, enum text_index i)
{
	const char *p = r->packed;

	while (i-- > 0)
		p += strlen(p) + 1;
	return p;
}

static size_t count_rows(void *ctx)
{
	const struct audit *s = ctx;

	return s->newer.count + s->older.count;
}

static uint64_t row_id(void *ctx, size_t i)
{
	return (uint64_t)row_at(ctx, i)->seq;
}

static void cell(void *ctx, size_t i, int column, struct table_cell *out)
{
	const struct audit *s = ctx;
	const struct row *r = row_at(s, i);

	switch ((enum column)column) {
	case C_SEQ:
		snprintf(out->space, sizeof out->space, "%" PRId64, r->seq);
		out->text = out->space;
		out->role = ROLE_dim;
		break;
	case C_WHEN:
		out->text = timefmt_when(
			out->space, 32, r->at_us, s->pane->host->now_us, s->pane->host->zone);
		break;
	case C_WHO:
		out->text = row_text(r, T_WHO);
		break;
	case C_VERB:
		out->text = row_text(r, T_VERB);
		if (strcmp(out->text, "denied") == 0)
			out->role = ROLE_watch;
		break;
	case C_SUBJECT:
		out->text = row_text(r, T_SUBJECT);
		break;
	case C_ROLE:
		out->text = row_text(r, T_ROLE);
		out->role = ROLE_dim;
		break;
	case C_VIA:
		out->text = row_text(r, T_VIA);
		out->role = ROLE_dim;
		break;
	case C_REASON:
		out->text = row_text(r, T_REASON);
		out->role = ROLE_dim;
		break;
	case C_COUNT:
		break;
	}
}

static int compare(void *ctx, size_t a, size_t b, int column)
{
	const struct row *x = row_at(ctx, a), *y = row_at(ctx, b);
	static const enum text_index text_of[C_COUNT] = {[C_WHO] = T_WHO,
		[C_VERB] = T_VERB,
		[C_SUBJECT] = T_SUBJECT,
		[C_ROLE] = T_ROLE,
		[C_VIA] = T_VIA,
		[C_REASON] = T_REASON};

	if (column == C_SEQ || column == C_WHEN)
		return x->seq < y->seq ? -1 : x->seq > y->seq;
	return strcmp(row_text(x, text_of[column]), row_text(y, text_of[column]));
}

static void audit_open(struct pane *p)
{
	struct audit *s = p->state;
	struct table_source source = {
		.ctx = s, .count = count_rows, .cell = cell, .row_id = row_id, .compare = compare};

	s->pane = p;
	s->table = table_new(columns, C_COUNT, &source);
	table_set_empty(s->table, "reading the log …");
}

static void add_match(const struct audit *s, struct buf *path)
{
	if (*s->match) {
		buf_adds(path, "&match=");
		codec_escape(path, s->match);
	}
}

static void fetch_older(struct pane *p)
{
	struct audit *s = p->state;
	struct buf path = {0};

	buf_addf(&path, "/v1/audit?limit=%d", PAGE);
	if (s->older.count && !s->replace)
		buf_addf(&path, "&after=%" PRId64, s->older.list[s->older.count - 1].seq);
	add_match(s, &path);
	p->host->fetch(p->host, p, SLOT_OLDER, buf_text(&path));
	buf_release(&path);
}

/* Keeps a page ahead of the cursor, so that moving down never waits. */
static void fetch_ahead(struct pane *p)
{
	struct audit *s = p->state;
	size_t row;

	if (s->at_start || p->request[SLOT_OLDER] || !s->begun)
		return;
	if (!table_selected(s->table, &row) || row + AHEAD >= count_rows(s))
		fetch_older(p);
}

static bool audit_feed(struct pane *p, int slot, struct buf *path)
{
	const struct audit *s = p->state;
	size_t all = count_rows((void *)(uintptr_t)s);

	if (slot == SLOT_OLDER && !s->begun && !p->request[SLOT_OLDER]) {
		buf_addf(path, "/v1/audit?limit=%d", PAGE);
		add_match(s, path);
		return true;
	}
	/* What was written since: by key, so that nothing is fetched twice. */
	if (slot != SLOT_NEWER || !s->begun || !all || s->replace)
		return false;
	buf_addf(path, "/v1/audit?limit=%d&ascending=1&after=%" PRId64, PAGE, row_at(s, 0)->seq);
	add_match(s, path);
	return true;
}

static void take_older(struct pane *p)
{
	struct audit *s = p->state;
	int n;
	const struct node *items = node_items(pane_root(p, SLOT_OLDER), &n);

	if (s->replace) {
		rows_clear(&s->older);
		rows_clear(&s->newer);
		s->replace = false;
	}
	s->begun = true;
	for (int i = 0; i < n; i++)
		rows_add(&s->older, &items[i]);
	s->at_start = n == 0 || !node_int(pane_root(p, SLOT_OLDER), "next", 0);
	table_set_empty(s->table,
		*s->match ? "no event matches; Esc drops the filter" : "the log is empty");
}

static void audit_on_snapshot(struct pane *p, int slot)
{
	struct audit *s = p->state;
	int n;
	const struct node *items;

	if (slot == SLOT_OLDER)
		take_older(p);
	else {
		items = node_items(pane_root(p, slot), &n);
		for (int i = 0; i < n; i++)
			if (!count_rows(s) || node_int(&items[i], "seq", 0) > row_at(s, 0)->seq)
				rows_add(&s->newer, &items[i]);
	}
	/* The rows are copied: the page itself may go. */
	snapshot_free(p->data[slot]);
	p->data[slot] = NULL;
	table_refresh(s->table);
	fetch_ahead(p);
}

static void audit_on_timer(struct pane *p)
{
	struct audit *s = p->state;

	s->replace = true;
	s->at_start = false;
	fetch_older(p);
}

static void audit_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct audit *s = p->state;
	char shown[48], line[400];

	if (r.rows >= 6) {
		r.rows--;
		snprintf(line, sizeof line, "%s event%s%s%s%s",
			numfmt(shown, sizeof shown, (double)count_rows(s), 0),
			count_rows(s) == 1 ? "" : "s",
			s->at_start ? "" : " read, older ones follow",
			*s->match ? "  matching /" : "", s->match);
		if (s->begun)
			canvas_put_left(
				c, r.row + r.rows, 1, r.cols - 2, ROLE_dim, ATTR_NONE, line);
	}
	table_draw(s->table, c, r, true);
}

static bool audit_command(struct pane *p, const char *command)
{
	struct audit *s = p->state;
	bool known = table_act(s->table, command);

	if (known)
		fetch_ahead(p);
	return known;
}

static int audit_filter(struct pane *p, const char *regex, struct err *e)
{
	struct audit *s = p->state;
	struct match *m = *regex ? match_new(regex, e) : NULL;

	if (*regex && !m)
		return ERR_REGEX;
	match_free(m);
	if (strcmp(s->match, regex) == 0)
		return 0;
	if (!str_copy(s->match, sizeof s->match, regex))
		return err_set(
			e, ERR_REGEX, "the filter is longer than %zu bytes", sizeof s->match - 1);
	/* The rows stay until the engine's answer comes. */
	p->host->timer(p->host, p, DEBOUNCE_MS);
	return 0;
}

static const char *audit_filtered(const struct pane *p)
{
	const struct audit *s = p->state;

	return s->match;
}

static void audit_select(const struct pane *p, struct selection *out)
{
	const struct audit *s = p->state;
	size_t i;

	if (!table_selected(s->table, &i))
		return;
	const struct row *r = row_at(s, i);

	if (r->change)
		snprintf(out->id, sizeof out->id, "%" PRId64, r->seq);
	if (r->rollout)
		snprintf(out->rollout, sizeof out->rollout, "%" PRId64, r->rollout);
	str_copy(out->endpoint, sizeof out->endpoint, row_text(r, T_ENDPOINT));
	snprintf(out->place, sizeof out->place, "event/%" PRId64, r->seq);
}

static void audit_close(struct pane *p)
{
	struct audit *s = p->state;

	table_free(s->table);
	rows_clear(&s->older);
	rows_clear(&s->newer);
}

static const struct help_hint audit_hints[] = {
	{"open", "explain"}, {"undo %id", "undo this"}, {NULL, NULL}};

const struct pane_ops audit_pane = {
	.name = "audit",
	.title = "Audit",
	.kind = "list",
	.state_size = sizeof(struct audit),
	.hints = audit_hints,
	.open = audit_open,
	.feed = audit_feed,
	.on_snapshot = audit_on_snapshot,
	.on_timer = audit_on_timer,
	.draw = audit_draw,
	.command = audit_command,
	.filter = audit_filter,
	.filtered = audit_filtered,
	.select = audit_select,
	.close = audit_close,
};
