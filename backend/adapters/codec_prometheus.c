/* codec_prometheus.c: answers of the query API as series. See prometheus.h. */
#include "backend/adapters/prometheus.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/json.h"
#include "backend/base/xalloc.h"

#define LABELS_MOST 64

/* "0.05", "NaN", "+Inf", "-Inf": texts, so that all of them can be told. 0 = it is none. */
static int number_parse(const char *text, double *out)
{
	static locale_t plain; /* the decimal point, whatever the language */
	char *stop;

	if (!plain)
		plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	*out = plain ? strtod_l(text, &stop, plain) : strtod(text, &stop);
	return *text && *stop == '\0';
}

/* known: series of earlier answers, which this one may go on with. */
static int take_series(const cJSON *item, int known, struct series_set *out, struct err *e)
{
	struct series_label labels[LABELS_MOST];
	const cJSON *member, *point;
	struct series *s;
	int n = 0;

	cJSON_ArrayForEach(member, json_get(item, "metric")) {
		if (n == LABELS_MOST || !cJSON_IsString(member))
			return err_set(e, ERR_FAILED, "a series has labels that are none");
		labels[n++] = (struct series_label){member->string, member->valuestring};
	}
	if (out->count == PROMETHEUS_SERIES_MOST)
		return err_set(e, ERR_TOO_LARGE,
			"the query has more than %d series: let it name those it needs",
			PROMETHEUS_SERIES_MOST);
	s = series_set_get(out, known, labels, n);
	cJSON_ArrayForEach(point, json_get(item, "values")) {
		const cJSON *at = cJSON_GetArrayItem(point, 0), *v = cJSON_GetArrayItem(point, 1);
		double value;

		if (!cJSON_IsNumber(at) || !cJSON_IsString(v) ||
			!number_parse(v->valuestring, &value))
			return err_set(e, ERR_FAILED, "a point of a series is none");
		series_add(s, llround(at->valuedouble * 1000), value);
	}
	return 0;
}

static int take_data(const char *url, const cJSON *root, struct series_set *out, struct err *e)
{
	const cJSON *data = json_get(root, "data"), *item;
	const cJSON *warning = cJSON_GetArrayItem(json_get(root, "warnings"), 0);
	int rc = 0, known = out->count;

	if (strcmp(json_str(data, "resultType", ""), "matrix") != 0)
		return err_set(e, ERR_INVALID,
			"the query gives no series with time (%s answers with `%.20s`)", url,
			json_str(data, "resultType", "nothing"));
	if (cJSON_IsString(warning))
		str_copy(out->warning, sizeof out->warning, warning->valuestring);
	cJSON_ArrayForEach(item, json_get(data, "result")) {
		rc = take_series(item, known, out, e);
		if (rc)
			break;
	}
	return rc;
}

/* What an error of the API means to who wrote the query. */
static int refuse(const char *url, const cJSON *root, struct err *e)
{
	const char *type = json_str(root, "errorType", "error");
	const char *text = json_str(root, "error", "no reason given");

	if (strcmp(type, "bad_data") == 0 || strcmp(type, "execution") == 0)
		return err_set(
			e, ERR_INVALID, "%s refuses the query (%s): %.300s", url, type, text);
	return err_set(
		e, ERR_UNAVAILABLE, "%s gave up on the query (%.20s): %.300s", url, type, text);
}

int prometheus_answer_parse(const char *url, int status, const char *text, size_t n,
	struct series_set *out, struct err *e)
{
	cJSON *root;
	int rc;

	if (status == 401 || status == 403) {
		err_set(e, ERR_DENIED, "%s asks for a login (HTTP %d)", url, status);
		return err_hint(e, "name a file with it: `bearer: FILE` or `basic: FILE`");
	}
	root = json_parse(text, n, "the answer", NULL);
	if (cJSON_IsObject(root) && strcmp(json_str(root, "status", ""), "success") == 0)
		rc = take_data(url, root, out, e);
	else if (cJSON_IsObject(root) && strcmp(json_str(root, "status", ""), "error") == 0)
		rc = refuse(url, root, e);
	else if (status >= 500)
		rc = err_set(e, ERR_UNAVAILABLE, "%s cannot answer now (HTTP %d)", url, status);
	else
		rc = err_set(e, ERR_FAILED,
			"%s does not answer as Prometheus does (HTTP %d): is the address right?",
			url, status);
	cJSON_Delete(root);
	return rc;
}
