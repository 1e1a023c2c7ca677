/* test_settings.c: the table of settings and the file that is read over it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/buf.h"
#include "backend/base/settings.h"

static void test_table(void **state)
{
	struct settings s;

	(void)state;
	settings_init(&s);
	for (const struct setting_row *r = setting_rows; r->name; r++) {
		char text[32];
		struct err e = {0};
		assert_true(r->least <= r->value && r->value <= r->most);
		assert_true(settings_get(&s, r) == r->value);
		snprintf(text, sizeof text, "%" PRId64, r->least);
		assert_int_equal(settings_set(&s, r->name, text, &e), 0);
		snprintf(text, sizeof text, "%" PRId64, r->most);
		assert_int_equal(settings_set(&s, r->name, text, &e), 0);
		assert_true(settings_get(&s, r) == r->most);
		snprintf(text, sizeof text, "%" PRId64, r->most + 1);
		assert_int_equal(settings_set(&s, r->name, text, &e), ERR_INVALID);
		assert_non_null(strstr(e.message, r->name));
		assert_non_null(strstr(e.message, r->unit));
		snprintf(text, sizeof text, "%" PRId64, r->least - 1);
		assert_int_equal(settings_set(&s, r->name, text, &e), ERR_INVALID);
		assert_true(settings_get(&s, r) == r->most);
		for (const struct setting_row *k = setting_rows; k < r; k++)
			assert_string_not_equal(k->name, r->name);
	}
}

static void test_values(void **state)
{
	static const char *const bad[] = {
		"", "x", "15s", "1e4", "1.5", "0x10", "99999999999999999999", "5000 "};
	struct settings s;
	struct err e = {0};

	(void)state;
	settings_init(&s);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (settings_set(&s, "lease_ms", bad[i], &e) != ERR_INVALID)
			fail_msg("lease_ms took \"%s\"", bad[i]);
	assert_int_equal(s.lease_ms, 15000);
	assert_int_equal(settings_set(&s, "lease", "5000", &e), ERR_INVALID);
	assert_string_equal(e.message, "there is no setting lease");
}

static void test_file(void **state)
{
	static const struct {
		const char *text, *sentence; /* NULL = good */
		int64_t lease_ms;
	} cases[] = {
		{"", NULL, 15000},
		{"# nothing\n\n   \n", NULL, 15000},
		{"set lease_ms 5000\n", NULL, 5000},
		{"set lease_ms 5000", NULL, 5000},
		{"\tset  lease_ms\t5000  # short\r\nset slots 9\n", NULL, 5000},
		{"set lease_ms 5000\nset lease_ms 6000\n", NULL, 6000},
		{"set lease_ms 5000\n\nset slots x\n", ":3: slots is x", 15000},
		{"set lease_ms\n", ":1: expected `set NAME VALUE`", 15000},
		{"set lease_ms 1 2\n", ":1: expected", 15000},
		{"bind x y\n", ":1: expected", 15000},
		{"# c\nset nonsense 4\n", ":2: there is no setting nonsense", 15000},
	};
	char path[] = "/tmp/pithead-settings-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct settings s;
		struct err e = {0};
		int rc;
		settings_init(&s);
		assert_int_equal(
			file_write_atomic(path, cases[i].text, strlen(cases[i].text), 0600), 0);
		rc = settings_load(&s, path, &e);
		assert_int_equal(rc, cases[i].sentence ? ERR_INVALID : 0);
		if (rc && !strstr(e.message, cases[i].sentence))
			fail_msg("%s", e.message);
		if (rc)
			assert_memory_equal(e.message, path, strlen(path));
		assert_int_equal(s.lease_ms, cases[i].lease_ms);
	}
	unlink(path);
	struct settings s = {.lease_ms = 1};
	assert_int_equal(settings_load(&s, path, NULL), 0); /* a missing file is fine */
	assert_int_equal(s.lease_ms, 1);
	assert_int_equal(settings_load(&s, "/tmp", NULL), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
