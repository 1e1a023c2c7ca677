/* drift.c: distances between samples, for display. See drift.h. */
#include "backend/judge/drift.h"

#include <math.h>

#include "backend/judge/eprocess.h"

static double total(const double *v, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

/* What an empty bin is taken for. */
static double filler(const double *count, int bins, double n)
{
	double least = INFINITY;

	for (int b = 0; b < bins; b++)
		if (count[b] > 0 && count[b] / n < least)
			least = count[b] / n;
	return least <= 1e-4 ? least / 1e6 : 1e-4;
}

double drift_psi_plain(const double *reference, const double *current, int bins)
{
	double n = total(reference, bins), m = total(current, bins), sum = 0, r, c;
	double fill_r = filler(reference, bins, n), fill_c = filler(current, bins, m);

	for (int b = 0; b < bins; b++) {
		r = reference[b] > 0 ? reference[b] / n : fill_r;
		c = current[b] > 0 ? current[b] / m : fill_c;
		sum += (r - c) * log(r / c);
	}
	return sum;
}

double drift_js(const double *reference, const double *current, int bins, double base)
{
	double n = total(reference, bins), m = total(current, bins), sum = 0, p, q, mid;

	for (int b = 0; b < bins; b++) {
		p = reference[b] / n;
		q = current[b] / m;
		mid = (p + q) / 2;
		sum += p > 0 ? p * log(p / mid) : 0;
		sum += q > 0 ? q * log(q / mid) : 0;
	}
	return sqrt(fmax(sum / 2, 0) / (base > 0 ? log(base) : 1));
}

double drift_ks(const double *reference, int n, const double *current, int m)
{
	double most = 0, at, gap;

	for (int i = 0, j = 0; i < n || j < m;) {
		at = j >= m || (i < n && reference[i] <= current[j]) ? reference[i] : current[j];
		while (i < n && reference[i] == at)
			i++;
		while (j < m && current[j] == at)
			j++;
		gap = fabs((double)i / n - (double)j / m);
		most = fmax(most, gap);
	}
	return most;
}

/* Over the population (ddof = 0). */
static double deviation(const double *v, int n)
{
	double mean = total(v, n) / n, sum = 0;

	for (int i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return sqrt(sum / n);
}

double drift_wasserstein(const double *reference, int n, const double *current, int m)
{
	double sum = 0, at, next;
	int i = 0, j = 0;

	while (i < n || j < m) {
		at = j >= m || (i < n && reference[i] <= current[j]) ? reference[i] : current[j];
		while (i < n && reference[i] == at)
			i++;
		while (j < m && current[j] == at)
			j++;
		if (i >= n && j >= m)
			break;
		next = j >= m || (i < n && reference[i] <= current[j]) ? reference[i] : current[j];
		sum += fabs((double)i / n - (double)j / m) * (next - at);
	}
	return sum / fmax(deviation(reference, n), .001);
}

double drift_band(double n, double alpha)
{
	return .85 * sqrt((log(log(M_E * n)) + .8 * log(1612 / alpha)) / n);
}
