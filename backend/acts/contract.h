/* contract.h: whether an answer holds what clients of another version's answer rely on. Pure. Used
 * by mirror.c. */
#ifndef PITHEAD_BACKEND_ACTS_CONTRACT_H
#define PITHEAD_BACKEND_ACTS_CONTRACT_H

#include <stddef.h>

#include "backend/spec/spec.h"

/* The score in the body of an answer, as `score: json PATH` says; NAN when it is not there. */
double contract_score(const struct spec_endpoint *ep, const void *body, size_t n);

/* One answer, by its status (0 = none) and body (NULL = none). */
struct contract_answer {
	int status;
	const void *body;
	size_t len;
};

/* 0 when `now` keeps what `was` gave: a status of the same kind, a score where there was one, and
 * each member of a JSON object with a value of the same type. Else 1, with what is wrong in why. */
int contract_check(const struct spec_endpoint *ep, const struct contract_answer *was,
	const struct contract_answer *now, char *why, size_t size);

#endif
