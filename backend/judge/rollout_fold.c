/* rollout_fold.c: takes requests and values into open ticks, and pays the bets when a tick closes.
 * Decides nothing: that is rollout_verdict.c, called after each closed tick. */
#include "backend/judge/rollout_judge.h"

#include <math.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/judge/rollout_judge_priv.h"

#define BORROWED_WEIGHT 50 /* latencies that the whole's share above a mark counts for */

static int is_share(double w)
{
	return w > 0 && w < 1;
}

double judge_ladder_factor(const struct judge_config *c, double share)
{
	for (int i = 0; i < c->ladder; i++)
		if (share <= c->ladder_share[i] + 1e-12)
			return c->ladder_factor[i];
	return 1;
}

static void run_begin(struct rollout_judge *j, struct judge_line *l, int run)
{
	const struct judge_signal_config *s = &j->config.signals[l->signal];
	enum judge_side side = run == RUN_OK ? SIDE_OK : SIDE_HARM;
	double d = run == RUN_OK ? s->ok_margin * judge_ladder_factor(&j->config, j->share)
				 : s->harm_margin;

	if (s->kind == JUDGE_MEAN)
		bounded_mean_init(&l->run.mean[run], side, d,
			l->mirrored ? 1 - s->prior_mean : s->prior_mean, s->prior_n, s->prior_sd);
	else if (s->kind == JUDGE_ERRORS)
		proportion_init(&l->run.rate[run], side, d, s->prior_mean, s->prior_n);
	else /* the margin of a latency is in its mark */
		proportion_init(&l->run.rate[run], side, 0, 0, 0);
}

void judge_step_begin(struct rollout_judge *j, double share, int64_t tick)
{
	int first = j->share == 0;

	j->share = share;
	j->step += first ? 0 : 1;
	j->step_tick = tick;
	for (int i = 0; i < j->line_count; i++) {
		struct judge_line *l = &j->lines[i];

		if (first) {
			run_begin(j, l, RUN_GLOBAL);
			run_begin(j, l, RUN_STEP);
		} else if (mixture_next(&l->mix, judge_line_log_e(j, l, RUN_STEP))) {
			run_begin(j, l, RUN_STEP);
		}
		run_begin(j, l, RUN_OK);
		l->ok_most = 0;
	}
	for (int i = 0; i < j->config.signal_count; i++)
		memset(&j->signals[i].step, 0, sizeof j->signals[i].step);
	j->step_n[0] = j->step_n[1] = 0;
	if (j->verdict == JUDGE_OK)
		j->verdict = JUDGE_UNDECIDED;
}

double judge_ok_limit(const struct rollout_judge *j, const struct judge_line *l, double share)
{
	return j->config.signals[l->signal].ok_margin * judge_ladder_factor(&j->config, share);
}

/* The mark is the whole's; how often this segment's answers lie above it is its own affair. */
static struct exceedance_aim line_aim(
	const struct rollout_judge *j, const struct judge_line *l, double share)
{
	struct exceedance_aim aim = exceedance_aim(
		j->marks, l->p, judge_ok_limit(j, l, share), j->config.latency_least);
	const struct proportion *p = &l->run.rate[RUN_GLOBAL];
	double ps;

	if (!j->config.borrows_latencies || !aim.ready)
		return aim;
	ps = (p->stable_events + aim.ps * BORROWED_WEIGHT) / (p->stable_n + BORROWED_WEIGHT);
	aim.a *= ps / aim.ps;
	aim.ps = ps;
	return aim;
}

/* All shares of one tick have the same marks, those of its first request. */
static void group_aim(const struct rollout_judge *j, struct judge_group *g)
{
	for (int i = 0; i < j->config.group_slots; i++) {
		const struct judge_group *o = &j->groups[i];

		if (o != g && o->tick == g->tick && o->share == g->share) {
			memcpy(g->aim, o->aim, sizeof g->aim);
			return;
		}
	}
	for (int i = 0; i < j->line_count; i++) {
		const struct judge_line *l = &j->lines[i];

		if (l->quantile >= 0 && j->marks)
			g->aim[l->quantile] = line_aim(j, l, g->share);
	}
}

struct judge_group *judge_group_find(struct rollout_judge *j, int64_t tick, double share, double w)
{
	struct judge_group *g = &j->groups[j->last_group], *room = NULL;

