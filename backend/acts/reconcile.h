/* reconcile.h: makes the world match the store, at start and forever after. */
#ifndef PITHEAD_BACKEND_ACTS_RECONCILE_H
#define PITHEAD_BACKEND_ACTS_RECONCILE_H

#include "backend/acts/world.h"

/* Starts, adopts, drains and stops the replicas of one endpoint and tells the gateway of them.
 * Call again until nothing changes; it never waits. */
void replicas_reconcile(struct world *w, struct live_endpoint *ep);

/* The command of an endpoint's replicas has changed: they are replaced, new ones first. */
void replicas_outdate(struct world *w, struct live_endpoint *ep);

/* Ends every replica of every endpoint (engine stop --all). Waits until they have gone, at most
 * the settings' drain time and 5 s. */
void replicas_stop_all(struct world *w);

/* At start, after world_load: adopts the running gateway, reads routes and leases, pauses
 * rollouts whose lease has lapsed, then configures. With w->hold it only reads. */
int reconcile_start(struct world *w, struct err *e);

/* One tick: gateway alive, routes right, replicas right, rollouts that can move on, guards, the
 * judge, and then the leases. */
void reconcile_tick(struct world *w);

/* Pauses rollouts whose lease has run out. Before any act is heard: an engine that stood still must
 * not let an act that was waiting renew a lease that has ended. */
void reconcile_lapses(struct world *w);

/* Aborts rollouts whose guard has tripped; called after every drain of the prediction log. */
void reconcile_guards(struct world *w);

#endif
