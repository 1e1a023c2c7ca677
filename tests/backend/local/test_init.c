/* test_init.c: what `pithead init` and `pithead judge` say of words that cannot be, before any
 * server is asked: a sentence for people, or an error as JSON for those that asked for it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/json.h"
#include "tests/backend/local/run.h"

static const struct {
	int (*fn)(int, char **);
	const char *words[8];
	const char *says;
} wrong[] = {
	{local_init, {"init"}, "init needs to know where your model answers"},
	{local_init, {"init", "--upstream", "h:1"}, "init needs a request that the server answers"},
	{local_init, {"init", "--sample"}, "--sample needs a value"},
	{local_init, {"init", "--sample", "--force"}, "--sample needs a value"},
	{local_init, {"init", "--samples=x"}, "init has no such option: --samples=x"},
	{local_init, {"init", "--upstream", "h:1", "--sample", "/dev/null"}, "/dev/null is empty"},
	{local_init, {"init", "--upstream", "h:1", "--header", "token"},
		"--header is \"Name: value\""},
	{local_init, {"init", "word"}, "init does not take this word: word"},
	{local_judge, {"judge"}, "judge needs a trace, a CSV of counts, or --policy"},
	{local_judge, {"judge", "--tick=x", "f"}, "--tick must be a number from 0.001 to 1e+06"},
	{local_judge, {"judge", "--for=1"}, "--for must be a time of at least 1s"},
	{local_judge, {"judge", "--nosuch", "f"}, "judge has no such option: --nosuch"},
	{local_judge, {"judge", "a", "b"}, "judge takes one file: b"},
	{local_judge, {"judge", "no-such-file"}, "cannot read no-such-file"},
	{local_judge, {"judge", "--policy=no-such-file", "--for=1m"}, "cannot read no-such-file"},
};

/* The words and one more, which ends the list. */
static void run_with(struct ran *r, size_t i, const char *last)
{
	const char *words[10] = {0};
	int n = 0;

	for (; wrong[i].words[n]; n++)
		words[n] = wrong[i].words[n];
	words[n] = last;
	run_local(r, wrong[i].fn, "/", words);
}

static void wrong_words_are_told_as_was_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct ran r = {0};
		struct err e;
		cJSON *o;
		const cJSON *error;

		run_with(&r, i, NULL);
		expect_code(&r, 2);
		expect_text(&r, wrong[i].says);
		assert_int_equal(strncmp(buf_text(&r.text), "pithead: ", 9), 0);
		run_with(&r, i, "--json");
		expect_code(&r, 2);
		o = json_parse(buf_text(&r.text), r.text.len, "the answer", &e);
		if (!o)
			fail_msg("no JSON: %s", buf_text(&r.text));
		error = json_get(o, "error");
		assert_string_equal(json_str(error, "code", ""), "invalid");
		assert_non_null(strstr(json_str(error, "message", ""), wrong[i].says));
		cJSON_Delete(o);
		buf_release(&r.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_words_are_told_as_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
