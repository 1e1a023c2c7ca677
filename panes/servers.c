/* servers.c: the servers of one endpoint, each with its state, what its last health check said, and
 * who keeps it from new requests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "tui/client/codec.h"

enum column { C_STATE, C_VERSION, C_SERVER, C_NAME, C_SESSIONS, C_CUT, C_CHECK, C_COUNT };

struct servers {
	const struct pane *pane;
	struct table *table;	  /* owned */
	const struct node **rows; /* owned array of borrowed nodes */
	size_t count;
	enum charset charset;
};

static const struct table_column columns[C_COUNT] = {
	[C_STATE] = {.title = "STATE", .width = 9},
	[C_VERSION] = {.title = "VERSION", .width = 7, .most = 16, .flex = 1, .drop = 5},
	[C_SERVER] = {.title = "SERVER", .width = 15, .flex = 2, .most = 40, .middle = true},
	[C_NAME] = {.title = "AT THE GATEWAY",
		.width = 16,
		.flex = 1,
		.most = 24,
		.drop = 7,
		.middle = true},
	[C_SESSIONS] = {.title = "BUSY", .width = 4, .drop = 4, .right = true},
	[C_CUT] = {.title = "CUT", .width = 4, .drop = 6, .right = true},
	[C_CHECK] = {.title = "LAST CHECK, OR WHO DRAINED IT", .width = 24, .flex = 4, .drop = 1},
};

static size_t count_rows(void *ctx)
{
	return ((struct servers *)ctx)->count;
}

static uint64_t row_id(void *ctx, size_t row)
{
	const struct node *r = ((struct servers *)ctx)->rows[row];
	char name[140];

	snprintf(name, sizeof name, "%.63s/%.63s", node_str(r, "version", ""),
		node_str(r, "name", ""));
	return table_id(name);
}

static bool is_drained(const struct node *r)
{
	const struct node *d = node_get(r, "drained");

	return d && d->kind == NODE_OBJECT;
}

/* A server that a person took out waits; one that goes away by itself does so too. */
static enum glyph server_glyph(const char *state)
{
	if (strcmp(state, "up") == 0 || strcmp(state, "healthy") == 0)
		return GLYPH_ok;
	return strcmp(state, "drain") == 0 || strcmp(state, "maint") == 0 ? GLYPH_waiting
									  : GLYPH_failed;
}

static void number(const struct node *r, const char *key, struct table_cell *out)
{
	snprintf(out->space, sizeof out->space, "%" PRId64, node_int(r, key, 0));
	out->text = out->space;
}

static void check(const struct servers *s, const struct node *r, struct table_cell *out)
{
	const struct node *d = node_get(r, "drained");
	char when[32], why[80];

	out->text = node_str(r, "check", "");
	if (!is_drained(r))
		return;
	snprintf(out->space, sizeof out->space, "by %.24s, %s %s", node_str(d, "by", "?"),
		when_ago(when, sizeof when, node_int(d, "at_us", 0), s->pane->host),
		quoted(why, sizeof why, node_str(d, "reason", "")));
	out->text = out->space;
}

static void cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	struct servers *s = ctx;
	const struct node *r = s->rows[row];
	const char *state = node_str(r, "state", "?");

	switch ((enum column)column) {
	case C_STATE:
		state_cell(out, server_glyph(state), s->charset, state);
		break;
	case C_VERSION:
		out->text = node_str(r, "version", "");
		break;
	case C_SERVER: /* somebody else's is known by its address, a replica by its name */
		out->text = node_str(r, "address", "");
		if (*out->text)
			break; /* else as at the gateway */
			       /* fall through */
	case C_NAME:
		out->text = node_str(r, "name", "?");
		break;
	case C_SESSIONS:
		number(r, "sessions", out);
		break;
	case C_CUT:
		number(r, "cut", out);
		break;
	case C_CHECK:
		check(s, r, out);
		break;
	case C_COUNT:
		break;
	}
}

