/* test_gateway_haproxy.c: a real HAProxy moved at run time: the split, leases, gate, overrides,
 * segments that a body hides, the log, and servers that come and go. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <netdb.h>

#include "tests/backend/adapters/rig.h"

#define KEYS 3000

static struct rig rig;

static int set_up(void **state)
{
	struct err e = {0};

	(void)state;
	rig_open(&rig);
	if (gateway_configure(rig.g, rig.eps, rig.routes, 1, 0, &e) < 0) {
		print_message("%s %s\n", e.message, e.hint);
		return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

/* Every test starts from: stable only, no pins. */
static int reset(void **state)
{
	(void)state;
	rig.routes[0].share_bp = 0;
	rig.routes[0].overrides = 0;
	rig.routes[0].gate = 1;
	rig.routes[0].rollout = 41;
	rig.routes[0].stable_slot = 0;
	rig.routes[0].candidate_slot = 1;
	gateway_sweep_overrides(rig.g, RIG_EP, -1, NULL);
	return rig_share(&rig, 0, NULL);
}

static int ask_key(int fd, int key)
{
	struct http_reply reply;
	char head[64];

	snprintf(head, sizeof head, "X-Key: user-%d\r\n", key);
	return rig_ask(fd, head, "{\"origin\":\"ORD\"}", 16, &reply);
}

static int ask_body(const char *body, size_t n)
{
	struct http_reply reply;
	int fd = http_connect(rig.eps[0].port);
	int who = rig_ask(fd, "", body, n, &reply);

	close(fd);
	return who;
}

/* Marks who[k] for each key; how many went to the candidate. */
static int ask_all(char *who)
{
	int fd = http_connect(rig.eps[0].port), n = 0;

	for (int k = 0; k < KEYS; k++) {
		int w = ask_key(fd, k);
		if (w != 1 && w != 2)
			fail_msg("key %d: %d", k, w);
		who[k] = (char)w;
		n += w == 2;
	}
	close(fd);
	return n;
}

static void near_share(int got, int of, double share)
{
	double error = sqrt(share * (1 - share) * of);

	if (fabs(got - share * of) > 4 * error)
		fail_msg("%d of %d is not %.0f %%", got, of, share * 100);
}

static void split_is_accurate_sticky_and_grows(void **state)
{
	static char at5[KEYS], at50[KEYS], again[KEYS];
	struct err e = {0};

	(void)state;
	assert_int_equal(rig_share(&rig, 500, &e), 0);
	near_share(ask_all(at5), KEYS, 0.05);
	assert_int_equal(rig_share(&rig, 5000, &e), 0);
	near_share(ask_all(at50), KEYS, 0.5);
	for (int k = 0; k < KEYS; k++)
		if (at5[k] == 2)
			assert_int_equal(at50[k], 2);
	ask_all(again);
	assert_memory_equal(at50, again, KEYS);
	/* Another rollout draws others: of its half, half were in the former one. */
	rig.routes[0].rollout = 42;
	assert_int_equal(rig_share(&rig, 5000, &e), 0);
	near_share(ask_all(again), KEYS, 0.5);
	int both = 0;
	for (int k = 0; k < KEYS; k++)
		both += at50[k] == 2 && again[k] == 2;
	near_share(both, KEYS, 0.25);
}

static void without_a_key_the_split_is_random(void **state)
{
	struct http_reply reply;
	int fd = http_connect(rig.eps[0].port), n = 0;

	(void)state;
	assert_int_equal(rig_share(&rig, 2500, NULL), 0);
	for (int i = 0; i < 2000; i++)
		n += rig_ask(fd, i % 2 ? "" : "X-Key:\r\n", "{}", 2, &reply) == 2;
	close(fd);
	near_share(n, 2000, 0.25);
}

