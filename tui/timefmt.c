/* timefmt.c: times and numbers as a person reads them. Pure; used by panes and widgets. */
#include "tui/timefmt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t second_us = 1000000;
static const int64_t minute_us = 60 * 1000000ll;
static const int64_t hour_us = 3600 * 1000000ll;
static const int64_t day_us = 86400 * 1000000ll;

static struct tm time_split(int64_t us, enum timefmt_zone z)
{
	time_t t = (time_t)(us / second_us);
	struct tm tm = {0};

	if (z == TIMEFMT_LOCAL)
		localtime_r(&t, &tm);
	else
		gmtime_r(&t, &tm);
	return tm;
}

/* Month names of our own: strftime's follow the locale, screens and golden files must not. */
static const char *month_name(const struct tm *tm)
{
	static const char *const names[] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	return names[tm->tm_mon % 12];
}

static char *when_absolute(
	char *out, size_t size, int64_t then_us, int64_t now_us, enum timefmt_zone z)
{
	struct tm then = time_split(then_us, z), now = time_split(now_us, z);
	int64_t apart = then_us > now_us ? then_us - now_us : now_us - then_us;

	if (apart < day_us && then.tm_mday == now.tm_mday)
		snprintf(out, size, "%02d:%02d", then.tm_hour, then.tm_min);
	else if (then.tm_year == now.tm_year)
		snprintf(out, size, "%s %d %02d:%02d", month_name(&then), then.tm_mday,
			then.tm_hour, then.tm_min);
	else
		snprintf(out, size, "%d %s %d %02d:%02d", then.tm_year + 1900, month_name(&then),
			then.tm_mday, then.tm_hour, then.tm_min);
	return out;
}

char *timefmt_when(char *out, size_t size, int64_t then_us, int64_t now_us, enum timefmt_zone z)
{
	int64_t ago = now_us - then_us;
	const char *in = ago < 0 ? "in " : "";

	if (then_us <= 0) {
		snprintf(out, size, "-");
		return out;
	}
	if (ago < 0)
		ago = -ago;
	if (ago >= hour_us)
		return when_absolute(out, size, then_us, now_us, z);
	if (ago < minute_us)
		snprintf(out, size, "%s%d s", in, (int)(ago / second_us));
	else
		snprintf(out, size, "%s%d min", in, (int)(ago / minute_us));
	return out;
}

char *timefmt_clock(char *out, size_t size, int64_t then_us, enum timefmt_zone z)
{
	struct tm tm = time_split(then_us, z);

	snprintf(out, size, "%02d:%02d:%02d%s", tm.tm_hour, tm.tm_min, tm.tm_sec,
		z == TIMEFMT_UTC ? "Z" : "");
	return out;
}

char *timefmt_full(char *out, size_t size, int64_t then_us, enum timefmt_zone z)
{
	struct tm tm = time_split(then_us, z);
	char clock[16];

	timefmt_clock(clock, sizeof(clock), then_us, z);
	snprintf(out, size, "%04d-%02d-%02d %s", (tm.tm_year + 1900) % 10000, tm.tm_mon + 1,
		tm.tm_mday, clock);
	return out;
}

static void span_two(char *out, size_t size, int64_t big, const char *big_unit, int64_t small,
	const char *small_unit)
{
	if (small)
		snprintf(out, size, "%lld %s %lld %s", (long long)big, big_unit, (long long)small,
			small_unit);
	else
		snprintf(out, size, "%lld %s", (long long)big, big_unit);
}

char *timefmt_span(char *out, size_t size, int64_t span_us)
{
	if (span_us < 0)
		span_us = 0;
	if (span_us < second_us)
		snprintf(out, size, "%d ms", (int)(span_us / 1000));
	else if (span_us < minute_us)
		snprintf(out, size, "%d s", (int)(span_us / second_us));
	else if (span_us < hour_us)
		span_two(out, size, span_us / minute_us, "min", span_us % minute_us / second_us,
			"s");
	else if (span_us < day_us)
		span_two(out, size, span_us / hour_us, "h", span_us % hour_us / minute_us, "min");
	else
		span_two(out, size, span_us / day_us, "d", span_us % day_us / hour_us, "h");
	return out;
}

int64_t timefmt_next_change_us(int64_t then_us, int64_t now_us)
{
	int64_t ago = now_us - then_us;

	if (ago < 0)
		return (-ago) % minute_us + 1;
	return minute_us - ago % minute_us;
}

char *numfmt(char *out, size_t size, double value, int decimals)
{
	char plain[40];
	size_t at = 0;

	if (isnan(value)) {
		snprintf(out, size, "-");
		return out;
	}
	if (isinf(value) || fabs(value) >= 1e15) {
		snprintf(out, size, "%.3g", value);
		return out;
	}
	snprintf(plain, sizeof(plain), "%.*f",
		decimals < 0   ? 0
		: decimals > 9 ? 9
			       : decimals,
		value);
	size_t sign = plain[0] == '-';
	size_t whole = strcspn(plain, ".");
	/* A number that rounds to nothing has no sign. */
	if (sign && strspn(plain + 1, "0.") == strlen(plain + 1)) {
		memmove(plain, plain + 1, strlen(plain));
		sign = 0;
		whole--;
	}
	for (size_t i = 0; plain[i] && at + 2 < size; i++) {
		if (i > sign && i < whole && (whole - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = plain[i];
	}
	out[at] = '\0';
	return out;
}
