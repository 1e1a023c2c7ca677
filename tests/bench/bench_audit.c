/* bench_audit.c: verify of a million events (or argv[1] of them) against the floor of reading and
 * hashing the same bytes; a page of the log; and one durable act. Makes its store under /tmp and
 * removes it. Prints name, figure, unit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/audit/verify.h"
#include "tests/backend/store/scratch.h"

#define ACTS 300

static double now_ms(void)
{
	struct clock c = clock_system();

	return (double)clock_mono_us(&c) / 1000;
}

static void check(const struct scratch *x, int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s\n", x->e.message);
	exit(1);
}

/* One checkpoint for every 256 events, as the engine writes them. */
static void fill(struct scratch *x, int64_t n)
{
	for (int64_t i = 0; i < n;) {
		check(x, store_begin(x->store, &x->e));
		for (int k = 0; k < 256 && i < n; k++, i++) {
			struct event ev = scratch_event(i % 10 ? "session.read" : "endpoint.share");
			int64_t seq;

			ev.actor = i % 1000 ? "ada" : "rare";
			ev.change = i % 10 == 0;
			ev.rollout = i / 100;
			x->clock.fake_wall_us += 1000;
			check(x, store_append_event(x->store, &ev, &seq, &x->e));
		}
		check(x, store_commit(x->store, &x->e));
		check(x, store_checkpoint(x->store, 0, &x->e));
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* What a person's act costs the store: rollout, endpoint and event in one durable transaction. */
static void act(struct scratch *x)
{
	double took[ACTS];

	for (int i = 0; i < ACTS; i++) {
		struct event ev = scratch_event("rollout.advance");
		struct rollout_row rollout = {.id = 41, .endpoint = "flights/delay"};
		struct endpoint_row row = {.id = "flights/delay"};
		double start = now_ms();
		int64_t seq;

		check(x, store_begin(x->store, &x->e));
		check(x, store_append_event(x->store, &ev, &seq, &x->e));
		rollout.revision = row.revision = seq;
		check(x, store_save_rollout(x->store, &rollout, &x->e));
		check(x, store_save_endpoint(x->store, &row, &x->e));
		check(x, store_commit(x->store, &x->e));
		took[i] = now_ms() - start;
	}
	qsort(took, ACTS, sizeof *took, by_value);
	printf("act_median %.3f ms\nact_p99 %.3f ms\n", took[ACTS / 2], took[ACTS * 99 / 100]);
}

static int count_event(void *arg, const struct event *ev)
{
	(void)ev;
	++*(int *)arg;
	return 0;
}

static void page(struct scratch *x, const char *name, struct event_query q)
{
	int64_t next;
	int n = 0;
	double start = now_ms();

	q.limit = 100;
	check(x, store_query_events(x->store, &q, count_event, &n, &next, &x->e));
	printf("page_%s %.3f ms (%d rows, next %lld)\n", name, now_ms() - start, n,
		(long long)next);
}

static double floor_ms(const struct scratch *x)
{
	double start = now_ms();

	if (scratch_shell(x, "sqlite3 $H/store/state.db 'select canonical from audit order by seq'"
			     " | sha256sum >/dev/null"))
		exit(1);
	return now_ms() - start;
}

int main(int argc, char **argv)
{
	int64_t n = argc > 1 ? atoll(argv[1]) : 1000000;
	double least = 0, floor = 0, start;
	struct audit_report report;
	struct scratch x;

	scratch_new(&x);
	start = now_ms();
	fill(&x, n);
	printf("append_batched %.2f us\n", (now_ms() - start) * 1000 / (double)n);
	act(&x);
	page(&x, "newest", (struct event_query){0});
	page(&x, "changes", (struct event_query){.changes_only = 1});
	page(&x, "rare_actor", (struct event_query){.actor = "rare"});
	page(&x, "rollout", (struct event_query){.rollout = 17});
	page(&x, "regex", (struct event_query){.match = "share"});
	page(&x, "regex_nothing", (struct event_query){.match = "no such word"});
	check(&x, store_checkpoint(x.store, 1, &x.e));
	for (int i = 0; i < 3; i++) {
		double f = floor_ms(&x), v;

		start = now_ms();
		check(&x, audit_verify(x.home, &report, NULL, NULL, &x.e));
		v = now_ms() - start;
		floor = !i || f < floor ? f : floor;
		least = !i || v < least ? v : least;
	}
	printf("verify %.0f ms (%lld events, finding %d)\nfloor %.0f ms\nverify_ratio %.2f x\n",
		least, (long long)report.events, (int)report.finding, floor, least / floor);
	scratch_free(&x);
	return report.finding != AUDIT_WHOLE || least > 2 * floor;
}
