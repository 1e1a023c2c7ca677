/* judge.c: `pithead judge`: where the numbers come from. Counts (a CSV, a Prometheus) are judged in
 * judged.c by a pithead.yaml; a TRACE here: it folds a recorded trace through the same code as live
 * traffic, so that a policy can be tried on one's own data, and two implementations be compared.
 * The defaults are the reference configuration of such comparisons: one margin for HARM and OK, no
 * ladder, every request counts with the share it was routed with. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/judge/calibration.h"
#include "backend/judge/rollout_judge.h"
#include "backend/local/codec_local.h"
#include "backend/local/judged.h"
#include "backend/local/local.h"
#include "backend/local/trace.h"
#include "backend/local/words.h"

#define FAULTS_MOST 10
#define LINE_MOST   (1 << 20)

#define SIGNAL_BRIER 2 /* err, lat, brier */

static const char usage[] =
	"pithead judge [OPTIONS] FILE | --policy=FILE\n"
	"Judges a candidate against stable, whoever moves the traffic.\n"
	"Counts by a policy, a pithead.yaml with an endpoint of `mode: observe`:\n"
	"  --policy=FILE --endpoint=NAME   its metrics, limits and signals\n"
	"  --for=10m                       reads its Prometheus so long, from now on\n"
	"  --from=TIME --until=TIME        a past range: 2026-11-26T14:00:00Z or seconds of UTC\n"
	"  --prometheus=URL --every=15s    instead of what the policy says\n"
	"  FILE.csv                        counts of a file: columns "
	"time,arm,requests,errors,le_0.1,...\n"
	"  --stable=NAME --candidate=NAME  as its arms are called; others are passed over\n"
	"  --counts=total                  counted since a start, not in each row's span\n"
	"Or a trace: each request by itself.\n"
	"Folds it (JSON lines in time order, - = stdin) as the engine folds live traffic and\n"
	"prints each change of the verdict: a table on a terminal, else JSON lines.\n"
	"  {\"k\":\"req\",\"t\":SEC,\"arm\":\"stable|canary\",\"w\":SHARE,\"err\":0|1,\"lat\":SEC,"
	"\"score\":0..1}\n"
	"  {\"k\":\"label\",\"t\":SEC,\"arm\":...,\"w\":SHARE,\"score\":0..1,\"y\":0|1}\n"
	"  --tick=1 --nsteps=5          seconds of a tick; slots of the harm mixture\n"
	"  --margin-err=.005 --p0=.01 --n0=50   errors: limit; rate beforehand and its weight\n"
	"  --lat-p=.99 --lat-x=.1 --lat-start=500   latency: quantile, limit, samples to start\n"
	"  --margin-brier=.02           Brier score: limit\n"
	"  --alpha-harm=.01 --alpha-ok=.05 --alpha-srm=.001 --min-canary=50\n"
	"  --harm-part=1                HARM proves this part of each limit (live: 0.25)\n"
	"  --dwell=0 --missing-after=0  seconds of a step before OK; of silence before missing\n"
	"  --no-latch                   OK needs all signals at the same tick\n"
	"  --presence                   also judge whether scores and outcomes come from both "
	"arms\n"
	"  --every-tick --text --json   what is printed\n"
	"Exit 0 ok, 1 harm, 2 usage or a bad trace, 4 undecided or invalid, 5 no data.\n";

struct settings {
	double tick, nsteps, margin_err, p0, n0, lat_p, lat_x, lat_start, margin_brier;
	double alpha_harm, alpha_ok, alpha_srm, min_canary, harm_part, dwell, missing_after;
	int no_latch, presence, every_tick, text, json, help;
	const char *file;
	struct judged_options counts;
};

struct run {
	const struct settings *set;
	struct rollout_judge *judge;
	int64_t tick;	  /* that is open, INT64_MIN = none yet */
	const char *told; /* the verdict of the last line, NULL = none yet */
	int ended;	  /* by HARM or INVALID */
	int faults;
	struct err first; /* of the faults */
	long line;
};

