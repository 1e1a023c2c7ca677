/* rollout_detail.c: one rollout: where it stands, what its arms show, who approved, what happened
 * to it so far, and both arms over time. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/arm_charts.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "panes/verdict_card.h"
#include "tui/client/codec.h"

enum { SLOT_ROLLOUT, SLOT_SERIES };
enum {
	KEPT_S = 900,
	POINTS = 90,
	SPAN_MIN_S = 5,
	SPAN_MAX_S = 10,
	MARGIN_S = 20,
	SHOWN_MIN_S = 120
};

struct rollout_detail {
	struct text *text; /* owned */
	bool asked_series;
};

static void rollout_open(struct pane *p)
{
	struct rollout_detail *s = p->state;

	s->text = text_new();
}

static bool rollout_feed(struct pane *p, int slot, struct buf *path)
{
	char name[160];

	if (slot == SLOT_ROLLOUT) {
		buf_adds(path, "/v1/rollouts/");
		codec_escape(path, p->argument);
		return true;
	}
	/* The endpoint is known only when the rollout has been read. */
	if (slot != SLOT_SERIES || !pane_root(p, SLOT_ROLLOUT))
		return false;
	str_copy(name, sizeof name, node_str(pane_root(p, SLOT_ROLLOUT), "endpoint", ""));
	if (strchr(name, '/'))
		*strchr(name, '/') = '~';
	buf_adds(path, "/v1/endpoints/");
	codec_escape(path, name);
	/* As fine as the rollout is short; the engine keeps a quarter of an hour. */
	int64_t begun = node_int(pane_root(p, SLOT_ROLLOUT), "started_us", p->host->now_us);
	int64_t seconds = (p->host->now_us - begun) / 1000000 + MARGIN_S;
	int span = (int)(seconds / POINTS) + 1;

	span = span < SPAN_MIN_S ? SPAN_MIN_S : span > SPAN_MAX_S ? SPAN_MAX_S : span;
	buf_addf(path, "/series?span=%d&points=%d", span, KEPT_S / span);
	return true;
}

static void rollout_on_snapshot(struct pane *p, int slot)
{
	struct rollout_detail *s = p->state;
	struct buf path = {0};

	if (slot == SLOT_ROLLOUT && !s->asked_series && rollout_feed(p, SLOT_SERIES, &path)) {
		s->asked_series = true;
		p->host->fetch(p->host, p, SLOT_SERIES, buf_text(&path));
	}
	buf_release(&path);
}

/* "1%──5%──[25%]──50%": the steps, the one in force in brackets. */
static void add_steps(struct text *t, const struct node *r, enum charset charset)
{
	const char *rule = charset == CHARSET_ASCII ? "--" : "──";
	int n, at = (int)node_int(r, "step", 0);
	const struct node *list = node_list(node_get(r, "steps"), "", &n);
	char share[16];

	if (!n)
		return;
	text_add(t, ROLE_dim, ATTR_NONE, "steps");
	text_tab(t, 11);
	for (int i = 0; i < n; i++) {
		bool here = i == at && !node_int(r, "ended_us", 0);

		share_text(share, sizeof share, node_int(&list[i], "share_bp", 0));
		text_addf(t, here ? ROLE_accent : ROLE_text, here ? ATTR_BOLD : ATTR_NONE,
			"%s%s%s%s", i ? rule : "", here ? "[" : "", share, here ? "]" : "");
	}
	text_line(t);
}

/* "SFO 50%, [ORD 20%], other 0%": of a segmented one, in the order in which they go. */
static void add_segments(struct text *t, const struct node *r)
{
	int n;
	const struct node *list = node_list(node_get(r, "segments"), "", &n);
	const char *at = node_str(r, "segment", "");
	char share[16];

	if (!n)
		return;
	text_add(t, ROLE_dim, ATTR_NONE, "segments");
	text_tab(t, 11);
	for (int i = 0; i < n; i++) {
		const char *name = node_str(&list[i], "segment", "?");
		bool here = strcmp(name, at) == 0 && !node_int(r, "ended_us", 0);

		share_text(share, sizeof share, node_int(&list[i], "share_bp", 0));
		text_add(t, ROLE_text, ATTR_NONE, i ? ", " : "");
		text_addf(t, here ? ROLE_accent : ROLE_text, here ? ATTR_BOLD : ATTR_NONE,
			"%s%s %s%s", here ? "[" : "", name, share, here ? "]" : "");
	}
	text_line(t);
}

/* How a signal is written, and from what difference on a word is said about it: the values may
 * still differ by chance, so that a verdict is only the judge's. */
