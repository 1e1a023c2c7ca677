/* term_signal.c: what must work inside a signal handler. Holds the one piece of global state that
 * the console has, because handlers get no argument. No ncurses here: nothing but write,
 * tcsetattr and flags. */
#include "tui/term_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tui/term.h"

/* How long a polite end may take before the process ends by itself: the app may be stuck in a
 * write to a line that nobody reads. */
enum { END_SECONDS = 3 };

struct signal_row {
	int number;
	unsigned event; /* bits for the app; 0: the process dies of it */
};

static const struct signal_row signal_rows[] = {
	{SIGWINCH, TERM_RESIZED},
	{SIGCONT, TERM_CONTINUED},
	{SIGTSTP, TERM_STOP},
	{SIGTERM, TERM_END},
	{SIGINT, TERM_END},
	{SIGHUP, TERM_END},
	{SIGQUIT, TERM_END},
	{SIGALRM, 0},
	{SIGABRT, 0},
	{SIGSEGV, 0},
	{SIGBUS, 0},
	{SIGFPE, 0},
	{SIGILL, 0},
	{SIGTTOU, 0},
	{SIGPIPE, 0},
};

enum { SIGNALS = sizeof(signal_rows) / sizeof(*signal_rows) };

static struct {
	volatile sig_atomic_t came[SIGNALS];
	volatile sig_atomic_t armed; /* the terminal is ours and must be given back */
	int pipe[2];
	struct termios modes;
	bool have_modes;
	const char *restore; /* borrowed */
	size_t restore_len;
	struct sigaction before[SIGNALS];
	pid_t owner;
	bool at_exit;
} term_state = {.pipe = {-1, -1}};

void term_signal_save(void)
{
	term_state.have_modes = tcgetattr(STDIN_FILENO, &term_state.modes) == 0;
}

void term_signal_set_restore(const char *bytes, size_t n)
{
	term_state.restore = bytes;
	term_state.restore_len = n;
}

void term_signal_restore_modes(void)
{
	if (term_state.have_modes)
		tcsetattr(STDIN_FILENO, TCSANOW, &term_state.modes);
}

/* Gives the terminal back from anywhere; a line that takes no bytes is not waited for. */
static void term_signal_emergency(void)
{
	if (!term_state.armed || getpid() != term_state.owner)
		return;
	term_state.armed = 0;
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
	ssize_t ignored = write(STDOUT_FILENO, term_state.restore, term_state.restore_len);
	(void)ignored;
	fcntl(STDOUT_FILENO, F_SETFL, flags);
	term_signal_restore_modes();
}

static void on_event(int number)
{
	int saved = errno;

	for (size_t i = 0; i < SIGNALS; i++) {
		if (signal_rows[i].number == number) {
			term_state.came[i] = 1;
			if (signal_rows[i].event == TERM_END)
				alarm(END_SECONDS);
		}
	}
	ssize_t ignored = write(term_state.pipe[1], "", 1);
	(void)ignored;
	errno = saved;
}

static void on_death(int number)
{
	term_signal_emergency();
	if (number == SIGALRM)
		_exit(1);
	signal(number, SIG_DFL);
	raise(number);
}

/* A closed pipe is told by write(). A handler, unlike SIG_IGN, is not inherited by programs that
 * are started from here. */
static void on_pipe(int number)
{
	(void)number;
}

static void signal_install(size_t i)
{
	struct sigaction sa = {0};

	sigemptyset(&sa.sa_mask);
	sa.sa_flags = SA_RESTART;
	sa.sa_handler = signal_rows[i].event ? on_event : on_death;
	if (signal_rows[i].number == SIGPIPE)
		sa.sa_handler = on_pipe;
	/* The terminal must be given back from the background too. */
	if (signal_rows[i].number == SIGTTOU)
		sa.sa_handler = SIG_IGN;
	sigaction(signal_rows[i].number, &sa, NULL);
}

void term_signal_start(void)
{
	if (pipe2(term_state.pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		term_state.pipe[0] = term_state.pipe[1] = -1;
	memset((void *)term_state.came, 0, sizeof(term_state.came));
	for (size_t i = 0; i < SIGNALS; i++) {
		sigaction(signal_rows[i].number, NULL, &term_state.before[i]);
		signal_install(i);
	}
	if (!term_state.at_exit)
		atexit(term_signal_emergency);
	term_state.at_exit = true;
	term_state.owner = getpid();
	term_state.armed = 1;
}

void term_signal_end(void)
{
	term_state.armed = 0;
	alarm(0);
	term_signal_restore_modes();
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signal_rows[i].number, &term_state.before[i], NULL);
	close(term_state.pipe[0]);
	close(term_state.pipe[1]);
	term_state.pipe[0] = term_state.pipe[1] = -1;
	term_state.restore = NULL;
	term_state.restore_len = 0;
}

int term_signal_pipe(void)
{
	return term_state.pipe[0];
}

unsigned term_signal_take(void)
{
	char bytes[64];
	unsigned bits = 0;

	while (read(term_state.pipe[0], bytes, sizeof(bytes)) > 0)
		continue;
	for (size_t i = 0; i < SIGNALS; i++) {
		if (term_state.came[i]) {
			term_state.came[i] = 0;
			bits |= signal_rows[i].event;
		}
	}
	return bits;
}

void term_signal_stop(void)
{
	struct sigaction sa = {0}, ours;
	sigset_t only, before;

	/* Nothing may be given back twice while the process sleeps. */
	term_state.armed = 0;
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_DFL;
	sigaction(SIGTSTP, &sa, &ours);
	sigemptyset(&only);
	sigaddset(&only, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &only, &before);
	kill(0, SIGTSTP);
	sigprocmask(SIG_SETMASK, &before, NULL);
	sigaction(SIGTSTP, &ours, NULL);
	term_state.armed = 1;
	/* The SIGCONT that woke us is answered by whoever called. */
	for (size_t i = 0; i < SIGNALS; i++) {
		if (signal_rows[i].number == SIGCONT)
			term_state.came[i] = 0;
	}
}
