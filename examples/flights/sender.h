/* sender.h: sends requests by libcurl, a bounded number at a time. */
#ifndef FLIGHTS_SENDER_H
#define FLIGHTS_SENDER_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

#include "table.h"

#define ID_MAX 96 /* of a request id or a version, with its end */

/* What came back for one request. */
struct reply {
	int64_t sent_us, done_us; /* wall clock */
	long status;		  /* 0: no answer at all */
	char version[ID_MAX];	  /* X-Pithead-Version, or "-" */
	char key[48];		  /* X-Flight as sent */
	char id[ID_MAX];	  /* X-Request-ID, or "-" */
	int late;		  /* the flight's real outcome */
};

typedef void (*sender_on_reply)(void *arg, const struct reply *r);

struct sender;

/*
 * A sender to one endpoint over the caller's multi handle, with at most
 * "slots" requests under way. The url is borrowed for the sender's life.
 */
struct sender *sender_new(
	CURLM *multi, const char *url, int slots, sender_on_reply on_reply, void *arg);
void sender_free(struct sender *s);

/* Starts a request; 0 if all slots are taken. */
int sender_send(struct sender *s, const struct row *r, size_t number, long lap);

/* Was this transfer one of ours? Then it is finished and reported. */
int sender_finish(struct sender *s, CURL *easy, CURLcode result);

int sender_in_flight(const struct sender *s);

int64_t clock_wall_us(void);
int64_t clock_mono_us(void);

#endif
