/* prompt.c: one line that is typed. The text is UTF-8; the caret is a byte offset that always lies
 * between characters. */
#include "tui/widget/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

enum { PROMPT_MAX = 4096, HISTORY_MAX = 100, CHOICES_MAX = 200, CHOICES_SHOWN = 8 };

struct list {
	char **item; /* owned */
	size_t n;
};

struct prompt {
	char *label; /* owned */
	struct buf text;
	size_t caret;
	char *note; /* owned */
	struct list history;
	size_t at;   /* history line shown; history.n is the line being typed */
	char *typed; /* owned; the line being typed while history is shown */
	struct list choices;
	size_t chosen; /* choice that Tab shows; choices.n for none */
	prompt_complete_fn complete;
	void *complete_ctx;
};

static void list_clear(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->item[i]);
	xfree(l->item);
	l->n = 0;
}

static void list_add(struct list *l, const char *text)
{
	l->item = xrealloc(l->item, l->n + 1, sizeof(*l->item));
	l->item[l->n++] = xstrdup(text);
}

struct prompt *prompt_new(const char *label)
{
	struct prompt *p = xcalloc(1, sizeof(*p));

	prompt_open(p, label);
	return p;
}

void prompt_free(struct prompt *p)
{
	if (!p)
		return;
	list_clear(&p->history);
	list_clear(&p->choices);
	buf_release(&p->text);
	free(p->label);
	free(p->note);
	free(p->typed);
	free(p);
}

void prompt_open(struct prompt *p, const char *label)
{
	free(p->label);
	p->label = xstrdup(label);
	prompt_set_note(p, NULL);
	prompt_set_text(p, "");
	p->at = p->history.n;
}

void prompt_set_complete(struct prompt *p, prompt_complete_fn fn, void *ctx)
{
	p->complete = fn;
	p->complete_ctx = ctx;
}

void prompt_choice_add(struct prompt *p, const char *text)
{
	if (p->choices.n < CHOICES_MAX)
		list_add(&p->choices, text);
}

const char *prompt_text(const struct prompt *p)
{
	return buf_text(&p->text);
}

static void choices_clear(struct prompt *p)
{
	list_clear(&p->choices);
	p->chosen = 0;
}

static void text_replace(struct prompt *p, const char *text)
{
	buf_reset(&p->text);
	buf_adds(&p->text, text);
	p->caret = p->text.len;
}

void prompt_set_text(struct prompt *p, const char *text)
{
	choices_clear(p);
	text_replace(p, text);
}

void prompt_set_note(struct prompt *p, const char *note)
{
	free(p->note);
	p->note = xstrdup(note);
}

void prompt_history_add(struct prompt *p, const char *text)
{
	bool again = p->history.n && strcmp(p->history.item[p->history.n - 1], text) == 0;

	if (*text && !again) {
		if (p->history.n == HISTORY_MAX) {
			free(p->history.item[0]);
			memmove(p->history.item, p->history.item + 1,
				(HISTORY_MAX - 1) * sizeof(*p->history.item));
			p->history.n--;
		}
		list_add(&p->history, text);
	}
	p->at = p->history.n;
}

