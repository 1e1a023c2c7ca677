/*
 * table.c: reads the table of flights (CSV, gzipped or not) into rows with
 * their features' raw values and their outcome. Used by the trainer, the
 * evaluator and the replayer; the server never sees it.
 */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common.h"

#define HEADER "departure,arrival_delay_min,distance_mi,origin,destination"

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	/* a year that begins in March has its odd day at the very end */
	int y = year - (month <= 2), m = (month + 9) % 12;
	int64_t era_days = 365LL * y + y / 4 - y / 100 + y / 400;

	return era_days + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static int parse_departure(const char *text, struct row *r)
{
	int y, mo, d, h, mi, end = 0;
	int64_t days;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d%n", &y, &mo, &d, &h, &mi, &end) != 5 ||
		text[end] != '\0')
		return 0;
	if (y < 1970 || y > 2200 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 ||
		mi < 0 || mi > 59)
		return 0;
	days = days_of(y, mo, d);
	r->minute = days * 1440 + h * 60 + mi;
	r->month = y * 100 + mo;
	r->flight.hour = h + mi / 60.0;
	r->flight.dow = (int)((days + 3) % 7); /* 1970-01-01: a Thursday */
	return 1;
}

static int parse_airport(const char *text, char out[AIRPORT_LEN])
{
	if (strlen(text) != AIRPORT_LEN - 1 || !airport_valid(text))
		return 0;
	memcpy(out, text, AIRPORT_LEN);
	return 1;
}

/* Cuts the line up in place. Returns NULL, or the column that is wrong. */
static const char *parse_line(char *line, struct row *r)
{
	char *field[5];
	double delay;

	for (int i = 0; i < 5; i++)
		field[i] = strsep(&line, ",");
	if (field[4] == NULL || line != NULL)
		return "number of columns";
	if (!parse_departure(field[0], r))
		return "departure";
	if (!parse_number(field[1], -1e4, 1e4, &delay))
		return "arrival_delay_min";
	if (!parse_number(field[2], 0, 2e4, &r->flight.distance_mi))
		return "distance_mi";
	if (!parse_airport(field[3], r->flight.origin))
		return "origin";
	if (!parse_airport(field[4], r->flight.destination))
		return "destination";
	r->late = delay > LATE_MIN;
	return NULL;
}

void table_load(struct table *t, const char *path)
{
	gzFile z = gzopen(path, "rb");
	char line[256];
	const char *wrong;
	size_t room = 0, at = 1;
	int err = Z_OK;

	memset(t, 0, sizeof *t);
	if (z == NULL)
		die("cannot open %s", path);
	if (gzgets(z, line, sizeof line) == NULL || strncmp(line, HEADER, strlen(HEADER)) != 0)
		die("%s:1: expected the header %s", path, HEADER);
	while (gzgets(z, line, sizeof line) != NULL) {
		at++;
		if (t->n == room) {
			room = room ? room * 2 : 4096;
			t->rows = xrealloc(t->rows, room, sizeof *t->rows);
		}
		memset(&t->rows[t->n], 0, sizeof *t->rows);
		line[strcspn(line, "\r\n")] = '\0';
		wrong = parse_line(line, &t->rows[t->n]);
		if (wrong != NULL)
			die("%s:%zu: bad %s", path, at, wrong);
		t->n++;
	}
	gzerror(z, &err);
	if (err < 0)
		die("%s is damaged after line %zu", path, at);
	gzclose(z);
}

void table_release(struct table *t)
{
	free(t->rows);
	memset(t, 0, sizeof *t);
}

int months_parse(const char *text, struct months *out)
{
	int y, m, end;

	memset(out, 0, sizeof *out);
	for (;;) {
		end = 0;
		if (sscanf(text, "%4d-%2d%n", &y, &m, &end) != 2 || y < 1970 || m < 1 || m > 12 ||
			out->n == (int)(sizeof out->month / sizeof *out->month))
			return 0;
		out->month[out->n++] = y * 100 + m;
		if (text[end] == '\0')
			return 1;
		if (text[end] != ',')
			return 0;
		text += end + 1;
	}
}

int months_has(const struct months *m, int month)
{
	for (int i = 0; i < m->n; i++)
		if (m->month[i] == month)
			return 1;
	return m->n == 0;
}
