/* endpoint_detail.c: one endpoint: its arms, replicas and overrides, and both arms over time. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/arm_charts.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "tui/client/codec.h"

enum { SLOT_ENDPOINT, SLOT_SERIES };

struct endpoint_detail {
	struct text *text; /* owned */
};

static void endpoint_open(struct pane *p)
{
	struct endpoint_detail *s = p->state;

	s->text = text_new();
}

static bool endpoint_feed(struct pane *p, int slot, struct buf *path)
{
	char name[sizeof p->argument];

	if (slot > SLOT_SERIES)
		return false;
	str_copy(name, sizeof name, p->argument);
	if (strchr(name, '/'))
		*strchr(name, '/') = '~';
	buf_adds(path, "/v1/endpoints/");
	codec_escape(path, name);
	if (slot == SLOT_SERIES)
		buf_adds(path, "/series?span=10&points=90");
	return true;
}

static void add_arm(struct text *t, const struct node *e, const char *label, const char *version,
	const char *key, enum role role, int64_t share)
{
	const struct node *s = node_get(e, key);
	char part[16], a[48], b[48], d[48], unread[64] = "";

	if (!*version)
		return;
	share_text(part, sizeof part, share);
	if (!s || s->kind != NODE_OBJECT || node_num(s, "requests", 0) <= 0) {
		detail_line(t, label, role, "%-6s %4s  no answers in the last 60 s", version, part);
		return;
	}
	if (node_int(s, "unread", 0))
		snprintf(unread, sizeof unread, ", %s %% unread",
			numfmt(a, sizeof a, node_num(s, "unread_percent", NAN), 0));
	detail_line(t, label, role, "%-6s %4s  %s answers in 60 s, errors %s %%, p99 %s ms%s",
		version, part, numfmt(a, sizeof a, node_num(s, "requests", NAN), 0),
		numfmt(b, sizeof b, node_num(s, "error_percent", NAN), 2),
		numfmt(d, sizeof d, node_num(s, "p99_ms", NAN), 0), unread);
}

/* "ORD to stable", or "ORD 20% to candidate" in a segmented rollout. */
static void add_override(struct buf *b, int i, const struct node *o)
{
	int64_t share = node_int(o, "share_bp", 0);
	char text[16];

	buf_addf(b, "%s%s ", i ? "; " : "", node_str(o, "segment", ""));
	if (share > 0 && share < 10000)
		buf_addf(b, "%s ", share_text(text, sizeof text, share));
	buf_adds(b, share ? "to candidate" : "to stable");
}

static void add_lists(struct text *t, const struct node *e)
{
	struct buf b = {0};
	const struct node *list;
	int n;

	list = node_list(node_get(e, "servers"), "", &n);
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s%s %s %s", i ? "; " : "", node_str(&list[i], "version", ""),
			*node_str(&list[i], "address", "") ? node_str(&list[i], "address", "")
							   : node_str(&list[i], "name", ""),
			node_str(&list[i], "state", ""));
	detail_line(t, "servers", ROLE_text, "%s", buf_text(&b));
	buf_reset(&b);
	list = node_list(node_get(e, "overrides"), "", &n);
	for (int i = 0; i < n; i++)
		add_override(&b, i, &list[i]);
	detail_line(t, "overrides", ROLE_text, "%s", buf_text(&b));
	buf_release(&b);
}

