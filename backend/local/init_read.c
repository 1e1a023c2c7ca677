/* init_read.c: proposals from documents: an OpenAPI description, a haproxy.cfg. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/adapters/http_call.h"
#include "backend/base/xalloc.h"
#include "backend/intake/haproxy_file.h"
#include "backend/intake/leaves.h"
#include "backend/intake/openapi.h"
#include "backend/local/init.h"

#define FETCH_MS 20000

static int is_url(const char *text)
{
	return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

static const char *environment(void *arg, const char *name)
{
	(void)arg;
	return getenv(name);
}

static int is_config(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".cfg") == 0;
}

/* A file; or those of a folder that HAProxy would read with `-f FOLDER`, in its order. */
static int config_read(const char *name, struct buf *text, struct err *e)
{
	struct dirent **found;
	int count = scandir(name, &found, is_config, alphasort), rc = 0;

	if (count < 0)
		return init_read_file(name, text, e);
	if (count == 0)
		rc = err_set(e, ERR_FAILED, "%s has no file *.cfg", name);
	for (int i = 0; i < count; i++) {
		char path[400];

		snprintf(path, sizeof path, "%s/%s", name, found[i]->d_name);
		if (rc == 0)
			rc = init_read_file(path, text, e);
		buf_addc(text, '\n');
		free(found[i]);
	}
	free(found);
	return rc;
}

int init_haproxy(const struct init_words *w, struct intake *in, struct err *e)
{
	struct haproxy_file f = {0};
	struct buf text = {0};
	int rc = 0;

	for (int i = 0; rc == 0 && i < w->haproxy_count; i++) {
		rc = config_read(w->haproxy[i], &text, e);
		buf_addc(&text, '\n');
	}

	if (rc == 0)
		rc = haproxy_file_parse(buf_text(&text), text.len, environment, NULL, &f, e);
	if (rc == 0) {
		haproxy_propose(&f, in);
		snprintf(in->from, sizeof in->from, "%.150s%s, which was not changed",
			w->haproxy[0], w->haproxy_count > 1 ? " and others" : "");
	}
	if (rc == 0 && !in->count) {
		rc = err_set(e, ERR_FAILED, "%s has no HTTP server that can be taken over: %.400s",
			w->haproxy[0], buf_text(&in->notes));
		err_hint(e, "name a server: pithead init --upstream http://HOST:PORT/PATH");
	}
	haproxy_file_release(&f);
	buf_release(&text);
	return rc;
}

/* The document, from a file or by a GET. */
static int document_fetch(const struct init_words *w, struct buf *text, struct err *e)
{
	struct http_answer a;
	int rc;

	if (!is_url(w->openapi))
		return init_read_file(w->openapi, text, e);
	rc = init_http(&(struct http_call){.method = "GET",
			       .url = w->openapi,
			       .headers = w->header,
			       .header_count = w->header_count,
			       .timeout_ms = FETCH_MS,
			       .most = INIT_BYTES},
		&a, e);
	if (rc == 0 && a.status != 200) {
		rc = err_set(e, ERR_FAILED, "%s answers %d", w->openapi, a.status);
		err_hint(e, "FastAPI has its document at /openapi.json");
	}
	if (rc == 0)
		buf_add(text, a.body.data, a.body.len);
	http_answer_release(&a);
	return rc;
}

/* Where the server is by the document: a server of its own, or the place that it came from. */
static int server_find(const struct init_words *w, const struct openapi_found *f,
	struct intake_url *out, struct err *e)
{
	int rc;

	if (is_url(f->server))
		return intake_url_parse(f->server, out, e);
	if (is_url(w->openapi)) {
		rc = intake_url_parse(w->openapi, out, e);
		str_copy(out->path, sizeof out->path, f->server[0] == '/' ? f->server : "/");
		return rc;
	}
	err_set(e, ERR_INVALID, "%s does not say where the server is", w->openapi);
	return err_hint(e, "say it: --upstream http://HOST:PORT");
}

