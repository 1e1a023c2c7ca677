/* observed.c: see observed.h. */
#include "backend/trial/observed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

#define MOST_A_TICK 1e8 /* more requests than this between two readings are no requests */
#define WHOLE	    1e-6 /* how far from a whole number a count may be, for the arithmetic of doubles */

/* One series of one query, at the instant that is read. */
struct cursor {
	const struct series *s;
	char *target;	 /* owned; job and instance, "" = they are not told */
	int arm, at;	 /* at: of the point that is not before the instant */
	double bound_s;	 /* latency: upper bound */
	double was, now; /* NAN = no value */
};

struct reading {
	const struct spec_metrics *m;
	struct cursor *list[OBSERVED_QUERIES]; /* owned */
	int count[OBSERVED_QUERIES];
	double bounds[JUDGE_BOUNDS + 1]; /* rising, the finite ones */
	int bound_count;
};

const char *observed_text(const struct spec_metrics *m, enum observed_query q)
{
	return q == OBSERVED_REQUESTS ? m->requests : q == OBSERVED_ERRORS ? m->errors : m->latency;
}

static int arm_of(const struct spec_metrics *m, const struct series *s)
{
	const char *v = series_label(s, m->arm);

	return strcmp(v, m->stable) == 0 ? 0 : strcmp(v, m->candidate) == 0 ? 1 : -1;
}

static int read_bound(const struct spec_metrics *m, struct cursor *c, struct err *e)
{
	const char *le = series_label(c->s, "le");
	char *stop;

	c->bound_s = strtod(le, &stop);
	if (!*le || *stop || isnan(c->bound_s))
		return err_set(e, ERR_INVALID,
			"`latency` gives a series without a number in its label `le`: expected "
			"the buckets of a histogram");
	if (strcmp(m->latency_unit, "ms") == 0)
		c->bound_s /= 1000;
	return 0;
}

static int add_bound(struct reading *r, double bound, struct err *e)
{
	int i = 0;

	while (i < r->bound_count && r->bounds[i] < bound)
		i++;
	if (isinf(bound) || (i < r->bound_count && r->bounds[i] == bound))
		return 0;
	if (r->bound_count == JUDGE_BOUNDS)
		return err_set(e, ERR_INVALID, "`latency` has more than %d different buckets",
			JUDGE_BOUNDS);
	memmove(&r->bounds[i + 1], &r->bounds[i],
		(size_t)(r->bound_count - i) * sizeof r->bounds[0]);
	r->bounds[i] = bound;
	r->bound_count++;
	return 0;
}

static char *target_of(const struct series *s)
{
	const char *instance = series_label(s, "instance");

	return *instance ? xasprintf("%s %s", series_label(s, "job"), instance) : xstrdup("");
}

/* Histograms can be added up only where all servers have the same buckets. */
static int check_bounds(const struct reading *r, struct err *e)
{
	int first[2] = {0}, n[2];

	for (int b = 0; b < r->bound_count; b++) {
		n[0] = n[1] = 0;
		for (int i = 0; i < r->count[OBSERVED_LATENCY]; i++)
			if (r->list[OBSERVED_LATENCY][i].bound_s == r->bounds[b])
				n[r->list[OBSERVED_LATENCY][i].arm]++;
		if (b == 0)
			memcpy(first, n, sizeof n);
		else if (n[0] != first[0] || n[1] != first[1])
			return err_set(e, ERR_INVALID,
				"`latency` has histograms with different buckets (some lack le=%g "
				"s): "
				"they cannot be added up",
				r->bounds[b]);
	}
	return 0;
}

static int open_reading(
	struct reading *r, const struct series_set sets[OBSERVED_QUERIES], struct err *e)
{
	int rc = 0;

	for (int q = 0; q < OBSERVED_QUERIES; q++) {
		r->list[q] = xcalloc((size_t)sets[q].count + 1, sizeof *r->list[q]);
		for (int i = 0; i < sets[q].count && !rc; i++) {
			struct cursor c = {.s = &sets[q].list[i],
				.arm = arm_of(r->m, &sets[q].list[i]),
				.was = (double)NAN};

			if (c.arm < 0)
				continue;
			if (q == OBSERVED_LATENCY)
				rc = read_bound(r->m, &c, e);
			if (!rc && q == OBSERVED_LATENCY)
				rc = add_bound(r, c.bound_s, e);
			if (rc)
				break;
			c.target = target_of(c.s);
			r->list[q][r->count[q]++] = c;
		}
	}
	return rc ? rc : check_bounds(r, e);
}

static void close_reading(struct reading *r)
{
	for (int q = 0; q < OBSERVED_QUERIES; q++) {
		for (int i = 0; r->list[q] && i < r->count[q]; i++)
			free(r->list[q][i].target);
		free(r->list[q]);
	}
}

/* Moves all cursors to the instant. */
static void move_to(struct reading *r, int64_t at_ms)
{
	for (int q = 0; q < OBSERVED_QUERIES; q++)
		for (int i = 0; i < r->count[q]; i++) {
			struct cursor *c = &r->list[q][i];
			const struct series *s = c->s;

			while (c->at < s->point_count && s->points[c->at].at_ms < at_ms)
				c->at++;
			c->was = c->now;
			c->now = (double)NAN;
			if (c->at < s->point_count && s->points[c->at].at_ms == at_ms &&
				isfinite(s->points[c->at].value))
				c->now = s->points[c->at].value;
		}
}

