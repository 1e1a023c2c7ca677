/* app_command.c: keys to command lines, command lines to what they do: moves and views here and in
 * the pane, acts through the one gate. The words of the console itself are one table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/app_priv.h"
#include "tui/app_run.h"

#define WORDS 32

static void do_pane(struct app *a, const char *rest);
static void do_help(struct app *a, const char *rest);
static void do_palette(struct app *a, const char *rest);
static void do_filter(struct app *a, const char *rest);
static void do_open(struct app *a, const char *rest);
static void do_charts(struct app *a, const char *rest);
static void do_cards(struct app *a, const char *rest);
static void do_servers(struct app *a, const char *rest);
static void do_back(struct app *a, const char *rest);
static void do_quit(struct app *a, const char *rest);
static void do_redraw(struct app *a, const char *rest);
static void do_suspend(struct app *a, const char *rest);
static void do_time(struct app *a, const char *rest);
static void do_project(struct app *a, const char *rest);
static void do_copy(struct app *a, const char *rest);
static void do_dump(struct app *a, const char *rest);
static void do_connect(struct app *a, const char *rest);
static void do_flights(struct app *a, const char *rest);

static const struct {
	const char *name, *help;
	void (*run)(struct app *a, const char *rest); /* NULL: the pane's own */
} words[] = {
	{"pane next", "the next pane", do_pane},
	{"pane previous", "the pane before", do_pane},
	{"pane", "go to a pane", do_pane},
	{"help", "the keys and what they do", do_help},
	{"palette", "type a command", do_palette},
	{"filter", "filter the list by a regular expression", do_filter},
	{"open", "explain: open what is selected", do_open},
	{"charts", "the charts that a rollout's verdict rests on", do_charts},
	{"cards", "the verdict cards of a rollout that were frozen", do_cards},
	{"servers", "the servers of an endpoint: states, drain", do_servers},
	{"back", "close what was opened; drop the filter", do_back},
	{"quit", "leave the console; the engine goes on", do_quit},
	{"redraw", "draw the screen anew", do_redraw},
	{"suspend", "stop the console (fg continues it)", do_suspend},
	{"toggle time", "UTC or local time", do_time},
	{"project filter", "show one project only", do_project},
	{"copy", "copy the selected row", do_copy},
	{"screendump", "write the screen to a file", do_dump},
	{"connect", "another engine: its socket, its home, or a host (by ssh)", do_connect},
	{"flights", "bring up the flights example", do_flights},
	{"move up", "up", NULL},
	{"move down", "down", NULL},
	{"move page-up", "a page up", NULL},
	{"move page-down", "a page down", NULL},
	{"move first", "to the first", NULL},
	{"move last", "to the last", NULL},
	{"mark", "mark the row", NULL},
	{"unmark", "drop all marks", NULL},
	{"sort reverse", "sort the other way round", NULL},
	{"sort", "sort by the next column", NULL},
	{"focus next", "the other list of this pane", NULL},
	{"confirm", "do it", NULL},
	{"leave", "leave", NULL},
	{"accept", "take the line", NULL},
	{"complete", "complete the word", NULL},
	{"history", "lines typed before", NULL},
	{"cursor", "move in the line", NULL},
	{"erase", "erase in the line", NULL},
	{"none", "nothing", NULL},
};

/* The row whose name begins the line; *rest after it. */
static int find_word(const char *line, const char **rest)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t n = strlen(words[i].name);

		if (strncmp(line, words[i].name, n) == 0 && (line[n] == ' ' || !line[n])) {
			*rest = line + n + strspn(line + n, " ");
			return (int)i;
		}
	}
	return -1;
}

static const struct command *command_of(const char *line)
{
	const char *list[WORDS];
	char *memory = NULL;
	int used, n = command_split(line, list, WORDS, &memory, NULL);
	const struct command *c = n > 0 ? command_find(n, list, &used) : NULL;

	free(memory);
	return c;
}

const char *app_about(void *ctx, const char *command)
{
	const struct command *c;
	const char *rest;
	int i = find_word(command, &rest);

	if (i >= 0 && words[i].run == do_pane && *rest) {
		struct app *a = ctx;

		snprintf(a->about, sizeof a->about, "the pane %.60s", rest);
		return a->about;
	}
	if (i >= 0)
		return words[i].help;
	c = command_of(command);
	return c ? c->help : NULL;
}

static bool known(void *ctx, const char *command)
{
	return app_about(ctx, command) != NULL;
}

