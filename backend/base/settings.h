/* settings.h: the engine's tunables, one table (settings.def), read from a file of `set` lines. */
#ifndef PITHEAD_BACKEND_BASE_SETTINGS_H
#define PITHEAD_BACKEND_BASE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/err.h"

struct settings {
#define SETTING(name, least, most, value, unit, help) int64_t name;
#include "backend/base/settings.def"
#undef SETTING
};

struct setting_row {
	const char *name;
	int64_t least, most, value; /* value: the default */
	const char *unit, *help;
	size_t offset; /* of the member in struct settings */
};

/* The table, ended by a row with a NULL name. */
extern const struct setting_row setting_rows[];

/* Fills s with the defaults. */
void settings_init(struct settings *s);

/* Sets one by name; ERR_INVALID says the name, the range and the unit. */
int settings_set(struct settings *s, const char *name, const char *value, struct err *e);

/* Reads path over s; a missing file is fine. The first fault is told with file and line, and s is
 * then as it was before. */
int settings_load(struct settings *s, const char *path, struct err *e);

/* The value of a row in s. */
int64_t settings_get(const struct settings *s, const struct setting_row *row);

#endif
