/*
 * evaluate.c: what a bundle is worth on months that it has not seen: AUC,
 * Brier score, mean prediction. It predicts with bundle.c as the server does,
 * so a version that is wrong when served is measured wrong here too.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "common.h"
#include "table.h"

#define USAGE "evaluate --model FILE --csv FILE --months YYYY-MM[,...]"

struct scored {
	double p;
	int late;
};

static int compare_scores(const void *a, const void *b)
{
	const struct scored *x = a, *y = b;

	return (x->p > y->p) - (x->p < y->p);
}

/* By ranks, where equal scores share the mean of theirs (Mann-Whitney). */
static double auc_of(struct scored *s, size_t n, double positives)
{
	double ranks = 0, negatives = (double)n - positives;

	qsort(s, n, sizeof *s, compare_scores);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && s[j].p <= s[i].p; j++)
			continue;
		for (size_t k = i; k < j; k++)
			if (s[k].late)
				ranks += (double)(i + 1 + j) / 2.0;
	}
	return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

static void evaluate(const struct bundle *b, const struct table *t, const struct months *m)
{
	struct scored *s = xcalloc(t->n, sizeof *s);
	double squares = 0, sum = 0, late = 0, miss;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (!months_has(m, t->rows[i].month))
			continue;
		s[n].p = bundle_predict(b, &t->rows[i].flight);
		s[n].late = t->rows[i].late;
		miss = s[n].p - s[n].late;
		squares += miss * miss;
		sum += s[n].p;
		late += s[n].late;
		n++;
	}
	if (late < 1 || late > (double)n - 1)
		die("these months need both late and punctual flights");
	printf("version %s rows %zu auc %.4f brier %.4f mean %.4f rate %.4f\n", b->version, n,
		auc_of(s, n, late), squares / (double)n, sum / (double)n, late / (double)n);
	free(s);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{.name = "model", .has_arg = 1, .val = 'b'},
		{.name = "csv", .has_arg = 1, .val = 'c'},
		{.name = "months", .has_arg = 1, .val = 'm'},
		{.name = NULL},
	};
	const char *model = NULL, *csv = NULL;
	struct months months = {.n = 0};
	struct bundle b;
	struct table t;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'b')
			model = optarg;
		else if (c == 'c')
			csv = optarg;
		else if (c != 'm' || !months_parse(optarg, &months))
			die_usage("usage: " USAGE);
	}
	if (model == NULL || csv == NULL || months.n == 0 || optind != argc)
		die_usage("usage: " USAGE);
	bundle_load(&b, model);
	table_load(&t, csv);
	evaluate(&b, &t, &months);
	table_release(&t);
	bundle_release(&b);
	return 0;
}
