/* undo.c: the inverse of a change, as a plan and as an act. One row per verb says what undoes it;
 * the inverse is an ordinary act with the same checks, and its event names what it undid. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/state.h"
#include "backend/base/xalloc.h"

/* The event to undo, copied out of the store's row. */
struct undoing {
	struct world *w;
	const struct act *a; /* undo_of is set */
	struct live_endpoint *ep;
	int64_t seq, rollout;
	char verb[48], endpoint[ID_SIZE], version[NAME_SIZE], reason[REASON_SIZE];
	char project[NAME_SIZE], actor[NAME_SIZE];
	struct event_state was, is;
	int undo_of_any;
	int seat_bp; /* of the segment now, -1 = the split */
};

struct inverse {
	const char *verb;
	/* One line of what would happen; returns whether it can be done now. */
	int (*describe)(struct undoing *u, char *out, size_t size);
	int (*act)(struct undoing *u, struct act_result *out, struct err *e);
};

/* -- what each inverse needs to be true -- */

static int rollout_is(struct undoing *u, struct rollout_row *r, const char *const *states)
{
	if (!u->ep || store_find_rollout(u->w->store, u->rollout, r, NULL) != 1)
		return 0;
	for (; *states; states++)
		if (strcmp(r->state, *states) == 0)
			return 1;
	return 0;
}

static const char *const active_states[] = {"waiting", "shadowing", "stepping", "paused", NULL};
static const char *const paused_states[] = {"paused", NULL};
static const char *const moving_states[] = {"stepping", NULL};

static int say_start(struct undoing *u, char *out, size_t size)
{
	struct rollout_row r;

	if (!rollout_is(u, &r, active_states)) {
		snprintf(out, size, "cannot be undone: #%" PRId64 " has ended already", u->rollout);
		return 0;
	}
	snprintf(out, size, "abort #%" PRId64 ": all traffic of %s back on %s", u->rollout,
		u->ep->row.name, u->ep->row.stable);
	return 1;
}

static int do_start(struct undoing *u, struct act_result *out, struct err *e)
{
	return act_rollout_verb(u->w, u->a, u->rollout, "abort", -1, out, e);
}

static int say_advance(struct undoing *u, char *out, size_t size)
{
	struct rollout_row r;
	char back[16], now[16];

	if (!rollout_is(u, &r, moving_states) || r.share_bp != u->is.share_bp) {
		snprintf(out, size, "cannot be undone: the share of #%" PRId64 " has moved on",
			u->rollout);
		return 0;
	}
	share_format(u->was.share_bp, back, sizeof back);
	share_format(r.share_bp, now, sizeof now);
	if (u->was.share_bp == 0) {
		snprintf(out, size, "pause #%" PRId64 " at 0 %%: all traffic of %s back on %s",
			u->rollout, u->ep->row.name, u->ep->row.stable);
		return 1;
	}
	snprintf(out, size, "share of #%" PRId64 " from %s back to %s", u->rollout, now, back);
	return 1;
}

static int do_advance(struct undoing *u, struct act_result *out, struct err *e)
{
	if (u->was.share_bp == 0) /* it came out of its shadow */
		return act_rollout_verb(u->w, u->a, u->rollout, "halt", -1, out, e);
	return act_rollout_verb(u->w, u->a, u->rollout, "advance", u->was.share_bp, out, e);
}

static int say_pause(struct undoing *u, char *out, size_t size)
{
	struct rollout_row r;

	if (!rollout_is(u, &r, paused_states)) {
		snprintf(out, size, "cannot be undone: #%" PRId64 " is not paused any more",
			u->rollout);
		return 0;
	}
	snprintf(out, size, "resume #%" PRId64, u->rollout);
	return 1;
}

static int do_pause(struct undoing *u, struct act_result *out, struct err *e)
{
	return act_rollout_verb(u->w, u->a, u->rollout, "resume", -1, out, e);
}

