/* xalloc.h: memory that is there or the process ends. Nobody checks for NULL. */
#ifndef PITHEAD_BACKEND_BASE_XALLOC_H
#define PITHEAD_BACKEND_BASE_XALLOC_H

#include <stddef.h>

/* Zeroed memory of n * size bytes; the caller frees it. Aborts when there is none. */
void *xcalloc(size_t n, size_t size);

/* As realloc(3) for n * size bytes; aborts on overflow or lack of memory. */
void *xrealloc(void *p, size_t n, size_t size);

/* A copy of s (NULL gives NULL); the caller frees it. */
char *xstrdup(const char *s);

/* A copy of the first n bytes of s and a closing NUL; the caller frees it. */
char *xstrndup(const char *s, size_t n);

/* printf into new memory; the caller frees it. */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Copies src into dst of size bytes, cut and NUL-ended; returns whether all of it fitted. */
int str_copy(char *dst, size_t size, const char *src);

/* Frees *p and sets it to NULL. */
#define xfree(p) (free(p), (p) = NULL)

/* A broken invariant ends the process with file, line and expression (an engine is restarted by
 * its keeper; the data plane goes on). Never used for what a person or the world can cause. */
#define must(cond) ((cond) ? (void)0 : must_failed(__FILE__, __LINE__, #cond))
void must_failed(const char *file, int line, const char *cond) __attribute__((noreturn));

#endif
