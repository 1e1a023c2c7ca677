/* mirror.c: see mirror.h. */
#include "backend/acts/mirror.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/contract.h"
#include "backend/adapters/replayer.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/store/trial_store.h"

#define SMOKE_MOST  20 /* requests of a smoke test */
#define SMOKE_LEAST 5
#define FLIGHTS	    64	  /* copies under way at a time */
#define QUEUE	    256	  /* and waiting */
#define PENDING	    1024  /* copies of which the answer is awaited: more than both */
#define JOINED	    32768 /* pairs whose outcome may come */
#define ANSWERS	    64	  /* taken at a time */

struct asked {
	int64_t tag; /* 0 = free */
	struct shadow_pair pair;
	char *contract; /* owned: stable's answer; NULL but in a smoke test */
	size_t contract_len;
};

struct joined {
	char id[40];
	double score[2];
};

struct mirror {
	int64_t rollout;
	struct replayer *replayer;	    /* owned */
	struct replay_job ring[SMOKE_MOST]; /* stable's last requests; bodies owned */
	struct asked told[SMOKE_MOST];	    /* and its answers to them */
	int ring_count, ring_next;
	struct gateway_server servers[GATEWAY_SERVERS];
	int server_count, server_next;
	struct asked pending[PENDING];
	int64_t tags;
	enum smoke smoke;
	int smoke_open, smoke_sent; /* answers that are still to come, of how many */
	char why[320];
	struct shadow *shadow; /* owned; NULL = not shadowing */
	int64_t kept;	       /* how often its state was */
	struct joined *joined; /* owned; JOINED of them, by the hash of the id */
	struct trial_card card;
};

int mirror_tests(const char *pattern)
{
	return strcmp(pattern, "bluegreen") == 0 || strcmp(pattern, "shadow") == 0;
}

int mirror_shadows(const char *pattern)
{
	return strcmp(pattern, "shadow") == 0;
}

static void asked_release(struct asked *a)
{
	free(a->contract);
	*a = (struct asked){.tag = 0};
}

void mirror_free(struct mirror *m)
{
	if (!m)
		return;
	replayer_free(m->replayer);
	for (int i = 0; i < SMOKE_MOST; i++) {
		free(m->ring[i].body);
		asked_release(&m->told[i]);
	}
	for (int i = 0; i < PENDING; i++)
		asked_release(&m->pending[i]);
	shadow_free(m->shadow);
	free(m->joined);
	free(m);
}

static void *copy_of(const void *data, size_t n)
{
	void *p = n ? xcalloc(1, n) : NULL;

	if (n)
		memcpy(p, data, n);
	return p;
}

/* -- sending -- */

static int fill_job(const struct live_endpoint *ep, const struct record *r,
	const struct record_bodies *b, struct replay_job *job)
{
	/* What the log does not tell whole would be another request. */
	if (!b || !b->method || !b->path || !b->content_type ||
		(!b->request && strcmp(b->method, "GET") != 0 && strcmp(b->method, "HEAD") != 0))
		return 0;
	*job = (struct replay_job){.timeout_ms = ep->config->timeout_ms};
	if (!str_copy(job->method, sizeof job->method, b->method) ||
		!str_copy(job->path, sizeof job->path, b->path))
		return 0;
	str_copy(job->content_type, sizeof job->content_type, b->content_type);
	str_copy(job->id, sizeof job->id, r->id);
	str_copy(job->host_header, sizeof job->host_header, ep->config->host);
	job->body = copy_of(b->request, b->request_len);
	job->body_len = b->request_len;
	return 1;
}

static void fill_pair(const struct record *r, struct shadow_pair *p)
{
	*p = (struct shadow_pair){.second = r->routed_us / 1000000,
		.failed = {r->failed, 0},
		.status = {r->status, 0},
		.score = {r->score, (double)NAN},
		.ms = {r->answer_ms, -1}};
	str_copy(p->id, sizeof p->id, r->id);
}

/* Sends a job to the next server; its body is gone afterwards. 1 sent, 0 dropped. */
static int send_copy(struct mirror *m, struct replay_job *job, const struct asked *what)
{
	int64_t tag = ++m->tags;
	struct asked *slot = &m->pending[tag % PENDING];
	const struct gateway_server *s;

	if (slot->tag || !m->server_count) {
		free(job->body);
		return 0;
	}
	s = &m->servers[m->server_next++ % m->server_count];
	str_copy(job->address, sizeof job->address, s->address);
	job->tls = s->tls;
	job->verify_none = s->verify_none;
	str_copy(job->server_name, sizeof job->server_name, s->server_name);
	job->tag = tag;
	if (replayer_submit(m->replayer, job))
		return 0;
	*slot = *what;
	slot->tag = tag;
	return 1;
}

/* Remembers a request for the smoke test, with what stable said. */
static void remember(struct mirror *m, const struct live_endpoint *ep, const struct record *r,
	const struct record_bodies *b)
{
	struct replay_job job;
	int at = m->ring_next;

	if (r->failed || !fill_job(ep, r, b, &job))
		return;
	free(m->ring[at].body);
	asked_release(&m->told[at]);
	m->ring[at] = job;
	fill_pair(r, &m->told[at].pair);
	m->told[at].contract = copy_of(b->answer, b->answer_len);
	m->told[at].contract_len = b->answer_len;
	m->ring_next = (at + 1) % SMOKE_MOST;
	m->ring_count += m->ring_count < SMOKE_MOST;
}

