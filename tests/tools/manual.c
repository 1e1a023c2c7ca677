/* manual.c: `manual FRAME` prints a manual page: the hand-written frame with lines `@NAME@`
 * replaced by what the tables of commands, options, settings and of the spec say; `manual openapi`
 * prints the description of the API. `make docs` writes docs/ with it, tests/docs/docs.sh compares.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/api/codec.h"
#include "backend/base/clock.h"
#include "backend/base/json.h"
#include "backend/base/settings.h"
#include "backend/base/xalloc.h"
#include "backend/policy/roles.h"
#include "backend/spec/spec_priv.h"
#include "tui/command.h"

/* Text as troff reads it: no hyphen becomes a dash, no line a macro. */
static void put(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '`')
			fputs("\\(ga", stdout);
		else if (*text == '~')
			fputs("\\(ti", stdout);
		else if (*text == '"')
			fputs("\\(dq", stdout);
		else
			putchar(*text);
	}
}

static void put_sentence(const char *text)
{
	char *own = xstrdup(text);

	if (*own >= 'a' && *own <= 'z')
		*own = (char)(*own - 'a' + 'A');
	put(own);
	puts(".");
	free(own);
}

static void put_bold(const char *text)
{
	fputs("\\fB", stdout);
	put(text);
	fputs("\\fR", stdout);
}

/* "--share=PERCENT" with its brackets where it may be absent. */
static void put_arg(const struct command_arg *arg)
{
	if (arg->optional)
		putchar('[');
	if (arg->option) {
		fputs("\\fB\\-\\-", stdout);
		put(arg->name);
		fputs("\\fR", stdout);
	}
	if (arg->type[0]) {
		fputs(arg->option ? "=\\fI" : "\\fI", stdout);
		put(arg->type);
		fputs("\\fR", stdout);
	}
	if (arg->optional)
		putchar(']');
}

static void put_args(const struct command *c, const char *spec)
{
	struct command_arg arg;
	size_t at = 0;

	while (command_next_arg(spec, &at, &arg)) {
		const char *help = command_arg_help(c, arg.name);

		if (strcmp(help, "used by the engine itself") == 0)
			continue;
		arg.optional = 0;
		puts(".TP");
		put_arg(&arg);
		putchar('\n');
		put(help);
		puts(".");
	}
}

static void put_command(const struct command *c)
{
	struct command_arg arg;
	size_t at = 0;

	puts(".TP");
	put_bold(c->name);
	while (command_next_arg(c->args, &at, &arg)) {
		if (strcmp(command_arg_help(c, arg.name), "used by the engine itself") == 0)
			continue;
		putchar(' ');
		put_arg(&arg);
	}
	putchar('\n');
	put_sentence(c->help);
	if (*command_arg_help(c, "")) {
		put(command_arg_help(c, ""));
		putchar('\n');
	}
	if (c->permission[0] && strcmp(c->permission, "read") != 0)
		printf("Needs the permission \\fI%s\\fR.\n", c->permission);
	if (*c->args) {
		puts(".RS");
		put_args(c, c->args);
		puts(".RE");
	}
}

static void put_commands(void)
{
	for (const struct command *c = command_rows; c->name; c++)
		put_command(c);
}

static void put_global_options(void)
{
	put_args(command_rows, GLOBAL_OPTIONS);
}

static void put_act_options(void)
{
	put_args(command_rows, ACT_OPTIONS);
}

static void put_settings(void)
{
	for (const struct setting_row *row = setting_rows; row->name; row++) {
		puts(".TP");
		put_bold(row->name);
		putchar('\n');
		put(row->help);
		printf(" (%s): %" PRId64 ", from %" PRId64 " to %" PRId64 ".\n", row->unit,
			row->value, row->least, row->most);
	}
}

static void put_roles(void)
{
	for (int i = 0; role_name(i); i++) {
		puts(".TP");
		put_bold(role_name(i));
		putchar('\n');
		for (unsigned bit = 1, some = 0; bit <= PERM_ALL; bit <<= 1)
			if (role_permissions(role_name(i)) & bit)
				printf("%s%s", some++ ? ", " : "", permission_name(bit));
		puts(".");
	}
}

static void put_words(const char *const *words)
{
	struct buf text = {0};

	spec_words_format(words, &text);
	for (const char *c = buf_text(&text); *c; c++)
		if (*c != '`')
			putchar(*c);
	buf_release(&text);
}

