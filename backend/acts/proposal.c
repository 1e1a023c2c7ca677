/* proposal.c: see proposal.h. A proposal waits for people other than its author; the last one's yes
 * carries it out, in one transaction with that yes. */
#include "backend/acts/proposal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backend/acts/policy_ask.h"
#include "backend/base/xalloc.h"

/* How long the wish to lift or override something waits for the second person. */
#define WISH_US (INT64_C(3600) * 1000000)

int same_person(int64_t uid, int64_t login_uid, int64_t other_uid, int64_t other_login_uid)
{
	return uid == other_uid || (login_uid >= 0 && login_uid == other_login_uid);
}

int person_check(struct world *w, const struct act *a, const char *project, struct err *e)
{
	if (a->caller->login_hidden) {
		err_set(e, ERR_DENIED,
			"the process that asked has ended: whose login session it was cannot be "
			"told");
		return err_hint(e, "ask from a process that waits for the answer");
	}
	for (int i = 0; i < w->project_count; i++) {
		const char *name = w->projects[i]->spec.project;
		const char *kind = account_kind(w, name, a->caller->user);

		if ((*project && strcmp(project, name) != 0) || !*kind)
			continue;
		err_set(e, ERR_DENIED,
			"account %s is declared as %s in %s: only a person can stand for this",
			a->caller->user, kind, name);
		return err_hint(e, "do it as yourself");
	}
	return 0;
}

void plain_text(const char *in, char *out, size_t size)
{
	size_t n = 0;

	for (; *in && n + 1 < size; in++)
		out[n++] = *in == '"' || *in == '\\' || (unsigned char)*in < ' ' ? '\'' : *in;
	/* A sequence of UTF-8 that was cut is left out whole. */
	while (*in && n > 0 && ((unsigned char)*in & 0xc0) == 0x80) {
		in--;
		n--;
	}
	out[n] = '\0';
}

int proposal_also(struct world *w, void *arg, int64_t seq, struct err *e)
{
	struct proposal_rows *r = arg;
	int rc = 0;

	if (r->proposal) {
		r->proposal->revision = seq;
		rc = store_save_proposal(w->store, r->proposal, r->text, e);
	}
	if (!rc && r->vote) {
		r->vote->revision = seq;
		rc = store_save_vote(w->store, r->vote, e);
	}
	if (!rc && r->hold) {
		r->hold->revision = seq;
		rc = store_save_hold(w->store, r->hold, e);
	}
	if (!rc && r->lift)
		rc = store_remove_hold(w->store, "line", r->lift, e);
	return rc;
}

const char *proposal_state(struct world *w, const struct proposal_row *p)
{
	const struct live_project *project = world_find_project(w, p->project);
	struct hold_row h;

	if (strcmp(p->state, "open") != 0)
		return p->state;
	if (strcmp(p->kind, "apply") == 0)
		return (project ? project->spec.seq : 0) == p->base ? "open" : "stale";
	/* The line that it would lift may have been lifted, and stopped again by somebody else. */
	if (strcmp(p->kind, "unfreeze") == 0 &&
		(store_find_hold(w->store, "line", p->endpoint, &h, NULL) != 1 ||
			h.revision != p->base))
		return "stale";
	return clock_wall_us(&w->clock) - p->at_us < WISH_US ? "open" : "expired";
}

struct finding {
	struct world *w;
	const char *kind, *endpoint;
	struct proposal_row *out;
	int found;
};

static int find_open(void *arg, const struct proposal_row *p)
{
	struct finding *f = arg;

	if (strcmp(p->kind, f->kind) == 0 && strcmp(p->endpoint, f->endpoint) == 0 &&
		strcmp(proposal_state(f->w, p), "open") == 0) {
		*f->out = *p;
		f->found = 1;
	}
	return f->found;
}

int proposal_find_open(
	struct world *w, const char *kind, const char *endpoint, struct proposal_row *out)
{
	struct finding f = {w, kind, endpoint, out, 0};

	store_list_proposals(w->store, 1, 0, find_open, &f, NULL);
	return f.found;
}

struct twin {
	struct world *w;
	const struct proposal_row *p;
	int64_t id;
};

static int find_twin(void *arg, const struct proposal_row *p)
{
	struct twin *t = arg;

	if (strcmp(p->kind, t->p->kind) == 0 && strcmp(p->project, t->p->project) == 0 &&
		strcmp(p->endpoint, t->p->endpoint) == 0 && strcmp(p->digest, t->p->digest) == 0 &&
		p->base == t->p->base && strcmp(proposal_state(t->w, p), "open") == 0)
		t->id = p->id;
	return t->id != 0;
}

