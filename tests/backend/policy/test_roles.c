/* test_roles.c: the table of roles, uniting and lowering. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/policy/roles.h"

static void test_what_a_role_may_do(void **state)
{
	static const struct {
		const char *role;
		unsigned may, may_not;
	} cases[] = {
		{"admin", PERM_ALL, 0},
		{"operator", PERM_READ | PERM_RELEASE | PERM_LOWER | PERM_VERSION | PERM_APPLY,
			PERM_APPROVE | PERM_ADMIN | PERM_POST},
		{"approver", PERM_READ | PERM_APPROVE | PERM_LOWER,
			PERM_RELEASE | PERM_VERSION | PERM_APPLY | PERM_ADMIN | PERM_POST},
		{"developer", PERM_READ | PERM_VERSION, PERM_RELEASE | PERM_LOWER | PERM_ADMIN},
		{"auditor", PERM_READ, PERM_ALL & ~(unsigned)PERM_READ},
		{"service", PERM_POST, PERM_ALL & ~(unsigned)PERM_POST},
		{"root", 0, PERM_ALL},
		{NULL, 0, PERM_ALL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(role_permissions(cases[i].role) & cases[i].may, cases[i].may);
		assert_int_equal(role_permissions(cases[i].role) & cases[i].may_not, 0);
	}
}

static void test_an_auditor_never_acts(void **state)
{
	(void)state;
	for (int n = 0; role_name(n); n++)
		assert_int_equal(
			permissions_unite(role_permissions(role_name(n)), PERM_READ, 1), PERM_READ);
	assert_int_equal(permissions_unite(PERM_READ, PERM_POST, 0), PERM_READ | PERM_POST);
}

static void test_a_role_is_lowered_and_never_raised(void **state)
{
	(void)state;
	for (int mine = 0; role_name(mine); mine++)
		for (int to = 0; role_name(to); to++) {
			unsigned have = role_permissions(role_name(mine));
			unsigned want = role_permissions(role_name(to));

			assert_int_equal(
				role_allowed_as(role_name(to), have), (have | want) == have);
		}
	assert_false(role_allowed_as("nobody", PERM_ALL));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(permission_name(PERM_LOWER), "lower");
	assert_string_equal(permission_name(PERM_LOWER | PERM_READ), "");
	for (unsigned bit = 1; bit & PERM_ALL; bit <<= 1)
		assert_true(permission_name(bit)[0] != '\0');
	assert_null(role_name(-1));
	assert_null(role_name(6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_role_may_do),
		cmocka_unit_test(test_an_auditor_never_acts),
		cmocka_unit_test(test_a_role_is_lowered_and_never_raised),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
