/* stage.h: where a rollout stands on its way: the steps of all traffic one after the other, or, for
 * a segmented one, all steps for its first segment, then for the next, and at last for whoever is
 * in none of them. Who has gone through stays at the last step's share, so that both versions go on
 * being compared there. */
#ifndef PITHEAD_BACKEND_ACTS_STAGE_H
#define PITHEAD_BACKEND_ACTS_STAGE_H

#include "backend/spec/spec.h"
#include "backend/store/rows.h"

#define STAGE_OTHER "other" /* all segments that are not named */

struct stages {
	struct spec_step steps[SPEC_STEPS];
	int step_count;
	char segments[SPEC_SEGMENTS][NAME_SIZE];
	int segment_count; /* 0: all traffic goes the same way */
};

/* Reads what r goes through. 0, or ERR_INVALID when its text cannot be read. */
int stages_read(const struct rollout_row *r, struct stages *out, struct err *e);

/* How many there are; stages of r are 0 .. count - 1, in their order. */
int stages_count(const struct stages *s);

/* The segment of stage i: a name, STAGE_OTHER, or "" for all traffic; and its step. */
const char *stages_segment(const struct stages *s, int i);
const struct spec_step *stages_step(const struct stages *s, int i);

/* The share, at stage i, of all who are in no named segment: what the endpoint's row says. */
int stages_base_bp(const struct stages *s, int i);

/* The share of a named segment at stage i; -1 = it has not come to it yet, or it has no name. */
int stages_segment_bp(const struct stages *s, int i, const char *segment);

/* The stage after the one that r stands at, -1 = it is the last: promotion comes next. At 100 %
 * there is nothing to compare with, so that such a step is the promotion. */
int stages_next(const struct stages *s, const struct rollout_row *r);

/* Puts r on stage i, with what goes with it: the endpoint's own share and, for a named segment, its
 * override (out->segment is "" otherwise). */
void stages_enter(const struct stages *s, int i, struct rollout_row *r, struct endpoint_row *row,
	struct override_row *out);

/* "ORD at 20 %" or "20 %". */
void stage_describe(const struct rollout_row *r, char *out, size_t size);

#endif
