/* loosening_endpoint.c: what of an endpoint's configuration is weaker than before: its tier, its
 * signals and limits, its steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/loosening_priv.h"
#include "backend/acts/policy_ask.h"
#include "backend/base/xalloc.h"
#include "backend/trial/trial_setup.h"

#define FALSE_ABORT_PERCENT 1.0 /* of a rollout that names none */

static double tier_rank(const char *tier)
{
	return strcmp(tier, "high") == 0 ? 2 : strcmp(tier, "medium") == 0 ? 1 : 0;
}

static double undecided_rank(const struct spec_endpoint *ep, const struct spec_tier *tier)
{
	const char *word = ep->rollout.on_undecided[0] ? ep->rollout.on_undecided
			   : tier		       ? tier->on_undecided
						       : "pause";

	return strcmp(word, "abort") == 0 ? 2 : strcmp(word, "pause") == 0 ? 1 : 0;
}

/* Of which parts of the endpoint a signal is made: "", score, outcome (with the score), label. */
static const char *needs_of(const char *signal)
{
	static const struct {
		const char *name, *needs;
	} rows[] = {
#define SIGNAL(name, kind, unit, decimals, needs, tasks, help) {#name, needs},
#include "backend/wire/signals.def"
#undef SIGNAL
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, signal) == 0)
			return rows[i].needs;
	return "";
}

static int same_number(double a, double b)
{
	return (isnan(a) && isnan(b)) || a == b;
}

/* Whether the signal is still about the same value, and when its outcomes come. */
static void compare_value(struct comparing *c, const char *signal, const char *where,
	const struct spec_endpoint *was, const struct spec_endpoint *is)
{
	const char *needs = needs_of(signal);
	int outcome = strcmp(needs, "outcome") == 0, score = outcome || strcmp(needs, "score") == 0;

	loosening_number(c, "source", where, 1,
		(!score || (was->score.kind == is->score.kind &&
				   strcmp(was->score.name, is->score.name) == 0)) &&
			(!outcome || strcmp(was->outcome, is->outcome) == 0));
	if (outcome)
		loosening_number(c, "outcome-within", where, (double)was->outcome_within_ms,
			(double)is->outcome_within_ms);
}

static void compare_limits(struct comparing *c, const char *where, const struct spec_signal *was,
	const struct spec_signal *is)
{
	loosening_number(c, "worse-by", where, was->worse_by, is->worse_by);
	loosening_number(c, "harm-at", where,
		isnan(was->harm_at) ? was->worse_by / 4 : was->harm_at,
		isnan(is->harm_at) ? is->worse_by / 4 : is->harm_at);
	loosening_number(c, "psi", where, was->psi, is->psi);
	/* Narrower ones cut the harm off, wider ones make it small. */
	loosening_number(c, "bounds", where, 1,
		same_number(was->low, is->low) && same_number(was->high, is->high));
}

static void compare_signals(struct comparing *c, const char *name, const struct spec_endpoint *was,
	const struct spec_endpoint *is)
{
	struct spec_signal old[SPEC_LIST], new[SPEC_LIST];
	int olds = trial_setup_signals(was, old), news = trial_setup_signals(is, new);

	for (int i = 0; i < olds; i++) {
		const struct spec_signal *a = &old[i], *b = NULL;
		char text[140];

		if (!a->critical)
			continue;
		for (int k = 0; k < news; k++)
			if (strcmp(a->name, new[k].name) == 0 &&
				a->lower_is_worse == new[k].lower_is_worse)
				b = &new[k];
		snprintf(text, sizeof text, "%s of %s", a->name, name);
		loosening_number(c, "signal", text, 1, b != NULL);
		if (!b)
			continue;
		loosening_number(c, "critical", text, 1, b->critical);
		if (!b->critical)
			continue;
		compare_limits(c, text, a, b);
		compare_value(c, a->name, text, was, is);
	}
}

struct way {
	double first, largest, least_ms;
};

static struct way way_of(const struct spec_rollout *r)
{
	struct way w = {100, 0, 0}; /* without steps it begins with 1 % */
	int at = 0;

	if (strcmp(r->pattern, "bluegreen") == 0)
		return (struct way){SHARE_ALL, SHARE_ALL, 0};
	if (r->step_count > 0)
		w.first = r->steps[0].share_bp;
	else
		at = 100;
	for (int i = 0; i < r->step_count; i++) {
		w.largest = fmax(w.largest, r->steps[i].share_bp - at);
		w.least_ms += (double)r->steps[i].least_ms;
		at = r->steps[i].share_bp;
	}
	w.largest = fmax(w.largest, SHARE_ALL - at);
	return w;
}

static double false_abort(const struct spec_rollout *r)
{
	return r->false_abort[0] ? strtod(r->false_abort, NULL) : FALSE_ABORT_PERCENT;
}

static int has_segment(const struct spec_rollout *r, const char *segment)
{
	for (int i = 0; i < r->segment_count; i++)
		if (strcmp(r->segments[i], segment) == 0)
			return 1;
	return 0;
}

/* Named ones are compared by name; where one side has the largest N, by their number. */
static void compare_segments(struct comparing *c, const char *name, const struct spec_rollout *was,
	const struct spec_rollout *is)
{
	int largest = spec_segments_largest(was), now = spec_segments_largest(is);
	char text[200];

	if (largest || now || !is->segment_count) {
		loosening_number(c, "segments", name, largest ? largest : was->segment_count,
			now ? now : is->segment_count);
		return;
	}
	for (int i = 0; i < was->segment_count; i++) {
		snprintf(text, sizeof text, "%s of %s", was->segments[i], name);
		loosening_number(c, "segment", text, 1, has_segment(is, was->segments[i]));
	}
}

void loosening_endpoint(
	struct comparing *c, const struct live_endpoint *ep, const struct spec_endpoint *is)
{
	const struct spec_endpoint *was = ep->config;
	struct way a = way_of(&was->rollout), b = way_of(&is->rollout);
	char name[160];

	str_copy(name, sizeof name, is->name);
	if (strcmp(was->name, is->name) != 0)
		snprintf(name, sizeof name, "%s (at the address of %s)", is->name, was->name);
	c->approvals = tier_of(c->w, &ep->row)->approvals;
	loosening_number(c, "tier", name, tier_rank(ep->row.tier), tier_rank(is->tier));
	compare_signals(c, name, was, is);
	loosening_number(
		c, "false-abort", name, false_abort(&was->rollout), false_abort(&is->rollout));
	compare_segments(c, name, &was->rollout, &is->rollout);
	loosening_number(c, "first-share", name, a.first, b.first);
	loosening_number(c, "largest-rise", name, a.largest, b.largest);
	loosening_number(c, "least-time", name, a.least_ms, b.least_ms);
	loosening_number(c, "keep-hot", name, (double)was->rollout.keep_hot_ms,
		(double)is->rollout.keep_hot_ms);
	loosening_number(
		c, "hold", name, (double)was->rollout.hold_ms, (double)is->rollout.hold_ms);
	loosening_number(c, "on-undecided", name,
		undecided_rank(was, loosening_tier(c->was, ep->row.tier)),
		undecided_rank(is, loosening_tier(c->want, is->tier)));
}
