/* test_server.c: the server over its real socket: other people (real uids), bad HTTP, large bodies,
 * waiting and waking. The client is a child process that sends bytes and returns what came. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/api/server.h"
#include "backend/base/buf.h"
#include "backend/base/xalloc.h"
#include "backend/registry/registry.h"
#include "tests/support/api_world.h"

struct fixture {
	struct world *w;
	struct api *api;
	char socket[300];
	struct buf answer;
};

/* A client under way. */
struct call {
	int pipe;
	pid_t pid;
	int64_t started_us;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	struct err e;

	f->w = api_world_new();
	snprintf(f->socket, sizeof f->socket, "%s/engine.sock", f->w->home);
	f->api = api_open(f->w, f->socket, -1, &e);
	must(f->api);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	api_close(f->api);
	api_world_free(f->w);
	buf_release(&f->answer);
	free(f);
	return 0;
}

static void client(const char *path, long uid, const char *text, size_t n, int out)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char block[65536];
	ssize_t got;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	signal(SIGPIPE, SIG_IGN);
	alarm(20);
	str_copy(a.sun_path, sizeof a.sun_path, path);
	if (uid >= 0 &&
		(setgroups(0, NULL) != 0 || setresgid((gid_t)uid, (gid_t)uid, (gid_t)uid) != 0 ||
			setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) != 0))
		_exit(3);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		_exit(4);
	for (size_t done = 0; done < n;) {
		ssize_t put = write(fd, text + done, n - done);

		if (put <= 0)
			break;
		done += (size_t)put;
	}
	while ((got = read(fd, block, sizeof block)) > 0)
		if (write(out, block, (size_t)got) != got)
			_exit(5);
	_exit(0);
}

static struct call call_start(struct fixture *f, long uid, const char *text, size_t n)
{
	struct call c = {.started_us = clock_mono_us(&f->w->clock)};
	int fds[2];

	must(pipe(fds) == 0);
	c.pid = fork();
	must(c.pid >= 0);
	if (c.pid == 0) {
		close(fds[0]);
		client(f->socket, uid, text, n, fds[1]);
	}
	close(fds[1]);
	c.pipe = fds[0];
	return c;
}

/* One turn of the engine's loop; 1 when the client has ended. */
static int turn(struct fixture *f, const struct call *c)
{
	struct pollfd fds[] = {
		{.fd = api_fd(f->api), .events = POLLIN}, {.fd = c->pipe, .events = POLLIN}};
	int ms = api_timeout_ms(f->api);
	char block[65536];
	ssize_t n;

	poll(fds, 2, ms < 0 || ms > 100 ? 100 : ms);
	api_run(f->api);
	if (!(fds[1].revents & (POLLIN | POLLHUP)))
		return 0;
	n = read(c->pipe, block, sizeof block);
	if (n > 0)
		buf_add(&f->answer, block, (size_t)n);
	return n <= 0;
}

static const char *call_finish(struct fixture *f, const struct call *c)
{
	buf_reset(&f->answer);
	while (!turn(f, c))
		;
	close(c->pipe);
	waitpid(c->pid, NULL, 0);
	return buf_text(&f->answer);
}

static const char *call(struct fixture *f, long uid, const char *text)
{
	struct call c = call_start(f, uid, text, strlen(text));

	return call_finish(f, &c);
}

#define END "Host: x\r\nConnection: close\r\n"

static void expect(const char *answer, const char *part)
{
	if (!strstr(answer, part))
		fail_msg("\"%s\" is not in the answer:\n%.2000s", part, answer);
}

static void test_who_is_at_the_other_end(void **state)
{
	static const struct {
		long uid;
		const char *want[3];
	} cases[] = {
		{-1, {"200 OK", "\"role\":\"admin\"", "\"engine_owner\":true"}},
		{UID_OPERATOR, {"200 OK", "\"role\":\"operator\"", "\"user\":\"uid 61002\""}},
		{UID_AUDITOR, {"200 OK", "\"role\":\"auditor\"", "\"permissions\":[\"read\"]"}},
		{UID_BOTH, {"200 OK", "\"role\":\"auditor\"", "\"permissions\":[\"read\"]"}},
		{UID_SERVICE, {"200 OK", "\"role\":\"service\"", "\"permissions\":[\"post\"]"}},
		{UID_STRANGER, {"403 Forbidden", "\"code\":\"denied\"", "uid 61008"}},
		{65534, {"403 Forbidden", "nobody (stranger)", "X-Request-ID: "}},
	};
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *answer =
			call(f, cases[i].uid, "GET /v1/whoami HTTP/1.1\r\n" END "\r\n");

		for (int k = 0; k < 3; k++)
			expect(answer, cases[i].want[k]);
	}
	assert_int_equal(api_world_count(f->w, "access.denied"), 2);
}

