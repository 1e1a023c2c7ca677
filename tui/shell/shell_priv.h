/* shell_priv.h: what the files of the shell share. */
#ifndef PITHEAD_TUI_SHELL_SHELL_PRIV_H
#define PITHEAD_TUI_SHELL_SHELL_PRIV_H

#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "tui/client/conn.h"
#include "tui/client/home.h"
#include "tui/command.h"
#include "tui/shell/shell.h"

/* One run of a command. */
struct shell {
	const struct parsed *args;
	const struct shell_hooks *hooks;
	struct home home;
	struct conn *conn; /* owned; NULL until shell_connect */
	int64_t now_us;
	int json;
	int argc; /* the words after the command's name */
	char **argv;
};

/* Finds the engine, starting one where allowed (start = 0: only if it runs). 0 or ERR_*. */
int shell_connect(struct shell *sh, int start, struct err *e);

/* Prints "pithead: sentence" and the hint to stderr, or with --json the error to stdout; returns
 * the exit code. */
int shell_fail(const struct err *e);

/* One request, ready to be sent: GET, or POST with body. On failure it is told already (with what
 * moved, and as JSON with --json) and *exit_code is set; r is released by the caller either way. */
int shell_ask(struct shell *sh, const struct request *q, struct reply *r, int *exit_code);

/* Writes exactly what came, and a newline if it has none. */
void shell_print_raw(const struct reply *r);

/* Prints the answer of a command for people. */
void shell_render(const struct shell *sh, const struct node *root);

/* Prints a list by the name of its renderer; root may be the bare list. */
void shell_render_list(const struct shell *sh, const char *name, const struct node *root);

/* Single things; render.c's table names them. */
void shell_render_act(const struct shell *sh, const struct node *root);
void shell_render_engine(const struct shell *sh, const struct node *root);
void shell_render_status(const struct shell *sh, const struct node *root);
void shell_render_endpoint(const struct shell *sh, const struct node *e);
void shell_render_rollout(const struct shell *sh, const struct node *r);
void shell_render_version(const struct shell *sh, const struct node *v);
void shell_render_change(const struct shell *sh, const struct node *c);
void shell_render_policy(const struct shell *sh, const struct node *root);
void shell_render_what_if(const struct shell *sh, const struct node *root);
void shell_render_proposals(const struct shell *sh, const struct node *root);
void shell_render_proposal(const struct shell *sh, const struct node *p);
void shell_render_holds(const struct shell *sh, const struct node *root);

/* Prints a verdict card: what is proven, and each signal with its band. */
void shell_print_card(const struct node *card);

/* Prints a plan (dry run). */
void shell_print_plan(const struct node *plan);

/* An id for Idempotency-Key and the like: 32 hex digits. */
void shell_make_id(char out[40]);

/* `pithead --version`, and with --json for programs. */
int shell_version(const struct shell_hooks *hooks, int json);

/* The local commands of this folder; each returns the exit code. */
int shell_plan(struct shell *sh);
int shell_apply(struct shell *sh);
int shell_version_add(struct shell *sh);
int shell_version_verify(struct shell *sh);
int shell_whoami(struct shell *sh);
int shell_what_if(struct shell *sh);
int shell_card(struct shell *sh);
int shell_replay(struct shell *sh);
int shell_backup(struct shell *sh);
int shell_drill(struct shell *sh);
int shell_upgrade(struct shell *sh);
int shell_forced(struct shell *sh);
int shell_help(struct shell *sh);
int shell_completion(struct shell *sh);

/* A command line from outside, as words of which the first is "pithead". Released by freeing
 * memory, also after a failure. ERR_INVALID for what is no command, ERR_DENIED for one that `may`
 * (names with commas between) lacks, or that would touch a file of this machine. */
#define FORCED_WORDS 66
struct forced {
	const char *words[FORCED_WORDS]; /* NULL-ended */
	int count;
	char *memory; /* owned */
};
int forced_parse(const char *line, const char *may, struct forced *out, struct err *e);

/* A table that aligns itself. Cells are added row by row. */
struct grid {
	int columns;
	const char *const *titles; /* a leading '>' aligns the column to the right */
	char **cells;		   /* owned */
	int count, cap;
};
void grid_init(struct grid *g, const char *const *titles, int columns);
void grid_add(struct grid *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints and releases; `empty` is said when there are no rows. */
void grid_print(struct grid *g, const char *empty);

/* Text from the engine made harmless for a terminal: control bytes become '?'. Caller frees. */
char *shell_clean(const char *text);

#endif
