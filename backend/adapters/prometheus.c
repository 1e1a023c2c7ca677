/* prometheus.c: see prometheus.h. One question is one http_call(). */
#include "backend/adapters/prometheus.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/adapters/http_call.h"
#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

#define TIMEOUT_MS  10000L
#define SECRET_MOST 4096

/* The first line of a file that holds a secret. */
static int read_secret(const char *file, struct buf *out, struct err *e)
{
	size_t n;

	if (buf_read_file(out, file, SECRET_MOST) < 0)
		return err_set(e, ERR_DENIED, "cannot read %s: %s", file, strerror(errno));
	n = strcspn(buf_text(out), "\r\n");
	if (n == 0)
		return err_set(e, ERR_DENIED, "%s is empty", file);
	out->data[n] = '\0';
	out->len = n;
	return 0;
}

static int is_given(const char *s)
{
	return s && *s;
}

/* As a form has it. */
static void add_field(struct buf *form, const char *name, const char *value)
{
	buf_addf(form, "%s%s=", form->len ? "&" : "", name);
	for (; *value; value++)
		if (isalnum((unsigned char)*value) || strchr("-._~", *value))
			buf_add(form, value, 1);
		else
			buf_addf(form, "%%%02X", (unsigned char)*value);
}

static void add_time(struct buf *form, const char *name, int64_t ms)
{
	char text[40];

	snprintf(text, sizeof text, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
	add_field(form, name, text);
}

static int send(const struct prometheus_source *s, const char *url, const struct buf *form,
	struct series_set *out, struct err *e)
{
	const char *headers[2] = {"Content-Type: application/x-www-form-urlencoded"};
	struct http_call call = {.method = "POST",
		.url = url,
		.name = s->url,
		.headers = headers,
		.header_count = 1,
		.body = form->data,
		.body_len = form->len,
		.timeout_ms = s->timeout_ms > 0 ? s->timeout_ms : TIMEOUT_MS,
		.most = PROMETHEUS_ANSWER_MOST,
		.compressed = 1,
		.ca = is_given(s->ca_file) ? s->ca_file : NULL,
		.tls_hint = "name the certificate that it is signed with: `ca: FILE`",
		.stop = s->stop};
	struct buf secret = {0}, bearer = {0};
	struct http_answer answer = {0};
	int rc = 0;

	if (is_given(s->bearer_file)) {
		rc = read_secret(s->bearer_file, &secret, e);
		buf_addf(&bearer, "Authorization: Bearer %s", buf_text(&secret));
		headers[call.header_count++] = buf_text(&bearer);
	} else if (is_given(s->basic_file)) {
		rc = read_secret(s->basic_file, &secret, e);
		call.login = buf_text(&secret);
	}
	if (!rc)
		rc = http_call(&call, &answer, e);
	if (!rc && answer.cut)
		rc = err_set(e, ERR_TOO_LARGE,
			"the answer of %s is larger than %ld MB: let the query name the series it "
			"needs",
			s->url, PROMETHEUS_ANSWER_MOST >> 20);
	if (!rc)
		rc = prometheus_answer_parse(
			s->url, answer.status, buf_text(&answer.body), answer.body.len, out, e);
	http_answer_release(&answer);
	buf_release(&secret);
	buf_release(&bearer);
	return rc;
}

/* One piece of the range, that the server can answer at once. */
static int query_piece(const struct prometheus_source *s, const char *query, int64_t from_ms,
	int64_t to_ms, int64_t step_ms, struct series_set *out, struct err *e)
{
	struct buf form = {0};
	size_t n = strlen(s->url);
	char *url;
	int rc;

	while (n && s->url[n - 1] == '/')
		n--;
	url = xasprintf("%.*s/api/v1/query_range", (int)n, s->url);
	add_field(&form, "query", query);
	add_time(&form, "start", from_ms);
	add_time(&form, "end", to_ms);
	add_time(&form, "step", step_ms);
	rc = send(s, url, &form, out, e);
	buf_release(&form);
	free(url);
	return rc;
}

int prometheus_query_range(const struct prometheus_source *s, const char *query, int64_t from_ms,
	int64_t to_ms, int64_t step_ms, struct series_set *out, struct err *e)
{
	int64_t span = (PROMETHEUS_POINTS_MOST - 1) * step_ms;
	struct series_set got = {0};
	int rc = 0;

	must(step_ms > 0 && from_ms >= 0);
	for (int64_t at = from_ms; !rc && at <= to_ms; at += span + step_ms)
		rc = query_piece(
			s, query, at, to_ms - at > span ? at + span : to_ms, step_ms, &got, e);
	if (rc)
		series_set_release(&got);
	else
		*out = got;
	return rc;
}

int prometheus_query_all(const struct prometheus_source *s, const char *const *queries, int count,
	int64_t from_ms, int64_t to_ms, int64_t step_ms, struct series_set *out, struct err *e)
{
	int rc = 0;

	for (int i = 0; i < count; i++)
		out[i] = (struct series_set){0};
	for (int i = 0; i < count && !rc; i++)
		if (*queries[i])
			rc = prometheus_query_range(
				s, queries[i], from_ms, to_ms, step_ms, &out[i], e);
	for (int i = 0; i < count && rc; i++)
		series_set_release(&out[i]);
	return rc;
}
