/* request.h: a prediction request: JSON in, features out. */
#ifndef FLIGHTS_REQUEST_H
#define FLIGHTS_REQUEST_H

#include <stddef.h>

#include "features.h"

/*
 * Reads the JSON body of a prediction request. Returns 1 and fills *f, or
 * returns 0 with one sentence in "why"; *f is then undefined.
 */
int request_parse(const char *body, size_t len, struct flight *f, char *why, size_t why_size);

#endif
