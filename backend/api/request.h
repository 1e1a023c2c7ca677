/* request.h: one request on its way through the API: what came in, who sent it, what goes out.
 * Nothing here knows the HTTP library: server.c fills a request and sends its reply. The walk is
 * request_begin (headers are known: route, person, scope, permission), the body, request_finish
 * (body fields, handler), and while it waits request_poll. */
#ifndef PITHEAD_BACKEND_API_REQUEST_H
#define PITHEAD_BACKEND_API_REQUEST_H

#include <stdint.h>

#include "backend/acts/acts.h"
#include "backend/acts/world.h"
#include "backend/base/buf.h"

#define REQUEST_PARAMS	2
#define REQUEST_QUERIES 16
#define REQUEST_WAIT	1 /* a handler's answer: not yet, ask `poll` again */

struct cJSON;
struct body;
struct route;
struct notes;
struct metrics;
struct aside;

/* What requests share; owned by the server. */
struct api_state {
	struct world *world;	 /* borrowed */
	struct notes *notes;	 /* owned: coalesced events of denials and reading */
	struct metrics *metrics; /* owned */
	struct members *members; /* owned */
	struct request *live;	 /* list of all requests under way, newest first */
	int changed;		 /* an act was done: whoever waits must look again */
	/* Called instead of the row's handler: how tests see what got through. NULL = the row's. */
	int (*spy)(struct request *rq, struct err *e);
};

struct reply {
	int status;
	const char *type; /* content type; a constant */
	struct buf body;
	char allow[32]; /* 405: the methods that the path has */
	int fd;		/* -1, or a file to send instead of body; owned until sent */
	int64_t fd_size;
};

struct request {
	struct api_state *api; /* borrowed */
	struct world *world;   /* borrowed */
	struct request *next, *prev;

	char method[16];
	char *path; /* owned; raw, without the query */
	char param[REQUEST_PARAMS][256];
	struct {
		char name[32];
		char *value; /* owned, decoded */
	} query[REQUEST_QUERIES];
	int query_count;
	/* headers; "" = absent */
	char if_match[40], idempotency[80], via[16], as[24], id[65], api_version[16];

	struct caller peer;   /* of the connection: ids and name, no permissions */
	struct caller caller; /* with the permissions that it has in the scope of this request */
	unsigned everywhere;  /* its permissions united over all projects, lowered by --as */

	const struct route *route; /* NULL: none matched */
	char project[NAME_SIZE];   /* the scope; "" = all projects */
	char endpoint[ID_SIZE];	   /* set for routes of an endpoint; looked up anew after a wait */
	int64_t number;		   /* {n} or {seq} of the path */
	int64_t revision;	   /* If-Match, 0 = none */
	int dry_run;

	struct buf body_text;
	struct body *body; /* owned; parsed fields */
	int body_too_large;
	char upload[300]; /* temporary file of an upload, "" = none; removed with the request */
	int upload_fd;
	int64_t upload_bytes;

	int done; /* reply is complete */
	struct reply reply;

	/* While it waits: asked after every change, and with expired = 1 at the deadline. 0 or a
	 * negative ERR_* = answered, REQUEST_WAIT = go on waiting. */
	int (*poll)(struct request *rq, int expired, struct err *e);
	int64_t deadline_us; /* monotonic */
	struct aside *aside; /* work of it in a thread; aside.h */

	struct act_result result; /* of an act, while its proof is awaited */
	int acted;		  /* result holds a committed act */
	int replayed;		  /* the answer comes from an earlier request with the same key */
	char fingerprint[512];	  /* route and body digest, for the idempotency key */
};

/* A new request; freed by request_free, which also removes its upload. uri is raw. */
struct request *request_new(struct api_state *api, const char *method, const char *uri);
void request_free(struct request *rq);

/* Finds route, scope and permission. Answers at once (rq->done) when it is refused. */
void request_begin(struct request *rq);

/* Adds a piece of the body; beyond the route's limit it is dropped and remembered. */
void request_add_body(struct request *rq, const void *data, size_t n);

/* Runs the handler. rq->done when there is an answer, else it waits. */
void request_finish(struct request *rq);

/* Asks a waiting request again; sets rq->done when it is answered. */
void request_poll(struct request *rq, int64_t mono_us);

/* Most bytes that the body of this request may have. */
int64_t request_body_limit(const struct request *rq);

/* Answers with an error: code and sentence from e, status by its code. */
void request_fail(struct request *rq, const struct err *e);

/* The value of a query parameter, NULL when absent; and as a number within [least, most].
 * The latter returns 0 or ERR_INVALID, with *out = fallback when absent. */
const char *request_query(const struct request *rq, const char *name);
int request_query_int(const struct request *rq, const char *name, int64_t least, int64_t most,
	int64_t fallback, int64_t *out, struct err *e);

/* Whether the sender may read this project ("" or NULL = the engine itself). */
int request_may_read(const struct request *rq, const char *project);

/* ERR_DENIED with the sentence unless the caller has one of the permissions. (Answering with it
 * makes it an event: request_fail.) */
int request_need(struct request *rq, unsigned any_of, struct err *e);

/* The endpoint of the route, looked up by rq->endpoint; must be called for such routes only. */
struct live_endpoint *request_endpoint(struct request *rq, struct err *e);

/* The act as the sender wants it; borrows from rq. */
struct act request_act(struct request *rq);

/* Answers an act that was done: now if it is proven, else waits for at most settings.answer_ms.
 * Uses rq->result. */
int request_answer_act(struct request *rq, struct err *e);

/* Whether the request repeats an earlier one by its Idempotency-Key: 1 = yes, rq->result is the
 * earlier act's; 0 no; ERR_CONFLICT when the key was used for something else. */
int request_find_answer(struct request *rq, struct err *e);

#endif
