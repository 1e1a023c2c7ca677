/* trial_store.h: what is kept of a rollout's trial, in the telemetry database and its batches: what
 * it was set up with, the journal of what it was fed, its state now and then, points for charts;
 * and in the state database the verdict cards. Bytes are kept as base64. All calls return 0 or a
 * negative ERR_*; "find" 1 found, 0 not. */
#ifndef PITHEAD_BACKEND_STORE_TRIAL_STORE_H
#define PITHEAD_BACKEND_STORE_TRIAL_STORE_H

#include "backend/store/store.h"

/* A new trial of a rollout, with an empty journal. */
int trial_store_begin(struct store *s, int64_t rollout, const char *setup, struct err *e);
/* Appends to out what it was set up with. */
int trial_store_find_setup(struct store *s, int64_t rollout, struct buf *out, struct err *e);

/* Appends n bytes to the journal as its entry `seq` (1, 2, …), and notes up to when outcomes have
 * been taken. */
int trial_store_append(struct store *s, int64_t rollout, int64_t seq, const void *data, size_t n,
	int64_t matured_us, struct err *e);

/* Keeps the state as it is after the journal's entry `seq`. */
int trial_store_keep(
	struct store *s, int64_t rollout, int64_t seq, const void *state, size_t n, struct err *e);

/* The kept state (bytes appended to out; none: *seq = 0), and up to when outcomes were taken. */
int trial_store_find_state(struct store *s, int64_t rollout, struct buf *out, int64_t *seq,
	int64_t *matured_us, struct err *e);

/* The journal's entries after `after`, at most `most`: fn gets the bytes of each. */
typedef int (*trial_on_entry)(void *arg, int64_t seq, const void *data, size_t n);
int trial_store_list(struct store *s, int64_t rollout, int64_t after, int most, trial_on_entry fn,
	void *arg, struct err *e);

/* Points of the charts, oldest first. */
typedef int (*trial_on_point)(void *arg, int64_t at_us, const char *json);
int trial_store_add_point(
	struct store *s, int64_t rollout, int64_t at_us, const char *json, struct err *e);
int trial_store_list_points(
	struct store *s, int64_t rollout, trial_on_point fn, void *arg, struct err *e);

/* Forgets the journals, states and points of trials begun before oldest_us. */
int trial_store_drop(struct store *s, int64_t oldest_us, struct err *e);

/* Outcomes of counted requests of a rollout that were routed in [from_us, to_us), by time of
 * routing, id and name. */
struct mature_row {
	int arm;
	double counted_w, score, value;
	char segment[NAME_SIZE], name[NAME_SIZE];
};
typedef int (*trial_on_mature)(void *arg, const struct mature_row *r);
int trial_store_list_mature(struct store *s, int64_t rollout, int64_t from_us, int64_t to_us,
	trial_on_mature fn, void *arg, struct err *e);

/* Answer times (ms) of a version since since_us, the newest `most` of them. */
typedef int (*trial_on_latency)(void *arg, double answer_ms);
int trial_store_list_latencies(struct store *s, const char *endpoint, const char *version,
	int64_t since_us, int most, trial_on_latency fn, void *arg, struct err *e);

/* The newest `most` requests of an endpoint since since_us that had a split key: how many, and how
 * many keys they had. */
int trial_store_count_keys(struct store *s, const char *endpoint, int64_t since_us, int most,
	int64_t *requests, int64_t *keys, struct err *e);

/* The `most` busiest segments of an endpoint since since_us, the busiest first. */
typedef int (*trial_on_segment)(void *arg, const char *segment, int64_t requests);
int trial_store_list_segments(struct store *s, const char *endpoint, int64_t since_us, int most,
	trial_on_segment fn, void *arg, struct err *e);

/* Verdict cards, in the state database and its open transaction: number 1, 2, … by rollout. */
int store_add_card(struct store *s, int64_t rollout, int64_t at_us, const char *kind,
	const char *json, struct err *e);
typedef int (*store_on_card)(
	void *arg, int64_t number, int64_t at_us, const char *kind, const char *json);
int store_list_cards(struct store *s, int64_t rollout, store_on_card fn, void *arg, struct err *e);

#endif
