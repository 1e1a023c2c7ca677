/* policy_ask.c: see policy_ask.h. Each fill_* function gathers one kind of facts. */
#include "backend/acts/policy_ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/judging.h"
#include "backend/acts/stage.h"
#include "backend/base/xalloc.h"
#include "backend/policy/calendar.h"

const struct spec_tier *tier_of(struct world *w, const struct endpoint_row *ep)
{
	static const struct spec_tier strict = {.name = "unknown",
		.approvals = 2,
		.approve = "start",
		.on_undecided = "pause",
		.late_outcomes = "refuse"};
	const struct live_project *p = world_find_project(w, ep->project);

	for (int i = 0; p && i < p->access->tier_count; i++)
		if (strcmp(p->access->tiers[i].name, ep->tier) == 0)
			return &p->access->tiers[i];
	return &strict;
}

const char *account_kind(struct world *w, const char *project, const char *user)
{
	const struct live_project *p = world_find_project(w, project);

	for (int i = 0; p && i < p->access->account_count; i++)
		if (strcmp(p->access->accounts[i].name, user) == 0)
			return p->access->accounts[i].kind;
	return "";
}

int windows_check(const struct spec *spec, struct err *e)
{
	struct freeze_window w;
	struct err why = {0};

	for (int i = 0; i < spec->tier_count; i++)
		for (int k = 0; k < spec->tiers[i].freeze_count; k++) {
			if (freeze_window_parse(spec->tiers[i].freeze[k], &w, &why) == 0)
				continue;
			err_set(e, ERR_INVALID, "tier %s: %s", spec->tiers[i].name, why.message);
			err_hint(e, "%s", why.hint);
			return err_field(e, "spec");
		}
	return 0;
}

/* What is gathered from. */
struct asking {
	struct world *w;
	struct live_endpoint *ep;
	const struct rollout_row *r; /* NULL = none */
	const struct act *a;
	const struct spec_tier *tier;
	const struct spec_endpoint *config;
	int share_bp;
	struct policy_facts *f;
};

static void fill_line(const struct asking *q)
{
	struct hold_row h;
	struct err e = {0};
	int rc = store_find_hold(q->w->store, "line", "", &h, &e);

	if (rc == 0)
		rc = store_find_hold(q->w->store, "line", q->ep->row.id, &h, &e);
	if (rc == 0)
		return;
	q->f->stopped = 1;
	/* What cannot be read may be there: nothing moves until it is known. */
	if (rc < 0)
		snprintf(q->f->stopped_by, sizeof q->f->stopped_by, "nobody knows whom (%.100s)",
			e.message);
	else
		snprintf(q->f->stopped_by, sizeof q->f->stopped_by, "%s%s%.80s", h.user,
			h.reason[0] ? ": " : "", h.reason);
}

static void fill_override(const struct asking *q, int64_t now)
{
	struct hold_row h;
	char at[32];

	if (store_find_hold(q->w->store, "window", q->ep->row.id, &h, NULL) != 1 ||
		h.until_us <= now)
		return;
	clock_format_utc(h.until_us, at, sizeof at);
	at[16] = '\0';
	snprintf(q->f->overridden, sizeof q->f->overridden, "by %s and %s until %s UTC", h.user,
		h.second, at);
}

static void fill_freeze(const struct asking *q)
{
	struct freeze_window list[SPEC_WINDOWS];
	int64_t now = clock_wall_us(&q->w->clock), until = 0;
	int count = 0, at;

	for (int i = 0; i < q->tier->freeze_count; i++) {
		if (freeze_window_parse(q->tier->freeze[i], &list[count], NULL) == 0) {
			count++;
			continue;
		}
		q->f->freeze = FREEZE_UNREADABLE;
		str_copy(q->f->window, sizeof q->f->window, q->tier->freeze[i]);
	}
	at = freeze_find(list, count, now, &until);
	if (at >= 0) {
		q->f->freeze = FREEZE_HOLDS;
		str_copy(q->f->window, sizeof q->f->window, list[at].text);
		freeze_format_until(
			&list[at], until, q->f->freeze_until, sizeof q->f->freeze_until);
	}
	if (q->f->freeze != FREEZE_NONE)
		fill_override(q, now);
}