/* Whether the server that a series comes from was read at the instant before. */
static int was_read(const struct reading *r, const char *target)
{
	for (int q = 0; *target && q < OBSERVED_QUERIES; q++)
		for (int i = 0; i < r->count[q]; i++)
			if (!isnan(r->list[q][i].was) && strcmp(r->list[q][i].target, target) == 0)
				return 1;
	return 0;
}

/* What a series has counted since the instant before. */
static int growth(const struct reading *r, enum observed_query q, const struct cursor *c,
	double *out, struct err *e)
{
	static const char *const names[] = {"requests", "errors", "latency"};
	double d = 0;

	if (!isnan(c->now) && !isnan(c->was))
		d = c->now >= c->was ? c->now - c->was : c->now;
	else if (!isnan(c->now) && c->at == 0 && was_read(r, c->target))
		d = c->now; /* a new one; not one that had a gap or a NaN */
	*out = round(d);
	if (d < 0 || fabs(d - *out) > WHOLE)
		return err_set(e, ERR_INVALID,
			"`%s` gives a value of %.6g: expected counters of whole requests, without "
			"rate() or increase()",
			names[q], c->now);
	if (d > MOST_A_TICK)
		return err_set(e, ERR_INVALID,
			"`%s` grows by %.3g between two readings: those are no requests", names[q],
			d);
	return 0;
}

static int count_plain(
	const struct reading *r, enum observed_query q, uint32_t out[2], struct err *e)
{
	double sum[2] = {0}, d;

	for (int i = 0; i < r->count[q]; i++) {
		if (growth(r, q, &r->list[q][i], &d, e))
			return ERR_INVALID;
		sum[r->list[q][i].arm] += d;
	}
	for (int arm = 0; arm < 2; arm++)
		out[arm] = (uint32_t)fmin(sum[arm], UINT32_MAX);
	return 0;
}

/* Buckets are cumulative: each holds those before it. */
static int count_latency(const struct reading *r, struct judge_counts *c, struct err *e)
{
	double upto[2][JUDGE_BOUNDS + 1] = {{0}}, d;

	c->bounds = r->bound_count;
	memcpy(c->bound_s, r->bounds, sizeof c->bound_s);
	for (int i = 0; i < r->count[OBSERVED_LATENCY]; i++) {
		const struct cursor *x = &r->list[OBSERVED_LATENCY][i];
		int b = 0;

		if (growth(r, OBSERVED_LATENCY, x, &d, e))
			return ERR_INVALID;
		while (b < r->bound_count && r->bounds[b] < x->bound_s)
			b++;
		upto[x->arm][b] += d;
	}
	for (int arm = 0; arm < 2; arm++)
		for (int b = 0; b <= c->bounds; b++) {
			d = upto[arm][b] - (b ? upto[arm][b - 1] : 0);
			c->timed[arm][b] = d > 0 ? (uint32_t)fmin(d, UINT32_MAX) : 0;
		}
	return 0;
}

static int count_instant(
	const struct reading *r, struct judge_counts *c, struct observed_look *look, struct err *e)
{
	int rc = count_plain(r, OBSERVED_REQUESTS, c->n, e);

	if (!rc)
		rc = count_plain(r, OBSERVED_ERRORS, c->failed, e);
	if (!rc && r->bound_count)
		rc = count_latency(r, c, e);
	for (int arm = 0; arm < 2; arm++)
		if (c->failed[arm] > c->n[arm]) {
			look->excess += c->failed[arm] - c->n[arm];
			c->failed[arm] = c->n[arm];
		}
	return rc;
}

int observed_count(const struct spec_metrics *m, const struct series_set sets[OBSERVED_QUERIES],
	int64_t from_ms, int64_t to_ms, int64_t step_ms, observed_fn fn, void *arg,
	struct observed_look *look, struct err *e)
{
	struct reading r = {.m = m};
	int rc = open_reading(&r, sets, e);

	*look = (struct observed_look){.newest_ms = {-1, -1}};
	for (int64_t at = from_ms; !rc && at <= to_ms; at += step_ms) {
		struct judge_counts c = {.tick = at / 1000};

		move_to(&r, at);
		for (int i = 0; i < r.count[OBSERVED_REQUESTS]; i++)
			if (!isnan(r.list[OBSERVED_REQUESTS][i].now))
				look->newest_ms[r.list[OBSERVED_REQUESTS][i].arm] = at;
		if (at == from_ms)
			continue;
		rc = count_instant(&r, &c, look, e);
		if (!rc)
			fn(arg, &c);
	}
	close_reading(&r);
	return rc;
}

void observed_lack(
	const struct spec_metrics *m, const struct series_set *requests, char *out, size_t size)
{
	const char *lacks = NULL;
	struct buf seen = {0};
	int has[2] = {0};

	out[0] = '\0';
	for (int i = 0; i < requests->count; i++) {
		const char *v = series_label(&requests->list[i], m->arm);
		int arm = arm_of(m, &requests->list[i]);

		if (arm >= 0)
			has[arm] = 1;
		else if (seen.len < 100 && *v && !strstr(buf_text(&seen), v))
			buf_addf(&seen, "%s%s", seen.len ? ", " : "", v);
	}
	lacks = !has[0] ? m->stable : !has[1] ? m->candidate : NULL;
	if (lacks && requests->count == 0)
		snprintf(out, size, "`requests` has no series at all");
	else if (lacks)
		snprintf(out, size, "`requests` has no series with %s=\"%s\"%s%s", m->arm, lacks,
			seen.len ? "; it has " : "", buf_text(&seen));
	buf_release(&seen);
}
