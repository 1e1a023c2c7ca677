/* test_prometheus.c: answers as Prometheus gives them, good and bad, from a server that says what
 * it is told; and the real program on loopback, which scrapes itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/adapters/prometheus.h"
#include "backend/base/buf.h"
#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "tests/support/acts_world.h"
#include "tests/support/canned.h"

#define MATRIX(rows)                                                                               \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" rows "]}}"

static int ask(const struct canned_answer *answers, int count, int64_t points,
	struct series_set *out, struct err *e, char last[4096])
{
	char url[64];
	struct prometheus_source s = {.url = url, .timeout_ms = 2000};
	int port, rc;
	struct canned *c = canned_start(answers, count, &port);

	snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
	rc = prometheus_query_range(
		&s, "a{b=\"c d\"}", 1000000, 1000000 + (points - 1) * 15000, 15000, out, e);
	if (last)
		str_copy(last, 4096, canned_last(c));
	canned_stop(c);
	return rc;
}

static void test_reads_series(void **state)
{
	static const struct canned_answer answers[] = {{200,
		"{\"status\":\"success\",\"warnings\":[\"half of it\"],\"data\":{\"resultType\":"
		"\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"a\",\"z\":\"1\",\"arm\":\"x "
		"\\\"y\\\"\"},\"values\":[[1000,\"0.05\"],[1015.5,\"NaN\"],[1045,\"+Inf\"],[1060,"
		"\"-Inf\"],[1075,\"12345678901\"]]}]}}"}};
	struct series_set got = {0};
	struct err e = {0};
	char last[4096], *name;

	(void)state;
	assert_int_equal(ask(answers, 1, 6, &got, &e, last), 0);
	assert_int_equal(got.count, 1);
	assert_string_equal(got.warning, "half of it");
	assert_string_equal(series_label(&got.list[0], "arm"), "x \"y\"");
	assert_string_equal(series_label(&got.list[0], "none"), "");
	name = series_name(&got.list[0], "z");
	assert_string_equal(name, "__name__=\"a\",arm=\"x \"y\"\"");
	free(name);
	assert_int_equal(got.list[0].point_count, 5);
	assert_int_equal(got.list[0].points[1].at_ms, 1015500);
	assert_true(isnan(got.list[0].points[1].value));
	assert_true(isinf(got.list[0].points[2].value));
	assert_true(got.list[0].points[4].value == 12345678901.0);
	assert_non_null(strstr(last, "POST /api/v1/query_range HTTP/1.1\r\n"));
	assert_non_null(strstr(last, "query=a%7Bb%3D%22c%20d%22%7D&start=1000.000&end=1075.000&"
				     "step=15.000"));
	series_set_release(&got);
}

/* A range of more points than one answer can hold comes in pieces that meet without a seam. */
static void test_splits_long_ranges(void **state)
{
	static const struct canned_answer answers[] = {
		{200, MATRIX("{\"metric\":{\"a\":\"1\"},\"values\":[[1000,\"1\"]]}")},
		{200, MATRIX("{\"metric\":{\"a\":\"1\"},\"values\":[[166000,\"2\"]]},"
			     "{\"metric\":{\"a\":\"2\"},\"values\":[[166000,\"3\"]]}")}};
	struct series_set got = {0};
	struct err e = {0};
	char last[4096];

	(void)state;
	assert_int_equal(ask(answers, 2, PROMETHEUS_POINTS_MOST + 5, &got, &e, last), 0);
	assert_int_equal(got.count, 2);
	assert_int_equal(got.list[0].point_count, 2);
	assert_non_null(strstr(last, "start=166000.000&end=166060.000"));
	series_set_release(&got);
	assert_int_equal(ask(answers, 2, PROMETHEUS_POINTS_MOST, &got, &e, last), 0);
	assert_non_null(strstr(last, "start=1000.000&"));
	series_set_release(&got);
}

static const struct {
	const char *name;
	struct canned_answer answer;
	int code;
	const char *says;
} refused[] = {
	{"bad query",
		{400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid "
		      "parameter \\\"query\\\"\"}"},
		ERR_INVALID, "refuses the query (bad_data): invalid parameter"},
	{"execution",
		{422, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"many-to-"
		      "many\"}"},
		ERR_INVALID, "(execution): many-to-many"},
	{"timeout",
		{503, "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed "
		      "out\"}"},
		ERR_UNAVAILABLE, "gave up on the query (timeout)"},
	{"not ready", {503, "Service Unavailable"}, ERR_UNAVAILABLE,
		"cannot answer now (HTTP 503)"},
	{"login", {401, "Unauthorized"}, ERR_DENIED, "asks for a login"},
	{"a web page", {200, "<html>"}, ERR_FAILED, "is the address right?"},
	{"a vector",
		{200, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}"
		      "}"},
		ERR_INVALID, "answers with `vector`"},
	{"a broken row", {200, MATRIX("{\"metric\":{},\"values\":[[1,2]]}")}, ERR_FAILED, "none"},
	{"no number", {200, MATRIX("{\"metric\":{},\"values\":[[1,\"x\"]]}")}, ERR_FAILED, "none"},
	{"cut off", {200, "{\"status\":\"success\",\"data\":{"}, ERR_FAILED, "as Prometheus does"},
};

static void test_says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct series_set got = {0};
		struct err e = {0};

		if (ask(&refused[i].answer, 1, 2, &got, &e, NULL) != refused[i].code ||
			!strstr(e.message, refused[i].says))
			fail_msg("%s: %s", refused[i].name, e.message);
		assert_int_equal(got.count, 0);
	}
}

