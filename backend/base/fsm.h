/* fsm.h: state machines as tables of rows {from, event, guard, to, effect}, walked by one pure
 * function. Who calls it commits the new state and the audit event first and only then runs the
 * effect (see backend/acts/). */
#ifndef PITHEAD_BACKEND_BASE_FSM_H
#define PITHEAD_BACKEND_BASE_FSM_H

#include "backend/base/buf.h"
#include "backend/base/err.h"

struct fsm_row {
	int from;
	int event;
	int (*guard)(const void *facts); /* NULL = always; pure, reads a snapshot */
	int to;
	int effect; /* the machine's own enum; 0 = none */
};

struct fsm {
	const char *name;
	const char *const *state_names; /* indexed by state */
	const char *const *event_names; /* indexed by event */
	const char *const *effect_names;
	int state_count, event_count;
	const struct fsm_row *rows; /* first row whose guard holds wins */
	int row_count;
};

/* The row to take from `state` on `event`, or NULL with ERR_BAD_TRANSITION naming both.
 * facts is handed to the guards. */
const struct fsm_row *fsm_step(
	const struct fsm *m, int state, int event, const void *facts, struct err *e);

/* Whether fsm_step would find a row. */
int fsm_can(const struct fsm *m, int state, int event, const void *facts);

/* The index of a state's name, or -1. */
int fsm_state_find(const struct fsm *m, const char *name);

/* The machine as a Graphviz digraph, appended to out. */
void fsm_format_dot(const struct fsm *m, struct buf *out);

#endif
