/* rollout_fsm.c: the states of a rollout. Abort is legal in every state that can carry traffic and
 * while waiting; what is being promoted is taken back by a rollback, which supersedes it. */
#include "backend/rollout/rollout_fsm.h"

static int all_ready(const void *facts)
{
	const struct rollout_facts *f = facts;

	return f->approvals_missing <= 0 && f->replicas_ready && !f->tests_missing;
}

static int ready_by_steps(const void *facts)
{
	const struct rollout_facts *f = facts;

	return all_ready(facts) && !f->direct && !f->shadow;
}

static int ready_in_shadow(const void *facts)
{
	return all_ready(facts) && ((const struct rollout_facts *)facts)->shadow;
}

static int ready_directly(const void *facts)
{
	return all_ready(facts) && ((const struct rollout_facts *)facts)->direct;
}

static int approved_later(const void *facts)
{
	return ((const struct rollout_facts *)facts)->approved_later;
}

static const struct fsm_row rows[] = {
	{ROLLOUT_WAITING, ROLLOUT_EVENT_READY, ready_by_steps, ROLLOUT_STEPPING,
		ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_WAITING, ROLLOUT_EVENT_READY, ready_in_shadow, ROLLOUT_SHADOWING,
		ROLLOUT_EFFECT_NONE},
	{ROLLOUT_WAITING, ROLLOUT_EVENT_READY, ready_directly, ROLLOUT_PROMOTING,
		ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_WAITING, ROLLOUT_EVENT_APPROVE, NULL, ROLLOUT_WAITING, ROLLOUT_EFFECT_NONE},
	{ROLLOUT_WAITING, ROLLOUT_EVENT_REJECT, NULL, ROLLOUT_REJECTED, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_WAITING, ROLLOUT_EVENT_ABORT, NULL, ROLLOUT_ABORTING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_WAITING, ROLLOUT_EVENT_SUPERSEDE, NULL, ROLLOUT_SUPERSEDED, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_SHADOWING, ROLLOUT_EVENT_ADVANCE, NULL, ROLLOUT_STEPPING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_SHADOWING, ROLLOUT_EVENT_APPROVE, approved_later, ROLLOUT_SHADOWING,
		ROLLOUT_EFFECT_NONE},
	{ROLLOUT_SHADOWING, ROLLOUT_EVENT_ABORT, NULL, ROLLOUT_ABORTING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_SHADOWING, ROLLOUT_EVENT_SUPERSEDE, NULL, ROLLOUT_SUPERSEDED,
		ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_STEPPING, ROLLOUT_EVENT_ADVANCE, NULL, ROLLOUT_STEPPING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_STEPPING, ROLLOUT_EVENT_PAUSE, NULL, ROLLOUT_PAUSED, ROLLOUT_EFFECT_NONE},
	{ROLLOUT_STEPPING, ROLLOUT_EVENT_PROMOTE, NULL, ROLLOUT_PROMOTING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_STEPPING, ROLLOUT_EVENT_APPROVE, approved_later, ROLLOUT_STEPPING,
		ROLLOUT_EFFECT_NONE},
	{ROLLOUT_STEPPING, ROLLOUT_EVENT_ABORT, NULL, ROLLOUT_ABORTING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_STEPPING, ROLLOUT_EVENT_LAPSE, NULL, ROLLOUT_PAUSED, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_STEPPING, ROLLOUT_EVENT_SUPERSEDE, NULL, ROLLOUT_SUPERSEDED, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_PAUSED, ROLLOUT_EVENT_RESUME, NULL, ROLLOUT_STEPPING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_PAUSED, ROLLOUT_EVENT_PROMOTE, NULL, ROLLOUT_PROMOTING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_PAUSED, ROLLOUT_EVENT_APPROVE, approved_later, ROLLOUT_PAUSED,
		ROLLOUT_EFFECT_NONE},
	{ROLLOUT_PAUSED, ROLLOUT_EVENT_ABORT, NULL, ROLLOUT_ABORTING, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_PAUSED, ROLLOUT_EVENT_LAPSE, NULL, ROLLOUT_PAUSED, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_PAUSED, ROLLOUT_EVENT_SUPERSEDE, NULL, ROLLOUT_SUPERSEDED, ROLLOUT_EFFECT_ROUTE},
	{ROLLOUT_PROMOTING, ROLLOUT_EVENT_PROVEN, NULL, ROLLOUT_PROMOTED, ROLLOUT_EFFECT_NONE},
	{ROLLOUT_PROMOTING, ROLLOUT_EVENT_SUPERSEDE, NULL, ROLLOUT_SUPERSEDED,
		ROLLOUT_EFFECT_ROUTE},
	/* Somebody else moves its traffic: there is nothing to be told, and nothing to be routed.
	 */
	{ROLLOUT_OBSERVING, ROLLOUT_EVENT_LEAVE, NULL, ROLLOUT_ENDED, ROLLOUT_EFFECT_NONE},
	{ROLLOUT_OBSERVING, ROLLOUT_EVENT_SUPERSEDE, NULL, ROLLOUT_SUPERSEDED, ROLLOUT_EFFECT_NONE},
	{ROLLOUT_ABORTING, ROLLOUT_EVENT_PROVEN, NULL, ROLLOUT_ABORTED, ROLLOUT_EFFECT_NONE},
	{ROLLOUT_ABORTING, ROLLOUT_EVENT_SUPERSEDE, NULL, ROLLOUT_SUPERSEDED, ROLLOUT_EFFECT_ROUTE},
};

static const struct {
	const char *name;
	int ended, carries;
} states[] = {
#define STATE(id, name, ended, traffic) [id] = {name, ended, traffic},
#include "backend/wire/states.def"
#undef STATE
};

static const char *const state_names[] = {
#define STATE(id, name, ended, traffic) [id] = name,
#include "backend/wire/states.def"
#undef STATE
};

static const char *const event_names[ROLLOUT_EVENT_COUNT] = {
	[ROLLOUT_EVENT_READY] = "start",
	[ROLLOUT_EVENT_APPROVE] = "approve",
	[ROLLOUT_EVENT_REJECT] = "reject",
	[ROLLOUT_EVENT_ADVANCE] = "advance",
	[ROLLOUT_EVENT_PAUSE] = "pause",
	[ROLLOUT_EVENT_RESUME] = "resume",
	[ROLLOUT_EVENT_PROMOTE] = "promote",
	[ROLLOUT_EVENT_ABORT] = "abort",
	[ROLLOUT_EVENT_LAPSE] = "lapse",
	[ROLLOUT_EVENT_SUPERSEDE] = "supersede",
	[ROLLOUT_EVENT_PROVEN] = "confirm",
	[ROLLOUT_EVENT_LEAVE] = "leave",
};

static const char *const effect_names[ROLLOUT_EFFECT_COUNT] = {
	[ROLLOUT_EFFECT_NONE] = "",
	[ROLLOUT_EFFECT_ROUTE] = "route",
};

const struct fsm rollout_fsm = {
	.name = "rollout",
	.state_names = state_names,
	.event_names = event_names,
	.effect_names = effect_names,
	.state_count = ROLLOUT_STATE_COUNT,
	.event_count = ROLLOUT_EVENT_COUNT,
	.rows = rows,
	.row_count = sizeof rows / sizeof rows[0],
};

int rollout_state_ended(int state)
{
	return states[state].ended;
}

int rollout_state_carries(int state)
{
	return states[state].carries;
}

const char *rollout_state_name(int state)
{
	return states[state].name;
}
