/* plan.c: `plan` and `apply`: pithead.yaml against what is recorded and what runs. The engine
 * parses and compares; this reads the file, asks git, shows, asks the person, and sends. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/codec.h"
#include "tui/shell/git.h"
#include "tui/shell/shell_priv.h"

#define SPEC_MAX (1024 * 1024)

/* What is to be applied: the file's text and where it comes from. */
struct input {
	const char *file;
	struct buf text; /* owned */
	char commit[65];
	int dirty;
	int64_t base; /* of a saved plan; -1 = none yet */
};

static int read_spec(struct input *in, struct err *e)
{
	char *copy = xstrdup(in->file);
	struct git_state git;
	int rc = 0;

	if (buf_read_file(&in->text, in->file, SPEC_MAX) < 0) {
		rc = err_set(e, ERR_INVALID, "cannot read %s: %s", in->file, strerror(errno));
		err_hint(e, "name another with --file, or go to the project's folder");
	} else {
		git_look(dirname(copy), &git);
		str_copy(in->commit, sizeof in->commit, git.commit);
		in->dirty = git.dirty;
	}
	free(copy);
	return rc;
}

static int read_saved(struct input *in, struct err *e)
{
	struct buf b = {0};
	struct snapshot *s;
	const struct node *root;
	int rc = 0;

	if (buf_read_file(&b, in->file, 2 * SPEC_MAX) < 0)
		return err_set(e, ERR_INVALID, "cannot read %s: %s", in->file, strerror(errno));
	s = codec_parse(b.data, b.len, NULL);
	root = s ? snapshot_root(s) : NULL;
	if (!node_str(root, "spec", NULL) || node_int(root, "base", -1) < 0)
		rc = err_set(
			e, ERR_INVALID, "%s is not a plan saved by pithead plan --out", in->file);
	else {
		buf_adds(&in->text, node_str(root, "spec", ""));
		str_copy(in->commit, sizeof in->commit, node_str(root, "commit", ""));
		in->dirty = node_bool(root, "dirty");
		in->base = node_int(root, "base", 0);
	}
	snapshot_free(s);
	buf_release(&b);
	return rc;
}

static char *spec_body(const struct input *in, const char *reason)
{
	struct codec_body body;

	codec_open(&body);
	codec_put_str(&body, "spec", buf_text(&in->text));
	codec_put_str(&body, "commit", in->commit);
	codec_put_bool(&body, "dirty", in->dirty);
	if (in->base >= 0)
		codec_put_int(&body, "base", in->base);
	if (reason)
		codec_put_str(&body, "reason", reason);
	return codec_close(&body);
}

/* file:line:column: sentence, for each fault; how many. */
static int print_faults(const struct input *in, const struct node *root)
{
	int n;
	const struct node *f = node_list(node_get(root, "faults"), "", &n);

	for (int i = 0; i < n; i++) {
		char *message = shell_clean(node_str(&f[i], "message", "?"));

		fprintf(stderr, "%s:%" PRId64 ":%" PRId64 ": %s\n", in->file,
			node_int(&f[i], "line", 0), node_int(&f[i], "column", 0), message);
		free(message);
	}
	return n;
}

/* Prints the three columns; returns how many rows differ. */
static int print_rows(const struct node *root)
{
	static const char *const titles[] = {
		"", "", "PATH", "DESIRED", "RECORDED", "OBSERVED", "NOTE"};
	int n, differ = 0, same = 0;
	const struct node *rows = node_list(node_get(root, "rows"), "", &n);
	struct grid g;

	grid_init(&g, titles, 7);
	for (int i = 0; i < n; i++) {
		const struct node *r = &rows[i];
		const char *mark = node_str(r, "mark", "=");

		if (*mark == '=') {
			same++;
			continue;
		}
		differ++;
		grid_add(&g, "%s", mark);
		grid_add(&g, "%s", node_str(r, "word", ""));
		grid_add(&g, "%s", node_str(r, "path", "?"));
		grid_add(&g, "%s", node_str(r, "desired", ""));
		grid_add(&g, "%s", node_str(r, "recorded", ""));
		grid_add(&g, "%s", node_str(r, "observed", ""));
		grid_add(&g, "%s", node_str(r, "note", ""));
	}
	grid_print(&g, "nothing to change");
	if (same)
		printf("%d the same\n", same);
	return differ;
}

static void print_where(const struct input *in, const struct node *root)
{
	int n;
	const struct node *loosens = node_list(node_get(root, "loosens"), "", &n);

	printf("project %s, commit %.12s%s, against spec %" PRId64 "\n",
		node_str(root, "project", "?"), *in->commit ? in->commit : "none",
		in->dirty ? " + uncommitted changes" : "", node_int(root, "base", 0));
	for (int i = 0; i < n; i++)
		if (loosens[i].kind == NODE_TEXT) {
			char *clean = shell_clean(loosens[i].text);

			printf("loosens: %s\n", clean);
			free(clean);
		}
	if (node_int(root, "loosens_more", 0))
		printf("loosens: %" PRId64 " more\n", node_int(root, "loosens_more", 0));
	if (node_int(root, "approvals", 0))
		printf("needs: %" PRId64
		       " other people's approval, as the policy it loosens asks\n",
			node_int(root, "approvals", 0));
}

