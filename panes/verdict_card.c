/* verdict_card.c: the rows of a verdict card. */
#include "panes/verdict_card.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"

enum { ARM_WIDTH = 7 }; /* columns of a value, and of the name of its arm above it */

enum role verdict_role(const char *verdict)
{
	if (strcmp(verdict, "harm") == 0 || strcmp(verdict, "invalid") == 0)
		return ROLE_harm;
	if (strcmp(verdict, "ok") == 0)
		return ROLE_ok;
	return strcmp(verdict, "undecided") == 0 ? ROLE_watch : ROLE_missing;
}

enum glyph verdict_glyph(const char *verdict)
{
	if (strcmp(verdict, "harm") == 0)
		return GLYPH_harm;
	if (strcmp(verdict, "invalid") == 0)
		return GLYPH_failed;
	if (strcmp(verdict, "ok") == 0)
		return GLYPH_ok;
	return strcmp(verdict, "undecided") == 0 ? GLYPH_undecided : GLYPH_missing;
}

/* Where the effect and its band lie between no difference and twice the limit of OK:
 * "[---*--|----]", 14 columns; blank while nothing is known, ">" or "<" where it lies beyond. */
static void band_text(const struct node *s, char out[16])
{
	enum { WIDTH = 12 };
	double low = node_num(s, "low", NAN), high = node_num(s, "high", NAN);
	double effect = node_num(s, "effect", NAN), limit = node_num(s, "limit_ok", NAN);

	snprintf(out, 16, "%14s", "");
	if (!isfinite(effect) || !isfinite(limit) || limit == 0)
		return;
	out[0] = '[';
	out[WIDTH + 1] = ']';
	for (int i = 0; i < WIDTH; i++) {
		/* From the limit below none to twice the limit, each column a quarter of it. */
		double x = (i - WIDTH / 3 + .5) / (WIDTH / 3) * limit, half = fabs(limit) / 8;
		double from = isfinite(low) ? low : -INFINITY,
		       to = isfinite(high) ? high : INFINITY;

		out[i + 1] = x >= from - half && x <= to + half ? '-' : ' ';
		if (i == WIDTH / 3)
			out[i + 1] = '0';
		if (i == 2 * WIDTH / 3)
			out[i + 1] = '|';
		/* Half open: what lies on an edge is one star, not two. */
		if ((effect - x) / limit >= -.125 && (effect - x) / limit < .125)
			out[i + 1] = '*';
	}
	/* Beyond either end: the bracket gives way. */
	if (effect / limit >= 2)
		out[WIDTH + 1] = '>';
	if (effect / limit < -1)
		out[0] = '<';
}

static void add_card_signal(struct text *t, const struct node *s)
{
	const char *verdict = node_str(s, "verdict", ""), *unit = node_str(s, "effect_unit", "");
	const char *segment = node_str(s, "segment", ""), *own = node_str(s, "unit", "");
	double effect = node_num(s, "effect", NAN);
	int decimals = (int)node_int(s, "decimals", 3), arms;
	const struct node *n = node_list(s, "n", &arms);
	char a[48], b[48], c[48], name[80], apart[56] = "", band[16];

	snprintf(name, sizeof name, "%s%s%s", node_str(s, "name", "?"), *segment || *own ? " " : "",
		*segment ? segment : own);
	/* A hundred points take a place that a digit behind the point had. */
	if (isfinite(effect))
		snprintf(apart, sizeof apart, "%s%s%s%s", effect > 0 ? "+" : "",
			numfmt(c, sizeof c, effect,
				strcmp(unit, "%") == 0
					? 0
					: decimals - (decimals > 1 && fabs(effect) >= 100)),
			*unit ? " " : "", unit);
	band_text(s, band);
	text_addf(t, ROLE_text, ATTR_NONE, "%-18.18s %7s %7s %9s ", name,
		numfmt(a, sizeof a, node_num(s, "stable", NAN), decimals),
		numfmt(b, sizeof b, node_num(s, "candidate", NAN), decimals), apart);
	text_addf(t, ROLE_limit, ATTR_NONE, "%s ", band);
	text_addf(t, ROLE_text, ATTR_NONE, "%6s ",
		numfmt(c, sizeof c, arms == 2 ? n[1].number : NAN, 0));
	text_add(t, verdict_role(verdict), ATTR_NONE, verdict);
	text_line(t);
}

/* The pairs of a shadow whose answers differ most. */
static void add_examples(
	struct text *t, const struct node *card, const char *stable, const char *candidate)
{
	int n;
	const struct node *list = node_list(card, "examples", &n);
	char a[48], b[48];

	if (!n)
		return;
	text_line(t);
	text_addf(t, ROLE_heading, ATTR_NONE, "%-36s %7s %7s %s", "FURTHEST APART, request", stable,
		candidate, "status");
	text_line(t);
	for (int i = 0; i < n; i++) {
		text_addf(t, ROLE_text, ATTR_NONE, "%-36.36s %7s %7s %" PRId64 " %" PRId64,
			node_str(&list[i], "id", "?"),
			numfmt(a, sizeof a, node_num(&list[i], "stable", NAN), 3),
			numfmt(b, sizeof b, node_num(&list[i], "candidate", NAN), 3),
			node_int(&list[i], "stable_status", 0),
			node_int(&list[i], "candidate_status", 0));
		text_line(t);
	}
}

/* The verdict card: what is proven and why, then each signal with its band. */
void verdict_card_add(struct text *t, const struct node *r, const struct node *card)
{
	const char *verdict = node_str(card, "verdict", "?");
	const char *replicas = node_str(node_get(card, "replicas"), "text", "");
	char stable[32], candidate[32], spent[32], budget[32];
	int n;
	const struct node *list = node_list(card, "signals", &n);

	text_line(t);
	detail_line(
		t, "verdict", verdict_role(verdict), "%s: %s", verdict, node_str(card, "why", ""));
	snprintf(spent, sizeof spent, "%.2g", 100 * node_num(card, "budget_spent", 0));
	snprintf(budget, sizeof budget, "%.2g", 100 * node_num(card, "budget", 0));
	detail_line(t, "", ROLE_dim, "%s of %s %% of false aborts spent, %" PRId64 " looks", spent,
		budget, node_int(card, "looks", 0));
	if (*replicas)
		detail_line(t, "replicas",
			node_bool(node_get(card, "replicas"), "alike") ? ROLE_text : ROLE_watch,
			"%s", replicas);
	canvas_cut_middle(stable, sizeof stable, node_str(r, "from", ""), ARM_WIDTH, 0);
	canvas_cut_middle(candidate, sizeof candidate, node_str(r, "to", ""), ARM_WIDTH, 0);
	text_addf(t, ROLE_heading, ATTR_NONE, "%-18s %7s %7s %9s %-14s %6s %s", "SIGNAL", stable,
		candidate, "effect", "    0   |limit", "n", "verdict");
	text_line(t);
	for (int i = 0; i < n; i++)
		add_card_signal(t, &list[i]);
	add_examples(t, card, stable, candidate);
}
