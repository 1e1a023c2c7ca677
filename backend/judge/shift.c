/* shift.c: guess the arm from the bin. See shift.h. */
#include "backend/judge/shift.h"

#include <math.h>

static const double kappas[SHIFT_KAPPAS] = {30, 300};
static const double halves[SHIFT_KAPPAS] = {.5, .5};

void shift_init(struct shift *s, int bins)
{
	*s = (struct shift){.bins = bins};
}

void shift_fold(struct shift *s, double w, const double *candidate, const double *stable)
{
	double nc = 0, ns = 0, k, pooled, r, den;

	for (int b = 0; b < s->bins; b++) {
		nc += s->candidate[b];
		ns += s->stable[b];
	}
	for (int j = 0; j < SHIFT_KAPPAS; j++) {
		k = kappas[j];
		for (int b = 0; b < s->bins; b++) {
			if (candidate[b] + stable[b] <= 0)
				continue;
			pooled = (s->candidate[b] + s->stable[b] + 1) / (nc + ns + s->bins);
			r = ((s->candidate[b] + k * pooled) / (nc + k)) /
			    ((s->stable[b] + k * pooled) / (ns + k));
			den = w * r + 1 - w;
			s->log_w[j] += candidate[b] * log(r / den) - stable[b] * log(den);
		}
	}
	for (int b = 0; b < s->bins; b++) {
		s->candidate[b] += candidate[b];
		s->stable[b] += stable[b];
	}
}

double shift_log_e(const struct shift *s)
{
	return eprocess_log_mix(s->log_w, halves, SHIFT_KAPPAS);
}

struct psi psi_smooth(const double *reference, const double *current, int bins)
{
	double nr = 0, nc = 0, noise, p, q;
	struct psi out = {0};

	for (int b = 0; b < bins; b++) {
		nr += reference[b];
		nc += current[b];
	}
	for (int b = 0; b < bins; b++) {
		p = (reference[b] + .5) / (nr + .5 * bins);
		q = (current[b] + .5) / (nc + .5 * bins);
		out.psi += (p - q) * log(p / q);
	}
	if (nr <= 0 || nc <= 0)
		return (struct psi){0};
	noise = 1 / nr + 1 / nc;
	out.adjusted = fmax(0, out.psi - (bins - 1) * noise);
	out.z = out.psi / noise;
	return out;
}

int shift_bin(double value, int bins)
{
	int b;

	if (isnan(value))
		return -1;
	b = (int)(eprocess_clamp(value, 0, 1) * bins);
	return b >= bins ? bins - 1 : b;
}
