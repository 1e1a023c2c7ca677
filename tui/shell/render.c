/* render.c: answers of the engine for people: lists as aligned tables, one thing a line. A row of
 * commands.def names the function; nothing is asked of the engine here. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/shell/shell_priv.h"
#include "tui/timefmt.h"

static const char *when(const struct shell *sh, int64_t us, char out[32])
{
	return timefmt_when(out, 32, us, sh->now_us, TIMEFMT_UTC);
}

static const char *share(int64_t bp, char out[32])
{
	snprintf(out, 32, bp % 100 ? "%.2f %%" : "%.0f %%", (double)bp / 100);
	return out;
}

static const char *number(double v, int decimals, char out[48])
{
	return numfmt(out, 48, v, decimals);
}

#define COLUMNS(titles) titles, (int)(sizeof titles / sizeof titles[0])

static void render_endpoints(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {"ENDPOINT", "STATE", "STABLE", "CANDIDATE", ">SHARE",
		"ROLLOUT", ">req/s", ">err %", ">p99 ms", "WHY"};
	int n;
	const struct node *list = node_items(root, &n);
	struct grid g;
	char a[48], b[32];

	(void)sh;
	if (!list)
		list = node_list(root, "endpoints", &n);
	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *e = &list[i];
		const char *candidate = node_str(e, "candidate", "");
		int64_t rollout = node_int(e, "rollout", 0);

		grid_add(&g, "%s", node_str(e, "id", "?"));
		grid_add(&g, "%s", node_str(e, "state", "?"));
		grid_add(&g, "%s", *node_str(e, "stable", "") ? node_str(e, "stable", "") : "-");
		grid_add(&g, "%s", *candidate ? candidate : "-");
		grid_add(
			&g, "%s", *candidate ? share(node_int(e, "share_in_force_bp", 0), b) : "-");
		if (rollout)
			grid_add(&g, "#%" PRId64, rollout);
		else
			grid_add(&g, "-");
		grid_add(&g, "%s", number(node_num(e, "rate", NAN), 1, a));
		grid_add(&g, "%s", number(node_num(e, "error_percent", NAN), 1, a));
		grid_add(&g, "%s", number(node_num(e, "p99_ms", NAN), 0, a));
		grid_add(&g, "%s", node_str(e, "state_word", ""));
	}
	grid_print(&g, "no endpoint yet: pithead apply brings those of ./pithead.yaml");
}

static void render_rollouts(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {"#", "ENDPOINT", "STATE", "VERDICT", "FROM", "TO",
		">SHARE", ">IN FORCE", "STARTED", "BY", "REASON"};
	int n;
	const struct node *list = node_items(root, &n);
	struct grid g;
	char a[32], b[32], c[32];

	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *r = &list[i];
		const char *ended = node_str(r, "end_reason", "");

		grid_add(&g, "#%" PRId64, node_int(r, "id", 0));
		grid_add(&g, "%s", node_str(r, "endpoint", "?"));
		grid_add(&g, "%s", node_str(r, "state", "?"));
		grid_add(&g, "%s", node_str(r, "verdict", ""));
		grid_add(&g, "%s", node_str(r, "from", ""));
		grid_add(&g, "%s", node_str(r, "to", ""));
		grid_add(&g, "%s", share(node_int(r, "share_bp", 0), a));
		grid_add(&g, "%s", share(node_int(r, "share_in_force_bp", 0), b));
		grid_add(&g, "%s", when(sh, node_int(r, "started_us", 0), c));
		grid_add(&g, "%s", node_str(r, "author", ""));
		grid_add(&g, "%s", *ended ? ended : node_str(r, "reason", ""));
	}
	grid_print(&g, "no rollout: pithead rollout start ENDPOINT --to VERSION");
}

static void render_changes(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {">CHANGE", "WHEN", "WHO", "WHAT", "REASON", "UNDO"};
	int n;
	const struct node *list = node_items(root, &n);
	struct grid g;
	char a[32];

	if (!list)
		list = node_list(root, "changes", &n);
	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *c = &list[i];
		int64_t undone = node_int(c, "undone_by", 0);

		grid_add(&g, "%" PRId64, node_int(c, "seq", 0));
		grid_add(&g, "%s", when(sh, node_int(c, "at_us", 0), a));
		grid_add(&g, "%s", node_str(c, "actor", "?"));
		grid_add(&g, "%s%s%s", node_str(c, "endpoint", ""),
			*node_str(c, "endpoint", "") ? ": " : "", node_str(c, "what", "?"));
		grid_add(&g, "%s", node_str(c, "reason", ""));
		if (undone)
			grid_add(&g, "undone by %" PRId64, undone);
		else
			grid_add(&g, "%s", node_bool(c, "undoable") ? "yes" : "no");
	}
	grid_print(&g, "nothing has changed in that time");
}

static void render_audit(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {
		">SEQ", "UTC", "WHO", "ROLE", "VIA", "VERB", "SUBJECT", "REASON"};
	int n;
	const struct node *list = node_items(root, &n);
	struct grid g;
	char a[40];

	(void)sh;
	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *v = &list[i];

		grid_add(&g, "%" PRId64, node_int(v, "seq", 0));
		grid_add(&g, "%s", timefmt_full(a, sizeof a, node_int(v, "at_us", 0), TIMEFMT_UTC));
		grid_add(&g, "%s", node_str(v, "actor", "?"));
		grid_add(&g, "%s", node_str(v, "role", ""));
		grid_add(&g, "%s", node_str(v, "via", ""));
		grid_add(&g, "%s", node_str(v, "verb", "?"));
		grid_add(&g, "%s", node_str(v, "subject", ""));
		grid_add(&g, "%s", node_str(v, "reason", ""));
	}
	grid_print(&g, "no event matches");
	if (node_int(root, "next", 0))
		printf("more: --after %" PRId64 "\n", node_int(root, "next", 0));
}

static void render_alerts(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {"#", "LEVEL", "STATE", "SINCE", "ENDPOINT", "MESSAGE"};
	int n;
	const struct node *list = node_items(root, &n);
	struct grid g;
	char a[32];

	if (!list)
		list = node_list(root, "alerts", &n);
	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *v = &list[i];

		grid_add(&g, "%" PRId64, node_int(v, "id", 0));
		grid_add(&g, "%s", node_str(v, "level", "?"));
		grid_add(&g, "%s", node_str(v, "state", "?"));
		grid_add(&g, "%s", when(sh, node_int(v, "since_us", 0), a));
		grid_add(&g, "%s", node_str(v, "endpoint", ""));
		grid_add(&g, "%s", node_str(v, "message", ""));
	}
	grid_print(&g, "no alerts");
}

static void join_texts(const struct node *v, const char *key, struct buf *out)
{
	int n;
	const struct node *list = node_list(node_get(v, key), "", &n);

	for (int i = 0; i < n; i++)
		if (list[i].kind == NODE_TEXT)
			buf_addf(out, "%s%s", i ? ", " : "", list[i].text);
}

static void render_versions(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {
		"VERSION", "DIGEST", "MADE", "BY", ">kB", ">FILES", "SERVES"};
	int n;
	const struct node *list = node_items(root, &n);
	struct grid g;
	char a[32], b[48];

	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *v = &list[i];
		struct buf serves = {0};

		join_texts(v, "serving", &serves);
		grid_add(&g, "%s/%s", node_str(v, "project", "?"), node_str(v, "name", "?"));
		grid_add(&g, "%.19s", node_str(v, "digest", ""));
		grid_add(&g, "%s", when(sh, node_int(v, "created_us", 0), a));
		grid_add(&g, "%s", node_str(v, "author", ""));
		grid_add(&g, "%s", number((double)node_int(v, "size_bytes", 0) / 1024, 0, b));
		grid_add(&g, "%" PRId64, node_int(v, "files", 0));
		grid_add(&g, "%s", serves.len ? buf_text(&serves) : "-");
		buf_release(&serves);
	}
	grid_print(&g, "no version yet: pithead version add DIR --name v1 --project PROJECT");
}

static void render_projects(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {
		"PROJECT", "OWNER", ">SPEC", "APPLIED", "BY", "COMMIT"};
	int n;
	const struct node *list = node_items(root, &n);
	struct grid g;
	char a[32];

	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		const struct node *v = &list[i];
		const char *commit = node_str(v, "commit", "");

		grid_add(&g, "%s", node_str(v, "project", "?"));
		grid_add(&g, "%s", node_str(v, "owner", ""));
		grid_add(&g, "%" PRId64, node_int(v, "spec_seq", 0));
		grid_add(&g, "%s", when(sh, node_int(v, "applied_us", 0), a));
		grid_add(&g, "%s", node_str(v, "author", ""));
		grid_add(&g, "%.12s%s", *commit ? commit : "none",
			node_bool(v, "dirty") ? " + uncommitted changes" : "");
	}
	grid_print(&g, "no project yet: pithead apply in a folder with a pithead.yaml");
}

static void render_settings(const struct shell *sh, const struct node *root)
{
	static const char *const titles[] = {
		"SETTING", ">VALUE", ">DEFAULT", ">LEAST", ">MOST", "UNIT", "WHAT IT IS"};
	int n;
	const struct node *list = node_items(root, &n);
	struct grid g;

	(void)sh;
	grid_init(&g, COLUMNS(titles));
	for (int i = 0; i < n; i++) {
		grid_add(&g, "%s", node_str(&list[i], "name", "?"));
		grid_add(&g, "%" PRId64, node_int(&list[i], "value", 0));
		grid_add(&g, "%" PRId64, node_int(&list[i], "default", 0));
		grid_add(&g, "%" PRId64, node_int(&list[i], "least", 0));
		grid_add(&g, "%" PRId64, node_int(&list[i], "most", 0));
		grid_add(&g, "%s", node_str(&list[i], "unit", ""));
		grid_add(&g, "%s", node_str(&list[i], "help", ""));
	}
	grid_print(&g, "no settings");
}

static const struct {
	const char *name;
	void (*print)(const struct shell *sh, const struct node *root);
} renderers[] = {
	{"status", shell_render_status},
	{"engine", shell_render_engine},
	{"act", shell_render_act},
	{"projects", render_projects},
	{"endpoints", render_endpoints},
	{"endpoint", shell_render_endpoint},
	{"versions", render_versions},
	{"version", shell_render_version},
	{"rollouts", render_rollouts},
	{"rollout", shell_render_rollout},
	{"changes", render_changes},
	{"change", shell_render_change},
	{"audit", render_audit},
	{"alerts", render_alerts},
	{"settings", render_settings},
	{"policy", shell_render_policy},
	{"proposals", shell_render_proposals},
	{"proposal", shell_render_proposal},
	{"holds", shell_render_holds},
};

void shell_render_list(const struct shell *sh, const char *name, const struct node *root)
{
	for (size_t i = 0; i < sizeof renderers / sizeof renderers[0]; i++)
		if (strcmp(renderers[i].name, name) == 0) {
			renderers[i].print(sh, root);
			return;
		}
	must(!"a row of commands.def names a renderer that does not exist");
}

void shell_render(const struct shell *sh, const struct node *root)
{
	shell_render_list(sh, sh->args->command->render, root);
}
