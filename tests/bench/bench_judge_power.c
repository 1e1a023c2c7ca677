/* bench_judge_power.c: what a plan says that a rollout would see, beside what simulated rollouts
 * see: the whole judge with four signals, one of them harmful. And whether the bands of the card
 * hold the truth at all times. Seeded.
 *   bench_judge_power [RUNS]   the full bar: 2000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/judge/band.h"
#include "backend/judge/power.h"
#include "tests/bench/judge_world.h"

/* --- predicted and simulated --- */

struct power_case {
	const char *name;
	int signal, steps_before; /* healthy steps of 5 % before, 200 s each */
	double share, rate, error, harm;
	int seconds, tick_s, single; /* single: this signal alone, no mixture over steps */
	double harm_part;
};

static struct judge_config case_config(const struct power_case *p)
{
	struct judge_config c = world_config(p->harm_part);

	for (int i = 0; i < c.signal_count; i++)
		c.signals[i].prior_n = 200;
	c.signals[WORLD_ERRORS].prior_mean = p->error;
	c.signals[WORLD_BRIER].prior_mean = .15;
	c.signals[WORLD_BRIER].prior_sd = .1;
	c.signals[WORLD_CALIBRATION].prior_mean = .5;
	c.signals[WORLD_CALIBRATION].prior_sd = .2;
	for (int i = 0; i < c.signal_count; i++)
		c.signals[i].critical = !p->single || i == p->signal;
	c.steps = p->single ? 1 : c.steps;
	return c;
}

static double harm_of(const struct power_case *p, int signal, int arm)
{
	return arm && signal == p->signal ? p->harm : 0;
}

static void request_play(struct rollout_judge *j, const struct power_case *p, struct chance *c,
	int64_t tick, double share)
{
	int arm = chance_is(c, share), y = chance_is(c, .5);
	struct judge_value v = {.candidate = arm, .w = share, .outcome = y};
	struct judge_request r = {.tick = tick,
		.candidate = arm,
		.share = share,
		.w = share,
		.failed = chance_is(c, p->error + harm_of(p, WORLD_ERRORS, arm)),
		.latency_s = world_latency(c) * (1 + harm_of(p, WORLD_LATENCY, arm)),
		.score = .5};

	rollout_judge_request(j, &r);
	v.signal = WORLD_BRIER; /* mean .15, deviation .1, skewed */
	v.value = .0382 + .3354 * pow(chance_unit(c), 2) + harm_of(p, WORLD_BRIER, arm);
	rollout_judge_value(j, tick, &v);
	v.signal = WORLD_CALIBRATION; /* mean .5, deviation .2 */
	v.value = .1536 + .6928 * chance_unit(c) + harm_of(p, WORLD_CALIBRATION, arm);
	rollout_judge_value(j, tick, &v);
}

/* 1 when HARM was said within the time. */
static double power_run(const void *context, int k)
{
	const struct power_case *p = context;
	struct power_case healthy = *p;
	struct judge_config config = case_config(p);
	struct rollout_judge *j = rollout_judge_new(&config);
	struct chance c = {(uint64_t)(p->signal * 1000 + p->seconds) << 32 | (uint64_t)k};
	struct judge_card card = {.verdict = JUDGE_UNDECIDED};
	double each = p->rate * p->tick_s;
	int before = p->steps_before * 200 / p->tick_s, ticks = before + p->seconds / p->tick_s;

	healthy.harm = 0;
	for (int i = 0; i < 4000; i++)
		rollout_judge_warm(j, world_latency(&c));
	for (int t = 0; t < ticks && card.verdict < JUDGE_HARM; t++) {
		int n = (int)((t + 1) * each) - (int)(t * each);

		for (int i = 0; i < n; i++)
			request_play(
				j, t < before ? &healthy : p, &c, t, t < before ? .05 : p->share);
		while (rollout_judge_close(j, t + 1))
			;
		rollout_judge_read(j, &card);
	}
	rollout_judge_free(j);
	return card.verdict == JUDGE_HARM;
}

static double said(const struct power_case *p)
{
	struct judge_config c = case_config(p);
	struct power_plan plan = {.config = &c,
		.signals = {{p->error, 0, 1}, {0, .5, 1}, {.15, .1, 1}, {.5, .2, 1}},
		.rate = p->rate,
		.step_count = 2};

	plan.steps[0].share = plan.steps[1].share = p->share;
	return power_of_harm(&plan, p->steps_before > 0, p->signal, p->harm, p->seconds);
}

static double seen(const struct power_case *p, int runs, double *out)
{
	double error;

	world_each(runs, power_run, p, out);
	return world_mean(out, runs, &error);
}