static void lease_expiry_stops_the_candidate(void **state)
{
	int64_t end, us = 0;
	int fd = http_connect(rig.eps[0].port), who;

	(void)state;
	rig_share(&rig, 10000, NULL);
	assert_int_equal(ask_key(fd, 1), 2);
	end = clock_wall_us(&rig.clock) + 400000;
	assert_int_equal(gateway_set_lease(rig.g, RIG_EP, end, NULL), 0);
	assert_int_equal(gateway_get_lease(rig.g, RIG_EP, &us, NULL), 0);
	assert_int_equal(us, end / 1000 * 1000);
	do {
		/* The answer is judged by the time before it was asked: 2 ms for the gateway's own
		 * clock, which is read once per wake-up. */
		int64_t asked = clock_wall_us(&rig.clock);
		who = ask_key(fd, 1);
		if (who == 2)
			assert_true(asked <= end + 2000);
		else
			assert_true(clock_wall_us(&rig.clock) >= end - 2000);
	} while (who == 2);
	assert_int_equal(who, 1);
	gateway_set_lease(rig.g, RIG_EP, clock_wall_us(&rig.clock) + 9000000, NULL);
	assert_int_equal(ask_key(fd, 1), 2);
	close(fd);
}

static void gate_beats_an_override(void **state)
{
	int fd = http_connect(rig.eps[0].port);

	(void)state;
	rig.routes[0].overrides = 1;
	rig_share(&rig, 0, NULL);
	assert_int_equal(gateway_set_override(rig.g, RIG_EP, 41, "ORD", 10000, NULL), 0);
	assert_int_equal(ask_key(fd, 1), 2);
	assert_int_equal(ask_body("{\"origin\":\"JFK\"}", 16), 1);
	rig.routes[0].gate = 0;
	assert_int_equal(gateway_set_route(rig.g, RIG_EP, &rig.routes[0], NULL), 0);
	assert_int_equal(ask_key(fd, 1), 1);
	rig.routes[0].gate = 1;
	assert_int_equal(gateway_set_route(rig.g, RIG_EP, &rig.routes[0], NULL), 0);
	assert_int_equal(ask_key(fd, 1), 2);
	/* An expired lease beats it too. */
	gateway_set_lease(rig.g, RIG_EP, 1000, NULL);
	assert_int_equal(ask_key(fd, 1), 1);
	rig_share(&rig, 0, NULL);
	/* The key of another rollout means nothing, and is swept. */
	rig.routes[0].rollout = 43;
	gateway_set_route(rig.g, RIG_EP, &rig.routes[0], NULL);
	assert_int_equal(ask_key(fd, 1), 1);
	assert_int_equal(gateway_sweep_overrides(rig.g, RIG_EP, 43, NULL), 0);
	rig.routes[0].rollout = 41;
	gateway_set_route(rig.g, RIG_EP, &rig.routes[0], NULL);
	assert_int_equal(ask_key(fd, 1), 1);
	close(fd);
}

