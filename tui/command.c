/* command.c: command lines to parsed commands: words, options, usage, did-you-mean. What they ask
 * of the engine is made in command_request.c. */
#include "tui/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

int command_mutates(const struct command *c)
{
	return c->method == METHOD_POST || strcmp(c->name, "apply") == 0 ||
	       strcmp(c->name, "version add") == 0 || strcmp(c->name, "drill") == 0 ||
	       strcmp(c->name, "engine upgrade") == 0 || strcmp(c->name, "restore") == 0;
}

int command_raises(const struct command *c)
{
	return strcmp(c->permission, "release") == 0 || strcmp(c->permission, "apply") == 0;
}

int command_next_arg(const char *spec, size_t *at, struct command_arg *out)
{
	const char *p = spec + *at;
	size_t n;

	while (*p == ' ')
		p++;
	if (!*p)
		return 0;
	*out = (struct command_arg){0};
	n = strcspn(p, " ");
	*at = (size_t)(p + n - spec);
	if (*p == '[') {
		out->optional = 1;
		p++;
		n -= 2;
	}
	if (n > 2 && p[0] == '-' && p[1] == '-') {
		out->option = 1;
		p += 2;
		n -= 2;
	}
	for (size_t i = 0; i < n; i++)
		if (p[i] == '=') {
			snprintf(out->name, sizeof out->name, "%.*s", (int)i, p);
			snprintf(out->type, sizeof out->type, "%.*s", (int)(n - i - 1), p + i + 1);
			return 1;
		}
	snprintf(out->name, sizeof out->name, "%.*s", (int)n, p);
	if (!out->option)
		str_copy(out->type, sizeof out->type, out->name);
	return 1;
}

/* Every place that has an argument or option of that name in the row's spec. */
static int find_arg(const char *spec, const char *name, int option, struct command_arg *out)
{
	size_t at = 0;

	while (command_next_arg(spec, &at, out))
		if (out->option == option && strcmp(out->name, name) == 0)
			return 1;
	return 0;
}

char *command_all_args(const struct command *c)
{
	struct command_arg arg;
	struct buf b = {0};
	size_t at = 0;

	buf_adds(&b, c ? c->args : "");
	if (c && c->confirm == CONFIRM_PLAN)
		buf_adds(&b, " " ACT_OPTIONS);
	while (command_next_arg(GLOBAL_OPTIONS, &at, &arg)) {
		struct command_arg own;

		/* A row's own option of the same name (--project) stands before the global one. */
		if (c && find_arg(c->args, arg.name, 1, &own))
			continue;
		buf_addf(&b, " [--%s%s%s]", arg.name, arg.type[0] ? "=" : "", arg.type);
	}
	return buf_detach(&b);
}

void command_usage(const struct command *c, struct buf *out)
{
	buf_addf(out, "usage: pithead %s%s%s%s", c->name, *c->args ? " " : "", c->args,
		c->confirm == CONFIRM_PLAN ? " " ACT_OPTIONS : "");
}

static int matches(const char *name, int count, const char *const *words)
{
	int used = 0;

	for (const char *p = name; *p;) {
		size_t n = strcspn(p, " ");

		if (used >= count || strlen(words[used]) != n || strncmp(words[used], p, n) != 0)
			return 0;
		used++;
		p += n;
		if (*p == ' ')
			p++;
	}
	return used;
}

const struct command *command_find(int count, const char *const *words, int *used)
{
	const struct command *best = NULL;

	*used = 0;
	for (const struct command *c = command_rows; c->name; c++) {
		int n = matches(c->name, count, words);

		if (n > *used) {
			*used = n;
			best = c;
		}
	}
	return best;
}

static int distance(const char *a, const char *b)
{
	int row[64], n = (int)strlen(b);

	if (n > 62 || strlen(a) > 62)
		return 99;
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; a[i - 1]; i++) {
		int diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int least = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < least)
				least = row[j] + 1;
			if (row[j - 1] + 1 < least)
				least = row[j - 1] + 1;
			row[j] = least;
		}
	}
	return row[n];
}

const char *command_nearest(const char *word, const char *const *list, size_t count)
{
	const char *best = NULL;
	int least = (int)strlen(word) / 2 < 3 ? (int)strlen(word) / 2 + 1 : 4;

	for (size_t i = 0; i < count; i++) {
		int d = distance(word, list[i]);

		if (d < least) {
			least = d;
			best = list[i];
		}
	}
	return best;
}

