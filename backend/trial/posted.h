/* posted.h: requests that whoever serves them posts, as counts of each step for an observed trial.
 * A step is taken when it and one more have passed: a batch may come so late. Both arms may be
 * posted by different servers, in any order. Bounded: a step is counters, however much is posted.
 * What was posted and not yet taken is lost with the process, of both arms alike. Pure. */
#ifndef PITHEAD_BACKEND_TRIAL_POSTED_H
#define PITHEAD_BACKEND_TRIAL_POSTED_H

#include "backend/judge/rollout_judge.h"

struct posted;

/* One answered request. */
struct posted_request {
	const char *version;
	int failed, answered; /* one without an answer is infinitely slow */
	double ms;	      /* until the answer, NAN = not told */
	double time_s;	      /* UTC, when it was answered */
};

enum posted_taking { POSTED_TAKEN, POSTED_UNKNOWN, POSTED_LATE };

/* Steps of step_s seconds; the versions are copied. */
struct posted *posted_new(const char *stable, const char *candidate, int64_t step_s, int64_t now_s);
void posted_free(struct posted *p); /* NULL is allowed */

/* UNKNOWN: of neither version. LATE: of a step that was taken, or of one that is to come. */
enum posted_taking posted_add(struct posted *p, const struct posted_request *r, int64_t now_s);

/* Calls fn for each step that can be taken now and has requests, oldest first; its tick is the
 * second in which it ended. Returns the second until which all is taken. */
typedef void (*posted_fn)(void *arg, const struct judge_counts *c);
int64_t posted_take(struct posted *p, int64_t now_s, posted_fn fn, void *arg);

#endif
