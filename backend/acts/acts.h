/* acts.h: everything that changes something. An act gathers the facts, asks policy and state
 * machine, commits state and audit event in one transaction, runs the effects, and answers when
 * the gateway has confirmed. One file per family. With dry_run nothing is written and only the
 * plan is filled. */
#ifndef PITHEAD_BACKEND_ACTS_ACTS_H
#define PITHEAD_BACKEND_ACTS_ACTS_H

#include "backend/acts/world.h"

struct caller {
	int64_t uid, gid, login_uid; /* login_uid -1 = unknown */
	int login_hidden; /* there are login uids here, and this one cannot be read any more */
	int64_t groups[64];
	int group_count;
	/* What those and gid are called now; one that has no name is left out. */
	char group_names[65][NAME_SIZE];
	int group_name_count;
	int groups_stale; /* the user database did not confirm them: they only let look and lower */
	char user[NAME_SIZE]; /* name, or "uid 1234" */
	char role[16];	      /* the strongest role, for people to read */
	unsigned permissions; /* enum permission bits, lowered by --as */
	const char *via;      /* console, command, api, engine */
};

/* Who wants it, why, and what they saw. Strings are borrowed. */
struct act {
	const struct caller *caller;
	const char *reason; /* may be NULL or "" */
	const char *causes; /* JSON array or NULL */
	const char *request_id;
	int64_t revision; /* the revision that the person saw; 0 = none named */
	int64_t undo_of;  /* the change that this undoes, 0 = none */
	int dry_run;
	/* Called inside the transaction of the act's event, so that what the caller keeps of it
	 * (the row of an Idempotency-Key) is there exactly when the event is. NULL = nothing to
	 * keep. */
	int (*in_commit)(void *arg, int64_t seq, struct err *e);
	void *in_commit_arg;
};

#define PLAN_LINES 8
struct plan {
	char title[200], subject[160];
	char will[PLAN_LINES][200];
	int will_count;
	char will_not[PLAN_LINES][200];
	int will_not_count;
	char needs[PLAN_LINES][200];
	int needs_count;
	char warnings[PLAN_LINES][200];
	int warning_count;
	char undo[240]; /* how this can be undone afterwards, or why not */
	int undoable;
	char duration[32];
};

struct act_result {
	struct plan plan;
	int64_t seq;		/* the event, 0 with dry_run */
	int64_t revision;	/* of the endpoint after the act (or seen, with dry_run) */
	char endpoint[ID_SIZE]; /* "" = none */
	int64_t rollout;	/* 0 = none */
	int64_t proposal;	/* that waits for other people, or was answered; 0 = none */
	char moved[400];	/* after ERR_STALE: who changed what, when */
};

struct rollout_request {
	const char *to, *pattern; /* pattern NULL = the spec's */
	const char *steps;	  /* NULL = the spec's */
	int share_bp;		  /* -1 = by steps */
};

/* Starts a rollout of req->to; it waits where approvals or healthy servers are missing. */
int act_rollout_start(struct world *w, const struct act *a, struct live_endpoint *ep,
	const struct rollout_request *req, struct act_result *out, struct err *e);

/* verb: advance, pause, resume, promote, abort, approve, reject. share_bp: for advance, -1 = next
 * step. */
int act_rollout_verb(struct world *w, const struct act *a, int64_t rollout, const char *verb,
	int share_bp, struct act_result *out, struct err *e);

/* Makes `to` (NULL: the previous stable) the stable version, ending an active rollout. */
int act_rollback(struct world *w, const struct act *a, struct live_endpoint *ep, const char *to,
	struct act_result *out, struct err *e);

/* share_bp 0, 10000, or -1 to remove. Needs an active rollout. */
int act_override(struct world *w, const struct act *a, struct live_endpoint *ep,
	const char *segment, int share_bp, struct act_result *out, struct err *e);

/* Takes an upstream server out of the rotation (drain), or back. server: its name, or HOST:PORT as
 * it stands in the spec; version: which, where several have it, else NULL. */
int act_server(struct world *w, const struct act *a, struct live_endpoint *ep, const char *server,
	const char *version, int drain, struct act_result *out, struct err *e);

/* Stops the line of ep (NULL: of all endpoints): nothing moves there until it is lifted. */
int act_freeze(struct world *w, const struct act *a, struct live_endpoint *ep,
	struct act_result *out, struct err *e);
/* Lifts it. Where a tier in the scope is high the first person's wish is a proposal, and a second
 * person's lifts it. */
int act_unfreeze(struct world *w, const struct act *a, struct live_endpoint *ep,
	struct act_result *out, struct err *e);
