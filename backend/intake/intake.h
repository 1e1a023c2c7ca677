/* intake.h: what `pithead init` proposes for servers that run already, before it is the text of a
 * pithead.yaml. The parts that fill it look at a sample (score.c, request.c), at an OpenAPI
 * document (codec_openapi.c) or at a haproxy.cfg (haproxy_propose.c); intake_text.c writes it down.
 * All are pure: nothing here opens a file or calls a server. */
#ifndef PITHEAD_BACKEND_INTAKE_INTAKE_H
#define PITHEAD_BACKEND_INTAKE_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

#define INTAKE_NAME	64 /* of projects, endpoints and versions in the spec */
#define INTAKE_PATH	96 /* of a source in the spec */
#define INTAKE_SERVERS	8  /* addresses of a version in the spec */
#define INTAKE_VERSIONS 4
#define INTAKE_FEATURES 32 /* of an endpoint in the spec */
#define INTAKE_WHY	320

/* The value of one key, and why: that becomes the comment beside it. */
struct intake_choice {
	char value[160]; /* "" = there is none, and `why` stands alone in a comment */
	char why[INTAKE_WHY];
	int off; /* it is only a suggestion: the whole line is a comment */
};

struct intake_server {
	char host[128]; /* name, IPv4, or IPv6 in brackets */
	int port;
};

struct intake_version {
	char name[INTAKE_NAME];
	struct intake_server servers[INTAKE_SERVERS];
	int server_count;
	int tls;
	int unverified;	       /* tls: nobody checks the certificate today */
	char server_name[128]; /* tls: the certificate's, where it is not the host's; "" */
	int connections;       /* at a time to each server; 0 = any number */
	char why[INTAKE_WHY];
};

struct intake_endpoint {
	char name[INTAKE_NAME];
	struct intake_choice listen, health, host, timeout, key, segment, score, features, task;
	/* Written as one list; `features` holds only the reason. */
	char feature[INTAKE_FEATURES][INTAKE_PATH + 8];
	int feature_count;
	struct intake_version versions[INTAKE_VERSIONS];
	int version_count;
	struct buf notes; /* lines of comment above it */
};

struct intake {
	char project[INTAKE_NAME], owner[64], environment[16], tier[16];
	char from[200];			   /* what it was made from, for the first line */
	struct intake_endpoint *endpoints; /* owned */
	int count;
	struct buf notes; /* lines of comment at the end: what was not taken over */
};

/* Frees what it holds. */
void intake_release(struct intake *in);

/* Appends an empty endpoint; borrowed until the next one. */
struct intake_endpoint *intake_add(struct intake *in);

/* Sets a choice; the reason is made of printf's words. */
void intake_choose(struct intake_choice *c, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends one line to notes, cleaned of what a comment cannot hold. */
void intake_note(struct buf *notes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A version of an endpoint by name, made when there is none; NULL when there are too many. */
struct intake_version *intake_version(struct intake_endpoint *ep, const char *name);

/* Adds an address. 1 added, 0 it stands there already, -1 there are as many as a version takes. */
int intake_server_add(struct intake_version *v, const char *host, int port);

/* The file: project, endpoints and comments. */
void intake_format(const struct intake *in, struct buf *out);

/* -- addresses and names -- */

struct intake_url {
	int tls;
	char host[128]; /* as in struct intake_server */
	int port;
	char path[512]; /* with its query; "/" when none was said */
	int has_path;
};

/* Reads http://HOST[:PORT][/PATH], https://…, or without a scheme. 0, or ERR_INVALID. */
int intake_url_parse(const char *text, struct intake_url *out, struct err *e);

/* scheme://host:port + path, into out. */
void intake_url_format(const struct intake_url *u, const char *path, struct buf *out);

/* Makes a name as the spec wants it: small letters, digits, `-`, `_` and `.`; "" when nothing is
 * left of text. */
void intake_name(const char *text, char out[INTAKE_NAME]);

/* The name of a model from the path and host of its address: fraud for /v1/models/fraud:predict or
 * http://fraud.svc:80/predict; "model" when nothing tells. */
void intake_endpoint_name(const struct intake_url *u, char out[INTAKE_NAME]);

/* Whether one of the words that text is made of (split at signs and at capitals) is in the list,
 * which has blanks between words. Case does not count. */
int intake_has_word(const char *text, const char *list);

#endif
