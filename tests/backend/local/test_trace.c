/* test_trace.c: lines of a trace: what is read, what is refused with which sentence, and that no
 * bytes whatever make the reader stumble (exact copies, so that the sanitizer sees each overrun).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/local/trace.h"
#include "tests/bench/chance.h"

static int parse(const char *text, size_t n, struct trace_line *out, struct err *e)
{
	char *copy = malloc(n ? n : 1);
	int rc;

	memcpy(copy, text, n);
	rc = trace_parse(copy, n, out, e);
	free(copy);
	return rc;
}

#define REQUEST "{\"k\":\"req\",\"t\":1.5,\"arm\":\"canary\",\"w\":0.05,\"err\":1"

static void test_reads(void **state)
{
	static const struct {
		const char *text;
		double latency, score;
	} cases[] = {
		{REQUEST ",\"lat\":0.25,\"score\":0.5}", .25, .5},
		{REQUEST ", \"lat\" : 2.5e-1 ,\t\"score\": 5E-1 } ", .25, .5},
		{REQUEST ",\"lat\":Infinity,\"score\":NaN}", INFINITY, NAN},
		{REQUEST ",\"lat\":null}", INFINITY, NAN},
		{REQUEST "}", INFINITY, NAN},
		{REQUEST ",\"more\":{\"a\":[1,\"}\",{}]},\"lat\":1,\"x\":\"\\\"\"}", 1, NAN},
		{REQUEST ",\"lat\":9,\"lat\":1}", 1, NAN},
	};
	struct trace_line l;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (parse(cases[i].text, strlen(cases[i].text), &l, &e))
			fail_msg("%s: %s", cases[i].text, e.message);
		assert_true(!l.is_outcome && l.t == 1.5 && l.candidate && l.w == .05 && l.failed);
		assert_true(l.latency_s == cases[i].latency);
		assert_true(isnan(cases[i].score) ? isnan(l.score) : l.score == cases[i].score);
	}
}

static void test_refuses(void **state)
{
	static const struct {
		const char *text, *sentence;
	} cases[] = {
		{"x", "column 1: expected {"},
		{"[]", "column 1: expected {"},
		{"{}", "there is no \"k\""},
		{REQUEST, "expected , or }"},
		{REQUEST "} {", "the end of the line"},
		{REQUEST ",}", "a string in quotes"},
		{REQUEST ",\"lat\":.5}", "expected a value"},
		{REQUEST ",\"lat\":1.2.3}", "expected a number"},
		{REQUEST ",\"lat\":-1}", "\"lat\" is below 0"},
		{REQUEST ",\"lat\":\"1\"}", "\"lat\" must be a number"},
		{REQUEST ",\"id\":\"abc", "the quote that ends the string"},
		{REQUEST ",\"id\":[[", "the bracket that closes"},
		{REQUEST ",\"err\":0.5}", "\"err\" must be 0 or 1"},
		{REQUEST ",\"t\":NaN}", "\"t\" must be a number"},
		{REQUEST ",\"w\":1.5}", "\"w\" must be a number from 0 to 1"},
		{REQUEST ",\"arm\":\"blue\"}", "\"arm\" must be \"stable\" or \"canary\""},
		{REQUEST ",\"k\":\"other\"}", "\"k\" must be \"req\" or \"label\""},
		{"{\"k\":\"label\",\"t\":1,\"arm\":\"stable\",\"w\":0.1,\"y\":2}",
			"\"y\" must be 0 or 1"},
	};
	struct trace_line l;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};

		assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &l, &e), ERR_INVALID);
		if (!strstr(e.message, cases[i].sentence))
			fail_msg("%s: %s", cases[i].text, e.message);
	}
}

/* A good line with bytes changed, taken out, put in, doubled or cut off. */
static void test_garbage(void **state)
{
	static const char good[] =
		REQUEST ",\"lat\":0.25,\"score\":NaN,\"x\":[{\"a\":\"\\\"b\"},-1e5,true,null]}";
	static const char bytes[] = "{}[]\",:\\-+.eE019 \t\n\0\x7f\xff"
				    "nNItf";
	struct chance c = {20261124};
	int read = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[2 * sizeof good];
		size_t n = sizeof good - 1, at;
		struct trace_line l;
		struct err e = {0};

		memcpy(text, good, n);
		for (int k = (int)(chance_bits(&c) % 4); k >= 0; k--) {
			char byte = bytes[chance_bits(&c) % sizeof bytes];

			if (n == 0)
				break;
			at = chance_bits(&c) % n;
			switch (chance_bits(&c) % 4) {
			case 0:
				text[at] = byte;
				break;
			case 1:
				memmove(text + at, text + at + 1, n - at - 1);
				n--;
				break;
			case 2:
				memmove(text + at + 1, text + at, n - at);
				text[at] = byte;
				n++;
				break;
			default:
				n = chance_is(&c, .3) ? at : n;
			}
		}
		if (parse(text, n, &l, &e)) {
			assert_true(*e.message);
			continue;
		}
		read++;
		assert_true(isfinite(l.t) && l.w >= 0 && l.w <= 1 && !(l.latency_s < 0));
	}
	assert_in_range(read, 1000, 190000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
