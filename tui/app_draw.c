/* app_draw.c: one frame: header, tabs or banner, the pane, what was last said, the keys. Draws on
 * the canvas only; what changed of it is found by term.c. */
#include <stdio.h>
#include <string.h>

#include "backend/base/version.h"
#include "backend/base/xalloc.h"
#include "tui/app_priv.h"

/* Who I am and where, in at most `room` columns: how it is called goes first, then which engine. */
static void header_left(const struct app *a, int room, char *out, size_t size)
{
	const struct node *engine = a->engine ? snapshot_root(a->engine) : NULL;
	const struct node *me = a->whoami ? snapshot_root(a->whoami) : NULL;
	const char *role = node_str(me, "role", "not listed");
	char who[160] = "", where[2][160] = {"", ""}, project[96];

	if (me)
		snprintf(who, sizeof who, "%s \u00b7 %s%s", node_str(me, "user", "?"), role,
			strcmp(role, "auditor") == 0 ? " (read only)" : "");
	if (engine) {
		int newer;
		enum version_reach reach =
			version_reach_of(node_str(engine, "api_version", "1.0"), &newer);

		snprintf(where[0], sizeof where[0], "%s %s %s%s   ", node_str(engine, "host", "?"),
			node_str(engine, "kind", ""), node_str(engine, "version", ""),
			reach == VERSION_SAME ? ""
			: newer		      ? " (newer)"
					      : " (older)");
		snprintf(where[1], sizeof where[1], "%s %s   ", node_str(engine, "host", "?"),
			node_str(engine, "kind", ""));
	}
	snprintf(project, sizeof project, "%s%s", a->host.project[0] ? "project " : "",
		a->host.project[0] ? a->host.project : "all projects");
	/* On which machine one acts, and on what part of it, is given up last. */
	for (int i = 0; i < 5; i++) {
		bool named = i < 2 || !*who, part = i < 3 || (i == 3 && a->host.project[0]);

		snprintf(out, size, " %s%s%s%s%s", named ? "pithead  " : "", part ? project : "",
			part ? "   " : "", i < 4 && !(i == 3 && part) ? where[i > 0] : "", who);
		if (canvas_text_width(out, strlen(out)) < room)
			return;
	}
}

static void draw_header(struct app *a)
{
	struct canvas *c = a->canvas;
	char left[500], right[64] = "", clock[20];
	int width;

	if (a->link == LINK_CONNECTING)
		str_copy(right, sizeof right, "connecting\u2026 ");
	else if (a->data_us)
		snprintf(right, sizeof right, "data %s ",
			timefmt_clock(clock, sizeof clock, a->data_us, a->host.zone));
	else
		str_copy(right, sizeof right,
			a->link == LINK_UP && pane_root(a->tabs[0], 0) ? "no traffic yet "
								       : "no data yet ");
	width = canvas_text_width(right, strlen(right));
	header_left(a, c->cols - width, left, sizeof left);
	canvas_fill(c, (struct rect){0, 0, 1, c->cols}, ' ', ROLE_title, ATTR_NONE);
	canvas_put_left(
		c, 0, 0, c->cols > width ? c->cols - width : 0, ROLE_title, ATTR_NONE, left);
	if (c->cols > width + 12)
		canvas_put(c, 0, c->cols - width, ROLE_title, ATTR_NONE, right);
}

/* The engine is away: since when, why, and what that means. */
static void draw_banner(struct app *a)
{
	struct canvas *c = a->canvas;
	char clock[20], line[1100];

	snprintf(line, sizeof line, " STALE since %s, no acts: %s It is tried again. %s",
		timefmt_clock(clock, sizeof clock, a->down_since_us, a->host.zone),
		a->link_error.message, a->link_error.hint);
	canvas_fill(c, (struct rect){1, 0, 1, c->cols}, ' ', ROLE_banner, ATTR_NONE);
	canvas_put_left(c, 1, 0, c->cols, ROLE_banner, ATTR_NONE, line);
}

/* A list that does not show all of its rows says so, as long as it does. */
static void draw_filter(struct app *a, int col)
{
	const struct pane *p = app_pane(a);
	const char *filter = p->ops->filtered ? p->ops->filtered(p) : "";
	int room = a->canvas->cols - col - 1, width;
	char text[200];

	if (!*filter || room < 4)
		return;
	snprintf(text, sizeof text, "only what matches /%.60s/; Esc: all", filter);
	if (canvas_text_width(text, strlen(text)) > room)
		snprintf(text, sizeof text, "only /%.60s/", filter);
	width = canvas_text_width(text, strlen(text));
	if (width > room)
		width = room;
	canvas_put_left(
		a->canvas, 1, a->canvas->cols - 1 - width, width, ROLE_watch, ATTR_BOLD, text);
}

