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

int words_want_json(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--json") == 0)
			return 1;
	return 0;
}

int words_refuse(int json, const struct err *e, const char *usage)
{
	words_fail(json, e);
	if (!json)
		fprintf(stderr, "usage: %.*s\n", (int)strcspn(usage, "\n"), usage);
	return 2;
}

int words_read(struct words *w, int argc, char **argv)
{
	int only_names = 0, json = words_want_json(argc, argv);
	struct err e = {0};

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (only_names || a[0] != '-' || !a[1]) {
			if (!w->takes_file || w->file) {
				err_set(&e, ERR_INVALID, "%s does not take this word: %s", argv[0],
					a);
				return words_refuse(json, &e, w->usage);
			}
			w->file = a;
		} else if (strcmp(a, "--") == 0)
			only_names = 1;
		else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
			w->help = 1;
		else if (strcmp(a, "--json") == 0)
			w->json = 1;
		else if (w->own_flag && strcmp(a, w->own_flag) == 0)
			w->flag = 1;
		else if (!is_common(argc, argv, &i)) {
			err_set(&e, ERR_INVALID, "%s has no such option: %s", argv[0], a);
			return words_refuse(json, &e, w->usage);
		}
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
