/* help.h: the keys and what they do, made from the live keymap and the commands' own help, so that
 * a rebound key shows. Scrolls and filters. */
#ifndef PITHEAD_TUI_WIDGET_HELP_H
#define PITHEAD_TUI_WIDGET_HELP_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/canvas.h"
#include "tui/keymap.h"

/* One line about a command line of the keymap ("rollout abort %rollout"), or NULL when there is
 * none (the command line itself is shown then). Borrowed until the next call. */
typedef const char *(*help_fn)(void *ctx, const char *command);

struct help;

/* Help over k (borrowed for its life); ended by help_free. */
struct help *help_new(const struct keymap *k, help_fn about, void *ctx);
void help_free(struct help *h);

/* The sections to show first, ended by NULL (the pane's own, then list, global); the others are
 * shown after them. Also reads the keymap again. */
void help_open(struct help *h, const char *const *sections);

/* Shows only lines that hold the text, whatever its case. */
void help_set_filter(struct help *h, const char *filter);

/* Scrolls by "move …" commands. */
bool help_act(struct help *h, const char *command);

void help_draw(struct help *h, struct canvas *c, struct rect r);

/* The hint line from the live keymap: "u undo  X abort …" as far as it fits width; words are
 * pairs {command line, word}, ended by {NULL, NULL}; a command without a key is left out. Drawn at
 * (row, col) of c; the width is what they take in one line. */
struct help_hint {
	const char *command;
	const char *word;
};
int help_hints_width(
	const struct keymap *k, const char *const *sections, const struct help_hint *hints);
void help_draw_hints(const struct keymap *k, const char *const *sections,
	const struct help_hint *hints, struct canvas *c, int row, int col, int width);

#endif
