/* bench_judge.c: what the judge promises, by simulation, and what it costs: false aborts of healthy
 * rollouts with every look counted, false OK at harm of exactly the limit, cost of a request,
 * memory. Seeded. Its siblings: bench_judge_harm.c, bench_judge_power.c.
 *   bench_judge [ROLLOUTS [REQUESTS [RUNS]]]   the full bar: 2000 50000 5000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/judge/bounded_mean.h"
#include "backend/judge/exceedance.h"
#include "backend/judge/proportion.h"
#include "tests/bench/judge_world.h"

#define LOG_OK 2.995732273553991 /* log 20: alpha 5 % */

/* --- false aborts --- */

struct healthy_case {
	const char *name;
	struct world world;
	double harm_part;
	int requests, number;
};

/* 1 harm, 2 invalid, else 0. */
static double healthy_run(const void *context, int k)
{
	const struct healthy_case *h = context;
	struct judge_config c = world_config(h->harm_part);
	struct judge_card card;

	world_rollout(&c, &h->world, 1000003ull * (uint64_t)(h->number + 1) + (uint64_t)k,
		h->requests, &card);
	return card.verdict == JUDGE_HARM ? 1 : card.verdict == JUDGE_INVALID ? 2 : 0;
}

static void bench_healthy(int rollouts, int requests)
{
	static const struct healthy_case cases[] = {
		{"5 % share", {{.01, .01}, 1, 0, .05, 0}, 0, 0, 0},
		{"5 % share, load waves", {{.01, .01}, 1, 0, .05, 1}, 0, 0, 1},
		{"ramp 1, 5, 25, 50 %", {{.01, .01}, 1, 0, 0, 0}, 0, 0, 2},
		{"ramp, load waves", {{.01, .01}, 1, 0, 0, 1}, 0, 0, 3},
		{"ramp, load waves, limits as shipped (M/4)", {{.01, .01}, 1, 0, 0, 1}, .25, 0, 4},
	};
	double *out = calloc((size_t)rollouts, sizeof *out);

	printf("\nhealthy rollouts: %d each, %d requests, four signals, a look after every second, "
	       "HARM limit 0 (the worst case)\n",
		rollouts, requests);
	printf("%-46s %8s %8s %10s %8s\n", "", "harm", "rate", "95 % bound", "invalid");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct healthy_case h = cases[i];
		int harm = 0, invalid = 0;
		double bound;

		h.requests = requests;
		world_each(rollouts, healthy_run, &h, out);
		for (int k = 0; k < rollouts; k++) {
			harm += fabs(out[k] - 1) < .5;
			invalid += out[k] > 1.5;
		}
		bound = world_bound95(harm, rollouts, 0);
		printf("%-46s %8d %7.2f%% %9.2f%% %8d  %s\n", h.name, harm, 100. * harm / rollouts,
			100 * bound, invalid,
			rollouts < 500 ? "(too few to tell)"
				       : world_mark(bound <= .015 &&
						    world_bound95(invalid, rollouts, 1) <= .002));
	}
	free(out);
}

/* --- false OK at harm of exactly the limit --- */

struct ok_case {
	const char *name;
	int (*run)(struct chance *c, const struct ok_case *o);
	double w, d;
	int ticks, number;
};

static int ok_errors(struct chance *c, const struct ok_case *o)
{
	struct proportion_bets b;
	struct proportion p;

	proportion_init(&p, SIDE_OK, o->d, .01, 50);
	for (int t = 0; t < o->ticks; t++) {
		int n = chance_count(c, WORLD_RATE, o->w);
		struct tick_counts k = {WORLD_RATE - n, chance_count(c, WORLD_RATE - n, .01), n,
			chance_count(c, n, .01 + o->d)};

		proportion_begin(&p, o->w, &b);
		proportion_fold(&p, &b, &k);
		if (proportion_log_e(&p) >= LOG_OK)
			return 1;
	}
	return 0;
}

static int ok_mean(struct chance *c, const struct ok_case *o)
{
	struct bounded_mean p;

	bounded_mean_init(&p, SIDE_OK, o->d, .5, 10, .25);
	for (int t = 0; t < o->ticks; t++) {
		bounded_mean_begin(&p, o->w);
		for (int i = 0; i < WORLD_RATE; i++) {
			int arm = chance_is(c, o->w);
			double u = chance_unit(c);

			bounded_mean_add(&p, arm, .4 * u * u + (arm ? o->d : 0));
		}
		if (bounded_mean_log_e(&p) >= LOG_OK)
			return 1;
	}
	return 0;
}

static void latency_tick(struct chance *c, const struct ok_case *o,
	const struct exceedance_aim *aim, struct latency_histogram *h, struct tick_counts *k)
{
	for (int i = 0; i < WORLD_RATE; i++) {
		double l = world_latency(c);

		if (chance_is(c, o->w)) {
			k->candidate_n++;
			k->candidate_events += (1 + o->d) * l > (1 + o->d) * aim->q;
		} else {
			k->stable_n++;
			k->stable_events += l > aim->q;
			latency_add(h, l);
		}
	}
}

static int ok_latency(struct chance *c, const struct ok_case *o)
{
	static struct latency_histogram h;
	struct proportion_bets b;
	struct proportion p;

	memset(&h, 0, sizeof h);
	for (int i = 0; i < 2000; i++)
		latency_add(&h, world_latency(c));
	proportion_init(&p, SIDE_OK, 0, 0, 0);
	for (int t = 0; t < o->ticks; t++) {
		struct exceedance_aim aim;
		struct tick_counts k = {0};

		latency_settle(&h);
		aim = exceedance_aim(&h, .95, o->d, 500);
		latency_tick(c, o, &aim, &h, &k);
		exceedance_begin(&p, &aim, o->w, &b);
		proportion_fold(&p, &b, &k);
		if (exceedance_log_e(&p) >= LOG_OK)
			return 1;
	}
	return 0;
}