/* ---- what one may do ------------------------------------------------------------------------- */
bool app_may(const struct app *a, const struct command *c)
{
	const struct node *me = a->whoami ? snapshot_root(a->whoami) : NULL;
	const struct node *list;
	int n;

	if (!command_mutates(c))
		return true;
	/* The role decides before the list of permissions: an auditor never changes anything. */
	if (!me || strcmp(node_str(me, "role", ""), "auditor") == 0)
		return false;
	list = node_list(node_get(me, "permissions"), "", &n);
	for (int i = 0; i < n; i++)
		if (list[i].kind == NODE_TEXT && strcmp(list[i].text, c->permission) == 0)
			return true;
	return false;
}

int app_gate(const struct app *a, const struct command *c, struct err *e)
{
	const struct node *me = a->whoami ? snapshot_root(a->whoami) : NULL;

	if (!command_mutates(c))
		return 0;
	if (a->link != LINK_UP || !a->conn)
		return err_set(
			e, ERR_UNREACHABLE, "the engine does not answer: no act on a stale screen");
	if (!me)
		return err_set(e, ERR_DENIED, "wait: it is not known yet who you are");
	if (!app_may(a, c))
		return err_set(e, ERR_DENIED, "%s needs \"%s\"; you (%s) are %s: look, no acts",
			c->name, c->permission, node_str(me, "user", "?"),
			node_str(me, "role", "not listed"));
	return 0;
}

static void unbind_forbidden(struct app *a)
{
	struct buf lines = {0};
	char key[24];

	for (size_t i = 0;; i++) {
		const struct keymap_binding *b = keymap_get(a->keymap, NULL, i);
		const struct command *c;
		const char *rest;

		if (!b)
			break;
		c = find_word(b->command, &rest) < 0 ? command_of(b->command) : NULL;
		if (c && !app_may(a, c))
			buf_addf(&lines, "unbind %s %s\n", b->section,
				key_format(b->key, key, sizeof key));
	}
	keymap_load_text(a->keymap, "what your role allows", buf_text(&lines));
	buf_release(&lines);
}

void app_keymap_load(struct app *a)
{
	const char *sections[32];
	int n = 0;

	for (int i = 0; a->options->panes[i] && n < 31; i++)
		sections[n++] = a->options->panes[i]->name;
	sections[n] = NULL;
	if (a->help) { /* it borrows the map */
		help_free(a->help);
		a->help = NULL;
	}
	keymap_free(a->keymap);
	a->keymap = keymap_new(sections);
	if (!a->options->no_files)
		keymap_load_file(a->keymap, NULL);
	keymap_check_commands(a->keymap, known, a);
	for (size_t i = 0; keymap_message_get(a->keymap, i); i++) {
		const struct keymap_message *m = keymap_message_get(a->keymap, i);

		if (m->error && !a->whoami)
			app_say(a, ROLE_banner, "%s:%d: %s", m->file, m->line, m->text);
	}
	if (a->whoami)
		unbind_forbidden(a);
}

/* ---- words ----------------------------------------------------------------------------------- */
static void close_details(struct app *a)
{
	while (a->depth)
		app_pane_free(a, a->stack[--a->depth]);
}

static void show_tab(struct app *a, int tab)
{
	close_details(a);
	a->tab = (tab + a->tab_count) % a->tab_count;
	a->message[0] = '\0';
	app_show(a, app_pane(a));
}

static void do_pane(struct app *a, const char *rest)
{
	for (int i = 0; i < a->tab_count; i++)
		if (strcmp(a->tabs[i]->ops->name, rest) == 0) {
			show_tab(a, i);
			return;
		}
	app_say(a, ROLE_banner, "there is no pane \"%s\"", rest);
}

static void do_help(struct app *a, const char *rest)
{
	const struct pane *p = app_pane(a);
	const char *sections[] = {p->ops->name, p->ops->kind, "global", NULL};

	(void)rest;
	a->help = help_new(a->keymap, app_about, a);
	help_open(a->help, sections);
}

static void do_palette(struct app *a, const char *rest)
{
	(void)rest;
	app_prompt_open(a, PROMPT_PALETTE);
}

static void do_filter(struct app *a, const char *rest)
{
	(void)rest;
	if (app_pane(a)->ops->filter)
		app_prompt_open(a, PROMPT_FILTER);
	else
		app_say(a, ROLE_banner, "there is no list to filter here");
}