static int say_resume(struct undoing *u, char *out, size_t size)
{
	struct rollout_row r;

	if (!rollout_is(u, &r, moving_states)) {
		snprintf(out, size, "cannot be undone: #%" PRId64 " is not running any more",
			u->rollout);
		return 0;
	}
	snprintf(out, size, "pause #%" PRId64, u->rollout);
	return 1;
}

static int do_resume(struct undoing *u, struct act_result *out, struct err *e)
{
	return act_rollout_verb(u->w, u->a, u->rollout, "pause", -1, out, e);
}

static int say_promote(struct undoing *u, char *out, size_t size)
{
	if (!u->ep || strcmp(u->ep->row.stable, u->is.stable) != 0) {
		snprintf(out, size, "cannot be undone: %s is not stable any more", u->is.stable);
		return 0;
	}
	snprintf(out, size, "rollback %s to %s%s", u->ep->row.name, u->was.stable,
		slot_healthy(u->ep, slot_find(u->ep, u->was.stable)) > 0 ? ", hot: < 1 s"
									 : ", cold");
	return 1;
}

static int do_promote(struct undoing *u, struct act_result *out, struct err *e)
{
	return act_rollback(u->w, u->a, u->ep, u->was.stable, out, e);
}

/* Undo of what took a version away is a new rollout of it, with all its steps. */
static int say_new_rollout(struct undoing *u, const char *to, char *out, size_t size)
{
	if (!u->ep || !*to || u->ep->row.rollout || strcmp(u->ep->row.stable, to) == 0) {
		snprintf(out, size, "cannot be undone: %s",
			u->ep && u->ep->row.rollout ? "another rollout is under way"
						    : "it is stable already or gone");
		return 0;
	}
	snprintf(out, size, "a new rollout of %s on %s, from its first step", to, u->ep->row.name);
	return 1;
}

static int new_rollout(struct undoing *u, const char *to, struct act_result *out, struct err *e)
{
	struct rollout_request req = {.to = to, .share_bp = -1};
	struct act a = *u->a;
	char reason[REASON_SIZE];

	snprintf(reason, sizeof reason, "undo of change %" PRId64, u->seq);
	if (!a.reason || !*a.reason)
		a.reason = reason;
	return act_rollout_start(u->w, &a, u->ep, &req, out, e);
}

static int say_abort(struct undoing *u, char *out, size_t size)
{
	return say_new_rollout(u, u->version, out, size);
}

static int do_abort(struct undoing *u, struct act_result *out, struct err *e)
{
	return new_rollout(u, u->version, out, e);
}

static int say_rollback(struct undoing *u, char *out, size_t size)
{
	struct rollout_row r;

	if (rollout_is(u, &r, active_states)) { /* a cold one whose servers still start */
		snprintf(out, size, "abort #%" PRId64 ": %s stays on %s", u->rollout,
			u->ep->row.name, u->ep->row.stable);
		return 1;
	}
	return say_new_rollout(u, u->was.stable, out, size);
}

static int do_rollback(struct undoing *u, struct act_result *out, struct err *e)
{
	struct rollout_row r;

	if (rollout_is(u, &r, active_states))
		return do_start(u, out, e);
	return new_rollout(u, u->was.stable, out, e);
}

static int find_seat(void *arg, const struct override_row *r)
{
	struct undoing *u = arg;

	if (r->rollout == u->rollout && strcmp(r->segment, u->is.segment) == 0)
		u->seat_bp = r->share_bp;
	return 0;
}

static int say_override(struct undoing *u, char *out, size_t size)
{
	if (!u->ep || u->ep->row.rollout != u->rollout) {
		snprintf(out, size, "cannot be undone: it ended with #%" PRId64, u->rollout);
		return 0;
	}
	u->seat_bp = -1;
	store_list_overrides(u->w->store, u->endpoint, find_seat, u, NULL);
	if (u->seat_bp != u->is.share_bp) {
		snprintf(out, size, "cannot be undone: segment %s has been moved again",
			u->is.segment);
		return 0;
	}
	snprintf(out, size, "segment %s back to %s", u->is.segment,
		u->was.share_bp < 0 ? "the split"
		: u->was.share_bp   ? "the candidate"
				    : "stable");
	return 1;
}

