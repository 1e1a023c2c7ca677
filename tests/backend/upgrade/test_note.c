/* test_note.c: what one program says to the next about an upgrade, and what it takes for such. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/base/buf.h"
#include "backend/upgrade/note.h"

static char home[64];

static int set_up(void **state)
{
	char path[80];

	(void)state;
	strcpy(home, "/tmp/note.XXXXXX");
	assert_non_null(mkdtemp(home));
	snprintf(path, sizeof path, "%s/run", home);
	return mkdir(path, 0700);
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", home);
	return system(command);
}

static void put(const char *name, const char *text)
{
	char path[100];

	snprintf(path, sizeof path, "%s/run/%s", home, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

static void test_a_note_is_read_as_it_was_written(void **state)
{
	struct upgrade_note n = {.phase = UPGRADE_BACK,
		.from_version = "1.0",
		.to_version = "1.1",
		.from_build = "0123456789abcdef",
		.to_build = "fedcba9876543210",
		.from_program = "/h/a",
		.to_program = "/h/b",
		.backup = "/h/c.tar",
		.actor = "ann",
		.refused = "aa bb",
		.why = "it said \"no\"\tand \\ ended",
		.at_us = INT64_C(1795710978810462),
		.bound_ms = 9000};
	struct upgrade_note got;
	struct err e = {0};

	(void)state;
	assert_int_equal(upgrade_write(home, &n, &e), 0);
	upgrade_read(home, &got);
	assert_int_equal(got.phase, UPGRADE_BACK);
	assert_string_equal(got.from_version, n.from_version);
	assert_string_equal(got.to_version, n.to_version);
	assert_string_equal(got.from_build, n.from_build);
	assert_string_equal(got.to_build, n.to_build);
	assert_string_equal(got.from_program, n.from_program);
	assert_string_equal(got.to_program, n.to_program);
	assert_string_equal(got.backup, n.backup);
	assert_string_equal(got.actor, n.actor);
	assert_string_equal(got.refused, n.refused);
	assert_string_equal(got.why, n.why);
	assert_true(got.at_us == n.at_us && got.bound_ms == n.bound_ms);
	n.phase = UPGRADE_NONE;
	assert_int_equal(upgrade_write(home, &n, &e), 0);
	upgrade_read(home, &got);
	assert_int_equal(got.phase, UPGRADE_NONE);
	assert_int_equal(upgrade_write(home, &n, &e), 0); /* there is none to remove: fine */
}

static void test_what_is_no_note_is_none(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "{\"phase\":\"later\"}", "{\"phase\":1}",
		"probation", "{\"phase\":\"probation\"} x"};
	struct upgrade_note got;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		put("upgrade", texts[i]);
		upgrade_read(home, &got);
		assert_int_equal(got.phase, UPGRADE_NONE);
	}
	/* Of a later program, with more in it than we know. */
	put("upgrade", "{\"more\":[1],\"phase\":\"refused\",\"to_build\":\"12\"}");
	upgrade_read(home, &got);
	assert_int_equal(got.phase, UPGRADE_REFUSED);
	assert_string_equal(got.to_build, "12");
}

static void test_a_program_says_what_it_is(void **state)
{
	static const char *const bad[] = {"", "pithead 0.1.0", "{}", "{\"program\":\"pithead\"}",
		"{\"program\":\"other\",\"version\":\"1\",\"schema\":{\"state\":1,\"telemetry\":1}"
		"}",
		"{\"program\":\"pithead\",\"version\":\"1\",\"schema\":{\"state\":0,\"telemetry\":"
		"1}"
		"}"};
	struct upgrade_program p;
	struct err e = {0};
	char *text = upgrade_program_format(7, 3);

	(void)state;
	assert_null(strchr(text, '\n'));
	assert_int_equal(upgrade_program_parse(text, &p, &e), 0);
	assert_string_equal(p.version, version_program());
	assert_string_equal(p.api, version_api());
	assert_true(p.schema_state == 7 && p.schema_telemetry == 3);
	free(text);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(upgrade_program_parse(bad[i], &p, &e), ERR_INVALID);
}

static void test_what_was_prepared_is_taken_once(void **state)
{
	struct upgrade_ready r = {.program = {.version = "2", .api = "1.2", .schema_state = 6},
		.backup = "/b.tar",
		.old_program = "/o",
		.backup_bytes = 12};
	struct upgrade_ready got;
	struct err e = {0};

	(void)state;
	assert_int_equal(upgrade_ready_take(home, &got), 0);
	assert_int_equal(upgrade_ready_write(home, &r, &e), 0);
	assert_int_equal(upgrade_ready_take(home, &got), 1);
	assert_int_equal(got.code, 0);
	assert_string_equal(got.backup, "/b.tar");
	assert_string_equal(got.old_program, "/o");
	assert_true(got.backup_bytes == 12 && got.program.schema_state == 6);
	assert_int_equal(upgrade_ready_take(home, &got), 0);
	r.code = ERR_DISK_FULL;
	strcpy(r.message, "no room");
	assert_int_equal(upgrade_ready_write(home, &r, &e), 0);
	assert_int_equal(upgrade_ready_take(home, &got), 1);
	assert_int_equal(got.code, ERR_DISK_FULL);
	assert_string_equal(got.message, "no room");
}

static void test_versions_are_compared(void **state)
{
	static const struct {
		const char *other;
		enum version_reach reach;
		int newer;
	} cases[] = {{"1.1", VERSION_SAME, 0}, {"1.2", VERSION_NEAR, 1}, {"1.0", VERSION_NEAR, 0},
		{"1.3", VERSION_FAR, 1}, {"2.1", VERSION_FAR, 1}, {"0.1", VERSION_FAR, 0},
		{"2.0", VERSION_FAR, 1}, {"", VERSION_FAR, 0}, {"1", VERSION_FAR, 0},
		{"1.1x", VERSION_FAR, 0}, {"1.1.1", VERSION_FAR, 0}, {"x", VERSION_FAR, 0},
		{"1.-1", VERSION_FAR, 0}, {"99999.99999", VERSION_FAR, 0},
		{"\x01", VERSION_FAR, 0}};
	int newer;

	(void)state;
	assert_string_equal(version_api(), "1.1");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (version_reach_of(cases[i].other, &newer) != cases[i].reach ||
			newer != cases[i].newer)
			fail_msg("\"%s\" is %d, newer %d", cases[i].other,
				(int)version_reach_of(cases[i].other, &newer), newer);
	}
}

static void test_the_build_is_the_files(void **state)
{
	char a[VERSION_BUILD], b[VERSION_BUILD], path[100];

	(void)state;
	put("x", "one");
	snprintf(path, sizeof path, "%s/run/x", home);
	version_build(path, a);
	assert_int_equal(strlen(a), VERSION_BUILD - 1);
	put("x", "two");
	version_build(path, b);
	assert_string_not_equal(a, b);
	version_build("/nowhere", a);
	assert_string_equal(a, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_note_is_read_as_it_was_written),
		cmocka_unit_test(test_what_is_no_note_is_none),
		cmocka_unit_test(test_a_program_says_what_it_is),
		cmocka_unit_test(test_what_was_prepared_is_taken_once),
		cmocka_unit_test(test_versions_are_compared),
		cmocka_unit_test(test_the_build_is_the_files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