bool app_open_place(struct app *a, const char *place, struct err *e)
{
	const char *slash = strchr(place, '/');
	size_t n = slash ? (size_t)(slash - place) : strlen(place);

	for (int i = 0; a->options->panes[i]; i++) {
		const struct pane_ops *ops = a->options->panes[i];

		if (!ops->place && !slash && strcmp(ops->name, place) == 0) {
			do_pane(a, place);
			return true;
		}
		if (!ops->place || strlen(ops->place) != n || strncmp(place, ops->place, n) != 0 ||
			!slash || !slash[1])
			continue;
		if (a->depth == APP_DEPTH) /* the oldest one goes; Esc leads back to the tab */
			app_pane_free(a, a->stack[--a->depth]);
		a->stack[a->depth++] = app_pane_new(a, ops, slash + 1);
		app_show(a, app_pane(a));
		return true;
	}
	err_set(e, ERR_INVALID,
		"there is no place \"%.80s\": rollout/12, endpoint/NAME, change/812", place);
	return false;
}

static struct selection selected(const struct app *a)
{
	struct selection s = {0};

	if (app_pane(a)->ops->select)
		app_pane(a)->ops->select(app_pane(a), &s);
	return s;
}

static void do_open(struct app *a, const char *rest)
{
	struct selection s = selected(a);
	struct err e;

	a->message[0] = '\0';
	if (!*rest && s.place[0] == ':') {
		app_prompt_line(a, s.place + 1);
	} else if (*rest || s.place[0]) {
		if (!app_open_place(a, *rest ? rest : s.place, &e))
			app_say(a, ROLE_banner, "%s", e.message);
	}
}

/* A page about the rollout that is selected, or named by its number. Never a second time over
 * itself. */
static void open_page(struct app *a, const char *page, const char *rest)
{
	struct selection s = selected(a);
	const char *rollout = *rest && *rest != '%' ? rest + (*rest == '#')
			      : s.looked_at[0]	    ? s.looked_at
						    : s.rollout;
	char place[64];
	struct err e;

	snprintf(place, sizeof place, "%s/%s", page, rollout);
	a->message[0] = '\0';
	if (!*rollout)
		app_say(a, ROLE_banner, "there is no rollout here to look at; 3 shows all of them");
	else if ((strcmp(app_pane(a)->ops->name, page) != 0 ||
			 strcmp(app_pane(a)->argument, rollout) != 0) &&
		 !app_open_place(a, place, &e))
		app_say(a, ROLE_banner, "%s", e.message);
}

static void do_charts(struct app *a, const char *rest)
{
	open_page(a, "charts", rest);
}

static void do_cards(struct app *a, const char *rest)
{
	open_page(a, "cards", rest);
}

static void do_servers(struct app *a, const char *rest)
{
	struct selection s = selected(a);
	const char *endpoint = *rest && *rest != '%' ? rest : s.endpoint;
	char place[160];
	struct err e;

	snprintf(place, sizeof place, "servers/%s", endpoint);
	a->message[0] = '\0';
	if (!*endpoint)
		app_say(a, ROLE_banner, "there is no endpoint here to do that with");
	else if (strcmp(app_pane(a)->ops->name, "servers") != 0 && !app_open_place(a, place, &e))
		app_say(a, ROLE_banner, "%s", e.message);
}

static void do_back(struct app *a, const char *rest)
{
	struct pane *p = app_pane(a);
	struct err e;

	(void)rest;
	if (a->depth) {
		a->message[0] = '\0';
		app_pane_free(a, a->stack[--a->depth]);
		app_show(a, app_pane(a));
	} else if (p->ops->filter && p->ops->filtered(p)[0]) {
		p->ops->filter(p, "", &e);
	} else {
		a->message[0] = '\0';
	}
}

static void do_quit(struct app *a, const char *rest)
{
	(void)rest;
	a->quit = true;
}

static void do_redraw(struct app *a, const char *rest)
{
	(void)rest;
	if (a->term)
		term_redraw(a->term);
	if (a->term && a->link == LINK_DOWN)
		app_link_start(a, true);
	app_refresh(a, false);
}

static void do_suspend(struct app *a, const char *rest)
{
	(void)rest;
	if (a->term)
		term_suspend(a->term);
}

static void do_time(struct app *a, const char *rest)
{
	(void)rest;
	a->host.zone = a->host.zone == TIMEFMT_UTC ? TIMEFMT_LOCAL : TIMEFMT_UTC;
	app_say(a, ROLE_text, "times are %s now", a->host.zone == TIMEFMT_UTC ? "UTC" : "local");
}

static void do_project(struct app *a, const char *rest)
{
	(void)rest;
	app_prompt_open(a, PROMPT_PROJECT);
}