static size_t caret_back(const struct prompt *p, size_t at)
{
	if (at > 0)
		at--;
	while (at > 0 && ((unsigned char)p->text.data[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static size_t caret_on(const struct prompt *p, size_t at)
{
	if (at < p->text.len)
		at++;
	while (at < p->text.len && ((unsigned char)p->text.data[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static size_t word_back(const struct prompt *p, size_t at)
{
	while (at > 0 && p->text.data[at - 1] == ' ')
		at--;
	while (at > 0 && p->text.data[at - 1] != ' ')
		at--;
	return at;
}

static void text_insert(struct prompt *p, const char *s, size_t n)
{
	struct buf rest = {0};

	if (p->text.len + n > PROMPT_MAX)
		return;
	buf_adds(&rest, buf_text(&p->text) + p->caret);
	p->text.len = p->caret;
	buf_add(&p->text, s, n);
	buf_add(&p->text, buf_text(&rest), rest.len);
	p->caret += n;
	buf_release(&rest);
}

static void text_erase(struct prompt *p, size_t from, size_t to)
{
	if (from >= to)
		return;
	memmove(p->text.data + from, p->text.data + to, p->text.len - to + 1);
	p->text.len -= to - from;
	p->caret = from;
}

/* Pasted text: line ends and tabs become blanks, what cannot be shown is left out. */
static void text_paste(struct prompt *p, const char *s, size_t n)
{
	const char *end = s + n;
	struct buf clean = {0};
	char utf8[4];
	int width;

	while (end > s && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	while (s < end) {
		bool control = (unsigned char)*s < 0x20 || *s == 0x7f;
		bool blank = *s == '\n' || *s == '\t';
		uint32_t cp = canvas_next_char(&s, end, &width);
		if (blank)
			buf_addc(&clean, ' ');
		else if (!control && cp != 0 && cp != 0xfffd)
			buf_add(&clean, utf8, canvas_utf8_encode(cp, utf8));
	}
	if (clean.len)
		text_insert(p, clean.data, clean.len);
	buf_release(&clean);
}

static void history_show(struct prompt *p, long by)
{
	long to = (long)p->at + by;

	if (to < 0 || to > (long)p->history.n || by == 0)
		return;
	if (p->at == p->history.n) {
		free(p->typed);
		p->typed = xstrdup(prompt_text(p));
	}
	p->at = (size_t)to;
	text_replace(p, p->at == p->history.n ? p->typed : p->history.item[p->at]);
}

static size_t common_prefix(const struct list *l)
{
	size_t n = strlen(l->item[0]);

	for (size_t i = 1; i < l->n; i++) {
		size_t k = 0;
		while (k < n && l->item[i][k] == l->item[0][k])
			k++;
		n = k;
	}
	while (n > 0 && ((unsigned char)l->item[0][n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Tab: first what all choices have in common, then one choice after the other. */
static void complete_step(struct prompt *p)
{
	if (p->choices.n > 1) {
		p->chosen = p->chosen + 1 < p->choices.n ? p->chosen + 1 : 0;
		text_replace(p, p->choices.item[p->chosen]);
		return;
	}
	choices_clear(p);
	if (!p->complete)
		return;
	char *text = xstrdup(prompt_text(p));
	p->complete(p->complete_ctx, text, p);
	if (p->choices.n == 1) {
		text_replace(p, p->choices.item[0]);
		choices_clear(p);
	} else if (p->choices.n > 1) {
		size_t n = common_prefix(&p->choices);
		p->chosen = p->choices.n;
		if (n > strlen(text)) {
			char *prefix = xstrndup(p->choices.item[0], n);
			text_replace(p, prefix);
			free(prefix);
		}
	}
	free(text);
}

/* Commands that move or erase; false for others. */
static bool edit(struct prompt *p, const char *command)
{
	if (strcmp(command, "cursor left") == 0)
		p->caret = caret_back(p, p->caret);
	else if (strcmp(command, "cursor right") == 0)
		p->caret = caret_on(p, p->caret);
	else if (strcmp(command, "cursor first") == 0)
		p->caret = 0;
	else if (strcmp(command, "cursor last") == 0)
		p->caret = p->text.len;
	else if (strcmp(command, "erase back") == 0)
		text_erase(p, caret_back(p, p->caret), p->caret);
	else if (strcmp(command, "erase forward") == 0)
		text_erase(p, p->caret, caret_on(p, p->caret));
	else if (strcmp(command, "erase word") == 0)
		text_erase(p, word_back(p, p->caret), p->caret);
	else if (strcmp(command, "erase line") == 0)
		text_erase(p, 0, p->caret);
	else if (strcmp(command, "history back") == 0)
		history_show(p, -1);
	else if (strcmp(command, "history forward") == 0)
		history_show(p, 1);
	else
		return false;
	return true;
}

static void type_key(struct prompt *p, const struct key_event *ev)
{
	char utf8[4];
	uint32_t cp = key_text(ev->code);

	if (ev->code == KEYC_PASTE)
		text_paste(p, ev->paste, ev->paste_len);
	else if (cp)
		text_insert(p, utf8, canvas_utf8_encode(cp, utf8));
}

enum prompt_result prompt_key(struct prompt *p, const struct keymap *k, const struct key_event *ev)
{
	/* A character is always typed, whatever a keymap says: else a line could not be written. */
	const char *command = key_text(ev->code) ? NULL : keymap_find(k, "prompt", ev->code);

	if (ev->code == KEYC_ESC || (command && strcmp(command, "leave") == 0)) {
		choices_clear(p);
		return PROMPT_LEFT;
	}
	if (command && strcmp(command, "accept") == 0) {
		choices_clear(p);
		prompt_history_add(p, prompt_text(p));
		return PROMPT_ACCEPTED;
	}
	char *before = xstrdup(prompt_text(p));
	if (command && strcmp(command, "complete") == 0) {
		complete_step(p);
	} else {
		choices_clear(p);
		if (!command)
			type_key(p, ev);
		else
			edit(p, command);
	}
	bool changed = strcmp(before, prompt_text(p)) != 0;
	free(before);
	return changed ? PROMPT_CHANGED : PROMPT_SAME;
}

/* The choices, as many as fit above the line, around the one that Tab shows. */
static void choices_draw(const struct prompt *p, struct canvas *c, struct rect r)
{
	size_t rows = r.rows > 1 ? (size_t)r.rows - 1 : 0, first = 0;

	rows = rows > CHOICES_SHOWN ? CHOICES_SHOWN : rows;
	rows = rows > p->choices.n ? p->choices.n : rows;
	if (p->chosen < p->choices.n && p->chosen >= rows)
		first = p->chosen - rows + 1;
	for (size_t i = 0; i < rows; i++) {
		bool chosen = first + i == p->chosen;
		int row = r.row + r.rows - 1 - (int)(rows - i);
		canvas_fill(c, (struct rect){row, r.col, 1, r.cols}, ' ', ROLE_text, 0);
		canvas_put_char(c, row, r.col, ROLE_accent, 0, chosen ? '>' : ' ');
		canvas_put(c, row, r.col + 1, chosen ? ROLE_accent : ROLE_dim, 0,
			p->choices.item[first + i]);
	}
}

void prompt_draw(const struct prompt *p, struct canvas *c, struct rect r)
{
	struct rect before = canvas_clip(c, r);
	const char *text = prompt_text(p);
	int row = r.row + r.rows - 1;

	if (r.rows < 1 || r.cols < 1)
		goto out;
	choices_draw(p, c, r);
	canvas_fill(c, (struct rect){row, r.col, 1, r.cols}, ' ', ROLE_prompt, 0);
	int col = r.col + canvas_put(c, row, r.col, ROLE_prompt, 0, p->label);
	/* A word as label stands apart from the text; a sign such as "/" does not. */
	if (strlen(p->label) > 1)
		col++;
	int room = r.col + r.cols - col - 1;
	size_t from = 0;
	while (from < p->caret && canvas_text_width(text + from, p->caret - from) > room)
		from = caret_on(p, from);
	int wide = canvas_put(c, row, col, ROLE_prompt, 0, text + from);
	if (p->note)
		canvas_put(c, row, col + wide + 2, ROLE_watch, 0, p->note);
	canvas_set_caret(c, row, col + canvas_text_width(text + from, p->caret - from));
out:
	canvas_unclip(c, before);
}
