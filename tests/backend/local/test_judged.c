/* test_judged.c: `pithead judge` of a CSV of counts, and of a Prometheus that says what
 * it is told: exit codes, the card, and faults with their lines. Seeded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/backend/local/run.h"
#include "tests/bench/chance.h"
#include "tests/support/canned.h"

#define PATH "/tmp/pithead-csv-XXXXXX"

/* Minutes of counts, 1,200 requests each, a fifth on the candidate. */
static void make(FILE *f, int minutes, double bad, int buckets)
{
	struct chance c = {11};

	fprintf(f, "time,arm,requests,errors%s\n", buckets ? ",le_0.1,le_0.5,le_inf" : "");
	for (int i = 1; i <= minutes; i++)
		for (int arm = 0; arm < 2; arm++) {
			int n = arm ? 240 : 960, failed = 0, slow = 0;

			for (int k = 0; k < n; k++) {
				failed += chance_is(&c, arm ? bad : .01);
				slow += chance_is(&c, .02);
			}
			fprintf(f, "%d,%s,%d,%d", 60 * i, arm ? "candidate" : "stable", n, failed);
			if (buckets)
				fprintf(f, ",%d,%d,%d", n - slow, n, n);
			fputc('\n', f);
		}
}

static void run_csv(struct ran *r, const char *text, int minutes, double bad, const char *flag)
{
	char path[] = PATH;
	FILE *f = fdopen(mkstemp(path), "w");

	if (text)
		fputs(text, f);
	else
		make(f, minutes, bad, flag == NULL);
	fclose(f);
	RUN(r, local_judge, "/", "judge", path, flag);
	unlink(path);
}

static void test_verdicts(void **state)
{
	struct ran r = {0};

	(void)state;
	run_csv(&r, NULL, 60, .05, NULL);
	expect_code(&r, 1);
	expect_text(&r, "harm: error_rate");
	expect_text(&r, "latency_p99");
	run_csv(&r, NULL, 600, .01, NULL);
	expect_code(&r, 4); /* p99 at two buckets is never proven */
	run_csv(&r, NULL, 600, .01, "--text");
	expect_code(&r, 0);
	expect_text(&r, "ok: every critical signal is proven");
	run_csv(&r, NULL, 3, .01, "--json");
	expect_code(&r, 4);
	expect_text(&r, "\"verdict\":\"undecided\"");
	expect_text(&r, "\"kind\":\"end\"");
	run_csv(&r, "time,arm,requests,errors\n60,stable,100,1\n120,stable,100,1\n", 0, 0, NULL);
	expect_code(&r, 5);
	expect_text(&r, "there is no data to judge by");
	buf_release(&r.text);
}

static const struct {
	const char *text, *says;
} faults[] = {
	{"time,arm,requests,errors,mood\n", ":1: unknown column"},
	{"time,arm,requests\n", ":1: expected the columns"},
	{"time,arm,requests,le_x\n", ":1: a column le_X needs a number"},
	{"time,arm,requests,errors\n1,stable,10\n", ":2: the row has not as many columns"},
	{"time,arm,requests,errors\n1,stabel,10,1\n", ":2: `arm` must be stable or candidate"},
	{"time,arm,requests,errors\n1,stable,1.5,1\n", ":2: a count is no whole number"},
	{"time,arm,requests,errors\n1,stable,1,2\n", ":2: there are more errors than requests"},
	{"time,arm,requests,errors\n5,stable,1,0\n\n4,stable,1,0\n", ":4: time goes back"},
	{"time,arm,requests,errors,le_1,le_2\n1,stable,5,0,4,3\n", ":2: the columns le_X count up"},
	{"time,arm,requests,errors\nx,stable,1,0\n", ":2: a number is none"},
	{"time,arm,requests,errors\n1,stable,-1,0\n", ":2: a number is none, or below 0"},
};

static void test_faults(void **state)
{
	struct ran r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		run_csv(&r, faults[i].text, 0, 0, NULL);
		expect_code(&r, 2);
		expect_text(&r, faults[i].says);
	}
	buf_release(&r.text);
}