static void do_copy(struct app *a, const char *rest)
{
	const struct canvas *c = a->canvas;
	struct buf all = {0};
	char *line;
	struct err e;

	(void)rest;
	app_draw(a);
	canvas_dump(c, &all);
	line = buf_detach(&all);
	for (int row = 0; row < c->cursor_row && strchr(line, '\n'); row++)
		memmove(line, strchr(line, '\n') + 1, strlen(strchr(line, '\n') + 1) + 1);
	line[strcspn(line, "\n")] = '\0';
	if (c->cursor_row < 0 || !a->term)
		app_say(a, ROLE_banner, "nothing is selected");
	else if (term_copy(a->term, line, strlen(line), &e))
		app_say(a, ROLE_banner, "%s", e.message);
	else
		app_say(a, ROLE_text, "copied %zu bytes", strlen(line));
	free(line);
}

static void do_dump(struct app *a, const char *rest)
{
	struct buf all = {0};
	char *path = xasprintf("pithead-screen-%" PRId64 ".txt", a->host.now_us / 1000000);

	app_draw(a);
	canvas_dump(a->canvas, &all);
	if (file_write_atomic(*rest ? rest : path, buf_text(&all), all.len, 0600) < 0)
		app_say(a, ROLE_banner, "cannot write %s here", *rest ? rest : path);
	else
		app_say(a, ROLE_text, "written to %s", *rest ? rest : path);
	buf_release(&all);
	free(path);
}

static void do_connect(struct app *a, const char *rest)
{
	if (*rest)
		app_connect(a, rest);
	else
		app_prompt_line(a, "connect ");
}

static void do_flights(struct app *a, const char *rest)
{
	(void)rest;
	app_run_flights(a);
}

/* ---- command lines --------------------------------------------------------------------------- */
static const char *value_of(const struct selection *s, const char *word)
{
	if (strcmp(word, "%id") == 0 || strcmp(word, "%change") == 0)
		return s->id;
	if (strcmp(word, "%rollout") == 0)
		return s->rollout;
	if (strcmp(word, "%endpoint") == 0)
		return s->endpoint;
	if (strcmp(word, "%server") == 0)
		return s->server;
	if (strcmp(word, "%alert") == 0)
		return s->alert;
	if (strcmp(word, "%proposal") == 0)
		return s->proposal;
	return strcmp(word, "%version") == 0 ? s->version : NULL;
}

bool app_line_is_whole(const struct app *a, const char *line)
{
	struct selection s = selected(a);
	const char *list[WORDS];
	char *memory = NULL;
	int n = command_split(line, list, WORDS, &memory, NULL);
	const struct command *c = command_of(line);
	bool whole = n > 0 && (!c || !command_mutates(c) || a->link == LINK_UP);

	for (int i = 0; i < n && whole; i++)
		if (list[i][0] == '%') {
			const char *value = value_of(&s, list[i]);

			whole = value && *value;
		}
	free(memory);
	return whole;
}

/* What is missing, and where it is. */
static const char *none_here(const char *word)
{
	static const char *const said[][2] = {
		{"%id", "there is no change here to do that with; 2 shows all of them"},
		{"%rollout", "no rollout is under way here; 3 shows all of them"},
		{"%endpoint", "there is no endpoint here to do that with; 1 shows them"},
		{"%server",
			"there is no server here to do that with; w shows those of an endpoint"},
		{"%alert", "there is no open alert"},
		{"%proposal", "there is no proposal here to do that with; 0 shows them"},
	};

	for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
		if (strcmp(said[i][0], word) == 0)
			return said[i][1];
	return "there is nothing here to do that with";
}

/* Puts the selection in the place of %words; false (and told) when there is none. */
static bool substitute(struct app *a, const struct selection *s, const char **list, int n)
{
	for (int i = 0; i < n; i++) {
		const char *value;

		if (list[i][0] != '%')
			continue;
		value = value_of(s, list[i]);
		if (!value || !*value) {
			app_say(a, ROLE_banner, "%s", none_here(list[i]));
			return false;
		}
		list[i] = value;
	}
	return true;
}

/* GETs are views: the pane or detail that shows them; false when there is none. */
static bool view(struct app *a, const struct parsed *p)
{
	static const char *const panes[][2] = {{"status", "now"}, {"endpoint list", "now"},
		{"rollout list", "rollouts"}, {"changes", "changes"}, {"audit", "audit"},
		{"proposal list", "proposals"}};
	static const char *const places[][3] = {{"endpoint show", "endpoint", "ENDPOINT"},
		{"rollout show", "rollout", "N"}, {"rollout card", "cards", "N"},
		{"change show", "change", "CHANGE"}, {"open", NULL, "PLACE"}};
	const char *name = p->command->name;

	for (size_t i = 0; i < sizeof panes / sizeof panes[0]; i++)
		if (strcmp(panes[i][0], name) == 0) {
			do_pane(a, panes[i][1]);
			return true;
		}
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (strcmp(places[i][0], name) == 0 && parsed_get(p, places[i][2])) {
			const char *value = parsed_get(p, places[i][2]);
			char *place = places[i][1] ? xasprintf("%s/%s", places[i][1],
							     value + (*value == '#'))
						   : xstrdup(value);

			do_open(a, place);
			free(place);
			return true;
		}
	return false;
}

