/*
 * features.c: the one definition of what the models see, for the trainer and
 * the server alike: the numbers of a flight, their order, and the vocabulary
 * of airports that is saved beside a model. Nothing here knows of files of
 * flights or of HTTP.
 */
#include "features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define HOUR_FEATURES	3 /* h/24, sin, cos */
#define NUMBER_FEATURES 6 /* + second harmonic, distance */
#define DAYS		7
#define MILES		3000.0 /* brings distances into 0..1, as the others are */

int features_parse_set(const char *name, enum feature_set *out)
{
	if (strcmp(name, "hour") == 0)
		*out = FEATURES_HOUR;
	else if (strcmp(name, "all") == 0)
		*out = FEATURES_ALL;
	else
		return 0;
	return 1;
}

int features_count(enum feature_set set, const struct vocabulary *v)
{
	if (set == FEATURES_HOUR)
		return HOUR_FEATURES;
	return NUMBER_FEATURES + DAYS + v->origins.n + v->destinations.n;
}

static int compare_codes(const void *a, const void *b)
{
	return memcmp(a, b, AIRPORT_LEN);
}

/* -1 if it is not there. */
static int airports_find(const struct airports *a, const char *code)
{
	const char(*hit)[AIRPORT_LEN];

	if (a->n == 0)
		return -1;
	hit = bsearch(code, a->code, (size_t)a->n, AIRPORT_LEN, compare_codes);
	return hit == NULL ? -1 : (int)(hit - (const char(*)[AIRPORT_LEN])a->code);
}

static int put(struct feature_node *x, int n, int index, double value)
{
	x[n].index = index;
	x[n].value = value;
	return n + 1;
}

int features_fill(enum feature_set set, const struct vocabulary *v, const struct flight *f,
	struct feature_node x[FEATURES_MAX])
{
	double turn = 2.0 * M_PI * f->hour / 24.0;
	int n = 0, base = NUMBER_FEATURES + 1, place;

	n = put(x, n, 1, f->hour / 24.0);
	n = put(x, n, 2, sin(turn));
	n = put(x, n, 3, cos(turn));
	if (set == FEATURES_ALL) {
		n = put(x, n, 4, sin(2.0 * turn));
		n = put(x, n, 5, cos(2.0 * turn));
		n = put(x, n, 6, f->distance_mi / MILES);
		if (f->dow >= 0 && f->dow < DAYS)
			n = put(x, n, base + f->dow, 1.0);
		base += DAYS;
		place = airports_find(&v->origins, f->origin);
		if (place >= 0)
			n = put(x, n, base + place, 1.0);
		base += v->origins.n;
		place = airports_find(&v->destinations, f->destination);
		if (place >= 0)
			n = put(x, n, base + place, 1.0);
	}
	x[n].index = -1;
	x[n].value = 0.0;
	return n;
}

int airport_valid(const char *code)
{
	for (int i = 0; i < AIRPORT_LEN - 1; i++)
		if (code[i] < 'A' || code[i] > 'Z')
			return 0;
	return code[AIRPORT_LEN - 1] == '\0';
}

/* Inserts in order; a few hundred codes at most, so moving them is cheap. */
static void airports_add(struct airports *a, const char *code)
{
	int at = 0;

	if (airports_find(a, code) >= 0)
		return;
	while (at < a->n && memcmp(a->code[at], code, AIRPORT_LEN) < 0)
		at++;
	a->code = xrealloc(a->code, (size_t)a->n + 1, AIRPORT_LEN);
	memmove(a->code + at + 1, a->code + at, (size_t)(a->n - at) * AIRPORT_LEN);
	memcpy(a->code[at], code, AIRPORT_LEN);
	a->n++;
}

void vocabulary_add(struct vocabulary *v, const struct flight *f)
{
	airports_add(&v->origins, f->origin);
	airports_add(&v->destinations, f->destination);
}

void vocabulary_release(struct vocabulary *v)
{
	free(v->origins.code);
	free(v->destinations.code);
	memset(v, 0, sizeof *v);
}

static void airports_save(FILE *f, const char *kind, const struct airports *a)
{
	for (int i = 0; i < a->n; i++)
		fprintf(f, "%s %s\n", kind, a->code[i]);
}

void vocabulary_save(const struct vocabulary *v, const char *path)
{
	FILE *f = open_file(path, "w");

	fprintf(f, "# airports seen in training, one-hot in this order\n");
	airports_save(f, "origin", &v->origins);
	airports_save(f, "destination", &v->destinations);
	close_written(f, path);
}

void vocabulary_load(struct vocabulary *v, const char *path)
{
	FILE *f = open_file(path, "r");
	char line[128], kind[16], code[16];
	struct airports *a;
	int at = 0;

	memset(v, 0, sizeof *v);
	while (fgets(line, sizeof line, f) != NULL) {
		at++;
		if (line[0] == '#')
			continue;
		if (sscanf(line, "%15s %15s", kind, code) != 2 || strlen(code) != AIRPORT_LEN - 1 ||
			!airport_valid(code))
			die("%s:%d: expected \"origin XXX\" or "
			    "\"destination XXX\"",
				path, at);
		a = strcmp(kind, "origin") == 0 ? &v->origins : &v->destinations;
		if (a == &v->destinations && strcmp(kind, "destination") != 0)
			die("%s:%d: \"%s\" is neither origin nor destination", path, at, kind);
		airports_add(a, code);
	}
	fclose(f);
}
