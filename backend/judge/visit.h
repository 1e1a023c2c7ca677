/* visit.h: one walk over a struct that writes it to bytes or reads it back, so that the two can
 * never differ. Little-endian, doubles as their bits. For backend/judge/ and backend/trial/. */
#ifndef PITHEAD_BACKEND_JUDGE_VISIT_H
#define PITHEAD_BACKEND_JUDGE_VISIT_H

#include <stddef.h>
#include <stdint.h>

#include "backend/base/buf.h"

struct visit {
	struct buf *out;	 /* writing; NULL: reading */
	const unsigned char *at; /* reading */
	size_t left;
	int failed; /* the bytes ended early; what is read then is 0 */
};

/* Write or read one value, or n doubles. */
void visit_u64(struct visit *v, uint64_t *x);
void visit_u32(struct visit *v, uint32_t *x);
void visit_int(struct visit *v, int *x);
void visit_i64(struct visit *v, int64_t *x);
void visit_doubles(struct visit *v, double *x, int n);
void visit_text(struct visit *v, char *x, size_t size);

/* FNV-1a of n bytes: any one changed byte changes it. */
uint64_t visit_sum(const void *data, size_t n);

#endif