static int option_number(struct settings *s, const char *name, const char *value, struct err *e)
{
	const struct {
		const char *name;
		double *at, least, most;
	} table[] = {
		{"tick", &s->tick, 1e-3, 1e6},
		{"nsteps", &s->nsteps, 1, 1000},
		{"margin-err", &s->margin_err, 0, .999},
		{"p0", &s->p0, 1e-9, 1 - 1e-9},
		{"n0", &s->n0, 1e-9, 1e9},
		{"lat-p", &s->lat_p, 1e-6, 1 - 1e-6},
		{"lat-x", &s->lat_x, 0, 1e6},
		{"lat-start", &s->lat_start, 1, 1e9},
		{"margin-brier", &s->margin_brier, 0, .999},
		{"alpha-harm", &s->alpha_harm, 1e-12, .999},
		{"alpha-ok", &s->alpha_ok, 1e-12, .999},
		{"alpha-srm", &s->alpha_srm, 1e-12, .999},
		{"min-canary", &s->min_canary, 0, 1e9},
		{"harm-part", &s->harm_part, 0, 1},
		{"dwell", &s->dwell, 0, 1e9},
		{"missing-after", &s->missing_after, 0, 1e9},
	};
	char *stop;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		double v;

		if (strcmp(table[i].name, name) != 0)
			continue;
		v = value ? strtod(value, &stop) : (double)NAN;
		if (!value || *stop || stop == value ||
			!(v >= table[i].least && v <= table[i].most)) {
			err_set(e, ERR_INVALID, "--%s must be a number from %g to %g", name,
				table[i].least, table[i].most);
			err_field(e, name);
			return -1;
		}
		*table[i].at = v;
		return 1;
	}
	return 0;
}

static int option_flag(struct settings *s, const char *word)
{
	const struct {
		const char *name;
		int *at;
	} table[] = {{"--no-latch", &s->no_latch}, {"--presence", &s->presence},
		{"--every-tick", &s->every_tick}, {"--text", &s->text}, {"--json", &s->json},
		{"--help", &s->help}, {"-h", &s->help}};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].name, word) == 0)
			return *table[i].at = 1;
	return 0;
}

/* Options that all commands take and that have no meaning here. */
static int is_common(const char *name)
{
	static const char *const common[] = {"socket", "as", "project", "color"};

	for (size_t i = 0; i < sizeof common / sizeof *common; i++)
		if (strcmp(common[i], name) == 0)
			return 1;
	return 0;
}

/* --NAME=VALUE or --NAME VALUE; *i moves over the value. 0 done, -1 refused. */
static int option_read(struct settings *s, int argc, char **argv, int *i, struct err *e)
{
	const char *word = argv[*i], *value = strchr(word, '=');
	char name[32];
	int rc;

	snprintf(name, sizeof name, "%.*s", (int)(value ? value - word - 2 : 29), word + 2);
	if (!value && *i + 1 < argc)
		value = argv[++*i];
	else if (value)
		value++;
	rc = judged_option(&s->counts, name, value, e);
	if (!rc)
		rc = option_number(s, name, value, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (is_common(name))
		return 0;
	err_set(e, ERR_INVALID, "judge has no such option: %s", word);
	return -1;
}

static int settings_read(struct settings *s, int argc, char **argv, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (a[0] != '-' || !a[1]) {
			if (s->file) {
				err_set(e, ERR_INVALID, "judge takes one file: %s", a);
				return -1;
			}
			s->file = a;
		} else if (!option_flag(s, a) && option_read(s, argc, argv, &i, e)) {
			return -1;
		}
	}
	if (!s->counts.stable != !s->counts.candidate) {
		err_set(e, ERR_INVALID, "--stable and --candidate go together");
		return -1;
	}
	if (s->counts.counts && strcmp(s->counts.counts, "total") != 0 &&
		strcmp(s->counts.counts, "interval") != 0) {
		err_set(e, ERR_INVALID, "--counts must be interval or total");
		err_field(e, "counts");
		return -1;
	}
	if (!s->file && !s->counts.policy && !s->help)
		err_set(e, ERR_INVALID, "judge needs a trace, a CSV of counts, or --policy");
	return s->file || s->counts.policy || s->help ? 0 : -1;
}

static struct judge_config config_of(const struct settings *s)
{
	struct judge_config c = judge_config_default();
	struct judge_signal_config *signal;

