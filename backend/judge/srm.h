/* srm.h: did the candidate get the share of requests that routing says? (section 2.5: sample-ratio
 * mismatch). q = w + (n_c - expected)/(n + 1000), clamped to [.05 w, 1 - .05(1 - w)], from earlier
 * ticks; a request of the candidate pays q/w, one of stable (1-q)/(1-w). A rejection makes the
 * rollout INVALID: what is counted is not what was routed. Run also on answers with a score and on
 * labels, where it finds what only one arm fails to deliver. */
#ifndef PITHEAD_BACKEND_JUDGE_SRM_H
#define PITHEAD_BACKEND_JUDGE_SRM_H

struct srm {
	double log_e;
	double n, candidate, expected;
};

/* One tick's requests, all with share w. 0 < w < 1. Starts from a zeroed struct. */
void srm_fold(struct srm *s, double w, double candidate, double stable);

#endif
