/* replicas_find.c: which server differs, by how much, and the sentence about it. See replicas.h. */
#include "backend/judge/replicas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define LIKELY_ALPHA .05
#define LEAST_RECENT 20 /* answers of this stretch before it is what is told */

/* Of the server, of its siblings, of the other arm: of this stretch when that is enough to go by.
 */
static void sums_of(const struct replicas *r, int candidate, const struct replica *s,
	struct replica_sums out[3])
{
	for (int all = 0; all < 2; all++) {
		memset(out, 0, 3 * sizeof *out);
		out[0] = all ? s->all : s->stretch;
		for (int a = 0; a < 2; a++) {
			const struct replica_arm *arm = &r->arms[a];

			for (int i = 0; i < arm->count; i++)
				if (&arm->servers[i] != s)
					replica_sums_add(&out[a == candidate ? 1 : 2],
						all ? &arm->servers[i].all
						    : &arm->servers[i].stretch);
		}
		if (out[0].timed >= LEAST_RECENT && out[1].timed >= LEAST_RECENT)
			return;
	}
}

static double geometric(const struct replica_sums *s)
{
	return s->timed > 0 ? exp(s->logs / s->timed) : (double)NAN;
}

static double share_failed(const struct replica_sums *s)
{
	return s->n > 0 ? s->failed / s->n : (double)NAN;
}

/* Answers in the tail: the server's beyond the mark that is raised for it. */
static double share_tail(const struct replica_sums *s, int own)
{
	return s->timed > 0 ? (own ? s->far_above : s->above) / s->timed : (double)NAN;
}

static void describe(const struct replicas *r, const struct replica *s, struct replica_finding *f)
{
	struct replica_sums sums[3];

	sums_of(r, f->candidate, s, sums);
	f->others = geometric(&sums[1]) / geometric(&sums[2]);
	if (f->test == REPLICA_SLOW) {
		f->own = geometric(&sums[0]);
		f->siblings = geometric(&sums[1]);
	} else if (f->test == REPLICA_TAIL) {
		f->own = share_tail(&sums[0], 1);
		f->siblings = share_tail(&sums[1], 0);
	} else {
		f->own = share_failed(&sums[0]);
		f->siblings = share_failed(&sums[1]);
		f->others = f->siblings - share_failed(&sums[2]);
	}
	f->factor = f->siblings > 0 ? f->own / f->siblings : (double)NAN;
}

struct replica_finding replicas_find(const struct replicas *r)
{
	double limit = log(2 * REPLICAS_MOST * REPLICA_TESTS / REPLICAS_ALPHA), most = 0;
	struct replica_finding f = {0};
	const struct replica *which = NULL;

	for (int k = 0; k < 2 * REPLICAS_MOST * REPLICA_TESTS; k++) {
		int a = k / (REPLICAS_MOST * REPLICA_TESTS);
		int i = k / REPLICA_TESTS % REPLICAS_MOST;
		const struct replica *s = &r->arms[a].servers[i];

		if (i >= r->arms[a].count || s->run[k % REPLICA_TESTS].most <= most)
			continue;
		which = s;
		most = s->run[k % REPLICA_TESTS].most;
		f.candidate = a;
		f.test = (enum replica_test)(k % REPLICA_TESTS);
	}
	if (!which)
		return f;
	f.evidence = most / limit;
	f.found = most >= limit;
	f.likely =
		!f.found && most >= log(r->arms[f.candidate].count * REPLICA_TESTS / LIKELY_ALPHA);
	str_copy(f.name, sizeof f.name, which->name);
	describe(r, which, &f);
	return f;
}

/* What is left of the difference of the versions without the server. */
static void rest_text(
	const struct replica_finding *f, const char *own, const char *other, char *out, size_t size)
{
	out[0] = '\0';
	if (!isfinite(f->others))
		return;
	if (f->test == REPLICA_FAILING)
		snprintf(out, size, "; without it %s fails %.2g pp %s than %s", own,
			100 * fabs(f->others), f->others < 0 ? "less" : "more", other);
	else
		snprintf(out, size, "; without it %s takes %.2fx the time of %s", own, f->others,
			other);
}

int replicas_text(const struct replica_finding *f, const char *stable, const char *candidate,
	char *out, size_t size)
{
	const char *own = f->candidate ? candidate : stable;
	const char *sure = f->found ? "" : "probably ";
	char rest[160];

	out[0] = '\0';
	if (!f->found && !f->likely)
		return 0;
	rest_text(f, own, f->candidate ? stable : candidate, rest, sizeof rest);
	if (f->test == REPLICA_SLOW)
		snprintf(out, size,
			"%sreplica %s of %s is %.1fx slower than its siblings (%.3g ms against "
			"%.3g ms)%s",
			sure, f->name, own, f->factor, 1e3 * f->own, 1e3 * f->siblings, rest);
	else if (f->test == REPLICA_TAIL)
		snprintf(out, size,
			"%sreplica %s of %s has %.3g %% very slow answers, its siblings %.3g %%%s",
			sure, f->name, own, 100 * f->own, 100 * f->siblings, rest);
	else
		snprintf(out, size,
			"%sreplica %s of %s fails %.3g %% of its requests, its siblings %.3g %%%s",
			sure, f->name, own, 100 * f->own, 100 * f->siblings, rest);
	return 1;
}

int replicas_list(const struct replicas *r, int candidate, int failures, char *out, size_t size)
{
	const struct replica_arm *arm = &r->arms[candidate != 0];
	size_t at = 0;

	out[0] = '\0';
	for (int i = 0; arm->count > 1 && i < arm->count && at < size; i++) {
		const struct replica *s = &arm->servers[i];
		const char *comma = i ? ", " : "";

		if (failures)
			at += (size_t)snprintf(out + at, size - at, "%s%s %.3g %%", comma, s->name,
				100 * share_failed(&s->all));
		else
			at += (size_t)snprintf(out + at, size - at, "%s%s %.3g ms", comma, s->name,
				1e3 * geometric(&s->all));
	}
	if (arm->count > 1 && at < size)
		snprintf(out + at, size - at, failures ? " (failed)" : " (geometric means)");
	return arm->count > 1;
}
