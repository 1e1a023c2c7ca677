/* term.c: the terminal through ncurses: opening, sizes, sending what changed, reading. Signals and
 * the way back are in term_signal.c, which knows no ncurses. Used by the app alone. */
#include "tui/term.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "tui/chars.h"
#include "tui/term_signal.h"
#include "tui/terminfo.h"

enum { TERM_MAX = 1000, COPY_MAX = 74994, READ_MAX = 1 << 16, DIRECT = 1 << 24 };

struct term {
	SCREEN *screen;
	struct term_options opt;
	enum charset charset;
	bool utf8;
	bool modern;	 /* knows bracketed paste and the clipboard: not a vt100 */
	bool by_lines;	 /* cannot move its cursor (TERM=dumb): frames follow one another */
	bool default_ok; /* the terminal can go back to its own colours */
	int colors;	 /* 0 in mono */
	int rows, cols;
	struct canvas *sent; /* what is on the screen */
	bool cursor_shown;
	bool gone;
	attr_t attr[ROLE_COUNT];
	struct buf restore; /* bytes that give the screen back, for term_signal.c */
};

/* Sends bytes beside ncurses, between frames; gives up when the terminal takes none for 1 s. */
static int term_send(struct term *t, const char *data, size_t n)
{
	while (n > 0) {
		struct pollfd p = {STDOUT_FILENO, POLLOUT, 0};
		if (poll(&p, 1, 1000) <= 0 || (p.revents & (POLLERR | POLLHUP)))
			break;
		ssize_t sent = write(STDOUT_FILENO, data, n);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			break;
		data += sent;
		n -= (size_t)sent;
	}
	if (n > 0)
		t->gone = true;
	return n ? ERR_FAILED : 0;
}

static bool has_prefix(const char *s, const char *const *prefixes)
{
	for (; *prefixes; prefixes++) {
		if (strncmp(s, *prefixes, strlen(*prefixes)) == 0)
			return true;
	}
	return false;
}

static bool env_says_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);
		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

/* What the locale can show. A UTF-8 locale that this machine does not have (it came over SSH) is
 * replaced by C.UTF-8. */
static void term_choose_charset(struct term *t, const char *type)
{
	static const char *const plain[] = {"vt", "dumb", "ansi", "unknown", NULL};

	if (!setlocale(LC_CTYPE, "") && env_says_utf8())
		setlocale(LC_CTYPE, "C.UTF-8");
	t->utf8 = strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
	t->modern = !has_prefix(type, plain) && strcmp(type, "linux") != 0;
	if (t->opt.charset >= 0)
		t->charset = (enum charset)t->opt.charset;
	else if (has_prefix(type, plain))
		t->charset = CHARSET_ASCII;
	else
		t->charset = strncmp(type, "linux", 5) == 0 ? CHARSET_BLOCKS : CHARSET_BRAILLE;
	if (!t->utf8)
		t->charset = CHARSET_ASCII;
}

/* Of "xterm-256color" the description with direct colours, when COLORTERM asks for it and the
 * machine has it; else type itself. */
static void term_choose_type(const struct term *t, const char *type, char *out, size_t size)
{
	const char *wish = getenv("COLORTERM"), *end = strstr(type, "-256color");
	char *direct;

	str_copy(out, size, type);
	if (t->opt.color != TERM_COLOR_AUTO || !wish || !end || end[9] != '\0')
		return;
	if (strcmp(wish, "truecolor") != 0 && strcmp(wish, "24bit") != 0)
		return;
	direct = xasprintf("%.*s-direct", (int)(end - type), type);
	if (terminfo_known(direct) == 1)
		str_copy(out, size, direct);
	free(direct);
}

