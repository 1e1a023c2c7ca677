/* keymap.c: reads keymap files over the shipped one and answers which key runs what. Bindings are
 * one list in the order of the files; a later binding of the same key takes the place of the
 * earlier one. Runs nothing. */
#include "tui/keymap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "tui/conf.h"
#include "tui/defaults.h"
#include "tui/keys.h"

enum { KEYMAP_FILE_MAX = 256 * 1024, MESSAGES_MAX = 100 };

struct keymap_setting {
	const char *name;
	const char *values; /* allowed ones between blanks, or NULL for any */
	char *value;	    /* owned */
	int load;	    /* the file that set it, for duplicates; 0 for none */
};

struct keymap_color {
	int role;
	struct theme_style style;
};

struct keymap_row {
	struct keymap_binding b;
	int load; /* the how-manieth file it came from: duplicates are within one */
};

struct keymap {
	const char *const *sections; /* borrowed: the panes' own */
	struct keymap_row *rows;     /* owned */
	size_t nrows;
	struct keymap_message *messages; /* owned */
	size_t nmessages;
	struct keymap_color colors[ROLE_COUNT];
	size_t ncolors;
	struct keymap_setting *settings; /* owned */
	char **files;			 /* owned names, one a load */
	int nfiles;
};

static const char *const builtin_sections[] = {
	"global", "list", "detail", "prompt", "dialog", NULL};

static const struct {
	const char *name, *values, *shipped;
} setting_rows[] = {
	{"theme", NULL, "dark"},
	{"charset", " auto braille blocks ascii ", "auto"},
	{"color", " auto never 16 256 ", "auto"},
	{"time", " utc local ", "utc"},
	{"cursor", " hidden visible ", "hidden"},
	{"low-bandwidth", " on off ", "off"},
	{"mouse", " on off ", "off"},
};

enum { SETTINGS = sizeof(setting_rows) / sizeof(*setting_rows) };

/* Keys that arrive as another one, or not at all. */
static const struct {
	const char *key, *why;
} doubtful_keys[] = {
	{"C-m", "terminals send Enter for it"},
	{"C-j", "terminals send it as Enter"},
	{"C-i", "terminals send Tab for it"},
	{"C-[", "terminals send Esc for it"},
	{"C-Enter", "most terminals send Enter for it"},
	{"S-Enter", "most terminals send Enter for it"},
	{"C-Tab", "most terminals send Tab for it"},
	{"C-b", "it is the prefix of tmux"},
	{"C-a", "it is the prefix of screen"},
	{"C-s", "it may stop the terminal's output"},
	{"C-q", "it may be taken by the terminal's flow control"},
};

struct keymap *keymap_new(const char *const *sections)
{
	struct keymap *k = xcalloc(1, sizeof(*k));

	k->sections = sections;
	k->settings = xcalloc(SETTINGS, sizeof(*k->settings));
	for (size_t i = 0; i < SETTINGS; i++)
		k->settings[i] = (struct keymap_setting){setting_rows[i].name,
			setting_rows[i].values, xstrdup(setting_rows[i].shipped), 0};
	keymap_load_text(k, "keymap.conf (shipped)", defaults_keymap());
	return k;
}

void keymap_free(struct keymap *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->nrows; i++) {
		free((char *)k->rows[i].b.section);
		free((char *)k->rows[i].b.command);
	}
	for (size_t i = 0; i < k->nmessages; i++)
		free((char *)k->messages[i].text);
	for (size_t i = 0; i < SETTINGS; i++)
		free(k->settings[i].value);
	for (int i = 0; i < k->nfiles; i++)
		free(k->files[i]);
	free(k->rows);
	free(k->messages);
	free(k->settings);
	free(k->files);
	free(k);
}

static void message_add(struct keymap *k, bool error, const char *file, int line, const char *fmt,
	...) __attribute__((format(printf, 5, 6)));

