/* gzip.h: bodies that a server compressed (RFC 1952). */
#ifndef PITHEAD_BACKEND_BASE_GZIP_H
#define PITHEAD_BACKEND_BASE_GZIP_H

#include <stddef.h>

/* Whether it begins as a gzip does. */
int gzip_is(const void *data, size_t n);

/* Decompresses all of it into out. The length; or -1 when it is damaged, cut, or has more than
 * `room` bytes: no more than that is ever made of it. */
long gzip_read(const void *data, size_t n, void *out, size_t room);

#endif