	if (g->tick == tick && g->share == share && g->w == w)
		return g;
	for (int i = 0; i < j->config.group_slots; i++) {
		g = &j->groups[i];
		if (g->tick == tick && g->share == share && g->w == w) {
			j->last_group = i;
			return g;
		}
		if (g->tick == GROUP_FREE && !room)
			room = g;
	}
	if (!room)
		return NULL;
	memset(room, 0, sizeof *room);
	for (int i = 0; i < j->config.shifts; i++)
		judge_group_bins(j, room)[i] = (struct judge_bins){0};
	room->tick = tick;
	room->share = share;
	room->w = w;
	group_aim(j, room);
	j->last_group = (int)(room - j->groups);
	return room;
}

static void latency_take(struct rollout_judge *j, struct judge_group *g, int arm, double seconds)
{
	g->timed[arm]++;
	for (int i = 0; i < j->line_count; i++) {
		const struct judge_line *l = &j->lines[i];
		const struct exceedance_aim *aim = &g->aim[l->quantile < 0 ? 0 : l->quantile];

		if (l->quantile < 0 || !aim->ready)
			continue;
		slowdown_add(&j->slowdowns[l->quantile], arm, g->w, seconds, aim->q, aim->ps);
		if (!arm) {
			g->over[l->quantile][0] += seconds > aim->q;
			continue;
		}
		g->over[l->quantile][1] +=
			seconds > (1 + j->config.signals[l->signal].harm_margin) * aim->q;
		g->over[l->quantile][2] += seconds > (1 + judge_ok_limit(j, l, g->share)) * aim->q;
	}
	if (!arm && j->latencies)
		latency_add(j->latencies, seconds);
}

void rollout_judge_request(struct rollout_judge *j, const struct judge_request *r)
{
	struct judge_request late = *r;
	struct judge_group *g;
	int arm = r->candidate != 0, bin;

	j->told = r->share;
	if (!is_share(r->share) || !is_share(r->w))
		return;
	if (r->tick < j->closed_before) {
		late.tick = j->closed_before;
		late.failed = 1;
		late.latency_s = INFINITY;
		j->late[arm]++;
	} else if (j->config.timeout_s > 0 && r->latency_s > j->config.timeout_s) {
		late.failed = 1;
		late.latency_s = INFINITY;
	}
	/* No room: what is there of a tick is judged early, which costs nothing but a look. */
	while (!(g = judge_group_find(j, late.tick, late.share, late.w)))
		rollout_judge_close(j, INT64_MAX);
	g->n[arm]++;
	g->failed[arm] += late.failed != 0;
	if (late.latency_s >= 0) {
		if (j->marks)
			latency_take(j, g, arm, late.latency_s);
	} else {
		j->dropped[arm]++;
	}
	/* What failed has no score to deliver: that is its error, not a fault of the log. */
	g->scored[arm] += late.failed || isfinite(late.score);
	for (int i = 0; i < j->config.shifts; i++) {
		bin = i ? late.feature_bin[i]
			: shift_bin(isfinite(late.score) ? late.score : NAN, SHIFT_BINS);
		if (bin >= 0 && bin < SHIFT_BINS)
			judge_group_bins(j, g)[i].count[arm][bin]++;
	}
}

static void note(struct rollout_judge *j, int signal, int64_t tick, int arm, double n, double sum)
{
	struct judge_signal *s = &j->signals[signal];

	if (n <= 0)
		return;
	s->all.n[arm] += n;
	s->all.sum[arm] += sum;
	s->step.n[arm] += n;
	s->step.sum[arm] += sum;
	s->seen[arm] = tick > s->seen[arm] ? tick : s->seen[arm];
	s->beside[arm] = s->all.n[!arm];
}

static void fold_errors(struct rollout_judge *j, struct judge_line *l, const struct judge_group *g)
{
	struct tick_counts c = {g->n[0], g->failed[0], g->n[1], g->failed[1]};
	struct proportion_bets b;

	for (int k = 0; k < RUN_COUNT; k++) {
		proportion_begin(&l->run.rate[k], g->w, &b);
		proportion_fold(&l->run.rate[k], &b, &c);
	}
	band_begin(&j->signals[l->signal].band);
	band_counts(&j->signals[l->signal].band, g->w, &c);
	for (int arm = 0; arm < 2; arm++)
		note(j, l->signal, g->tick, arm, g->n[arm], g->failed[arm]);
}

