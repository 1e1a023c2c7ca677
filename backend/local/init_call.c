/* init_call.c: sends the sample to each server, looks at the answers, and tries the paths at which
 * servers tell their health. It is asked as the gateway will ask: nothing follows a redirect, TLS
 * is verified, what the gateway cannot read is not proposed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/adapters/http_call.h"
#include "backend/base/gzip.h"
#include "backend/base/xalloc.h"
#include "backend/intake/leaves.h"
#include "backend/local/init.h"

#define CALL_MS	    30000
#define HEALTH_MS   2000  /* the gateway's checks wait as long */
#define READ_MOST   12000 /* bytes of a body that the gateway reads: setting body_max */
#define SLOW_MS	    400
#define SHOWN_BYTES 160
#define PATH_SIGNS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.-"
#define NO_PATH	    "/pithead-asks-for-no-such-path"

/* In the order in which they are tried. */
static const char *const health_paths[] = {"/healthz", "/health", "/readyz", "/ready",
	"/v2/health/ready", "/health/ready", "/healthcheck", "/actuator/health", "/api/health",
	"/ping", "/live", "/livez", "/status", "/"};

int init_read_file(const char *name, struct buf *text, struct err *e)
{
	char block[4096];
	size_t n;

	if (strcmp(name, "-") == 0) {
		while ((n = fread(block, 1, sizeof block, stdin)) > 0 && text->len <= INIT_BYTES)
			buf_add(text, block, n);
		return text->len > INIT_BYTES
			       ? err_set(e, ERR_TOO_LARGE, "standard input is over 4 MB")
			       : 0;
	}
	if (buf_read_file(text, name, INIT_BYTES) == 0)
		return 0;
	if (errno == EFBIG)
		return err_set(e, ERR_TOO_LARGE, "%s is over 4 MB", name);
	return err_set(e, ERR_FAILED, "cannot read %s: %s", name, strerror(errno));
}

/* Whether the sample is sent as JSON; a server may take another form, which tells nothing of key,
 * segment and features. */
static int is_json(const struct init_words *w)
{
	for (int i = 0; i < w->header_count; i++)
		if (strncasecmp(w->header[i], "Content-Type:", 13) == 0)
			return strstr(w->header[i], "json") != NULL;
	return 1;
}

int init_read_sample(const struct init_words *w, struct buf *text, struct err *e)
{
	struct leaves l;
	int rc;

	if (!w->sample && w->method && strcmp(w->method, "GET") == 0)
		return 0;
	if (!w->sample) {
		err_set(e, ERR_INVALID, "init needs a request that the server answers");
		return err_hint(e, "a file with its JSON, such as {\"amount\": 12.5}: --sample "
				   "request.json; or --openapi URL");
	}
	rc = init_read_file(w->sample, text, e);
	if (rc && strchr("{[@", w->sample[0]))
		err_hint(e, "--sample is the name of a file: put the JSON into one, or give it to "
			    "--sample - on standard input");
	if (rc || !is_json(w))
		return rc;
	if (text->len == 0)
		return err_set(e, ERR_INVALID, "%s is empty", w->sample);
	rc = leaves_parse(buf_text(text), text->len, w->sample, &l, e);
	if (rc)
		err_hint(e, "the sample is the JSON body of one request; for another form give its "
			    "type: --header \"Content-Type: text/csv\"");
	leaves_release(&l);
	return rc;
}

/* The first bytes of an answer, fit for a terminal. */
static void shown(const struct http_answer *a, char out[SHOWN_BYTES + 8])
{
	size_t n = a->body.len < SHOWN_BYTES ? a->body.len : SHOWN_BYTES;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)a->body.data[i];

		out[i] = (char)(c == '\n' || c == '\t' ? ' ' : c < 0x20 || c > 0x7e ? '?' : c);
	}
	snprintf(out + n, 8, "%s", a->body.len > n ? "..." : "");
}

static int refused(const char *url, const struct http_answer *a, struct err *e)
{
	char text[SHOWN_BYTES + 8];
	int s = a->status;

	shown(a, text);
	err_set(e, ERR_FAILED, "%s answers %d to the sample: %s", url, s, text);
	if (s >= 300 && s < 400)
		return err_hint(e, "it sends elsewhere: give that address, %s", a->location);
	if (s == 401 || s == 403)
		return err_hint(e, "send what it wants to see: --header \"Authorization: ...\"");
	if (s == 404 || s == 405 || s == 501)
		return err_hint(e, "give the path of the prediction, such as --path /predict%s",
			s == 404 ? "" : ", or another --method");
	if (s == 415)
		return err_hint(e, "give its type: --header \"Content-Type: ...\"");
	if (s >= 500)
		return err_hint(e, "the server fails on it: look at its log, and at the sample");
	return err_hint(e, "the sample is not what it takes: change the file");
}

