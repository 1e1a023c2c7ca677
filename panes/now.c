/* now.c: the answer to "what is wrong, what changed, how do we undo it": endpoints worst first, two
 * lines that explain the worst, and the changes ranked by suspicion. One cursor moves over both
 * lists. Until a person moves it, it stands on the top suspect while an endpoint is in trouble. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "panes/welcome.h"
#include "tui/widget/spark.h"

enum column { C_NAME, C_STATE, C_STABLE, C_CANDIDATE, C_RATE, C_ERRORS, C_P99, C_SPARK, C_COUNT };
enum { SPARK_WIDTH = 9, SPARK_VALUES = 48 };

struct now {
	struct table *endpoints; /* owned */
	struct change_list changes;
	const struct node **rows; /* owned array of borrowed nodes */
	size_t count;
	char empty[160]; /* said in place of endpoints */
	bool short_names, on_changes;
	bool touched; /* a person has moved the cursor */
	bool placed;  /* it was put on a suspect in the present trouble */
	bool nothing; /* no endpoint and no change: the ways to begin are shown instead */
	int way;      /* the selected one */
	enum charset charset;
};

static const struct table_column columns[C_COUNT] = {
	[C_NAME] = {.title = "ENDPOINT", .width = 9, .flex = 8, .most = 32, .middle = true},
	[C_STATE] = {.title = "STATE", .width = 9},
	[C_STABLE] =
		{.title = "STABLE", .width = 8, .flex = 1, .most = 16, .drop = 2, .middle = true},
	[C_CANDIDATE] = {.title = "CANDIDATE",
		.width = 11,
		.flex = 1,
		.most = 20,
		.drop = 1,
		.middle = true},
	[C_RATE] = {.title = "req/s", .width = 5, .drop = 5, .right = true},
	[C_ERRORS] = {.title = "err %", .width = 5, .drop = 3, .right = true},
	[C_P99] = {.title = "p99 ms", .width = 6, .drop = 6, .right = true},
	[C_SPARK] = {.title = "traffic", .width = SPARK_WIDTH, .drop = 7},
};

static size_t count_rows(void *ctx)
{
	return ((struct now *)ctx)->count;
}

static uint64_t row_id(void *ctx, size_t row)
{
	return table_id(node_str(((struct now *)ctx)->rows[row], "id", "?"));
}

/* The segment that a rollout is at, cut to fit; "" when it moves all traffic. */
static const char *segment_of(const struct now *s, int64_t rollout)
{
	const struct node *list;
	int n;

	list = node_list(node_get(pane_root(s->changes.pane, 0), "rollouts"), "", &n);
	for (int i = 0; i < n; i++)
		if (node_int(&list[i], "id", 0) == rollout)
			return node_str(&list[i], "segment", "");
	return "";
}

/* segment: whose share it is, "" for all traffic. */
static void arm(const struct node *e, const char *version, int64_t share, int64_t rollout,
	const char *segment, struct table_cell *out)
{
	char text[16], beside[48] = "";

	if (!*version) {
		out->text = "-";
		out->role = ROLE_dim;
		return;
	}
	/* A lone stable arm has all the traffic: a share says something only beside another. */
	if (*node_str(e, "candidate", ""))
		snprintf(beside, sizeof beside, " %.8s",
			rollout && *segment ? segment : share_text(text, sizeof text, share));
	if (rollout)
		snprintf(beside + strlen(beside), sizeof beside - strlen(beside), " #%" PRId64,
			rollout);
	snprintf(out->space, sizeof out->space, "%.63s%s", version, beside);
	out->text = out->space;
	/* The name gives way, never a digit of the share. */
	out->tail = canvas_text_width(beside, strlen(beside));
	out->role = rollout ? ROLE_candidate_arm : ROLE_text;
}

static void sparkline(const struct node *e, struct table_cell *out)
{
	double values[SPARK_VALUES];
	int n;
	const struct node *list = node_list(node_get(e, "spark"), "", &n);

	if (n > SPARK_VALUES)
		n = SPARK_VALUES;
	for (int i = 0; i < n; i++)
		values[i] = list[i].kind == NODE_NUMBER ? list[i].number : NAN;
	out->text = spark_text(out->space, sizeof out->space, SPARK_WIDTH, values, (size_t)n);
	out->role = ROLE_stable_arm;
}

