/* test_judge.c: `pithead judge TRACE` as a person or a script runs it: the figures of a second
 * implementation to 1e-9, exit codes, faults with their lines, and data that is not there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "backend/base/json.h"
#include "tests/backend/local/run.h"
#include "tests/backend/local/trace_make.h"

#define PATH "/tmp/pithead-trace-XXXXXX"

struct rig {
	char path[sizeof PATH];
	struct ran r;
};

static FILE *rig_open(struct rig *g)
{
	strcpy(g->path, PATH);
	return fdopen(mkstemp(g->path), "w");
}

static void rig_close(struct rig *g)
{
	unlink(g->path);
	buf_release(&g->r.text);
}

static void rig_make(struct rig *g, int seconds, int bad, int step)
{
	FILE *f = rig_open(g);

	trace_make(f, seconds, bad, step);
	fclose(f);
}

static void rig_write(struct rig *g, const char *text)
{
	FILE *f = rig_open(g);

	fputs(text, f);
	fclose(f);
}

/* The line of a tick in what was printed; the caller frees it. */
static cJSON *line_of(const struct rig *g, int tick)
{
	char key[32];
	const char *at, *end;
	struct err e;

	snprintf(key, sizeof key, "{\"tick\":%d,", tick);
	at = strstr(buf_text(&g->r.text), key);
	if (!at)
		print_message("%.2000s\n", buf_text(&g->r.text));
	assert_non_null(at);
	end = strchr(at, '\n');
	return json_parse(at, (size_t)(end - at), "line", &e);
}

static void expect_near(const char *what, double got, double want)
{
	if (!(fabs(got - want) <= 1e-9))
		fail_msg("%s: %.17g, want %.17g", what, got, want);
}

static void test_second_implementation(void **state)
{
	/* harm; err, lat, brier; their OK; ratio; shift. Computed apart from the formulas. */
	static const struct {
		int bad, tick;
		const char *verdict;
		double want[9];
	} golden[] = {
		{1, 0, "INCONCLUSIVE",
			{-0.06139218159068438, -0.16118353164398636, 0.0, 0.0, 0.023305005546156197,
				0.0, 0.0, 0.0, 0.0}},
		{1, 150, "INCONCLUSIVE",
			{-0.8393747214965053, -0.8648188809402816, -0.7792771096903173,
				-0.8682296696207625, 1.4000324719645452, 2.7232299672261284,
				4.900413111398563, -0.6898682655118746, -3.423704025262741}},
		{1, 203, "INCONCLUSIVE",
			{-0.988832847563019, -1.0278471086592675, -0.9537090458776625,
				-0.9736788381403962, 0.20816045751641565, 0.29205150332017427,
				-0.018644663920362736, -0.7309572385724588, -4.458864561933926}},
		{1, 399, "INCONCLUSIVE",
			{-1.189464701960705, -1.1911786138285338, -1.1801926978628887,
				-1.1965214057065272, 1.509158143934176, 13.597047308170312,
				8.876590556269436, -1.093836097616918, -5.274425524592711}},
		{3, 199, "INCONCLUSIVE",
			{1.0701519126710743, 1.8953717265010468, -0.8322519826070327,
				-0.8892174202060158, -2.301543877247357, 4.125211961311745,
				6.711455525499049, -0.7709148868637371, -4.116819399659743}},
		{3, 296, "HARM",
			{5.14297051222743, 6.058174487569697, -1.1537738737230092,
				-1.1891486958704132, -2.7105532881541152, 6.0556742120578795,
				5.463609575846364, -0.9834041204436426, -5.469298722960318}},
	};
	static const char *const names[] = {"err", "lat", "brier"};

	(void)state;
	for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
		struct rig g = {0};
		cJSON *o;

		/* In this order and in another one within each second. */
		rig_make(&g, 400, golden[i].bad, i % 2 ? 1 : 7);
		RUN(&g.r, local_judge, "/", "judge", "--every-tick", g.path);
		expect_code(&g.r, golden[i].bad > 1 ? 1 : 4);
		o = line_of(&g, golden[i].tick);
		assert_string_equal(json_str(o, "verdict", ""), golden[i].verdict);
		expect_near("logE_harm", json_num(o, "logE_harm", NAN), golden[i].want[0]);
		for (int k = 0; k < 3; k++) {
			expect_near(names[k], json_num(json_get(o, "per_metric"), names[k], NAN),
				golden[i].want[1 + k]);
			expect_near(names[k], json_num(json_get(o, "logE_ok"), names[k], NAN),
				golden[i].want[4 + k]);
		}
		expect_near("srm", json_num(o, "srm", NAN), golden[i].want[7]);
		expect_near("shift", json_num(o, "shift_logE", NAN), golden[i].want[8]);
		cJSON_Delete(o);
		rig_close(&g);
	}
}

