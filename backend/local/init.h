/* init.h: what `pithead init` was told, and its parts: servers are asked (init_call.c), people
 * (init_ask.c), documents are read (init_read.c). Only used inside backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_INIT_H
#define PITHEAD_BACKEND_LOCAL_INIT_H

#include <stddef.h>

#include "backend/adapters/http_call.h"
#include "backend/base/buf.h"
#include "backend/base/err.h"
#include "backend/intake/intake.h"

#define INIT_URLS    8
#define INIT_HEADERS 16
#define INIT_FILES   32
#define INIT_BYTES   (4 << 20) /* of a file or document that is read */

struct init_words {
	const char *upstream[INIT_URLS], *candidate[INIT_URLS], *header[INIT_HEADERS];
	int upstream_count, candidate_count, header_count;
	const char *haproxy[INIT_FILES];
	int haproxy_count;
	const char *sample, *openapi, *path, *method;
	const char *project, *endpoint, *owner, *environment, *tier, *listen, *out;
	const char *score, *task, *key, *segment, *health;
	int force, yes, json, help;
	int interactive; /* there is a terminal, and no --yes */
};

/* Reads argv. -1: go on; else the exit code, after it was told. */
int init_words_read(struct init_words *w, int argc, char **argv);

/* Reads a file, or stdin for "-". 0, or an error that names it. */
int init_read_file(const char *name, struct buf *text, struct err *e);

/* The sample: from its file, which must be JSON. */
int init_read_sample(const struct init_words *w, struct buf *text, struct err *e);

/* http_call() with init's advice; what fails is ERR_FAILED. e must be there. */
int init_http(const struct http_call *call, struct http_answer *out, struct err *e);

/* One endpoint from --upstream and --candidate: each server is sent the sample, and asked for its
 * health. made_up: the sample comes from a document. */
int init_call(const struct init_words *w, const struct buf *sample, int made_up, struct intake *in,
	struct err *e);

/* From --openapi: calls the server when there is an --upstream. */
int init_openapi(const struct init_words *w, struct intake *in, struct err *e);

/* From --haproxy. */
int init_haproxy(const struct init_words *w, struct intake *in, struct err *e);

/* Names, tier and ports: from the words, else asked on a terminal, else the default. */
int init_settle(const struct init_words *w, struct intake *in, struct err *e);

/* Whether the text is a valid spec; the first fault as a sentence. */
int init_check(const char *text, size_t n, struct err *e);

#endif