static void test_http_and_its_abuse(void **state)
{
	static const struct {
		const char *request;
		const char *want[3];
	} cases[] = {
		{"GET /v1/engine HTTP/1.1\r\n" END "\r\n",
			{"200 OK", "\"api\":1", "application/json"}},
		{"DELETE /v1/engine HTTP/1.1\r\n" END "\r\n",
			{"405 ", "Allow: GET\r\n", "use GET"}},
		{"GET /v1/endpints HTTP/1.1\r\n" END "\r\n",
			{"404 ", "not_found", "/v1/endpoints?"}},
		{"GET /v1/endpoints/%zz HTTP/1.1\r\n" END "\r\n", {"400 ", "escape", "path"}},
		{"GET /v1/endpoints/flights%2Fdelay HTTP/1.1\r\n" END "\r\n",
			{"200 OK", "\"id\":\"flights/delay\"", "\"servers\":[]"}},
		{"GET /v1/endpoints/flights~delay HTTP/1.1\r\nX-Request-ID: me.1\r\n" END "\r\n",
			{"200 OK", "X-Request-ID: me.1\r\n", "\"spark\":[0"}},
		{"GET /v1/endpoints/arival HTTP/1.1\r\n" END "\r\n", {"404 ", "arrival", ""}},
		{"GET /v1/rollouts/9 HTTP/1.1\r\n" END "\r\n", {"404 ", "no rollout 9", ""}},
		{"GET /v1/rollouts/-9 HTTP/1.1\r\n" END "\r\n", {"400 ", "number", "path"}},
		{"GET /v1/rollouts?match=%28 HTTP/1.1\r\n" END "\r\n", {"400 ", "bad_regex", ""}},
		{"GET /v1/audit?match=%28 HTTP/1.1\r\n" END "\r\n", {"400 ", "bad_regex", ""}},
		{"GET /v1/changes?match=%5B HTTP/1.1\r\n" END "\r\n", {"400 ", "bad_regex", ""}},
		{"GET /v1/audit?limit=1e9 HTTP/1.1\r\n" END "\r\n",
			{"400 ", "limit", "whole number"}},
		{"GET /v1/audit?limt=5 HTTP/1.1\r\n" END "\r\n",
			{"400 ", "limt", "did you mean limit?"}},
		{"POST /v1/plan HTTP/1.1\r\nContent-Length: 5\r\n" END "\r\n{\"a\":",
			{"400 ", "invalid", "not valid JSON"}},
		{"POST /v1/endpoints/delay/rollouts HTTP/1.1\r\nContent-Length: 14\r\n" END
		 "\r\n{\"tto\": \"v3\"} ",
			{"400 ", "unknown field", "did you mean \\\"to\\\"?"}},
		{"POST /v1/engine/hold HTTP/1.1\r\nIf-Match: \"x\"\r\nContent-Length: 0\r\n" END
		 "\r\n",
			{"400 ", "If-Match", ""}},
		{"\x16\x03\x01garbage\r\n\r\n", {"", "", ""}},
		{"GET /v1/events?after=0&wait=0 HTTP/1.1\r\n" END "\r\n",
			{"200 OK", "\"head\":", "data_us"}},
		{"GET /metrics HTTP/1.1\r\n" END "\r\n", {"200 OK", "text/plain", "pithead_info"}},
		{"GET /v1/now HTTP/1.1\r\n" END "\r\n",
			{"200 OK", "\"endpoints\":[{", "\"changes\":["}},
		{"GET /v1/settings HTTP/1.1\r\n" END "\r\n",
			{"200 OK", "\"lease_ms\"", "\"unit\":\"ms\""}},
		{"GET /v1/versions HTTP/1.1\r\n" END "\r\n",
			{"200 OK", "\"items\":[]", "\"next\":0"}},
		{"GET /v1/alerts?open=1 HTTP/1.1\r\n" END "\r\n", {"200 OK", "\"items\":[]", ""}},
		{"GET /v1/projects HTTP/1.1\r\n" END "\r\n", {"200 OK", "flights", "eta"}},
		{"GET /v1/endpoints/delay/series?span=10&points=3 HTTP/1.1\r\n" END "\r\n",
			{"200 OK", "\"span_s\":10", "\"candidate\":[{\"n\":0"}},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *answer = call(f, -1, cases[i].request);

		for (int k = 0; k < 3; k++)
			expect(answer, cases[i].want[k]);
	}
}

