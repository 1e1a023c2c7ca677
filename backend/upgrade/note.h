/* note.h: HOME/run/upgrade, the one file that says how far an upgrade of the engine has come. It is
 * written whole or not at all, and read by programs of both versions, so members are only added.
 *
 * No file: nothing is on its way. `probation`: the new program has been given the home, and what it
 * writes to the databases is held back in their logs. Removing the file makes that count. Whoever
 * finds it without being the program on probation goes back: drops what was held back and says so
 * (`back`), and once the event and the alert are written, keeps the file (`refused`), so that the
 * program that failed is not started by accident. */
#ifndef PITHEAD_BACKEND_UPGRADE_NOTE_H
#define PITHEAD_BACKEND_UPGRADE_NOTE_H

#include <stdint.h>

#include "backend/base/err.h"
#include "backend/base/version.h"

enum upgrade_phase { UPGRADE_NONE, UPGRADE_PROBATION, UPGRADE_BACK, UPGRADE_REFUSED };

struct upgrade_note {
	enum upgrade_phase phase;
	char from_version[32], to_version[32];
	char from_build[VERSION_BUILD], to_build[VERSION_BUILD];
	char from_program[300], to_program[300]; /* both in HOME/programs */
	char backup[300];
	char actor[64];
	char refused[240]; /* builds that failed before, since the last upgrade that worked */
	char why[400];	   /* why it went back */
	int64_t at_us;	   /* UTC; when it was handed over */
	int64_t bound_ms;  /* how long the new program may take to get healthy */
};

/* "probation"; "" for none. */
const char *upgrade_phase_name(enum upgrade_phase p);

/* The note of this home; phase UPGRADE_NONE when there is none, or it cannot be read. */
void upgrade_read(const char *home, struct upgrade_note *out);

/* Writes it, durably; with UPGRADE_NONE removes it, durably. */
int upgrade_write(const char *home, const struct upgrade_note *n, struct err *e);

/* What `pithead --version --json` says of a program: read from text. ERR_INVALID when it is not
 * that. */
struct upgrade_program {
	char version[32], api[16];
	int64_t schema_state, schema_telemetry;
};
int upgrade_program_parse(const char *text, struct upgrade_program *out, struct err *e);
/* One line of JSON, ours; the caller frees. */
char *upgrade_program_format(int64_t schema_state, int64_t schema_telemetry);

/* What the preparation found out, as it is handed from its process to the engine in
 * HOME/run/upgrade.ready. */
struct upgrade_ready {
	struct upgrade_program program;
	char backup[300]; /* "" with a dry run */
	char old_program[300];
	int64_t backup_bytes;
	int code; /* 0, or why not: a negative ERR_* */
	char message[400], hint[240];
};
int upgrade_ready_write(const char *home, const struct upgrade_ready *r, struct err *e);
/* 1 there is one (and it is removed), 0 not yet. */
int upgrade_ready_take(const char *home, struct upgrade_ready *out);

#endif
