/* test_err.c: the one table of errors: wire codes are unique and statuses make sense. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <limits.h>
#include <string.h>

#include "backend/base/err.h"

static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_COUNT; i++) {
		const char *wire = err_wire(-i);
		assert_int_equal(err_from_wire(wire), -i);
		assert_int_equal(strspn(wire, "abcdefghijklmnopqrstuvwxyz_"), strlen(wire));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(wire, err_wire(-k));
		if (i) {
			assert_in_range(err_http_status(-i), 400, 599);
			assert_in_range(err_exit_code(-i), 1, 5);
		}
	}
	assert_int_equal(err_http_status(0), 200);
	assert_int_equal(err_exit_code(0), 0);
}

static void test_unknown(void **state)
{
	(void)state;
	assert_int_equal(err_from_wire("no such"), ERR_FAILED);
	assert_string_equal(err_wire(-ERR_COUNT), "failed");
	assert_string_equal(err_wire(5), "failed");
	assert_int_equal(err_http_status(-9999), 500);
	assert_int_equal(err_http_status(INT_MIN), 500);
}

static void test_sentence(void **state)
{
	struct err e = {.hint = "old", .field = "old"};
	char name[2000];

	(void)state;
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(err_set(&e, ERR_STALE, "%s", name), ERR_STALE);
	assert_int_equal(strlen(e.message), sizeof e.message - 1);
	assert_string_equal(e.hint, "");
	assert_string_equal(e.field, "");
	assert_int_equal(err_hint(&e, "%s", name), ERR_STALE);
	assert_int_equal(err_field(&e, name), ERR_STALE);
	assert_int_equal(strlen(e.field), sizeof e.field - 1);
	assert_int_equal(err_set(NULL, ERR_DENIED, "x"), ERR_DENIED);
	assert_int_equal(err_hint(NULL, "x"), ERR_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