static void message_add(
	struct keymap *k, bool error, const char *file, int line, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	if (k->nmessages >= MESSAGES_MAX)
		return;
	buf_addf(&b, "%s:%d: ", file, line);
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	k->messages = xrealloc(k->messages, k->nmessages + 1, sizeof(*k->messages));
	k->messages[k->nmessages++] = (struct keymap_message){error, file, line, buf_detach(&b)};
}

/* State of reading one file. */
struct keymap_load {
	struct keymap *k;
	const char *file;
	int load;
	int errors;
	const struct conf_line *line;
};

static void load_error(struct keymap_load *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void load_error(struct keymap_load *l, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	l->errors++;
	message_add(l->k, true, l->file, l->line->number, "%s", buf_text(&b));
	buf_release(&b);
}

static bool name_in(const char *const *names, const char *name)
{
	for (size_t i = 0; names && names[i]; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static bool load_section(struct keymap_load *l, const char *name)
{
	if (name_in(builtin_sections, name) || name_in(l->k->sections, name))
		return true;
	struct buf names = {0};
	for (size_t i = 0; builtin_sections[i]; i++)
		buf_addf(&names, " %s", builtin_sections[i]);
	for (size_t i = 0; l->k->sections && l->k->sections[i]; i++)
		buf_addf(&names, " %s", l->k->sections[i]);
	load_error(l, "there is no section '%s'; there are:%s", name, buf_text(&names));
	buf_release(&names);
	return false;
}

static uint32_t load_key(struct keymap_load *l, const char *name)
{
	uint32_t key = key_parse(name);

	if (key == KEYC_NONE)
		load_error(l, "'%s' is no key (try x, X, C-x, M-x, F5, Enter, PageDown)", name);
	return key;
}

static struct keymap_row *row_find(const struct keymap *k, const char *section, uint32_t key)
{
	for (size_t i = 0; i < k->nrows; i++) {
		if (k->rows[i].b.key == key && strcmp(k->rows[i].b.section, section) == 0)
			return &k->rows[i];
	}
	return NULL;
}

static void row_remove(struct keymap *k, struct keymap_row *row)
{
	size_t at = (size_t)(row - k->rows);

	free((char *)row->b.section);
	free((char *)row->b.command);
	memmove(row, row + 1, (k->nrows - at - 1) * sizeof(*row));
	k->nrows--;
}

/* What a person should know of a key that they chose; the shipped file is beyond doubt. */
static void load_warn(struct keymap_load *l, const char *section, uint32_t key, const char *name,
	const char *command)
{
	int line = l->line->number;
	bool modal = strcmp(section, "prompt") == 0 || strcmp(section, "dialog") == 0;
	const struct keymap_row *global = row_find(l->k, "global", key);

	for (size_t i = 0; i < sizeof(doubtful_keys) / sizeof(*doubtful_keys); i++) {
		if (key_parse(doubtful_keys[i].key) == key)
			message_add(l->k, false, l->file, line, "%s may never arrive: %s", name,
				doubtful_keys[i].why);
	}
	/* What is typed and what is asked hear no global keys: nothing is shadowed there. */
	if (!modal && global && strcmp(section, "global") != 0 && strcmp(command, "none") != 0 &&
		strcmp(global->b.command, command) != 0)
		message_add(l->k, false, l->file, line, "%s in %s hides the global \"%s\" (%s:%d)",
			name, section, global->b.command, global->b.file, global->b.line);
}

static void load_bind(struct keymap_load *l)
{
	const char *const *w = l->line->word;
	uint32_t key;

	if (l->line->count != 4) {
		load_error(l, "not 'bind SECTION KEY \"command line\"'");
		return;
	}
	if (!load_section(l, w[1]) || (key = load_key(l, w[2])) == KEYC_NONE)
		return;
	if (w[3][0] == '\0') {
		load_error(l, "the command line is empty (\"none\" makes a key do nothing)");
		return;
	}
	struct keymap_row *row = row_find(l->k, w[1], key);
	if (row && row->load == l->load) {
		load_error(l, "%s is bound twice in %s; line %d has it as \"%s\"", w[2], w[1],
			row->b.line, row->b.command);
		return;
	}
	if (row)
		row_remove(l->k, row);
	if (l->load > 1)
		load_warn(l, w[1], key, w[2], w[3]);
	l->k->rows = xrealloc(l->k->rows, l->k->nrows + 1, sizeof(*l->k->rows));
	l->k->rows[l->k->nrows++] = (struct keymap_row){
		{xstrdup(w[1]), key, xstrdup(w[3]), l->file, l->line->number}, l->load};
}

static void load_unbind(struct keymap_load *l)
{
	const char *const *w = l->line->word;
	uint32_t key;

	if (l->line->count != 3) {
		load_error(l, "not 'unbind SECTION KEY'");
		return;
	}
	if (!load_section(l, w[1]) || (key = load_key(l, w[2])) == KEYC_NONE)
		return;
	struct keymap_row *row = row_find(l->k, w[1], key);
	if (!row)
		message_add(
			l->k, false, l->file, l->line->number, "%s is not bound in %s", w[2], w[1]);
	else
		row_remove(l->k, row);
}

static void load_set(struct keymap_load *l)
{
	const char *const *w = l->line->word;
	char padded[96];

	if (l->line->count != 3) {
		load_error(l, "not 'set NAME VALUE'");
		return;
	}
	for (size_t i = 0; i < SETTINGS; i++) {
		struct keymap_setting *s = &l->k->settings[i];
		if (strcmp(s->name, w[1]) != 0)
			continue;
		snprintf(padded, sizeof(padded), " %s ", w[2]);
		if (s->values &&
			(strchr(w[2], ' ') || w[2][0] == '\0' || !strstr(s->values, padded))) {
			load_error(
				l, "'%s' is no value of %s; there are:%s", w[2], w[1], s->values);
		} else if (s->load == l->load) {
			load_error(l, "%s is set twice", w[1]);
		} else {
			free(s->value);
			s->value = xstrdup(w[2]);
			s->load = l->load;
		}
		return;
	}
	struct buf names = {0};
	for (size_t i = 0; i < SETTINGS; i++)
		buf_addf(&names, " %s", setting_rows[i].name);
	load_error(l, "there is no setting '%s'; there are:%s", w[1], buf_text(&names));
	buf_release(&names);
}

static void load_color(struct keymap_load *l)
{
	const char *const *w = l->line->word;
	struct keymap_color c = {0};
	struct err e = {0};
	size_t i = 0;

	if (l->line->count != 5) {
		load_error(l, "not 'color ROLE FG BG ATTRS'");
		return;
	}
	c.role = role_find(w[1]);
	if (c.role < 0) {
		load_error(l, "there is no role '%s'", w[1]);
		return;
	}
	if (theme_style_parse(w[2], w[3], w[4], &c.style, &e) < 0) {
		load_error(l, "%s", e.message);
		return;
	}
	while (i < l->k->ncolors && l->k->colors[i].role != c.role)
		i++;
	l->k->colors[i] = c;
	if (i == l->k->ncolors)
		l->k->ncolors++;
}

int keymap_load_text(struct keymap *k, const char *file, const char *text)
{
	struct conf_line line = {0};
	static const struct {
		const char *word;
		void (*load)(struct keymap_load *);
	} directives[] = {{"bind", load_bind}, {"unbind", load_unbind}, {"set", load_set},
		{"color", load_color}};

	k->files = xrealloc(k->files, (size_t)k->nfiles + 1, sizeof(*k->files));
	k->files[k->nfiles++] = xstrdup(file);
	struct keymap_load l = {k, k->files[k->nfiles - 1], k->nfiles, 0, &line};
	while (conf_next(&text, &line)) {
		size_t i = 0;
		if (line.fault) {
			load_error(&l, "%s", line.fault);
			continue;
		}
		while (i < 4 && strcmp(directives[i].word, line.word[0]) != 0)
			i++;
		if (i < 4)
			directives[i].load(&l);
		else
			load_error(&l, "'%s' is not bind, unbind, set or color", line.word[0]);
	}
	return l.errors;
}

int keymap_load_file(struct keymap *k, const char *path)
{
	char place[512];
	struct buf text = {0};
	int errors = 0;

	if (!path) {
		if (!config_path(place, sizeof(place), "keymap.conf"))
			return 0;
		path = place;
	}
	if (buf_read_file(&text, path, KEYMAP_FILE_MAX) == 0) {
		/* A NUL would hide the rest of the file. */
		if (text.len && memchr(text.data, '\0', text.len)) {
			message_add(k, true, "keymap", 0, "%s is no text file", path);
			errors = 1;
		} else {
			errors = keymap_load_text(k, path, buf_text(&text));
		}
	} else if (errno != ENOENT) {
		message_add(k, true, "keymap", 0, "%s cannot be read: %s", path, strerror(errno));
		errors = 1;
	}
	buf_release(&text);
	return errors;
}

void keymap_check_commands(
	struct keymap *k, bool (*known)(void *ctx, const char *command), void *ctx)
{
	char name[24];

	for (size_t i = 0; i < k->nrows; i++) {
		const struct keymap_binding *b = &k->rows[i].b;
		if (strcmp(b->command, "none") != 0 && !known(ctx, b->command))
			message_add(k, false, b->file, b->line,
				"%s runs \"%s\", which is no command",
				key_format(b->key, name, sizeof(name)), b->command);
	}
}

const char *keymap_find(const struct keymap *k, const char *section, uint32_t key)
{
	const struct keymap_row *row = row_find(k, section, key);

	return row ? row->b.command : NULL;
}

const char *keymap_lookup(const struct keymap *k, const char *const *sections, uint32_t key)
{
	for (size_t i = 0; sections[i]; i++) {
		const char *command = keymap_find(k, sections[i], key);
		if (command)
			return strcmp(command, "none") == 0 ? NULL : command;
	}
	return NULL;
}

uint32_t keymap_key_of(const struct keymap *k, const char *section, const char *command)
{
	for (size_t i = 0; i < k->nrows; i++) {
		if (strcmp(k->rows[i].b.command, command) == 0 &&
			strcmp(k->rows[i].b.section, section) == 0)
			return k->rows[i].b.key;
	}
	return KEYC_NONE;
}

const struct keymap_binding *keymap_get(const struct keymap *k, const char *section, size_t i)
{
	for (size_t row = 0; row < k->nrows; row++) {
		if (section && strcmp(k->rows[row].b.section, section) != 0)
			continue;
		if (i-- == 0)
			return &k->rows[row].b;
	}
	return NULL;
}

const char *keymap_setting(const struct keymap *k, const char *name)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		if (strcmp(k->settings[i].name, name) == 0)
			return k->settings[i].value;
	}
	return NULL;
}

void keymap_apply_colors(const struct keymap *k, struct theme *t)
{
	for (size_t i = 0; i < k->ncolors; i++)
		t->style[k->colors[i].role] = k->colors[i].style;
}

const struct keymap_message *keymap_message_get(const struct keymap *k, size_t i)
{
	return i < k->nmessages ? &k->messages[i] : NULL;
}

bool config_path(char *out, size_t size, const char *name)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	/* A path that is not absolute is to be ignored, says the XDG specification. */
	if (base && base[0] == '/')
		n = snprintf(out, size, "%s/pithead/%s", base, name);
	else if (home && home[0])
		n = snprintf(out, size, "%s/.config/pithead/%s", home, name);
	else
		return false;
	return n > 0 && (size_t)n < size;
}