/* Overrides ep's freeze windows for a while, when two people want it (as for unfreeze). */
int act_override_freeze(struct world *w, const struct act *a, struct live_endpoint *ep,
	int64_t lasts_ms, struct act_result *out, struct err *e);

/* Who has stopped the line, where and why, in one line; "" when nobody has. where: the endpoint,
 * "" = all of them. */
void line_describe(struct world *w, char *out, size_t size, char where[ID_SIZE]);

/* A yes to a proposal: the last that is needed carries it out. ERR_STALE when what it would change
 * has changed since. */
int act_proposal_approve(
	struct world *w, const struct act *a, int64_t id, struct act_result *out, struct err *e);
int act_proposal_reject(
	struct world *w, const struct act *a, int64_t id, struct act_result *out, struct err *e);
/* "open", "done", "rejected", "stale" or "expired", as of now; and how many people said yes. */
const char *proposal_state(struct world *w, const struct proposal_row *p);
int proposal_votes(struct world *w, int64_t id);

int act_undo(
	struct world *w, const struct act *a, int64_t seq, struct act_result *out, struct err *e);
/* One line: what undoing ev would do, or why it cannot be. Returns whether it can. */
int act_undo_describe(struct world *w, const struct event *ev, char *out, size_t size);
/* "canary #41 v2 -> v3 at 5 %": an event as a person reads it. */
void event_describe(const struct event *ev, char *out, size_t size);

int act_alert_ack(
	struct world *w, const struct act *a, int64_t alert, struct act_result *out, struct err *e);

/* Registers a bundle whose files lie in `folder` (moved into HOME/store/bundles), sealed. */
struct sealed;
int act_version_add(struct world *w, const struct act *a, const char *project, const char *name,
	const char *folder, const struct sealed *sealed, struct version_row *row,
	struct act_result *out, struct err *e);

struct apply_request {
	const char *text; /* of pithead.yaml */
	size_t size;
	const char *commit; /* git commit, "" = none */
	int dirty;
	int64_t base; /* spec_seq that the plan was made against, -1 = not named */
};
struct plan_row {
	char path[160], desired[200], recorded[200], observed[200], note[120];
	char mark; /* + - ~ ! = */
};
struct spec_plan {
	char project[NAME_SIZE], digest[72];
	int64_t base;
	struct spec_faults faults;
	struct plan_row *rows; /* owned */
	int row_count;
	char loosens[PLAN_LINES][200];
	int loosen_count, loosen_more; /* more: those for which there was no line */
	int approvals; /* people besides its author whom the old policy asks for them */
};
/* Fills plan (released by spec_plan_release). ERR_INVALID with plan->faults for a bad file. */
int act_plan(
	struct world *w, const struct apply_request *req, struct spec_plan *plan, struct err *e);
void spec_plan_release(struct spec_plan *plan);
int act_apply(struct world *w, const struct act *a, const struct apply_request *req,
	struct act_result *out, struct err *e);

/* choose: "stored" (make the world match the store) or "observed" (record what runs). */
int act_hold(struct world *w, const struct act *a, const char *choose, struct act_result *out,
	struct err *e);
int act_engine_stop(
	struct world *w, const struct act *a, int all, struct act_result *out, struct err *e);

/* Outcomes of requests, joined by id; counts what was stored, known already, or unknown. */
struct outcome_in {
	const char *id, *name;
	double value;
};
struct outcome_counts {
	int64_t stored, duplicate, unknown;
};
int act_outcomes(struct world *w, const struct outcome_in *list, int count,
	struct outcome_counts *out, struct err *e);

/* Scores of requests whose answer could not be read, joined by id, first wins; or, where `endpoint`
 * is set, a request that somebody else has answered (trial/posted.h), of an observed endpoint.
 * late: after what they would be judged by has been judged, or left the window. */
struct prediction_in {
	const char *id;
	double score;
	const char *endpoint, *version;
	int status;    /* of HTTP, 0 = no answer */
	double ms;     /* until the answer, NAN = not told */
	double time_s; /* UTC, when it was answered; NAN = now */
};
struct prediction_counts {
	int64_t stored, duplicate, unknown, late;
};
int act_predictions(struct world *w, const struct prediction_in *list, int count,
	struct prediction_counts *out, struct err *e);

/* An event without a change: denied attempts, exports, an auditor's reading. */
int act_note(struct world *w, const struct act *a, const char *verb, const char *subject,
	const char *detail, struct err *e);

/* Whether the gateway has confirmed what the act wanted; 1 yes, 0 on the way. summary: a sentence
 * for people ("aborted: gateway confirms 0 % since 14:01:58.3"). */
int act_proven(struct world *w, const struct act_result *r, char *summary, size_t size);

/* A caller that is the engine itself. */
const struct caller *caller_engine(void);

#endif
