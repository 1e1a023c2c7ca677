/* observing.c: see observing.h. The rollout's rows and alerts are observing_tell.c. */
#include "backend/acts/observing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/judging.h"
#include "backend/acts/observing_priv.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define SETTLE_MOST_MS INT64_C(2000) /* after a scrape begins, until its samples can be read */
#define PIECE	       1000	     /* instants that are asked for at once */

void observing_free(struct observing *o)
{
	if (!o)
		return;
	metrics_reader_free(o->reader);
	posted_free(o->posted);
	free(o);
}

static struct metrics_reader *reader_new(const struct observing *o)
{
	const struct prometheus_source source = {.url = o->metrics.prometheus,
		.bearer_file = o->metrics.bearer,
		.basic_file = o->metrics.basic,
		.ca_file = o->metrics.ca};
	const char *queries[METRICS_QUERIES];

	_Static_assert(METRICS_QUERIES == OBSERVED_QUERIES, "one query of each kind");
	for (int q = 0; q < METRICS_QUERIES; q++)
		queries[q] = observed_text(&o->metrics, (enum observed_query)q);
	return metrics_reader_new(&source, queries);
}

static struct observing *observing_new(const struct world *w, const struct spec_metrics *m)
{
	struct observing *o = xcalloc(1, sizeof *o);
	int64_t now_s = clock_wall_us(&w->clock) / SECOND_US;

	o->metrics = *m;
	o->step_ms = spec_metrics_every(m);
	o->begun_s = now_s;
	if (spec_metrics_is_posted(m))
		o->posted = posted_new(m->stable, m->candidate, o->step_ms / 1000, now_s);
	else
		o->reader = reader_new(o);
	return o;
}

void observing_get_state(const struct live_endpoint *ep, struct observed_state *out)
{
	const struct observing *o = ep->observing;

	*out = (struct observed_state){.answers = 0};
	if (!o)
		return;
	out->answers = o->answers;
	out->away_us = o->away_us;
	str_copy(out->trouble, sizeof out->trouble, o->trouble);
	for (int arm = 0; arm < 2; arm++)
		out->newest_us[arm] = o->newest_ms[arm] * 1000;
}

int64_t observing_read_until(const struct live_endpoint *ep)
{
	return ep->observing && ep->observing->answers ? ep->observing->read_ms / 1000 : 0;
}

void observing_start(struct world *w, struct live_endpoint *ep)
{
	struct rollout_row r;
	struct err e = {0};

	if (!ep->row.rollout || rollout_active(w, ep, &r, &e) != 1 ||
		strcmp(r.state, rollout_state_name(ROLLOUT_OBSERVING)) != 0)
		return;
	if (judging_open(w, ep, &r, &e))
		log_warn("judge", "%s: %s", ep->row.id, e.message);
}

/* The last second that the trial knows of. */
static int64_t judged_until(const struct judging *j)
{
	int64_t fed = trial_counts_until(j->trial);

	return fed > j->card.tick ? fed : j->card.tick;
}

/* Where the reading goes on: at the second that was judged last, or a little way back. */
static int64_t first_ms(const struct world *w, const struct live_endpoint *ep)
{
	const struct observing *o = ep->observing;
	int64_t at = clock_wall_us(&w->clock) / 1000 - spec_metrics_stale(&o->metrics);

	if (ep->judging && judged_until(ep->judging) > 0)
		at = judged_until(ep->judging) * 1000;
	return at / o->step_ms * o->step_ms;
}

static void ask(const struct world *w, struct live_endpoint *ep)
{
	struct observing *o = ep->observing;
	int64_t settle = o->step_ms / 2 < SETTLE_MOST_MS ? o->step_ms / 2 : SETTLE_MOST_MS;
	int64_t to = (clock_wall_us(&w->clock) / 1000 - settle) / o->step_ms * o->step_ms;

	if (!o->read_ms)
		o->read_ms = first_ms(w, ep);
	if (to <= o->read_ms)
		return;
	if (to > o->read_ms + PIECE * o->step_ms)
		to = o->read_ms + PIECE * o->step_ms;
	(void)metrics_reader_ask(o->reader, o->read_ms, to, o->step_ms);
}

