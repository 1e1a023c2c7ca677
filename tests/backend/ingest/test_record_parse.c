/* test_record_parse.c: what a datagram of the prediction log tells, and that garbage is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "backend/base/digest.h"
#include "backend/ingest/ingest.h"
#include "backend/ingest/ingest_priv.h"
#include "tests/backend/ingest/lines.h"

static int parse(const char *text, size_t n, int kind, const char *path, struct record *r)
{
	struct ingest_endpoint ep = {.id = "flights/delay", .score_kind = kind};
	int64_t pid, seq;
	/* An exact copy, so that a read past the end is seen by the sanitizer. */
	char *copy = malloc(n ? n : 1);
	int rc;

	memcpy(copy, text, n);
	snprintf(ep.score_name, sizeof ep.score_name, "%s", path);
	rc = record_parse(copy, n, &ep, 1, r, &pid, &seq);
	free(copy);
	return rc;
}

/* The good line with one piece of it replaced. */
static size_t changed(char *out, const char *from, const char *to)
{
	char line[4096];
	char *at;
	size_t n = line_write(line, sizeof line, 4711, 123, 16);

	line[n] = '\0';
	at = strstr(line, from);
	assert_non_null(at);
	return (size_t)sprintf(out, "%.*s%s%s", (int)(at - line), line, to, at + strlen(from));
}

static void test_reads_every_member(void **state)
{
	struct ingest_endpoint ep = {"flights/delay", 2, "probability"};
	char line[4096];
	size_t n = line_write(line, sizeof line, 4711, 123, 100);
	struct record r;
	int64_t pid, seq;

	(void)state;
	assert_int_equal(record_parse(line, n, &ep, 1, &r, &pid, &seq), 0);
	assert_int_equal(pid, 4711);
	assert_int_equal(seq, 123);
	assert_string_equal(r.id, "6f1c1d7e-0c3b-4d2e-9f10-0123456789ab");
	assert_string_equal(r.endpoint, "flights/delay");
	assert_string_equal(r.environment, "production");
	assert_string_equal(r.version, "v2");
	assert_string_equal(r.server, "r1");
	assert_string_equal(r.key, "9f86d081884c7d65");
	assert_string_equal(r.segment, "ORD");
	assert_int_equal(r.routed_us, 1795474000123456);
	assert_int_equal(r.rollout, 41);
	assert_int_equal(r.arm, ARM_CANDIDATE);
	assert_int_equal(r.bucket, 137);
	assert_int_equal(r.share_bp, 500);
	assert_int_equal(r.keyed, 1);
	assert_int_equal(r.segment_unknown, 0);
	assert_int_equal(r.status, 200);
	assert_true(r.answer_ms == 1.834 && r.total_ms == 2 && r.score == 0.25);
	assert_true(r.read && !r.failed && !r.backend_down);
}

static const struct {
	const char *name, *from, *to;
	int bad;
} lines[] = {
	{"unknown members are ignored", "\"v\":1,", "\"v\":1,\"new\":{\"a\":[1,\"}\\\"\"]},", 0},
	{"a newline may follow", "==\"}", "==\"}\n", 0},
	{"another version", "\"v\":1", "\"v\":2", 1},
	{"no version", "\"v\":1,", "", 1},
	{"a version as text", "\"v\":1", "\"v\":\"1\"", 1},
	{"no counter", "\"lc\":123,", "", 1},
	{"a negative counter", "\"lc\":123", "\"lc\":-3", 1},
	{"no process", "\"pid\":4711,", "", 1},
	{"no endpoint", "\"ep\":\"flights/delay\",", "", 1},
	{"an absent endpoint", "flights/delay\"", "-\"", 1},
	{"a control character", "\"r1\"", "\"r\x1b[2J\"", 1},
	{"an escape", "\"r1\"", "\"r\\u0031\"", 1},
	{"a bucket too high", "\"137\"", "\"10000\"", 1},
	{"a share too high", "\"500\"", "\"10001\"", 1},
	{"an arm that is none", "\"arm\":\"1\"", "\"arm\":\"2\"", 1},
	{"an absent arm", "\"arm\":\"1\"", "\"arm\":\"-\"", 0},
	{"a status as a word", "\"200\"", "\"OK\"", 1},
	{"a number without quotes", "\"st\":\"200\"", "\"st\":200", 1},
	{"a short key digest", "9f86d081884c7d65", "9f86", 1},
	{"an upper-case key digest", "9f86d081884c7d65", "9F86D081884C7D65", 1},
	{"an absent key", "9f86d081884c7d65", "-", 0},
	{"a time that overflows", "1795474000123456", "17954740001234561234567", 1},
	{"an absent time", "1795474000123456", "-", 0},
	{"a name too long", "\"production\"", "\"productionproduction\"", 1},
	{"a missing comma", "\"env\"", "1\"env\"", 1},
	{"two commas", "\"env\"", ",\"env\"", 1},
	{"something after the end", "==\"}", "==\"}x", 1},
	{"no end", "==\"}", "==\"", 1},
};

