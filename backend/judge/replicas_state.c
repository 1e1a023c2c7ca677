/* replicas_state.c: what is known of the servers as bytes and back. See replicas.h. */
#include "backend/judge/replicas.h"

#include <string.h>

#include "backend/judge/visit.h"

#define MAGIC	0x50524450u /* "PDRP" */
#define VERSION 1

static void walk_sums(struct visit *v, struct replica_sums *s)
{
	visit_doubles(v, &s->n, 1);
	visit_doubles(v, &s->failed, 1);
	visit_doubles(v, &s->timed, 1);
	visit_doubles(v, &s->logs, 1);
	visit_doubles(v, &s->above, 1);
	visit_doubles(v, &s->far_above, 1);
}

/* Between batches: what a batch begins with is not kept. */
static void walk_process(struct visit *v, struct replica_process *p, enum replica_test test)
{
	struct bounded_mean *m = &p->mean;

	if (test != REPLICA_SLOW) {
		visit_doubles(v, p->rate.log_w, EPROCESS_GRID);
		visit_doubles(v, &p->rate.stable_n, 1);
		visit_doubles(v, &p->rate.stable_events, 1);
		return;
	}
	visit_doubles(v, m->log_w, EPROCESS_GRID);
	visit_doubles(v, m->product, EPROCESS_GRID);
	visit_doubles(v, &m->stable_n, 1);
	visit_doubles(v, &m->stable_sum, 1);
	visit_doubles(v, &m->stable_squares, 1);
}

static void walk_server(struct visit *v, struct replica *s)
{
	char name[sizeof s->name];

	memcpy(name, s->name, sizeof name);
	visit_text(v, name, sizeof name);
	if (!v->out)
		replica_init(s, name, 0);
	for (int t = 0; t < REPLICA_TESTS; t++) {
		walk_process(v, &s->run[t].all, (enum replica_test)t);
		walk_process(v, &s->run[t].stretch, (enum replica_test)t);
		visit_doubles(v, &s->run[t].log_finished, 1);
		visit_doubles(v, &s->run[t].most, 1);
	}
	walk_sums(v, &s->all);
	walk_sums(v, &s->stretch);
}

static void walk_batch(struct visit *v, struct replica_arm *arm)
{
	visit_int(v, &arm->batched);
	visit_i64(v, &arm->batch_tick);
	v->failed |= arm->batched < 0 || arm->batched > REPLICAS_BATCH;
	for (int i = 0; !v->failed && i < arm->batched; i++) {
		visit_int(v, &arm->batch[i].server);
		visit_int(v, &arm->batch[i].failed);
		visit_doubles(v, &arm->batch[i].log_latency, 1);
		v->failed |= arm->batch[i].server < 0 || arm->batch[i].server >= arm->count;
	}
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
		if (!v->failed)
			walk_batch(v, arm);
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
