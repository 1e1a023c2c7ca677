/* shadow.h: what is judged of a rollout whose candidate answers copies of stable's requests: pairs.
 * Each request is seen by both versions, so that what they share cancels out and no routing is
 * needed. Means, each above or below its limit (judge/paired.h):
 *   error_rate      of failed(candidate) - failed(stable), between -1 and 1
 *   score_distance  of |score(candidate) - score(stable)|, scaled to 0..1
 *   calibration     of score(candidate) - score(stable), either way: the outcome is the same for
 * both, so that the difference of their calibrations needs none brier           of their Brier
 * scores' difference, where an outcome came The false-abort budget is split over them evenly; HARM
 * when log(mean of E) >= log(1/alpha), for ever. OK when each has proven, in pairs from the first
 * on, that it is below its limit. Answer times are told and decide nothing: a copy does not travel
 * as a request does. Pure: no clock, no I/O. */
#ifndef PITHEAD_BACKEND_TRIAL_SHADOW_H
#define PITHEAD_BACKEND_TRIAL_SHADOW_H

#include "backend/spec/spec.h"
#include "backend/trial/trial_card.h"

enum shadow_signal {
	SHADOW_ERRORS,
	SHADOW_DISTANCE,
	SHADOW_CALIBRATION,
	SHADOW_BRIER,
	SHADOW_SIGNALS
};

struct shadow_config {
	struct {
		int judged;	 /* else it is not there */
		int late;	 /* its outcomes come too late to wait for: harm only */
		double ok, harm; /* OK proves less than ok, HARM more than harm; in 0..1 */
	} signals[SHADOW_SIGNALS];
	double low, high; /* bounds of the scores */
	double alpha_harm, alpha_ok;
	double least; /* pairs before OK */
};

/* What both versions made of one request. */
struct shadow_pair {
	char id[40]; /* of stable's request */
	int64_t second;
	int failed[2], status[2]; /* stable, candidate; status 0 = no answer */
	double score[2];	  /* NAN = unread */
	double ms[2];		  /* to the first byte, -1 = none */
};

struct shadow;

/* From the endpoint's spec: its limits of error_rate, calibration and brier, `differ`,
 * `false-abort`. */
void shadow_config_init(struct shadow_config *c, const struct spec_endpoint *ep);

struct shadow *shadow_new(const struct shadow_config *c);
void shadow_free(struct shadow *s); /* NULL is allowed */

/* All that it has counted and proven, as bytes appended to out, and back. NULL with ERR_INVALID
 * when they are damaged, or of another config: what was staked against other limits proves nothing.
 */
void shadow_save(const struct shadow *s, struct buf *out);
struct shadow *shadow_load(
	const struct shadow_config *c, const void *data, size_t n, struct err *e);

/* Stakes are set from what earlier looks taught; then come the pairs and outcomes until the next
 * look, in any order. now: UTC seconds. */
void shadow_look(struct shadow *s, int64_t now);
void shadow_add_pair(struct shadow *s, const struct shadow_pair *p);

/* What became of a request (0 or 1) whose two scores were these. */
void shadow_add_outcome(struct shadow *s, const double score[2], double outcome);

/* Copies that could not be sent or paired: told on the card. */
void shadow_add_dropped(struct shadow *s, int64_t n);

/* The card as of now, in the form of a trial's; `share` is 0. */
void shadow_read(const struct shadow *s, struct trial_card *out);

#endif
