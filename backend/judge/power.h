/* power.h: what a rollout can see at its traffic, told before it starts: the smallest harm that
 * would show within a step, how long a given harm and an OK take, and where a policy promises less
 * than it says. From the growth of the judge's own bets at the rates given, and the law of the time
 * at which they cross (power_walk.h), which includes the price of the grids, of the budget's parts
 * and of the mixture over steps. Assumed: stable is as told (its rates, the spread of its values,
 * lognormal latencies), requests come evenly, one in each key. Errors and shares are fractions,
 * harm is in the signal's own unit (latency: 0.1 = 10 % slower), times are seconds; INFINITY =
 * never. Pure; some milliseconds for a step. */
#ifndef PITHEAD_BACKEND_JUDGE_POWER_H
#define PITHEAD_BACKEND_JUDGE_POWER_H

#include "backend/base/buf.h"
#include "backend/judge/rollout_judge.h"

#define POWER_STEPS 16
#define POWER_SURE  .8 /* "would show": in four of five rollouts */

/* What is known of stable. */
struct power_signal {
	double mean; /* errors: the rate; means: of the values in [0,1] */
	double sd;   /* means: of the values; latency: of log latency (log(p99/p50)/2.33) */
	double part; /* of the requests that give a value: 1 = each, 0 = none */
};

struct power_step {
	double share, least_s; /* shortest time on the step */
};

struct power_plan {
	const struct judge_config *config; /* borrowed */
	struct power_signal signals[JUDGE_MOST_SIGNALS];
	struct power_step steps[POWER_STEPS];
	int step_count;
	double rate;   /* counted requests a second on both arms */
	double hold_s; /* how long a step may stay undecided; 0 = for ever */
};

/* One signal on one step. */
struct power_view {
	double least_harm; /* the smallest that shows within the step's time (POWER_SURE) */
	double harm_s;	   /* how long that harm usually takes (the median) */
};

/* P(HARM by this signal alone within the time on this step, for harm that begins with it). */
double power_of_harm(const struct power_plan *p, int step, int signal, double harm, double seconds);

/* The time within which that harm shows with probability `sure`. */
double power_harm_seconds(
	const struct power_plan *p, int step, int signal, double harm, double sure);

/* The smallest harm that shows within the time with probability `sure`. */
double power_least_harm(
	const struct power_plan *p, int step, int signal, double seconds, double sure);

/* The time within which a candidate like stable is proven within the step's limit, with the least
 * number of requests that OK waits for. */
double power_ok_seconds(const struct power_plan *p, int step, int signal, double sure);

/* The same harm by replaying all requests to the candidate, off their path: each pair counts on
 * both sides. */
double power_shadow_seconds(const struct power_plan *p, int signal, double harm, double sure);

/* How long a step lasts for a healthy candidate: until each signal that OK waits for is proven and
 * its least time is over; at most hold_s. */
double power_step_seconds(const struct power_plan *p, int step);

/* What one signal sees on a step that lasts so long (power_step_seconds()). */
struct power_view power_view(const struct power_plan *p, int step, int signal, double seconds);

/* Appends "5 %, 40 req/s, 12 min: +0.8 pp error_rate in about 6 min; +18 % latency_p99 in ...". */
void power_step_text(const struct power_plan *p, int step, struct buf *out);

/* Appends one line for each point at which the plan is weaker than it says, or too slow for its
 * traffic. Returns their number. */
int power_lint(const struct power_plan *p, struct buf *out);

#endif
