/* outcomes.h: posts real outcomes to the engine, in batches, joined by request id. */
#ifndef FLIGHTS_OUTCOMES_H
#define FLIGHTS_OUTCOMES_H

#include <curl/curl.h>
#include <stdint.h>

struct outcomes_stats {
	long posted;  /* outcomes that the engine took */
	long refused; /* outcomes that it answered 4xx to */
	long dropped; /* outcomes lost because too many waited */
	long errors;  /* posts that failed, and are tried again */
};

struct outcomes;

/* Posts to the engine's unix socket; the path is borrowed. */
struct outcomes *outcomes_new(CURLM *multi, const char *socket_path);
void outcomes_free(struct outcomes *o);

/* Keeps an outcome until it is due. Due times must not decrease. */
void outcomes_add(struct outcomes *o, const char *id, int late, int64_t due_us);

/* Posts what is due, at most one batch at a time and one a second. */
void outcomes_tick(struct outcomes *o, int64_t now_us);

/* As sender_finish. */
int outcomes_finish(struct outcomes *o, CURL *easy, CURLcode result);

/* Outcomes that are kept or on their way. */
long outcomes_waiting(const struct outcomes *o);

struct outcomes_stats outcomes_stats(const struct outcomes *o);

#endif