static void test_a_large_body_is_refused_and_the_engine_goes_on(void **state)
{
	struct fixture *f = *state;
	size_t n = (size_t)(2 << 20);
	char *text = xcalloc(1, n + 200);
	size_t head = (size_t)sprintf(
		text, "POST /v1/plan HTTP/1.1\r\nContent-Length: %zu\r\n" END "\r\n", n);
	struct call c;

	memset(text + head, 'x', n);
	c = call_start(f, -1, text, head + n);
	expect(call_finish(f, &c), "413 ");
	expect(buf_text(&f->answer), "larger than 1048576 bytes");
	free(text);
	expect(call(f, -1, "GET /v1/engine HTTP/1.1\r\n" END "\r\n"), "200 OK");
}

static void test_a_long_poll_wakes(void **state)
{
	struct fixture *f = *state;
	struct event ev = {.verb = "test.event", .actor = "me", .via = "engine", .subject = "x"};
	int64_t head = api_world_event(f->w, &ev);
	char text[200];
	struct call c;

	snprintf(text, sizeof text, "GET /v1/events?after=%lld&wait=30 HTTP/1.1\r\n" END "\r\n",
		(long long)head);
	c = call_start(f, -1, text, strlen(text));
	buf_reset(&f->answer);
	/* It must still wait after a while, also when woken without cause. */
	while (clock_mono_us(&f->w->clock) < c.started_us + 300000) {
		assert_false(turn(f, &c));
		api_wake(f->api);
	}
	assert_int_equal(f->answer.len, 0);
	assert_int_equal(api_world_event(f->w, &ev), head + 1);
	api_wake(f->api);
	assert_int_equal(api_timeout_ms(f->api), 0);
	/* One turn must be enough: nothing else would wake the loop. */
	api_run(f->api);
	assert_int_equal(poll(&(struct pollfd){.fd = c.pipe, .events = POLLIN}, 1, 5000), 1);
	expect(call_finish(f, &c), "200 OK");
	snprintf(text, sizeof text, "\"head\":%lld", (long long)head + 1);
	expect(buf_text(&f->answer), text);
}

static void test_a_long_poll_ends_by_itself_and_at_the_close(void **state)
{
	struct fixture *f = *state;
	const char *text = "GET /v1/events?after=99&wait=1 HTTP/1.1\r\n" END "\r\n";
	struct call c = call_start(f, -1, text, strlen(text));
	struct call late;

	expect(call_finish(f, &c), "200 OK");
	assert_true(clock_mono_us(&f->w->clock) - c.started_us >= 900000);
	text = "GET /v1/events?after=99&wait=60 HTTP/1.1\r\n" END "\r\n";
	late = call_start(f, -1, text, strlen(text));
	while (clock_mono_us(&f->w->clock) < late.started_us + 200000)
		turn(f, &late);
	api_close(f->api);
	f->api = NULL;
	assert_int_not_equal(access(f->socket, F_OK), 0);
	close(late.pipe);
	waitpid(late.pid, NULL, 0);
}

