/* view.c: the state of an endpoint in one word, from what gateway, windows, alerts and rollout
 * say. The first rule that holds, worst first, names the state and its phrase. */
#include "backend/api/view.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/judging.h"
#include "backend/acts/mirror.h"
#include "backend/acts/observing.h"
#include "backend/acts/policy_ask.h"
#include "backend/acts/stage.h"
#include "backend/base/xalloc.h"

#define HARM_PERCENT  5.0
#define HARM_FAILURES 3 /* fewer failures than these are not yet a state */
#define RATE_SPAN_S   10
/* From when on a difference of both arms is worth a word. */
#define NOTED_ANSWERS  200
#define NOTED_MS       20
#define NOTED_RATIO    1.5
#define NOTED_OUTCOMES 100
#define SILENCE_US     60000000LL

const char *health_name(enum health h)
{
	static const char *const names[] = {"down", "harm", "watch", "missing", "waiting", "ok"};

	return names[h];
}

static int add_alert(void *arg, const struct alert_row *r)
{
	struct alert_list *list = arg;

	if ((list->count & (list->count - 1)) == 0)
		list->rows = xrealloc(
			list->rows, list->count ? (size_t)list->count * 2 : 1, sizeof *list->rows);
	list->rows[list->count++] = *r;
	return 0;
}

int alerts_load(struct world *w, int open_only, struct alert_list *out, struct err *e)
{
	*out = (struct alert_list){0};
	return store_list_alerts(w->store, open_only, 1000, add_alert, out, e);
}

void alerts_release(struct alert_list *list)
{
	xfree(list->rows);
	list->count = 0;
}

static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : NAN;
}

static double quantile(const struct arm_counts *c, double q)
{
	double v = arm_counts_quantile(c, q);

	return v < 0 ? NAN : v;
}

void arm_stats_from(const struct arm_counts *c, int seconds, struct arm_stats *out)
{
	double n = (double)c->requests;

	*out = (struct arm_stats){
		.requests = c->requests,
		.failures = c->failures,
		.unread = c->unread,
		.unread_percent = 100 * ratio((double)c->unread, n),
		.outcomes = c->outcomes,
		.rate = n / seconds,
		.error_percent = 100 * ratio((double)c->failures, n),
		.p50_ms = quantile(c, 0.5),
		.p90_ms = quantile(c, 0.9),
		.p99_ms = quantile(c, 0.99),
		.score_mean = ratio(c->score_sum, (double)c->scored),
		.outcome_mean = ratio(c->outcome_sum, (double)c->outcomes),
		.brier = ratio(c->brier_sum, (double)c->brier_n),
	};
}

/* Sums what the header line of an endpoint shows: both arms together. */
static void fill_numbers(const struct live_endpoint *ep, const struct rollout_row *rollout,
	int64_t now, struct endpoint_view *v)
{
	int64_t age = (now - rollout->started_us) / 1000000 + 1;
	struct arm_counts arm[ARM_COUNT], both = {0}, recent;
	static struct arm_counts points[SPARK_POINTS]; /* 40 kB; one thread */

	for (int a = 0; a < ARM_COUNT; a++) {
		int span = STATS_SPAN_S;

		/* What the candidate before this one did is not this one's. */
		if (a == ARM_CANDIDATE && rollout->id && age > 0 && age < span)
			span = (int)age;
		window_sum(ep->window, (enum arm)a, now, span, &arm[a]);
		arm_stats_from(&arm[a], span, &v->arms[a]);
		both.requests += arm[a].requests;
		both.failures += arm[a].failures;
		for (int b = 0; b < LATENCY_BINS; b++)
			both.latency_bins[b] += arm[a].latency_bins[b];
		v->segment_unknown += arm[a].segment_unknown;
		v->keyless += arm[a].keyless;
		window_sum(ep->window, (enum arm)a, now, RATE_SPAN_S, &recent);
		v->rate += (double)recent.requests / RATE_SPAN_S;
		window_series(ep->window, (enum arm)a, now, SPARK_SPAN_S, SPARK_POINTS, points);
		for (int i = 0; i < SPARK_POINTS; i++) {
			v->spark[i] += points[i].requests;
			v->spark_errors[i] += points[i].failures;
		}
	}
	v->error_percent = 100 * ratio((double)both.failures, (double)both.requests);
	v->p99_ms = quantile(&both, 0.99);
}

