/* words.c: the words of a local command. */
#include "backend/local/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether argv[*i] is an option that every command takes; its value, if apart, is skipped. */
static int is_common(int argc, char **argv, int *i)
{
	static const char *const with_value[] = {"--socket", "--as", "--project", "--color"};

	for (size_t k = 0; k < sizeof with_value / sizeof with_value[0]; k++) {
		size_t n = strlen(with_value[k]);

		if (strncmp(argv[*i], with_value[k], n) != 0)
			continue;
		if (argv[*i][n] == '=')
			return 1;
		if (argv[*i][n] == '\0' && *i + 1 < argc) {
			++*i;
			return 1;
		}
	}
	return 0;
}

static int refuse(const struct words *w, const char *name, const char *why, const char *word)
{
	fprintf(stderr, "pithead: %s %s: %s\n", name, why, word);
	fprintf(stderr, "usage: %.*s\n", (int)strcspn(w->usage, "\n"), w->usage);
	return 2;
}

int words_read(struct words *w, int argc, char **argv)
{
	int only_names = 0;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (only_names || a[0] != '-' || !a[1]) {
			if (!w->takes_file || w->file)
				return refuse(w, argv[0], "does not take this word", a);
			w->file = a;
		} else if (strcmp(a, "--") == 0)
			only_names = 1;
		else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
			w->help = 1;
		else if (strcmp(a, "--json") == 0)
			w->json = 1;
		else if (w->own_flag && strcmp(a, w->own_flag) == 0)
			w->flag = 1;
		else if (!is_common(argc, argv, &i))
			return refuse(w, argv[0], "has no such option", a);
	}
	if (!w->help)
		return -1;
	printf("usage: %s\n", w->usage);
	return 0;
}

int words_fail(int json, const struct err *e)
{
	if (json) {
		char *text = err_format_json(e);

		puts(text);
		free(text);
		return err_exit_code(e->code);
	}
	fprintf(stderr, "pithead: %s\n", e->message);
	if (*e->hint)
		fprintf(stderr, "  %s\n", e->hint);
	return err_exit_code(e->code);
}
