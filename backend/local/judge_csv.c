/* judge_csv.c: counts from a CSV: a header row, then a row for each arm of each span of time.
 *   time,arm,requests,errors,le_0.1,le_0.5,le_inf
 * time: seconds of UTC when the span ended; arm: stable, candidate or canary; requests, errors: of
 * that span, not since the start; le_X: those that took at most X seconds, as Prometheus has its
 * buckets. Rows of the same time belong together; time does not go back. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/local/judged.h"

#define COLUMNS_MOST (JUDGE_BOUNDS + 8)
#define COUNT_MOST   4e9

enum { NO_COLUMN = -1 };

struct csv {
	const char *name;
	FILE *f;
	long line;
	char *text; /* owned: the row, cut at its commas */
	size_t size;
	char *fields[COLUMNS_MOST];
	int count, columns;
	int time, arm, requests, errors;   /* where they stand */
	int bucket[JUDGE_BOUNDS + 1], inf; /* le_X in their order, then le_inf */
	double bound_s[JUDGE_BOUNDS];
	int bounds;
};

static int fault(const struct csv *c, struct err *e, const char *what)
{
	return err_set(e, ERR_INVALID, "%s:%ld: %s", c->name, c->line, what);
}

/* Cuts the next row that is not empty; 1, 0 at the end, or an ERR_*. */
static int read_row(struct csv *c, struct err *e)
{
	ssize_t n;
	char *rest, *word;

	do {
		n = getline(&c->text, &c->size, c->f);
		if (n < 0 && ferror(c->f))
			return err_set(
				e, ERR_INVALID, "cannot read %s: %s", c->name, strerror(errno));
		if (n < 0)
			return 0;
		c->line++;
		c->text[strcspn(c->text, "\r\n")] = '\0';
	} while (!c->text[0]);
	rest = c->text;
	for (c->count = 0; (word = strsep(&rest, ",")); c->count++) {
		size_t len;

		if (c->count == COLUMNS_MOST)
			return fault(c, e, "there are too many columns");
		word += strspn(word, " \t\"");
		for (len = strlen(word); len && strchr(" \t\"", word[len - 1]); len--)
			word[len - 1] = '\0';
		c->fields[c->count] = word;
	}
	return 1;
}

static int read_bound(struct csv *c, int column, struct err *e)
{
	const char *text = c->fields[column] + 3;
	char *stop;
	double x = strtod(text, &stop);

	if (!*text || *stop || !(x > 0))
		return fault(c, e, "a column le_X needs a number of seconds, or le_inf");
	if (isinf(x)) {
		c->inf = column;
		return 0;
	}
	if (c->bounds == JUDGE_BOUNDS || (c->bounds && x <= c->bound_s[c->bounds - 1]))
		return fault(c, e, "the columns le_X must rise, and there may be 48");
	c->bound_s[c->bounds] = x;
	c->bucket[c->bounds++] = column;
	return 0;
}

static int read_header(struct csv *c, struct err *e)
{
	struct {
		const char *name;
		int *at;
	} known[] = {{"time", &c->time}, {"arm", &c->arm}, {"requests", &c->requests},
		{"errors", &c->errors}};
	int rc = read_row(c, e), other;

	c->time = c->arm = c->requests = c->errors = c->inf = NO_COLUMN;
	if (rc <= 0)
		return rc ? rc : err_set(e, ERR_INVALID, "%s is empty", c->name);
	for (int i = 0; i < c->count && rc > 0; i++) {
		other = 1;
		for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
			if (strcmp(c->fields[i], known[k].name) == 0) {
				*known[k].at = i;
				other = 0;
			}
		if (strncmp(c->fields[i], "le_", 3) == 0)
			rc = read_bound(c, i, e) ? ERR_INVALID : 1;
		else if (other)
			rc = fault(c, e,
				"unknown column: expected time, arm, requests, errors or "
				"le_SECONDS");
	}
	if (rc < 0)
		return rc;
	c->columns = c->count;
	if (c->time < 0 || c->arm < 0 || c->requests < 0 || (c->errors < 0 && !c->bounds))
		return fault(c, e, "expected the columns time, arm, requests and errors");
	return 0;
}

static int number(const struct csv *c, int column, double most, double *out, struct err *e)
{
	char *stop;

	*out = strtod(c->fields[column], &stop);
	if (!c->fields[column][0] || *stop || !(*out >= 0 && *out <= most))
		return fault(c, e, "a number is none, or below 0");
	return 0;
}