/* -- a Prometheus -- */

static void write_policy(char path[sizeof PATH], const char *mode)
{
	FILE *f;

	strcpy(path, PATH);
	f = fdopen(mkstemp(path), "w");
	fprintf(f,
		"project: p\nendpoints:\n  d:\n    environment: staging\n    mode: %s\n    tier: "
		"low\n%s",
		mode,
		strcmp(mode, "observe") == 0
			? "    metrics:\n      prometheus: http://127.0.0.1:1\n      arm: v\n      "
			  "stable: a\n      candidate: b\n      requests: r\n      errors: f\n"
			: "    listen: 127.0.0.1:81\n    serve: ./x\n");
	fclose(f);
}

static void ask(struct ran *r, const struct canned_answer *answer, const char *from)
{
	char path[sizeof PATH], policy[64], url[64];
	int port;
	struct canned *c = canned_start(answer, 1, &port);

	write_policy(path, "observe");
	snprintf(policy, sizeof policy, "--policy=%s", path);
	snprintf(url, sizeof url, "--prometheus=http://127.0.0.1:%d", port);
	RUN(r, local_judge, "/", "judge", policy, url, from, "--until=4000");
	canned_stop(c);
	unlink(path);
}

static void test_prometheus(void **state)
{
	static const struct canned_answer none = {
		200, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}"};
	static const struct canned_answer other = {200,
		"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{"
		"\"metric\":"
		"{\"v\":\"a\"},\"values\":[[3000,\"1\"],[3015,\"2\"]]},{\"metric\":{\"v\":\"c\"},"
		"\"values\":[[3000,\"1\"]]}]}}"};
	static const struct canned_answer rates = {200,
		"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{"
		"\"metric\":"
		"{\"v\":\"a\"},\"values\":[[3000,\"0.25\"],[3015,\"0.5\"]]}]}}"};
	static const struct canned_answer bad = {
		400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse error\"}"};
	struct ran r = {0};

	(void)state;
	ask(&r, &none, "--from=3000");
	expect_code(&r, 5);
	expect_text(&r, "`requests` has no series at all");
	ask(&r, &other, "--from=3000");
	expect_code(&r, 5);
	expect_text(&r, "no series with v=\"b\"; it has c");
	ask(&r, &rates, "--from=3000");
	expect_code(&r, 2);
	expect_text(&r, "without rate() or increase()");
	ask(&r, &bad, "--from=3000");
	expect_code(&r, 2);
	expect_text(&r, "parse error");
	ask(&r, &none, "--from=5000");
	expect_code(&r, 2);
	expect_text(&r, "ends before it begins");
	ask(&r, &none, "--from=soon");
	expect_code(&r, 2);
	buf_release(&r.text);
}

static void test_policies(void **state)
{
	char path[sizeof PATH], policy[64];
	struct ran r = {0};

	(void)state;
	write_policy(path, "online");
	snprintf(policy, sizeof policy, "--policy=%s", path);
	RUN(&r, local_judge, "/", "judge", policy, "--for=1s");
	expect_code(&r, 2);
	expect_text(&r, "has no endpoint with `mode: observe`");
	RUN(&r, local_judge, "/", "judge", policy, "--for=1s", "--endpoint=d");
	expect_code(&r, 2);
	RUN(&r, local_judge, "/", "judge", "--policy=/none", "--for=1s");
	expect_code(&r, 2);
	expect_text(&r, "cannot read /none");
	unlink(path);
	write_policy(path, "observe");
	snprintf(policy, sizeof policy, "--policy=%s", path);
	RUN(&r, local_judge, "/", "judge", policy);
	expect_code(&r, 2);
	expect_text(&r, "needs --for");
	/* Nobody there: it is asked until the time is over, and then there was no data. */
	RUN(&r, local_judge, "/", "judge", policy, "--for=1s", "--every=1s");
	expect_code(&r, 5);
	expect_text(&r, "http://127.0.0.1:1 does not answer");
	unlink(path);
	buf_release(&r.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_prometheus),
		cmocka_unit_test(test_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
