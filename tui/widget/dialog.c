/* dialog.c: a plan or question that must be answered. Keys count from the moment at which the frame
 * was on the terminal, so that nobody confirms what they have not seen. */
#include "tui/widget/dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/widget/prompt.h"

/* A line to be filled in: a question, or the name that must be typed. */
struct field {
	struct prompt *prompt; /* owned; NULL when it is not asked */
	bool needed;
	char *name; /* owned; the only right answer, or NULL */
};

enum { FIELD_QUESTION, FIELD_CHALLENGE, FIELDS };

struct dialog {
	char *title;   /* owned */
	char *confirm; /* owned; NULL: nothing to confirm */
	struct text *text;
	struct field fields[FIELDS];
	int focus;
	bool shown;
	bool early; /* a key came too early: say so */
	int64_t shown_ms;
	int64_t guard_ms;
};

struct dialog *dialog_new(const char *title)
{
	struct dialog *d = xcalloc(1, sizeof(*d));

	d->title = xstrdup(title);
	d->text = text_new();
	d->guard_ms = DIALOG_GUARD_MS;
	return d;
}

void dialog_free(struct dialog *d)
{
	if (!d)
		return;
	for (int i = 0; i < FIELDS; i++) {
		prompt_free(d->fields[i].prompt);
		free(d->fields[i].name);
	}
	text_free(d->text);
	free(d->title);
	free(d->confirm);
	free(d);
}

struct text *dialog_text(struct dialog *d)
{
	return d->text;
}

void dialog_set_confirm(struct dialog *d, const char *word)
{
	free(d->confirm);
	d->confirm = xstrdup(word);
}

static void field_set(struct dialog *d, int which, const char *label)
{
	prompt_free(d->fields[which].prompt);
	d->fields[which].prompt = prompt_new(label);
	d->focus = d->fields[FIELD_QUESTION].prompt ? FIELD_QUESTION : FIELD_CHALLENGE;
}

void dialog_set_challenge(struct dialog *d, const char *name)
{
	struct field *f = &d->fields[FIELD_CHALLENGE];
	char *label = xasprintf("type %s to confirm:", name);

	field_set(d, FIELD_CHALLENGE, label);
	free(label);
	free(f->name);
	f->name = xstrdup(name);
	f->needed = true;
}

void dialog_set_question(struct dialog *d, const char *label, bool needed)
{
	field_set(d, FIELD_QUESTION, label);
	d->fields[FIELD_QUESTION].needed = needed;
}

const char *dialog_answer(const struct dialog *d)
{
	const struct prompt *p = d->fields[FIELD_QUESTION].prompt;

	return p ? prompt_text(p) : "";
}

void dialog_shown(struct dialog *d, int64_t now_ms)
{
	if (!d->shown)
		d->shown_ms = now_ms;
	d->shown = true;
}

bool dialog_is_shown(const struct dialog *d)
{
	return d->shown;
}

void dialog_changed(struct dialog *d)
{
	d->shown = false;
}

void dialog_set_guard(struct dialog *d, int64_t ms)
{
	d->guard_ms = ms;
}

/* Whether a field is filled in as it must be; says why not. */
static bool field_ready(struct field *f)
{
	if (!f->prompt)
		return true;
	const char *text = prompt_text(f->prompt);
	const char *note = NULL;

	if (f->name && strcmp(text, f->name) != 0)
		note = *text ? "not that name" : "needed";
	else if (f->needed && text[strspn(text, " ")] == '\0')
		note = "needed";
	prompt_set_note(f->prompt, note);
	return note == NULL;
}

/* Enter: on to the next line to fill in, or the answer. */
static enum dialog_result dialog_confirm(struct dialog *d)
{
	struct field *now = &d->fields[d->focus];

