/* calibration.h: how well scores are probabilities (section 5.1): expected calibration error and
 * the Brier score's parts. Diagnostics for the card; what decides is Brier and calibration in the
 * large through bounded_mean.h. Pure, apart from a sorted copy that is freed. */
#ifndef PITHEAD_BACKEND_JUDGE_CALIBRATION_H
#define PITHEAD_BACKEND_JUDGE_CALIBRATION_H

#define CALIBRATION_BINS 50

struct calibration {
	double ece_mass, ece_width;  /* bins of equal mass, of equal width; empty ones dropped */
	double ece_squared_debiased; /* equal mass; what noise alone gives is taken off */
	double brier;		     /* = rel - res + unc + wb */
	double rel, res, unc, wb;    /* over the bins of equal mass; wb = within the bins */
};

/* n >= 1 outcomes y (0 or 1) and scores p in [0,1], 1..CALIBRATION_BINS bins. */
struct calibration calibration_of(const double *y, const double *p, int n, int bins);

/* The two values that the bounded mean is run on: the Brier score of one answer, and its residual
 * as a number in [0,1], where a margin d of the mean residual becomes d/2. */
double calibration_brier(double score, double outcome);
double calibration_residual(double score, double outcome);

#endif
