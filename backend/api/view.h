/* view.h: what a person sees of an endpoint: its state in one word, its traffic, its arms. Derived
 * from the world's memory; nothing is written. Called by the read routes and by metrics. */
#ifndef PITHEAD_BACKEND_API_VIEW_H
#define PITHEAD_BACKEND_API_VIEW_H

#include "backend/acts/world.h"

#define SPARK_POINTS 48
#define SPARK_SPAN_S 18 /* 48 x 18 s = 14.4 minutes */
#define STATS_SPAN_S 60

/* Worst first: the order of lists. */
enum health { HEALTH_DOWN, HEALTH_HARM, HEALTH_WATCH, HEALTH_MISSING, HEALTH_WAITING, HEALTH_OK };

struct arm_stats { /* last 60 s; NAN = no data */
	int64_t requests, failures, outcomes;
	int64_t unread; /* answers of which no score (or, without one, no body) could be read */
	double unread_percent;
	double rate, error_percent, p50_ms, p90_ms, p99_ms, score_mean, outcome_mean, brier;
};

struct endpoint_view {
	const struct live_endpoint *ep; /* borrowed */
	enum health health;
	char state_word[160];
	double rate, error_percent, p99_ms; /* both arms; rate over 10 s */
	struct arm_stats arms[ARM_COUNT];
	int64_t spark[SPARK_POINTS], spark_errors[SPARK_POINTS];
	int64_t segment_unknown, keyless; /* in the last 60 s */
	int share_in_force;
	int64_t trouble_us; /* when it began to be in trouble, 0 = it is not */
};

struct alert_list {
	struct alert_row *rows; /* owned */
	int count;
};

/* The open alerts, released by alerts_release. */
int alerts_load(struct world *w, int open_only, struct alert_list *out, struct err *e);
void alerts_release(struct alert_list *list);

/* Fills out for one endpoint. */
void view_endpoint(struct world *w, const struct live_endpoint *ep, const struct alert_list *open,
	struct endpoint_view *out);

const char *health_name(enum health h);

/* From sums over `seconds` to what is shown. */
void arm_stats_from(const struct arm_counts *c, int seconds, struct arm_stats *out);

/* Worst first, then what has a rollout under way, then by id: for qsort over struct endpoint_view.
 */
int view_compare(const void *a, const void *b);

/* How near a change is to a trouble. 3 touched it within 30 min before (and belongs to the rollout
 * that goes on, if one does), 2 touched it otherwise or its project, 1 another endpoint's or a
 * version that it serves, 0 neither; why gets the phrase. views: all endpoints that the person may
 * see. */
int suspicion_of(const struct event *ev, const struct endpoint_view *views, int count,
	int64_t now_us, char *why, size_t size);

/* Events copied out of a query, so that each can be asked about while no query is open. */
struct event_list {
	struct event *rows; /* owned, with their texts */
	int count, capacity;
};
int event_list_add(void *list, const struct event *ev); /* a store_on_event */
void event_list_release(struct event_list *list);

#endif