	c.alpha_harm = s->alpha_harm;
	c.alpha_ok = s->alpha_ok;
	c.alpha_srm = s->alpha_srm;
	c.steps = (int)s->nsteps;
	c.ladder = 0;
	c.least_candidate = (int)s->min_canary;
	c.least_ticks = (int64_t)(s->dwell / s->tick);
	c.missing_after = (int64_t)ceil(s->missing_after / s->tick);
	c.latency_least = s->lat_start;
	c.presence = s->presence;
	c.whole_ticks = 1;
	c.latch_ok = !s->no_latch;
	c.group_slots = 16;
	c.value_slots = 1 << 16;
	signal = judge_config_add(&c, JUDGE_ERRORS, "err", s->margin_err, 0);
	signal->prior_mean = s->p0;
	signal->prior_n = s->n0;
	judge_config_add(&c, JUDGE_LATENCY, "lat", s->lat_x, s->lat_p);
	judge_config_add(&c, JUDGE_MEAN, "brier", s->margin_brier, 0)->outcomes = 1;
	for (int i = 0; i < c.signal_count; i++)
		c.signals[i].harm_margin = c.signals[i].ok_margin * s->harm_part;
	return c;
}

/* In a trace missing is said of a signal; the verdict has the four words of the format. */
static const char *verdict_word(enum judge_verdict v)
{
	return v == JUDGE_OK	    ? "OK"
	       : v == JUDGE_HARM    ? "HARM"
	       : v == JUDGE_INVALID ? "INVALID"
				    : "INCONCLUSIVE";
}

static void print_text(const struct judge_card *c)
{
	printf("%10lld %6.3g%%  %-12s %8.3f", (long long)c->tick, 100 * c->share,
		verdict_word(c->verdict), c->log_e_harm);
	for (int i = 0; i < c->signal_count; i++)
		printf("  %8.3f %8.3f", c->signals[i].log_e_harm, c->signals[i].log_e_ok);
	printf("  %8.3f %8.3f  %9.0f %9.0f\n", c->srm, c->shift_log_e[0], c->n[1], c->n[0]);
}

static void print_head(const struct settings *s)
{
	printf("log E against harm %.2f, ok %.2f, srm %.2f\n", -log(s->alpha_harm),
		-log(s->alpha_ok), -log(s->alpha_srm));
	printf("%10s %7s  %-12s %8s  %8s %8s  %8s %8s  %8s %8s  %8s %8s  %9s %9s\n", "tick",
		"share", "verdict", "harm", "err", "(ok)", "lat", "(ok)", "brier", "(ok)", "srm",
		"shift", "candidate", "stable");
}

/* Closes what came before `before`, and prints what changed. */
static void close_ticks(struct run *r, int64_t before)
{
	struct judge_card card;
	const char *word;

	while (!r->ended && rollout_judge_close(r->judge, before)) {
		rollout_judge_read(r->judge, &card);
		word = verdict_word(card.verdict);
		if (!r->told || strcmp(word, r->told) != 0 || r->set->every_tick) {
			if (r->set->text)
				print_text(&card);
			else
				codec_print_judgement(&card, word);
		}
		r->told = word;
		r->ended = card.verdict == JUDGE_HARM || card.verdict == JUDGE_INVALID;
	}
}

static void fold(struct run *r, const struct trace_line *l)
{
	struct judge_request q = {.tick = r->tick,
		.candidate = l->candidate,
		.share = l->w,
		.w = l->w,
		.failed = l->failed,
		.latency_s = l->latency_s,
		.score = l->score};
	struct judge_value v = {.signal = SIGNAL_BRIER, .candidate = l->candidate, .w = l->w};

	if (!l->is_outcome) {
		rollout_judge_request(r->judge, &q);
		return;
	}
	v.value = calibration_brier(l->score, l->y);
	v.outcome = l->y == 1;
	rollout_judge_value(r->judge, r->tick, &v);
}

/* With --json the first is the error that is told at the end. */
static void fault(struct run *r, const char *message)
{
	if (r->faults++ == 0)
		err_set(&r->first, ERR_INVALID, "%s:%ld: %s", r->set->file, r->line, message);
	if (!r->set->json && r->faults <= FAULTS_MOST)
		fprintf(stderr, "%s:%ld: %s\n", r->set->file, r->line, message);
}

static void take_line(struct run *r, const char *text, size_t n)
{
	struct trace_line l;
	struct err e = {0};
	int64_t tick;

	if (n == 0)
		return;
	if (n > LINE_MOST) {
		fault(r, "the line is over 1 MB");
		return;
	}
	if (trace_parse(text, n, &l, &e)) {
		fault(r, e.message);
		return;
	}
	tick = (int64_t)floor(l.t / r->set->tick);
	if (r->tick != INT64_MIN && tick < r->tick) {
		fault(r, "time goes back: a trace is in the order of its ticks");
		return;
	}
	if (r->faults)
		return;
	if (tick != r->tick)
		close_ticks(r, tick);
	r->tick = tick;
	if (!r->ended)
		fold(r, &l);
}

