/* buf.h: a growing byte string, always NUL-ended. Embedded: init (or {0}) and release. */
#ifndef PITHEAD_BACKEND_BASE_BUF_H
#define PITHEAD_BACKEND_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "backend/base/err.h"

struct buf {
	char *data; /* owned; NULL while empty */
	size_t len; /* bytes, without the NUL */
	size_t cap;
};

/* The text, "" when empty; borrowed until the next change. */
const char *buf_text(const struct buf *b);

/* Frees what b holds; b may be used again. */
void buf_release(struct buf *b);

/* Empties b and keeps its memory. */
void buf_reset(struct buf *b);

/* Appends n bytes / a string / one byte / printf's output. */
void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap);

/* Removes the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* Hands the text to the caller, who frees it; b is empty after. Never NULL. */
char *buf_detach(struct buf *b);

/* Reads the whole file at path into b (appending), at most max bytes.
 * 0, or -1 with errno (EFBIG when it is larger). */
int buf_read_file(struct buf *b, const char *path, size_t max);

/* Writes data to path by a temporary file, fsync and rename, so that the file is whole or as
 * before. mode is the file's mode. 0, or -1 with errno. */
int file_write_atomic(const char *path, const void *data, size_t n, unsigned mode);

/* Copies a file of at most 1 GB so; ERR_FAILED or ERR_DISK_FULL with both names. */
int file_copy(const char *from, const char *to, unsigned mode, struct err *e);

#endif