/* "unknown command" with the nearest command, or those that begin with the first word. */
static int unknown_command(int count, const char *const *words, struct err *e)
{
	const char *names[128];
	struct buf said = {0}, same = {0};
	const char *near;
	size_t n = 0, first;

	for (int i = 0; i < count && i < 2 && words[i][0] != '-'; i++)
		buf_addf(&said, "%s%s", i ? " " : "", words[i]);
	first = strlen(words[0]);
	for (const struct command *c = command_rows; c->name && n < 128; c++) {
		names[n++] = c->name;
		if (strncmp(c->name, words[0], first) == 0 && c->name[first] == ' ')
			buf_addf(&same, "%s%s", same.len ? ", " : "", c->name);
	}
	near = command_nearest(buf_text(&said), names, n);
	if (!near)
		near = command_nearest(words[0], names, n);
	if (same.len && !near && strcmp(buf_text(&said), words[0]) == 0)
		err_set(e, ERR_INVALID, "\"%.60s\" needs a second word", words[0]);
	else
		err_set(e, ERR_INVALID, "there is no command \"%.60s\"", buf_text(&said));
	if (near)
		err_hint(e, "did you mean: pithead %s", near);
	else if (same.len)
		err_hint(e, "one of: %s", buf_text(&same));
	else
		err_hint(e, "pithead help lists the commands");
	buf_release(&said);
	buf_release(&same);
	return ERR_INVALID;
}

static int unknown_option(const char *spec, const char *name, const char *of, struct err *e)
{
	char names[64][32];
	const char *list[64], *near;
	struct command_arg arg;
	size_t at = 0, n = 0;

	while (n < 64 && command_next_arg(spec, &at, &arg))
		if (arg.option) {
			str_copy(names[n], sizeof names[n], arg.name);
			list[n] = names[n];
			n++;
		}
	near = command_nearest(name, list, n);
	err_set(e, ERR_INVALID, "%s has no option --%.60s", of, name);
	if (near)
		err_hint(e, "did you mean: --%s", near);
	else
		err_hint(e, "see: %s --help", of);
	return ERR_INVALID;
}

/* A TYPE of URL... may be given again. */
static int may_repeat(const char *type)
{
	size_t n = strlen(type);

	return n > 3 && strcmp(type + n - 3, "...") == 0;
}

static int add_value(
	struct parsed *p, const char *name, const char *type, const char *value, struct err *e)
{
	if (p->count >= COMMAND_VALUES)
		return err_set(e, ERR_INVALID, "too many options");
	for (int i = 0; i < p->count; i++)
		if (strcmp(p->values[i].name, name) == 0 && !may_repeat(type))
			return err_set(e, ERR_INVALID, "%s is given twice", name);
	p->values[p->count].name = xstrdup(name);
	p->values[p->count].type = xstrdup(type);
	p->values[p->count++].value = xstrdup(value);
	return 0;
}

static int parse_option(struct parsed *p, const char *spec, const char *of, int count,
	const char *const *words, int *at, struct err *e)
{
	const char *word = words[*at] + 2;
	const char *equals = strchr(word, '=');
	char name[64];
	struct command_arg arg;

	snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : 63, word);
	if (!find_arg(spec, name, 1, &arg))
		return unknown_option(spec, name, of, e);
	if (!arg.type[0]) {
		if (equals)
			return err_set(e, ERR_INVALID, "--%s takes no value", name);
		return add_value(p, arg.name, "", "1", e);
	}
	if (equals)
		return add_value(p, arg.name, arg.type, equals + 1, e);
	if (*at + 1 >= count || strcmp(words[*at + 1], "--help") == 0)
		return err_set(e, ERR_INVALID, "--%s needs a value: %s", name, arg.type);
	return add_value(p, arg.name, arg.type, words[++*at], e);
}

/* The n-th positional argument of the row. */
static int positional(const char *spec, int n, struct command_arg *out)
{
	size_t at = 0;

	while (command_next_arg(spec, &at, out))
		if (!out->option && n-- == 0)
			return 1;
	return 0;
}

