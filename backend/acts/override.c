/* override.c: pins a segment to stable or to the candidate for the life of one rollout. The key at
 * the gateway carries the rollout's salt, so a dead rollout's rows match nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/policy_ask.h"
#include "backend/acts/stage.h"
#include "backend/base/xalloc.h"

struct lookup {
	const char *segment;
	int64_t rollout;
	struct override_row found;
	int hit;
};

static int find_override(void *arg, const struct override_row *r)
{
	struct lookup *l = arg;

	if (r->rollout != l->rollout || r->share_bp < 0 || strcmp(r->segment, l->segment) != 0)
		return 0;
	l->found = *r;
	l->hit = 1;
	return 1;
}

int segment_valid(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 60 &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-") == n;
}

static int check(const struct live_endpoint *ep, const char *segment, int share_bp, struct err *e)
{
	int rc = moves_check(ep, "send a segment elsewhere", e);

	if (rc)
		return rc;
	if (ep->config->segment.kind == SOURCE_NONE) {
		err_set(e, ERR_CONFLICT, "endpoint %s declares no segment", ep->row.id);
		return err_hint(e, "add `segment: json FIELD` or `segment: header NAME` and apply");
	}
	if (!segment_valid(segment)) {
		err_set(e, ERR_INVALID,
			"a segment is 1 to 60 letters, digits or _ . : - and this is not");
		return err_field(e, "segment");
	}
	if (!ep->row.rollout) {
		err_set(e, ERR_CONFLICT, "endpoint %s has no rollout under way", ep->row.id);
		return err_hint(e, "overrides belong to a rollout and end with it");
	}
	if (share_bp != -1 && share_bp != 0 && share_bp != SHARE_ALL) {
		err_set(e, ERR_INVALID,
			"a segment goes to stable (0), candidate (10000) or neither");
		return err_field(e, "share_bp");
	}
	return 0;
}

static const char *seat(int share_bp)
{
	return share_bp < 0 ? "the split" : share_bp == 0 ? "stable" : "the candidate";
}

int act_override(struct world *w, const struct act *a, struct live_endpoint *ep,
	const char *segment, int share_bp, struct act_result *out, struct err *e)
{
	struct lookup l = {.segment = segment, .rollout = ep->row.rollout};
	struct override_row row = {.rollout = ep->row.rollout, .share_bp = share_bp};
	struct endpoint_row next = ep->row;
	struct rollout_row r;
	struct stages stages;
	struct change c;
	int lowers, rc;

	*out = (struct act_result){.revision = ep->row.revision, .rollout = ep->row.rollout};
	str_copy(out->endpoint, sizeof out->endpoint, ep->row.id);
	rc = act_check_revision(w, a, ep->row.revision, ep->row.id, out, e);
	if (!rc)
		rc = check(ep, segment, share_bp, e);
	if (rc)
		return rc;
	store_list_overrides(w->store, ep->row.id, find_override, &l, e);
	if (share_bp < 0 && !l.hit)
		return err_set(e, ERR_NOT_FOUND, "segment %s has no override", segment);
	rc = rollout_active(w, ep, &r, e);
	if (rc <= 0)
		return rc ? rc : err_set(e, ERR_CONFLICT, "the rollout has ended meanwhile");
	if (r.segments[0] && share_bp == SHARE_ALL)
		return err_set(e, ERR_CONFLICT,
			"#%" PRId64 " is segmented: segment %s comes to the candidate by its steps",
			r.id, segment);
	/* Unpinned, a segment goes on where its rollout stands. */
	if (share_bp < 0 && r.segments[0] && stages_read(&r, &stages, e) == 0)
		row.share_bp = stages_segment_bp(&stages, r.step, segment);
	/* The end of a pin to the candidate takes traffic from it as well. */
	lowers = share_bp == 0 || (share_bp < 0 && l.found.share_bp == SHARE_ALL);
	rc = policy_check(w, ep, &r, a, POLICY_OVERRIDE, lowers ? 0 : share_bp, e);
	if (rc)
		return rc;
	snprintf(out->plan.title, sizeof out->plan.title, "send segment %s of %s to %s", segment,
		ep->row.name, seat(share_bp));
	str_copy(out->plan.subject, sizeof out->plan.subject, ep->row.id);
	plan_will(&out->plan, "route segment %s to %s while rollout #%" PRId64 " lasts", segment,
		seat(share_bp), ep->row.rollout);
	plan_will(&out->plan, "send requests whose segment cannot be read to stable, counted");
	plan_need(&out->plan, "nobody else");
	snprintf(out->plan.undo, sizeof out->plan.undo, "segment %s goes back to %s", segment,
		l.hit ? seat(l.found.share_bp) : "the split");
	out->plan.undoable = 1;
	str_copy(out->plan.duration, sizeof out->plan.duration, "< 1 s");
	if (a->dry_run)
		return 0;

	str_copy(row.endpoint, sizeof row.endpoint, ep->row.id);
	str_copy(row.segment, sizeof row.segment, segment);
	change_init(&c, a, "override.set", ep, &r);
	snprintf(c.before, sizeof c.before,
		"{\"rollout\":%" PRId64 ",\"segment\":\"%s\",\"share_bp\":%d}", r.id, segment,
		l.hit ? l.found.share_bp : -1);
	snprintf(c.after, sizeof c.after,
		"{\"rollout\":%" PRId64 ",\"segment\":\"%s\",\"share_bp\":%d}", r.id, segment,
		share_bp);
	c.ev.after = c.after;
	c.endpoint = &next;
	c.override = &row;
	c.lowers_risk = lowers;
	rc = change_commit(w, &c, ep, &out->seq, e);
	if (rc)
		return rc;
	out->revision = out->seq;
	if (effect_overrides(w, ep, e) == 0)
		(void)effect_route(w, ep, e);
	return 0;
}
