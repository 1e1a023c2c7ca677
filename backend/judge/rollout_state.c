/* rollout_state.c: the judge as bytes and back. One walk does both. See rollout_judge.h. */
#include <math.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/rollout_judge.h"
#include "backend/judge/rollout_judge_priv.h"
#include "backend/judge/visit.h"

#define MAGIC	0x4a484450u /* "PDHJ" */
#define VERSION 3

static void walk_signal_config(struct visit *v, struct judge_signal_config *s)
{
	int kind = (int)s->kind;

	visit_text(v, s->name, sizeof s->name);
	visit_int(v, &kind);
	visit_int(v, &s->critical);
	visit_int(v, &s->late);
	visit_doubles(v, &s->weight, 1);
	visit_doubles(v, &s->harm_margin, 1);
	visit_doubles(v, &s->ok_margin, 1);
	visit_doubles(v, &s->prior_mean, 1);
	visit_doubles(v, &s->prior_n, 1);
	visit_doubles(v, &s->prior_sd, 1);
	visit_doubles(v, s->quantile, JUDGE_QUANTILES);
	visit_doubles(v, s->quantile_weight, JUDGE_QUANTILES);
	visit_int(v, &s->quantiles);
	visit_int(v, &s->two_sided);
	visit_int(v, &s->outcomes);
}

static void walk_config(struct visit *v, struct judge_config *c)
{
	visit_int(v, &c->signal_count);
	for (int i = 0; i < JUDGE_MOST_SIGNALS; i++)
		walk_signal_config(v, &c->signals[i]);
	visit_doubles(v, &c->alpha_harm, 1);
	visit_doubles(v, &c->alpha_ok, 1);
	visit_doubles(v, &c->alpha_srm, 1);
	visit_doubles(v, &c->alpha_shift, 1);
	visit_doubles(v, &c->psi_block, 1);
	visit_int(v, &c->shifts);
	visit_int(v, &c->steps);
	visit_doubles(v, c->ladder_share, JUDGE_LADDER);
	visit_doubles(v, c->ladder_factor, JUDGE_LADDER);
	visit_int(v, &c->ladder);
	visit_int(v, &c->least_candidate);
	visit_i64(v, &c->least_ticks);
	visit_i64(v, &c->missing_after);
	visit_doubles(v, &c->latency_least, 1);
	visit_doubles(v, &c->timeout_s, 1);
	visit_int(v, &c->presence);
	visit_int(v, &c->whole_ticks);
	visit_int(v, &c->latch_ok);
	visit_int(v, &c->group_slots);
	visit_int(v, &c->value_slots);
	visit_int(v, &c->borrows_latencies);
}

/* Only the same configuration gives the saved numbers their meaning. */
static uint64_t config_sum(const struct judge_config *c)
{
	struct judge_config copy = *c;
	struct buf b = {0};
	struct visit v = {.out = &b};
	uint64_t sum;

	walk_config(&v, &copy);
	sum = visit_sum(b.data, b.len);
	buf_release(&b);
	return sum;
}

static void walk_rate(struct visit *v, struct proportion *p)
{
	visit_doubles(v, &p->d, 1);
	visit_doubles(v, p->log_w, EPROCESS_GRID);
	visit_doubles(v, &p->stable_n, 1);
	visit_doubles(v, &p->stable_events, 1);
}

static void walk_mean(struct visit *v, struct bounded_mean *p)
{
	visit_doubles(v, &p->d, 1);
	visit_doubles(v, p->log_w, EPROCESS_GRID);
	visit_doubles(v, &p->stable_n, 1);
	visit_doubles(v, &p->stable_sum, 1);
	visit_doubles(v, &p->stable_squares, 1);
	visit_doubles(v, &p->w, 1);
	visit_doubles(v, &p->m, 1);
	visit_doubles(v, p->eta, EPROCESS_GRID);
	visit_doubles(v, p->product, EPROCESS_GRID);
}

/* Side, limits and priors are the configuration's; the limit of OK is the step's. */
static void walk_line(struct visit *v, const struct judge_config *c, struct judge_line *l)
{
	for (int k = 0; k < RUN_COUNT; k++) {
		if (c->signals[l->signal].kind == JUDGE_MEAN)
			walk_mean(v, &l->run.mean[k]);
		else
			walk_rate(v, &l->run.rate[k]);
	}
	visit_int(v, &l->mix.current);
	visit_doubles(v, &l->mix.log_finished, 1);
	visit_doubles(v, &l->ok_most, 1);
}

static void walk_sums(struct visit *v, struct judge_sums *s)
{
	visit_doubles(v, s->n, 2);
	visit_doubles(v, s->sum, 2);
}

