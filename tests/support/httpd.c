/* httpd.c: the HTTP server and client of the gateway's tests: just enough of HTTP/1.1, one thread
 * per connection. */
#include "tests/support/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct httpd {
	int fd;
	char path[108], name[64];
	pthread_t thread;
	atomic_int stop, threads;
	atomic_long count, connections;
};

struct talk {
	struct httpd *h;
	int fd;
	char in[65536];
	size_t len;
};

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

static int send_text(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, text, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		text += done;
		n -= (size_t)done;
	}
	return 0;
}

/* The value of a header in a NUL-ended head; "" when absent. A name ending in '*' is a prefix. */
static void find_header(const char *head, const char *name, char *out, size_t size)
{
	size_t n = strlen(name), skip;
	int prefix = n > 0 && name[n - 1] == '*';

	out[0] = '\0';
	n -= (size_t)prefix;
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
		const char *colon = strchr(line + 2, ':');
		if (strncasecmp(line + 2, name, n) != 0 || !colon ||
			(!prefix && colon != line + 2 + n))
			continue;
		skip = strspn(colon + 1, " ");
		snprintf(out, size, "%.*s", (int)strcspn(colon + 1 + skip, "\r"), colon + 1 + skip);
		return;
	}
}

/* Makes one whole request stand at the start of in; its length, or 0 when the peer is gone. */
static size_t read_request(struct talk *t, size_t *head_len)
{
	char value[32];

	for (;;) {
		t->in[t->len] = '\0';
		char *end = strstr(t->in, "\r\n\r\n");
		if (end) {
			*head_len = (size_t)(end - t->in) + 4;
			find_header(t->in, "Transfer-Encoding", value, sizeof value);
			if (value[0]) { /* chunked: to the last chunk */
				char *last = strstr(end, "\r\n0\r\n\r\n");
				if (last)
					return (size_t)(last - t->in) + 7;
			} else {
				find_header(t->in, "Content-Length", value, sizeof value);
				if (t->len >= *head_len + (size_t)atol(value))
					return *head_len + (size_t)atol(value);
			}
		}
		struct pollfd p = {t->fd, POLLIN, 0};
		if (poll(&p, 1, 50) == 0) {
			if (atomic_load(&t->h->stop))
				return 0;
			continue;
		}
		ssize_t n = recv(t->fd, t->in + t->len, sizeof t->in - 1 - t->len, 0);
		if (n <= 0)
			return 0;
		t->len += (size_t)n;
	}
}

static int answer_pieces(struct talk *t, int chunked)
{
	const char *head = chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				   : "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n";
	int rc = send_text(t->fd, head, strlen(head));

	for (int i = 0; i < 4 && rc == 0; i++) {
		pause_ms(300);
		rc = chunked ? send_text(t->fd, "2\r\nab\r\n", 7) : send_text(t->fd, "ab", 2);
	}
	return rc == 0 && chunked ? send_text(t->fd, "0\r\n\r\n", 5) : rc;
}

static int answer_echo(struct talk *t, size_t n, int status)
{
	char head[128];
	int m = snprintf(
		head, sizeof head, "HTTP/1.1 %d -\r\nContent-Length: %zu\r\n\r\n", status, n);

	return send_text(t->fd, head, (size_t)m) || send_text(t->fd, t->in, n);
}

static int answer_big(struct talk *t)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
	char *body = malloc(100000);
	int rc;

	memset(body, 'b', 100000);
	rc = send_text(t->fd, head, sizeof head - 1) || send_text(t->fd, body, 100000);
	free(body);
	return rc;
}

/* Until the peer closes, or this server stops. */
static int hang(struct talk *t)
{
	struct pollfd p = {t->fd, POLLIN | POLLRDHUP, 0};

	while (!atomic_load(&t->h->stop) && poll(&p, 1, 50) == 0)
		;
	return -1;
}

/* The request is the first n bytes of t->in. */
static int answer(struct talk *t, size_t n)
{
	char id[64], forged[128], body[512], head[512], path[64] = "";

	sscanf(t->in, "%*s %63s", path);
	if (strcmp(path, "/healthz") != 0)
		atomic_fetch_add(&t->h->count, 1);
	if (strcmp(path, "/stream") == 0 || strcmp(path, "/trickle") == 0)
		return answer_pieces(t, path[1] == 's');
	if (strcmp(path, "/echo") == 0 || strcmp(path, "/bad") == 0)
		return answer_echo(t, n, path[1] == 'b' ? 500 : 200);
	if (strcmp(path, "/big") == 0)
		return answer_big(t);
	if (strcmp(path, "/hang") == 0)
		return hang(t);
	if (strcmp(path, "/late") == 0)
		pause_ms(300);
	find_header(t->in, "X-Request-ID", id, sizeof id);
	find_header(t->in, "X-Pithead-*", forged, sizeof forged);
	int len = snprintf(body, sizeof body, "{\"name\":\"%s\",\"id\":\"%s\",\"forged\":\"%s\"}",
		t->h->name, id, forged);
	int m = snprintf(head, sizeof head,
		"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Pithead-Score: 0.5\r\n%s\r\n", len,
		strcmp(path, "/forge") == 0 ? "X-Pithead-Version: forged\r\n" : "");
	if (strncmp(t->in, "HEAD ", 5) == 0)
		len = 0;
	return send_text(t->fd, head, (size_t)m) || send_text(t->fd, body, (size_t)len);
}