/* The counts of one step, spread over its seconds, for what is shown of the traffic. */
static void show(struct live_endpoint *ep, const struct judge_counts *c, int64_t step_s)
{
	for (int arm = 0; arm < 2; arm++)
		for (int64_t i = 0; i < step_s; i++) {
			struct window_counts x = {.second = c->tick - step_s + i,
				.requests = (uint32_t)((c->n[arm] * (i + 1)) / step_s -
						       (c->n[arm] * i) / step_s),
				.failures = (uint32_t)((c->failed[arm] * (i + 1)) / step_s -
						       (c->failed[arm] * i) / step_s)};

			window_add_counts(ep->window, arm ? ARM_CANDIDATE : ARM_STABLE, &x);
		}
	for (int arm = 0; arm < 2; arm++)
		for (int b = 0; b < c->bounds; b++)
			window_add_latencies(ep->window, arm ? ARM_CANDIDATE : ARM_STABLE,
				c->tick - 1, 1000 * c->bound_s[b], c->timed[arm][b]);
}

struct taking {
	struct world *w;
	struct live_endpoint *ep;
};

static void take_counts(void *arg, const struct judge_counts *c)
{
	struct taking *t = arg;
	struct observing *o = t->ep->observing;

	/* After a restart: of a second that is judged already. */
	if (t->ep->judging && c->tick <= judged_until(t->ep->judging))
		return;
	show(t->ep, c, o->step_ms / 1000);
	for (int arm = 0; arm < 2; arm++)
		if (c->n[arm])
			o->traffic_us[arm] = c->tick * SECOND_US;
	/* Somebody begins in the middle of a step, so that the share in it is that of no time. */
	if (!t->ep->judging && c->n[0] && c->n[1] && o->beginning++)
		observing_open(t->w, t->ep, c);
	if (t->ep->judging)
		judging_take_counts(t->ep->judging, c);
}

static int take_sets(
	struct world *w, struct live_endpoint *ep, const struct metrics_answer *a, struct err *e)
{
	struct observing *o = ep->observing;
	struct taking t = {w, ep};
	struct observed_look look;
	int rc = observed_count(
		&o->metrics, a->sets, a->from_ms, a->to_ms, a->step_ms, take_counts, &t, &look, e);

	if (rc)
		return rc;
	o->trouble[0] = '\0';
	for (int arm = 0; arm < 2; arm++)
		if (look.newest_ms[arm] > o->newest_ms[arm])
			o->newest_ms[arm] = look.newest_ms[arm];
	if (look.newest_ms[0] < 0 || (ep->row.rollout && look.newest_ms[1] < 0))
		observed_lack(
			&o->metrics, &a->sets[OBSERVED_REQUESTS], o->trouble, sizeof o->trouble);
	else if (look.excess)
		snprintf(o->trouble, sizeof o->trouble,
			"`errors` has counted %lld more than `requests`: they are not of the same",
			(long long)look.excess);
	else if (a->sets[OBSERVED_REQUESTS].warning[0])
		str_copy(o->trouble, sizeof o->trouble, a->sets[OBSERVED_REQUESTS].warning);
	o->read_ms = a->to_ms;
	return 0;
}

/* What is too old to come is judged as it is. failed: nothing is known of what there is. */
static void close_old(struct world *w, struct live_endpoint *ep, int failed)
{
	struct observing *o = ep->observing;
	int64_t now_ms = clock_wall_us(&w->clock) / 1000;
	int64_t before = (now_ms - spec_metrics_stale(&o->metrics) / 2) / 1000;

	if (ep->judging && (failed || o->read_ms / 1000 >= before) &&
		before > ep->judging->card.tick + 1)
		judging_close(ep->judging, before);
	/* What came before is out of reach for good. */
	if (o->read_ms < (before - 1) * 1000 && failed && ep->judging)
		o->read_ms = before * 1000 / o->step_ms * o->step_ms;
}

