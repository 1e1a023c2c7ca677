/* band.h: how much the candidate differs from stable, with a 95 % band that holds at all times at
 * once: the chance that it ever leaves the truth out is 5 %, however often one looks. For display
 * beside the e-values, which decide.
 *
 * Means and rates, y in [0,1]. With m_c, m_s the arms' means of earlier ticks and w the recorded
 * share, each request gives
 *   x = (1-w)(y - m_c) + h(m_c - m_s)   on the candidate,   h = w(1-w)
 *   x =   -w (y - m_s) + h(m_c - m_s)   on stable,
 * and E[x | past] = h (mu_c - mu_s) whatever m_c and m_s are, so that load that both arms share and
 * a share that rises cannot feign a difference. Shown is S/H, S = sum x, H = sum h; around it
 *   sqrt((V + rho) log((V + rho)/(rho alpha^2))) / H
 * the normal mixture boundary (Robbins 1970; Howard, Ramdas, McAuliffe, Sekhon 2021, prop. 5) at
 * the estimated variance V of S (asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha,
 * Kennedy, Ramdas 2024). V is the larger of sum x^2 less its mean part, and
 * sum w(1-w)^2 var_c + sum w^2(1-w) var_s, where four values at each end of [0,1] are added to
 * each arm: few events must not look like certainty. rho makes it narrowest at some 1000 requests
 * on the candidate.
 *
 * Latency: the candidate is X slower at a quantile when it is above (1 + X) q as often as stable is
 * above q. For each X of a grid the same band of that difference is looked at: those X whose band
 * holds 0 are the band of the slowdown. q is stable's quantile of earlier ticks (exceedance.h); a
 * sum in units of 2^-24 needs no order of its terms. Pure; no memory of its own. */
#ifndef PITHEAD_BACKEND_JUDGE_BAND_H
#define PITHEAD_BACKEND_JUDGE_BAND_H

#include "backend/judge/proportion.h"

#define BAND_ALPHA .05
#define BAND_BINS  48 /* of L/q: 0.55 to 6, each 5 % wide */

struct band {
	double rho, mean0;		 /* mean0: of stable, as believed beforehand */
	double n[2], sum[2], squares[2]; /* stable, candidate */
	double m[2];			 /* of earlier ticks, while a tick is folded */
	double s, h, x_squares, h_squares;
	double variance_weight[2]; /* sum w^2(1-w), sum w(1-w)^2 */
};

struct slowdown {
	double p; /* the quantile */
	/* In 2^-24: candidate's 1-w by L/q (the last is above all), stable's w above q. */
	int64_t above[BAND_BINS + 1], stable_above;
	int64_t weight[2]; /* sum of w over stable, of 1-w over the candidate */
	int64_t centre;	   /* sum of (A - w) ps */
	int64_t h, variance_weight[2];
	int64_t n[2];
};

/* What is shown: candidate less stable, NAN = unknown. Of a slowdown: 0.1 = 10 % slower; what lies
 * beyond the grid is given as its end, and the effect only with three answers above the mark to be
 * expected of the candidate. */
struct band_range {
	double effect, low, high;
};

/* Starts empty; mean and deviation of stable's values as believed beforehand (any are valid). */
void band_init(struct band *b, double mean0, double sd0);

/* A tick: band_begin() once, then its values, each with its own share, or its counts. 0 < w < 1. */
void band_begin(struct band *b);
void band_add(struct band *b, int candidate, double w, double y);
void band_counts(struct band *b, double w, const struct tick_counts *c);

struct band_range band_read(const struct band *b);

/* Starts empty, for stable's quantile p. */
void slowdown_init(struct slowdown *s, double p);

/* One latency (INFINITY = no answer) of a request with share w; q and ps as aimed at when its tick
 * began: stable's quantile, and how often stable is expected above it. */
void slowdown_add(
	struct slowdown *s, int candidate, double w, double latency_s, double q, double ps);

struct band_range slowdown_read(const struct slowdown *s);

#endif
