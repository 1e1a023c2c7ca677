/* judge_metrics.c: counts from a Prometheus, as they come or of a past range. It asks again and
 * again until the time is over or harm is proven; a Prometheus that is away for a while is waited
 * for. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "backend/adapters/prometheus.h"
#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/local/judged.h"
#include "backend/trial/observed.h"

#define SETTLE_MOST_MS INT64_C(2000) /* after a scrape begins, until its samples can be read */
#define PIECE	       5000	     /* readings that are asked for at once */

struct watching {
	const struct judged_options *o;
	const struct spec_metrics *m;
	struct prometheus_source source;
	struct judged j;
	struct clock clock;
	int64_t step_ms, read_ms, until_ms; /* read_ms: the last instant that was read */
	int away;			    /* it did not answer the last time */
	char lack[240];
};

static int64_t now_ms(const struct watching *w)
{
	return clock_wall_us(&w->clock) / 1000;
}

static int64_t settled_ms(const struct watching *w)
{
	int64_t settle = w->step_ms / 2 < SETTLE_MOST_MS ? w->step_ms / 2 : SETTLE_MOST_MS;
	int64_t now = now_ms(w) - settle;

	return now / w->step_ms * w->step_ms;
}

/* Reads from the instant that was read last to to_ms, and judges it. */
static int read_range(struct watching *w, int64_t to_ms, struct err *e)
{
	const char *queries[OBSERVED_QUERIES];
	struct series_set sets[OBSERVED_QUERIES];
	struct observed_look look;
	int rc;

	for (int q = 0; q < OBSERVED_QUERIES; q++)
		queries[q] = observed_text(w->m, q);
	rc = prometheus_query_all(
		&w->source, queries, OBSERVED_QUERIES, w->read_ms, to_ms, w->step_ms, sets, e);
	if (rc)
		return rc;
	rc = observed_count(
		w->m, sets, w->read_ms, to_ms, w->step_ms, judged_take, &w->j, &look, e);
	observed_lack(w->m, &sets[OBSERVED_REQUESTS], w->lack, sizeof w->lack);
	if (!rc && look.excess && !w->lack[0])
		snprintf(w->lack, sizeof w->lack,
			"`errors` has counted %lld more than `requests`: they are not of the same",
			(long long)look.excess);
	for (int q = 0; q < OBSERVED_QUERIES; q++)
		series_set_release(&sets[q]);
	if (!rc)
		w->read_ms = to_ms;
	return rc;
}

/* What will not change by waiting. */
static int is_final(int rc)
{
	return rc == ERR_INVALID || rc == ERR_DENIED || rc == ERR_FAILED || rc == ERR_TOO_LARGE;
}

static int look(struct watching *w, struct err *e)
{
	int64_t to = settled_ms(w) < w->until_ms ? settled_ms(w) : w->until_ms;
	int rc = 0;

	while (!rc && w->read_ms < to && !judged_is_over(&w->j)) {
		int64_t piece = w->read_ms + PIECE * w->step_ms;

		rc = read_range(w, piece < to ? piece : to, e);
	}
	if (rc && is_final(rc))
		return rc;
	if (rc && !w->away)
		fprintf(stderr, "pithead: %s; it is asked again\n%s%s%s", e->message,
			e->hint[0] ? "  " : "", e->hint, e->hint[0] ? "\n" : "");
	if (rc)
		str_copy(w->lack, sizeof w->lack, e->message);
	w->away = rc != 0;
	/* What comes later than this is not judged any more. */
	to = (now_ms(w) - spec_metrics_stale(w->m) / 2) / 1000;
	if (w->j.fed != INT64_MIN && !judged_is_over(&w->j) && to > w->j.fed + 1)
		judged_close(&w->j, to < w->until_ms / 1000 ? to : w->until_ms / 1000);
	return 0;
}

static int watch(struct watching *w, struct err *e)
{
	int rc = look(w, e);
	int64_t left;

	while (!rc && !judged_is_over(&w->j) && settled_ms(w) < w->until_ms) {
		/* A Prometheus that is away when the time is over is not waited for. */
		if (w->away && now_ms(w) > w->until_ms + w->step_ms)
			break;
		left = w->step_ms - now_ms(w) % w->step_ms;
		poll(NULL, 0, (int)(left < 100 ? 100 : left));
		rc = look(w, e);
	}
	return rc;
}

static int set_range(struct watching *w, struct err *e)
{
	const struct judged_options *o = w->o;
	int64_t now = now_ms(w), from = o->from_ms ? o->from_ms : now;

	w->step_ms = spec_metrics_every(w->m);
	w->until_ms = o->until_ms ? o->until_ms : o->for_ms ? from + o->for_ms : now;
	if (!o->from_ms && !o->for_ms)
		return err_set(e, ERR_INVALID,
			"judge needs --for (from now on) or --from and --until (a past range)");
	if (o->until_ms && o->for_ms)
		return err_set(e, ERR_INVALID, "--until and --for both say when it ends");
	if (w->until_ms <= from || from > now)
		return err_set(e, ERR_INVALID, "the range ends before it begins, or begins later");
	/* On multiples of the step, so that each instant is the same whoever asks. */
	w->read_ms = from / w->step_ms * w->step_ms;
	w->until_ms = (w->until_ms + w->step_ms - 1) / w->step_ms * w->step_ms;
	return 0;
}

int judge_metrics(const struct judged_options *o)
{
	struct spec_endpoint *ep = xcalloc(1, sizeof *ep);
	struct watching w = {.o = o, .m = &ep->metrics, .clock = clock_system()};
	struct err e = {0};
	int code, rc = judged_policy(o, ep, &e);

	if (!rc && spec_metrics_is_posted(&ep->metrics))
		rc = err_set(&e, ERR_INVALID,
			"endpoint %s of %s is judged by posted requests, and those have the engine "
			"alone: `pithead endpoint show %s`",
			ep->name, o->policy, ep->name);
	if (o->every_ms) { /* what is stale goes with it */
		ep->metrics.every_ms = o->every_ms;
		ep->metrics.stale_ms = 0;
	}
	if (!rc)
		rc = set_range(&w, &e);
	if (!rc)
		rc = judged_open(&w.j, ep, o->json, &e);
	w.source = (struct prometheus_source){
		.url = o->prometheus ? o->prometheus : ep->metrics.prometheus,
		.bearer_file = ep->metrics.bearer,
		.basic_file = ep->metrics.basic,
		.ca_file = ep->metrics.ca};
	if (!rc)
		rc = watch(&w, &e);
	code = rc ? judged_refuse(o->json, &e) : judged_finish(&w.j, w.until_ms / 1000, w.lack);
	judged_release(&w.j);
	free(ep);
	return code;
}