static void servers_open(struct pane *p)
{
	struct servers *s = p->state;
	struct table_source source = {
		.ctx = s, .count = count_rows, .cell = cell, .row_id = row_id};

	s->pane = p;
	s->table = table_new(columns, C_COUNT, &source);
	table_set_empty(s->table, "no version of this endpoint has a server yet");
}

static bool servers_feed(struct pane *p, int slot, struct buf *path)
{
	char name[sizeof p->argument];

	if (slot != 0)
		return false;
	str_copy(name, sizeof name, p->argument);
	if (strchr(name, '/'))
		*strchr(name, '/') = '~';
	buf_adds(path, "/v1/endpoints/");
	codec_escape(path, name);
	return true;
}

static void servers_on_snapshot(struct pane *p, int slot)
{
	struct servers *s = p->state;
	const struct node *list;
	int n;

	list = node_list(node_get(pane_root(p, slot), "servers"), "", &n);
	free(s->rows);
	s->rows = xcalloc((size_t)n + 1, sizeof(*s->rows));
	s->count = 0;
	for (int i = 0; i < n; i++)
		s->rows[s->count++] = &list[i];
	table_refresh(s->table);
}

static void servers_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct servers *s = p->state;

	s->charset = c->charset;
	if (!draw_loading(p, c, r))
		table_draw(s->table, c, r, true);
}

static bool servers_command(struct pane *p, const char *command)
{
	return table_act(((struct servers *)p->state)->table, command);
}

static int servers_filter(struct pane *p, const char *regex, struct err *e)
{
	return table_set_filter(((struct servers *)p->state)->table, regex, e);
}

static const char *servers_filtered(const struct pane *p)
{
	return table_filter(((const struct servers *)p->state)->table);
}

static const struct node *selected_row(const struct pane *p)
{
	const struct servers *s = p->state;
	size_t row;

	return table_selected(s->table, &row) ? s->rows[row] : NULL;
}

static void servers_select(const struct pane *p, struct selection *out)
{
	const struct node *e = pane_root(p, 0), *r = selected_row(p);

	str_copy(out->endpoint, sizeof out->endpoint, node_str(e, "id", p->argument));
	if (node_int(e, "rollout", 0))
		snprintf(out->rollout, sizeof out->rollout, "%" PRId64, node_int(e, "rollout", 0));
	if (!r)
		return;
	str_copy(out->version, sizeof out->version, node_str(r, "version", ""));
	snprintf(out->server, sizeof out->server, "%.63s/%.63s", node_str(r, "version", ""),
		node_str(r, "name", ""));
}

static bool servers_offers(const struct pane *p, const char *command)
{
	const struct node *r = selected_row(p);
	bool ours = r && node_int(r, "pid", 0); /* a replica: the engine drains it by itself */

	if (strncmp(command, "server drain", 12) == 0)
		return r && !ours && !is_drained(r);
	if (strncmp(command, "server ready", 12) == 0)
		return r && is_drained(r);
	return true;
}

static void servers_close(struct pane *p)
{
	struct servers *s = p->state;

	table_free(s->table);
	free(s->rows);
}

static const struct help_hint servers_hints[] = {{"server drain %endpoint %server", "drain"},
	{"server ready %endpoint %server", "end the drain"}, {"rollback %endpoint", "rollback"},
	{NULL, NULL}};

const struct pane_ops servers_pane = {
	.name = "servers",
	.title = "servers",
	.place = "servers",
	.kind = "list",
	.live = true,
	.state_size = sizeof(struct servers),
	.hints = servers_hints,
	.open = servers_open,
	.feed = servers_feed,
	.on_snapshot = servers_on_snapshot,
	.draw = servers_draw,
	.command = servers_command,
	.filter = servers_filter,
	.filtered = servers_filtered,
	.select = servers_select,
	.offers = servers_offers,
	.close = servers_close,
};
