/* visit.c: values to bytes and back. See visit.h. */
#include "backend/judge/visit.h"

#include <string.h>

void visit_u64(struct visit *v, uint64_t *x)
{
	unsigned char b[8];
	uint64_t value = 0;

	if (v->out) {
		for (int i = 0; i < 8; i++)
			b[i] = (unsigned char)(*x >> (8 * i));
		buf_add(v->out, b, sizeof b);
		return;
	}
	if (v->left < sizeof b) {
		v->failed = 1;
		*x = 0;
		return;
	}
	for (int i = 0; i < 8; i++)
		value |= (uint64_t)v->at[i] << (8 * i);
	v->at += sizeof b;
	v->left -= sizeof b;
	*x = value;
}

void visit_u32(struct visit *v, uint32_t *x)
{
	uint64_t wide = *x;

	visit_u64(v, &wide);
	*x = (uint32_t)wide;
}

void visit_int(struct visit *v, int *x)
{
	uint64_t wide = (uint64_t)(int64_t)*x;

	visit_u64(v, &wide);
	*x = (int)(int64_t)wide;
}

void visit_i64(struct visit *v, int64_t *x)
{
	uint64_t wide = (uint64_t)*x;

	visit_u64(v, &wide);
	*x = (int64_t)wide;
}

void visit_doubles(struct visit *v, double *x, int n)
{
	uint64_t bits;

	for (int i = 0; i < n; i++) {
		memcpy(&bits, &x[i], sizeof bits);
		visit_u64(v, &bits);
		memcpy(&x[i], &bits, sizeof bits);
	}
}

void visit_text(struct visit *v, char *x, size_t size)
{
	if (v->out) {
		buf_add(v->out, x, size);
		return;
	}
	if (v->left < size) {
		v->failed = 1;
		memset(x, 0, size);
		return;
	}
	memcpy(x, v->at, size);
	x[size - 1] = '\0';
	v->at += size;
	v->left -= size;
}

uint64_t visit_sum(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t sum = 14695981039346656037u;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 1099511628211u;
	return sum;
}
