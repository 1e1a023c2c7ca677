/* judged.h: `pithead judge` of counts: a trial that is fed by a CSV or by a Prometheus, what is
 * printed of it, and how it ends. Only used inside backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_JUDGED_H
#define PITHEAD_BACKEND_LOCAL_JUDGED_H

#include <stdio.h>

#include "backend/spec/spec.h"
#include "backend/trial/trial_card.h"

enum { EXIT_OK, EXIT_HARM, EXIT_USAGE, EXIT_UNDECIDED = 4, EXIT_NO_DATA };

/* As typed; strings are borrowed. Times in ms, 0 = not given. */
struct judged_options {
	const char *policy, *endpoint, *prometheus;
	const char *stable, *candidate, *counts; /* of a CSV: the arms' names; interval or total */
	int64_t for_ms, every_ms, from_ms, until_ms;
	int json;
};

struct judged {
	struct trial *trial; /* owned */
	struct trial_card card;
	int64_t begun, fed; /* ticks: the first and last that were fed, INT64_MIN = none */
	enum judge_verdict told;
	int any, json, live; /* live: a line that is written over on a terminal */
};

/* --NAME VALUE of counts: 1 taken, 0 it is none of them, -1 refused. */
int judged_option(struct judged_options *o, const char *name, const char *value, struct err *e);

/* The endpoint of the policy. 0, or an ERR_* with a sentence. */
int judged_policy(const struct judged_options *o, struct spec_endpoint *out, struct err *e);

/* Begins a trial by what the endpoint says; ended by judged_release(). */
int judged_open(struct judged *j, const struct spec_endpoint *ep, int json, struct err *e);
void judged_release(struct judged *j);

/* Feeds the counts of a tick, and judges it. arg is a struct judged. */
void judged_take(void *arg, const struct judge_counts *c);

/* Judges what lies before `before`; prints a change of the verdict. */
void judged_close(struct judged *j, int64_t before);

/* Whether it is over before its time. */
int judged_is_over(const struct judged *j);

/* Judges what is left (until: second of the end, INT64_MIN = after the last that was fed), prints
 * the card, and gives the exit code. lack: why there may be no numbers, "" = unknown. */
int judged_finish(struct judged *j, int64_t until, const char *lack);

/* Tells why nothing can be judged, as JSON where that was asked for; gives EXIT_USAGE: what failed
 * must not be taken for harm. */
int judged_refuse(int json, const struct err *e);

/* The two sources; both give the exit code. */
int judge_csv(const struct judged_options *o, FILE *f, const char *name);
int judge_metrics(const struct judged_options *o);

#endif
