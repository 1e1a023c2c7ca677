/* backup.h: an online copy of a home: databases, bundles, keys, settings and checkpoints in one tar
 * file, which `pithead restore` takes. May run in any thread or process beside the engine that
 * writes: it reads through connections of its own and holds nothing up. */
#ifndef PITHEAD_BACKEND_BACKUP_BACKUP_H
#define PITHEAD_BACKEND_BACKUP_BACKUP_H

#include "backend/base/err.h"

#define BACKUP_PATH 400

/* Copies what changes meanwhile into a new folder HOME/run/upload/backup-XXXXXX, which is a home in
 * small: its audit log can be verified. Checkpoints are copied before the databases, so that they
 * name nothing that the copy lacks. Ended by backup_unstage, also after a failure. */
int backup_stage(const char *home, char stage[BACKUP_PATH], struct err *e);

/* Packs a stage, and with it what never changes, into the open file fd. */
int backup_pack(const char *home, const char *stage, int fd, struct err *e);

/* Removes the folder. "" is allowed. */
void backup_unstage(const char *stage);

#endif
