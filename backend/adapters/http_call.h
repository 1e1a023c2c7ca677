/* http_call.h: one HTTP/1.1 request straight to a server, and its whole answer: no proxy, no
 * redirect, TLS verified against the machine's authorities, as the gateway does it, or against
 * given ones. It blocks: used by commands that people wait for, and by threads of their own
 * (metrics_reader.h), never by the engine's loop. */
#ifndef PITHEAD_BACKEND_ADAPTERS_HTTP_CALL_H
#define PITHEAD_BACKEND_ADAPTERS_HTTP_CALL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

struct http_call {
	const char *method, *url;
	const char *name;	    /* of the server in messages; NULL = the URL */
	const char *const *headers; /* "Name: value"; Content-Type: application/json unless told */
	int header_count;
	const void *body;
	size_t body_len;
	int64_t timeout_ms;   /* of the whole */
	size_t most;	      /* bytes of the answer's body that are read */
	int compressed;	      /* may come so; the body is what was meant */
	const char *login;    /* USER:PASSWORD for basic authentication; NULL = none */
	const char *ca;	      /* file of authorities instead of the machine's; NULL = those */
	const char *tls_hint; /* what to do when the certificate does not verify */
	atomic_int *stop;     /* not 0: the request is given up soon; NULL = never */
};

struct http_answer {
	int status;
	struct buf body; /* owned */
	int cut;	 /* the body is longer than `most`, and the rest was not read */
	int has_length;	 /* Content-Length was told */
	char type[96], encoding[32], score[64], location[200]; /* headers; "" = absent */
	double total_ms;
};

/* 0 with any status, or ERR_UNREACHABLE as a sentence with a hint: no connection, no whole answer
 * in time, TLS that does not verify, given up. out is released by http_answer_release in every
 * case. */
int http_call(const struct http_call *c, struct http_answer *out, struct err *e);
void http_answer_release(struct http_answer *a);

#endif
