/* test_haproxy_configure.c: a real HAProxy's life: reload under traffic, an old worker that still
 * holds a connection, adoption, kill -9, a hand-edited file, a taken port. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "backend/base/buf.h"
#include "tests/backend/adapters/rig.h"

static int set_up(void **state)
{
	struct rig *r = xcalloc(1, sizeof *r);

	rig_open(r);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	rig_close(*state);
	free(*state);
	return 0;
}

static void configure(struct rig *r, int count)
{
	struct err e = {0};

	if (gateway_configure(r->g, r->eps, r->routes, count, 0, &e) < 0)
		fail_msg("%s %s", e.message, e.hint);
}

static int64_t generation(struct rig *r)
{
	struct gateway_info info = {0};

	gateway_get_info(r->g, &info, NULL);
	return info.generation;
}

struct client {
	int port;
	atomic_int stop;
	long asked, failed;
};

/* A keep-alive client that connects anew only when the gateway says `Connection: close`. */
static void *client_run(void *arg)
{
	struct client *c = arg;
	struct http_reply reply;
	char value[32];
	int fd = http_connect(c->port);

	while (!atomic_load(&c->stop)) {
		c->asked++;
		if (rig_ask(fd, "", "{}", 2, &reply) <= 0)
			c->failed++;
		http_header(&reply, "Connection", value, sizeof value);
		if (reply.status == 0 || strcmp(value, "close") == 0) {
			close(fd);
			fd = http_connect(c->port);
		}
		process_pause_ms(1);
	}
	close(fd);
	return NULL;
}

static void reload_loses_no_request(void **state)
{
	struct rig *r = *state;
	struct client c[2] = {0};
	pthread_t thread[2];

	configure(r, 1);
	rig_share(r, 5000, NULL);
	for (int i = 0; i < 2; i++) {
		c[i].port = r->eps[0].port;
		pthread_create(&thread[i], NULL, client_run, &c[i]);
	}
	for (int i = 0; i < 4; i++)
		configure(r, i % 2 ? 1 : 2);
	for (int i = 0; i < 2; i++) {
		atomic_store(&c[i].stop, 1);
		pthread_join(thread[i], NULL);
		print_message("%ld asked, %ld failed\n", c[i].asked, c[i].failed);
		assert_true(c[i].asked > 20);
		assert_int_equal(c[i].failed, 0);
	}
	assert_int_equal(generation(r), 5);
}

static void reload_keeps_rows_leases_and_pins(void **state)
{
	struct rig *r = *state;
	struct gateway_route route;
	int64_t lease = clock_wall_us(&r->clock) + 30000000, us = 0;

	configure(r, 1);
	r->routes[0].overrides = 1;
	rig_share(r, 0, NULL);
	gateway_set_lease(r->g, RIG_EP, lease, NULL);
	assert_int_equal(gateway_set_override(r->g, RIG_EP, 41, "ORD", 10000, NULL), 0);
	configure(r, 2);
	assert_int_equal(gateway_get_lease(r->g, RIG_EP, &us, NULL), 0);
	assert_int_equal(us, lease / 1000 * 1000);
	assert_int_equal(gateway_get_lease(r->g, "t/other", &us, NULL), 0);
	assert_int_equal(us, 0);
	assert_int_equal(gateway_get_route(r->g, RIG_EP, &route, NULL), 0);
	assert_int_equal(route.gate, 1);
	struct http_reply reply;
	int fd = http_connect(r->eps[0].port);
	assert_int_equal(rig_ask(fd, "", "{\"origin\":\"ORD\"}", 16, &reply), 2);
	close(fd);
	/* The files on disk hold the safe state. */
	char path[128];
	struct buf text = {0};
	snprintf(path, sizeof path, "%s/route.map", r->gw);
	assert_int_equal(buf_read_file(&text, path, 65536), 0);
	assert_non_null(strstr(buf_text(&text), "t/one 0|t:one:0|t:one:1|0|41|1|v1|v2\n"));
	buf_release(&text);
}

static void old_worker_is_told_of_moves(void **state)
{
	struct rig *r = *state;
	struct http_reply reply;

	configure(r, 1);
	rig_share(r, 10000, NULL);
	int fd = http_connect(r->eps[0].port);
	assert_int_equal(rig_ask(fd, "", "{}", 2, &reply), 2);
	configure(r, 2);
	/* This idle connection is the old worker's. */
	r->routes[0].gate = 0;
	assert_int_equal(gateway_set_route(r->g, RIG_EP, &r->routes[0], NULL), 0);
	assert_int_equal(rig_ask(fd, "", "{}", 2, &reply), 1);
	close(fd);
}

