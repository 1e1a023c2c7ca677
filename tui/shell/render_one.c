/* render_one.c: one thing as a person reads it: an act's answer, a plan, an endpoint, a rollout, a
 * version, a change, the engine, and the status of everything. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/shell/shell_priv.h"
#include "tui/timefmt.h"

/* "label      text", with what came from the engine made harmless; nothing for an empty text. */
static void line(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(const char *label, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;
	char *clean;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	clean = shell_clean(buf_text(&b));
	if (*clean)
		printf("%-11s %s\n", label, clean);
	free(clean);
	buf_release(&b);
}

static const char *percent(const struct node *v, const char *key, char out[32])
{
	int64_t bp = node_int(v, key, 0);

	snprintf(out, 32, bp % 100 ? "%.2f %%" : "%.0f %%", (double)bp / 100);
	return out;
}

static void print_lines(const char *label, const struct node *v, const char *key)
{
	int n;
	const struct node *list = node_list(node_get(v, key), "", &n);

	for (int i = 0; i < n; i++)
		line(i ? "" : label, "%s", list[i].kind == NODE_TEXT ? list[i].text : "");
}

void shell_print_plan(const struct node *plan)
{
	line("plan", "%s", node_str(plan, "title", ""));
	print_lines("will", plan, "will");
	print_lines("will not", plan, "will_not");
	print_lines("needs", plan, "needs");
	print_lines("warning", plan, "warnings");
	line("undo", "%s", node_str(plan, "undo", ""));
	line("takes", "%s", node_str(plan, "duration", ""));
}

void shell_render_act(const struct shell *sh, const struct node *root)
{
	const struct node *plan = node_get(root, "plan");
	int64_t seq = node_int(root, "event", 0);
	char *summary;

	if (parsed_get(sh->args, "dry-run")) {
		shell_print_plan(plan);
		line("seen", "revision %" PRId64 " (nothing was changed)",
			node_int(root, "revision", node_int(plan, "revision", 0)));
		return;
	}
	summary = shell_clean(node_str(root, "summary", node_str(plan, "title", "done")));
	printf("%s", summary);
	if (!node_bool(root, "done"))
		printf(" (on the way: pithead status)");
	if (seq && node_bool(plan, "undoable"))
		printf("; undo: pithead undo %" PRId64, seq);
	putchar('\n');
	free(summary);
}

static void print_warnings(const struct node *root)
{
	const struct node *gateway = node_get(root, "gateway"), *ingest = node_get(root, "ingest");
	int64_t lost = node_int(ingest, "lost", 0), full = node_int(ingest, "ring_full", 0);

	if (gateway && !node_bool(gateway, "up") && !node_int(gateway, "generation", 0))
		line("gateway", "not started: it serves no endpoint");
	else if (gateway && !node_bool(gateway, "up"))
		line("gateway", "DOWN: it is being started again; see log/engine.log");
	else if (gateway)
		line("gateway", "up, pid %" PRId64 ", generation %" PRId64,
			node_int(gateway, "pid", 0), node_int(gateway, "generation", 0));
	if (node_bool(root, "hold"))
		line("HOLD", "restored from a backup: nothing moves until you choose: "
			     "pithead engine hold stored|observed");
	if (*node_str(root, "stopped", ""))
		line("STOPPED", "%s (pithead unfreeze%s%s)", node_str(root, "stopped", ""),
			*node_str(root, "stopped_where", "") ? " " : "",
			node_str(root, "stopped_where", ""));
	if (ingest)
		line("log", "%" PRId64 " records read, %" PRId64 " lost, %" PRId64 " unreadable",
			node_int(ingest, "parsed", 0), lost + full, node_int(ingest, "bad", 0));
}

void shell_render_engine(const struct shell *sh, const struct node *root)
{
	const struct node *upgrade = node_get(root, "upgrade");
	char a[32], b[32];

	line("engine", "%s engine %s on %s, pid %" PRId64, node_str(root, "kind", "personal"),
		node_str(root, "version", "?"), node_str(root, "host", "?"),
		node_int(root, "pid", 0));
	line("version", "%s, build %s, API %s, schema state %" PRId64 " telemetry %" PRId64,
		node_str(root, "version", "?"), node_str(root, "build", "?"),
		node_str(root, "api_version", "1.0"),
		node_int(node_get(root, "schema"), "state", 0),
		node_int(node_get(root, "schema"), "telemetry", 0));
	if (node_str(upgrade, "phase", NULL))
		line("upgrade", "to %s: %s%s%s", node_str(upgrade, "to_version", "?"),
			node_str(upgrade, "phase", "?"), node_str(upgrade, "why", NULL) ? ": " : "",
			node_str(upgrade, "why", ""));
	line("home", "%s (of %s)", node_str(root, "home", sh->home.dir),
		node_str(root, "owner", "?"));
	line("since", "%s, up %s",
		timefmt_full(a, sizeof a, node_int(root, "started_us", 0), TIMEFMT_UTC),
		timefmt_span(b, sizeof b, node_int(root, "uptime_s", 0) * 1000000));
	print_warnings(root);
	line("limits", "%s", node_str(root, "limits", ""));
	line("head", "event %" PRId64, node_int(root, "head", 0));
}

static void print_stats(const char *label, const char *version, const struct node *s)
{
	char a[48], b[48], c[48], d[48];

	if (!s || s->kind != NODE_OBJECT)
		return;
	line(label, "%s  %s requests in 60 s, %s %% errors, p50 %s ms, p99 %s ms", version,
		numfmt(a, sizeof a, node_num(s, "requests", NAN), 0),
		numfmt(b, sizeof b, node_num(s, "error_percent", NAN), 2),
		numfmt(c, sizeof c, node_num(s, "p50_ms", NAN), 1),
		numfmt(d, sizeof d, node_num(s, "p99_ms", NAN), 1));
	if (node_int(s, "unread", 0))
		line("", "%" PRId64 " of them unread (%s %%): streamed, too large, or no score",
			node_int(s, "unread", 0),
			numfmt(a, sizeof a, node_num(s, "unread_percent", NAN), 1));
}

void shell_render_endpoint(const struct shell *sh, const struct node *e)
{
	int64_t rollout = node_int(e, "rollout", 0);
	const struct node *list;
	char a[32], b[32];
	int n;

	(void)sh;
	line("endpoint", "%s  %s  tier %s  %s", node_str(e, "id", "?"),
		node_str(e, "environment", ""), node_str(e, "tier", ""), node_str(e, "listen", ""));
	line("state", "%s %s", node_str(e, "state", "?"), node_str(e, "state_word", ""));
	print_stats("stable", node_str(e, "stable", "-"), node_get(e, "stable_stats"));
	print_stats("candidate", node_str(e, "candidate", "-"), node_get(e, "candidate_stats"));
	if (rollout)
		line("rollout", "#%" PRId64 ": share %s, in force %s", rollout,
			percent(e, "share_bp", a), percent(e, "share_in_force_bp", b));
	line("previous", "%s", node_str(e, "previous", ""));
	list = node_list(node_get(e, "servers"), "", &n);
	for (int i = 0; i < n; i++) {
		int64_t pid = node_int(&list[i], "pid", 0);
		bool tells = strcmp(node_str(&list[i], "state", ""), "down") == 0 &&
			     *node_str(&list[i], "check", "");
		char process[40] = ""; /* an upstream's process is not ours to know */

		if (pid)
			snprintf(process, sizeof process, ", pid %" PRId64, pid);
		line(i ? "" : "servers", "%s %s %s%s%s%s", node_str(&list[i], "version", ""),
			node_str(&list[i], "name", ""), node_str(&list[i], "state", ""), process,
			tells ? ": " : "", tells ? node_str(&list[i], "check", "") : "");
	}
	list = node_list(node_get(e, "overrides"), "", &n);
	for (int i = 0; i < n; i++)
		line(i ? "" : "overrides", "segment %s, %s to candidate",
			node_str(&list[i], "segment", ""), percent(&list[i], "share_bp", a));
	line("revision", "%" PRId64, node_int(e, "revision", 0));
}

static void print_signals(const struct node *r)
{
	static const char *const titles[] = {"SIGNAL", ">STABLE", ">CANDIDATE", ">N", "VERDICT"};
	const struct node *list;
	struct grid g;
	char a[48];
	int n;

	list = node_list(node_get(r, "signals"), "", &n);
	if (!n)
		return;
	grid_init(&g, titles, 5);
	for (int i = 0; i < n; i++) {
		grid_add(&g, "%s %s", node_str(&list[i], "name", "?"),
			node_str(&list[i], "unit", ""));
		grid_add(&g, "%s", numfmt(a, sizeof a, node_num(&list[i], "stable", NAN), 3));
		grid_add(&g, "%s", numfmt(a, sizeof a, node_num(&list[i], "candidate", NAN), 3));
		grid_add(&g, "%s", numfmt(a, sizeof a, node_num(&list[i], "candidate_n", NAN), 0));
		grid_add(&g, "%s", node_str(&list[i], "verdict", ""));
	}
	putchar('\n');
	grid_print(&g, "");
}

/* A number with a sign and its unit, "" when it is not known. */
static const char *signed_text(const struct node *s, const char *key, char out[32])
{
	double v = node_num(s, key, NAN);
	int decimals = (int)node_int(s, "decimals", 3);
	const char *unit = node_str(s, "effect_unit", "");

	out[0] = '\0';
	if (isfinite(v))
		snprintf(out, 32, "%+.*f%s%s", strcmp(unit, "%") == 0 ? 0 : decimals, v,
			*unit ? " " : "", unit);
	return out;
}

/* The pairs of a shadow whose answers differ most. */
static void print_examples(const struct node *card)
{
	static const char *const titles[] = {
		"FURTHEST APART", ">STABLE", ">CANDIDATE", ">STATUS", ">STATUS"};
	struct grid g;
	char a[48];
	int n;
	const struct node *list = node_list(card, "examples", &n);

	if (!n)
		return;
	grid_init(&g, titles, 5);
	for (int i = 0; i < n; i++) {
		grid_add(&g, "%s", node_str(&list[i], "id", "?"));
		grid_add(&g, "%s", numfmt(a, sizeof a, node_num(&list[i], "stable", NAN), 3));
		grid_add(&g, "%s", numfmt(a, sizeof a, node_num(&list[i], "candidate", NAN), 3));
		grid_add(&g, "%" PRId64, node_int(&list[i], "stable_status", 0));
		grid_add(&g, "%" PRId64, node_int(&list[i], "candidate_status", 0));
	}
	putchar('\n');
	grid_print(&g, "");
}

void shell_print_card(const struct node *card)
{
	static const char *const titles[] = {"SIGNAL", ">STABLE", ">CANDIDATE", ">EFFECT", ">FROM",
		">TO", ">LIMIT", ">N", "VERDICT"};
	struct grid g;
	char a[48];
	int n;
	const struct node *list = node_list(node_get(card, "signals"), "", &n);

	line("verdict", "%s: %s", node_str(card, "verdict", "?"), node_str(card, "why", ""));
	line("budget", "%.2g of %.2g of false aborts spent, %" PRId64 " looks",
		node_num(card, "budget_spent", 0), node_num(card, "budget", 0),
		node_int(card, "looks", 0));
	line("replicas", "%s", node_str(node_get(card, "replicas"), "text", ""));
	grid_init(&g, titles, 9);
	for (int i = 0; i < n; i++) {
		const struct node *s = &list[i], *seen = node_get(s, "n");
		const char *segment = node_str(s, "segment", "");
		int arms, decimals = (int)node_int(s, "decimals", 3);
		const struct node *count = node_list(seen, "", &arms);

		grid_add(&g, "%s%s%s", node_str(s, "name", "?"), *segment ? " " : "", segment);
		grid_add(&g, "%s", numfmt(a, sizeof a, node_num(s, "stable", NAN), decimals));
		grid_add(&g, "%s", numfmt(a, sizeof a, node_num(s, "candidate", NAN), decimals));
		grid_add(&g, "%s", signed_text(s, "effect", a));
		grid_add(&g, "%s", signed_text(s, "low", a));
		grid_add(&g, "%s", signed_text(s, "high", a));
		grid_add(&g, "%s", signed_text(s, "limit_ok", a));
		grid_add(&g, "%s",
			numfmt(a, sizeof a, arms == 2 ? count[1].number : (double)NAN, 0));
		grid_add(&g, "%s", node_str(s, "verdict", ""));
	}
	putchar('\n');
	grid_print(&g, "");
	print_examples(card);
}

void shell_render_rollout(const struct shell *sh, const struct node *r)
{
	const struct node *list;
	char a[32], b[32];
	int n, steps;

	node_list(node_get(r, "steps"), "", &steps);
	line("rollout", "#%" PRId64 "  %s  %s -> %s on %s", node_int(r, "id", 0),
		node_str(r, "pattern", ""), node_str(r, "from", ""), node_str(r, "to", ""),
		node_str(r, "endpoint", "?"));
	line("state", "%s%s%s", node_str(r, "state", "?"),
		*node_str(r, "end_reason", "") ? ": " : "", node_str(r, "end_reason", ""));
	if (!node_int(r, "ended_us", 0) && steps)
		line("step", "%" PRId64 " of %d", node_int(r, "step", 0) + 1, steps);
	line("share", "%s%s%s, in force %s, %" PRId64 " answers exposed", percent(r, "share_bp", a),
		*node_str(r, "segment", "") ? " in segment " : "", node_str(r, "segment", ""),
		percent(r, "share_in_force_bp", b), node_int(r, "exposed", 0));
	line("started", "%s by %s: %s",
		timefmt_when(a, sizeof a, node_int(r, "started_us", 0), sh->now_us, TIMEFMT_UTC),
		node_str(r, "author", "?"), node_str(r, "reason", ""));
	if (node_int(r, "approvals_needed", 0))
		line("approvals", "%" PRId64 " of %" PRId64, node_int(r, "approvals_given", 0),
			node_int(r, "approvals_needed", 0));
	list = node_list(node_get(r, "approvals"), "", &n);
	for (int i = 0; i < n; i++)
		line("", "%s, of its %s%s%s%s: %s", node_str(&list[i], "user", "?"),
			node_str(&list[i], "purpose", "start"),
			*node_str(&list[i], "lapsed", "") ? ", LAPSED (" : "",
			node_str(&list[i], "lapsed", ""),
			*node_str(&list[i], "lapsed", "") ? ")" : "",
			node_str(&list[i], "reason", ""));
	line("revision", "%" PRId64, node_int(r, "revision", 0));
	if (node_get(node_get(r, "card"), "verdict"))
		shell_print_card(node_get(r, "card"));
	else
		print_signals(r);
	list = node_list(node_get(r, "events"), "", &n);
	if (n) {
		putchar('\n');
		shell_render_list(sh, "changes", node_get(r, "events"));
	}
}

void shell_render_version(const struct shell *sh, const struct node *v)
{
	char a[40];
	char *manifest;

	(void)sh;
	line("version", "%s/%s", node_str(v, "project", "?"), node_str(v, "name", "?"));
	line("digest", "%s", node_str(v, "digest", "?"));
	line("made", "%s by %s",
		timefmt_full(a, sizeof a, node_int(v, "created_us", 0), TIMEFMT_UTC),
		node_str(v, "author", "?"));
	line("size", "%" PRId64 " bytes in %" PRId64 " files", node_int(v, "size_bytes", 0),
		node_int(v, "files", 0));
	print_lines("serves", v, "serving");
	manifest = xstrdup(node_str(v, "manifest", ""));
	for (char *save = NULL, *p = strtok_r(manifest, "\n", &save); p;
		p = strtok_r(NULL, "\n", &save)) {
		char *clean = shell_clean(p);

		printf("  %s\n", clean);
		free(clean);
	}
	free(manifest);
}

void shell_render_change(const struct shell *sh, const struct node *c)
{
	const struct node *event = node_get(c, "event");
	char a[40];
	int n;

	(void)sh;
	line("change", "%" PRId64 "  %s", node_int(c, "seq", 0), node_str(c, "what", "?"));
	line("when", "%s", timefmt_full(a, sizeof a, node_int(c, "at_us", 0), TIMEFMT_UTC));
	line("who", "%s as %s, by %s", node_str(c, "actor", "?"), node_str(c, "role", "?"),
		node_str(c, "via", "?"));
	line("reason", "%s", node_str(c, "reason", ""));
	line("before", "%s", node_str(event, "before", ""));
	line("after", "%s", node_str(event, "after", ""));
	print_lines("causes", c, "causes");
	if (node_int(c, "undone_by", 0))
		line("undone by", "%" PRId64, node_int(c, "undone_by", 0));
	line("undo", "%s", node_str(c, "undo", ""));
	node_list(node_get(c, "later"), "", &n);
	if (n) {
		puts("\nlater changes of the same subject:");
		shell_render_list(sh, "changes", node_get(c, "later"));
	}
}

void shell_render_status(const struct shell *sh, const struct node *root)
{
	const struct node *engine = node_get(root, "engine");
	int n;

	line("engine", "%s %s on %s", node_str(engine, "kind", "personal"),
		node_str(engine, "version", "?"), node_str(engine, "host", "?"));
	print_warnings(engine);
	putchar('\n');
	shell_render_list(sh, "endpoints", node_get(root, "endpoints"));
	node_list(node_get(root, "alerts"), "", &n);
	if (n) {
		putchar('\n');
		shell_render_list(sh, "alerts", node_get(root, "alerts"));
	}
	node_list(node_get(root, "changes"), "", &n);
	if (n) {
		puts("\nWHAT CHANGED, suspects first");
		shell_render_list(sh, "changes", node_get(root, "changes"));
	}
}
