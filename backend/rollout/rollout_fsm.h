/* rollout_fsm.h: the life of a rollout as a table. Pure: the acts gather the facts, commit, and
 * run the effect. A rollback or a first version is a rollout too, without steps (`direct`). */
#ifndef PITHEAD_BACKEND_ROLLOUT_ROLLOUT_FSM_H
#define PITHEAD_BACKEND_ROLLOUT_ROLLOUT_FSM_H

#include "backend/base/fsm.h"

enum rollout_state {
#define STATE(id, name, ended, traffic) id,
#include "backend/wire/states.def"
#undef STATE
	ROLLOUT_STATE_COUNT
};

enum rollout_event {
	ROLLOUT_EVENT_READY,   /* approvals given and replicas healthy */
	ROLLOUT_EVENT_APPROVE, /* one person said yes */
	ROLLOUT_EVENT_REJECT,  /* one person said no */
	ROLLOUT_EVENT_ADVANCE, /* the next step, or an exact share */
	ROLLOUT_EVENT_PAUSE,
	ROLLOUT_EVENT_RESUME,
	ROLLOUT_EVENT_PROMOTE,
	ROLLOUT_EVENT_ABORT,	 /* by a person, the guard or a judge */
	ROLLOUT_EVENT_LAPSE,	 /* the lease ran out: nobody was watching */
	ROLLOUT_EVENT_SUPERSEDE, /* another change of the endpoint's stable version took over */
	ROLLOUT_EVENT_PROVEN,	 /* the gateway has confirmed what was wanted */
	ROLLOUT_EVENT_LEAVE,	 /* observed: the candidate has no traffic any more */
	ROLLOUT_EVENT_COUNT
};

enum rollout_effect {
	ROLLOUT_EFFECT_NONE,
	ROLLOUT_EFFECT_ROUTE, /* make the gateway's row match the endpoint, and read it back */
	ROLLOUT_EFFECT_COUNT
};

struct rollout_facts {
	int direct;	       /* no steps: everything at once when ready */
	int approvals_missing; /* people who still have to say yes */
	int replicas_ready;    /* the new version answers its health checks */
	int approved_later;    /* the promotion asks for approvals of its own */
	int tests_missing;     /* recorded requests have still to be answered as stable did */
	int shadow;	       /* copies of requests first, steps after */
};

extern const struct fsm rollout_fsm;

/* Whether a state is an end, and whether it may carry traffic of the candidate. */
int rollout_state_ended(int state);
int rollout_state_carries(int state);

/* The name people and machines see ("stepping"). */
const char *rollout_state_name(int state);

#endif
