/* table.h: the table of flights: reads the compressed CSV. */
#ifndef FLIGHTS_TABLE_H
#define FLIGHTS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "features.h"

#define LATE_MIN 15.0 /* minutes; a flight over this is late */

struct row {
	struct flight flight;
	int64_t minute; /* of departure, local, since 1970 */
	int month;	/* 200103 is March 2001 */
	int late;	/* the outcome: 1 or 0 */
};

struct table {
	struct row *rows; /* owned */
	size_t n;
};

/* Months that are wanted; none means all. */
struct months {
	int month[24];
	int n;
};

/* Reads a plain or gzipped table; a bad line ends the program, named. */
void table_load(struct table *t, const char *path);
void table_release(struct table *t);

/* "2001-01,2001-02"; 0 if it is not that. */
int months_parse(const char *text, struct months *out);
int months_has(const struct months *m, int month);

#endif
