/* alert.c: alerts that the engine itself raises (guard, lapse, lost log), and acknowledging them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/base/xalloc.h"

struct same {
	const char *kind, *endpoint;
	int64_t rollout;
	int found;
};

static int find_same(void *arg, const struct alert_row *r)
{
	struct same *s = arg;

	if (strcmp(r->kind, s->kind) == 0 && strcmp(r->endpoint, s->endpoint) == 0 &&
		r->rollout == s->rollout)
		s->found = 1;
	return s->found;
}

static void set_text(char *out, size_t size, const char *text)
{
	struct buf b = {0};

	buf_adds(&b, "{\"text\":\"");
	for (; *text && b.len + 10 < size; text++) /* no quoting is needed for what remains */
		buf_addc(&b,
			*text == '"' || *text == '\\' || (unsigned char)*text < 32 ? ' ' : *text);
	buf_adds(&b, "\"}");
	str_copy(out, size, buf_text(&b));
	buf_release(&b);
}

int alert_raise(struct world *w, struct live_endpoint *ep, const char *kind, const char *level,
	const char *message, int64_t rollout, struct err *e)
{
	struct act a = {.caller = caller_engine()};
	struct same s = {kind, ep ? ep->row.id : "", rollout, 0};
	struct alert_row row = {.rollout = rollout, .since_us = clock_wall_us(&w->clock)};
	struct change c;
	int64_t seq;
	int rc = store_list_alerts(w->store, 1, 1000, find_same, &s, e);

	if (rc < 0 || s.found)
		return rc < 0 ? rc : 0;
	str_copy(row.project, sizeof row.project, ep ? ep->row.project : "");
	str_copy(row.endpoint, sizeof row.endpoint, ep ? ep->row.id : "");
	str_copy(row.kind, sizeof row.kind, kind);
	str_copy(row.level, sizeof row.level, level);
	str_copy(row.state, sizeof row.state, "open");
	str_copy(row.message, sizeof row.message, message);
	change_init(&c, &a, "alert.open", ep, NULL);
	if (!ep)
		c.ev.subject = "engine";
	c.before[0] = '\0';
	set_text(c.after, sizeof c.after, message);
	c.ev.after = c.after;
	c.ev.reason = message;
	c.ev.rollout = rollout;
	c.ev.change = 0;
	c.alert = &row;
	return change_commit(w, &c, NULL, &seq, e);
}

struct open_one {
	const char *kind, *endpoint;
	struct alert_row row;
	int found;
};

static int find_open(void *arg, const struct alert_row *r)
{
	struct open_one *o = arg;

	if (strcmp(r->kind, o->kind) != 0 || strcmp(r->endpoint, o->endpoint) != 0)
		return 0;
	o->row = *r;
	o->found = 1;
	return 1;
}

int alert_resolve(
	struct world *w, struct live_endpoint *ep, const char *kind, const char *why, struct err *e)
{
	struct act a = {.caller = caller_engine()};
	char subject[48];
	struct change c;
	int64_t seq;
	int rc = 0;

	while (rc >= 0) {
		struct open_one o = {.kind = kind, .endpoint = ep->row.id};

		rc = store_list_alerts(w->store, 1, 1000, find_open, &o, e);
		if (rc < 0 || !o.found)
			break;
		str_copy(o.row.state, sizeof o.row.state, "resolved");
		o.row.ended_us = clock_wall_us(&w->clock);
		change_init(&c, &a, "alert.resolve", ep, NULL);
		snprintf(subject, sizeof subject, "alert:%" PRId64, o.row.id);
		c.ev.subject = subject;
		c.before[0] = '\0';
		set_text(c.after, sizeof c.after, o.row.message);
		c.ev.after = c.after;
		c.ev.reason = why;
		c.ev.rollout = o.row.rollout;
		c.ev.change = 0;
		c.alert = &o.row;
		c.lowers_risk = 1;
		rc = change_commit(w, &c, NULL, &seq, e);
	}
	return rc < 0 ? rc : 0;
}

int act_alert_ack(
	struct world *w, const struct act *a, int64_t alert, struct act_result *out, struct err *e)
{
	struct alert_row row;
	struct change c;
	char subject[48];
	int rc = store_find_alert(w->store, alert, &row, e);

	*out = (struct act_result){0};
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "there is no alert %" PRId64, alert);
	rc = act_check_revision(w, a, row.revision, "the alert", out, e);
	if (rc)
		return rc;
	if (strcmp(row.state, "open") != 0)
		return err_set(
			e, ERR_CONFLICT, "alert %" PRId64 " is %s already", alert, row.state);
	out->revision = row.revision;
	snprintf(out->plan.title, sizeof out->plan.title, "acknowledge alert %" PRId64, alert);
	plan_will(&out->plan, "mark it as seen by %s: %.120s", a->caller->user, row.message);
	plan_need(&out->plan, "nobody else");
	str_copy(out->plan.undo, sizeof out->plan.undo,
		"cannot be undone: that you saw it is a fact");
	if (a->dry_run)
		return 0;
	str_copy(row.state, sizeof row.state, "acknowledged");
	snprintf(subject, sizeof subject, "alert:%" PRId64, alert);
	change_init(&c, a, "alert.ack", NULL, NULL);
	c.ev.subject = subject;
	c.ev.project = row.project;
	c.ev.endpoint = row.endpoint[0] ? row.endpoint : NULL;
	c.ev.rollout = row.rollout;
	set_text(c.after, sizeof c.after, row.message);
	c.ev.after = c.after;
	c.alert = &row;
	c.lowers_risk = 1;
	rc = change_commit(w, &c, NULL, &out->seq, e);
	out->revision = out->seq;
	return rc;
}
