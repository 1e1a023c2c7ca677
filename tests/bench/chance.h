/* chance.h: seeded chance for the judge's simulations: the same seed, the same bits. */
#ifndef PITHEAD_TESTS_BENCH_CHANCE_H
#define PITHEAD_TESTS_BENCH_CHANCE_H

#include <math.h>
#include <stdint.h>

struct chance {
	uint64_t state;
};

static inline uint64_t chance_bits(struct chance *c)
{
	uint64_t x = c->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* In [0,1). */
static inline double chance_unit(struct chance *c)
{
	return (double)(chance_bits(c) >> 11) * 0x1p-53;
}

static inline int chance_is(struct chance *c, double p)
{
	return chance_unit(c) < p;
}

static inline double chance_normal(struct chance *c)
{
	return sqrt(-2 * log(1 - chance_unit(c))) * cos(2 * M_PI * chance_unit(c));
}

/* How many of n happen; by inversion, for n p up to some hundreds. */
static inline int chance_count(struct chance *c, int n, double p)
{
	double u = chance_unit(c), at = pow(1 - p, n), sum = at;
	int k = 0;

	while (u > sum && k < n) {
		at *= (double)(n - k) / (k + 1) * p / (1 - p);
		sum += at;
		k++;
	}
	return k;
}

#endif
