/* features.h: the features of a flight: one definition for trainer and server. */
#ifndef FLIGHTS_FEATURES_H
#define FLIGHTS_FEATURES_H

#include <linear.h>

#define AIRPORT_LEN  4	/* IATA code and its end */
#define FEATURES_MAX 10 /* of one flight, with the end mark */

enum feature_set {
	FEATURES_HOUR, /* hour of day and its first harmonic */
	FEATURES_ALL   /* all that is known before departure */
};

/* What is known of a flight before it leaves. */
struct flight {
	double hour; /* local time, 0 <= hour < 24 */
	int dow;     /* day of week, 0 = Monday .. 6 = Sunday */
	double distance_mi;
	char origin[AIRPORT_LEN];
	char destination[AIRPORT_LEN];
};

/* Sorted, without repeats: a code's place is its place in the one-hot. */
struct airports {
	char (*code)[AIRPORT_LEN]; /* owned */
	int n;
};

struct vocabulary {
	struct airports origins;
	struct airports destinations;
};

/* "hour" or "all"; 0 if it is neither. */
int features_parse_set(const char *name, enum feature_set *out);

/* How many features there are: the greatest index that may be used. */
int features_count(enum feature_set set, const struct vocabulary *v);

/*
 * Writes the features of one flight, in order of index and closed by
 * index -1, as LIBLINEAR wants them. An airport that the vocabulary does not
 * have, or a day outside 0..6, has no feature. Returns how many were written.
 */
int features_fill(enum feature_set set, const struct vocabulary *v, const struct flight *f,
	struct feature_node x[FEATURES_MAX]);

/* Three capital letters? */
int airport_valid(const char *code);

void vocabulary_release(struct vocabulary *v);
void vocabulary_add(struct vocabulary *v, const struct flight *f);
void vocabulary_save(const struct vocabulary *v, const char *path);
void vocabulary_load(struct vocabulary *v, const char *path);

#endif
