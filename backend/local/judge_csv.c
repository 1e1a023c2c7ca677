/* judge_csv.c: counts from a CSV: a header row, then a row for each arm of each span of time.
 *   time,arm,requests,errors,le_0.1,le_0.5,le_inf
 * time: when the span ended, in seconds of UTC (or ms, us, ns: by their size) or as ISO 8601, UTC
 * where no zone is told; arm: stable, candidate or canary, or as the policy or --stable and
 * --candidate name them; requests, errors: of that span, or with --counts=total since some start;
 * le_X: those that took at most X seconds, as Prometheus has its buckets. Rows may come in any
 * order, so all are read before the first is judged; those of one arm and second are added up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/local/csv.h"
#include "backend/local/judged.h"

#define COUNT_MOST 4e9
#define ROWS_MOST  2000000
#define VALUES	   (2 + JUDGE_BOUNDS + 1) /* requests, errors, le_X, le_inf */
#define LOOKS_LIKE 8			  /* rows of an arm, from which a total is recognised */

enum { NO_COLUMN = -1, REQUESTS = 0, ERRORS, BUCKETS };

struct row {
	int64_t tick;
	int arm;
	long line;
	uint32_t *values; /* owned; VALUES of them, as far as there are columns */
};

struct table {
	struct csv csv;
	const struct judged_options *o;
	struct spec_endpoint *ep; /* of the policy, or what the columns allow */
	int columns, time, arm;	  /* where they stand */
	int value[VALUES];	  /* the same; requests, errors, le_X in rising order */
	int inf;		  /* le_inf */
	double bound_s[JUDGE_BOUNDS];
	int bounds;
	struct row *rows; /* owned */
	int count;
	long others; /* rows of arms that nobody asked for */
};

static int fault(const struct table *t, struct err *e, const char *what)
{
	return csv_fault(&t->csv, e, what);
}

/* -- the header -- */

static int add_bound(struct table *t, int column, struct err *e)
{
	const char *text = t->csv.fields[column] + 3;
	char *stop;
	double x = strtod(text, &stop);
	int i = t->bounds;

	if (!*text || *stop || !(x > 0))
		return fault(t, e, "a column le_X needs a number of seconds, or le_inf");
	if (isinf(x)) {
		t->inf = column;
		return 0;
	}
	if (t->bounds == JUDGE_BOUNDS)
		return fault(t, e, "there are more than 48 columns le_X");
	for (; i > 0 && t->bound_s[i - 1] > x; i--) {
		t->bound_s[i] = t->bound_s[i - 1];
		t->value[BUCKETS + i] = t->value[BUCKETS + i - 1];
	}
	if (i > 0 && t->bound_s[i - 1] == x)
		return fault(t, e, "two columns le_X have the same bound");
	t->bound_s[i] = x;
	t->value[BUCKETS + i] = column;
	t->bounds++;
	return 0;
}

/* Which of our columns a name means, NULL = none. */
static int *column_of(struct table *t, const char *name)
{
	const struct {
		const char *name;
		int *at;
	} known[] = {{"time", &t->time}, {"timestamp", &t->time}, {"ts", &t->time},
		{"arm", &t->arm}, {"version", &t->arm}, {"variant", &t->arm},
		{"requests", &t->value[REQUESTS]}, {"total", &t->value[REQUESTS]},
		{"count", &t->value[REQUESTS]}, {"errors", &t->value[ERRORS]},
		{"failed", &t->value[ERRORS]}, {"failures", &t->value[ERRORS]}};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcasecmp(name, known[i].name) == 0)
			return known[i].at;
	return NULL;
}

