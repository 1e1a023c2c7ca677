/* change.h: what every act shares: filling an event, checking the revision a person saw, and the
 * one transaction that writes rows and event together. Used only in this folder. */
#ifndef PITHEAD_BACKEND_ACTS_CHANGE_H
#define PITHEAD_BACKEND_ACTS_CHANGE_H

#include "backend/acts/acts.h"
#include "backend/rollout/rollout_fsm.h"

/* Rows to write with one event; NULL = untouched. revision fields are set by change_commit. */
struct change {
	struct event ev;
	char subject[200], before[640], after[640];
	int lowers_risk;	       /* may spend the disk reserve */
	const struct act *act;	       /* borrowed; its in_commit runs inside the transaction */
	const char *fact, *fact_value; /* a fact that goes with the event, or NULL */
	struct endpoint_row *endpoint;
	struct rollout_row *rollout;	/* the one acted on */
	struct rollout_row *superseded; /* another that ends by it */
	struct approval_row *approval;
	struct override_row *override;
	struct alert_row *alert;
	/* What else goes into the transaction; NULL = nothing. */
	int (*also)(struct world *w, void *arg, int64_t seq, struct err *e);
	void *also_arg;
	char *card, *after_card; /* owned until the commit: what the judge said then */
	const char *card_kind;
};

/* An event by `a` about ep (may be NULL) with ep's state as `before`. */
void change_init(struct change *c, const struct act *a, const char *verb,
	const struct live_endpoint *ep, const struct rollout_row *rollout);

/* Writes all of c in one transaction; *seq gets the event's sequence and, where ep is given, its
 * live row becomes the committed one. A full disk is met with the reserve when c lowers risk. */
int change_commit(
	struct world *w, struct change *c, struct live_endpoint *ep, int64_t *seq, struct err *e);

/* Writes the event of a proof and the ended rollout, without a new revision: nobody changed
 * anything, the gateway confirmed it. */
int proof_commit(struct world *w, struct change *c, struct live_endpoint *ep,
	const struct rollout_row *r, int64_t *seq, struct err *e);

/* What the caller of an act keeps with its event; called inside the transaction. */
int act_in_commit(const struct act *a, int64_t seq, struct err *e);

/* {"candidate":"v3",…}: the state that undo and readers compare, keys sorted. rollout may be NULL.
 */
void state_format(
	const struct endpoint_row *ep, const struct rollout_row *rollout, char *out, size_t size);

/* 0 when a names no revision or `current`; else ERR_STALE with out->moved filled. */
int act_check_revision(struct world *w, const struct act *a, int64_t current, const char *what,
	struct act_result *out, struct err *e);