static int count_of(const struct csv *c, int column, uint32_t *out, struct err *e)
{
	double v;

	if (number(c, column, COUNT_MOST, &v, e))
		return ERR_INVALID;
	if (v != floor(v))
		return fault(c, e, "a count is no whole number");
	*out += (uint32_t)v;
	return 0;
}

static int read_buckets(
	const struct csv *c, uint32_t timed[JUDGE_BOUNDS + 1], uint32_t all, struct err *e)
{
	uint32_t before = 0;

	for (int i = 0; i <= c->bounds; i++) {
		int column = i < c->bounds ? c->bucket[i] : c->inf;
		uint32_t upto = column < 0 ? all : 0;

		if (column >= 0 && count_of(c, column, &upto, e))
			return ERR_INVALID;
		if (upto < before)
			return fault(c, e, "the columns le_X count up: each holds those before it");
		timed[i] += upto - before;
		before = upto;
	}
	return 0;
}

/* Adds the row to the counts of its time. */
static int read_counts(const struct csv *c, struct judge_counts *out, struct err *e)
{
	const char *word = c->fields[c->arm];
	int arm = strcmp(word, "stable") != 0;
	uint32_t n = 0;
	int rc;

	if (arm && strcmp(word, "candidate") != 0 && strcmp(word, "canary") != 0)
		return fault(c, e, "`arm` must be stable or candidate");
	rc = count_of(c, c->requests, &n, e);
	if (!rc && c->errors >= 0)
		rc = count_of(c, c->errors, &out->failed[arm], e);
	out->n[arm] += n;
	if (!rc && out->failed[arm] > out->n[arm])
		rc = fault(c, e, "there are more errors than requests");
	if (!rc && c->bounds) {
		out->bounds = c->bounds;
		memcpy(out->bound_s, c->bound_s, sizeof out->bound_s);
		rc = read_buckets(c, out->timed[arm], n, e);
	}
	return rc;
}

static int fold(struct csv *c, struct judged *j, struct err *e)
{
	struct judge_counts now = {.tick = INT64_MIN};
	double t = 0, last = 0;
	int rc;

	while ((rc = read_row(c, e)) > 0) {
		if (c->count != c->columns) {
			rc = fault(c, e, "the row has not as many columns as the first");
			break;
		}
		rc = number(c, c->time, 1e11, &t, e);
		if (!rc && now.tick != INT64_MIN && t < last)
			rc = fault(c, e, "time goes back");
		if (!rc && t > last && now.tick != INT64_MIN) {
			judged_take(j, &now);
			now = (struct judge_counts){.tick = INT64_MIN};
		}
		last = t;
		now.tick = (int64_t)ceil(t);
		if (!rc)
			rc = read_counts(c, &now, e);
		if (rc)
			break;
	}
	if (!rc && now.tick != INT64_MIN)
		judged_take(j, &now);
	return rc;
}

/* Without a policy: the signals that the columns allow, with their usual limits. */
static int endpoint_of(const struct judged_options *o, const struct csv *c,
	struct spec_endpoint *ep, struct err *e)
{
	*ep = (struct spec_endpoint){.line = 0};
	if (o->policy)
		return judged_policy(o, ep, e);
	str_copy(ep->mode, sizeof ep->mode, "observe");
	str_copy(ep->metrics.errors, sizeof ep->metrics.errors, c->errors < 0 ? "" : "errors");
	str_copy(ep->metrics.latency, sizeof ep->metrics.latency, c->bounds ? "le" : "");
	return 0;
}

int judge_csv(const struct judged_options *o, FILE *f, const char *name)
{
	struct csv c = {.name = name, .f = f};
	struct spec_endpoint *ep = xcalloc(1, sizeof *ep);
	struct judged j = {.trial = NULL};
	struct err e = {0};
	int code, rc = read_header(&c, &e);

	if (!rc)
		rc = endpoint_of(o, &c, ep, &e);
	if (!rc)
		rc = judged_open(&j, ep, o->json, &e);
	if (!rc)
		rc = fold(&c, &j, &e);
	if (rc)
		code = judged_refuse(o->json, &e);
	else
		code = judged_finish(&j, INT64_MIN, "");
	judged_release(&j);
	free(ep);
	free(c.text);
	return code;
}
