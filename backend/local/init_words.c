/* init_words.c: the words of `pithead init`. Which there are stands in wire/options.def; here only
 * where they go. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/local/init.h"
#include "backend/local/words.h"

/* Where the value of an option goes: to one place, or to the end of a list. */
struct option_row {
	const char *name;
	const char **at;
	int *count, most;
};

static int option_add(const struct option_row *row, const char *value, struct err *e)
{
	if (row->count && *row->count == row->most) {
		return err_set(
			e, ERR_INVALID, "--%s is taken %d times at most", row->name, row->most);
	}
	row->at[row->count ? (*row->count)++ : 0] = value;
	return 0;
}

/* --NAME VALUE or --NAME=VALUE; *i moves over the value. 0, or ERR_INVALID. */
static int option_read(struct init_words *w, int argc, char **argv, int *i, struct err *e)
{
	const struct option_row rows[] = {
		{"upstream", w->upstream, &w->upstream_count, INIT_URLS},
		{"candidate", w->candidate, &w->candidate_count, INIT_URLS},
		{"header", w->header, &w->header_count, INIT_HEADERS},
		{"sample", &w->sample, NULL, 0},
		{"openapi", &w->openapi, NULL, 0},
		{"haproxy", w->haproxy, &w->haproxy_count, INIT_FILES},
		{"path", &w->path, NULL, 0},
		{"method", &w->method, NULL, 0},
		{"project", &w->project, NULL, 0},
		{"endpoint", &w->endpoint, NULL, 0},
		{"owner", &w->owner, NULL, 0},
		{"environment", &w->environment, NULL, 0},
		{"tier", &w->tier, NULL, 0},
		{"listen", &w->listen, NULL, 0},
		{"out", &w->out, NULL, 0},
		{"score", &w->score, NULL, 0},
		{"task", &w->task, NULL, 0},
		{"key", &w->key, NULL, 0},
		{"segment", &w->segment, NULL, 0},
		{"health", &w->health, NULL, 0},
	};
	const char *word = argv[*i] + 2, *equals = strchr(word, '=');
	const char *ignored[1];
	const struct option_row common[] = {{"socket", ignored, NULL, 0}, {"as", ignored, NULL, 0},
		{"color", ignored, NULL, 0}};
	const struct option_row *row = NULL;
	size_t n = equals ? (size_t)(equals - word) : strlen(word);

	for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
		if (strlen(rows[k].name) == n && strncmp(rows[k].name, word, n) == 0)
			row = &rows[k];
	for (size_t k = 0; k < sizeof common / sizeof common[0]; k++)
		if (strlen(common[k].name) == n && strncmp(common[k].name, word, n) == 0)
			row = &common[k];
	if (row && equals)
		return option_add(row, equals + 1, e);
	if (row && *i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0)
		return option_add(row, argv[++*i], e);
	return err_set(
		e, ERR_INVALID, row ? "%s needs a value" : "init has no such option: %s", argv[*i]);
}

static int flag_read(struct init_words *w, const char *word)
{
	const struct {
		const char *name;
		int *at;
	} flags[] = {{"--force", &w->force}, {"--yes", &w->yes}, {"--json", &w->json},
		{"--help", &w->help}, {"-h", &w->help}};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (strcmp(flags[i].name, word) == 0)
			return *flags[i].at = 1;
	return 0;
}

int init_words_read(struct init_words *w, int argc, char **argv)
{
	int json = words_want_json(argc, argv);
	struct err e = {0};

	*w = (struct init_words){0};
	for (int i = 1; i < argc; i++) {
		if (flag_read(w, argv[i]))
			continue;
		if (strncmp(argv[i], "--", 2) != 0 || !argv[i][2]) {
			err_set(&e, ERR_INVALID, "init does not take this word: %s", argv[i]);
			return words_fail(json, &e);
		}
		if (option_read(w, argc, argv, &i, &e))
			return words_fail(json, &e);
	}
	w->out = w->out ? w->out : "pithead.yaml";
	w->interactive = !w->yes && !w->json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
			 !(w->sample && strcmp(w->sample, "-") == 0);
	if (!w->help)
		return -1;
	puts("usage: pithead init --upstream URL --sample FILE\nAll of it: pithead init --help");
	return 0;
}
