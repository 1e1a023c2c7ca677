/* trial.h: a rollout on trial: which answers count (the first of each split key in each step), what
 * is judged of them (all traffic, and each segment by itself), and what stands. The live engine and
 * `rollout replay` feed the same code with the same entries in the same order and get the same
 * bits. Pure: no clock, no I/O. Memory: trial_bytes(), fixed at the start.
 *
 * Segments have their own judges, one for each declared segment and one for the rest. They share
 * the false-abort budget with the judge of all traffic, half and half. Their harm ends the rollout;
 * their OK is needed in a segmented rollout only, where they alone are judged. */
#ifndef PITHEAD_BACKEND_TRIAL_TRIAL_H
#define PITHEAD_BACKEND_TRIAL_TRIAL_H

#include <stdint.h>

#include "backend/judge/key_filter.h"
#include "backend/judge/rollout_judge.h"

#define TRIAL_SEGMENTS 16
#define TRIAL_PARTS    (TRIAL_SEGMENTS + 1) /* and all others together */
#define TRIAL_KEYS     (1u << 18)	    /* keys remembered: 2 MB */

/* Where the values of a mean come from: the answer itself, or an outcome that comes later. */
enum trial_source {
	TRIAL_NONE, /* errors and latency: the judge's own */
	TRIAL_SCORE,
	TRIAL_UNSURE,
	TRIAL_BRIER,
	TRIAL_LOG_LOSS,
	TRIAL_CALIBRATION,
	TRIAL_DISTANCE,
	TRIAL_OUTCOME
};

struct trial_signal {
	enum trial_source source;
	char outcome[64]; /* the posted name that it is made of; "" for what an answer tells */
	double low, high; /* bounds of the value; mapped to 0..1 for the judge */
	int lower_is_worse;
	char unit[8];	     /* "%", "ms", "": in which it is shown */
	char effect_unit[8]; /* "pp", "%", "" */
	int decimals;
};

struct trial_config {
	struct judge_config whole;
	struct judge_config part;			 /* of one segment */
	struct trial_signal signals[JUDGE_MOST_SIGNALS]; /* beside whole.signals, and part's */
	char segments[TRIAL_SEGMENTS][64];
	int segment_count;	/* 0: segments are not judged by themselves */
	int segments_alone;	/* a segmented rollout */
	int64_t maturity_ticks; /* outcomes count this long after their request, on both arms */
	int64_t grace_ticks;	/* a step so young is undecided where it has no data yet */
	double psi_warn;	/* of the score's shift; 0 = not watched */
};

/* One answer of the gateway. */
struct trial_answer {
	int64_t routed_us;
	int candidate, failed, share_bp;
	uint64_t key;	    /* of the split key; 0 = none: such a request stands for itself */
	int64_t latency_us; /* -1 = no answer */
	double score;	    /* NAN = unread */
	char segment[64], server[64];
};

/* One outcome that is mature. */
struct trial_label {
	int candidate;
	double w; /* as trial_answer() returned it when the request was routed */
	double score, value;
	char name[64], segment[64];
};

struct trial;

/* config must be valid (trial_config_check). */
int trial_config_check(const struct trial_config *c, struct err *e);
struct trial *trial_new(const struct trial_config *c);
void trial_free(struct trial *t);
size_t trial_bytes(const struct trial *t);
const struct trial_config *trial_get_config(const struct trial *t);

/* A latency of stable from before the rollout, in microseconds. */
void trial_warm(struct trial *t, int64_t latency_us);

/* Takes an answer into its second. Returns the probability with which it counts, 0 = it does not:
 * the caller keeps it beside the request for the day its outcome comes. */
double trial_take_answer(struct trial *t, const struct trial_answer *a);

/* Takes what somebody else counted between the tick before and this one (c->share is not read: who
 * routes has told nobody). Counts wait until both arms have some, for missing_after ticks at most;
 * a share that moves by half begins a step. For a trial that is fed nothing else. Returns the
 * second before which all may be judged now: where nothing came of an arm, something may still
 * come. */
int64_t trial_take_counts(struct trial *t, const struct judge_counts *c);

/* The newest tick that was taken so, INT64_MIN = none. Those up to it are not taken again. */
int64_t trial_counts_until(const struct trial *t);

/* From second `tick` on the rollout stands at another step: `share` of the segment (of all traffic
 * where it is "" ). Nothing is ok until answers of this step have been judged. A segmented rollout
 * is told here which of its segments, or "other", decides. */
void trial_set_stage(struct trial *t, int64_t tick, const char *segment, double share);

/* What it was told last: the segment ("" = all traffic, or never told) and its share. */
void trial_get_stage(const struct trial *t, char segment[64], double *share);

/* Takes a mature outcome, in the second `tick`. */
void trial_take_label(struct trial *t, int64_t tick, const struct trial_label *l);

/* Closes and judges all seconds before `before`. Returns how many looks were taken. */
int trial_close(struct trial *t, int64_t before);

/* The verdict of all that is judged; `part` gets the segment's index where one decided, -1 else. */
enum judge_verdict trial_verdict(const struct trial *t, int *part);

/* The verdict on one segment by itself, and its name ("other" for the last). */
enum judge_verdict trial_part_verdict(const struct trial *t, int part);
const char *trial_part_name(const struct trial *t, int part);
int trial_part_find(const struct trial *t, const char *segment);

/* The state as bytes, appended to out; and back into a trial of the same configuration: NULL with
 * ERR_INVALID and a sentence when the bytes do not fit. */
void trial_save(const struct trial *t, struct buf *out);
struct trial *trial_load(const struct trial_config *c, const void *data, size_t n, struct err *e);

#endif
