/* theme.h: colours and attributes of the roles. Themes are text (themes/dark.conf); the shipped
 * ones are compiled in. A theme names all roles or it is refused. Sends nothing: term.c does. */
#ifndef PITHEAD_TUI_THEME_H
#define PITHEAD_TUI_THEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "backend/base/err.h"
#include "tui/roles.h"

enum {
	THEME_DEFAULT = -1,    /* the terminal's own colour */
	THEME_RGB = 0x1000000, /* | 0xRRGGBB; below it a palette number 0 … 255 */
};

struct theme_style {
	int fg, bg;
	unsigned attrs; /* enum attr of canvas.h */
};

struct theme {
	char name[64];
	char path[512];	       /* file it came from; empty when compiled in */
	struct timespec mtime; /* of the file when it was read */
	bool light;	       /* made for a light background */
	struct theme_style style[ROLE_COUNT];
};

/* Reads a theme from text; file is the name in messages. ERR_INVALID with file and line, or with
 * the roles that are missing; *t is unchanged then. */
int theme_parse(struct theme *t, const char *file, const char *text, struct err *e);

/* Loads a theme by name: $XDG_CONFIG_HOME/pithead/themes/NAME.conf, else the shipped one; a name
 * with a slash is a path. ERR_NOT_FOUND lists the shipped names; *t is unchanged then. */
int theme_load(struct theme *t, const char *name, struct err *e);

/* Reads the theme's file again when it changed; call it at most once a second. 1 when it is new,
 * 0 when not; negative for a broken edit, once for each: the old colours stay. */
int theme_reload(struct theme *t, struct err *e);

/* Reads one colour ("default", "red", "208", "#ffaf00"). 0 or -1. */
int theme_color_parse(const char *text, int *color);

/* Reads "FG BG ATTRS" words ("117 default bold,reverse"; "-" for no attributes). 0 or ERR_INVALID
 * with a sentence that names the word. */
int theme_style_parse(
	const char *fg, const char *bg, const char *attrs, struct theme_style *out, struct err *e);

/* 0xRRGGBB of a colour; the default is black or white by ground/text and the theme's light. */
uint32_t theme_rgb(const struct theme *t, int color, bool background);

/* Nearest of the first n palette colours (8, 16, 256) to 0xRRGGBB. */
int theme_nearest(uint32_t rgb, int n);

/* Contrast of two 0xRRGGBB by WCAG 2: 1 … 21. */
double theme_contrast(uint32_t a, uint32_t b);

/* Name of the i-th shipped theme, or NULL. */
const char *theme_shipped(size_t i);

#endif