static void fill_open(
	struct world *w, const struct act *a, struct proposal_row *p, struct act_result *out)
{
	p->author_uid = a->caller->uid;
	p->author_login_uid = a->caller->login_uid;
	p->at_us = clock_wall_us(&w->clock);
	p->undo_of = a->undo_of;
	str_copy(p->state, sizeof p->state, "open");
	str_copy(p->author, sizeof p->author, a->caller->user);
	str_copy(p->reason, sizeof p->reason, a->reason ? a->reason : "");
	snprintf(out->plan.title, sizeof out->plan.title,
		"proposal %" PRId64 " waits for %d approval%s: %.130s", p->id, p->needed,
		p->needed == 1 ? "" : "s", p->summary);
	plan_need(&out->plan, "%d other %s: pithead proposal approve %" PRId64, p->needed,
		p->needed == 1 ? "person" : "people", p->id);
	snprintf(out->plan.undo, sizeof out->plan.undo,
		"reject it: pithead proposal reject %" PRId64, p->id);
	out->plan.undoable = 0; /* it is answered, not undone */
	out->proposal = p->id;
}

static void subject_of(const struct proposal_row *p, struct change *c)
{
	snprintf(c->subject, sizeof c->subject, "proposal:%" PRId64, p->id);
	c->ev.subject = c->subject;
	c->ev.project = p->project[0] ? p->project : NULL;
	/* An unfreeze of all is about no single endpoint. */
	c->ev.endpoint = p->endpoint[0] ? p->endpoint : NULL;
}

static void text_of(const struct proposal_row *p, struct change *c)
{
	char text[240];

	plain_text(p->summary, text, sizeof text);
	snprintf(c->after, sizeof c->after, "{\"text\":\"%" PRId64 ": %s\"}", p->id, text);
	c->ev.after = c->after;
}

int proposal_open(struct world *w, const struct act *a, struct proposal_row *p, const char *text,
	struct act_result *out, struct err *e)
{
	struct proposal_rows rows = {.proposal = p, .text = text};
	struct twin t = {.w = w, .p = p};
	struct change c;
	int rc = person_check(w, a, p->project, e);

	if (!rc)
		rc = store_list_proposals(w->store, 1, 0, find_twin, &t, e);
	if (!rc)
		rc = store_next_proposal_id(w->store, &p->id, e);
	if (rc)
		return rc;
	if (t.id) {
		err_set(e, ERR_CONFLICT,
			"proposal %" PRId64 " says the same and waits for approval", t.id);
		return err_hint(
			e, "somebody else approves it: pithead proposal approve %" PRId64, t.id);
	}
	fill_open(w, a, p, out);
	if (a->dry_run) {
		out->proposal = 0;
		return 0;
	}
	change_init(&c, a, "proposal.open", NULL, NULL);
	subject_of(p, &c);
	text_of(p, &c);
	c.also = proposal_also;
	c.also_arg = &rows;
	return change_commit(w, &c, NULL, &out->seq, e);
}

/* -- answering one -- */

struct counting {
	const struct caller *by;
	int64_t uids[16], logins[16];
	int count, mine;
};

static int count_vote(void *arg, const struct proposal_vote *v)
{
	struct counting *c = arg;

	c->mine |= same_person(v->uid, v->login_uid, c->by->uid, c->by->login_uid);
	for (int i = 0; i < c->count; i++)
		if (same_person(v->uid, v->login_uid, c->uids[i], c->logins[i]))
			return 0;
	if (c->count < 16) {
		c->uids[c->count] = v->uid;
		c->logins[c->count++] = v->login_uid;
	}
	return 0;
}

int proposal_votes(struct world *w, int64_t id)
{
	static const struct caller nobody = {.uid = -2, .login_uid = -2};
	struct counting c = {.by = &nobody};

	store_list_votes(w->store, id, count_vote, &c, NULL);
	return c.count;
}

static int load(struct world *w, int64_t id, struct proposal_row *p, struct buf *text,
	const char *verb, struct err *e)
{
	int rc = store_find_proposal(w->store, id, p, text, e);
	const char *state;

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "there is no proposal %" PRId64, id);
	if (rc < 0)
		return rc;
	state = proposal_state(w, p);
	if (strcmp(state, "open") == 0)
		return 0;
	if (strcmp(state, "stale") == 0) {
		err_set(e, ERR_STALE,
			"proposal %" PRId64 " is stale: what it would change has changed since",
			id);
		return err_hint(e, "propose it again if it is still wanted; nothing was done");
	}
	return err_set(
		e, ERR_BAD_TRANSITION, "cannot %s proposal %" PRId64 ": it is %s", verb, id, state);
}