static int read_trace(struct run *r, FILE *f, struct err *e)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int bad;

	while (!r->ended && (n = getline(&text, &size, f)) >= 0) {
		r->line++;
		while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
			n--;
		take_line(r, text, (size_t)n);
	}
	bad = ferror(f);
	if (bad)
		err_set(e, ERR_INVALID, "cannot read %s: %s", r->set->file, strerror(errno));
	free(text);
	return bad;
}

static int conclude(struct run *r)
{
	struct judge_card card;

	if (!r->set->json && r->faults > FAULTS_MOST)
		fprintf(stderr, "%s: %d more faults\n", r->set->file, r->faults - FAULTS_MOST);
	if (r->set->json && r->faults > 1)
		err_hint(&r->first, "and %d more faults", r->faults - 1);
	if (r->faults)
		return r->set->json ? judged_refuse(1, &r->first) : EXIT_USAGE;
	if (r->tick != INT64_MIN)
		close_ticks(r, r->tick + 1);
	rollout_judge_read(r->judge, &card);
	if (!card.looks) {
		err_set(&r->first, ERR_NOT_FOUND,
			"%s has no tick in which both arms could have had traffic", r->set->file);
		words_fail(r->set->json, &r->first);
		return EXIT_NO_DATA;
	}
	if (r->set->text)
		printf("%s\n", card.why);
	switch (card.verdict) {
	case JUDGE_OK:
		return EXIT_OK;
	case JUDGE_HARM:
		return EXIT_HARM;
	case JUDGE_MISSING:
		fprintf(stderr, "pithead: %s\n", card.why);
		return EXIT_NO_DATA;
	default:
		return EXIT_UNDECIDED;
	}
}

static int judge_trace(const struct settings *set, FILE *f)
{
	struct run r = {.set = set, .tick = INT64_MIN};
	const struct judge_config config = config_of(set);
	struct err e = {0};
	int code;

	if (judge_config_check(&config, &e))
		return judged_refuse(set->json, &e);
	r.judge = rollout_judge_new(&config);
	if (set->text)
		print_head(set);
	code = read_trace(&r, f, &e) ? judged_refuse(set->json, &e) : conclude(&r);
	rollout_judge_free(r.judge);
	return code;
}

/* A trace is JSON, a CSV begins with the name of its first column. */
static int is_csv(FILE *f)
{
	int c;

	do
		c = getc(f);
	while (c == ' ' || c == '\n' || c == '\r' || c == '\t');
	if (c != EOF)
		ungetc(c, f);
	return c != EOF && c != '{';
}

int local_judge(int argc, char **argv)
{
	struct settings set = {.tick = 1,
		.nsteps = 5,
		.margin_err = .005,
		.p0 = .01,
		.n0 = 50,
		.lat_p = .99,
		.lat_x = .1,
		.lat_start = 500,
		.margin_brier = .02,
		.alpha_harm = .01,
		.alpha_ok = .05,
		.alpha_srm = .001,
		.min_canary = 50,
		.harm_part = 1};
	struct err e = {0};
	FILE *f = stdin;
	int code;

	if (settings_read(&set, argc, argv, &e))
		return words_refuse(words_want_json(argc, argv), &e, usage);
	if (set.help) {
		printf("usage: %s", usage);
		return 0;
	}
	set.text = !set.json && (set.text || isatty(STDOUT_FILENO));
	set.counts.json = set.json;
	if (!set.file)
		return judge_metrics(&set.counts);
	if (strcmp(set.file, "-") != 0 && !(f = fopen(set.file, "re"))) {
		err_set(&e, ERR_INVALID, "cannot read %s: %s", set.file, strerror(errno));
		return judged_refuse(set.json, &e);
	}
	if (is_csv(f))
		code = judge_csv(&set.counts, f, set.file);
	else if (set.counts.policy) {
		err_set(&e, ERR_INVALID, "%s is a trace, and --policy is for counts", set.file);
		code = judged_refuse(set.json, &e);
	} else
		code = judge_trace(&set, f);
	if (f != stdin)
		fclose(f);
	return code;
}
