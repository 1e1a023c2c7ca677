/* keeper.h: a tiny process that starts the worker again when it has died. It watches the worker's
 * lock, not a child, so that it may itself be started later by the worker. */
#ifndef PITHEAD_BACKEND_KEEPER_H
#define PITHEAD_BACKEND_KEEPER_H

/* Runs until the worker has stopped cleanly; ready_fd is handed to the first worker (-1 = none).
 * by_worker: a worker wants to be watched, so that one that has stopped meanwhile is not started
 * again. The exit code of the process. */
int keeper_run(const char *home, int ready_fd, int by_worker);

/* Called by the worker: starts a keeper when none holds the keeper's lock. */
void keeper_ensure(const char *home);

/* Called by a worker that may be another program than its keeper: starts ours, which takes over
 * when that one is ended. */
void keeper_replace(const char *home);

/* Takes HOME/run/NAME for good. The descriptor (close-on-exec), or -1 when somebody else has it
 * after wait_ms. */
int lock_take(const char *home, const char *name, int wait_ms);

/* The worker says how it ended: 1 = on purpose, so that nobody starts it again. */
void keeper_note_stop(const char *home, int stopped);
int keeper_stopped(const char *home);

#endif
