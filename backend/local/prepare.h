/* prepare.h: what must be right and kept before another program gets the home. Runs in a process of
 * its own, started by the engine, so that its loop goes on. */
#ifndef PITHEAD_BACKEND_LOCAL_PREPARE_H
#define PITHEAD_BACKEND_LOCAL_PREPARE_H

/* Tries the program at `program`, looks for room, and unless dry_run writes a verified backup to
 * HOME/backups and a copy of this program to HOME/programs. What came out goes to
 * HOME/run/upgrade.ready (upgrade/note.h). The exit code of the process. */
int local_prepare(const char *home, const char *program, int dry_run);

#endif