#define BODY(s) s, sizeof s - 1
static const struct {
	const char *name, *body;
	size_t n;
	int want; /* ORD is pinned to stable, the share is 10000 */
} bodies[] = {
	{"pinned", BODY("{\"origin\":\"ORD\"}"), 1},
	{"another segment", BODY("{\"origin\":\"JFK\"}"), 2},
	{"a number", BODY("{\"origin\":12}"), 2},
	{"spaces", BODY("{ \"x\" : [1,{\"a\":2}], \"origin\" : \"JFK\" }"), 2},
	{"absent", BODY("{\"x\":1}"), 1},
	{"not JSON", BODY("origin=JFK"), 1},
	{"twice", BODY("{\"origin\":\"JFK\",\"origin\":\"ORD\"}"), 1},
	{"twice, in lines", BODY("{\"origin\":\"JFK\",\n\n\"origin\":\"ORD\"}"), 1},
	{"twice, other case", BODY("{\"origin\":\"JFK\",\"Origin\":\"ORD\"}"), 1},
	{"only in other case", BODY("{\"ORIGIN\":\"JFK\"}"), 1},
	{"escaped key", BODY("{\"origin\":\"JFK\",\"\\u006frigin\":\"ORD\"}"), 1},
	{"escaped value", BODY("{\"origin\":\"\\u004fRD\"}"), 1},
	{"a byte 0 before the second", BODY("{\"origin\":\"JFK\",\"x\":\"\0\",\"origin\":\"ORD\"}"),
		1},
	{"null", BODY("{\"origin\":null}"), 1},
	{"true", BODY("{\"origin\":true}"), 1},
	{"a list", BODY("{\"origin\":[\"ORD\"]}"), 1},
	{"nested elsewhere", BODY("{\"a\":{\"origin\":\"JFK\"}}"), 1},
	{"odd characters", BODY("{\"origin\":\"J K\"}"), 1},
	{"a line end", BODY("{\"origin\":\"JFK\\n\"}"), 1},
	{"61 characters",
		BODY("{\"origin\":"
		     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"),
		1},
};

static void unreadable_segments_go_to_stable(void **state)
{
	static char large[12200];
	struct http_reply reply;
	int fd = http_connect(rig.eps[0].port);

	(void)state;
	rig.routes[0].overrides = 1;
	rig_share(&rig, 10000, NULL);
	assert_int_equal(gateway_set_override(rig.g, RIG_EP, 41, "ORD", 0, NULL), 0);
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		if (ask_body(bodies[i].body, bodies[i].n) != bodies[i].want)
			fail_msg("%s", bodies[i].name);
	memset(large, ' ', sizeof large);
	memcpy(large, "{\"origin\":\"JFK\"}", 16);
	assert_int_equal(ask_body(large, 11000), 2);
	assert_int_equal(ask_body(large, sizeof large), 1);
	static const char chunked[] = "10\r\n{\"origin\":\"JFK\"}\r\n0\r\n\r\n";
	assert_int_equal(
		http_ask(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n",
			chunked, sizeof chunked - 1, &reply),
		0);
	assert_non_null(strstr(reply.body, "one"));
	close(fd);
	/* Without overrides nothing of this matters. */
	rig.routes[0].overrides = 0;
	rig_share(&rig, 10000, NULL);
	assert_int_equal(ask_body("x", 1), 2);
}

static const struct {
	const char *path, *body;
	int want; /* as above */
} listed[] = {
	{"instances.0.origin", "{\"instances\":[{\"origin\":\"ORD\"}]}", 1},
	{"instances.0.origin", "{\"instances\":[{\"origin\":\"JFK\"}]}", 2},
	{"instances.0.origin", "{\"instances\":[{\"origin\":\"JFK\"},{\"origin\":\"ORD\"}]}", 1},
	{"instances.0.origin", "{\"instances\":[{\"origin\":true}]}", 1},
	{"instances.0.origin", "{\"instances\":[]}", 1},
	{"inputs.1.0", "{\"inputs\":[[1,2],[\"JFK\"]]}", 2},
	{"inputs.1.0", "{\"inputs\":[[1,2],[\"ORD\"]]}", 1},
	{"inputs.1.0", "{\"inputs\":[[1,2],[true]]}", 1},
	{"inputs.1.0", "{\"inputs\":{\"1\":[\"JFK\"]}}", 2},
	{"inputs.1.0", "{\"inputs\":{\"1\":{\"0\":\"JFK\"}}}", 2},
	{"inputs.1.0", "{\"inputs\":{\"1\":{\"0\":\"JFK\",\"0\":\"ORD\"}}}", 1},
	{"1", "[1,\"JFK\"]", 2},
	{"1", "{\"1\":\"JFK\"}", 2},
	{".", "\"JFK\"", 2},
	{".", "\"ORD\"", 1},
	{".", "true", 1},
};

/* As in the path of a score: a number is a place in a list, or a member's name. */
static void lists_are_counted_in_paths(void **state)
{
	struct gateway_endpoint eps[2] = {rig.eps[0], rig.eps[1]};

	(void)state;
	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
		struct err e = {0};

		str_copy(eps[0].segment.name, sizeof eps[0].segment.name, listed[i].path);
		if (gateway_configure(rig.g, eps, rig.routes, 2, 0, &e) < 0)
			fail_msg("%s: %s", listed[i].path, e.message);
		rig.routes[0].overrides = 1;
		rig_share(&rig, 10000, NULL);
		assert_int_equal(gateway_set_override(rig.g, RIG_EP, 41, "ORD", 0, NULL), 0);
		if (ask_body(listed[i].body, strlen(listed[i].body)) != listed[i].want)
			fail_msg("%s of %s", listed[i].path, listed[i].body);
	}
	assert_int_equal(gateway_configure(rig.g, rig.eps, rig.routes, 2, 0, NULL), 0);
}

