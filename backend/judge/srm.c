/* srm.c: the sample-ratio test. See srm.h. */
#include "backend/judge/srm.h"

#include <math.h>

#include "backend/judge/eprocess.h"

void srm_fold(struct srm *s, double w, double candidate, double stable)
{
	double q = eprocess_clamp(
		w + (s->candidate - s->expected) / (s->n + 1000), .05 * w, 1 - .05 * (1 - w));

	s->log_e += candidate * log(q / w) + stable * log((1 - q) / (1 - w));
	s->candidate += candidate;
	s->n += candidate + stable;
	s->expected += w * (candidate + stable);
}
