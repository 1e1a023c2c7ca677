/* restore_home.h: the files of a home before and after a restore. Only used by restore.c. */
#ifndef PITHEAD_BACKEND_LOCAL_RESTORE_HOME_H
#define PITHEAD_BACKEND_LOCAL_RESTORE_HOME_H

#include "backend/base/err.h"
#include "backend/local/restored.h"

/* Makes the home (0711) and the folders above it (0755) where they are missing. */
int restore_make_home(const char *home, struct err *e);

/* Fills has_old, old_seq and other_key from the store, checkpoints and key that the home has.
 * Nothing readable there is no fault. */
void restore_find_old(struct restored *r);

/* Moves the home's own files aside and what was unpacked in their place, the store last. A failure
 * takes back what was moved. */
int restore_swap(struct restored *r, struct err *e);

#endif
