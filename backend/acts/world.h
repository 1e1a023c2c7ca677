/* world.h: all that the engine holds in memory: the committed rows, their parsed configuration,
 * and what was last observed of gateway and replicas. Owned by the engine; acts change it only
 * after their commit; API codecs read it. */
#ifndef PITHEAD_BACKEND_ACTS_WORLD_H
#define PITHEAD_BACKEND_ACTS_WORLD_H

#include "backend/adapters/gateway.h"
#include "backend/adapters/runner.h"
#include "backend/base/clock.h"
#include "backend/base/settings.h"
#include "backend/ingest/ingest.h"
#include "backend/ingest/cuts.h"
#include "backend/ingest/window.h"
#include "backend/spec/spec.h"
#include "backend/store/rows.h"
#include "backend/store/store.h"
#include "backend/upgrade/note.h"

#define WORLD_SERVERS 64
#define DRAINS_MOST   32

/* What keeps an upstream server out of the gateway. */
struct server_fault {
	int slot;
	char name[48], why[160];
};

struct judging;	  /* acts/judging.h */
struct mirror;	  /* acts/mirror.h */
struct observing; /* acts/observing.h */

struct live_endpoint {
	struct endpoint_row row;      /* as committed */
	struct spec_endpoint *config; /* owned */
	struct window *window;	      /* owned */
	struct guard guard;
	struct cuts cuts;
	struct gateway_slot *slots; /* owned; settings.slots of them */
	int slot_count;

	struct gateway_route in_force; /* as last read back from the gateway */
	int in_force_known;	       /* 0: not read yet, or the gateway is gone */
	int64_t confirmed_us;	       /* UTC when in_force last became what is desired */
	int64_t lease_until_us;	       /* UTC; last lease that the gateway confirmed, 0 = none */
	int64_t lease_mono_us; /* the same instant on the monotonic clock: decides a lapse */
	struct gateway_server_state servers[WORLD_SERVERS];
	int server_count;
	int64_t leaving_us; /* monotonic; since when the gateway has servers that the spec does not
			     */
	struct server_fault faults[GATEWAY_SERVERS];
	int fault_count;
	struct drain_row drains[DRAINS_MOST]; /* as committed */
	int drain_count;
	int settling;		     /* replicas are starting or draining: look again soon */
	int overrides;		     /* segment overrides of the active rollout exist */
	int overrides_unsent;	     /* the gateway has not taken all of them yet */
	int64_t proving;	     /* rollout whose end the gateway has still to confirm, or 0 */
	int64_t replica_retry_us;    /* monotonic; no replica is started before */
	int replica_failures;	     /* starts in a row that did not get healthy */
	char evict[NAME_SIZE];	     /* version that must leave its slot for a newer one, or "" */
	int64_t exposed;	     /* answers of the candidate in the active rollout */
	struct judging *judging;     /* owned; the trial of the active rollout, NULL = none yet */
	struct mirror *mirror;	     /* owned; copies of requests for the candidate, NULL = none */
	struct observing *observing; /* owned; mode observe: where its numbers come from */
	struct judging *after; /* owned; of the one promoted last, while outcomes still come */
};

/* One project: its applied spec's head and who may do what there. */
struct live_project {
	struct spec_row spec;
	struct spec *access; /* owned; roles and tiers only */
	/* Members resolved to ids when the access was loaded: parallel to access->roles. */
	struct {
		int64_t uids[SPEC_LIST];
		int64_t gids[SPEC_LIST];
		int uid_count, gid_count;
	} ids[8];
};

/* An upgrade of the engine: the preparation under way (pid 0 = none), what is noted of the last
 * one, and what will be of the next. */
struct world_upgrade {
	int64_t pid, start_ticks;
	int handing_over; /* the loop ends, and the program of the note gets the home */
	struct upgrade_note note, next;
};

struct world {
	char home[256];
	struct settings settings;
	struct process_user user; /* whom gateway and replicas run as; uid 0 = as the engine */
	struct clock clock;
	struct store *store;		  /* owned */
	struct gateway *gateway;	  /* owned */
	struct ingest *ingest;		  /* owned */
	struct live_endpoint **endpoints; /* owned */
	int endpoint_count;
	struct live_project **projects; /* owned */
	int project_count;
	int64_t started_us;
	int gateway_up;
	/* The gateway's and ingest's counters when a record was last seen to arrive. */
	int64_t last_requests, last_records;
	int hearing_known;  /* they have been read once */
	int deaf;	    /* requests pass the gateway and no record of them arrives */
	int64_t swept_us;   /* monotonic; when old trials were last dropped, 0 = not yet */
	int64_t drained_us; /* UTC; all that was logged before it has been taken; 0 = not known */
	int hold;	    /* after a restore: nothing is moved until a person chooses */
	int team;	    /* a team's engine: lives in /run/pithead or /var/lib/pithead */
	char build[VERSION_BUILD]; /* of the program that runs */
	/* The new program has the home and is not yet healthy: it looks, judges and renews, and
	 * changes nothing. */
	int probation;
	struct world_upgrade upgrade;
	int stopping, stop_all;
};

/* The endpoint by id (PROJECT/NAME), PROJECT~NAME, or by NAME alone when it is unique. NULL with
 * ERR_NOT_FOUND (did-you-mean) or ERR_CONFLICT (the name is used in several projects). */
struct live_endpoint *world_find_endpoint(struct world *w, const char *name, struct err *e);

struct live_project *world_find_project(struct world *w, const char *project);

/* Whether somebody else serves it, so that gateway, replicas and leases have no part in it; and
 * whether there is any that is served here. */
int world_is_observed(const struct live_endpoint *ep);
int world_serves(const struct world *w);

/* Whether shares and overrides of the candidate count now: its gate is open, its lease is live. */
int world_is_open(const struct world *w, const struct live_endpoint *ep);

/* The share of the candidate that counts now, at the gateway: 0 without a live lease or gate. */
int world_share_in_force(const struct world *w, const struct live_endpoint *ep);

/* Reloads rows, configurations and access of all projects from the store (at start and after an
 * apply); windows and guards of endpoints that stay are kept. */
int world_load(struct world *w, struct err *e);
void world_release(struct world *w);

#endif
