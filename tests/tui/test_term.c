/* test_term.c: the terminal seen from outside, over a pty: what is sent, and that it is given back
 * on every way out. The program under test is a table of 100,000 rows in a loop as the console's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "tui/keymap.h"
#include "tui/keys.h"
#include "tui/term.h"
#include "tui/widget/table.h"

enum { ROWS = 100000 };

/* What the child tells: shared memory, so that nothing but frames is on the terminal. */
struct shared {
	volatile int frames, moves, stops, row;
	volatile bool modes_kept;
	volatile bool go; /* told the child: the terminal's modes have been read */
};

static struct shared *shared;

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_ms(void)
{
	return now_us() / 1000;
}

/* ---- the child: a small console ------------------------------------------------------------- */

static size_t rows_count(void *ctx)
{
	(void)ctx;
	return ROWS;
}

static uint64_t rows_id(void *ctx, size_t row)
{
	(void)ctx;
	return row + 1;
}

static void rows_cell(void *ctx, size_t row, int column, struct table_cell *out)
{
	static const char *const names[] = {
		"delay", "eta", "\033[31mEVIL", "日本語", "refund\xff", "\u202enightly"};
	static const enum role roles[] = {ROLE_ok, ROLE_watch, ROLE_harm};

	(void)ctx;
	out->text = out->space;
	if (column == 0)
		snprintf(out->space, sizeof(out->space), "13:%02zu:%02zu", row / 60 % 60, row % 60);
	else if (column == 1)
		out->text = names[row % 6];
	else if (column == 2)
		out->role = roles[row % 3], out->text = glyph_word((enum glyph)(row % 4));
	else
		snprintf(out->space, sizeof(out->space), "canary #%zu by person %zu", row,
			row * 7919);
}

static const struct table_column columns[] = {
	{.title = "TIME", .width = 8},
	{.title = "ENDPOINT", .width = 10},
	{.title = "STATE", .width = 9},
	{.title = "WHAT", .width = 10, .flex = 1, .drop = 1},
};

static void child_draw(struct term *t, struct canvas *c, struct table *table)
{
	char status[128];

	canvas_clear(c);
	canvas_put_left(c, 0, 0, c->cols, ROLE_title, 0, " pithead");
	table_draw(table, c, (struct rect){1, 0, c->rows - 2, c->cols}, true);
	canvas_put(c, c->rows - 1, 0, ROLE_dim, 0, table_status(table, status, sizeof(status)));
	term_flush(t, c);
	shared->frames++;
	shared->row = (int)table_selected_id(table) - 1;
}

/* One key; false to leave. */
static bool child_key(
	struct term *t, struct table *table, const struct keymap *keymap, uint32_t code)
{
	static const char *const sections[] = {"list", "global", NULL};
	const char *command = keymap_lookup(keymap, sections, code);

	shared->moves += code == KEYC_DOWN;
	if (code == KEYC_CTRL + '\\')
		abort();
	if (code == 'E')
		exit(7);
	if (!command)
		return true;
	if (strcmp(command, "suspend") == 0)
		term_suspend(t);
	return strcmp(command, "quit") != 0 && (table_act(table, command) || true);
}

static int child_loop(struct term *t, struct canvas *c, struct table *table, struct keymap *keymap)
{
	struct keys *keys = keys_new();
	struct key_event ev;
	bool go = true;

	while (go) {
		int rows, cols;
		child_draw(t, c, table);
		struct pollfd p[2] = {
			{term_input_fd(t), POLLIN, 0}, {term_signal_fd(t), POLLIN, 0}};
		poll(p, 2, keys_wait_ms(keys, now_ms()));
		unsigned bits = term_events(t);
		if (bits & TERM_STOP)
			term_suspend(t);
		if (bits & TERM_END || term_read(t, keys, now_ms()) < 0)
			break;
		term_size(t, &rows, &cols);
		if (rows != c->rows || cols != c->cols)
			canvas_resize(c, rows, cols);
		while (go && keys_next(keys, now_ms(), &ev))
			go = child_key(t, table, keymap, ev.code);
	}
	keys_free(keys);
	return 0;
}

