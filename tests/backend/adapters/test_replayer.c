/* test_replayer.c: recorded requests sent to real servers on a unix socket and on a port, and to
 * ones that are dead, slow or silent. Waits are on conditions only. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/adapters/replayer.h"
#include "backend/base/buf.h"
#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "tests/support/httpd.h"

#define BOUND_MS 20000

struct world {
	char folder[64], address[160], tcp[160];
	struct httpd *one, *two; /* at address, at tcp */
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof *w);
	int port;

	strcpy(w->folder, "/tmp/pithead-replay-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->address, sizeof w->address, "unix@%s/s.sock", w->folder);
	w->one = httpd_start(w->address + 5, "one");
	w->two = httpd_start_tcp("two", &port);
	snprintf(w->tcp, sizeof w->tcp, "127.0.0.1:%d", port);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	httpd_stop(w->one);
	httpd_stop(w->two);
	rmdir(w->folder);
	free(w);
	return 0;
}

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static int64_t now_ms(void)
{
	const struct clock c = clock_system();

	return clock_mono_us(&c) / 1000;
}

static int submit(struct replayer *r, const char *address, const char *method, const char *path,
	const char *body, int64_t tag)
{
	struct replay_job job = {.tag = tag, .timeout_ms = BOUND_MS};
	int rc;

	snprintf(job.id, sizeof job.id, "id-%d", (int)tag);
	str_copy(job.address, sizeof job.address, address);
	str_copy(job.method, sizeof job.method, method);
	str_copy(job.path, sizeof job.path, path);
	if (body) {
		job.body = (unsigned char *)xstrdup(body);
		job.body_len = strlen(body);
		str_copy(job.content_type, sizeof job.content_type, "application/json");
	}
	rc = replayer_submit(r, &job);
	assert_null(job.body);
	return rc;
}

/* Exactly n answers, in the order in which they come. */
static void take(struct replayer *r, struct replay_answer *out, int n)
{
	int64_t end = now_ms() + BOUND_MS;
	int got = 0;

	while (got < n && now_ms() < end) {
		got += replayer_take(r, out + got, n - got);
		if (got < n)
			poll(NULL, 0, 1);
	}
	assert_int_equal(got, n);
}

static int body_has(const struct replay_answer *a, const char *text)
{
	if (a->body && memmem(a->body, a->body_len, text, strlen(text)))
		return 1;
	print_message("no %s in %.*s\n", text, (int)a->body_len, (const char *)a->body);
	return 0;
}

static void test_answers_come_back(void **state)
{
	const struct world *w = *state;
	const char *const addresses[] = {w->address, w->tcp};
	struct replayer *r = replayer_new(4, 8);
	struct replay_answer a;
	struct replay_counts c;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(submit(r, addresses[i], "POST", "/predict?x=1", "{}", 7 + i), 0);
		take(r, &a, 1);
		assert_int_equal(a.tag, 7 + i);
		assert_string_equal(a.id, i ? "id-8" : "id-7");
		assert_int_equal(a.status, 200);
		assert_true(!a.failed && !a.body_cut);
		assert_true(a.answer_ms > 0 && a.answer_ms <= a.total_ms && a.total_ms < BOUND_MS);
		assert_true(body_has(&a, i ? "\"name\":\"two\"" : "\"name\":\"one\""));
		free(a.body);
	}
	c = replayer_get_counts(r);
	assert_int_equal(c.sent, 2);
	assert_int_equal(c.answered, 2);
	assert_int_equal(c.failed + c.dropped + c.queued, 0);
	replayer_free(r);
}

