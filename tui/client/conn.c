/* conn.c: requests to the engine over its unix socket, with libcurl's multi interface. Knows
 * headers and errors, not what any path means. */
#include "tui/client/conn.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "backend/base/version.h"
#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"
#include "tui/client/codec.h"

#define BODY_MAX     (64 * 1024 * 1024)
#define TIMEOUT_MS   30000
#define MAX_WAIT_FDS 16

struct call {
	struct call *next;
	int id;
	CURL *easy;		    /* owned */
	struct curl_slist *headers; /* owned */
	int upload_fd, download_fd; /* borrowed, -1 = none */
	int write_failed;	    /* errno of a failed download write */
	struct reply reply;
	conn_done done;
	void *arg;
};

struct conn {
	CURLM *multi;	    /* owned */
	struct call *calls; /* owned */
	int next_id;
	char *socket, *via, *as; /* owned; as may be NULL */
};

void reply_release(struct reply *r)
{
	buf_release(&r->body);
	snapshot_free(r->data);
	*r = (struct reply){0};
}

struct conn *conn_open(const char *socket, const char *via, const char *as)
{
	struct conn *c = xcalloc(1, sizeof *c);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	c->multi = curl_multi_init();
	must(c->multi);
	c->socket = xstrdup(socket);
	c->via = xstrdup(via);
	c->as = xstrdup(as);
	return c;
}

static void free_call(struct conn *c, struct call *call)
{
	curl_multi_remove_handle(c->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	reply_release(&call->reply);
	free(call);
}

void conn_close(struct conn *c)
{
	if (!c)
		return;
	while (c->calls) {
		struct call *next = c->calls->next;

		free_call(c, c->calls);
		c->calls = next;
	}
	curl_multi_cleanup(c->multi);
	free(c->socket);
	free(c->via);
	free(c->as);
	free(c);
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct call *call = arg;
	long status = 0;

	n *= size;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	if (call->download_fd >= 0 && status < 300) {
		if (write_all(call->download_fd, data, n) < 0) {
			call->write_failed = errno;
			return 0;
		}
		return n;
	}
	if (call->reply.body.len + n > BODY_MAX)
		return 0;
	buf_add(&call->reply.body, data, n);
	return n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = HEADER_API ":";
	struct call *call = arg;
	char *out = call->reply.api_version;
	size_t used = 0;

	n *= size;
	if (n < sizeof name || strncasecmp(data, name, sizeof name - 1) != 0)
		return n;
	for (size_t i = sizeof name - 1; i < n && used + 1 < sizeof call->reply.api_version; i++)
		if ((unsigned char)data[i] > ' ')
			out[used++] = data[i];
	out[used] = '\0';
	return n;
}

/* What the engine refused or did not know may be for another version: said beside its own words. */
static void hint_version(struct reply *r)
{
	const char *theirs = r->api_version[0] ? r->api_version : "1.0";
	char before[sizeof r->err.hint];
	int newer;

	if (r->code == ERR_VERSION || version_reach_of(theirs, &newer) == VERSION_SAME)
		return;
	str_copy(before, sizeof before, r->err.hint);
	err_hint(&r->err, "%s%sthe engine (API %s) is %s than this program (API %s): %s", before,
		*before ? "; " : "", theirs, newer ? "newer" : "older", version_api(),
		newer ? "use the program that was installed with it" : "pithead engine upgrade");
}

static size_t on_upload(char *data, size_t size, size_t n, void *arg)
{
	struct call *call = arg;
	ssize_t got;

	do
		got = read(call->upload_fd, data, size * n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

static void add_header(struct call *call, const char *name, const char *value)
{
	char *line;

	if (!value)
		return;
	line = xasprintf("%s: %s", name, value);
	call->headers = curl_slist_append(call->headers, line);
	free(line);
}

static void set_headers(const struct conn *c, struct call *call, const struct request *q)
{
	char revision[32];

	add_header(call, HEADER_API, version_api());
	add_header(call, HEADER_VIA, c->via);
	add_header(call, HEADER_ROLE, c->as);
	add_header(call, HEADER_IDEMPOTENCY, q->idempotency);
	if (q->revision) {
		snprintf(revision, sizeof revision, "%" PRId64, q->revision);
		add_header(call, HEADER_REVISION, revision);
	}
	if (strcmp(q->method, "POST") == 0) {
		add_header(call, "Content-Type",
			q->upload_size >= 0 ? "application/x-tar" : "application/json");
		/* libcurl would wait a second for "100 Continue" before a large body. */
		call->headers = curl_slist_append(call->headers, "Expect:");
	}
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void set_body(struct call *call, const struct request *q)
{
	CURL *h = call->easy;

	if (strcmp(q->method, "POST") != 0)
		return;
	curl_easy_setopt(h, CURLOPT_POST, 1L);
	if (q->upload_size >= 0) {
		curl_easy_setopt(h, CURLOPT_READFUNCTION, on_upload);
		curl_easy_setopt(h, CURLOPT_READDATA, call);
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->upload_size);
		return;
	}
	const char *body = q->body ? q->body : "{}";

	curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS, body);
}

static struct call *new_call(struct conn *c, const struct request *q)
{
	struct call *call = xcalloc(1, sizeof *call);
	char *url = xasprintf("http://pithead%s", q->path);
	CURL *h = curl_easy_init();

	must(h);
	call->easy = h;
	call->upload_fd = q->upload_fd;
	call->download_fd = q->download_fd;
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h, CURLOPT_PRIVATE, call);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, q->timeout_ms ? q->timeout_ms : (long)TIMEOUT_MS);
	set_headers(c, call, q);
	set_body(call, q);
	free(url);
	return call;
}

