/* bundle.h: the files of a version: model, vocabulary and serving behaviour, read whole. */
#ifndef FLIGHTS_BUNDLE_H
#define FLIGHTS_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "features.h"

/* A version as it is served: its model and how it behaves. */
struct bundle {
	char version[32];
	enum feature_set set;
	struct vocabulary vocabulary;
	struct model *model;	       /* owned */
	int late;		       /* place of label 1 in the model */
	int swap_hour_dow;	       /* v3's fault */
	unsigned slow_ms;	       /* v4's fault: so much later, */
	double slow_share;	       /* for this part of the requests */
	char fail_origin[AIRPORT_LEN]; /* v5's fault; "" for none */
	uint64_t seed;		       /* chooses the slow ones */
};

/*
 * Reads the model, and serve.conf and vocabulary from its directory. What is
 * missing or does not fit together ends the program with a sentence.
 */
void bundle_load(struct bundle *b, const char *model_path);
void bundle_release(struct bundle *b);

/* The probability that the flight is late. Safe from many threads. */
double bundle_predict(const struct bundle *b, const struct flight *f);

/* Is the request with this key one of the slow ones? Always the same ones. */
int bundle_is_slow(const struct bundle *b, const void *key, size_t len);

#endif
