/* bench_judge_harm.c: how soon harm is seen: requests until HARM against the theoretical bound, a
 * table beside a fixed threshold and Mann-Whitney, the odd replica, the fail-fast guard. Seeded.
 *   bench_judge_harm [RUNS]   the full bar: 5000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/ingest/window.h"
#include "backend/judge/proportion.h"
#include "backend/judge/replicas.h"
#include "tests/bench/judge_world.h"

#define LOG_HARM 4.605170185988092 /* log 100: alpha 1 % */
#define LIMIT	 .00125		   /* of HARM, as shipped for errors: a quarter of 0.5 pp */
#define SHARE	 .05

/* --- requests until HARM --- */

static double divergence(double p, double q)
{
	return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q));
}

/* Requests on the candidate that any test must see on average, even one that knows both rates. */
static double harm_bound(double ps, double pc, double w, double d)
{
	double at = proportion_theta(ps, pc, w, d);

	return w * LOG_HARM / ((1 - w) * divergence(ps, at) + w * divergence(pc, at + d));
}

/* One signal, looked at after every request of either arm: quiet answers of stable speak, too, and
 * may be what carries the evidence over. Bets are renewed each second. */
static double single_run(const void *context, int k)
{
	double pc = *(const double *)context, n = 0;
	struct chance c = {(uint64_t)(1e4 * pc) << 32 | (uint64_t)k};
	struct proportion_bets b;
	struct proportion p;

	proportion_init(&p, SIDE_HARM, LIMIT, .01, 50);
	for (;;) {
		struct tick_counts sum = {0};
		struct proportion at = p;

		proportion_begin(&p, SHARE, &b);
		for (int i = 0; i < WORLD_RATE; i++) {
			int arm = chance_is(&c, SHARE), bad = chance_is(&c, arm ? pc : .01);
			struct tick_counts one = {!arm, !arm && bad, arm, arm && bad};

			proportion_fold(&at, &b, &one);
			n += arm;
			if (proportion_log_e(&at) >= LOG_HARM)
				return n;
			sum.stable_n += one.stable_n;
			sum.stable_events += one.stable_events;
			sum.candidate_n += one.candidate_n;
			sum.candidate_events += one.candidate_events;
		}
		proportion_fold(&p, &b, &sum);
	}
}

static double whole_run(const void *context, int k)
{
	double pc = *(const double *)context;
	struct judge_config c = world_config(.25);
	struct world w = {{.01, pc}, 1, 0, SHARE, 0};
	struct judge_card card;

	return world_rollout(&c, &w, (uint64_t)(1e4 * pc) << 32 | (uint64_t)k, 2000000, &card);
}

static void bench_harm(int runs)
{
	static const double rates[] = {.02, .05, .20};
	double *out = calloc((size_t)runs, sizeof *out);

	printf("\nerrors 1 %% -> worse, 5 %% share: requests on the candidate until HARM (missed = "
	       "95 %% sure that it is above 1.5 and 2.2 times the bound)\n");
	printf("%-11s %8s %26s %28s\n", "", "bound", "one signal", "whole judge, four signals");
	for (int i = 0; i < 3; i++) {
		double bound = harm_bound(.01, rates[i], SHARE, LIMIT), mean[2], error[2];
		int single = i ? runs : runs / 5 + 1, whole = i ? runs : runs / 10 + 1;

		world_each(single, single_run, &rates[i], out);
		mean[0] = world_mean(out, single, &error[0]);
		world_each(whole, whole_run, &rates[i], out);
		mean[1] = world_mean(out, whole, &error[1]);
		printf("1 -> %2.0f %%   %8.1f %10.1f %5.2fx +- %.2f %14.1f %5.2fx +- %.2f  %s %s\n",
			100 * rates[i], bound, mean[0], mean[0] / bound, error[0] / bound, mean[1],
			mean[1] / bound, error[1] / bound,
			world_mark(mean[0] - 1.645 * error[0] <= 1.5 * bound),
			world_mark(mean[1] - 1.645 * error[1] <= 2.2 * bound));
	}
	free(out);
}

