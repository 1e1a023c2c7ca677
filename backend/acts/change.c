/* change.c: events and the one transaction of an act. */
#include "backend/acts/change.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/judging.h"
#include "backend/base/digest.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/store/trial_store.h"

const struct caller *caller_engine(void)
{
	static const struct caller engine = {
		.uid = -1,
		.gid = -1,
		.login_uid = -1,
		.user = "engine",
		.role = "engine",
		.permissions = ~0u,
		.via = "engine",
	};
	return &engine;
}

void state_format(
	const struct endpoint_row *ep, const struct rollout_row *rollout, char *out, size_t size)
{
	snprintf(out, size,
		"{\"candidate\":\"%s\",\"pattern\":\"%s\",\"previous\":\"%s\",\"rollout\":%" PRId64
		",\"share_bp\":%d,\"stable\":\"%s\",\"state\":\"%s\",\"step\":%d}",
		ep->candidate, rollout ? rollout->pattern : "", ep->previous,
		rollout ? rollout->id : ep->rollout, rollout ? rollout->share_bp : ep->share_bp,
		ep->stable, rollout ? rollout->state : "", rollout ? rollout->step : 0);
}

void change_init(struct change *c, const struct act *a, const char *verb,
	const struct live_endpoint *ep, const struct rollout_row *rollout)
{
	*c = (struct change){.act = a};
	c->ev = (struct event){
		.actor_uid = a->caller->uid,
		.login_uid = a->caller->login_uid,
		.actor = a->caller->user,
		.role = a->caller->role,
		.via = a->caller->via,
		.verb = verb,
		.reason = a->reason && *a->reason ? a->reason : NULL,
		.causes = a->causes,
		.request_id = a->request_id,
		.undo_of = a->undo_of,
		.change = 1,
	};
	if (!ep)
		return;
	if (rollout)
		snprintf(c->subject, sizeof c->subject, "rollout:%" PRId64, rollout->id);
	else
		snprintf(c->subject, sizeof c->subject, "endpoint:%s", ep->row.id);
	state_format(&ep->row, rollout, c->before, sizeof c->before);
	c->ev.subject = c->subject;
	c->ev.project = ep->row.project;
	c->ev.environment = ep->row.environment;
	c->ev.endpoint = ep->row.id;
	if (rollout) {
		c->ev.rollout = rollout->id;
		c->ev.version = rollout->to_version;
	}
}

int act_in_commit(const struct act *a, int64_t seq, struct err *e)
{
	return a->in_commit ? a->in_commit(a->in_commit_arg, seq, e) : 0;
}

static int save_rows(struct world *w, struct change *c, int64_t seq, struct err *e)
{
	struct store *s = w->store;
	int rc = 0;

	if (c->endpoint) {
		c->endpoint->revision = seq;
		rc = store_save_endpoint(s, c->endpoint, e);
	}
	if (!rc && c->rollout) {
		c->rollout->revision = seq;
		rc = store_save_rollout(s, c->rollout, e);
	}
	if (!rc && c->superseded) {
		c->superseded->revision = seq;
		rc = store_save_rollout(s, c->superseded, e);
	}
	if (!rc && c->approval) {
		c->approval->revision = seq;
		rc = store_save_approval(s, c->approval, e);
	}
	if (!rc && c->override) {
		c->override->revision = seq;
		rc = store_save_override(s, c->override, e);
	}
	if (!rc && c->alert) {
		c->alert->revision = seq;
		rc = store_save_alert(s, c->alert, e);
	}
	if (!rc && c->also)
		rc = c->also(w, c->also_arg, seq, e);
	if (!rc && c->card)
		rc = store_add_card(s, c->rollout->id, c->ev.at_us, c->card_kind, c->card, e);
	if (!rc && c->fact)
		rc = store_set_fact(s, c->fact, c->fact_value, e);
	return rc ? rc : act_in_commit(c->act, seq, e);
}

