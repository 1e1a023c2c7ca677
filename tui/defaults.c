/* defaults.c: holds the text of keymap.conf and themes/ that the Makefile turned into strings. */
#include "tui/defaults.h"

#include "embed.h"

static const struct {
	const char *name, *text;
} default_themes[] = {
	{"dark", embed_dark},
	{"light", embed_light},
	{"mono", embed_mono},
	{"deuteranopia", embed_deuteranopia},
};

const char *defaults_keymap(void)
{
	return embed_keymap;
}

const char *defaults_theme(size_t i, const char **name)
{
	if (i >= sizeof(default_themes) / sizeof(*default_themes))
		return NULL;
	*name = default_themes[i].name;
	return default_themes[i].text;
}
