/* calibration.c: calibration error and the parts of the Brier score. See calibration.h. */
#include "backend/judge/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

struct bin {
	double n, y, p;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Inner edges at the quantiles, with straight lines between the values (the usual percentile). */
static void edges_by_mass(const double *p, int n, int bins, double *edges)
{
	double *sorted = xcalloc((size_t)n, sizeof *sorted), at;

	memcpy(sorted, p, (size_t)n * sizeof *sorted);
	qsort(sorted, (size_t)n, sizeof *sorted, by_value);
	for (int b = 1; b < bins; b++) {
		int i;

		at = (double)b / bins * (n - 1);
		i = (int)at;
		edges[b - 1] = i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i])
					 : sorted[n - 1];
	}
	free(sorted);
}

static void fill(
	const double *y, const double *p, int n, const double *edges, int bins, struct bin *out)
{
	memset(out, 0, (size_t)bins * sizeof *out);
	for (int i = 0; i < n; i++) {
		int b = 0;

		while (b < bins - 1 && edges[b] < p[i])
			b++;
		out[b].n++;
		out[b].y += y[i];
		out[b].p += p[i];
	}
}

static double ece(const struct bin *b, int bins, int n)
{
	double sum = 0;

	for (int i = 0; i < bins; i++)
		if (b[i].n > 0)
			sum += fabs(b[i].y - b[i].p) / n;
	return sum;
}

static void parts(const struct bin *b, int bins, int n, double o, struct calibration *c)
{
	for (int i = 0; i < bins; i++) {
		double ybar, pbar, gap;

		if (b[i].n <= 0)
			continue;
		ybar = b[i].y / b[i].n;
		pbar = b[i].p / b[i].n;
		gap = (ybar - pbar) * (ybar - pbar);
		c->rel += b[i].n / n * gap;
		c->res += b[i].n / n * (ybar - o) * (ybar - o);
		if (b[i].n > 1)
			c->ece_squared_debiased +=
				b[i].n / n * (gap - ybar * (1 - ybar) / (b[i].n - 1));
	}
	c->unc = o * (1 - o);
	c->wb = c->brier - (c->rel - c->res + c->unc);
}

struct calibration calibration_of(const double *y, const double *p, int n, int bins)
{
	double edges[CALIBRATION_BINS], o = 0;
	struct bin b[CALIBRATION_BINS];
	struct calibration c = {0};

	must(n >= 1 && bins >= 1 && bins <= CALIBRATION_BINS);
	for (int i = 0; i < n; i++) {
		c.brier += calibration_brier(p[i], y[i]) / n;
		o += y[i] / n;
	}
	for (int i = 1; i < bins; i++)
		edges[i - 1] = (double)i / bins;
	fill(y, p, n, edges, bins, b);
	c.ece_width = ece(b, bins, n);
	edges_by_mass(p, n, bins, edges);
	fill(y, p, n, edges, bins, b);
	c.ece_mass = ece(b, bins, n);
	parts(b, bins, n, o, &c);
	return c;
}

double calibration_brier(double score, double outcome)
{
	return (score - outcome) * (score - outcome);
}

double calibration_residual(double score, double outcome)
{
	return (score - outcome + 1) / 2;
}