static int read_header(struct table *t, struct err *e)
{
	int rc = csv_read(&t->csv, e);

	if (rc <= 0)
		return rc ? rc : err_set(e, ERR_INVALID, "%s is empty", t->csv.name);
	t->time = t->arm = t->value[REQUESTS] = t->value[ERRORS] = t->inf = NO_COLUMN;
	t->columns = t->csv.count;
	for (int i = 0; i < t->columns; i++) {
		int *at = column_of(t, t->csv.fields[i]);

		if (strncasecmp(t->csv.fields[i], "le_", 3) == 0) {
			if (add_bound(t, i, e))
				return ERR_INVALID;
		} else if (at && *at != NO_COLUMN) {
			return csv_fault(&t->csv, e, "two columns mean the same");
		} else if (at) {
			*at = i;
		} else {
			fprintf(stderr, "pithead: the column `%.60s` is passed over\n",
				t->csv.fields[i]);
		}
	}
	if (t->time < 0 || t->arm < 0 || t->value[REQUESTS] < 0 ||
		(t->value[ERRORS] < 0 && !t->bounds))
		return fault(t, e, "expected the columns time, arm, requests and errors");
	return 0;
}

/* -- rows -- */

static int read_time(const struct table *t, int64_t *tick, struct err *e)
{
	const char *text = t->csv.fields[t->time];
	int64_t us;

	if (clock_parse(text, &us) < 0)
		return err_set(e, ERR_INVALID,
			"%s:%ld: the time \"%.40s\" is none: expected seconds of UTC, or "
			"2026-11-26T14:00:00Z",
			t->csv.name, t->csv.line, text);
	*tick = (us + 999999) / 1000000;
	return 0;
}

static int is_named(const char *word, const char *usual, const char *name)
{
	return strcmp(word, name && *name ? name : usual) == 0;
}

/* 0 stable, 1 candidate, 2 another that nobody asked for, or an ERR_*. */
static int read_arm(const struct table *t, struct err *e)
{
	const char *word = t->csv.fields[t->arm];
	const struct spec_metrics *m = &t->ep->metrics;

	for (int arm = 0; t->o->stable && arm < 2; arm++)
		if (strcmp(word, arm ? t->o->candidate : t->o->stable) == 0)
			return arm;
	if (t->o->stable)
		return 2;
	if (strcmp(word, "stable") == 0 || is_named(word, "stable", m->stable))
		return 0;
	if (strcmp(word, "candidate") == 0 || strcmp(word, "canary") == 0 ||
		is_named(word, "candidate", m->candidate))
		return 1;
	return err_set(e, ERR_INVALID,
		"%s:%ld: the arm \"%.40s\" is neither stable nor candidate: name yours with "
		"--stable=NAME --candidate=NAME",
		t->csv.name, t->csv.line, word);
}

static int read_count(const struct table *t, int column, uint32_t *out, struct err *e)
{
	const char *text = t->csv.fields[column];
	char *stop;
	double v = strtod(text, &stop);

	if (!*text || *stop || !(v >= 0 && v <= COUNT_MOST) || v != floor(v))
		return err_set(e, ERR_INVALID,
			"%s:%ld: \"%.40s\" is no count: expected a whole number from 0 to "
			"4000000000",
			t->csv.name, t->csv.line, text);
	*out = (uint32_t)v;
	return 0;
}

static int read_values(const struct table *t, uint32_t *v, struct err *e)
{
	int rc = 0, last = BUCKETS + t->bounds;

	for (int i = 0; i < last && !rc; i++)
		if (t->value[i] >= 0)
			rc = read_count(t, t->value[i], &v[i], e);
	if (!rc && t->inf >= 0)
		rc = read_count(t, t->inf, &v[last], e);
	else if (!rc && t->bounds)
		v[last] = v[REQUESTS];
	if (!rc && v[ERRORS] > v[REQUESTS])
		rc = fault(t, e, "there are more errors than requests");
	for (int i = BUCKETS + 1; i <= last && t->bounds && !rc; i++)
		if (v[i] < v[i - 1])
			rc = fault(t, e, "the columns le_X count up: each holds those before it");
	return rc;
}

