/*
 * replay.c: the traffic of the example: the real flights in their order, at
 * an accelerated clock, to one or more endpoints behind the gateway, and
 * later their real outcomes to the engine. It never stalls and never gives
 * up: a slow gateway costs the rows that find no free slot, a dead one only
 * the rows of that time.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common.h"
#include "outcomes.h"
#include "schedule.h"
#include "sender.h"
#include "table.h"

#define USAGE                                                                                      \
	"replay --csv FILE [--to URL]... [--engine SOCKET] "                                       \
	"[--speed N | --rate R] [--for SECONDS] [--requests N] "                                   \
	"[--from YYYY-MM] [--seed N] [--in-flight N] "                                             \
	"[--outcome-delay SECONDS] [--out FILE] [--pid-file FILE]"
#define DEFAULT_URL	  "http://127.0.0.1:8100/predict"
#define DEFAULT_SPEED	  4170.0 /* 150,000 rows of 181 days: 40 a second */
#define DEFAULT_IN_FLIGHT 64
#define DEFAULT_DELAY_S	  20.0
#define ENDPOINTS_MAX	  16
#define LATE_US		  1000000 /* a row later than this is skipped */
#define STOP_US		  1000000 /* SIGTERM waits so long for answers */
#define END_US		  6000000 /* the natural end waits longer */
#define FLUSH_US	  1000000

struct options {
	const char *csv, *engine, *out, *pid_file;
	const char *urls[ENDPOINTS_MAX];
	int n_urls;
	double speed, rate, for_s, requests, seed, in_flight, delay_s;
	struct months from;
};

struct replay {
	struct options o;
	struct table table;
	struct schedule schedule;
	CURLM *multi;
	struct sender *senders[ENDPOINTS_MAX];
	struct outcomes *outcomes; /* NULL: nobody is told */
	FILE *out;		   /* NULL: not wanted */
	int64_t start_us;	   /* monotonic */
	int64_t flushed_us;
	int signals;  /* signalfd */
	int stopping; /* a signal came */
	long sent, ok, failed, skipped, answered, failing;
	double latency_us; /* sum over what was answered */
};

/* ---- options ---- */

static double number(const char *name, const char *text, double min, double max)
{
	double v;

	if (!parse_number(text, min, max, &v))
		die_usage("--%s %s: expected a number from %g to %g", name, text, min, max);
	return v;
}

static void set_option(struct options *o, int c, const char *value)
{
	switch (c) {
	case 'c':
		o->csv = value;
		break;
	case 'e':
		o->engine = value;
		break;
	case 'o':
		o->out = value;
		break;
	case 'p':
		o->pid_file = value;
		break;
	case 's':
		o->speed = number("speed", value, 0.001, 1e7);
		break;
	case 'r':
		o->rate = number("rate", value, 0.001, 1e5);
		break;
	case 'f':
		o->for_s = number("for", value, 0, 1e9);
		break;
	case 'n':
		o->requests = number("requests", value, 1, 1e12);
		break;
	case 'S':
		o->seed = number("seed", value, 0, 4294967295.0);
		break;
	case 'i':
		o->in_flight = number("in-flight", value, 1, 4096);
		break;
	case 'd':
		o->delay_s = number("outcome-delay", value, 0, 1e6);
		break;
	case 'm':
		if (!months_parse(value, &o->from) || o->from.n != 1)
			die_usage("--from %s: expected YYYY-MM", value);
		break;
	case 't':
		if (o->n_urls == ENDPOINTS_MAX)
			die_usage("at most %d --to", ENDPOINTS_MAX);
		o->urls[o->n_urls++] = value;
		break;
	default:
		die_usage("usage: " USAGE);
	}
}

