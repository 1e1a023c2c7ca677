/* record.h: one answered request, as the gateway's prediction log tells it. Parsed once from the
 * datagram and handed to whoever subscribed (telemetry windows, the guard, the judge, the store).
 */
#ifndef PITHEAD_BACKEND_INGEST_RECORD_H
#define PITHEAD_BACKEND_INGEST_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum arm { ARM_STABLE, ARM_CANDIDATE, ARM_COUNT };

struct record {
	char id[40];	    /* X-Request-ID */
	char endpoint[130]; /* PROJECT/NAME */
	char version[64], environment[16];
	enum arm arm;
	int64_t rollout;     /* salt in force, 0 = none */
	int share_bp;	     /* in force for this request, after override, lease and gate */
	int bucket;	     /* 0..9999 */
	int keyed;	     /* 0: no split key, a random bucket */
	char key[17];	     /* first 16 hex digits of SHA-256 of the split key; "" without one */
	char segment[64];    /* "" = none declared or unread */
	int segment_unknown; /* overrides were in force and the segment could not be read */
	int64_t routed_us;   /* UTC, when the request was routed */
	int status;	     /* HTTP status, 0 or -1 = no answer */
	double total_ms;     /* request received to answer sent; -1 = unknown */
	double answer_ms;    /* the server's time to first byte; -1 = none */
	int failed;	     /* status >= 500, or no answer */
	int backend_down;    /* no server could be reached at all (503 by the gateway itself) */
	double score;	     /* NAN = unread */
	int read;	     /* the answer's body could be read */
	char server[64];     /* which replica or server */
	double counted_w; /* the probability with which it counts on its rollout's trial, 0 = not */
};

/* What was asked and answered, too large for a record: only borrowed, and decoded only for who asks
 * (ingest_bodies). NULL = the log does not tell: not there, not small, or cut. */
struct record_bodies {
	const char *method, *path; /* path with its query, begins with '/'; printable ASCII */
	const char *content_type;  /* of the request; "" = it had none; printable ASCII */
	const unsigned char *request, *answer;
	size_t request_len, answer_len; /* bytes, 0 with NULL; an empty body is NULL too */
};

#endif