/* A sentence for a TERM that nobody here knows; 0 when it is known. */
static int term_check_type(const char *type, struct err *e)
{
	if (!type || !*type) {
		err_set(e, ERR_FAILED, "TERM is not set, so the terminal's language is unknown");
		return err_hint(e, "set it: export TERM=xterm-256color");
	}
	int known = terminfo_known(type);
	if (known > 0)
		return 0;
	if (known < 0)
		err_set(e, ERR_FAILED, "no terminal descriptions (terminfo) found on this machine");
	else
		err_set(e, ERR_FAILED, "terminal type TERM=%s is unknown on this machine", type);
	return err_hint(e, "try TERM=xterm-256color, or install the package ncurses-term");
}

static void term_choose_colors(struct term *t)
{
	const char *no = getenv("NO_COLOR");
	int most = t->opt.color == TERM_COLOR_16    ? 16
		   : t->opt.color == TERM_COLOR_256 ? 256
						    : DIRECT;

	t->colors = 0;
	if (t->opt.color == TERM_COLOR_NEVER)
		return;
	if (t->opt.color == TERM_COLOR_AUTO && no && *no)
		return;
	/* Without start_color ncurses sends no colour at all. */
	if (!has_colors() || start_color() == ERR || COLORS < 8 || COLOR_PAIRS <= ROLE_COUNT)
		return;
	t->default_ok = use_default_colors() == OK;
	t->colors = COLORS < most ? COLORS : most;
	t->colors = t->colors >= DIRECT ? DIRECT
		    : t->colors >= 256	? 256
		    : t->colors >= 16	? 16
					: 8;
}

static void term_modes(struct term *t, bool on)
{
	struct buf b = {0};

	if (t->modern)
		buf_adds(&b, on ? "\033[?2004h" : "\033[?2004l");
	if (t->modern && t->opt.mouse)
		buf_adds(&b, on ? "\033[?1000h\033[?1006h" : "\033[?1006l\033[?1000l");
	term_send(t, buf_text(&b), b.len);
	buf_release(&b);
}

/* The bytes that a dying process still sends. */
static void term_prepare_restore(struct term *t)
{
	if (t->modern)
		buf_adds(&t->restore, "\033[?2004l");
	if (t->modern && t->opt.mouse)
		buf_adds(&t->restore, "\033[?1006l\033[?1000l");
	buf_adds(&t->restore, terminfo_string("sgr0"));
	if (t->colors)
		buf_adds(&t->restore, terminfo_string("op"));
	buf_adds(&t->restore, terminfo_string("cnorm"));
	buf_adds(&t->restore, terminfo_string("rmcup"));
	term_signal_set_restore(buf_text(&t->restore), t->restore.len);
}

static void term_measure(struct term *t)
{
	struct winsize ws = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_row == 0 || ws.ws_col == 0) {
		ws.ws_row = (unsigned short)LINES;
		ws.ws_col = (unsigned short)COLS;
	}
	t->rows = ws.ws_row > TERM_MAX ? TERM_MAX : ws.ws_row;
	t->cols = ws.ws_col > TERM_MAX ? TERM_MAX : ws.ws_col;
}

static void term_setup_screen(struct term *t)
{
	set_escdelay(25);
	raw();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	scrollok(stdscr, FALSE);
	/* Lets ncurses scroll a list with two short codes instead of sending the page again. */
	idlok(stdscr, TRUE);
	t->cursor_shown = t->opt.cursor_visible;
	curs_set(t->cursor_shown ? 1 : 0);
	term_choose_colors(t);
	term_measure(t);
	if (LINES != t->rows || COLS != t->cols)
		resize_term(t->rows, t->cols);
}