static int do_override(struct undoing *u, struct act_result *out, struct err *e)
{
	return act_override(u->w, u->a, u->ep, u->is.segment, u->was.share_bp, out, e);
}

static int say_server(struct undoing *u, char *out, size_t size)
{
	int drained = strcmp(u->is.state, "drain") == 0;

	if (!u->ep || (drain_find(u->ep, u->version, u->is.server) != NULL) != drained) {
		snprintf(out, size, "cannot be undone: %s is %s", u->is.server,
			drained ? "not drained any more" : "drained again");
		return 0;
	}
	snprintf(out, size, "%s of %s is %s again", u->is.server, u->version,
		drained ? "ready" : "drained");
	return 1;
}

static int do_server(struct undoing *u, struct act_result *out, struct err *e)
{
	return act_server(u->w, u->a, u->ep, u->is.server, u->version,
		strcmp(u->is.state, "drain") != 0, out, e);
}

static int say_apply(struct undoing *u, char *out, size_t size)
{
	const struct live_project *p = world_find_project(u->w, u->project);

	if (!p || p->spec.seq != u->seq || u->was.spec_seq == 0) {
		snprintf(out, size, "cannot be undone: %s",
			!p || p->spec.seq != u->seq ? "a later apply has replaced it"
						    : "there is no earlier spec");
		return 0;
	}
	snprintf(out, size, "apply the spec of change %" PRId64 " again", u->was.spec_seq);
	return 1;
}

static int do_apply(struct undoing *u, struct act_result *out, struct err *e)
{
	struct buf text = {0};
	struct spec_row row;
	struct apply_request req = {.base = u->seq};
	int rc = store_find_spec(u->w->store, u->project, u->was.spec_seq, &row, &text, NULL, e);

	if (rc == 1) {
		req.text = buf_text(&text);
		req.size = text.len;
		req.commit = row.commit;
		req.dirty = row.dirty;
		rc = act_apply(u->w, u->a, &req, out, e);
	} else if (rc == 0) {
		rc = err_set(e, ERR_NOT_FOUND, "the spec of change %" PRId64 " is gone",
			u->was.spec_seq);
	}
	buf_release(&text);
	return rc;
}

static const struct inverse inverses[] = {
	{"rollout.start", say_start, do_start},
	{"rollout.begin", say_start, do_start},
	{"rollout.advance", say_advance, do_advance},
	{"rollout.pause", say_pause, do_pause},
	{"rollout.lapse", say_pause, do_pause},
	{"rollout.resume", say_resume, do_resume},
	{"rollout.promote", say_promote, do_promote},
	{"rollout.abort", say_abort, do_abort},
	{"rollout.guard", say_abort, do_abort},
	{"rollout.harm", say_abort, do_abort},
	{"rollout.undecided", say_abort, do_abort},
	{"rollout.reject", say_abort, do_abort},
	{"rollback", say_rollback, do_rollback},
	{"override.set", say_override, do_override},
	{"server.drain", say_server, do_server},
	{"server.ready", say_server, do_server},
	{"spec.apply", say_apply, do_apply},
};

