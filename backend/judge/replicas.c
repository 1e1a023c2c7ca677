/* replicas.c: each server against its siblings. See replicas.h; fed by the engine beside the
 * rollout's judge, shown on its card. */
#include "backend/judge/replicas.h"

#include <math.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/visit.h"

#define SLOWER	     1.25 /* a server may be so much slower before it is named */
#define MORE_FAILED  .005
#define STRETCH	     900 /* ticks */
#define FORGET	     20000
#define LEAST_MARK   50		 /* answers of an arm before it has a mark */
#define LEAST_RECENT 20		 /* answers of this stretch before it is what is told */
#define MAGIC	     0x50524450u /* "PDRP" */
#define VERSION	     1

static void stretch_begin(struct replica_run *run, enum replica_test test)
{
	if (test == REPLICA_SLOW)
		proportion_init(&run->stretch, SIDE_HARM, 0, .15, 50);
	else
		proportion_init(&run->stretch, SIDE_HARM, MORE_FAILED, .01, 50);
}

static double stretch_weight(int64_t number)
{
	return 1 / ((double)number * (double)(number + 1));
}

/* One that comes late had nothing to bet on before: those stretches are worth 1. */
static void server_init(struct replica *s, const char *name, int64_t ticks)
{
	int64_t before = ticks / STRETCH;

	*s = (struct replica){0};
	str_copy(s->name, sizeof s->name, name);
	for (int t = 0; t < REPLICA_TESTS; t++) {
		stretch_begin(&s->run[t], (enum replica_test)t);
		s->run[t].all = s->run[t].stretch;
		s->run[t].log_finished = log((double)before / (double)(before + 1));
	}
}

void replicas_init(struct replicas *r)
{
	memset(r, 0, sizeof *r);
}

static struct replica *server_find(struct replica_arm *arm, const char *name, int64_t ticks)
{
	for (int i = 0; i < arm->count; i++)
		if (strcmp(arm->servers[i].name, name) == 0)
			return &arm->servers[i];
	if (arm->count == REPLICAS_MOST || !name[0])
		return NULL;
	server_init(&arm->servers[arm->count], name, ticks);
	return &arm->servers[arm->count++];
}

/* log q, INFINITY as long as there is none. */
static double log_mark(const struct replica_arm *arm)
{
	double mean, variance;

	if (arm->n < LEAST_MARK)
		return INFINITY;
	mean = arm->logs / arm->n;
	variance = arm->log_squares / arm->n - mean * mean;
	return mean + sqrt(fmax(variance, 0));
}

void replicas_add(
	struct replicas *r, int candidate, const char *server, int failed, double latency_s)
{
	struct replica_arm *arm = &r->arms[candidate != 0];
	struct replica *s = server_find(arm, server, r->ticks);
	double at;

	if (!s)
		return;
	s->n++;
	s->failed += failed != 0;
	if (failed || !isfinite(latency_s) || latency_s < 0)
		return;
	at = log(fmax(latency_s, 1e-6));
	s->timed++;
	s->logs += at;
	s->log_squares += at * at;
	s->above += at > log_mark(arm);
	s->far_above += at > log_mark(arm) + log(SLOWER);
}

static double run_log_e(const struct replica_run *run, int64_t ticks)
{
	int64_t number = ticks / STRETCH + 1;
	double sum = eprocess_log_add(
		run->log_finished, log(stretch_weight(number)) + proportion_log_e(&run->stretch));

	/* What is not begun is worth 1: the rest of the weights is 1/(number + 1). */
	sum = eprocess_log_add(sum, -log((double)number + 1));
	return log(.5) + eprocess_log_add(proportion_log_e(&run->all), sum);
}

static void run_fold(struct replica_run *run, const struct tick_counts *c)
{
	double n = c->candidate_n + c->stable_n;
	struct proportion *const processes[] = {&run->all, &run->stretch};
	struct proportion_bets b;

	if (c->candidate_n <= 0 || c->stable_n <= 0)
		return;
	for (int i = 0; i < 2; i++) {
		proportion_begin(processes[i], c->candidate_n / n, &b);
		proportion_fold(processes[i], &b, c);
	}
}

/* What one tick counted of all servers of an arm. */
struct tick_sums {
	double n, failed, timed, above;
};

static void server_fold(struct replica *s, const struct tick_sums *all, int has_mark, int64_t ticks)
{
	struct tick_counts failing = {all->n - s->n, all->failed - s->failed, s->n, s->failed};
	struct tick_counts slow = {
		all->timed - s->timed, all->above - s->above, s->timed, s->far_above};

	run_fold(&s->run[REPLICA_FAILING], &failing);
	if (has_mark)
		run_fold(&s->run[REPLICA_SLOW], &slow);
	for (int t = 0; t < REPLICA_TESTS; t++)
		s->run[t].most = fmax(s->run[t].most, run_log_e(&s->run[t], ticks));
	for (int i = 0; i < 2; i++) {
		struct replica_sums *to = i ? &s->stretch : &s->all;

		to->n += s->n;
		to->failed += s->failed;
		to->timed += s->timed;
		to->logs += s->logs;
	}
}