static void walk_band(struct visit *v, struct band *b)
{
	visit_doubles(v, b->n, 2);
	visit_doubles(v, b->sum, 2);
	visit_doubles(v, b->squares, 2);
	visit_doubles(v, &b->s, 1);
	visit_doubles(v, &b->h, 1);
	visit_doubles(v, &b->x_squares, 1);
	visit_doubles(v, &b->h_squares, 1);
	visit_doubles(v, b->variance_weight, 2);
}

static void walk_slowdown(struct visit *v, struct slowdown *s)
{
	for (int i = 0; i <= BAND_BINS; i++)
		visit_i64(v, &s->above[i]);
	visit_i64(v, &s->stable_above);
	visit_i64(v, &s->centre);
	visit_i64(v, &s->h);
	for (int arm = 0; arm < 2; arm++) {
		visit_i64(v, &s->weight[arm]);
		visit_i64(v, &s->variance_weight[arm]);
		visit_i64(v, &s->n[arm]);
	}
}

static void walk_srm(struct visit *v, struct srm *s)
{
	visit_doubles(v, &s->log_e, 1);
	visit_doubles(v, &s->n, 1);
	visit_doubles(v, &s->candidate, 1);
	visit_doubles(v, &s->expected, 1);
}

static void walk_group(struct visit *v, struct judge_group *g, struct judge_bins *bins, int shifts)
{
	visit_i64(v, &g->tick);
	if (g->tick == GROUP_FREE)
		return;
	visit_doubles(v, &g->share, 1);
	visit_doubles(v, &g->w, 1);
	for (int i = 0; i < 2; i++) {
		visit_u32(v, &g->n[i]);
		visit_u32(v, &g->failed[i]);
		visit_u32(v, &g->scored[i]);
		visit_u32(v, &g->timed[i]);
	}
	for (int i = 0; i < JUDGE_QUANTILES; i++) {
		visit_int(v, &g->aim[i].ready);
		visit_doubles(v, &g->aim[i].q, 1);
		visit_doubles(v, &g->aim[i].ps, 1);
		visit_doubles(v, &g->aim[i].a, 1);
		for (int k = 0; k < 3; k++)
			visit_u32(v, &g->over[i][k]);
	}
	for (int i = 0; i < shifts; i++)
		for (int b = 0; b < 2 * SHIFT_BINS; b++)
			visit_u32(v, &bins[i].count[b / SHIFT_BINS][b % SHIFT_BINS]);
}

/* Most buckets are empty: only the others are written, each with its number. */
static void walk_buckets(struct visit *v, struct latency_histogram *h)
{
	uint64_t count = 0, at;

	for (int b = 0; b < LATENCY_BUCKETS; b++)
		count += h->seen[b] > 0 || h->fresh[b] > 0;
	visit_u64(v, &count);
	for (uint64_t i = 0, b = 0; i < count && !v->failed; i++, b++) {
		while (v->out && h->seen[b] <= 0 && h->fresh[b] <= 0)
			b++;
		at = b;
		visit_u64(v, &at);
		v->failed |= at >= LATENCY_BUCKETS;
		if (v->failed)
			return;
		visit_doubles(v, &h->seen[at], 1);
		visit_u32(v, &h->fresh[at]);
	}
	visit_doubles(v, &h->n, 1);
	visit_doubles(v, &h->fresh_n, 1);
}

static void walk_values(struct visit *v, struct rollout_judge *j)
{
	visit_int(v, &j->value_count);
	visit_i64(v, &j->value_tick);
	v->failed |= j->value_count < 0 || j->value_count > j->config.value_slots;
	for (int i = 0; i < j->value_count && !v->failed; i++) {
		struct judge_value *x = &j->values[i];

		visit_int(v, &x->signal);
		visit_int(v, &x->candidate);
		visit_doubles(v, &x->w, 1);
		visit_doubles(v, &x->value, 1);
		visit_int(v, &x->outcome);
		visit_int(v, &x->failed);
		v->failed |= x->signal < 0 || x->signal >= j->config.signal_count ||
			     (x->candidate & ~1) != 0;
	}
}

