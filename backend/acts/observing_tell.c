/* observing_tell.c: the rows, events and alerts of an observed rollout. Its events are no changes:
 * nobody here has moved anything, and there is nothing to undo. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/judging.h"
#include "backend/acts/observing.h"
#include "backend/acts/observing_priv.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define TOLD_MOST   10000 /* alerts that are looked through */
#define GONE_STALES 5 /* times `stale`, until a candidate whose counters have vanished is gone */

int moves_check(const struct live_endpoint *ep, const char *what, struct err *e)
{
	if (!world_is_observed(ep))
		return 0;
	err_set(e, ERR_CONFLICT,
		"cannot %s: endpoint %s is observed, and pithead moves none of its "
		"traffic",
		what, ep->row.id);
	return err_hint(e, "move it where it is routed; `mode: online` is for what pithead serves");
}

static void fill_row(const struct live_endpoint *ep, int64_t now, struct rollout_row *r)
{
	const struct spec_metrics *m = &ep->config->metrics;

	str_copy(r->endpoint, sizeof r->endpoint, ep->row.id);
	str_copy(r->project, sizeof r->project, ep->row.project);
	str_copy(r->environment, sizeof r->environment, ep->row.environment);
	str_copy(r->pattern, sizeof r->pattern, "observe");
	str_copy(r->state, sizeof r->state, rollout_state_name(ROLLOUT_OBSERVING));
	str_copy(r->from_version, sizeof r->from_version, m->stable);
	str_copy(r->to_version, sizeof r->to_version, m->candidate);
	str_copy(r->author, sizeof r->author, caller_engine()->user);
	r->author_uid = r->author_login_uid = -1;
	r->started_us = r->step_since_us = now;
}

static int share_of(const struct judge_counts *c)
{
	int bp = (int)(10000.0 * c->n[1] / ((double)c->n[0] + c->n[1]) + .5);

	return bp < 1 ? 1 : bp > SHARE_ALL - 1 ? SHARE_ALL - 1 : bp;
}

void observing_open(struct world *w, struct live_endpoint *ep, const struct judge_counts *c)
{
	struct act a = {.caller = caller_engine()};
	struct endpoint_row row = ep->row;
	struct rollout_row r = {0};
	struct change change;
	struct err e = {0};
	char why[160];
	int64_t seq;
	int rc = store_next_rollout_id(w->store, &r.id, &e);

	fill_row(ep, clock_wall_us(&w->clock), &r);
	snprintf(why, sizeof why, "%.60s has got requests: somebody has begun a rollout",
		r.to_version);
	str_copy(r.reason, sizeof r.reason, why);
	r.share_bp = row.share_bp = share_of(c);
	str_copy(row.stable, sizeof row.stable, r.from_version);
	str_copy(row.candidate, sizeof row.candidate, r.to_version);
	row.rollout = r.id;
	row.gate = 0;
	change_init(&change, &a, "rollout.observe", ep, &r);
	change.ev.change = 0;
	change.ev.reason = why;
	change.endpoint = &row;
	change.rollout = &r;
	if (!rc)
		rc = change_commit(w, &change, ep, &seq, &e);
	if (rc) {
		log_warn("rollout.observe", "%s: %s", ep->row.id, e.message);
		return;
	}
	guard_reset(&ep->guard, r.id);
	ep->exposed = 0;
	ep->observing->told = JUDGE_UNDECIDED;
	ep->observing->beginning = 0;
	if (judging_open(w, ep, &r, &e)) {
		log_warn("judge", "%s: %s", ep->row.id, e.message);
		(void)alert_raise(w, ep, "judge", "investigate", e.message, r.id, &e);
	}
}

/* An event of the rollout under way, with its card; r as it will be. */
static int commit(struct world *w, struct live_endpoint *ep, const char *verb, const char *why,
	struct rollout_row *r, struct endpoint_row *row)
{
	char causes[64];
	struct act a = {.caller = caller_engine(), .reason = why, .causes = causes};
	struct change c;
	struct err e = {0};
	int64_t seq;
	int rc;

	snprintf(causes, sizeof causes, "[\"verdict:%" PRId64 "\"]", r->id);
	change_init(&c, &a, verb, ep, r);
	c.ev.change = 0;
	c.endpoint = row;
	c.rollout = r;
	rc = change_commit(w, &c, ep, &seq, &e);
	if (rc)
		log_warn(verb, "%s: %s", ep->row.id, e.message);
	return rc;
}

