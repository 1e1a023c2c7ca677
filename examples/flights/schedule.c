/*
 * schedule.c: the replayer's accelerated clock. Pure: the same table, seed
 * and speed give the same times, and nobody asks what time it is.
 */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

#include "common.h"

#define MINUTE_US 60000000LL

static void fill_offsets(struct schedule *s, uint64_t seed)
{
	const struct row *rows = s->table->rows;
	size_t n = s->table->n, i = s->first, j;
	int64_t since;
	double place;

	for (; i < n; i = j) {
		for (j = i; j < n && rows[j].minute == rows[i].minute; j++)
			continue;
		since = (rows[i].minute - rows[s->first].minute) * MINUTE_US;
		for (size_t k = i; k < j; k++) {
			place = ((double)(k - i) + hash_share(seed, &k, sizeof k)) /
				(double)(j - i);
			s->offset_us[k] = since + (int64_t)(place * (double)MINUTE_US);
		}
	}
	s->lap_us = (rows[n - 1].minute - rows[s->first].minute + 1) * MINUTE_US;
}

void schedule_init(struct schedule *s, const struct table *t, size_t first, double speed,
	double rate, uint64_t seed)
{
	memset(s, 0, sizeof *s);
	s->table = t;
	s->first = s->row = first;
	s->speed = speed;
	s->rate = rate;
	s->lap = 1;
	s->offset_us = xcalloc(t->n, sizeof *s->offset_us);
	fill_offsets(s, seed);
}

void schedule_release(struct schedule *s)
{
	free(s->offset_us);
	memset(s, 0, sizeof *s);
}

int64_t schedule_due_us(const struct schedule *s)
{
	if (s->rate > 0)
		return (int64_t)((double)s->sent * 1e6 / s->rate);
	return (int64_t)(((double)(s->lap - 1) * (double)s->lap_us + (double)s->offset_us[s->row]) /
			 s->speed);
}

void schedule_advance(struct schedule *s)
{
	s->sent++;
	s->row++;
	if (s->row == s->table->n) {
		s->row = s->first;
		s->lap++;
	}
}
