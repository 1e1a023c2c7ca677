/* rows.h: the rows of the state database as C structs, shared by store, acts and API codecs.
 * Fixed-size text, so that a row is a value: copied, never freed. An "endpoint id" is
 * PROJECT/NAME. Times are microseconds of UTC, shares basis points (0..10000). `revision` is the
 * sequence of the audit event that last changed the row. */
#ifndef PITHEAD_BACKEND_STORE_ROWS_H
#define PITHEAD_BACKEND_STORE_ROWS_H

#include <stdint.h>

#define NAME_SIZE   64	/* project, endpoint, version, user, segment */
#define ID_SIZE	    130 /* PROJECT/NAME */
#define REASON_SIZE 512
#define SHARE_ALL   10000

struct version_row {
	char project[NAME_SIZE], name[NAME_SIZE];
	char digest[72]; /* "sha256:" and 64 hex digits */
	char author[NAME_SIZE];
	int64_t size_bytes, files, created_us, revision;
};

struct endpoint_row {
	char id[ID_SIZE];
	char project[NAME_SIZE], name[NAME_SIZE];
	char environment[16], tier[16], mode[16], listen[64];
	char stable[NAME_SIZE];	   /* version name; "" before the first */
	char candidate[NAME_SIZE]; /* "" when none */
	char previous[NAME_SIZE];  /* stable's predecessor, kept hot until hot_until_us; or "" */
	int64_t hot_until_us;
	int64_t rollout;  /* the active one, 0 = none; also the salt of the split */
	int share_bp;	  /* desired share of the candidate */
	int gate;	  /* 0: nothing reaches the candidate, whatever else says */
	int removed;	  /* no longer in the applied spec: not served */
	int64_t spec_seq; /* applied spec (specs.seq) that this configuration came with */
	int64_t revision;
};

struct rollout_row {
	int64_t id;
	char endpoint[ID_SIZE], project[NAME_SIZE], environment[16];
	char pattern[16], state[16]; /* state: a name of wire/states.def */
	char from_version[NAME_SIZE], to_version[NAME_SIZE];
	char steps[512];     /* "1% 2m, 5% 5m": the steps as the spec writes them */
	char segments[1024]; /* of a segmented one: "SFO, ORD": each goes through all steps in turn,
			      * and then all others together */
	int step;	     /* index of the step in force, counted over all segments */
	int share_bp; /* the share this rollout wants now (0 while waiting or ended); of a segmented
		       * one: in the segment of its step */
	int approvals_needed;
	char author[NAME_SIZE];
	int64_t author_uid, author_login_uid;
	int64_t started_us, step_since_us, ended_us; /* ended_us 0 = active */
	char reason[REASON_SIZE], end_reason[REASON_SIZE];
	int64_t exposed; /* answers of the candidate until the last change of this row */
	int64_t revision;
};

/* One person's yes, with what they were shown. */
struct approval_row {
	int64_t rollout, uid, login_uid, at_us, revision;
	char user[NAME_SIZE], reason[REASON_SIZE];
	char purpose[16];	 /* start or promote */
	char verdict[16];	 /* the verdict's word then */
	char card_digest[72];	 /* of the verdict card; "" = there was none */
	char version_digest[72]; /* of the candidate; "" of an upstream version */
	int64_t spec_seq;	 /* the endpoint's configuration then; 0 = not noted */
};

/* What stands above single rollouts: `line`, nothing moves in the scope until it is lifted; or
 * `window`, two people have overridden its freeze windows until until_us. */
struct hold_row {
	char kind[16];
	char scope[ID_SIZE]; /* endpoint id; "" = all endpoints */
	char user[NAME_SIZE], second[NAME_SIZE], reason[REASON_SIZE];
	int64_t uid, login_uid, at_us, until_us, revision; /* until_us 0 = until lifted */
};

/* Something that more than one person has to want. */
struct proposal_row {
	int64_t id;
	char kind[16];	/* apply, unfreeze, override */
	char state[16]; /* open, done, rejected */
	char project[NAME_SIZE], endpoint[ID_SIZE], summary[240];
	char author[NAME_SIZE], reason[REASON_SIZE], git_commit[64], digest[72];
	int64_t author_uid, author_login_uid, at_us, ended_us;
	int needed;	  /* people besides its author */
	int dirty;	  /* apply: the work tree had uncommitted changes */
	int64_t base;	  /* apply: spec_seq that it was made against */
	int64_t lasts_ms; /* override: how long */
	int64_t undo_of, revision;
};

struct proposal_vote {
	int64_t proposal, uid, login_uid, at_us, revision;
	char user[NAME_SIZE], reason[REASON_SIZE];
};

struct override_row {
	char endpoint[ID_SIZE], segment[NAME_SIZE];
	int64_t rollout; /* the rollout whose salt the key carries */
	int share_bp;	 /* 0 pins the segment to stable, 10000 to the candidate, -1 removed: kept
			  * while the rollout lasts, so that the gateway is told again if need be */
	int64_t revision;
};

/* An upstream server that a person keeps from new requests. */
struct drain_row {
	char endpoint[ID_SIZE], version[NAME_SIZE];
	char server[NAME_SIZE]; /* its name at the gateway */
	char username[NAME_SIZE], reason[REASON_SIZE];
	int64_t at_us, revision;
};

/* Which backend slot of the gateway serves a version of an endpoint. */
struct slot_row {
	char endpoint[ID_SIZE], version[NAME_SIZE];
	int slot;
};

struct replica_row {
	char id[64]; /* unique for ever: the folder run/box/ID */
	char endpoint[ID_SIZE], version[NAME_SIZE], digest[72];
	int slot, number;	  /* number: 0.. within the version */
	int64_t pid, start_ticks; /* pid and field 22 of /proc/PID/stat: one process for ever */
	char state[16];		  /* starting, healthy, unhealthy, draining, stopped */
	int64_t since_us;
};

struct alert_row {
	int64_t id;
	char project[NAME_SIZE], endpoint[ID_SIZE], kind[32], level[16];
	char state[16]; /* open, acknowledged, resolved */
	char message[REASON_SIZE];
	int64_t rollout, since_us, ended_us, revision;
};

/* An applied spec; text and JSON live in the store and are asked for by seq. */
struct spec_row {
	char project[NAME_SIZE], digest[72], commit[64], author[NAME_SIZE];
	int dirty;	    /* the work tree had uncommitted changes */
	int64_t seq, at_us; /* seq: the audit event of the apply */
};

#endif
