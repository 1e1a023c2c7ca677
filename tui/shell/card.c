/* card.c: `rollout card`: the verdict card of a rollout as it stands, or each that was frozen. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/codec.h"
#include "tui/shell/shell_priv.h"
#include "tui/timefmt.h"

/* "card 2 of #40: step, 2026-11-24 14:02:11Z, at 25 %"; without a number it is the newest. */
static void print_one(const char *rollout, const struct node *card)
{
	char when[40], number[32] = "";
	int64_t n = node_int(card, "number", 0);

	if (n)
		snprintf(number, sizeof number, " %" PRId64, n);
	printf("card%-7s #%s, %s, %s, step %" PRId64 " at %g %%\n", number, rollout,
		node_str(card, "kind", "?"),
		timefmt_full(when, sizeof when, node_int(card, "at_us", 0), TIMEFMT_UTC),
		node_int(card, "step", 0) + 1, (double)node_int(card, "share_bp", 0) / 100);
	shell_print_card(card);
}

static void print_all(const char *rollout, const struct node *root)
{
	int n;
	const struct node *list = node_list(root, "cards", &n);

	for (int i = 0; i < n; i++) {
		if (i)
			putchar('\n');
		print_one(rollout, &list[i]);
	}
	if (!n)
		printf("no card was frozen yet: one is at the end of each step\n");
}

static void print_newest(const char *rollout, const struct node *root)
{
	const struct node *card = node_get(root, "card");

	if (node_get(card, "verdict"))
		print_one(rollout, card);
	else
		printf("rollout #%s was not judged: it has no verdict card\n", rollout);
}

int shell_card(struct shell *sh)
{
	const char *rollout = parsed_get(sh->args, "N"), *all = parsed_get(sh->args, "all");
	struct request q = REQUEST_INIT;
	struct buf path = {0};
	struct reply r = {0};
	struct err e = {0};
	int code;

	rollout += *rollout == '#';
	buf_adds(&path, PATH_ROLLOUTS "/");
	codec_escape(&path, rollout);
	buf_adds(&path, all ? "/cards" : "");
	q.path = buf_text(&path);
	if (shell_connect(sh, 1, &e)) {
		code = shell_fail(&e);
	} else if (shell_ask(sh, &q, &r, &code) == 0) {
		if (sh->json || !r.data)
			shell_print_raw(&r);
		else
			(all ? print_all : print_newest)(rollout, snapshot_root(r.data));
	}
	reply_release(&r);
	buf_release(&path);
	return code;
}
