/* keymap.h: which key runs which command line. The shipped keymap.conf is compiled in and read
 * first; a person's file is read over it. A bad line is reported with file and line and skipped:
 * a file never stops the start. Command lines are kept as text; running them is the app's work. */
#ifndef PITHEAD_TUI_KEYMAP_H
#define PITHEAD_TUI_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/theme.h"

struct keymap;

struct keymap_binding {
	const char *section; /* "global", "list", "rollouts" … */
	uint32_t key;	     /* code of keys.h */
	const char *command; /* "rollout abort %rollout" */
	const char *file;
	int line;
};

struct keymap_message {
	bool error; /* otherwise a warning */
	const char *file;
	int line;
	const char *text;
};

/* A keymap with the shipped bindings. sections names the panes' sections, ended by NULL, beside
 * the built-in global, list, prompt, dialog and detail. Ended by keymap_free. */
struct keymap *keymap_new(const char *const *sections);
void keymap_free(struct keymap *k);

/* Reads lines over what is there; file is the name used in messages. Returns the errors met. */
int keymap_load_text(struct keymap *k, const char *file, const char *text);

/* Reads a person's file; a missing file is no error. path NULL means
 * $XDG_CONFIG_HOME/pithead/keymap.conf (or ~/.config). Returns the errors met. */
int keymap_load_file(struct keymap *k, const char *path);

/* Warns of bindings whose command line known() refuses; call once after loading. */
void keymap_check_commands(
	struct keymap *k, bool (*known)(void *ctx, const char *command), void *ctx);

/* The command line of a key in a section alone, or NULL; "none" is given as it is. */
const char *keymap_find(const struct keymap *k, const char *section, uint32_t key);

/* The command line of a key, tried in the sections in turn ("rollouts", "list", "global");
 * NULL when no section has it or the first that does says "none". Ends at a NULL name. */
const char *keymap_lookup(const struct keymap *k, const char *const *sections, uint32_t key);

/* The first key bound to exactly this command line in the section, or KEYC_NONE; for hints. */
uint32_t keymap_key_of(const struct keymap *k, const char *section, const char *command);

/* All bindings, in the order of the files; section NULL for all. Returns NULL past the end.
 * Borrowed until the next load. */
const struct keymap_binding *keymap_get(const struct keymap *k, const char *section, size_t i);

/* The value of a setting ("theme", "charset", "color", "time", "cursor", "low-bandwidth",
 * "mouse"): as set by a file, else as shipped. Never NULL for these names. */
const char *keymap_setting(const struct keymap *k, const char *name);

/* Lays the "color" lines of the files over a theme. */
void keymap_apply_colors(const struct keymap *k, struct theme *t);

/* Errors and warnings of all loads; NULL past the end. For the banner and `?`. */
const struct keymap_message *keymap_message_get(const struct keymap *k, size_t i);

/* Writes where a person's files are: $XDG_CONFIG_HOME/pithead/NAME into out. False when neither
 * XDG_CONFIG_HOME nor HOME is set. */
bool config_path(char *out, size_t size, const char *name);

#endif
