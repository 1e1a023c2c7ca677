/* command.h: the interpreter of commands for shell, palette and keymap: words, options, types,
 * did-you-mean, and the request that a row of commands.def stands for. Sends nothing. */
#ifndef PITHEAD_TUI_COMMAND_H
#define PITHEAD_TUI_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

enum command_method { METHOD_GET, METHOD_POST, METHOD_LOCAL };
enum command_confirm { CONFIRM_NO, CONFIRM_PLAN };

struct command {
	const char *name, *args, *help;
	enum command_method method;
	const char *path, *fields; /* METHOD_LOCAL: path names the function */
	enum command_confirm confirm;
	const char *permission;
	const char *render; /* how the shell shows the answer */
};

/* The options that every command takes. */
#define GLOBAL_OPTIONS                                                                             \
	"[--socket=PATH] [--as=ROLE] [--json] [--project=PROJECT] [--color=WHEN] [--ascii] "       \
	"[--help]"
/* The options that every POST with a plan takes besides. */
#define ACT_OPTIONS "[--reason=TEXT] [--dry-run] [--revision=SEQ]"

/* The table, ended by a row with a NULL name. */
extern const struct command command_rows[];

#define COMMAND_VALUES 24
/* A command line, parsed. */
struct parsed {
	const struct command *command; /* NULL: only global options were given */
	struct {
		char *name;  /* owned: "N" or "share" */
		char *type;  /* owned: "PERCENT"; "" for a flag */
		char *value; /* owned; "1" for a flag */
	} values[COMMAND_VALUES];
	int count;
};

/* Parses words (argv without the program's name). 0, or ERR_INVALID with a sentence, a
 * did-you-mean, and the usage as the hint. *out is released by parsed_release even then; with
 * --help among the words missing arguments are no fault. */
int command_parse(int count, const char *const *words, struct parsed *out, struct err *e);
void parsed_release(struct parsed *p);

/* The value of an argument or option; NULL when it was not given. */
const char *parsed_get(const struct parsed *p, const char *name);

/* Splits a line into words as a shell does with '…', "…" and \; at most max. The words live in
 * *memory, which the caller frees. The number, or ERR_INVALID for an unclosed quote. */
int command_split(const char *line, const char **words, int max, char **memory, struct err *e);

/* The command whose words begin the list, longest first; *used = words taken. NULL = none. */
const struct command *command_find(int count, const char *const *words, int *used);

/* Method, path and body of the request (caller frees *path and *body; *body is NULL for a GET).
 * now_us: for times given as "1h". ERR_INVALID names the value at fault. */
int command_request(
	const struct parsed *p, int64_t now_us, char **path, char **body, struct err *e);

/* "usage: pithead rollout abort N [--reason=TEXT] …" */
void command_usage(const struct command *c, struct buf *out);

/* The options of a row, one after the other: 1 and the name ("share"), its type ("PERCENT" or ""),
 * and whether it is an option; 0 at the end. *at starts at 0. */
struct command_arg {
	char name[32], type[32];
	int option, optional;
};
int command_next_arg(const char *spec, size_t *at, struct command_arg *out);

/* What an argument or option of the command means; of "" the remark on the command itself. "" when
 * there is nothing to say. */
const char *command_arg_help(const struct command *c, const char *name);

/* The row's whole argument list with act and global options. Caller frees. */
char *command_all_args(const struct command *c);

/* Whether it changes something, and whether it can raise a risk (a reason is asked for then). */
int command_mutates(const struct command *c);
int command_raises(const struct command *c);

/* Reads "25%", "0.5 %" or "25" as basis points, 0..10000. 0 or -1. */
int command_share(const char *text, int *bp);

/* The word of the list nearest to `word`, or NULL when none is near. */
const char *command_nearest(const char *word, const char *const *list, size_t count);

#endif