static int check_missing(const struct parsed *p, struct err *e)
{
	struct command_arg arg;
	size_t at = 0;

	while (command_next_arg(p->command->args, &at, &arg))
		if (!arg.optional && !parsed_get(p, arg.name)) {
			struct buf usage = {0};

			err_set(e, ERR_INVALID, "%s needs %s%s", p->command->name,
				arg.option ? "--" : "", arg.name);
			command_usage(p->command, &usage);
			err_hint(e, "%s", buf_text(&usage));
			buf_release(&usage);
			return err_field(e, arg.name);
		}
	return 0;
}

static int parse_rest(
	struct parsed *p, const char *spec, int count, const char *const *words, struct err *e)
{
	const char *of = p->command ? p->command->name : "pithead";
	int rc = 0, given = 0, options = 1;
	struct command_arg arg;

	for (int i = 0; rc == 0 && i < count; i++) {
		if (options && strcmp(words[i], "--") == 0)
			options = 0;
		else if (options && strncmp(words[i], "--", 2) == 0)
			rc = parse_option(p, spec, of, count, words, &i, e);
		else if (options && words[i][0] == '-' && isalpha((unsigned char)words[i][1]))
			rc = err_set(
				e, ERR_INVALID, "options have two dashes: \"%.40s\"", words[i]);
		else if (!positional(spec, given++, &arg)) {
			err_set(e, ERR_INVALID, "%s takes no \"%.60s\"", of, words[i]);
			rc = err_hint(e, "see: pithead %s --help", p->command ? of : "");
		} else
			rc = add_value(p, arg.name, arg.type, words[i], e);
	}
	return rc;
}

/* Global options may stand before the command: pithead --socket P rollout list. Returns how many
 * words they take; the parse itself sees them after the command's name. */
static int leading_options(int count, const char *const *words)
{
	int n = 0;

	while (n < count && strncmp(words[n], "--", 2) == 0) {
		struct command_arg arg;
		const char *equals = strchr(words[n], '=');
		char name[64];

		snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - words[n] - 2) : 63,
			words[n] + 2);
		if (find_arg(GLOBAL_OPTIONS, name, 1, &arg) && arg.type[0] && !equals)
			n++;
		n++;
	}
	return n < count ? n : count;
}

int command_parse(int count, const char *const *words, struct parsed *out, struct err *e)
{
	int lead = leading_options(count, words), used = 0, rc;
	char *spec;

	*out = (struct parsed){0};
	if (lead < count) {
		out->command = command_find(count - lead, words + lead, &used);
		if (!out->command)
			return unknown_command(count - lead, words + lead, e);
	}
	spec = command_all_args(out->command);
	rc = parse_rest(out, spec, lead, words, e);
	if (rc == 0)
		rc = parse_rest(out, spec, count - lead - used, words + lead + used, e);
	if (rc == 0 && out->command && !parsed_get(out, "help"))
		rc = check_missing(out, e);
	free(spec);
	return rc;
}

void parsed_release(struct parsed *p)
{
	for (int i = 0; i < p->count; i++) {
		free(p->values[i].name);
		free(p->values[i].type);
		free(p->values[i].value);
	}
	*p = (struct parsed){0};
}

const char *parsed_get(const struct parsed *p, const char *name)
{
	for (int i = 0; i < p->count; i++)
		if (strcmp(p->values[i].name, name) == 0)
			return p->values[i].value;
	return NULL;
}

/* One word from *p into w, unquoted; the end of w. NULL for an unclosed quote. */
static char *take_word(const char **p, char *w)
{
	char quote = 0;

	for (; **p && (quote || (**p != ' ' && **p != '\t')); (*p)++) {
		if (quote && **p == quote)
			quote = 0;
		else if (!quote && (**p == '\'' || **p == '"'))
			quote = **p;
		else if (quote != '\'' && **p == '\\' && (*p)[1])
			*w++ = *++*p;
		else
			*w++ = **p;
	}
	*w++ = '\0';
	return quote ? NULL : w;
}

int command_split(const char *line, const char **words, int max, char **memory, struct err *e)
{
	char *w = xcalloc(2, strlen(line) + 1);
	int n = 0;

	*memory = w;
	while (*(line += strspn(line, " \t"))) {
		if (n >= max)
			return err_set(e, ERR_INVALID, "more than %d words", max);
		words[n++] = w;
		w = take_word(&line, w);
		if (!w)
			return err_set(e, ERR_INVALID, "a quote is not closed");
	}
	return n;
}
