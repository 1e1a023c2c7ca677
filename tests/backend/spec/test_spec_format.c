/* test_spec_format.c: the canonical form: what it looks like, that it is a fixed point, that it
 * means the same, and that no comment is lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/spec/spec.h"
#include "tests/backend/spec/spec_texts.h"

static void check_same(const struct spec *a, const struct spec *b)
{
	assert_string_equal(a->project, b->project);
	assert_string_equal(a->owner, b->owner);
	assert_memory_equal(a->roles, b->roles, sizeof a->roles);
	assert_memory_equal(a->tiers, b->tiers, sizeof a->tiers);
	assert_int_equal(a->endpoint_count, b->endpoint_count);
	for (int i = 0; i < a->endpoint_count; i++) {
		struct spec_endpoint x = a->endpoints[i], y = b->endpoints[i];

		x.line = y.line = 0;
		assert_memory_equal(&x, &y, sizeof x);
	}
}

/* Formats text; the result must be a fixed point and mean the same. The caller releases out. */
static void check_format(const char *text, struct buf *out)
{
	struct buf again = {0};
	struct err e = {0};
	struct spec *was, *is;

	if (spec_format(text, strlen(text), "p.yaml", out, &e) < 0)
		fail_msg("%s\n%s", e.message, text);
	assert_int_equal(spec_format(buf_text(out), out->len, "p.yaml", &again, &e), 0);
	assert_string_equal(buf_text(&again), buf_text(out));
	was = spec_parse(text, strlen(text), "p", NULL, &e);
	is = spec_parse(buf_text(out), out->len, "p", NULL, &e);
	assert_true(was && is);
	check_same(was, is);
	spec_free(was);
	spec_free(is);
	buf_release(&again);
}

static void files_have_one_form(void **state)
{
	static const char *const cases[][2] = {
		{"project: p\n", "project: p\n"},
		{"project: p", "project: p\n"},
		{"---\nproject:   p # x \n...\n", "project: p  # x\n"},
		{"owner: o\nproject: p\n", "project: p\nowner: o\n"},
		{"\n\n# head\n\n# of owner\nowner: o\n# of project\nproject: p\n# tail\n",
			"# head\n\n# of project\nproject: p\n# of owner\nowner: o\n\n# tail\n"},
		{"access:\n    operator: ['@b' , \"@c\"]\n    admin:\n    - root\nproject: p\n",
			"project: p\n\naccess:\n  admin:\n    - root\n"
			"  operator: ['@b', \"@c\"]\n"},
		{"project: p\naccess:\n# why\n  admin: [a, # one\n  b\n  ] # two\n",
			"project: p\n\naccess:\n  # why\n  admin:  # two\n    - a  # one\n"
			"    - b\n"},
		{"project: p\r\nowner: 'it''s'\r\n", "project: p\nowner: 'it''s'\n"},
		{"project: p\nowner: a # b #c\n", "project: p\nowner: a  # b #c\n"},
		{"project: p\nowner: a#b\n", "project: p\nowner: a#b\n"},
		{"project: p\nowner: one\n  two # c\n", "project: p\nowner: one two  # c\n"},
		{"project: p\ntiers:\n  high:\n    approvals: 1\n    # of high\n  # of tiers\n"
		 "datasets: {}\n",
			"project: p\ndatasets: {}\n\ntiers:\n  high:\n    approvals: 1\n"
			"    # of high\n  # of tiers\n"},
		{"accounts: {ci: robot}  # x\ntiers:\n  low:\n    on-undecided: page\n    signals: "
		 "[brier]\n    step-most: 5%\n    soak: 1h\n    freeze: [a, # b\n      c]\n    "
		 "approve: both\nproject: p\n",
			"project: p\n\ntiers:\n  low:\n    approve: both\n    freeze:\n      - a  "
			"# b\n"
			"      - c\n    soak: 1h\n    step-most: 5%\n    signals: [brier]\n"
			"    on-undecided: page\n\naccounts: {ci: robot}  # x\n"},
		{"project: p\naccounts:\n  ci: {may: [status, rollout start], kind: robot} # x\n",
			"project: p\n\naccounts:\n"
			"  ci: {kind: robot, may: [status, rollout start]}  # x\n"},
		{"project: p\npipelines:\n  x:\n    run: |  # c\n      a # b\n\n       c\n    z: "
		 ">\n"
		 "      d\n      e\n",
			"project: p\n\npipelines:\n  x:\n    run: |  # c\n      a # b\n\n"
			"       c\n    z: |\n      d e\n"},
		{"project: p\npipelines:\n  x:\n    l:\n    - a: 1\n      b: 2 # b\n    # c\n    - "
		 "d\n",
			"project: p\n\npipelines:\n  x:\n    l:\n      - a: 1\n        b: 2  # b\n"
			"      # c\n      - d\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out = {0};

		check_format(cases[i][0], &out);
		assert_string_equal(buf_text(&out), cases[i][1]);
		buf_release(&out);
	}
}

static void odd_files_settle(void **state)
{
	static const char *const texts[] = {
		FULL,
		EP,
		"{project: p, # c\n owner: o, endpoints: {}} # d\n",
		"project: p\npipelines:\n  x:\n    - a\n",
		"project: p\npipelines:\n  x:\n    l:\n      -  # dash\n        a: 1\n",
		"project: p\npipelines:\n  x:\n    l:\n      - - - a # deep\n        - b\n",
		"project: p\npipelines:\n  x: # c1\n    # c2\n    y: # c3\n      z\n    # c4\n # "
		"c5\n# c6\n",
		"project: p\npipelines:\n  x: {? a : b, c: }\n",
		"project: p\npipelines:\n  x:\n    ? a # k\n    : b # v\n",
		"project: p\npipelines:\n  x:\n    e: ''\n    f:\n    g: \"\\t\\n \\\\ \\\" "
		"\xc3\xa4\"\n",
		"project: p\npipelines:\n  x:\n    s: |+\n      keep\n\n\n    t: |2\n        in\n  "
		"  u: |\n\n",
		"project: p\npipelines:\n  x:\n    long: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaa, "
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, cccccccccccccccccccccccccccc, dddddddd]\n",
		"# only\n# comments\n\n\n# two groups\n\nproject: p\n\n\n\n# end\n\n# more\n",
		"project: p\ntiers:\n  # a\n\n  # b\n  low: {approvals: 0} # c\n\n  # d\n\n  high: "
		"{}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct spec_faults f = {0};
		struct err e = {0};
		struct buf out = {0};
		struct spec *s = spec_parse(texts[i], strlen(texts[i]), "p", &f, &e);

		if (s)
			check_format(texts[i], &out);
		else /* a file with faults is not touched */
			assert_int_equal(spec_format(texts[i], strlen(texts[i]), "p", &out, &e),
				ERR_INVALID);
		spec_free(s);
		spec_faults_release(&f);
		buf_release(&out);
	}
}

