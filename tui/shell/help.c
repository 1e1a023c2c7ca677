/* help.c: `help`, `--help` of every command, `completion`, and `whoami`: all from the one table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/shell/shell_priv.h"

static void print_arg(const struct command *c, const struct command_arg *arg)
{
	char left[80];

	if (arg->option)
		snprintf(left, sizeof left, "--%s%s%s", arg->name, arg->type[0] ? " " : "",
			arg->type);
	else
		str_copy(left, sizeof left, arg->name);
	printf("  %-19s %s\n", left, command_arg_help(c, arg->name));
}

static void print_args(const struct command *c, const char *spec)
{
	struct command_arg arg;
	size_t at = 0;

	while (command_next_arg(spec, &at, &arg))
		print_arg(c, &arg);
}

static void print_command(const struct command *c)
{
	struct buf usage = {0};

	command_usage(c, &usage);
	printf("%s\n\n%s\n", buf_text(&usage), c->help);
	if (*c->args || c->method == METHOD_POST)
		putchar('\n');
	print_args(c, c->args);
	if (c->method == METHOD_POST)
		print_args(c, ACT_OPTIONS);
	if (*command_arg_help(c, ""))
		printf("\n%s\n", command_arg_help(c, ""));
	puts("\nevery command:");
	print_args(c, GLOBAL_OPTIONS);
	if (c->permission[0] && strcmp(c->permission, "read") != 0)
		printf("\nneeds the permission \"%s\"\n", c->permission);
	puts("\nexit: 0 done, 1 failed, 2 usage, 3 denied, 4 conflict, 5 engine unreachable");
	buf_release(&usage);
}

static void print_all(const char *first)
{
	if (!first)
		puts("pithead: run ML releases: what changed, why, and how to undo it safely\n\n"
		     "  pithead                  the console\n");
	for (const struct command *c = command_rows; c->name; c++) {
		char left[200];

		if (first && (strncmp(c->name, first, strlen(first)) != 0 ||
				     (c->name[strlen(first)] != ' ' && c->name[strlen(first)])))
			continue;
		snprintf(left, sizeof left, "pithead %s", c->name);
		printf("  %-23s  %s\n", left, c->help);
	}
	puts(first ? "\nMore of one: pithead COMMAND --help"
		   : "\nMore of one: pithead COMMAND --help. Every command takes --json too.\n"
		     "In trouble: pithead status, then pithead undo CHANGE. Manual: man pithead");
}

int shell_help(struct shell *sh)
{
	const char *words[2] = {parsed_get(sh->args, "WORD"), parsed_get(sh->args, "WORD2")};
	const struct command *c = sh->args->command;
	struct err e;
	int count = (words[0] != NULL) + (words[1] != NULL), used, group = 0;

	if (c && strcmp(c->name, "help") != 0) {
		print_command(c);
		return 0;
	}
	if (!count) {
		print_all(NULL);
		return 0;
	}
	c = command_find(count, words, &used);
	for (const struct command *row = command_rows; row->name; row++)
		if (strncmp(row->name, words[0], strlen(words[0])) == 0 &&
			row->name[strlen(words[0])] == ' ')
			group = 1;
	if (c && used == count && (count == 2 || !group)) {
		print_command(c);
		return 0;
	}
	if (count == 1 && group) {
		print_all(words[0]);
		return 0;
	}
	struct parsed none;

	command_parse(count, words, &none, &e);
	parsed_release(&none);
	return shell_fail(&e);
}

/* ---- completion: a case per command; values are asked of the engine only when it runs -------- */
static void print_options(const struct command *c)
{
	char *spec = command_all_args(c);
	struct command_arg arg;
	size_t at = 0;

	while (command_next_arg(spec, &at, &arg))
		if (arg.option)
			printf("--%s ", arg.name);
	free(spec);
}

static void print_words(int second)
{
	char seen[64] = "";

	for (const struct command *c = command_rows; c->name; c++) {
		char first[64];
		size_t n = strcspn(c->name, " ");

		snprintf(first, sizeof first, "%.*s", (int)n, c->name);
		if (!second && strcmp(first, seen) != 0)
			printf("%s ", first);
		str_copy(seen, sizeof seen, first);
	}
}

static void print_bash(void)
{
	puts("# bash completion of pithead: source <(pithead completion bash)\n"
	     "_pithead() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} a=${COMP_WORDS[1]-} b=${COMP_WORDS[2]-} "
	     "words=\n"
	     "\tif [ \"$COMP_CWORD\" -eq 1 ]; then");
	printf("\t\twords='");
	print_words(0);
	puts("'\n\telse\n\t\tcase \"$a $b\" in");
	for (const struct command *c = command_rows; c->name; c++) {
		if (!strchr(c->name, ' '))
			continue;
		printf("\t\t'%s') words='", c->name);
		print_options(c);
		puts("';;");
	}
	for (const struct command *c = command_rows; c->name; c++) {
		if (strchr(c->name, ' '))
			continue;
		printf("\t\t'%s '*) words='", c->name);
		print_options(c);
		puts("';;");
	}
	puts("\t\tesac");
	puts("\t\tif [ \"$COMP_CWORD\" -eq 2 ]; then case \"$a\" in");
	char done[64] = "";
	for (const struct command *c = command_rows; c->name; c++) {
		size_t n = strcspn(c->name, " ");

		if (!c->name[n] || (strlen(done) == n && strncmp(done, c->name, n) == 0))
			continue;
		snprintf(done, sizeof done, "%.*s", (int)n, c->name);
		printf("\t\t%s) words=\"$words ", done);
		for (const struct command *d = command_rows; d->name; d++)
			if (strncmp(d->name, done, n) == 0 && d->name[n] == ' ')
				printf("%s ", d->name + n + 1);
		puts("\";;");
	}
	puts("\t\tesac; fi\n\tfi\n"
	     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "\tcase $cur in --*) ;; *) [ -n \"${COMPREPLY-}\" ] || "
	     "COMPREPLY=($(compgen -f -- \"$cur\"));; esac\n"
	     "}\ncomplete -F _pithead pithead");
}

