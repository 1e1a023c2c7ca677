/* theme.c: reads themes. A theme that leaves a role out is refused, and a broken edit of the one
 * in use changes nothing, so that no one ever sits before unreadable text. */
#include "tui/theme.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "tui/canvas.h"
#include "tui/conf.h"
#include "tui/defaults.h"
#include "tui/keymap.h"

enum { THEME_FILE_MAX = 64 * 1024, BRIGHT_BLACK = 8 };

static int attrs_parse(const char *words, unsigned *attrs, struct err *e)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {{"-", 0}, {"bold", ATTR_BOLD}, {"reverse", ATTR_REVERSE},
		{"underline", ATTR_UNDERLINE}};

	*attrs = 0;
	for (const char *w = words; *w; w += strspn(w, ",")) {
		size_t n = strcspn(w, ","), i;
		for (i = 0; i < 4; i++) {
			if (strlen(names[i].name) == n && memcmp(names[i].name, w, n) == 0)
				break;
		}
		if (i == 4)
			return err_set(e, ERR_INVALID,
				"'%.*s' is no attribute (bold, reverse, underline or -)", (int)n,
				w);
		*attrs |= names[i].bit;
		w += n;
	}
	return 0;
}

int theme_style_parse(
	const char *fg, const char *bg, const char *attrs, struct theme_style *out, struct err *e)
{
	struct theme_style style = {0};

	if (theme_color_parse(fg, &style.fg) < 0)
		return err_set(e, ERR_INVALID,
			"'%s' is no colour (default, a name, 0 to 255, or #rrggbb)", fg);
	if (theme_color_parse(bg, &style.bg) < 0)
		return err_set(e, ERR_INVALID,
			"'%s' is no colour (default, a name, 0 to 255, or #rrggbb)", bg);
	if (style.fg == BRIGHT_BLACK)
		return err_set(e, ERR_INVALID,
			"bright black is invisible on many terminals and cannot be used for text");
	int rc = attrs_parse(attrs, &style.attrs, e);
	if (rc == 0)
		*out = style;
	return rc;
}

/* Applies one line; seen marks the roles met. */
static int theme_line(
	struct theme *t, const char *file, const struct conf_line *l, bool *seen, struct err *e)
{
	struct err why = {0};
	const char *const *w = l->word;
	int role;

	if (l->fault)
		return err_set(e, ERR_INVALID, "%s:%d: %s", file, l->number, l->fault);
	if (strcmp(w[0], "set") == 0 && l->count == 3 && strcmp(w[1], "background") == 0 &&
		(strcmp(w[2], "dark") == 0 || strcmp(w[2], "light") == 0)) {
		t->light = w[2][0] == 'l';
		return 0;
	}
	if (strcmp(w[0], "color") != 0 || l->count != 5)
		return err_set(e, ERR_INVALID,
			"%s:%d: not 'color ROLE FG BG ATTRS' or 'set background dark|light'", file,
			l->number);
	role = role_find(w[1]);
	if (role < 0)
		return err_set(
			e, ERR_INVALID, "%s:%d: there is no role '%s'", file, l->number, w[1]);
	if (seen[role])
		return err_set(
			e, ERR_INVALID, "%s:%d: role '%s' is given twice", file, l->number, w[1]);
	seen[role] = true;
	if (theme_style_parse(w[2], w[3], w[4], &t->style[role], &why) < 0)
		return err_set(e, ERR_INVALID, "%s:%d: %s", file, l->number, why.message);
	return 0;
}

static int theme_complete(const char *file, const bool *seen, struct err *e)
{
	struct buf missing = {0};
	int rc = 0;

	for (int i = 0; i < ROLE_COUNT; i++) {
		if (!seen[i])
			buf_addf(&missing, "%s%s", missing.len ? ", " : "",
				color_role_name((enum role)i));
	}
	if (missing.len)
		rc = err_set(
			e, ERR_INVALID, "%s: the theme leaves out: %s", file, buf_text(&missing));
	buf_release(&missing);
	return rc;
}

int theme_parse(struct theme *t, const char *file, const char *text, struct err *e)
{
	struct theme fresh = *t;
	struct conf_line line = {0};
	bool seen[ROLE_COUNT] = {0};
	int rc;

	fresh.light = false;
	while (conf_next(&text, &line)) {
		rc = theme_line(&fresh, file, &line, seen, e);
		if (rc < 0)
			return rc;
	}
	rc = theme_complete(file, seen, e);
	if (rc == 0)
		*t = fresh;
	return rc;
}

/* Reads a theme file; the time noted is that of before the reading, so that no edit is missed. */
static int theme_read(struct theme *t, const char *path, struct err *e)
{
	struct buf text = {0};
	struct theme fresh = *t;
	struct stat st;
	int rc = 0;

	if (stat(path, &st) < 0 || buf_read_file(&text, path, THEME_FILE_MAX) < 0) {
		int code = errno == ENOENT ? ERR_NOT_FOUND : ERR_FAILED;
		rc = err_set(e, code, "theme %s cannot be read: %s", path, strerror(errno));
	} else {
		rc = theme_parse(&fresh, path, buf_text(&text), e);
	}
	if (rc == 0) {
		str_copy(fresh.path, sizeof(fresh.path), path);
		fresh.mtime = st.st_mtim;
		*t = fresh;
	}
	buf_release(&text);
	return rc;
}

static int theme_load_shipped(struct theme *t, const char *name, struct err *e)
{
	struct buf names = {0};
	const char *text, *shipped;
	int rc;

	for (size_t i = 0; (text = defaults_theme(i, &shipped)) != NULL; i++) {
		buf_addf(&names, "%s%s", i ? ", " : "", shipped);
		if (strcmp(shipped, name) != 0)
			continue;
		struct theme fresh = {0};
		rc = theme_parse(&fresh, name, text, e);
		if (rc == 0)
			*t = fresh;
		goto out;
	}
	rc = err_set(
		e, ERR_NOT_FOUND, "there is no theme '%s'; shipped are %s", name, buf_text(&names));
out:
	buf_release(&names);
	return rc;
}

int theme_load(struct theme *t, const char *name, struct err *e)
{
	struct theme fresh = {0};
	char path[512], file[128];
	struct stat st;
	int rc;

	snprintf(file, sizeof(file), "themes/%.100s.conf", name);
	if (strchr(name, '/'))
		rc = theme_read(&fresh, name, e);
	else if (config_path(path, sizeof(path), file) && stat(path, &st) == 0)
		rc = theme_read(&fresh, path, e);
	else
		rc = theme_load_shipped(&fresh, name, e);
	if (rc == 0) {
		str_copy(fresh.name, sizeof(fresh.name), name);
		*t = fresh;
	}
	return rc;
}

int theme_reload(struct theme *t, struct err *e)
{
	struct stat st;

	if (t->path[0] == '\0' || stat(t->path, &st) < 0)
		return 0;
	if (st.st_mtim.tv_sec == t->mtime.tv_sec && st.st_mtim.tv_nsec == t->mtime.tv_nsec)
		return 0;
	int rc = theme_read(t, t->path, e);
	/* A broken edit is told once; the next one is looked at again. */
	t->mtime = st.st_mtim;
	return rc < 0 ? rc : 1;
}

const char *theme_shipped(size_t i)
{
	const char *name = NULL;

	return defaults_theme(i, &name) ? name : NULL;
}
