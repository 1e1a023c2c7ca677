/* test_haproxy_config.c: nobody writes a line of their own into the gateway's configuration; what
 * a reload needs and what not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "backend/adapters/haproxy_config.h"
#include "backend/base/xalloc.h"

static struct gateway_slot slots[2];
static struct gateway_endpoint good(void)
{
	struct gateway_endpoint ep = {.id = "flights/delay",
		.environment = "production",
		.host = "127.0.0.1",
		.port = 8100,
		.health = "/healthz",
		.timeout_ms = 2000,
		.key = {.kind = 1, .name = "X-Flight"},
		.segment = {.kind = 2, .name = "route.origin"},
		.slots = slots,
		.slot_count = 2};

	memset(slots, 0, sizeof slots);
	slots[0].server_count = 1;
	str_copy(slots[0].servers[0].name, 48, "r0");
	str_copy(slots[0].servers[0].address, 160, "unix@/run/p/s.sock");
	return ep;
}

static struct haproxy_config config(const struct gateway_endpoint *ep)
{
	return (struct haproxy_config){.eps = ep,
		.count = 1,
		.log_socket = "/run/p/log.sock",
		.body_max = 12000,
		.generation = 7,
		.servers = 1};
}

static const char *const evil[] = {"x\nglobal", "x y", "a'b", "a\"b", "a#b", "a\\b", "a%b", "a{b",
	"a,b", "a)b", "a$b", "a;b", "a\tb",
	"a\x80"
	"b",
	"a|b"};

#define FIELDS 8
/* Where a text of a person stands. */
static char *field_of(struct gateway_endpoint *ep, int i, size_t *size)
{
	static const size_t sizes[FIELDS] = {130, 16, 64, 128, 96, 96, 48, 160};
	char *const at[FIELDS] = {ep->id, ep->environment, ep->host, ep->health, ep->key.name,
		ep->segment.name, ep->slots[0].servers[0].name, ep->slots[0].servers[0].address};

	*size = sizes[i];
	return at[i];
}

static void injection_is_refused_everywhere(void **state)
{
	(void)state;
	for (int f = 0; f < FIELDS; f++)
		for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
			struct gateway_endpoint ep = good();
			struct haproxy_config c = config(&ep);
			struct err e = {0};
			size_t size;
			char *text = field_of(&ep, f, &size), *copy = xstrdup(text);

			assert_int_equal(haproxy_config_check(&c, &e), 0);
			/* In front, behind, and alone. */
			char *tries[] = {xasprintf("%s%s", copy, evil[i]),
				xasprintf("%s%s", evil[i], copy), xstrdup(evil[i])};
			for (int t = 0; t < 3; t++) {
				str_copy(text, size, tries[t]);
				if (haproxy_config_check(&c, &e) != ERR_INVALID)
					fail_msg("field %d took \"%s\"", f, text);
				assert_true(e.message[0] != '\0');
				free(tries[t]);
			}
			free(copy);
		}
	struct gateway_endpoint ep = good();
	struct haproxy_config c = config(&ep);
	c.log_socket = "/run/x y";
	assert_int_equal(haproxy_config_check(&c, NULL), ERR_INVALID);
}

static void two_endpoints_cannot_share_an_address(void **state)
{
	struct gateway_endpoint eps[2] = {good(), good()};
	struct haproxy_config c = config(eps);
	struct err e = {0};

	(void)state;
	c.count = 2;
	assert_int_equal(haproxy_config_check(&c, &e), ERR_INVALID);
	str_copy(eps[1].id, sizeof eps[1].id, "flights/two");
	assert_int_equal(haproxy_config_check(&c, &e), ERR_CONFLICT);
	assert_non_null(strstr(e.message, "flights/two"));
	eps[1].port++;
	assert_int_equal(haproxy_config_check(&c, &e), 0);
}

static void servers_do_not_change_the_fingerprint(void **state)
{
	struct gateway_endpoint ep = good();
	struct haproxy_config c = config(&ep);
	char a[HAPROXY_FINGERPRINT], b[HAPROXY_FINGERPRINT];

	(void)state;
	haproxy_config_fingerprint(&c, a);
	slots[0].server_count = 0;
	str_copy(slots[1].version, sizeof slots[1].version, "v9");
	c.generation++;
	haproxy_config_fingerprint(&c, b);
	assert_string_equal(a, b);
	ep.timeout_ms++;
	haproxy_config_fingerprint(&c, b);
	assert_string_not_equal(a, b);
	ep = good();
	str_copy(ep.segment.name, sizeof ep.segment.name, "dest");
	haproxy_config_fingerprint(&c, b);
	assert_string_not_equal(a, b);
}

static int config_has(const struct gateway_endpoint *ep, const char *line)
{
	struct haproxy_config c = config(ep);
	struct buf text = {0};
	int has;

	haproxy_config_format(&c, &text);
	has = strstr(buf_text(&text), line) != NULL;
	buf_release(&text);
	return has;
}

static void servers_may_be_asked_for_a_name(void **state)
{
	struct gateway_endpoint ep = good();
	struct haproxy_config c = config(&ep);

	(void)state;
	str_copy(ep.health, sizeof ep.health, "/ready");
	assert_true(config_has(&ep, " uri /ready ver HTTP/1.1 hdr Host localhost\n"));
	assert_false(config_has(&ep, "set-header Host"));
	str_copy(ep.host_header, sizeof ep.host_header, "model.example");
	assert_true(config_has(&ep, " uri /ready ver HTTP/1.1 hdr Host model.example\n"
				    "\thttp-request set-header Host model.example\n"));
	str_copy(ep.host_header, sizeof ep.host_header, "a b");
	assert_int_equal(haproxy_config_check(&c, NULL), ERR_INVALID);
}

