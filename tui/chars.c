/* chars.c: one character at a time out of bytes from anywhere: UTF-8 decoding, what may be shown,
 * how wide it is, and its plain form. The part of canvas.h that knows no cells. */
#include "tui/canvas.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "tui/chars.h"

enum { CHAR_REPLACEMENT = 0xfffd };

struct char_range {
	uint32_t first, last;
};

/* Invisible or direction-changing characters: shown as a sign, never sent. */
static const struct char_range hidden_ranges[] = {
	{0x00ad, 0x00ad},
	{0x061c, 0x061c},
	{0x070f, 0x070f},
	{0x115f, 0x1160},
	{0x17b4, 0x17b5},
	{0x180b, 0x180f},
	{0x200b, 0x200f},
	{0x2028, 0x202e},
	{0x2060, 0x206f},
	{0x3164, 0x3164},
	{0xd800, 0xf8ff},
	{0xfdd0, 0xfdef},
	{0xfeff, 0xfeff},
	{0xffa0, 0xffa0},
	{0xfff0, 0xfffb},
	{0x1d173, 0x1d17a},
	{0xe0000, 0x10ffff},
};

static bool char_is_hidden(uint32_t cp)
{
	for (size_t i = 0; i < sizeof(hidden_ranges) / sizeof(*hidden_ranges); i++) {
		if (cp >= hidden_ranges[i].first && cp <= hidden_ranges[i].last)
			return true;
	}
	return (cp & 0xfffe) == 0xfffe;
}

/* The C library's table under a UTF-8 locale, so that ncurses and we agree whatever LANG says.
 * Without such a locale everything counts as narrow. */
static int char_libc_width(uint32_t cp)
{
	static locale_t utf8; /* made once, kept for the life of the process */
	static bool tried;

	if (!tried) {
		tried = true;
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	}
	if (utf8 == (locale_t)0)
		return 1;
	locale_t before = uselocale(utf8);
	int width = wcwidth((wchar_t)cp);
	uselocale(before);
	return width;
}

/* Width of a decoded character; -1 for one that must not be shown. */
static int char_width(uint32_t cp)
{
	if (cp >= 0x20 && cp < 0x7f)
		return 1;
	if (cp < 0xa0)
		return -1;
	if (cp >= 0x2500 && cp < 0x25a0)
		return 1;
	if (char_is_hidden(cp))
		return -1;
	return char_libc_width(cp);
}

/* Decodes one sequence of at most n bytes; its length, or 0 when it is invalid. */
static size_t utf8_decode(const unsigned char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (len == 0 || s[0] > 0xf4 || len > n)
		return 0;
	*cp = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3f);
	}
	if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp < 0xe000))
		return 0;
	return len;
}

uint32_t canvas_next_char(const char **s, const char *end, int *width)
{
	uint32_t cp = 0;
	size_t len;

	*width = 1;
	unsigned char first = (unsigned char)**s;
	if (first >= 0x20 && first < 0x7f) {
		(*s)++;
		return first;
	}
	len = utf8_decode((const unsigned char *)*s, (size_t)(end - *s), &cp);
	if (len == 0) {
		(*s)++;
		return CHAR_REPLACEMENT;
	}
	*s += len;
	/* Pictures of control characters, so that a hidden ESC is seen for what it is. */
	if (cp < 0x20)
		return 0x2400 + cp;
	if (cp == 0x7f)
		return 0x2421;
	/* Variation selectors change nothing that a terminal shows alike everywhere. */
	if (cp >= 0xfe00 && cp <= 0xfe0f) {
		*width = 0;
		return 0;
	}
	*width = char_width(cp);
	if (*width < 0) {
		*width = 1;
		return CHAR_REPLACEMENT;
	}
	return cp;
}

int canvas_text_width(const char *s, size_t n)
{
	const char *end = s + n;
	int sum = 0, width;
	uint32_t base = 0;

	while (s < end) {
		uint32_t cp = canvas_next_char(&s, end, &width);
		/* A mark with nothing to stand on is shown as a sign of its own. */
		if (width == 0 && cp != 0 && base == 0)
			width = 1;
		sum += width;
		if (cp != 0)
			base = cp;
	}
	return sum;
}

size_t canvas_text_fit(const char *s, size_t n, int width)
{
	const char *start = s, *end = s + n, *fits = s;
	int sum = 0, w;

	while (s < end) {
		uint32_t cp = canvas_next_char(&s, end, &w);
		if (w == 0 && cp != 0 && fits == start)
			w = 1;
		if (sum + w > width)
			break;
		sum += w;
		fits = s;
	}
	return (size_t)(fits - start);
}

void canvas_cut_middle(char *out, size_t size, const char *s, int width, int tail)
{
	size_t n = strlen(s), head;
	const char *rest = s, *end = s + n;
	int w;

	if (tail <= 0)
		tail = width - width / 2 - 1;
	/* What must stay has no room: the beginning is worth more than a part of it. */
	if (canvas_text_width(s, n) <= width || width < 3 || tail > width - 2) {
		snprintf(out, size, "%s", s);
		return;
	}
	head = canvas_text_fit(s, n, width - tail - 1);
	while (canvas_text_width(rest, (size_t)(end - rest)) > tail)
		canvas_next_char(&rest, end, &w);
	snprintf(out, size, "%.*s\u2026%s", (int)head, s, rest);
}

size_t canvas_utf8_encode(uint32_t cp, char *out)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

struct char_plain {
	uint32_t cp;
	char plain;
};

/* Signs that the console itself uses, and their plain forms. */
static const struct char_plain plain_forms[] = {
	{0x00a0, ' '},
	{0x00b7, '.'},
	{0x00d7, 'x'},
	{0x00b1, '~'},
	{0x2010, '-'},
	{0x2011, '-'},
	{0x2012, '-'},
	{0x2013, '-'},
	{0x2014, '-'},
	{0x2018, '\''},
	{0x2019, '\''},
	{0x201c, '"'},
	{0x201d, '"'},
	{0x2022, '*'},
	{0x2026, '~'},
	{0x2190, '<'},
	{0x2191, '^'},
	{0x2192, '>'},
	{0x2193, 'v'},
	{0x2212, '-'},
	{0x2264, '<'},
	{0x2265, '>'},
	{0x2500, '-'},
	{0x2502, '|'},
	{0x250a, '|'},
	{0x2504, '-'},
	{0x2524, '|'},
	{0x251c, '|'},
	{0x2534, '+'},
	{0x252c, '+'},
	{0x2581, '_'},
	{0x2582, '_'},
	{0x2583, '.'},
	{0x2584, '.'},
	{0x2585, '-'},
	{0x2586, '-'},
	{0x2587, '='},
	{0x2588, '#'},
	{0x25b2, '^'},
	{0x25bc, 'v'},
	{0x2714, 'v'},
	{0x2713, 'v'},
#define GLYPH(name, cp, plain, word, role) {cp, plain},
#include "tui/glyphs.def"
#undef GLYPH
};

/* The plain form of a character for terminals that show ASCII alone. */
uint32_t char_plain_form(uint32_t cp)
{
	if (cp < 0x7f)
		return cp;
	for (size_t i = 0; i < sizeof(plain_forms) / sizeof(*plain_forms); i++) {
		if (plain_forms[i].cp == cp)
			return (unsigned char)plain_forms[i].plain;
	}
	if (cp >= 0x2500 && cp < 0x2580)
		return '+';
	return '?';
}