static int read_row(struct table *t, struct err *e)
{
	struct row r = {.line = t->csv.line};

	if (t->csv.count != t->columns)
		return fault(t, e, "the row has not as many columns as the first");
	r.arm = read_arm(t, e);
	if (r.arm < 0 || read_time(t, &r.tick, e))
		return ERR_INVALID;
	if (r.arm > 1) {
		t->others++;
		return 0;
	}
	if (t->count == ROWS_MOST)
		return err_set(
			e, ERR_TOO_LARGE, "%s has more than %d rows", t->csv.name, ROWS_MOST);
	r.values = xcalloc((size_t)(BUCKETS + t->bounds + 1), sizeof *r.values);
	if ((t->count & (t->count - 1)) == 0)
		t->rows = xrealloc(t->rows, t->count ? 2 * (size_t)t->count : 1, sizeof *t->rows);
	t->rows[t->count++] = r;
	return read_values(t, r.values, e);
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->tick != y->tick)
		return x->tick < y->tick ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static int read_rows(struct table *t, struct err *e)
{
	int rc;

	while ((rc = csv_read(&t->csv, e)) > 0) {
		rc = read_row(t, e);
		if (rc)
			return rc;
	}
	if (!rc && t->count)
		qsort(t->rows, (size_t)t->count, sizeof *t->rows, compare);
	if (t->others)
		fprintf(stderr, "pithead: %ld rows of other arms are passed over\n", t->others);
	return rc;
}

/* -- what they count -- */

/* Whether the counts of an arm never fall and have grown much: no traffic of spans is like that. */
static int looks_total(const struct table *t, int arm)
{
	const struct row *first = NULL, *last = NULL;
	int n = 0;

	for (int i = 0; i < t->count; i++) {
		const struct row *r = &t->rows[i];

		if (r->arm != arm)
			continue;
		if (last &&
			(r->tick == last->tick || r->values[REQUESTS] < last->values[REQUESTS] ||
				r->values[ERRORS] < last->values[ERRORS]))
			return 0;
		first = first ? first : r;
		last = r;
		n++;
	}
	return n >= LOOKS_LIKE && last->values[REQUESTS] / 3 >= first->values[REQUESTS];
}

/* From counts since a start to those of each span. One that is lower than before has begun anew. */
static int subtract(struct table *t, struct err *e)
{
	uint32_t was[2][VALUES];
	int64_t seen[2] = {INT64_MIN, INT64_MIN};

	for (int i = 0; i < t->count; i++) {
		struct row *r = &t->rows[i];
		int known = seen[r->arm] != INT64_MIN, anew;
		uint32_t *before = was[r->arm];

		if (known && seen[r->arm] == r->tick)
			return err_set(e, ERR_INVALID,
				"%s:%ld: a second row of this arm and time: totals of several "
				"servers cannot be told apart",
				t->csv.name, r->line);
		seen[r->arm] = r->tick;
		anew = known && r->values[REQUESTS] < before[REQUESTS];
		for (int k = 0; k <= BUCKETS + t->bounds; k++) {
			uint32_t now = r->values[k];

			r->values[k] = !known ? 0 : anew || now < before[k] ? now : now - before[k];
			before[k] = now;
		}
	}
	return 0;
}

static int make_spans(struct table *t, struct err *e)
{
	if (t->o->counts && strcmp(t->o->counts, "total") == 0)
		return subtract(t, e);
	if (t->o->counts || !looks_total(t, 0) || !looks_total(t, 1))
		return 0;
	err_set(e, ERR_INVALID, "%s: the counts never fall: they look counted since a start",
		t->csv.name);
	return err_hint(
		e, "say --counts=total if they are, --counts=interval if each row has its own");
}

/* -- and judging them -- */

