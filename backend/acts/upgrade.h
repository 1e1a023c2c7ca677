/* upgrade.h: the act of giving the home to another program: who may, what is checked and kept
 * beforehand (by a process of its own, so that the loop goes on), and the event. The hand-over
 * itself is backend/handover.c's. */
#ifndef PITHEAD_BACKEND_ACTS_UPGRADE_H
#define PITHEAD_BACKEND_ACTS_UPGRADE_H

#include "backend/acts/acts.h"

/* Begins to prepare the upgrade to the program at `file` (moved to HOME/programs). 1 = it is on its
 * way: ask upgrade_poll; 0 = that program runs already, out->plan says so. ERR_DENIED for all but
 * root and the engine's own user, as a program can do whatever they can. */
int upgrade_begin(struct world *w, const struct act *a, const char *file, struct act_result *out,
	struct err *e);

/* 1 = not yet. 0: out->plan is filled, and unless it is a dry run the event is written and
 * w->upgrade.handing_over set. Negative: why nothing comes of it; nothing has changed then. */
int upgrade_poll(struct world *w, const struct act *a, struct act_result *out, struct err *e);

/* An upgrade that this program ended well, or that came back to it: event, and alert if it failed.
 * n is what the note said; a failed one stays noted as refused. */
void upgrade_conclude(struct world *w, struct upgrade_note *n);

#endif
