/* judge_world.h: the world in which the judge's benches play rollouts, and how their figures are
 * told. Four signals: error_rate, latency_p99, brier, calibration. Seeded. */
#ifndef PITHEAD_TESTS_BENCH_JUDGE_WORLD_H
#define PITHEAD_TESTS_BENCH_JUDGE_WORLD_H

#include "backend/judge/rollout_judge.h"
#include "tests/bench/chance.h"

#define WORLD_RATE 100 /* requests a second */

enum { WORLD_ERRORS, WORLD_LATENCY, WORLD_BRIER, WORLD_CALIBRATION };

struct world {
	double error[2];      /* stable, candidate */
	double slower, score; /* candidate's latency as a factor; added to its scores */
	double share;	      /* 0: 1, 5, 25, 50 % in turn */
	int waves;	      /* load that both arms share: errors and latency move */
};

/* Four signals with HARM limits of harm_part of those of OK. */
struct judge_config world_config(double harm_part);

/* Plays `requests` or until HARM or INVALID, a look after every second. Returns the requests on the
 * candidate until then; the last card is in *card. */
double world_rollout(const struct judge_config *config, const struct world *w, uint64_t seed,
	int requests, struct judge_card *card);

/* A latency: lognormal, median 50 ms, deviation 0.5 of its logarithm. */
double world_latency(struct chance *c);

/* out[k] = one(context, k) for k < n, on two processes when there are as many processors. */
void world_each(int n, double (*one)(const void *context, int k), const void *context, double *out);

/* The rate at which k of n or fewer (lower 0), or k or more (lower 1), would be seen in 5 % of
 * cases: the upper and the lower 95 % bound. */
double world_bound95(int k, int n, int lower);

/* Mean of n figures, and its standard error into *error. */
double world_mean(const double *x, int n, double *error);

/* "ok", or "MISSED", which is counted. */
const char *world_mark(int good);

/* The last line of a bench; its exit code. */
int world_end(void);

#endif
