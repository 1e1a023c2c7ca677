/* shift.h: do the arms' values fall into the same bins in the same proportions? (section 2.4). Each
 * request bets on its arm from its bin: r_b = the bin's rate on the candidate over that on stable,
 * shrunk to the pooled rate with weight kappa in {30, 300}; a request of the candidate pays
 * r/(w r + 1 - w), one of stable 1/(w r + 1 - w). Exact when the arm is random given the past.
 * Evidence says "real"; psi_adj says "material": both are needed before anything is done.
 * Score shift is a gate to acknowledge; feature shift under random routing is a fault of routing or
 * of the log. */
#ifndef PITHEAD_BACKEND_JUDGE_SHIFT_H
#define PITHEAD_BACKEND_JUDGE_SHIFT_H

#include "backend/judge/eprocess.h"

#define SHIFT_BINS   10
#define SHIFT_KAPPAS 2

struct shift {
	int bins; /* 2..SHIFT_BINS */
	double candidate[SHIFT_BINS], stable[SHIFT_BINS];
	double log_w[SHIFT_KAPPAS];
};

/* Starts at E = 1. */
void shift_init(struct shift *s, int bins);

/* One tick's counts for each bin, all with share w. 0 < w < 1. */
void shift_fold(struct shift *s, double w, const double *candidate, const double *stable);

/* log E. */
double shift_log_e(const struct shift *s);

/* Population stability index of two histograms with half a count added to each bin, its value less
 * what noise alone gives (never below 0), and its chi-square score with bins - 1 degrees. */
struct psi {
	double psi, adjusted, z;
};
struct psi psi_smooth(const double *reference, const double *current, int bins);

/* The bin of a value in [0,1] among equal ones; -1 for NaN. */
int shift_bin(double value, int bins);

#endif