static double ok_run(const void *context, int k)
{
	const struct ok_case *o = context;
	struct chance c = {(uint64_t)(77 + o->number) << 32 | (uint64_t)k};

	return o->run(&c, o);
}

static void bench_false_ok(int runs, int requests)
{
	static const struct ok_case cases[] = {
		{"errors +0.5 pp, 5 % share", ok_errors, .05, .005, 0, 0},
		{"errors +0.5 pp, 50 % share", ok_errors, .5, .005, 0, 1},
		{"errors +1 pp, 50 % share", ok_errors, .5, .01, 0, 2},
		{"Brier +0.02, 5 % share", ok_mean, .05, .02, 0, 3},
		{"Brier +0.02, 50 % share", ok_mean, .5, .02, 0, 4},
		{"latency +10 % at p95, 50 % share", ok_latency, .5, .1, 0, 5},
	};
	double *out = calloc((size_t)runs, sizeof *out);

	printf("\nharm of exactly the limit: %d runs, %d requests, a look after every second; OK "
	       "is wrong (missed = 95 %% sure that it is above 5 %%)\n",
		runs, requests);
	printf("%-46s %8s %8s %22s\n", "", "ok", "rate", "95 % bounds");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ok_case o = cases[i];
		int ok = 0;

		o.ticks = requests / WORLD_RATE;
		world_each(runs, ok_run, &o, out);
		for (int k = 0; k < runs; k++)
			ok += out[k] > .5;
		printf("%-46s %8d %7.2f%% %11.2f%% .. %5.2f%%  %s\n", o.name, ok, 100. * ok / runs,
			100 * world_bound95(ok, runs, 1), 100 * world_bound95(ok, runs, 0),
			world_mark(world_bound95(ok, runs, 1) <= .05));
	}
	free(out);
}

/* --- cost --- */

enum { TICKS = 300, EACH = 5000 };

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void traffic_make(struct judge_request *requests, struct judge_value *values)
{
	struct chance r = {3};

	for (int i = 0; i < EACH; i++) {
		int arm = chance_is(&r, .05);

		requests[i] = (struct judge_request){.candidate = arm,
			.share = .05,
			.w = .05,
			.failed = chance_is(&r, .01),
			.latency_s = world_latency(&r),
			.score = chance_unit(&r)};
		for (int k = 0; k < 2; k++)
			values[2 * i + k] = (struct judge_value){.signal = WORLD_BRIER + k,
				.candidate = arm,
				.w = .05,
				.value = k ? .5 + .4 * (chance_unit(&r) - .5) : chance_unit(&r) / 4,
				.outcome = i % 2};
	}
}

static void cost_of_requests(void)
{
	struct judge_request *requests = calloc(EACH, sizeof *requests);
	struct judge_value *values = calloc(2 * EACH, sizeof *values);
	struct judge_config c = world_config(.25);
	struct rollout_judge *j;
	struct buf bytes = {0};
	double start, took;

	c.value_slots = 2 * EACH;
	j = rollout_judge_new(&c);
	traffic_make(requests, values);
	start = seconds_now();
	for (int t = 0; t < TICKS; t++) {
		for (int i = 0; i < EACH; i++) {
			requests[i].tick = t;
			rollout_judge_request(j, &requests[i]);
			rollout_judge_value(j, t, &values[2 * i]);
			rollout_judge_value(j, t, &values[2 * i + 1]);
		}
		while (rollout_judge_close(j, t + 1))
			;
	}
	took = seconds_now() - start;
	printf("fold_requests %.0f requests/s (errors, latency, brier and calibration with an "
	       "outcome each, score shift; one core)  %s\n",
		TICKS * EACH / took, world_mark(TICKS * EACH / took >= 1e6));
	rollout_judge_save(j, &bytes);
	printf("saved_state %.1f KB\n", (double)bytes.len / 1024);
	rollout_judge_free(j);
	buf_release(&bytes);
	free(requests);
	free(values);
}

static void memory_of(const char *name, const struct judge_config *c, size_t most)
{
	struct rollout_judge *j = rollout_judge_new(c);

	printf("%s %.1f KB (at most %zu)  %s\n", name, (double)rollout_judge_bytes(j) / 1024,
		most / 1024, world_mark(rollout_judge_bytes(j) <= most));
	rollout_judge_free(j);
}

static void bench_cost(void)
{
	struct judge_config whole = world_config(.25), segment = world_config(.25);

	cost_of_requests();
	whole.group_slots = judge_config_default().group_slots;
	memory_of("memory_rollout", &whole, 256 * 1024);
	segment.borrows_latencies = 1;
	segment.shifts = 0;
	segment.group_slots = 24;
	segment.value_slots = 64;
	memory_of("memory_segment", &segment, 16 * 1024);
}

int main(int argc, char **argv)
{
	int rollouts = argc > 1 ? atoi(argv[1]) : 40;
	int requests = argc > 2 ? atoi(argv[2]) : 50000;
	int runs = argc > 3 ? atoi(argv[3]) : 500;

	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_cost();
	bench_false_ok(runs, requests);
	bench_healthy(rollouts, requests);
	return world_end();
}
