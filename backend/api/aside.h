/* aside.h: long work of a request that touches files only (unpacking, hashing, copying) in a thread
 * of its own. The loop goes on meanwhile, so that rollouts are judged and leases renewed. */
#ifndef PITHEAD_BACKEND_API_ASIDE_H
#define PITHEAD_BACKEND_API_ASIDE_H

#include "backend/api/request.h"

struct aside_ops {
	/* In the thread: may use nothing but arg, files and what is pure. 0 or a negative ERR_*. */
	int (*work)(void *arg, struct err *e);
	/* In the loop, when the work is done, with its code: answers as a handler does. */
	int (*then)(struct request *rq, void *arg, int code, struct err *e);
	void (*release)(void *arg); /* of arg and what it holds; in the loop, or at the end of an
				     * abandoned thread */
};

/* Starts the work; a handler returns what this returns: REQUEST_WAIT, or ERR_FAILED when there is
 * no thread to be had (arg is released then). When the engine stops first, the request is answered
 * with ERR_UNAVAILABLE and the thread is abandoned. */
int request_run_aside(struct request *rq, const struct aside_ops *ops, void *arg, struct err *e);

#endif