int init_http(const struct http_call *call, struct http_answer *out, struct err *e)
{
	struct http_call c = *call;
	int rc;

	c.tls_hint = "the gateway verifies likewise: put the authority's certificate into "
		     "/usr/local/share/ca-certificates and run update-ca-certificates, and use the "
		     "name that it is for";
	rc = http_call(&c, out, e);
	if (rc == ERR_UNREACHABLE) /* of which exit 5 says that it is the engine */
		rc = e->code = ERR_FAILED;
	return rc;
}

/* The gateway's log is read likewise: see ingest. */
static void decompress(struct http_answer *a)
{
	char *room;
	long n;

	if (strcmp(a->encoding, "gzip") != 0 || !gzip_is(a->body.data, a->body.len))
		return;
	room = xcalloc(1, INIT_BYTES);
	n = gzip_read(a->body.data, a->body.len, room, INIT_BYTES);
	if (n >= 0) {
		buf_reset(&a->body);
		buf_add(&a->body, room, (size_t)n);
		a->encoding[0] = '\0';
	}
	free(room);
}

/* Sends the sample. 0 when the answer is a 2xx. */
static int send_sample(const struct init_words *w, const char *url, const struct buf *sample,
	struct http_answer *a, struct err *e)
{
	const char *method = w->method ? w->method : "POST";
	struct http_call call = {.method = method,
		.url = url,
		.headers = w->header,
		.header_count = w->header_count,
		.timeout_ms = CALL_MS,
		.most = INIT_BYTES};
	int rc;

	if (sample->len) {
		call.body = sample->data;
		call.body_len = sample->len;
	}
	rc = init_http(&call, a, e);
	if (rc == 0)
		decompress(a);
	if (rc == 0 && (a->status < 200 || a->status > 299))
		rc = refused(url, a, e);
	if (rc == 0 && !w->json) {
		char text[SHOWN_BYTES + 8];

		shown(a, text);
		fprintf(stderr, "%s %s: %d in %.1f ms: %s\n", method, url, a->status, a->total_ms,
			a->encoding[0] ? a->encoding : text);
	}
	return rc;
}

/* What keeps the gateway from reading the score of such an answer; NULL = nothing. */
static const char *unread_why(const struct http_answer *a)
{
	if (a->encoding[0])
		return "the answer is compressed, and not by gzip, and so not read: turn that off "
		       "at "
		       "the server";
	if (!a->has_length)
		return "the answer has no Content-Length, and so passes unread: let the server "
		       "send "
		       "that, or the header X-Pithead-Score";
	if (a->body.len > READ_MOST || a->cut)
		return "the answer is too long to be read: let the server send the header "
		       "X-Pithead-Score";
	return NULL;
}

static int propose_score(const char *url, const struct http_answer *a, int rows,
	struct intake_endpoint *ep, struct err *e)
{
	char text[SHOWN_BYTES + 8];
	const char *why = unread_why(a);
	struct leaves l;
	double v = 0;
	char *end = NULL;

	if (a->score[0] && (v = strtod(a->score, &end), end != a->score && *end == '\0')) {
		intake_choose(&ep->score, "header X-Pithead-Score", "was %s", a->score);
		intake_choose(&ep->task, v >= 0 && v <= 1 ? "binary" : "regression",
			"unsure: by this one number; or multiclass, ranking");
		return 0;
	}
	if (a->body.len == 0) {
		err_set(e, ERR_FAILED, "%s answers %d, and nothing more", url, a->status);
		return err_hint(e,
			"is it the right path? a server whose answers are empty can send the "
			"header X-Pithead-Score");
	}
	if (leaves_parse(buf_text(&a->body), a->body.len, "the answer", &l, e) == 0) {
		score_propose(&l, rows, ep);
		leaves_release(&l);
	} else if (!why && a->type[0] && !strstr(a->type, "json") && !strstr(a->type, "html")) {
		why = "the answer is no JSON, and so not read: let the server send the header "
		      "X-Pithead-Score";
	} else if (!why) {
		shown(a, text);
		err_set(e, ERR_FAILED, "%s answers %d with %s, which is not JSON: %s", url,
			a->status, a->type[0] ? a->type : "something", text);
		return err_hint(e,
			"is it the right path? a server whose answers are no JSON can send "
			"the header X-Pithead-Score");
	}
	if (why && !ep->score.off) {
		char value[sizeof ep->score.value];

		str_copy(value, sizeof value, ep->score.value[0] ? ep->score.value : "json PATH");
		intake_choose(&ep->score, value, "%s", why);
		ep->score.off = ep->task.off = 1;
	}
	return 0;
}

