/*
 * sender.c: the requests of the replayer to one endpoint: a fixed set of
 * slots, each a curl handle that is used again and again (and so its
 * connection). It never waits: no free slot means the caller's row is late.
 */
#include "sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common.h"

#define TIMEOUT_MS 5000L

struct slot {
	CURL *easy;		    /* owned */
	struct curl_slist *headers; /* owned, of the request under way */
	struct reply reply;
	int busy;
};

struct sender {
	CURLM *multi;
	const char *url;
	sender_on_reply on_reply;
	void *arg;
	struct slot *slots; /* owned */
	int n, busy;
};

static int64_t clock_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

/* Copies a header's value if the line is that header and the value is tame. */
static void take_header(const char *line, size_t len, const char *name, char out[ID_MAX])
{
	size_t skip = strlen(name), n = 0;

	if (len <= skip || strncasecmp(line, name, skip) != 0)
		return;
	while (skip < len && line[skip] == ' ')
		skip++;
	while (skip + n < len && line[skip + n] > ' ' && line[skip + n] < 127)
		n++;
	/* it goes into JSON and into lines of words */
	if (n == 0 || n >= ID_MAX || memchr(line + skip, '"', n) != NULL ||
		memchr(line + skip, '\\', n) != NULL)
		return;
	memcpy(out, line + skip, n);
	out[n] = '\0';
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct reply *r = arg;

	take_header(line, size * n, "X-Pithead-Version:", r->version);
	take_header(line, size * n, "X-Request-ID:", r->id);
	return size * n;
}

static void slot_init(struct slot *slot, const char *url)
{
	CURL *e = curl_easy_init();

	if (e == NULL)
		die("cannot make a curl handle");
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, ""); /* whatever the shell says */
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, &slot->reply);
	slot->easy = e;
}

struct sender *sender_new(
	CURLM *multi, const char *url, int slots, sender_on_reply on_reply, void *arg)
{
	struct sender *s = xcalloc(1, sizeof *s);

	s->multi = multi;
	s->url = url;
	s->on_reply = on_reply;
	s->arg = arg;
	s->n = slots;
	s->slots = xcalloc((size_t)slots, sizeof *s->slots);
	for (int i = 0; i < slots; i++)
		slot_init(&s->slots[i], url);
	return s;
}

void sender_free(struct sender *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < s->n; i++) {
		if (s->slots[i].busy)
			curl_multi_remove_handle(s->multi, s->slots[i].easy);
		curl_easy_cleanup(s->slots[i].easy);
		curl_slist_free_all(s->slots[i].headers);
	}
	free(s->slots);
	free(s);
}

int sender_in_flight(const struct sender *s)
{
	return s->busy;
}

static struct slot *find_free(struct sender *s)
{
	for (int i = 0; i < s->n; i++)
		if (!s->slots[i].busy)
			return &s->slots[i];
	return NULL;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *line)
{
	list = curl_slist_append(list, line);
	if (list == NULL)
		die("out of memory");
	return list;
}

static void set_request(struct slot *slot, const struct row *r)
{
	const struct flight *f = &r->flight;
	char body[160], line[80];

	snprintf(body, sizeof body,
		"{\"hour\":%.4f,\"dow\":%d,"
		"\"distance_mi\":%.0f,\"origin\":\"%s\",\"destination\":\"%s\"}",
		f->hour, f->dow, f->distance_mi, f->origin, f->destination);
	snprintf(line, sizeof line, "X-Flight: %s", slot->reply.key);
	slot->headers = add_header(NULL, line);
	slot->headers = add_header(slot->headers, "Content-Type: application/json");
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
	curl_easy_setopt(slot->easy, CURLOPT_COPYPOSTFIELDS, body);
}

int sender_send(struct sender *s, const struct row *r, size_t number, long lap)
{
	struct slot *slot = find_free(s);
	struct reply *reply;

	if (slot == NULL)
		return 0;
	reply = &slot->reply;
	memset(reply, 0, sizeof *reply);
	strcpy(reply->version, "-");
	strcpy(reply->id, "-");
	snprintf(reply->key, sizeof reply->key, "%zu-%ld", number, lap);
	reply->late = r->late;
	set_request(slot, r);
	reply->sent_us = clock_wall_us();
	if (curl_multi_add_handle(s->multi, slot->easy) != CURLM_OK)
		die("cannot start a request");
	slot->busy = 1;
	s->busy++;
	return 1;
}

int sender_finish(struct sender *s, CURL *easy, CURLcode result)
{
	struct slot *slot = NULL;

	for (int i = 0; i < s->n && slot == NULL; i++)
		if (s->slots[i].easy == easy)
			slot = &s->slots[i];
	if (slot == NULL)
		return 0;
	slot->reply.done_us = clock_wall_us();
	if (result == CURLE_OK)
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &slot->reply.status);
	curl_multi_remove_handle(s->multi, easy);
	curl_slist_free_all(slot->headers);
	slot->headers = NULL;
	slot->busy = 0;
	s->busy--;
	s->on_reply(s->arg, &slot->reply);
	return 1;
}