int shell_completion(struct shell *sh)
{
	const char *shell = parsed_get(sh->args, "SHELL");
	struct err e;

	if (strcmp(shell, "zsh") == 0)
		puts("# zsh completion of pithead: source <(pithead completion zsh)\n"
		     "autoload -Uz +X compinit && compinit -u 2>/dev/null\n"
		     "autoload -U +X bashcompinit && bashcompinit");
	else if (strcmp(shell, "bash") != 0) {
		err_set(&e, ERR_INVALID, "there is no completion for \"%.30s\": bash or zsh",
			shell);
		return shell_fail(&e);
	}
	print_bash();
	return 0;
}

/* ---- whoami ---------------------------------------------------------------------------------- */
static int has_text(const struct node *v, const char *key, const char *text)
{
	int n;
	const struct node *list = node_list(node_get(v, key), "", &n);

	for (int i = 0; i < n; i++)
		if (list[i].kind == NODE_TEXT && strcmp(list[i].text, text) == 0)
			return 1;
	return 0;
}

/* `--can VERB [OBJECT]`: VERB is a command ("rollout abort") or a permission ("lower"). */
/* Whether the account has a list of commands without this one. */
static int is_closed_to(const struct node *me, const struct command *c)
{
	int n = 0;

	node_list(node_get(me, "only"), "", &n);
	return c && n && !has_text(me, "only", c->name);
}

static int answer_can(const struct node *me, const char *verb, const char *object)
{
	const char *words[4], *needs = verb;
	char *memory = NULL;
	int n = command_split(verb, words, 4, &memory, NULL), used, may;
	const struct command *c = n > 0 ? command_find(n, words, &used) : NULL;
	struct err e;

	if (n > 0 && !c) {
		/* "abort rollout/41" is how people say it; the object has the noun. */
		for (const struct command *row = command_rows; row->name && !c; row++) {
			const char *blank = strchr(row->name, ' ');

			if (blank && strcmp(blank + 1, verb) == 0)
				c = row;
		}
	}
	free(memory);
	if (c)
		needs = c->permission;
	may = (!*needs || has_text(me, "permissions", needs)) && !is_closed_to(me, c);
	if (!c && !may && !has_text(me, "permissions", needs) &&
		!strstr(" read release lower approve version apply admin post ", verb)) {
		err_set(&e, ERR_INVALID, "\"%.60s\" is neither a command nor a permission", verb);
		return shell_fail(&e);
	}
	if (is_closed_to(me, c)) {
		printf("no: %s is not on the list of what %s may use\n", c->name,
			node_str(me, "user", "?"));
		return 3;
	}
	printf("%s: %s%s%s needs \"%s\"; you (%s) are %s\n", may ? "yes" : "no", verb,
		object ? " " : "", object ? object : "", needs, node_str(me, "user", "?"),
		node_str(me, "role", "nobody here"));
	return may ? 0 : 3;
}

int shell_whoami(struct shell *sh)
{
	const char *verb = parsed_get(sh->args, "can"), *object = parsed_get(sh->args, "OBJECT");
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	struct err e = {0};
	const struct node *me, *list;
	int code, n;

	if (shell_connect(sh, 1, &e))
		return shell_fail(&e);
	q.path = PATH_WHOAMI;
	if (shell_ask(sh, &q, &r, &code) == 0) {
		me = r.data ? snapshot_root(r.data) : NULL;
		if (verb)
			code = answer_can(me, verb, object);
		else if (sh->json)
			shell_print_raw(&r);
		else {
			printf("%s (uid %" PRId64 "), %s%s%s\nmay:", node_str(me, "user", "?"),
				node_int(me, "uid", -1), node_str(me, "role", "nobody here"),
				node_str(me, "as", NULL) ? ", lowered by --as " : "",
				node_str(me, "as", ""));
			list = node_list(node_get(me, "permissions"), "", &n);
			for (int i = 0; i < n; i++)
				printf(" %s", list[i].kind == NODE_TEXT ? list[i].text : "?");
			puts(n ? "" : " nothing");
			list = node_list(node_get(me, "only"), "", &n);
			for (int i = 0; i < n; i++)
				printf("%s%s", i ? ", " : "but of commands only: ",
					list[i].kind == NODE_TEXT ? list[i].text : "?");
			if (n)
				putchar('\n');
		}
	}
	reply_release(&r);
	return code;
}
