/* handover.h: how one program gives the home to another in the same process, and comes back if that
 * one does not get healthy (docs/architecture.md, "Upgrade"). Nothing watches from outside: what
 * runs next, whatever it is, reads the note and goes on or back. */
#ifndef PITHEAD_BACKEND_HANDOVER_H
#define PITHEAD_BACKEND_HANDOVER_H

#include "backend/base/err.h"
#include "backend/upgrade/note.h"

/* How this process was started, and what it was left. -1 = no such descriptor. */
struct handover {
	const char *home;
	int foreground;		  /* a service manager is our keeper */
	int end_all;		  /* only end what a stopped engine has left running */
	int probation;		  /* another program has just given us the home */
	int lock_fd;		  /* HOME/run/engine.lock */
	int ready_fd;		  /* whoever started us waits for a byte there */
	int api_fd;		  /* listening socket */
	int err_fd;		  /* the standard error of before the probation */
	struct upgrade_note note; /* probation, or back: to be told once the engine runs */
};

/* With the lock held, before anything is opened: goes back if a probation has failed, and starts
 * the program that is to run here if it is not this one (then it does not return). */
void handover_enter(struct handover *h);

/* The other program gets this process, the note as given, and note->bound_ms to get healthy. With
 * everything closed but the lock and api_fd. Comes back only by executing this program again. */
_Noreturn void handover_give(struct handover *h, const struct upgrade_note *note);

/* On probation: it failed. Takes back what was written and executes the older program. */
_Noreturn void handover_fail(struct handover *h, const char *why);

/* On probation: healthy. From here on what was written counts. */
int handover_confirm(struct handover *h, struct err *e);

/* The databases are of a newer program: starts the one that an upgrade has given the home to last,
 * if it is another. Returns when there is none. */
void handover_resume(const struct handover *h);

/* Whether our own API answers at socket_path; to be asked again until it says 1. *fd is -1 first.
 * Never blocks. */
int handover_answers(const char *socket_path, int *fd);

#endif
