/* clock.c: the machine's clocks, a clock for tests, and times and durations as text. */
#include "backend/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_wall(const struct clock *c)
{
	(void)c;
	return now_us(CLOCK_REALTIME);
}

static int64_t system_mono(const struct clock *c)
{
	(void)c;
	return now_us(CLOCK_MONOTONIC);
}

static int64_t fake_wall(const struct clock *c)
{
	return c->fake_wall_us;
}

static int64_t fake_mono(const struct clock *c)
{
	return c->fake_mono_us;
}

struct clock clock_system(void)
{
	return (struct clock){.wall_us = system_wall, .mono_us = system_mono};
}

struct clock clock_fake(int64_t wall_us)
{
	return (struct clock){.wall_us = fake_wall,
		.mono_us = fake_mono,
		.fake_wall_us = wall_us,
		.fake_mono_us = 1000000};
}

int64_t clock_wall_us(const struct clock *c)
{
	return c->wall_us(c);
}

int64_t clock_mono_us(const struct clock *c)
{
	return c->mono_us(c);
}

void clock_format_utc(int64_t wall_us, char *out, size_t size)
{
	int64_t us = (wall_us % 1000000 + 1000000) % 1000000; /* before 1970 too */
	time_t s = (time_t)((wall_us - us) / 1000000);
	struct tm tm;
	char day[24];

	gmtime_r(&s, &tm);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, size, "%s.%06" PRId64 "Z", day, us);
}

/* What stands after the seconds: a fraction and a zone. -1: something else. */
static int parse_rest(const char *text, int64_t *us)
{
	int hours = 0, minutes = 0, n = 0;
	char sign, *end;

	if (*text == '.' || *text == ',') {
		int64_t unit = 100000;

		for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
			*us += (*text - '0') * unit;
	}
	if (!*text || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0 || strcmp(text, " UTC") == 0)
		return 0;
	sign = *text++;
	hours = (int)strtol(text, &end, 10);
	n = (int)(end - text);
	if ((sign != '+' && sign != '-') || *text < '0' || *text > '9')
		return -1;
	if (n == 4) {
		minutes = hours % 100;
		hours /= 100;
	} else if (n == 2 && *end == ':' && strspn(end + 1, "0123456789") == 2) {
		minutes = (int)strtol(end + 1, &end, 10);
	}
	if ((n != 2 && n != 4) || *end || hours > 14 || minutes > 59)
		return -1;
	*us -= (sign == '+' ? 1 : -1) * (hours * INT64_C(3600) + minutes * 60) * 1000000;
	return 0;
}

int clock_parse(const char *text, int64_t *us)
{
	static const double sizes[] = {1e11, 1e14, 1e17, 1e20}, parts[] = {1e6, 1e3, 1, 1e-3};
	struct tm tm = {0};
	const char *rest;
	char *end;
	double v = strtod(text, &end);

	if (*text >= '0' && *text <= '9' && !*end) {
		for (int i = 0; i < 4; i++)
			if (v < sizes[i]) {
				*us = llround(v * parts[i]);
				return 0;
			}
		return -1;
	}
	rest = strptime(text, "%Y-%m-%d", &tm);
	rest = rest && (*rest == 'T' || *rest == ' ') ? strptime(rest + 1, "%H:%M", &tm) : NULL;
	if (rest && *rest == ':')
		rest = strptime(rest, ":%S", &tm);
	if (!rest)
		return -1;
	*us = (int64_t)timegm(&tm) * 1000000;
	return parse_rest(rest, us) == 0 && *us >= 0 ? 0 : -1;
}

static const struct {
	const char *unit;
	int64_t ms;
} units[] = {
	{"d", 86400000},
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
};

static const int unit_count = sizeof units / sizeof units[0];

int duration_parse(const char *text, int64_t *ms)
{
	int64_t total = 0;
	int last = -1; /* units must fall: 5m30s, never 30s5m */

	if (!*text)
		return -1;
	while (*text) {
		char *end;
		int row = -1;
		size_t word;

		if (*text < '0' || *text > '9')
			return -1;
		errno = 0;
		long long n = strtoll(text, &end, 10);
		if (errno || n > 1000000000)
			return -1;
		word = strspn(end, "dhms");
		for (int i = 0; i < unit_count; i++)
			if (strlen(units[i].unit) == word && !strncmp(units[i].unit, end, word))
				row = i;
		if (row < 0 || row <= last)
			return -1;
		last = row;
		total += n * units[row].ms;
		text = end + word;
	}
	*ms = total;
	return 0;
}

void duration_format(int64_t ms, char *out, size_t size)
{
	for (int i = 0; i < unit_count; i++)
		if (ms && ms % units[i].ms == 0) {
			snprintf(out, size, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
			return;
		}
	snprintf(out, size, "%" PRId64 "ms", ms);
}