static void copy_request(struct mirror *m, const struct live_endpoint *ep, const struct record *r,
	const struct record_bodies *b)
{
	int sample = ep->config->rollout.sample_bp;
	struct asked what = {.tag = 0};
	struct replay_job job;

	/* The same keys all the time, so that what is left out is left out whole. */
	if (sample && r->bucket >= sample)
		return;
	if (!fill_job(ep, r, b, &job)) {
		shadow_add_dropped(m->shadow, 1);
		return;
	}
	fill_pair(r, &what.pair);
	if (!send_copy(m, &job, &what))
		shadow_add_dropped(m->shadow, 1);
}

void mirror_take_record(struct world *w, struct live_endpoint *ep, const struct record *r)
{
	struct mirror *m = ep->mirror;
	const struct record_bodies *b;

	if (!m || r->arm != ARM_STABLE || m->rollout != ep->row.rollout)
		return;
	b = ingest_bodies(w->ingest);
	if (m->shadow)
		copy_request(m, ep, r, b);
	else if (m->smoke == SMOKE_WAITS)
		remember(m, ep, r, b);
}

/* -- what comes back -- */

static struct joined *joined_slot(struct mirror *m, const char *id)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * UINT64_C(1099511628211);
	return &m->joined[h % JOINED];
}

void mirror_take_outcome(struct live_endpoint *ep, const char *id, const char *name, double value)
{
	struct mirror *m = ep->mirror;
	struct joined *j = m && m->joined ? joined_slot(m, id) : NULL;

	if (!j || strcmp(j->id, id) != 0 || strcmp(name, ep->config->outcome) != 0)
		return;
	shadow_add_outcome(m->shadow, j->score, value);
	j->id[0] = '\0';
}

static void pair_up(struct mirror *m, const struct live_endpoint *ep, struct asked *a,
	const struct replay_answer *got)
{
	struct shadow_pair *p = &a->pair;

	p->failed[1] = got->failed;
	p->status[1] = got->status;
	p->ms[1] = got->answer_ms;
	p->score[1] = contract_score(ep->config, got->body, got->body_len);
	shadow_add_pair(m->shadow, p);
	if (m->joined && isfinite(p->score[0]) && isfinite(p->score[1])) {
		struct joined *j = joined_slot(m, p->id);

		str_copy(j->id, sizeof j->id, p->id);
		memcpy(j->score, p->score, sizeof j->score);
	}
}

static void test_one(struct mirror *m, const struct live_endpoint *ep, const struct asked *a,
	const struct replay_answer *got)
{
	struct contract_answer was = {a->pair.status[0], a->contract, a->contract_len};
	struct contract_answer now = {got->status, got->body, got->body_len};
	char why[200];

	m->smoke_open--;
	if (m->smoke == SMOKE_FAILED)
		return;
	if (contract_check(ep->config, &was, &now, why, sizeof why)) {
		m->smoke = SMOKE_FAILED;
		snprintf(m->why, sizeof m->why,
			"smoke test with a recorded request (%s) that %s has answered: %s",
			a->pair.id, ep->row.stable, why);
	} else if (m->smoke_open == 0) {
		m->smoke = SMOKE_PASSED;
		snprintf(m->why, sizeof m->why, "smoke test: %d recorded requests are answered",
			m->smoke_sent);
	}
}

static void take_answers(struct mirror *m, const struct live_endpoint *ep)
{
	struct replay_answer got[ANSWERS];
	int n;

	do {
		n = replayer_take(m->replayer, got, ANSWERS);
		for (int i = 0; i < n; i++) {
			struct asked *a = &m->pending[got[i].tag % PENDING];

			if (m->smoke == SMOKE_RUNS || m->smoke == SMOKE_FAILED)
				test_one(m, ep, a, &got[i]);
			else if (m->shadow)
				pair_up(m, ep, a, &got[i]);
			asked_release(a);
			free(got[i].body);
		}
	} while (n == ANSWERS);
}

/* -- a tick -- */

struct finding {
	struct mirror *m;
	const struct world *w;
	const char *version;
};

static int add_replica(void *arg, const struct replica_row *r)
{
	struct finding *f = arg;
	struct gateway_server *s = &f->m->servers[f->m->server_count];

	if (strcmp(r->version, f->version) != 0 || strcmp(r->state, "healthy") != 0)
		return 0;
	*s = (struct gateway_server){.tls = 0};
	snprintf(s->address, sizeof s->address, "unix@%s/run/box/%s/s.sock", f->w->home, r->id);
	return ++f->m->server_count == GATEWAY_SERVERS;
}

