/* test_gzip.c: what a server compressed comes back; what is damaged, cut or too much does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <zlib.h>

#include "backend/base/gzip.h"

static size_t compress_to(const char *text, size_t n, unsigned char *out, size_t room)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
		.avail_in = (uInt)n,
		.next_out = out,
		.avail_out = (uInt)room};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, 0), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static void what_was_packed_comes_back(void **state)
{
	static const char text[] = "{\"probability\": 0.25}";
	unsigned char packed[200], out[64];
	size_t n = compress_to(text, sizeof text - 1, packed, sizeof packed);

	(void)state;
	assert_true(gzip_is(packed, n));
	assert_false(gzip_is(text, sizeof text));
	assert_int_equal(gzip_read(packed, n, out, sizeof out), sizeof text - 1);
	assert_memory_equal(out, text, sizeof text - 1);
	assert_int_equal(gzip_read(packed, n, out, 10), -1);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(gzip_read(packed, i, out, sizeof out), -1);
		packed[i] ^= 0x55;
		assert_true(gzip_read(packed, n, out, sizeof out) < (long)sizeof out);
		packed[i] ^= 0x55;
	}
}

static void a_bomb_stays_small(void **state)
{
	static char zeros[1 << 20];
	static unsigned char packed[8192], out[4096];
	size_t n = compress_to(zeros, sizeof zeros, packed, sizeof packed);

	(void)state;
	assert_int_equal(gzip_read(packed, n, out, sizeof out), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_comes_back),
		cmocka_unit_test(a_bomb_stays_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