static void walk_head(struct visit *v, struct rollout_judge *j)
{
	int verdict = (int)j->verdict;

	visit_doubles(v, &j->share, 1);
	visit_doubles(v, &j->told, 1);
	visit_int(v, &j->step);
	visit_int(v, &j->looks);
	visit_int(v, &j->last_group);
	visit_i64(v, &j->first_tick);
	visit_i64(v, &j->step_tick);
	visit_i64(v, &j->tick);
	visit_i64(v, &j->closed_before);
	visit_doubles(v, j->n, 2);
	visit_doubles(v, j->step_n, 2);
	visit_doubles(v, j->late, 2);
	visit_doubles(v, j->dropped, 2);
	visit_int(v, &verdict);
	visit_i64(v, &j->decided);
	visit_int(v, &j->worst);
	v->failed |= verdict < JUDGE_MISSING || verdict > JUDGE_INVALID || j->worst < -1 ||
		     j->worst >= j->config.signal_count || j->last_group < 0 ||
		     j->last_group >= j->config.group_slots;
	j->verdict = v->failed ? JUDGE_MISSING : (enum judge_verdict)verdict;
}

static void walk_judge(struct visit *v, struct rollout_judge *j)
{
	walk_head(v, j);
	for (int i = 0; i < j->line_count; i++)
		walk_line(v, &j->config, &j->lines[i]);
	for (int i = 0; i < j->config.signal_count; i++) {
		struct judge_signal *s = &j->signals[i];

		walk_sums(v, &s->all);
		walk_sums(v, &s->step);
		visit_i64(v, &s->seen[0]);
		visit_i64(v, &s->seen[1]);
		visit_doubles(v, s->beside, 2);
		visit_int(v, &s->classes);
		visit_doubles(v, &s->harm_most, 1);
		walk_band(v, &s->band);
		walk_srm(v, &s->arrived);
	}
	for (int i = 0; i < j->quantile_count; i++)
		walk_slowdown(v, &j->slowdowns[i]);
	for (int i = 0; i < j->config.group_slots; i++)
		walk_group(v, &j->groups[i], judge_group_bins(j, &j->groups[i]), j->config.shifts);
	if (!v->failed)
		walk_values(v, j);
	if (!v->failed && j->latencies)
		walk_buckets(v, j->latencies);
	walk_srm(v, &j->srm);
	walk_srm(v, &j->srm_scores);
	for (int i = 0; i < j->config.shifts; i++) {
		visit_doubles(v, j->shifts[i].candidate, SHIFT_BINS);
		visit_doubles(v, j->shifts[i].stable, SHIFT_BINS);
		visit_doubles(v, j->shifts[i].log_w, SHIFT_KAPPAS);
	}
}

void rollout_judge_save(const struct rollout_judge *j, struct buf *out)
{
	struct visit v = {.out = out};
	uint32_t magic = MAGIC, version = VERSION;
	uint64_t config = config_sum(&j->config), sum;
	/* The walk only reads what it writes; a copy of the head keeps j const. */
	struct rollout_judge copy = *j;
	size_t start = out->len;

	visit_u32(&v, &magic);
	visit_u32(&v, &version);
	visit_u64(&v, &config);
	walk_judge(&v, &copy);
	sum = visit_sum(out->data + start, out->len - start);
	visit_u64(&v, &sum);
}

static int head_check(
	const struct judge_config *c, const void *data, size_t n, struct visit *v, struct err *e)
{
	struct visit tail = {.at = (const unsigned char *)data + n - 8, .left = 8};
	uint32_t magic = 0, version = 0;
	uint64_t config = 0, sum = 0;

	if (n < 32)
		return err_set(e, ERR_INVALID, "the saved judgement is cut off");
	visit_u64(&tail, &sum);
	visit_u32(v, &magic);
	visit_u32(v, &version);
	visit_u64(v, &config);
	if (magic != MAGIC || sum != visit_sum(data, n - 8))
		return err_set(e, ERR_INVALID, "the saved judgement is damaged");
	if (version != VERSION)
		return err_set(e, ERR_INVALID,
			"the saved judgement has form %u; this program reads %d", version, VERSION);
	if (config != config_sum(c))
		return err_set(e, ERR_INVALID,
			"the saved judgement belongs to another configuration: its signals, limits "
			"or error budget have changed");
	return 0;
}

struct rollout_judge *rollout_judge_load(
	const struct judge_config *c, const void *data, size_t n, struct err *e)
{
	struct visit v = {.at = data, .left = n < 8 ? 0 : n - 8};
	struct rollout_judge *j;

	if (n < 32) {
		err_set(e, ERR_INVALID, "the saved judgement is cut off");
		return NULL;
	}
	if (head_check(c, data, n, &v, e))
		return NULL;
	j = rollout_judge_new(c);
	walk_judge(&v, j);
	if (!v.failed && !v.left)
		return j;
	err_set(e, ERR_INVALID, "the saved judgement is damaged");
	rollout_judge_free(j);
	return NULL;
}
