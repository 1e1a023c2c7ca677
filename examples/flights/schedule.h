/* schedule.h: when each row of the table is due on the accelerated clock. */
#ifndef FLIGHTS_SCHEDULE_H
#define FLIGHTS_SCHEDULE_H

#include <stdint.h>

#include "table.h"

/* When each row is sent, lap after lap. */
struct schedule {
	const struct table *table;
	size_t first;	    /* row that a lap begins with */
	double speed;	    /* data seconds per wall second */
	double rate;	    /* > 0: this many a second instead */
	int64_t *offset_us; /* owned: since the lap began, at speed 1 */
	int64_t lap_us;	    /* length of a lap at speed 1 */
	size_t row;	    /* the next row */
	long lap;	    /* its lap, from 1 */
	int64_t sent;	    /* rows before it, of all laps */
};

/*
 * Rows know their minute only: within it they are spread evenly, each
 * moved a little by the seed. The table is borrowed and not empty.
 */
void schedule_init(struct schedule *s, const struct table *t, size_t first, double speed,
	double rate, uint64_t seed);
void schedule_release(struct schedule *s);

/* Microseconds from the start until the next row is due. */
int64_t schedule_due_us(const struct schedule *s);
void schedule_advance(struct schedule *s);

#endif
