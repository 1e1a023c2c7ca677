/* common.h: small helpers that every program of the example shares. */
#ifndef FLIGHTS_COMMON_H
#define FLIGHTS_COMMON_H

#include <stdint.h>
#include <stddef.h>
#include <stdio.h>

/* Prints "PROGRAM: sentence" on stderr and exits with 1. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* As die, but exits with 2: the caller was used wrongly. */
void die_usage(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Allocation that cannot fail: out of memory ends the program. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *old, size_t n, size_t size);

/* Strict numbers: the whole text, finite and within the range, else 0. */
int parse_number(const char *text, double min, double max, double *out);

/* Opens for reading or writing ("r", "w"); a failure ends the program. */
FILE *open_file(const char *path, const char *mode);

/* Flushes and closes; a write error that was kept back ends the program. */
void close_written(FILE *f, const char *path);

/* FNV-1a with a final mix: evenly spread even over keys that are alike. */
uint64_t hash_bytes(uint64_t seed, const void *data, size_t len);

/* The same as a number in [0, 1). */
double hash_share(uint64_t seed, const void *data, size_t len);

#endif
