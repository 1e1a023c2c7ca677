/* aside.c: see aside.h. */
#include "backend/api/aside.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define LOOK_US 10000 /* how often the loop asks whether it is done */

enum { RUNNING, DONE, ABANDONED };

struct aside {
	const struct aside_ops *ops;
	void *arg;
	int code;
	struct err err;
	atomic_int state; /* who leaves RUNNING last, frees */
};

static void aside_free(struct aside *a)
{
	a->ops->release(a->arg);
	free(a);
}

static void *thread_main(void *arg)
{
	struct aside *a = arg;

	a->code = a->ops->work(a->arg, &a->err);
	if (atomic_exchange(&a->state, DONE) == ABANDONED)
		aside_free(a);
	return NULL;
}

static int poll_aside(struct request *rq, int expired, struct err *e)
{
	struct aside *a = rq->aside;
	int code;

	(void)expired;
	if (atomic_load(&a->state) == DONE) {
		rq->aside = NULL;
		*e = a->err;
		code = a->ops->then(rq, a->arg, a->code, e);
		aside_free(a);
		return code;
	}
	if (!rq->world->stopping) {
		rq->deadline_us = clock_mono_us(&rq->world->clock) + LOOK_US;
		return REQUEST_WAIT;
	}
	rq->aside = NULL;
	if (atomic_exchange(&a->state, ABANDONED) == DONE)
		aside_free(a);
	err_set(e, ERR_UNAVAILABLE, "the engine stops: nothing was done");
	return err_hint(e, "ask again when it runs");
}

int request_run_aside(struct request *rq, const struct aside_ops *ops, void *arg, struct err *e)
{
	struct aside *a = xcalloc(1, sizeof *a);
	pthread_t thread;

	a->ops = ops;
	a->arg = arg;
	if (pthread_create(&thread, NULL, thread_main, a) != 0) {
		aside_free(a);
		return err_set(e, ERR_FAILED, "there is no thread to be had for this");
	}
	pthread_detach(thread);
	rq->aside = a;
	rq->poll = poll_aside;
	rq->deadline_us = clock_mono_us(&rq->world->clock) + LOOK_US;
	return REQUEST_WAIT;
}
