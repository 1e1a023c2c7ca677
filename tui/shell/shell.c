/* shell.c: one-shot commands: parse, find the engine, ask, print, exit code. What is printed is in
 * shell_render.c; commands that need more than one request have files of their own. */
#include "tui/shell/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/digest.h"
#include "backend/base/xalloc.h"
#include "tui/app.h"
#include "tui/client/start.h"
#include "tui/shell/shell_priv.h"

#define END_LOOKS   500
#define END_LOOK_NS 20000000 /* 10 s in all */

static int open_console(struct shell *sh);

static const struct {
	const char *name;
	int (*run)(struct shell *sh);
} own_commands[] = {
	{"plan", shell_plan},
	{"apply", shell_apply},
	{"version add", shell_version_add},
	{"version verify", shell_version_verify},
	{"whoami", shell_whoami},
	{"policy what-if", shell_what_if},
	{"rollout card", shell_card},
	{"rollout replay", shell_replay},
	{"backup", shell_backup},
	{"drill", shell_drill},
	{"engine upgrade", shell_upgrade},
	{"forced", shell_forced},
	{"help", shell_help},
	{"completion", shell_completion},
	{"open", open_console},
};

/* Whether --json is among the words, even of a line that cannot be parsed. */
static int fail_as_json;

static int print_json(const struct err *e)
{
	char *text = err_format_json(e);

	puts(text);
	free(text);
	return err_exit_code(e->code);
}

int shell_fail(const struct err *e)
{
	char *message, *hint;

	if (fail_as_json)
		return print_json(e);
	message = shell_clean(e->message);
	hint = shell_clean(e->hint);

	fflush(stdout); /* both may go to one file: in the order of what happened */
	fprintf(stderr, "pithead: %s\n", message);
	if (*hint)
		fprintf(stderr, "  %s\n", hint);
	free(message);
	free(hint);
	return err_exit_code(e->code);
}

