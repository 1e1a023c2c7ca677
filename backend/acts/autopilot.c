/* autopilot.c: see autopilot.h. Every move is an act of the engine like a person's: same rules,
 * same events, with the verdict's sentence as its reason. */
#include "backend/acts/autopilot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/judging.h"
#include "backend/acts/policy_ask.h"
#include "backend/acts/stage.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/store/trial_store.h"

/* What one look is about. */
struct look {
	struct world *w;
	struct live_endpoint *ep;
	struct judging *j;	       /* NULL while it is shadowing */
	const struct trial_card *card; /* what stands */
	struct rollout_row r;
	const struct spec_tier *tier;
	struct stages stages;
	int64_t in_step_us;
};

static void warn(const struct look *l, const char *what, const struct err *e)
{
	log_warn(what, "%s: #%" PRId64 ": %s", l->ep->row.id, l->r.id, e->message);
}

/* An act on the rollout in the engine's name. */
static int engine_verb(const struct look *l, const char *verb, const char *reason, struct err *e)
{
	char causes[64];
	struct act a = {.caller = caller_engine(), .reason = reason, .causes = causes};
	struct act_result out;

	snprintf(causes, sizeof causes, "[\"verdict:%" PRId64 "\"]", l->r.id);
	return act_rollout_verb(l->w, &a, l->r.id, verb, -1, &out, e);
}

static void take_back(struct look *l)
{
	char causes[64];
	struct err e = {0};

	snprintf(causes, sizeof causes, "[\"verdict:%" PRId64 "\"]", l->r.id);
	if (rollout_engine_event(
		    l->w, l->ep, ROLLOUT_EVENT_ABORT, "rollout.harm", l->card->why, causes, &e)) {
		warn(l, "rollout.harm", &e);
		return;
	}
	(void)alert_raise(l->w, l->ep, "harm", "rollback", l->card->why, l->r.id, &e);
}

static void hold(struct look *l, const char *kind, const char *why)
{
	struct err e = {0};

	if (l->j && strcmp(l->r.state, "stepping") == 0 && engine_verb(l, "pause", why, &e))
		warn(l, "rollout.pause", &e);
	(void)alert_raise(l->w, l->ep, kind, "investigate", why, l->r.id, &e);
}

/* "undecided for 31 min on 5 %: brier …". */
static void hold_over(struct look *l)
{
	const char *word = l->ep->config->rollout.on_undecided;
	char why[REASON_SIZE], span[32], share[96];
	struct err e = {0};

	if (!*word)
		word = l->tier->on_undecided;
	duration_format(l->in_step_us / 60000000 * 60000, span, sizeof span);
	stage_describe(&l->r, share, sizeof share);
	snprintf(why, sizeof why, "%s for %s on %s: %s", judge_verdict_name(l->card->verdict), span,
		share, l->card->why);
	if (strcmp(word, "page") == 0) {
		(void)alert_raise(l->w, l->ep, "undecided", "investigate", why, l->r.id, &e);
	} else if (strcmp(word, "abort") == 0) {
		if (rollout_engine_event(
			    l->w, l->ep, ROLLOUT_EVENT_ABORT, "rollout.undecided", why, NULL, &e))
			warn(l, "rollout.undecided", &e);
		else
			(void)alert_raise(
				l->w, l->ep, "undecided", "investigate", why, l->r.id, &e);
	} else {
		hold(l, "undecided", why);
	}
}

static double speed_of(const struct look *l)
{
	double speed = l->j ? l->j->setup.speed : (double)l->w->settings.dwell_speed;

	return speed >= 1 ? speed : 1;
}

/* Microseconds that the step under way has to last. */
static int64_t dwell_us(const struct look *l)
{
	int64_t ms = l->j ? stages_step(&l->stages, l->r.step)->least_ms
			  : l->ep->config->rollout.shadow_for_ms;

	if (l->j && l->tier->soak_ms > ms)
		ms = l->tier->soak_ms;
	return (int64_t)((double)ms * 1000 / speed_of(l));
}

/* At 100 % there is nothing to compare with: such a step is the promotion. */
static int is_last_step(const struct look *l)
{
	int next = stages_next(&l->stages, &l->r);

	return next < 0 || stages_step(&l->stages, next)->share_bp == SHARE_ALL;
}

/* Proven, and long enough: the next step, or all of it. */
static void move_on(struct look *l)
{
	const char *verb = l->j && is_last_step(l) ? "promote" : "advance";
	char why[REASON_SIZE];
	struct err e = {0};

	if (engine_verb(l, verb, l->card->why, &e) == 0)
		return;
	if (e.code == ERR_DENIED || e.code == ERR_CONFLICT) {
		snprintf(why, sizeof why, "#%" PRId64 " is proven and cannot %s: %s", l->r.id, verb,
			e.message);
		(void)alert_raise(l->w, l->ep, "waits", "info", why, l->r.id, &e);
	} else {
		warn(l, verb, &e);
	}
}

static void act_on_verdict(struct look *l)
{
	enum judge_verdict v = l->card->verdict;
	int64_t hold_us = l->ep->config->rollout.hold_ms * 1000;
	struct err e = {0};

	if (v == JUDGE_HARM) {
		take_back(l);
	} else if (v == JUDGE_INVALID) {
		hold(l, "invalid", l->card->why);
	} else if (l->j && strcmp(l->r.state, "stepping") != 0) {
		return; /* paused: a person decides; harm is still harm */
	} else if (v == JUDGE_OK) {
		if (l->in_step_us >= dwell_us(l))
			move_on(l);
	} else if (l->in_step_us > hold_us && l->in_step_us > dwell_us(l)) {
		hold_over(l);
	} else if (v == JUDGE_MISSING) {
		(void)alert_raise(l->w, l->ep, "missing", "investigate", l->card->why, l->r.id, &e);
	}
}