int term_open(const struct term_options *o, struct term **out, struct err *e)
{
	const char *type = getenv("TERM");
	char chosen[128];
	struct theme plain = {0};
	int rc;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		err_set(e, ERR_FAILED, "the console needs a terminal for its input and output");
		return err_hint(e, "in scripts use the commands, such as 'pithead status --json'");
	}
	rc = term_check_type(type, e);
	if (rc < 0)
		return rc;
	struct term *t = xcalloc(1, sizeof(*t));
	t->opt = *o;
	term_choose_charset(t, type);
	term_choose_type(t, type, chosen, sizeof(chosen));
	term_signal_save();
	use_tioctl(TRUE);
	t->screen = newterm(chosen, stdout, stdin);
	if (!t->screen) {
		free(t);
		return err_set(e, ERR_FAILED, "terminal type TERM=%s cannot be used", chosen);
	}
	set_term(t->screen);
	term_setup_screen(t);
	term_prepare_restore(t);
	term_signal_start();
	t->sent = canvas_new(t->rows, t->cols, t->charset);
	for (int i = 0; i < ROLE_COUNT; i++)
		plain.style[i] = (struct theme_style){THEME_DEFAULT, THEME_DEFAULT, 0};
	term_set_theme(t, &plain);
	/* The first refresh clears the screen; a terminal without a cursor would scroll for it. */
	t->by_lines = *terminfo_string("cup") == '\0';
	if (!t->by_lines)
		refresh();
	term_modes(t, true);
	*out = t;
	return 0;
}

void term_close(struct term *t)
{
	if (!t)
		return;
	if (!t->gone)
		term_modes(t, false);
	endwin();
	term_signal_end();
	delscreen(t->screen);
	canvas_free(t->sent);
	buf_release(&t->restore);
	free(t);
}

int term_input_fd(const struct term *t)
{
	(void)t;
	return STDIN_FILENO;
}

int term_signal_fd(const struct term *t)
{
	(void)t;
	return term_signal_pipe();
}

void term_size(const struct term *t, int *rows, int *cols)
{
	*rows = t->rows;
	*cols = t->cols;
}

enum charset term_charset(const struct term *t)
{
	return t->charset;
}

bool term_low_bandwidth(const struct term *t)
{
	return t->opt.low_bandwidth;
}

int term_colors(const struct term *t)
{
	return t->colors;
}

/* Makes every cell differ, so that the next flush hands all of them over. */
static void term_forget(struct term *t)
{
	canvas_clear(t->sent);
	for (int i = 0; i < t->sent->rows * t->sent->cols; i++)
		t->sent->cells[i].role = ROLE_COUNT;
}

/* A theme's colour as a number of this terminal. */
static int term_color(const struct term *t, const struct theme *theme, int color, bool background)
{
	if (color == THEME_DEFAULT && t->default_ok)
		return -1;
	if (t->colors == DIRECT) {
		/* The first eight numbers mean the palette there, all others red, green, blue. */
		return color >= 0 && color < 8 ? color : (int)theme_rgb(theme, color, background);
	}
	if (color >= 0 && color < t->colors)
		return color;
	return theme_nearest(theme_rgb(theme, color, background), t->colors);
}

void term_set_theme(struct term *t, const struct theme *theme)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		const struct theme_style *s = &theme->style[i];
		attr_t attr = A_NORMAL;

		if (s->attrs & ATTR_BOLD)
			attr |= A_BOLD;
		if (s->attrs & ATTR_REVERSE)
			attr |= A_REVERSE;
		if (s->attrs & ATTR_UNDERLINE)
			attr |= A_UNDERLINE;
		if (t->colors > 0) {
			int fg = term_color(t, theme, s->fg, false);
			int bg = term_color(t, theme, s->bg, true);
			/* Few colours may make both the same: reverse says it then. */
			if (fg == bg && fg != -1) {
				fg = bg = t->default_ok ? -1 : fg == 0 ? 7 : 0;
				attr |= A_REVERSE;
			}
			init_extended_pair(i + 1, fg, bg);
		} else if (s->bg != THEME_DEFAULT) {
			attr |= A_REVERSE;
		}
		t->attr[i] = attr;
	}
	/* No clear: ncurses finds out by itself which cells look different. */
	term_forget(t);
}