static void fold_latency(struct rollout_judge *j, struct judge_line *l, const struct judge_group *g)
{
	const uint32_t *over = g->over[l->quantile];
	struct proportion_bets b;

	for (int k = 0; k < RUN_COUNT && g->aim[l->quantile].ready; k++) {
		struct tick_counts c = {
			g->timed[0], over[0], g->timed[1], over[k == RUN_OK ? 2 : 1]};

		exceedance_begin(&l->run.rate[k], &g->aim[l->quantile], g->w, &b);
		proportion_fold(&l->run.rate[k], &b, &c);
	}
	if (l->p != j->config.signals[l->signal].quantile[0])
		return;
	note(j, l->signal, g->tick, 0, g->timed[0], over[0]);
	note(j, l->signal, g->tick, 1, g->timed[1], over[1]);
}

static void fold_group(struct rollout_judge *j, const struct judge_group *g)
{
	double bins[2][SHIFT_BINS];

	for (int i = 0; i < j->line_count; i++) {
		if (j->config.signals[j->lines[i].signal].kind == JUDGE_ERRORS)
			fold_errors(j, &j->lines[i], g);
		else if (j->lines[i].quantile >= 0)
			fold_latency(j, &j->lines[i], g);
	}
	srm_fold(&j->srm, g->w, g->n[1], g->n[0]);
	srm_fold(&j->srm_scores, g->w, g->scored[1], g->scored[0]);
	for (int i = 0; i < j->config.shifts; i++) {
		const struct judge_bins *counted = &judge_group_bins(j, g)[i];

		for (int b = 0; b < SHIFT_BINS; b++) {
			bins[0][b] = counted->count[0][b];
			bins[1][b] = counted->count[1][b];
		}
		shift_fold(&j->shifts[i], g->w, bins[1], bins[0]);
	}
	for (int arm = 0; arm < 2; arm++) {
		j->n[arm] += g->n[arm];
		j->step_n[arm] += g->n[arm];
	}
}

/* The order of values within a tick is of no consequence: they are folded in this one. */
static inline int is_before(const struct judge_value *x, const struct judge_value *y)
{
	if (x->signal != y->signal)
		return x->signal < y->signal;
	if (x->w != y->w)
		return x->w < y->w;
	if (x->candidate != y->candidate)
		return x->candidate < y->candidate;
	return x->value < y->value;
}

/* Quicksort by the middle, the last few by insertion: qsort() would take half of the judge's time.
 */
