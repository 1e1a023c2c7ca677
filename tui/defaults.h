/* defaults.h: the shipped keymap.conf and themes, compiled in. */
#ifndef PITHEAD_TUI_DEFAULTS_H
#define PITHEAD_TUI_DEFAULTS_H

#include <stddef.h>

/* The text of keymap.conf as shipped. */
const char *defaults_keymap(void);

/* The i-th shipped theme: its text, and its name through *name; NULL past the end. */
const char *defaults_theme(size_t i, const char **name);

#endif
