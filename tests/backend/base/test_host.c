/* test_host.c: what is a host, and which hosts are addresses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "backend/base/host.h"

static void hosts_and_others(void **state)
{
	static const struct {
		const char *text;
		int valid, address;
	} cases[] = {
		{"models.example.com", 1, 0},
		{"scorer_v2", 1, 0},
		{"10.0.0.1", 1, 1},
		{"[::1]", 1, 1},
		{"[2001:db8::7]", 1, 1},
		{"1.2.3", 1, 0},
		{"a", 1, 0},
		{"", 0, 0},
		{"-a", 0, 0},
		{".a", 0, 0},
		{"_a", 0, 0},
		{"a..b", 0, 0},
		{"a b", 0, 0},
		{"a/b", 0, 0},
		{"[::1", 0, 1},
		{"[]", 0, 1},
		{"[x]", 0, 1},
		{"a\n", 0, 0},
		{"${x}", 0, 0},
	};
	char longest[140];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (host_is_valid(cases[i].text) != cases[i].valid)
			fail_msg("%s", cases[i].text);
		if (cases[i].valid)
			assert_int_equal(host_is_address(cases[i].text), cases[i].address);
	}
	memset(longest, 'a', sizeof longest);
	longest[127] = '\0';
	assert_int_equal(host_is_valid(longest), 1);
	longest[127] = 'a';
	longest[128] = '\0';
	assert_int_equal(host_is_valid(longest), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(hosts_and_others)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