/* Word for word what a server gets. */
static void test_requests_are_sent_as_they_were(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(1, 8);
	struct replay_answer a;

	submit(r, w->address, "PUT", "/echo", "{\"x\":1}", 1);
	take(r, &a, 1);
	assert_true(body_has(&a, "PUT /echo HTTP/1.1\r\n") && body_has(&a, "X-Shadow: 1\r\n") &&
		    body_has(&a, "X-Request-ID: id-1\r\n") &&
		    body_has(&a, "Content-Type: application/json\r\n") &&
		    body_has(&a, "Content-Length: 7\r\n") && body_has(&a, "\r\n\r\n{\"x\":1}"));
	assert_null(memmem(a.body, a.body_len, "Expect", 6));
	free(a.body);
	submit(r, w->tcp, "GET", "/echo", NULL, 2);
	submit(r, w->tcp, "", "/echo", NULL, 3);
	take(r, &a, 1);
	assert_true(body_has(&a, "GET /echo HTTP/1.1\r\n") && body_has(&a, w->tcp));
	assert_null(memmem(a.body, a.body_len, "Content-", 8));
	free(a.body);
	take(r, &a, 1);
	assert_true(body_has(&a, "POST /echo HTTP/1.1\r\n"));
	assert_true(body_has(&a, "Content-Length: 0\r\n"));
	free(a.body);
	submit(r, w->tcp, "HEAD", "/../a//b%2F?q=/..#f", NULL, 4); /* nothing is tidied */
	take(r, &a, 1);
	assert_int_equal(a.status, 200);
	assert_null(a.body);
	replayer_free(r);
}

static void test_what_is_no_request_is_refused(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(1, 8);
	struct replay_job job = {.timeout_ms = 1, .path = "/", .content_type = "a\r\nX: y"};

	str_copy(job.address, sizeof job.address, w->address);
	assert_int_equal(replayer_submit(r, &job), ERR_INVALID);
	assert_int_equal(submit(r, w->address, "GET", "/ HTTP/1.0\r\nX: y", NULL, 1), ERR_INVALID);
	assert_int_equal(submit(r, w->address, "GET", "none", "body", 1), ERR_INVALID);
	assert_int_equal(submit(r, w->address, "G\n", "/", NULL, 1), ERR_INVALID);
	assert_int_equal(submit(r, "", "GET", "/", NULL, 1), ERR_INVALID);
	assert_int_equal(replayer_get_counts(r).sent, 0);
	replayer_free(r);
}

static void test_failures_are_told_apart(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(1, 8);
	struct replay_answer a[5];
	struct replay_job tls = {.timeout_ms = BOUND_MS, .tls = 1, .path = "/"};
	int64_t begin = now_ms();

	submit(r, w->tcp, "POST", "/bad", "{}", 0);
	submit(r, "127.0.0.1:1", "POST", "/", "{}", 1);
	submit(r, "unix@/nonexistent/s.sock", "POST", "/", "{}", 2);
	assert_int_equal(submit(r, "no host:at all", "POST", "/", "{}", 3), ERR_INVALID);
	submit(r, "[x]:-1", "GET", "/", NULL, 3);
	str_copy(tls.address, sizeof tls.address, w->tcp);
	assert_int_equal(replayer_submit(r, &tls), 0);
	take(r, a, 4);
	assert_true(now_ms() - begin < BOUND_MS / 4);
	take(r, a + 4, 1); /* the handshake has a limit of its own */
	assert_true(now_ms() - begin < BOUND_MS / 2);
	assert_true(a[0].failed && a[0].status == 500 && body_has(&a[0], "POST /bad"));
	free(a[0].body);
	for (int i = 1; i < 5; i++)
		assert_true(a[i].failed && a[i].status == 0 && a[i].answer_ms == -1 && !a[i].body);
	assert_int_equal(replayer_get_counts(r).failed, 5);
	assert_int_equal(replayer_get_counts(r).answered, 0);
	replayer_free(r);
}

static void test_a_slow_server_meets_the_limit(void **state)
{
	const struct world *w = *state;
	static const char *const paths[] = {"/hang", "/trickle"}; /* no answer; half of one */
	struct replayer *r = replayer_new(2, 2);
	struct replay_answer a;

	for (int i = 0; i < 2; i++) {
		struct replay_job job = {.timeout_ms = 400};

		str_copy(job.address, sizeof job.address, w->address);
		str_copy(job.path, sizeof job.path, paths[i]);
		assert_int_equal(replayer_submit(r, &job), 0);
		take(r, &a, 1);
		assert_true(a.failed && a.status == 0 && !a.body);
		assert_true(a.total_ms >= 399 && a.total_ms < BOUND_MS);
	}
	replayer_free(r);
}

