/* replicas.h: the noise of one arm's servers told apart from harm of the version (section 4.4): is
 * there one server that answers more slowly, or fails more often, than its siblings of the same
 * arm? A slow pod makes its version look slow; only its siblings can clear the version.
 *
 * For each of the first 16 servers of an arm two tests of proportion.h against its siblings: slow
 * answers, an event when L > q for the siblings and L > 1.25 q for the server, q = exp(mean + sd)
 * of the arm's log latencies of earlier ticks; and failures, more than 0.5 pp above theirs. The
 * share w is what the server got of the tick: with n_k of n requests, A = E f on the server and B
 * on its siblings, A^(n_k) B^(n - n_k) <= (w A + (1-w) B)^n <= 1 under the null (inequality of the
 * means), so that requests may be dealt out in any way that does not look at what they ask. Half of
 * the stake is on the whole rollout, the other half on stretches of 15 minutes, the j-th with
 * 1/(j(j+1)), so that a server that turns slow late is found. A server is named at
 * E >= 64/alpha: 2 arms, 16 servers, 2 tests, alpha 1 % for the whole rollout and any number of
 * looks. Assumed: siblings share one rate within a tick. Not seen: an arm with one server, or one
 * in which all are slow. Memory: fixed, 21 KB. Pure. */
#ifndef PITHEAD_BACKEND_JUDGE_REPLICAS_H
#define PITHEAD_BACKEND_JUDGE_REPLICAS_H

#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "backend/judge/proportion.h"

#define REPLICAS_MOST  16 /* of each arm */
#define REPLICAS_ALPHA .01

enum replica_test { REPLICA_SLOW, REPLICA_FAILING, REPLICA_TESTS };

/* Sums over answers; failed requests have no latency. */
struct replica_sums {
	double n, failed, timed, logs; /* logs: of latency in seconds */
};

struct replica_run {
	struct proportion all, stretch;
	double log_finished; /* log of the weighted sum of stretches that are over */
	double most;
};

struct replica {
	char name[64]; /* "" = not in use */
	struct replica_run run[REPLICA_TESTS];
	struct replica_sums all, stretch;
	/* Of the open tick. */
	uint32_t n, failed, timed, above, far_above; /* above q, above 1.25 q */
	double logs, log_squares;
};

struct replica_arm {
	struct replica servers[REPLICAS_MOST];
	int count;
	double n, logs, log_squares; /* of the mark; halved as it ages */
};

struct replicas {
	struct replica_arm arms[2]; /* stable, candidate */
	int64_t ticks;
};

struct replica_finding {
	int found; /* 0: its siblings are as it is, or none can be compared */
	int candidate;
	enum replica_test test;
	char name[64];
	double own, siblings; /* geometric mean latency in seconds, or share failed */
	double factor;	      /* own / siblings; NAN when they do not fail at all */
	/* The siblings against the other arm, as a factor of latency or a difference of the shares
	 * failed: what is left of the version's harm without this server. NAN = unknown. */
	double others;
	double evidence; /* log E / limit of the one with the most, 1 = named */
};

/* Starts without servers, at E = 1. */
void replicas_init(struct replicas *r);

/* One answer. Failed ones need no latency; others without one (NAN, infinite) are only counted. */
void replicas_add(
	struct replicas *r, int candidate, const char *server, int failed, double latency_s);

/* Ends a tick (a second): pays the bets. A tick without requests is one too. */
void replicas_tick(struct replicas *r);

/* The server with the most evidence; it stays named once it was. */
struct replica_finding replicas_find(const struct replicas *r);

/* One sentence about a finding, "" when there is none; the arms' names are the versions'. Returns
 * whether there is one: "replica r12 of v4 is 2.1x slower than its siblings (...)". */
int replicas_text(const struct replica_finding *f, const char *stable, const char *candidate,
	char *out, size_t size);

/* All of it as bytes, appended to out; and back: 0, or ERR_INVALID with a sentence (*r is then
 * empty). */
void replicas_save(const struct replicas *r, struct buf *out);
int replicas_load(struct replicas *r, const void *data, size_t n, struct err *e);

#endif
