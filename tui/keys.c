/* keys.c: decodes terminal bytes to keys. Escape sequences are cut out whole before they are
 * understood, so that an unknown one is swallowed and never leaks its letters as commands. */
#include "tui/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "tui/canvas.h"

enum {
	ESC = 0x1b,
	ESC_WAIT_MS = 25,     /* a lone ESC is a key after this */
	REST_WAIT_MS = 500,   /* the rest of a begun sequence is awaited this long on slow links */
	PASTE_WAIT_MS = 2000, /* a paste without an end is taken as ended after this */
	SEQUENCE_MAX = 4096,
	PASTE_MAX = 1 << 20,
	PARAMS = 4,
};

static const char paste_end[] = "\033[201~";

struct keys {
	struct buf in;	  /* bytes not yet understood */
	struct buf paste; /* of the paste being read, then of the last one given out */
	bool in_paste;
	bool paste_given;
	int64_t fed_ms; /* when the last bytes came */
};

struct csi_key {
	char final;
	int number; /* first parameter of a "~" sequence, else 0 */
	uint32_t code;
};

static const struct csi_key csi_keys[] = {
	{'A', 0, KEYC_UP},
	{'B', 0, KEYC_DOWN},
	{'C', 0, KEYC_RIGHT},
	{'D', 0, KEYC_LEFT},
	{'H', 0, KEYC_HOME},
	{'F', 0, KEYC_END},
	{'P', 0, KEYC_F1},
	{'Q', 0, KEYC_F1 + 1},
	{'S', 0, KEYC_F1 + 3},
	{'Z', 0, KEYC_SHIFT | KEYC_TAB},
	{'~', 1, KEYC_HOME},
	{'~', 2, KEYC_INSERT},
	{'~', 3, KEYC_DELETE},
	{'~', 4, KEYC_END},
	{'~', 5, KEYC_PAGEUP},
	{'~', 6, KEYC_PAGEDOWN},
	{'~', 7, KEYC_HOME},
	{'~', 8, KEYC_END},
	{'~', 11, KEYC_F1},
	{'~', 12, KEYC_F1 + 1},
	{'~', 13, KEYC_F1 + 2},
	{'~', 14, KEYC_F1 + 3},
	{'~', 15, KEYC_F1 + 4},
	{'~', 17, KEYC_F1 + 5},
	{'~', 18, KEYC_F1 + 6},
	{'~', 19, KEYC_F1 + 7},
	{'~', 20, KEYC_F1 + 8},
	{'~', 21, KEYC_F1 + 9},
	{'~', 23, KEYC_F1 + 10},
	{'~', 24, KEYC_F1 + 11},
};

/* ESC O x: the same letters, and the keypad. */
static const struct csi_key ss3_keys[] = {
	{'A', 0, KEYC_UP},
	{'B', 0, KEYC_DOWN},
	{'C', 0, KEYC_RIGHT},
	{'D', 0, KEYC_LEFT},
	{'H', 0, KEYC_HOME},
	{'F', 0, KEYC_END},
	{'P', 0, KEYC_F1},
	{'Q', 0, KEYC_F1 + 1},
	{'R', 0, KEYC_F1 + 2},
	{'S', 0, KEYC_F1 + 3},
	{'M', 0, KEYC_ENTER},
	{'I', 0, KEYC_TAB},
};

struct keys *keys_new(void)
{
	return xcalloc(1, sizeof(struct keys));
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	buf_release(&k->in);
	buf_release(&k->paste);
	free(k);
}

void keys_feed(struct keys *k, const char *bytes, size_t n, int64_t now_ms)
{
	if (n == 0)
		return;
	buf_add(&k->in, bytes, n);
	k->fed_ms = now_ms;
}

void keys_discard(struct keys *k)
{
	buf_reset(&k->in);
	buf_reset(&k->paste);
	k->in_paste = k->paste_given = false;
}

static uint32_t csi_find(const struct csi_key *keys, size_t n, char final, int number)
{
	for (size_t i = 0; i < n; i++) {
		if (keys[i].final == final && keys[i].number == number)
			return keys[i].code;
	}
	return KEYC_NONE;
}

/* Modifier parameter of xterm: 1 + (1 shift, 2 alt, 4 control). */
static uint32_t csi_modifiers(int param)
{
	uint32_t bits = 0;

	if (param < 2 || param > 16)
		return 0;
	if ((param - 1) & 1)
		bits |= KEYC_SHIFT;
	if ((param - 1) & 2)
		bits |= KEYC_ALT;
	if ((param - 1) & 4)
		bits |= KEYC_CTRL;
	return bits;
}