static void test_refusals_are_coalesced(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	for (int i = 0; i < 5; i++)
		expect(call(f, UID_STRANGER, "GET /v1/now HTTP/1.1\r\n" END "\r\n"), "403 ");
	assert_int_equal(api_world_count(f->w, "access.denied"), 1);
	expect(call(f, UID_STRANGER, "GET /v1/audit HTTP/1.1\r\n" END "\r\n"), "403 ");
	assert_int_equal(api_world_count(f->w, "access.denied"), 2);
	/* The count of the other four is written when the minute is over, at the latest at the end.
	 */
	api_close(f->api);
	f->api = NULL;
	assert_int_equal(api_world_count(f->w, "access.denied"), 3);
}

static void test_an_auditors_reading_is_an_event_once(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	for (int i = 0; i < 3; i++)
		expect(call(f, UID_AUDITOR, "GET /v1/endpoints/delay HTTP/1.1\r\n" END "\r\n"),
			"200 ");
	assert_int_equal(api_world_count(f->w, "audit.read"), 1);
}

static void test_projects_that_may_not_be_read_are_not_listed(void **state)
{
	struct fixture *f = *state;
	const char *answer;

	if (geteuid() != 0)
		skip();
	answer = call(f, UID_ETA, "GET /v1/endpoints HTTP/1.1\r\n" END "\r\n");
	expect(answer, "eta/arrival");
	assert_null(strstr(answer, "flights"));
	expect(call(f, UID_ETA, "GET /v1/endpoints/delay HTTP/1.1\r\n" END "\r\n"), "403 ");
	expect(call(f, UID_ETA,
		       "POST /v1/endpoints/delay/rollback HTTP/1.1\r\nContent-Length: 0\r\n" END
		       "\r\n"),
		"403 ");
}

static void test_a_version_is_uploaded(void **state)
{
	struct fixture *f = *state;
	char folder[400], file[400], text[256];
	struct pack_item item = {folder, "."};
	struct buf request = {0}, tar = {0};
	struct call c;
	FILE *out;

	snprintf(folder, sizeof folder, "%s/model", f->w->home);
	snprintf(file, sizeof file, "%s/serve", folder);
	assert_int_equal(mkdir(folder, 0755), 0);
	out = fopen(file, "w");
	fputs("#!/bin/sh\n", out);
	fclose(out);
	snprintf(file, sizeof file, "%s/model.tar", f->w->home);
	out = fopen(file, "w+");
	assert_int_equal(registry_pack(fileno(out), &item, 1, NULL), 0);
	fclose(out);
	assert_int_equal(buf_read_file(&tar, file, 1 << 20), 0);
	for (int i = 0; i < 2; i++) {
		buf_reset(&request);
		snprintf(text, sizeof text,
			"POST /v1/versions?project=flights&name=v7 HTTP/1.1\r\n"
			"Content-Length: %zu\r\n" END "\r\n",
			tar.len);
		buf_adds(&request, text);
		buf_add(&request, tar.data, tar.len);
		c = call_start(f, -1, request.data, request.len);
		expect(call_finish(f, &c), i ? "200 OK" : "201 Created");
		expect(buf_text(&f->answer), "\"files\":1");
	}
	expect(call(f, -1, "GET /v1/versions/flights~v7 HTTP/1.1\r\n" END "\r\n"), "100644 10 ");
	expect(call(f, -1,
		       "POST /v1/versions?project=flights&name=v8 HTTP/1.1\r\nContent-Length: "
		       "3\r\n" END "\r\nabc"),
		"400 ");
	buf_release(&request);
	buf_release(&tar);
}

static void test_a_backup_is_a_tar_file(void **state)
{
	struct fixture *f = *state;

	expect(call(f, -1, "POST /v1/backup HTTP/1.1\r\nContent-Length: 0\r\n" END "\r\n"),
		"200 OK");
	expect(buf_text(&f->answer), "application/x-tar");
	assert_true(f->answer.len > 20000);
	assert_int_equal(api_world_count(f->w, "engine.backup"), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_who_is_at_the_other_end),
		T(test_http_and_its_abuse),
		T(test_a_large_body_is_refused_and_the_engine_goes_on),
		T(test_a_long_poll_wakes),
		T(test_a_long_poll_ends_by_itself_and_at_the_close),
		T(test_refusals_are_coalesced),
		T(test_an_auditors_reading_is_an_event_once),
		T(test_projects_that_may_not_be_read_are_not_listed),
		T(test_a_version_is_uploaded),
		T(test_a_backup_is_a_tar_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
