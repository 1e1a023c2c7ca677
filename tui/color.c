/* color.c: the arithmetic of colours: names, the palette of 256, nearest and contrast. The part of
 * theme.h that reads no theme. */
#include "tui/theme.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xterm's first 16, which is what contrast is computed with; terminals differ a little. */
static const uint32_t palette_16[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
	0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff,
	0xffffff};

static const char *const color_names[] = {"black", "red", "green", "yellow", "blue", "magenta",
	"cyan", "white", "brightblack", "brightred", "brightgreen", "brightyellow", "brightblue",
	"brightmagenta", "brightcyan", "brightwhite"};

int theme_color_parse(const char *text, int *color)
{
	char *end;

	if (strcmp(text, "default") == 0) {
		*color = THEME_DEFAULT;
		return 0;
	}
	for (int i = 0; i < 16; i++) {
		if (strcmp(text, color_names[i]) == 0) {
			*color = i;
			return 0;
		}
	}
	if (text[0] == '#') {
		if (strlen(text) != 7 || strspn(text + 1, "0123456789abcdefABCDEF") != 6)
			return -1;
		*color = THEME_RGB | (int)strtol(text + 1, NULL, 16);
		return 0;
	}
	if (text[0] < '0' || text[0] > '9' || strlen(text) > 3)
		return -1;
	long n = strtol(text, &end, 10);
	if (*end != '\0' || n > 255)
		return -1;
	*color = (int)n;
	return 0;
}

static uint32_t palette_rgb(int n)
{
	static const uint32_t level[6] = {0, 95, 135, 175, 215, 255};

	if (n < 16)
		return palette_16[n];
	if (n < 232) {
		n -= 16;
		return level[n / 36] << 16 | level[n / 6 % 6] << 8 | level[n % 6];
	}
	uint32_t grey = 8 + 10 * (uint32_t)(n - 232);
	return grey << 16 | grey << 8 | grey;
}

uint32_t theme_rgb(const struct theme *t, int color, bool background)
{
	if (color == THEME_DEFAULT)
		return t->light == background ? 0xffffff : 0x000000;
	if (color & THEME_RGB)
		return (uint32_t)color & 0xffffff;
	return palette_rgb(color);
}

int theme_nearest(uint32_t rgb, int n)
{
	int best = 0;
	long least = -1;
	/* Palette entries below 16 are the person's own choice: not used when there are others. */
	int first = n > 16 ? 16 : 0;

	for (int i = first; i < n; i++) {
		uint32_t p = palette_rgb(i);
		long r = (long)(rgb >> 16 & 255) - (long)(p >> 16 & 255);
		long g = (long)(rgb >> 8 & 255) - (long)(p >> 8 & 255);
		long b = (long)(rgb & 255) - (long)(p & 255);
		long far = 3 * r * r + 6 * g * g + b * b;
		/* Bright black is invisible on many terminals and never text. */
		if (i != 8 && (least < 0 || far < least)) {
			least = far;
			best = i;
		}
	}
	return best;
}

static double channel_light(uint32_t v)
{
	double s = v / 255.0;

	return s <= 0.03928 ? s / 12.92 : pow((s + 0.055) / 1.055, 2.4);
}

static double color_light(uint32_t rgb)
{
	return 0.2126 * channel_light(rgb >> 16 & 255) + 0.7152 * channel_light(rgb >> 8 & 255) +
	       0.0722 * channel_light(rgb & 255);
}

double theme_contrast(uint32_t a, uint32_t b)
{
	double la = color_light(a), lb = color_light(b);

	return la > lb ? (la + 0.05) / (lb + 0.05) : (lb + 0.05) / (la + 0.05);
}
