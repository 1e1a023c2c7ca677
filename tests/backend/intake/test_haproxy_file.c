/* test_haproxy_file.c: how lines of a haproxy.cfg become words, and that whatever a file holds ends
 * in a proposal that the spec takes, or in none. The configurations of tests/fixtures/haproxy
 * are checked against the real program by tests/e2e/haproxy.sh. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/intake/haproxy_file.h"
#include "backend/intake/haproxy_priv.h"
#include "backend/spec/spec.h"

#define FIXTURES "tests/fixtures/haproxy"

static const char *environment(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "HOST") == 0 ? "10.0.0.1" : strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static const struct {
	const char *line, *want; /* words with | between; NULL = a quote is not closed */
} lines[] = {
	{"", ""}, {"  # only a comment", ""}, {"a b\tc", "a|b|c"}, {"a#b", "a"},
	{"a \\#b # c", "a|#b"}, {"a\\ b c", "a b|c"}, {"'a b' \"c d\"", "a b|c d"},
	{"'a\\n$HOST'", "a\\n$HOST"}, {"\"$HOST:80\" $HOST", "10.0.0.1:80|$HOST"},
	{"\"${HOST}:${NONE-81}\"", "10.0.0.1:81"}, {"\"${EMPTY-x}\" \"${NONE}\"", "|${NONE}"},
	{"\"a\\\"b\" \\x41\\x42", "a\"b|AB"}, {"x\"y\"'z'", "xyz"}, {"\"a", NULL}, {"a 'b", NULL},
	{"a\\", "a"}, {"\"$\"", "$"}, {"\"${\"", NULL}, /* the brace is not closed either */
};

static void lines_become_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const char *words[HAPROXY_WORDS];
		char room[5000], got[300] = "";
		int n = haproxy_split(lines[i].line, environment, NULL, room, sizeof room, words);

		if ((n < 0) != (lines[i].want == NULL))
			fail_msg("%s: %d", lines[i].line, n);
		for (int k = 0; k < n; k++) {
			strcat(got, k ? "|" : "");
			strcat(got, words[k]);
		}
		if (n >= 0 && strcmp(got, lines[i].want) != 0)
			fail_msg("%s: %s", lines[i].line, got);
	}
}

static void conditions_hold_or_not(void **state)
{
	static const struct {
		const char *text;
		int holds;
	} cases[] = {{"1", 1}, {"0", 0}, {"", 0}, {"defined(HOST)", 1}, {"defined(NONE)", 0},
		{"!defined(NONE)", 1}, {"streq(\"a\",a)", 1}, {"strneq(a, b)", 1},
		{"version_atleast(2.4)", 1}, {"version_before(2.4)", 0}, {"feature(OPENSSL)", 1},
		{"1 && 0", 0}, {"1 && 0 || 1", 1}, {"defined(", 0}, {"0 || 0", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (haproxy_condition(cases[i].text, environment, NULL) != cases[i].holds)
			fail_msg("%s", cases[i].text);
}

/* Whatever comes of it is a spec, unless it is nothing. */
static void propose_and_check(const char *text, size_t n)
{
	struct haproxy_file f;
	struct intake in = {.project = "p",
		.owner = "o",
		.environment = "production",
		.tier = "low",
		.from = "x"};
	struct buf out = {0};
	struct err e = {0};
	struct spec_faults faults = {0};
	struct spec *s;

	if (haproxy_file_parse(text, n, environment, NULL, &f, &e))
		return;
	haproxy_propose(&f, &in);
	for (int i = 0; i < in.count; i++)
		snprintf(in.endpoints[i].listen.value, sizeof in.endpoints[i].listen.value,
			"127.0.0.1:%d", 8100 + i);
	intake_format(&in, &out);
	s = spec_parse(buf_text(&out), out.len, "p.yaml", &faults, &e);
	if (!s)
		fail_msg("%s\n%s\n%.*s", e.message, buf_text(&out), (int)n, text);
	assert_int_equal(s->endpoint_count, in.count);
	spec_free(s);
	spec_faults_release(&faults);
	haproxy_file_release(&f);
	intake_release(&in);
	buf_release(&out);
}

/* Each fixture, cut and with bytes changed at many places. */
static void damaged_files_never_give_a_wrong_spec(void **state)
{
	static const char bytes[] = "\"'\\$:#\n@{}[%\x01\xff";
	DIR *folder = opendir(FIXTURES);
	struct dirent *entry;
	int count = 0;

	(void)state;
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		struct buf text = {0};
		char path[400];

		snprintf(path, sizeof path, FIXTURES "/%s", entry->d_name);
		if (!strstr(path, ".cfg") || buf_read_file(&text, path, 1 << 20) < 0)
			continue;
		count++;
		propose_and_check(text.data, text.len);
		for (size_t i = 0; i < text.len; i += 5) {
			char old = text.data[i];

			propose_and_check(text.data, i);
			text.data[i] = bytes[i / 5 % (sizeof bytes - 1)];
			propose_and_check(text.data, text.len);
			text.data[i] = old;
		}
		buf_release(&text);
	}
	closedir(folder);
	assert_int_equal(count, 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_words),
		cmocka_unit_test(conditions_hold_or_not),
		cmocka_unit_test(damaged_files_never_give_a_wrong_spec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
