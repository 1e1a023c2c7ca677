/* engine.h: the worker: builds the modules, waits in one place, ticks, and shuts down in reverse
 * order. */
#ifndef PITHEAD_BACKEND_ENGINE_H
#define PITHEAD_BACKEND_ENGINE_H

#include "backend/handover.h"

/* Runs until it is told to stop. 0 after a clean stop, or a negative ERR_* when it cannot start.
 * Unless a service manager is our keeper, ours is started again when it has died. Does not return
 * when another program takes over, or when it fails on probation. */
int engine_run(struct handover *h, struct err *e);

#endif