static void term_put_cell(const struct term *t, int row, int col, const struct cell *cell)
{
	wchar_t text[4] = {0};
	cchar_t cc;
	attr_t attr = t->attr[cell->role];

	for (int i = 0; i < 3 && cell->ch[i]; i++)
		text[i] = (wchar_t)cell->ch[i];
	/* The canvas took care of this; the last gate does not rely on it. */
	if (!t->utf8 && text[0] >= 0x7f) {
		text[0] = (wchar_t)char_plain_form((uint32_t)text[0]);
		text[1] = 0;
	}
	if (text[0] < 0x20)
		text[0] = L' ';
	if (cell->attrs & ATTR_BOLD)
		attr |= A_BOLD;
	if (cell->attrs & ATTR_REVERSE)
		attr ^= A_REVERSE;
	if (cell->attrs & ATTR_UNDERLINE)
		attr |= A_UNDERLINE;
	if (setcchar(&cc, text, attr, (short)(t->colors ? cell->role + 1 : 0), NULL) == OK)
		mvadd_wch(row, col, &cc);
}

/* Hands one row to ncurses: only cells that differ, all of it when wide characters are about.
 * Returns whether there were any. */
static bool term_put_row(const struct term *t, const struct canvas *c, int row)
{
	const struct cell *now = &c->cells[row * c->cols], *was = &t->sent->cells[row * c->cols];
	bool wide = false;

	if (memcmp(now, was, (size_t)c->cols * sizeof(*now)) == 0)
		return false;
	for (int col = 0; col < c->cols && !wide; col++)
		wide = now[col].width != 1 || was[col].width != 1;
	for (int col = 0; col < c->cols; col++) {
		if (now[col].width == 0)
			continue;
		if (wide || memcmp(&now[col], &was[col], sizeof(*now)) != 0)
			term_put_cell(t, row, col, &now[col]);
	}
	return true;
}

/* The whole frame as lines of text; the canvas holds nothing but ASCII on such a terminal. */
static void term_put_lines(struct term *t, const struct canvas *c)
{
	size_t size = (size_t)c->rows * (size_t)c->cols * sizeof(*c->cells);
	struct buf frame = {0}, text = {0};

	if (memcmp(t->sent->cells, c->cells, size) == 0)
		return;
	canvas_dump(c, &frame);
	for (size_t i = 0; i < frame.len; i++) {
		if (frame.data[i] == '\n')
			buf_addc(&text, '\r');
		buf_addc(&text, frame.data[i]);
	}
	term_send(t, buf_text(&text), text.len);
	memcpy(t->sent->cells, c->cells, size);
	buf_release(&frame);
	buf_release(&text);
}

int term_flush(struct term *t, const struct canvas *c)
{
	bool changed = false, show = t->opt.cursor_visible || c->caret;
	struct termios alive;

	if (t->gone)
		return ERR_FAILED;
	/* A canvas of another size is of before a resize: the next one is on its way. */
	if (c->rows != t->sent->rows || c->cols != t->sent->cols)
		return 0;
	if (t->by_lines) {
		term_put_lines(t, c);
		return t->gone ? ERR_FAILED : 0;
	}
	for (int row = 0; row < c->rows; row++)
		changed |= term_put_row(t, c, row);
	bool moved = c->cursor_row >= 0 &&
		     (c->cursor_row != t->sent->cursor_row || c->cursor_col != t->sent->cursor_col);
	if (!changed && !moved && show == t->cursor_shown)
		return 0;
	if (show != t->cursor_shown)
		curs_set(show ? 1 : 0);
	t->cursor_shown = show;
	if (c->cursor_row >= 0)
		move(c->cursor_row, c->cursor_col);
	refresh();
	memcpy(t->sent->cells, c->cells, (size_t)c->rows * (size_t)c->cols * sizeof(*c->cells));
	t->sent->cursor_row = c->cursor_row;
	t->sent->cursor_col = c->cursor_col;
	/* ncurses does not tell that a write failed: ask whether the terminal is there. */
	if (tcgetattr(STDOUT_FILENO, &alive) < 0)
		t->gone = true;
	return t->gone ? ERR_FAILED : 0;
}