static void segments_are_checked(void **state)
{
	static const char *const bad[] = {"", "a b", "a\nset map", "a|b", "a/b", "\xc3\xa9",
		"1234567890123456789012345678901234567890123456789012345678901"};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(
			gateway_set_override(rig.g, RIG_EP, 41, bad[i], 1, &e), ERR_INVALID);
	assert_int_equal(gateway_set_override(rig.g, RIG_EP, 41, "x", 1, &e), 0);
	assert_int_equal(gateway_set_override(rig.g, RIG_EP, 41, "x", -1, &e), 0);
	assert_int_equal(gateway_set_override(rig.g, RIG_EP, 41, "x", -1, &e), 0);
	assert_int_equal(gateway_set_route(rig.g, "t/none", &rig.routes[0], &e), ERR_NOT_FOUND);
	assert_int_equal(gateway_set_route(rig.g, "t/one x", &rig.routes[0], &e), ERR_INVALID);
	assert_int_equal(gateway_set_lease(rig.g, "t/one\n", 1, &e), ERR_INVALID);
}

static void empty_log(void)
{
	char text[66000];

	while (recv(rig.log_fd, text, sizeof text, MSG_DONTWAIT) > 0)
		;
}

static int log_has(const char *record, const char *name, const char *value)
{
	char want[256];

	snprintf(want, sizeof want, "\"%s\":\"%s\"", name, value);
	if (strstr(record, want))
		return 1;
	print_message("no %s in %s\n", want, record);
	return 0;
}

static void headers_and_log_tell_the_same(void **state)
{
	struct http_reply reply;
	char record[66000] = "", id[64], value[64];
	int fd = http_connect(rig.eps[0].port);

	(void)state;
	rig_share(&rig, 10000, NULL);
	empty_log();
	assert_int_equal(
		rig_ask(fd, "X-Key: k\r\nX-Request-ID: mine\r\nX-Pithead-Version: evil\r\n",
			"{\"origin\":\"ORD\"}", 16, &reply),
		2);
	http_header(&reply, "X-Request-ID", id, sizeof id);
	assert_int_equal(strlen(id), 36);
	assert_non_null(strstr(reply.body, id)); /* upstream saw the same */
	assert_non_null(strstr(reply.body, "\"forged\":\"\""));
	assert_string_equal(http_header(&reply, "X-Pithead-Version", value, 64), "v2");
	assert_string_equal(http_header(&reply, "X-Pithead-Environment", value, 64), "test");
	assert_string_equal(http_header(&reply, "X-Pithead-Rollout", value, 64), "41");
	assert_true(recv(rig.log_fd, record, sizeof record - 1, 0) > 0);
	assert_true(log_has(record, "id", id) && log_has(record, "ep", RIG_EP) &&
		    log_has(record, "env", "test") && log_has(record, "ver", "v2") &&
		    log_has(record, "ro", "41") && log_has(record, "arm", "1") &&
		    log_has(record, "share", "10000") && log_has(record, "keyed", "1") &&
		    log_has(record, "key", "8254c329a92850f6") && log_has(record, "seg", "T1JE") &&
		    log_has(record, "su", "0") && log_has(record, "st", "200") &&
		    log_has(record, "srv", "r2") && log_has(record, "score", "MC41") &&
		    log_has(record, "mt", "POST") && log_has(record, "path", "L3ByZWRpY3Q=") &&
		    log_has(record, "req", "eyJvcmlnaW4iOiJPUkQifQ=="));
	/* A server cannot tell another version, and an answer of the gateway itself tells too. */
	assert_int_equal(http_ask(fd, "GET /forge HTTP/1.1\r\nHost: x\r\n", "", 0, &reply), 0);
	assert_string_equal(http_header(&reply, "X-Pithead-Version", value, 64), "v2");
	assert_null(strstr(reply.head, "forged"));
	close(fd);
}

