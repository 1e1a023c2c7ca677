/* replicas.c: each server against its siblings. See replicas.h; fed by the engine beside the
 * rollout's judge, shown on its card. What it finds is in replicas_find.c, its bytes in
 * replicas_state.c. */
#include "backend/judge/replicas.h"

#include <math.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define SLOWER	    1.25 /* a server may be so much slower before it is named */
#define MORE_FAILED .005
#define RANGE	    2.772588722239781 /* log 16: from a quarter to four times the arm's mean */
#define STRETCH	    900		      /* ticks */
#define FORGET	    20000
#define LEAST_BATCH 12
#define LONG_BATCH  60 /* ticks */

static void process_begin(struct replica_process *p, enum replica_test test)
{
	if (test == REPLICA_SLOW)
		bounded_mean_init(&p->mean, SIDE_HARM, log(SLOWER) / RANGE, .5, 10, .2);
	else if (test == REPLICA_TAIL)
		proportion_init(&p->rate, SIDE_HARM, 0, .025, 50);
	else
		proportion_init(&p->rate, SIDE_HARM, MORE_FAILED, .01, 50);
}

static double process_log_e(const struct replica_process *p, enum replica_test test)
{
	return test == REPLICA_SLOW ? bounded_mean_log_e(&p->mean) : proportion_log_e(&p->rate);
}

static double stretch_weight(int64_t number)
{
	return 1 / ((double)number * (double)(number + 1));
}

void replica_init(struct replica *s, const char *name, int64_t ticks)
{
	int64_t before = ticks / STRETCH;

	*s = (struct replica){0};
	str_copy(s->name, sizeof s->name, name);
	for (int t = 0; t < REPLICA_TESTS; t++) {
		process_begin(&s->run[t].all, (enum replica_test)t);
		process_begin(&s->run[t].stretch, (enum replica_test)t);
		/* One that comes late had nothing to bet on: those stretches are worth 1. */
		s->run[t].log_finished = log((double)before / (double)(before + 1));
	}
}

void replicas_init(struct replicas *r)
{
	memset(r, 0, sizeof *r);
}

static int server_find(struct replica_arm *arm, const char *name, int64_t ticks)
{
	for (int i = 0; i < arm->count; i++)
		if (strcmp(arm->servers[i].name, name) == 0)
			return i;
	if (arm->count == REPLICAS_MOST || !name[0])
		return -1;
	replica_init(&arm->servers[arm->count], name, ticks);
	return arm->count++;
}

static double run_log_e(const struct replica_run *run, enum replica_test test, int64_t ticks)
{
	int64_t number = ticks / STRETCH + 1;
	double sum = eprocess_log_add(run->log_finished,
		log(stretch_weight(number)) + process_log_e(&run->stretch, test));

	/* What is not begun is worth 1: the rest of the weights is 1/(number + 1). */
	sum = eprocess_log_add(sum, -log((double)number + 1));
	return log(.5) + eprocess_log_add(process_log_e(&run->all, test), sum);
}

void replica_sums_add(struct replica_sums *to, const struct replica_sums *s)
{
	to->n += s->n;
	to->failed += s->failed;
	to->timed += s->timed;
	to->logs += s->logs;
	to->above += s->above;
	to->far_above += s->far_above;
}

/* What a batch has of each server, and of all. */
struct batch_sums {
	struct replica_sums of[REPLICAS_MOST], all;
};

/* Also says how far answers lie, for which the arm must have been seen before. */
static void batch_count(const struct replica_arm *arm, struct batch_sums *out)
{
	double mean = arm->n > 0 ? arm->logs / arm->n : 0;
	double q = arm->n > 0 ? mean + 2 * sqrt(fmax(arm->log_squares / arm->n - mean * mean, 0))
			      : INFINITY;

	memset(out, 0, sizeof *out);
	for (int i = 0; i < arm->batched; i++) {
		const struct replica_answer *a = &arm->batch[i];
		struct replica_sums one = {.n = 1, .failed = a->failed};

		if (!isnan(a->log_latency)) {
			one.timed = 1;
			one.logs = a->log_latency;
			one.above = a->log_latency > q;
			one.far_above = a->log_latency > q + log(SLOWER);
		}
		replica_sums_add(&out->of[a->server], &one);
	}
	for (int i = 0; i < arm->count; i++)
		replica_sums_add(&out->all, &out->of[i]);
}

