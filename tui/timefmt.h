/* timefmt.h: times and numbers as a person reads them. Pure: now is given. */
#ifndef PITHEAD_TUI_TIMEFMT_H
#define PITHEAD_TUI_TIMEFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum timefmt_zone { TIMEFMT_UTC, TIMEFMT_LOCAL };

/* How a moment is shown beside now: "40 s", "9 min" up to an hour back, "in 9 min" ahead, else
 * "14:02" within a day and "Nov 23 14:02" (with the year when it is another). Microseconds since
 * 1970. A time of 0 or below is "-". out needs 24 bytes. Returns out. */
char *timefmt_when(char *out, size_t size, int64_t then_us, int64_t now_us, enum timefmt_zone z);

/* Always the clock: "14:02:11Z", local without the Z. out needs 16 bytes. Returns out. */
char *timefmt_clock(char *out, size_t size, int64_t then_us, enum timefmt_zone z);

/* Date and clock: "2026-11-24 14:02:11Z". out needs 32 bytes. Returns out. */
char *timefmt_full(char *out, size_t size, int64_t then_us, enum timefmt_zone z);

/* A span: "250 ms", "40 s", "3 min 12 s", "2 h 5 min", "3 d 4 h". Returns out (24 bytes). */
char *timefmt_span(char *out, size_t size, int64_t span_us);

/* Microseconds until timefmt_when's minutes change; for a timer that wakes no more than that. */
int64_t timefmt_next_change_us(int64_t then_us, int64_t now_us);

/* A number with thousands in commas and so many decimals ("26,000", "-0.148"); NaN is "-".
 * Returns out (48 bytes). */
char *numfmt(char *out, size_t size, double value, int decimals);

#endif