static void parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{.name = "csv", .has_arg = 1, .val = 'c'},
		{.name = "to", .has_arg = 1, .val = 't'},
		{.name = "engine", .has_arg = 1, .val = 'e'},
		{.name = "out", .has_arg = 1, .val = 'o'},
		{.name = "pid-file", .has_arg = 1, .val = 'p'},
		{.name = "speed", .has_arg = 1, .val = 's'},
		{.name = "rate", .has_arg = 1, .val = 'r'},
		{.name = "for", .has_arg = 1, .val = 'f'},
		{.name = "requests", .has_arg = 1, .val = 'n'},
		{.name = "seed", .has_arg = 1, .val = 'S'},
		{.name = "in-flight", .has_arg = 1, .val = 'i'},
		{.name = "outcome-delay", .has_arg = 1, .val = 'd'},
		{.name = "from", .has_arg = 1, .val = 'm'},
		{.name = NULL},
	};
	int c;

	memset(o, 0, sizeof *o);
	o->speed = DEFAULT_SPEED;
	o->seed = 7;
	o->in_flight = DEFAULT_IN_FLIGHT;
	o->delay_s = DEFAULT_DELAY_S;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		set_option(o, c, optarg);
	if (o->csv == NULL || optind != argc)
		die_usage("usage: " USAGE);
	if (o->n_urls == 0)
		o->urls[o->n_urls++] = DEFAULT_URL;
}

/* ---- start ---- */

/*
 * The lock, not the number, says that we run: the kernel lets go of it with
 * us, so a pid file of a dead replayer never stands in the way.
 */
static void take_pid_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		die("cannot open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		die("a replayer is running already (see %s)", path);
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
		die("cannot write %s: %s", path, strerror(errno));
	/* fd stays open, and with it the lock, for as long as we live */
}

static int open_signals(void)
{
	sigset_t stop;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die("cannot listen for signals: %s", strerror(errno));
	return fd;
}

static size_t first_row(const struct table *t, const struct months *from)
{
	size_t i = 0;

	while (from->n == 1 && i < t->n && t->rows[i].month < from->month[0])
		i++;
	if (i == t->n)
		die("the table has no flights from that month on");
	return i;
}

/* ---- answers ---- */

static void note_health(struct replay *r, int ok)
{
	if (!ok && r->failing++ == 0)
		fprintf(stderr, "replay: no answer from the gateway; "
				"going on trying\n");
	if (ok && r->failing > 0) {
		fprintf(stderr,
			"replay: the gateway answers again, after "
			"%ld failures\n",
			r->failing);
		r->failing = 0;
	}
}

static void on_reply(void *arg, const struct reply *reply)
{
	struct replay *r = arg;

	note_health(r, reply->status != 0);
	if (reply->status == 200)
		r->ok++;
	else
		r->failed++;
	if (reply->status != 0) {
		r->answered++;
		r->latency_us += (double)(reply->done_us - reply->sent_us);
	}
	if (r->out != NULL)
		fprintf(r->out, "%lld %lld %ld %s %s %s\n", (long long)reply->sent_us,
			(long long)reply->done_us, reply->status, reply->version, reply->key,
			reply->id);
	/* without a prediction there is nothing to join an outcome to */
	if (r->outcomes != NULL && reply->status == 200 && strcmp(reply->id, "-") != 0)
		outcomes_add(r->outcomes, reply->id, reply->late,
			clock_mono_us() + (int64_t)(r->o.delay_s * 1e6));
}