static int write_once(struct world *w, struct change *c, int64_t *seq, struct err *e)
{
	int rc = store_begin(w->store, e);

	if (!rc)
		rc = store_append_event(w->store, &c->ev, seq, e);
	if (!rc)
		rc = save_rows(w, c, *seq, e);
	if (!rc)
		rc = store_commit(w->store, e);
	if (rc)
		store_rollback(w->store);
	return rc;
}

/* How many answers a candidate has given is counted in memory; each change writes it down. */
static void keep_exposed(struct change *c, const struct live_endpoint *ep)
{
	struct rollout_row *const rows[] = {c->rollout, c->superseded};

	for (int i = 0; ep && i < 2; i++)
		if (rows[i] && rows[i]->id == ep->row.rollout)
			rows[i]->exposed = ep->exposed;
}

/* What the judge said when this was done goes with it: into its own table, and into the event. */
static void fill_card(struct change *c, const struct live_endpoint *ep)
{
	const char *kind;
	const struct trial_card *card =
		ep && c->rollout ? rollout_card(ep, c->rollout->id, &kind) : NULL;
	size_t n = c->ev.after ? strlen(c->ev.after) : 0;
	int state;

	if (!card || n < 2)
		return;
	state = fsm_state_find(&rollout_fsm, c->rollout->state);
	c->card_kind = state == ROLLOUT_OBSERVING ||
				       (rollout_state_carries(state) && state != ROLLOUT_ABORTING &&
					       state != ROLLOUT_PROMOTING)
			       ? "step"
			       : "end";
	if (strcmp(kind, "shadow") == 0)
		c->card_kind = kind;
	c->card = trial_card_format(card, c->card_kind, c->ev.at_us);
	c->after_card = xasprintf("%.*s,\"verdict_card\":%s}", (int)n - 1, c->ev.after, c->card);
	c->ev.after = c->after_card;
	if (c->approval) { /* what was shown to who approves stands in the event, word for word */
		char hex[DIGEST_HEX];

		digest_hex(c->card, strlen(c->card), hex);
		snprintf(c->approval->card_digest, sizeof c->approval->card_digest, "sha256:%s",
			hex);
	}
}

static void log_change(const struct change *c, int64_t seq)
{
	char number[24], rollout[24];

	snprintf(number, sizeof number, "%" PRId64, seq);
	snprintf(rollout, sizeof rollout, "%" PRId64, c->ev.rollout);
	log_event(LOG_LEVEL_INFO, c->ev.verb, c->ev.reason ? c->ev.reason : "", "seq", number,
		"actor", c->ev.actor, "subject", c->ev.subject, "endpoint", c->ev.endpoint,
		"environment", c->ev.environment, "version", c->ev.version, "rollout",
		c->ev.rollout ? rollout : NULL, "request_id", c->ev.request_id, NULL);
}

int change_commit(
	struct world *w, struct change *c, struct live_endpoint *ep, int64_t *seq, struct err *e)
{
	int64_t lease = clock_mono_us(&w->clock) + w->settings.lease_ms * 1000;
	int rc;

	c->ev.at_us = clock_wall_us(&w->clock);
	if (!c->ev.before && c->before[0])
		c->ev.before = c->before;
	if (!c->ev.after && c->endpoint) {
		state_format(c->endpoint, c->rollout, c->after, sizeof c->after);
		c->ev.after = c->after;
	}
	keep_exposed(c, ep);
	fill_card(c, ep);
	rc = write_once(w, c, seq, e);
	if (rc == ERR_DISK_FULL && c->lowers_risk && store_release_reserve(w->store) == 0)
		rc = write_once(w, c, seq, e);
	xfree(c->card);
	xfree(c->after_card);
	if (rc)
		return rc;
	if (ep && c->endpoint) {
		/* Whoever opens the gate is watching now: the lease has its full time to arrive. */
		if (c->endpoint->gate && !ep->row.gate) {
			ep->lease_mono_us = lease;
			ep->lease_until_us = 0; /* not told to the gateway yet */
		}
		ep->row = *c->endpoint;
	}
	log_change(c, *seq);
	return 0;
}

