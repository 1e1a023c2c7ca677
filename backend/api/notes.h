/* notes.h: audit events of what changed nothing: denied attempts and what an auditor read. They
 * are coalesced per person and subject, so that a loop of refused requests costs one event a
 * minute and not one commit each. */
#ifndef PITHEAD_BACKEND_API_NOTES_H
#define PITHEAD_BACKEND_API_NOTES_H

#include "backend/acts/acts.h"

struct notes;

/* w is borrowed and must outlive the notes. */
struct notes *notes_new(struct world *w);
void notes_free(struct notes *n); /* writes the counts that are still open */

/* The first of a minute is an event at once; further ones are counted and become a second event
 * when the minute is over. subject: "route:POST /v1/…"; detail: the sentence of the refusal. */
void notes_add_denied(struct notes *n, const struct caller *c, const char *request_id,
	const char *subject, const char *detail);

/* One event per person and subject in an hour. */
void notes_add_reading(
	struct notes *n, const struct caller *c, const char *request_id, const char *subject);

/* Writes the counts whose minute is over. */
void notes_run(struct notes *n);

/* Milliseconds until notes_run has something to do, -1 = nothing is open. */
int notes_timeout_ms(const struct notes *n);

#endif
