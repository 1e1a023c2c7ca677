/* help.c: help and hint line, made from the keymap as it is now. */
#include "tui/widget/help.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "tui/keys.h"
#include "tui/widget/text.h"

enum { KEYS_COLUMN = 22, SECTIONS_MAX = 24 };

struct help {
	const struct keymap *keymap; /* borrowed */
	help_fn about;
	void *ctx;
	struct text *text;
	char *filter; /* owned */
	const char *sections[SECTIONS_MAX];
	size_t nsections;
};

struct help *help_new(const struct keymap *k, help_fn about, void *ctx)
{
	static const char *const none[] = {NULL};
	struct help *h = xcalloc(1, sizeof(*h));

	h->keymap = k;
	h->about = about;
	h->ctx = ctx;
	h->text = text_new();
	h->filter = xstrdup("");
	help_open(h, none);
	return h;
}

void help_free(struct help *h)
{
	if (!h)
		return;
	text_free(h->text);
	free(h->filter);
	free(h);
}

static void section_note(struct help *h, const char *name)
{
	for (size_t i = 0; i < h->nsections; i++) {
		if (strcmp(h->sections[i], name) == 0)
			return;
	}
	if (h->nsections < SECTIONS_MAX)
		h->sections[h->nsections++] = name;
}

/* Whether the i-th binding of a section is the first with its command: others are named with it. */
static bool first_of_command(const struct help *h, const char *section, size_t i)
{
	const struct keymap_binding *b = keymap_get(h->keymap, section, i);

	for (size_t k = 0; k < i; k++) {
		if (strcmp(keymap_get(h->keymap, section, k)->command, b->command) == 0)
			return false;
	}
	return true;
}

static void keys_of(const struct help *h, const char *section, const char *command, struct buf *out)
{
	const struct keymap_binding *b;
	char name[24];

	for (size_t i = 0; (b = keymap_get(h->keymap, section, i)) != NULL; i++) {
		/* The wheel goes without saying. */
		if (strcmp(b->command, command) != 0 || b->key == KEYC_WHEELUP ||
			b->key == KEYC_WHEELDOWN)
			continue;
		buf_addf(out, "%s%s", out->len ? " " : "", key_format(b->key, name, sizeof(name)));
	}
}

static void section_fill(struct help *h, const char *section)
{
	const struct keymap_binding *b;
	bool headed = false;
	struct buf keys = {0}, line = {0};

	for (size_t i = 0; (b = keymap_get(h->keymap, section, i)) != NULL; i++) {
		if (strcmp(b->command, "none") == 0 || !first_of_command(h, section, i))
			continue;
		const char *about = h->about ? h->about(h->ctx, b->command) : NULL;
		buf_reset(&keys);
		buf_reset(&line);
		keys_of(h, section, b->command, &keys);
		buf_addf(&line, "%s %s %s %s", section, buf_text(&keys), b->command,
			about ? about : "");
		if (!strcasestr(buf_text(&line), h->filter))
			continue;
		if (!headed) {
			text_add(h->text, ROLE_heading, 0, section);
			text_line(h->text);
		}
		headed = true;
		text_addf(h->text, ROLE_accent, 0, " %s", buf_text(&keys));
		text_add(h->text, ROLE_text, 0, " ");
		text_tab(h->text, KEYS_COLUMN);
		text_add(h->text, ROLE_text, 0, about ? about : b->command);
		text_line(h->text);
	}
	if (headed)
		text_line(h->text);
	buf_release(&keys);
	buf_release(&line);
}

static void help_fill(struct help *h)
{
	text_clear(h->text);
	text_set_indent(h->text, KEYS_COLUMN);
	for (size_t i = 0; i < h->nsections; i++)
		section_fill(h, h->sections[i]);
	if (text_count(h->text) == 0) {
		text_addf(h->text, ROLE_dim, 0, "no key or command has \"%s\"", h->filter);
		text_line(h->text);
	}
}

void help_open(struct help *h, const char *const *sections)
{
	const struct keymap_binding *b;

	h->nsections = 0;
	for (size_t i = 0; sections[i]; i++)
		section_note(h, sections[i]);
	for (size_t i = 0; (b = keymap_get(h->keymap, NULL, i)) != NULL; i++)
		section_note(h, b->section);
	help_fill(h);
	text_act(h->text, "move first");
}

void help_set_filter(struct help *h, const char *filter)
{
	free(h->filter);
	h->filter = xstrdup(filter);
	help_fill(h);
}

bool help_act(struct help *h, const char *command)
{
	return text_act(h->text, command);
}

void help_draw(struct help *h, struct canvas *c, struct rect r)
{
	text_draw(h->text, c, r);
}

/* The key that runs a command in the first of the sections that has one, not hidden by another. */
static uint32_t hint_key(const struct keymap *k, const char *const *sections, const char *command)
{
	for (size_t i = 0; sections[i]; i++) {
		uint32_t key = keymap_key_of(k, sections[i], command);
		const char *runs = key ? keymap_lookup(k, sections, key) : NULL;
		if (runs && strcmp(runs, command) == 0)
			return key;
	}
	return KEYC_NONE;
}

int help_hints_width(
	const struct keymap *k, const char *const *sections, const struct help_hint *hints)
{
	int width = 0;
	char name[24];

	for (; hints->command; hints++) {
		uint32_t key = hint_key(k, sections, hints->command);

		if (!key)
			continue;
		key_format(key, name, sizeof(name));
		width += (width ? 3 : 0) + canvas_text_width(name, strlen(name)) + 1 +
			 canvas_text_width(hints->word, strlen(hints->word));
	}
	return width;
}

void help_draw_hints(const struct keymap *k, const char *const *sections,
	const struct help_hint *hints, struct canvas *c, int row, int col, int width)
{
	int end = col + width;
	char name[24];

	for (; hints->command; hints++) {
		uint32_t key = hint_key(k, sections, hints->command);
		if (!key)
			continue;
		key_format(key, name, sizeof(name));
		int wide = canvas_text_width(name, strlen(name)) + 1 +
			   canvas_text_width(hints->word, strlen(hints->word));
		if (col + wide > end)
			return;
		col += canvas_put(c, row, col, ROLE_accent, ATTR_BOLD, name) + 1;
		col += canvas_put(c, row, col, ROLE_dim, 0, hints->word) + 3;
	}
}
