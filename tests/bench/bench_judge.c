/* bench_judge.c: what the judge promises, by simulation, and what it costs: false aborts of healthy
 * rollouts with every look counted, false OK at harm of exactly the limit, requests until harm is
 * seen against the theoretical bound, a table beside a fixed threshold and Mann-Whitney, cost of a
 * request, memory. Seeded.
 *   bench_judge [ROLLOUTS [REQUESTS [RUNS]]]   the full bar: 2000 50000 5000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/judge/bounded_mean.h"
#include "backend/judge/calibration.h"
#include "backend/judge/exceedance.h"
#include "backend/judge/proportion.h"
#include "backend/judge/rollout_judge.h"
#include "tests/bench/chance.h"

#define RATE	 100 /* requests a second */
#define TABLE	 4096
#define LOG_HARM 4.605170185988092 /* log 100: alpha 1 % */

static double latency_table[TABLE]; /* lognormal, sd 0.5, median 50 ms */
static int failures;

static void tables_fill(void)
{
	struct chance c = {1};

	for (int i = 0; i < TABLE; i++)
		latency_table[i] = .05 * exp(.5 * chance_normal(&c));
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* P(at most k of n) at rate p. */
static double binomial_below(int k, int n, double p)
{
	double at = n * log1p(-p), sum = 0;

	for (int i = 0; i <= k; i++) {
		sum += exp(at);
		at += log((double)(n - i) / (i + 1)) + log(p) - log1p(-p);
	}
	return sum;
}

/* The rate at which k of n or fewer (side 0), or more (side 1), would be seen in 5 % of cases. */
static double bound95(int k, int n, int lower)
{
	double lo = 0, hi = 1;

	if (lower && k == 0)
		return 0;
	if (k >= n)
		return 1;
	for (int i = 0; i < 60; i++) {
		double p = .5 * (lo + hi);
		double tail = lower ? 1 - binomial_below(k - 1, n, p) : binomial_below(k, n, p);

		if (lower ? tail < .05 : tail > .05)
			lo = p;
		else
			hi = p;
	}
	return .5 * (lo + hi);
}

static const char *mark(int good)
{
	failures += !good;
	return good ? "ok" : "MISSED";
}

/* --- the world that rollouts are played in --- */

struct world {
	double error[2], slower,
		brier; /* stable, candidate; candidate's factor; added to its score */
	int waves;     /* load that both arms share: errors and latency move */
	int ramp;      /* shares 1, 5, 25, 50 % instead of one */
	double share;
};

static double share_at(const struct world *w, int request, int requests)
{
	static const double ladder[] = {.01, .05, .25, .5};

	return w->ramp ? ladder[request * 4 / requests] : w->share;
}

/* What one request does; `load` is the wave, 1 = none. */
static void request_play(struct rollout_judge *j, const struct world *w, struct chance *c,
	int64_t tick, double share, double load)
{
	int arm = chance_is(c, share), y = chance_is(c, .2);
	double score = (y ? .5 : .1) + .3 * chance_unit(c) + (arm ? w->brier : 0);
	struct judge_request r = {.tick = tick,
		.candidate = arm,
		.share = share,
		.w = share,
		.failed = chance_is(c, w->error[arm] * load),
		.latency_s = latency_table[chance_bits(c) % TABLE] * load * (arm ? w->slower : 1),
		.score = score};
	struct judge_value v = {.signal = 2, .candidate = arm, .w = share, .outcome = y};

	rollout_judge_request(j, &r);
	v.value = calibration_brier(score > 1 ? 1 : score, y);
	rollout_judge_value(j, tick, &v);
}

/* Plays until HARM or INVALID or the end. Returns requests on the candidate until then. */
static double rollout_play(const struct judge_config *config, const struct world *w, uint64_t seed,
	int requests, struct judge_card *card)
{
	struct rollout_judge *j = rollout_judge_new(config);
	struct chance c = {seed * 0x2545f4914f6cdd1dull + 1};
	double wave = 0, n;

	for (int i = 0; i < 2000; i++)
		rollout_judge_warm(j, latency_table[chance_bits(&c) % TABLE]);
	for (int i = 0; i < requests; i++) {
		if (i % RATE == 0) {
			while (rollout_judge_close(j, i / RATE))
				;
			rollout_judge_read(j, card);
			if (card->verdict >= JUDGE_HARM)
				break;
			wave = .97 * wave + .12 * chance_normal(&c);
		}
		request_play(
			j, w, &c, i / RATE, share_at(w, i, requests), w->waves ? exp(wave) : 1);
	}
	while (rollout_judge_close(j, requests / RATE + 1))
		;
	rollout_judge_read(j, card);
	n = card->n[1];
	rollout_judge_free(j);
	return n;
}

static struct judge_config engine_config(double harm_part)
{
	struct judge_config c = judge_config_default();

	c.group_slots = 8;
	c.least_ticks = 0;
	judge_config_add(&c, JUDGE_ERRORS, "error_rate", .005, 0);
	judge_config_add(&c, JUDGE_LATENCY, "latency_p99", .1, .99);
	judge_config_add(&c, JUDGE_MEAN, "brier", .02, 0)->outcomes = 1;
	for (int i = 0; i < c.signal_count; i++)
		c.signals[i].harm_margin = c.signals[i].ok_margin * harm_part;
	return c;
}

/* --- false aborts --- */

static void bench_healthy(int rollouts, int requests)
{
	static const struct {
		const char *name;
		struct world world;
		double harm_part;
	} cases[] = {
		{"5 % share", {{.01, .01}, 1, 0, 0, 0, .05}, 0},
		{"5 % share, load waves", {{.01, .01}, 1, 0, 1, 0, .05}, 0},
		{"ramp 1, 5, 25, 50 %", {{.01, .01}, 1, 0, 0, 1, 0}, 0},
		{"ramp, load waves", {{.01, .01}, 1, 0, 1, 1, 0}, 0},
		{"ramp, load waves, limits as shipped (M/4)", {{.01, .01}, 1, 0, 1, 1, 0}, .25},
	};

	printf("\nhealthy rollouts: %d each, %d requests, four signals, a look after every second, "
	       "HARM limit 0 (the worst case)\n",
		rollouts, requests);
	printf("%-46s %8s %8s %10s %8s\n", "", "harm", "rate", "95 % bound", "invalid");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct judge_config c = engine_config(cases[i].harm_part);
		int harm = 0, invalid = 0;
		double bound;

		for (int k = 0; k < rollouts; k++) {
			struct judge_card card;

			rollout_play(&c, &cases[i].world, 1000003 * (i + 1) + (uint64_t)k, requests,
				&card);
			harm += card.verdict == JUDGE_HARM;
			invalid += card.verdict == JUDGE_INVALID;
		}
		bound = bound95(harm, rollouts, 0);
		printf("%-46s %8d %7.2f%% %9.2f%% %8d  %s\n", cases[i].name, harm,
			100. * harm / rollouts, 100 * bound, invalid,
			rollouts < 500 ? "(too few to tell)" : mark(bound <= .015));
	}
}