static void values_sort(struct judge_value *v, int n)
{
	while (n > 16) {
		struct judge_value pivot = v[n / 2], swap;
		int lo = -1, hi = n;

		for (;;) {
			while (is_before(&v[++lo], &pivot))
				;
			while (is_before(&pivot, &v[--hi]))
				;
			if (lo >= hi)
				break;
			swap = v[lo];
			v[lo] = v[hi];
			v[hi] = swap;
		}
		/* hi + 1 go to the left; the smaller side is left to the recursion. */
		if (hi + 1 < n / 2) {
			values_sort(v, hi + 1);
			v += hi + 1;
			n -= hi + 1;
		} else {
			values_sort(v + hi + 1, n - hi - 1);
			n = hi + 1;
		}
	}
	for (int i = 1; i < n; i++) {
		struct judge_value x = v[i];
		int k = i;

		for (; k > 0 && is_before(&x, &v[k - 1]); k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* The values from v on that have the same signal and share; returns their number. */
static int fold_run(struct rollout_judge *j, const struct judge_value *v, int most, int64_t tick)
{
	struct band *band = &j->signals[v->signal].band;
	double n[2] = {0};
	int count = 0;

	for (int i = 0; i < j->line_count; i++)
		for (int k = 0; j->lines[i].signal == v->signal && k < RUN_COUNT; k++)
			bounded_mean_begin(&j->lines[i].run.mean[k], v->w);
	band_begin(band);
	for (; count < most && v[count].signal == v->signal && v[count].w == v->w; count++) {
		const struct judge_value *x = &v[count];

		n[x->candidate]++;
		if (x->failed)
			continue;
		for (int i = 0; i < j->line_count; i++)
			for (int k = 0; j->lines[i].signal == v->signal && k < RUN_COUNT; k++)
				bounded_mean_add(&j->lines[i].run.mean[k], x->candidate,
					j->lines[i].mirrored ? 1 - x->value : x->value);
		band_add(band, x->candidate, x->w, x->value);
		note(j, v->signal, tick, x->candidate, 1, x->value);
		if (x->outcome >= 0)
			j->signals[v->signal].classes |= 1 << x->outcome;
	}
	if (j->config.signals[v->signal].outcomes)
		srm_fold(&j->signals[v->signal].arrived, v->w, n[1], n[0]);
	return count;
}

static void fold_values(struct rollout_judge *j, int64_t tick)
{
	values_sort(j->values, j->value_count);
	for (int i = 0; i < j->value_count;)
		i += fold_run(j, &j->values[i], j->value_count - i, tick);
	j->value_count = 0;
}

void rollout_judge_value(struct rollout_judge *j, int64_t tick, const struct judge_value *v)
{
	must(v->signal >= 0 && v->signal < j->config.signal_count);
	must(j->config.signals[v->signal].kind == JUDGE_MEAN);
	if (!is_share(v->w))
		return;
	if (!isfinite(v->value) && !v->failed) {
		j->dropped[v->candidate != 0]++;
		return;
	}
	/* As with requests: what finds no room ends the tick for the values before it. */
	if (j->value_count == j->config.value_slots)
		fold_values(j, j->value_tick);
	if (!j->value_count)
		j->value_tick = tick;
	j->values[j->value_count] = *v;
	if (v->failed)
		j->values[j->value_count].value = 0;
	j->values[j->value_count++].candidate = v->candidate != 0;
}

/* The next group of this tick to fold: the current share's before others, then by w. */
static struct judge_group *group_next(struct rollout_judge *j, int64_t tick, double share)
{
	struct judge_group *best = NULL;

	for (int i = 0; i < j->config.group_slots; i++) {
		struct judge_group *g = &j->groups[i];

		if (g->tick == tick && (share == 0 || g->share == share) &&
			(!best || g->w < best->w))
			best = g;
	}
	return best;
}

static int64_t tick_oldest(const struct rollout_judge *j)
{
	int64_t oldest = j->value_count ? j->value_tick : INT64_MAX;

	for (int i = 0; i < j->config.group_slots; i++)
		if (j->groups[i].tick != GROUP_FREE && j->groups[i].tick < oldest)
			oldest = j->groups[i].tick;
	return oldest;
}

static void fold_requests(struct rollout_judge *j, int64_t tick)
{
	struct judge_group *g = group_next(j, tick, j->share);
	double share = g ? j->share : 0;

	if (!g || j->share == 0)
		g = group_next(j, tick, 0);
	if (!g)
		return;
	if (g->share != j->share)
		judge_step_begin(j, g->share, tick);
	share = g->share;
	while ((g = group_next(j, tick, share))) {
		fold_group(j, g);
		g->tick = GROUP_FREE;
	}
	if (j->latencies)
		latency_settle(j->latencies);
}

int rollout_judge_close(struct rollout_judge *j, int64_t before)
{
	int64_t tick = tick_oldest(j);
	int usable, final = before != INT64_MAX;

	if (tick >= before) {
		if (final && before > j->closed_before) {
			j->closed_before = before;
			judge_decide(j, before - 1);
		}
		return 0;
	}
	usable = group_next(j, tick, 0) || !j->config.whole_ticks || is_share(j->told);
	if (j->first_tick == INT64_MIN)
		j->first_tick = tick;
	if (final && tick > j->closed_before)
		j->closed_before = tick;
	fold_requests(j, tick);
	if (!group_next(j, tick, 0)) {
		if (!usable)
			j->value_count = 0;
		else if (j->value_count && j->value_tick <= tick)
			fold_values(j, tick);
		if (final && tick + 1 > j->closed_before)
			j->closed_before = tick + 1;
	}
	if (!usable)
		return rollout_judge_close(j, before);
	j->tick = tick;
	j->looks++;
	judge_decide(j, tick);
	return 1;
}
