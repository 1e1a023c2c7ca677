/* window.c: a ring of seconds per endpoint, each with the sums of both arms. A second is found by
 * its number modulo the ring and carries its number, so nothing has to be swept when time moves.
 * It knows no clock: time comes from the records and from the caller. */
#include "backend/ingest/window.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

/* Longer than what can be asked for, so that the second under way and records that are a little
 * ahead of the caller's clock do not push out the oldest. */
#define RING	    (WINDOW_SECONDS + 60)
#define BINS_PER_10 (LATENCY_BINS / 6.0) /* six decades */
#define LATENCY_MIN 0.1			 /* ms */

/* So many records in a row that are too old mean that the clock was set back. */
#define STEPPED_BACK 8

struct arm_second {
	uint32_t requests, failures, unread, segment_unknown, keyless, scored, outcomes, brier_n;
	double score_sum, score_square_sum, outcome_sum, brier_sum;
	uint32_t bins[LATENCY_BINS];
};

struct second {
	int64_t number; /* seconds of UTC; 0 = empty */
	struct arm_second arms[ARM_COUNT];
};

struct window {
	int64_t newest;	   /* the highest number in the ring */
	int64_t newest_us; /* of records only */
	int too_old;	   /* records in a row that were ignored */
	struct second ring[RING];
};

struct window *window_new(void)
{
	return xcalloc(1, sizeof(struct window));
}

void window_free(struct window *w)
{
	free(w);
}

static int latency_bin(double ms)
{
	double bin = ms <= LATENCY_MIN ? 0 : log10(ms / LATENCY_MIN) * BINS_PER_10;

	return bin >= LATENCY_BINS ? LATENCY_BINS - 1 : (int)bin;
}

/* The sums of one second, emptied if its place held an older one; NULL when it is too old. */
static struct second *second_at(struct window *w, int64_t number)
{
	struct second *s;

	if (number <= 0 || number <= w->newest - RING)
		return NULL;
	s = &w->ring[number % RING];
	if (s->number != number) {
		memset(s, 0, sizeof *s);
		s->number = number;
	}
	if (number > w->newest)
		w->newest = number;
	return s;
}

/* Without this a clock set back by an hour would make the window deaf for an hour. */
static struct second *second_after_step(struct window *w, int64_t number)
{
	if (number <= 0 || ++w->too_old < STEPPED_BACK)
		return NULL;
	memset(w, 0, sizeof *w);
	return second_at(w, number);
}

void window_add(struct window *w, const struct record *r)
{
	int64_t number = r->routed_us / 1000000;
	struct second *s = second_at(w, number);
	struct arm_second *a;

	must(r->arm < ARM_COUNT);
	if (!s && !(s = second_after_step(w, number)))
		return;
	w->too_old = 0;
	if (r->routed_us > w->newest_us)
		w->newest_us = r->routed_us;
	a = &s->arms[r->arm];
	a->requests++;
	a->failures += r->failed != 0;
	a->unread += r->read == 0;
	a->segment_unknown += r->segment_unknown != 0;
	a->keyless += r->keyed == 0;
	if (isfinite(r->score)) {
		a->scored++;
		a->score_sum += r->score;
		a->score_square_sum += r->score * r->score;
	}
	if (r->answer_ms >= 0)
		a->bins[latency_bin(r->answer_ms)]++;
}

void window_add_counts(struct window *w, enum arm arm, const struct window_counts *c)
{
	struct second *s = second_at(w, c->second);

	if (!s || !c->requests)
		return;
	s->arms[arm].requests += c->requests;
	s->arms[arm].failures += c->failures;
	if (c->second * 1000000 > w->newest_us)
		w->newest_us = c->second * 1000000;
}

void window_add_latencies(
	struct window *w, enum arm arm, int64_t second, double answer_ms, uint32_t n)
{
	struct second *s = second_at(w, second);

	if (s)
		s->arms[arm].bins[latency_bin(answer_ms)] += n;
}

void window_add_outcome(
	struct window *w, enum arm arm, int64_t routed_us, double score, double outcome)
{
	struct second *s = isfinite(outcome) ? second_at(w, routed_us / 1000000) : NULL;
	struct arm_second *a;

	must(arm < ARM_COUNT);
	if (!s)
		return;
	a = &s->arms[arm];
	a->outcomes++;
	a->outcome_sum += outcome;
	if (isfinite(score)) {
		a->brier_n++;
		a->brier_sum += (score - outcome) * (score - outcome);
	}
}

void window_add_score(struct window *w, enum arm arm, int64_t routed_us, double score, int was_read)
{
	struct second *s = isfinite(score) ? second_at(w, routed_us / 1000000) : NULL;
	struct arm_second *a;

	must(arm < ARM_COUNT);
	if (!s)
		return;
	a = &s->arms[arm];
	a->scored++;
	a->score_sum += score;
	a->score_square_sum += score * score;
	if (!was_read && a->unread > 0)
		a->unread--;
}

static void second_sum(const struct arm_second *a, struct arm_counts *out)
{
	if (!a->requests && !a->outcomes)
		return;
	out->requests += a->requests;
	out->failures += a->failures;
	out->unread += a->unread;
	out->segment_unknown += a->segment_unknown;
	out->keyless += a->keyless;
	out->scored += a->scored;
	out->score_sum += a->score_sum;
	out->score_square_sum += a->score_square_sum;
	out->outcomes += a->outcomes;
	out->outcome_sum += a->outcome_sum;
	out->brier_sum += a->brier_sum;
	out->brier_n += a->brier_n;
	for (int i = 0; i < LATENCY_BINS; i++)
		out->latency_bins[i] += a->bins[i];
}

/* Sums the seconds [from, to). */
static void span_sum(
	const struct window *w, enum arm arm, int64_t from, int64_t to, struct arm_counts *out)
{
	memset(out, 0, sizeof *out);
	if (from < to - RING)
		from = to - RING;
	for (int64_t n = from > 0 ? from : 1; n < to; n++) {
		const struct second *s = &w->ring[n % RING];
		if (s->number == n)
			second_sum(&s->arms[arm], out);
	}
}

void window_sum(
	const struct window *w, enum arm arm, int64_t now_us, int seconds, struct arm_counts *out)
{
	int64_t to = now_us / 1000000;

	must(arm < ARM_COUNT);
	span_sum(w, arm, to - seconds, to, out);
}

void window_series(const struct window *w, enum arm arm, int64_t now_us, int span_s, int points,
	struct arm_counts *out)
{
	int64_t from = now_us / 1000000 - (int64_t)span_s * points;

	must(arm < ARM_COUNT);
	for (int i = 0; i < points; i++, from += span_s)
		span_sum(w, arm, from, from + span_s, &out[i]);
}

double arm_counts_quantile(const struct arm_counts *c, double q)
{
	int64_t total = 0, seen = 0, rank;

	for (int i = 0; i < LATENCY_BINS; i++)
		total += c->latency_bins[i];
	if (!total)
		return -1;
	rank = (int64_t)ceil(q * (double)total);
	if (rank < 1)
		rank = 1;
	for (int i = 0; i < LATENCY_BINS; i++) {
		seen += c->latency_bins[i];
		/* The bin's middle on the log scale halves the worst error, to 11.4 %. */
		if (seen >= rank)
			return LATENCY_MIN * pow(10, (i + 0.5) / BINS_PER_10);
	}
	return LATENCY_MIN * pow(10, (LATENCY_BINS - 0.5) / BINS_PER_10);
}

int64_t window_newest_us(const struct window *w)
{
	return w->newest_us;
}
