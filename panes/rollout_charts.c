/* rollout_charts.c: what a rollout's verdict rests on, drawn: the band of each critical signal over
 * time against its limits, then the split and the scores of both arms. What does not fit is on
 * further screens, each whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/band_chart.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "panes/verdict_card.h"
#include "tui/client/codec.h"

enum { SLOT_ROLLOUT, SLOT_BANDS, BANDS = PANE_FEEDS - SLOT_BANDS };
enum { HEAD = 2, ROWS_LEAST = 7, ROWS_MOST = 14, ACROSS_COLS = 110, SPAN_S = 30 };
#define ASK_US	 4000000 /* a point comes every two seconds; half of them do */
#define SEGMENTS 0.5	 /* evidence from which on a segment has charts of its own */

/* A signal of all traffic or of one segment, once shown always shown: nothing jumps. */
struct target {
	char signal[32], segment[64];
	int64_t asked_us; /* 0 = never */
};

struct charts {
	struct text *text; /* owned */
	struct target targets[BANDS];
	int count;
	int screen, screens; /* the one that is shown, and how many there are at this size */
	bool text_scrolls;   /* the text alone is taller than the screen that shows it */
};

static void charts_open(struct pane *p)
{
	struct charts *s = p->state;

	s->text = text_new();
	s->screens = 1;
}

static void add_band_path(const struct target *t, struct buf *path)
{
	buf_adds(path, "/band?signal=");
	codec_escape(path, t->signal);
	if (*t->segment) {
		buf_adds(path, "&segment=");
		codec_escape(path, t->segment);
	}
}

static bool charts_feed(struct pane *p, int slot, struct buf *path)
{
	struct charts *s = p->state;
	struct target *t = slot >= SLOT_BANDS ? &s->targets[slot - SLOT_BANDS] : NULL;

	if (t && slot - SLOT_BANDS >= s->count)
		return false;
	/* An answer is the whole of a band: not again with every tick of the engine. */
	if (t && p->data[slot] && p->host->now_us - t->asked_us < ASK_US)
		return false;
	buf_adds(path, "/v1/rollouts/");
	codec_escape(path, p->argument);
	if (t) {
		t->asked_us = p->host->now_us;
		add_band_path(t, path);
	}
	return true;
}

static bool is_target(const struct charts *s, const struct node *signal)
{
	for (int i = 0; i < s->count; i++)
		if (strcmp(s->targets[i].signal, node_str(signal, "name", "")) == 0 &&
			strcmp(s->targets[i].segment, node_str(signal, "segment", "")) == 0)
			return true;
	return false;
}

static bool is_worth_a_chart(const struct node *signal)
{
	if (*node_str(signal, "segment", ""))
		return strcmp(node_str(signal, "verdict", ""), "harm") == 0 ||
		       node_num(signal, "evidence", 0) >= SEGMENTS;
	return node_bool(signal, "critical");
}

/* What the card names and we do not draw yet; its bands are asked for at once. */
static void charts_on_snapshot(struct pane *p, int slot)
{
	struct charts *s = p->state;
	const struct node *list;
	int n;

	if (slot != SLOT_ROLLOUT)
		return;
	list = node_list(node_get(pane_root(p, SLOT_ROLLOUT), "card"), "signals", &n);
	for (int i = 0; i < n && s->count < BANDS; i++) {
		struct target *t = &s->targets[s->count];
		struct buf path = {0};

		if (!is_worth_a_chart(&list[i]) || is_target(s, &list[i]))
			continue;
		str_copy(t->signal, sizeof t->signal, node_str(&list[i], "name", ""));
		str_copy(t->segment, sizeof t->segment, node_str(&list[i], "segment", ""));
		s->count++;
		if (p->host->fetch && charts_feed(p, SLOT_BANDS + s->count - 1, &path))
			p->host->fetch(p->host, p, SLOT_BANDS + s->count - 1, buf_text(&path));
		buf_release(&path);
	}
}

/* How the charts are laid out at a size: those of all traffic, then the text (below them or on its
 * own screen), then those of segments, which may come while one looks and move nothing. */