/* --- beside common practice --- */

#define MINUTES 60

/* Two-sided Mann-Whitney at 5 % of the candidate's n minute values against stable's; only worse
 * counts. Normal approximation with ties. */
static int mann_whitney(const double *stable, const double *candidate, int n)
{
	double u = 0, ties = 0, mean = n * n / 2.0, sd;

	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++)
			u += candidate[i] > stable[k] ? 1 : candidate[i] == stable[k] ? .5 : 0;
	for (int i = 0; i < 2 * n; i++) {
		double v = i < n ? stable[i] : candidate[i - n], same = 0;

		for (int k = 0; k < 2 * n; k++)
			same += (k < n ? stable[k] : candidate[k - n]) == v;
		ties += (same * same - 1);
	}
	sd = sqrt(n * n / 12.0 * (2 * n + 1 - ties / (2.0 * n * (2 * n - 1))));
	return n >= 4 && sd > 0 && (u - mean - .5) / sd > 1.96;
}

enum { RULE_ANY, RULE_FOUR, RULE_MANN_WHITNEY, RULE_COUNT };

/* One hour looked at each minute: the minute of the abort of each rule, 0 = none. */
static void rules_play(struct chance *c, double pc, int abort_at[RULE_COUNT])
{
	double stable[MINUTES], candidate[MINUTES];
	int failed = 0;

	memset(abort_at, 0, RULE_COUNT * sizeof *abort_at);
	for (int m = 0; m < MINUTES; m++) {
		stable[m] = chance_count(c, 5700, .01) / 5700.0;
		candidate[m] = chance_count(c, 300, pc) / 300.0;
		failed += candidate[m] > .02;
		if (failed > 0 && !abort_at[RULE_ANY])
			abort_at[RULE_ANY] = m + 1;
		if (failed > 3 && !abort_at[RULE_FOUR])
			abort_at[RULE_FOUR] = m + 1;
		if (!abort_at[RULE_MANN_WHITNEY] && mann_whitney(stable, candidate, m + 1))
			abort_at[RULE_MANN_WHITNEY] = m + 1;
	}
}

/* The judge for the same hour; 0 = no abort. */
static double judge_hour(const void *context, int k)
{
	double pc = *(const double *)context, n;
	struct judge_config c = world_config(.25);
	struct world w = {{.01, pc}, 1, 0, SHARE, 0};
	struct judge_card card;

	n = world_rollout(&c, &w, 9000 + (uint64_t)k, MINUTES * 60 * WORLD_RATE, &card);
	return card.verdict == JUDGE_HARM ? n : 0;
}

static void print_rule(const char *name, const double found[4], const double requests[4], int runs)
{
	printf("%-44s %10.1f%%", name, 100 * found[0] / runs);
	for (int i = 1; i < 4; i++)
		printf("   %7.0f (%3.0f%%)", found[i] > 0 ? requests[i] / found[i] : 0,
			100 * found[i] / runs);
	printf("\n");
}

static void bench_rules(int runs)
{
	static const double rates[] = {.01, .02, .05, .20};
	static const char *const names[] = {"candidate > 2 % in a minute, once",
		"candidate > 2 % in a minute, four times",
		"Mann-Whitney 5 %, looked at every minute"};
	double found[RULE_COUNT + 1][4] = {0}, requests[RULE_COUNT + 1][4] = {0};
	int judged = runs / 20 + 1, abort_at[RULE_COUNT];
	double *out = calloc((size_t)judged, sizeof *out);

	for (int i = 0; i < 4; i++) {
		struct chance c = {5 + (uint64_t)i};

		for (int k = 0; k < runs; k++) {
			rules_play(&c, rates[i], abort_at);
			for (int r = 0; r < RULE_COUNT; r++) {
				found[r][i] += abort_at[r] > 0;
				requests[r][i] += 300 * abort_at[r];
			}
		}
		world_each(judged, judge_hour, &rates[i], out);
		for (int k = 0; k < judged; k++) {
			found[RULE_COUNT][i] += out[k] > 0;
			requests[RULE_COUNT][i] += out[k];
		}
	}
	printf("\none hour, errors 1 %%, 100 requests/s, 5 %% share: aborts of healthy rollouts, "
	       "and requests on the candidate until the abort (found)\n");
	printf("%-44s %11s %17s %16s %16s\n", "", "healthy", "2 %", "5 %", "20 %");
	for (int r = 0; r < RULE_COUNT; r++)
		print_rule(names[r], found[r], requests[r], runs);
	print_rule("pithead, whole judge", found[RULE_COUNT], requests[RULE_COUNT], judged);
	free(out);
}