static void every_comment_is_kept(void **state)
{
	static const char *const words[] = {"# The flights project.\n# Two lines of head.\n\n",
		"# who owns it\nowner: travel-ml  # the team\n", "endpoints:  # all of them\n",
		"    tier: low  # no approvals\n",
		"    serve: \"./serve --model m # not a comment\"\n", "random  # sticky\n",
		"    features:  # closed\n", "      - json hour  # first\n",
		"      # second\n      - json a.b\n", "      # own steps\n      steps:\n",
		"        - 0.25% 90s  # small\n", "        # then all\n        - 100% 1h30m\n",
		"      # end of rollout\n", "    # end of delay\n", "script: |  # two lines\n",
		"      make # kept as text\n", "- a: 1  # item\n", "# before the second\n",
		"\n# the end\n"};
	struct buf out = {0};

	(void)state;
	check_format(FULL, &out);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (!strstr(buf_text(&out), words[i]))
			fail_msg("lost `%s` in\n%s", words[i], buf_text(&out));
	buf_release(&out);
}

/* Puts `comment` into FULL at byte `at`; 1 when it was kept, 0 when it was refused. */
static int check_with_comment(size_t at, const char *comment)
{
	struct buf text = {0}, out = {0}, again = {0};
	struct err e = {0};
	int rc;

	buf_add(&text, FULL, at);
	buf_adds(&text, comment);
	buf_adds(&text, FULL + at);
	rc = spec_format(buf_text(&text), text.len, "p.yaml", &out, &e);
	if (rc == 0) {
		assert_non_null(strstr(buf_text(&out), "# new one"));
		assert_int_equal(spec_format(buf_text(&out), out.len, "p", &again, &e), 0);
		assert_string_equal(buf_text(&again), buf_text(&out));
	}
	buf_release(&text);
	buf_release(&out);
	buf_release(&again);
	return rc == 0;
}

static void a_comment_anywhere_is_kept_or_refused(void **state)
{
	int kept = 0, refused = 0;

	(void)state;
	for (size_t at = 0; FULL[at]; at++) {
		char line[64];

		if (FULL[at] != '\n')
			continue;
		kept += check_with_comment(at, " # new one");
		for (int indent = 0; indent <= 16; indent += 2) {
			snprintf(line, sizeof line, "\n%*s# new one", indent, "");
			kept += check_with_comment(at, line);
			snprintf(line, sizeof line, "\n\n%*s# new one\n", indent, "");
			refused += !check_with_comment(at, line);
		}
	}
	print_message("%d comments kept, %d files refused\n", kept, refused);
	assert_true(kept > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_have_one_form),
		cmocka_unit_test(odd_files_settle),
		cmocka_unit_test(every_comment_is_kept),
		cmocka_unit_test(a_comment_anywhere_is_kept_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
