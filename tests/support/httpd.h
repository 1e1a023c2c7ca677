/* httpd.h: a tiny threaded HTTP/1.1 server on a unix socket, and a keep-alive client, for tests
 * of the gateway. The server's answers tell its name and what it was sent. */
#ifndef PITHEAD_TESTS_SUPPORT_HTTPD_H
#define PITHEAD_TESTS_SUPPORT_HTTPD_H

#include <stddef.h>

struct httpd;

/* Serves on the socket at path until httpd_stop. Answers {"name":NAME,"id":X-Request-ID,
 * "forged":VALUE of any X-Pithead-* header} with X-Pithead-Score: 0.5. Paths: /healthz 200;
 * /stream four chunks over 1.2 s; /trickle 8 bytes with Content-Length over 1.2 s; /late answers
 * after 300 ms; /forge sets X-Pithead-Version: forged; /echo answers with the request as it came;
 * /bad is that with status 500; /big 100000 bytes 'b'; /hang answers only when the peer leaves. */
struct httpd *httpd_start(const char *path, const char *name);
/* The same on 127.0.0.1, at a port that is free. */
struct httpd *httpd_start_tcp(const char *name, int *port);
void httpd_stop(struct httpd *h);

/* Requests answered so far, /healthz left out. */
long httpd_count(const struct httpd *h);
/* Connections taken so far. */
long httpd_connections(const struct httpd *h);

struct http_reply {
	int status; /* 0 = the connection broke */
	char head[4096];
	char body[8192];
	size_t body_len;
};

/* Connects to 127.0.0.1:port; -1 on failure. */
int http_connect(int port);

/* Sends head (request line and headers, each ended by \r\n, without the empty line) and n bytes
 * of body as they are, and reads one answer. 0, or -1 when the connection broke. */
int http_ask(int fd, const char *head, const void *body, size_t n, struct http_reply *out);

/* The value of a header of the reply ("" when absent). */
const char *http_header(const struct http_reply *r, const char *name, char *out, size_t size);

#endif
