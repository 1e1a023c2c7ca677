/* verdict_arms.c: what the arms of a verdict card were fed: the split of the requests against the
 * share that was asked for, and both distributions of scores. Stable's bars are solid, the
 * candidate's are not, in every set of letters. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "panes/common.h"
#include "panes/verdict_card.h"

enum { BINS = 10, BAR_LEAST = 4, BAR_MOST = 100, LABEL = 20 };

/* What a bar of an arm is made of. */
static uint32_t bar_sign(int arm, enum charset charset)
{
	if (charset == CHARSET_ASCII)
		return arm ? 'o' : '#';
	return arm ? 0x2592 : 0x2588;
}

/* A bar over `part` (0 … 1) of `width` columns, with a "|" at `mark` (NAN: none). */
static void add_bar(
	struct text *t, int arm, double part, double mark, int width, enum charset charset)
{
	int full = isfinite(part) ? (int)lrint(part * width) : 0;
	int at = isfinite(mark) ? (int)lrint(mark * (width - 1)) : -1;

	/* A little is not nothing. */
	if (full == 0 && part > 0)
		full = 1;
	for (int i = 0; i < width; i++) {
		char sign[5] = "";

		sign[canvas_utf8_encode(i < full ? bar_sign(arm, charset) : ' ', sign)] = '\0';
		if (i == at)
			text_add(t, ROLE_limit, ATTR_BOLD, charset == CHARSET_ASCII ? "|" : "│");
		else
			text_add(t, arm ? ROLE_candidate_arm : ROLE_stable_arm, ATTR_NONE, sign);
	}
}

static int bounded(int width, int most)
{
	return width < BAR_LEAST ? BAR_LEAST : width > most ? most : width;
}

/* "stable v3", cut to a column of labels. */
static void arm_label(const struct node *r, int arm, char *out, size_t size)
{
	snprintf(out, size, "%s %s", arm ? "candidate" : "stable",
		node_str(r, arm ? "to" : "from", ""));
}

void verdict_card_add_split(struct text *t, const struct node *r, const struct node *card, int cols,
	enum charset charset)
{
	const struct node *ratio = node_get(card, "ratio");
	double share = node_num(card, "share_bp", NAN) / 10000, sum;
	int n, width = bounded(cols - LABEL - 18, 60);
	const struct node *counted = node_list(node_get(card, "step_counted"), "", &n);
	char label[64], a[48];

	if (n != 2)
		return;
	sum = counted[0].number + counted[1].number;
	text_addf(t, ROLE_heading, ATTR_NONE, "%-20s %8s %7s ", "SPLIT, this step", "counted", "%");
	text_addf(t, ROLE_limit, ATTR_NONE, " | expected %g %% / %g %%", 100 - 100 * share,
		100 * share);
	text_line(t);
	for (int arm = 0; arm < 2; arm++) {
		double part = sum > 0 ? counted[arm].number / sum : NAN;

		arm_label(r, arm, label, sizeof label);
		text_addf(t, ROLE_text, ATTR_NONE, "%-20.20s %8s ", label,
			numfmt(a, sizeof a, counted[arm].number, 0));
		text_addf(t, ROLE_text, ATTR_NONE, "%7s  ", numfmt(a, sizeof a, 100 * part, 1));
		add_bar(t, arm, part, arm ? share : 1 - share, width, charset);
		text_line(t);
	}
	text_addf(t, ROLE_dim, ATTR_NONE,
		"evidence of another (1 = proven): requests %.2f, scores %.2f, outcomes %.2f",
		node_num(ratio, "requests", 0), node_num(ratio, "scores", 0),
		node_num(ratio, "outcomes", 0));
	text_line(t);
}

/* Both arms' bins as parts of all their answers. Returns the highest; 0 = there are none. */
static double read_bins(const struct node *shift, double bins[2][BINS], double sum[2])
{
	int arms, n;
	const struct node *list = node_list(node_get(shift, "bins"), "", &arms);
	double most = 0;

	for (int arm = 0; arm < 2; arm++) {
		const struct node *v = arms == 2 ? node_list(&list[arm], "", &n) : NULL;

		sum[arm] = 0;
		for (int b = 0; b < BINS; b++) {
			bins[arm][b] = v && b < n ? v[b].number : 0;
			sum[arm] += bins[arm][b];
		}
		for (int b = 0; b < BINS && sum[arm] > 0; b++) {
			bins[arm][b] /= sum[arm];
			most = fmax(most, bins[arm][b]);
		}
	}
	return most;
}

void verdict_card_add_scores(struct text *t, const struct node *r, const struct node *card,
	int cols, enum charset charset)
{
	int n, width = bounded((cols - 8 - 2 * 9 - 2) / 2, 40);
	const struct node *shift = node_list(node_get(card, "shifts"), "", &n);
	double bins[2][BINS], sum[2], most = n ? read_bins(shift, bins, sum) : 0;
	char label[64], a[48], b[48];

	if (!n)
		return;
	text_addf(t, ROLE_heading, ATTR_NONE, "%-8s", "SCORE");
	for (int arm = 0; arm < 2; arm++) {
		arm_label(r, arm, label, sizeof label);
		text_addf(t, ROLE_heading, ATTR_NONE, "%6s   %-*.*s", "%", arm ? 0 : width + 2,
			width, label);
	}
	text_line(t);
	for (int bin = 0; bin < BINS; bin++) {
		text_addf(t, ROLE_text, ATTR_NONE, "%.1f-%.1f ", bin / 10., (bin + 1) / 10.);
		for (int arm = 0; arm < 2; arm++) {
			text_addf(t, ROLE_text, ATTR_NONE, "%6s   ",
				numfmt(a, sizeof a, sum[arm] > 0 ? 100 * bins[arm][bin] : NAN, 1));
			add_bar(t, arm, most > 0 ? bins[arm][bin] / most : 0, NAN, width, charset);
			text_add(t, ROLE_text, ATTR_NONE, arm ? "" : "  ");
		}
		text_line(t);
	}
	text_addf(t, ROLE_dim, ATTR_NONE, "psi %s",
		numfmt(a, sizeof a, node_num(shift, "psi", NAN), 2));
	if (node_num(shift, "psi_limit", 0) > 0)
		text_addf(t, ROLE_dim, ATTR_NONE, " (much: %g)", node_num(shift, "psi_limit", 0));
	text_addf(t, ROLE_dim, ATTR_NONE, ", evidence %.2f (1 = proven), n %s / %s",
		node_num(shift, "evidence", 0), numfmt(a, sizeof a, sum[0], 0),
		numfmt(b, sizeof b, sum[1], 0));
	text_line(t);
}
