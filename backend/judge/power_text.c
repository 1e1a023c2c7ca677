/* power_text.c: what a rollout can see, in words, and where it is weaker than it says. See
 * power.h. */
#include "backend/judge/power.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/judge/rollout_judge_priv.h"

#define SLOW_S 3600 /* a step longer than this is worth a word about shadow */

/* "40 s", "6 min", "3 h", "2 days" */
static const char *duration(double s, char *out, size_t size)
{
	if (s < 90)
		snprintf(out, size, "%.0f s", fmax(s, 1));
	else if (s < 90 * 60)
		snprintf(out, size, "%.0f min", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, size, "%.0f h", s / 3600);
	else
		snprintf(out, size, "%.0f days", s / 86400);
	return out;
}

/* Two digits, and never an exponent. */
static const char *number(double v, char *out, size_t size)
{
	snprintf(out, size, v < 100 ? "%.2g" : "%.0f", v);
	return out;
}

/* "0.8 pp", "18 %", "0.03" */
static const char *harm_text(
	const struct judge_signal_config *s, double harm, char *out, size_t size)
{
	double scale = fabs(s->shown_scale) > 0 ? fabs(s->shown_scale) : 1;
	const char *unit = strcmp(s->shown_unit, "%") == 0 ? "pp" : s->shown_unit;
	char digits[32];

	if (s->kind == JUDGE_LATENCY) {
		scale = 100;
		unit = "%";
	}
	snprintf(out, size, "%s%s%s", number(scale * harm, digits, sizeof digits),
		unit[0] ? " " : "", unit);
	return out;
}

void power_step_text(const struct power_plan *p, int step, struct buf *out)
{
	double seconds = power_step_seconds(p, step);
	char a[48], b[48];
	int told = 0;

	buf_addf(out, "%.3g %%, %s req/s, ", 100 * p->steps[step].share,
		number(p->rate, a, sizeof a));
	buf_addf(out, "%s:", isfinite(seconds) ? duration(seconds, a, sizeof a) : "without end");
	for (int i = 0; i < p->config->signal_count; i++) {
		const struct judge_signal_config *s = &p->config->signals[i];
		struct power_view v;

		if (!judge_is_staked(s) || p->signals[i].part <= 0)
			continue;
		v = power_view(p, step, i, seconds);
		buf_addf(out, "%s ", told++ ? ";" : "");
		if (isfinite(v.least_harm))
			buf_addf(out, "+%s %s in about %s", harm_text(s, v.least_harm, a, sizeof a),
				s->name, duration(v.harm_s, b, sizeof b));
		else
			buf_addf(out, "no harm of %s: too few requests", s->name);
	}
	if (!told)
		buf_adds(out, " nothing is judged");
}

/* Starts a line of lint about a step. */
static void about(const struct power_plan *p, int step, struct buf *out)
{
	buf_addf(out, "step %d (%.3g %%): ", step + 1, 100 * p->steps[step].share);
}

static int lint_requests(const struct power_plan *p, int step, struct buf *out)
{
	double n = p->rate * p->steps[step].share * p->steps[step].least_s;
	char a[48];

	if (p->steps[step].least_s <= 0 || n >= p->config->least_candidate)
		return 0;
	about(p, step, out);
	buf_addf(out, "%.0f requests reach the candidate in its %s; nothing is passed before %d\n",
		n, duration(p->steps[step].least_s, a, sizeof a), p->config->least_candidate);
	return 1;
}