/* --- false OK at harm of exactly the limit --- */

static int ok_errors(struct chance *c, double w, double d, int requests)
{
	struct proportion_bets b;
	struct proportion p;

	proportion_init(&p, SIDE_OK, d, .01, 50);
	for (int t = 0; t < requests / RATE; t++) {
		int n = chance_count(c, RATE, w);
		struct tick_counts k = {
			RATE - n, chance_count(c, RATE - n, .01), n, chance_count(c, n, .01 + d)};

		proportion_begin(&p, w, &b);
		proportion_fold(&p, &b, &k);
		if (proportion_log_e(&p) >= log(20))
			return 1;
	}
	return 0;
}

static int ok_mean(struct chance *c, double w, double d, int requests)
{
	struct bounded_mean p;

	bounded_mean_init(&p, SIDE_OK, d, .5, 10, .25);
	for (int t = 0; t < requests / RATE; t++) {
		bounded_mean_begin(&p, w);
		for (int i = 0; i < RATE; i++) {
			int arm = chance_is(c, w);
			double u = chance_unit(c);

			bounded_mean_add(&p, arm, .4 * u * u + (arm ? d : 0));
		}
		if (bounded_mean_log_e(&p) >= log(20))
			return 1;
	}
	return 0;
}

static int ok_latency(struct chance *c, double w, double x, int requests)
{
	static struct latency_histogram h;
	struct proportion_bets b;
	struct proportion p;

	memset(&h, 0, sizeof h);
	for (int i = 0; i < 2000; i++)
		latency_add(&h, latency_table[chance_bits(c) % TABLE]);
	proportion_init(&p, SIDE_OK, 0, 0, 0);
	for (int t = 0; t < requests / RATE; t++) {
		struct exceedance_aim aim;
		struct tick_counts k = {0};

		latency_settle(&h);
		aim = exceedance_aim(&h, .95, x, 500);
		for (int i = 0; i < RATE; i++) {
			double l = latency_table[chance_bits(c) % TABLE];

			if (chance_is(c, w)) {
				k.candidate_n++;
				k.candidate_events += (1 + x) * l > (1 + x) * aim.q;
			} else {
				k.stable_n++;
				k.stable_events += l > aim.q;
				latency_add(&h, l);
			}
		}
		exceedance_begin(&p, &aim, w, &b);
		proportion_fold(&p, &b, &k);
		if (exceedance_log_e(&p) >= log(20))
			return 1;
	}
	return 0;
}

