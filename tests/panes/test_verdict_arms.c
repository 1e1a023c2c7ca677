/* test_verdict_arms.c: the split and the scores of a card as lines, in columns of 78. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "panes/verdict_card.h"
#include "tui/client/codec.h"

#define ROLLOUT "{\"from\":\"v1\",\"to\":\"v5\"}"

typedef void (*add_fn)(struct text *t, const struct node *r, const struct node *card, int cols,
	enum charset charset);

static const struct {
	const char *name;
	add_fn add;
	const char *card;
	int lines;	      /* that it takes */
	const char *wants[4]; /* lines that are among them */
} cases[] = {
	{"a split as asked for", verdict_card_add_split,
		"{\"share_bp\":2000,\"step_counted\":[800,200],\"ratio\":{\"requests\":0.01}}", 4,
		{"SPLIT, this step      counted       %  | expected 80 % / 20 %",
			"stable v1                 800    80.0  ###############################|",
			"candidate v5              200    20.0  oooooooo|"}},
	{"the candidate gets too much", verdict_card_add_split,
		"{\"share_bp\":2000,\"step_counted\":[600,400],\"ratio\":{\"requests\":1.2}}", 4,
		{"candidate v5              400    40.0  oooooooo|ooooooo",
			"stable v1                 600    60.0  ########################       |",
			"evidence of another (1 = proven): requests 1.20, scores 0.00, outcomes "
			"0.00"}},
	{"nothing counted yet", verdict_card_add_split,
		"{\"share_bp\":2000,\"step_counted\":[0,0],\"ratio\":{}}", 4,
		{"stable v1                   0       -                                 |"}},
	{"a card of another kind", verdict_card_add_split, "{}", 0, {NULL}},
	{"two distributions", verdict_card_add_scores,
		"{\"shifts\":[{\"psi\":0.31,\"psi_limit\":0.25,\"evidence\":2,\"bins\":"
		"[[0,0,50,50,0,0,0,0,0,0],[0,10,0,0,0,0,0,0,0,0]]}]}",
		12,
		{"0.1-0.2    0.0                               100.0   ooooooooooooooooooooooooo",
			"0.2-0.3   50.0   ############                  0.0",
			"psi 0.31 (much: 0.25), evidence 2.00 (1 = proven), n 100 / 10"}},
	{"no scores yet", verdict_card_add_scores,
		"{\"shifts\":[{\"psi\":null,\"bins\":[[0,0,0,0,0,0,0,0,0,0],[0,0,0,0,0,0,0,0,0,0]]}"
		"]}",
		12,
		{"0.1-0.2      -                                   -",
			"psi -, evidence 0.00 (1 = proven), n 0 / 0"}},
	{"a model without scores", verdict_card_add_scores, "{\"shifts\":[]}", 0, {NULL}},
};

static struct snapshot *parse(const char *text)
{
	struct err e = {0};
	struct snapshot *s = codec_parse(text, strlen(text), &e);

	assert_non_null(s);
	return s;
}

/* A line without the blanks at its end. */
static int line_is(const char *line, const char *want)
{
	size_t n = strlen(line);

	while (n && line[n - 1] == ' ')
		n--;
	return n == strlen(want) && strncmp(line, want, n) == 0;
}

static void has_line(const char *name, const struct text *t, const char *want)
{
	for (size_t i = 0; i < text_count(t); i++)
		if (line_is(text_get(t, i), want))
			return;
	for (size_t i = 0; i < text_count(t); i++)
		print_message("%s\n", text_get(t, i));
	fail_msg("%s: there is no line\n%s", name, want);
}

static void lines_are_as_a_person_reads_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snapshot *r = parse(ROLLOUT), *card = parse(cases[i].card);
		struct text *t = text_new();

		cases[i].add(t, snapshot_root(r), snapshot_root(card), 78, CHARSET_ASCII);
		assert_int_equal(cases[i].lines ? text_height(t, 78) : 0, cases[i].lines);
		for (int k = 0; k < 4 && cases[i].wants[k]; k++)
			has_line(cases[i].name, t, cases[i].wants[k]);
		text_free(t);
		snapshot_free(card);
		snapshot_free(r);
	}
}

/* What is not ASCII has other bars for each arm too, so that no colour is needed. */
static void arms_differ_without_colour(void **state)
{
	struct snapshot *r = parse(ROLLOUT), *card = parse(cases[0].card);
	struct text *t = text_new();

	(void)state;
	verdict_card_add_split(t, snapshot_root(r), snapshot_root(card), 78, CHARSET_BRAILLE);
	assert_non_null(strstr(text_get(t, 1), "\u2588\u2588"));
	assert_non_null(strstr(text_get(t, 2), "\u2592\u2592"));
	text_free(t);
	snapshot_free(card);
	snapshot_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_as_a_person_reads_them),
		cmocka_unit_test(arms_differ_without_colour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
