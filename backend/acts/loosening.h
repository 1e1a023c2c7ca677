/* loosening.h: walks two specs and asks policy/loosen.h what of it is weaker than before. */
#ifndef PITHEAD_BACKEND_ACTS_LOOSENING_H
#define PITHEAD_BACKEND_ACTS_LOOSENING_H

#include "backend/acts/acts.h"

/* Fills plan's loosens and approvals from what `want` changes of the recorded spec. Of a project's
 * first spec nothing loosens. The approvals asked for are those of the old tiers of the endpoints
 * concerned: of the one, of all in the tier, or (for access) of all in the project. */
void loosening_fill(struct world *w, const struct spec *want, struct spec_plan *plan);

#endif