static void test_refuses_what_is_not_a_record(void **state)
{
	static const char *const garbage[] = {"", "{", "}", "{}", "null", "[1]", "\"", "{\"",
		"{\"v\"", "{\"v\":", "{\"v\":1", "{\"v\":1,", "{\"v\":1}", "{:}", "{\"\":\"\"}",
		"<134>Nov 24 x"};
	char text[8192];
	struct record r;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		size_t n = changed(text, lines[i].from, lines[i].to);
		int rc = parse(text, n, 2, "probability", &r);
		if (rc != (lines[i].bad ? -1 : 0))
			fail_msg("%s: %d", lines[i].name, rc);
	}
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++)
		if (parse(garbage[i], strlen(garbage[i]), 2, "p", &r) != -1)
			fail_msg("taken for a record: %s", garbage[i]);
}

static const struct {
	const char *from, *to;
	int status, failed, down;
} outcomes[] = {
	{"\"200\"", "\"200\"", 200, 0, 0},
	{"\"200\"", "\"404\"", 404, 0, 0},
	{"\"200\"", "\"500\"", 500, 1, 0},
	{"\"200\"", "\"-1\"", -1, 1, 0},
	{"\"200\"", "\"-\"", 0, 1, 0},
	{"\"st\":\"200\",\"us\":\"1834\",\"tr\":\"1\",\"ta\":\"+2\",\"tsx\":\"----\"",
		"\"st\":\"503\",\"us\":\"-\",\"tr\":\"-1\",\"ta\":\"0\",\"tsx\":\"SC--\"", 503, 1,
		1},
	{"\"st\":\"200\",\"us\":\"1834\",\"tr\":\"1\",\"ta\":\"+2\",\"tsx\":\"----\"",
		"\"st\":\"503\",\"us\":\"-\",\"tr\":\"-1\",\"ta\":\"0\",\"tsx\":\"PR--\"", 503, 1,
		0},
	{"\"st\":\"200\",\"us\":\"1834\",\"tr\":\"1\",\"ta\":\"+2\",\"tsx\":\"----\"",
		"\"st\":\"-1\",\"us\":\"-\",\"tr\":\"-1\",\"ta\":\"-1\",\"tsx\":\"CR--\"", -1, 0,
		0},
	{"\"st\":\"200\",\"us\":\"1834\",\"tr\":\"1\",\"ta\":\"+2\",\"tsx\":\"----\"",
		"\"st\":\"-1\",\"us\":\"-\",\"tr\":\"-1\",\"ta\":\"100\",\"tsx\":\"CD--\"", -1, 0,
		0},
	{"\"st\":\"200\",\"us\":\"1834\",\"tr\":\"1\",\"ta\":\"+2\",\"tsx\":\"----\"",
		"\"st\":\"-1\",\"us\":\"-\",\"tr\":\"-1\",\"ta\":\"100\",\"tsx\":\"SD--\"", -1, 1,
		0},
	{"\"st\":\"200\",\"us\":\"1834\",\"tr\":\"1\",\"ta\":\"+2\",\"tsx\":\"----\"",
		"\"st\":\"504\",\"us\":\"-\",\"tr\":\"-1\",\"ta\":\"2000\",\"tsx\":\"sH--\"", 504,
		1, 0},
};

