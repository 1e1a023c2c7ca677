/* store_priv.h: what the files of this folder share. */
#ifndef PITHEAD_BACKEND_STORE_STORE_PRIV_H
#define PITHEAD_BACKEND_STORE_STORE_PRIV_H

#include "backend/base/digest.h"
#include "backend/store/db.h"
#include "backend/store/store.h"

/* The tables of statements, one a file, prepared at open. */
enum store_table {
	TABLE_AUDIT,
	TABLE_ENDPOINTS,
	TABLE_ENDPOINT_CONFIGS,
	TABLE_OVERRIDES,
	TABLE_DRAINS,
	TABLE_SLOTS,
	TABLE_REPLICAS,
	TABLE_VERSIONS,
	TABLE_ROLLOUTS,
	TABLE_APPROVALS,
	TABLE_ALERTS,
	TABLE_SPECS,
	TABLE_ANSWERS,
	TABLE_FACTS,
	TABLE_CARDS,
	TABLE_HOLDS,
	TABLE_PROPOSALS,
	TABLE_VOTES,
	TABLE_RECORDS, /* from here on: the telemetry database */
	TABLE_OUTCOMES,
	TABLE_TRIALS,
	TABLE_COUNT,
};
extern const struct db_table audit_table, endpoints_table, endpoint_configs_table, overrides_table,
	slots_table, replicas_table, versions_table, rollouts_table, approvals_table, alerts_table,
	specs_table, answers_table, facts_table, cards_table, holds_table, proposals_table,
	votes_table, drains_table, records_table, outcomes_table, trials_table;

/* The end of the chain. */
struct chain_head {
	int64_t seq;
	char hash[DIGEST_HEX];
};

struct store {
	char *home; /* owned */
	struct settings settings;
	const struct clock *clock; /* borrowed */
	int read_only;
	int on_probation;	      /* what is written is held back, and nothing is signed */
	struct db *state, *telemetry; /* owned */
	struct db_query **queries[TABLE_COUNT]; /* owned */
	int in_transaction;			/* on the state database */
	int in_batch;				/* on telemetry: begun, not yet flushed */
	struct err batch_fault;			/* first failure since the last flush */
	int64_t epoch;				/* the writer's term that we took */
	struct chain_head head, pending;	/* committed; in the open transaction */
	struct sign_key *key;			/* owned */
	int checkpoints;			/* descriptor of log/checkpoints */
	int64_t signed_seq;			/* covered by the last checkpoint */
	int64_t uncovered_since_us;		/* monotonic; -1 = nothing is uncovered */
	struct buf scratch, canonical;
};

/* Statement `n` of a table. */
static inline struct db_query *store_query(struct store *s, enum store_table t, int n)
{
	return s->queries[t][n];
}

/* Runs a write in the open transaction, or in one of its own when there is none. */
int store_run(struct store *s, struct db_query *q, struct err *e);

/* Makes the disk reserve again when there is room. */
void store_restore_reserve(struct store *s);

/* audit_store.c: reads the end of the chain into s->head. */
int store_load_head(struct store *s, struct err *e);

/* checkpoint_store.c: opens the checkpoints file, mends a torn end, finds what is signed. */
int store_open_checkpoints(struct store *s, struct err *e);

/* telemetry.c: opens the batch unless it is open; ends the open batch, if any. */
int telemetry_begin_batch(struct store *s, struct err *e);
int telemetry_end_batch(struct store *s, struct err *e);

#endif
