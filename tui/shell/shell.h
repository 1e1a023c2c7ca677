/* shell.h: one-shot commands: `pithead NOUN VERB …` prints for people, or with --json exactly what
 * the engine answered, and ends with 0 done, 1 failed, 2 usage, 3 denied, 4 conflict, 5 engine
 * unreachable. */
#ifndef PITHEAD_TUI_SHELL_SHELL_H
#define PITHEAD_TUI_SHELL_SHELL_H

struct console_options;

/* What the composition root lends: functions of other layers, by the name that a LOCAL row of
 * commands.def gives them ("doctor", "spec check", "restore", "engine", "audit verify"). argv[0]
 * is that name, the rest what the person typed after it; the result is the exit code. */
struct local_command {
	const char *name;
	int (*run)(int argc, char **argv);
};

struct shell_hooks {
	const struct local_command *locals; /* ended by a NULL name */
	/* What this program is, as one line of JSON; the caller frees. */
	char *(*version_json)(void);
	/* Opens the console; the result is the exit code. */
	int (*console)(const struct console_options *options);
};

/* Runs what argv says and returns the exit code of the process. Without a command it opens the
 * console. */
int shell_main(int argc, char **argv, const struct shell_hooks *hooks);

#endif
