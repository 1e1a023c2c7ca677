/* test_score.c: which number of an answer is proposed as the score, and which task: the shapes that
 * model servers answer with. What is proposed must be found by the reader of live answers too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "backend/ingest/ingest_priv.h"
#include "backend/intake/leaves.h"

static const struct {
	const char *body;
	int rows; /* of the request */
	const char *want, *task;
} answers[] = {
	/* one number by its name */
	{"{\"probability\":0.3}", 0, "json probability", "binary"},
	{"{\"score\":0.25}", 0, "json score", "binary"},
	{"{\"score\":711.5}", 0, "json score", "regression"},
	{"{\"prediction\":12.75}", 0, "json prediction", "regression"},
	{"{\"prediction\":1}", 0, "json prediction", "binary"},
	{"{\"predicted_price\":182000,\"currency\":\"EUR\"}", 0, "json predicted_price",
		"regression"},
	{"{\"y\":0.7}", 0, "json y", "binary"},
	{"{\"fraudScore\":0.91,\"latency_ms\":3.25}", 0, "json fraudScore", "binary"},
	{"{\"churn_prob\":0.12,\"threshold\":0.5,\"churn\":false}", 0, "json churn_prob", "binary"},
	{"{\"id\":8123,\"took\":0.013,\"eta\":14.5}", 0, "json eta", "regression"},
	{"{\"model_version\":3,\"confidence\":0.83,\"label\":\"cat\"}", 0, "json confidence",
		"multiclass"},
	{"{\"label\":\"POSITIVE\",\"score\":0.98}", 0, "json score", "binary"},
	{"{\"prediction\":1,\"confidence\":0.9}", 0, "json confidence", "binary"},
	{"{\"label\":\"good\",\"probability\":0.77}", 0, "json probability", "binary"},
	{"{\"prediction\":\"spam\",\"score\":0.77}", 0, "json score", "binary"},
	{"{\"risk_percent\":73.4}", 0, "json risk_percent", "regression"},
	{"{\"something\":0.4,\"other\":17}", 0, "json something", "binary"},
	/* classes */
	{"{\"prediction\":1,\"proba\":[0.13,0.87]}", 0, "json proba.1", "binary"},
	{"{\"prediction\":0,\"proba\":[1.0,0.0]}", 0, "json proba.1", "binary"},
	{"{\"class\":\"dog\",\"probabilities\":{\"cat\":0.1,\"dog\":0.7,\"bird\":0.2}}", 0,
		"json probabilities.cat", "multiclass"},
	{"{\"probabilities\":{\"no\":0.1,\"yes\":0.9}}", 0, "json probabilities.yes", "binary"},
	{"{\"probabilities\":{\"yes\":0.1,\"no\":0.9}}", 0, "json probabilities.yes", "binary"},
	{"{\"0\":0.3,\"1\":0.7}", 0, "json 1", "binary"},
	{"[0.2,0.8]", 0, "json 1", "binary"},
	{"[[{\"label\":\"LABEL_0\",\"score\":0.9},{\"label\":\"LABEL_1\",\"score\":0.1}]]", 0,
		"json 0.0.score", "binary"},
	{"[{\"label\":\"joy\",\"score\":0.9},{\"label\":\"anger\",\"score\":0.1}]", 0,
		"json 0.score", "multiclass"},
	/* TensorFlow Serving, MLflow */
	{"{\"predictions\":[[0.1,0.9]]}", 1, "json predictions.0.1", "binary"},
	{"{\"predictions\":[[0.2,0.3,0.5]]}", 1, "json predictions.0.0", "multiclass"},
	{"{\"predictions\":[0.7]}", 1, "json predictions.0", "binary"},
	{"{\"predictions\":[0.7,0.3]}", 2, "json predictions.0", "binary"},
	{"{\"predictions\":[23.5,19.25]}", 2, "json predictions.0", "regression"},
	{"{\"predictions\":[{\"class_ids\":[1],\"logits\":[0.5],\"probabilities\":[0.38,0.62]}]}",
		1, "json predictions.0.probabilities.1", "binary"},
	{"{\"outputs\":[[0.25]]}", 1, "json outputs.0.0", "binary"},
	/* KServe v2 */
	{"{\"model_name\":\"iris\",\"model_version\":\"1\",\"id\":\"7\",\"outputs\":[{\"name\":"
	 "\"output-0\",\"shape\":[1,1],\"datatype\":\"FP32\",\"data\":[0.42]}]}",
		0, "json outputs.0.data.0", "binary"},
	{"{\"outputs\":[{\"name\":\"label\",\"shape\":[1],\"datatype\":\"INT64\",\"data\":[1]},"
	 "{\"name\":\"probabilities\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[0.2,0.8]}]}",
		0, "json outputs.1.data.1", "binary"},
	/* nested, plain */
	{"{\"status\":200,\"result\":{\"risk\":{\"score\":0.2,\"band\":\"low\"},\"ms\":1.5}}", 0,
		"json result.risk.score", "binary"},
	{"{\"data\":{\"items\":[{\"prediction\":{\"value\":3.5}}]}}", 0,
		"json data.items.0.prediction.value", "regression"},
	{"0.73", 0, "json .", "binary"},
	{" 231.5\n", 0, "json .", "regression"},
	{"{\"prediction\":1e308}", 0, "json prediction", "regression"},
};

