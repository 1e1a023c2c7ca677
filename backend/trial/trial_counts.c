/* trial_counts.c: what somebody else counted, into the judge of all traffic. The share is what is
 * seen of it. */
#include "backend/trial/trial.h"

#include <math.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/trial/trial_priv.h"

#define LOOK_TICKS 4 /* parts before the share is looked at again */
#define LOOK_REQUESTS                                                                              \
	100	  /* and as many on the smaller arm: by chance no share moves by half then */
#define MOVED 1.5 /* ratio of the odds that is a move */

static int bounds_same(const struct judge_counts *a, const struct judge_counts *b)
{
	return a->bounds == b->bounds &&
	       memcmp(a->bound_s, b->bound_s, (size_t)a->bounds * sizeof a->bound_s[0]) == 0;
}

static void drop(struct trial_counted *o)
{
	memset(&o->open, 0, sizeof o->open);
	o->since = INT64_MIN;
}

static void gather(struct trial_counted *o, const struct judge_counts *c)
{
	if (o->since == INT64_MIN)
		o->since = c->tick;
	/* Buckets that changed on the way cannot be added up. */
	if (c->bounds && !bounds_same(&o->open, c)) {
		memset(o->open.timed, 0, sizeof o->open.timed);
		o->open.bounds = c->bounds;
		memcpy(o->open.bound_s, c->bound_s, sizeof o->open.bound_s);
	}
	o->open.tick = c->tick;
	for (int arm = 0; arm < 2; arm++) {
		o->open.n[arm] += c->n[arm];
		o->open.failed[arm] += c->failed[arm];
		for (int i = 0; c->bounds && i <= c->bounds; i++)
			o->open.timed[arm][i] += c->timed[arm][i];
	}
}

/* The share of the step under way, or of the one that begins now. */
static double share_now(struct trial *t)
{
	struct trial_counted *o = &t->other;
	double seen, ratio;

	for (int arm = 0; arm < 2; arm++)
		o->recent[arm] += o->open.n[arm];
	o->recent_ticks++;
	seen = o->recent[1] / (o->recent[0] + o->recent[1]);
	if (t->share > 0 &&
		(o->recent_ticks < LOOK_TICKS || fmin(o->recent[0], o->recent[1]) < LOOK_REQUESTS))
		return t->share;
	ratio = t->share > 0 ? seen * (1 - t->share) / ((1 - seen) * t->share) : INFINITY;
	o->recent[0] = o->recent[1] = 0;
	o->recent_ticks = 0;
	return ratio > MOVED || ratio < 1 / MOVED ? seen : t->share;
}

static void note(struct trial *t, const struct judge_counts *c)
{
	for (int arm = 0; arm < 2; arm++) {
		t->counted[0][arm] += c->n[arm];
		for (int i = 0; i < t->config.whole.signal_count; i++) {
			if (t->config.whole.signals[i].kind != JUDGE_ERRORS)
				continue;
			t->tally[0][i].n[arm] += c->n[arm];
			t->tally[0][i].sum[arm] += c->failed[arm];
		}
		/* What is above all bounds is shown as the last. */
		for (int i = 0; c->bounds && i <= c->bounds; i++)
			trial_latency_add(&t->latency[arm],
				llround(1e6 * c->bound_s[i < c->bounds ? i : c->bounds - 1]),
				c->timed[arm][i]);
	}
}

int64_t trial_counts_until(const struct trial *t)
{
	return t->other.until;
}

int64_t trial_take_counts(struct trial *t, const struct judge_counts *c)
{
	struct trial_counted *o = &t->other;
	double share;

	if (c->tick <= o->until)
		return c->tick + 1 - t->config.whole.missing_after;
	o->until = c->tick;
	if (o->since != INT64_MIN && c->tick - o->since > t->config.whole.missing_after)
		drop(o); /* too old to be compared with what comes now */
	gather(o, c);
	if (!o->open.n[0] || !o->open.n[1])
		return c->tick + 1 - t->config.whole.missing_after;
	share = share_now(t);
	if (share != t->share)
		trial_begin_step(t, share, c->tick);
	o->open.share = share;
	rollout_judge_counts(t->whole, &o->open);
	note(t, &o->open);
	drop(o);
	return c->tick + 1;
}