static void fail_transport(const struct conn *c, struct call *call, CURLcode rc)
{
	struct reply *r = &call->reply;

	if (call->write_failed)
		r->code = err_set(&r->err, ERR_FAILED, "the download stopped: %s",
			strerror(call->write_failed));
	else if (rc == CURLE_OPERATION_TIMEDOUT)
		r->code = err_set(&r->err, ERR_TIMEOUT, "the engine did not answer in time");
	else {
		r->code = err_set(&r->err, ERR_UNREACHABLE, "the engine at %s does not answer: %s",
			c->socket, curl_easy_strerror(rc));
		err_hint(&r->err, "is it running? pithead engine status");
	}
}

/* Fills the reply from what curl has collected. */
static void finish(const struct conn *c, struct call *call, CURLcode rc)
{
	struct reply *r = &call->reply;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &r->status);
	if (rc != CURLE_OK) {
		fail_transport(c, call, rc);
		return;
	}
	if (r->body.len && (r->body.data[0] == '{' || r->body.data[0] == '['))
		r->data = codec_parse(r->body.data, r->body.len, NULL);
	if (r->status >= 400 || r->status < 200) {
		r->code = codec_error(r->data ? snapshot_root(r->data) : NULL, r->status, &r->err,
			r->moved, sizeof r->moved);
		hint_version(r);
	}
}

static void unlink_call(struct conn *c, struct call *call)
{
	struct call **p = &c->calls;

	while (*p && *p != call)
		p = &(*p)->next;
	if (*p)
		*p = call->next;
}

/* Hands out what has been answered; the number of answers. */
static int collect(struct conn *c)
{
	CURLMsg *m;
	int left, count = 0;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		struct call *call = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		finish(c, call, m->data.result);
		/* Out of the list first: the callback may send or cancel others. */
		unlink_call(c, call);
		call->done(call->arg, &call->reply);
		free_call(c, call);
		count++;
	}
	return count;
}

int conn_send(struct conn *c, const struct request *q, conn_done done, void *arg)
{
	struct call *call = new_call(c, q);
	int running;

	call->id = ++c->next_id;
	call->done = done;
	call->arg = arg;
	call->next = c->calls;
	c->calls = call;
	curl_multi_add_handle(c->multi, call->easy);
	curl_multi_perform(c->multi, &running);
	return call->id;
}

void conn_cancel(struct conn *c, int id)
{
	for (struct call *call = c->calls; call; call = call->next)
		if (call->id == id) {
			unlink_call(c, call);
			free_call(c, call);
			return;
		}
}

int conn_busy(const struct conn *c)
{
	return c->calls != NULL;
}

int conn_wait(struct conn *c, struct conn_fd *fds, int count, int timeout_ms)
{
	struct curl_waitfd w[MAX_WAIT_FDS];
	int running;

	must(count <= MAX_WAIT_FDS);
	for (int i = 0; i < count; i++)
		/* The bits of curl_waitfd are those of poll(2): IN 1, PRI 2, OUT 4. */
		w[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = fds[i].events};
	/* Answers that came while a request was being sent wait in the queue already. What they
	 * brought is not known to whoever said how long to wait. */
	if (collect(c))
		timeout_ms = 0;
	curl_multi_poll(c->multi, w, (unsigned)count, timeout_ms, NULL);
	for (int i = 0; i < count; i++)
		fds[i].revents = w[i].revents;
	curl_multi_perform(c->multi, &running);
	collect(c);
	return 0;
}

static void keep_reply(void *arg, struct reply *r)
{
	*(struct reply *)arg = *r;
	*r = (struct reply){0};
}

int conn_call(struct conn *c, const struct request *q, struct reply *r)
{
	int id;

	*r = (struct reply){.status = -1};
	id = conn_send(c, q, keep_reply, r);
	(void)id;
	while (r->status < 0)
		conn_wait(c, NULL, 0, 1000);
	return r->code;
}
