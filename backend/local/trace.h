/* trace.h: one line of a recorded trace of a rollout: a request, or an outcome that was joined.
 * Pure text to values; read by judge.c. Numbers that a JSON writer could not write (null, NaN,
 * Infinity) are read as what they say. Only used inside backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_TRACE_H
#define PITHEAD_BACKEND_LOCAL_TRACE_H

#include <stddef.h>

#include "backend/base/err.h"

struct trace_line {
	int is_outcome; /* "k": "label" */
	double t;	/* seconds */
	int candidate;
	double w;	  /* the candidate's share when the request was routed */
	int failed;	  /* "err" */
	double latency_s; /* "lat"; INFINITY: failed and none given; NAN: not known */
	double score;	  /* NAN: not given */
	double y;	  /* 0 or 1; NAN: the outcome is not known */
};

/* Reads n bytes, without their newline. 0, or ERR_INVALID with a sentence that says what was
 * expected where (columns count from 1). */
int trace_parse(const char *text, size_t n, struct trace_line *out, struct err *e);

#endif
