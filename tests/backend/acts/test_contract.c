/* What a client of another version's answer relies on, as a table. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/contract.h"
#include "backend/base/xalloc.h"

static const struct {
	int was, now;
	const char *before, *after, *why; /* why NULL: it is kept */
} rows[] = {
	{200, 200, "{\"p\":0.5}", "{\"p\":0.1,\"more\":1}", NULL},
	{200, 201, "{\"p\":0.5}", "{\"p\":1}", NULL},
	{200, 500, "{\"p\":0.5}", "{\"p\":0.5}", "status 500 instead of 200"},
	{200, 0, "{\"p\":0.5}", NULL, "no answer"},
	{404, 404, "{\"error\":\"x\"}", "{\"error\":\"y\"}", NULL},
	{404, 200, "{\"error\":\"x\"}", "{\"p\":0.5}", "status 200 instead of 404"},
	{200, 200, "{\"p\":0.5}", "{\"q\":0.5}", "no score at `p`"},
	{200, 200, "{\"p\":0.5}", "{\"p\":\"0.5\"}", "no score at `p`"},
	{200, 200, "{\"p\":0.5}", "{\"p\":null}", "no score at `p`"},
	{200, 200, "{\"p\":0.5}", "[0.5]", "no JSON object"},
	{200, 200, "{\"p\":0.5,\"eta\":\"5m\"}", "{\"p\":0.5}", "no `eta`"},
	{200, 200, "{\"p\":1,\"eta\":\"5m\"}", "{\"p\":1,\"eta\":5}",
		"`eta` of its answer is a number and was a string"},
	{200, 200, "{\"p\":1,\"eta\":null}", "{\"p\":1,\"eta\":5}", NULL},
	{200, 200, "{\"a\":{}}", "no JSON at all", "its answer is no JSON object"},
	{200, 200, "plain", "{\"p\":1}", NULL}, /* nothing was promised */
	{200, 200, NULL, NULL, NULL},
};

static void test_rows(void **state)
{
	struct spec_endpoint ep = {.score = {.kind = SOURCE_JSON, .name = "p"}};
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *b = rows[i].before, *a = rows[i].after;
		struct contract_answer was = {rows[i].was, b, b ? strlen(b) : 0};
		struct contract_answer now = {rows[i].now, a, a ? strlen(a) : 0};
		int bad = contract_check(&ep, &was, &now, why, sizeof why);

		if (bad != (rows[i].why != NULL))
			fail_msg("row %zu: %s", i, bad ? why : "it is taken");
		if (bad && !strstr(why, rows[i].why))
			fail_msg("row %zu: \"%s\"", i, why);
	}
}

static void test_score(void **state)
{
	static const char body[] = "{\"out\":[{\"p\":0.25}],\"s\":\"x\"}";
	struct spec_endpoint ep = {.score = {.kind = SOURCE_JSON, .name = "out.0.p"}};

	(void)state;
	assert_true(contract_score(&ep, body, sizeof body - 1) == .25);
	str_copy(ep.score.name, sizeof ep.score.name, "out.1.p");
	assert_true(isnan(contract_score(&ep, body, sizeof body - 1)));
	str_copy(ep.score.name, sizeof ep.score.name, "s");
	assert_true(isnan(contract_score(&ep, body, sizeof body - 1)));
	assert_true(isnan(contract_score(&ep, "{", 1)));
	assert_true(isnan(contract_score(&ep, NULL, 0)));
	ep.score.kind = SOURCE_HEADER;
	assert_true(isnan(contract_score(&ep, body, sizeof body - 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_score),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