static void bench_false_ok(int runs, int requests)
{
	static const struct {
		const char *name;
		int (*run)(struct chance *c, double w, double d, int requests);
		double w, d;
	} cases[] = {
		{"errors +0.5 pp, 5 % share", ok_errors, .05, .005},
		{"errors +0.5 pp, 50 % share", ok_errors, .5, .005},
		{"errors +1 pp, 50 % share", ok_errors, .5, .01},
		{"Brier +0.02, 5 % share", ok_mean, .05, .02},
		{"Brier +0.02, 50 % share", ok_mean, .5, .02},
		{"latency +10 % at p95, 50 % share", ok_latency, .5, .1},
	};

	printf("\nharm of exactly the limit: %d runs, %d requests, a look after every second; OK "
	       "is "
	       "wrong\n",
		runs, requests);
	printf("%-46s %8s %8s %22s\n", "", "ok", "rate", "95 % sure it is above");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct chance c = {77 + i};
		int ok = 0;

		for (int k = 0; k < runs; k++)
			ok += cases[i].run(&c, cases[i].w, cases[i].d, requests);
		printf("%-46s %8d %7.2f%% %21.2f%%  %s\n", cases[i].name, ok, 100. * ok / runs,
			100 * bound95(ok, runs, 1), mark(bound95(ok, runs, 1) <= .05));
	}
}

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

/* One signal, looked at after every request; bets are renewed each second. */
static double single_harm(struct chance *c, double pc, double w, double d)
{
	struct proportion_bets b;
	struct proportion p;
	double n = 0;

	proportion_init(&p, SIDE_HARM, d, .01, 50);
	for (;;) {
		struct tick_counts k = {0};
		struct proportion at = p;

		proportion_begin(&p, w, &b);
		for (int i = 0; i < RATE; i++) {
			int arm = chance_is(c, w), bad = chance_is(c, arm ? pc : .01);
			struct tick_counts one = {!arm, !arm && bad, arm, arm && bad};

			proportion_fold(&at, &b, &one);
			n += arm;
			if (arm && bad && proportion_log_e(&at) >= LOG_HARM)
				return n;
			k.stable_n += one.stable_n;
			k.stable_events += one.stable_events;
			k.candidate_n += one.candidate_n;
			k.candidate_events += one.candidate_events;
		}
		proportion_fold(&p, &b, &k);
	}
}

/* Mean and standard error of n figures whose sums are given. */
static double spread(double sum, double squares, int n)
{
	double mean = sum / n;

	return sqrt(fmax(squares / n - mean * mean, 0) / n);
}