/* What a value must be, where the help does not say it. */
static void put_type(const struct spec_field *f)
{
	char from[32], to[32];

	if (f->words) {
		fputs(" One of ", stdout);
		put_words(f->words);
		putchar('.');
	} else if (f->kind == FIELD_LIST) {
		fputs(f->inline_text ? " A list, or one text with commas." : " A list.", stdout);
	} else if (f->kind == FIELD_NAMED && f->array->names) {
		fputs(" A mapping with the keys ", stdout);
		put_words(f->array->names);
		putchar('.');
	} else if (f->kind != FIELD_SCALAR) {
		fputs(" A mapping.", stdout);
	} else if (f->type->number) {
		printf(" From %" PRId64 " to %" PRId64 ".", f->min, f->max);
	} else if (f->type == &type_duration) {
		duration_format(f->min, from, sizeof from);
		duration_format(f->max, to, sizeof to);
		printf(" From %s to %s.", f->min ? from : "0s", to);
	}
}

static void put_section(const char *path, const struct spec_section *s);

/* The mappings inside, each under its path. */
static void put_inner(const char *path, const struct spec_field *f)
{
	const struct spec_section *inner = f->sub;
	char *below;

	if (f->kind == FIELD_NAMED && f->item)
		inner = f->item->sub;
	if (!inner)
		return;
	below = xasprintf(
		"%s%s%s%s", path, *path ? "." : "", f->key, f->kind == FIELD_NAMED ? ".NAME" : "");
	put_section(below, inner);
	free(below);
}

static void put_section(const char *path, const struct spec_section *s)
{
	printf(".SS %s\n", *path ? path : "Top level");
	for (int i = 0; i < s->count; i++) {
		const struct spec_field *f = &s->fields[i];

		puts(".TP");
		put_bold(f->key);
		putchar('\n');
		put(f->help ? f->help : "");
		put_type(f);
		if (f->required)
			fputs(" Required.", stdout);
		else if (f->fallback) {
			fputs(" If absent: ", stdout);
			put(f->fallback);
			putchar('.');
		}
		putchar('\n');
	}
	for (int i = 0; i < s->count; i++)
		put_inner(path, &s->fields[i]);
}

static void put_spec(void)
{
	put_section("", &spec_top);
}

/* What it needs of the endpoint, as sentences on a line. */
static void put_needs(const char *needs, const char *tasks)
{
	if (*needs)
		printf("Needs \\fB%s\\fR%s.%s", strcmp(needs, "label") == 0 ? "outcome" : needs,
			strcmp(needs, "outcome") == 0 ? " and \\fBscore\\fR" : "",
			*tasks ? " " : "\n");
	if (!*tasks)
		return;
	fputs("Of task ", stdout);
	for (; *tasks; tasks++)
		if (*tasks == ' ')
			fputs(" or ", stdout);
		else
			putchar(*tasks);
	puts(".");
}

static void put_signals(void)
{
	static const struct {
		const char *name, *needs, *tasks, *help;
	} rows[] = {
#define SIGNAL(name, kind, unit, decimals, needs, tasks, help) {#name, needs, tasks, help},
#include "backend/wire/signals.def"
#undef SIGNAL
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		puts(".TP");
		put_bold(rows[i].name);
		putchar('\n');
		put_sentence(rows[i].help);
		put_needs(rows[i].needs, rows[i].tasks);
	}
}

static int put_page(const char *frame)
{
	static const struct {
		const char *mark;
		void (*put)(void);
	} parts[] = {{"@commands@\n", put_commands}, {"@options@\n", put_global_options},
		{"@act-options@\n", put_act_options}, {"@settings@\n", put_settings},
		{"@roles@\n", put_roles}, {"@spec@\n", put_spec}, {"@signals@\n", put_signals}};
	char line[1000];
	FILE *f = fopen(frame, "r");

	if (!f) {
		perror(frame);
		return 1;
	}
	while (fgets(line, sizeof line, f)) {
		size_t i = 0;

		while (i < sizeof parts / sizeof parts[0] && strcmp(parts[i].mark, line) != 0)
			i++;
		if (i < sizeof parts / sizeof parts[0])
			parts[i].put();
		else
			fputs(line, stdout);
	}
	fclose(f);
	return 0;
}

static int put_openapi(void)
{
	cJSON *o = codec_openapi();
	char *text = cJSON_Print(o);

	puts(text);
	cJSON_free(text);
	cJSON_Delete(o);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: manual FRAME | openapi\n", stderr);
		return 2;
	}
	return strcmp(argv[1], "openapi") == 0 ? put_openapi() : put_page(argv[1]);
}
