/* clock.h: time is passed in, so that tests can play it. Wall time for people and leases at the
 * gateway, monotonic time for every timer. */
#ifndef PITHEAD_BACKEND_BASE_CLOCK_H
#define PITHEAD_BACKEND_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock {
	int64_t (*wall_us)(const struct clock *c); /* microseconds since 1970, UTC */
	int64_t (*mono_us)(const struct clock *c); /* microseconds, never steps back */
	int64_t fake_wall_us;			   /* used by the clock of clock_fake() only */
	int64_t fake_mono_us;
};

/* The machine's clocks. */
struct clock clock_system(void);

/* A clock that stands still at wall_us until its fake_* fields are moved. */
struct clock clock_fake(int64_t wall_us);

int64_t clock_wall_us(const struct clock *c);
int64_t clock_mono_us(const struct clock *c);

/* "2026-11-24T02:29:15.123456Z" into out (28 bytes needed). */
void clock_format_utc(int64_t wall_us, char *out, size_t size);

/* Reads an instant into *us: seconds of UTC since 1970, also with a fraction, or ms, us, ns (by
 * their size: from 1e11, 1e14, 1e17 on); or ISO 8601, "2026-11-24T02:29:15Z", also with a blank for
 * the T, a fraction, without seconds, and with +HH:MM; without a zone it is UTC. 0, or -1: none, or
 * not after 1970. */
int clock_parse(const char *text, int64_t *us);

/* Reads "90s", "2m", "5m30s", "24h", "14d", "250ms" as milliseconds. 0, or -1 for anything else. */
int duration_parse(const char *text, int64_t *ms);

/* The shortest exact form of ms that duration_parse reads ("2m", "90s", "250ms"). */
void duration_format(int64_t ms, char *out, size_t size);

#endif