/* The path of the server, without a slash at its end, and that of the operation. */
static void path_join(const char *prefix, const char *path, struct buf *out)
{
	size_t n = strlen(prefix);

	while (n > 0 && prefix[n - 1] == '/')
		n--;
	buf_add(out, prefix, n);
	buf_adds(out, path);
}

/* Nothing is called: all is as the document says. */
static int propose_unseen(const struct init_words *w, const struct openapi_found *f,
	const struct intake_url *server, struct intake *in, struct err *e)
{
	struct intake_endpoint *ep = intake_add(in);
	struct leaves request = {0}, answer = {0};
	struct intake_url url = *server;
	struct buf path = {0};
	int rc = leaves_parse(buf_text(&f->sample), f->sample.len, "the request", &request, e);

	path_join(server->path, f->path, &path);
	str_copy(url.path, sizeof url.path, buf_text(&path));
	buf_release(&path);
	request_propose(&request, w->header, w->header_count, ep);
	if (rc == 0 && f->answer.len)
		rc = leaves_parse(buf_text(&f->answer), f->answer.len, "the answer", &answer, e);
	answer.made_up = !f->answer_is_example;
	if (rc == 0)
		score_propose(&answer, request.rows, ep);
	intake_note(&ep->notes,
		"Nothing was called: the server, POST %.150s and the rest are as the "
		"document says. With --upstream the server is asked.",
		url.path);
	intake_endpoint_name(&url, ep->name);
	intake_choose(&ep->health, f->health[0] ? f->health : "tcp",
		f->health[0] ? "not tried" : "the document has no path for it");
	intake_version(ep, "v1")->tls = url.tls;
	intake_server_add(&ep->versions[0], url.host, url.port);
	snprintf(in->from, sizeof in->from, "the OpenAPI document %.150s", w->openapi);
	leaves_release(&request);
	leaves_release(&answer);
	return rc;
}

/* The server is called with the document's request, or that of --sample. */
static int propose_called(
	const struct init_words *w, const struct openapi_found *f, struct intake *in, struct err *e)
{
	struct init_words own = *w;
	struct intake_url url, server = {.path = ""};
	struct buf path = {0}, sample = {0};
	int rc = intake_url_parse(w->upstream[0], &url, e);

	/* The prefix of a server that the document names is of that server's paths too. */
	if (is_url(f->server) && intake_url_parse(f->server, &server, NULL))
		server.path[0] = '\0';
	if (f->server[0] == '/')
		str_copy(server.path, sizeof server.path, f->server);
	path_join(server.path, f->path, &path);
	own.path = url.has_path ? NULL : buf_text(&path);
	if (rc == 0 && w->sample)
		rc = init_read_sample(w, &sample, e);
	else
		buf_adds(&sample, buf_text(&f->sample));
	if (rc == 0)
		rc = init_call(&own, &sample, !w->sample, in, e);
	if (rc && !w->sample && !w->json)
		fprintf(stderr, "made from the document and sent: %.600s\n", buf_text(&f->sample));
	buf_release(&path);
	buf_release(&sample);
	return rc;
}

int init_openapi(const struct init_words *w, struct intake *in, struct err *e)
{
	struct openapi_found f = {.path = ""};
	struct intake_url server;
	struct buf text = {0};
	int rc = document_fetch(w, &text, e);

	if (rc == 0)
		rc = openapi_read(buf_text(&text), text.len, w->path, &f, e);
	if (rc == 0 && w->upstream_count)
		rc = propose_called(w, &f, in, e);
	else if (rc == 0)
		rc = server_find(w, &f, &server, e);
	if (rc == 0 && !w->upstream_count)
		rc = propose_unseen(w, &f, &server, in, e);
	if (rc == 0 && f.others[0])
		intake_note(&in->endpoints[0].notes,
			"The document has other operations: %s (--path).", f.others);
	openapi_release(&f);
	buf_release(&text);
	return rc;
}
