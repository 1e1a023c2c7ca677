/* approvals.c: the approvals of a rollout: what they are for, what they are bound to, and which
 * still count. */
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/judging.h"
#include "backend/acts/policy_ask.h"
#include "backend/base/xalloc.h"

#define VOTERS_MOST 64

const char *approval_purpose(const struct rollout_row *r)
{
	return strcmp(r->state, "waiting") == 0 ? "start" : "promote";
}

int approvals_needed(const struct spec_tier *tier, const struct rollout_row *r, const char *purpose)
{
	const char *kind = tier->approve[0] ? tier->approve : "start";
	int most = tier->approvals > r->approvals_needed ? tier->approvals : r->approvals_needed;

	if (!r->steps[0]) /* a rollback, or a first version: nobody is asked */
		return 0;
	return strcmp(kind, "both") == 0 || strcmp(kind, purpose) == 0 ? most : 0;
}

/* How things stand now for the rollout. */
struct standing {
	struct version_row version;
	struct approval_evidence now;
};

static void look(struct world *w, const struct rollout_row *r, struct standing *s)
{
	struct live_endpoint *ep = world_find_endpoint(w, r->endpoint, NULL);
	int live = ep && ep->row.rollout == r->id;

	*s = (struct standing){.now = {.verdict = "missing"}};
	/* An upstream version has no bytes here: nothing is bound to them. */
	if (store_find_version(w->store, r->project, r->to_version, &s->version, NULL) != 1)
		s->version.digest[0] = '\0';
	s->now.version_digest = s->version.digest;
	if (live)
		s->now.verdict = rollout_verdict(w, ep);
	s->now.spec_seq = ep ? ep->row.spec_seq : 0;
}

void approval_bind(struct world *w, const struct rollout_row *r, struct approval_row *a)
{
	struct standing s;

	look(w, r, &s);
	str_copy(a->purpose, sizeof a->purpose, approval_purpose(r));
	str_copy(a->verdict, sizeof a->verdict, s.now.verdict);
	str_copy(a->version_digest, sizeof a->version_digest, s.now.version_digest);
	a->spec_seq = s.now.spec_seq;
}

int approval_is_lapsed(struct world *w, const struct rollout_row *r, const struct approval_row *a,
	char *why, size_t size)
{
	struct standing s;

	if (r->ended_us) /* history: what counted then is not judged anew */
		return 0;
	look(w, r, &s);
	return approval_lapsed(a, &s.now, why, (unsigned)size);
}

struct counting {
	const char *purpose;
	struct standing standing;
	int64_t uids[VOTERS_MOST], logins[VOTERS_MOST];
	int count;
	char *lapsed;
	size_t size;
};

static int seen(const struct counting *c, const struct approval_row *a)
{
	for (int i = 0; i < c->count; i++)
		if (c->uids[i] == a->uid || (a->login_uid >= 0 && c->logins[i] == a->login_uid))
			return 1;
	return 0;
}

static int count_one(void *arg, const struct approval_row *a)
{
	struct counting *c = arg;
	char why[160];

	if (strcmp(a->purpose, c->purpose) != 0 || seen(c, a) || c->count == VOTERS_MOST)
		return 0;
	if (approval_lapsed(a, &c->standing.now, why, sizeof why)) {
		if (c->lapsed && !c->lapsed[0])
			snprintf(c->lapsed, c->size, "that of %s lapsed: %s", a->user, why);
		return 0;
	}
	c->uids[c->count] = a->uid;
	c->logins[c->count++] = a->login_uid;
	return 0;
}

int approvals_count(struct world *w, const struct rollout_row *r, const char *purpose, char *lapsed,
	size_t size)
{
	struct counting c = {.purpose = purpose, .lapsed = lapsed, .size = size};

	if (lapsed)
		lapsed[0] = '\0';
	look(w, r, &c.standing);
	store_list_approvals(w->store, r->id, count_one, &c, NULL);
	return c.count;
}

int approvals_missing(struct world *w, const struct rollout_row *r)
{
	struct live_endpoint *ep = world_find_endpoint(w, r->endpoint, NULL);
	int needed = ep ? approvals_needed(tier_of(w, &ep->row), r, "start") : r->approvals_needed;

	return needed ? needed - approvals_count(w, r, "start", NULL, 0) : 0;
}

static int count_row(void *arg, const struct approval_row *a)
{
	(void)a;
	++*(int *)arg;
	return 0;
}

void approvals_shown(struct world *w, const struct rollout_row *r, int *needed, int *given)
{
	struct live_endpoint *ep = world_find_endpoint(w, r->endpoint, NULL);
	const char *purpose = approval_purpose(r);

	*given = 0;
	*needed = ep && !r->ended_us ? approvals_needed(tier_of(w, &ep->row), r, purpose) : 0;
	if (*needed > 0) {
		*given = approvals_count(w, r, purpose, NULL, 0);
	} else { /* those that it began with */
		*needed = r->approvals_needed;
		store_list_approvals(w->store, r->id, count_row, given, NULL);
	}
}
