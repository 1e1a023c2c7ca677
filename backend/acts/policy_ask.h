/* policy_ask.h: gathers what the policy has to know of an endpoint, its rollout and who asks, and
 * asks it. People and the engine ask the same question. Also the approvals of a rollout: how many
 * are needed, and which of those given still count. */
#ifndef PITHEAD_BACKEND_ACTS_POLICY_ASK_H
#define PITHEAD_BACKEND_ACTS_POLICY_ASK_H

#include "backend/acts/acts.h"
#include "backend/policy/policy.h"

/* Whether `action` may be done now, 1 yes; *out says why, rule by rule. r: the rollout it is about,
 * or the one that would be started (id 0); NULL = none. share_bp: the share that is asked for, -1 =
 * the next step (or the rollout's first one). */
int policy_ask(struct world *w, struct live_endpoint *ep, const struct rollout_row *r,
	const struct act *a, enum policy_action action, int share_bp, struct policy_answer *out);

/* The same under another tier and configuration (what-if); NULL = those in force. */
struct policy_view {
	const struct spec_tier *tier;
	const struct spec_endpoint *config;
};
int policy_ask_view(struct world *w, struct live_endpoint *ep, const struct rollout_row *r,
	const struct act *a, enum policy_action action, int share_bp,
	const struct policy_view *view, struct policy_answer *out);

/* 0, or ERR_DENIED with the deciding rule's sentence. */
int policy_check(struct world *w, struct live_endpoint *ep, const struct rollout_row *r,
	const struct act *a, enum policy_action action, int share_bp, struct err *e);

/* The tier of an endpoint; one that the project does not describe is as strict as can be. */
const struct spec_tier *tier_of(struct world *w, const struct endpoint_row *ep);

/* 0, or ERR_INVALID naming a tier's freeze window that cannot be read: the windows are text to the
 * spec, and what cannot be read would freeze for ever. */
int windows_check(const struct spec *spec, struct err *e);

/* "robot" or "shared" when the project declares the account so, else "". */
const char *account_kind(struct world *w, const char *project, const char *user);

/* -- approvals -- */

/* What an approval given now would be for: "start" while the rollout waits, else "promote". */
const char *approval_purpose(const struct rollout_row *r);

/* How many people must say yes for the purpose: as many as when it began, or as the tier asks now,
 * whichever is more. */
int approvals_needed(
	const struct spec_tier *tier, const struct rollout_row *r, const char *purpose);

/* How many distinct people's approvals count for the purpose now. The first that has lapsed is told
 * in `lapsed` ("that of ben lapsed: …"), which may be NULL. */
int approvals_count(struct world *w, const struct rollout_row *r, const char *purpose, char *lapsed,
	size_t size);

/* How many people have still to say yes before the rollout may begin. */
int approvals_missing(struct world *w, const struct rollout_row *r);

/* How many approvals people are shown: of what is asked for now, else those it began with. */
void approvals_shown(struct world *w, const struct rollout_row *r, int *needed, int *given);

/* Whether one approval of r no longer counts, and why. */
int approval_is_lapsed(struct world *w, const struct rollout_row *r, const struct approval_row *a,
	char *why, size_t size);

/* Fills what a new approval of r is bound to: purpose, verdict, version, configuration. */
void approval_bind(struct world *w, const struct rollout_row *r, struct approval_row *a);

#endif
