/* replicas.h: the noise of one arm's servers told apart from harm of the version (section 4.4): is
 * there one server that answers more slowly, or fails more often, than its siblings of the same
 * arm? A slow pod makes its version look slow; only its siblings can clear the version.
 *
 * Three tests for each of the first 16 servers of an arm, against its siblings:
 *   slow     bounded_mean.h on (log L - m)/log 16 + 1/2, m = the arm's mean of earlier batches: its
 *            geometric mean latency is more than 1.25 times theirs
 *   tail     proportion.h, an event when L > q for the siblings and L > 1.25 q for the server,
 *            q = exp(mean + 2 sd) of the arm's log latencies of earlier batches
 *   failing  proportion.h, more than 0.5 pp above theirs
 * Answers are taken in batches of 12 to 64 (or a minute's). The share w is what the server got of
 * the batch: with n_k of n answers, A = E f on the server and B on its siblings,
 * A^(n_k) B^(n - n_k) <= (w A + (1-w) B)^n <= 1 under the null (inequality of the means), so that
 * requests may be dealt out in any way that does not look at what they ask. Half of the stake is on
 * the whole rollout, the other half on stretches of 15 minutes, the j-th with 1/(j(j+1)), so that a
 * server that turns slow late is found. A server is named at E >= 96/alpha: 2 arms, 16 servers, 3
 * tests, alpha 1 % for the whole rollout and any number of looks; called likely at 5 % for the
 * servers of its own arm alone, since harm of the version is often proven sooner than the reason
 * for it. Assumed: siblings share one law within a batch. Not seen: an arm with one server, or one
 * in which all are slow. Memory: fixed, 51 KB. Pure. */
#ifndef PITHEAD_BACKEND_JUDGE_REPLICAS_H
#define PITHEAD_BACKEND_JUDGE_REPLICAS_H

#include <stddef.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "backend/judge/bounded_mean.h"
#include "backend/judge/proportion.h"

#define REPLICAS_MOST  16 /* of each arm */
#define REPLICAS_ALPHA .01
#define REPLICAS_BATCH 64

enum replica_test { REPLICA_SLOW, REPLICA_TAIL, REPLICA_FAILING, REPLICA_TESTS };

/* Sums over answers; failed requests have no latency. */
struct replica_sums {
	double n, failed, timed, logs; /* logs: of latency in seconds */
	double above, far_above;       /* q, 1.25 q */
};

/* Adds the sums of s to those of `to`. */
void replica_sums_add(struct replica_sums *to, const struct replica_sums *s);

struct replica_process {
	union {
		struct proportion rate;
		struct bounded_mean mean; /* of REPLICA_SLOW */
	};
};

struct replica_run {
	struct replica_process all, stretch;
	double log_finished; /* log of the weighted sum of stretches that are over */
	double most;
};

struct replica {
	char name[64];
	struct replica_run run[REPLICA_TESTS];
	struct replica_sums all, stretch;
};

struct replica_answer {
	int server, failed;
	double log_latency; /* NAN: none */
};

struct replica_arm {
	struct replica servers[REPLICAS_MOST];
	int count;
	double n, logs, log_squares; /* of the marks; halved as it ages */
	struct replica_answer batch[REPLICAS_BATCH];
	int batched;
	int64_t batch_tick; /* of its first */
};

struct replicas {
	struct replica_arm arms[2]; /* stable, candidate */
	int64_t ticks;
};

struct replica_finding {
	int found;  /* 0: its siblings are as it is, or none can be compared */
	int likely; /* not named, but one would bet on it */
	int candidate;
	enum replica_test test;
	char name[64];
	/* Geometric mean latency in seconds; share of answers in the tail; share failed. */
	double own, siblings;
	double factor; /* own / siblings; NAN when theirs is 0 */
	/* The siblings against the other arm: what is left of the version's harm without this
	 * server. A factor of latency, or a difference of the shares failed; NAN = unknown. */
	double others;
	double evidence; /* log E / limit of the one with the most, 1 = named */
};

/* Starts without servers, at E = 1. */
void replicas_init(struct replicas *r);

/* One answer. Failed ones need no latency; others without one (NAN, infinite) are only counted. */
void replicas_add(
	struct replicas *r, int candidate, const char *server, int failed, double latency_s);

/* Ends a tick (a second): pays the bets of full batches. A tick without answers is one too. */
void replicas_tick(struct replicas *r);

/* The server with the most evidence; it stays named once it was. */
struct replica_finding replicas_find(const struct replicas *r);

/* One sentence about a finding, "" when there is none; the arms' names are the versions'. Returns
 * whether there is one: "replica r12 of v4 is 2.1x slower than its siblings (...)", after
 * "probably" when it is only likely. */
int replicas_text(const struct replica_finding *f, const char *stable, const char *candidate,
	char *out, size_t size);

/* What the servers of an arm did, without a judgement, for the card of a rollout that was aborted:
 * "r10 51 ms, r11 49 ms, r12 104 ms (geometric means)", or the shares that failed. "" with less
 * than two servers. Returns whether there are two. */
int replicas_list(const struct replicas *r, int candidate, int failures, char *out, size_t size);

/* All of it as bytes, appended to out; and back: 0, or ERR_INVALID with a sentence (*r is then
 * empty). */
void replicas_save(const struct replicas *r, struct buf *out);
int replicas_load(struct replicas *r, const void *data, size_t n, struct err *e);

/* A server as it starts when `ticks` have passed. Only for replicas_state.c. */
void replica_init(struct replica *s, const char *name, int64_t ticks);

#endif
