/* routes.h: the handlers that the table in routes.c names; one file per family. Each answers by
 * codec_reply and returns 0, waits (REQUEST_WAIT), or returns a negative ERR_*. */
#ifndef PITHEAD_BACKEND_API_ROUTES_H
#define PITHEAD_BACKEND_API_ROUTES_H

#include "backend/api/request.h"

/* The walk that all share: repeated? else do it; then answer. `act` is evaluated once. */
#define ANSWER_ACT(rq, e, act)                                                                     \
	do {                                                                                       \
		int repeated_ = request_find_answer(rq, e);                                        \
                                                                                                   \
		if (repeated_ < 0)                                                                 \
			return repeated_;                                                          \
		if (!repeated_ && (act) != 0)                                                      \
			return (e)->code;                                                          \
		return request_answer_act(rq, e);                                                  \
	} while (0)

#define HANDLER(name) int name(struct request *rq, struct err *e)

/* routes_read.c */
HANDLER(handle_engine);
HANDLER(handle_whoami);
HANDLER(handle_projects);
HANDLER(handle_endpoints);
HANDLER(handle_endpoint);
HANDLER(handle_series);
HANDLER(handle_rollouts);
HANDLER(handle_rollout);
HANDLER(handle_alerts);
HANDLER(handle_settings);
HANDLER(handle_openapi);
HANDLER(handle_metrics);

/* routes_upgrade.c */
HANDLER(handle_upgrade);

/* routes_now.c */
HANDLER(handle_now);
HANDLER(handle_events);

/* routes_audit.c */
HANDLER(handle_changes);
HANDLER(handle_change);
HANDLER(handle_undo);
HANDLER(handle_audit);

/* routes_acts.c */
HANDLER(handle_serve);
HANDLER(handle_rollback);
HANDLER(handle_start);
HANDLER(handle_override);
HANDLER(handle_server);
HANDLER(handle_rollout_verb);
HANDLER(handle_ack);
HANDLER(handle_stop);
HANDLER(handle_hold);

/* routes_spec.c */
HANDLER(handle_plan);
HANDLER(handle_apply);
HANDLER(handle_outcomes);
HANDLER(handle_predictions);

/* routes_trial.c */
HANDLER(handle_cards);
HANDLER(handle_band);
HANDLER(handle_journal);

/* routes_policy.c */
HANDLER(handle_freeze);
HANDLER(handle_unfreeze);
HANDLER(handle_override_freeze);
HANDLER(handle_holds);
HANDLER(handle_proposals);
HANDLER(handle_proposal);
HANDLER(handle_proposal_approve);
HANDLER(handle_proposal_reject);
HANDLER(handle_policy);
HANDLER(handle_rollout_policy);
HANDLER(handle_what_if);

/* routes_versions.c */
HANDLER(handle_versions);
HANDLER(handle_version);
HANDLER(handle_version_add);
HANDLER(handle_backup);

#undef HANDLER

/* Permissions that depend on what is asked for (routes_need.c). */
unsigned need_override(struct request *rq);
unsigned need_rollback(struct request *rq);
unsigned need_undo(struct request *rq);
/* The same, in routes_policy.c. */
unsigned need_unfreeze(struct request *rq);
unsigned need_proposal(struct request *rq);

#endif
