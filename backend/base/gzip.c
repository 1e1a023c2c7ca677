/* gzip.c: see gzip.h. */
#include "backend/base/gzip.h"

#include <stdint.h>

#include <zlib.h>

#include "backend/base/xalloc.h"

#define WINDOW (MAX_WBITS + 16) /* zlib's word for gzip */

int gzip_is(const void *data, size_t n)
{
	const unsigned char *at = data;

	return n > 18 && at[0] == 0x1f && at[1] == 0x8b && at[2] == Z_DEFLATED;
}

long gzip_read(const void *data, size_t n, void *out, size_t room)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data,
		.avail_in = (uInt)n,
		.next_out = out,
		.avail_out = (uInt)room};
	int rc;

	must(inflateInit2(&z, WINDOW) == Z_OK);
	rc = inflate(&z, Z_FINISH);
	(void)inflateEnd(&z);
	return rc == Z_STREAM_END ? (long)z.total_out : -1;
}
