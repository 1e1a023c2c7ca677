/* command_table.c: the rows of wire/commands.def and wire/options.def as C data. */
#include "tui/command.h"

#include <string.h>

#define COMMAND(row_name, row_args, row_help, row_method, row_path, row_fields, row_confirm,       \
	row_permission, row_render)                                                                \
	{.name = (row_name),                                                                       \
		.args = (row_args),                                                                \
		.help = (row_help),                                                                \
		.method = METHOD_##row_method,                                                     \
		.path = (row_path),                                                                \
		.fields = (row_fields),                                                            \
		.confirm = CONFIRM_##row_confirm,                                                  \
		.permission = (row_permission),                                                    \
		.render = #row_render},

const struct command command_rows[] = {
#include "backend/wire/commands.def"
	{0}};

#define OPTION(row_command, row_name, row_help) {(row_command), (row_name), (row_help)},

static const struct {
	const char *command, *name, *help;
} options[] = {
#include "backend/wire/options.def"
};

const char *command_arg_help(const struct command *c, const char *name)
{
	const char *common = "";

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		if (strcmp(options[i].name, name) != 0)
			continue;
		if (strcmp(options[i].command, c->name) == 0)
			return options[i].help;
		if (!options[i].command[0])
			common = options[i].help;
	}
	return common;
}
