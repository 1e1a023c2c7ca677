/* trial_state.c: a trial as bytes and back, so that a crash costs nothing: the same entries after
 * it give the same bits. */
#include "backend/trial/trial.h"

#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/visit.h"
#include "backend/trial/trial_priv.h"

#define MAGIC UINT64_C(0x7031746972740002)

static void walk_own(struct visit *v, struct trial *t)
{
	uint64_t magic = MAGIC;

	visit_u64(v, &magic);
	v->failed |= magic != MAGIC;
	visit_doubles(v, &t->share, 1);
	visit_doubles(v, &t->stage_share, 1);
	visit_int(v, &t->stage_part);
	v->failed |= t->stage_part < -1 || t->stage_part >= TRIAL_PARTS;
	visit_i64(v, &t->step_tick);
	visit_i64(v, &t->begun);
	visit_i64(v, &t->closed);
	visit_doubles(v, &t->counted[0][0], (1 + TRIAL_PARTS) * 2);
	for (int p = 0; p <= TRIAL_PARTS; p++)
		for (int i = 0; i < JUDGE_MOST_SIGNALS; i++) {
			visit_doubles(v, t->tally[p][i].n, 2);
			visit_doubles(v, t->tally[p][i].sum, 2);
		}
	for (int arm = 0; arm < 2; arm++) {
		visit_u32(v, &t->latency[arm].n);
		for (int i = 0; i < TRIAL_LATENCY_BINS; i++)
			visit_u32(v, &t->latency[arm].bins[i]);
	}
}

static void walk_counted(struct visit *v, struct trial_counted *c)
{
	visit_i64(v, &c->since);
	visit_i64(v, &c->until);
	visit_doubles(v, c->recent, 2);
	visit_int(v, &c->recent_ticks);
	visit_i64(v, &c->open.tick);
	visit_int(v, &c->open.bounds);
	v->failed |= c->open.bounds < 0 || c->open.bounds > JUDGE_BOUNDS;
	if (v->failed)
		return;
	visit_doubles(v, c->open.bound_s, c->open.bounds);
	for (int arm = 0; arm < 2; arm++) {
		visit_u32(v, &c->open.n[arm]);
		visit_u32(v, &c->open.failed[arm]);
		for (int i = 0; i <= c->open.bounds; i++)
			visit_u32(v, &c->open.timed[arm][i]);
	}
}

/* Length first, so that the reader of a part cannot run into the next. */
static void part_begin(struct buf *out, size_t *at)
{
	uint64_t none = 0;

	*at = out->len;
	buf_add(out, &none, sizeof none);
}

static void part_end(struct buf *out, size_t at)
{
	uint64_t n = out->len - at - sizeof n;

	memcpy(out->data + at, &n, sizeof n);
}

void trial_save(const struct trial *t, struct buf *out)
{
	struct trial copy =
		*t; /* the walk is the same for both ways, and takes what it may write */
	struct visit v = {.out = out};
	size_t at;

	part_begin(out, &at);
	walk_own(&v, &copy);
	part_end(out, at);
	part_begin(out, &at);
	key_filter_save(&t->keys, out);
	part_end(out, at);
	part_begin(out, &at);
	replicas_save(&t->replicas, out);
	part_end(out, at);
	for (int i = -1; i < TRIAL_PARTS; i++) {
		const struct rollout_judge *j = i < 0 ? t->whole : t->parts[i];

		part_begin(out, &at);
		if (j)
			rollout_judge_save(j, out);
		part_end(out, at);
	}
	if (t->other.until == INT64_MIN)
		return;
	part_begin(out, &at);
	walk_counted(&v, &copy.other);
	part_end(out, at);
}

struct bytes {
	const unsigned char *at;
	size_t left;
};

/* The next part: 1 and its place, 0 when the bytes end early. */
static int part_take(struct bytes *b, const unsigned char **at, size_t *n)
{
	uint64_t size;

	if (b->left < sizeof size)
		return 0;
	memcpy(&size, b->at, sizeof size);
	b->at += sizeof size;
	b->left -= sizeof size;
	if (size > b->left)
		return 0;
	*at = b->at;
	*n = (size_t)size;
	b->at += size;
	b->left -= (size_t)size;
	return 1;
}

static int load_judges(struct trial *t, struct bytes *b, struct err *e)
{
	const unsigned char *at;
	size_t n;

	for (int i = -1; i < TRIAL_PARTS; i++) {
		struct rollout_judge *j;

		if (!part_take(b, &at, &n))
			return err_set(e, ERR_INVALID, "the kept state of the judge ends early");
		if (!n)
			continue;
		j = rollout_judge_load(i < 0 ? &t->config.whole : &t->config.part, at, n, e);
		if (!j)
			return ERR_INVALID;
		if (i < 0) {
			rollout_judge_free(t->whole);
			t->whole = j;
		} else {
			t->parts[i] = j;
			if (t->config.part.borrows_latencies)
				rollout_judge_borrow_latencies(j, t->whole);
		}
	}
	return 0;
}

struct trial *trial_load(const struct trial_config *c, const void *data, size_t n, struct err *e)
{
	struct trial *t = trial_new(c);
	struct bytes b = {data, n};
	struct visit v = {0};
	size_t size;
	int rc;

	if (!part_take(&b, &v.at, &v.left))
		v.failed = 1;
	else
		walk_own(&v, t);
	if (v.failed || !part_take(&b, &v.at, &size)) {
		err_set(e, ERR_INVALID, "the kept state of the trial is damaged");
		trial_free(t);
		return NULL;
	}
	rc = key_filter_load(&t->keys, v.at, size, e);
	if (!rc)
		rc = part_take(&b, &v.at, &size)
			     ? replicas_load(&t->replicas, v.at, size, e)
			     : err_set(e, ERR_INVALID, "the kept state of the trial ends early");
	if (!rc)
		rc = load_judges(t, &b, e);
	if (!rc && b.left && part_take(&b, &v.at, &v.left)) {
		walk_counted(&v, &t->other);
		if (v.failed)
			rc = err_set(e, ERR_INVALID, "the kept state of the trial is damaged");
	}
	if (!rc)
		return t;
	trial_free(t);
	return NULL;
}
