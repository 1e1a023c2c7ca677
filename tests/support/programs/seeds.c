/* seeds.c: rollouts of the flights example on a played clock, by the real answers of its models:
 * each version first answers the same flights (over its socket, as a replica would), then every bad
 * and good version is rolled out from v1 with many seeds through store, acts and judge as the
 * engine runs them: `gunzip <flights.csv.gz | seeds SPEC SOCKETS SEEDS [FLIGHTS [VERSION,...]]`.
 * One line a version and its counts; exit 1 when any ended otherwise than it should, or for a wrong
 * reason. */
#include <inttypes.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/acts/autopilot.h"
#include "backend/acts/judging.h"
#include "backend/acts/policy_ask.h"
#include "backend/adapters/replayer.h"
#include "backend/base/json.h"
#include "backend/base/xalloc.h"
#include "backend/store/telemetry.h"
#include "tests/bench/chance.h"
#include "tests/support/acts_world.h"

#define VERSIONS  5
#define RATE	  40 /* requests a second, as the example has */
#define WARM_S	  120
#define LIMIT_S	  (4 * 3600)
#define IN_FLIGHT 15 /* a multiple of VERSIONS */
#define FROM	  "2001-03"

struct answer {
	float score, ms;
	int status;
};

struct flight {
	char origin[8], destination[8];
	double hour;
	int dow, distance, late;
	struct answer by[VERSIONS];
};

struct bench {
	struct flight *rows; /* owned */
	int count, most;
	struct buf spec;
	const char *sockets;
	int seeds;
};

static const struct {
	const char *version, *state,
		*why; /* why: a regular expression on how it ended; NULL = any */
} wanted[] = {
	{"v2", "promoted", NULL},
	{"v3", "aborted", "^(brier|calibration)( in segment [A-Z]+)? "},
	{"v4", "aborted", "^latency_p99 "},
	{"v5", "aborted", "^error_rate in segment ORD "},
};

static void die(const char *what)
{
	fprintf(stderr, "seeds: %s\n", what);
	exit(2);
}

/* -- the real answers -- */

static int read_flight(const char *line, struct flight *f)
{
	struct tm t = {.tm_isdst = 0};
	int minute, hour;
	double delay;

	if (sscanf(line, "%d-%d-%dT%d:%d,%lf,%d,%3[A-Z],%3[A-Z]", &t.tm_year, &t.tm_mon, &t.tm_mday,
		    &hour, &minute, &delay, &f->distance, f->origin, f->destination) != 9)
		return 0;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	(void)timegm(&t);
	f->hour = hour + minute / 60.0;
	f->dow = (t.tm_wday + 6) % 7;
	f->late = delay > 15;
	return 1;
}

static void read_flights(struct bench *b)
{
	char line[256];

	b->rows = xcalloc((size_t)b->most, sizeof *b->rows);
	while (b->count < b->most && fgets(line, sizeof line, stdin))
		if (strncmp(line, FROM, 7) >= 0 && read_flight(line, &b->rows[b->count]))
			b->count++;
	if (b->count < 1000)
		die("too few flights on standard input");
}

static void ask(const struct bench *b, int i, int version, struct replay_job *job)
{
	const struct flight *f = &b->rows[i];

	*job = (struct replay_job){.tag = i * VERSIONS + version, .timeout_ms = 5000};
	snprintf(job->address, sizeof job->address, "unix@%s/v%d.sock", b->sockets, version + 1);
	str_copy(job->path, sizeof job->path, "/predict");
	job->body = (unsigned char *)xasprintf("{\"hour\":%.4f,\"dow\":%d,\"distance_mi\":%d,"
					       "\"origin\":\"%s\",\"destination\":\"%s\"}",
		f->hour, f->dow, f->distance, f->origin, f->destination);
	job->body_len = strlen((char *)job->body);
}

static void keep(struct bench *b, struct replay_answer *got)
{
	struct answer *a = &b->rows[got->tag / VERSIONS].by[got->tag % VERSIONS];
	const char *p = got->body ? strstr((char *)got->body, "\"probability\":") : NULL;

	*a = (struct answer){.status = got->status, .ms = (float)got->answer_ms, .score = NAN};
	if (p)
		a->score = strtof(p + 14, NULL);
	free(got->body);
}

