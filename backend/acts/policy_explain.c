/* policy_explain.c: see policy_explain.h. Where no rollout is under way, one is imagined: by the
 * endpoint's own steps, of the caller, with nothing approved and nothing judged. */
#include "backend/acts/policy_explain.h"

#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/base/xalloc.h"

static void imagine(struct live_endpoint *ep, const struct act *a,
	const struct spec_endpoint *config, struct rollout_row *r)
{
	static const struct spec_step careful = {100, 0}; /* where the spec names none */
	struct buf steps = {0};

	*r = (struct rollout_row){.author_uid = a->caller->uid,
		.author_login_uid = a->caller->login_uid,
		.state = "waiting",
		.pattern = "canary"};
	if (config->rollout.step_count > 0)
		spec_steps_format(config->rollout.steps, config->rollout.step_count, &steps);
	else
		spec_steps_format(&careful, 1, &steps);
	str_copy(r->steps, sizeof r->steps, buf_text(&steps));
	buf_release(&steps);
	str_copy(r->endpoint, sizeof r->endpoint, ep->row.id);
	str_copy(r->project, sizeof r->project, ep->row.project);
	str_copy(r->from_version, sizeof r->from_version, ep->row.stable);
	r->share_bp = config->rollout.step_count > 0 ? config->rollout.steps[0].share_bp
						     : careful.share_bp;
}

static enum policy_action next_action(const struct live_endpoint *ep, const struct rollout_row *r)
{
	if (!r->id)
		return ep->row.stable[0] ? POLICY_START : POLICY_SERVE;
	if (strcmp(r->state, "waiting") == 0)
		return POLICY_BEGIN;
	return strcmp(r->state, "paused") == 0 ? POLICY_RESUME : POLICY_PROMOTE;
}

static int unknown_action(const char *name, struct err *e)
{
	struct buf all = {0};

	for (int i = 0; i < POLICY_ACTION_COUNT; i++)
		buf_addf(&all, "%s%s", i ? ", " : "", policy_action_name((enum policy_action)i));
	err_set(e, ERR_INVALID, "there is no action %.40s", name);
	err_hint(e, "one of %s", buf_text(&all));
	buf_release(&all);
	return err_field(e, "action");
}

int policy_explain(struct world *w, struct live_endpoint *ep, const struct act *a,
	const char *action, const struct policy_view *view, struct explanation *out, struct err *e)
{
	const struct spec_endpoint *config = view && view->config ? view->config : ep->config;
	const struct spec_tier *tier = view && view->tier ? view->tier : tier_of(w, &ep->row);
	struct rollout_row r;
	int named = action ? policy_action_find(action) : 0, rc;

	*out = (struct explanation){0};
	if (named < 0)
		return unknown_action(action, e);
	if (action && named == POLICY_APPLY) {
		err_set(e, ERR_INVALID, "whether an apply waits for people depends on its file");
		err_hint(e, "see what of it loosens, and how many it needs: pithead plan");
		return err_field(e, "action");
	}
	rc = rollout_active(w, ep, &r, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		imagine(ep, a, config, &r);
	r.approvals_needed = rc && !view ? r.approvals_needed : tier->approvals;
	out->rollout = r.id;
	out->action = action ? (enum policy_action)named : next_action(ep, &r);
	(void)policy_ask_view(w, ep, &r, a, out->action,
		out->action == POLICY_OVERRIDE ? SHARE_ALL : -1, view, &out->answer);
	return 0;
}

int policy_compared(int n)
{
	static const enum policy_action list[] = {POLICY_START, POLICY_BEGIN, POLICY_ADVANCE,
		POLICY_RESUME, POLICY_PROMOTE, POLICY_OVERRIDE, POLICY_APPROVE, POLICY_ABORT};

	return n >= 0 && (size_t)n < sizeof list / sizeof list[0] ? (int)list[n] : -1;
}

struct policy_view policy_view_of(const struct spec *spec, const struct live_endpoint *ep)
{
	struct policy_view v = {0};

	for (int i = 0; i < spec->endpoint_count; i++)
		if (strcmp(spec->endpoints[i].name, ep->row.name) == 0)
			v.config = &spec->endpoints[i];
	for (int i = 0; v.config && i < spec->tier_count; i++)
		if (strcmp(spec->tiers[i].name, v.config->tier) == 0)
			v.tier = &spec->tiers[i];
	return v;
}