static void cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	struct now *s = ctx;
	const struct node *e = s->rows[row];
	int64_t share = node_int(e, "share_in_force_bp", 0);

	switch ((enum column)column) {
	case C_NAME:
		out->text = endpoint_name(node_str(e, "id", "?"), s->short_names);
		break;
	case C_STATE:
		state_cell(out, endpoint_glyph(node_str(e, "state", "")), s->charset,
			strcmp(node_str(e, "state", ""), "down") == 0 ? "DOWN" : NULL);
		break;
	case C_STABLE:
		arm(e, node_str(e, "stable", ""), 10000 - share, 0, "", out);
		break;
	case C_CANDIDATE:
		arm(e, node_str(e, "candidate", ""), share, node_int(e, "rollout", 0),
			segment_of(s, node_int(e, "rollout", 0)), out);
		break;
	case C_RATE:
		out->text = numfmt(out->space, 48, node_num(e, "rate", NAN), 0);
		break;
	case C_ERRORS:
		out->text = numfmt(out->space, 48, node_num(e, "error_percent", NAN), 1);
		break;
	case C_P99:
		out->text = numfmt(out->space, 48, node_num(e, "p99_ms", NAN), 0);
		break;
	case C_SPARK:
		sparkline(e, out);
		break;
	case C_COUNT:
		break;
	}
}

static int compare(void *ctx, size_t a, size_t b, int column)
{
	static const char *const keys[C_COUNT] = {[C_RATE] = "rate",
		[C_SPARK] = "rate",
		[C_ERRORS] = "error_percent",
		[C_P99] = "p99_ms"};
	static const char *const texts[C_COUNT] = {[C_NAME] = "id",
		[C_STATE] = "state",
		[C_STABLE] = "stable",
		[C_CANDIDATE] = "candidate"};
	struct now *s = ctx;

	if (keys[column]) {
		double x = node_num(s->rows[a], keys[column], -1);
		double y = node_num(s->rows[b], keys[column], -1);

		return x < y ? -1 : x > y;
	}
	return strcmp(
		node_str(s->rows[a], texts[column], ""), node_str(s->rows[b], texts[column], ""));
}

static void now_open(struct pane *p)
{
	struct now *s = p->state;
	struct table_source source = {
		.ctx = s, .count = count_rows, .cell = cell, .row_id = row_id, .compare = compare};

	s->endpoints = table_new(columns, C_COUNT, &source);
	change_list_init(&s->changes, p, true);
}

static bool now_feed(struct pane *p, int slot, struct buf *path)
{
	(void)p;
	if (slot == 0)
		buf_adds(path, "/v1/now");
	return slot == 0;
}

static bool in_trouble(const struct node *e)
{
	const char *state = node_str(e, "state", "ok");

	return strcmp(state, "ok") != 0 && strcmp(state, "waiting") != 0;
}

/* The endpoint that the two lines explain: the selected one, else the worst. NULL without any. */
static const struct node *subject(const struct now *s)
{
	size_t row;

	if (!s->on_changes && s->touched && table_selected(s->endpoints, &row))
		return s->rows[row];
	return s->count ? s->rows[0] : NULL;
}

/* When an endpoint gets into trouble and nobody has moved the cursor, it goes where the next key
 * helps most, once; from then on, and after the trouble, it stays where it is. */
static void place_cursor(struct now *s)
{
	bool trouble = s->count && in_trouble(s->rows[0]);

	if (s->touched || !trouble || s->placed) {
		s->placed = s->placed && trouble;
		return;
	}
	for (size_t i = 0; i < s->changes.count; i++)
		if (node_int(s->changes.rows[i], "suspicion", 0) > 0 &&
			!node_int(s->changes.rows[i], "undone_by", 0)) {
			s->on_changes = s->placed = true;
			table_select(
				s->changes.table, (uint64_t)node_int(s->changes.rows[i], "seq", 1));
			return;
		}
}