static void test_options_and_exit_codes(void **state)
{
	struct rig g = {0};

	(void)state;
	rig_make(&g, 400, 1, 1);
	RUN(&g.r, local_judge, "/", "judge", "--margin-err=.02", "--lat-x", ".2", g.path);
	expect_code(&g.r, 0);
	expect_text(&g.r, "\"verdict\":\"OK\"");
	RUN(&g.r, local_judge, "/", "judge", "--margin-err=.02", "--text", "--lat-x=.2", g.path);
	expect_code(&g.r, 0);
	expect_text(&g.r, "proven to be within its limit");
	RUN(&g.r, local_judge, "/", "judge", "--margin-err=.02", "--lat-x=.2", "--dwell=300",
		g.path);
	expect_code(&g.r, 4);
	RUN(&g.r, local_judge, "/", "judge", "--margin-err=x", g.path);
	expect_code(&g.r, 2);
	expect_text(&g.r, "--margin-err must be a number from 0 to 0.999");
	RUN(&g.r, local_judge, "/", "judge", "--magin", g.path);
	expect_code(&g.r, 2);
	expect_text(&g.r, "no such option: --magin");
	RUN(&g.r, local_judge, "/", "judge");
	expect_code(&g.r, 2);
	RUN(&g.r, local_judge, "/", "judge", "--help");
	expect_code(&g.r, 0);
	RUN(&g.r, local_judge, "/", "judge", "/nowhere/trace");
	expect_code(&g.r, 2);
	expect_text(&g.r, "cannot read /nowhere/trace: No such file");
	rig_close(&g);
}

#define ROW(t, arm) "{\"k\":\"req\",\"t\":" t ",\"arm\":\"" arm "\",\"w\":0.5,\"err\":0}\n"

static void test_bad_traces(void **state)
{
	static const struct {
		const char *text, *sentence;
		int code;
	} cases[] = {
		{"", "has no tick in which both arms could have had traffic", 5},
		{"\n\n", "has no tick", 5},
		{"{\"k\":\"req\",\"t\":1,\"arm\":\"stable\",\"w\":0,\"err\":0}\n", "has no tick",
			5},
		{"{\"k\":\"label\",\"t\":1,\"arm\":\"stable\",\"w\":0.5,\"y\":1,\"score\":1}\n",
			"has no tick", 5},
		{ROW("1", "stable") ROW("2", "canary"), "lat has no data of stable", 5},
		{ROW("5", "stable") ROW("4", "canary"), ":2: time goes back", 2},
		{ROW("5", "stable") "\n{\"k\":\"req\"}\n" ROW("6", "stable") "junk",
			":3: there is no \"t\"", 2},
		{ROW("5", "stable") "\n{\"k\":\"req\"}\n" ROW("6", "stable") "junk",
			":5: column 1: expected {", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig g = {0};

		rig_write(&g, cases[i].text);
		RUN(&g.r, local_judge, "/", "judge", g.path);
		expect_text(&g.r, cases[i].sentence);
		expect_code(&g.r, cases[i].code);
		if (i == 0) {
			RUN(&g.r, local_judge, "/", "judge", g.path, "--json");
			expect_text(&g.r, "{\"error\":{\"code\":\"not_found\"");
			expect_code(&g.r, cases[i].code);
		}
		rig_close(&g);
	}
}

/* A good trace from which something is taken away: text that is replaced by as much other text. */
static void test_missing_data(void **state)
{
	static const struct {
		const char *from, *to, *says;
		int code;
	} cases[] = {
		{"\"y\":", "\"z\":", "brier has no data", 5},	/* outcomes that say nothing */
		{"\"y\":1", "\"y\":0", "one class only", 5},	/* one class */
		{"\"lat\":", "\"tal\":", "lat has no data", 4}, /* only of what failed */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig g = {0};
		struct buf text = {0};

		rig_make(&g, 400, 1, 1);
		assert_int_equal(buf_read_file(&text, g.path, 1 << 24), 0);
		/* strstr() measures all that is left each time under the sanitizers. */
		for (char *at = text.data, *end = at + text.len;
			(at = memmem(at, (size_t)(end - at), cases[i].from, strlen(cases[i].from)));
			at++)
			memcpy(at, cases[i].to, strlen(cases[i].to));
		assert_int_equal(file_write_atomic(g.path, text.data, text.len, 0600), 0);
		RUN(&g.r, local_judge, "/", "judge", "--margin-err=.02", "--lat-x=.2", g.path);
		expect_text(&g.r, cases[i].says);
		expect_code(&g.r, cases[i].code);
		assert_null(strstr(buf_text(&g.r.text), "\"verdict\":\"OK\""));
		buf_release(&text);
		rig_close(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_implementation),
		cmocka_unit_test(test_options_and_exit_codes),
		cmocka_unit_test(test_bad_traces),
		cmocka_unit_test(test_missing_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
