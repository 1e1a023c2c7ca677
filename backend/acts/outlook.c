/* outlook.c: see outlook.h. Stable as it was in the last quarter of an hour stands for what is to
 * come; a quiet endpoint is told that nothing can be said. */
#include "backend/acts/outlook.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/judging.h"
#include "backend/acts/mirror.h"
#include "backend/acts/stage.h"
#include "backend/base/xalloc.h"
#include "backend/judge/power.h"
#include "backend/store/trial_store.h"

#define LEAST_REQUESTS 100
#define RATE_SECONDS   60
#define SEGMENTS_MOST  1000
#define KEYS_SEEN      2000 /* requests whose keys are counted */
#define KEYS_FEW       20
#define SPREAD_MIN     .1 /* of log latency: no traffic is steadier */

/* log(p99 / p50) of a normal law is 2.33 deviations. */
static double latency_spread(const struct arm_counts *c)
{
	double half = arm_counts_quantile(c, .5), tail = arm_counts_quantile(c, .99);

	return half > 0 && tail > half ? fmax(SPREAD_MIN, log(tail / half) / 2.33) : SPREAD_MIN;
}

static void fill_signal(const struct trial_config *c, int i, const struct arm_counts *seen,
	struct power_signal *out)
{
	const struct judge_signal_config *s = &c->whole.signals[i];
	double n = (double)seen->requests;

	*out = (struct power_signal){.mean = s->prior_mean, .sd = s->prior_sd, .part = 1};
	if (s->kind == JUDGE_LATENCY)
		out->sd = latency_spread(seen);
	else if (c->signals[i].outcome[0])
		out->part = s->late ? 0 : fmin(1, (double)seen->outcomes / n);
	else if (s->kind == JUDGE_MEAN)
		out->part = (double)seen->scored / n;
}

static void warn_lines(const struct buf *text, const char *pattern, struct plan *p)
{
	char *copy = xstrdup(buf_text(text)), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		/* Who is about to shadow needs no advice to do so. */
		if (*line && (!mirror_shadows(pattern) || strncmp(line, "shadow", 6) != 0))
			plan_warn(p, "%s", line);
	free(copy);
}

static void tell(const struct power_plan *power, const char *pattern, struct plan *p)
{
	struct buf text = {0};

	for (int i = 0; i < power->step_count && p->will_count < PLAN_LINES; i++) {
		buf_reset(&text);
		power_step_text(power, i, &text);
		plan_will(p, "see at %s", buf_text(&text));
	}
	buf_reset(&text);
	if (power_lint(power, &text) > 0)
		warn_lines(&text, pattern, p);
	buf_release(&text);
}

struct smallest {
	const struct stages *stages;
	int64_t all, named, least;
	char segment[NAME_SIZE];
};

static int note_segment(void *arg, const char *segment, int64_t requests)
{
	struct smallest *s = arg;

	s->all += requests;
	if (stages_segment_bp(s->stages, INT32_MAX, segment) < 0)
		return 0;
	s->named++;
	if (s->least && s->least <= requests)
		return 0;
	s->least = requests;
	str_copy(s->segment, sizeof s->segment, segment);
	return 0;
}

/* Where segments go one by one each sees its own traffic only: the least of them is told of. The
 * part of all requests that it has, 1 where all traffic goes the same way. */
static double part_of_least(struct world *w, const struct live_endpoint *ep,
	const struct rollout_row *r, struct plan *p)
{
	struct stages stages;
	struct smallest s = {.stages = &stages};
	int64_t since = clock_wall_us(&w->clock) - WINDOW_SECONDS * INT64_C(1000000);
	double part;

	if (stages_read(r, &stages, NULL) || !stages.segment_count ||
		trial_store_list_segments(
			w->store, ep->row.id, since, SEGMENTS_MOST, note_segment, &s, NULL) < 0 ||
		!s.all)
		return 1;
	if (s.named < stages.segment_count) {
		plan_warn(p, "%d of its %d segments had no request in the last 15 minutes",
			stages.segment_count - (int)s.named, stages.segment_count);
		if (!s.least)
			return 1;
	}
	part = (double)s.least / (double)s.all;
	plan_warn(p, "what it sees is told for segment %.60s, %.2g %% of the requests", s.segment,
		100 * part);
	return part;
}

/* A key goes to one version whole: with a handful of them, as a client that sends the same request
 * again and again has, a share moves all or nothing. */
static void warn_few_keys(struct world *w, const struct live_endpoint *ep, struct plan *p)
{
	int64_t since = clock_wall_us(&w->clock) - WINDOW_SECONDS * INT64_C(1000000);
	int64_t requests, keys;

	if (trial_store_count_keys(
		    w->store, ep->row.id, since, KEYS_SEEN, &requests, &keys, NULL) ||
		requests < LEAST_REQUESTS || keys >= KEYS_FEW)
		return;
	plan_warn(p,
		"the last %lld requests had %lld key%s (%.60s): each stays on one version, so that "
		"a share may move nothing, or everything",
		(long long)requests, (long long)keys, keys == 1 ? "" : "s", ep->config->key.name);
}

void outlook_plan(struct world *w, const struct live_endpoint *ep, const struct rollout_row *r,
	struct plan *p)
{
	struct spec_step steps[SPEC_STEPS];
	struct power_plan power = {.hold_s = (double)ep->config->rollout.hold_ms / 1000};
	struct trial_config config;
	struct trial_setup setup;
	struct arm_counts seen, lately;
	int count = spec_steps_parse(r->steps, steps, NULL), rc;

	judging_prepare(w, ep, r, &setup);
	rc = trial_setup_config(&setup, &config, NULL);
	window_sum(ep->window, ARM_STABLE, clock_wall_us(&w->clock), WINDOW_SECONDS, &seen);
	window_sum(ep->window, ARM_STABLE, clock_wall_us(&w->clock), RATE_SECONDS, &lately);
	power.rate = (double)lately.requests / RATE_SECONDS;
	for (int i = 0; i < count && power.step_count < POWER_STEPS; i++)
		if (steps[i].share_bp < SHARE_ALL)
			power.steps[power.step_count++] =
				(struct power_step){.share = steps[i].share_bp / 10000.0,
					.least_s = (double)steps[i].least_ms / 1000 / setup.speed};
	if (!rc && (seen.requests < LEAST_REQUESTS || !lately.requests)) {
		plan_warn(p, "too few requests in the last 15 minutes to say what it will see");
	} else if (!rc) {
		power.config = config.segments_alone ? &config.part : &config.whole;
		power.rate *= part_of_least(w, ep, r, p);
		for (int i = 0; i < config.whole.signal_count; i++)
			fill_signal(&config, i, &seen, &power.signals[i]);
		tell(&power, r->pattern, p);
	}
	warn_few_keys(w, ep, p);
	trial_setup_release(&setup);
}
