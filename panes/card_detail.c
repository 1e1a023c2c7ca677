/* card_detail.c: one frozen verdict card ("card/40/2": the second of rollout 40), as it stood then,
 * with the rows of the live one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/panes.h"
#include "panes/verdict_card.h"
#include "tui/client/codec.h"

enum { SLOT_CARDS, SLOT_ROLLOUT };

struct card_detail {
	struct text *text; /* owned */
	char rollout[32];
	int64_t number;
};

static void card_open(struct pane *p)
{
	struct card_detail *s = p->state;
	const char *slash = strchr(p->argument, '/');

	s->text = text_new();
	str_copy(s->rollout, sizeof s->rollout, p->argument);
	s->rollout[strcspn(s->rollout, "/")] = '\0';
	s->number = slash ? strtoll(slash + 1, NULL, 10) : 0;
}

static bool card_feed(struct pane *p, int slot, struct buf *path)
{
	const struct card_detail *s = p->state;

	if (slot != SLOT_CARDS && slot != SLOT_ROLLOUT)
		return false;
	buf_adds(path, "/v1/rollouts/");
	codec_escape(path, s->rollout);
	if (slot == SLOT_CARDS)
		buf_adds(path, "/cards");
	return true;
}

static const struct node *card_of(const struct pane *p)
{
	const struct card_detail *s = p->state;
	int n;
	const struct node *list = node_list(pane_root(p, SLOT_CARDS), "cards", &n);

	for (int i = 0; i < n; i++)
		if (node_int(&list[i], "number", 0) == s->number)
			return &list[i];
	return NULL;
}

/* What froze it, in words. */
static const char *kind_words(const char *kind)
{
	static const char *const words[][2] = {{"step", "at the end of a step"},
		{"shadow", "at the end of the shadow, before any user's request"},
		{"end", "at the end of the rollout"}, {"late", "when late outcomes had come"},
		{"undecided", "when its time was over without a verdict"}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i][0], kind) == 0)
			return words[i][1];
	return kind;
}

static void fill_text(const struct pane *p, const struct node *card, int cols, enum charset charset)
{
	const struct card_detail *s = p->state;
	const struct node *r = pane_root(p, SLOT_ROLLOUT);
	char when[40], share[16];
	int n;
	const struct node *counted = node_list(card, "counted", &n);
	char a[48], b[48];

	text_clear(s->text);
	text_set_indent(s->text, 11);
	detail_line(s->text, "card", ROLE_heading, "%" PRId64 " of #%s %s  %s -> %s", s->number,
		s->rollout, node_str(r, "endpoint", ""), node_str(r, "from", ""),
		node_str(r, "to", ""));
	detail_line(s->text, "frozen", ROLE_text, "%s, %s",
		timefmt_full(when, sizeof when, node_int(card, "at_us", 0), p->host->zone),
		kind_words(node_str(card, "kind", "")));
	detail_line(s->text, "step", ROLE_text, "%" PRId64 ", at %s", node_int(card, "step", 0) + 1,
		share_text(share, sizeof share, node_int(card, "share_bp", 0)));
	if (n == 2)
		detail_line(s->text, "counted", ROLE_text,
			"%s requests of stable, %s of the candidate",
			numfmt(a, sizeof a, counted[0].number, 0),
			numfmt(b, sizeof b, counted[1].number, 0));
	verdict_card_add(s->text, r, card);
	text_line(s->text);
	verdict_card_add_split(s->text, r, card, cols, charset);
	text_line(s->text);
	verdict_card_add_scores(s->text, r, card, cols, charset);
}

static void card_draw(struct pane *p, struct canvas *c, struct rect r)
{
	struct card_detail *s = p->state;
	const struct node *card = card_of(p);

	if (draw_loading(p, c, r))
		return;
	if (!card) {
		canvas_put(c, r.row, 1, ROLE_dim, ATTR_NONE, "there is no such card");
		return;
	}
	fill_text(p, card, r.cols - 2, c->charset);
	text_draw(s->text, c, (struct rect){r.row, 1, r.rows, r.cols - 2});
}

static bool card_command(struct pane *p, const char *command)
{
	struct card_detail *s = p->state;

	return text_act(s->text, command);
}

static void card_select(const struct pane *p, struct selection *out)
{
	const struct card_detail *s = p->state;
	const struct node *r = pane_root(p, SLOT_ROLLOUT);

	str_copy(out->rollout, sizeof out->rollout, s->rollout);
	str_copy(out->endpoint, sizeof out->endpoint, node_str(r, "endpoint", ""));
	str_copy(out->version, sizeof out->version, node_str(r, "to", ""));
	snprintf(out->place, sizeof out->place, "rollout/%s", s->rollout);
}

static void card_close(struct pane *p)
{
	struct card_detail *s = p->state;

	text_free(s->text);
}

static const struct help_hint card_hints[] = {
	{"open", "its rollout"}, {"charts %rollout", "charts"}, {NULL, NULL}};

const struct pane_ops card_detail_pane = {
	.name = "card",
	.title = "card",
	.place = "card",
	.kind = "detail",
	.state_size = sizeof(struct card_detail),
	.hints = card_hints,
	.open = card_open,
	.feed = card_feed,
	.draw = card_draw,
	.command = card_command,
	.select = card_select,
	.close = card_close,
};
