/* calendar.h: freeze windows as a tier writes them, and whether an instant lies in one. Pure but
 * for the time zone data of the machine (zone.h). A local time that a clock shows twice begins a
 * window the first time and ends it the second; one that is skipped does both at the skip. */
#ifndef PITHEAD_BACKEND_POLICY_CALENDAR_H
#define PITHEAD_BACKEND_POLICY_CALENDAR_H

#include <stdint.h>

#include "backend/base/err.h"
#include "backend/policy/zone.h"

enum window_kind { WINDOW_WEEKLY, WINDOW_DAILY, WINDOW_DATES };

struct freeze_window {
	enum window_kind kind;
	char text[128]; /* as written */
	char zone[ZONE_SIZE];
	/* Minutes of local time: since Sunday 00:00, since midnight, or since 1970. `to` is not in
	 * the window; of WEEKLY and DAILY it may lie before `from`: then it is in the next one. */
	int64_t from, to;
};

/* Reads "Fri 16:00 .. Mon 08:00 Europe/London", "daily 22:00 .. 06:00 UTC",
 * "2026-12-20 .. 2027-01-03 Europe/Berlin" (both days whole) and the same with times after the
 * dates. ERR_INVALID says what was expected and where. */
int freeze_window_parse(const char *text, struct freeze_window *out, struct err *e);

/* Whether the window holds at the instant (microseconds UTC), and until when it then does. */
int freeze_window_holds(const struct freeze_window *w, int64_t at_us, int64_t *until_us);

/* The window that holds at the instant, or -1. *until_us: when the last of those that hold, or that
 * begin before it is over, ends. At most 16 windows in a row are looked at. */
int freeze_find(const struct freeze_window *list, int count, int64_t at_us, int64_t *until_us);

/* Whether `wide` holds at every instant at which `narrow` does, as far as their texts tell: of the
 * same kind and zone. */
int freeze_window_covers(const struct freeze_window *wide, const struct freeze_window *narrow);

/* "Mon 30 Mar 08:00 Europe/London": an instant as the window's people read it. */
void freeze_format_until(const struct freeze_window *w, int64_t at_us, char *out, unsigned size);

#endif