/* A slow model must not be cut off by the default of 2 s. */
static void propose_timeout(double ms, struct intake_endpoint *ep)
{
	char value[16];
	int s = (int)(ms * 5 / 1000) + 1;

	if (ms < SLOW_MS)
		return;
	snprintf(value, sizeof value, "%ds", s > 60 ? 60 : s < 2 ? 2 : s);
	intake_choose(&ep->timeout, value,
		"the sample took %.1f s; less if it was slow as the first, as verdicts wait so "
		"long",
		ms / 1000);
}

static int answers_health(const struct intake_url *u, const char *path)
{
	static const char *const headers[] = {"Host: localhost"}; /* as the gateway's checks */
	struct http_answer a;
	struct buf url = {0};
	int ok;

	intake_url_format(u, path, &url);
	ok = http_call(&(struct http_call){.method = "GET",
			       .url = buf_text(&url),
			       .headers = headers,
			       .header_count = 1,
			       .timeout_ms = HEALTH_MS,
			       .most = 1},
		     &a, NULL) == 0 &&
	     a.status >= 200 && a.status <= 299;
	http_answer_release(&a);
	buf_release(&url);
	return ok;
}

/* /v2/models/NAME/ready and /v1/models/NAME, where the path of the prediction is of that form. */
static int model_health(const struct intake_url *u, char out[128])
{
	const char *name = strstr(u->path, "/models/");
	size_t n = name ? strcspn(name + 8, "/:?") : 0;
	int kserve = strncmp(u->path, "/v2/", 4) == 0;

	if (!name || !n || n > 60)
		return 0;
	snprintf(
		out, 128, "%.*s%s", (int)(name + 8 + n - u->path), u->path, kserve ? "/ready" : "");
	return out[strspn(out, PATH_SIGNS)] == '\0';
}

static int all_answer(const struct intake_url *urls, int count, const char *path)
{
	for (int i = 0; i < count; i++)
		if (!answers_health(&urls[i], path))
			return 0;
	return 1;
}

/* /api/v1/health or /healthz beside /api/v1/predict, or further up. */
static int prefix_health(const struct intake_url *urls, int count, char out[128])
{
	static const char *const names[] = {"/health", "/healthz"};
	char prefix[96], *slash;

	if (!str_copy(prefix, sizeof prefix, urls[0].path))
		return 0;
	prefix[strcspn(prefix, "?")] = '\0';
	if (prefix[strspn(prefix, PATH_SIGNS)])
		return 0;
	while ((slash = strrchr(prefix, '/')) != NULL && slash > prefix) {
		*slash = '\0';
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
			snprintf(out, 128, "%s%s", prefix, names[i]);
			if (all_answer(urls, count, out))
				return 1;
		}
	}
	return 0;
}

static void propose_health(const struct intake_url *urls, int count, struct intake_endpoint *ep)
{
	char own[128];
	const char *found = NULL;
	size_t paths = sizeof health_paths / sizeof health_paths[0];

	if (model_health(&urls[0], own) && all_answer(urls, count, own)) {
		intake_choose(&ep->health, own, "answers 200 when it is well");
		return;
	}
	if (prefix_health(urls, count, own))
		found = own;
	for (size_t i = 0; i < paths && !found; i++)
		if (all_answer(urls, count, health_paths[i]))
			found = health_paths[i];
	if (found)
		intake_choose(&ep->health, found,
			answers_health(&urls[0], NO_PATH)
				? "answers 200, as to any path; is there one that tells of the "
				  "model?"
				: "answers 200; it should not when the model cannot predict");
	else
		intake_choose(&ep->health, "tcp",
			"no usual path answers 2xx: one that takes connections counts as well");
}

/* The addresses of --upstream (or --candidate), with --path in place. All of a version are alike.
 */
static int read_urls(const struct init_words *w, const char *const *texts, int count,
	struct intake_url *urls, struct err *e)
{
	for (int i = 0; i < count; i++) {
		int rc = intake_url_parse(texts[i], &urls[i], e);

		if (rc)
			return rc;
		if (w->path && !str_copy(urls[i].path, sizeof urls[i].path, w->path))
			return err_set(e, ERR_INVALID, "--path is too long");
		if (w->path && w->path[0] != '/')
			return err_set(e, ERR_INVALID, "--path begins with `/`");
		if (!urls[i].has_path && !w->path && i > 0)
			str_copy(urls[i].path, sizeof urls[i].path, urls[0].path);
		if (urls[i].tls != urls[0].tls)
			return err_set(e, ERR_INVALID,
				"the servers of one version are all http or all https");
	}
	return 0;
}

static int add_version(const char *name, const struct intake_url *urls, int count,
	struct intake_endpoint *ep, struct err *e)
{
	struct intake_version *v = intake_version(ep, name);

	v->tls = urls[0].tls;
	for (int i = 0; i < count; i++)
		if (intake_server_add(v, urls[i].host, urls[i].port) == 0)
			return err_set(
				e, ERR_INVALID, "%s:%d is given twice", urls[i].host, urls[i].port);
	return 0;
}

