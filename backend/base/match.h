/* match.h: regular expressions that people type, over PCRE2 with JIT. Every match has a limit, so
 * that an explosive pattern is an error and never a hang. */
#ifndef PITHEAD_BACKEND_BASE_MATCH_H
#define PITHEAD_BACKEND_BASE_MATCH_H

#include <stddef.h>

#include "backend/base/err.h"

struct match;

/* Compiles a pattern (UTF-8, case-insensitive unless it holds a capital letter). NULL with
 * ERR_REGEX, the offset and the library's words; ended by match_free. */
struct match *match_new(const char *pattern, struct err *e);
void match_free(struct match *m);

/* 1 found, 0 not found, ERR_REGEX when the limit was met ("too costly"). Invalid UTF-8 in the
 * text is matched as far as it is valid. */
int match_find(struct match *m, const char *text, size_t n, struct err *e);

#endif
