/* arm_charts.h: both arms over time: errors, latency, Brier score, share and traffic. */
#ifndef PITHEAD_PANES_ARM_CHARTS_H
#define PITHEAD_PANES_ARM_CHARTS_H

#include "tui/canvas.h"
#include "tui/client/snapshot.h"
#include "tui/timefmt.h"

struct arm_charts {
	const struct node *series;	/* the answer of /v1/endpoints/{e}/series; NULL: none yet */
	const char *stable, *candidate; /* versions' names for the legend; "" = none */
	enum timefmt_zone zone;
	int64_t from_us, to_us; /* what is shown; 0, 0: from the first data on, 2 min at least */
};

/* Draws as many of the charts into r as fit: side by side when wide, below one another when tall.
 * Where there is no data there is no line. */
void arm_charts_draw(struct canvas *c, struct rect r, const struct arm_charts *a);

#endif
