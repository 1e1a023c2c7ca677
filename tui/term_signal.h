/* term_signal.h: signals as a readable descriptor, and the terminal given back when the process
 * ends in any way. For term.c alone. */
#ifndef PITHEAD_TUI_TERM_SIGNAL_H
#define PITHEAD_TUI_TERM_SIGNAL_H

#include <stddef.h>

/* Remembers the terminal's modes; before anything changes them. */
void term_signal_save(void);

/* The bytes to send when the process dies; borrowed until term_signal_end. */
void term_signal_set_restore(const char *bytes, size_t n);

/* Takes the signals over; gives them back as they were, and the modes too. */
void term_signal_start(void);
void term_signal_end(void);

/* Becomes readable when a signal came. */
int term_signal_pipe(void);

/* Takes the bits of enum term_event that came since the last call. */
unsigned term_signal_take(void);

/* Sets the modes that term_signal_save saw. */
void term_signal_restore_modes(void);

/* Stops the process group as C-z does; returns when it goes on. */
void term_signal_stop(void);

#endif