/* Asks the engine for the plan; r holds it. 0, or the exit code in *code with all told. */
static int ask_plan(struct shell *sh, const struct input *in, struct reply *r, int *code)
{
	char *body = spec_body(in, NULL);
	struct request q = REQUEST_INIT;
	int rc, n = 0;

	q.method = "POST";
	q.path = PATH_PLAN;
	q.body = body;
	rc = conn_call(sh->conn, &q, r);
	free(body);
	if (r->data)
		n = sh->json ? 0 : print_faults(in, snapshot_root(r->data));
	if (rc == 0 && n == 0)
		return 0;
	*code = n ? 2 : err_exit_code(rc);
	if (rc && sh->json)
		shell_print_raw(r);
	else if (rc && !n)
		shell_fail(&r->err);
	else if (n)
		fprintf(stderr, "pithead: %d fault%s; nothing was applied\n", n, n > 1 ? "s" : "");
	return -1;
}

static int save_plan(struct input *in, const struct node *root, const char *path)
{
	struct err e;
	char *text;
	int rc;

	in->base = node_int(root, "base", 0);
	text = spec_body(in, NULL);
	rc = file_write_atomic(path, text, strlen(text), 0644);
	free(text);
	if (rc < 0) {
		err_set(&e, ERR_FAILED, "cannot write %s: %s", path, strerror(errno));
		return shell_fail(&e);
	}
	printf("saved: pithead apply --plan %s applies exactly this\n", path);
	return 0;
}

int shell_plan(struct shell *sh)
{
	const char *file = parsed_get(sh->args, "file"), *out = parsed_get(sh->args, "out");
	struct input in = {.file = file ? file : "pithead.yaml", .base = -1};
	struct reply r = {0};
	struct err e = {0};
	int code = 0;

	if (read_spec(&in, &e) || shell_connect(sh, 1, &e))
		code = shell_fail(&e);
	else if (ask_plan(sh, &in, &r, &code) == 0) {
		if (sh->json)
			shell_print_raw(&r);
		else {
			print_where(&in, snapshot_root(r.data));
			print_rows(snapshot_root(r.data));
		}
		if (out)
			code = save_plan(&in, snapshot_root(r.data), out);
	}
	reply_release(&r);
	buf_release(&in.text);
	return code;
}

/* Whether the person says yes; without a terminal the answer must have been given by --yes. */
static int confirmed(struct shell *sh)
{
	char answer[16];

	if (parsed_get(sh->args, "yes"))
		return 1;
	if (!isatty(0) || !isatty(1)) {
		fprintf(stderr, "pithead: nothing applied: there is no terminal to ask; "
				"say --yes\n");
		return 0;
	}
	printf("apply this? [y/N] ");
	fflush(stdout);
	if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return 1;
	printf("nothing applied\n");
	return 0;
}

static int send_apply(struct shell *sh, const struct input *in)
{
	char *body = spec_body(in, parsed_get(sh->args, "reason"));
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	char id[40];
	int code;

	shell_make_id(id);
	q.method = "POST";
	q.path = PATH_APPLY;
	q.body = body;
	q.idempotency = id;
	/* A new endpoint may start replicas and a gateway before it answers. */
	q.timeout_ms = 120000;
	if (shell_ask(sh, &q, &r, &code) == 0) {
		if (sh->json || !r.data)
			shell_print_raw(&r);
		else
			shell_render_act(sh, snapshot_root(r.data));
	}
	reply_release(&r);
	free(body);
	return code;
}

int shell_apply(struct shell *sh)
{
	const char *saved = parsed_get(sh->args, "plan"), *file = parsed_get(sh->args, "file");
	struct input in = {.file = saved ? saved : file ? file : "pithead.yaml", .base = -1};
	struct reply r = {0};
	struct err e = {0};
	int code = 0;

	if (saved && file)
		code = err_set(&e, ERR_INVALID, "--plan and --file exclude each other");
	if (code || (saved ? read_saved(&in, &e) : read_spec(&in, &e)) || shell_connect(sh, 1, &e))
		code = shell_fail(&e);
	else if (saved)
		code = send_apply(sh, &in);
	else if (ask_plan(sh, &in, &r, &code) == 0) {
		const struct node *root = snapshot_root(r.data);

		in.base = node_int(root, "base", 0);
		if (!sh->json) {
			print_where(&in, root);
			/* Applied even when nothing differs: the commit is recorded. */
			print_rows(root);
		}
		code = confirmed(sh) ? send_apply(sh, &in) : 1;
	}
	reply_release(&r);
	buf_release(&in.text);
	return code;
}