/* All versions answer a flight at the same time, so that what this machine does meanwhile is not
 * taken for one of them. */
static void record(struct bench *b)
{
	struct replayer *r = replayer_new(IN_FLIGHT, IN_FLIGHT);
	struct replay_answer got[64];
	int all = b->count * VERSIONS, sent = 0, done = 0, n;

	while (done < all) {
		for (; sent < all && sent - done < IN_FLIGHT; sent++) {
			struct replay_job job;

			/* Another one first each time: who comes last waits for the others. */
			ask(b, sent / VERSIONS, (sent + sent / VERSIONS) % VERSIONS, &job);
			if (replayer_submit(r, &job))
				die("a copy was refused");
		}
		n = replayer_take(r, got, 64);
		for (int i = 0; i < n; i++)
			keep(b, &got[i]);
		done += n;
		if (!n)
			nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
	replayer_free(r);
}

/* -- one rollout -- */

struct run {
	const struct bench *b;
	struct acts_world x;
	struct chance chance;
	int64_t sent, first;
	int candidate; /* index of its version */
};

static void send_one(struct run *n, int i)
{
	struct acts_world *x = &n->x;
	const struct flight *f = &n->b->rows[(n->first + n->sent) % n->b->count];
	int share = x->ep->row.gate ? x->ep->row.share_bp : 0;
	int arm = chance_is(&n->chance, share / 10000.0) ? ARM_CANDIDATE : ARM_STABLE;
	const struct answer *a = &f->by[arm == ARM_CANDIDATE ? n->candidate : 0];
	struct record r = {.rollout = x->ep->row.rollout,
		.share_bp = share,
		.arm = (enum arm)arm,
		.keyed = 1,
		.read = 1,
		.status = a->status,
		.failed = a->status <= 0 || a->status >= 500,
		.answer_ms = a->ms,
		.total_ms = a->ms,
		.score = a->score,
		.routed_us = clock_wall_us(&x->w.clock) + i * (1000000 / RATE)};

	n->sent++;
	snprintf(r.id, sizeof r.id, "req-%" PRId64, n->sent);
	snprintf(r.key, sizeof r.key, "%016" PRIx64, chance_bits(&n->chance));
	str_copy(r.segment, sizeof r.segment, f->origin);
	str_copy(r.endpoint, sizeof r.endpoint, x->ep->row.id);
	str_copy(r.version, sizeof r.version,
		arm == ARM_CANDIDATE ? x->ep->row.candidate : x->ep->row.stable);
	judging_take_record(x->ep, &r);
	telemetry_add_record(x->w.store, &r);
	window_add(x->ep->window, &r);
	guard_add(&x->ep->guard, &r, (int)x->w.settings.guard_window);
	if (arm == ARM_CANDIDATE)
		x->ep->exposed++;
	if (!r.failed)
		(void)telemetry_add_outcome(
			x->w.store, r.id, "late", f->late, clock_wall_us(&x->w.clock), &x->e);
}

static void second(struct run *n)
{
	for (int i = 0; i < RATE; i++)
		send_one(n, i);
	acts_do(&n->x, "pass 1s");
	acts_do(&n->x, "tick");
}

static void begin(struct run *n, const char *version)
{
	struct apply_request req = {
		.text = buf_text(&n->b->spec), .size = n->b->spec.len, .base = -1};
	struct act a = {.caller = acts_person("root"), .reason = "seeds"};
	char words[32];

	acts_world_new(&n->x);
	n->x.dry = 0;
	if (act_apply(&n->x.w, &a, &req, &n->x.r, &n->x.e))
		die(n->x.e.message);
	/* Where it loosens the world's own spec others have to want it too. */
	n->x.proposal = n->x.r.proposal;
	for (size_t i = 0; n->x.proposal && i < 3; i++) {
		static const char *const others[] = {"by ada", "by ben", "by cas"};

		acts_do(&n->x, others[i]);
		if (acts_do(&n->x, "yes") && i == 0)
			die(n->x.e.message);
	}
	acts_do(&n->x, "on delay");
	acts_do(&n->x, "by root");
	for (int s = 0; s < WARM_S; s++)
		second(n);
	snprintf(words, sizeof words, "start %s", version);
	if (acts_do(&n->x, words))
		die(n->x.e.message);
	acts_do(&n->x, "tick 2");
}

static int is_over(struct run *n, struct rollout_row *r)
{
	if (store_find_rollout(n->x.w.store, n->x.rollout, r, &n->x.e) != 1)
		die("the rollout is gone");
	return r->ended_us > 0 || strcmp(r->state, "paused") == 0;
}

struct tally {
	int right, wrong, longest_s;
	int64_t exposed_most, exposed_sum, requests_most;
};

static void judge_one(const struct bench *b, size_t which, int seed, struct tally *t)
{
	struct chance seeded = {.state = (uint64_t)seed << 8 | which};
	struct run n = {.b = b, .chance = {.state = chance_bits(&seeded)}};
	struct rollout_row r;
	const char *why = wanted[which].why;
	regex_t re;
	int seconds = 0, good;

	n.candidate = wanted[which].version[1] - '1';
	n.first = (int64_t)(chance_unit(&n.chance) * b->count);
	begin(&n, wanted[which].version);
	while (!is_over(&n, &r) && seconds++ < LIMIT_S)
		second(&n);
	good = strcmp(r.state, wanted[which].state) == 0;
	if (good && why) {
		if (regcomp(&re, why, REG_EXTENDED | REG_NOSUB))
			die("a bad expression");
		good = regexec(&re, r.end_reason, 0, NULL, 0) == 0;
		regfree(&re);
	}
	if (!good)
		printf("# %s seed %d: %s at %d bp after %d s: %s%s\n", wanted[which].version, seed,
			r.state, r.share_bp, seconds, r.end_reason,
			n.x.ep->judging ? n.x.ep->judging->card.why : "");
	for (int i = 0; !good && n.x.ep->judging && i < n.x.ep->judging->card.signal_count; i++)
		printf("#   %s %s %s n %.0f harm %.2f ok %.2f\n",
			n.x.ep->judging->card.signals[i].name,
			n.x.ep->judging->card.signals[i].segment,
			judge_verdict_name(n.x.ep->judging->card.signals[i].verdict),
			n.x.ep->judging->card.signals[i].n[1],
			n.x.ep->judging->card.signals[i].evidence,
			n.x.ep->judging->card.signals[i].evidence_ok);
	t->right += good;
	t->wrong += !good;
	t->longest_s = seconds > t->longest_s ? seconds : t->longest_s;
	t->exposed_sum += r.exposed;
	t->exposed_most = r.exposed > t->exposed_most ? r.exposed : t->exposed_most;
	t->requests_most = n.sent > t->requests_most ? n.sent : t->requests_most;
	acts_world_free(&n.x);
}

int main(int argc, char **argv)
{
	struct bench b = {.most = argc > 4 ? atoi(argv[4]) : 150000};
	int bad = 0;

	if (argc < 4)
		die("usage: seeds SPEC SOCKETS SEEDS [FLIGHTS [VERSION,...]] <flights.csv");
	b.seeds = atoi(argv[3]);
	if (b.most < 1000 || b.seeds < 1 || buf_read_file(&b.spec, argv[1], 1 << 20) < 0)
		die("cannot read the spec, or too few seeds or flights");
	read_flights(&b);
	b.sockets = argv[2];
	record(&b);
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		struct tally t = {.right = 0};

		if (argc > 5 && !strstr(argv[5], wanted[i].version))
			continue;
		for (int seed = 1; seed <= b.seeds; seed++)
			judge_one(&b, i, seed, &t);
		printf("%s: %d of %d %s%s, at most %d s, %" PRId64
		       " answers exposed (mean %.0f), %" PRId64 " of %d flights\n",
			wanted[i].version, t.right, b.seeds, wanted[i].state,
			wanted[i].why ? " for its reason" : "", t.longest_s, t.exposed_most,
			(double)t.exposed_sum / b.seeds, t.requests_most, b.count);
		fflush(stdout);
		bad |= t.wrong > 0 || t.requests_most > b.count;
	}
	free(b.rows);
	buf_release(&b.spec);
	return bad;
}