static int child_run(const struct term_options *opt)
{
	const struct table_source src = {NULL, rows_count, rows_cell, rows_id, NULL};
	struct theme theme = {0};
	struct err e = {0};
	struct term *t;
	int rows, cols;

	if (term_open(opt, &t, &e) < 0) {
		printf("%s (%s)\n", e.message, e.hint);
		return 1;
	}
	theme_load(&theme, "dark", NULL);
	term_set_theme(t, &theme);
	term_size(t, &rows, &cols);
	struct canvas *c = canvas_new(rows, cols, term_charset(t));
	c->low_bandwidth = term_low_bandwidth(t);
	struct table *table = table_new(columns, 4, &src);
	struct keymap *keymap = keymap_new(NULL);
	int rc = child_loop(t, c, table, keymap);
	term_close(t);
	canvas_free(c);
	table_free(table);
	keymap_free(keymap);
	return rc;
}

/* ---- the outside ---------------------------------------------------------------------------- */

struct world {
	const char *term, *lang, *no_color, *colorterm;
	struct term_options opt;
	bool below_shell, ignore_hangup; /* a job of a shell; SIGHUP blocked */
	int rows, cols;
};

struct session {
	int fd;
	pid_t pid;
	struct termios modes;
	struct buf out; /* everything since the start */
};

static struct world world_plain(void)
{
	return (struct world){.term = "xterm-256color",
		.lang = "C.UTF-8",
		.opt = {.charset = -1},
		.rows = 24,
		.cols = 80};
}

static void env_set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_lflag == b->c_lflag &&
	       a->c_cflag == b->c_cflag;
}

/* A shell's part: runs the console as a job, and when it stops looks at the terminal and goes on.
 */
static int shell_run(const struct world *w)
{
	struct termios before, at_stop;
	int status;

	tcgetattr(0, &before);
	signal(SIGTTOU, SIG_IGN);
	pid_t job = fork();
	if (job == 0) {
		setpgid(0, 0);
		tcsetpgrp(0, getpid());
		signal(SIGTTOU, SIG_DFL);
		_exit(child_run(&w->opt));
	}
	setpgid(job, job);
	tcsetpgrp(0, job);
	while (waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
		tcsetpgrp(0, getpid());
		tcgetattr(0, &at_stop);
		shared->modes_kept = same_modes(&before, &at_stop);
		shared->stops++;
		tcsetpgrp(0, job);
		kill(-job, SIGCONT);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* Asked by the leak sanitizer at exit, where there is one: a child shares what its parent has not
 * freed yet, and looking for leaks takes longer than a terminal may wait. */
static bool in_child;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return in_child;
}

static struct session session_start(struct world w)
{
	struct winsize size = {.ws_row = (unsigned short)w.rows, .ws_col = (unsigned short)w.cols};
	struct session s = {0};

	memset(shared, 0, sizeof(*shared));
	s.pid = forkpty(&s.fd, NULL, NULL, &size);
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		in_child = true;
		while (!shared->go)
			usleep(1000);
		env_set("TERM", w.term);
		env_set("LC_ALL", w.lang);
		env_set("NO_COLOR", w.no_color);
		env_set("COLORTERM", w.colorterm);
		unsetenv("TMUX");
		if (w.ignore_hangup) {
			sigset_t hup;
			sigemptyset(&hup);
			sigaddset(&hup, SIGHUP);
			sigprocmask(SIG_BLOCK, &hup, NULL);
		}
		exit(w.below_shell ? shell_run(&w) : child_run(&w.opt));
	}
	tcgetattr(s.fd, &s.modes);
	shared->go = true;
	fcntl(s.fd, F_SETFL, O_NONBLOCK);
	return s;
}

/* Reads until nothing came for quiet_ms (at least one byte and the first frame are waited for, up
 * to 5 s). Returns the bytes that came. */
static size_t session_read(struct session *s, int quiet_ms)
{
	size_t before = s->out.len;
	int64_t end = now_ms() + 5000;
	char bytes[8192];

	while (now_ms() < end) {
		struct pollfd p = {s->fd, POLLIN, 0};
		if (poll(&p, 1, quiet_ms) <= 0) {
			if (s->out.len > before && shared->frames > 0)
				break;
			continue;
		}
		ssize_t n = read(s->fd, bytes, sizeof(bytes));
		if (n <= 0 && errno != EAGAIN)
			break;
		if (n > 0)
			buf_add(&s->out, bytes, (size_t)n);
	}
	return s->out.len - before;
}

static const char *text_of(const struct session *s)
{
	return buf_text(&s->out);
}