/* What has no inverse, and what to do instead. */
static const struct {
	const char *verb, *why;
} finals[] = {
	{"endpoint.serve", "cannot be undone: there is no earlier version to go back to"},
	{"version.add", "cannot be undone: a bundle is immutable; simply do not use it"},
	{"rollout.approve",
		"cannot be undone: an approval is a statement; reject or abort instead"},
	{"alert.ack", "cannot be undone: that you saw it is a fact"},
	{"alert.open", "cannot be undone: an alert ends with its cause"},
	{"engine.hold", "cannot be undone: choose again with another apply or rollback"},
	{"engine.restore", "cannot be undone: restore the later backup instead"},
	{"engine.stop", "start it again: pithead engine"},
	{"engine.upgrade", "not from here: the older program restores the backup that was made"},
	{"line.stop", "not from here: pithead unfreeze lets the line go on"},
	{"line.go", "stop the line again: pithead freeze"},
	{"freeze.override", "it ends by itself; pithead freeze stops the line at once"},
	{"proposal.open", "not from here: reject it with pithead proposal reject"},
	{"proposal.approve", "cannot be undone: an approval is a statement; reject it instead"},
	{"proposal.reject", "propose it again"},
};

static const struct inverse *inverse_find(const char *verb)
{
	for (size_t i = 0; i < sizeof inverses / sizeof inverses[0]; i++)
		if (strcmp(inverses[i].verb, verb) == 0)
			return &inverses[i];
	return NULL;
}

static void fill(struct undoing *u, const struct event *ev)
{
	u->seq = ev->seq;
	u->rollout = ev->rollout;
	str_copy(u->verb, sizeof u->verb, ev->verb);
	str_copy(u->endpoint, sizeof u->endpoint, ev->endpoint ? ev->endpoint : "");
	str_copy(u->project, sizeof u->project, ev->project ? ev->project : "");
	str_copy(u->version, sizeof u->version, ev->version ? ev->version : "");
	event_state_parse(ev->before, &u->was);
	event_state_parse(ev->after, &u->is);
	u->ep = u->endpoint[0] ? world_find_endpoint(u->w, u->endpoint, NULL) : NULL;
}

static int fill_event(void *arg, const struct event *ev)
{
	fill(arg, ev);
	((struct undoing *)arg)->undo_of_any = ev->change;
	return 0;
}

static int describe(struct undoing *u, char *out, size_t size)
{
	const struct inverse *inv = inverse_find(u->verb);
	int64_t by = 0;

	if (store_undone_by(u->w->store, u->seq, &by, NULL) == 1) {
		snprintf(out, size, "undone already by change %" PRId64, by);
		return 0;
	}
	for (size_t i = 0; !inv && i < sizeof finals / sizeof finals[0]; i++)
		if (strcmp(finals[i].verb, u->verb) == 0) {
			str_copy(out, size, finals[i].why);
			return 0;
		}
	if (!inv) {
		str_copy(out, size, "cannot be undone: it changed nothing that can be put back");
		return 0;
	}
	return inv->describe(u, out, size);
}

int act_undo_describe(struct world *w, const struct event *ev, char *out, size_t size)
{
	struct undoing u = {.w = w};

	fill(&u, ev);
	return describe(&u, out, size);
}

int act_undo(
	struct world *w, const struct act *a, int64_t seq, struct act_result *out, struct err *e)
{
	struct act inner = *a;
	struct undoing u = {.w = w, .a = &inner};
	char line[240], title[200];
	int rc;

	*out = (struct act_result){0};
	rc = store_find_event(w->store, seq, fill_event, &u, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "there is no change %" PRId64, seq);
	if (u.ep)
		servers_refresh(w, u.ep);
	if (!u.undo_of_any || !describe(&u, line, sizeof line)) {
		if (!u.undo_of_any)
			str_copy(line, sizeof line, "it is no change, so there is nothing to undo");
		err_set(e, ERR_CONFLICT, "change %" PRId64 ": %s", seq, line);
		if (u.ep)
			err_hint(e, "see what came later: pithead changes %s", u.ep->row.name);
		return ERR_CONFLICT;
	}
	inner.undo_of = seq;
	rc = inverse_find(u.verb)->act(&u, out, e);
	snprintf(title, sizeof title, "UNDO of change %" PRId64 ": %.150s", seq, out->plan.title);
	str_copy(out->plan.title, sizeof out->plan.title, title);
	plan_will(&out->plan, "record the undo, linked to change %" PRId64 "; it can be undone too",
		seq);
	return rc;
}
