/* arm_charts.h: both arms over time: traffic and the candidate's share, errors, latency. */
#ifndef PITHEAD_PANES_ARM_CHARTS_H
#define PITHEAD_PANES_ARM_CHARTS_H

#include "tui/canvas.h"
#include "tui/client/snapshot.h"
#include "tui/timefmt.h"

/* Draws as many of the charts into r as fit: side by side when wide, below one another when tall.
 * series is the answer of /v1/endpoints/{e}/series, or NULL while there is none. stable and
 * candidate are the versions' names for the legend; "" = none. */
void arm_charts_draw(struct canvas *c, struct rect r, const struct node *series, const char *stable,
	const char *candidate, enum timefmt_zone zone);

#endif
