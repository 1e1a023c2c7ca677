/* test_metrics.c: counters only grow, labels are escaped, and promtool finds nothing to say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/api/metrics.h"
#include "backend/base/xalloc.h"
#include "tests/support/api_world.h"

static struct record example(enum arm arm, int64_t rollout)
{
	struct record r = {.arm = arm,
		.rollout = rollout,
		.keyed = 1,
		.status = 200,
		.answer_ms = 4,
		.score = 0.25,
		.read = 1};

	str_copy(r.endpoint, sizeof r.endpoint, "flights/delay");
	str_copy(r.environment, sizeof r.environment, "production");
	str_copy(r.version, sizeof r.version, arm == ARM_CANDIDATE ? "v3" : "v2");
	return r;
}

static void has(const struct buf *text, const char *line)
{
	if (!strstr(buf_text(text), line))
		fail_msg("\"%s\" is not in\n%s", line, buf_text(text));
}

static void check_by_promtool(const struct buf *text)
{
	FILE *p;

	if (system("command -v promtool >/dev/null 2>&1") != 0)
		return;
	p = popen("promtool check metrics", "w");
	assert_non_null(p);
	assert_int_equal(fwrite(text->data, 1, text->len, p), text->len);
	assert_int_equal(pclose(p), 0);
}

static void test_what_is_counted(void **state)
{
	struct world *w = api_world_new();
	struct metrics *m = metrics_new();
	struct record r = example(ARM_STABLE, 0);
	struct buf text = {0};

	(void)state;
	api_world_rollout(w, 41, "stepping", 500);
	for (int i = 0; i < 3; i++)
		metrics_on_record(m, &r);
	r = example(ARM_CANDIDATE, 41);
	r.failed = 1;
	r.score = NAN;
	r.answer_ms = -1;
	metrics_on_record(m, &r);
	str_copy(r.version, sizeof r.version, "a\"b\\");
	metrics_on_record(m, &r);
	metrics_format(m, w, &text);
#define STABLE                                                                                     \
	"endpoint=\"flights/"                                                                      \
	"delay\",environment=\"production\",version=\"v2\",arm=\"stable\",rollout=\"0\""
#define CANDIDATE                                                                                  \
	"endpoint=\"flights/"                                                                      \
	"delay\",environment=\"production\",version=\"v3\",arm=\"candidate\",rollout=\"41\""
	has(&text, "pithead_requests_total{" STABLE "} 3\n");
	has(&text, "pithead_failures_total{" STABLE "} 0\n");
	has(&text, "pithead_failures_total{" CANDIDATE "} 1\n");
	has(&text, "pithead_answer_seconds_bucket{" STABLE ",le=\"0.0025\"} 0\n");
	has(&text, "pithead_answer_seconds_bucket{" STABLE ",le=\"0.005\"} 3\n");
	has(&text, "pithead_answer_seconds_count{" CANDIDATE "} 0\n");
	has(&text, "pithead_score_sum{" STABLE "} 0.75\n");
	has(&text, "version=\"a\\\"b\\\\\"");
	has(&text, "pithead_share_ratio{" CANDIDATE "} 0.05");
	check_by_promtool(&text);
	buf_release(&text);
	metrics_free(m);
	api_world_free(w);
}

static void test_series_are_bounded(void **state)
{
	struct world *w = api_world_new();
	struct metrics *m = metrics_new();
	struct buf text = {0};
	int lines = 0;

	(void)state;
	for (int i = 1; i <= 3000; i++) {
		struct record r = example(ARM_CANDIDATE, i);

		metrics_on_record(m, &r);
	}
	metrics_format(m, w, &text);
	for (const char *p = buf_text(&text); (p = strstr(p, "pithead_requests_total{")); p++)
		lines++;
	assert_int_equal(lines, 1024);
	has(&text, "rollout=\"3000\"");
	assert_null(strstr(buf_text(&text), "rollout=\"1\""));
	check_by_promtool(&text);
	buf_release(&text);
	metrics_free(m);
	api_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_counted),
		cmocka_unit_test(test_series_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
