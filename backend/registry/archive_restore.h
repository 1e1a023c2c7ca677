/* archive_restore.h: unpacks the tar file of a backup. What a bundle may hold is registry.h's
 * business; here it is what `POST /v1/backup` writes. Used by backend/local/restore.c. */
#ifndef PITHEAD_BACKEND_REGISTRY_ARCHIVE_RESTORE_H
#define PITHEAD_BACKEND_REGISTRY_ARCHIVE_RESTORE_H

#include <stdint.h>

#include "backend/base/err.h"

/* Unpacks tar_path into the existing, empty folder. Only store/, keys/, log/ and settings.conf may
 * be in it: plain files and folders, each once, none outside. ERR_INVALID names the entry at
 * fault; what was written until then is left for the caller to remove with archive_remove. bytes
 * (may be NULL) gets the sum of the files' sizes. */
int archive_restore(const char *tar_path, const char *folder, int64_t *bytes, struct err *e);

/* Removes a folder and all below it; never follows a link. */
void archive_remove(const char *folder);

/* Recomputes the digest of every bundle in HOME/store/bundles; *count gets their number. 0, or
 * ERR_CONFLICT naming the first that is not what its name says. */
int archive_check_bundles(const char *home, int *count, struct err *e);

#endif
