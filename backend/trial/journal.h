/* journal.h: everything that a trial was fed, in its order, as compact bytes: the engine appends to
 * it with every tick and a crash loses nothing that was judged; `rollout replay` folds it again,
 * under the same policy or another. Some 20 bytes an answer. Pure. */
#ifndef PITHEAD_BACKEND_TRIAL_JOURNAL_H
#define PITHEAD_BACKEND_TRIAL_JOURNAL_H

#include "backend/trial/trial.h"

#define JOURNAL_NAMES 256 /* of segments, servers and outcomes; what comes after has no name */

/* Names are written once and then told by number; times as distances. Both ends keep the same. */
struct journal {
	struct buf out;	   /* written and not yet taken; owned */
	char (*names)[64]; /* owned; JOURNAL_NAMES of them */
	int name_count;
	int64_t last_us;
};

/* An empty journal, and its end. */
void journal_init(struct journal *j);
void journal_release(struct journal *j);

/* Append one entry to j->out: what is then given to the trial by the function of the same name.
 * A segment's, server's or outcome's name that finds no room is emptied in the entry as well, so
 * that the trial is fed exactly what a replay will feed it. */
void journal_add_warm(struct journal *j, int64_t latency_us);
void journal_add_answer(struct journal *j, struct trial_answer *a);
void journal_add_counts(struct journal *j, const struct judge_counts *c);
void journal_add_label(struct journal *j, int64_t tick, struct trial_label *l);
void journal_add_stage(struct journal *j, int64_t tick, char segment[64], double share);
void journal_add_close(struct journal *j, int64_t before);

/* Feeds n bytes of whole entries, that follow those which j has seen, to t. on_close (may be NULL)
 * is called after each close. 0, or ERR_INVALID with a sentence when the bytes are no journal. */
typedef void (*journal_on_close)(void *arg, const struct trial *t, int64_t before);
int journal_feed(struct journal *j, const void *data, size_t n, struct trial *t,
	journal_on_close on_close, void *arg, struct err *e);

/* What both ends must know to go on from here, as bytes and back (0 or ERR_INVALID). */
void journal_save(const struct journal *j, struct buf *out);
int journal_load(struct journal *j, const void *data, size_t n, struct err *e);

#endif