/* A character sent by number (CSI code;mod u), as the key that it would be without that. */
static uint32_t key_of_number(int cp, uint32_t mods)
{
	switch (cp) {
	case 13:
		return mods | KEYC_ENTER;
	case 9:
		return mods | KEYC_TAB;
	case 27:
		return mods | KEYC_ESC;
	case 8:
	case 127:
		return mods | KEYC_BACKSPACE;
	default:
		break;
	}
	if (cp < 32 || cp >= KEYC_BASE)
		return KEYC_NONE;
	if ((mods & KEYC_SHIFT) && cp >= 'a' && cp <= 'z')
		cp -= 'a' - 'A';
	return (mods & ~(uint32_t)KEYC_SHIFT) | (uint32_t)cp;
}

/* "<button;col;rowM": wheel and left press; everything else is swallowed. */
static uint32_t mouse_key(const int *p, int n, char final, struct key_event *ev)
{
	if (n < 3 || final != 'M')
		return KEYC_NONE;
	ev->col = p[1] > 0 ? p[1] - 1 : 0;
	ev->row = p[2] > 0 ? p[2] - 1 : 0;
	return p[0] == 64 ? KEYC_WHEELUP : p[0] == 65 ? KEYC_WHEELDOWN : p[0] == 0 ? KEYC_CLICK : 0;
}

/* Reads decimal parameters separated by ";"; their number, or -1 when there is anything else. */
static int csi_params(const char *s, size_t n, int *p)
{
	int count = 1;

	memset(p, 0, PARAMS * sizeof(*p));
	for (size_t i = 0; i < n; i++) {
		if (s[i] == ';') {
			if (++count > PARAMS)
				return -1;
		} else if (s[i] >= '0' && s[i] <= '9') {
			if (p[count - 1] < KEYC_BASE)
				p[count - 1] = p[count - 1] * 10 + (s[i] - '0');
		} else {
			return -1;
		}
	}
	return count;
}

/* Key of a complete CSI sequence: s is what stands between "ESC [" and the final byte. */
static uint32_t csi_key(const char *s, size_t n, char final, struct key_event *ev)
{
	int p[PARAMS];

	if (n > 0 && s[0] == '<') {
		int count = csi_params(s + 1, n - 1, p);
		return mouse_key(p, count, final, ev);
	}
	int count = csi_params(s, n, p);
	if (count < 0)
		return KEYC_NONE;
	if (final == 'u')
		return key_of_number(p[0], csi_modifiers(p[1]));
	if (final == '~' && p[0] == 27 && count == 3)
		return key_of_number(p[2], csi_modifiers(p[1]));
	uint32_t code = csi_find(
		csi_keys, sizeof(csi_keys) / sizeof(*csi_keys), final, final == '~' ? p[0] : 0);
	return code ? code | csi_modifiers(p[1]) : KEYC_NONE;
}

/* What was made of the bytes at the front. */
struct step {
	size_t used; /* 0: more bytes are needed */
	uint32_t code;
	bool paste;
};

static struct step step_csi(const char *s, size_t n, struct key_event *ev)
{
	/* Linux's console sends F1 … F5 as ESC [ [ A … E. */
	if (n > 2 && s[2] == '[') {
		if (n < 4)
			return (struct step){0};
		bool fkey = s[3] >= 'A' && s[3] <= 'E';
		return (struct step){4, fkey ? KEYC_F1 + (uint32_t)(s[3] - 'A') : 0, false};
	}
	for (size_t i = 2; i < n; i++) {
		unsigned char b = (unsigned char)s[i];
		if (b < 0x20 || b > 0x7e || i > SEQUENCE_MAX)
			return (struct step){i, KEYC_NONE, false};
		if (b < 0x40)
			continue;
		if (i == 5 && memcmp(s + 2, "200~", 4) == 0)
			return (struct step){6, KEYC_NONE, true};
		return (struct step){i + 1, csi_key(s + 2, i - 2, s[i], ev), false};
	}
	return (struct step){0};
}

/* OSC, DCS and their kin: a reply to a query, up to ST or BEL. */
static struct step step_string(const char *s, size_t n)
{
	for (size_t i = 2; i < n; i++) {
		if (s[i] == 0x07)
			return (struct step){i + 1, KEYC_NONE, false};
		if (s[i] == ESC && i + 1 < n)
			return (struct step){s[i + 1] == '\\' ? i + 2 : i, KEYC_NONE, false};
		if (i > SEQUENCE_MAX)
			return (struct step){i, KEYC_NONE, false};
	}
	return (struct step){0};
}

static uint32_t control_key(unsigned char b)
{
	switch (b) {
	case '\r':
	case '\n':
		return KEYC_ENTER;
	case '\t':
		return KEYC_TAB;
	case 0x7f:
		return KEYC_BACKSPACE;
	case 0:
		return KEYC_CTRL | ' ';
	default:
		return KEYC_CTRL | (b < 0x1b ? b + 'a' - 1u : b + 0x40u);
	}
}

