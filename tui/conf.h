/* conf.h: lines of words, the form of keymap.conf and themes. A word may stand in double quotes;
 * "#" with a blank after it begins a comment. Knows no directive; keymap.c and theme.c do. */
#ifndef PITHEAD_TUI_CONF_H
#define PITHEAD_TUI_CONF_H

#include <stddef.h>

enum { CONF_WORDS = 8, CONF_LINE = 1024 };

struct conf_line {
	int number; /* from 1 */
	int count;  /* words; 0 never occurs */
	const char *word[CONF_WORDS];
	const char *fault; /* what is wrong with the line as such, or NULL */
	char space[CONF_LINE];
};

/* Reads the next line that holds words from *text on, and moves *text behind it. line->number must
 * be 0 before the first call. Returns 0 at the end, else 1 (look at fault first). */
int conf_next(const char **text, struct conf_line *line);

#endif