/* Servers of the stable version: how many there are and how many answer. */
static int stable_servers(const struct live_endpoint *ep, int *up)
{
	int slot = -1, count = 0;

	*up = 0;
	for (int i = 0; i < ep->slot_count; i++)
		if (ep->row.stable[0] && strcmp(ep->slots[i].version, ep->row.stable) == 0)
			slot = i;
	for (int i = 0; i < ep->server_count; i++)
		if (slot >= 0 && ep->servers[i].slot == slot) {
			count++;
			*up += strcmp(ep->servers[i].state, "up") == 0;
		}
	return count;
}

/* The alert that makes a state: one that nobody has acknowledged, or one about what still goes on.
 * What was seen and is over is history. */
static const struct alert_row *alert_of(
	const struct alert_list *open, const struct endpoint_row *ep, const char *level)
{
	for (int i = 0; open && i < open->count; i++) {
		const struct alert_row *r = &open->rows[i];
		int lasts = r->rollout && r->rollout == ep->rollout;

		if (strcmp(r->endpoint, ep->id) == 0 && (!level || strcmp(r->level, level) == 0) &&
			(strcmp(r->state, "open") == 0 ||
				(lasts && strcmp(r->state, "resolved") != 0)))
			return r;
	}
	return NULL;
}

/* The start of the bad stretch that lasts until now, as the spark shows it. */
static int64_t bad_since(const struct endpoint_view *v, int64_t now)
{
	int i = SPARK_POINTS;

	while (i > 0 && v->spark[i - 1] > 0 &&
		(double)v->spark_errors[i - 1] * 100 >= HARM_PERCENT * (double)v->spark[i - 1])
		i--;
	return now - (int64_t)(SPARK_POINTS - i) * SPARK_SPAN_S * 1000000;
}