static void fill_approvals(const struct asking *q)
{
	const struct caller *by = q->a->caller;
	const char *purpose;

	if (!q->r)
		return;
	purpose = q->f->action == POLICY_PROMOTE ? "promote"
		  : q->f->action == POLICY_BEGIN ? "start"
						 : approval_purpose(q->r);
	q->f->approvals_needed = approvals_needed(q->tier, q->r, purpose);
	if (q->f->approvals_needed > 0 && q->r->id)
		q->f->approvals_valid =
			approvals_count(q->w, q->r, purpose, q->f->lapsed, sizeof q->f->lapsed);
	q->f->approves_this = q->f->approvals_needed > 0;
	q->f->is_author = by->uid == q->r->author_uid ||
			  (by->login_uid >= 0 && by->login_uid == q->r->author_login_uid);
	str_copy(q->f->account_kind, sizeof q->f->account_kind,
		account_kind(q->w, q->ep->row.project, by->user));
	q->f->is_hidden = by->login_hidden;
	q->f->is_account = q->f->account_kind[0] != '\0';
}

static void add_name(char *out, size_t size, const char *name)
{
	size_t n = strlen(out);

	if (!strstr(out, name))
		snprintf(out + n, size - n, "%s%s", n ? ", " : "", name);
}

/* Whether the endpoint judges the signal as critical. */
static int judged(const struct spec_signal *list, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (list[i].critical && strcmp(list[i].name, name) == 0)
			return 1;
	return 0;
}

/* Where segments are judged alone there are signals of segments only; those shown first are of the
 * one that stands at a step. */
static int has_data(const struct trial_card *card, const char *name, int segmented)
{
	for (int i = 0; card && i < card->signal_count; i++)
		if (strcmp(card->signals[i].name, name) == 0 &&
			(segmented || !card->signals[i].segment[0]))
			return card->signals[i].verdict != JUDGE_MISSING || card->signals[i].late;
	return 0;
}

static void fill_signals(const struct asking *q)
{
	const struct trial_card *card =
		q->r && q->r->id ? rollout_card(q->ep, q->r->id, NULL) : NULL;
	/* Pairs tell of some of them only: the rest is asked for when traffic has moved. */
	int shadows = q->r && strcmp(q->r->state, "shadowing") == 0;
	struct spec_signal list[SPEC_LIST];
	int count = trial_setup_signals(q->config, list);

	for (int i = 0; i < q->tier->signal_count; i++) {
		if (!judged(list, count, q->tier->signals[i]))
			add_name(q->f->signals_absent, sizeof q->f->signals_absent,
				q->tier->signals[i]);
		else if (!shadows &&
			 !has_data(card, q->tier->signals[i], q->r && q->r->segments[0]))
			add_name(q->f->signals_missing, sizeof q->f->signals_missing,
				q->tier->signals[i]);
	}
	q->f->late_refused = strcmp(q->tier->late_outcomes, "refuse") == 0;
	for (int i = 0; card && i < card->signal_count; i++)
		if (card->signals[i].late && card->signals[i].critical)
			add_name(q->f->signals_late, sizeof q->f->signals_late,
				card->signals[i].name);
	if (!q->r || q->ep->row.rollout != q->r->id)
		return;
	str_copy(q->f->verdict, sizeof q->f->verdict, rollout_verdict(q->w, q->ep));
	if (card)
		str_copy(q->f->why, sizeof q->f->why, card->why);
}

static void fill_soak(const struct asking *q)
{
	double speed = q->w->settings.dwell_speed >= 1 ? (double)q->w->settings.dwell_speed : 1;
	int64_t soak_us = (int64_t)((double)q->tier->soak_ms * 1000 / speed);

	if (q->r && q->r->id)
		q->f->soak_left_us = soak_us - (clock_wall_us(&q->w->clock) - q->r->step_since_us);
}

