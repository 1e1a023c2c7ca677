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
	{"time,arm,requests\n", ":1: expected the columns"},
	{"time,arm,requests,le_x\n", ":1: a column le_X needs a number"},
	{"time,arm,requests,errors\n1,stable,10\n", ":2: the row has not as many columns"},
	{"time,arm,requests,errors\n1,stabel,10,1\n", ":2: the arm \"stabel\" is neither"},
	{"time,arm,requests,errors\n1,stable,1.5,1\n", ":2: \"1.5\" is no count"},
	{"time,arm,requests,errors\n1,stable,1,2\n", ":2: there are more errors than requests"},
	{"time,arm,requests,errors,le_1,le_2\n1,stable,5,0,4,3\n", ":2: the columns le_X count up"},
	{"time,arm,requests,errors\nx,stable,1,0\n", ":2: the time \"x\" is none"},
	{"time,arm,requests,errors\n1,stable,5000000000,0\n", ":2: \"5000000000\" is no count"},
	{"time,arm,requests,errors\n1,stable,4000000000,0\n1,stable,4000000000,0\n",
		":3: more than 4000000000"},
	{"time,arm,requests,errors\n1,stable,,0\n", ":2: \"\" is no count"},
	{"time,arm,requests,errors\n1,\"stable,1,0\n", ":2: a quote is not closed"},
	{"time,arm,requests,errors,failed\n", ":1: two columns mean the same"},
	{"time,arm,requests,le_1,le_1\n", ":1: two columns le_X have the same bound"},
	{"time,arm,requests,errors\n1,stable,-1,0\n", ":2: \"-1\" is no count"},
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

/* -- the same counts as other people's tools write them -- */

struct shape {
	const char *what, *header;
	const char *columns; /* by the letters t a r e, and x for another */
	const char *separator, *line_end, *stable, *candidate;
	const char *words[3]; /* of the command */
	int by_arm, totals, quoted, iso, ms;
};

static void put_field(
	FILE *f, const struct shape *s, char column, int64_t t, int arm, const long counts[2])
{
	const char *q = s->quoted ? "\"" : "";
	const char *name = arm ? s->candidate : s->stable;

	if (column == 't' && s->iso)
		fprintf(f, "%s2026-11-18T%02d:%02d:%02d+02:00%s", q, (int)(t / 3600),
			(int)(t / 60 % 60), (int)(t % 60), q);
	else if (column == 't')
		fprintf(f, "%s%lld%s", q, (long long)(s->ms ? (1795000000 + t) * 1000 : t), q);
	else if (column == 'a')
		fprintf(f, "%s%s%s", q, name ? name : arm ? "candidate" : "stable", q);
	else if (column == 'x')
		fputs("\"eu, \"\"west\"\"\"", f);
	else
		fprintf(f, "%s%ld%s", q, counts[column == 'e'], q);
}

static void write_shape(FILE *f, const struct shape *s, double bad)
{
	struct chance c = {11};
	long counts[2][60][2], sums[2][2] = {{0}};

	for (int i = 0; i < 60; i++)
		for (int arm = 0; arm < 2; arm++) {
			long *x = counts[arm][i];

			x[0] = arm ? 240 : 960;
			x[1] = 0;
			for (int k = 0; k < (arm ? 240 : 960); k++)
				x[1] += chance_is(&c, arm ? bad : .01);
			for (int k = 0; k < 2; k++)
				sums[arm][k] += x[k];
			if (s->totals)
				memcpy(x, sums[arm], sizeof sums[arm]);
		}
	fprintf(f, "%s%s", s->header, s->line_end);
	for (int n = 0; n < 120; n++) {
		int arm = s->by_arm ? n / 60 : n % 2, i = s->by_arm ? 59 - n % 60 : n / 2;

		for (const char *k = s->columns; *k; k++) {
			fputs(k > s->columns ? s->separator : "", f);
			put_field(f, s, *k, 60 * (i + 1), arm, counts[arm][i]);
		}
		fputs(s->line_end, f);
	}
}

