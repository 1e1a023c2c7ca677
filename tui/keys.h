/* keys.h: key names <-> codes, and a decoder from terminal bytes to keys. Pure: bytes and time are
 * given to it, so that it is tested without a terminal. Understands UTF-8, Alt as ESC prefix,
 * xterm/vt/linux/rxvt sequences with modifiers, bracketed paste and SGR mouse wheel and clicks;
 * swallows replies to terminal queries and sequences it does not know. */
#ifndef PITHEAD_TUI_KEYS_H
#define PITHEAD_TUI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key is a code point or one of these, with modifier bits. Control letters are
 * KEYC_CTRL | 'b'. Enter, Tab, Esc, Space, Backspace have codes of their own. */
enum {
	KEYC_NONE = 0,
	KEYC_BASE = 0x110000,
	KEYC_ENTER,
	KEYC_TAB,
	KEYC_ESC,
	KEYC_BACKSPACE,
	KEYC_UP,
	KEYC_DOWN,
	KEYC_LEFT,
	KEYC_RIGHT,
	KEYC_HOME,
	KEYC_END,
	KEYC_PAGEUP,
	KEYC_PAGEDOWN,
	KEYC_INSERT,
	KEYC_DELETE,
	KEYC_WHEELUP,
	KEYC_WHEELDOWN,
	KEYC_CLICK, /* row and col of the event say where */
	KEYC_PASTE, /* paste and paste_len of the event hold the text */
	KEYC_F1,    /* F2 … F20 follow */
	KEYC_F20 = KEYC_F1 + 19,
	KEYC_MASK = 0x00ffffff,
	KEYC_CTRL = 0x01000000,
	KEYC_ALT = 0x02000000,
	KEYC_SHIFT = 0x04000000, /* with special keys only; a capital letter is its own code */
};

struct key_event {
	uint32_t code;
	int64_t at_ms;	   /* monotonic time at which its last byte was read */
	const char *paste; /* KEYC_PASTE: the pasted bytes, borrowed until the next keys_next */
	size_t paste_len;
	int row, col; /* KEYC_CLICK, KEYC_WHEEL*: where, from 0 */
};

struct keys;

/* A decoder; ended by keys_free. */
struct keys *keys_new(void);
void keys_free(struct keys *k);

/* Gives n bytes read at now_ms. */
void keys_feed(struct keys *k, const char *bytes, size_t n, int64_t now_ms);

/* Takes the next key; false when none is complete. A lone ESC becomes a key 25 ms after it came.
 * Apply all keys, then draw once. */
bool keys_next(struct keys *k, int64_t now_ms, struct key_event *ev);

/* Milliseconds to wait until keys_next may have more without new bytes; -1 for never. */
int keys_wait_ms(const struct keys *k, int64_t now_ms);

/* Forgets all that was fed and not taken; used when a dialog opens. */
void keys_discard(struct keys *k);

/* The code of a name: "x", "X", "C-b", "M-x", "F5", "Enter", "S-Up", "Space", "PageDown", "?".
 * KEYC_NONE when it is no key. */
uint32_t key_parse(const char *name);

/* The name of a code into out (24 bytes needed); returns out. */
char *key_format(uint32_t code, char *out, size_t size);

/* The character that the key types, or 0 when it types none. */
uint32_t key_text(uint32_t code);

#endif