void observing_end(
	struct world *w, struct live_endpoint *ep, enum rollout_event event, const char *why)
{
	struct endpoint_row row = ep->row;
	const struct fsm_row *step;
	struct rollout_row r;
	struct err e = {0};

	if (!ep->row.rollout || rollout_active(w, ep, &r, &e) != 1)
		return;
	step = fsm_step(&rollout_fsm, fsm_state_find(&rollout_fsm, r.state), event, NULL, &e);
	if (!step)
		return;
	str_copy(r.state, sizeof r.state, rollout_state_name(step->to));
	str_copy(r.end_reason, sizeof r.end_reason, why);
	r.share_bp = row.share_bp = 0;
	r.ended_us = clock_wall_us(&w->clock);
	row.rollout = 0;
	row.candidate[0] = '\0';
	if (commit(w, ep, step->to == ROLLOUT_ENDED ? "rollout.ended" : "rollout.superseded", why,
		    &r, &row))
		return;
	judging_free(ep->judging);
	ep->judging = NULL;
	(void)alert_resolve(w, ep, "harm", why, &e);
	(void)alert_resolve(w, ep, "missing", why, &e);
	if (ep->observing)
		ep->observing->missing = 0;
}

void observing_check_config(struct world *w, struct live_endpoint *ep)
{
	struct spec_endpoint *was, *is;
	char *texts[2];
	int same;

	if (!ep->judging || ep->judging->rollout != ep->row.rollout)
		return;
	was = ep->judging->setup.endpoint;
	is = ep->config;
	/* Where it stands in the file is no difference. */
	was->line = is->line;
	texts[0] = spec_endpoint_format_json(was);
	texts[1] = spec_endpoint_format_json(is);
	same = strcmp(texts[0], texts[1]) == 0;
	free(texts[0]);
	free(texts[1]);
	if (!same)
		observing_end(w, ep, ROLLOUT_EVENT_SUPERSEDE,
			"its metrics, signals or limits were changed");
}

/* -- alerts -- */

/* "; http://… does not answer: …, since 14:02:05 UTC" */
static void say_missing(const struct observing *o, const char *first, char *out, size_t size)
{
	char at[32] = "";

	if (o->away_us)
		clock_format_utc(o->away_us, at, sizeof at);
	snprintf(out, size, "%s%s%.240s%s%.8s%s", first, o->trouble[0] ? "; " : "", o->trouble,
		*at ? ", since " : "", *at ? at + 11 : "", *at ? " UTC" : "");
}

static void set_missing(struct world *w, struct live_endpoint *ep, const char *first)
{
	char why[REASON_SIZE];
	struct err e = {0};

	if (ep->observing->missing)
		return;
	say_missing(ep->observing, first, why, sizeof why);
	if (alert_raise(w, ep, "missing", "investigate", why, ep->row.rollout, &e) == 0)
		ep->observing->missing = 1;
}

static void unset_missing(struct world *w, struct live_endpoint *ep)
{
	struct err e = {0};

	(void)alert_resolve(w, ep, "missing", "numbers come again", &e);
	ep->observing->missing = 0;
}

struct told_of {
	int64_t rollout;
	int found;
};

static int find_told(void *arg, const struct alert_row *r)
{
	struct told_of *t = arg;

	t->found = r->rollout == t->rollout && strcmp(r->kind, "harm") == 0;
	return t->found;
}

/* Whether it was told before this engine started. */
static int is_told(struct world *w, int64_t rollout)
{
	struct told_of t = {.rollout = rollout};
	struct err e = {0};

	return store_list_alerts(w->store, 0, TOLD_MOST, find_told, &t, &e) >= 0 && t.found;
}

static void tell_harm(struct world *w, struct live_endpoint *ep, const struct trial_card *card)
{
	char why[REASON_SIZE];
	struct endpoint_row row = ep->row;
	struct rollout_row r;
	struct err e = {0};

	if (is_told(w, ep->row.rollout) || rollout_active(w, ep, &r, &e) != 1 ||
		commit(w, ep, "rollout.warn", card->why, &r, &row))
		return;
	snprintf(why, sizeof why, "%s; take %s back where it is routed", card->why,
		ep->row.candidate);
	(void)alert_raise(w, ep, "harm", "rollback", why, r.id, &e);
}