static int compare_gaps(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* The usual length of a span, in ms: rows that are further apart than the policy reads its metrics
 * are not stale for that. */
static int64_t span_ms(const struct table *t)
{
	int64_t *gaps = xcalloc((size_t)t->count + 1, sizeof *gaps), median;
	int n = 0;

	for (int i = 1; i < t->count; i++)
		if (t->rows[i].tick > t->rows[i - 1].tick)
			gaps[n++] = t->rows[i].tick - t->rows[i - 1].tick;
	qsort(gaps, (size_t)n, sizeof *gaps, compare_gaps);
	median = n ? gaps[n / 2] * 1000 : 0;
	free(gaps);
	return median;
}

static int add(const struct table *t, const struct row *r, struct judge_counts *c, struct err *e)
{
	int last = BUCKETS + t->bounds;

	if ((double)c->n[r->arm] + r->values[REQUESTS] > COUNT_MOST)
		return err_set(e, ERR_INVALID, "%s:%ld: more than 4000000000 requests in a second",
			t->csv.name, r->line);
	c->n[r->arm] += r->values[REQUESTS];
	c->failed[r->arm] += r->values[ERRORS];
	if (c->failed[r->arm] > c->n[r->arm])
		c->failed[r->arm] = c->n[r->arm];
	if (!t->bounds)
		return 0;
	c->bounds = t->bounds;
	memcpy(c->bound_s, t->bound_s, sizeof c->bound_s);
	for (int k = BUCKETS; k <= last; k++) {
		uint32_t below = k > BUCKETS ? r->values[k - 1] : 0;

		c->timed[r->arm][k - BUCKETS] += r->values[k] > below ? r->values[k] - below : 0;
	}
	return 0;
}

static int fold(const struct table *t, struct judged *j, struct err *e)
{
	struct judge_counts now = {.tick = INT64_MIN};
	int rc = 0;

	for (int i = 0; i < t->count && !rc; i++) {
		if (t->rows[i].tick != now.tick && now.tick != INT64_MIN)
			judged_take(j, &now);
		if (t->rows[i].tick != now.tick)
			now = (struct judge_counts){.tick = t->rows[i].tick};
		rc = add(t, &t->rows[i], &now, e);
	}
	if (!rc && now.tick != INT64_MIN)
		judged_take(j, &now);
	return rc;
}

/* Without a policy: the signals that the columns allow, with their usual limits. */
static int read_policy(struct table *t, struct err *e)
{
	struct spec_metrics *m = &t->ep->metrics;

	if (t->o->policy)
		return judged_policy(t->o, t->ep, e);
	str_copy(t->ep->mode, sizeof t->ep->mode, "observe");
	str_copy(m->errors, sizeof m->errors, t->value[ERRORS] < 0 ? "" : "errors");
	str_copy(m->latency, sizeof m->latency, t->bounds ? "le" : "");
	return 0;
}

static void table_release(struct table *t)
{
	for (int i = 0; i < t->count; i++)
		free(t->rows[i].values);
	free(t->rows);
	free(t->ep);
	csv_release(&t->csv);
}

int judge_csv(const struct judged_options *o, FILE *f, const char *name)
{
	struct table t = {.csv = {.name = name, .f = f}, .o = o, .ep = xcalloc(1, sizeof *t.ep)};
	struct judged j = {.trial = NULL};
	struct err e = {0};
	int code, rc = read_header(&t, &e);

	if (!rc)
		rc = read_policy(&t, &e);
	if (!rc)
		rc = read_rows(&t, &e);
	if (!rc)
		rc = make_spans(&t, &e);
	if (!rc && span_ms(&t) > spec_metrics_every(&t.ep->metrics)) {
		t.ep->metrics.every_ms = span_ms(&t);
		t.ep->metrics.stale_ms = 0;
	}
	if (!rc)
		rc = judged_open(&j, t.ep, o->json, &e);
	if (!rc)
		rc = fold(&t, &j, &e);
	if (rc)
		code = judged_refuse(o->json, &e);
	else
		code = judged_finish(&j, INT64_MIN, "");
	judged_release(&j);
	table_release(&t);
	return code;
}
