/* store.h: the state and audit database, and the telemetry database beside it. All SQL lives in
 * this folder. One writer (the engine), one thread. State changes and their audit event share one
 * transaction:
 *
 *	store_begin(); seq = store_append_event(); store_save_x(row with revision = seq);
 *	store_commit();
 *
 * Every function returns 0 or a negative ERR_* with a sentence. "find" returns 1 found, 0 not. */
#ifndef PITHEAD_BACKEND_STORE_STORE_H
#define PITHEAD_BACKEND_STORE_STORE_H

#include <stdint.h>

#include "backend/audit/event.h"
#include "backend/base/buf.h"
#include "backend/base/clock.h"
#include "backend/base/err.h"
#include "backend/base/settings.h"
#include "backend/store/rows.h"

struct store;

/* STORE_READ_ONLY: only reads, no term, no key (audit verify while the engine runs).
 * STORE_PROBATION: for writing, and all that is written, migrations too, can be taken back by
 * store_take_back until store_confirm; nothing is signed meanwhile. */
enum store_mode { STORE_WRITE, STORE_READ_ONLY, STORE_PROBATION };

/* Opens (makes) HOME/store/state.db and HOME/store/telemetry.db, migrates them (after an automatic
 * backup), takes the writer's term, opens the signing key HOME/keys/audit.pem. A newer file is
 * refused with a sentence. mode: enum store_mode. NULL with *e on failure. */
struct store *store_open(const char *home, const struct settings *settings,
	const struct clock *clock, int mode, struct err *e);
void store_close(struct store *s);

/* Ends a probation: what was written counts, as far as the databases are concerned. */
int store_confirm(struct store *s, struct err *e);

/* With the store closed: whether the databases hold all that was written, so that taking back
 * takes nothing but what comes now (another process that reads them can hinder it). */
int store_is_settled(const char *home);

/* With the store closed: takes back what was written on probation. */
int store_take_back(const char *home, struct err *e);

/* The schema's versions that this program makes. */
void store_schema(int64_t *state, int64_t *telemetry);

/* One transaction at a time; nested begin is a broken invariant. The term is checked in it, under
 * the write lock: once another engine took it, begin fails with ERR_CONFLICT. Rollback is safe when
 * nothing is open. */
int store_begin(struct store *s, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);

/* Appends an event inside the open transaction: sets seq, at_us (when 0), prev and hash.
 * *seq gets its sequence. */
int store_append_event(struct store *s, const struct event *ev, int64_t *seq, struct err *e);

/* Sequence of the newest event; what /v1/events waits on. */
int64_t store_head(const struct store *s);

/* Signs and writes a checkpoint when 256 events or 10 s (settings) have passed since the last;
 * force = now if anything is uncovered. Called after commits and by the tick. */
int store_checkpoint(struct store *s, int force, struct err *e);

/* Events, newest first (or oldest first with ascending). Called once per matching event; a
 * non-zero return stops. The regex is matched against the canonical text. */
struct event_query {
	int64_t after; /* keyset: seq < after (or > after when ascending); 0 = from the end */
	int limit;     /* 1..1000 */
	int ascending;
	int changes_only;
	const char *actor, *verb, *subject, *project, *endpoint,
		*match;		    /* NULL = any; verb may end in .* */
	int64_t rollout;	    /* 0 = any */
	int64_t since_us, until_us; /* 0 = any */
	int64_t scan_limit; /* rows looked at before the search stops and says so; 0 = 200,000 */
};
typedef int (*store_on_event)(void *arg, const struct event *ev);
int store_query_events(struct store *s, const struct event_query *q, store_on_event fn, void *arg,
	int64_t *next_after, struct err *e); /* next_after: 0 when the list has ended */
int store_find_event(struct store *s, int64_t seq, store_on_event fn, void *arg, struct err *e);

/* The latest change event whose subject/endpoint matches after `seq`, for undo's later changes:
 * same query with ascending and after = seq serves. Whether a change was undone: */
int store_undone_by(struct store *s, int64_t seq, int64_t *by, struct err *e); /* 1 yes, 0 no */

/* Rows. save inserts or replaces by primary key; list calls fn for each. */
typedef int (*store_on_endpoint)(void *arg, const struct endpoint_row *r);
int store_save_endpoint(struct store *s, const struct endpoint_row *r, struct err *e);
int store_find_endpoint(struct store *s, const char *id, struct endpoint_row *out, struct err *e);
int store_list_endpoints(struct store *s, store_on_endpoint fn, void *arg, struct err *e);

typedef int (*store_on_version)(void *arg, const struct version_row *r);
int store_save_version(struct store *s, const struct version_row *r, struct err *e);
int store_find_version(struct store *s, const char *project, const char *name_or_digest,
	struct version_row *out, struct err *e);
int store_list_versions(struct store *s, const char *project, store_on_version fn, void *arg,
	struct err *e); /* project NULL = all; newest first */

typedef int (*store_on_rollout)(void *arg, const struct rollout_row *r);
int store_next_rollout_id(struct store *s, int64_t *id, struct err *e); /* inside a transaction */
int store_save_rollout(struct store *s, const struct rollout_row *r, struct err *e);
int store_find_rollout(struct store *s, int64_t id, struct rollout_row *out, struct err *e);
int store_list_rollouts(struct store *s, const char *endpoint, int active_only, int64_t before,
	int limit, store_on_rollout fn, void *arg,
	struct err *e); /* newest first; endpoint NULL = all */