static void test_long_answers_are_cut(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(1, 2);
	struct replay_answer a[2];

	submit(r, w->tcp, "GET", "/big", NULL, 1);
	submit(r, w->tcp, "GET", "/x", NULL, 2);
	take(r, a, 2);
	assert_int_equal(a[0].status, 200);
	assert_int_equal(a[0].body_len, REPLAY_BODY_MAX);
	assert_true(a[0].body_cut && a[0].body[REPLAY_BODY_MAX - 1] == 'b');
	assert_true(!a[1].body_cut);
	assert_int_equal(httpd_connections(w->two), 1);
	free(a[0].body);
	free(a[1].body);
	replayer_free(r);
}

static void test_a_full_queue_drops_and_counts(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(2, 3);
	int64_t end = now_ms() + BOUND_MS, begin;
	struct replay_counts c;

	submit(r, w->address, "GET", "/hang", NULL, 1);
	submit(r, w->tcp, "GET", "/hang", NULL, 2);
	while (replayer_get_counts(r).sent < 2 && now_ms() < end)
		poll(NULL, 0, 1);
	begin = now_ms();
	for (int i = 0; i < 10; i++)
		assert_int_equal(
			submit(r, w->tcp, "POST", "/", "{}", 3 + i), i < 3 ? 0 : ERR_CONFLICT);
	assert_true(now_ms() - begin < BOUND_MS / 4);
	c = replayer_get_counts(r);
	assert_int_equal(c.sent, 2);
	assert_int_equal(c.queued, 3);
	assert_int_equal(c.dropped, 7);
	/* Both are at the server now; the rest waits. */
	while (httpd_count(w->one) + httpd_count(w->two) < 2 && now_ms() < end)
		poll(NULL, 0, 1);
	begin = now_ms();
	replayer_free(r);
	assert_true(now_ms() - begin < BOUND_MS / 4);
	assert_int_equal(httpd_count(w->one) + httpd_count(w->two), 2);
}

/* Nobody takes answers: sending stops at the bound, and goes on when there is room. */
static void test_answers_that_wait_hold_up_the_queue(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(2, 3); /* 5 answers */
	int64_t end = now_ms() + BOUND_MS;
	struct replay_answer a;
	int accepted = 0;

	/* Until 5 answers and 3 jobs are there. */
	while (accepted < 8 && now_ms() < end) {
		accepted += submit(r, w->address, "GET", "/x", NULL, accepted) == 0;
		poll(NULL, 0, 1);
	}
	assert_int_equal(accepted, 8);
	assert_int_equal(submit(r, w->address, "GET", "/x", NULL, 8), ERR_CONFLICT);
	assert_int_equal(replayer_get_counts(r).sent, 5);
	for (int i = 0; i < 8; i++) {
		take(r, &a, 1);
		assert_int_equal(a.status, 200);
		free(a.body);
	}
	assert_int_equal(replayer_get_counts(r).answered, 8);
	replayer_free(r);
}

#define MANY 2000

/* All answers come once, over a few lasting connections. */
static void test_many_go_over_few_connections(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(8, MANY);
	static char seen[MANY];
	struct replay_answer a;

	memset(seen, 0, sizeof seen);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(
			submit(r, i % 2 ? w->address : w->tcp, "POST", "/predict", "{}", i), 0);
	for (int i = 0; i < MANY; i++) {
		char id[64];
		take(r, &a, 1);
		assert_int_equal(a.status, 200);
		snprintf(id, sizeof id, "\"name\":\"%s\",\"id\":\"id-%d\"",
			a.tag % 2 ? "one" : "two", (int)a.tag);
		assert_true(body_has(&a, id));
		assert_int_equal(seen[a.tag]++, 0);
		free(a.body);
	}
	assert_true(httpd_connections(w->one) <= 8 && httpd_connections(w->two) <= 8);
	assert_int_equal(replayer_get_counts(r).dropped, 0);
	replayer_free(r);
}

