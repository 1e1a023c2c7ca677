/* prompt.h: one line that is typed: filter, command palette, a reason. Knows history, completion
 * and paste; Esc always leaves, whatever the keymap says. What the text means is the caller's. */
#ifndef PITHEAD_TUI_WIDGET_PROMPT_H
#define PITHEAD_TUI_WIDGET_PROMPT_H

#include <stddef.h>

#include "tui/canvas.h"
#include "tui/keymap.h"
#include "tui/keys.h"

enum prompt_result {
	PROMPT_SAME,	 /* nothing that matters to the caller */
	PROMPT_CHANGED,	 /* the text is another: filter anew */
	PROMPT_ACCEPTED, /* Enter */
	PROMPT_LEFT,	 /* Esc */
};

struct prompt;

/* Called for Tab: adds the whole texts that could stand instead, with prompt_choice_add. */
typedef void (*prompt_complete_fn)(void *ctx, const char *text, struct prompt *p);

/* A prompt shown after label ("/", ":", "reason"). Ended by prompt_free. */
struct prompt *prompt_new(const char *label);
void prompt_free(struct prompt *p);

/* Uses another label and an empty line; history stays. */
void prompt_open(struct prompt *p, const char *label);

/* Completion; NULL for none. */
void prompt_set_complete(struct prompt *p, prompt_complete_fn fn, void *ctx);
void prompt_choice_add(struct prompt *p, const char *text);

/* The text now; borrowed until the next key. */
const char *prompt_text(const struct prompt *p);
void prompt_set_text(struct prompt *p, const char *text);

/* A sentence shown behind the text (a bad regex, what is missing); NULL for none. Copied. */
void prompt_set_note(struct prompt *p, const char *note);

/* Applies a key by the keymap's "prompt" section ("accept", "leave", "complete", "history back",
 * "history forward", "cursor left|right|first|last", "erase back|forward|word|line"); other keys
 * that type a character insert it; pasted text is inserted with newlines as blanks. */
enum prompt_result prompt_key(struct prompt *p, const struct keymap *k, const struct key_event *ev);

/* Adds a line to the history (accepting does it by itself). */
void prompt_history_add(struct prompt *p, const char *text);

/* Draws in row r.row; the choices of a completion go in the rows above it, newest use: at most
 * r.rows - 1, when r.rows > 1 (the prompt is then r's last row). Sets the cursor. */
void prompt_draw(const struct prompt *p, struct canvas *c, struct rect r);

#endif
