/* home.h: which folder the engine's state is in. No folder is made here. Used by the engine's start
 * and by the commands that work without an engine. */
#ifndef PITHEAD_BACKEND_BASE_HOME_H
#define PITHEAD_BACKEND_BASE_HOME_H

#include <stddef.h>

#include "backend/base/err.h"

#define STATE_HOME_TEAM "/var/lib/pithead" /* of the service */

/* $PITHEAD_HOME, else $XDG_STATE_HOME/pithead, else ~/.local/state/pithead, as an absolute path.
 * 0, or ERR_INVALID when there is none or it does not fit. */
int state_home_own(char *out, size_t size, struct err *e);

/* As above; but without $PITHEAD_HOME the team's home, where a team's engine is installed. */
int state_home_find(char *out, size_t size, struct err *e);

#endif