struct layout {
	int across, down, rows; /* of one chart */
	int whole;		/* screens of charts of all traffic */
	int segments;		/* and of segments, behind the text */
	bool below;		/* the text fits below the charts of the one screen */
};

/* The slots of the charts of segments, or of all traffic, in their order. Returns their number. */
static int list_targets(const struct charts *s, bool segments, int out[BANDS])
{
	int n = 0;

	for (int i = 0; i < s->count; i++)
		if ((s->targets[i].segment[0] != '\0') == segments)
			out[n++] = i;
	return n;
}

static struct layout lay_out(const struct charts *s, struct rect r, int text_rows)
{
	struct layout l = {.across = r.cols >= ACROSS_COLS ? 2 : 1, .down = r.rows / ROWS_LEAST};
	int list[BANDS], room = r.rows - text_rows - 1, page;
	int lines = (list_targets(s, false, list) + l.across - 1) / l.across;

	l.below = lines > 0 && room / ROWS_LEAST >= lines;
	if (lines > 0 && l.down > lines)
		l.down = lines;
	if (l.down < 1)
		l.down = 1;
	l.rows = (l.below ? room : r.rows) / l.down;
	if (l.rows > ROWS_MOST)
		l.rows = ROWS_MOST;
	page = l.across * l.down;
	l.whole = (lines + l.down - 1) / l.down;
	l.segments = (list_targets(s, true, list) + page - 1) / page;
	return l;
}

/* The screen that shows the text. */
static int text_screen(struct layout l)
{
	return l.below ? 0 : l.whole;
}

static void draw_bands(const struct pane *p, struct canvas *c, struct rect r, struct layout l)
{
	const struct charts *s = p->state;
	const struct node *root = pane_root(p, SLOT_ROLLOUT);
	int64_t from = node_int(root, "started_us", p->host->now_us);
	int64_t to = node_int(root, "ended_us", 0) ? node_int(root, "ended_us", 0)
						   : node_int(node_get(root, "card"), "at_us", 0);
	bool segments = s->screen >= l.whole;
	int list[BANDS], n = list_targets(s, segments, list), cols = r.cols / l.across;
	int page = segments ? s->screen - text_screen(l) - 1 : s->screen;
	int first = page * l.across * l.down;

	if (to - from < SPAN_S * INT64_C(1000000))
		to = from + SPAN_S * INT64_C(1000000);
	for (int i = 0; i < l.across * l.down && first + i < n; i++) {
		const struct target *t = &s->targets[list[first + i]];

		band_chart_draw(c,
			(struct rect){r.row + i / l.across * l.rows, r.col + i % l.across * cols,
				l.rows - (l.rows > ROWS_LEAST), cols - (l.across > 1 ? 2 : 0)},
			&(struct band_chart){t->signal, t->segment,
				pane_root(p, SLOT_BANDS + list[first + i]), from, to,
				p->host->zone});
	}
}

static void fill_text(struct charts *s, const struct node *root, int cols, enum charset charset)
{
	const struct node *card = node_get(root, "card");

	text_clear(s->text);
	verdict_card_add_split(s->text, root, card, cols, charset);
	text_line(s->text);
	verdict_card_add_scores(s->text, root, card, cols, charset);
}

/* The answer first: what the verdict is; and where one is among the screens. */
static void draw_head(const struct pane *p, struct canvas *c, struct rect r)
{
	const struct charts *s = p->state;
	const struct node *root = pane_root(p, SLOT_ROLLOUT), *card = node_get(root, "card");
	const char *verdict = node_str(card, "verdict", "");
	char where[48] = "";
	int wide, col = r.col;

	if (s->screens > 1)
		snprintf(where, sizeof where, "%d of %d", s->screen + 1, s->screens);
	wide = (int)strlen(where);
	if (wide)
		canvas_put(c, r.row, r.col + r.cols - wide, ROLE_dim, ATTR_NONE, where);
	if (!*verdict) {
		canvas_put_left(c, r.row, col, r.cols, ROLE_dim, ATTR_NONE,
			"this rollout is not judged: it has no candidate to compare, or has not "
			"begun");
		return;
	}
	col += canvas_put_state(c, r.row, col, verdict_glyph(verdict));
	col += canvas_put(c, r.row, col, ROLE_text, ATTR_NONE, ": ");
	canvas_put_left(c, r.row, col, r.cols - (col - r.col) - wide - 2, ROLE_text, ATTR_NONE,
		node_str(card, "why", ""));
}

