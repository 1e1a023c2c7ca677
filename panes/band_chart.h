/* band_chart.h: the difference of a signal between the arms with its 95 % band, over time, against
 * the limits of OK and of harm. */
#ifndef PITHEAD_PANES_BAND_CHART_H
#define PITHEAD_PANES_BAND_CHART_H

#include "tui/canvas.h"
#include "tui/client/snapshot.h"
#include "tui/timefmt.h"

struct band_chart {
	const char *signal, *segment; /* segment "" = all traffic */
	const struct node *band;      /* answer of /v1/rollouts/{n}/band; NULL: not here yet */
	int64_t from_us, to_us;	      /* what is shown */
	enum timefmt_zone zone;
};

/* Draws into r. As wide as they are at first, bands are cut off where they tell nothing. */
void band_chart_draw(struct canvas *c, struct rect r, const struct band_chart *b);

#endif
