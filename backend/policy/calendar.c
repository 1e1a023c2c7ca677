/* calendar.c: see calendar.h. Everything is counted in minutes of local time; only at the end do
 * two of them become instants. */
#include "backend/policy/calendar.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "backend/base/xalloc.h"

#define DAY_MINUTES  1440
#define WEEK_MINUTES (7 * DAY_MINUTES)
#define SECOND_US    INT64_C(1000000)
#define CHAIN_MOST   16 /* windows that follow one another without a gap */

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

#define EXPECTED                                                                                   \
	"write Fri 16:00 .. Mon 08:00 Europe/London, daily 22:00 .. 06:00 UTC, or "                \
	"2026-12-20 .. 2027-01-03 Europe/Berlin"

static int fail(struct err *e, const char *text, const char *what)
{
	err_set(e, ERR_INVALID, "the freeze window \"%.100s\" %s", text, what);
	return err_hint(e, EXPECTED);
}

/* -- reading -- */

static int read_time(const char *word, int64_t *minutes)
{
	int h, m, end = 0;

	if (sscanf(word, "%2d:%2d%n", &h, &m, &end) != 2 || word[end] || strlen(word) != 5 ||
		h < 0 || h > 24 || m < 0 || m > 59 || (h == 24 && m))
		return -1;
	*minutes = h * 60 + m;
	return 0;
}

static int read_day(const char *word)
{
	for (int i = 0; i < 7; i++)
		if (strcasecmp(word, days[i]) == 0)
			return i;
	return -1;
}

/* A date as minutes since 1970, or -1. The 30th of February is none. */
static int64_t read_date(const char *word)
{
	struct tm tm = {0}, back;
	int y, m, d, end = 0;
	time_t t;

	if (sscanf(word, "%4d-%2d-%2d%n", &y, &m, &d, &end) != 3 || word[end] ||
		strlen(word) != 10 || y < 1971)
		return -1;
	tm = (struct tm){.tm_year = y - 1900, .tm_mon = m - 1, .tm_mday = d};
	t = timegm(&tm);
	gmtime_r(&t, &back);
	if (back.tm_mday != d || back.tm_mon != m - 1)
		return -1;
	return (int64_t)t / 60;
}

struct reading {
	const char *text;
	char words[8][64];
	int count, at;
};

static const char *next_word(struct reading *r)
{
	return r->at < r->count ? r->words[r->at++] : "";
}

static int split(const char *text, struct reading *r)
{
	*r = (struct reading){.text = text};
	while (*text) {
		size_t n;

		text += strspn(text, " \t");
		n = strcspn(text, " \t");
		if (n == 0)
			break;
		if (r->count == 8 || n >= sizeof r->words[0])
			return -1;
		memcpy(r->words[r->count++], text, n);
		text += n;
	}
	return 0;
}

/* One side of the "..": *at in minutes. */
static int read_side(struct reading *r, enum window_kind kind, int end, int64_t *at, struct err *e)
{
	const char *word = next_word(r);
	int64_t minutes = 0;
	char what[160];
	int day;

	*at = 0;
	if (kind == WINDOW_WEEKLY) {
		day = read_day(word);
		if (day < 0) {
			snprintf(what, sizeof what,
				"names the day \"%.40s\", expected Mon Tue Wed Thu Fri Sat or Sun",
				word);
			return fail(e, r->text, what);
		}
		*at = (int64_t)day * DAY_MINUTES;
		word = next_word(r);
	} else if (kind == WINDOW_DATES) {
		*at = read_date(word);
		if (*at < 0) {
			snprintf(what, sizeof what, "names the date \"%.40s\", expected YYYY-MM-DD",
				word);
			return fail(e, r->text, what);
		}
		if (r->at == r->count || read_time(r->words[r->at], &minutes) < 0) {
			*at += end ? DAY_MINUTES : 0; /* the whole last day */
			return 0;
		}
		word = next_word(r);
	}
	if (read_time(word, &minutes) < 0) {
		snprintf(what, sizeof what,
			"names the time \"%.40s\", expected HH:MM, 00:00 to 24:00", word);
		return fail(e, r->text, what);
	}
	*at += minutes;
	return 0;
}

static int check_span(struct freeze_window *w, struct err *e)
{
	if (w->kind == WINDOW_WEEKLY) {
		w->from %= WEEK_MINUTES;
		w->to %= WEEK_MINUTES;
	} else if (w->kind == WINDOW_DAILY) {
		w->from %= DAY_MINUTES; /* 24:00 as an end makes a whole day */
	}
	if (w->kind == WINDOW_DATES ? w->to > w->from : w->to != w->from)
		return 0;
	return fail(e, w->text,
		w->kind == WINDOW_DATES ? "ends before it begins"
					: "is empty: it ends as it begins");
}