static void say(struct endpoint_view *v, enum health h, int64_t trouble_us, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void say(struct endpoint_view *v, enum health h, int64_t trouble_us, const char *fmt, ...)
{
	va_list ap;

	v->health = h;
	v->trouble_us = trouble_us;
	va_start(ap, fmt);
	vsnprintf(v->state_word, sizeof v->state_word, fmt, ap);
	va_end(ap);
}

static int judge_down(
	const struct world *w, const struct live_endpoint *ep, int64_t now, struct endpoint_view *v)
{
	int up, count = stable_servers(ep, &up);

	if (!w->gateway_up) {
		say(v, HEALTH_DOWN, now, "the gateway does not answer");
		return 1;
	}
	if (count > 0 && up == 0) {
		say(v, HEALTH_DOWN, now, "no server of %s answers", ep->row.stable);
		return 1;
	}
	return 0;
}

static int judge_harm(const struct world *w, const struct live_endpoint *ep,
	const struct alert_list *open, int64_t now, struct endpoint_view *v)
{
	const struct alert_row *alert = alert_of(open, &ep->row, "rollback");
	int guard = guard_failures(&ep->guard, (int)w->settings.guard_window);
	const char *arms[ARM_COUNT] = {ep->row.stable, ep->row.candidate};

	if (alert) {
		say(v, HEALTH_HARM, alert->since_us, "%.150s", alert->message);
		return 1;
	}
	for (int a = 0; a < ARM_COUNT; a++)
		if (v->arms[a].failures >= HARM_FAILURES &&
			v->arms[a].error_percent >= HARM_PERCENT) {
			say(v, HEALTH_HARM, bad_since(v, now), "%.1f %% of %s's answers fail",
				v->arms[a].error_percent, arms[a][0] ? arms[a] : "the candidate");
			return 1;
		}
	if (ep->row.rollout && ep->guard.rollout == ep->row.rollout &&
		guard * 2 >= w->settings.guard_failures) {
		say(v, HEALTH_HARM, now, "guard: %d of the last %d answers failed, %d end it",
			guard, (int)w->settings.guard_window, (int)w->settings.guard_failures);
		return 1;
	}
	return 0;
}

static void say_waiting(struct world *w, const struct live_endpoint *ep,
	const struct rollout_row *r, struct endpoint_view *v)
{
	char why[320];
	int missing = approvals_missing(w, r), needed, given, slot = slot_find(ep, r->to_version);
	int up = slot >= 0 ? slot_healthy(ep, slot) : 0;

	approvals_shown(w, r, &needed, &given);
	if (missing > 0)
		say(v, HEALTH_WAITING, 0, "%s #%lld to %s waits for %d approval%s of %d",
			r->pattern, (long long)r->id, r->to_version, missing,
			missing == 1 ? "" : "s", needed);
	else if (version_ready(ep, r->to_version) &&
		 mirror_smoke(ep, r, why, sizeof why) != SMOKE_PASSED && *why)
		say(v, HEALTH_WAITING, 0, "%s #%lld to %s: %.200s", r->pattern, (long long)r->id,
			r->to_version, why);
	else
		say(v, HEALTH_WAITING, 0,
			"%s #%lld waits until the servers of %s are ready: %d of %d%s", r->pattern,
			(long long)r->id, r->to_version, up, servers_wanted(ep, r->to_version),
			up && upstream_of(ep, r->to_version)
				? "; drain one that stays away: pithead server drain"
				: "");
}

/* What a person would notice first in both arms' figures since the step began: values, not a
 * verdict. "" while there are too few. */
static void say_difference(const struct live_endpoint *ep, const struct rollout_row *r, int64_t now,
	char *out, size_t size)
{
	int64_t seconds = (now - r->step_since_us) / 1000000 + 1;
	struct arm_counts counts[ARM_COUNT];
	struct arm_stats s[ARM_COUNT];
	const struct arm_stats *c = &s[ARM_CANDIDATE], *b = &s[ARM_STABLE];

	*out = '\0';
	if (seconds < 1 || seconds > WINDOW_SECONDS)
		seconds = WINDOW_SECONDS;
	for (int i = 0; i < ARM_COUNT; i++) {
		window_sum(ep->window, (enum arm)i, now, (int)seconds, &counts[i]);
		arm_stats_from(&counts[i], (int)seconds, &s[i]);
	}
	if (c->failures >= HARM_FAILURES && c->error_percent > b->error_percent + 0.5)
		snprintf(out, size, "; errors %.1f %% against %.1f %%, n %lld", c->error_percent,
			b->error_percent, (long long)c->requests);
	else if (c->requests >= NOTED_ANSWERS && c->p99_ms - b->p99_ms > NOTED_MS &&
		 c->p99_ms > b->p99_ms * NOTED_RATIO)
		snprintf(out, size, "; p99 %.0f ms against %.0f ms, n %lld", c->p99_ms, b->p99_ms,
			(long long)c->requests);
	else if (counts[ARM_CANDIDATE].brier_n >= NOTED_OUTCOMES &&
		 counts[ARM_STABLE].brier_n >= NOTED_OUTCOMES)
		snprintf(out, size, "; brier %.3f against %.3f, n %lld", c->brier, b->brier,
			(long long)counts[ARM_CANDIDATE].brier_n);
}

static int judge_rollout(struct world *w, const struct rollout_row *r,
	const struct live_endpoint *ep, int64_t now, struct endpoint_view *v)
{
	/* Out of its shadow it answers users, and is none any more. */
	const char *pattern = mirror_shadows(r->pattern) ? "rollout" : r->pattern;
	char difference[80], stage[96];

	stage_describe(r, stage, sizeof stage);
	if (r->id && strcmp(r->state, "waiting") == 0) {
		say_waiting(w, ep, r, v);
		return 1;
	}
	if (r->id && strcmp(r->state, "shadowing") == 0) {
		say(v, HEALTH_WATCH, now, "%s #%lld: %s answers copies, %s; no user sees them",
			r->pattern, (long long)r->id, r->to_version, rollout_verdict(w, ep));
		return 1;
	}
	if (r->id && strcmp(r->state, "paused") == 0) {
		say(v, HEALTH_WATCH, now, "%s #%lld to %s is paused at %s", pattern,
			(long long)r->id, r->to_version, stage);
		return 1;
	}
	if (r->id && (ep->row.share_bp > 0 || (ep->row.gate && r->share_bp > 0))) {
		say_difference(ep, r, now, difference, sizeof difference);
		say(v, HEALTH_WATCH, now, "%s #%lld %s %s at %s%s", pattern, (long long)r->id,
			strcmp(r->state, "stepping") == 0 ? "has" : r->state, r->to_version, stage,
			difference);
		return 1;
	}
	return 0;
}

static void judge_rest(const struct live_endpoint *ep, const struct alert_list *open, int64_t now,
	struct endpoint_view *v)
{
	const struct alert_row *alert = alert_of(open, &ep->row, NULL);
	int64_t newest = window_newest_us(ep->window);

	if (newest > 0 && now - newest > SILENCE_US)
		say(v, HEALTH_MISSING, newest, "no request for %lld min",
			(long long)(now - newest) / 60000000);
	else if (!ep->row.stable[0])
		say(v, HEALTH_MISSING, 0, "no version serves yet");
	else if (alert)
		say(v, HEALTH_WATCH, alert->since_us, "%.150s", alert->message);
	else
		say(v, HEALTH_OK, 0, newest > 0 ? "serving %s" : "serving %s, no request yet",
			ep->row.stable);
}

/* What somebody else serves has no servers here: its numbers, or that there are none. */
static void judge_observed(struct world *w, const struct live_endpoint *ep,
	const struct alert_list *open, const struct rollout_row *r, struct endpoint_view *v)
{
	const struct alert_row *harm = alert_of(open, &ep->row, "rollback"), *missing = NULL;
	struct observed_state state;
	char share[16];

	for (int i = 0; open && i < open->count; i++)
		if (strcmp(open->rows[i].endpoint, ep->row.id) == 0 &&
			strcmp(open->rows[i].kind, "missing") == 0)
			missing = &open->rows[i];
	observing_get_state(ep, &state);
	if (harm)
		say(v, HEALTH_HARM, harm->since_us, "%.150s", harm->message);
	else if (missing)
		say(v, HEALTH_MISSING, missing->since_us, "%.150s", missing->message);
	else if (!state.answers)
		say(v, HEALTH_MISSING, 0,
			observing_is_posted(ep) ? "nothing was posted for it yet"
						: "its metrics have not been read yet");
	else if (r->id) {
		share_format(r->share_bp, share, sizeof share);
		say(v, HEALTH_WATCH, clock_wall_us(&w->clock), "observe #%lld: %s has %s, %s",
			(long long)r->id, r->to_version, share, rollout_verdict(w, ep));
	} else {
		say(v, HEALTH_OK, 0, "%s serves elsewhere, %s gets nothing",
			ep->config->metrics.stable, ep->config->metrics.candidate);
	}
}

/* Somebody else's numbers come late: what is shown ends with the newest, unless that is stale. */
static int64_t shown_until(const struct live_endpoint *ep, int64_t now)
{
	int64_t newest = window_newest_us(ep->window) + 1000000;

	if (!world_is_observed(ep) || newest > now ||
		newest < now - spec_metrics_stale(&ep->config->metrics) * 1000)
		return now;
	return newest;
}

void view_endpoint(struct world *w, const struct live_endpoint *ep, const struct alert_list *open,
	struct endpoint_view *out)
{
	int64_t now = clock_wall_us(&w->clock);
	const struct alert_row *alert = alert_of(open, &ep->row, NULL);
	struct rollout_row rollout = {0};
	struct err e;

	*out = (struct endpoint_view){.ep = ep};
	out->share_in_force =
		world_is_observed(ep) ? ep->row.share_bp : world_share_in_force(w, ep);
	if (ep->row.rollout && store_find_rollout(w->store, ep->row.rollout, &rollout, &e) != 1)
		rollout.id = 0;
	fill_numbers(ep, &rollout, shown_until(ep, now), out);
	if (world_is_observed(ep))
		judge_observed(w, ep, open, &rollout, out);
	else if (!judge_down(w, ep, now, out) && !judge_harm(w, ep, open, now, out) &&
		 !judge_rollout(w, &rollout, ep, now, out))
		judge_rest(ep, open, now, out);
	/* An open alert says when it began better than a share that is being watched. */
	if (alert && (out->trouble_us == 0 || alert->since_us < out->trouble_us))
		out->trouble_us = alert->since_us;
}

int view_compare(const void *a, const void *b)
{
	const struct endpoint_view *x = a, *y = b;

	if (x->health != y->health)
		return x->health < y->health ? -1 : 1;
	/* What goes on comes before what was taken back and waits to be seen. */
	if (!x->ep->row.rollout != !y->ep->row.rollout)
		return x->ep->row.rollout ? -1 : 1;
	return strcmp(x->ep->row.id, y->ep->row.id);
}