static const struct signal_form {
	const char *name;
	int decimals;
	bool lower_is_better;
	double apart, ratio; /* of candidate from stable */
	double least_n;
} forms[] = {
	{"error_rate", 2, true, 0.5, 0, 50},
	{"latency_p50", 1, true, 1, 0.2, 200},
	{"latency_p90", 1, true, 2, 0.2, 200},
	{"latency_p99", 1, true, 5, 0.2, 200},
	{"brier", 3, true, 0.005, 0, 200},
	{"score_mean", 3, false, 0, 0, 0},
	{"throughput", 0, false, 0, 0, 0},
};

static const struct signal_form *form_of(const char *name)
{
	static const struct signal_form other = {"", 3, false, 0, 0, 0};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return &other;
}

/* "worse", "better" or "" of what the figures show so far. */
static const char *seen_word(const struct signal_form *f, double stable, double candidate, double n)
{
	double apart = candidate - stable;

	if (!f->lower_is_better || isnan(apart) || !(n >= f->least_n) || fabs(apart) < f->apart ||
		fabs(apart) < f->ratio * stable)
		return "";
	return apart > 0 ? "worse" : "better";
}

static void add_signal(struct text *t, const struct node *s)
{
	const char *verdict = node_str(s, "verdict", ""), *unit = node_str(s, "unit", "");
	double x = node_num(s, "stable", NAN), y = node_num(s, "candidate", NAN);
	double n = node_num(s, "candidate_n", NAN);
	const struct signal_form *f = form_of(node_str(s, "name", ""));
	const char *seen = seen_word(f, x, y, n);
	char a[48], b[48], c[48], name[80], effect[56] = "";

	snprintf(name, sizeof name, "%s%s%s", node_str(s, "name", "?"), *unit ? ", " : "", unit);
	/* More requests here than there is the split's doing, not an effect. */
	if (strcmp(f->name, "throughput") != 0)
		snprintf(effect, sizeof effect, "%s%s", y - x > 0 ? "+" : "",
			numfmt(c, sizeof c, y - x, f->decimals));
	text_addf(t, ROLE_text, ATTR_NONE, "%-20s %9s %9s ", name,
		numfmt(a, sizeof a, x, f->decimals), numfmt(b, sizeof b, y, f->decimals));
	text_addf(t, strcmp(seen, "worse") == 0 ? ROLE_harm : ROLE_text, ATTR_NONE, "%9s ", effect);
	text_addf(t, ROLE_text, ATTR_NONE, "%8s  ", numfmt(c, sizeof c, n, 0));
	text_add(t, verdict_role(verdict), ATTR_NONE, verdict);
	if (*seen && strcmp(verdict, "harm") != 0)
		text_addf(t, strcmp(seen, "worse") == 0 ? ROLE_harm : ROLE_ok, ATTR_NONE, ", %s",
			seen);
	text_line(t);
}

static void add_signals(struct text *t, const struct node *r)
{
	int n;
	const struct node *list = node_list(node_get(r, "signals"), "", &n);
	char stable[10], candidate[10];

	if ((!n && node_int(r, "ended_us", 0) && !node_get(node_get(r, "card"), "verdict")) ||
		strcmp(node_str(r, "state", ""), "waiting") == 0)
		return;
	str_copy(stable, sizeof stable, node_str(r, "from", ""));
	str_copy(candidate, sizeof candidate, node_str(r, "to", ""));
	if (node_get(node_get(r, "card"), "verdict")) {
		verdict_card_add(t, r, node_get(r, "card"));
		return;
	}
	text_line(t);
	text_addf(t, ROLE_heading, ATTR_NONE, "%-20s %9s %9s %9s %8s  %s", "SIGNAL, this step",
		stable, candidate, "effect", "n", "verdict");
	text_line(t);
	for (int i = 0; i < n; i++)
		add_signal(t, &list[i]);
	if (!n) {
		text_add(t, ROLE_dim, ATTR_NONE, "no answers of the candidate yet");
		text_line(t);
	}
}

static void add_people(struct text *t, const struct pane *p, const struct node *r)
{
	int n;
	const struct node *list = node_list(node_get(r, "approvals"), "", &n);
	char when[32];

	if (node_int(r, "approvals_needed", 0))
		detail_line(t, "approvals",
			node_int(r, "approvals_given", 0) < node_int(r, "approvals_needed", 0)
				? ROLE_waiting
				: ROLE_ok,
			"%" PRId64 " of %" PRId64 " given", node_int(r, "approvals_given", 0),
			node_int(r, "approvals_needed", 0));
	for (int i = 0; i < n; i++)
		detail_line(t, "", ROLE_text, "%s, %s: %s", node_str(&list[i], "user", "?"),
			when_ago(when, sizeof when, node_int(&list[i], "at_us", 0), p->host),
			node_str(&list[i], "reason", ""));
}