static void *talk_run(void *arg)
{
	struct talk *t = arg;
	size_t head, n;

	while ((n = read_request(t, &head)) > 0) {
		if (answer(t, n) != 0)
			break;
		t->len -= n;
		memmove(t->in, t->in + n, t->len);
	}
	close(t->fd);
	atomic_fetch_sub(&t->h->threads, 1);
	free(t);
	return NULL;
}

static void *accept_run(void *arg)
{
	struct httpd *h = arg;

	while (!atomic_load(&h->stop)) {
		struct pollfd p = {h->fd, POLLIN, 0};
		if (poll(&p, 1, 50) <= 0)
			continue;
		int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		/* Head and body are two sends; of no account on a unix socket. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		struct talk *t = calloc(1, sizeof *t);
		pthread_t thread;
		t->h = h;
		t->fd = fd;
		atomic_fetch_add(&h->threads, 1);
		atomic_fetch_add(&h->connections, 1);
		if (pthread_create(&thread, NULL, talk_run, t) != 0)
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

/* Serves on the unbound socket fd, bound to that address. */
static struct httpd *serve(int fd, const void *address, socklen_t size, const char *name)
{
	struct httpd *h = calloc(1, sizeof *h);

	h->fd = fd;
	snprintf(h->name, sizeof h->name, "%s", name);
	if (fd < 0 || bind(fd, address, size) < 0 || listen(fd, 128) < 0 ||
		pthread_create(&h->thread, NULL, accept_run, h) != 0)
		abort();
	return h;
}

struct httpd *httpd_start(const char *path, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct httpd *h;

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	unlink(path);
	h = serve(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &a, sizeof a, name);
	snprintf(h->path, sizeof h->path, "%s", path);
	return h;
}

struct httpd *httpd_start_tcp(const char *name, int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t size = sizeof a;
	struct httpd *h;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	h = serve(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), &a, sizeof a, name);
	getsockname(h->fd, (struct sockaddr *)&a, &size);
	*port = ntohs(a.sin_port);
	return h;
}

void httpd_stop(struct httpd *h)
{
	atomic_store(&h->stop, 1);
	pthread_join(h->thread, NULL);
	close(h->fd);
	if (h->path[0])
		unlink(h->path);
	while (atomic_load(&h->threads) > 0)
		pause_ms(5);
	free(h);
}

long httpd_count(const struct httpd *h)
{
	return atomic_load(&h->count);
}

long httpd_connections(const struct httpd *h)
{
	return atomic_load(&h->connections);
}

int http_connect(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval limit = {10, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

const char *http_header(const struct http_reply *r, const char *name, char *out, size_t size)
{
	find_header(r->head, name, out, size);
	return out;
}

/* Whether the body at text is whole; sets its bounds. Chunked bodies are left as they came. */
static int is_whole(const struct http_reply *r, const char *body, size_t have, int no_body)
{
	char value[32];

	if (no_body || r->status == 204 || r->status == 304)
		return 1;
	find_header(r->head, "Transfer-Encoding", value, sizeof value);
	if (value[0])
		return have >= 5 && memcmp(body + have - 5, "0\r\n\r\n", 5) == 0;
	find_header(r->head, "Content-Length", value, sizeof value);
	return have >= (size_t)atol(value);
}

static int read_reply(int fd, int no_body, struct http_reply *out)
{
	char text[12288];
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
		if (n <= 0)
			return -1;
		len += (size_t)n;
		text[len] = '\0';
		char *end = strstr(text, "\r\n\r\n");
		if (!end)
			continue;
		size_t head = (size_t)(end - text) + 4, have = len - head;
		snprintf(out->head, sizeof out->head, "%.*s", (int)head, text);
		sscanf(out->head, "%*s %d", &out->status);
		if (!is_whole(out, text + head, have, no_body))
			continue;
		out->body_len = have < sizeof out->body ? have : sizeof out->body - 1;
		memcpy(out->body, text + head, out->body_len);
		out->body[out->body_len] = '\0';
		return 0;
	}
}

int http_ask(int fd, const char *head, const void *body, size_t n, struct http_reply *out)
{
	char text[65536];
	size_t len = strlen(head);

	*out = (struct http_reply){0};
	if (len + n + 2 > sizeof text)
		return -1;
	memcpy(text, head, len);
	memcpy(text + len, "\r\n", 2);
	if (n)
		memcpy(text + len + 2, body, n);
	if (send_text(fd, text, len + 2 + n) < 0)
		return -1;
	if (read_reply(fd, strncmp(head, "HEAD ", 5) == 0, out) < 0) {
		out->status = 0;
		return -1;
	}
	return 0;
}
