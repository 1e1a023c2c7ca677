/* drift.h: distances between two samples as the well-known libraries compute them (section 5.1),
 * for display and for baselines that are not randomised. Nothing here decides a rollout: fixed
 * thresholds on these have 86 to 93 % false alarms at 50 samples. Pure; arrays are borrowed. */
#ifndef PITHEAD_BACKEND_JUDGE_DRIFT_H
#define PITHEAD_BACKEND_JUDGE_DRIFT_H

/* PSI over given bins with Evidently's rule for empty bins (each side on its own: 1e-4, or a
 * millionth of the smallest share when that is below 1e-4). Counts, not shares. */
double drift_psi_plain(const double *reference, const double *current, int bins);

/* Jensen-Shannon distance (the root) of two histograms; base = 0 for nats, 2 for bits. */
double drift_js(const double *reference, const double *current, int bins, double base);

/* Kolmogorov-Smirnov distance and Wasserstein distance over the reference's deviation (at least
 * 0.001) of two samples that are sorted in ascending order. */
double drift_ks(const double *reference, int n, const double *current, int m);
double drift_wasserstein(const double *reference, int n, const double *current, int m);

/* Half-width of a band around an empirical distribution function that holds at all times with
 * probability 1 - alpha: .85 sqrt((ln ln(e n) + .8 ln(1612/alpha))/n). One arm; n >= 1. */
double drift_band(double n, double alpha);

#endif
