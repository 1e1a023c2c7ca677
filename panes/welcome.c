/* welcome.c: the first screen of an empty engine. Each way is a command line that Enter begins, so
 * that a person sees what is run before it runs. */
#include "panes/welcome.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/widget/text.h"

static const struct {
	const char *name, *what, *line, *more;
} ways[] = {
	{"init", "your own model, as it runs today", ":init --upstream http://",
		"pithead asks the server once, proposes score, features, key and health, and "
		"writes a "
		"pithead.yaml of a dozen lines; at the server nothing changes. You need its "
		"address "
		"and a request that it answers, as a JSON file:\n"
		"  pithead init --upstream http://HOST:PORT/predict --sample request.json\n"
		"Then `pithead apply`, and it serves through the gateway."},
	{"flights", "the example: real flights, five models, four to take back", ":flights",
		"Trains five small models, serves the first, and sends 50 requests a second of "
		"real "
		"flights through the gateway. Four of the others are bad, each in its own way: "
		"start "
		"one, find out which, undo it. In a checkout of pithead's source it is\n"
		"  make run\n"
		"and examples/flights/down takes all of it away."},
	{"connect", "an engine that runs already: a team's, or elsewhere", ":connect ",
		"The path of its socket or home, such as /run/pithead, or a host that you reach by "
		"ssh:\n"
		"  pithead --socket /run/pithead/engine.sock\n"
		"  ssh -t HOST pithead\n"
		"Who you are there is that machine's word: ask its admin for a role."},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void draw_way(struct canvas *c, struct rect r, int row, int i, bool at)
{
	bool styled = at && !c->low_bandwidth;

	canvas_put(c, row, r.col, styled ? ROLE_accent : ROLE_text, ATTR_NONE, at ? ">" : " ");
	canvas_put(c, row, r.col + 1, styled ? ROLE_accent : ROLE_text,
		styled ? ATTR_BOLD : ATTR_NONE, ways[i].name);
	canvas_put_left(c, row, r.col + 10, r.cols - 11, ROLE_text, ATTR_NONE, ways[i].what);
	if (at)
		canvas_set_cursor(c, row, r.col);
}

void welcome_draw(struct canvas *c, struct rect r, int at)
{
	bool roomy = r.rows >= 14;
	int row = r.row + roomy;
	struct text *more;

	canvas_put_left(c, row++, r.col + 1, r.cols - 2, ROLE_heading, ATTR_BOLD,
		"Nothing is served here yet. Three ways to begin; Enter types the command:");
	row += roomy;
	for (int i = 0; i < WAYS && row < r.row + r.rows; i++)
		draw_way(c, r, row++, i, i == at);
	row++;
	if (row >= r.row + r.rows)
		return;
	more = text_new();
	text_add(more, ROLE_dim, ATTR_NONE, ways[at].more);
	text_draw(more, c,
		(struct rect){row, r.col + 1, r.row + r.rows - row, r.cols > 90 ? 88 : r.cols - 2});
	text_free(more);
}

bool welcome_move(int *at, const char *command)
{
	if (strcmp(command, "move down") == 0)
		*at = *at + 1 < WAYS ? *at + 1 : WAYS - 1;
	else if (strcmp(command, "move up") == 0)
		*at = *at > 0 ? *at - 1 : 0;
	else if (strcmp(command, "move first") == 0)
		*at = 0;
	else if (strcmp(command, "move last") == 0)
		*at = WAYS - 1;
	else
		return false;
	return true;
}

void welcome_select(int at, struct selection *out)
{
	str_copy(out->place, sizeof out->place, ways[at].line);
}