static void draw_tabs(struct app *a)
{
	struct canvas *c = a->canvas;
	int col = 1;

	for (int i = 0; i < a->tab_count; i++) {
		char command[64], key[24] = "", text[96];
		uint32_t code;
		unsigned attrs = i == a->tab ? ATTR_BOLD | ATTR_UNDERLINE : ATTR_NONE;

		snprintf(command, sizeof command, "pane %s", a->tabs[i]->ops->name);
		code = keymap_key_of(a->keymap, "global", command);
		if (code != KEYC_NONE)
			key_format(code, key, sizeof key);
		snprintf(text, sizeof text, "%s%s", key, a->tabs[i]->ops->title);
		col += canvas_put(c, 1, col, i == a->tab ? ROLE_accent : ROLE_dim, attrs, text);
		col++;
	}
	if (a->depth)
		col += canvas_putf(c, 1, col, ROLE_accent, ATTR_BOLD, "> %s %s",
			app_pane(a)->ops->title, app_pane(a)->argument);
	draw_filter(a, col + 1);
}

static void draw_hints(struct app *a, int row)
{
	const struct pane *p = app_pane(a);
	const char *sections[] = {p->ops->name, p->ops->kind, "global", NULL};
	struct help_hint hints[24];
	int n = 0, width = a->canvas->cols - 2, right;
	static const struct help_hint common[] = {
		{"back", "back"}, {"filter", "filter"}, {"palette", "command"}, {"quit", "quit"}};
	static const struct help_hint help[] = {{"help", "help"}, {NULL, NULL}};
	static const struct help_hint reading[] = {
		{"move page-down", "more"}, {"back", "close the help"}, {NULL, NULL}};

	if (a->help) {
		sections[0] = "detail";
		help_draw_hints(a->keymap, sections, reading, a->canvas, row, 1, width);
		return;
	}
	for (int i = 0; p->ops->hints && p->ops->hints[i].command && n < 16; i++) {
		const char *command = p->ops->hints[i].command;

		if (app_line_is_whole(a, command) &&
			(!p->ops->offers || p->ops->offers(p, command)))
			hints[n++] = p->ops->hints[i];
	}
	for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
		if ((i > 0 || a->depth) && (i != 1 || p->ops->filter))
			hints[n++] = common[i];
	hints[n] = (struct help_hint){NULL, NULL};
	/* The way to all the other keys is always there. */
	right = help_hints_width(a->keymap, sections, help);
	help_draw_hints(a->keymap, sections, help, a->canvas, row, 1 + width - right, right);
	help_draw_hints(a->keymap, sections, hints, a->canvas, row, 1, width - right - 3);
}

static void draw_failed(struct app *a, struct pane *p, struct rect *body)
{
	for (int i = 0; i < PANE_FEEDS; i++)
		if (p->failed[i][0] && a->link == LINK_UP && body->rows > 2) {
			canvas_put_left(a->canvas, body->row + body->rows - 1, 1, body->cols - 2,
				ROLE_harm, ATTR_NONE, p->failed[i]);
			body->rows--;
			return;
		}
}

static void draw_body(struct app *a, struct rect body)
{
	struct pane *p = app_pane(a);
	struct rect before;

	if (a->message[0] && body.rows > 3) {
		body.rows--;
		canvas_put_left(a->canvas, body.row + body.rows, 1, body.cols - 2, a->message_role,
			ATTR_NONE, a->message);
	}
	draw_failed(a, p, &body);
	before = canvas_clip(a->canvas, body);
	if (a->help)
		help_draw(a->help, a->canvas, body);
	else
		p->ops->draw(p, a->canvas, body);
	canvas_unclip(a->canvas, before);
}

static void draw_dialog(struct app *a, struct rect body)
{
	struct rect r = body;
	int need;

	if (r.cols > 100)
		r.cols = 100;
	need = text_height(dialog_text(a->act.dialog), r.cols - 2) + 6;
	if (need < r.rows)
		r.rows = need;
	/* Nothing else stands beside a question that must be answered. */
	canvas_fill(a->canvas, (struct rect){body.row, 0, body.rows + 1, body.cols}, ' ', ROLE_text,
		ATTR_NONE);
	dialog_draw(a->act.dialog, a->canvas, r, a->keymap);
}

void app_draw(struct app *a)
{
	struct canvas *c = a->canvas;
	struct rect body = {2, 0, c->rows - 3, c->cols};
	int last = c->rows - 1;

	canvas_clear(c);
	if (c->rows < 5 || c->cols < 20) {
		canvas_put(c, 0, 0, ROLE_text, ATTR_NONE, "too small; q quits");
		return;
	}
	draw_header(a);
	if (a->link == LINK_DOWN)
		draw_banner(a);
	else
		draw_tabs(a);
	if (a->prompt_use != PROMPT_NONE) {
		draw_body(a, body);
		prompt_draw(a->prompt, c, (struct rect){body.row, 0, c->rows - body.row, c->cols});
		return;
	}
	if (a->act.dialog) {
		draw_dialog(a, body);
		return;
	}
	/* After the body: what can be scrolled is known once it is drawn. */
	draw_body(a, body);
	draw_hints(a, last);
}
