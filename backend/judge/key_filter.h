/* key_filter.h: which requests count. The unit of a trial is the split key: only the first request
 * of each key in each step, with the probability that it had of being on the candidate given what
 * was known of the key: w for a new one, (w2 - w1)/(1 - w1) for one seen on stable at w1, and none
 * for one that was on the candidate. Exact, as buckets are uniform and salted for each rollout.
 * Bounded memory: 8 bytes a slot. When three quarters are taken, half of all keys (by a hash that
 * has nothing to do with the arm) stop counting for good, so that a busy rollout counts a sample
 * and never forgets a key that it counts. Two keys are confused with probability 2^-56 a pair. */
#ifndef PITHEAD_BACKEND_JUDGE_KEY_FILTER_H
#define PITHEAD_BACKEND_JUDGE_KEY_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"
#include "backend/base/err.h"

#define KEY_FILTER_SHARES  250
#define KEY_FILTER_CHANGES 4096

struct key_filter {
	uint64_t *slots; /* owned; fingerprint << 8 | state, 0 = free */
	uint32_t capacity, used;
	uint32_t sample_bits; /* one key in 2^this counts */
	double shares[KEY_FILTER_SHARES];
	int share_count;
	uint64_t *changes; /* owned; slots written since key_filter_take_changes() */
	int change_count, changes_lost;
};

/* `slots` (a power of two, at least 64) keys of 8 bytes each. */
void key_filter_init(struct key_filter *f, uint32_t slots);
void key_filter_release(struct key_filter *f);

/* A request with this key was routed while `share` was in force. Returns the probability with which
 * it counts, 0 = it does not count. 0 < share < 1. */
double key_filter_see(struct key_filter *f, uint64_t key, double share, int candidate);

/* Slots that were written since the last call, for a store that appends them to what it has: up to
 * KEY_FILTER_CHANGES into out. Returns their number, or -1: there were more, save the whole. */
int key_filter_take_changes(struct key_filter *f, uint64_t *out);

/* Appends the whole filter to out; fills an initialised one of the same capacity from it (0, or
 * ERR_INVALID with a sentence, and the filter as it was); puts changed slots into a loaded one. */
void key_filter_save(const struct key_filter *f, struct buf *out);
int key_filter_load(struct key_filter *f, const void *data, size_t n, struct err *e);
void key_filter_apply(struct key_filter *f, const uint64_t *changes, int count);

#endif