static void test_tells_failures(void **state)
{
	char text[8192];
	struct record r;

	(void)state;
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		size_t n = changed(text, outcomes[i].from, outcomes[i].to);
		assert_int_equal(parse(text, n, 0, "", &r), 0);
		assert_int_equal(r.status, outcomes[i].status);
		assert_int_equal(r.failed, outcomes[i].failed);
		assert_int_equal(r.backend_down, outcomes[i].down);
		assert_true(outcomes[i].status > 0 || r.answer_ms == 1.834 || r.answer_ms == -1);
	}
}

static const struct {
	const char *body, *path;
	double want; /* NAN = not found */
} bodies[] = {
	{"{\"p\":0.5}", "p", 0.5},
	{" { \"a\" : { \"b\" : [ 1 , { \"c\" : -2.5e1 } ] } } ", "a.b.1.c", -25},
	{"{\"a\":\"p\",\"p\":3}", "p", 3},
	{"{\"a\":\"x\\\"p\\\":1\",\"p\":3}", "p", 3},
	{"0.125", "", 0.125},
	{"[1,2,3]", "2", 3},
	{"[1,2,3]", "3", NAN},
	{"{\"p\":\"0.5\"}", "p", NAN},
	{"{\"p\":null}", "p", NAN},
	{"{\"p\":NaN}", "p", NAN},
	{"{\"p\":1e999}", "p", NAN},
	{"{\"p\":-1e999}", "p", NAN},
	{"{\"p\":01}", "p", NAN},
	{"{\"p\":1.}", "p", NAN},
	{"{\"p\":.5}", "p", NAN},
	{"{\"p\":+1}", "p", NAN},
	{"{\"p\":-}", "p", NAN},
	{"{\"p\":1e}", "p", NAN},
	{"{\"p\":1", "p", 1},
	{"{\"p\"", "p", NAN},
	{"{\"p\":", "p", NAN},
	{"{", "p", NAN},
	{"", "p", NAN},
	{"[", "0", NAN},
	{"[[[[", "0.0", NAN},
	{"{\"pp\":1,\"p\":2}", "p", 2},
	{"{\"predictions\":[[0.1,0.9]]}", "predictions.0.1", 0.9},
	{"{\"predictions\":[0.7]}", "predictions.0", 0.7},
	{"{\"predictions\":[0.7]}", "predictions.1", NAN},
	{"{\"0\":0.3,\"1\":0.7}", "1", 0.7},
	{"[0.25,0.75]", "1", 0.75},
	{" 0.73\n", ".", 0.73},
	{"-3", ".", -3},
	{"{\"p\":1}", ".", NAN},
	{"[1]", ".", NAN},
	{"{\"p\":{\"q\":1}}", "p", NAN},
	{"{\"p\":0.1234567890123456789012345}", "p", 0.1234567890123456789012345},
	{"{\"p\":1e-310}", "p", 1e-310},
	{"{\"p\":123456789e-9}", "p", 0.123456789},
};

static void test_finds_numbers_in_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		size_t n = strlen(bodies[i].body);
		char *copy = malloc(n ? n : 1);
		double v = 0;
		int found;
		memcpy(copy, bodies[i].body, n);
		found = json_number_at(copy, n, bodies[i].path, &v);
		free(copy);
		if (found != !isnan(bodies[i].want) ||
			(found && fabs(v - bodies[i].want) > fabs(bodies[i].want) * 1e-14))
			fail_msg("%s at %s: %d %.17g", bodies[i].body, bodies[i].path, found, v);
	}
}

