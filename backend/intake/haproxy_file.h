/* haproxy_file.h: what `pithead init` understands of a haproxy.cfg: sections, servers, where
 * traffic goes, health checks. It reads text only; the file is never written. What it cannot use it
 * notes. The language: https://docs.haproxy.org/2.6/configuration.html, sections 2.2 to 2.4, 4.2
 * and 5.2. */
#ifndef PITHEAD_BACKEND_INTAKE_HAPROXY_FILE_H
#define PITHEAD_BACKEND_INTAKE_HAPROXY_FILE_H

#include "backend/intake/intake.h"

#define HAPROXY_WORDS 64

/* The value of an environment variable, or NULL. */
typedef const char *(*haproxy_env)(void *arg, const char *name);

/* Splits one line: quotes, escapes, comments, and variables within double quotes. The words lie in
 * room, which has twice as many bytes as the line and 4096 more. How many, or -1 for a quote that
 * is not closed. */
int haproxy_split(const char *line, haproxy_env env, void *arg, char *room, size_t size,
	const char *words[HAPROXY_WORDS]);

/* Replaces $NAME and ${NAME} in an address, where they stand without quotes too. 0, or -1 when one
 * is not known; out is then told the name. */
int haproxy_expand(const char *text, haproxy_env env, void *arg, char *out, size_t size);

struct haproxy_server {
	char name[64];
	struct intake_server at; /* port 0 = none was said */
	int tls, verified, backup, disabled, weight, from_dns;
	int check_port;
	int connections; /* maxconn; 0 = any number */
	char ca_file[96];
	char certificate[128]; /* tls: the name that is verified, or asked for; "" = none */
	char problem[96];      /* why it cannot be an upstream; "" = it can */
};

struct haproxy_use {
	char backend[64];
	char condition[200]; /* as written; "" = always */
};

enum haproxy_kind { HAPROXY_DEFAULTS, HAPROXY_FRONTEND, HAPROXY_BACKEND, HAPROXY_LISTEN };

struct haproxy_proxy {
	enum haproxy_kind kind;
	char name[64];
	int http;			/* mode http; HAProxy's own default is tcp */
	char bind[128];			/* the addresses, with commas */
	int bind_port;			/* of the first */
	struct haproxy_server model;	/* default-server */
	struct haproxy_server *servers; /* owned */
	int server_count;
	struct haproxy_use *uses; /* owned: use_backend */
	int use_count;
	char fallback[64]; /* default_backend */
	int checks;	   /* option httpchk */
	char check_method[16], check_path[128], check_host[64];
	char host[64];	       /* what requests are given as Host; "" = the client's */
	char key[INTAKE_PATH]; /* a header by which it balances or sticks */
	int64_t timeout_ms;    /* timeout server; 0 = none */
	struct buf acls;       /* lines "NAME words" */
	struct buf notes;      /* what was not understood or cannot be taken over */
	int used;	       /* by haproxy_propose */
};

struct haproxy_file {
	struct haproxy_proxy *proxies; /* owned; defaults are among them */
	int count;
	struct buf notes;
};

/* Reads the text. 0, or ERR_INVALID when it is no configuration of HAProxy. */
int haproxy_file_parse(const char *text, size_t n, haproxy_env env, void *arg,
	struct haproxy_file *out, struct err *e);
void haproxy_file_release(struct haproxy_file *f);

/* Endpoints with versions, servers and health, and notes of what is left. */
void haproxy_propose(struct haproxy_file *f, struct intake *in);

#endif
