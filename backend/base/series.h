/* series.h: what a metrics store answers: sets of labels, each with its points in time. Filled by
 * adapters, read by the code that counts. A point that is not there is a gap: never a zero. */
#ifndef PITHEAD_BACKEND_BASE_SERIES_H
#define PITHEAD_BACKEND_BASE_SERIES_H

#include <stdint.h>

struct series_label {
	char *name, *value; /* owned */
};

struct series_point {
	int64_t at_ms; /* UTC */
	double value;  /* may be NAN or an infinity */
};

struct series {
	struct series_label *labels; /* owned; by name */
	int label_count;
	struct series_point *points; /* owned; in order of time */
	int point_count;
};

struct series_set {
	struct series *list; /* owned */
	int count;
	char warning[240]; /* what the store said of an answer that may be partial; "" = nothing */
};

/* Frees what s holds. */
void series_set_release(struct series_set *s);

/* A series with these labels, found among the first `known`, or added; its labels are copied and
 * sorted. Borrowed until the next one is added. */
struct series *series_set_get(
	struct series_set *s, int known, const struct series_label *labels, int label_count);

/* Appends a point; one that is not later than the last is left out. */
void series_add(struct series *s, int64_t at_ms, double value);

/* The value of a label, "" when it has none of that name. */
const char *series_label(const struct series *s, const char *name);

/* All labels as one text, the same for the same labels whatever their order: `a="x",b="y"`, without
 * the label `without` (NULL = all). The caller frees it. */
char *series_name(const struct series *s, const char *without);

#endif