static void test_reads_scores_where_they_are_declared(void **state)
{
	char text[8192];
	size_t n = line_write(text, sizeof text, 1, 1, 0);
	struct record r;

	(void)state;
	assert_int_equal(parse(text, n, 0, "", &r), 0);
	assert_true(isnan(r.score) && r.read);
	assert_int_equal(parse(text, n, 1, "X-Pithead-Score", &r), 0);
	assert_true(r.score == 0.42 && r.read);
	assert_int_equal(parse(text, n, 2, "x.y.1", &r), 0);
	assert_true(r.score == -25 && r.read);
	/* Not in the body: as the server tells it beside it. */
	assert_int_equal(parse(text, n, 2, "nothing", &r), 0);
	assert_true(r.score == 0.42 && r.read);
	n = changed(text, "eyJwcm9iYWJpbGl0eSI6IDAuMjUsICJ4IjogeyJ5IjogWzEsIC0yLjVlMV19fQ==", "-");
	assert_int_equal(parse(text, n, 2, "probability", &r), 0);
	assert_true(r.score == 0.42 && r.read);
	n = changed(text, "MC40Mg==", "-");
	assert_int_equal(parse(text, n, 2, "nothing", &r), 0);
	assert_true(isnan(r.score) && r.read);
	n = changed(text, "\"T1JE\"", "\"T1JEIA==\""); /* "ORD ": a client may send anything */
	assert_int_equal(parse(text, n, 2, "probability", &r), 0);
	assert_string_equal(r.segment, "");
}

/* The bodies of a line, from an exact copy into a room of exactly as many bytes. */
static struct record_bodies decode(const char *text, size_t n, char **memory)
{
	struct record_bodies b;
	char *copy = malloc(n ? n : 1);

	*memory = malloc(n ? n : 1);
	memcpy(copy, text, n);
	record_bodies_parse(copy, n, *memory, &b);
	free(copy);
	return b;
}