static const struct shape shapes[] = {
	{.what = "as documented", .header = "time,arm,requests,errors"},
	{.what = "other order", .header = "errors,requests,arm,time", .columns = "erat"},
	{.what = "semicolons", .header = "time;arm;requests;errors", .separator = ";"},
	{.what = "tabs", .header = "time\tarm\trequests\terrors", .separator = "\t"},
	{.what = "quoted", .header = "\"time\",\"arm\",\"requests\",\"errors\"", .quoted = 1},
	{.what = "a mark and CRLF",
		.header = "\xef\xbb\xbftime,arm,requests,errors",
		.line_end = "\r\n"},
	{.what = "another column", .header = "time,region,arm,requests,errors", .columns = "txare"},
	{.what = "other names", .header = "Timestamp,Version,Total,Failed"},
	{.what = "ISO with a zone", .header = "time,arm,requests,errors", .iso = 1},
	{.what = "milliseconds", .header = "time,arm,requests,errors", .ms = 1},
	{.what = "by arm, newest first", .header = "time,arm,requests,errors", .by_arm = 1},
	{.what = "totals",
		.header = "time,arm,requests,errors",
		.totals = 1,
		.words = {"--counts=total"}},
	{.what = "other arms",
		.header = "time,arm,requests,errors",
		.stable = "blue",
		.candidate = "green",
		.words = {"--stable=blue", "--candidate=green"}},
};

static void test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof shapes / sizeof shapes[0]; i++) {
		struct shape s = shapes[i / 2];
		char path[] = PATH;
		FILE *f = fdopen(mkstemp(path), "w");
		struct ran r = {0};

		s.columns = s.columns ? s.columns : "tare";
		s.separator = s.separator ? s.separator : ",";
		s.line_end = s.line_end ? s.line_end : "\n";
		write_shape(f, &s, i % 2 ? .04 : .01);
		fclose(f);
		RUN(&r, local_judge, "/", "judge", path, s.words[0], s.words[1]);
		if (r.code != (i % 2 ? 1 : 0))
			fail_msg("%s, %s: exit %d\n%s", s.what, i % 2 ? "bad" : "good", r.code,
				buf_text(&r.text));
		unlink(path);
		buf_release(&r.text);
	}
}

/* What could be read wrongly is asked back. */
static void test_doubtful(void **state)
{
	static const struct shape totals = {.header = "time,arm,requests,errors",
		.columns = "tare",
		.separator = ",",
		.line_end = "\n",
		.totals = 1};
	struct ran r = {0};
	char path[] = PATH;
	FILE *f = fdopen(mkstemp(path), "w");

	(void)state;
	write_shape(f, &totals, .01);
	fclose(f);
	RUN(&r, local_judge, "/", "judge", path);
	expect_code(&r, 2);
	expect_text(&r, "look counted since a start");
	expect_text(&r, "--counts=total");
	RUN(&r, local_judge, "/", "judge", path, "--counts=sum");
	expect_code(&r, 2);
	RUN(&r, local_judge, "/", "judge", path, "--stable=a");
	expect_code(&r, 2);
	expect_text(&r, "go together");
	RUN(&r, local_judge, "/", "judge", path, "--stable=a", "--candidate=b");
	expect_code(&r, 5);
	expect_text(&r, "120 rows of other arms are passed over");
	unlink(path);
	run_csv(&r, "time,arm,requests,errors\n", 0, 0, NULL);
	expect_code(&r, 5);
	/* An hour a row, and one that is not there. */
	run_csv(&r,
		"time,arm,requests,errors\n3600,stable,90000,900\n3600,canary,9000,90\n"
		"10800,stable,90000,900\n10800,canary,9000,400\n",
		0, 0, NULL);
	expect_code(&r, 1);
	run_csv(&r, "time,arm,requests,errors\n9,stable,9,0\n9,stable,9,0\n9,v3,1,0\n", 0, 0, NULL);
	expect_code(&r, 2);
	expect_text(&r, ":4: the arm \"v3\"");
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
	expect_text(&r, "http://127.0.0.1:1 does not answer: nothing listens there");
	expect_text(&r, "give the port that it listens on");
	unlink(path);
	buf_release(&r.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_doubtful),
		cmocka_unit_test(test_prometheus),
		cmocka_unit_test(test_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
