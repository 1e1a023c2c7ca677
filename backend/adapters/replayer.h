/* replayer.h: sends recorded requests once more, straight to a server of another version, and
 * brings the answers back. A thread of its own does it: nobody waits for a server here, and no
 * request of a client ever passes through. Memory is bounded: jobs beyond the queue are dropped and
 * counted. Used by shadow rollouts and by smoke tests. */
#ifndef PITHEAD_BACKEND_ADAPTERS_REPLAYER_H
#define PITHEAD_BACKEND_ADAPTERS_REPLAYER_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/err.h"

#define REPLAY_BODY_MAX 65536 /* bytes of an answer that are kept */

struct replayer;

/* One request to be sent. The texts go into the request as they are, so a control character in
 * them is refused. */
struct replay_job {
	int64_t tag;	       /* the caller's, comes back with the answer */
	char id[40];	       /* sent as X-Request-ID; "" = not sent */
	char address[160];     /* of a server as the gateway has it: "unix@/path" or "host:port" */
	int tls;	       /* for host:port */
	char server_name[128]; /* tls: of the certificate; "" = the host */
	int verify_none;       /* tls: any certificate will do */
	char host_header[128]; /* "" = that of the address */
	char method[8];	       /* "" = POST */
	char path[512];	       /* with its query, begins with '/' */
	char content_type[96]; /* "" = not sent */
	unsigned char *body;   /* owned, from malloc; NULL = none */
	size_t body_len;       /* bytes */
	int64_t timeout_ms;    /* from sending to the whole answer, at least 1 */
};

struct replay_answer {
	int64_t tag;
	char id[40];
	int status;	     /* HTTP status, 0 = no whole answer in time */
	double answer_ms;    /* from sending to the answer's first byte; -1 = none */
	double total_ms;     /* from sending to its last byte or to the failure */
	int failed;	     /* status >= 500, or no answer: as in struct record */
	unsigned char *body; /* owned, for free(); NULL when empty or without an answer */
	size_t body_len;     /* bytes, at most REPLAY_BODY_MAX */
	int body_cut;	     /* the answer was longer */
};

struct replay_counts {
	int64_t sent;	  /* begun; those that are neither answered nor failed are in flight */
	int64_t answered; /* whole answers below status 500 */
	int64_t failed;	  /* no whole answer, or status >= 500 */
	int64_t dropped;  /* refused by replayer_submit as the queue was full: never sent */
	int64_t queued;	  /* now: accepted and not yet sent */
};

/* Starts the thread. At most most_in_flight requests are under way at a time and queue_most jobs
 * wait for it; both at least 1. While as many answers as these two together wait to be taken
 * (REPLAY_BODY_MAX each at worst), nothing more is sent. */
struct replayer *replayer_new(int most_in_flight, int queue_most);

/* Breaks off what is in flight, joins the thread and frees everything. NULL is allowed. */
void replayer_free(struct replayer *r);

/* Who vouches for servers from here on: certificates in PEM form (copied); NULL = the machine's. */
void replayer_trust(struct replayer *r, const char *pem);

/* Queues a copy of job; its body is taken in every case and job->body NULL after. Never waits.
 * 0; ERR_CONFLICT when the queue is full (counted as dropped); ERR_INVALID when it cannot be sent
 * as a request. Callable from any thread, as all of these. */
int replayer_submit(struct replayer *r, struct replay_job *job);

/* Moves at most `most` finished answers into out, in the order in which they finished; their bodies
 * are the caller's. Returns how many. Never waits. */
int replayer_take(struct replayer *r, struct replay_answer *out, int most);

struct replay_counts replayer_get_counts(struct replayer *r);

#endif
