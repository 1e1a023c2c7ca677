/* zone.c: see zone.h. */
#include "backend/policy/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "backend/base/xalloc.h"

#define DAY 86400

static const char name_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/-";

int zone_known(const char *zone)
{
	const char *folder = getenv("TZDIR");
	char path[320];
	struct stat st;

	if (strcmp(zone, "UTC") == 0)
		return 1;
	/* Letters alone, so that no name leads out of the folder. */
	if (!*zone || strlen(zone) >= ZONE_SIZE || *zone == '/' ||
		strspn(zone, name_letters) != strlen(zone))
		return 0;
	snprintf(path, sizeof path, "%s/%s", folder ? folder : "/usr/share/zoneinfo", zone);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int64_t zone_offset(const char *zone, int64_t at)
{
	char *was;
	time_t t = (time_t)at;
	struct tm tm = {0};

	if (strcmp(zone, "UTC") == 0)
		return 0;
	was = xstrdup(getenv("TZ"));
	setenv("TZ", zone, 1);
	tzset();
	localtime_r(&t, &tm);
	if (was)
		setenv("TZ", was, 1);
	else
		unsetenv("TZ");
	tzset();
	free(was);
	return tm.tm_gmtoff;
}

/* The moment between a and b from which the offset is no longer `before`. */
static int64_t change_between(const char *zone, int64_t a, int64_t b, int64_t before)
{
	while (b - a > 1) {
		int64_t middle = a + (b - a) / 2;

		if (zone_offset(zone, middle) == before)
			a = middle;
		else
			b = middle;
	}
	return b;
}

void zone_instants(const char *zone, int64_t local, int64_t *first, int64_t *last)
{
	int64_t before = zone_offset(zone, local - DAY), after = zone_offset(zone, local + DAY);
	int64_t a = local - before, b = local - after, change;

	if (before == after) {
		*first = *last = a;
		return;
	}
	change = change_between(zone, local - DAY, local + DAY, before);
	/* a is right when it lies before the change, b when it lies behind it. Put forward, an
	 * hour's local times are right in neither way; put back, in both. */
	*first = a < change ? a : b >= change ? b : change;
	*last = b >= change ? b : a < change ? a : change;
}
