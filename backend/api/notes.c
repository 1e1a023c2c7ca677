/* notes.c: a small table of what was noted lately. When it is full the oldest row is closed (its
 * count written) and used again. */
#include "backend/api/notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define ROWS	  512 /* more than there are pairs of a route and a role of people */
#define MINUTE_US 60000000LL
#define HOUR_US	  (60 * MINUTE_US)
#define VERB_DENY "access.denied"
#define VERB_READ "audit.read"

struct note {
	const char *verb; /* a constant; NULL = the row is free */
	struct caller caller;
	char subject[160], detail[320], request_id[65]; /* request_id: of the latest */
	int64_t opened_us, closes_us;			/* monotonic */
	int64_t more;					/* after the first */
};

struct notes {
	struct world *world;
	struct note rows[ROWS];
};

struct notes *notes_new(struct world *w)
{
	struct notes *n = xcalloc(1, sizeof *n);

	n->world = w;
	return n;
}

/* An event that cannot be written (full disk) must not be lost in silence: the log gets it. */
static void write_event(struct notes *n, const struct note *row, const char *detail)
{
	struct act a = {.caller = &row->caller, .request_id = row->request_id};
	struct err e = {0};

	if (act_note(n->world, &a, row->verb, row->subject, detail, &e) != 0)
		log_error("note", "%s by %s on %s is not in the audit log: %s", row->verb,
			row->caller.user, row->subject, e.message);
}

static void close_row(struct notes *n, struct note *row)
{
	if (row->more) {
		char detail[400];

		snprintf(detail, sizeof detail, "%lld more within a minute: %s",
			(long long)row->more, row->detail);
		write_event(n, row, detail);
	}
	row->verb = NULL;
}

void notes_free(struct notes *n)
{
	for (int i = 0; n && i < ROWS; i++)
		if (n->rows[i].verb)
			close_row(n, &n->rows[i]);
	free(n);
}

/* The open row of this person, verb and subject, or a fresh one (*is_new = 1). */
static struct note *find_row(struct notes *n, const struct caller *c, const char *verb,
	const char *subject, int64_t now, int *is_new)
{
	struct note *best = &n->rows[0];

	for (int i = 0; i < ROWS; i++) {
		struct note *row = &n->rows[i];

		if (row->verb && row->closes_us <= now)
			close_row(n, row);
		if (row->verb && row->caller.uid == c->uid && strcmp(row->verb, verb) == 0 &&
			strcmp(row->subject, subject) == 0)
			return row;
		if (best->verb && (!row->verb || row->opened_us < best->opened_us))
			best = row;
	}
	if (best->verb)
		close_row(n, best);
	*is_new = 1;
	return best;
}

static void note_add(struct notes *n, const char *verb, int64_t span_us, const struct caller *c,
	const char *request_id, const char *subject, const char *detail)
{
	int64_t now = clock_mono_us(&n->world->clock);
	int is_new = 0;
	struct note *row = find_row(n, c, verb, subject, now, &is_new);

	if (!is_new) {
		row->more += strcmp(verb, VERB_DENY) == 0; /* reading is not counted */
		str_copy(row->request_id, sizeof row->request_id, request_id);
		return;
	}
	*row = (struct note){
		.verb = verb, .caller = *c, .opened_us = now, .closes_us = now + span_us};
	str_copy(row->subject, sizeof row->subject, subject);
	str_copy(row->detail, sizeof row->detail, detail);
	str_copy(row->request_id, sizeof row->request_id, request_id);
	write_event(n, row, detail);
}

void notes_add_denied(struct notes *n, const struct caller *c, const char *request_id,
	const char *subject, const char *detail)
{
	note_add(n, VERB_DENY, MINUTE_US, c, request_id, subject, detail);
}

void notes_add_reading(
	struct notes *n, const struct caller *c, const char *request_id, const char *subject)
{
	note_add(n, VERB_READ, HOUR_US, c, request_id, subject, "read by an auditor");
}

void notes_run(struct notes *n)
{
	int64_t now = clock_mono_us(&n->world->clock);

	for (int i = 0; i < ROWS; i++)
		if (n->rows[i].verb && n->rows[i].closes_us <= now)
			close_row(n, &n->rows[i]);
}

int notes_timeout_ms(const struct notes *n)
{
	int64_t now = clock_mono_us(&n->world->clock), first = -1;

	for (int i = 0; i < ROWS; i++) {
		const struct note *row = &n->rows[i];

		if (row->verb && row->more && (first < 0 || row->closes_us < first))
			first = row->closes_us;
	}
	if (first < 0)
		return -1;
	return first <= now ? 0 : (int)((first - now) / 1000 + 1);
}