/* The answers of the other servers have the score where the first has it, or it is said. */
static void compare(const struct intake_url *u, const struct http_answer *a, int rows,
	struct intake_endpoint *ep)
{
	struct intake_endpoint other = {0};
	struct err e;

	if (ep->score.off)
		return;
	if (propose_score("", a, rows, &other, &e) || other.score.off)
		intake_note(&ep->notes,
			"%s:%d answers otherwise: no score can be read of it. Look at it.", u->host,
			u->port);
	else if (strcmp(other.score.value, ep->score.value) != 0)
		intake_note(&ep->notes,
			"%s:%d answers otherwise: its score would be `%s`, not `%s`. Look at it.",
			u->host, u->port, other.score.value, ep->score.value);
}

static int ask_all(const struct init_words *w, const struct buf *sample,
	const struct intake_url *urls, int count, struct intake_endpoint *ep, struct err *e)
{
	struct leaves request = {0};
	int rc = 0;

	if (sample->len && is_json(w))
		rc = leaves_parse(buf_text(sample), sample->len, "the sample", &request, e);
	if (sample->len && rc == 0)
		request_propose(&request, w->header, w->header_count, ep);
	for (int i = 0; i < count && rc == 0; i++) {
		struct http_answer a = {0};
		struct buf url = {0};

		intake_url_format(&urls[i], urls[i].path, &url);
		rc = send_sample(w, buf_text(&url), sample, &a, e);
		if (rc == 0 && i == 0) {
			rc = propose_score(buf_text(&url), &a, request.rows, ep, e);
			propose_timeout(a.total_ms, ep);
		} else if (rc == 0) {
			compare(&urls[i], &a, request.rows, ep);
		}
		http_answer_release(&a);
		buf_release(&url);
	}
	if (rc == 0 && sample->len > READ_MOST)
		intake_note(&ep->notes,
			"The sample is longer than what is read of a request: key, segment and "
			"features in such a one are not seen.");
	leaves_release(&request);
	return rc;
}

/* The gateway chooses a server, and sends the request on as it came: versions differ by address,
 * and by nothing else. urls: `first` of v1, then those of v2. */
static int check_paths(const struct intake_url *urls, int first, int count, struct err *e)
{
	for (int i = 1; i < count; i++) {
		if (strcmp(urls[i].path, urls[0].path) == 0)
			continue;
		err_set(e, ERR_INVALID, "%s:%d is to be asked at %.120s, and %s:%d at %.120s",
			urls[i].host, urls[i].port, urls[i].path, urls[0].host, urls[0].port,
			urls[0].path);
		return err_hint(e, "the gateway changes no path: all servers of an endpoint answer "
				   "at the same one");
	}
	for (int i = first; i < count; i++)
		for (int k = 0; k < first; k++)
			if (urls[i].port == urls[k].port && !strcmp(urls[i].host, urls[k].host)) {
				err_set(e, ERR_INVALID, "%s:%d is both v1 and v2", urls[i].host,
					urls[i].port);
				return err_hint(e, "the new version needs an address of its own");
			}
	return 0;
}

int init_call(const struct init_words *w, const struct buf *sample, int made_up, struct intake *in,
	struct err *e)
{
	struct intake_endpoint *ep = intake_add(in);
	struct intake_url urls[2 * INIT_URLS];
	int count = w->upstream_count + w->candidate_count;
	int rc = read_urls(w, w->upstream, w->upstream_count, urls, e);

	if (rc == 0 && w->candidate_count)
		rc = read_urls(w, w->candidate, w->candidate_count, urls + w->upstream_count, e);
	for (int i = w->upstream_count; i < count && rc == 0; i++)
		if (!urls[i].has_path)
			str_copy(urls[i].path, sizeof urls[i].path, urls[0].path);
	if (rc == 0)
		rc = check_paths(urls, w->upstream_count, count, e);
	if (rc == 0)
		rc = ask_all(w, sample, urls, count, ep, e);
	if (rc)
		return rc;
	intake_endpoint_name(&urls[0], ep->name);
	snprintf(in->from, sizeof in->from, "the answer of %s://%s:%d%.80s to %s",
		urls[0].tls ? "https" : "http", urls[0].host, urls[0].port, urls[0].path,
		made_up			      ? "a request made up from its OpenAPI document"
		: !w->sample		      ? "a GET"
		: strcmp(w->sample, "-") == 0 ? "a sample"
					      : w->sample);
	propose_health(urls, count, ep);
	rc = add_version("v1", urls, w->upstream_count, ep, e);
	if (rc == 0 && w->candidate_count)
		rc = add_version("v2", urls + w->upstream_count, w->candidate_count, ep, e);
	return rc;
}