static void now_on_snapshot(struct pane *p, int slot)
{
	struct now *s = p->state;
	const struct node *root = pane_root(p, slot), *list;
	int n;

	list = node_list(node_get(root, "endpoints"), "", &n);
	free(s->rows);
	s->rows = xcalloc((size_t)n + 1, sizeof(*s->rows));
	s->count = 0;
	for (int i = 0; i < n; i++)
		if (in_project(p, &list[i]))
			s->rows[s->count++] = &list[i];
	s->short_names = names_are_unique(s->rows, s->count, "id");
	snprintf(s->empty, sizeof s->empty, "no endpoint%s%s%s",
		*p->host->project ? " of project " : " yet", p->host->project,
		*p->host->project ? "; p shows others"
				  : "; run `pithead apply` beside a pithead.yaml");
	table_set_empty(s->endpoints, s->empty);
	table_refresh(s->endpoints);
	s->nothing = n == 0;
	list = node_list(node_get(root, "changes"), "", &n);
	s->nothing = s->nothing && n == 0;
	change_list_set(&s->changes, list, n);
	s->changes.short_names = s->short_names;
	place_cursor(s);
}

/* ---- the two lines --------------------------------------------------------------------------- */
static const struct node *find_by(
	const struct node *root, const char *list_name, const char *key, const char *value)
{
	int n;
	const struct node *list = node_list(node_get(root, list_name), "", &n);

	for (int i = 0; i < n; i++)
		if (strcmp(node_str(&list[i], key, ""), value) == 0)
			return &list[i];
	return NULL;
}

static const struct node *active_of(const struct pane *p, const char *endpoint)
{
	return find_by(pane_root(p, 0), "rollouts", "endpoint", endpoint);
}

/* Whether nobody has acknowledged it yet, in a project that is shown. */
static bool alert_open(const struct pane *p, const struct node *a)
{
	return strcmp(node_str(a, "state", ""), "open") == 0 && in_project(p, a);
}

/* The newest open alert, or NULL; *count of them all. */
static const struct node *newest_alert(const struct pane *p, int *count)
{
	const struct node *newest = NULL, *list;
	int n;

	list = node_list(node_get(pane_root(p, 0), "alerts"), "", &n);
	*count = 0;
	for (int i = 0; i < n; i++)
		if (alert_open(p, &list[i])) {
			(*count)++;
			if (!newest || node_int(&list[i], "id", 0) > node_int(newest, "id", 0))
				newest = &list[i];
		}
	return newest;
}

/* What goes on, by whom and why: of the active rollout, or of the change that is suspected first.
 */
static void who_line(const struct pane *p, const struct node *rollout, const struct node *change,
	char *out, size_t size)
{
	char exposed[48], when[32], why[128], wants[16];

	if (rollout) {
		int64_t share = node_int(rollout, "share_bp", 0);
		bool apart = share != node_int(rollout, "share_in_force_bp", 0);

		snprintf(out, size, "by %s %s", node_str(rollout, "author", "?"),
			when_ago(when, sizeof when, node_int(rollout, "started_us", 0), p->host));
		quoted(why, sizeof why, node_str(rollout, "reason", ""));
		snprintf(out + strlen(out), size - strlen(out), "%s%s; %s answers of %s%s%s",
			*why ? ": " : "", why,
			numfmt(exposed, sizeof exposed, (double)node_int(rollout, "exposed", 0), 0),
			node_str(rollout, "to", "?"), apart ? "; wants " : "",
			apart ? share_text(wants, sizeof wants, share) : "");
	} else if (change) {
		quoted(why, sizeof why, node_str(change, "reason", ""));
		snprintf(out, size, "before it: %s, by %s %s%s%s", node_str(change, "what", "?"),
			node_str(change, "actor", "?"),
			when_ago(when, sizeof when, node_int(change, "at_us", 0), p->host),
			*why ? ": " : "", why);
	}
}

/* The first in the ranking that may have to do with an endpoint. */
static const struct node *suspect_of(const struct now *s, const char *endpoint)
{
	for (size_t i = 0; i < s->changes.count; i++) {
		const struct node *c = s->changes.rows[i];
		const char *where = node_str(c, "endpoint", "");

		if (node_int(c, "suspicion", 0) > 0 && (!*where || strcmp(where, endpoint) == 0))
			return c;
	}
	return NULL;
}