int freeze_window_parse(const char *text, struct freeze_window *out, struct err *e)
{
	struct reading r;
	char what[200];
	const char *zone;
	int rc;

	*out = (struct freeze_window){0};
	if (!str_copy(out->text, sizeof out->text, text) || split(text, &r) || r.count < 4)
		return fail(e, text, "is no window");
	if (strcasecmp(r.words[0], "daily") == 0) {
		out->kind = WINDOW_DAILY;
		r.at = 1;
	} else {
		out->kind =
			r.words[0][0] >= '0' && r.words[0][0] <= '9' ? WINDOW_DATES : WINDOW_WEEKLY;
	}
	rc = read_side(&r, out->kind, 0, &out->from, e);
	if (!rc && strcmp(next_word(&r), "..") != 0)
		return fail(e, text, "has no .. between its beginning and its end");
	if (!rc)
		rc = read_side(&r, out->kind, 1, &out->to, e);
	if (rc)
		return rc;
	zone = next_word(&r);
	if (!*zone)
		return fail(e, text, "names no time zone at its end");
	if (r.at != r.count)
		return fail(e, text, "goes on behind its time zone");
	if (!zone_known(zone)) {
		snprintf(what, sizeof what,
			"names the time zone \"%.40s\", which is not known here", zone);
		(void)fail(e, text, what);
		return err_hint(e, "write a name such as Europe/London (see `ls "
				   "/usr/share/zoneinfo`; the package tzdata has them) or UTC");
	}
	str_copy(out->zone, sizeof out->zone, zone);
	return check_span(out, e);
}

/* -- holding -- */

/* Whether the occurrence that begins at `from` (local minutes since 1970) holds. */
static int span_holds(const char *zone, int64_t from, int64_t to, int64_t at_us, int64_t *until_us)
{
	int64_t begin, end, unused;

	zone_instants(zone, from * 60, &begin, &unused);
	zone_instants(zone, to * 60, &unused, &end);
	if (at_us < begin * SECOND_US || at_us >= end * SECOND_US)
		return 0;
	*until_us = end * SECOND_US;
	return 1;
}

int freeze_window_holds(const struct freeze_window *w, int64_t at_us, int64_t *until_us)
{
	int64_t period = w->kind == WINDOW_WEEKLY ? WEEK_MINUTES : DAY_MINUTES;
	int64_t at = at_us / SECOND_US, until = 0, length = w->to - w->from, start;
	int holds = 0;

	if (w->kind == WINDOW_DATES)
		return span_holds(w->zone, w->from, w->to, at_us, until_us);
	length += length <= 0 ? period : 0;
	/* 1970 began on a Thursday. */
	start = (at + zone_offset(w->zone, at)) / 60;
	start -= w->kind == WINDOW_WEEKLY ? (start + 4 * DAY_MINUTES) % WEEK_MINUTES
					  : start % DAY_MINUTES;
	/* The one before may still hold, and the next may have begun on a clock that was put back.
	 */
	for (int i = -1; i <= 1; i++) {
		int64_t from = start + i * period + w->from, end;

		if (span_holds(w->zone, from, from + length, at_us, &end)) {
			holds = 1;
			until = end > until ? end : until;
		}
	}
	if (holds)
		*until_us = until;
	return holds;
}

int freeze_find(const struct freeze_window *list, int count, int64_t at_us, int64_t *until_us)
{
	int found = -1, further = 1;
	int64_t reach = at_us;

	for (int n = 0; further && n < CHAIN_MOST; n++) {
		int64_t from = reach, end;

		further = 0;
		for (int i = 0; i < count; i++)
			if (freeze_window_holds(&list[i], from, &end)) {
				found = found < 0 ? i : found;
				further |= end > reach;
				reach = end > reach ? end : reach;
			}
	}
	if (found >= 0)
		*until_us = reach;
	return found;
}

int freeze_window_covers(const struct freeze_window *wide, const struct freeze_window *narrow)
{
	int64_t period = wide->kind == WINDOW_WEEKLY ? WEEK_MINUTES : DAY_MINUTES;
	int64_t a, b, begin;

	if (wide->kind != narrow->kind || strcmp(wide->zone, narrow->zone) != 0)
		return 0;
	if (wide->kind == WINDOW_DATES)
		return wide->from <= narrow->from && wide->to >= narrow->to;
	a = (wide->to - wide->from + 2 * period - 1) % period + 1;
	b = (narrow->to - narrow->from + 2 * period - 1) % period + 1;
	begin = (narrow->from - wide->from + 2 * period) % period;
	return begin + b <= a || a == period;
}

void freeze_format_until(const struct freeze_window *w, int64_t at_us, char *out, unsigned size)
{
	time_t local = (time_t)(at_us / SECOND_US + zone_offset(w->zone, at_us / SECOND_US));
	char text[48];
	struct tm tm;

	gmtime_r(&local, &tm);
	strftime(text, sizeof text, "%a %d %b %H:%M", &tm);
	snprintf(out, size, "%s %s", text, w->zone);
}
