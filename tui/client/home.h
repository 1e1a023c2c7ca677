/* home.h: where the engine is: which socket, which home, and whether we may start one there. */
#ifndef PITHEAD_TUI_CLIENT_HOME_H
#define PITHEAD_TUI_CLIENT_HOME_H

#include "backend/base/err.h"

#define HOME_PATH_SIZE 256

enum home_kind { HOME_NAMED_SOCKET, HOME_NAMED, HOME_TEAM, HOME_OWN };

struct home {
	enum home_kind kind;
	char dir[HOME_PATH_SIZE]; /* "" when only a socket was named */
	char socket[HOME_PATH_SIZE];
};

/* Finds the engine in the order: socket (of --socket; NULL = none), $PITHEAD_SOCKET,
 * $PITHEAD_HOME, the team's socket, one's own home. Fails with ERR_INVALID for a path that is too
 * long for a socket or when there is no home at all. */
int home_find(const char *socket, struct home *h, struct err *e);

/* The home for the commands that need no engine (audit verify, restore): as above without the
 * socket. */
int home_find_dir(char *dir, int size, struct err *e);

/* Whether we may start an engine there; makes the folder if need be. ERR_UNREACHABLE says why not
 * and who can mend it. */
int home_prepare(const struct home *h, struct err *e);

/* ERR_DENIED when the folder that holds the socket could be changed by somebody else than root,
 * its owner or us: then another program could answer in the engine's place. */
int home_check_trust(const struct home *h, struct err *e);

#endif