/* Notes a rise of the share when it is the largest so far. */
static void rise(struct policy_facts *f, int from_bp, int to_bp)
{
	char a[16], b[16];

	if (f->rise_text[0] && to_bp - from_bp <= f->rise_bp)
		return;
	f->rise_bp = to_bp - from_bp;
	share_format(from_bp, a, sizeof a);
	share_format(to_bp, b, sizeof b);
	snprintf(f->rise_text, sizeof f->rise_text, "from %s to %s", a, b);
}

static void fill_rise(const struct asking *q)
{
	struct stages s;
	int at, share, next;

	if (!q->r || stages_read(q->r, &s, NULL))
		return;
	at = q->r->share_bp;
	share = q->share_bp;
	if (q->f->action == POLICY_PROMOTE) {
		rise(q->f, at, SHARE_ALL);
	} else if (q->f->action == POLICY_ADVANCE) {
		next = stages_next(&s, q->r);
		if (q->share_bp < 0 && next >= 0)
			share = stages_step(&s, next)->share_bp;
		/* The next segment begins anew. */
		if (s.segment_count && next >= 0 && next % s.step_count == 0)
			at = 0;
		rise(q->f, at, share < 0 ? SHARE_ALL : share);
		q->f->lowers = share >= 0 && share < at;
	} else if (q->f->action == POLICY_START) {
		/* The whole way, so that nobody is stuck on it: up to the promotion. */
		at = share < 0 ? 0 : share;
		rise(q->f, 0, at);
		for (int i = 0; i < s.step_count; i++)
			if (s.steps[i].share_bp > at) {
				rise(q->f, at, s.steps[i].share_bp);
				at = s.steps[i].share_bp;
			}
		rise(q->f, at, SHARE_ALL);
	} else {
		rise(q->f, 0, at);
	}
}

static void fill_subject(const struct asking *q)
{
	if (q->r && q->r->id)
		snprintf(q->f->subject, sizeof q->f->subject, "rollout #%" PRId64, q->r->id);
	else
		snprintf(q->f->subject, sizeof q->f->subject, "%s%s",
			q->f->action == POLICY_START ? "a rollout on " : "", q->ep->row.id);
}

int policy_ask_view(struct world *w, struct live_endpoint *ep, const struct rollout_row *r,
	const struct act *a, enum policy_action action, int share_bp,
	const struct policy_view *view, struct policy_answer *out)
{
	struct policy_facts f = {.action = action, .by_engine = a->caller == caller_engine()};
	struct asking q = {w, ep, r, a, tier_of(w, &ep->row), ep->config, share_bp, &f};

	if (view && view->tier)
		q.tier = view->tier;
	if (view && view->config)
		q.config = view->config;
	str_copy(f.tier, sizeof f.tier, q.tier->name);
	f.step_most_bp = q.tier->step_most_bp;
	f.rollback_ms = q.tier->rollback_ms;
	/* Servers that somebody else runs are never stopped by us. */
	f.hot_ms = q.config->serve[0] ? q.config->rollout.keep_hot_ms : -1;
	f.lowers = action == POLICY_OVERRIDE && share_bp == 0;
	fill_subject(&q);
	/* What nothing blocks waits for no look at the store either. */
	if (!policy_action_lowers(action)) {
		fill_line(&q);
		fill_freeze(&q);
		fill_approvals(&q);
		fill_signals(&q);
		fill_soak(&q);
		fill_rise(&q);
	}
	policy_decide(&f, out);
	return out->result == POLICY_ALLOW;
}

int policy_ask(struct world *w, struct live_endpoint *ep, const struct rollout_row *r,
	const struct act *a, enum policy_action action, int share_bp, struct policy_answer *out)
{
	return policy_ask_view(w, ep, r, a, action, share_bp, NULL, out);
}

int policy_check(struct world *w, struct live_endpoint *ep, const struct rollout_row *r,
	const struct act *a, enum policy_action action, int share_bp, struct err *e)
{
	struct policy_answer answer;

	return policy_ask(w, ep, r, a, action, share_bp, &answer) ? 0 : policy_refuse(&answer, e);
}