void term_redraw(struct term *t)
{
	term_forget(t);
	clearok(curscr, TRUE);
}

int term_read(struct term *t, struct keys *k, int64_t now_ms)
{
	char bytes[4096];
	int total = 0;

	while (total < READ_MAX && !t->gone) {
		struct pollfd p = {STDIN_FILENO, POLLIN, 0};
		int ready = poll(&p, 1, 0);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			break;
		ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		/* End of file and EIO are the same here: the line was hung up. */
		if (n <= 0) {
			t->gone = true;
			break;
		}
		keys_feed(k, bytes, (size_t)n, now_ms);
		total += (int)n;
	}
	return t->gone ? ERR_FAILED : total;
}

void term_discard_input(struct term *t)
{
	(void)t;
	tcflush(STDIN_FILENO, TCIFLUSH);
}

static bool term_take_size(struct term *t)
{
	term_measure(t);
	if (t->rows == t->sent->rows && t->cols == t->sent->cols)
		return false;
	resize_term(t->rows, t->cols);
	canvas_resize(t->sent, t->rows, t->cols);
	erase();
	term_redraw(t);
	return true;
}

unsigned term_events(struct term *t)
{
	unsigned bits = term_signal_take();

	if ((bits & TERM_RESIZED) && !term_take_size(t))
		bits &= ~(unsigned)TERM_RESIZED;
	if (bits & TERM_CONTINUED) {
		/* Whoever had the terminal meanwhile left it in a state of their own. */
		term_leave(t);
		term_enter(t);
		bits |= TERM_RESIZED;
	}
	if (t->gone)
		bits |= TERM_END;
	return bits;
}

void term_leave(struct term *t)
{
	term_modes(t, false);
	endwin();
	term_signal_restore_modes();
}

void term_enter(struct term *t)
{
	reset_prog_mode();
	term_take_size(t);
	if (t->by_lines) {
		term_forget(t);
		return;
	}
	clearok(curscr, TRUE);
	refresh();
	curs_set(t->cursor_shown ? 1 : 0);
	term_modes(t, true);
}

void term_suspend(struct term *t)
{
	term_leave(t);
	term_signal_stop();
	term_enter(t);
}

static void base64(struct buf *out, const unsigned char *s, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16;
		v |= i + 1 < n ? (uint32_t)s[i + 1] << 8 : 0;
		v |= i + 2 < n ? (uint32_t)s[i + 2] : 0;
		buf_addc(out, digits[v >> 18 & 63]);
		buf_addc(out, digits[v >> 12 & 63]);
		buf_addc(out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_addc(out, i + 2 < n ? digits[v & 63] : '=');
	}
}

int term_copy(struct term *t, const char *data, size_t n, struct err *e)
{
	struct buf code = {0};
	int rc;

	if (n > COPY_MAX)
		return err_set(e, ERR_TOO_LARGE,
			"%zu bytes are more than the %d that terminals take into the clipboard", n,
			(int)COPY_MAX);
	if (!t->modern)
		return err_set(e, ERR_UNAVAILABLE, "this terminal has no clipboard to offer");
	/* tmux may take the code itself or pass it on, by its settings: it gets both. */
	if (getenv("TMUX"))
		buf_adds(&code, "\033Ptmux;\033\033]52;c;");
	else if (getenv("STY"))
		buf_adds(&code, "\033P\033]52;c;");
	if (code.len) {
		base64(&code, (const unsigned char *)data, n);
		buf_adds(&code, "\a\033\\");
	}
	if (!getenv("STY") || getenv("TMUX")) {
		buf_adds(&code, "\033]52;c;");
		base64(&code, (const unsigned char *)data, n);
		buf_adds(&code, "\a");
	}
	rc = term_send(t, buf_text(&code), code.len);
	buf_release(&code);
	return rc < 0 ? err_set(e, ERR_FAILED, "the terminal took no more bytes") : 0;
}