/* What the rollout's rows say of the share follows what is seen of it. */
static void follow_share(struct world *w, struct live_endpoint *ep, const struct trial_card *card)
{
	struct endpoint_row row = ep->row;
	struct rollout_row r;
	struct err e = {0};
	char why[80];
	int bp = (int)(10000 * card->share + .5);

	if (bp < 1 || bp >= SHARE_ALL || card->step <= 0 || rollout_active(w, ep, &r, &e) != 1 ||
		card->step == r.step)
		return;
	snprintf(why, sizeof why, "its share was moved to about %.3g %%", bp / 100.0);
	r.share_bp = row.share_bp = bp;
	r.step = card->step;
	r.step_since_us = card->step_tick * SECOND_US;
	(void)commit(w, ep, "rollout.moved", why, &r, &row);
}

/* Whether the candidate has left: it has counters and gets nothing, or has had none for long. */
static int has_left(const struct world *w, const struct live_endpoint *ep)
{
	const struct observing *o = ep->observing;
	int64_t stale_us = spec_metrics_stale(&o->metrics) * 1000, now = clock_wall_us(&w->clock);
	int64_t last = o->traffic_us[1];

	if (!last) /* not since this engine started */
		last = ep->judging->card.tick * SECOND_US;
	if (o->away_us || o->traffic_us[0] < now - stale_us)
		return 0; /* nothing is known of it */
	if (o->newest_ms[1] * 1000 >= o->traffic_us[0] && o->traffic_us[0] - last >= stale_us)
		return 1;
	return now - last >= GONE_STALES * stale_us;
}

static void tell_verdict(struct world *w, struct live_endpoint *ep)
{
	struct observing *o = ep->observing;
	const struct trial_card *card = &ep->judging->card;
	struct err e = {0};

	ep->exposed = (int64_t)card->counted[1];
	follow_share(w, ep, card);
	if (card->verdict == JUDGE_HARM && o->told != JUDGE_HARM)
		tell_harm(w, ep, card);
	else if (card->verdict == JUDGE_INVALID)
		(void)alert_raise(w, ep, "invalid", "investigate", card->why, ep->row.rollout, &e);
	o->told = card->verdict;
}

/* Whether no numbers have come for too long, and of what. Harm that is proven stays said, and that
 * nothing comes any more is said beside it. */
static int is_missing(const struct world *w, const struct live_endpoint *ep, char *out, size_t size)
{
	const struct observing *o = ep->observing;
	int64_t stale_us = spec_metrics_stale(&o->metrics) * 1000, now = clock_wall_us(&w->clock);
	char at[32];

	if (ep->judging && ep->judging->card.verdict == JUDGE_MISSING) {
		str_copy(out, size, ep->judging->card.why);
		return 1;
	}
	for (int arm = 0; arm < (ep->judging ? 2 : 1); arm++) {
		if (o->newest_ms[arm] * 1000 > now - stale_us)
			continue;
		if (o->newest_ms[arm])
			clock_format_utc(o->newest_ms[arm] * 1000, at, sizeof at);
		else if (!o->away_us && !o->trouble[0])
			continue;
		snprintf(out, size, "no numbers of %s%s%.8s%s",
			arm ? o->metrics.candidate : o->metrics.stable,
			o->newest_ms[arm] ? " since " : "", o->newest_ms[arm] ? at + 11 : "",
			o->newest_ms[arm] ? " UTC" : "");
		return 1;
	}
	return 0;
}

void observing_tell(struct world *w, struct live_endpoint *ep)
{
	char first[320];

	if (ep->judging && has_left(w, ep)) {
		observing_end(w, ep, ROLLOUT_EVENT_LEAVE,
			ep->judging->card.verdict == JUDGE_HARM
				? "the candidate gets no requests any more; it was harm"
				: "the candidate gets no requests any more");
		return;
	}
	if (ep->judging)
		tell_verdict(w, ep);
	if (is_missing(w, ep, first, sizeof first))
		set_missing(w, ep, first);
	else if (ep->observing->missing ||
		 (ep->observing->newest_ms[0] && !ep->observing->cleared)) {
		unset_missing(w, ep);
		ep->observing->cleared = 1;
	}
}