	if (!d->confirm)
		return DIALOG_LEFT;
	if (!field_ready(now))
		return DIALOG_OPEN;
	if (d->focus == FIELD_QUESTION && d->fields[FIELD_CHALLENGE].prompt) {
		d->focus = FIELD_CHALLENGE;
		return DIALOG_OPEN;
	}
	for (int i = 0; i < FIELDS; i++) {
		if (!field_ready(&d->fields[i])) {
			d->focus = i;
			return DIALOG_OPEN;
		}
	}
	return DIALOG_CONFIRMED;
}

enum dialog_result dialog_key(struct dialog *d, const struct keymap *k, const struct key_event *ev)
{
	struct prompt *field = d->fields[d->focus].prompt;
	const char *command = keymap_find(k, "dialog", ev->code);

	if (ev->code == KEYC_ESC)
		return DIALOG_LEFT;
	if (!d->shown || ev->at_ms < d->shown_ms + d->guard_ms) {
		d->early = true;
		return DIALOG_OPEN;
	}
	d->early = false;
	/* Letters are text as long as there is a line to fill in. */
	if (field && (key_text(ev->code) || !command)) {
		prompt_set_note(field, NULL);
		prompt_key(field, k, ev);
		return DIALOG_OPEN;
	}
	if (!command || text_act(d->text, command))
		return DIALOG_OPEN;
	if (strcmp(command, "leave") == 0)
		return DIALOG_LEFT;
	return strcmp(command, "confirm") == 0 ? dialog_confirm(d) : DIALOG_OPEN;
}

static void hints_draw(
	const struct dialog *d, struct canvas *c, struct rect r, const struct keymap *k)
{
	char confirm[24] = "Enter", leave[24] = "Esc";
	uint32_t key = keymap_key_of(k, "dialog", "confirm");
	int col = r.col + 1;

	if (key)
		key_format(key, confirm, sizeof(confirm));
	if (d->early)
		col += canvas_put(
			       c, r.row, col, ROLE_watch, 0, "keys typed too early are ignored") +
		       3;
	if (d->confirm) {
		col += canvas_put(c, r.row, col, ROLE_accent, ATTR_BOLD, confirm) + 1;
		col += canvas_put(c, r.row, col, ROLE_dialog, 0, d->confirm) + 3;
	}
	col += canvas_put(c, r.row, col, ROLE_accent, ATTR_BOLD, leave) + 1;
	col += canvas_put(c, r.row, col, ROLE_dialog, 0, "leave") + 3;
	if (!text_at_end(d->text))
		canvas_put(c, r.row, col, ROLE_dim, 0, "PageDown more");
}

void dialog_draw(struct dialog *d, struct canvas *c, struct rect r, const struct keymap *k)
{
	struct rect before = canvas_clip(c, r);
	int fields = 0;

	canvas_fill(c, r, ' ', ROLE_dialog, 0);
	for (int i = 0; i < FIELDS; i++)
		fields += d->fields[i].prompt != NULL;
	/* In a few rows the plan itself matters more than blanks around it. */
	int air = r.rows >= 8 ? 1 : 0, top = 1 + air;
	canvas_put(c, r.row, r.col + 1, ROLE_heading, ATTR_BOLD, d->title);
	int body = r.rows - top - fields - 1 - air;
	if (body > 0)
		text_draw(d->text, c, (struct rect){r.row + top, r.col + 1, body, r.cols - 1});
	int row = r.row + r.rows - 1 - fields;
	hints_draw(d, c, (struct rect){r.row + r.rows - 1, r.col, 1, r.cols}, k);
	for (int i = 0; i < FIELDS; i++) {
		if (d->fields[i].prompt && i != d->focus)
			prompt_draw(d->fields[i].prompt, c,
				(struct rect){row + (i == FIELD_CHALLENGE && fields == 2),
					r.col + 1, 1, r.cols - 1});
	}
	/* Last, so that the caret is in the line that is typed. */
	if (d->fields[d->focus].prompt)
		prompt_draw(d->fields[d->focus].prompt, c,
			(struct rect){row + (d->focus == FIELD_CHALLENGE && fields == 2), r.col + 1,
				1, r.cols - 1});
	canvas_unclip(c, before);
}
