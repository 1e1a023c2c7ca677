/* router.h: the table of routes and how a path finds its row. From the same table come the 404
 * and 405 answers, the OpenAPI description and the tests of who may do what. */
#ifndef PITHEAD_BACKEND_API_ROUTER_H
#define PITHEAD_BACKEND_API_ROUTER_H

#include "backend/api/request.h"
#include "backend/policy/roles.h"

/* What a path is about, hence whose roles count. */
enum scope {
	SCOPE_ALL,	/* no project: the union over all */
	SCOPE_ENDPOINT, /* {e} */
	SCOPE_ROLLOUT,	/* {n} */
	SCOPE_CHANGE,	/* {seq} */
	SCOPE_ALERT,	/* {n} */
	SCOPE_PROPOSAL, /* {n} */
	SCOPE_VERSION,	/* {v}: PROJECT~NAME */
	SCOPE_PROJECT,	/* ?project= */
	SCOPE_SPEC,	/* the project that the text in the body names */
	SCOPE_LINE	/* the endpoint that the body names, or all */
};

/* What a field of a body or of a query must be. */
enum field_type {
	FIELD_TEXT,	  /* any UTF-8 text */
	FIELD_REASON,	  /* at most 500 characters, no control characters */
	FIELD_NAME,	  /* a name: letters, digits, . _ -, at most 63 */
	FIELD_ID,	  /* an endpoint: NAME, PROJECT/NAME or PROJECT~NAME */
	FIELD_SEGMENT,	  /* letters, digits, . _ : -, at most 60 */
	FIELD_SHARE,	  /* whole basis points 0..10000 */
	FIELD_SHARE_NULL, /* the same, or null */
	FIELD_INT,	  /* a whole number, not negative */
	FIELD_BOOL,	  /* true or false; in a query also 1 or 0 */
	FIELD_REGEX,
	FIELD_OUTCOMES,	  /* the list of POST /v1/outcomes */
	FIELD_PREDICTIONS /* the list of POST /v1/predictions */
};

struct field {
	const char *name; /* NULL ends a list */
	enum field_type type;
	int required;
	const char *help;
};

struct route {
	const char *method, *pattern; /* a segment {x} takes any text */
	unsigned permission;	      /* any one of these bits is needed */
	enum scope scope;
	int mutates;
	int (*handler)(struct request *rq, struct err *e);
	/* The permissions when they depend on the body or on what is meant: any one of the bits
	 * that it returns is needed as well. NULL = permission says it all. */
	unsigned (*need)(struct request *rq);
	const char *summary;
	const struct field *body;  /* NULL = no JSON body */
	const struct field *query; /* NULL = none */
	const char *answer;	   /* name of the answer's schema, "" = not JSON */
	int upload;		   /* the body is a tar file (1) or a program (2) */
	int noted;		   /* an auditor's reading of it is an event */
};

/* The table, ended by a row with a NULL method (routes.c). */
extern const struct route routes[];

/* Fills rq->route and the decoded parameters. ERR_NOT_FOUND with a did-you-mean, ERR_METHOD with
 * rq->reply.allow filled, ERR_INVALID for a path that is not decodable. */
int router_find(struct request *rq, struct err *e);

/* Decodes %XX of n bytes into out. 0, or -1 for a broken escape, a NUL, or lack of room. */
int router_decode(const char *text, size_t n, char *out, size_t size);

/* Splits "a=1&b=2" into rq->query. ERR_INVALID for broken escapes and repeated names. */
int router_parse_query(struct request *rq, const char *query, struct err *e);

/* ERR_INVALID for a query parameter that the route does not have or whose type is wrong. */
int router_check_query(const struct request *rq, struct err *e);

/* Whether text is of the type (texts only: the JSON types are checked by codec_body.c);
 * ERR_INVALID says what was expected of `name`. */
int field_check_text(const char *name, enum field_type type, const char *text, struct err *e);

/* Reads a whole number of digits only, 0..2^53. 0 or -1. */
int field_parse_int(const char *text, int64_t *out);

#endif
