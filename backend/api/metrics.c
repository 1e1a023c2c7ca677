/* metrics.c: counters per endpoint, version, arm and rollout, and the text that Prometheus reads.
 * The number of series is bounded: when it is full the one that was idle longest makes room, which
 * a scraper sees as a counter that ended. */
#include "backend/api/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/xalloc.h"

#define SERIES	1024
#define BUCKETS 11

static const double bounds_s[BUCKETS] = {
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

struct series {
	char endpoint[ID_SIZE], environment[16], version[NAME_SIZE];
	enum arm arm;
	int64_t rollout;
	int64_t touched; /* number of the record that touched it last; 0 = free */
	int64_t requests, failures, unread, segment_unknown, keyless, scored;
	double score_sum, seconds_sum;
	int64_t answers, buckets[BUCKETS];
};

struct metrics {
	int64_t records;
	int last; /* index of the series that was found last: mostly the next one too */
	struct series series[SERIES];
};

struct metrics *metrics_new(void)
{
	return xcalloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *m)
{
	free(m);
}

static int is_series(const struct series *s, const struct record *r)
{
	return s->touched && s->rollout == r->rollout && s->arm == r->arm &&
	       strcmp(s->version, r->version) == 0 && strcmp(s->endpoint, r->endpoint) == 0;
}

static struct series *series_of(struct metrics *m, const struct record *r)
{
	int oldest = 0;

	if (is_series(&m->series[m->last], r))
		return &m->series[m->last];
	for (int i = 0; i < SERIES; i++) {
		struct series *s = &m->series[i];

		if (is_series(s, r)) {
			m->last = i;
			return s;
		}
		if (s->touched < m->series[oldest].touched)
			oldest = i;
		if (!s->touched) {
			oldest = i;
			break;
		}
	}
	m->last = oldest;
	m->series[oldest] = (struct series){.arm = r->arm, .rollout = r->rollout};
	str_copy(m->series[oldest].endpoint, ID_SIZE, r->endpoint);
	str_copy(m->series[oldest].environment, sizeof m->series[0].environment, r->environment);
	str_copy(m->series[oldest].version, NAME_SIZE, r->version);
	return &m->series[oldest];
}

void metrics_on_record(void *arg, const struct record *r)
{
	struct metrics *m = arg;
	struct series *s = series_of(m, r);

	s->touched = ++m->records;
	s->requests++;
	s->failures += r->failed;
	s->unread += !r->read;
	s->segment_unknown += r->segment_unknown;
	s->keyless += !r->keyed;
	if (isfinite(r->score)) {
		s->scored++;
		s->score_sum += r->score;
	}
	if (r->answer_ms >= 0) {
		s->answers++;
		s->seconds_sum += r->answer_ms / 1000;
		for (int i = 0; i < BUCKETS; i++)
			s->buckets[i] += r->answer_ms / 1000 <= bounds_s[i];
	}
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value with what the format wants escaped. */
static void put_label(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			buf_adds(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_addf(out, "\\%c", *value);
		else
			buf_addc(out, *value);
	}
	buf_addc(out, '"');
}

static void put_labels(struct buf *out, const struct series *s)
{
	put_label(out, "endpoint", s->endpoint);
	buf_addc(out, ',');
	put_label(out, "environment", s->environment);
	buf_addc(out, ',');
	put_label(out, "version", s->version);
	buf_addf(out, ",arm=\"%s\",rollout=\"%lld\"",
		s->arm == ARM_CANDIDATE ? "candidate" : "stable", (long long)s->rollout);
}

static void put_counter(
	struct buf *out, const struct metrics *m, const char *name, size_t offset, const char *help)
{
	head(out, name, "counter", help);
	for (int i = 0; i < SERIES; i++) {
		const struct series *s = &m->series[i];

		if (!s->touched)
			continue;
		buf_addf(out, "%s{", name);
		put_labels(out, s);
		buf_addf(out, "} %lld\n", (long long)*(const int64_t *)((const char *)s + offset));
	}
}

static void put_scores(struct buf *out, const struct metrics *m)
{
	head(out, "pithead_score", "summary", "Scores that the versions gave.");
	for (int i = 0; i < SERIES; i++) {
		const struct series *s = &m->series[i];

		if (!s->touched)
			continue;
		buf_adds(out, "pithead_score_sum{");
		put_labels(out, s);
		buf_addf(out, "} %.17g\npithead_score_count{", s->score_sum);
		put_labels(out, s);
		buf_addf(out, "} %lld\n", (long long)s->scored);
	}
}

static void put_latencies(struct buf *out, const struct metrics *m)
{
	static const char name[] = "pithead_answer_seconds";

	head(out, name, "histogram", "Time from routing to the first byte of the answer.");
	for (int i = 0; i < SERIES; i++) {
		const struct series *s = &m->series[i];

		if (!s->touched)
			continue;
		for (int b = 0; b <= BUCKETS; b++) {
			buf_addf(out, "%s_bucket{", name);
			put_labels(out, s);
			if (b < BUCKETS)
				buf_addf(out, ",le=\"%g\"} %lld\n", bounds_s[b],
					(long long)s->buckets[b]);
			else
				buf_addf(out, ",le=\"+Inf\"} %lld\n", (long long)s->answers);
		}
		buf_addf(out, "%s_sum{", name);
		put_labels(out, s);
		buf_addf(out, "} %.17g\n%s_count{", s->seconds_sum, name);
		put_labels(out, s);
		buf_addf(out, "} %lld\n", (long long)s->answers);
	}
}

enum gauge { GAUGE_SHARE, GAUGE_IN_FORCE, GAUGE_LEASE, GAUGE_DATA };

static double gauge_of(const struct world *w, const struct live_endpoint *ep, enum gauge g)
{
	int64_t now = clock_wall_us(&w->clock);

	switch (g) {
	case GAUGE_SHARE:
		return (double)ep->row.share_bp / SHARE_ALL;
	case GAUGE_IN_FORCE:
		return (double)world_share_in_force(w, ep) / SHARE_ALL;
	case GAUGE_LEASE:
		return ep->lease_until_us > now ? (double)(ep->lease_until_us - now) / 1e6 : 0;
	case GAUGE_DATA:
		break;
	}
	return (double)window_newest_us(ep->window) / 1e6;
}

static void put_gauge(
	struct buf *out, const struct world *w, const char *name, enum gauge g, const char *help)
{
	head(out, name, "gauge", help);
	for (int i = 0; i < w->endpoint_count; i++) {
		const struct live_endpoint *ep = w->endpoints[i];

		if (ep->row.removed)
			continue;
		buf_addf(out, "%s{", name);
		put_label(out, "endpoint", ep->row.id);
		buf_addc(out, ',');
		put_label(out, "environment", ep->row.environment);
		buf_addc(out, ',');
		put_label(out, "version", ep->row.candidate);
		buf_addf(out, ",arm=\"candidate\",rollout=\"%lld\"} %.17g\n",
			(long long)ep->row.rollout, gauge_of(w, ep, g));
	}
}

static void put_one(
	struct buf *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	buf_addf(out, "%s %.17g\n", name, value);
}

static void put_engine(struct buf *out, struct world *w)
{
	struct ingest_counts c =
		w->ingest ? ingest_get_counts(w->ingest) : (struct ingest_counts){0};

	head(out, "pithead_info", "gauge", "The engine's version.");
	buf_addf(out, "pithead_info{version=\"%s\"} 1\n", version_program());
	put_one(out, "pithead_start_time_seconds", "gauge", "When the engine started.",
		(double)w->started_us / 1e6);
	put_one(out, "pithead_gateway_up", "gauge", "1 while the gateway answers.", w->gateway_up);
	put_one(out, "pithead_hold", "gauge", "1 while the engine holds after a restore.", w->hold);
	put_one(out, "pithead_audit_events_total", "counter", "Events in the audit log.",
		(double)store_head(w->store));
	put_one(out, "pithead_log_received_total", "counter", "Datagrams of the prediction log.",
		(double)c.received);
	put_one(out, "pithead_log_parsed_total", "counter", "Records read from them.",
		(double)c.parsed);
	put_one(out, "pithead_log_bad_total", "counter", "Datagrams that are no record.",
		(double)c.bad);
	put_one(out, "pithead_log_ring_full_total", "counter",
		"Datagrams dropped by a slow engine.", (double)c.ring_full);
	put_one(out, "pithead_log_lost_total", "counter", "Records that never arrived.",
		(double)c.lost);
}

void metrics_format(const struct metrics *m, struct world *w, struct buf *out)
{
	put_engine(out, w);
	put_counter(out, m, "pithead_requests_total", offsetof(struct series, requests),
		"Answered requests.");
	put_counter(out, m, "pithead_failures_total", offsetof(struct series, failures),
		"Requests that failed: status 500 and above, or no answer.");
	put_counter(out, m, "pithead_unread_total", offsetof(struct series, unread),
		"Answers of which nothing could be read: streamed, too large, upgraded.");
	put_counter(out, m, "pithead_segment_unknown_total",
		offsetof(struct series, segment_unknown),
		"Requests whose segment could not be read while overrides were in force.");
	put_counter(out, m, "pithead_keyless_total", offsetof(struct series, keyless),
		"Requests without the split key.");
	put_latencies(out, m);
	put_scores(out, m);
	put_gauge(out, w, "pithead_share_ratio", GAUGE_SHARE, "Desired share of the candidate.");
	put_gauge(out, w, "pithead_share_in_force_ratio", GAUGE_IN_FORCE,
		"Share of the candidate that counts at the gateway now.");
	put_gauge(out, w, "pithead_lease_seconds", GAUGE_LEASE,
		"Time left of the candidate's lease.");
	put_gauge(out, w, "pithead_data_time_seconds", GAUGE_DATA, "Time of the newest record.");
}
