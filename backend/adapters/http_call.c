/* http_call.c: see http_call.h; over libcurl's easy interface. */
#include "backend/adapters/http_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "backend/base/xalloc.h"

#define CONNECT_MS 5000L

struct call {
	const struct http_call *q;
	struct http_answer *a;
};

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct call *c = arg;
	size_t n = size * count, room = c->q->most - c->a->body.len;

	c->a->cut |= n > room;
	buf_add(&c->a->body, data, n < room ? n : room);
	return n > room ? 0 : n; /* which ends the transfer */
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct call *call = arg;

	(void)a, (void)b, (void)c, (void)d;
	return call->q->stop && atomic_load(call->q->stop);
}

/* The value of the header `name` in a line, without blanks around it; 0 when it is another. */
static int header_value(const char *line, size_t n, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
		return 0;
	for (len++; len < n && line[len] == ' '; len++)
		;
	while (n > len && strchr("\r\n ", line[n - 1]))
		n--;
	snprintf(out, size, "%.*s", (int)(n - len), line + len);
	return 1;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct http_answer *a = ((struct call *)arg)->a;
	size_t n = size * count;
	char length[32];

	a->has_length |= header_value(line, n, "Content-Length", length, sizeof length);
	header_value(line, n, "Content-Type", a->type, sizeof a->type);
	header_value(line, n, "Content-Encoding", a->encoding, sizeof a->encoding);
	header_value(line, n, "X-Pithead-Score", a->score, sizeof a->score);
	header_value(line, n, "Location", a->location, sizeof a->location);
	return n;
}

static struct curl_slist *headers_make(const struct http_call *q)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	int typed = 0;

	for (int i = 0; i < q->header_count; i++) {
		typed |= strncasecmp(q->headers[i], "Content-Type:", 13) == 0;
		list = curl_slist_append(list, q->headers[i]);
	}
	if (q->body && !typed)
		list = curl_slist_append(list, "Content-Type: application/json");
	return list;
}

static void set_options(CURL *easy, struct call *c, struct curl_slist *headers, char *words)
{
	const struct http_call *q = c->q;

	curl_easy_setopt(easy, CURLOPT_URL, q->url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
		q->timeout_ms < CONNECT_MS ? (long)q->timeout_ms : CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, c);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	if (q->compressed)
		curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	if (q->ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, q->ca);
	if (q->login) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERPWD, q->login);
	}
	if (q->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)q->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, q->method);
}

static int is_tls_fault(CURLcode rc)
{
	return rc == CURLE_SSL_CONNECT_ERROR || rc == CURLE_PEER_FAILED_VERIFICATION ||
	       rc == CURLE_SSL_CERTPROBLEM || rc == CURLE_SSL_CACERT_BADFILE ||
	       rc == CURLE_SSL_ISSUER_ERROR;
}

static int tell(const struct http_call *q, CURLcode rc, const char *words, struct err *e)
{
	const char *why = *words ? words : curl_easy_strerror(rc);
	const char *name = q->name ? q->name : q->url;

	if (is_tls_fault(rc) && strstr(why, "wrong version number")) {
		err_set(e, ERR_UNREACHABLE, "%s does not answer: what listens there speaks no TLS",
			name);
		return err_hint(e, "is it http://?");
	}
	if (is_tls_fault(rc)) {
		err_set(e, ERR_UNREACHABLE, "%s does not answer: TLS fails: %s", name, why);
		return err_hint(e, "%s", q->tls_hint ? q->tls_hint : "");
	}
	if (rc == CURLE_OPERATION_TIMEDOUT) {
		err_set(e, ERR_UNREACHABLE, "%s does not answer within %lld s", name,
			(long long)(q->timeout_ms + 999) / 1000);
		return err_hint(e, "is it another port, or a firewall?");
	}
	if (rc == CURLE_COULDNT_RESOLVE_HOST) {
		err_set(e, ERR_UNREACHABLE,
			"%s does not answer: this machine does not know the host's name", name);
		return err_hint(e, "use its address");
	}
	if (rc == CURLE_COULDNT_CONNECT) {
		err_set(e, ERR_UNREACHABLE, "%s does not answer: nothing listens there", name);
		return err_hint(e, "start the server, or give the port that it listens on");
	}
	err_set(e, ERR_UNREACHABLE, "%s does not answer: %s", name, why);
	return err_hint(e, "what answers there speaks no HTTP, or breaks off; is it https://?");
}

int http_call(const struct http_call *q, struct http_answer *out, struct err *e)
{
	struct call c = {.q = q, .a = out};
	struct curl_slist *headers = headers_make(q);
	char words[CURL_ERROR_SIZE] = "";
	curl_off_t us = 0;
	long status = 0;
	CURL *easy;
	CURLcode rc;

	*out = (struct http_answer){0};
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
	easy = curl_easy_init();
	must(easy != NULL);
	set_options(easy, &c, headers, words);
	rc = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &us);
	out->status = (int)status;
	out->total_ms = (double)us / 1000;
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	return rc == CURLE_OK || out->cut ? 0 : tell(q, rc, words, e);
}

void http_answer_release(struct http_answer *a)
{
	buf_release(&a->body);
	*a = (struct http_answer){0};
}