static void old_worker_ends_soon(void **state)
{
	struct rig *r = *state;
	struct gateway_info old;
	int64_t end = process_now_ms() + 3000;

	configure(r, 1);
	gateway_get_info(r->g, &old, NULL);
	configure(r, 2);
	while (process_alive(old.pid, old.start_ticks) && process_now_ms() < end) {
		gateway_alive(r->g);
		process_pause_ms(10);
	}
	assert_false(process_alive(old.pid, old.start_ticks));
	assert_true(gateway_alive(r->g));
}

static void nothing_is_done_when_it_is_right(void **state)
{
	struct rig *r = *state;

	configure(r, 1);
	assert_int_equal(generation(r), 1);
	/* Other servers are no reason to reload. */
	r->slots[2].server_count = 1;
	str_copy(r->slots[2].servers[0].name, 48, "r9");
	str_copy(r->slots[2].servers[0].address, 160, "127.0.0.1:9");
	configure(r, 1);
	assert_int_equal(generation(r), 1);
	r->eps[0].timeout_ms = 2500;
	configure(r, 1);
	assert_int_equal(generation(r), 2);
}

static void adopted_after_we_died(void **state)
{
	struct rig *r = *state;
	struct gateway_info before, after;
	struct gateway_route route;
	struct err e = {0};

	assert_int_equal(gateway_adopt(r->g, &e), 0);
	configure(r, 1);
	rig_share(r, 1234, NULL);
	gateway_get_info(r->g, &before, NULL);
	gateway_free(r->g);
	r->g = rig_gateway(r);
	assert_int_equal(gateway_adopt(r->g, &e), 1);
	gateway_get_info(r->g, &after, NULL);
	assert_int_equal(before.pid, after.pid);
	assert_int_equal(before.start_ticks, after.start_ticks);
	assert_int_equal(after.generation, 1);
	assert_int_equal(gateway_get_route(r->g, RIG_EP, &route, NULL), 0);
	assert_int_equal(route.share_bp, 1234);
	struct gateway_server_state list[8];
	assert_int_equal(gateway_servers(r->g, RIG_EP, list, 8, NULL), 2);
	configure(r, 1);
	assert_int_equal(generation(r), 1);
	configure(r, 2);
	assert_int_equal(generation(r), 2);
}

static void killed_is_started_again(void **state)
{
	struct rig *r = *state;
	struct gateway_info info;
	struct http_reply reply;
	struct err e = {0};

	configure(r, 1);
	rig_share(r, 10000, NULL);
	gateway_get_info(r->g, &info, NULL);
	assert_int_equal(kill((pid_t)info.pid, SIGKILL), 0);
	assert_true(process_wait_end(info.pid, info.start_ticks, 2000));
	assert_false(gateway_alive(r->g));
	assert_int_equal(gateway_set_route(r->g, RIG_EP, &r->routes[0], &e), ERR_UNREACHABLE);
	assert_true(e.message[0] != '\0');
	int64_t from = process_now_ms();
	configure(r, 1);
	print_message("serving again after %lld ms\n", (long long)(process_now_ms() - from));
	assert_true(gateway_alive(r->g));
	assert_int_equal(generation(r), 2);
	/* Leases died with it: stable, until the caller renews. */
	int fd = http_connect(r->eps[0].port);
	assert_int_equal(rig_ask(fd, "", "{}", 2, &reply), 1);
	rig_share(r, 10000, NULL);
	assert_int_equal(rig_ask(fd, "", "{}", 2, &reply), 2);
	close(fd);
}

static void a_stuck_gateway_is_named(void **state)
{
	struct rig *r = *state;
	struct gateway_info info;
	struct err e = {0};

	configure(r, 1);
	gateway_get_info(r->g, &info, NULL);
	kill((pid_t)info.pid, SIGSTOP);
	int64_t from = process_now_ms();
	assert_int_equal(gateway_set_route(r->g, RIG_EP, &r->routes[0], &e), ERR_TIMEOUT);
	assert_true(process_now_ms() - from < 900);
	gateway_free(r->g);
	r->g = rig_gateway(r);
	assert_int_equal(gateway_adopt(r->g, &e), ERR_GATEWAY);
	assert_non_null(strstr(e.message, "does not answer"));
	kill((pid_t)info.pid, SIGCONT);
	assert_int_equal(gateway_adopt(r->g, &e), 1);
}

