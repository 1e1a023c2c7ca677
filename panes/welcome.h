/* welcome.h: what Now shows while an engine has nothing at all yet: the ways to begin. */
#ifndef PITHEAD_PANES_WELCOME_H
#define PITHEAD_PANES_WELCOME_H

#include <stdbool.h>

#include "tui/canvas.h"
#include "tui/pane.h"

/* Draws the ways in with the cursor on row `at` (0 …). */
void welcome_draw(struct canvas *c, struct rect r, int at);

/* Moves *at by "move up" and the like; false when the command is none of those. */
bool welcome_move(int *at, const char *command);

/* What Enter does: a command line to go on with, ":init --upstream http://". */
void welcome_select(int at, struct selection *out);

#endif