/* --- the odd replica --- */

struct replica_case {
	const char *name;
	double slower, failing; /* the odd one's */
	int waves, ticks;
};

/* Ticks until a replica is named, negative when it is the wrong one; 0 = none. 3 an arm, 40
 * requests a second, half of them on the candidate. */
static double replica_run(const void *context, int k)
{
	static const char *const names[2][3] = {{"r1", "r2", "r3"}, {"r10", "r11", "r12"}};
	const struct replica_case *w = context;
	struct chance c = {(uint64_t)(1e3 * w->slower + 1e5 * w->failing) << 32 | (uint64_t)k};
	struct replica_finding f;
	struct replicas r;

	replicas_init(&r);
	for (int t = 0; t < w->ticks; t++) {
		double wave = w->waves ? exp(.5 * sin(t * 2 * M_PI / 300)) : 1;

		for (int i = 0; i < 40; i++) {
			int arm = chance_is(&c, .5), at = (int)(chance_bits(&c) % 3);
			int odd = arm && at == 2;

			replicas_add(&r, arm, names[arm][at], chance_is(&c, odd ? w->failing : .01),
				world_latency(&c) * wave * (odd ? w->slower : 1));
		}
		replicas_tick(&r);
		f = replicas_find(&r);
		if (f.found)
			return strcmp(f.name, "r12") == 0 && (w->slower > 1.3 || w->failing > .02)
				       ? t + 1
				       : -(t + 1);
	}
	return 0;
}

static void bench_replicas(int runs)
{
	static const struct replica_case cases[] = {
		{"all alike, 30 minutes of waves", 1, .01, 1, 1800},
		{"one 20 % slower: not worth a name", 1.2, .01, 0, 1800},
		{"one 2x slower", 2, .01, 0, 600},
		{"one 2x slower, waves", 2, .01, 1, 600},
		{"one 1.5x slower", 1.5, .01, 0, 1800},
		{"one fails 5 %, the others 1 %", 1, .05, 0, 1800},
	};
	double *out = calloc((size_t)runs, sizeof *out);

	printf("\n3 replicas an arm, 20 requests/s an arm: which one is named, of %d runs\n", runs);
	printf("%-46s %8s %8s %26s\n", "", "named", "wrong", "requests an arm until then");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int right = 0, wrong = 0, odd = cases[i].slower > 1.3 || cases[i].failing > .02;
		double ticks = 0;

		world_each(runs, replica_run, &cases[i], out);
		for (int k = 0; k < runs; k++) {
			right += out[k] > 0;
			wrong += out[k] < 0;
			ticks += fmax(out[k], 0);
		}
		printf("%-46s %8d %8d %26.0f  %s\n", cases[i].name, right, wrong,
			right ? 20 * ticks / right : 0,
			world_mark(world_bound95(wrong, runs, 1) <= REPLICAS_ALPHA &&
				   right >= odd * .98 * runs));
	}
	free(out);
}

/* One of three replicas of the candidate is 2x slower: at HARM of the version 2 = it is named, 1 =
 * called likely, 0 = neither, negative = another one is; NAN = no HARM. */
