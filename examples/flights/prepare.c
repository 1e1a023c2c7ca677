/*
 * prepare.c: turns months of the table into LIBLINEAR's training format, with
 * the features of features.c, and saves the vocabulary of those months. The
 * label is 1 for a flight that arrived more than 15 minutes late, else 0.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "features.h"
#include "table.h"

#define USAGE                                                                                      \
	"prepare --csv FILE --months YYYY-MM[,...] --features hour|all "                           \
	"--vocabulary FILE --out FILE"

struct options {
	const char *csv, *vocabulary, *out;
	struct months months;
	enum feature_set set;
	int has_set;
};

static void parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{.name = "csv", .has_arg = 1, .val = 'c'},
		{.name = "months", .has_arg = 1, .val = 'm'},
		{.name = "features", .has_arg = 1, .val = 'f'},
		{.name = "vocabulary", .has_arg = 1, .val = 'v'},
		{.name = "out", .has_arg = 1, .val = 'o'},
		{.name = NULL},
	};
	int c;

	memset(o, 0, sizeof *o);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c')
			o->csv = optarg;
		else if (c == 'v')
			o->vocabulary = optarg;
		else if (c == 'o')
			o->out = optarg;
		else if (c == 'm' && !months_parse(optarg, &o->months))
			die_usage("--months %s: expected YYYY-MM[,...]", optarg);
		else if (c == 'f') {
			if (!features_parse_set(optarg, &o->set))
				die_usage("--features %s: expected hour or all", optarg);
			o->has_set = 1;
		} else if (c == '?')
			die_usage("usage: " USAGE);
	}
	if (!o->csv || !o->vocabulary || !o->out || !o->has_set || o->months.n == 0 ||
		optind != argc)
		die_usage("usage: " USAGE);
}

static void write_row(
	FILE *f, const struct row *r, enum feature_set set, const struct vocabulary *v)
{
	struct feature_node x[FEATURES_MAX];

	features_fill(set, v, &r->flight, x);
	fprintf(f, "%d", r->late);
	for (int i = 0; x[i].index > 0; i++)
		fprintf(f, " %d:%.9g", x[i].index, x[i].value);
	fputc('\n', f);
}

int main(int argc, char **argv)
{
	struct options o;
	struct table t;
	struct vocabulary v = {.origins = {.n = 0}};
	size_t n = 0;
	FILE *f;

	parse_options(argc, argv, &o);
	table_load(&t, o.csv);
	/* the model that looks at the hour alone needs no airports */
	for (size_t i = 0; i < t.n && o.set == FEATURES_ALL; i++)
		if (months_has(&o.months, t.rows[i].month))
			vocabulary_add(&v, &t.rows[i].flight);
	vocabulary_save(&v, o.vocabulary);
	f = open_file(o.out, "w");
	for (size_t i = 0; i < t.n; i++) {
		if (!months_has(&o.months, t.rows[i].month))
			continue;
		write_row(f, &t.rows[i], o.set, &v);
		n++;
	}
	close_written(f, o.out);
	if (n == 0)
		die("%s has no flights in these months", o.csv);
	vocabulary_release(&v);
	table_release(&t);
	return 0;
}
