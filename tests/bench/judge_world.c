/* judge_world.c: see judge_world.h. */
#include "tests/bench/judge_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/judge/calibration.h"

#define TABLE 4096

static int missed;

/* The z above which a share p of the normal law lies. */
static double normal_quantile(double p)
{
	double lo = -9, hi = 9;

	for (int i = 0; i < 60; i++) {
		double at = .5 * (lo + hi);

		if (.5 * erfc(at / sqrt(2)) > p)
			lo = at;
		else
			hi = at;
	}
	return lo;
}

double world_latency(struct chance *c)
{
	static double table[TABLE];

	if (table[0] <= 0)
		for (int i = 0; i < TABLE; i++)
			table[i] = .05 * exp(.5 * normal_quantile((i + .5) / TABLE));
	return table[chance_bits(c) % TABLE];
}

struct judge_config world_config(double harm_part)
{
	struct judge_config c = judge_config_default();
	struct judge_signal_config *s;

	c.group_slots = 8;
	c.least_ticks = 0;
	judge_config_add(&c, JUDGE_ERRORS, "error_rate", .005, 0);
	judge_config_add(&c, JUDGE_LATENCY, "latency_p99", .1, .99);
	judge_config_add(&c, JUDGE_MEAN, "brier", .02, 0)->outcomes = 1;
	s = judge_config_add(&c, JUDGE_MEAN, "calibration", .02, 0);
	s->outcomes = s->two_sided = 1;
	for (int i = 0; i < c.signal_count; i++)
		c.signals[i].harm_margin = c.signals[i].ok_margin * harm_part;
	return c;
}

static double share_at(const struct world *w, int request, int requests)
{
	static const double ladder[] = {.01, .05, .25, .5};

	return w->share > 0 ? w->share : ladder[(int64_t)request * 4 / requests];
}

/* What one request does; `load` is the wave, 1 = none. */
static void request_play(struct rollout_judge *j, const struct world *w, struct chance *c,
	int64_t tick, double share, double load)
{
	int arm = chance_is(c, share), y = chance_is(c, .2);
	double score = (y ? .5 : .1) + .3 * chance_unit(c) + (arm ? w->score : 0);
	struct judge_request r = {.tick = tick,
		.candidate = arm,
		.share = share,
		.w = share,
		.failed = chance_is(c, w->error[arm] * load),
		.latency_s = world_latency(c) * load * (arm ? w->slower : 1),
		.score = score};
	struct judge_value v = {.signal = WORLD_BRIER, .candidate = arm, .w = share, .outcome = y};

	rollout_judge_request(j, &r);
	score = score > 1 ? 1 : score;
	v.value = calibration_brier(score, y);
	rollout_judge_value(j, tick, &v);
	v.signal = WORLD_CALIBRATION;
	v.value = calibration_residual(score, y);
	rollout_judge_value(j, tick, &v);
}

double world_rollout(const struct judge_config *config, const struct world *w, uint64_t seed,
	int requests, struct judge_card *card)
{
	struct rollout_judge *j = rollout_judge_new(config);
	struct chance c = {seed * 0x2545f4914f6cdd1dull + 1};
	double wave = 0, n;

	for (int i = 0; i < 2000; i++)
		rollout_judge_warm(j, world_latency(&c));
	for (int i = 0; i < requests; i++) {
		if (i % WORLD_RATE == 0) {
			while (rollout_judge_close(j, i / WORLD_RATE))
				;
			rollout_judge_read(j, card);
			if (card->verdict >= JUDGE_HARM)
				break;
			wave = .97 * wave + .12 * chance_normal(&c);
		}
		request_play(j, w, &c, i / WORLD_RATE, share_at(w, i, requests),
			w->waves ? exp(wave) : 1);
	}
	while (rollout_judge_close(j, requests / WORLD_RATE + 1))
		;
	rollout_judge_read(j, card);
	n = card->n[1];
	rollout_judge_free(j);
	return n;
}

static void give_up(const char *what)
{
	perror(what);
	exit(1);
}

/* What the other process has found: its n figures, read when this one is done with its own. */
static void helper_read(int from, pid_t child, double *out, size_t size)
{
	int status = 0;
	ssize_t n;

	for (size_t got = 0; got < size; got += (size_t)n)
		if ((n = read(from, (char *)out + got, size - got)) <= 0)
			give_up("bench: its helper has died");
	close(from);
	if (waitpid(child, &status, 0) != child || status != 0)
		give_up("bench: its helper has failed");
}

void world_each(int n, double (*one)(const void *context, int k), const void *context, double *out)
{
	size_t size = (size_t)n * sizeof *out;
	int workers = n >= 32 && sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1, ends[2];
	double *theirs = calloc((size_t)n, sizeof *theirs);
	pid_t child = -1;

	if (workers == 2 && (pipe(ends) || (child = fork()) < 0))
		give_up("bench");
	for (int k = child == 0; k < n; k += workers)
		out[k] = one(context, k);
	if (child == 0)
		_exit(write(ends[1], out, size) == (ssize_t)size ? 0 : 1);
	if (workers == 2) {
		close(ends[1]);
		helper_read(ends[0], child, theirs, size);
		for (int k = 1; k < n; k += 2)
			out[k] = theirs[k];
	}
	free(theirs);
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

double world_bound95(int k, int n, int lower)
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

double world_mean(const double *x, int n, double *error)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < n; i++) {
		sum += x[i];
		squares += x[i] * x[i];
	}
	sum /= n;
	*error = sqrt(fmax(squares / n - sum * sum, 0) / n);
	return sum;
}

const char *world_mark(int good)
{
	missed += !good;
	return good ? "ok" : "MISSED";
}

int world_end(void)
{
	printf("\n%d of the bar's figures missed\n", missed);
	return missed > 0;
}
