/* policy_explain.h: what the policy would say, for people who ask before they act. Writes nothing.
 */
#ifndef PITHEAD_BACKEND_ACTS_POLICY_EXPLAIN_H
#define PITHEAD_BACKEND_ACTS_POLICY_EXPLAIN_H

#include "backend/acts/policy_ask.h"

struct explanation {
	enum policy_action action;
	int64_t rollout; /* that it is about; 0 = one that would be started */
	struct policy_answer answer;
};

/* Asks about ep in the name of a's caller. action NULL: what comes next there. ERR_INVALID for a
 * name that is none, and for apply, which is about a file. view: as for policy_ask_view. */
int policy_explain(struct world *w, struct live_endpoint *ep, const struct act *a,
	const char *action, const struct policy_view *view, struct explanation *out, struct err *e);

/* The actions that a what-if compares, in their order; -1 past the last. */
int policy_compared(int n);

/* The tier and configuration that a spec gives to ep; config NULL when it has no such endpoint. */
struct policy_view policy_view_of(const struct spec *spec, const struct live_endpoint *ep);

#endif
