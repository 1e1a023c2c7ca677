/* test_request.c: what is proposed by a request: key, segment and features. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/intake/leaves.h"

static const struct {
	const char *body, *header;
	const char *key, *segment; /* "" = none; # in front: only suggested */
	const char *features;	   /* with a blank between */
} requests[] = {
	{"{\"user_id\":\"u-17\",\"country\":\"DE\",\"amount\":12.5}", NULL,
		"json user_id else random", "json country", "country amount"},
	{"{\"customerId\":17,\"device\":\"mobile\",\"region\":\"eu-west-1\"}", NULL,
		"json customerId else random", "json region", "device region"},
	{"{\"customer\":{\"id\":9,\"tier\":\"gold\",\"age\":41},\"amount\":3}", NULL,
		"json customer.id else random", "json customer.tier",
		"customer.tier customer.age amount"},
	{"{\"customer_age\":41,\"amount\":3}", NULL, "#header X-User-Id else random", "",
		"customer_age amount"},
	{"{\"amount\":3,\"user_id\":4}", "X-Session-Id: abc", "json user_id else random", "",
		"amount"},
	{"{\"amount\":3}", "X-User-Id: 7", "header X-User-Id else random", "", "amount"},
	{"{\"amount\":3}", "Authorization: Bearer x", "#header X-User-Id else random", "",
		"amount"},
	{"{\"id\":\"9f\",\"text\":\"hello there\"}", NULL, "#json id else random", "", "text"},
	{"{\"order_id\":12,\"session\":\"s1\"}", NULL, "json session else random", "", ""},
	{"{\"hour\":17.5,\"dow\":3,\"origin\":\"ORD\",\"destination\":\"LAX\"}", NULL,
		"#header X-User-Id else random", "json origin", "hour dow origin destination"},
	{"{\"colour\":\"red\",\"n\":1}", NULL, "#header X-User-Id else random", "#json colour",
		"colour n"},
	{"{\"when\":\"2026-01-02T03:04:05Z\",\"n\":1}", NULL, "#header X-User-Id else random", "",
		"when n"},
	{"{\"instances\":[{\"x\":1,\"country\":\"DE\"},{\"x\":2,\"country\":\"FR\"}]}", NULL,
		"#header X-User-Id else random", "json instances.0.country",
		"instances.0.x instances.0.country"},
	{"{\"instances\":[[5.1,3.5,1.4,0.2]]}", NULL, "#header X-User-Id else random", "",
		"instances.0.0 instances.0.1 instances.0.2 instances.0.3"},
	{"{\"inputs\":[{\"name\":\"age\",\"shape\":[1],\"datatype\":\"INT32\",\"data\":[41]},"
	 "{\"name\":\"country\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"DE\"]},"
	 "{\"name\":\"user_id\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"u7\"]}]}",
		NULL, "json inputs.2.data.0 else random", "json inputs.1.data.0",
		"inputs.0.data.0 inputs.1.data.0"},
	/* a table with the names of its columns: MLflow, Seldon */
	{"{\"dataframe_split\":{\"columns\":[\"a\"],\"data\":[[1]]}}", NULL,
		"#header X-User-Id else random", "", "dataframe_split.data.0.0"},
	{"{\"dataframe_split\":{\"index\":[0],\"columns\":[\"amount\",\"customer_id\",\"region\"],"
	 "\"data\":[[3,\"c1\",\"north\"],[4,\"c2\",\"south\"]]}}",
		NULL, "json dataframe_split.data.0.1 else random", "json dataframe_split.data.0.2",
		"dataframe_split.data.0.0 dataframe_split.data.0.2"},
	{"{\"data\":{\"names\":[\"age\",\"country\"],\"ndarray\":[[41,\"DE\"]]}}", NULL,
		"#header X-User-Id else random", "json data.ndarray.0.1",
		"data.ndarray.0.0 data.ndarray.0.1"},
	{"{\"columns\":[\"a\",\"b\"],\"data\":[[1]]}", NULL, "#header X-User-Id else random",
		"#json columns.0", "columns.0 columns.1 data.0.0"},
	{"{\"a b\":1,\"n\":true,\"n\":false}", NULL, "#header X-User-Id else random", "", "n"},
	{"7", NULL, "#header X-User-Id else random", "", ""},
	{"\"text\"", NULL, "#header X-User-Id else random", "#json .", ""},
};

