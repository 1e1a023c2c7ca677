/* words.h: the words of a local command: its flags and one optional name. Only used inside
 * backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_WORDS_H
#define PITHEAD_BACKEND_LOCAL_WORDS_H

#include "backend/base/err.h"

/* What may be given, and what was. */
struct words {
	const char *usage;    /* "pithead restore [--replace] FILE" and lines of explanation */
	const char *own_flag; /* "--replace"; NULL = none */
	int takes_file;	      /* one word that is no option */
	int json, flag, help; /* given */
	const char *file;     /* borrowed from argv; NULL = not given */
};

/* Reads argv. -1: go on; else the exit code, after the usage was printed (0 for --help, 2). The
 * options that all commands take are accepted and have no meaning here. */
int words_read(struct words *w, int argc, char **argv);

/* Prints message and hint to stderr, or the error as JSON to stdout; returns the exit code of e. */
int words_fail(int json, const struct err *e);

/* The same for words that cannot be: the first line of the usage follows. Returns 2. */
int words_refuse(int json, const struct err *e, const char *usage);

/* Whether --json stands anywhere in argv: what is wrong before it is told as JSON, too. */
int words_want_json(int argc, char **argv);

#endif
