/* app_act.c: one act from the command to its proof: ask for the plan (dry run), show it, take the
 * person's Enter, send the act with the revision that the plan was made at, say what happened.
 * When something has moved meanwhile nothing is done, and what moved is shown. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/digest.h"
#include "backend/base/xalloc.h"
#include "tui/app_priv.h"
#include "tui/client/codec.h"

#define ACT_TIMEOUT_MS 120000

void app_act_close(struct app *a)
{
	if (a->act.request && a->conn)
		conn_cancel(a->conn, a->act.request);
	dialog_free(a->act.dialog);
	free(a->act.path);
	free(a->act.body);
	a->act = (struct act_flow){0};
	a->dirty = true;
}

static void show_again(struct app *a)
{
	dialog_changed(a->act.dialog);
	a->act.unseen = true;
	a->dirty = true;
}

static void add_text(struct app *a, enum role role, const char *label, const char *s)
{
	struct text *t = dialog_text(a->act.dialog);

	if (!*s)
		return;
	text_add(t, ROLE_dim, ATTR_NONE, label);
	text_tab(t, 11);
	text_add(t, role, ATTR_NONE, s);
	text_line(t);
}

static void add_list(
	struct app *a, enum role role, const char *label, const struct node *plan, const char *key)
{
	int n;
	const struct node *list = node_list(node_get(plan, key), "", &n);

	for (int i = 0; i < n; i++)
		if (list[i].kind == NODE_TEXT)
			add_text(a, role, i ? "" : label, list[i].text);
}

static void fill_plan(struct app *a, const struct node *plan)
{
	char seen[80];

	text_clear(dialog_text(a->act.dialog));
	text_set_indent(dialog_text(a->act.dialog), 11);
	add_text(a, ROLE_heading, "", node_str(plan, "title", a->act.command->name));
	add_list(a, ROLE_text, "will", plan, "will");
	add_list(a, ROLE_text, "will not", plan, "will_not");
	add_list(a, ROLE_text, "needs", plan, "needs");
	add_list(a, ROLE_harm, "warning", plan, "warnings");
	add_text(a, node_bool(plan, "undoable") ? ROLE_text : ROLE_watch, "undo",
		node_str(plan, "undo", ""));
	/* What is no one thing's plan, such as a freeze of all, was made from no one revision. */
	if (a->act.revision > 0) {
		snprintf(seen, sizeof seen, "revision %" PRId64 "%s%s", a->act.revision,
			*node_str(plan, "duration", "") ? "; takes " : "",
			node_str(plan, "duration", ""));
		add_text(a, ROLE_dim, "seen", seen);
	}
}

/* The tier of an endpoint as the Now pane last saw it; "" when it is not known. */
static const char *tier_of(const struct app *a, const char *subject)
{
	int n;
	const struct node *list =
		node_list(node_get(pane_root(a->tabs[0], 0), "endpoints"), "", &n);

	for (int i = 0; i < n; i++)
		if (strstr(subject, node_str(&list[i], "id", "?")) ||
			strcmp(subject, node_str(&list[i], "name", "")) == 0)
			return node_str(&list[i], "tier", "");
	return "";
}

/* The endpoint that the act is about: named, or that of the rollout as the Now pane saw it. */
static void find_endpoint(struct app *a, const struct parsed *p)
{
	const char *name = parsed_get(p, "ENDPOINT"), *number = parsed_get(p, "N");
	int n;
	const struct node *list = node_list(node_get(pane_root(a->tabs[0], 0), "rollouts"), "", &n);

	str_copy(a->act.endpoint, sizeof a->act.endpoint, name ? name : "");
	if (!number || strncmp(p->command->name, "rollout ", 8) != 0)
		return;
	number += *number == '#';
	for (int i = 0; i < n; i++)
		if (node_int(&list[i], "id", 0) == strtoll(number, NULL, 10))
			str_copy(a->act.endpoint, sizeof a->act.endpoint,
				node_str(&list[i], "endpoint", ""));
}

static void ask_person(struct app *a, const struct node *plan)
{
	const char *subject = a->act.endpoint[0] ? a->act.endpoint : node_str(plan, "subject", "");
	bool raises = command_raises(a->act.command);
	bool has_reason = strstr(a->act.body, "\"reason\":") != NULL;
	const char *name = strrchr(subject, '/');

	dialog_set_confirm(a->act.dialog, "do it");
	if (raises && strcmp(tier_of(a, subject), "high") == 0)
		dialog_set_challenge(a->act.dialog, name ? name + 1 : subject);
	if (!has_reason)
		dialog_set_question(
			a->act.dialog, raises ? "reason" : "reason (may be empty)", raises);
}

/* Another dialog in the place of the one before, without its questions. */
static void fresh_dialog(struct app *a)
{
	dialog_free(a->act.dialog);
	a->act.dialog = dialog_new(a->act.command->name);
	text_set_indent(dialog_text(a->act.dialog), 11);
	a->act.unseen = true;
	a->dirty = true;
}

/* Ends the flow with a sentence in the dialog; only leaving is possible then. */
static void fail(struct app *a, const struct reply *r)
{
	if (!a->act.dialog) { /* left while it was under way */
		app_say(a, ROLE_harm, "refused: %s", r->err.message);
		app_act_close(a);
		return;
	}
	fresh_dialog(a);
	add_text(a, ROLE_harm, r->code == ERR_STALE ? "moved" : "refused", r->err.message);
	add_text(a, ROLE_text, r->code == ERR_STALE ? "what" : "", r->moved);
	add_text(a, ROLE_text, "", r->err.hint);
	add_text(a, ROLE_dim, "", "nothing was changed");
	a->act.state = ACT_OVER;
	app_refresh(a, false);
}