void shell_make_id(char out[40])
{
	unsigned char bytes[16];

	random_bytes(bytes, sizeof bytes);
	for (int i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int shell_connect(struct shell *sh, int start, struct err *e)
{
	int rc;

	if (sh->conn)
		return 0;
	rc = home_find(parsed_get(sh->args, "socket"), &sh->home, e);
	if (rc == 0 && start)
		rc = start_engine(&sh->home, e);
	else if (rc == 0) {
		rc = start_probe(&sh->home, e);
		if (rc == 0) {
			rc = err_set(e, ERR_UNREACHABLE, "no engine runs at %s", sh->home.socket);
			err_hint(e, "it starts by itself with the first command that needs it");
		} else if (rc > 0)
			rc = home_check_trust(&sh->home, e);
	}
	if (rc)
		return rc;
	sh->conn = conn_open(sh->home.socket, "command", parsed_get(sh->args, "as"));
	return 0;
}

void shell_print_raw(const struct reply *r)
{
	fwrite(buf_text(&r->body), 1, r->body.len, stdout);
	if (r->body.len && r->body.data[r->body.len - 1] != '\n')
		putchar('\n');
}

int shell_ask(struct shell *sh, const struct request *q, struct reply *r, int *exit_code)
{
	int rc = conn_call(sh->conn, q, r);

	*exit_code = err_exit_code(rc);
	if (rc == 0)
		return 0;
	if (sh->json && r->body.len)
		shell_print_raw(r);
	else {
		shell_fail(&r->err);
		if (r->moved[0])
			fprintf(stderr, "  %s\n", r->moved);
	}
	return rc;
}

/* A route of the table: one request, one answer. */
/* Who stops the engine and then starts another must not be answered by the one that is ending. */
static void await_end(const struct shell *sh)
{
	for (int i = 0; i < END_LOOKS && start_probe(&sh->home, NULL) > 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = END_LOOK_NS}, NULL);
}

static int run_route(struct shell *sh)
{
	const struct command *c = sh->args->command;
	const char *revision = parsed_get(sh->args, "revision");
	char *path = NULL, *body = NULL, id[40];
	struct request q = REQUEST_INIT;
	struct reply r = {0};
	struct err e = {0};
	int code;

	/* Asking about the engine or ending it never starts one. */
	if (command_request(sh->args, sh->now_us, &path, &body, &e) ||
		shell_connect(sh, strncmp(c->name, "engine ", 7) != 0, &e)) {
		free(path);
		free(body);
		return shell_fail(&e);
	}
	shell_make_id(id);
	q.path = path;
	if (c->method == METHOD_POST) {
		q.method = "POST";
		q.body = body;
		q.idempotency = parsed_get(sh->args, "dry-run") ? NULL : id;
		q.revision = revision ? strtoll(revision, NULL, 10) : 0;
	}
	if (shell_ask(sh, &q, &r, &code) == 0) {
		if (sh->json || !r.data)
			shell_print_raw(&r);
		else
			shell_render(sh, snapshot_root(r.data));
		if (strcmp(c->name, "engine stop") == 0 && !parsed_get(sh->args, "dry-run"))
			await_end(sh);
	}
	reply_release(&r);
	free(path);
	free(body);
	return code;
}

static int open_console(struct shell *sh)
{
	struct console_options options = {
		.socket = parsed_get(sh->args, "socket"),
		.as = parsed_get(sh->args, "as"),
		.project = parsed_get(sh->args, "project"),
		.color = parsed_get(sh->args, "color"),
		.place = parsed_get(sh->args, "PLACE"),
		.ascii = parsed_get(sh->args, "ascii") != NULL,
	};

	return sh->hooks->console(&options);
}

static int run_local(struct shell *sh)
{
	const char *name = sh->args->command->path;
	struct err e;

	for (size_t i = 0; i < sizeof own_commands / sizeof own_commands[0]; i++)
		if (strcmp(own_commands[i].name, name) == 0)
			return own_commands[i].run(sh);
	for (const struct local_command *l = sh->hooks->locals; l && l->name; l++)
		if (strcmp(l->name, name) == 0)
			return l->run(sh->argc, sh->argv);
	err_set(&e, ERR_FAILED, "%s is not part of this build", name);
	return shell_fail(&e);
}

/* The words after the command's name, with the name as argv[0], for functions of other layers. */
static void set_local_words(struct shell *sh, int argc, char **argv)
{
	const struct command *c = sh->args->command;
	int lead = 0, words = 1;

	for (const char *p = c->name; *p; p++)
		words += *p == ' ';
	/* Global options before the command are passed by parsed_get; only the rest goes on. */
	while (lead < argc && strncmp(argv[lead], c->name, strcspn(c->name, " ")) != 0)
		lead++;
	sh->argv = xcalloc((size_t)argc + 2, sizeof *sh->argv);
	sh->argv[sh->argc++] = (char *)(uintptr_t)c->name;
	for (int i = lead + words; i < argc; i++)
		sh->argv[sh->argc++] = argv[i];
}

static int run(struct shell *sh, int argc, char **argv)
{
	const struct command *c = sh->args->command;
	int code;

	if (parsed_get(sh->args, "help"))
		return shell_help(sh);
	if (!c)
		return open_console(sh);
	if (c->method != METHOD_LOCAL)
		return run_route(sh);
	set_local_words(sh, argc, argv);
	code = run_local(sh);
	xfree(sh->argv);
	return code;
}

int shell_main(int argc, char **argv, const struct shell_hooks *hooks)
{
	struct clock clock = clock_system();
	struct parsed args;
	struct err e = {0};
	struct shell sh = {.args = &args, .hooks = hooks, .now_us = clock_wall_us(&clock)};
	int code;

	if (argc > 1 && argc < 4 &&
		(!strcmp(argv[1], "--version") || !strcmp(argv[1], "version")) &&
		(argc == 2 || strcmp(argv[2], "--json") == 0))
		return shell_version(hooks, argc == 3);
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		fail_as_json |= strcmp(argv[i], "--json") == 0;
	if (command_parse(argc - 1, (const char *const *)(argv + 1), &args, &e))
		code = shell_fail(&e);
	else {
		sh.json = parsed_get(&args, "json") != NULL;
		code = run(&sh, argc - 1, argv + 1);
	}
	conn_close(sh.conn);
	parsed_release(&args);
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
		fprintf(stderr, "pithead: the output could not be written\n");
		code = 1;
	}
	return code;
}
