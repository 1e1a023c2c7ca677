/* replayer.c: recorded requests sent again over libcurl's multi interface, in one thread. The lock
 * guards two bounded queues, jobs in and answers out, and the counts; curl's handles belong to the
 * thread alone. It decides nothing: what is sent where, and what an answer means, is the caller's.
 */
#include "backend/adapters/replayer.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "backend/base/buf.h"
#include "backend/base/xalloc.h"

#define CONNECT_MS 2000L /* with the TLS handshake; a server of ours is there at once or not */
#define REUSE_S	   30L	 /* a connection that was idle for longer is not used again */
#define SERVERS	   4	 /* to so many in turn all connections are kept */
#define SLEEP_MS   1000	 /* the thread is woken before, and by curl's own timers */

/* One request on its way. Its handle is used again for the next one. */
struct flight {
	CURL *easy; /* owned; NULL until it is first used */
	int busy;
	struct curl_slist *headers;    /* owned */
	struct replay_job job;	       /* owns its body */
	struct curl_slist *connect_to; /* owned */
	struct buf body;
	int body_cut;
};

struct replayer {
	CURLM *multi;		/* owned */
	struct flight *flights; /* owned */
	int flight_count, busy; /* the thread's: all of them, and those under way */
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	char *trusted;	      /* owned; PEM; NULL = the machine's authorities */
	int stop;
	struct replay_job *jobs; /* owned, a ring with their bodies */
	int job_size, job_first, job_count;
	struct replay_answer *answers; /* owned, a ring with their bodies */
	int answer_size, answer_first, answer_count;
	struct replay_counts counts; /* `queued` is filled in on request */
};

static void *replay(void *arg);

