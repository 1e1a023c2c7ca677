/* test_buf.c: the growing byte string, and files read and written whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

static void test_grow(void **state)
{
	struct buf b = {0};
	char *text;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	buf_consume(&b, 0);
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%d,", i);
	assert_int_equal(b.len, strlen(b.data));
	assert_memory_equal(b.data, "0,1,2,", 6);
	buf_consume(&b, b.len - 4);
	assert_string_equal(buf_text(&b), "999,");
	buf_addc(&b, '!');
	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "999,!a\0b", 9);
	buf_reset(&b);
	assert_string_equal(buf_text(&b), "");
	buf_adds(&b, "kept");
	text = buf_detach(&b);
	assert_string_equal(text, "kept");
	assert_null(b.data);
	free(text);
	text = buf_detach(&b);
	assert_string_equal(text, "");
	free(text);
	buf_release(&b);
}

static void test_files(void **state)
{
	char folder[] = "/tmp/pithead-buf-XXXXXX", path[64];
	struct buf b = {0};
	struct stat st;
	char *big = xcalloc(200000, 1);

	(void)state;
	assert_non_null(mkdtemp(folder));
	strcpy(path, folder);
	strcat(path, "/file");
	assert_int_equal(buf_read_file(&b, path, 10), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(file_write_atomic(path, "hello", 5, 0640), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	buf_adds(&b, ">");
	assert_int_equal(buf_read_file(&b, path, 5), 0);
	assert_string_equal(buf_text(&b), ">hello");
	buf_reset(&b);
	assert_int_equal(buf_read_file(&b, path, 4), -1);
	assert_int_equal(errno, EFBIG);
	memset(big, 'x', 200000);
	assert_int_equal(file_write_atomic(path, big, 200000, 0600), 0);
	buf_reset(&b);
	assert_int_equal(buf_read_file(&b, path, 200000), 0);
	assert_int_equal(b.len, 200000);
	assert_memory_equal(b.data, big, 200000);
	/* A folder that is not there: the error is told and nothing is left behind. */
	assert_int_equal(file_write_atomic("/none/such/x", "x", 1, 0600), -1);
	assert_int_equal(errno, ENOENT);
	unlink(path);
	assert_int_equal(rmdir(folder), 0); /* no temporary file is left */
	buf_release(&b);
	free(big);
}

static void test_copy(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(str_copy(out, sizeof out, "abc"), 1);
	assert_string_equal(out, "abc");
	assert_int_equal(str_copy(out, sizeof out, "abcd"), 0);
	assert_string_equal(out, "abc");
	assert_int_equal(str_copy(out, 0, "a"), 0);
	assert_null(xstrdup(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