static void bench_harm(int runs)
{
	static const double rates[] = {.02, .05, .20};
	struct judge_config engine = engine_config(.25);

	printf("\nerrors 1 %% -> worse, 5 %% share: requests on the candidate until HARM (mean of "
	       "%d; "
	       "missed = 95 %% sure that it is above 1.5 and 2.2 times the bound)\n",
		runs);
	printf("%-11s %8s %26s %26s\n", "", "bound", "one signal", "whole judge");
	for (int i = 0; i < 3; i++) {
		double bound = harm_bound(.01, rates[i], .05, .00125), n, e[2];
		double sum[2] = {0}, squares[2] = {0};
		struct world w = {{.01, rates[i]}, 1, 0, 0, 0, .05};
		struct chance c = {99 + (uint64_t)i};
		int whole = i ? runs : runs / 4 + 1;
		struct judge_card card;

		for (int k = 0; k < runs; k++) {
			n = single_harm(&c, rates[i], .05, .00125);
			sum[0] += n;
			squares[0] += n * n;
		}
		for (int k = 0; k < whole; k++) {
			n = rollout_play(&engine, &w, 31 + (uint64_t)k, 2000000, &card);
			sum[1] += n;
			squares[1] += n * n;
		}
		e[0] = spread(sum[0], squares[0], runs);
		e[1] = spread(sum[1], squares[1], whole);
		sum[0] /= runs;
		sum[1] /= whole;
		printf("1 -> %2.0f %%   %8.1f %10.1f %5.2fx +- %.2f %12.1f %5.2fx +- %.2f  %s %s\n",
			100 * rates[i], bound, sum[0], sum[0] / bound, e[0] / bound, sum[1],
			sum[1] / bound, e[1] / bound, mark(sum[0] - 1.645 * e[0] <= 1.5 * bound),
			mark(sum[1] - 1.645 * e[1] <= 2.2 * bound));
	}
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
static double judge_hour(double pc, uint64_t seed)
{
	struct judge_config engine = engine_config(.25);
	struct world w = {{.01, pc}, 1, 0, 0, 0, .05};
	struct judge_card card;
	double n = rollout_play(&engine, &w, seed, MINUTES * 60 * RATE, &card);

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
	double found[RULE_COUNT + 1][4] = {0}, requests[RULE_COUNT + 1][4] = {0}, n;
	int judged = runs / 20 + 1, abort_at[RULE_COUNT];

	for (int i = 0; i < 4; i++) {
		struct chance c = {5 + (uint64_t)i};

		for (int k = 0; k < runs; k++) {
			rules_play(&c, rates[i], abort_at);
			for (int r = 0; r < RULE_COUNT; r++) {
				found[r][i] += abort_at[r] > 0;
				requests[r][i] += 300 * abort_at[r];
			}
		}
		for (int k = 0; k < judged; k++) {
			n = judge_hour(rates[i], 9000 + (uint64_t)k);
			found[RULE_COUNT][i] += n > 0;
			requests[RULE_COUNT][i] += n;
		}
	}
	printf("\none hour, errors 1 %%, 100 requests/s, 5 %% share: aborts of healthy rollouts, "
	       "and "
	       "requests on the candidate until the abort (found)\n");
	printf("%-44s %11s %17s %16s %16s\n", "", "healthy", "2 %", "5 %", "20 %");
	for (int r = 0; r < RULE_COUNT; r++)
		print_rule(names[r], found[r], requests[r], runs);
	print_rule("pithead, whole judge", found[RULE_COUNT], requests[RULE_COUNT], judged);
}

/* --- cost --- */

static void bench_cost(void)
{
	enum { TICKS = 300, EACH = 5000 };
	struct judge_config c = engine_config(.25), segment = engine_config(.25);
	struct judge_request *requests = calloc(EACH, sizeof *requests);
	struct judge_value *values = calloc(EACH, sizeof *values);
	struct judge_config shipped = engine_config(.25);
	struct rollout_judge *j, *s;
	struct chance r = {3};
	double start, took;
	struct buf bytes = {0};

	shipped.group_slots = judge_config_default().group_slots;
	c.value_slots = EACH;
	j = rollout_judge_new(&c);
	for (int i = 0; i < EACH; i++) {
		int arm = chance_is(&r, .05);

		requests[i] = (struct judge_request){.candidate = arm,
			.share = .05,
			.w = .05,
			.failed = chance_is(&r, .01),
			.latency_s = latency_table[chance_bits(&r) % TABLE],
			.score = chance_unit(&r)};
		values[i] = (struct judge_value){.signal = 2,
			.candidate = arm,
			.w = .05,
			.value = chance_unit(&r) / 4,
			.outcome = i % 2};
	}
	start = seconds_now();
	for (int t = 0; t < TICKS; t++) {
		for (int i = 0; i < EACH; i++) {
			requests[i].tick = t;
			rollout_judge_request(j, &requests[i]);
			rollout_judge_value(j, t, &values[i]);
		}
		while (rollout_judge_close(j, t + 1))
			;
	}
	took = seconds_now() - start;
	printf("fold_requests %.0f requests/s (errors, latency, brier with an outcome each, score "
	       "shift; one core)  %s\n",
		TICKS * EACH / took, mark(TICKS * EACH / took >= 1e6));
	rollout_judge_save(j, &bytes);
	rollout_judge_free(j);
	j = rollout_judge_new(&shipped);
	printf("memory_rollout %.1f KB  %s\n", (double)rollout_judge_bytes(j) / 1024,
		mark(rollout_judge_bytes(j) <= 256 * 1024));
	segment.signals[1] = segment.signals[2];
	segment.signal_count = 2;
	segment.group_slots = 12;
	segment.value_slots = 64;
	s = rollout_judge_new(&segment);
	printf("memory_segment %.1f KB (errors and brier)  %s\n",
		(double)rollout_judge_bytes(s) / 1024, mark(rollout_judge_bytes(s) <= 16 * 1024));
	printf("saved_state %.1f KB\n", (double)bytes.len / 1024);
	rollout_judge_free(j);
	rollout_judge_free(s);
	buf_release(&bytes);
	free(requests);
	free(values);
}

int main(int argc, char **argv)
{
	int rollouts = argc > 1 ? atoi(argv[1]) : 40;
	int requests = argc > 2 ? atoi(argv[2]) : 50000;
	int runs = argc > 3 ? atoi(argv[3]) : 500;

	setvbuf(stdout, NULL, _IOLBF, 0);
	tables_fill();
	bench_cost();
	bench_harm(runs < 2000 ? runs : 2000);
	bench_rules(runs < 1000 ? runs : 1000);
	bench_false_ok(runs, requests);
	bench_healthy(rollouts, requests);
	printf("\n%d of the bar's figures missed\n", failures);
	return failures > 0;
}