static void finish_transfers(struct replay *r)
{
	CURLMsg *m;
	CURLcode result;
	CURL *easy;
	int left, mine;

	while ((m = curl_multi_info_read(r->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		easy = m->easy_handle; /* m dies with the handle's removal */
		result = m->data.result;
		mine = r->outcomes != NULL && outcomes_finish(r->outcomes, easy, result);
		for (int i = 0; i < r->o.n_urls && !mine; i++)
			mine = sender_finish(r->senders[i], easy, result);
	}
}

/* ---- the loop ---- */

static int in_flight(const struct replay *r)
{
	int n = 0;

	for (int i = 0; i < r->o.n_urls; i++)
		n += sender_in_flight(r->senders[i]);
	return n;
}

static int all_sent(const struct replay *r, int64_t now)
{
	if (r->o.requests > 0 && (double)r->sent >= r->o.requests)
		return 1;
	return r->o.for_s > 0 && (double)(now - r->start_us) >= r->o.for_s * 1e6;
}

static void send_due(struct replay *r, int64_t now)
{
	struct schedule *s = &r->schedule;
	int64_t late;

	while (!all_sent(r, now)) {
		late = now - r->start_us - schedule_due_us(s);
		if (late < 0)
			return;
		for (int i = 0; i < r->o.n_urls && !all_sent(r, now); i++) {
			if (late <= LATE_US && sender_send(r->senders[i], &r->table.rows[s->row],
						       s->row + 1, s->lap))
				r->sent++;
			else
				r->skipped++;
		}
		schedule_advance(s);
	}
}

static void wait_a_little(struct replay *r, int64_t until_us)
{
	struct curl_waitfd extra = {.fd = r->signals, .events = CURL_WAIT_POLLIN};
	int64_t us = until_us - clock_mono_us();
	int ms = us <= 0 ? 0 : us > 200000 ? 200 : (int)((us + 999) / 1000);
	struct signalfd_siginfo info;

	curl_multi_poll(r->multi, &extra, 1, ms, NULL);
	while (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info)
		r->stopping = 1;
}

static void step(struct replay *r, int64_t until_us)
{
	int running;
	int64_t now;

	curl_multi_perform(r->multi, &running);
	finish_transfers(r);
	now = clock_mono_us();
	if (r->outcomes != NULL)
		outcomes_tick(r->outcomes, now);
	if (r->out != NULL && now - r->flushed_us > FLUSH_US) {
		fflush(r->out);
		r->flushed_us = now;
	}
	curl_multi_perform(r->multi, &running);
	wait_a_little(r, until_us);
}

/* Waits for answers, and at the natural end also for outcomes to be told. */
static void run_out(struct replay *r)
{
	int64_t patience = r->stopping ? STOP_US : END_US, now;
	int64_t end = clock_mono_us() + patience, tell = end;

	if (r->outcomes != NULL && !r->stopping)
		tell += (int64_t)(r->o.delay_s * 1e6);
	for (;;) {
		now = clock_mono_us();
		if ((in_flight(r) == 0 || now > end) &&
			(r->stopping || r->outcomes == NULL || outcomes_waiting(r->outcomes) == 0 ||
				now > tell))
			return;
		if (r->stopping && now > end)
			return;
		step(r, now + 50000);
	}
}

static void run(struct replay *r)
{
	int64_t now = clock_mono_us();

	r->start_us = r->flushed_us = now;
	while (!r->stopping && !all_sent(r, now)) {
		send_due(r, now);
		step(r, r->start_us + schedule_due_us(&r->schedule));
		now = clock_mono_us();
	}
	run_out(r);
}

static void print_summary(const struct replay *r)
{
	struct outcomes_stats s = {.posted = 0};

	printf("sent %ld ok %ld failed %ld unanswered %d skipped %ld "
	       "mean %.2f ms",
		r->sent, r->ok, r->failed, in_flight(r), r->skipped,
		r->answered ? r->latency_us / (double)r->answered / 1e3 : 0.0);
	if (r->outcomes != NULL) {
		s = outcomes_stats(r->outcomes);
		printf(" outcomes %ld refused %ld dropped %ld waiting %ld "
		       "errors %ld",
			s.posted, s.refused, s.dropped, outcomes_waiting(r->outcomes), s.errors);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct replay r;
	struct options *o = &r.o;

	parse_options(argc, argv, o);
	if (o->pid_file != NULL)
		take_pid_file(o->pid_file);
	r.signals = open_signals();
	table_load(&r.table, o->csv);
	schedule_init(&r.schedule, &r.table, first_row(&r.table, &o->from), o->speed, o->rate,
		(uint64_t)o->seed);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (r.multi = curl_multi_init()) == NULL)
		die("cannot start curl");
	for (int i = 0; i < o->n_urls; i++)
		r.senders[i] = sender_new(r.multi, o->urls[i], (int)o->in_flight, on_reply, &r);
	if (o->engine != NULL)
		r.outcomes = outcomes_new(r.multi, o->engine);
	if (o->out != NULL)
		r.out = open_file(o->out, "w");
	run(&r);
	print_summary(&r);
	if (r.out != NULL)
		close_written(r.out, o->out);
	for (int i = 0; i < o->n_urls; i++)
		sender_free(r.senders[i]);
	outcomes_free(r.outcomes);
	curl_multi_cleanup(r.multi);
	curl_global_cleanup();
	schedule_release(&r.schedule);
	table_release(&r.table);
	return 0;
}
