/* start.h: starts the engine in the background, exactly one however many clients race. */
#ifndef PITHEAD_TUI_CLIENT_START_H
#define PITHEAD_TUI_CLIENT_START_H

#include "backend/base/err.h"
#include "tui/client/home.h"

/* Whether something accepts connections on the socket: 1 yes, 0 no (absent or refused), or
 * ERR_DENIED / ERR_UNREACHABLE when it is there and we may not. */
int start_probe(const struct home *h, struct err *e);

/* Makes sure that an engine answers: probes, and starts one where that is allowed. Waits up to
 * 10 s for it to be ready. 0, or a negative ERR_* with what is wrong and who can mend it. */
int start_engine(const struct home *h, struct err *e);

#endif
