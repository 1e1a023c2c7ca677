/* test_log.c: one JSON object a line, whatever is in it, and rotation that keeps N files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/json.h"
#include "backend/base/log.h"

static char folder[] = "/tmp/pithead-log-XXXXXX", path[64];

static cJSON *only_line(void)
{
	struct buf b = {0};
	struct err e = {0};
	cJSON *v;

	assert_int_equal(buf_read_file(&b, path, 100000), 0);
	assert_true(b.len > 0 && b.data[b.len - 1] == '\n');
	assert_ptr_equal(memchr(b.data, '\n', b.len), b.data + b.len - 1);
	v = json_parse(b.data, b.len, "the line", &e);
	if (!v)
		fail_msg("%s", e.message);
	buf_release(&b);
	return v;
}

static void test_line(void **state)
{
	struct stat st;
	cJSON *v;

	(void)state;
	assert_int_equal(log_open(path, 0, 1), 0);
	log_event(LOG_LEVEL_INFO, "rollout.start", "a \"quote\"\nand more", "actor", "ada", "none",
		NULL, "version", "v3", NULL);
	log_event(LOG_LEVEL_DEBUG, "unseen", "below the level", NULL);
	v = only_line();
	assert_string_equal(json_str(v, "event", ""), "rollout.start");
	assert_string_equal(json_str(v, "level", ""), "info");
	assert_string_equal(json_str(v, "msg", ""), "a \"quote\"\nand more");
	assert_string_equal(json_str(v, "actor", ""), "ada");
	assert_string_equal(json_str(v, "version", ""), "v3");
	assert_null(json_get(v, "none"));
	assert_int_equal(strlen(json_str(v, "ts", "")), 27);
	cJSON_Delete(v);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	log_close();
	unlink(path);
}

static void test_levels(void **state)
{
	cJSON *v;

	(void)state;
	assert_int_equal(log_open(path, 0, 1), 0);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("x", "not seen");
	log_info("x", "not seen");
	log_error("boom", "%d of %s", 3, "four");
	log_set_level(LOG_LEVEL_INFO);
	v = only_line();
	assert_string_equal(json_str(v, "msg", ""), "3 of four");
	assert_string_equal(json_str(v, "level", ""), "error");
	cJSON_Delete(v);
	log_close();
	unlink(path);
}

static void test_rotation(void **state)
{
	char name[80];
	struct stat st;
	int files = 0;

	(void)state;
	assert_int_equal(log_open(path, 1000, 3), 0);
	for (int i = 0; i < 100; i++)
		log_info("tick", "line number %d of a hundred", i);
	log_close();
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof name, i ? "%s.%d" : "%s", path, i);
		if (stat(name, &st) == 0) {
			files++;
			assert_in_range(st.st_size, 1, 1000);
			unlink(name);
		}
	}
	assert_int_equal(files, 4); /* the one in use, and three old ones */
}

static void test_reopen(void **state)
{
	struct buf b = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(log_open(path, 0, 1), 0);
		log_info("tick", "again");
	}
	log_close();
	assert_int_equal(buf_read_file(&b, path, 100000), 0);
	for (int i = 0; i < 3; i++)
		buf_consume(&b, (size_t)(strchr(b.data, '\n') - b.data) + 1);
	assert_int_equal(b.len, 0);
	buf_release(&b);
	unlink(path);
	assert_int_equal(log_open("/none/such/file", 0, 1), -1);
}

static int make(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/log", folder);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_reopen),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