/* Signals are for the loop's thread; SIGPIPE too, which TLS would raise here. */
static void thread_start(struct replayer *r)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	must(pthread_create(&r->thread, NULL, replay, r) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct replayer *replayer_new(int most_in_flight, int queue_most)
{
	struct replayer *r = xcalloc(1, sizeof *r);

	must(most_in_flight > 0 && queue_most > 0);
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
	r->multi = curl_multi_init();
	must(r->multi != NULL);
	curl_multi_setopt(r->multi, CURLMOPT_MAXCONNECTS, (long)most_in_flight * SERVERS);
	r->flight_count = most_in_flight;
	r->flights = xcalloc((size_t)most_in_flight, sizeof *r->flights);
	r->job_size = queue_most;
	r->jobs = xcalloc((size_t)queue_most, sizeof *r->jobs);
	r->answer_size = queue_most + most_in_flight;
	r->answers = xcalloc((size_t)r->answer_size, sizeof *r->answers);
	must(pthread_mutex_init(&r->lock, NULL) == 0);
	thread_start(r);
	return r;
}

/* The flight is over: its handle and nothing else is kept. */
static void flight_end(struct replayer *r, struct flight *f)
{
	curl_multi_remove_handle(r->multi, f->easy);
	curl_slist_free_all(f->headers);
	f->headers = NULL;
	xfree(f->job.body);
	buf_release(&f->body);
	curl_slist_free_all(f->connect_to);
	f->connect_to = NULL;
	f->body_cut = 0;
	f->busy = 0;
	r->busy--;
}

void replayer_free(struct replayer *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = 1;
	pthread_mutex_unlock(&r->lock);
	curl_multi_wakeup(r->multi);
	pthread_join(r->thread, NULL);
	for (int i = 0; i < r->flight_count; i++) {
		if (r->flights[i].busy)
			flight_end(r, &r->flights[i]);
		curl_easy_cleanup(r->flights[i].easy);
	}
	curl_multi_cleanup(r->multi);
	for (; r->job_count > 0; r->job_count--)
		free(r->jobs[r->job_first++ % r->job_size].body);
	for (; r->answer_count > 0; r->answer_count--)
		free(r->answers[r->answer_first++ % r->answer_size].body);
	pthread_mutex_destroy(&r->lock);
	free(r->flights);
	free(r->trusted);
	free(r->jobs);
	free(r->answers);
	free(r);
	curl_global_cleanup();
}

static int made_of_print(const char *s, int space)
{
	for (; *s; s++)
		if (*s < (space ? 0x20 : 0x21) || *s > 0x7e)
			return 0;
	return 1;
}

static int job_valid(const struct replay_job *job)
{
	return job->address[0] && made_of_print(job->address, 0) && job->path[0] == '/' &&
	       made_of_print(job->path, 0) && made_of_print(job->id, 0) &&
	       made_of_print(job->server_name, 0) && made_of_print(job->method, 0) &&
	       made_of_print(job->content_type, 1) && job->timeout_ms > 0 &&
	       (job->body || job->body_len == 0);
}

static int job_push(struct replayer *r, const struct replay_job *job)
{
	int rc = ERR_CONFLICT;

	pthread_mutex_lock(&r->lock);
	if (r->job_count < r->job_size) {
		r->jobs[(r->job_first + r->job_count++) % r->job_size] = *job;
		rc = 0;
	} else {
		r->counts.dropped++;
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

void replayer_trust(struct replayer *r, const char *pem)
{
	pthread_mutex_lock(&r->lock);
	if (!pem || !r->trusted || strcmp(pem, r->trusted) != 0) {
		free(r->trusted);
		r->trusted = pem ? xstrdup(pem) : NULL;
	}
	pthread_mutex_unlock(&r->lock);
}

int replayer_submit(struct replayer *r, struct replay_job *job)
{
	int rc = job_valid(job) ? job_push(r, job) : ERR_INVALID;

	if (rc == 0)
		curl_multi_wakeup(r->multi);
	else
		free(job->body);
	job->body = NULL;
	return rc;
}

int replayer_take(struct replayer *r, struct replay_answer *out, int most)
{
	int n = 0;

	pthread_mutex_lock(&r->lock);
	while (n < most && r->answer_count > 0) {
		out[n++] = r->answers[r->answer_first];
		r->answer_first = (r->answer_first + 1) % r->answer_size;
		r->answer_count--;
	}
	pthread_mutex_unlock(&r->lock);
	if (n > 0) /* there may have been no room for more */
		curl_multi_wakeup(r->multi);
	return n;
}

struct replay_counts replayer_get_counts(struct replayer *r)
{
	struct replay_counts c;

	pthread_mutex_lock(&r->lock);
	c = r->counts;
	c.queued = r->job_count;
	pthread_mutex_unlock(&r->lock);
	return c;
}

/* What is over the bound is read and thrown away, so that the connection can be used again. */
static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct flight *f = arg;
	size_t n = size * count, room = REPLAY_BODY_MAX - f->body.len;

	f->body_cut |= n > room;
	buf_add(&f->body, data, n < room ? n : room);
	return n;
}

static void header_add(struct flight *f, const char *name, const char *value)
{
	char line[160];

	snprintf(line, sizeof line, "%s: %s", name, value);
	f->headers = curl_slist_append(f->headers, line);
}

static void flight_set_headers(struct flight *f)
{
	header_add(f, "X-Shadow", "1");
	if (f->job.id[0])
		header_add(f, "X-Request-ID", f->job.id);
	if (f->job.host_header[0])
		header_add(f, "Host", f->job.host_header);
	/* Without a value curl leaves the header out that it would make up itself. */
	if (f->job.content_type[0])
		header_add(f, "Content-Type", f->job.content_type);
	else
		f->headers = curl_slist_append(f->headers, "Content-Type:");
	f->headers = curl_slist_append(f->headers, "Expect:");
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
}

/* The path is not made part of the URL: it would be tidied and lose what follows a '#'. */
static void flight_set_target(struct flight *f)
{
	const struct replay_job *job = &f->job;
	char url[320];

	if (strncmp(job->address, "unix@", 5) == 0) {
		curl_easy_setopt(f->easy, CURLOPT_URL, "http://localhost/");
		curl_easy_setopt(f->easy, CURLOPT_UNIX_SOCKET_PATH, job->address + 5);
	} else if (job->tls && job->server_name[0]) {
		/* Asked for by that name, and connected to where the address says. */
		snprintf(url, sizeof url, "https://%s%s/", job->server_name,
			strrchr(job->address, ':'));
		curl_easy_setopt(f->easy, CURLOPT_URL, url);
		snprintf(url, sizeof url, "::%s", job->address);
		f->connect_to = curl_slist_append(NULL, url);
		must(f->connect_to);
		curl_easy_setopt(f->easy, CURLOPT_CONNECT_TO, f->connect_to);
	} else {
		snprintf(url, sizeof url, "%s://%s/", job->tls ? "https" : "http", job->address);
		curl_easy_setopt(f->easy, CURLOPT_URL, url);
	}
	curl_easy_setopt(f->easy, CURLOPT_REQUEST_TARGET, job->path);
}

static void flight_set_body(struct flight *f)
{
	const struct replay_job *job = &f->job;
	const char *method = job->method[0] ? job->method : "POST";

	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(f->easy, CURLOPT_NOBODY, 1L); /* of the answer */
		return;
	}
	if (job->body_len > 0 || strcmp(method, "GET") != 0) {
		curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, job->body ? (char *)job->body : "");
		curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->body_len);
	}
	curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, method);
}