/* Plan lines. */
void plan_will(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What it takes to have servers of a cold version: replicas are started, servers of others asked.
 */
void plan_will_ready(struct plan *p, const struct live_endpoint *ep, const char *version);
void plan_will_not(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void plan_need(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void plan_warn(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "5 %", "0.25 %" (16 bytes are enough). */
void share_format(int share_bp, char *out, size_t size);

/* -- effects.c: what makes gateway and store agree -- */

/* The row that the gateway must have for ep's committed state. */
struct gateway_route route_desired(const struct live_endpoint *ep);
int route_same(const struct gateway_route *a, const struct gateway_route *b);

/* Sends overrides, then (when the candidate has a share) a lease, then the route, and reads it
 * back into ep->in_force. A failure leaves the rest to the reconciler. */
int effect_route(struct world *w, struct live_endpoint *ep, struct err *e);
int effect_lease(struct world *w, struct live_endpoint *ep, struct err *e);
int effect_overrides(struct world *w, struct live_endpoint *ep, struct err *e);

/* Removes overrides of ended rollouts, here and at the gateway; they match nothing any more. */
void overrides_sweep(struct world *w, struct live_endpoint *ep);

/* After effect_route: ends `promoting` and `aborting` rollouts whose wish the gateway confirms,
 * with an event of the engine. */
int effect_prove(struct world *w, struct live_endpoint *ep, struct err *e);

/* Slot of a version (-1 = none), healthy and configured servers of it. */
int slot_find(const struct live_endpoint *ep, const char *version);
int slot_healthy(const struct live_endpoint *ep, int slot);
int servers_wanted(const struct live_endpoint *ep, const char *version);

/* -- upstreams.c -- */

/* The arm of a version that somebody else serves, or NULL. */
const struct spec_arm *upstream_of(const struct live_endpoint *ep, const char *version);
/* The number-th server of an upstream arm as the gateway must have it; borrows the endpoint's. */
void upstream_server(const struct live_endpoint *ep, const struct spec_arm *arm, int number,
	struct gateway_server *out);
/* A server as it was last seen in a slot, or NULL. */
const struct gateway_server_state *server_of(
	const struct live_endpoint *ep, int slot, const char *name);
/* 1 when the server has gone from the gateway; connections that are left keep it for a tick. */
int remove_server(struct world *w, struct live_endpoint *ep, int slot, const char *name);
/* Makes one server be there, at its name's address, drained or not. */
int server_make_so(struct world *w, struct live_endpoint *ep, int slot,
	const struct gateway_server *s, struct err *e);
/* Tells which fault of TLS keeps a server of others down, where that is the reason. */
void upstreams_explain(struct world *w, struct live_endpoint *ep);
/* Makes the slot hold exactly the arm's servers. */
void upstreams_ensure(
	struct world *w, struct live_endpoint *ep, const struct spec_arm *arm, int slot);
/* Whether each server that is there was last seen drained exactly where that is wanted. */
int upstreams_settled(const struct live_endpoint *ep);
/* Why a person keeps a server from new requests, or NULL. */
const struct drain_row *drain_find(
	const struct live_endpoint *ep, const char *version, const char *server);

/* Asks the gateway for the servers' states now. */
void servers_refresh(struct world *w, struct live_endpoint *ep);
/* Whether all servers that the version should have are healthy. */
int version_ready(const struct live_endpoint *ep, const char *version);

/* The active rollout of an endpoint (its row.rollout): 1 found, 0 none. */
int rollout_active(
	struct world *w, const struct live_endpoint *ep, struct rollout_row *out, struct err *e);
/* Moves an active rollout on `event` by the engine (ready, lapse, guard's abort). */
int rollout_engine_event(struct world *w, struct live_endpoint *ep, enum rollout_event event,
	const char *verb, const char *reason, const char *causes, struct err *e);

/* 0 when the version can be served: it is in the registry, or declared as upstream. */
int version_check(
	struct world *w, const struct live_endpoint *ep, const char *version, struct err *e);
/* Whether a segment can have an override: 1 to 60 letters, digits or _ . : -. What clients send
 * may be anything. */
int segment_valid(const char *s);
/* 0 when share_bp is one that may be asked for: 0..10000, or -1 for the next step. */
int share_check(int share_bp, struct err *e);

/* Ends the rollout that is active, or whose end the gateway has still to confirm, because another
 * change takes its place: fills *was (as stored) and *old (as superseded, to be committed).
 * 1 there is one, 0 none. */
int rollout_supersede(struct world *w, struct live_endpoint *ep, const char *reason,
	struct rollout_row *was, struct rollout_row *old, struct err *e);

/* 0, or ERR_CONFLICT with a sentence where somebody else serves the endpoint and moves its traffic:
 * what follows "cannot", such as "start a rollout". */
int moves_check(const struct live_endpoint *ep, const char *what, struct err *e);

/* Ends the open alerts of this kind of the endpoint, with an event that says why. */
int alert_resolve(struct world *w, struct live_endpoint *ep, const char *kind, const char *why,
	struct err *e);

/* Opens an alert unless the same kind is open for the endpoint already; ep NULL = about the engine
 * itself. */
int alert_raise(struct world *w, struct live_endpoint *ep, const char *kind, const char *level,
	const char *message, int64_t rollout, struct err *e);

#endif
