/* proposal.h: what more than one person has to want: a change of the spec that loosens, lifting a
 * stopped line, overriding a freeze. Used only in this folder. */
#ifndef PITHEAD_BACKEND_ACTS_PROPOSAL_H
#define PITHEAD_BACKEND_ACTS_PROPOSAL_H

#include "backend/acts/change.h"

/* Rows that go with an event; NULL = none. change.also = proposal_also, also_arg = this. */
struct proposal_rows {
	struct proposal_row *proposal;
	const char *text; /* of a new apply; NULL = the row exists already */
	struct proposal_vote *vote;
	struct hold_row *hold;
	const char *lift; /* the scope whose line is lifted */
};
int proposal_also(struct world *w, void *arg, int64_t seq, struct err *e);

/* Opens a proposal by a: id, author, reason and times are filled here, the rest is given. `text` is
 * a file's, or "". With dry_run only out's plan is filled. ERR_CONFLICT when the same one by the
 * same person is open. */
int proposal_open(struct world *w, const struct act *a, struct proposal_row *p, const char *text,
	struct act_result *out, struct err *e);

/* The open proposal of this kind about this endpoint (or scope): 1 found, 0 none. */
int proposal_find_open(
	struct world *w, const char *kind, const char *endpoint, struct proposal_row *out);

/* Whether two people are one: by uid, or by login uid where it is known. */
int same_person(int64_t uid, int64_t login_uid, int64_t other_uid, int64_t other_login_uid);

/* 0, or ERR_DENIED when it cannot be told which person the caller is, or the account is declared
 * robot or shared in any project that is concerned ("" = all). */
int person_check(struct world *w, const struct act *a, const char *project, struct err *e);

/* Text that may stand between quotes in an event's JSON. */
void plain_text(const char *in, char *out, size_t size);

/* apply.c: applies the proposal's text in the name of its author, with `rows` in the same
 * transaction. ERR_STALE when another spec has been applied since. */
int apply_proposal(struct world *w, const struct act *a, const struct proposal_row *p,
	const char *text, struct proposal_rows *rows, struct act_result *out, struct err *e);

/* hold.c: carries out the other kinds. */
int hold_carry_out(struct world *w, const struct act *a, const struct proposal_row *p,
	struct proposal_rows *rows, struct act_result *out, struct err *e);

#endif