static void flight_set_trust(struct replayer *r, struct flight *f)
{
	curl_easy_setopt(f->easy, CURLOPT_SSL_VERIFYPEER, f->job.verify_none ? 0L : 1L);
	curl_easy_setopt(f->easy, CURLOPT_SSL_VERIFYHOST, f->job.verify_none ? 0L : 2L);
	pthread_mutex_lock(&r->lock);
	if (r->trusted) {
		struct curl_blob pem = {r->trusted, strlen(r->trusted), CURL_BLOB_COPY};

		curl_easy_setopt(f->easy, CURLOPT_CAINFO_BLOB, &pem);
	}
	pthread_mutex_unlock(&r->lock);
}

/* Straight to that server and nowhere else: no proxy, no redirect, no other protocol. */
static void flight_start(struct replayer *r, struct flight *f, const struct replay_job *job)
{
	if (f->easy)
		curl_easy_reset(f->easy);
	else
		f->easy = curl_easy_init();
	must(f->easy != NULL);
	f->job = *job;
	f->busy = 1;
	r->busy++;
	curl_easy_setopt(f->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(f->easy, CURLOPT_QUICK_EXIT, 1L); /* no wait for a name server */
	curl_easy_setopt(f->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(f->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(f->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(f->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(f->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(f->easy, CURLOPT_TIMEOUT_MS, (long)f->job.timeout_ms);
	curl_easy_setopt(f->easy, CURLOPT_MAXAGE_CONN, REUSE_S);
	curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	flight_set_target(f);
	if (f->job.tls)
		flight_set_trust(r, f);
	flight_set_body(f);
	flight_set_headers(f);
	must(curl_multi_add_handle(r->multi, f->easy) == CURLM_OK);
}

/* The oldest job, if there is room to send it and for its answer. 1, or 0. */
static int job_pop(struct replayer *r, struct replay_job *out)
{
	int can;

	pthread_mutex_lock(&r->lock);
	can = !r->stop && r->job_count > 0 && r->busy < r->flight_count &&
	      r->busy + r->answer_count < r->answer_size;
	if (can) {
		*out = r->jobs[r->job_first];
		r->job_first = (r->job_first + 1) % r->job_size;
		r->job_count--;
		r->counts.sent++;
	}
	pthread_mutex_unlock(&r->lock);
	return can;
}

static void jobs_start(struct replayer *r)
{
	struct replay_job job;
	int i = 0;

	while (job_pop(r, &job)) {
		while (r->flights[i].busy)
			i++;
		flight_start(r, &r->flights[i], &job);
	}
}

static double time_ms(CURL *easy, CURLINFO what)
{
	curl_off_t us = 0;

	curl_easy_getinfo(easy, what, &us);
	return (double)us / 1000;
}

static struct replay_answer flight_answer(struct flight *f, CURLcode rc)
{
	struct replay_answer a = {.tag = f->job.tag, .answer_ms = -1};
	long status = 0;

	str_copy(a.id, sizeof a.id, f->job.id);
	a.total_ms = time_ms(f->easy, CURLINFO_TOTAL_TIME_T);
	if (rc == CURLE_OK)
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	a.status = (int)status;
	a.failed = status <= 0 || status >= 500;
	if (status <= 0)
		return a;
	a.answer_ms = time_ms(f->easy, CURLINFO_STARTTRANSFER_TIME_T);
	a.body_cut = f->body_cut;
	a.body_len = f->body.len;
	if (a.body_len > 0)
		a.body = (unsigned char *)buf_detach(&f->body);
	return a;
}

static void answer_push(struct replayer *r, const struct replay_answer *a)
{
	pthread_mutex_lock(&r->lock);
	must(r->answer_count < r->answer_size);
	r->answers[(r->answer_first + r->answer_count++) % r->answer_size] = *a;
	if (a->failed)
		r->counts.failed++;
	else
		r->counts.answered++;
	pthread_mutex_unlock(&r->lock);
}

/* Takes the finished ones off curl; how many. */
static int flights_land(struct replayer *r)
{
	const CURLMsg *m;
	int left, n = 0;

	while ((m = curl_multi_info_read(r->multi, &left)) != NULL) {
		struct replay_answer a;
		struct flight *f = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		a = flight_answer(f, m->data.result);
		flight_end(r, f);
		answer_push(r, &a);
		n++;
	}
	return n;
}

static int is_stopped(struct replayer *r)
{
	int stop;

	pthread_mutex_lock(&r->lock);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return stop;
}

static void *replay(void *arg)
{
	struct replayer *r = arg;

	while (!is_stopped(r)) {
		int running;

		jobs_start(r);
		curl_multi_perform(r->multi, &running);
		/* What landed makes room for the next ones, before there is time to sleep. */
		if (flights_land(r) == 0)
			curl_multi_poll(r->multi, NULL, 0, SLEEP_MS, NULL);
	}
	return NULL;
}