static void test_unreachable_and_slow(void **state)
{
	static const struct canned_answer never[] = {{0, ""}};
	struct prometheus_source s = {.url = "http://127.0.0.1:1"};
	struct series_set got = {0};
	struct err e = {0};
	atomic_int stop = 1;
	char url[64];
	int port;
	struct canned *c;

	(void)state;
	assert_int_equal(prometheus_query_range(&s, "a", 0, 1, 1, &got, &e), ERR_UNREACHABLE);
	assert_non_null(strstr(e.message, "http://127.0.0.1:1 does not answer: "));
	c = canned_start(never, 1, &port);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
	s.url = url;
	s.timeout_ms = 200;
	assert_int_equal(prometheus_query_range(&s, "a", 0, 1, 1, &got, &e), ERR_UNREACHABLE);
	canned_stop(c);
	c = canned_start(never, 1, &port);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
	s.timeout_ms = 600000; /* far beyond what the test may take */
	s.stop = &stop;
	assert_int_equal(prometheus_query_range(&s, "a", 0, 1, 1, &got, &e), ERR_UNREACHABLE);
	canned_stop(c);
}

static void test_logs_in(void **state)
{
	static const struct canned_answer answers[] = {{200, MATRIX("")}};
	char file[] = "/tmp/pithead-secret-XXXXXX", url[64];
	struct prometheus_source s = {.url = url, .bearer_file = file};
	struct series_set got = {0};
	struct err e = {0};
	int port, fd = mkstemp(file);
	struct canned *c = canned_start(answers, 1, &port);

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
	assert_int_equal(write(fd, "me:secret\n", 10), 10);
	close(fd);
	assert_int_equal(prometheus_query_range(&s, "a", 0, 1, 1, &got, &e), 0);
	assert_non_null(strstr(canned_last(c), "Authorization: Bearer me:secret\r\n"));
	s = (struct prometheus_source){.url = url, .basic_file = file};
	assert_int_equal(prometheus_query_range(&s, "a", 0, 1, 1, &got, &e), 0);
	assert_non_null(strstr(canned_last(c), "Authorization: Basic bWU6c2VjcmV0\r\n"));
	unlink(file);
	assert_int_equal(prometheus_query_range(&s, "a", 0, 1, 1, &got, &e), ERR_DENIED);
	assert_non_null(strstr(e.message, file));
	canned_stop(c);
}

/* -- the real one -- */

static pid_t start_prometheus(const char *folder, int port)
{
	char config[128], data[128], address[64], text[256];
	pid_t pid;
	int n;

	snprintf(config, sizeof config, "%s/p.yml", folder);
	snprintf(data, sizeof data, "--storage.tsdb.path=%s/data", folder);
	snprintf(address, sizeof address, "--web.listen-address=127.0.0.1:%d", port);
	n = snprintf(text, sizeof text,
		"global: {scrape_interval: 200ms}\nscrape_configs:\n- job_name: self\n  "
		"static_configs: [{targets: ['127.0.0.1:%d']}]\n",
		port);
	assert_int_equal(file_write_atomic(config, text, (size_t)n, 0600), 0);
	pid = fork();
	if (pid == 0) {
		char file[160];

		snprintf(file, sizeof file, "--config.file=%s", config);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		execlp("prometheus", "prometheus", file, data, address, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void test_real_prometheus(void **state)
{
	char folder[] = "/tmp/pithead-prom-XXXXXX", url[64], clean[96];
	struct prometheus_source s = {.url = url};
	struct clock clock = clock_system();
	int64_t until = clock_mono_us(&clock) + INT64_C(20000000), now;
	struct series_set got = {0};
	struct err e = {0};
	int points = 0, port;
	pid_t pid;

	(void)state;
	if (system("command -v prometheus >/dev/null 2>&1") != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	acts_free_ports(&port, 1);
	pid = start_prometheus(folder, port);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
	while (points < 3 && clock_mono_us(&clock) < until) {
		series_set_release(&got);
		now = clock_wall_us(&clock) / 1000;
		if (prometheus_query_range(&s, "prometheus_http_requests_total{code=\"200\"}",
			    now - 3600000, now, 100, &got, &e) == 0)
			for (int i = 0; i < got.count; i++)
				if (got.list[i].point_count > points)
					points = got.list[i].point_count;
		poll(NULL, 0, 50);
	}
	assert_true(points >= 3);
	assert_string_equal(series_label(&got.list[0], "job"), "self");
	series_set_release(&got);
	assert_int_equal(
		prometheus_query_range(&s, "sum by (", 0, 1000, 1000, &got, &e), ERR_INVALID);
	assert_non_null(strstr(e.message, "parse error"));
	assert_int_equal(prometheus_query_range(&s, "up", 0, 1000, 1000, &got, &e), 0);
	assert_int_equal(got.count, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(clean, sizeof clean, "rm -rf %s", folder);
	assert_int_equal(system(clean), 0);
	assert_int_equal(
		prometheus_query_range(&s, "up", 0, 1000, 1000, &got, &e), ERR_UNREACHABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_series),
		cmocka_unit_test(test_splits_long_ranges),
		cmocka_unit_test(test_says_what_is_wrong),
		cmocka_unit_test(test_unreachable_and_slow),
		cmocka_unit_test(test_logs_in),
		cmocka_unit_test(test_real_prometheus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
