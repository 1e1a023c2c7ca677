/* app.c: the console's life: one loop that waits for terminal, signals and connections at one
 * place, applies all that came, and draws once. What keys do is in app_command.c, what is asked of
 * the engine in app_feed.c, what is drawn in app_draw.c. */
#include "tui/app.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "tui/app_priv.h"

#define MINUTE_MS 60000
#define THEME_MS  1000

int64_t app_mono_ms(const struct app *a)
{
	return clock_mono_us(&a->clock) / 1000;
}

struct pane *app_pane(const struct app *a)
{
	return a->depth ? a->stack[a->depth - 1] : a->tabs[a->tab];
}

void app_say(struct app *a, enum role role, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->message, sizeof a->message, fmt, ap);
	va_end(ap);
	a->message_role = role;
	a->dirty = true;
}

static void make_panes(struct app *a)
{
	for (int i = 0; a->options->panes[i]; i++)
		if (!a->options->panes[i]->place && a->tab_count < APP_TABS)
			a->tabs[a->tab_count++] = app_pane_new(a, a->options->panes[i], "");
	must(a->tab_count > 0);
}

void app_init(struct app *a, const struct console_options *o)
{
	*a = (struct app){.options = o, .clock = clock_system()};
	a->host.app = a;
	a->host.now_us = clock_wall_us(&a->clock);
	if (o->socket)
		str_copy(a->socket, sizeof a->socket, o->socket);
	if (o->project)
		str_copy(a->host.project, sizeof a->host.project, o->project);
	app_keymap_load(a);
	if (strcmp(keymap_setting(a->keymap, "time"), "local") == 0)
		a->host.zone = TIMEFMT_LOCAL;
	a->keys = keys_new();
	a->canvas = canvas_new(24, 80, CHARSET_BRAILLE);
	a->prompt = prompt_new(":");
	a->backoff_ms = 250;
	make_panes(a);
	a->dirty = true;
}

void app_release(struct app *a)
{
	app_act_close(a);
	while (a->depth)
		app_pane_free(a, a->stack[--a->depth]);
	for (int i = 0; i < a->tab_count; i++)
		app_pane_free(a, a->tabs[i]);
	conn_close(a->conn);
	help_free(a->help);
	prompt_free(a->prompt);
	snapshot_free(a->engine);
	snapshot_free(a->whoami);
	canvas_free(a->canvas);
	keys_free(a->keys);
	keymap_free(a->keymap);
	term_close(a->term);
}

static void load_theme(struct app *a)
{
	const char *name = keymap_setting(a->keymap, "theme");
	struct err e;

	if (theme_load(&a->theme, name, &e)) {
		app_say(a, ROLE_banner, "%s", e.message);
		theme_load(&a->theme, "dark", &e);
	}
	keymap_apply_colors(a->keymap, &a->theme);
	term_set_theme(a->term, &a->theme);
}

static enum term_color color_option(const char *word)
{
	if (strcmp(word, "never") == 0 || strcmp(word, "off") == 0)
		return TERM_COLOR_NEVER;
	if (strcmp(word, "16") == 0)
		return TERM_COLOR_16;
	return strcmp(word, "256") == 0 ? TERM_COLOR_256 : TERM_COLOR_AUTO;
}

static int charset_option(const char *word)
{
	if (strcmp(word, "ascii") == 0)
		return CHARSET_ASCII;
	if (strcmp(word, "blocks") == 0)
		return CHARSET_BLOCKS;
	return strcmp(word, "braille") == 0 ? CHARSET_BRAILLE : -1;
}

static int open_terminal(struct app *a, struct err *e)
{
	const char *color = a->options->color;
	struct term_options o = {
		.color = color_option(color ? color : keymap_setting(a->keymap, "color")),
		.charset = a->options->ascii ? CHARSET_ASCII
					     : charset_option(keymap_setting(a->keymap, "charset")),
		.low_bandwidth = strcmp(keymap_setting(a->keymap, "low-bandwidth"), "on") == 0,
		.cursor_visible = strcmp(keymap_setting(a->keymap, "cursor"), "visible") == 0,
		.mouse = strcmp(keymap_setting(a->keymap, "mouse"), "on") == 0,
	};
	int rows, cols, rc;

	rc = term_open(&o, &a->term, e);
	if (rc)
		return rc;
	term_size(a->term, &rows, &cols);
	canvas_resize(a->canvas, rows, cols);
	a->canvas->charset = term_charset(a->term);
	a->canvas->low_bandwidth = term_low_bandwidth(a->term);
	load_theme(a);
	return 0;
}

