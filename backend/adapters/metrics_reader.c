/* metrics_reader.c: see metrics_reader.h. The lock guards the state and, while nobody asks, the
 * question and its answer; while the thread is asking they are the thread's alone. */
#include "backend/adapters/metrics_reader.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <string.h>

#include "backend/base/xalloc.h"

enum reading { IDLE, ASKED, ANSWERED };

struct metrics_reader {
	struct prometheus_source source; /* its texts are owned */
	char *queries[METRICS_QUERIES];	 /* owned */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	atomic_int stop;
	enum reading state;
	struct metrics_answer answer;
};

static void ask(struct metrics_reader *r)
{
	struct metrics_answer *a = &r->answer;

	a->error = (struct err){0};
	(void)prometheus_query_all(&r->source, (const char *const *)r->queries, METRICS_QUERIES,
		a->from_ms, a->to_ms, a->step_ms, a->sets, &a->error);
}

static void *run(void *arg)
{
	struct metrics_reader *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->stop)) {
		if (r->state != ASKED) {
			pthread_cond_wait(&r->woken, &r->lock);
			continue;
		}
		pthread_mutex_unlock(&r->lock);
		ask(r);
		pthread_mutex_lock(&r->lock);
		r->state = ANSWERED;
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

struct metrics_reader *metrics_reader_new(
	const struct prometheus_source *source, const char *const queries[METRICS_QUERIES])
{
	struct metrics_reader *r = xcalloc(1, sizeof *r);
	sigset_t all, old;

	r->source = (struct prometheus_source){.url = xstrdup(source->url),
		.bearer_file = xstrdup(source->bearer_file),
		.basic_file = xstrdup(source->basic_file),
		.ca_file = xstrdup(source->ca_file),
		.timeout_ms = source->timeout_ms,
		.stop = &r->stop};
	for (int i = 0; i < METRICS_QUERIES; i++)
		r->queries[i] = xstrdup(queries[i]);
	must(pthread_mutex_init(&r->lock, NULL) == 0);
	must(pthread_cond_init(&r->woken, NULL) == 0);
	/* Signals are for the loop's thread; SIGPIPE too, which TLS would raise here. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	must(pthread_create(&r->thread, NULL, run, r) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

static void sets_release(struct metrics_answer *a)
{
	for (int i = 0; i < METRICS_QUERIES; i++)
		series_set_release(&a->sets[i]);
}

void metrics_reader_free(struct metrics_reader *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stop, 1);
	pthread_cond_signal(&r->woken);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	sets_release(&r->answer);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->woken);
	for (int i = 0; i < METRICS_QUERIES; i++)
		free(r->queries[i]);
	free((char *)(uintptr_t)r->source.url);
	free((char *)(uintptr_t)r->source.bearer_file);
	free((char *)(uintptr_t)r->source.basic_file);
	free((char *)(uintptr_t)r->source.ca_file);
	free(r);
}

int metrics_reader_ask(struct metrics_reader *r, int64_t from_ms, int64_t to_ms, int64_t step_ms)
{
	int taken;

	pthread_mutex_lock(&r->lock);
	taken = r->state == IDLE;
	if (taken) {
		r->answer = (struct metrics_answer){
			.from_ms = from_ms, .to_ms = to_ms, .step_ms = step_ms};
		r->state = ASKED;
		pthread_cond_signal(&r->woken);
	}
	pthread_mutex_unlock(&r->lock);
	return taken;
}

int metrics_reader_take(struct metrics_reader *r, struct metrics_answer *out)
{
	int there;

	pthread_mutex_lock(&r->lock);
	there = r->state == ANSWERED;
	if (there) {
		*out = r->answer;
		memset(r->answer.sets, 0, sizeof r->answer.sets);
		r->state = IDLE;
	}
	pthread_mutex_unlock(&r->lock);
	return there;
}
