/* prometheus.c: see prometheus.h. One request is one libcurl handle. */
#include "backend/adapters/prometheus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

#define TIMEOUT_MS  10000L
#define CONNECT_MS  3000L
#define SECRET_MOST 4096

/* One request on its way. */
struct asking {
	const struct prometheus_source *source;
	CURL *easy;		    /* owned */
	struct curl_slist *headers; /* owned */
	struct buf form, body;
	char said[CURL_ERROR_SIZE];
	int too_large;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct asking *a = arg;

	if (a->body.len + size * n > PROMETHEUS_ANSWER_MOST) {
		a->too_large = 1;
		return 0;
	}
	buf_add(&a->body, data, size * n);
	return size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct asking *asking = arg;

	(void)a, (void)b, (void)c, (void)d;
	return asking->source->stop && atomic_load(asking->source->stop);
}

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

static int set_login(struct asking *a, struct err *e)
{
	struct buf secret = {0}, header = {0};
	int rc = 0;

	if (is_given(a->source->bearer_file)) {
		rc = read_secret(a->source->bearer_file, &secret, e);
		if (!rc) {
			buf_addf(&header, "Authorization: Bearer %s", buf_text(&secret));
			a->headers = curl_slist_append(a->headers, buf_text(&header));
		}
	} else if (is_given(a->source->basic_file)) {
		rc = read_secret(a->source->basic_file, &secret, e);
		if (!rc) {
			curl_easy_setopt(a->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
			curl_easy_setopt(a->easy, CURLOPT_USERPWD, buf_text(&secret));
		}
	}
	buf_release(&secret);
	buf_release(&header);
	return rc;
}

static void add_field(struct asking *a, const char *name, const char *value)
{
	char *text = curl_easy_escape(a->easy, value, 0);

	must(text);
	buf_addf(&a->form, "%s%s=%s", a->form.len ? "&" : "", name, text);
	curl_free(text);
}

static void add_time(struct asking *a, const char *name, int64_t ms)
{
	char text[40];

	snprintf(text, sizeof text, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
	add_field(a, name, text);
}

static void set_up(struct asking *a, const char *url)
{
	const struct prometheus_source *s = a->source;
	long timeout = s->timeout_ms > 0 ? s->timeout_ms : TIMEOUT_MS;
	CURL *c = a->easy;

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, timeout < CONNECT_MS ? timeout : CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, a->said);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, a);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (is_given(s->ca_file))
		curl_easy_setopt(c, CURLOPT_CAINFO, s->ca_file);
}

static int perform(struct asking *a, struct series_set *out, struct err *e)
{
	const struct prometheus_source *s = a->source;
	CURLcode rc;
	long status = 0;

	curl_easy_setopt(a->easy, CURLOPT_HTTPHEADER, a->headers);
	curl_easy_setopt(a->easy, CURLOPT_POSTFIELDSIZE, (long)a->form.len);
	curl_easy_setopt(a->easy, CURLOPT_POSTFIELDS, buf_text(&a->form));
	rc = curl_easy_perform(a->easy);
	if (a->too_large)
		return err_set(e, ERR_TOO_LARGE,
			"the answer of %s is larger than %ld MB: let the query name the series it "
			"needs",
			s->url, PROMETHEUS_ANSWER_MOST >> 20);
	if (rc != CURLE_OK)
		return err_set(e, ERR_UNREACHABLE, "%s does not answer: %s", s->url,
			a->said[0] ? a->said : curl_easy_strerror(rc));
	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	return prometheus_answer_parse(
		s->url, (int)status, buf_text(&a->body), a->body.len, out, e);
}

/* One piece of the range, that the server can answer at once. */
static int query_piece(const struct prometheus_source *s, const char *query, int64_t from_ms,
	int64_t to_ms, int64_t step_ms, struct series_set *out, struct err *e)
{
	struct asking a = {.source = s, .easy = curl_easy_init()};
	size_t n = strlen(s->url);
	char *url;
	int rc;

	must(a.easy);
	while (n && s->url[n - 1] == '/')
		n--;
	url = xasprintf("%.*s/api/v1/query_range", (int)n, s->url);
	set_up(&a, url);
	rc = set_login(&a, e);
	if (!rc) {
		add_field(&a, "query", query);
		add_time(&a, "start", from_ms);
		add_time(&a, "end", to_ms);
		add_time(&a, "step", step_ms);
		rc = perform(&a, out, e);
	}
	curl_slist_free_all(a.headers);
	curl_easy_cleanup(a.easy);
	buf_release(&a.form);
	buf_release(&a.body);
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
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
	for (int64_t at = from_ms; !rc && at <= to_ms; at += span + step_ms)
		rc = query_piece(
			s, query, at, to_ms - at > span ? at + span : to_ms, step_ms, &got, e);
	curl_global_cleanup();
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