static void paint(struct app *a)
{
	a->dirty = false;
	app_draw(a);
	if (term_flush(a->term, a->canvas) < 0)
		a->quit = true;
	if (a->act.dialog && a->act.unseen) {
		/* What was typed before the plan could be read is not an answer to it. */
		a->act.unseen = false;
		term_discard_input(a->term);
		keys_discard(a->keys);
		dialog_shown(a->act.dialog, app_mono_ms(a));
	}
}

static void take_signals(struct app *a)
{
	unsigned events = term_events(a->term);
	int rows, cols;

	if (events & TERM_END)
		a->quit = true;
	if (events & TERM_STOP)
		term_suspend(a->term);
	if (events & TERM_RESIZED) {
		term_size(a->term, &rows, &cols);
		canvas_resize(a->canvas, rows, cols);
	}
	if (events)
		a->dirty = true;
}

static void take_keys(struct app *a)
{
	struct key_event ev;

	while (!a->quit && keys_next(a->keys, app_mono_ms(a), &ev)) {
		app_key(a, &ev);
		a->dirty = true;
	}
}

static void look_at_theme(struct app *a, int64_t now)
{
	struct err e;
	int rc;

	if (now < a->theme_ms || !a->theme.path[0])
		return;
	a->theme_ms = now + THEME_MS;
	rc = theme_reload(&a->theme, &e);
	if (rc < 0)
		app_say(a, ROLE_banner, "%s", e.message);
	if (rc > 0) {
		keymap_apply_colors(a->keymap, &a->theme);
		term_set_theme(a->term, &a->theme);
		a->dirty = true;
	}
}

static int earlier(int wait, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return wait < 0 || ms < wait ? (int)ms : wait;
}

/* How long nothing has to be done, in ms. */
static int time_to_wait(struct app *a, int64_t now)
{
	int wait = earlier(-1, a->minute_ms - now), keys = keys_wait_ms(a->keys, now);

	if (keys >= 0)
		wait = earlier(wait, keys);
	if (a->retry_at_ms)
		wait = earlier(wait, a->retry_at_ms - now);
	if (a->theme.path[0])
		wait = earlier(wait, a->theme_ms - now);
	app_pane_timers(a, now, &wait);
	return wait;
}

static void turn(struct app *a)
{
	struct conn_fd fds[2] = {{.fd = term_input_fd(a->term), .events = POLLIN},
		{.fd = term_signal_fd(a->term), .events = POLLIN}};
	int64_t now = app_mono_ms(a);

	conn_wait(a->conn, fds, 2, a->dirty ? 0 : time_to_wait(a, now));
	now = app_mono_ms(a);
	a->host.now_us = clock_wall_us(&a->clock);
	if (fds[1].revents)
		take_signals(a);
	if (fds[0].revents && term_read(a->term, a->keys, now) < 0)
		a->quit = true;
	take_keys(a);
	if (a->retry_at_ms && now >= a->retry_at_ms)
		app_link_retry(a);
	look_at_theme(a, now);
	if (now >= a->minute_ms) {
		a->minute_ms = now + MINUTE_MS;
		a->dirty = true;
	}
	if (a->dirty && !a->quit)
		paint(a);
}

static void open_first_place(struct app *a)
{
	struct err e;

	if (a->options->place && !app_open_place(a, a->options->place, &e))
		app_say(a, ROLE_banner, "%s", e.message);
}

int console_main(const struct console_options *options)
{
	struct app a;
	struct err e = {0};

	app_init(&a, options);
	if (open_terminal(&a, &e)) {
		app_release(&a);
		fprintf(stderr, "pithead: %s\n", e.message);
		if (e.hint[0])
			fprintf(stderr, "  %s\n", e.hint);
		return 1;
	}
	a.minute_ms = app_mono_ms(&a) + MINUTE_MS;
	/* The first frame does not wait for the engine: a person sees at once that we are there. */
	paint(&a);
	app_link_start(&a, true);
	open_first_place(&a);
	while (!a.quit)
		turn(&a);
	app_release(&a);
	return a.exit_code;
}