/* The record of the next request, sent with this head and body. */
static void logged(const char *head, const char *body, size_t n, char *record, size_t size)
{
	struct http_reply reply;
	int fd = http_connect(rig.eps[0].port);
	ssize_t got;

	empty_log();
	assert_int_equal(http_ask(fd, head, body, n, &reply), 0);
	assert_int_equal(reply.status, 200);
	close(fd);
	got = recv(rig.log_fd, record, size - 1, 0);
	assert_true(got > 0);
	record[got] = '\0';
}

static void the_log_tells_what_was_asked(void **state)
{
	static char head[30000], body[11000], record[66000];
	int n;

	(void)state;
	logged("PUT /v1/a%20b?x=\"1\"&y=%2e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
	       "Content-Type: application/json; charset=\"utf-8\"\r\n",
		"{}", 2, record, sizeof record);
	assert_true(log_has(record, "mt", "PUT") &&
		    log_has(record, "path", "L3YxL2ElMjBiP3g9IjEiJnk9JTJl") &&
		    log_has(record, "ct", "YXBwbGljYXRpb24vanNvbjsgY2hhcnNldD0idXRmLTgi") &&
		    log_has(record, "req", "e30="));
	logged("GET / HTTP/1.1\r\nHost: x\r\n", "", 0, record, sizeof record);
	assert_non_null(strstr(record, "\"res\":\"eyJuYW1lIjoi")); /* {"name":" */
	assert_true(log_has(record, "mt", "GET") && log_has(record, "path", "Lw==") &&
		    log_has(record, "ct", "-") && log_has(record, "req", "-"));
	/* A long path is cut where it can be seen. */
	n = snprintf(head, sizeof head, "GET /%0700d HTTP/1.1\r\nHost: x\r\n", 0);
	logged(head, "", 0, record, sizeof record);
	assert_int_equal(strcspn(strstr(record, "\"path\":\"") + 8, "\""), 684);
	/* A small body that does not fit beside such headers would be logged in part. */
	memset(body, 'b', sizeof body);
	n = snprintf(head, sizeof head,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\nX-Long: ", sizeof body);
	memset(head + n, 'h', 25000);
	strcpy(head + n + 25000, "\r\n");
	logged(head, body, sizeof body, record, sizeof record);
	assert_true(log_has(record, "mt", "POST") && log_has(record, "req", "-"));
	strcpy(head + n + 1000, "\r\n");
	logged(head, body, sizeof body, record, sizeof record);
	assert_int_equal(strcspn(strstr(record, "\"req\":\"") + 7, "\""), 14668);
}

static void no_version_is_a_sentence(void **state)
{
	struct http_reply reply;
	char value[64];
	int fd = http_connect(rig.eps[0].port);

	(void)state;
	rig.routes[0].stable_slot = -1;
	rig.routes[0].candidate_slot = -1;
	rig_share(&rig, 10000, NULL);
	assert_int_equal(rig_ask(fd, "", "{}", 2, &reply), -503);
	assert_string_equal(reply.body, "{\"error\":\"no version serves this endpoint yet\"}");
	assert_int_equal(strlen(http_header(&reply, "X-Request-ID", value, 64)), 36);
	close(fd);
	/* A slot without a server. */
	rig.routes[0].stable_slot = 2;
	rig_share(&rig, 0, NULL);
	fd = http_connect(rig.eps[0].port);
	assert_int_equal(rig_ask(fd, "", "{}", 2, &reply), -503);
	assert_string_equal(reply.body, "{\"error\":\"no server of this version answers\"}");
	close(fd);
}

static void slow_answers_pass(void **state)
{
	static const struct {
		const char *name, *request, *body;
	} cases[] = {
		{"a slow stream", "GET /stream HTTP/1.1\r\nHost: x\r\n", "abababab"},
		{"a slow body of known length", "GET /trickle HTTP/1.1\r\nHost: x\r\n", "abababab"},
		{"a late answer", "GET /late HTTP/1.1\r\nHost: x\r\n", "{\"name\":\"one\""},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: x\r\n", ""},
	};
	struct http_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int fd = http_connect(rig.eps[0].port);
		int rc = http_ask(fd, cases[i].request, "", 0, &reply);
		char plain[sizeof reply.body] = "";
		size_t len = 0;
		/* Chunk headers taken out: every chunk is "2\r\nab\r\n". */
		for (const char *p = reply.body; *p; p++)
			if (!strchr("\r\n02", *p))
				plain[len++] = *p;
		if (rc < 0 || reply.status != 200 ||
			strncmp(plain, cases[i].body, strlen(cases[i].body)) != 0)
			fail_msg("%s: %d %s", cases[i].name, reply.status, reply.body);
		close(fd);
	}
	/* An upload that dribbles in is waited for. */
	int fd = http_connect(rig.eps[0].port);
	const char *head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n{\"origi";
	assert_int_equal(send(fd, head, strlen(head), 0), strlen(head));
	process_pause_ms(250);
	assert_int_equal(http_ask(fd, "n\":\"ORD\"", "}", 1, &reply), 0);
	assert_int_equal(reply.status, 200);
	close(fd);
}

static int find_state(int slot, const char *name, char *out)
{
	struct gateway_server_state list[32];
	int n = gateway_servers(rig.g, RIG_EP, list, 32, NULL);

	out[0] = '\0';
	for (int i = 0; i < n; i++)
		if (list[i].slot == slot && strcmp(list[i].name, name) == 0)
			str_copy(out, 16, list[i].state);
	return n;
}

static int wait_state(int slot, const char *name, const char *want)
{
	int64_t end = process_now_ms() + 4000;
	char state[16];

	do {
		find_state(slot, name, state);
		if (strcmp(state, want) == 0)
			return 1;
		process_pause_ms(10);
	} while (process_now_ms() < end);
	print_message("%s is \"%s\", not \"%s\"\n", name, state, want);
	return 0;
}

static void servers_come_and_go(void **state)
{
	const char *late = "GET /late HTTP/1.1\r\nHost: x\r\n\r\n";
	struct gateway_server s = {.name = "r3"};
	struct http_reply reply;
	struct err e = {0};
	char path[96];
	int64_t end = process_now_ms() + 8000;
	int rc;

	(void)state;
	snprintf(path, sizeof path, "%s/s3.sock", rig.folder);
	snprintf(s.address, sizeof s.address, "unix@%s", path);
	struct httpd *three = httpd_start(path, "three");
	if (gateway_server_add(rig.g, RIG_EP, 2, &s, &e) < 0)
		fail_msg("%s", e.message);
	assert_int_equal(gateway_server_add(rig.g, RIG_EP, 2, &s, &e), 0);
	assert_true(wait_state(2, "r3", "up"));
	rig.routes[0].stable_slot = 2;
	rig_share(&rig, 0, NULL);
	int fd = http_connect(rig.eps[0].port);
	rig_ask(fd, "", "{}", 2, &reply);
	assert_non_null(strstr(reply.body, "three"));
	assert_int_equal(gateway_server_drain(rig.g, RIG_EP, 2, "r3", &e), 0);
	assert_true(wait_state(2, "r3", "drain"));
	assert_int_equal(gateway_server_add(rig.g, RIG_EP, 2, &s, &e), 0);
	assert_true(wait_state(2, "r3", "up"));
	long before = httpd_count(three);
	assert_int_equal(send(fd, late, strlen(late), 0), strlen(late));
	while (httpd_count(three) == before && process_now_ms() < end)
		process_pause_ms(2);
	rig.routes[0].stable_slot = 0;
	rig_share(&rig, 0, NULL);
	gateway_server_drain(rig.g, RIG_EP, 2, "r3", &e);
	rc = gateway_server_remove(rig.g, RIG_EP, 2, "r3", &e);
	assert_int_equal(rc, ERR_CONFLICT); /* an answer is under way */
	recv(fd, reply.body, sizeof reply.body, 0);
	assert_non_null(strstr(reply.body, "200 OK"));
	close(fd);
	while ((rc = gateway_server_remove(rig.g, RIG_EP, 2, "r3", &e)) == ERR_CONFLICT &&
		process_now_ms() < end)
		process_pause_ms(20);
	assert_int_equal(rc, 0);
	assert_int_equal(gateway_server_remove(rig.g, RIG_EP, 2, "r3", &e), 0);
	assert_int_equal(gateway_server_drain(rig.g, RIG_EP, 2, "r3", &e), ERR_NOT_FOUND);
	assert_int_equal(gateway_server_add(rig.g, RIG_EP, 9, &s, &e), ERR_NOT_FOUND);
	httpd_stop(three);
}

static void upstream_servers_are_resolved(void **state)
{
	struct addrinfo *found = NULL;
	/* A bare machine may know no name at all, not even this one. */
	const char *host =
		getaddrinfo("localhost", NULL, NULL, &found) == 0 ? "localhost" : "127.0.0.1";
	struct gateway_server s = {.name = "up"}, other, tls = {.name = "tls", .tls = 1};
	struct err e = {0};

	(void)state;
	snprintf(s.address, sizeof s.address, "%s:1", host);
	str_copy(tls.address, sizeof tls.address, s.address);
	other = s;
	assert_int_equal(gateway_server_add(rig.g, RIG_EP, 2, &s, &e), 0);
	assert_int_equal(gateway_server_add(rig.g, RIG_EP, 2, &s, &e), 0);
	snprintf(other.address, sizeof other.address, "%s:2", host);
	assert_int_equal(gateway_server_add(rig.g, RIG_EP, 2, &other, &e), ERR_CONFLICT);
	if (gateway_server_add(rig.g, RIG_EP, 2, &tls, &e) < 0)
		fail_msg("%s", e.message);
	assert_true(wait_state(2, "up", "down"));
	assert_true(wait_state(2, "tls", "down"));
	assert_int_equal(gateway_server_remove(rig.g, RIG_EP, 2, "up", &e), 0);
	assert_int_equal(gateway_server_remove(rig.g, RIG_EP, 2, "tls", &e), 0);
	str_copy(other.address, sizeof other.address, "no-such-host.invalid:2");
	assert_int_equal(gateway_server_add(rig.g, RIG_EP, 2, &other, &e), ERR_UNREACHABLE);
	assert_non_null(strstr(e.message, "no-such-host.invalid has no address"));
	str_copy(other.name, sizeof other.name, "a b");
	assert_int_equal(gateway_server_add(rig.g, RIG_EP, 2, &other, &e), ERR_INVALID);
	if (found)
		freeaddrinfo(found);
}

static void every_move_is_read_back(void **state)
{
	struct gateway_route seen;

	(void)state;
	for (int i = 0; i < 301; i++) {
		rig.routes[0].share_bp = i;
		assert_int_equal(gateway_set_route(rig.g, RIG_EP, &rig.routes[0], NULL), 0);
		assert_int_equal(gateway_get_route(rig.g, RIG_EP, &seen, NULL), 0);
		assert_int_equal(seen.share_bp, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(split_is_accurate_sticky_and_grows, reset),
		cmocka_unit_test_setup(without_a_key_the_split_is_random, reset),
		cmocka_unit_test_setup(lease_expiry_stops_the_candidate, reset),
		cmocka_unit_test_setup(gate_beats_an_override, reset),
		cmocka_unit_test_setup(unreadable_segments_go_to_stable, reset),
		cmocka_unit_test_setup(lists_are_counted_in_paths, reset),
		cmocka_unit_test_setup(segments_are_checked, reset),
		cmocka_unit_test_setup(headers_and_log_tell_the_same, reset),
		cmocka_unit_test_setup(the_log_tells_what_was_asked, reset),
		cmocka_unit_test_setup(no_version_is_a_sentence, reset),
		cmocka_unit_test_setup(slow_answers_pass, reset),
		cmocka_unit_test_setup(servers_come_and_go, reset),
		cmocka_unit_test_setup(upstream_servers_are_resolved, reset),
		cmocka_unit_test_setup(every_move_is_read_back, reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