static void a_hand_edited_file_is_kept(void **state)
{
	struct rig *r = *state;
	char path[128];
	struct err e = {0};

	configure(r, 1);
	snprintf(path, sizeof path, "%s/haproxy.cfg", r->gw);
	FILE *f = fopen(path, "a");
	fputs("# tuned by hand\n", f);
	fclose(f);
	assert_int_equal(gateway_configure(r->g, r->eps, r->routes, 2, 0, &e), ERR_CONFLICT);
	assert_non_null(strstr(e.message, path));
	assert_int_equal(generation(r), 1);
	/* Also a gateway made anew, and one whose process is gone. */
	gateway_stop(r->g, NULL);
	gateway_free(r->g);
	r->g = rig_gateway(r);
	assert_int_equal(gateway_configure(r->g, r->eps, r->routes, 1, 0, &e), ERR_CONFLICT);
	assert_int_equal(gateway_configure(r->g, r->eps, r->routes, 1, 1, &e), 0);
	configure(r, 1);
	assert_true(gateway_alive(r->g));
}

static void a_taken_port_is_named(void **state)
{
	struct rig *r = *state;
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct err e = {0};
	struct http_reply reply;
	char self[32];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	configure(r, 1);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)r->eps[1].port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	listen(fd, 1);
	assert_int_equal(gateway_configure(r->g, r->eps, r->routes, 2, 0, &e), ERR_CONFLICT);
	snprintf(self, sizeof self, "pid %d", (int)getpid());
	assert_non_null(strstr(e.message, "t/other cannot listen on 127.0.0.1:"));
	assert_non_null(strstr(e.message, self));
	int c = http_connect(r->eps[0].port);
	assert_int_equal(rig_ask(c, "", "{}", 2, &reply), 1);
	close(c);
	close(fd);
	configure(r, 2);
}

static void a_refused_configuration_changes_nothing(void **state)
{
	struct rig *r = *state;
	struct err e = {0};

	configure(r, 1);
	/* An address that is well-formed here and nonsense to HAProxy. */
	str_copy(r->eps[1].host, sizeof r->eps[1].host, "999.1.1.1");
	assert_int_equal(gateway_configure(r->g, r->eps, r->routes, 2, 0, &e), ERR_INVALID);
	assert_non_null(strstr(e.message, "999.1.1.1"));
	assert_int_equal(generation(r), 1);
	rig_endpoint(r, 1, "t/other", r->slots2);
	/* An address of another machine: found only when HAProxy starts. */
	str_copy(r->eps[1].host, sizeof r->eps[1].host, "192.0.2.1");
	assert_int_equal(gateway_configure(r->g, r->eps, r->routes, 2, 0, &e), ERR_GATEWAY);
	assert_non_null(strstr(e.message, "192.0.2.1"));
	assert_true(gateway_alive(r->g));
	assert_int_equal(generation(r), 1);
	configure(r, 1);
	assert_int_equal(generation(r), 1);
}

static void no_endpoint_is_fine(void **state)
{
	struct rig *r = *state;

	configure(r, 0);
	configure(r, 1);
	configure(r, 0);
	assert_true(gateway_alive(r->g));
	assert_int_equal(http_connect(r->eps[0].port), -1);
}

static void long_folders_work(void **state)
{
	struct rig *r = *state;
	char deep[300];

	snprintf(deep, sizeof deep, "%s/%0120d", r->folder, 0);
	gateway_free(r->g);
	r->g = gateway_new(deep, r->log_path, NULL, &r->settings, &r->clock);
	configure(r, 1);
	assert_int_equal(rig_share(r, 10, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(reload_loses_no_request),
		TEST(reload_keeps_rows_leases_and_pins),
		TEST(old_worker_is_told_of_moves),
		TEST(old_worker_ends_soon),
		TEST(nothing_is_done_when_it_is_right),
		TEST(adopted_after_we_died),
		TEST(killed_is_started_again),
		TEST(a_stuck_gateway_is_named),
		TEST(a_hand_edited_file_is_kept),
		TEST(a_taken_port_is_named),
		TEST(a_refused_configuration_changes_nothing),
		TEST(no_endpoint_is_fine),
		TEST(long_folders_work),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
