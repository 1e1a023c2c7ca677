/* engine.h: the worker: builds the modules, waits in one place, ticks, and shuts down in reverse
 * order. */
#ifndef PITHEAD_BACKEND_ENGINE_H
#define PITHEAD_BACKEND_ENGINE_H

#include "backend/base/err.h"

struct engine_options {
	const char *home;
	int lock_fd;  /* HOME/run/engine.lock, held for the life of the engine */
	int ready_fd; /* gets one byte when the API answers; -1 = nobody waits */
	int keeper;   /* start a keeper again when ours has died */
	int end_all;  /* only end what a stopped engine has left running: gateway and replicas */
};

/* Runs until it is told to stop. 0 after a clean stop, or a negative ERR_* when it cannot start. */
int engine_run(const struct engine_options *options, struct err *e);

#endif
