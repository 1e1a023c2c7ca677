/* journal.c: see journal.h. An entry is one letter and its fields: integers as varints (zigzag
 * where they may be negative), numbers as their eight bytes. */
#include "backend/trial/journal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/visit.h"

#define MAGIC UINT64_C(0x7031746a00000001)

enum { CANDIDATE = 1, FAILED = 2, KEYED = 4, TIMED = 8, SCORED = 16 };

void journal_init(struct journal *j)
{
	*j = (struct journal){.names = xcalloc(JOURNAL_NAMES, sizeof *j->names), .name_count = 1};
}

void journal_release(struct journal *j)
{
	buf_release(&j->out);
	free(j->names);
	j->names = NULL;
}

static void put_int(struct buf *b, uint64_t v)
{
	while (v > 127) {
		buf_addc(b, (char)(v | 128));
		v >>= 7;
	}
	buf_addc(b, (char)v);
}

static void put_signed(struct buf *b, int64_t v)
{
	put_int(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static void put_bytes(struct buf *b, const void *v)
{
	buf_add(b, v, 8);
}

/* The number of a name, which is told when it is new. 0 = no name. */
static int name_number(struct journal *j, char *name)
{
	for (int i = 0; i < j->name_count; i++)
		if (strcmp(j->names[i], name) == 0)
			return i;
	if (j->name_count == JOURNAL_NAMES) {
		name[0] = '\0';
		return 0;
	}
	str_copy(j->names[j->name_count], sizeof j->names[0], name);
	buf_addc(&j->out, 'N');
	put_int(&j->out, strlen(j->names[j->name_count]));
	buf_adds(&j->out, j->names[j->name_count]);
	return j->name_count++;
}

void journal_add_warm(struct journal *j, int64_t latency_us)
{
	buf_addc(&j->out, 'W');
	put_signed(&j->out, latency_us);
}

void journal_add_answer(struct journal *j, struct trial_answer *a)
{
	int segment = name_number(j, a->segment), server = name_number(j, a->server);
	int scored = !isnan(a->score);

	buf_addc(&j->out, 'A');
	buf_addc(&j->out, (char)((a->candidate ? CANDIDATE : 0) | (a->failed ? FAILED : 0) |
				  (a->key ? KEYED : 0) | (a->latency_us >= 0 ? TIMED : 0) |
				  (scored ? SCORED : 0)));
	put_signed(&j->out, a->routed_us - j->last_us);
	j->last_us = a->routed_us;
	put_int(&j->out, (uint64_t)a->share_bp);
	put_int(&j->out, (uint64_t)segment);
	put_int(&j->out, (uint64_t)server);
	if (a->key)
		put_bytes(&j->out, &a->key);
	if (a->latency_us >= 0)
		put_int(&j->out, (uint64_t)a->latency_us);
	if (scored)
		put_bytes(&j->out, &a->score);
}

void journal_add_label(struct journal *j, int64_t tick, struct trial_label *l)
{
	int name = name_number(j, l->name), segment = name_number(j, l->segment);

	buf_addc(&j->out, 'L');
	buf_addc(&j->out, l->candidate ? CANDIDATE : 0);
	put_signed(&j->out, tick);
	put_bytes(&j->out, &l->w);
	put_bytes(&j->out, &l->score);
	put_bytes(&j->out, &l->value);
	put_int(&j->out, (uint64_t)name);
	put_int(&j->out, (uint64_t)segment);
}

void journal_add_counts(struct journal *j, const struct judge_counts *c)
{
	buf_addc(&j->out, 'K');
	put_signed(&j->out, c->tick);
	put_int(&j->out, (uint64_t)c->bounds);
	for (int i = 0; i < c->bounds; i++)
		put_bytes(&j->out, &c->bound_s[i]);
	for (int arm = 0; arm < 2; arm++) {
		put_int(&j->out, c->n[arm]);
		put_int(&j->out, c->failed[arm]);
		for (int i = 0; c->bounds && i <= c->bounds; i++)
			put_int(&j->out, c->timed[arm][i]);
	}
}

void journal_add_stage(struct journal *j, int64_t tick, char segment[64], double share)
{
	int name = name_number(j, segment);

	buf_addc(&j->out, 'S');
	put_signed(&j->out, tick);
	put_int(&j->out, (uint64_t)name);
	put_bytes(&j->out, &share);
}

void journal_add_close(struct journal *j, int64_t before)
{
	buf_addc(&j->out, 'C');
	put_signed(&j->out, before);
}

/* -- reading -- */

struct reading {
	const unsigned char *at, *end;
	int failed;
};

static uint64_t take_int(struct reading *r)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		if (r->at == r->end)
			break;
		v |= (uint64_t)(*r->at & 127) << shift;
		if (!(*r->at++ & 128))
			return v;
	}
	r->failed = 1;
	return 0;
}

