/* render_policy.c: what the policy says, proposals and holds as a person reads them; and the
 * command that asks about another pithead.yaml. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/codec.h"
#include "tui/shell/shell_priv.h"
#include "tui/timefmt.h"

#define SPEC_MAX (1024 * 1024)

#define COLUMNS(titles) titles, (int)(sizeof titles / sizeof titles[0])

static const char *word(const char *result)
{
	return strcmp(result, "allow") == 0  ? "yes"
	       : strcmp(result, "deny") == 0 ? "NO"
					     : "UNKNOWN";
}

static void say(const char *label, const char *text)
{
	char *clean = shell_clean(text);

	if (*clean)
		printf("%-11s %s\n", label, clean);
	free(clean);
}

void shell_render_policy(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {"", "RULE", "ASKS THAT", "FOUND"};
	int n;
	const struct node *rules = node_list(node_get(root, "rules"), "", &n);
	struct grid g;

	(void)sh;
	printf("%s %s on %s (tier %s): %s\n", node_str(root, "action", "?"),
		node_int(root, "rollout", 0) ? "of the rollout under way" : "now",
		node_str(root, "endpoint", "?"), node_str(root, "tier", "?"),
		word(node_str(root, "result", "")));
	say("because", node_str(root, "sentence", ""));
	say("to do", node_str(root, "hint", ""));
	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		grid_add(&g, "%s", word(node_str(&rules[i], "result", "")));
		grid_add(&g, "%s", node_str(&rules[i], "id", "?"));
		grid_add(&g, "%s", node_str(&rules[i], "asks", ""));
		grid_add(&g, "%s", node_str(&rules[i], "sentence", ""));
	}
	grid_print(&g, "no rule is about it");
}

void shell_render_what_if(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {
		"", "ENDPOINT", "TIER", "ACTION", "NOW", "THEN", "RULE", "WHY"};
	int n, same = 0;
	const struct node *rows = node_items(root, &n);
	struct grid g;

	(void)sh;
	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *r = &rows[i];
		const char *was = node_str(r, "tier", "?"), *is = node_str(r, "tier_then", "?");

		if (!node_bool(r, "differs")) {
			same++;
			continue;
		}
		grid_add(&g, "~");
		grid_add(&g, "%s", node_str(r, "endpoint", "?"));
		grid_add(&g, "%s%s%s", was, strcmp(was, is) ? " -> " : "",
			strcmp(was, is) ? is : "");
		grid_add(&g, "%s", node_str(r, "action", "?"));
		grid_add(&g, "%s", word(node_str(r, "now", "")));
		grid_add(&g, "%s", word(node_str(r, "then", "")));
		grid_add(&g, "%s", node_str(r, "rule", ""));
		grid_add(&g, "%s", node_str(r, "sentence", ""));
	}
	grid_print(&g, "no decision would be another one");
	if (same)
		printf("%d the same\n", same);
}

static const char *when(const struct shell *sh, int64_t us, char out[32])
{
	return timefmt_when(out, 32, us, sh->now_us, TIMEFMT_UTC);
}

void shell_render_proposals(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {
		">#", "STATE", "SINCE", "BY", ">YES", ">OF", "WHAT", "REASON"};
	int n;
	const struct node *rows = node_items(root, &n);
	struct grid g;
	char a[32];

	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		grid_add(&g, "%" PRId64, node_int(&rows[i], "id", 0));
		grid_add(&g, "%s", node_str(&rows[i], "state", "?"));
		grid_add(&g, "%s", when(sh, node_int(&rows[i], "at_us", 0), a));
		grid_add(&g, "%s", node_str(&rows[i], "author", "?"));
		grid_add(&g, "%" PRId64, node_int(&rows[i], "given", 0));
		grid_add(&g, "%" PRId64, node_int(&rows[i], "needed", 0));
		grid_add(&g, "%s", node_str(&rows[i], "summary", ""));
		grid_add(&g, "%s", node_str(&rows[i], "reason", ""));
	}
	grid_print(&g, "no proposal waits for anybody");
}

void shell_render_proposal(const struct shell *sh, const struct node *p)
{
	int n;
	const struct node *votes = node_list(node_get(p, "approvals"), "", &n);
	char text[300], a[32];

	snprintf(text, sizeof text, "%" PRId64 ", %s: %" PRId64 " of %" PRId64 " approved",
		node_int(p, "id", 0), node_str(p, "state", "?"), node_int(p, "given", 0),
		node_int(p, "needed", 0));
	say("proposal", text);
	say("what", node_str(p, "summary", ""));
	snprintf(text, sizeof text, "%s, %s", node_str(p, "author", "?"),
		when(sh, node_int(p, "at_us", 0), a));
	say("by", text);
	say("reason", node_str(p, "reason", ""));
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof text, "%s, %s%s%.200s", node_str(&votes[i], "user", "?"),
			when(sh, node_int(&votes[i], "at_us", 0), a),
			*node_str(&votes[i], "reason", "") ? ": " : "",
			node_str(&votes[i], "reason", ""));
		say(i ? "" : "approved", text);
	}
	if (*node_str(p, "spec", "")) {
		printf("spec\n");
		for (const char *line = node_str(p, "spec", ""); *line;) {
			size_t length = strcspn(line, "\n");
			char *piece = xstrndup(line, length), *clean = shell_clean(piece);

			printf("  %s\n", clean);
			free(clean);
			free(piece);
			line += length + (line[length] == '\n');
		}
	}
}

void shell_render_holds(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {"WHAT", "WHERE", "SINCE", "UNTIL", "BY", "REASON"};
	int n;
	const struct node *rows = node_items(root, &n);
	struct grid g;
	char a[32];

	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *r = &rows[i];
		const char *second = node_str(r, "second", ""),
			   *where = node_str(r, "endpoint", "");
		int64_t until = node_int(r, "until_us", 0);

		grid_add(&g, "%s",
			strcmp(node_str(r, "kind", ""), "line") == 0 ? "LINE STOPPED"
								     : "freeze overridden");
		grid_add(&g, "%s", *where ? where : "all endpoints");
		grid_add(&g, "%s", when(sh, node_int(r, "at_us", 0), a));
		grid_add(
			&g, "%s", until ? timefmt_full(a, sizeof a, until, TIMEFMT_UTC) : "lifted");
		grid_add(&g, "%s%s%s", node_str(r, "user", "?"), *second ? " and " : "", second);
		grid_add(&g, "%s", node_str(r, "reason", ""));
	}
	grid_print(&g, "nobody has stopped the line, and no freeze is overridden");
}

/* Reads the file ("-" is standard input) into text. */
static int read_file(const char *name, struct buf *text, struct err *e)
{
	int rc = buf_read_file(text, strcmp(name, "-") == 0 ? "/dev/stdin" : name, SPEC_MAX);

	if (rc < 0)
		return err_set(e, ERR_INVALID, "cannot read %s: %s", name, strerror(errno));
	return 0;
}

int shell_what_if(struct shell *sh)
{
	const char *only = parsed_get(sh->args, "endpoint");
	struct buf text = {0};
	struct codec_body body;
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	struct err e = {0};
	char *sent;
	int code;

	if (read_file(parsed_get(sh->args, "FILE"), &text, &e) || shell_connect(sh, 1, &e)) {
		buf_release(&text);
		return shell_fail(&e);
	}
	codec_open(&body);
	codec_put_str(&body, "spec", buf_text(&text));
	if (only)
		codec_put_str(&body, "endpoint", only);
	sent = codec_close(&body);
	q.method = "POST";
	q.path = PATH_WHAT_IF;
	q.body = sent;
	if (shell_ask(sh, &q, &r, &code) == 0) {
		if (sh->json || !r.data)
			shell_print_raw(&r);
		else
			shell_render_what_if(sh, snapshot_root(r.data));
	}
	reply_release(&r);
	free(sent);
	buf_release(&text);
	return code;
}
