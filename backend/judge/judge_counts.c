/* judge_counts.c: the judge that only counts. It tells the signals' values on both arms and calls
 * every one of them undecided (missing where an arm has no data), so that only people and the
 * fail-fast guard act. The engine's tick calls it through judge.h. */
#include "backend/judge/judge.h"

#include <math.h>

#include "backend/base/xalloc.h"

struct value {
	double value; /* NAN = no data */
	int64_t n;    /* how many observations it rests on */
};

static double ratio(double sum, int64_t n)
{
	return n > 0 ? sum / (double)n : (double)NAN;
}

static struct value error_rate(const struct arm_counts *c)
{
	return (struct value){100 * ratio((double)c->failures, c->requests), c->requests};
}

static struct value latency(const struct arm_counts *c, double q)
{
	struct value v = {arm_counts_quantile(c, q), 0};

	for (int i = 0; i < LATENCY_BINS; i++)
		v.n += c->latency_bins[i];
	if (!v.n)
		v.value = (double)NAN;
	return v;
}

static struct value latency_p50(const struct arm_counts *c)
{
	return latency(c, 0.50);
}

static struct value latency_p90(const struct arm_counts *c)
{
	return latency(c, 0.90);
}

static struct value latency_p99(const struct arm_counts *c)
{
	return latency(c, 0.99);
}

static struct value score_mean(const struct arm_counts *c)
{
	return (struct value){ratio(c->score_sum, c->scored), c->scored};
}

static struct value brier(const struct arm_counts *c)
{
	return (struct value){ratio(c->brier_sum, c->brier_n), c->brier_n};
}

/* The span's length is the caller's, so this is the number of answers in it. */
static struct value throughput(const struct arm_counts *c)
{
	return (struct value){c->requests ? (double)c->requests : (double)NAN, c->requests};
}

static const struct {
	const char *name, *unit;
	struct value (*read)(const struct arm_counts *c);
} signals[] = {
	{"error_rate", "%", error_rate},
	{"latency_p50", "ms", latency_p50},
	{"latency_p90", "ms", latency_p90},
	{"latency_p99", "ms", latency_p99},
	{"score_mean", "", score_mean},
	{"brier", "", brier},
	{"throughput", "requests", throughput},
};
#define SIGNAL_COUNT ((int)(sizeof signals / sizeof signals[0]))

static int counts_judge(const struct arm_counts arms[ARM_COUNT], struct signal_value *out)
{
	must(SIGNAL_COUNT <= JUDGE_SIGNALS);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		struct value s = signals[i].read(&arms[ARM_STABLE]);
		struct value c = signals[i].read(&arms[ARM_CANDIDATE]);
		out[i] = (struct signal_value){
			.name = signals[i].name,
			.unit = signals[i].unit,
			.stable = s.value,
			.candidate = c.value,
			.stable_n = s.n,
			.candidate_n = c.n,
			.verdict = s.n && c.n ? VERDICT_UNDECIDED : VERDICT_MISSING,
		};
	}
	return SIGNAL_COUNT;
}

const struct judge_ops judge_counts = {"counts", counts_judge};

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {"missing", "undecided", "ok", "harm"};

	return v <= VERDICT_HARM ? names[v] : "missing";
}