static void add_events(struct text *t, const struct pane *p, const struct node *r)
{
	int n;
	const struct node *list = node_list(node_get(r, "events"), "", &n);
	char when[32], why[400];

	if (!n)
		return;
	text_line(t);
	text_add(t, ROLE_heading, ATTR_NONE, "WHAT HAPPENED");
	text_line(t);
	for (int i = 0; i < n; i++) {
		text_add(t, ROLE_dim, ATTR_NONE,
			timefmt_when(when, sizeof when, node_int(&list[i], "at_us", 0),
				p->host->now_us, p->host->zone));
		text_tab(t, 13);
		quoted(why, sizeof why, node_str(&list[i], "reason", ""));
		text_addf(t, ROLE_text, ATTR_NONE, "%s  by %s%s%s", node_str(&list[i], "what", "?"),
			node_str(&list[i], "actor", "?"), *why ? ": " : "", why);
		text_line(t);
	}
}

/* In words, and for what it waits. */
static void add_state(struct text *t, const struct pane *p, const struct node *r)
{
	const char *state = node_str(r, "state", "?"), *end = node_str(r, "end_reason", "");
	enum role role = glyph_role(rollout_glyph(state));
	int64_t missing = node_int(r, "approvals_needed", 0) - node_int(r, "approvals_given", 0);
	int64_t ended = node_int(r, "ended_us", 0);
	char when[32];

	if (strcmp(state, "waiting") == 0 && missing > 0)
		detail_line(t, "state", role, "waits for %" PRId64 " approval%s", missing,
			missing == 1 ? "" : "s");
	else if (strcmp(state, "waiting") == 0 && *node_str(r, "waits_for", ""))
		detail_line(t, "state", role, "waiting; %s", node_str(r, "waits_for", ""));
	else if (strcmp(state, "waiting") == 0)
		detail_line(t, "state", role, "waits until the servers of %s are ready",
			node_str(r, "to", "?"));
	else if (ended)
		detail_line(t, "state", role, "%s %s%s%s", state,
			when_ago(when, sizeof when, ended, p->host), *end ? ": " : "", end);
	else
		detail_line(t, "state", role, "%s%s%s", state, *end ? ": " : "", end);
}

/* What the candidate gets, of a rollout under way. */
static void add_share(struct text *t, const struct pane *p, const struct node *r)
{
	int64_t wanted = node_int(r, "share_bp", 0), force = node_int(r, "share_in_force_bp", 0);
	const char *state = node_str(r, "state", ""), *segment = node_str(r, "segment", "");
	char span[32], a[16], b[16];

	timefmt_span(
		span, sizeof span, p->host->now_us - node_int(r, "step_since_us", p->host->now_us));
	share_text(a, sizeof a, wanted);
	if (strcmp(state, "shadowing") == 0)
		detail_line(t, "share", ROLE_text,
			"none: it answers copies of requests, and no user sees them, for %s", span);
	else if (strcmp(state, "observing") == 0)
		detail_line(
			t, "share", ROLE_text, "about %s is seen, for %s; others move it", a, span);
	else if (strcmp(state, "waiting") != 0)
		detail_line(t, "share", wanted == force ? ROLE_text : ROLE_watch,
			"%s%s%s wanted, %s in force, for %s", a, *segment ? " in segment " : "",
			segment, share_text(b, sizeof b, force), span);
}

static void fill_text(const struct pane *p, struct text *t, enum charset charset)
{
	const struct node *r = pane_root(p, SLOT_ROLLOUT), *guard = node_get(r, "guard");
	bool ended = node_int(r, "ended_us", 0) > 0;
	char a[32], b[48], c[128];

	text_clear(t);
	text_set_indent(t, 11);
	detail_line(t, "rollout", ROLE_heading, "#%" PRId64 " %s  %s%s%s  %s", node_int(r, "id", 0),
		node_str(r, "endpoint", "?"), node_str(r, "from", ""),
		*node_str(r, "from", "") ? " -> " : "", node_str(r, "to", ""),
		node_str(r, "pattern", ""));
	add_state(t, p, r);
	add_steps(t, r, charset);
	add_segments(t, r);
	if (!ended)
		add_share(t, p, r);
	detail_line(t, "exposed", ROLE_text, "%s answers of the candidate",
		numfmt(b, sizeof b, (double)node_int(r, "exposed", 0), 0));
	detail_line(t, "started", ROLE_text, "%s by %s%s%s",
		when_ago(a, sizeof a, node_int(r, "started_us", 0), p->host),
		node_str(r, "author", "?"), *node_str(r, "reason", "") ? ": " : "",
		quoted(c, sizeof c, node_str(r, "reason", "")));
	if (!ended && guard && strcmp(node_str(r, "state", ""), "observing") != 0)
		detail_line(t, "guard", node_int(guard, "failures", 0) ? ROLE_watch : ROLE_text,
			"%" PRId64 " of the last %" PRId64 " answers failed; aborts at %" PRId64,
			node_int(guard, "failures", 0), node_int(guard, "window", 0),
			node_int(guard, "limit", 0));
	add_people(t, p, r);
	add_signals(t, r);
	add_events(t, p, r);
}

