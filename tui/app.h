/* app.h: the console: one loop over terminal, signals and connections. The composition root hands
 * in the panes; everything else comes over the engine's API. */
#ifndef PITHEAD_TUI_APP_H
#define PITHEAD_TUI_APP_H

struct pane_ops;

struct console_options {
	const char *socket, *as, *project; /* as given; NULL = none */
	const char *color;		   /* auto, never, 16, 256; NULL = the keymap's setting */
	const char *place;		   /* "rollout/12", "endpoint/delay", "change/812"; NULL */
	const struct pane_ops *const *panes; /* ended by NULL; the composition root fills it */
	int ascii;    /* plain characters only, whatever the locale and the keymap say */
	int no_files; /* a person's keymap and theme are not read (tests) */
};

/* Runs the console until the person leaves. The exit code: 0, or 1 when there is no terminal. */
int console_main(const struct console_options *options);

#endif