/* Answers and jobs that nobody takes are freed too. */
static void test_is_freed_with_all_it_holds(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(1, 16);
	int64_t end = now_ms() + BOUND_MS;

	replayer_free(NULL);
	for (int i = 0; i < 8; i++)
		submit(r, w->address, "POST", "/echo", "{}", i);
	submit(r, w->address, "POST", "/hang", "{}", 8);
	submit(r, w->address, "POST", "/echo", "{}", 9);
	while (replayer_get_counts(r).sent < 9 && now_ms() < end)
		poll(NULL, 0, 1);
	assert_int_equal(replayer_get_counts(r).answered, 8);
	replayer_free(r);
}

/* A real TLS server with a certificate of an authority of the test, at 127.0.0.1:PORT. */
static pid_t tls_start(const char *folder, char address[160], struct buf *ca)
{
	static const char script[] =
		"cd %s && R='openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
		" -nodes -days 2' && $R -keyout ca.key -out ca.pem -subj /CN=ca 2>err &&"
		" $R -keyout s.key -out s.pem -subj /CN=model.test -CA ca.pem -CAkey ca.key"
		" -addext subjectAltName=DNS:model.test -addext basicConstraints=CA:FALSE 2>err";
	char *command = xasprintf(script, folder), *cert, path[96];
	int port, fd;
	pid_t pid;

	assert_int_equal(system(command), 0);
	free(command);
	snprintf(path, sizeof path, "%s/ca.pem", folder);
	assert_int_equal(buf_read_file(ca, path, 65536), 0);
	port = free_port();
	command = xasprintf("127.0.0.1:%d", port);
	str_copy(address, 160, command);
	free(command);
	command = xasprintf("%d", port);
	cert = xasprintf("%s/s.pem", folder);
	pid = fork();
	if (pid == 0) {
		char *key = xasprintf("%s/s.key", folder);

		execlp("openssl", "openssl", "s_server", "-quiet", "-www", "-accept", command,
			"-cert", cert, "-key", key, (char *)NULL);
		_exit(127);
	}
	free(cert);
	free(command);
	for (int i = 0; i < 500; i++) {
		fd = http_connect(port);
		if (fd >= 0)
			close(fd);
		if (fd >= 0)
			return pid;
		poll(NULL, 0, 10);
	}
	fail_msg("no TLS server at %s", address);
	return 0;
}

static int status_of(struct replayer *r, const char *address, const char *name, int verify_none)
{
	struct replay_job job = {.tls = 1, .verify_none = verify_none, .timeout_ms = BOUND_MS};
	struct replay_answer a;
	int status;

	str_copy(job.address, sizeof job.address, address);
	str_copy(job.server_name, sizeof job.server_name, name);
	str_copy(job.method, sizeof job.method, "GET");
	str_copy(job.path, sizeof job.path, "/");
	assert_int_equal(replayer_submit(r, &job), 0);
	take(r, &a, 1);
	status = a.status;
	free(a.body);
	return status;
}

static void test_whose_certificate_it_is(void **state)
{
	const struct world *w = *state;
	struct replayer *r = replayer_new(1, 4);
	struct buf ca = {0};
	char address[160], *command;
	pid_t pid = tls_start(w->folder, address, &ca);

	assert_int_equal(status_of(r, address, "model.test", 0), 0); /* nobody vouches for it */
	assert_int_equal(status_of(r, address, "model.test", 1), 200);
	replayer_trust(r, buf_text(&ca));
	assert_int_equal(status_of(r, address, "model.test", 0), 200);
	assert_int_equal(status_of(r, address, "other.test", 0), 0); /* another's name */
	assert_int_equal(status_of(r, address, "", 0), 0); /* an address is no name of it */
	replayer_trust(r, NULL);
	replayer_free(r);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	command = xasprintf("cd %s && rm -f ca.key ca.pem s.key s.pem err", w->folder);
	assert_int_equal(system(command), 0);
	free(command);
	buf_release(&ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_requests_are_sent_as_they_were, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_no_request_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_slow_server_meets_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whose_certificate_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_answers_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_full_queue_drops_and_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_answers_that_wait_hold_up_the_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_go_over_few_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_is_freed_with_all_it_holds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
