/* dialog.h: a plan or question that must be answered: scrolls, names its keys, and takes no answer
 * that was typed before it was on the screen. Esc always leaves. On demand the endpoint's name must
 * be typed before Enter does anything. What is confirmed is the caller's. */
#ifndef PITHEAD_TUI_WIDGET_DIALOG_H
#define PITHEAD_TUI_WIDGET_DIALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/canvas.h"
#include "tui/keymap.h"
#include "tui/keys.h"
#include "tui/widget/text.h"

enum dialog_result {
	DIALOG_OPEN,
	DIALOG_CONFIRMED,
	DIALOG_LEFT,
};

/* Answers are taken this long after the frame was sent, so that no key in flight is an answer. */
enum { DIALOG_GUARD_MS = 300 };

struct dialog;

/* A dialog with a title ("UNDO promote #39"); ended by dialog_free. */
struct dialog *dialog_new(const char *title);
void dialog_free(struct dialog *d);

/* The text to fill; owned by d. */
struct text *dialog_text(struct dialog *d);

/* The word for Enter ("do it"); NULL: there is nothing to confirm, Enter leaves too. */
void dialog_set_confirm(struct dialog *d, const char *word);

/* Asks for a name to be typed before Enter confirms (acts that raise a share on tier high). */
void dialog_set_challenge(struct dialog *d, const char *name);

/* Asks for a line of text, such as a reason, which may not be empty when needed. */
void dialog_set_question(struct dialog *d, const char *label, bool needed);
const char *dialog_answer(const struct dialog *d);

/* To be called after the flush that put the dialog (or its filled plan) on the terminal. Call
 * term_discard_input() and keys_discard() right before. Until then only Esc works. */
void dialog_shown(struct dialog *d, int64_t now_ms);
bool dialog_is_shown(const struct dialog *d);

/* To be called when the plan shown is another than before: answers wait for dialog_shown again. */
void dialog_changed(struct dialog *d);

/* Changes the waiting time after dialog_shown (tests). */
void dialog_set_guard(struct dialog *d, int64_t ms);

/* Applies a key by the keymap's "dialog" section ("confirm", "leave", "move …"). */
enum dialog_result dialog_key(struct dialog *d, const struct keymap *k, const struct key_event *ev);

/* Draws over r, cleared: the title, the text, the keys last. */
void dialog_draw(struct dialog *d, struct canvas *c, struct rect r, const struct keymap *k);

#endif
