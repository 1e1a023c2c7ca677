/* command_table.c: the rows of wire/commands.def as C data. */
#include "tui/command.h"

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