static void rate_fold(struct proportion *p, const struct tick_counts *c)
{
	struct proportion_bets b;

	if (c->candidate_n <= 0 || c->stable_n <= 0)
		return;
	proportion_begin(p, c->candidate_n / (c->candidate_n + c->stable_n), &b);
	proportion_fold(p, &b, c);
}

static void mean_fold(struct bounded_mean *p, const struct replica_arm *arm, int server, double w)
{
	double middle = arm->logs / arm->n;

	if (!(w > 0 && w < 1))
		return;
	bounded_mean_begin(p, w);
	for (int i = 0; i < arm->batched; i++)
		if (!isnan(arm->batch[i].log_latency))
			bounded_mean_add(p, arm->batch[i].server == server,
				(arm->batch[i].log_latency - middle) / RANGE + .5);
}

static void server_fold(
	struct replica_arm *arm, int server, const struct batch_sums *b, int64_t ticks)
{
	struct replica *s = &arm->servers[server];
	const struct replica_sums *own = &b->of[server], *all = &b->all;
	struct tick_counts failing = {
		all->n - own->n, all->failed - own->failed, own->n, own->failed};
	struct tick_counts tail = {
		all->timed - own->timed, all->above - own->above, own->timed, own->far_above};

	for (int k = 0; k < 2; k++) {
		rate_fold(k ? &s->run[REPLICA_FAILING].stretch.rate
			    : &s->run[REPLICA_FAILING].all.rate,
			&failing);
		if (arm->n < LEAST_BATCH || all->timed <= 0)
			continue;
		rate_fold(k ? &s->run[REPLICA_TAIL].stretch.rate : &s->run[REPLICA_TAIL].all.rate,
			&tail);
		mean_fold(k ? &s->run[REPLICA_SLOW].stretch.mean : &s->run[REPLICA_SLOW].all.mean,
			arm, server, own->timed / all->timed);
	}
	for (int t = 0; t < REPLICA_TESTS; t++)
		s->run[t].most =
			fmax(s->run[t].most, run_log_e(&s->run[t], (enum replica_test)t, ticks));
	replica_sums_add(&s->all, own);
	replica_sums_add(&s->stretch, own);
}

static void arm_fold(struct replica_arm *arm, int64_t ticks)
{
	struct batch_sums b;

	batch_count(arm, &b);
	for (int i = 0; i < arm->count; i++)
		server_fold(arm, i, &b, ticks);
	for (int i = 0; i < arm->batched; i++) {
		double at = arm->batch[i].log_latency;

		if (isnan(at))
			continue;
		arm->n++;
		arm->logs += at;
		arm->log_squares += at * at;
	}
	if (arm->n > 2 * FORGET) {
		arm->n *= .5;
		arm->logs *= .5;
		arm->log_squares *= .5;
	}
	arm->batched = 0;
}

void replicas_add(
	struct replicas *r, int candidate, const char *server, int failed, double latency_s)
{
	struct replica_arm *arm = &r->arms[candidate != 0];
	struct replica_answer a = {server_find(arm, server, r->ticks), failed != 0, (double)NAN};

	if (a.server < 0)
		return;
	if (!failed && isfinite(latency_s) && latency_s >= 0)
		a.log_latency = log(fmax(latency_s, 1e-6));
	if (arm->batched == REPLICAS_BATCH)
		arm_fold(arm, r->ticks);
	if (!arm->batched)
		arm->batch_tick = r->ticks;
	arm->batch[arm->batched++] = a;
}

static void stretch_end(struct replica *s, int64_t number)
{
	for (int t = 0; t < REPLICA_TESTS; t++) {
		struct replica_run *run = &s->run[t];

		run->log_finished = eprocess_log_add(run->log_finished,
			log(stretch_weight(number)) +
				process_log_e(&run->stretch, (enum replica_test)t));
		process_begin(&run->stretch, (enum replica_test)t);
	}
	s->stretch = (struct replica_sums){0};
}

void replicas_tick(struct replicas *r)
{
	int ends = (r->ticks + 1) % STRETCH == 0;

	for (int a = 0; a < 2; a++) {
		struct replica_arm *arm = &r->arms[a];

		if (arm->batched && (ends || arm->batched >= LEAST_BATCH ||
					    r->ticks - arm->batch_tick >= LONG_BATCH))
			arm_fold(arm, r->ticks);
		for (int i = 0; ends && i < arm->count; i++)
			stretch_end(&arm->servers[i], r->ticks / STRETCH + 1);
	}
	r->ticks++;
}
