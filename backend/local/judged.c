/* judged.c: see judged.h. */
#include "backend/local/judged.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/local/replayed.h"
#include "backend/local/words.h"
#include "backend/trial/trial_setup.h"

#define SPEC_MOST ((size_t)1 << 20)
#define SECOND_US INT64_C(1000000)

static int refuse(const char *name, const char *expected, struct err *e)
{
	err_set(e, ERR_INVALID, "--%s must be %s", name, expected);
	err_field(e, name);
	return -1;
}

int judged_refuse(int json, const struct err *e)
{
	words_fail(json, e);
	return EXIT_USAGE;
}

int judged_option(struct judged_options *o, const char *name, const char *value, struct err *e)
{
	const struct {
		const char *name;
		const char **text;
		int64_t *span, *time;
	} table[] = {
		{.name = "policy", .text = &o->policy},
		{.name = "endpoint", .text = &o->endpoint},
		{.name = "prometheus", .text = &o->prometheus},
		{.name = "stable", .text = &o->stable},
		{.name = "candidate", .text = &o->candidate},
		{.name = "counts", .text = &o->counts},
		{.name = "for", .span = &o->for_ms},
		{.name = "every", .span = &o->every_ms},
		{.name = "from", .time = &o->from_ms},
		{.name = "until", .time = &o->until_ms},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		if (table[i].text && (!value || !*value))
			return refuse(name, "given a value", e);
		if (table[i].text)
			*table[i].text = value;
		else if (table[i].span && (!value || duration_parse(value, table[i].span) < 0 ||
						  *table[i].span < 1000))
			return refuse(name, "a time of at least 1s, such as 10m", e);
		else if (table[i].time && (!value || clock_parse(value, table[i].time) < 0))
			return refuse(name,
				"a time such as 2026-11-26T14:00:00Z, or seconds of "
				"UTC",
				e);
		if (table[i].time)
			*table[i].time /= 1000;
		return 1;
	}
	return 0;
}

static const struct spec_endpoint *pick(
	const struct spec *s, const struct judged_options *o, struct err *e)
{
	const struct spec_endpoint *found = NULL;
	int count = 0;

	for (int i = 0; i < s->endpoint_count; i++) {
		const struct spec_endpoint *ep = &s->endpoints[i];

		if (o->endpoint ? strcmp(ep->name, o->endpoint) != 0 : !spec_is_observed(ep))
			continue;
		found = ep;
		count++;
	}
	if (!found && o->endpoint)
		err_set(e, ERR_INVALID, "%s has no endpoint %s", o->policy, o->endpoint);
	else if (!found)
		err_set(e, ERR_INVALID, "%s has no endpoint with `mode: observe`", o->policy);
	else if (count > 1)
		err_set(e, ERR_INVALID,
			"%s has %d endpoints with `mode: observe`: name one with "
			"--endpoint",
			o->policy, count);
	else if (!spec_is_observed(found))
		err_set(e, ERR_INVALID,
			"endpoint %s of %s has no `mode: observe`: what passes our gateway is "
			"judged by the engine",
			found->name, o->policy);
	else
		return found;
	return NULL;
}

int judged_policy(const struct judged_options *o, struct spec_endpoint *out, struct err *e)
{
	struct buf text = {0};
	const struct spec_endpoint *found = NULL;
	struct spec *s = NULL;

	if (buf_read_file(&text, o->policy, SPEC_MOST) < 0)
		err_set(e, ERR_INVALID, "cannot read %s", o->policy);
	else
		s = spec_parse(buf_text(&text), text.len, o->policy, NULL, e);
	if (s)
		found = pick(s, o, e);
	if (found)
		*out = *found;
	buf_release(&text);
	spec_free(s);
	return found ? 0 : ERR_INVALID;
}

int judged_open(struct judged *j, const struct spec_endpoint *ep, int json, struct err *e)
{
	struct trial_setup setup;
	struct trial_config config;
	int rc;

	*j = (struct judged){
		.begun = INT64_MIN,
		.fed = INT64_MIN,
		.json = json,
		.live = !json && isatty(STDOUT_FILENO),
	};
	trial_setup_init(&setup, ep);
	rc = trial_setup_config(&setup, &config, e);
	trial_setup_release(&setup);
	if (!rc)
		j->trial = trial_new(&config);
	return rc;
}

void judged_release(struct judged *j)
{
	trial_free(j->trial);
	j->trial = NULL;
}

int judged_is_over(const struct judged *j)
{
	return j->any && (j->told == JUDGE_HARM || j->told == JUDGE_INVALID);
}

void judged_take(void *arg, const struct judge_counts *c)
{
	struct judged *j = arg;

	if (judged_is_over(j) || (j->fed != INT64_MIN && c->tick <= j->fed))
		return;
	if (j->begun == INT64_MIN)
		j->begun = c->tick;
	j->fed = c->tick;
	judged_close(j, trial_take_counts(j->trial, c));
}

