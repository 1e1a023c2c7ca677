/* zone.h: local times of a named time zone. The C library knows one zone at a time, the one that
 * the variable TZ names; this is the only file that touches it, and it puts back what was there.
 * Called from the engine's own thread only. */
#ifndef PITHEAD_BACKEND_POLICY_ZONE_H
#define PITHEAD_BACKEND_POLICY_ZONE_H

#include <stdint.h>

#define ZONE_SIZE 64

/* Whether this machine knows the zone ("Europe/London"). UTC is known everywhere. The C library
 * itself takes an unknown name for UTC and says nothing. */
int zone_known(const char *zone);

/* Seconds that local time is ahead of UTC at the instant (seconds since 1970). */
int64_t zone_offset(const char *zone, int64_t at);

/* The instants at which local clocks come to show `local` (seconds since 1970 as if it were UTC):
 * *first when they do so for the first time, *last after which they never show less again. The two
 * differ by the hour that a clock is put back; for a time that is skipped both are the moment of
 * the skip. At most one change of the offset is assumed within two days. */
void zone_instants(const char *zone, int64_t local, int64_t *first, int64_t *last);

#endif
