/* trace_make.h: a small trace that is the same on every machine (integers and divisions by powers
 * of two only), for the golden figures of test_judge.c. Two steps, delayed outcomes; the candidate
 * may have more errors. */
#ifndef PITHEAD_TESTS_BACKEND_LOCAL_TRACE_MAKE_H
#define PITHEAD_TESTS_BACKEND_LOCAL_TRACE_MAKE_H

#include <stdint.h>
#include <stdio.h>

#define TRACE_DELAY 5 /* seconds until every other outcome; the others take 2 */
#define TRACE_RATE  40

struct trace_row {
	int candidate, failed, y;
	double w, latency_s, score;
};

static inline double trace_unit(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(*state >> 40) / 16777216.0;
}

/* `seconds` of 40 requests each; the share is 1/16, in the second half 1/4. bad: the candidate's
 * errors in 1/64. step: requests of a second are written in this order (a number without a common
 * factor with 40), which is of no consequence. */
static inline void trace_make(FILE *f, int seconds, int bad, int step)
{
	static struct trace_row rows[TRACE_DELAY + 1][TRACE_RATE];
	uint64_t state = 42;

	for (int t = 0; t < seconds; t++) {
		struct trace_row *now = rows[t % (TRACE_DELAY + 1)];

		for (int i = 0; i < TRACE_RATE; i++) {
			struct trace_row *r = &now[i];

			r->w = t < seconds / 2 ? .0625 : .25;
			r->candidate = trace_unit(&state) < r->w;
			r->failed = trace_unit(&state) < (r->candidate ? bad : 1) / 64.0;
			r->y = trace_unit(&state) < .25;
			r->score = (r->y ? .375 : .125) + trace_unit(&state) / 2;
			r->latency_s = trace_unit(&state);
			r->latency_s = .03125 + .25 * r->latency_s * r->latency_s * r->latency_s;
		}
		for (int k = 0; k < TRACE_RATE; k++) {
			const struct trace_row *r = &now[k * step % TRACE_RATE];

			fprintf(f,
				"{\"k\":\"req\",\"t\":%.3f,\"id\":\"%d-%d\",\"arm\":\"%s\",\"w\":%."
				"17g,"
				"\"err\":%d,\"lat\":%.17g,\"score\":%.17g,\"x\":1,\"cat\":\"a\"}\n",
				t + k / 64.0, t, k, r->candidate ? "canary" : "stable", r->w,
				r->failed, r->latency_s, r->score);
		}
		for (int k = 0; k < TRACE_RATE && t >= TRACE_DELAY; k++) {
			int i = k * step % TRACE_RATE, late = i % 2 ? TRACE_DELAY : 2;
			const struct trace_row *r = &rows[(t - late) % (TRACE_DELAY + 1)][i];

			fprintf(f,
				"{\"k\":\"label\",\"t\":%.3f,\"id\":\"%d-%d\",\"arm\":\"%s\","
				"\"w\":%.17g,\"score\":%.17g,\"y\":%d}\n",
				t + .75, t - late, i, r->candidate ? "canary" : "stable", r->w,
				r->score, r->y);
		}
	}
}

#endif