/* What no pane shows runs on the terminal, as in a shell. An engine or a console in it would be one
 * too many. */
static void run_shell(struct app *a, const struct parsed *p, const char **list, int n)
{
	static const char *const never[] = {"engine", "open", "completion", "restore"};

	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		if (strcmp(p->command->name, never[i]) == 0) {
			app_say(a, ROLE_text, "that one is for the shell: pithead %s",
				p->command->name);
			return;
		}
	app_run_words(a, list, n);
}

static void run_words(struct app *a, const char **list, int n)
{
	struct parsed p;
	struct err e = {0};

	if (command_parse(n, list, &p, &e))
		app_say(a, ROLE_banner, "%s%s%s", e.message, e.hint[0] ? "; " : "", e.hint);
	else if (parsed_get(&p, "help") && p.command)
		app_say(a, ROLE_text, "%s %s: %s", p.command->name, p.command->args,
			p.command->help);
	else if (p.command && p.command->method == METHOD_POST)
		app_act_begin(a, &p);
	else if (p.command && app_gate(a, p.command, &e))
		app_say(a, ROLE_harm, "%s", e.message);
	else if (p.command && !view(a, &p))
		run_shell(a, &p, list, n);
	parsed_release(&p);
}

void app_command(struct app *a, const char *line)
{
	struct pane *p = app_pane(a);
	struct selection s;
	const char *list[WORDS], *rest;
	char *memory = NULL;
	struct err e;
	int i, n;

	if (p->ops->command && p->ops->command(p, line)) {
		a->dirty = true;
		return;
	}
	if (strcmp(line, "pane next") == 0 || strcmp(line, "pane previous") == 0) {
		show_tab(a, a->tab + (line[5] == 'n' ? 1 : -1));
		return;
	}
	i = find_word(line, &rest);
	if (i >= 0) {
		if (words[i].run)
			words[i].run(a, rest);
		return;
	}
	s = selected(a);
	n = command_split(line, list, WORDS, &memory, &e);
	if (n < 0)
		app_say(a, ROLE_banner, "%s", e.message);
	else if (n > 0 && substitute(a, &s, list, n))
		run_words(a, list, n);
	free(memory);
}

static bool is_auditor(const struct app *a)
{
	const struct node *me = a->whoami ? snapshot_root(a->whoami) : NULL;

	return strcmp(node_str(me, "role", ""), "auditor") == 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */
static void help_key(struct app *a, const struct key_event *ev)
{
	static const char *const sections[] = {"detail", "global", NULL};
	const char *line = keymap_lookup(a->keymap, sections, ev->code);

	if (line && help_act(a->help, line))
		return;
	if (ev->code == KEYC_ESC ||
		(line && (strcmp(line, "help") == 0 || strcmp(line, "back") == 0 ||
				 strcmp(line, "quit") == 0))) {
		help_free(a->help);
		a->help = NULL;
	}
}

void app_key(struct app *a, const struct key_event *ev)
{
	const struct pane *p = app_pane(a);
	const char *sections[] = {p->ops->name, p->ops->kind, "global", NULL};
	const char *line;
	char name[24];

	if (a->act.dialog) {
		app_act_key(a, ev);
		return;
	}
	if (a->prompt_use != PROMPT_NONE) {
		app_prompt_key(a, ev);
		return;
	}
	if (a->help) {
		help_key(a, ev);
		return;
	}
	/* Below this size nothing is drawn that could be acted on. */
	line = keymap_lookup(a->keymap, sections, ev->code);
	if (a->canvas->rows < 5 || a->canvas->cols < 20) {
		if (line && strcmp(line, "quit") == 0)
			a->quit = true;
		return;
	}
	/* What was refused is said until the next key; what was done stands until something new. */
	if (a->message_role == ROLE_banner || a->message_role == ROLE_dim)
		a->message[0] = '\0';
	a->dirty = true;
	if (line)
		app_command(a, line);
	else if (ev->code != KEYC_PASTE && ev->code != KEYC_CLICK)
		app_say(a, ROLE_dim, "%s does nothing here%s; ? shows the keys",
			key_format(ev->code, name, sizeof name),
			is_auditor(a) ? ": an auditor looks, and changes nothing" : "");
}
