/* acts_world.h: a whole world for tests of acts: real store in a temporary home, fake gateway, fake
 * clock, two endpoints of project "flights" that serve v1 (delay: tier low, rebook: tier high with
 * two approvals) and know the upstream versions v1 to v4. Acts are written as words. */
#ifndef PITHEAD_TESTS_SUPPORT_ACTS_WORLD_H
#define PITHEAD_TESTS_SUPPORT_ACTS_WORLD_H

#include "backend/acts/acts.h"

struct acts_world {
	struct world w;
	const struct caller *by;
	struct live_endpoint *ep; /* whom the words are about; borrowed */
	int64_t rollout, seq;	  /* of the last act that had one */
	int64_t proposal;	  /* likewise */
	int64_t revision;	  /* named by the next acts, 0 = none */
	int ports[3];		  /* free ones */
	int dry;		  /* every act is tried with dry_run first and must write nothing */
	struct act_result r;
	struct err e;
};

void acts_world_new(struct acts_world *x);
void acts_world_free(struct acts_world *x); /* removes the home */

/* Ports of this machine that nobody has at the moment, all different. */
void acts_free_ports(int *out, int count);

/* One of ada, ben, cas, root (own login uids), and ben2 (another uid, ben's login uid). */
const struct caller *acts_person(const char *name);

/* Does what the words say and returns its code, x->r and x->e filled:
 *   start V [BP] · advance [BP] · pause · resume · promote · abort · approve · reject
 *   rollback [V] · override SEGMENT BP · undo [SEQ] · ack ID · apply TEXT
 *   drain SERVER [VERSION] · ready SERVER [VERSION]
 *   freeze [here] · unfreeze [here] · overrule DURATION · yes · no (of the last proposal)
 *   on ENDPOINT · by PERSON · tick [N] · pass DURATION · fail CALLS · kill
 *   server V up|down|drain · seen [REVISION] */
int acts_do(struct acts_world *x, const char *words);

/* "v1>v2 500 stepping": versions and share as the gateway has them, state of the last rollout. */
void acts_look(struct acts_world *x, char *out, size_t size);

/* Spec texts by name: "base", "steps" (delay's last step longer), "more" (a third), "tier" (rebook
 * low), "access", "one" (rebook dropped; "access1" and "lax1" are access and shorter steps of
 * that), "same" (base with a comment), "clash" (another project on delay's port), "bad"; of tier
 * high "tight" (soak and step-most), "window" (one that is none), "frozen" (until 18:00 of the
 * first day), "promote" and "both" (what is approved), "signals" (two that are not judged);
 * "late" (outcomes three days later, both endpoints);
 * "robots" (ben is one). */
void acts_spec(const struct acts_world *x, const char *name, struct buf *out);

/* Number of change events after seq; -1 seq = all. */
int acts_changes(struct acts_world *x, int64_t after);
int acts_alerts(struct acts_world *x, const char *kind, struct alert_row *last);

/* Aborts the test unless gateway, store and memory agree. */
void acts_check(struct acts_world *x);
/* The same without the gateway: store and memory agree. */
void acts_check_rows(struct acts_world *x);
/* Closes the store and verifies the audit log: the finding's number, 0 = whole. */
int acts_verify(struct acts_world *x);

#endif
