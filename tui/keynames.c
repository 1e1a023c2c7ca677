/* keynames.c: names of keys as keymap.conf writes them and help shows them. */
#include "tui/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tui/canvas.h"

struct key_name {
	const char *name; /* the first of several names is the one shown */
	uint32_t code;
};

static const struct key_name key_names[] = {
	{"Enter", KEYC_ENTER},
	{"Return", KEYC_ENTER},
	{"Tab", KEYC_TAB},
	{"Esc", KEYC_ESC},
	{"Escape", KEYC_ESC},
	{"Space", ' '},
	{"Backspace", KEYC_BACKSPACE},
	{"Up", KEYC_UP},
	{"Down", KEYC_DOWN},
	{"Left", KEYC_LEFT},
	{"Right", KEYC_RIGHT},
	{"Home", KEYC_HOME},
	{"End", KEYC_END},
	{"PageUp", KEYC_PAGEUP},
	{"PgUp", KEYC_PAGEUP},
	{"PageDown", KEYC_PAGEDOWN},
	{"PgDn", KEYC_PAGEDOWN},
	{"Insert", KEYC_INSERT},
	{"Delete", KEYC_DELETE},
	{"WheelUp", KEYC_WHEELUP},
	{"WheelDown", KEYC_WHEELDOWN},
	{"Click", KEYC_CLICK},
};

static uint32_t key_modifier(const char *name)
{
	if (name[0] == '\0' || name[1] != '-' || name[2] == '\0')
		return 0;
	switch (name[0]) {
	case 'C':
		return KEYC_CTRL;
	case 'M':
		return KEYC_ALT;
	case 'S':
		return KEYC_SHIFT;
	default:
		return 0;
	}
}

/* A key without modifiers. */
static uint32_t key_parse_base(const char *name)
{
	const char *s = name, *end = name + strlen(name);
	char *rest;
	int width;

	for (size_t i = 0; i < sizeof(key_names) / sizeof(*key_names); i++) {
		if (strcasecmp(key_names[i].name, name) == 0)
			return key_names[i].code;
	}
	if ((name[0] == 'F' || name[0] == 'f') && name[1] >= '1' && name[1] <= '9') {
		long n = strtol(name + 1, &rest, 10);
		return *rest == '\0' && n <= 20 ? KEYC_F1 + (uint32_t)n - 1 : KEYC_NONE;
	}
	if (s == end || (unsigned char)*s <= 0x20 || *s == 0x7f)
		return KEYC_NONE;
	uint32_t cp = canvas_next_char(&s, end, &width);
	return s == end && width > 0 && cp != 0xfffd ? cp : KEYC_NONE;
}

uint32_t key_parse(const char *name)
{
	uint32_t mods = 0, bit;

	while ((bit = key_modifier(name)) != 0 && !(mods & bit)) {
		mods |= bit;
		name += 2;
	}
	uint32_t base = key_parse_base(name);
	if (base == KEYC_NONE)
		return KEYC_NONE;
	/* Shift is part of a character already, control knows no case. */
	if ((mods & KEYC_SHIFT) && base < KEYC_BASE)
		return KEYC_NONE;
	if ((mods & KEYC_CTRL) && base >= 'A' && base <= 'Z')
		base += 'a' - 'A';
	return mods | base;
}

char *key_format(uint32_t code, char *out, size_t size)
{
	uint32_t base = code & KEYC_MASK;
	const char *name = NULL;
	char text[8] = "?";

	for (size_t i = 0; i < sizeof(key_names) / sizeof(*key_names) && !name; i++) {
		if (key_names[i].code == base)
			name = key_names[i].name;
	}
	if (!name && base >= KEYC_F1 && base <= KEYC_F20)
		snprintf(text, sizeof(text), "F%u", (unsigned)(base - KEYC_F1 + 1) % 100);
	else if (!name && base < KEYC_BASE)
		text[canvas_utf8_encode(base, text)] = '\0';
	else if (base == KEYC_PASTE)
		name = "Paste";
	snprintf(out, size, "%s%s%s%s", code & KEYC_CTRL ? "C-" : "", code & KEYC_ALT ? "M-" : "",
		code & KEYC_SHIFT ? "S-" : "", name ? name : text);
	return out;
}

uint32_t key_text(uint32_t code)
{
	return code >= 0x20 && code < KEYC_BASE ? code : 0;
}