static void a_stream_may_be_silent_for_longer(void **state)
{
	struct gateway_endpoint ep = good();

	(void)state;
	assert_false(config_has(&ep, "txn.stream"));
	ep.stream_ms = 2000; /* no longer than any answer */
	assert_false(config_has(&ep, "txn.stream"));
	ep.stream_ms = 300000;
	assert_true(config_has(&ep, "\ttimeout server 2000ms\n\thttp-request set-timeout server "
				    "300000ms if { var(txn.stream) -m found }\n"));
	assert_true(config_has(&ep, "\toption logasap\n"));
	ep.stream_ms = -1;
	struct haproxy_config c = config(&ep);
	assert_int_equal(haproxy_config_check(&c, NULL), ERR_INVALID);
}

static void rows_go_there_and_back(void **state)
{
	struct gateway_route r = {2500, 0, -1, 1, 41, 1, "v1", ""}, back;
	char row[HAPROXY_ROW_SIZE], again[HAPROXY_ROW_SIZE];
	struct err e = {0};

	(void)state;
	assert_int_equal(haproxy_route_format("flights/delay", &r, row, &e), 0);
	assert_string_equal(row, "2500|flights:delay:0|-|1|41|1|v1|-");
	assert_int_equal(haproxy_route_parse("flights/delay", row, &back, &e), 0);
	assert_int_equal(haproxy_route_format("flights/delay", &back, again, &e), 0);
	assert_string_equal(row, again);
	assert_int_equal(back.candidate_slot, -1);
	assert_string_equal(back.candidate_version, "");
	r.share_bp = 10001;
	assert_int_equal(haproxy_route_format("flights/delay", &r, row, &e), ERR_INVALID);
	r.share_bp = 1;
	str_copy(r.stable_version, 64, "v1|x");
	assert_int_equal(haproxy_route_format("flights/delay", &r, row, &e), ERR_INVALID);
}

static void foreign_rows_are_refused(void **state)
{
	static const char *const rows[] = {"", "|", "1", "1|-|-|1|0|0|-", "1|-|-|1|0|0|-|-|-",
		"x|-|-|1|0|0|-|-", "99999|-|-|1|0|0|-|-", "1|other:ep:0|-|1|0|0|-|-",
		"1|a:b:x|-|1|0|0|-|-", "1|-|-|2|0|0|-|-", "1|-|-|1|-4|0|-|-", "1|a:b:|-|1|0|0|-|-",
		"1|a:b:99999999999|-|1|0|0|-|-"};
	struct gateway_route r;
	char *wide = xcalloc(2000, 1);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (haproxy_route_parse("a/b", rows[i], &r, NULL) != ERR_GATEWAY)
			fail_msg("took \"%s\"", rows[i]);
	memset(wide, '|', 1999);
	assert_int_equal(haproxy_route_parse("a/b", wide, &r, NULL), ERR_GATEWAY);
	free(wide);
}

static void names_are_told_apart(void **state)
{
	char name[HAPROXY_BACKEND_SIZE];

	(void)state;
	haproxy_backend_name("flights/delay", 3, name);
	assert_string_equal(name, "flights:delay:3");
	assert_int_equal(haproxy_backend_slot("flights/delay", name), 3);
	assert_int_equal(haproxy_backend_slot("flights/dela", name), -1);
	assert_int_equal(haproxy_backend_slot("flights/delay2", name), -1);
	assert_int_equal(haproxy_override_rollout("a/b", "a/b|41|ORD"), 41);
	assert_int_equal(haproxy_override_rollout("a/b", "a/bc|41|ORD"), -1);
	assert_int_equal(haproxy_override_rollout("a/b", "a/b|x|ORD"), -1);
	assert_int_equal(haproxy_segment_valid("ORD-1.a:b_c"), 1);
	assert_int_equal(haproxy_segment_valid(""), 0);
	assert_int_equal(haproxy_segment_valid("a b"), 0);
	assert_int_equal(haproxy_segment_valid("a\nset map"), 0);
}

static void another_user_is_named_by_number(void **state)
{
	struct gateway_endpoint ep = good();
	struct haproxy_config c = config(&ep);
	char plain[HAPROXY_FINGERPRINT], other[HAPROXY_FINGERPRINT];
	struct buf text = {0};

	(void)state;
	haproxy_config_fingerprint(&c, plain);
	haproxy_config_format(&c, &text);
	assert_null(strstr(buf_text(&text), "\tuid "));
	buf_reset(&text);
	c.user = (struct process_user){998, 997};
	haproxy_config_format(&c, &text);
	assert_non_null(strstr(buf_text(&text), "\tuid 998\n\tgid 997\n"));
	haproxy_config_fingerprint(&c, other);
	assert_string_not_equal(plain, other);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(injection_is_refused_everywhere),
		cmocka_unit_test(two_endpoints_cannot_share_an_address),
		cmocka_unit_test(servers_do_not_change_the_fingerprint),
		cmocka_unit_test(servers_may_be_asked_for_a_name),
		cmocka_unit_test(a_stream_may_be_silent_for_longer),
		cmocka_unit_test(rows_go_there_and_back),
		cmocka_unit_test(foreign_rows_are_refused),
		cmocka_unit_test(names_are_told_apart),
		cmocka_unit_test(another_user_is_named_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