int proof_commit(struct world *w, struct change *c, struct live_endpoint *ep,
	const struct rollout_row *r, int64_t *seq, struct err *e)
{
	int rc = store_begin(w->store, e);

	state_format(&ep->row, r, c->after, sizeof c->after);
	c->ev.before = c->before;
	c->ev.after = c->after;
	c->ev.at_us = clock_wall_us(&w->clock);
	if (!rc)
		rc = store_append_event(w->store, &c->ev, seq, e);
	if (!rc)
		rc = store_save_rollout(w->store, r, e);
	if (!rc)
		rc = store_commit(w->store, e);
	if (rc)
		store_rollback(w->store);
	else
		log_change(c, *seq);
	return rc;
}

struct mover {
	char *out;
	size_t size;
};

static int describe_mover(void *arg, const struct event *ev)
{
	struct mover *m = arg;
	char what[200], at[32];

	event_describe(ev, what, sizeof what);
	clock_format_utc(ev->at_us, at, sizeof at);
	at[19] = '\0'; /* seconds are enough for people */
	snprintf(m->out, m->size, "%s by %s at %sZ (change %" PRId64 ")", what, ev->actor, at,
		ev->seq);
	return 0;
}

int act_check_revision(struct world *w, const struct act *a, int64_t current, const char *what,
	struct act_result *out, struct err *e)
{
	struct mover m = {out->moved, sizeof out->moved};

	if (a->revision == 0 || a->revision == current)
		return 0;
	store_find_event(w->store, current, describe_mover, &m, NULL);
	if (a->revision < 0) /* seen when there was none yet */
		err_set(e, ERR_STALE, "%s is not the first any more: %s", what, out->moved);
	else
		err_set(e, ERR_STALE, "%s has moved on since revision %" PRId64 ": %s", what,
			a->revision, out->moved[0] ? out->moved : "it is another one now");
	err_hint(e, "look again and repeat it if you still want it; nothing was done");
	return ERR_STALE;
}

static void add_line(char lines[][200], int *count, const char *fmt, va_list ap)
{
	if (*count < PLAN_LINES)
		vsnprintf(lines[(*count)++], 200, fmt, ap);
}

#define PLAN_ADDER(name, member, counter)                                                          \
	void name(struct plan *p, const char *fmt, ...)                                            \
	{                                                                                          \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		add_line(p->member, &p->counter, fmt, ap);                                         \
		va_end(ap);                                                                        \
	}

PLAN_ADDER(plan_will, will, will_count)
PLAN_ADDER(plan_will_not, will_not, will_not_count)
PLAN_ADDER(plan_need, needs, needs_count)
PLAN_ADDER(plan_warn, warnings, warning_count)

void plan_will_ready(struct plan *p, const struct live_endpoint *ep, const char *version)
{
	int n = servers_wanted(ep, version);

	plan_will(p,
		upstream_of(ep, version) ? "ask %d server%s of %s until %s healthy"
					 : "start %d server%s of %s and wait until %s healthy",
		n, n == 1 ? "" : "s", version, n == 1 ? "it is" : "they are");
}

void share_format(int share_bp, char *out, size_t size)
{
	if (share_bp % 100 == 0)
		snprintf(out, size, "%d %%", share_bp / 100);
	else
		snprintf(out, size, "%.*f %%", share_bp % 10 ? 2 : 1, share_bp / 100.0);
}

int act_note(struct world *w, const struct act *a, const char *verb, const char *subject,
	const char *detail, struct err *e)
{
	struct change c;
	int64_t seq;

	change_init(&c, a, verb, NULL, NULL);
	c.ev.subject = subject;
	c.ev.after = detail;
	c.ev.change = 0;
	return change_commit(w, &c, NULL, &seq, e);
}