static int check_voter(struct world *w, const struct act *a, const struct proposal_row *p,
	struct counting *c, struct err *e)
{
	int rc = person_check(w, a, p->project, e);

	if (rc)
		return rc;
	if (same_person(a->caller->uid, a->caller->login_uid, p->author_uid, p->author_login_uid))
		return err_set(e, ERR_DENIED,
			"you made proposal %" PRId64 ": its approval must come from somebody else",
			p->id);
	rc = store_list_votes(w->store, p->id, count_vote, c, e);
	if (!rc && c->mine)
		rc = err_set(
			e, ERR_CONFLICT, "you have approved proposal %" PRId64 " already", p->id);
	return rc;
}

static int carry_out(struct world *w, const struct act *a, struct proposal_row *p, const char *text,
	struct proposal_vote *v, struct act_result *out, struct err *e)
{
	struct proposal_rows rows = {.proposal = p, .vote = v};

	str_copy(p->state, sizeof p->state, "done");
	p->ended_us = clock_wall_us(&w->clock);
	if (strcmp(p->kind, "apply") == 0)
		return apply_proposal(w, a, p, text, &rows, out, e);
	return hold_carry_out(w, a, p, &rows, out, e);
}

int act_proposal_approve(
	struct world *w, const struct act *a, int64_t id, struct act_result *out, struct err *e)
{
	struct counting votes = {.by = a->caller};
	struct proposal_row p;
	struct proposal_vote v = {.proposal = id,
		.uid = a->caller->uid,
		.login_uid = a->caller->login_uid,
		.at_us = clock_wall_us(&w->clock)};
	struct proposal_rows rows = {.vote = &v};
	struct buf text = {0};
	struct change c;
	int rc;

	*out = (struct act_result){.proposal = id};
	str_copy(v.user, sizeof v.user, a->caller->user);
	str_copy(v.reason, sizeof v.reason, a->reason ? a->reason : "");
	rc = load(w, id, &p, &text, "approve", e);
	if (!rc)
		rc = check_voter(w, a, &p, &votes, e);
	if (!rc && votes.count + 1 >= p.needed) {
		rc = carry_out(w, a, &p, buf_text(&text), &v, out, e);
		out->proposal = id;
		goto out;
	}
	if (rc)
		goto out;
	snprintf(out->plan.title, sizeof out->plan.title,
		"approve proposal %" PRId64 " (%d of %d): "
		"%.120s",
		id, votes.count + 1, p.needed, p.summary);
	plan_will(&out->plan, "count as approval %d of %d", votes.count + 1, p.needed);
	plan_will_not(&out->plan, "do what it says yet");
	str_copy(out->plan.undo, sizeof out->plan.undo,
		"cannot be undone: an approval is a statement; reject it instead");
	if (!a->dry_run) {
		change_init(&c, a, "proposal.approve", NULL, NULL);
		subject_of(&p, &c);
		text_of(&p, &c);
		c.also = proposal_also;
		c.also_arg = &rows;
		rc = change_commit(w, &c, NULL, &out->seq, e);
	}
out:
	buf_release(&text);
	return rc;
}

int act_proposal_reject(
	struct world *w, const struct act *a, int64_t id, struct act_result *out, struct err *e)
{
	struct proposal_row p;
	struct proposal_rows rows = {.proposal = &p};
	struct change c;
	int rc = load(w, id, &p, NULL, "reject", e);

	*out = (struct act_result){.proposal = id};
	if (rc)
		return rc;
	snprintf(out->plan.title, sizeof out->plan.title, "reject proposal %" PRId64 ": %.150s", id,
		p.summary);
	plan_will(&out->plan, "close it; nothing of it is done");
	plan_need(&out->plan, "nobody else (lowering a risk is never blocked)");
	str_copy(out->plan.undo, sizeof out->plan.undo, "propose it again");
	if (a->dry_run)
		return 0;
	str_copy(p.state, sizeof p.state, "rejected");
	p.ended_us = clock_wall_us(&w->clock);
	change_init(&c, a, "proposal.reject", NULL, NULL);
	subject_of(&p, &c);
	text_of(&p, &c);
	c.also = proposal_also;
	c.also_arg = &rows;
	return change_commit(w, &c, NULL, &out->seq, e);
}
