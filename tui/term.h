/* term.h: the terminal. The only writer to it: opens it, sends what changed of a canvas, reads
 * bytes, turns signals into a readable descriptor, and gives the terminal back on every way out.
 * Does not own a loop: the app polls term_input_fd and term_signal_fd. One terminal a process. */
#ifndef PITHEAD_TUI_TERM_H
#define PITHEAD_TUI_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/err.h"
#include "tui/canvas.h"
#include "tui/keys.h"
#include "tui/theme.h"

enum term_color {
	TERM_COLOR_AUTO, /* by NO_COLOR, COLORTERM and the terminal's description */
	TERM_COLOR_NEVER,
	TERM_COLOR_16, /* at most */
	TERM_COLOR_256,
};

struct term_options {
	enum term_color color;
	int charset;	     /* an enum charset, or -1 to go by the locale */
	bool low_bandwidth;  /* fewer bytes: the selection is shown in the gutter only */
	bool cursor_visible; /* for screen readers: the cursor shows on the selected row */
	bool mouse;	     /* off unless asked: it takes text selection away */
};

/* What term_events found; bits. */
enum term_event {
	TERM_RESIZED = 1,   /* term_size is new: canvas_resize, draw */
	TERM_CONTINUED = 2, /* back from a stop: draw; everything is sent again */
	TERM_STOP = 4,	    /* somebody sent SIGTSTP: call term_suspend */
	TERM_END = 8,	    /* SIGTERM, SIGINT, SIGHUP or the terminal is gone: leave the loop */
};

struct term;

/* Opens the terminal on descriptors 0 and 1 and shows a blank screen with the first flush.
 * ERR_FAILED with a sentence when they are no terminal or TERM is unknown; nothing is changed
 * then. The terminal is given back by term_close, at exit(), and when the process dies of a
 * signal. Takes SIGALRM: it ends a process that is stuck 3 s after SIGTERM, SIGINT or SIGHUP. */
int term_open(const struct term_options *o, struct term **out, struct err *e);

/* Gives the terminal back as it was and frees t. NULL is fine. */
void term_close(struct term *t);

/* Descriptors to poll for reading. */
int term_input_fd(const struct term *t);
int term_signal_fd(const struct term *t);

/* Rows and columns now; charset and selection style to make the canvas with (canvas->charset,
 * canvas->low_bandwidth). */
void term_size(const struct term *t, int *rows, int *cols);
enum charset term_charset(const struct term *t);
bool term_low_bandwidth(const struct term *t);

/* Number of colours in use: 0 (mono), 8, 16, 256 or 1 << 24. */
int term_colors(const struct term *t);

/* Uses the theme's colours from the next flush on; the theme is copied. */
void term_set_theme(struct term *t, const struct theme *theme);

/* Sends the cells that differ from the last flush, one refresh, and puts the hardware cursor where
 * the canvas says. Sends nothing when nothing differs. Negative when the terminal is gone. */
int term_flush(struct term *t, const struct canvas *c);

/* Forgets what is on the screen: the next flush sends everything (C-l). */
void term_redraw(struct term *t);

/* Reads all pending bytes into k. The bytes read, or negative when the terminal is gone. */
int term_read(struct term *t, struct keys *k, int64_t now_ms);

/* Throws away what was typed and not yet read (before a dialog is answered). */
void term_discard_input(struct term *t);

/* Takes what signals reported: bits of enum term_event. */
unsigned term_events(struct term *t);

/* Gives the terminal back, stops the process (C-z), and takes the terminal again after. */
void term_suspend(struct term *t);

/* Gives the terminal back for a child program, and takes it again. */
void term_leave(struct term *t);
void term_enter(struct term *t);

/* Offers n bytes to the clipboard of the person's own machine (OSC 52, wrapped for tmux and
 * screen). ERR_TOO_LARGE above 74,994 bytes: nothing is sent. */
int term_copy(struct term *t, const char *data, size_t n, struct err *e);

#endif