static void fill_text(struct text *t, const struct node *e)
{
	int64_t share = node_int(e, "share_in_force_bp", 0), rollout = node_int(e, "rollout", 0);
	int64_t unknown = node_int(e, "segment_unknown", 0), keyless = node_int(e, "keyless", 0);
	enum glyph g = endpoint_glyph(node_str(e, "state", ""));
	char wanted[16];

	text_clear(t);
	text_set_indent(t, 11);
	detail_line(t, "endpoint", ROLE_heading, "%s  %s, tier %s, %s", node_str(e, "id", "?"),
		node_str(e, "environment", ""), node_str(e, "tier", ""), node_str(e, "listen", ""));
	detail_line(t, "state", glyph_role(g), "%s%s%s", glyph_word(g),
		*node_str(e, "state_word", "") ? ": " : "", node_str(e, "state_word", ""));
	add_arm(t, e, "stable", node_str(e, "stable", ""), "stable_stats", ROLE_stable_arm,
		10000 - share);
	add_arm(t, e, "candidate", node_str(e, "candidate", ""), "candidate_stats",
		ROLE_candidate_arm, share);
	if (rollout)
		detail_line(t, "rollout",
			node_int(e, "share_bp", 0) == share ? ROLE_text : ROLE_watch,
			"#%" PRId64 ", wants %s", rollout,
			share_text(wanted, sizeof wanted, node_int(e, "share_bp", 0)));
	if (*node_str(e, "previous", ""))
		detail_line(t, "previous", ROLE_text, "%s%s", node_str(e, "previous", ""),
			node_int(e, "hot_until_us", 0) ? ", kept hot" : "");
	add_lists(t, e);
	if (unknown)
		detail_line(t, "unknown", ROLE_watch,
			"%" PRId64 " requests with no readable segment went to stable", unknown);
	if (keyless)
		detail_line(t, "no key", ROLE_text,
			"%" PRId64 " requests had no split key: they are not sticky", keyless);
}

static void endpoint_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct endpoint_detail *s = p->state;
	const struct node *e = pane_root(p, SLOT_ENDPOINT);
	struct rect top = r;

	if (!e) {
		draw_loading(p, c, r);
		return;
	}
	fill_text(s->text, e);
	top.col = 1;
	top.cols = r.cols - 2;
	top.rows = text_height(s->text, top.cols);
	if (top.rows > r.rows - 7)
		top.rows = r.rows > 14 ? r.rows / 2 : r.rows;
	text_draw(s->text, c, top);
	arm_charts_draw(c,
		(struct rect){r.row + top.rows + 1, r.col + 1, r.rows - top.rows - 1, r.cols - 2},
		&(struct arm_charts){pane_root(p, SLOT_SERIES), node_str(e, "stable", ""),
			node_str(e, "candidate", ""), p->host->zone, 0, 0});
}

static bool endpoint_command(struct pane *p, const char *command)
{
	struct endpoint_detail *s = p->state;

	return text_act(s->text, command);
}

static void endpoint_select(const struct pane *p, struct selection *out)
{
	const struct node *e = pane_root(p, SLOT_ENDPOINT);

	str_copy(out->endpoint, sizeof out->endpoint, node_str(e, "id", p->argument));
	str_copy(out->version, sizeof out->version, node_str(e, "candidate", ""));
	if (node_int(e, "rollout", 0)) {
		snprintf(out->rollout, sizeof out->rollout, "%" PRId64, node_int(e, "rollout", 0));
		snprintf(out->place, sizeof out->place, "rollout/%s", out->rollout);
	}
}

static void endpoint_close(struct pane *p)
{
	struct endpoint_detail *s = p->state;

	text_free(s->text);
}

/* Of an endpoint that is only looked at nothing can be moved. */
static bool endpoint_offers(const struct pane *p, const char *command)
{
	return strcmp(command, "open") == 0 ||
	       strcmp(node_str(pane_root(p, SLOT_ENDPOINT), "mode", ""), "observe") != 0;
}

static const struct help_hint endpoint_hints[] = {{"servers %endpoint", "servers"},
	{"rollback %endpoint", "rollback"}, {"rollout abort %rollout", "abort"},
	{"open", "its rollout"}, {NULL, NULL}};

const struct pane_ops endpoint_detail_pane = {
	.name = "endpoint",
	.title = "endpoint",
	.place = "endpoint",
	.kind = "detail",
	.live = true,
	.state_size = sizeof(struct endpoint_detail),
	.hints = endpoint_hints,
	.open = endpoint_open,
	.feed = endpoint_feed,
	.draw = endpoint_draw,
	.command = endpoint_command,
	.select = endpoint_select,
	.offers = endpoint_offers,
	.close = endpoint_close,
};
