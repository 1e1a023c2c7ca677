/* settings.c: the settings table and the file that is read over it. */
#include "backend/base/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"

const struct setting_row setting_rows[] = {
#define SETTING(name, least, most, value, unit, help)                                              \
	{#name, least, most, value, unit, help, offsetof(struct settings, name)},
#include "backend/base/settings.def"
#undef SETTING
	{0},
};

static int64_t *slot(struct settings *s, const struct setting_row *row)
{
	return (int64_t *)(void *)((char *)s + row->offset);
}

void settings_init(struct settings *s)
{
	for (const struct setting_row *r = setting_rows; r->name; r++)
		*slot(s, r) = r->value;
}

int64_t settings_get(const struct settings *s, const struct setting_row *row)
{
	return *(const int64_t *)(const void *)((const char *)s + row->offset);
}

int settings_set(struct settings *s, const char *name, const char *value, struct err *e)
{
	for (const struct setting_row *r = setting_rows; r->name; r++) {
		char *end;
		long long n;

		if (strcmp(r->name, name) != 0)
			continue;
		errno = 0;
		n = strtoll(value, &end, 10);
		if (errno || end == value || *end || n < r->least || n > r->most)
			return err_set(e, ERR_INVALID,
				"%s is %s, expected a whole number of %s from %" PRId64
				" to %" PRId64,
				name, value, r->unit, r->least, r->most);
		*slot(s, r) = n;
		return 0;
	}
	return err_set(e, ERR_INVALID, "there is no setting %s", name);
}

static int read_line(struct settings *s, char *line, struct err *e)
{
	char *save, *verb, *name, *value;

	line[strcspn(line, "#")] = '\0';
	verb = strtok_r(line, " \t\r", &save);
	if (!verb)
		return 0;
	name = strtok_r(NULL, " \t\r", &save);
	value = strtok_r(NULL, " \t\r", &save);
	if (strcmp(verb, "set") != 0 || !name || !value || strtok_r(NULL, " \t\r", &save))
		return err_set(e, ERR_INVALID, "expected `set NAME VALUE`");
	return settings_set(s, name, value, e);
}

int settings_load(struct settings *s, const char *path, struct err *e)
{
	struct settings fresh = *s;
	struct buf text = {0};
	struct err fault = {0};
	char *save = NULL, *line;
	int number = 0, rc = 0;

	if (buf_read_file(&text, path, 1 << 20) < 0) {
		rc = errno == ENOENT
			     ? 0
			     : err_set(e, ERR_INVALID, "cannot read %s: %s", path, strerror(errno));
		goto out;
	}
	for (line = text.data; line; line = save) {
		number++;
		save = strchr(line, '\n');
		if (save)
			*save++ = '\0';
		if (read_line(&fresh, line, &fault)) {
			rc = err_set(e, ERR_INVALID, "%s:%d: %s", path, number, fault.message);
			goto out;
		}
	}
	*s = fresh;
out:
	buf_release(&text);
	return rc;
}
