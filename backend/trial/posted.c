/* posted.c: see posted.h. Open are the step under way, the one before, the one after it (clocks
 * differ), and one that is about to be taken. */
#include "backend/trial/posted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

#define OPEN_STEPS 4
#define LEAST_S	   1e-3 /* the bounds of answer times: 25 % apart, from 1 ms to 30 s */
#define MOST_S	   30.0

struct posted {
	char version[2][64];
	int64_t step_s, until; /* until: the second in which the last taken step ended */
	struct judge_counts open[OPEN_STEPS]; /* by number of the step; tick 0 = empty */
	double bound_s[JUDGE_BOUNDS];
};

struct posted *posted_new(const char *stable, const char *candidate, int64_t step_s, int64_t now_s)
{
	struct posted *p = xcalloc(1, sizeof *p);

	must(step_s > 0);
	str_copy(p->version[0], sizeof p->version[0], stable);
	str_copy(p->version[1], sizeof p->version[1], candidate);
	p->step_s = step_s;
	p->until = (now_s / step_s - 1) * step_s;
	for (int i = 0; i < JUDGE_BOUNDS; i++)
		p->bound_s[i] = LEAST_S * pow(MOST_S / LEAST_S, (double)i / (JUDGE_BOUNDS - 1));
	return p;
}

void posted_free(struct posted *p)
{
	free(p);
}

static struct judge_counts *step_of(struct posted *p, int64_t tick)
{
	return &p->open[tick / p->step_s % OPEN_STEPS];
}

static int bucket_of(const struct posted *p, const struct posted_request *r)
{
	int i = 0;

	while (r->answered && i < JUDGE_BOUNDS && r->ms / 1000 > p->bound_s[i])
		i++;
	return r->answered ? i : JUDGE_BOUNDS;
}

enum posted_taking posted_add(struct posted *p, const struct posted_request *r, int64_t now_s)
{
	int arm = strcmp(r->version, p->version[1]) == 0;
	int64_t tick = ((int64_t)floor(r->time_s) / p->step_s + 1) * p->step_s;
	struct judge_counts *c;

	if (!arm && strcmp(r->version, p->version[0]) != 0)
		return POSTED_UNKNOWN;
	if (tick <= p->until || tick <= now_s - 2 * p->step_s || tick > now_s + 2 * p->step_s)
		return POSTED_LATE;
	c = step_of(p, tick);
	if (c->tick != tick) {
		*c = (struct judge_counts){.tick = tick, .bounds = JUDGE_BOUNDS};
		memcpy(c->bound_s, p->bound_s, sizeof c->bound_s);
	}
	c->n[arm]++;
	c->failed[arm] += r->failed != 0;
	if (!r->answered || !isnan(r->ms))
		c->timed[arm][bucket_of(p, r)]++;
	return POSTED_TAKEN;
}

int64_t posted_take(struct posted *p, int64_t now_s, posted_fn fn, void *arg)
{
	int64_t until = (now_s / p->step_s - 1) * p->step_s;
	int64_t first = until - (OPEN_STEPS - 1) * p->step_s;

	if (p->until > first)
		first = p->until + p->step_s;
	for (int64_t tick = first; tick <= until; tick += p->step_s) {
		struct judge_counts *c = step_of(p, tick);

		if (c->tick == tick)
			fn(arg, c);
		c->tick = 0;
	}
	if (until > p->until) /* a clock that steps back takes nothing twice */
		p->until = until;
	return p->until;
}