static void where_it_goes(const struct node *e, const char *name, char out[400])
{
	const char *candidate = node_str(e, "candidate", "");
	char share[16];

	if (!*candidate)
		snprintf(out, 400, "%s: all traffic is on %s now", name, node_str(e, "stable", ""));
	else
		snprintf(out, 400, "%s: %s still has %s of the traffic%s", name, candidate,
			share_text(share, sizeof share, node_int(e, "share_in_force_bp", 0)),
			strcmp(node_str(e, "mode", ""), "observe") == 0
				? "; it is moved elsewhere, not by pithead"
				: "");
}

static void explain(const struct pane *p, char first[400], char second[400], enum role *role)
{
	const struct now *s = p->state;
	const struct node *root = pane_root(p, 0), *e = subject(s), *rollout, *alert;
	const char *id = node_str(e, "id", ""), *word;
	int running, alerts;

	first[0] = second[0] = '\0';
	*role = ROLE_text;
	if (!e)
		return;
	node_list(node_get(root, "rollouts"), "", &running);
	rollout = find_by(root, "rollouts", "endpoint", id);
	*role = glyph_role(endpoint_glyph(node_str(e, "state", "")));
	if (!in_trouble(e) && !rollout && (s->on_changes || !s->touched)) {
		snprintf(first, 400, "all is well: %zu endpoint%s, %d rollout%s under way",
			s->count, s->count == 1 ? "" : "s", running, running == 1 ? "" : "s");
		return;
	}
	word = *node_str(e, "state_word", "") ? node_str(e, "state_word", "")
					      : node_str(e, "state", "");
	alert = newest_alert(p, &alerts);
	/* The alert's own line says it already; where the traffic goes now is what one asks next.
	 */
	if (alert && strcmp(node_str(alert, "endpoint", ""), id) == 0 &&
		strstr(node_str(alert, "message", ""), word) && *node_str(e, "stable", ""))
		where_it_goes(e, endpoint_name(id, s->short_names), first);
	else
		snprintf(first, 400, "%s: %s", endpoint_name(id, s->short_names), word);
	who_line(p, rollout, suspect_of(s, id), second, 400);
}

/* "delay: ", where the message does not say it itself. */
static void of_alert(const struct now *s, const struct node *alert, char *out, size_t size)
{
	const char *name = endpoint_name(node_str(alert, "endpoint", ""), s->short_names);

	*out = '\0';
	if (*name && !strstr(node_str(alert, "message", ""), name)) {
		canvas_cut_middle(out, size - 2, name, 24, 0);
		strcat(out, ": ");
	}
}

static bool waits_for_others(const struct node *engine, char *out)
{
	int64_t n = node_int(engine, "proposals_open", 0);

	if (n == 1)
		snprintf(out, 400, "proposal %" PRId64 " waits for another person; 0 shows it",
			node_int(engine, "proposal_newest", 0));
	else if (n > 1)
		snprintf(out, 400, "%" PRId64 " proposals wait for other people; 0 shows them", n);
	return n > 0;
}

/* What must not be overlooked: a hold, alerts that nobody has acknowledged. */
static bool notice(const struct pane *p, char out[400])
{
	const struct now *s = p->state;
	const struct node *root = pane_root(p, 0), *engine = node_get(root, "engine"), *alert;
	char when[20], of[80];
	int count;

	out[0] = '\0';
	if (node_bool(engine, "hold")) {
		str_copy(out, 400,
			"restored, and on hold: nothing moves until :engine hold stored, or "
			"observed");
		return true;
	}
	alert = newest_alert(p, &count);
	if (*node_str(engine, "stopped", "")) {
		const char *where = node_str(engine, "stopped_where", "");

		if (count)
			snprintf(out, 400, "%d alert%s; ", count, count == 1 ? "" : "s");
		snprintf(out + strlen(out), 400 - strlen(out), "%s until :unfreeze%s%s",
			node_str(engine, "stopped", ""), *where ? " " : "", where);
		return true;
	}
	if (!alert)
		return waits_for_others(engine, out);
	timefmt_clock(when, sizeof when, node_int(alert, "since_us", 0), p->host->zone);
	of_alert(s, alert, of, sizeof of);
	if (count == 1)
		snprintf(out, 400, "alert %" PRId64 " since %s: %s%s", node_int(alert, "id", 0),
			when, of, node_str(alert, "message", ""));
	else
		snprintf(out, 400, "%d alerts, the newest (%" PRId64 ") since %s: %s%s", count,
			node_int(alert, "id", 0), when, of, node_str(alert, "message", ""));
	return true;
}

