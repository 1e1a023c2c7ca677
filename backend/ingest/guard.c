/* guard.c: the memory of the fail-fast guard: the candidate's last answers in one rollout. It
 * counts every answer as it comes and decides nothing; the rollout's act compares the count with
 * its limit and aborts. */
#include "backend/ingest/window.h"

#include <string.h>

#include "backend/base/xalloc.h"

#define GUARD_RING ((int)sizeof(((struct guard *)0)->failed))

void guard_reset(struct guard *g, int64_t rollout)
{
	memset(g, 0, sizeof *g);
	g->rollout = rollout;
}

void guard_add(struct guard *g, const struct record *r, int window)
{
	must(window >= 1 && window <= GUARD_RING);
	if (r->arm != ARM_CANDIDATE || !g->rollout || r->rollout != g->rollout)
		return;
	g->failed[g->next] = r->failed != 0;
	g->next = (g->next + 1) % GUARD_RING;
	if (g->filled < GUARD_RING)
		g->filled++;
	/* Stays until the reset: a backend that was gone for one answer is reason enough. */
	if (r->backend_down)
		g->down = 1;
}

int guard_failures(const struct guard *g, int window)
{
	int count = 0, last = g->filled < window ? g->filled : window;

	must(window >= 1 && window <= GUARD_RING);
	if (g->down)
		return window;
	for (int i = 1; i <= last; i++)
		count += g->failed[(g->next - i + GUARD_RING) % GUARD_RING];
	return count;
}