static void stretch_end(struct replica *s, int64_t number)
{
	for (int t = 0; t < REPLICA_TESTS; t++) {
		struct replica_run *run = &s->run[t];

		run->log_finished = eprocess_log_add(run->log_finished,
			log(stretch_weight(number)) + proportion_log_e(&run->stretch));
		stretch_begin(run, (enum replica_test)t);
	}
	s->stretch = (struct replica_sums){0};
}

static void arm_tick(struct replica_arm *arm, int64_t ticks)
{
	int has_mark = isfinite(log_mark(arm));
	struct tick_sums all = {0};

	for (int i = 0; i < arm->count; i++) {
		all.n += arm->servers[i].n;
		all.failed += arm->servers[i].failed;
		all.timed += arm->servers[i].timed;
		all.above += arm->servers[i].above;
	}
	for (int i = 0; i < arm->count; i++) {
		struct replica *s = &arm->servers[i];

		server_fold(s, &all, has_mark, ticks);
		arm->logs += s->logs;
		arm->log_squares += s->log_squares;
		s->n = s->failed = s->timed = s->above = s->far_above = 0;
		s->logs = s->log_squares = 0;
		if ((ticks + 1) % STRETCH == 0)
			stretch_end(s, ticks / STRETCH + 1);
	}
	arm->n += all.timed;
	if (arm->n > 2 * FORGET) {
		arm->n *= .5;
		arm->logs *= .5;
		arm->log_squares *= .5;
	}
}

void replicas_tick(struct replicas *r)
{
	for (int a = 0; a < 2; a++)
		arm_tick(&r->arms[a], r->ticks);
	r->ticks++;
}

static void walk_sums(struct visit *v, struct replica_sums *s)
{
	visit_doubles(v, &s->n, 1);
	visit_doubles(v, &s->failed, 1);
	visit_doubles(v, &s->timed, 1);
	visit_doubles(v, &s->logs, 1);
}

static void walk_process(struct visit *v, struct proportion *p)
{
	visit_doubles(v, p->log_w, EPROCESS_GRID);
	visit_doubles(v, &p->stable_n, 1);
	visit_doubles(v, &p->stable_events, 1);
}

static void walk_server(struct visit *v, struct replica *s)
{
	char name[sizeof s->name];

	memcpy(name, s->name, sizeof name);
	visit_text(v, name, sizeof name);
	if (!v->out)
		server_init(s, name, 0);
	for (int t = 0; t < REPLICA_TESTS; t++) {
		walk_process(v, &s->run[t].all);
		walk_process(v, &s->run[t].stretch);
		visit_doubles(v, &s->run[t].log_finished, 1);
		visit_doubles(v, &s->run[t].most, 1);
	}
	walk_sums(v, &s->all);
	walk_sums(v, &s->stretch);
	visit_u32(v, &s->n);
	visit_u32(v, &s->failed);
	visit_u32(v, &s->timed);
	visit_u32(v, &s->above);
	visit_u32(v, &s->far_above);
	visit_doubles(v, &s->logs, 1);
	visit_doubles(v, &s->log_squares, 1);
}

static void walk(struct visit *v, struct replicas *r)
{
	visit_i64(v, &r->ticks);
	v->failed |= r->ticks < 0;
	for (int a = 0; a < 2; a++) {
		struct replica_arm *arm = &r->arms[a];

		visit_int(v, &arm->count);
		v->failed |= arm->count < 0 || arm->count > REPLICAS_MOST;
		visit_doubles(v, &arm->n, 1);
		visit_doubles(v, &arm->logs, 1);
		visit_doubles(v, &arm->log_squares, 1);
		for (int i = 0; !v->failed && i < arm->count; i++)
			walk_server(v, &arm->servers[i]);
	}
}

void replicas_save(const struct replicas *r, struct buf *out)
{
	struct visit v = {.out = out};
	uint32_t magic = MAGIC, version = VERSION;
	struct replicas copy = *r;
	size_t start = out->len;
	uint64_t sum;

	visit_u32(&v, &magic);
	visit_u32(&v, &version);
	walk(&v, &copy);
	sum = visit_sum(out->data + start, out->len - start);
	visit_u64(&v, &sum);
}

int replicas_load(struct replicas *r, const void *data, size_t n, struct err *e)
{
	struct visit v = {.at = data, .left = n < 8 ? 0 : n - 8};
	struct visit tail = {.at = (const unsigned char *)data + v.left, .left = n - v.left};
	uint32_t magic = 0, version = 0;
	uint64_t sum = 0;

	replicas_init(r);
	visit_u32(&v, &magic);
	visit_u32(&v, &version);
	visit_u64(&tail, &sum);
	if (v.failed || tail.failed || magic != MAGIC || sum != visit_sum(data, n - 8))
		return err_set(e, ERR_INVALID, "what is saved of the replicas is damaged");
	if (version != VERSION)
		return err_set(e, ERR_INVALID,
			"what is saved of the replicas has form %u; this program reads %d", version,
			VERSION);
	walk(&v, r);
	if (!v.failed && !v.left)
		return 0;
	replicas_init(r);
	return err_set(e, ERR_INVALID, "what is saved of the replicas is damaged");
}