/* ---- drawing --------------------------------------------------------------------------------- */
/* Rows for the endpoints' table with its header; the rest is for the lines and the changes. */
static int endpoint_rows(const struct now *s, int rows)
{
	int most = rows < 10 ? rows / 2 : rows - 10 > rows / 2 ? rows / 2 + 1 : rows - 10;
	int wanted = 1 + (int)(s->count ? s->count : 1);

	if (most < 2)
		most = 2;
	return wanted < most ? wanted : most;
}

/* The notice, and the two lines that explain. Returns how many rows they took. */
static int draw_lines(struct pane *p, struct canvas *c, struct rect r, bool roomy)
{
	char first[400], second[400], said[400];
	enum role role;
	int lines = r.rows >= 12 ? 2 : r.rows >= 4 ? 1 : 0, row = r.row;
	bool alarmed = notice(p, said);

	if (!lines)
		return 0;
	/* Where there is room the notice takes the blank line, so that nothing jumps. */
	if (roomy || (alarmed && r.rows >= 6)) {
		canvas_put_left(c, row++, 1, r.cols - 2, ROLE_harm, ATTR_BOLD, said);
	} else if (alarmed) {
		canvas_put_left(c, row, 1, r.cols - 2, ROLE_harm, ATTR_BOLD, said);
		return 1;
	}
	explain(p, first, second, &role);
	/* The place of both lines is kept even when one is empty. */
	canvas_put_left(c, row++, 1, r.cols - 2, role, ATTR_NONE, first);
	if (lines > 1)
		canvas_put_left(c, row++, 1, r.cols - 2, ROLE_text, ATTR_NONE, second);
	return row - r.row;
}

static void now_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct now *s = p->state;
	const struct node *worst = s->count ? s->rows[0] : NULL;
	bool roomy = r.rows >= 16;
	int rows;

	s->charset = c->charset;
	if (draw_loading(p, c, r))
		return;
	if (s->nothing) {
		welcome_draw(c, r, s->way);
		return;
	}
	str_copy(s->changes.title, sizeof s->changes.title,
		worst && in_trouble(worst) ? "WHAT CHANGED, suspects first" : "WHAT CHANGED");
	rows = endpoint_rows(s, r.rows);
	table_draw(s->endpoints, c, (struct rect){r.row, r.col, rows, r.cols}, !s->on_changes);
	rows += draw_lines(p, c, (struct rect){r.row + rows, r.col, r.rows - rows, r.cols}, roomy);
	rows += roomy;
	table_draw(s->changes.table, c, (struct rect){r.row + rows, r.col, r.rows - rows, r.cols},
		s->on_changes);
}

/* ---- the cursor ------------------------------------------------------------------------------ */
/* Moves in the focused list; at its end the cursor goes over into the other one. */
static bool move(struct now *s, const char *command)
{
	struct table *t = s->on_changes ? s->changes.table : s->endpoints;
	struct table *other = s->on_changes ? s->endpoints : s->changes.table;
	uint64_t before = table_selected_id(t);

	if (!table_act(t, command))
		return false;
	s->touched = true;
	if (table_selected_id(t) != before || table_count(other) == 0)
		return true;
	if (!s->on_changes && strcmp(command, "move down") == 0) {
		s->on_changes = true;
		table_act(other, "move first");
	} else if (s->on_changes && strcmp(command, "move up") == 0) {
		s->on_changes = false;
		table_act(other, "move last");
	}
	return true;
}

