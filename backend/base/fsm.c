/* fsm.c: the one walker of state tables, and their picture. */
#include "backend/base/fsm.h"

#include <string.h>

static const struct fsm_row *find_row(const struct fsm *m, int state, int event, const void *facts)
{
	for (int i = 0; i < m->row_count; i++) {
		const struct fsm_row *r = &m->rows[i];
		if (r->from == state && r->event == event && (!r->guard || r->guard(facts)))
			return r;
	}
	return NULL;
}

const struct fsm_row *fsm_step(
	const struct fsm *m, int state, int event, const void *facts, struct err *e)
{
	const struct fsm_row *r = find_row(m, state, event, facts);

	if (!r) /* a state that a newer program wrote has no name here */
		err_set(e, ERR_BAD_TRANSITION, "%s: cannot %s while it is %s", m->name,
			m->event_names[event],
			state >= 0 && state < m->state_count ? m->state_names[state] : "unknown");
	return r;
}

int fsm_can(const struct fsm *m, int state, int event, const void *facts)
{
	return find_row(m, state, event, facts) != NULL;
}

int fsm_state_find(const struct fsm *m, const char *name)
{
	for (int i = 0; i < m->state_count; i++)
		if (strcmp(m->state_names[i], name) == 0)
			return i;
	return -1;
}

void fsm_format_dot(const struct fsm *m, struct buf *out)
{
	buf_addf(out, "digraph %s {\n\trankdir=LR;\n", m->name);
	for (int i = 0; i < m->row_count; i++) {
		const struct fsm_row *r = &m->rows[i];
		buf_addf(out, "\t%s -> %s [label=\"%s%s%s%s\"];\n", m->state_names[r->from],
			m->state_names[r->to], m->event_names[r->event], r->guard ? " [if]" : "",
			r->effect ? " / " : "", r->effect ? m->effect_names[r->effect] : "");
	}
	buf_adds(out, "}\n");
}
