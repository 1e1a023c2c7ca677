/* test_spec_yaml.c: garbage of every kind gets a sentence within bounds, and random edits of a
 * good file never crash nor give a spec with a required value unset. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/base/xalloc.h"
#include "backend/spec/spec.h"
#include "tests/backend/spec/spec_texts.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Parses n copies of part after head; one of the faults must hold the words. */
static void check_repeated(const char *head, const char *part, size_t n, const char *words)
{
	struct buf b = {0};
	struct spec_faults f = {0};
	struct err e = {0};
	double start = seconds();
	int found = 0;

	buf_adds(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_adds(&b, part);
	assert_null(spec_parse(buf_text(&b), b.len, "p.yaml", &f, &e));
	for (int i = 0; i < f.count; i++)
		found |= strstr(f.list[i].message, words) != NULL;
	if (!found)
		fail_msg("got: %s, want: %s", e.message, words);
	assert_true(seconds() - start < 20); /* a hang, not a speed, is what this catches */
	spec_faults_release(&f);
	buf_release(&b);
}

static void garbage_gets_a_sentence(void **state)
{
	(void)state;
	check_repeated("", "0123456789", 1 << 20, "at most 1048576 are read");
	check_repeated("project: ", "[", 1000000, "nested deeper than 32 levels");
	check_repeated("project: ", "{", 1000000, "nested deeper than 32 levels");
	check_repeated("", "- ", 500000, "nested deeper than 32 levels");
	check_repeated("", "? ", 500000, "nested deeper than 32 levels");
	check_repeated("", "[a,", 1000, "nested deeper than 32 levels");
	check_repeated("", "{a: ", 1000, "nested deeper than 32 levels");
	check_repeated("project: ", "x", 1000000, "expected a name");
	check_repeated("project: p\nowner: [", "a,", 500000, "not YAML");
	check_repeated("project: p\nowner: \"", "x\n", 500000, "not YAML");
	check_repeated("project: p\n", "a: x\n", 200000, "stands here twice, first in line 2");
	check_repeated("", "*a ", 1000, "not YAML");
	check_repeated("", "\xf0\x9f\x98", 1000, "not UTF-8");
	check_repeated("", "&", 100000, "not YAML");
	check_repeated("", "!", 100000, "tags are not read");
	check_repeated("", "\n", 1000000, "the file is empty");
	check_repeated("", "# c\n", 250000, "the file is empty");
}

static void a_zero_byte_is_told(void **state)
{
	static const char text[] = "project: p\nowner: a\0b\n";
	struct spec_faults f = {0};
	struct err e = {0};

	(void)state;
	assert_null(spec_parse(text, sizeof text - 1, "p.yaml", &f, &e));
	assert_string_equal(
		e.message, "p.yaml:2:9: the file holds a NUL byte: this is not a text file");
	spec_faults_release(&f);
}

static void scalars_mean_what_they_say(void **state)
{
	struct err e;
	static const char text[] = "\xef\xbb\xbf---\r\nproject: \"3.10\"\r\nowner: no\r\n"
				   "datasets: {1e3: {}}\r\n...\r\n";
	struct spec *s = spec_parse(text, strlen(text), "p.yaml", NULL, &e);

	(void)state;
	assert_non_null(s);
	assert_string_equal(s->project, "3.10");
	assert_string_equal(s->owner, "no");
	spec_free(s);
}

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void mutate(char *text, size_t *n, uint64_t *seed)
{
	static const char likely[] = " \n\t:#-[]{},'\"|>&*!%@`?0a\\\r\xff";
	size_t at = random_next(seed) % *n;

	switch (random_next(seed) % 4) {
	case 0:
		text[at] = (char)random_next(seed);
		break;
	case 1:
		text[at] = likely[random_next(seed) % (sizeof likely)];
		break;
	case 2:
		memmove(text + at, text + at + 1, *n - at - 1);
		--*n;
		break;
	default:
		memmove(text + at + 1, text + at, *n - at);
		text[at] = likely[random_next(seed) % (sizeof likely)];
		++*n;
	}
}

static void check_whole(const struct spec *s)
{
	assert_true(s->project[0] && s->tier_count == 3);
	for (int i = 0; i < s->endpoint_count; i++) {
		const struct spec_endpoint *ep = &s->endpoints[i];

		assert_true(ep->name[0] && ep->environment[0] && ep->mode[0] && ep->tier[0]);
		assert_true(ep->listen_host[0] && ep->listen_port > 0 && ep->listen_port < 65536);
		assert_true(ep->serve[0] || ep->arm_count > 0);
		assert_true(ep->replicas >= 1 && ep->replicas <= 16);
		assert_true(ep->health[0] == '/' || strcmp(ep->health, "tcp") == 0);
		assert_true(ep->timeout_ms >= 100 && ep->timeout_ms <= 60000 && ep->line > 0);
		assert_true(ep->rollout.step_count >= 1 && ep->rollout.hold_ms > 0);
		assert_true(ep->rollout.pattern[0] && ep->rollout.false_abort[0]);
		for (int j = 0; j < ep->arm_count; j++)
			assert_true(ep->arms[j].name[0] && ep->arms[j].server_count > 0);
	}
}

/* Whatever parses also formats to something that parses to a fixed point, or is refused. */
static int check_formats(const char *text, size_t n)
{
	struct buf once = {0}, twice = {0};
	struct err e = {0};
	int rc = spec_format(text, n, "p.yaml", &once, &e);

	if (rc == 0) {
		assert_int_equal(spec_format(buf_text(&once), once.len, "p", &twice, &e), 0);
		assert_string_equal(buf_text(&once), buf_text(&twice));
	} else {
		assert_int_equal(rc, ERR_CONFLICT);
	}
	buf_release(&once);
	buf_release(&twice);
	return rc == 0;
}

static void random_edits_never_crash(void **state)
{
	size_t full = strlen(FULL), good = 0, bad = 0, formatted = 0;
	uint64_t seed = getenv("FUZZ_SEED") ? strtoull(getenv("FUZZ_SEED"), NULL, 10) : 20261124;
	double limit = getenv("FUZZ_SECONDS") ? strtod(getenv("FUZZ_SECONDS"), NULL) : 2;
	double start = seconds();
	char *text = xcalloc(full + 64, 1);

	(void)state;
	for (int round = 0; round < 100000000 && seconds() - start < limit; round++) {
		size_t n = full;
		struct spec_faults f = {0};
		struct err e = {0};
		struct spec *s;

		memcpy(text, FULL, full);
		for (uint64_t k = random_next(&seed) % 8 + 1; k > 0; k--)
			mutate(text, &n, &seed);
		s = spec_parse(text, n, "p.yaml", &f, &e);
		assert_int_equal(s == NULL, f.count > 0);
		if (s) {
			check_whole(s);
			formatted += (size_t)check_formats(text, n);
			good++;
		} else {
			for (int i = 0; i < f.count; i++)
				assert_true(f.list[i].line > 0 && f.list[i].column > 0 &&
					    f.list[i].message[0]);
			bad++;
		}
		spec_free(s);
		spec_faults_release(&f);
	}
	free(text);
	print_message(
		"%zu edited files parsed (%zu formatted), %zu refused\n", good, formatted, bad);
	assert_true(bad > 0 && good > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage_gets_a_sentence),
		cmocka_unit_test(a_zero_byte_is_told),
		cmocka_unit_test(scalars_mean_what_they_say),
		cmocka_unit_test(random_edits_never_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
