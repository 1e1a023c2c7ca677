/* test_gateway_fake.c: the fake keeps the contract of gateway.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "backend/adapters/gateway_fake.h"
#include "backend/base/xalloc.h"

static struct gateway_slot slots[2];
static struct gateway_endpoint ep = {.id = "a/b",
	.host = "127.0.0.1",
	.port = 1,
	.timeout_ms = 1,
	.slots = slots,
	.slot_count = 2};

static void keeps_the_contract(void **state)
{
	struct gateway *g = gateway_fake_new();
	struct gateway_route r = {.share_bp = 100, .stable_slot = 0, .candidate_slot = 1}, got;
	struct gateway_server s = {.name = "r1", .address = "unix@/x"}, other = s;
	struct gateway_server_state list[4];
	struct err e = {0};
	int64_t us;

	(void)state;
	assert_int_equal(gateway_adopt(g, &e), 0);
	assert_int_equal(gateway_set_route(g, "a/b", &r, &e), ERR_UNREACHABLE);
	assert_int_equal(gateway_configure(g, &ep, &r, 1, 0, &e), 0);
	assert_int_equal(gateway_configure(g, &ep, &r, 1, 0, &e), 0);
	assert_int_equal(gateway_fake_loads(g), 1);
	assert_int_equal(gateway_set_route(g, "a/none", &r, &e), ERR_NOT_FOUND);
	r.share_bp = 10001;
	assert_int_equal(gateway_set_route(g, "a/b", &r, &e), ERR_INVALID);
	assert_int_equal(gateway_get_route(g, "a/b", &got, &e), 0);
	assert_int_equal(got.share_bp, 100);
	assert_int_equal(gateway_set_lease(g, "a/b", 1234567, &e), 0);
	assert_int_equal(gateway_get_lease(g, "a/b", &us, &e), 0);
	assert_int_equal(us, 1234000);
	assert_int_equal(gateway_set_override(g, "a/b", 1, "x y", 1, &e), ERR_INVALID);
	assert_int_equal(gateway_set_override(g, "a/b", 1, "x", 7, &e), 0);
	assert_int_equal(gateway_fake_override(g, "a/b", 1, "x"), 7);
	assert_int_equal(gateway_sweep_overrides(g, "a/b", 2, &e), 0);
	assert_int_equal(gateway_fake_override(g, "a/b", 1, "x"), -1);
	assert_int_equal(gateway_server_add(g, "a/b", 1, &s, &e), 0);
	assert_int_equal(gateway_server_add(g, "a/b", 1, &s, &e), 0);
	str_copy(other.address, sizeof other.address, "unix@/y");
	assert_int_equal(gateway_server_add(g, "a/b", 1, &other, &e), ERR_CONFLICT);
	assert_int_equal(gateway_fake_server(g, "a/b", 1, "r1", "up", 2), 0);
	assert_int_equal(gateway_servers(g, "a/b", list, 4, &e), 1);
	assert_int_equal(list[0].sessions, 2);
	assert_int_equal(gateway_server_remove(g, "a/b", 1, "r1", &e), ERR_CONFLICT);
	gateway_fake_server(g, "a/b", 1, "r1", "drain", 0);
	assert_int_equal(gateway_server_remove(g, "a/b", 1, "r1", &e), 0);
	gateway_fake_fail(g, 1, "on purpose");
	assert_int_equal(gateway_set_lease(g, "a/b", 1, &e), ERR_GATEWAY);
	assert_string_equal(e.message, "on purpose");
	assert_int_equal(gateway_set_lease(g, "a/b", 1, &e), 0);
	gateway_fake_kill(g);
	assert_false(gateway_alive(g));
	gateway_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_the_contract)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
