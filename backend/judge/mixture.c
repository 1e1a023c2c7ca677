/* mixture.c: the mixture over steps. See mixture.h. */
#include "backend/judge/mixture.h"

#include <math.h>

#include "backend/judge/eprocess.h"

void mixture_init(struct mixture *m, int slots)
{
	*m = (struct mixture){.slots = slots, .log_finished = -INFINITY};
}

int mixture_next(struct mixture *m, double log_e_step)
{
	if (m->current + 1 >= m->slots)
		return 0;
	m->log_finished = eprocess_log_add(m->log_finished, log_e_step);
	m->current++;
	return 1;
}

double mixture_log_e(const struct mixture *m, double log_e_global, double log_e_step)
{
	double steps = eprocess_log_add(m->log_finished, log_e_step);
	int unopened = m->slots - 1 - m->current;

	if (unopened > 0)
		steps = eprocess_log_add(steps, log((double)unopened));
	return log(.5) + eprocess_log_add(log_e_global, steps - log((double)m->slots));
}