static double blamed_run(const void *context, int k)
{
	static const char *const names[2][3] = {{"r1", "r2", "r3"}, {"r10", "r11", "r12"}};
	double share = *(const double *)context;
	struct judge_config config = world_config(.25);
	struct rollout_judge *j;
	struct chance c = {(uint64_t)(1e3 * share) << 32 | (uint64_t)k};
	struct judge_card card = {.verdict = JUDGE_UNDECIDED};
	struct replica_finding f;
	struct replicas r;

	config.signals[WORLD_BRIER].critical = config.signals[WORLD_CALIBRATION].critical = 0;
	config.presence = 0;
	j = rollout_judge_new(&config);
	replicas_init(&r);
	for (int i = 0; i < 4000; i++)
		rollout_judge_warm(j, world_latency(&c));
	for (int t = 0; t < 3600 && card.verdict < JUDGE_HARM; t++) {
		for (int i = 0; i < 40; i++) {
			int arm = chance_is(&c, share), at = (int)(chance_bits(&c) % 3);
			struct judge_request q = {.tick = t,
				.candidate = arm,
				.share = share,
				.w = share,
				.failed = chance_is(&c, .01),
				.latency_s = world_latency(&c) * (arm && at == 2 ? 2 : 1)};

			rollout_judge_request(j, &q);
			replicas_add(&r, arm, names[arm][at], q.failed, q.latency_s);
		}
		while (rollout_judge_close(j, t + 1))
			;
		replicas_tick(&r);
		rollout_judge_read(j, &card);
	}
	rollout_judge_free(j);
	f = replicas_find(&r);
	if (card.verdict != JUDGE_HARM)
		return (double)NAN;
	return (f.found ? 2 : f.likely) * (strcmp(f.name, "r12") == 0 ? 1 : -1);
}

static void bench_blamed(int runs)
{
	static const double shares[] = {.05, .25, .5};
	double *out = calloc((size_t)runs, sizeof *out);

	printf("\none of the candidate's 3 replicas 2x slower, latency +10 %% at p99, 40 "
	       "requests/s: "
	       "when harm of the version is proven, the card says\n");
	printf("%-12s %10s %10s %10s %10s\n", "share", "no harm", "names it", "likely it",
		"another");
	for (int i = 0; i < 3; i++) {
		int none = 0, named = 0, likely = 0, other = 0;

		world_each(runs, blamed_run, &shares[i], out);
		for (int k = 0; k < runs; k++) {
			none += isnan(out[k]);
			named += out[k] > 1.5;
			likely += out[k] > .5 && out[k] < 1.5;
			other += out[k] < -.5;
		}
		printf("%10.0f %% %9.1f%% %9.1f%% %9.1f%% %9.1f%%\n", 100 * shares[i],
			100. * none / runs, 100. * named / runs, 100. * likely / runs,
			100. * other / runs);
	}
	free(out);
}

/* --- the fail-fast guard: 8 of the last 10 answers --- */

enum { GUARD_WINDOW = 10, GUARD_LIMIT = 8 };

/* Answers until it trips, 0 = never. */
static int guard_run(double failing, int answers, uint64_t seed)
{
	struct record r = {.arm = ARM_CANDIDATE, .rollout = 1};
	struct chance c = {seed};
	struct guard g;

	guard_reset(&g, 1);
	for (int i = 0; i < answers; i++) {
		r.failed = chance_is(&c, failing);
		guard_add(&g, &r, GUARD_WINDOW);
		if (guard_failures(&g, GUARD_WINDOW) >= GUARD_LIMIT)
			return i + 1;
	}
	return 0;
}

static void bench_guard(void)
{
	int healthy = guard_run(.02, 1000000, 11), always = guard_run(1, 100, 12);

	printf("\nguard, %d of the last %d answers: 2 %% errors trip it %s in 1,000,000 requests  "
	       "%s; a candidate that always fails at its answer %d  %s\n",
		GUARD_LIMIT, GUARD_WINDOW, healthy ? "once or more" : "0 times",
		world_mark(!healthy), always, world_mark(always == GUARD_LIMIT));
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 500;

	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_guard();
	bench_harm(runs);
	bench_rules(runs < 1000 ? runs : 1000);
	bench_replicas(runs / 10);
	bench_blamed(runs / 10);
	return world_end();
}
