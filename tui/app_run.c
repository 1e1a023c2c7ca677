/* app_run.c: what needs the whole terminal or another engine. A child gets the terminal as its own
 * process group, so that C-c ends it and not the console. */
#include "tui/app_run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/start.h"

#define WORDS_MOST 64

/* Gives the terminal to a process group. Who asks may be in the background by then, which would
 * stop it. */
static void lend_terminal(pid_t group)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	sigaction(SIGTTOU, &ignore, &before);
	tcsetpgrp(STDIN_FILENO, group);
	sigaction(SIGTTOU, &before, NULL);
}

static void exec_child(const char *program, char *const *argv, const char *socket)
{
	sigset_t none;

	setpgid(0, 0);
	lend_terminal(getpid());
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	signal(SIGTSTP, SIG_IGN); /* there is no shell that would continue it */
	if (*socket)
		setenv("PITHEAD_SOCKET", socket, 1);
	execvp(program, argv);
	fprintf(stderr, "pithead: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* The exit code, or 128 and the signal. */
static int run_child(const char *program, char *const *argv, const char *socket)
{
	int status = 0;
	pid_t child = fork();

	if (child < 0)
		return 127;
	if (child == 0)
		exec_child(program, argv, socket);
	setpgid(child, child);
	lend_terminal(child);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	lend_terminal(getpgrp());
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void wake(int signal)
{
	(void)signal;
}

/* C-c goes back as well; here it must not end the console. */
static void await_enter(int code)
{
	struct sigaction go_on = {.sa_handler = wake}, before;
	char byte;

	sigaction(SIGINT, &go_on, &before);
	if (code)
		printf("\n[exit %d] Enter goes back to the console ", code);
	else
		printf("\nEnter goes back to the console ");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
		continue;
	sigaction(SIGINT, &before, NULL);
}

/* program as execvp takes it; argv ended by NULL. ask: its last words stay until Enter. */
static void run(struct app *a, const char *program, char *const *argv, bool ask)
{
	int code;

	if (!a->term) {
		app_say(a, ROLE_banner, "%s needs a terminal", argv[0]);
		return;
	}
	term_leave(a->term);
	code = run_child(program, argv, a->socket);
	if (ask)
		await_enter(code);
	term_enter(a->term);
	term_redraw(a->term);
	if (a->link == LINK_DOWN)
		app_link_start(a, false);
	app_refresh(a, false);
}

void app_run_words(struct app *a, const char *const *words, int n)
{
	char *argv[WORDS_MOST] = {(char *)"pithead"};
	int k = 1;

	for (int i = 0; i < n && k < WORDS_MOST - 3; i++)
		argv[k++] = (char *)words[i];
	if (a->options->as) {
		argv[k++] = (char *)"--as";
		argv[k++] = (char *)a->options->as;
	}
	run(a, "/proc/self/exe", argv, true);
}

void app_run_flights(struct app *a)
{
	char exe[PATH_MAX], *end, *script;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	exe[n > 0 ? n : 0] = '\0';
	/* CHECKOUT/build/pithead */
	for (int i = 0; i < 2; i++) {
		end = strrchr(exe, '/');
		if (end)
			*end = '\0';
	}
	script = xasprintf("%s/examples/flights/up", exe);
	if (access(script, X_OK) == 0)
		run(a, script, (char *const[]){(char *)"flights/up", NULL}, true);
	else
		app_say(a, ROLE_banner,
			"the example comes with pithead's source: in a checkout of it, `make run`");
	free(script);
}

/* ---- another engine -------------------------------------------------------------------------- */
static bool is_host(const char *word)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._@:-";

	return *word && *word != '-' && strspn(word, good) == strlen(word);
}

/* Nothing that the other engine said may stay on the screen. */
static void forget_engine(struct app *a)
{
	app_act_close(a);
	while (a->depth)
		app_pane_free(a, a->stack[--a->depth]);
	for (int i = 0; i < a->tab_count; i++) {
		const struct pane_ops *ops = a->tabs[i]->ops;

		app_pane_free(a, a->tabs[i]);
		a->tabs[i] = app_pane_new(a, ops, "");
	}
	snapshot_free(a->engine);
	snapshot_free(a->whoami);
	a->engine = a->whoami = NULL;
	a->head = a->data_us = a->down_since_us = 0;
	a->link = LINK_CONNECTING;
	a->host.project[0] = '\0';
}

static void connect_socket(struct app *a, const char *path)
{
	struct home h;
	struct err e = {0};
	int rc = home_find(path, &h, &e);

	if (!rc)
		rc = start_probe(&h, &e);
	if (rc > 0)
		rc = home_check_trust(&h, &e);
	else if (rc == 0)
		rc = err_set(&e, ERR_UNREACHABLE, "no engine answers at %s", h.socket);
	if (rc) {
		app_say(a, ROLE_banner, "%s%s%s", e.message, *e.hint ? "; " : "", e.hint);
		return;
	}
	forget_engine(a);
	str_copy(a->socket, sizeof a->socket, h.socket);
	app_link_start(a, false);
	app_say(a, ROLE_text, "connected to %s", h.socket);
}

void app_connect(struct app *a, const char *where)
{
	struct stat st;
	char *full, *resolved;

	if (!strchr(where, '/')) {
		if (is_host(where))
			run(a, "ssh",
				(char *const[]){(char *)"ssh", (char *)"-t", (char *)where,
					(char *)"pithead", NULL},
				true);
		else
			app_say(a, ROLE_banner,
				"\"%.60s\" is neither a host nor the path of a socket or home: "
				"connect bastion1, or connect /run/pithead",
				where);
		return;
	}
	resolved = realpath(where, NULL);
	if (!resolved) {
		app_say(a, ROLE_banner, "%s: %s", where, strerror(errno));
		return;
	}
	full = stat(resolved, &st) == 0 && S_ISDIR(st.st_mode)
		       ? xasprintf("%s/%s", resolved, FILE_SOCKET)
		       : xstrdup(resolved);
	connect_socket(a, full);
	free(full);
	free(resolved);
}
