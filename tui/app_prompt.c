/* app_prompt.c: the line that is typed: filter as one types, palette with completion from the
 * table of commands, project. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/app_priv.h"

/* Values that a type can have, from what the Now pane last saw. */
static void add_values(
	struct app *a, const char *before, const char *part, const char *type, struct prompt *p)
{
	const struct node *now = pane_root(a->tabs[0], 0), *list;
	bool rollouts = strcmp(type, "N") == 0;
	int n;

	if (!rollouts && strcmp(type, "ENDPOINT") != 0 && strcmp(type, "SUBJECT") != 0)
		return;
	list = node_list(node_get(now, rollouts ? "rollouts" : "endpoints"), "", &n);
	for (int i = 0; i < n; i++) {
		char value[140], *line;

		if (rollouts)
			snprintf(value, sizeof value, "%d", (int)node_int(&list[i], "id", 0));
		else
			str_copy(value, sizeof value, node_str(&list[i], "id", ""));
		if (strncmp(value, part, strlen(part)) != 0)
			continue;
		line = xasprintf("%s%s", before, value);
		prompt_choice_add(p, line);
		free(line);
	}
}

static void add_arguments(
	struct app *a, const struct command *c, const char *text, struct prompt *p)
{
	const char *last = strrchr(text, ' ');
	char *before = xstrndup(text, last ? (size_t)(last + 1 - text) : 0);
	char *spec = command_all_args(c);
	struct command_arg arg;
	size_t at = 0;

	last = last ? last + 1 : text;
	while (command_next_arg(spec, &at, &arg)) {
		char option[48], *line;

		if (!arg.option) {
			add_values(a, before, last, arg.type, p);
			continue;
		}
		snprintf(option, sizeof option, "--%s%s", arg.name, arg.type[0] ? "=" : "");
		if (!*last || strncmp(option, last, strlen(last)) != 0)
			continue;
		line = xasprintf("%s%s", before, option);
		prompt_choice_add(p, line);
		free(line);
	}
	free(spec);
	free(before);
}

/* Commands that begin with what is typed (those that one may run), or the arguments of one. */
static void complete(void *ctx, const char *text, struct prompt *p)
{
	/* Words of the console itself that stand on no key. */
	static const char *const own[] = {"connect ", "flights"};
	struct app *a = ctx;
	size_t n = strlen(text);

	for (const struct command *c = command_rows; c->name; c++) {
		size_t len = strlen(c->name);

		if (!app_may(a, c))
			continue;
		if (n <= len && strncmp(c->name, text, n) == 0)
			prompt_choice_add(p, c->name);
		else if (n > len && strncmp(c->name, text, len) == 0 && text[len] == ' ')
			add_arguments(a, c, text, p);
	}
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (strncmp(own[i], text, n) == 0)
			prompt_choice_add(p, own[i]);
	for (int i = 0; i < a->tab_count; i++) {
		char line[64];

		snprintf(line, sizeof line, "pane %s", a->tabs[i]->ops->name);
		if (strncmp(line, text, n) == 0)
			prompt_choice_add(p, line);
	}
}

/* The projects that Now last saw an endpoint of, each once. */
static void complete_project(void *ctx, const char *text, struct prompt *p)
{
	struct app *a = ctx;
	const struct node *list;
	int n;

	list = node_list(node_get(pane_root(a->tabs[0], 0), "endpoints"), "", &n);
	for (int i = 0; i < n; i++) {
		const char *name = node_str(&list[i], "project", "");
		bool seen = strncmp(name, text, strlen(text)) != 0;

		for (int k = 0; k < i && !seen; k++)
			seen = strcmp(node_str(&list[k], "project", ""), name) == 0;
		if (!seen)
			prompt_choice_add(p, name);
	}
}

void app_prompt_open(struct app *a, enum prompt_use use)
{
	static const prompt_complete_fn completes[] = {
		[PROMPT_PALETTE] = complete, [PROMPT_PROJECT] = complete_project};
	static const char *const labels[] = {
		[PROMPT_FILTER] = "/", [PROMPT_PALETTE] = ":", [PROMPT_PROJECT] = "project "};
	struct pane *p = app_pane(a);

	a->prompt_use = use;
	prompt_open(a->prompt, labels[use]);
	prompt_set_complete(a->prompt, completes[use], a);
	prompt_set_note(a->prompt, use == PROMPT_PROJECT ? "empty: all projects" : NULL);
	if (use == PROMPT_FILTER)
		prompt_set_text(a->prompt, p->ops->filtered(p));
	if (use == PROMPT_PROJECT)
		prompt_set_text(a->prompt, a->host.project);
	a->message[0] = '\0';
}

void app_prompt_line(struct app *a, const char *text)
{
	app_prompt_open(a, PROMPT_PALETTE);
	prompt_set_text(a->prompt, text);
}

static void filter(struct app *a, const char *regex)
{
	struct pane *p = app_pane(a);
	struct err e = {0};

	prompt_set_note(a->prompt, p->ops->filter(p, regex, &e) ? e.message : NULL);
}

static bool is_project(const struct app *a, const char *name)
{
	const struct node *list;
	int n;

	list = node_list(node_get(pane_root(a->tabs[0], 0), "endpoints"), "", &n);
	for (int i = 0; i < n; i++)
		if (strcmp(node_str(&list[i], "project", ""), name) == 0)
			return true;
	return false;
}

static void accept(struct app *a, enum prompt_use use)
{
	char *text = xstrdup(prompt_text(a->prompt));

	a->prompt_use = PROMPT_NONE;
	if (use == PROMPT_PALETTE && *text)
		app_command(a, text);
	if (use == PROMPT_PROJECT && *text && !is_project(a, text)) {
		/* Of a name that is mistyped nothing would be shown, and trouble least of all. */
		app_say(a, ROLE_banner, "there is no project \"%.60s\" with an endpoint; %s", text,
			a->host.project[0] ? "the filter is as it was" : "all are shown");
	} else if (use == PROMPT_PROJECT) {
		str_copy(a->host.project, sizeof a->host.project, text);
		app_refresh(a, false);
	}
	free(text);
}

void app_prompt_key(struct app *a, const struct key_event *ev)
{
	enum prompt_use use = a->prompt_use;

	switch (prompt_key(a->prompt, a->keymap, ev)) {
	case PROMPT_CHANGED:
		if (use == PROMPT_FILTER)
			filter(a, prompt_text(a->prompt));
		break;
	case PROMPT_ACCEPTED:
		accept(a, use);
		break;
	case PROMPT_LEFT:
		a->prompt_use = PROMPT_NONE;
		if (use == PROMPT_FILTER)
			filter(a, "");
		break;
	case PROMPT_SAME:
		break;
	}
}