static void find_servers(struct mirror *m, struct world *w, const struct live_endpoint *ep)
{
	struct finding f = {m, w, ep->row.candidate};
	struct err e = {0};

	m->server_count = 0;
	replayer_trust(m->replayer, ep->config->ca[0] ? ep->config->ca : NULL);
	(void)store_list_replicas(w->store, ep->row.id, add_replica, &f, &e);
	for (int i = 0; i < ep->config->arm_count; i++) {
		const struct spec_arm *arm = &ep->config->arms[i];

		if (strcmp(arm->name, ep->row.candidate) != 0)
			continue;
		for (int k = 0; k < arm->server_count && m->server_count < GATEWAY_SERVERS; k++) {
			struct gateway_server *s = &m->servers[m->server_count];

			upstream_server(ep, arm, k, s);
			m->server_count += !s->drained;
		}
	}
}

static void begin_smoke(struct mirror *m)
{
	m->smoke = SMOKE_RUNS;
	m->smoke_open = m->smoke_sent = 0;
	for (int i = 0; i < m->ring_count; i++) {
		int sent = send_copy(m, &m->ring[i], &m->told[i]);

		m->ring[i].body = NULL;
		if (sent)
			m->told[i] = (struct asked){.tag = 0};
		m->smoke_sent += sent;
	}
	m->smoke_open = m->smoke_sent;
	if (!m->smoke_sent)
		m->smoke = SMOKE_WAITS;
	m->ring_count = m->ring_next = 0;
}

/* The trial of the steps has the rollout's own number and begins when they do: the shadow before
 * them is kept under the negative one. */
static struct shadow *load_shadow(
	struct world *w, int64_t rollout, const struct shadow_config *c, int64_t *seq)
{
	struct shadow *s = NULL;
	struct buf kept = {0};
	struct err e = {0};
	int64_t matured;
	int rc = trial_store_find_state(w->store, -rollout, &kept, seq, &matured, &e);

	if (rc == 0)
		rc = trial_store_begin(w->store, -rollout, "shadow", &e);
	else if (rc > 0 && *seq)
		s = shadow_load(c, kept.data, kept.len, &e);
	if (e.code)
		log_warn("shadow", "rollout %lld: %s: it is counted anew", (long long)rollout,
			e.message);
	buf_release(&kept);
	return s;
}

static void keep_shadow(struct world *w, struct mirror *m)
{
	struct buf state = {0};
	struct err e = {0};

	shadow_save(m->shadow, &state);
	if (trial_store_keep(w->store, -m->rollout, ++m->kept, state.data, state.len, &e))
		log_warn("shadow", "%s", e.message);
	buf_release(&state);
}

static void begin_shadow(struct world *w, struct mirror *m, const struct live_endpoint *ep)
{
	struct shadow_config c;

	shadow_config_init(&c, ep->config);
	m->shadow = load_shadow(w, m->rollout, &c, &m->kept);
	if (!m->shadow)
		m->shadow = shadow_new(&c);
	if (ep->config->outcome[0])
		m->joined = xcalloc(JOINED, sizeof *m->joined);
	m->smoke = SMOKE_PASSED;
}

static struct mirror *mirror_new(int64_t rollout)
{
	struct mirror *m = xcalloc(1, sizeof *m);

	m->rollout = rollout;
	m->replayer = replayer_new(FLIGHTS, QUEUE);
	return m;
}

void mirror_tick(struct world *w, struct live_endpoint *ep, const struct rollout_row *r)
{
	int waits = r && strcmp(r->state, "waiting") == 0;
	int shadows = r && strcmp(r->state, "shadowing") == 0;
	struct mirror *m = ep->mirror;

	if (m && (!r || m->rollout != r->id || (!waits && !shadows))) {
		mirror_free(m);
		ep->mirror = m = NULL;
	}
	if (!r || !mirror_tests(r->pattern) || (!waits && !shadows))
		return;
	if (!m)
		ep->mirror = m = mirror_new(r->id);
	find_servers(m, w, ep);
	take_answers(m, ep);
	if (shadows && !m->shadow)
		begin_shadow(w, m, ep);
	if (m->shadow) {
		shadow_look(m->shadow, clock_wall_us(&w->clock) / 1000000);
		shadow_read(m->shadow, &m->card);
		keep_shadow(w, m);
	} else if (waits && m->smoke == SMOKE_WAITS && m->ring_count >= SMOKE_LEAST &&
		   version_ready(ep, r->to_version)) {
		begin_smoke(m);
	}
}

enum smoke mirror_smoke(
	const struct live_endpoint *ep, const struct rollout_row *r, char *why, size_t size)
{
	const struct mirror *m = ep->mirror;

	*why = '\0';
	if (!mirror_tests(r->pattern))
		return SMOKE_PASSED;
	if (!m || m->rollout != r->id)
		return SMOKE_WAITS;
	str_copy(why, size, m->why);
	if (m->smoke == SMOKE_WAITS && m->ring_count < SMOKE_LEAST)
		snprintf(why, size, "its smoke test waits for requests to repeat: %d of %d",
			m->ring_count, SMOKE_LEAST);
	return m->smoke;
}

const struct trial_card *mirror_card(const struct live_endpoint *ep, int64_t rollout)
{
	const struct mirror *m = ep->mirror;

	return m && m->shadow && m->rollout == rollout && m->card.tick ? &m->card : NULL;
}