static struct leaves read_leaves(const char *body)
{
	struct leaves l;
	struct err e = {0};

	if (leaves_parse(body, strlen(body), "it", &l, &e))
		fail_msg("%s: %s", body, e.message);
	return l;
}

static void the_models_number_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct intake_endpoint ep = {0};
		struct leaves l = read_leaves(answers[i].body);
		double v;

		score_propose(&l, answers[i].rows, &ep);
		if (strcmp(ep.score.value, answers[i].want) != 0 || ep.score.off)
			fail_msg("%s: \"%s\", want \"%s\" (%s)", answers[i].body, ep.score.value,
				answers[i].want, ep.score.why);
		if (strcmp(ep.task.value, answers[i].task) != 0)
			fail_msg("%s: %s (%s)", answers[i].body, ep.task.value, ep.task.why);
		if (!json_number_at(
			    answers[i].body, strlen(answers[i].body), ep.score.value + 5, &v))
			fail_msg("%s at %s is not read", answers[i].body, ep.score.value);
		assert_true(ep.score.why[0] && ep.task.why[0]);
		leaves_release(&l);
	}
}

/* Nothing is guessed where there is nothing: the line is a comment that says what to do. */
static void no_number_is_no_score(void **state)
{
	static const struct {
		const char *body, *why;
	} none[] = {
		{"{}", "no number"},
		{"[]", "no number"},
		{"null", "no number"},
		{"{\"label\":\"cat\"}", "no number"},
		{"{\"took_ms\":3.5,\"request_id\":77}", "no number"},
		{"{\"prediction\":\"0.7\"}", "written as text"},
		{"{\"the score\":0.7}", "a path can name: the score"},
		{"{\"ok\":true}", "no number"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		struct intake_endpoint ep = {0};
		struct leaves l = read_leaves(none[i].body);

		score_propose(&l, 0, &ep);
		if (!ep.score.off || !ep.task.off || !strstr(ep.score.why, none[i].why))
			fail_msg("%s: %s (%s)", none[i].body, ep.score.value, ep.score.why);
		leaves_release(&l);
	}
}

static void the_reason_tells_value_and_others(void **state)
{
	struct intake_endpoint ep = {0};
	struct leaves l = read_leaves("{\"proba\":[0.13,0.87],\"prediction\":1,\"ms\":3.5}");

	(void)state;
	score_propose(&l, 0, &ep);
	assert_string_equal(ep.score.why,
		"was 0.87, of two that add up to 1: that of class 1; also "
		"there: prediction 1, ms 3.5");
	leaves_release(&l);
	ep = (struct intake_endpoint){0};
	l = read_leaves("{\"embedding\":[0.1,0.2,0.5]}");
	score_propose(&l, 0, &ep);
	assert_string_equal(ep.score.why, "was 0.1, one of a list of 3 numbers");
	leaves_release(&l);
}

static void garbage_is_a_sentence(void **state)
{
	static const char *const bad[] = {"", "{", "{\"a\":", "[1,", "\"", "nope", "{\"a\":1}}",
		"<html>", "\x1f\x8b\x08", "\xff\xfe", "0.73,0.27", "{\"a\":01x}"};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct leaves l;

		e = (struct err){0};
		if (leaves_parse(bad[i], strlen(bad[i]), "the answer", &l, &e) != ERR_INVALID)
			fail_msg("took %s", bad[i]);
		assert_non_null(strstr(e.message, "the answer"));
		leaves_release(&l);
	}
}

/* Deep, wide and long inputs are cut, never followed to the end of memory. */
static void odd_sizes_end(void **state)
{
	struct buf text = {0};
	struct leaves l;
	struct intake_endpoint ep = {0};

	(void)state;
	for (int i = 0; i < 900; i++)
		buf_adds(&text, "[");
	buf_adds(&text, "1");
	for (int i = 0; i < 900; i++)
		buf_adds(&text, "]");
	assert_int_equal(leaves_parse(buf_text(&text), text.len, "it", &l, NULL), 0);
	score_propose(&l, 0, &ep);
	request_propose(&l, NULL, 0, &ep);
	assert_int_equal(l.count, 0);
	leaves_release(&l);
	buf_reset(&text);
	buf_adds(&text, "{\"v\":[0");
	for (int i = 0; i < 100000; i++)
		buf_addf(&text, ",%d", i);
	buf_adds(&text, "]");
	for (int i = 0; i < 5000; i++)
		buf_addf(&text, ",\"m%d\":%d", i, i);
	buf_adds(&text, ",\"n\":1e999,\"z\":-1e999}");
	assert_int_equal(leaves_parse(buf_text(&text), text.len, "it", &l, NULL), 0);
	assert_true(l.count <= 256 && l.left_out > 100000);
	score_propose(&l, 0, &ep);
	request_propose(&l, NULL, 0, &ep);
	leaves_release(&l);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_models_number_is_found),
		cmocka_unit_test(no_number_is_no_score),
		cmocka_unit_test(the_reason_tells_value_and_others),
		cmocka_unit_test(garbage_is_a_sentence),
		cmocka_unit_test(odd_sizes_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
