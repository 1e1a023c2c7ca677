/* bundle_tar.h: a folder as a tar that is the same, byte for byte, whenever the files are. */
#ifndef PITHEAD_TUI_CLIENT_BUNDLE_TAR_H
#define PITHEAD_TUI_CLIENT_BUNDLE_TAR_H

#include <stdint.h>

#include "backend/base/err.h"

/* Writes the regular files below folder (sorted, owner 0, time 0, mode 0755 or 0644) into an
 * unlinked temporary file. *fd stands at its start and is the caller's to close; *files counts.
 * ERR_INVALID names a link, device or socket (a version holds files only), or an empty folder. */
int bundle_tar_write(const char *folder, int *fd, int64_t *size, int *files, struct err *e);

#endif