/* An answer, good or bad. */
static void take_answer(struct world *w, struct live_endpoint *ep, struct metrics_answer *a)
{
	struct observing *o = ep->observing;
	int64_t now = clock_wall_us(&w->clock);
	struct err e = a->error;
	int rc = e.code ? e.code : take_sets(w, ep, a, &e);

	for (int q = 0; q < METRICS_QUERIES; q++)
		series_set_release(&a->sets[q]);
	o->answers++;
	if (rc && !o->away_us) {
		o->away_us = now;
		log_warn("observe", "%s: %s", ep->row.id, e.message);
	}
	if (rc)
		str_copy(o->trouble, sizeof o->trouble, e.message);
	else
		o->away_us = 0;
	close_old(w, ep, rc);
}

int observing_is_posted(const struct live_endpoint *ep)
{
	return world_is_observed(ep) && spec_metrics_is_posted(&ep->config->metrics);
}

static int config_same(const struct observing *o, const struct live_endpoint *ep)
{
	return memcmp(&o->metrics, &ep->config->metrics, sizeof o->metrics) == 0;
}

/* With the metrics that are applied now. */
static void begin(struct world *w, struct live_endpoint *ep)
{
	if (ep->observing && !config_same(ep->observing, ep)) {
		observing_free(ep->observing);
		ep->observing = NULL;
	}
	if (ep->observing)
		return;
	ep->observing = observing_new(w, &ep->config->metrics);
	/* No store has kept what was posted before a restart: what was judged of it is known. */
	for (int arm = 0; arm < 2 && ep->observing->posted && ep->judging; arm++)
		if (judged_until(ep->judging) > 0)
			ep->observing->newest_ms[arm] = judged_until(ep->judging) * 1000;
}

enum posted_taking observing_post(
	struct world *w, struct live_endpoint *ep, const struct posted_request *r)
{
	begin(w, ep);
	return posted_add(ep->observing->posted, r, clock_wall_us(&w->clock) / SECOND_US);
}

static void take_posted_counts(void *arg, const struct judge_counts *c)
{
	struct taking *t = arg;
	struct observing *o = t->ep->observing;

	for (int arm = 0; arm < 2; arm++)
		if (c->n[arm])
			o->newest_ms[arm] = c->tick * 1000;
	take_counts(t, c);
}

/* Once a step. Whether it is time. */
static int take_posted(struct world *w, struct live_endpoint *ep)
{
	struct observing *o = ep->observing;
	int64_t now_s = clock_wall_us(&w->clock) / SECOND_US;
	int64_t oldest = now_s * 1000 - spec_metrics_stale(&o->metrics);
	struct taking t = {w, ep};
	int64_t until = posted_take(o->posted, now_s, take_posted_counts, &t);
	int quiet = o->newest_ms[0] <= oldest && o->newest_ms[1] <= oldest;

	if (until * 1000 == o->read_ms)
		return 0;
	o->read_ms = until * 1000;
	if (quiet && o->begun_s * 1000 > oldest)
		return 0; /* whoever posts is given that time after a start */
	o->answers++;
	str_copy(o->trouble, sizeof o->trouble,
		quiet ? "nothing is posted to /v1/predictions for it" : "");
	close_old(w, ep, 0);
	return 1;
}

void observing_tick(struct world *w, struct live_endpoint *ep)
{
	struct metrics_answer a;
	struct err e = {0};

	if (ep->row.removed || !world_is_observed(ep)) {
		observing_end(w, ep, ROLLOUT_EVENT_SUPERSEDE, "the endpoint left the spec");
		observing_free(ep->observing);
		ep->observing = NULL;
		return;
	}
	observing_check_config(w, ep);
	begin(w, ep);
	if (ep->observing->posted ? take_posted(w, ep)
				  : metrics_reader_take(ep->observing->reader, &a)) {
		if (!ep->observing->posted)
			take_answer(w, ep, &a);
		if (ep->judging && judging_keep(w, ep->judging, &e))
			log_warn("judge", "%s: %s", ep->row.id, e.message);
		observing_tell(w, ep);
	}
	if (!ep->observing->posted)
		ask(w, ep);
}