/* -- after the promotion -- */

static int is_due(const struct look *l)
{
	int64_t ended = l->r.ended_us ? l->r.ended_us : clock_wall_us(&l->w->clock);

	return strcmp(l->ep->row.stable, l->r.to_version) == 0 &&
	       strcmp(l->ep->row.previous, l->r.from_version) == 0 &&
	       clock_wall_us(&l->w->clock) < judging_due_us(l->j, ended) &&
	       clock_wall_us(&l->w->clock) < l->ep->row.hot_until_us;
}

static void return_to_previous(struct look *l)
{
	char causes[64], why[REASON_SIZE];
	struct act a = {.caller = caller_engine(), .reason = why, .causes = causes};
	struct act_result out;
	struct err e = {0};

	snprintf(causes, sizeof causes, "[\"verdict:%" PRId64 "\"]", l->r.id);
	snprintf(why, sizeof why, "outcomes that came after the promotion of #%" PRId64 ": %s",
		l->r.id, l->card->why);
	if (act_rollback(l->w, &a, l->ep, l->r.from_version, &out, &e)) {
		warn(l, "rollout.late", &e);
		return;
	}
	(void)alert_raise(l->w, l->ep, "harm", "rollback", why, l->r.id, &e);
}

static void end_after(struct look *l)
{
	char *card = trial_card_format(&l->j->card, "late", clock_wall_us(&l->w->clock));
	struct err e = {0};

	if (store_add_card(
		    l->w->store, l->j->rollout, clock_wall_us(&l->w->clock), "late", card, &e))
		warn(l, "cards", &e);
	free(card);
	judging_free(l->ep->after);
	l->ep->after = NULL;
}

static void look_after(struct world *w, struct live_endpoint *ep)
{
	struct look l = {.w = w, .ep = ep, .j = ep->after};
	struct err e = {0};

	if (!ep->after)
		return;
	l.card = &ep->after->card;
	if (store_find_rollout(w->store, ep->after->rollout, &l.r, &e) != 1)
		return;
	if (judging_tick(w, ep, ep->after, NULL, &e))
		warn(&l, "judge", &e);
	if (!is_due(&l)) {
		end_after(&l);
	} else if (ep->after->card.verdict == JUDGE_HARM && !ep->row.rollout) {
		return_to_previous(&l);
		end_after(&l);
	}
}

/* A rollout has ended: its trial goes on only after a promotion. */
static void leave(struct world *w, struct live_endpoint *ep)
{
	struct rollout_row r;
	struct err e = {0};

	if (judging_tick(w, ep, ep->judging, NULL, &e))
		log_warn("judge", "%s: %s", ep->row.id, e.message);
	if (store_find_rollout(w->store, ep->judging->rollout, &r, &e) == 1 &&
		(strcmp(r.state, "promoting") == 0 || strcmp(r.state, "promoted") == 0)) {
		judging_free(ep->after);
		ep->after = ep->judging;
	} else {
		judging_free(ep->judging);
	}
	ep->judging = NULL;
}

static int look_open(struct world *w, struct live_endpoint *ep, struct look *l)
{
	struct err e = {0};

	*l = (struct look){.w = w, .ep = ep, .tier = tier_of(w, &ep->row)};
	if (rollout_active(w, ep, &l->r, &e) != 1)
		return 0;
	if (!ep->judging && ep->row.gate && l->r.steps[0] && judging_open(w, ep, &l->r, &e)) {
		warn(l, "judge", &e);
		(void)alert_raise(w, ep, "judge", "investigate", e.message, l->r.id, &e);
	}
	l->j = ep->judging;
	l->card = rollout_card(ep, l->r.id, NULL);
	(void)stages_read(&l->r, &l->stages, &e);
	l->in_step_us = clock_wall_us(&w->clock) - l->r.step_since_us;
	return l->card != NULL;
}

int autopilot_tick(struct world *w, struct live_endpoint *ep)
{
	struct look l;
	struct err e = {0};

	if (ep->judging && ep->judging->rollout != ep->row.rollout && !w->probation)
		leave(w, ep);
	if (!w->probation)
		look_after(w, ep);
	if (!ep->row.rollout || !look_open(w, ep, &l))
		return 0;
	if (l.j && judging_tick(w, ep, l.j, &l.r, &e)) {
		warn(&l, "judge", &e);
		return 0;
	}
	if (!w->probation)
		act_on_verdict(&l);
	return 1;
}

static int find_promoted(void *arg, const struct rollout_row *r)
{
	*(struct rollout_row *)arg = *r;
	return 1;
}

void autopilot_start(struct world *w, struct live_endpoint *ep)
{
	struct rollout_row r = {0};
	struct err e = {0};

	if (ep->row.rollout && rollout_active(w, ep, &r, &e) == 1 && r.steps[0] &&
		strcmp(r.state, "waiting") != 0 && strcmp(r.state, "shadowing") != 0 &&
		judging_open(w, ep, &r, &e))
		log_warn("judge", "%s: %s", ep->row.id, e.message);
	if (ep->row.rollout ||
		store_list_rollouts(w->store, ep->row.id, 0, 0, 1, find_promoted, &r, &e) < 0 ||
		!r.steps[0] || strncmp(r.state, "promot", 6) != 0)
		return;
	if (judging_open(w, ep, &r, &e)) {
		log_warn("judge", "%s: %s", ep->row.id, e.message);
		return;
	}
	ep->after = ep->judging;
	ep->judging = NULL;
}