static void check(
	const char *what, const struct intake_choice *c, const char *want, const char *body)
{
	char got[200];

	snprintf(got, sizeof got, "%s%s", c->off ? "#" : "", c->value);
	if (strcmp(got, want) != 0)
		fail_msg("%s of %s: \"%s\", want \"%s\" (%s)", what, body, got, want, c->why);
}

static void requests_tell_key_segment_and_features(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		struct intake_endpoint ep = {0};
		struct leaves l;
		struct err e = {0};
		struct buf got = {0};

		if (leaves_parse(requests[i].body, strlen(requests[i].body), "it", &l, &e))
			fail_msg("%s", e.message);
		request_propose(&l, &requests[i].header, requests[i].header != NULL, &ep);
		check("key", &ep.key, requests[i].key, requests[i].body);
		check("segment", &ep.segment, requests[i].segment, requests[i].body);
		for (int k = 0; k < ep.feature_count; k++)
			buf_addf(&got, "%s%s", k ? " " : "", ep.feature[k] + 5);
		if (strcmp(buf_text(&got), requests[i].features) != 0)
			fail_msg("features of %s: %s", requests[i].body, buf_text(&got));
		buf_release(&got);
		leaves_release(&l);
	}
}

static void addresses_are_read(void **state)
{
	static const struct {
		const char *text, *want, *name;
	} good[] = {
		{"http://127.0.0.1:8001/predict", "http://127.0.0.1:8001/predict", "model"},
		{"127.0.0.1:8001", "http://127.0.0.1:8001/", "model"},
		{"https://fraud.svc/v1/score?x=1#y", "https://fraud.svc:443/v1/score?x=1", "fraud"},
		{"HTTP://Host", "http://Host:80/", "host"},
		{"http://[::1]:9000/v1/models/iris:predict",
			"http://[::1]:9000/v1/models/iris:predict", "iris"},
		{"http://localhost:8080/v2/models/Iris_2/infer",
			"http://localhost:8080/v2/models/Iris_2/infer", "iris_2"},
		{"http://h:1?x", "http://h:1/?x", "h"},
		{"http://model_a:8000/predict", "http://model_a:8000/predict", "model_a"},
	};
	static const char *const bad[] = {"", "http://", "ftp://x/", "http://u:p@h/", "http://h:0/",
		"http://h:99999/", "http://h:x/", "http://_b/", "http://h/a b", "http://h/\n",
		"http://[::1/", "http://-x/", "://", "http://h:1:2:3/", "http://../", ":9001",
		"9001", "http:/h:1/p"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct intake_url u;
		struct buf text = {0};
		struct err e = {0};
		char name[INTAKE_NAME];

		if (intake_url_parse(good[i].text, &u, &e))
			fail_msg("%s: %s", good[i].text, e.message);
		intake_url_format(&u, u.path, &text);
		assert_string_equal(buf_text(&text), good[i].want);
		intake_endpoint_name(&u, name);
		assert_string_equal(name, good[i].name);
		buf_release(&text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct intake_url u;
		struct err e = {0};

		if (intake_url_parse(bad[i], &u, &e) != ERR_INVALID)
			fail_msg("took %s", bad[i]);
		assert_true(e.message[0]);
	}
}

static void names_are_made_fit(void **state)
{
	static const char *const names[][2] = {{"Fraud Models", "fraud-models"}, {"_x_", "x"},
		{"\xc3\xa9t\xc3\xa9", "t"}, {"--", ""}, {"a.b_c-D", "a.b_c-d"}, {"1st", "1st"}};
	char out[INTAKE_NAME], *longest = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		intake_name(names[i][0], out);
		assert_string_equal(out, names[i][1]);
	}
	longest = calloc(1, 300);
	memset(longest, 'a', 299);
	intake_name(longest, out);
	assert_int_equal(strlen(out), 63);
	free(longest);
}

static void host_is_that_of_the_sample(void **state)
{
	static const char *const headers[] = {"X-A: b", "host: model.example.org"};
	static const char *const address[] = {"Host: 127.0.0.1"};
	struct intake_endpoint ep = {.name = "x"}, other = {.name = "y"};
	struct leaves l = {0};

	(void)state;
	request_propose(&l, headers, 2, &ep);
	assert_string_equal(ep.host.value, "model.example.org");
	request_propose(&l, address, 1, &other);
	assert_string_equal(other.host.value, "");
	buf_release(&ep.notes);
	buf_release(&other.notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_is_that_of_the_sample),
		cmocka_unit_test(requests_tell_key_segment_and_features),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(names_are_made_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