/* A character, plain or of several bytes; invalid bytes are swallowed one at a time. */
static struct step step_char(const char *s, size_t n)
{
	unsigned char b = (unsigned char)s[0];
	size_t len = b < 0xc2 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 1;
	uint32_t cp = b & (0x7fu >> len);

	if (b < 0x20 || b == 0x7f)
		return (struct step){1, control_key(b), false};
	if (b < 0x80)
		return (struct step){1, b, false};
	if (len == 1)
		return (struct step){1, KEYC_NONE, false};
	for (size_t i = 1; i < len; i++) {
		if (i >= n)
			return (struct step){0};
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return (struct step){i, KEYC_NONE, false};
		cp = cp << 6 | ((unsigned char)s[i] & 0x3f);
	}
	bool valid = cp >= 0xa0 && cp < KEYC_BASE && (cp < 0xd800 || cp > 0xdfff);
	return (struct step){len, valid ? cp : KEYC_NONE, false};
}

static struct step step_escape(const char *s, size_t n, struct key_event *ev)
{
	if (n < 2)
		return (struct step){0};
	switch (s[1]) {
	case '[':
		return step_csi(s, n, ev);
	case 'O':
		if (n < 3)
			return (struct step){0};
		return (struct step){3,
			csi_find(ss3_keys, sizeof(ss3_keys) / sizeof(*ss3_keys), s[2], 0), false};
	case ']':
	case 'P':
	case '_':
	case '^':
	case 'X':
		return step_string(s, n);
	case ESC:
		return (struct step){1, KEYC_ESC, false};
	default:
		break;
	}
	struct step next = step_char(s + 1, n - 1);
	if (next.used == 0)
		return next;
	return (struct step){next.used + 1, next.code ? next.code | KEYC_ALT : 0, false};
}

/* How long an unfinished front may still grow. */
static int64_t wait_for(const struct keys *k)
{
	if (k->in_paste)
		return PASTE_WAIT_MS;
	return k->in.data[0] == ESC && k->in.len <= 2 ? ESC_WAIT_MS : REST_WAIT_MS;
}

/* Time is up for an unfinished front: a lone ESC, or Alt with a letter that begins sequences, is a
 * key; a longer fragment is dropped whole. */
static struct step step_overdue(const struct keys *k)
{
	const char *s = k->in.data;

	if (s[0] == ESC && k->in.len == 1)
		return (struct step){1, KEYC_ESC, false};
	if (s[0] == ESC && k->in.len == 2 && (unsigned char)s[1] < 0x80)
		return (struct step){2, KEYC_ALT | (unsigned char)s[1], false};
	return (struct step){k->in.len, KEYC_NONE, false};
}

/* Moves pasted bytes over; true when the paste is complete. */
static bool paste_take(struct keys *k, int64_t now_ms)
{
	size_t end_len = sizeof(paste_end) - 1;
	const char *end = memmem(buf_text(&k->in), k->in.len, paste_end, end_len);
	bool overdue = now_ms - k->fed_ms >= PASTE_WAIT_MS;
	size_t take = end ? (size_t)(end - k->in.data) : k->in.len;

	/* The last bytes may be the first half of the end mark. */
	if (!end && !overdue)
		take = take >= end_len ? take - (end_len - 1) : 0;
	size_t room = PASTE_MAX > k->paste.len ? PASTE_MAX - k->paste.len : 0;
	if (take)
		buf_add(&k->paste, k->in.data, take < room ? take : room);
	buf_consume(&k->in, take + (end ? end_len : 0));
	return end || overdue;
}

bool keys_next(struct keys *k, int64_t now_ms, struct key_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	if (k->paste_given) {
		buf_reset(&k->paste);
		k->paste_given = false;
	}
	while (k->in_paste || k->in.len > 0) {
		if (k->in_paste) {
			if (!paste_take(k, now_ms))
				return false;
			k->in_paste = false;
			k->paste_given = true;
			*ev = (struct key_event){.code = KEYC_PASTE,
				.at_ms = k->fed_ms,
				.paste = buf_text(&k->paste),
				.paste_len = k->paste.len};
			return true;
		}
		const char *s = k->in.data;
		struct step step =
			s[0] == ESC ? step_escape(s, k->in.len, ev) : step_char(s, k->in.len);
		if (step.used == 0) {
			if (now_ms - k->fed_ms < wait_for(k))
				return false;
			step = step_overdue(k);
		}
		buf_consume(&k->in, step.used);
		k->in_paste = step.paste;
		if (step.code == KEYC_NONE)
			continue;
		ev->code = step.code;
		ev->at_ms = k->fed_ms;
		return true;
	}
	return false;
}

int keys_wait_ms(const struct keys *k, int64_t now_ms)
{
	if (!k->in_paste && k->in.len == 0)
		return -1;
	int64_t left = k->fed_ms + wait_for(k) - now_ms;
	return left > 0 ? (int)left : 0;
}