/* Reads until a and, after it, b have come behind the first `at` bytes; false after 5 s. */
static bool session_until(struct session *s, size_t at, const char *a, const char *b)
{
	int64_t end = now_ms() + 5000;

	for (;;) {
		const char *found = s->out.len > at ? strstr(text_of(s) + at, a) : NULL;
		char bytes[8192];

		if (found && strstr(found, b))
			return true;
		struct pollfd p = {s->fd, POLLIN, 0};
		if (now_ms() > end)
			return false;
		ssize_t n = poll(&p, 1, 50) > 0 ? read(s->fd, bytes, sizeof(bytes)) : 0;
		if (n > 0)
			buf_add(&s->out, bytes, (size_t)n);
	}
}

static size_t session_keys(struct session *s, const char *keys)
{
	assert_int_equal(write(s->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
	return session_read(s, 40);
}

/* Waits for the end, at most ms; the wait status, or -1 when it still runs (it is killed then). */
static int session_end(struct session *s, int64_t ms)
{
	int64_t end = now_ms() + ms;
	int status = -1;

	while (waitpid(s->pid, &status, WNOHANG) == 0) {
		if (now_ms() > end) {
			kill(s->pid, SIGKILL);
			waitpid(s->pid, &status, 0);
			status = -1;
			break;
		}
		struct pollfd p = {s->fd, POLLIN, 0};
		poll(&p, s->fd >= 0, 5);
		if (p.revents & POLLIN)
			session_read(s, 5);
	}
	if (s->fd >= 0)
		session_read(s, 0);
	return status;
}

static void session_close(struct session *s)
{
	if (s->fd >= 0)
		close(s->fd);
	buf_release(&s->out);
}

static void session_quit(struct session *s)
{
	session_keys(s, "q");
	assert_int_equal(session_end(s, 2000), 0);
	session_close(s);
}

/* Whether any colour was sent: an SGR of 30 … 49 or 90 … 107. */
static bool has_color(const struct session *s)
{
	for (const char *p = text_of(s); (p = strstr(p, "\033[")) != NULL; p += 2) {
		const char *end = p + 2 + strspn(p + 2, "0123456789;:");
		if (*end != 'm')
			continue;
		for (const char *q = p + 2; q < end; q += strcspn(q, ";m") + 1) {
			int n = atoi(q);
			if ((n >= 30 && n <= 49) || (n >= 90 && n <= 107))
				return true;
		}
	}
	return false;
}

static bool has_non_ascii(const struct session *s)
{
	for (size_t i = 0; i < s->out.len; i++) {
		if ((unsigned char)s->out.data[i] >= 0x7f)
			return true;
	}
	return false;
}

/* The terminal as it was: modes, main screen, cursor, paste mode. */
static void assert_given_back(const struct session *s, const char *name)
{
	struct termios after;
	const char *rmcup = strstr(text_of(s), "\033[?1049l");

	if (!rmcup || !strstr(text_of(s), "\033[?2004l"))
		fail_msg("%s: screen or paste mode not given back", name);
	const char *at = text_of(s);
	for (const char *p = at; (p = strstr(p, "\033[?25l")) != NULL; p++)
		at = p;
	bool shown = strstr(at, "\033[?25h") || strstr(at, "\033[?12;25h");
	if (!shown)
		fail_msg("%s: the cursor stays hidden", name);
	assert_int_equal(tcgetattr(s->fd, &after), 0);
	if (!same_modes(&s->modes, &after))
		fail_msg("%s: terminal modes differ", name);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

static void test_down_costs_few_bytes(void **state)
{
	static const struct {
		bool low;
		size_t in_page, scrolling;
	} cases[] = {{false, 220, 400}, {true, 40, 400}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w = world_plain();
		w.opt.low_bandwidth = cases[i].low;
		struct session s = session_start(w);
		size_t start = session_read(&s, 80), page[15], scroll[15];
		for (int k = 0; k < 15; k++)
			page[k] = session_keys(&s, "\033[B");
		session_keys(&s, "\033[B\033[B\033[B\033[B\033[B\033[B\033[B\033[B");
		for (int k = 0; k < 15; k++)
			scroll[k] = session_keys(&s, "\033[B");
		qsort(page, 15, sizeof(*page), compare_sizes);
		qsort(scroll, 15, sizeof(*scroll), compare_sizes);
		print_message("low=%d: start %zu, Down %zu (max %zu), scrolling %zu (max %zu)\n",
			cases[i].low, start, page[7], page[14], scroll[7], scroll[14]);
		assert_true(page[7] > 0 && page[14] <= cases[i].in_page);
		assert_true(scroll[7] <= 220 && scroll[14] <= cases[i].scrolling);
		session_quit(&s);
	}
}

static void test_a_burst_is_drawn_once(void **state)
{
	struct session s = session_start(world_plain());
	struct buf burst = {0};

	(void)state;
	session_read(&s, 80);
	int frames = shared->frames;
	for (int i = 0; i < 100; i++)
		buf_adds(&burst, "\033[B");
	size_t sent = session_keys(&s, buf_text(&burst));
	print_message("burst: %d frames, %zu bytes\n", shared->frames - frames, sent);
	assert_int_equal(shared->moves, 100);
	assert_true(shared->frames - frames <= 3);
	assert_int_equal(shared->row, 100);
	assert_true(sent < 6000);
	/* One clear at the start, none with keys. */
	const char *clear = strstr(text_of(&s), "\033[2J");
	assert_true(!clear || !strstr(clear + 1, "\033[2J"));
	buf_release(&burst);
	session_quit(&s);
}

static void test_idle_sends_nothing(void **state)
{
	struct session s = session_start(world_plain());

	(void)state;
	session_read(&s, 100);
	struct pollfd p = {s.fd, POLLIN, 0};
	assert_int_equal(poll(&p, 1, 1500), 0);
	session_quit(&s);
}

static void test_colour_and_letters_follow_the_terminal(void **state)
{
	static const struct {
		const char *term, *lang, *no_color;
		enum term_color color;
		bool want_color, want_ascii;
	} cases[] = {
		{"xterm-256color", "C.UTF-8", NULL, TERM_COLOR_AUTO, true, false},
		{"xterm-256color", "C.UTF-8", "1", TERM_COLOR_AUTO, false, false},
		{"xterm-256color", "C.UTF-8", "", TERM_COLOR_AUTO, true, false},
		{"xterm-256color", "C.UTF-8", NULL, TERM_COLOR_NEVER, false, false},
		{"xterm-256color", "C", NULL, TERM_COLOR_AUTO, true, true},
		{"xterm-256color", "xx_YY.UTF-8", NULL, TERM_COLOR_AUTO, true, false},
		{"xterm", "C.UTF-8", NULL, TERM_COLOR_AUTO, true, false},
		{"linux", "C.UTF-8", NULL, TERM_COLOR_AUTO, true, false},
		{"vt100", "C.UTF-8", NULL, TERM_COLOR_AUTO, false, true},
		{"dumb", "C.UTF-8", NULL, TERM_COLOR_AUTO, false, true},
		{"xterm-mono", "C.UTF-8", NULL, TERM_COLOR_AUTO, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world w = world_plain();
		w.term = cases[i].term;
		w.lang = cases[i].lang;
		w.no_color = cases[i].no_color;
		w.opt.color = cases[i].color;
		struct session s = session_start(w);
		session_read(&s, 80);
		session_keys(&s, "\033[B\033[6~");
		if (has_color(&s) != cases[i].want_color)
			fail_msg("case %zu: colour", i);
		if (has_non_ascii(&s) == cases[i].want_ascii)
			fail_msg("case %zu: non-ASCII", i);
		if (strstr(text_of(&s), "\033[31mEVIL") || !strstr(text_of(&s), "[31mEVIL"))
			fail_msg("case %zu: data is not shown harmless: %s", i, text_of(&s));
		session_quit(&s);
	}
}

static void test_the_terminal_is_given_back(void **state)
{
	static const struct {
		const char *name, *keys;
		int signal;
		int exit_code; /* or minus the signal that it dies of */
	} cases[] = {
		{"q", "q", 0, 0},
		{"SIGTERM", NULL, SIGTERM, 0},
		{"SIGINT", NULL, SIGINT, 0},
		{"SIGHUP", NULL, SIGHUP, 0},
		{"C-c", "\003", 0, 0},
		{"abort", "\034", 0, -SIGABRT},
		{"exit", "E", 0, 7},
		{"SIGSEGV", NULL, SIGSEGV, -SIGSEGV},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct session s = session_start(world_plain());
		session_read(&s, 80);
		if (cases[i].keys)
			session_keys(&s, cases[i].keys);
		else
			kill(s.pid, cases[i].signal);
		int status = session_end(&s, 5000);
		int code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
		if (status == -1 || code != cases[i].exit_code)
			fail_msg("%s: ended with %d", cases[i].name, code);
		assert_given_back(&s, cases[i].name);
		session_close(&s);
	}
}

static void test_a_hang_up_is_the_end(void **state)
{
	(void)state;
	for (int ignore = 0; ignore < 2; ignore++) {
		struct world w = world_plain();
		w.ignore_hangup = ignore;
		struct session s = session_start(w);
		session_read(&s, 80);
		close(s.fd);
		s.fd = -1;
		assert_int_not_equal(session_end(&s, 1000), -1);
		session_close(&s);
	}
}

static void test_a_line_that_takes_nothing_does_not_hold_it(void **state)
{
	struct session s = session_start(world_plain());
	int status, waited = 0;

	(void)state;
	session_read(&s, 80);
	/* Keys, and nobody reads the frames: the child is stuck in a write. */
	for (int i = 0; i < 200; i++) {
		if (write(s.fd, "\033[6~", 4) < 0)
			break;
		poll(NULL, 0, 2);
	}
	kill(s.pid, SIGTERM);
	while (waitpid(s.pid, &status, WNOHANG) == 0 && waited++ < 500)
		poll(NULL, 0, 10);
	assert_true(waited < 500);
	session_close(&s);
}

static void test_control_z_gives_it_back_and_takes_it_again(void **state)
{
	struct world w = world_plain();
	w.below_shell = true;
	struct session s = session_start(w);

	(void)state;
	session_read(&s, 100);
	size_t at = s.out.len;
	session_keys(&s, "\032"); /* it stops, and is woken: that may take longer than a pause */
	assert_true(session_until(&s, at, "\033[?1049l", "\033[?1049h"));
	const char *left = strstr(text_of(&s) + at, "\033[?1049l");
	at += (size_t)(strstr(left, "\033[?1049h") - (text_of(&s) + at));
	assert_true(session_until(&s, at, "\033[?1049h", "pithead"));
	assert_int_equal(shared->stops, 1);
	assert_true(shared->modes_kept);
	assert_true(session_keys(&s, "\033[B") > 0);
	session_keys(&s, "q");
	assert_int_equal(session_end(&s, 5000), 0);
	assert_given_back(&s, "after C-z");
	session_close(&s);
}

static void test_any_size_is_survived(void **state)
{
	static const int sizes[][2] = {{1, 1}, {2, 10}, {5, 20}, {10, 40}, {200, 500}, {24, 80}};
	struct world w = world_plain();
	struct session s;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		w.rows = sizes[i][0];
		w.cols = sizes[i][1];
		s = session_start(w);
		session_read(&s, 60);
		session_quit(&s);
	}
	s = session_start(world_plain());
	session_read(&s, 60);
	for (int i = 0; i < 100; i++) {
		struct winsize size = {.ws_row = (unsigned short)sizes[i % 5][0],
			.ws_col = (unsigned short)sizes[i % 5][1]};
		ioctl(s.fd, TIOCSWINSZ, &size);
		session_read(&s, 1);
	}
	size_t at = s.out.len;
	struct winsize last = {.ws_row = 24, .ws_col = 80};
	ioctl(s.fd, TIOCSWINSZ, &last);
	assert_true(session_until(&s, at, "pithead", ""));
	session_quit(&s);
}

static void test_a_strange_terminal_is_a_sentence(void **state)
{
	static const char *const types[] = {"no-such-terminal", "", NULL};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world w = world_plain();
		w.term = types[i];
		struct session s = session_start(w);
		session_read(&s, 60);
		int status = session_end(&s, 5000);
		assert_int_equal(WEXITSTATUS(status), 1);
		assert_non_null(strstr(text_of(&s), "TERM"));
		assert_null(strstr(text_of(&s), "\033[?1049h"));
		session_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down_costs_few_bytes),
		cmocka_unit_test(test_a_burst_is_drawn_once),
		cmocka_unit_test(test_idle_sends_nothing),
		cmocka_unit_test(test_colour_and_letters_follow_the_terminal),
		cmocka_unit_test(test_the_terminal_is_given_back),
		cmocka_unit_test(test_a_hang_up_is_the_end),
		cmocka_unit_test(test_a_line_that_takes_nothing_does_not_hold_it),
		cmocka_unit_test(test_control_z_gives_it_back_and_takes_it_again),
		cmocka_unit_test(test_any_size_is_survived),
		cmocka_unit_test(test_a_strange_terminal_is_a_sentence),
	};
	int zero = open("/dev/zero", O_RDWR | O_CLOEXEC); /* memory that a child shares */

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
	close(zero);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
