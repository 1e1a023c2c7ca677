/*
 * outcomes.c: what really became of each flight, told to the engine some time
 * after the answer, as it would be in life. A batch that the engine did not
 * get (down, restarting, overloaded) is kept and tried again; one that it
 * refused is dropped and counted. Nothing here is ever fatal.
 */
#include "outcomes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "sender.h"

#define URL	     "http://localhost/v1/outcomes"
#define BATCH_MAX    500
#define PERIOD_US    1000000
#define TIMEOUT_MS   10000L
#define WAITING_MAX  200000 /* an hour of the default traffic, twice over */
#define OUTCOME_JSON (ID_MAX + 48)

struct outcome {
	int64_t due_us; /* monotonic clock */
	char id[ID_MAX];
	int late;
};

/* A ring in order of due time: the delay is the same for all of them. */
struct outcomes {
	CURLM *multi;
	CURL *easy;		    /* owned */
	struct curl_slist *headers; /* owned */
	struct outcome *ring;	    /* owned; WAITING_MAX places */
	long head, n;
	long batch; /* on their way, from head on; 0: none */
	int64_t next_us;
	int trouble; /* the last post failed: said once */
	struct outcomes_stats stats;
	char reply[200]; /* the start of the engine's answer */
	size_t reply_len;
};

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct outcomes *o = arg;
	size_t room = sizeof o->reply - 1 - o->reply_len;
	size_t take = size * n < room ? size * n : room;

	memcpy(o->reply + o->reply_len, data, take);
	o->reply_len += take;
	o->reply[o->reply_len] = '\0';
	return size * n;
}

struct outcomes *outcomes_new(CURLM *multi, const char *socket_path)
{
	struct outcomes *o = xcalloc(1, sizeof *o);

	o->multi = multi;
	o->ring = xcalloc(WAITING_MAX, sizeof *o->ring);
	o->easy = curl_easy_init();
	o->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (o->easy == NULL || o->headers == NULL)
		die("cannot make a curl handle");
	/* a batch is over curl's limit for sending without asking first */
	o->headers = curl_slist_append(o->headers, "Expect:");
	curl_easy_setopt(o->easy, CURLOPT_URL, URL);
	curl_easy_setopt(o->easy, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	curl_easy_setopt(o->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(o->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(o->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(o->easy, CURLOPT_HTTPHEADER, o->headers);
	curl_easy_setopt(o->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(o->easy, CURLOPT_WRITEDATA, o);
	return o;
}

void outcomes_free(struct outcomes *o)
{
	if (o == NULL)
		return;
	if (o->batch > 0)
		curl_multi_remove_handle(o->multi, o->easy);
	curl_easy_cleanup(o->easy);
	curl_slist_free_all(o->headers);
	free(o->ring);
	free(o);
}

static struct outcome *at(const struct outcomes *o, long i)
{
	return &o->ring[(o->head + i) % WAITING_MAX];
}

void outcomes_add(struct outcomes *o, const char *id, int late, int64_t due_us)
{
	struct outcome *x;

	/* the newest is lost, as the oldest may be on its way just now */
	if (o->n == WAITING_MAX) {
		o->stats.dropped++;
		return;
	}
	x = at(o, o->n++);
	snprintf(x->id, sizeof x->id, "%s", id);
	x->late = late;
	x->due_us = due_us;
}

static void post(struct outcomes *o, long n)
{
	size_t size = (size_t)n * OUTCOME_JSON + 64, len;
	char *body = xcalloc(size, 1);

	len = (size_t)snprintf(body, size, "{\"outcomes\":[");
	for (long i = 0; i < n; i++)
		len += (size_t)snprintf(body + len, size - len,
			"%s{\"id\":\"%s\",\"name\":\"late\",\"value\":%d}", i ? "," : "",
			at(o, i)->id, at(o, i)->late);
	snprintf(body + len, size - len, "]}");
	curl_easy_setopt(o->easy, CURLOPT_COPYPOSTFIELDS, body);
	free(body);
	o->reply_len = 0;
	o->reply[0] = '\0';
	if (curl_multi_add_handle(o->multi, o->easy) != CURLM_OK)
		die("cannot start a post of outcomes");
	o->batch = n;
}

void outcomes_tick(struct outcomes *o, int64_t now_us)
{
	long n = 0;

	if (o->batch > 0 || now_us < o->next_us)
		return;
	while (n < o->n && n < BATCH_MAX && at(o, n)->due_us <= now_us)
		n++;
	if (n == 0)
		return;
	o->next_us = now_us + PERIOD_US;
	post(o, n);
}

static void take_out(struct outcomes *o, long n)
{
	o->head = (o->head + n) % WAITING_MAX;
	o->n -= n;
}

static void say_trouble(struct outcomes *o, const char *what)
{
	if (!o->trouble)
		fprintf(stderr, "replay: outcomes: %s\n", what);
	o->trouble = 1;
}

int outcomes_finish(struct outcomes *o, CURL *easy, CURLcode result)
{
	char what[300];
	long status = 0;

	if (easy != o->easy)
		return 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(o->multi, easy);
	if (result != CURLE_OK) {
		o->stats.errors++;
		say_trouble(o, curl_easy_strerror(result));
	} else if (status >= 200 && status < 300) {
		take_out(o, o->batch);
		o->stats.posted += o->batch;
		if (o->trouble)
			fprintf(stderr, "replay: outcomes: taken again\n");
		o->trouble = 0;
	} else {
		snprintf(what, sizeof what, "the engine answered %ld: %s", status, o->reply);
		say_trouble(o, what);
		if (status >= 400 && status < 500 && status != 408 && status != 429) {
			take_out(o, o->batch);
			o->stats.refused += o->batch;
		} else
			o->stats.errors++;
	}
	o->batch = 0;
	return 1;
}

long outcomes_waiting(const struct outcomes *o)
{
	return o->n;
}

struct outcomes_stats outcomes_stats(const struct outcomes *o)
{
	return o->stats;
}