static void charts_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct charts *s = p->state;
	struct rect body = {r.row + HEAD, 1, r.rows - HEAD, r.cols - 2};
	const struct node *root = pane_root(p, SLOT_ROLLOUT);
	struct layout l;
	int need;

	if (draw_loading(p, c, r))
		return;
	fill_text(s, root, body.cols, c->charset);
	need = text_height(s->text, body.cols);
	l = lay_out(s, body, need);
	s->screens = l.whole + !l.below + l.segments;
	if (s->screen >= s->screens)
		s->screen = s->screens - 1;
	s->text_scrolls = !l.below && s->screen == text_screen(l) && need > body.rows;
	draw_head(p, c, (struct rect){r.row, 1, 1, r.cols - 2});
	if (!*node_str(node_get(root, "card"), "verdict", ""))
		return;
	if (l.below || s->screen != text_screen(l))
		draw_bands(p, c, body, l);
	if (l.below) {
		body.row += l.rows * l.down + 1;
		body.rows -= l.rows * l.down + 1;
	}
	if (s->screen == text_screen(l))
		text_draw(s->text, c, body);
}

/* Down goes through a text that is too tall line by line, through all else by screens. */
static bool charts_command(struct pane *p, const char *command)
{
	struct charts *s = p->state;
	int to = s->screen;

	if (s->text_scrolls &&
		(strcmp(command, "move up") == 0 || strcmp(command, "move down") == 0))
		return text_act(s->text, command);
	if (strcmp(command, "move down") == 0 || strcmp(command, "move page-down") == 0)
		to++;
	else if (strcmp(command, "move up") == 0 || strcmp(command, "move page-up") == 0)
		to--;
	else if (strcmp(command, "move first") == 0)
		to = 0;
	else if (strcmp(command, "move last") == 0)
		to = s->screens - 1;
	else
		return false;
	s->screen = to < 0 ? 0 : to >= s->screens ? s->screens - 1 : to;
	return true;
}

static void charts_select(const struct pane *p, struct selection *out)
{
	const struct node *r = pane_root(p, SLOT_ROLLOUT);

	str_copy(out->rollout, sizeof out->rollout, p->argument);
	str_copy(out->endpoint, sizeof out->endpoint, node_str(r, "endpoint", ""));
	str_copy(out->version, sizeof out->version, node_str(r, "to", ""));
	snprintf(out->place, sizeof out->place, "rollout/%s", out->rollout);
}

static void charts_close(struct pane *p)
{
	struct charts *s = p->state;

	text_free(s->text);
}

static bool charts_offers(const struct pane *p, const char *command)
{
	const struct charts *s = p->state;

	if (strcmp(command, "move page-down") == 0)
		return s->screen + 1 < s->screens;
	if (strcmp(command, "move page-up") == 0)
		return s->screen > 0;
	return rollout_offers(pane_root(p, SLOT_ROLLOUT), command);
}

static const struct help_hint charts_hints[] = {{"move page-down", "more"},
	{"move page-up", "before"}, {"cards %rollout", "cards"},
	{"rollout abort %rollout", "abort"}, {"rollout pause %rollout", "pause"},
	{"rollout resume %rollout", "resume"}, {NULL, NULL}};

const struct pane_ops rollout_charts_pane = {
	.name = "charts",
	.title = "charts",
	.place = "charts",
	.kind = "detail",
	.live = true,
	.state_size = sizeof(struct charts),
	.hints = charts_hints,
	.open = charts_open,
	.feed = charts_feed,
	.on_snapshot = charts_on_snapshot,
	.draw = charts_draw,
	.command = charts_command,
	.select = charts_select,
	.offers = charts_offers,
	.close = charts_close,
};