/* The rollout's own time, two minutes at least: what was before and after is not about it. */
static void draw_charts(const struct pane *p, struct canvas *c, struct rect r)
{
	const struct node *root = pane_root(p, SLOT_ROLLOUT);
	int64_t now = p->host->now_us, ended = node_int(root, "ended_us", 0);
	int64_t from = node_int(root, "started_us", now) - MARGIN_S * 500000LL;
	int64_t to =
		ended && ended + MARGIN_S * 1000000LL < now ? ended + MARGIN_S * 1000000LL : now;

	if (from < now - KEPT_S * 1000000LL)
		from = now - KEPT_S * 1000000LL;
	if (to - from < SHOWN_MIN_S * 1000000LL)
		to = from + SHOWN_MIN_S * 1000000LL;
	/* Before it carries traffic there is nothing of it, and its figures are kept for a time. */
	if (strcmp(node_str(root, "state", ""), "waiting") == 0 ||
		(ended && ended < now - KEPT_S * 1000000LL))
		return;
	arm_charts_draw(c, r,
		&(struct arm_charts){pane_root(p, SLOT_SERIES), node_str(root, "from", ""),
			node_str(root, "to", ""), p->host->zone, from, to});
}

static void rollout_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct rollout_detail *s = p->state;
	const struct node *root = pane_root(p, SLOT_ROLLOUT);
	struct rect top = {r.row, 1, r.rows, r.cols - 2};
	int need;

	if (!root) {
		draw_loading(p, c, r);
		return;
	}
	fill_text(p, s->text, c->charset);
	need = text_height(s->text, top.cols);
	if (r.rows - need >= 7)
		top.rows = need;
	else if (r.rows >= 26)
		top.rows = r.rows * 3 / 5;
	text_draw(s->text, c, top);
	draw_charts(
		p, c, (struct rect){r.row + top.rows + 1, 1, r.rows - top.rows - 1, r.cols - 2});
}

static bool rollout_command(struct pane *p, const char *command)
{
	struct rollout_detail *s = p->state;

	return text_act(s->text, command);
}

static void rollout_select(const struct pane *p, struct selection *out)
{
	const struct node *r = pane_root(p, SLOT_ROLLOUT), *list;
	int n;

	str_copy(out->rollout, sizeof out->rollout, p->argument);
	str_copy(out->endpoint, sizeof out->endpoint, node_str(r, "endpoint", ""));
	str_copy(out->version, sizeof out->version, node_str(r, "to", ""));
	snprintf(out->place, sizeof out->place, "endpoint/%s", out->endpoint);
	/* `u` here undoes the newest thing that happened to the rollout and can be undone. */
	list = node_list(node_get(r, "events"), "", &n);
	for (int i = n - 1; i >= 0; i--)
		if (node_bool(&list[i], "undoable") && !node_int(&list[i], "undone_by", 0) &&
			node_int(&list[i], "seq", 0) > strtoll(out->id, NULL, 10))
			snprintf(out->id, sizeof out->id, "%" PRId64, node_int(&list[i], "seq", 0));
}

static void rollout_close(struct pane *p)
{
	struct rollout_detail *s = p->state;

	text_free(s->text);
}

static bool rollout_detail_offers(const struct pane *p, const char *command)
{
	return rollout_offers(pane_root(p, SLOT_ROLLOUT), command);
}

static const struct help_hint rollout_hints[] = {{"rollout abort %rollout", "abort"},
	{"rollout approve %rollout", "approve"}, {"rollout advance %rollout", "advance"},
	{"rollout pause %rollout", "pause"}, {"rollout resume %rollout", "resume"},
	{"rollout promote %rollout", "promote"}, {"charts %rollout", "charts"},
	{"cards %rollout", "cards"}, {"undo %id", "undo"}, {"open", "its endpoint"}, {NULL, NULL}};

const struct pane_ops rollout_detail_pane = {
	.name = "rollout",
	.title = "rollout",
	.place = "rollout",
	.kind = "detail",
	.live = true,
	.state_size = sizeof(struct rollout_detail),
	.hints = rollout_hints,
	.open = rollout_open,
	.feed = rollout_feed,
	.on_snapshot = rollout_on_snapshot,
	.draw = rollout_draw,
	.command = rollout_command,
	.select = rollout_select,
	.offers = rollout_detail_offers,
	.close = rollout_close,
};