static int64_t take_signed(struct reading *r)
{
	uint64_t v = take_int(r);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void take_bytes(struct reading *r, void *v)
{
	memset(v, 0, 8);
	if (r->end - r->at < 8) {
		r->failed = 1;
		return;
	}
	memcpy(v, r->at, 8);
	r->at += 8;
}

static int take_byte(struct reading *r)
{
	if (r->at == r->end) {
		r->failed = 1;
		return 0;
	}
	return *r->at++;
}

static void take_name(struct journal *j, struct reading *r, char out[64])
{
	uint64_t n = take_int(r);

	if (n >= (uint64_t)j->name_count) {
		r->failed = 1;
		n = 0;
	}
	memcpy(out, j->names[n], sizeof j->names[0]);
}

static void feed_name(struct journal *j, struct reading *r)
{
	uint64_t n = take_int(r);

	if (n >= sizeof j->names[0] || n > (uint64_t)(r->end - r->at) ||
		j->name_count == JOURNAL_NAMES) {
		r->failed = 1;
		return;
	}
	memcpy(j->names[j->name_count], r->at, n);
	j->names[j->name_count++][n] = '\0';
	r->at += n;
}

static void feed_answer(struct journal *j, struct reading *r, struct trial *t)
{
	struct trial_answer a = {.latency_us = -1, .score = (double)NAN};
	int flags = take_byte(r);

	a.candidate = (flags & CANDIDATE) != 0;
	a.failed = (flags & FAILED) != 0;
	a.routed_us = j->last_us + take_signed(r);
	a.share_bp = (int)take_int(r);
	take_name(j, r, a.segment);
	take_name(j, r, a.server);
	if (flags & KEYED)
		take_bytes(r, &a.key);
	if (flags & TIMED)
		a.latency_us = (int64_t)take_int(r);
	if (flags & SCORED)
		take_bytes(r, &a.score);
	j->last_us = a.routed_us;
	if (!r->failed)
		(void)trial_take_answer(t, &a);
}

static uint32_t take_count(struct reading *r)
{
	uint64_t n = take_int(r);

	r->failed |= n > UINT32_MAX;
	return (uint32_t)n;
}

static void feed_counts(struct reading *r, struct trial *t)
{
	struct judge_counts c = {.tick = take_signed(r)};
	uint64_t bounds = take_int(r);

	if (bounds > JUDGE_BOUNDS) {
		r->failed = 1;
		return;
	}
	c.bounds = (int)bounds;
	for (int i = 0; i < c.bounds; i++)
		take_bytes(r, &c.bound_s[i]);
	for (int arm = 0; arm < 2; arm++) {
		c.n[arm] = take_count(r);
		c.failed[arm] = take_count(r);
		r->failed |= c.failed[arm] > c.n[arm];
		for (int i = 0; c.bounds && i <= c.bounds; i++)
			c.timed[arm][i] = take_count(r);
	}
	if (!r->failed)
		(void)trial_take_counts(t, &c);
}

static void feed_label(struct journal *j, struct reading *r, struct trial *t)
{
	struct trial_label l = {.candidate = (take_byte(r) & CANDIDATE) != 0};
	int64_t tick = take_signed(r);

	take_bytes(r, &l.w);
	take_bytes(r, &l.score);
	take_bytes(r, &l.value);
	take_name(j, r, l.name);
	take_name(j, r, l.segment);
	if (!r->failed)
		trial_take_label(t, tick, &l);
}

static void feed_stage(struct journal *j, struct reading *r, struct trial *t)
{
	int64_t tick = take_signed(r);
	char segment[64];
	double share;

	take_name(j, r, segment);
	take_bytes(r, &share);
	if (!r->failed)
		trial_set_stage(t, tick, segment, share);
}

int journal_feed(struct journal *j, const void *data, size_t n, struct trial *t,
	journal_on_close on_close, void *arg, struct err *e)
{
	struct reading r = {.at = data, .end = (const unsigned char *)data + n};
	int64_t before;

	while (r.at < r.end && !r.failed) {
		switch (*r.at++) {
		case 'W':
			trial_warm(t, take_signed(&r));
			break;
		case 'N':
			feed_name(j, &r);
			break;
		case 'A':
			feed_answer(j, &r, t);
			break;
		case 'K':
			feed_counts(&r, t);
			break;
		case 'L':
			feed_label(j, &r, t);
			break;
		case 'S':
			feed_stage(j, &r, t);
			break;
		case 'C':
			before = take_signed(&r);
			if (r.failed)
				break;
			trial_close(t, before);
			if (on_close)
				on_close(arg, t, before);
			break;
		default:
			r.failed = 1;
		}
	}
	return r.failed ? err_set(e, ERR_INVALID, "the journal of the rollout is damaged") : 0;
}

static void walk(struct visit *v, struct journal *j)
{
	uint64_t magic = MAGIC;

	visit_u64(v, &magic);
	v->failed |= magic != MAGIC;
	visit_int(v, &j->name_count);
	visit_i64(v, &j->last_us);
	v->failed |= j->name_count < 1 || j->name_count > JOURNAL_NAMES;
	for (int i = 0; !v->failed && i < j->name_count; i++)
		visit_text(v, j->names[i], sizeof j->names[i]);
}

void journal_save(const struct journal *j, struct buf *out)
{
	struct journal copy = *j;
	struct visit v = {.out = out};

	walk(&v, &copy);
}

int journal_load(struct journal *j, const void *data, size_t n, struct err *e)
{
	struct visit v = {.at = data, .left = n};

	walk(&v, j);
	if (!v.failed)
		return 0;
	memset(j->names, 0, JOURNAL_NAMES * sizeof *j->names);
	j->name_count = 1;
	j->last_us = 0;
	return err_set(e, ERR_INVALID, "the kept state of the journal is damaged");
}