static void test_decodes_bodies(void **state)
{
	static const char answer[] = "{\"probability\": 0.25, \"x\": {\"y\": [1, -2.5e1]}}";
	char line[4096], *memory;
	size_t n = line_write(line, sizeof line, 4711, 123, 16);
	struct record_bodies b = decode(line, n, &memory);

	(void)state;
	assert_string_equal(b.method, "POST");
	assert_string_equal(b.path, "/predict?x=1");
	assert_string_equal(b.content_type, "application/json");
	assert_int_equal(b.request_len, 12); /* of 'A', which is six bits 0 */
	assert_memory_equal(b.request, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
	assert_int_equal(b.answer_len, strlen(answer));
	assert_memory_equal(b.answer, answer, b.answer_len);
	free(memory);
}

/* A base64 of `n` letters 'a' as the path. */
static int long_path_is_read(size_t n)
{
	char raw[600], encoded[900], text[4096], *memory;
	struct record_bodies b;
	size_t n_line;

	memset(raw, 'a', sizeof raw);
	raw[0] = '/';
	base64_encode(raw, n, encoded);
	n_line = changed(text, "L3ByZWRpY3Q/eD0x", encoded);
	b = decode(text, n_line, &memory);
	assert_true(!b.path || strlen(b.path) == n);
	free(memory);
	return b.path != NULL;
}

static void test_what_is_cut_or_odd_is_no_body(void **state)
{
	static const struct {
		const char *from, *to;
		int left; /* 1 method, 2 path, 4 content type, 8 request, 16 answer */
	} cases[] = {
		{"\"POST\"", "\"-\"", 30},
		{"\"POST\"", "\"PROPFIND\"", 30}, /* 8 bytes may be the first 8 of more */
		{"\"mt\":\"POST\",", "", 30},
		{"L3ByZWRpY3Q/eD0x", "cHJlZGljdA==", 29},	  /* predict */
		{"L3ByZWRpY3Q/eD0x", "L2EKYg==", 29},		  /* "/a\nb" */
		{"L3ByZWRpY3Q/eD0x", "L2EgYg==", 29},		  /* "/a b" */
		{"L3ByZWRpY3Q/eD0x", "L3By!", 29},		  /* no base64 */
		{"\"ct\":\"YXBwbGljYXRpb24vanNvbg==\",", "", 27}, /* not told */
		{"YXBwbGljYXRpb24vanNvbg==", "-", 31},		  /* told that there is none */
		{"YXBwbGljYXRpb24vanNvbg==", "YQ0KWDogeQ==", 27}, /* "a\r\nX: y" */
		{"AAAAAAAAAAAAAAAA", "-", 23}, {"AAAAAAAAAAAAAAAA", "", 23},
		{"AAAAAAAAAAAAAAAA", "AAAAA", 23}, {"==\"}", "==\"", 0}, /* the line was cut */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[4096], *memory;
		size_t n = changed(text, cases[i].from, cases[i].to);
		struct record_bodies b = decode(text, n, &memory);
		int left = !!b.method + 2 * !!b.path + 4 * !!b.content_type + 8 * !!b.request +
			   16 * !!b.answer;
		if (left != cases[i].left)
			fail_msg("%s for %s: %d", cases[i].to, cases[i].from, left);
		assert_true(!!b.request == (b.request_len > 0));
		assert_true(!!b.answer == (b.answer_len > 0));
		free(memory);
	}
	assert_true(long_path_is_read(511) && !long_path_is_read(512));
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Every prefix, then random changes for a second: only that it comes back, with sane values. */
static void test_survives_mutations(void **state)
{
	char line[4096], text[4096];
	size_t n = line_write(line, sizeof line, 4711, 123, 60);
	uint64_t x = 88172645463325252u;
	time_t end = time(NULL) + 2;
	struct record_bodies b;
	struct record r;
	char *memory;
	long rounds = 0;

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(parse(line, i, 2, "x.y.1", &r), -1);
	do {
		size_t len = n;
		memcpy(text, line, n);
		for (int k = (int)(next_random(&x) % 4); k >= 0; k--) {
			size_t at = next_random(&x) % len, to = next_random(&x) % len;
			if (next_random(&x) % 3)
				text[at] = "\"\\{}[]:,-+0a\0\xff "[next_random(&x) % 15];
			else
				memmove(text + at, text + to, len - (at > to ? at : to));
		}
		len -= next_random(&x) % 8;
		if (parse(text, len, 2, "x.y.1", &r) == 0) {
			assert_true(r.bucket >= 0 && r.bucket < 10000 && r.endpoint[0]);
			assert_true(isnan(r.score) || isfinite(r.score));
		}
		b = decode(text, len, &memory);
		assert_true(!b.path || b.path[0] == '/');
		assert_true(b.request_len + b.answer_len <= len);
		free(memory);
	} while (++rounds < 300000 && time(NULL) < end);
	assert_true(rounds > 1000);
}

/* {"probability":0.25}, as gzip makes it; then with a byte of it changed. */
static void test_reads_a_compressed_answer(void **state)
{
	static const char plain[] =
		"eyJwcm9iYWJpbGl0eSI6IDAuMjUsICJ4IjogeyJ5IjogWzEsIC0yLjVlMV19fQ==";
	char text[8192];
	struct record r;
	size_t n = changed(text, plain, "H4sIAAAAAAACA6tWKijKT0pMyszJLKlUsjLQMzKtBQDTCSmQFAAAAA==");

	(void)state;
	assert_int_equal(parse(text, n, 2, "probability", &r), 0);
	assert_true(r.read && r.score == 0.25);
	n = changed(text, plain, "H4sIAAAAAAACA6tWKijKT0pMyszJLKlUsjLQMzKtBQDTCSmQFAAAAQ==");
	assert_int_equal(parse(text, n, 2, "probability", &r), 0);
	assert_true(r.score != 0.25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_a_compressed_answer),
		cmocka_unit_test(test_reads_every_member),
		cmocka_unit_test(test_refuses_what_is_not_a_record),
		cmocka_unit_test(test_tells_failures),
		cmocka_unit_test(test_finds_numbers_in_bodies),
		cmocka_unit_test(test_reads_scores_where_they_are_declared),
		cmocka_unit_test(test_decodes_bodies),
		cmocka_unit_test(test_what_is_cut_or_odd_is_no_body),
		cmocka_unit_test(test_survives_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