/* Whether the time that a step is held is enough for OK, and for harm at the limit to show. */
static int lint_signal(const struct power_plan *p, int step, int signal, struct buf *out)
{
	const struct judge_signal_config *s = &p->config->signals[signal];
	double limit = s->ok_margin * judge_ladder_factor(p->config, p->steps[step].share), ok;
	char a[48], b[48], c[48];

	if (judge_is_awaited(s)) {
		ok = power_ok_seconds(p, step, signal, POWER_SURE);
		if (isfinite(ok) && (p->hold_s <= 0 || ok <= p->hold_s))
			ok = 0;
		if (ok > 0) {
			about(p, step, out);
			buf_addf(out, "%s needs %s to be proven within %s", s->name,
				isfinite(ok) ? duration(ok, a, sizeof a) : "for ever",
				harm_text(s, limit, b, sizeof b));
			if (p->hold_s > 0)
				buf_addf(out, ", and it is held for %s: it would end undecided",
					duration(p->hold_s, c, sizeof c));
			buf_addc(out, '\n');
			return 1;
		}
	}
	if (p->hold_s <= 0 || power_of_harm(p, step, signal, limit, p->hold_s) >= .5)
		return 0;
	about(p, step, out);
	buf_addf(out,
		"harm of %s at its limit (%s) would show in less than half of the rollouts "
		"within the %s that it is held\n",
		s->name, harm_text(s, limit, a, sizeof a), duration(p->hold_s, b, sizeof b));
	return 1;
}

/* What the last step proves is what the rollout promises. */
static int lint_promise(const struct power_plan *p, struct buf *out)
{
	double share = p->step_count ? p->steps[p->step_count - 1].share : 0;
	double factor = judge_ladder_factor(p->config, share);

	if (share <= 0 || share >= 1 || factor <= 1)
		return 0;
	about(p, p->step_count - 1, out);
	buf_addf(out,
		"the last step proves %.3gx the limits as written: small shares prove small "
		"limits too slowly\n",
		factor);
	return 1;
}

static int lint_values(const struct power_plan *p, int signal, struct buf *out)
{
	const struct judge_signal_config *s = &p->config->signals[signal];

	if (!judge_is_staked(s) || p->signals[signal].part > 0)
		return 0;
	buf_addf(out, "%s: no values of it are known to come: %s\n", s->name,
		judge_is_awaited(s) ? "nothing could be passed" : "it would see no harm");
	return 1;
}

/* Shadow has all requests on both sides. Told of the signal that takes longest on the first step.
 */
static int lint_shadow(const struct power_plan *p, struct buf *out)
{
	double slowest = 0, shadow, canary;
	char a[48], b[48], c[48];
	int which = -1;

	for (int i = 0; i < p->config->signal_count; i++) {
		const struct judge_signal_config *s = &p->config->signals[i];

		if (!judge_is_awaited(s) || p->signals[i].part <= 0)
			continue;
		canary = power_harm_seconds(p, 0, i, s->ok_margin, POWER_SURE);
		if (canary > slowest) {
			slowest = canary;
			which = i;
		}
	}
	if (which < 0 || slowest < SLOW_S)
		return 0;
	shadow = power_shadow_seconds(p, which, p->config->signals[which].ok_margin, POWER_SURE);
	if (!isfinite(shadow) || shadow >= .5 * slowest)
		return 0;
	buf_addf(out,
		"shadow first: harm of %s by %s shows in %s there, and takes %s on the first "
		"step\n",
		p->config->signals[which].name,
		harm_text(&p->config->signals[which], p->config->signals[which].ok_margin, a,
			sizeof a),
		duration(shadow, b, sizeof b),
		isfinite(slowest) ? duration(slowest, c, sizeof c) : "for ever");
	return 1;
}

int power_lint(const struct power_plan *p, struct buf *out)
{
	int told = 0;

	for (int i = 0; i < p->config->signal_count; i++)
		told += lint_values(p, i, out);
	if (p->rate <= 0) {
		buf_adds(out, "there is no traffic: nothing can be seen\n");
		return told + 1;
	}
	for (int k = 0; k < p->step_count; k++) {
		double share = p->steps[k].share;

		if (!(share > 0 && share < 1))
			continue;
		told += lint_requests(p, k, out);
		for (int i = 0; i < p->config->signal_count; i++)
			if (judge_is_staked(&p->config->signals[i]) && p->signals[i].part > 0)
				told += lint_signal(p, k, i, out);
	}
	told += lint_promise(p, out);
	if (p->step_count)
		told += lint_shadow(p, out);
	return told;
}
