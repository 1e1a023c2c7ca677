/* app_run.h: the terminal lent to a program, and the engine that the console speaks to changed. */
#ifndef PITHEAD_TUI_APP_RUN_H
#define PITHEAD_TUI_APP_RUN_H

#include "tui/app_priv.h"

/* Runs `pithead WORDS...` (n words) on the person's terminal, against the engine of this console
 * and with its role, and comes back when it has ended and Enter was pressed. */
void app_run_words(struct app *a, const char *const *words, int n);

/* Brings up the flights example of the checkout that this program was built in, on the terminal;
 * says where it is to be had when there is none. */
void app_run_flights(struct app *a);

/* Another engine: the path of a socket or of a home, or HOST, whose console is opened there by ssh.
 * Nothing changes unless it answers. */
void app_connect(struct app *a, const char *where);

#endif
