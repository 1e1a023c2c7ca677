/* cuts.c: see cuts.h. Were both arms alike, each answer that breaks off would be the candidate's
 * with the probability of its part of the answers. Somebody bets against that, with what was seen
 * so far: the odds are fair if they are alike, so by Ville's inequality the wealth reaches 1000
 * with a probability of 1/1000 at most. The part is taken for the larger of that since the start
 * and that of late, as an answer may break off long after it began. */
#include "backend/ingest/cuts.h"

#include <math.h>

#include "backend/ingest/record.h"

#define FADE   0.98 /* per tick: the last 50 count */
#define WEALTH 1000
#define LEAST  1e-3 /* of a part: none is impossible */

void cuts_reset(struct cuts *c, int64_t rollout)
{
	*c = (struct cuts){.rollout = rollout, .seed = (uint64_t)rollout};
}

static double part_of(double candidate, double stable)
{
	return candidate + stable > 0 ? candidate / (candidate + stable) : 1;
}

/* The candidate's part of the answers, were both alike. */
static double part_alike(const struct cuts *c)
{
	double all = part_of((double)c->answers[ARM_CANDIDATE], (double)c->answers[ARM_STABLE]);
	double late = part_of(c->recent[ARM_CANDIDATE], c->recent[ARM_STABLE]);

	return fmin(fmax(fmax(all, late), LEAST), 1 - LEAST);
}

/* One answer that broke off: the bet is made by those before it, never for fewer than alike. */
static void bet(struct cuts *c, double alike, int is_candidate)
{
	int64_t all = c->broken[ARM_CANDIDATE] + c->broken[ARM_STABLE];
	double p = ((double)c->broken[ARM_CANDIDATE] + 1) / ((double)all + 1 / alike);

	p = fmin(fmax(p, alike), 1 - LEAST);
	c->evidence += is_candidate ? log(p / alike) : log((1 - p) / (1 - alike));
	c->broken[is_candidate ? ARM_CANDIDATE : ARM_STABLE]++;
}

static double draw(struct cuts *c)
{
	c->seed = c->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(c->seed >> 11) / (double)(UINT64_C(1) << 53);
}

void cuts_add(struct cuts *c, const int64_t answers[2], const int64_t broken[2])
{
	int64_t candidate = broken[ARM_CANDIDATE], all = candidate + broken[ARM_STABLE];
	double alike;

	for (int i = 0; i < 2; i++) {
		c->answers[i] += answers[i];
		c->recent[i] = c->recent[i] * FADE + (double)answers[i];
	}
	alike = part_alike(c);
	/* Which came first is not known, and if they are alike each order is as likely. */
	for (; all > 0; all--) {
		int is_candidate = draw(c) * (double)all < (double)candidate;

		bet(c, alike, is_candidate);
		candidate -= is_candidate;
	}
}

int cuts_proven(const struct cuts *c)
{
	return c->evidence >= log(WEALTH);
}