typedef int (*store_on_approval)(void *arg, const struct approval_row *r);
int store_save_approval(struct store *s, const struct approval_row *r, struct err *e);
int store_list_approvals(
	struct store *s, int64_t rollout, store_on_approval fn, void *arg, struct err *e);

/* Holds: by kind and scope; until_us is the reader's to judge. */
typedef int (*store_on_hold)(void *arg, const struct hold_row *r);
int store_save_hold(struct store *s, const struct hold_row *r, struct err *e);
int store_remove_hold(struct store *s, const char *kind, const char *scope, struct err *e);
int store_find_hold(
	struct store *s, const char *kind, const char *scope, struct hold_row *out, struct err *e);
int store_list_holds(struct store *s, store_on_hold fn, void *arg, struct err *e);

/* Proposals, newest first. text: of pithead.yaml, "" of other kinds; NULL = leave it as it is (the
 * row must exist then), or do not read it. */
typedef int (*store_on_proposal)(void *arg, const struct proposal_row *r);
typedef int (*store_on_vote)(void *arg, const struct proposal_vote *r);
int store_next_proposal_id(struct store *s, int64_t *id, struct err *e); /* inside a transaction */
int store_save_proposal(
	struct store *s, const struct proposal_row *r, const char *text, struct err *e);
int store_find_proposal(
	struct store *s, int64_t id, struct proposal_row *out, struct buf *text, struct err *e);
int store_list_proposals(
	struct store *s, int open_only, int limit, store_on_proposal fn, void *arg, struct err *e);
int store_save_vote(struct store *s, const struct proposal_vote *r, struct err *e);
int store_list_votes(struct store *s, int64_t proposal, store_on_vote fn, void *arg, struct err *e);

typedef int (*store_on_drain)(void *arg, const struct drain_row *r);
int store_save_drain(struct store *s, const struct drain_row *r, struct err *e);
int store_remove_drain(struct store *s, const char *endpoint, const char *version,
	const char *server, struct err *e);
int store_list_drains(
	struct store *s, const char *endpoint, store_on_drain fn, void *arg, struct err *e);

typedef int (*store_on_override)(void *arg, const struct override_row *r);
int store_save_override(struct store *s, const struct override_row *r, struct err *e);
int store_remove_override(
	struct store *s, const char *endpoint, const char *segment, struct err *e);
int store_list_overrides(
	struct store *s, const char *endpoint, store_on_override fn, void *arg, struct err *e);

typedef int (*store_on_slot)(void *arg, const struct slot_row *r);
int store_save_slot(struct store *s, const struct slot_row *r, struct err *e);
int store_remove_slot(struct store *s, const char *endpoint, int slot, struct err *e);
int store_list_slots(
	struct store *s, const char *endpoint, store_on_slot fn, void *arg, struct err *e);

typedef int (*store_on_replica)(void *arg, const struct replica_row *r);
int store_save_replica(struct store *s, const struct replica_row *r, struct err *e);
int store_remove_replica(struct store *s, const char *id, struct err *e);
int store_list_replicas(struct store *s, const char *endpoint, store_on_replica fn, void *arg,
	struct err *e); /* NULL = all */

typedef int (*store_on_alert)(void *arg, const struct alert_row *r);
int store_save_alert(struct store *s, struct alert_row *r, struct err *e); /* id 0: assigned */
int store_find_alert(struct store *s, int64_t id, struct alert_row *out, struct err *e);
int store_list_alerts(
	struct store *s, int open_only, int limit, store_on_alert fn, void *arg, struct err *e);

/* The applied spec of a project: the file's text, the access JSON, one JSON per endpoint. */
typedef int (*store_on_spec)(void *arg, const struct spec_row *r);
int store_save_spec(struct store *s, const struct spec_row *r, const char *text,
	const char *access_json, struct err *e);
int store_find_spec(struct store *s, const char *project, int64_t seq /* 0 = current */,
	struct spec_row *out, struct buf *text, struct buf *access_json, struct err *e);
int store_list_specs(
	struct store *s, store_on_spec fn, void *arg, struct err *e); /* current ones */
int store_save_endpoint_config(
	struct store *s, const char *endpoint, const char *json, struct err *e);
int store_find_endpoint_config(
	struct store *s, const char *endpoint, struct buf *json, struct err *e);

/* Idempotency: the answer that a key got, in the same transaction as the act. 1 found. */
int store_save_answer(struct store *s, int64_t uid, const char *key, const char *route, int status,
	const char *body, struct err *e);
int store_find_answer(struct store *s, int64_t uid, const char *key, struct buf *route, int *status,
	struct buf *body, struct err *e);

/* Small facts that outlive the process ("hold", "gateway generation"). */
int store_set_fact(struct store *s, const char *name, const char *value, struct err *e);
int store_find_fact(struct store *s, const char *name, struct buf *out, struct err *e);

/* The disk reserve: 1 MB preallocated file, released when a risk-lowering act meets a full disk,
 * restored when there is room (with the checkpoints). 0, or ERR_DISK_FULL: it was spent already. */
int store_release_reserve(struct store *s);

/* An online copy of both databases into folder (made), consistent each. */
int store_backup(struct store *s, const char *folder, struct err *e);

#endif