static bool now_command(struct pane *p, const char *command)
{
	struct now *s = p->state;

	if (s->nothing)
		return welcome_move(&s->way, command);
	if (strcmp(command, "focus next") == 0) {
		s->on_changes = !s->on_changes;
		s->touched = true;
		return true;
	}
	return move(s, command);
}

static int now_filter(struct pane *p, const char *regex, struct err *e)
{
	struct now *s = p->state;
	int rc = table_set_filter(s->changes.table, regex, e);

	return rc ? rc : table_set_filter(s->endpoints, regex, e);
}

static const char *now_filtered(const struct pane *p)
{
	const struct now *s = p->state;

	return table_filter(s->endpoints);
}

/* The change of an endpoint that is most likely meant by `u` on the endpoint's own row. */
static const struct node *newest_of(const struct now *s, const char *endpoint)
{
	for (size_t i = 0; i < s->changes.count; i++) {
		const struct node *c = s->changes.rows[i];

		if (strcmp(node_str(c, "endpoint", ""), endpoint) == 0 &&
			node_bool(c, "undoable") && !node_int(c, "undone_by", 0))
			return c;
	}
	return NULL;
}

static void now_select(const struct pane *p, struct selection *out)
{
	const struct now *s = p->state;
	const struct node *active, *alert;
	int count;
	size_t row;

	if (s->nothing) {
		welcome_select(s->way, out);
		return;
	}
	if (s->on_changes)
		change_select(change_list_selected(&s->changes), out);
	else if (table_selected(s->endpoints, &row)) {
		str_copy(out->endpoint, sizeof out->endpoint, node_str(s->rows[row], "id", ""));
		change_select(newest_of(s, out->endpoint), out);
		snprintf(out->place, sizeof out->place, "endpoint/%s", out->endpoint);
	}
	/* "Abort" means what carries traffic now, not what ended long ago; its charts still say
	 * why. */
	str_copy(out->looked_at, sizeof out->looked_at, out->rollout);
	out->rollout[0] = '\0';
	active = active_of(p, out->endpoint);
	if (active)
		snprintf(out->rollout, sizeof out->rollout, "%" PRId64, node_int(active, "id", 0));
	if (active && !s->on_changes)
		out->looked_at[0] = '\0';
	alert = newest_alert(p, &count);
	if (alert)
		snprintf(out->alert, sizeof out->alert, "%" PRId64, node_int(alert, "id", 0));
}

static bool now_offers(const struct pane *p, const char *command)
{
	const struct now *s = p->state;
	struct selection at = {0};
	const struct node *e, *active;

	if (s->nothing) /* Enter begins a line there; that is said on the screen itself */
		return false;
	now_select(p, &at);
	active = active_of(p, at.endpoint);
	if (strcmp(command, "undo %id") == 0)
		return change_offers(s->on_changes ? change_list_selected(&s->changes)
						   : newest_of(s, at.endpoint),
			command);
	if (strcmp(command, "rollback %endpoint") == 0) {
		e = find_by(pane_root(p, 0), "endpoints", "id", at.endpoint);
		return strcmp(node_str(e, "mode", ""), "observe") != 0 &&
		       (active || *node_str(e, "previous", ""));
	}
	return rollout_offers(active, command);
}

static void now_close(struct pane *p)
{
	struct now *s = p->state;

	table_free(s->endpoints);
	change_list_release(&s->changes);
	free(s->rows);
}

static const struct help_hint now_hints[] = {{"undo %id", "undo this"}, {"open", "explain"},
	{"rollout abort %rollout", "abort"}, {"rollout resume %rollout", "resume"},
	{"rollout approve %rollout", "approve"}, {"alert ack %alert", "alert seen"},
	{"rollback %endpoint", "rollback"}, {"focus next", "lists"}, {NULL, NULL}};

const struct pane_ops now_pane = {
	.name = "now",
	.title = "Now",
	.kind = "list",
	.live = true,
	.state_size = sizeof(struct now),
	.hints = now_hints,
	.open = now_open,
	.feed = now_feed,
	.on_snapshot = now_on_snapshot,
	.draw = now_draw,
	.command = now_command,
	.filter = now_filter,
	.filtered = now_filtered,
	.select = now_select,
	.offers = now_offers,
	.close = now_close,
};