static void print_change(struct judged *j, int64_t second)
{
	char at[32];

	if (j->json) {
		codec_print_change(second, &j->card);
		fflush(stdout);
		return;
	}
	clock_format_utc(second * SECOND_US, at, sizeof at);
	printf("%s%.8sZ  %-10s %s\n", j->live ? "\r\033[K" : "", at + 11,
		judge_verdict_name(j->card.verdict), j->card.why);
	fflush(stdout);
}

/* On a terminal: where it stands, written over by the next. */
static void print_progress(const struct judged *j, int64_t second)
{
	const struct trial_signal_card *worst = NULL;
	char at[32];

	for (int i = 0; i < j->card.signal_count; i++)
		if (!worst || j->card.signals[i].evidence > worst->evidence)
			worst = &j->card.signals[i];
	clock_format_utc(second * SECOND_US, at, sizeof at);
	printf("\r\033[K%.8sZ  %-10s n %.0f and %.0f", at + 11, judge_verdict_name(j->card.verdict),
		j->card.counted[0], j->card.counted[1]);
	if (worst && isfinite(worst->stable) && isfinite(worst->candidate))
		printf(", %s %.*f against %.*f %s, evidence %.2f", worst->name, worst->decimals,
			worst->candidate, worst->decimals, worst->stable, worst->unit,
			worst->evidence);
	fflush(stdout);
}

void judged_close(struct judged *j, int64_t before)
{
	trial_close(j->trial, before);
	trial_read(j->trial, &j->card);
	if (!j->any || j->card.verdict != j->told)
		print_change(j, before - 1);
	else if (j->live)
		print_progress(j, before - 1);
	j->any = 1;
	j->told = j->card.verdict;
}

static void print_number(double v, int decimals, const char *unit, int sign, int width)
{
	char text[48] = "-";

	if (isfinite(v))
		snprintf(text, sizeof text, sign ? "%+.*f%s%s" : "%.*f%s%s", decimals, v,
			*unit ? " " : "", unit);
	printf("  %*s", width, text);
}

static void print_card(const struct judged *j)
{
	const struct trial_card *c = &j->card;

	printf("%s%s: %s\n", j->live ? "\r\033[K" : "", judge_verdict_name(c->verdict), c->why);
	printf("%.0f requests on stable, %.0f on the candidate (%.3g %%)\n\n", c->counted[0],
		c->counted[1], 100 * c->share);
	printf("%-12s  %-9s  %10s  %10s  %10s  %19s  %8s  %8s  %8s\n", "SIGNAL", "VERDICT",
		"STABLE", "CANDIDATE", "EFFECT", "95 % BAND", "OK BELOW", "HARM OVER", "EVIDENCE");
	for (int i = 0; i < c->signal_count; i++) {
		const struct trial_signal_card *s = &c->signals[i];
		char band[48] = "-";

		if (isfinite(s->low) && isfinite(s->high))
			snprintf(band, sizeof band, "%+.*f .. %+.*f", s->decimals, s->low,
				s->decimals, s->high);
		printf("%-12s  %-9s", s->name, judge_verdict_name(s->verdict));
		print_number(s->stable, s->decimals, s->unit, 0, 10);
		print_number(s->candidate, s->decimals, s->unit, 0, 10);
		print_number(s->effect, s->decimals, s->effect_unit, 1, 10);
		printf("  %19s", band);
		print_number(s->limit_ok, s->decimals, "", 1, 8);
		print_number(s->limit_harm, 3, "", 1, 9);
		print_number(s->evidence, 2, "", 0, 8);
		printf("\n");
	}
}

/* What is missing at the end is no data, whatever was said before. */
static int is_without_data(const struct judged *j)
{
	return j->card.counted[0] <= 0 || j->card.counted[1] <= 0 ||
	       j->card.verdict == JUDGE_MISSING;
}

static int exit_code(const struct judged *j)
{
	if (j->card.verdict == JUDGE_HARM)
		return EXIT_HARM;
	if (is_without_data(j))
		return EXIT_NO_DATA;
	return j->card.verdict == JUDGE_OK ? EXIT_OK : EXIT_UNDECIDED;
}

int judged_finish(struct judged *j, int64_t until, const char *lack)
{
	int code;

	/* Whoever ends without news for so long ends without data. */
	if (!judged_is_over(j) && until != INT64_MIN && j->fed != INT64_MIN && until > j->fed + 1)
		judged_close(j, until);
	else if (!j->any)
		trial_read(j->trial, &j->card);
	code = exit_code(j);
	if (j->json) {
		char *text = trial_card_format(
			&j->card, "end", (until == INT64_MIN ? j->fed : until) * SECOND_US);

		puts(text);
		free(text);
	} else {
		print_card(j);
	}
	if (code == EXIT_NO_DATA)
		fprintf(stderr, "pithead: there is no data to judge by: %s\n",
			*lack		      ? lack
			: j->fed == INT64_MIN ? "nothing was counted"
					      : j->card.why);
	return code;
}