static void bench_power(int runs)
{
	static const struct power_case cases[] = {
		{"errors 1 -> 5 %, 5 % share, 50 s", WORLD_ERRORS, 0, .05, 100, .01, .04, 50, 1, 0,
			.25},
		{"errors 1 -> 2 %, 5 % share, 10 min", WORLD_ERRORS, 0, .05, 100, .01, .01, 600, 2,
			0, .25},
		{"errors 1 -> 20 %, 5 % share, 5 s", WORLD_ERRORS, 0, .05, 100, .01, .19, 5, 1, 0,
			.25},
		{"errors 1 -> 3 %, 25 % share, from there on", WORLD_ERRORS, 1, .25, 50, .01, .02,
			70, 1, 0, .25},
		{"latency +50 % at p99, 5 % share, 60 s", WORLD_LATENCY, 0, .05, 100, .01, .5, 60,
			1, 0, .25},
		{"latency +20 % at p99, 50 % share, 60 s", WORLD_LATENCY, 0, .5, 100, .01, .2, 60,
			1, 0, .25},
		{"Brier +0.03, 5 % share, 60 s", WORLD_BRIER, 0, .05, 100, .01, .03, 60, 1, 0, .25},
		{"Brier +0.02, 50 % share, 40 s", WORLD_BRIER, 0, .5, 50, .01, .02, 40, 1, 0, .25},
		{"calibration +0.1, 5 % share, 60 s", WORLD_CALIBRATION, 0, .05, 100, .01, .05, 60,
			1, 0, .25},
	};
	double *out = calloc((size_t)runs, sizeof *out);

	printf("\npower: said by the plan, and seen in %d rollouts of the whole judge (missed = 95 "
	       "%% sure that they differ by more than 5 points)\n",
		runs);
	printf("%-46s %8s %8s\n", "", "said", "seen");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double s = said(&cases[i]), r = seen(&cases[i], runs, out);

		printf("%-46s %7.1f%% %7.1f%%  %s\n", cases[i].name, 100 * s, 100 * r,
			world_mark(fabs(s - r) - 1.645 * sqrt(r * (1 - r) / runs) <= .05));
	}
	free(out);
}

static void bench_little_traffic(int runs)
{
	static const struct power_case cases[] = {
		{"this signal alone, HARM limit M/4", WORLD_ERRORS, 0, .5, 100. / 60, .005, .015,
			3600, 15, 1, .25},
		{"whole judge, HARM limit 0", WORLD_ERRORS, 0, .5, 100. / 60, .005, .015, 3600, 15,
			0, 0},
		{"whole judge, HARM limit M/4", WORLD_ERRORS, 0, .5, 100. / 60, .005, .015, 3600,
			15, 0, .25},
	};
	double *out = calloc((size_t)runs, sizeof *out);

	printf("\nerrors 0.5 -> 2 %% at 50 requests a minute on each arm, within an hour\n");
	printf("%-46s %8s %8s\n", "", "said", "seen");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double s = said(&cases[i]), r = seen(&cases[i], runs, out);
		int caught = (int)(r * runs + .5);

		printf("%-46s %7.1f%% %7.1f%%  %s\n", cases[i].name, 100 * s, 100 * r,
			i < 2 ? world_mark(world_bound95(caught, runs, 0) >= .95) : "(told only)");
	}
	free(out);
}

/* --- bands --- */

struct band_case {
	const char *name;
	double stable, candidate, share; /* share 0: 1, 5, 25, 50 % in turn */
	int waves, number;
};

/* 1 when the band left the truth out at any of 500 seconds. */
static double band_run(const void *context, int k)
{
	const struct band_case *w = context;
	static const double ladder[] = {.01, .05, .25, .5};
	struct chance c = {(uint64_t)(w->number + 1) << 32 | (uint64_t)k};
	double truth = w->candidate - w->stable;
	struct band b;

	band_init(&b, .01, .1);
	for (int t = 0; t < 500; t++) {
		double share = w->share > 0 ? w->share : ladder[t * 4 / 500];
		double at = w->stable * (w->waves ? 1 + .8 * sin(t * 2 * M_PI / 120) : 1);
		int n = chance_count(&c, WORLD_RATE, share);
		struct tick_counts counts = {WORLD_RATE - n, chance_count(&c, WORLD_RATE - n, at),
			n, chance_count(&c, n, at + truth)};
		struct band_range r;

		band_begin(&b);
		band_counts(&b, share, &counts);
		r = band_read(&b);
		if (r.low > truth || r.high < truth)
			return 1;
	}
	return 0;
}

static void bench_bands(int runs)
{
	static const struct band_case cases[] = {
		{"errors 1 % both, 5 % share", .01, .01, .05, 0, 0},
		{"errors 1 -> 5 %, 5 % share", .01, .05, .05, 0, 1},
		{"errors 1 -> 5 %, 1 % share", .01, .05, .01, 0, 2},
		{"errors 1 % both, 50 % share", .01, .01, .5, 0, 3},
		{"errors 1 -> 2 %, ramp, load waves", .01, .02, 0, 1, 4},
		{"errors 20 % both, ramp, load waves", .2, .2, 0, 1, 5},
	};
	double *out = calloc((size_t)runs, sizeof *out), error;

	printf("\n95 %% bands: %d runs, 50,000 requests, a look after every second; the truth was "
	       "left out at any time (missed = 95 %% sure that it is above 5 %%)\n",
		runs);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double r;

		world_each(runs, band_run, &cases[i], out);
		r = world_mean(out, runs, &error);
		printf("%-46s %7.1f%%  %s\n", cases[i].name, 100 * r,
			world_mark(world_bound95((int)(r * runs + .5), runs, 1) <= .05));
	}
	free(out);
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 200;

	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_power(runs);
	bench_little_traffic(runs);
	bench_bands(runs);
	return world_end();
}
