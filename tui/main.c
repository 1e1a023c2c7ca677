/* main.c: the composition root: the only file that sees console, commands and engine at once. */
#include <locale.h>
#include <stddef.h>

#include "backend/engine_main.h"
#include "backend/local/local.h"
#include "backend/store/store.h"
#include "backend/upgrade/note.h"
#include "panes/panes.h"
#include "tui/app.h"
#include "tui/shell/shell.h"

static const struct local_command locals[] = {
	{"engine", engine_main},
	{"doctor", local_doctor},
	{"spec check", local_spec_check},
	{"spec fmt", local_spec_fmt},
	{"spec schema", local_spec_schema},
	{"audit verify", local_audit_verify},
	{"init", local_init},
	{"judge", local_judge},
	{"rollout replay", local_replay},
	{"restore", local_restore},
	{NULL, NULL},
};

static int console(const struct console_options *options)
{
	struct console_options with_panes = *options;

	with_panes.panes = panes_all;
	return console_main(&with_panes);
}

static char *version_json(void)
{
	int64_t state, telemetry;

	store_schema(&state, &telemetry);
	return upgrade_program_format(state, telemetry);
}

int main(int argc, char **argv)
{
	static const struct shell_hooks hooks = {
		.locals = locals, .version_json = version_json, .console = console};

	setlocale(LC_ALL, "");
	return shell_main(argc, argv, &hooks);
}