static void on_plan(void *arg, struct reply *r)
{
	struct app *a = arg;
	const struct node *root = r->data ? snapshot_root(r->data) : NULL;
	const struct node *plan = node_get(root, "plan");

	a->act.request = 0;
	if (r->code || !plan) {
		if (!r->code)
			err_set(&r->err, ERR_FAILED, "the engine sent no plan");
		fail(a, r);
		return;
	}
	a->act.revision = node_int(root, "revision", node_int(plan, "revision", 0));
	fill_plan(a, plan);
	if (a->act.state == ACT_OVER) { /* --dry-run: the plan was all that was wanted */
		dialog_set_confirm(a->act.dialog, NULL);
	} else {
		a->act.state = ACT_PLANNED;
		ask_person(a, plan);
	}
	show_again(a);
}

static void on_done(void *arg, struct reply *r)
{
	struct app *a = arg;
	const struct node *root = r->data ? snapshot_root(r->data) : NULL;

	a->act.request = 0;
	if (r->code == ERR_UNREACHABLE || r->code == ERR_TIMEOUT) {
		app_act_lost(a);
		return;
	}
	if (r->code) {
		fail(a, r);
		return;
	}
	if (!node_bool(root, "done"))
		app_say(a, ROLE_watch, "%s (not confirmed by the gateway yet)",
			node_str(root, "summary", "on the way"));
	else
		app_say(a, ROLE_ok, "%s", node_str(root, "summary", "done"));
	app_act_close(a);
	app_refresh(a, false);
}

/* Whether it was done is not known: the idempotency key is spent, so we look instead of repeating.
 */
void app_act_lost(struct app *a)
{
	bool sent = a->act.state == ACT_SENDING;

	a->act.request = 0;
	app_act_close(a);
	app_say(a, ROLE_harm, "%s",
		sent ? "the engine went away before it answered: look at Changes whether it was "
		       "done"
		     : "the engine went away: nothing was changed");
}

/* Every request that changes something, or asks for a plan, leaves through here. */
static int send(struct app *a, const char *query, const char *body, conn_done done)
{
	struct request q = REQUEST_INIT;
	struct err e;
	char *path;

	if (app_gate(a, a->act.command, &e)) {
		app_say(a, ROLE_harm, "%s", e.message);
		return -1;
	}
	path = xasprintf("%s%s", a->act.path, query);
	q.method = "POST";
	q.path = path;
	q.body = body;
	q.timeout_ms = ACT_TIMEOUT_MS;
	if (!*query) {
		q.revision = a->act.revision;
		q.idempotency = a->act.idempotency;
	}
	a->posts++;
	a->act.request = conn_send(a->conn, &q, done, a);
	free(path);
	return 0;
}

void app_act_begin(struct app *a, const struct parsed *p)
{
	struct act_flow *act = &a->act;
	unsigned char id[16];
	struct err e;
	char *query;

	if (act->state == ACT_SENDING) {
		app_say(a, ROLE_watch, "wait: the act before has not been answered yet");
		return;
	}
	app_act_close(a);
	act->command = p->command;
	if (app_gate(a, p->command, &e) ||
		command_request(p, a->host.now_us, &act->path, &act->body, &e)) {
		app_say(a, ROLE_harm, "%s", e.message);
		app_act_close(a);
		return;
	}
	find_endpoint(a, p);
	query = strchr(act->path, '?');
	if (query)
		*query = '\0';
	random_bytes(id, sizeof id);
	for (int i = 0; i < 16; i++)
		snprintf(act->idempotency + 2 * i, 3, "%02x", id[i]);
	act->dialog = dialog_new(p->command->name);
	add_text(a, ROLE_dim, "", "asking the engine for the plan …");
	act->state = parsed_get(p, "dry-run") ? ACT_OVER : ACT_PLANNING;
	if (send(a, "?dry_run=1", act->body, on_plan))
		app_act_close(a);
	a->message[0] = '\0';
}

static void confirm(struct app *a)
{
	const char *reason = dialog_answer(a->act.dialog);
	struct codec_body b = {0};
	char *body;

	/* The body is whole but for the reason: opened again, it takes one more member. */
	buf_add(&b.text, a->act.body, strlen(a->act.body) - 1);
	b.members = strlen(a->act.body) > 2;
	if (reason && *reason)
		codec_put_str(&b, "reason", reason);
	body = codec_close(&b);
	a->act.state = ACT_SENDING;
	if (send(a, "", body, on_done))
		app_act_close(a);
	else {
		fresh_dialog(a);
		add_text(a, ROLE_running, "", "doing it: waiting until the gateway confirms …");
	}
	free(body);
}

void app_act_key(struct app *a, const struct key_event *ev)
{
	enum dialog_result result = dialog_key(a->act.dialog, a->keymap, ev);

	if (result == DIALOG_LEFT && a->act.state == ACT_SENDING) {
		/* Sent is sent: the answer will say what became of it. */
		dialog_free(a->act.dialog);
		a->act.dialog = NULL;
		app_say(a, ROLE_watch, "sent; the gateway has not confirmed yet");
	} else if (result == DIALOG_LEFT)
		app_act_close(a);
	else if (result == DIALOG_CONFIRMED && a->act.state == ACT_PLANNED)
		confirm(a);
	else if (result == DIALOG_CONFIRMED)
		app_act_close(a);
}
