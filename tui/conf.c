/* conf.c: cuts configuration text into lines of words. Used by keymap.c and theme.c. */
#include "tui/conf.h"

#include <string.h>

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts one word at *s, in place; NULL with *fault set when a quote is left open. */
static char *conf_word(char **s, const char **fault)
{
	char *word = *s, *end;

	if (*word == '"') {
		word++;
		end = strchr(word, '"');
		if (!end) {
			*fault = "a quote is opened and not closed";
			return NULL;
		}
		if (end[1] && !is_blank(end[1])) {
			*fault = "a blank must follow a closing quote";
			return NULL;
		}
	} else {
		end = word + strcspn(word, " \t\r");
	}
	*s = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static void conf_cut(struct conf_line *line)
{
	char *s = line->space;

	line->count = 0;
	for (;;) {
		while (is_blank(*s))
			s++;
		if (*s == '\0' || (*s == '#' && (s[1] == '\0' || is_blank(s[1]))))
			return;
		if (line->count == 0 && *s == '#')
			return;
		if (line->count == CONF_WORDS) {
			line->fault = "too many words (put the command line in double quotes)";
			return;
		}
		const char *word = conf_word(&s, &line->fault);
		if (!word) {
			line->count += line->count == 0;
			return;
		}
		line->word[line->count++] = word;
	}
}

int conf_next(const char **text, struct conf_line *line)
{
	while (**text) {
		size_t n = strcspn(*text, "\n");
		const char *start = *text;

		*text += n + (start[n] == '\n');
		line->number++;
		line->fault = NULL;
		memset(line->word, 0, sizeof(line->word));
		if (n >= sizeof(line->space)) {
			line->fault = "the line is too long";
			line->count = 1;
			line->word[0] = "";
			return 1;
		}
		memcpy(line->space, start, n);
		line->space[n] = '\0';
		conf_cut(line);
		if (line->count > 0)
			return 1;
	}
	return 0;
}
