/* names.c: see names.h. */
#include "backend/adapters/names.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"

#define MOST 256 /* names at a time; the one that was asked for longest ago leaves */
#define FORGET_US                                                                                  \
	(INT64_C(60) * 1000000) /* a name that nobody asks for is not looked up any more */
#define ANSWERS	  16
#define FAILED_MS 2000 /* a name without an address is looked up again as soon as this */

struct entry {
	char host[NAMES_HOST];	     /* "" = free */
	char address[NAMES_ADDRESS]; /* "" = none known */
	char why[NAMES_WHY];
	int64_t looked_us, asked_us; /* monotonic; looked 0 = not yet */
};

/* Shared by the owner and the thread; the last of them frees it. */
struct names {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a name was asked for, one was looked up, or the end */
	struct entry entries[MOST];
	const int64_t *every_ms; /* borrowed; read by the owner's calls only */
	int64_t period_us;
	struct clock clock;
	names_lookup lookup;
	void *arg;
	int owners, stop;
};

static int lookup_by_machine(
	void *arg, const char *host, char (*list)[NAMES_ADDRESS], int most, char *why, size_t size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	int n = 0, rc = getaddrinfo(host, NULL, &hints, &found);

	(void)arg;
	if (rc != 0) {
		str_copy(why, size, gai_strerror(rc));
		return -1;
	}
	for (const struct addrinfo *a = found; a && n < most; a = a->ai_next)
		if (getnameinfo(a->ai_addr, a->ai_addrlen, list[n], NAMES_ADDRESS, NULL, 0,
			    NI_NUMERICHOST) == 0 &&
			!strchr(list[n], '%')) /* of one interface only: the gateway takes none */
			n++;
	freeaddrinfo(found);
	if (n == 0)
		str_copy(why, size, "it has no address");
	return n ? n : -1;
}

static void release(struct names *n)
{
	int left;

	pthread_mutex_lock(&n->lock);
	left = --n->owners;
	pthread_mutex_unlock(&n->lock);
	if (left)
		return;
	pthread_cond_destroy(&n->changed);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static int64_t due_us(const struct names *n, const struct entry *e)
{
	int64_t wait = n->period_us;

	if (!e->host[0])
		return INT64_MAX;
	if (!e->looked_us)
		return 0;
	if (e->asked_us + FORGET_US < e->looked_us)
		return INT64_MAX;
	if (!e->address[0] && wait > FAILED_MS * 1000)
		wait = FAILED_MS * 1000;
	return e->looked_us + wait;
}

/* What a lookup found, if the name is still wanted. The lock is held. */
static void take(
	struct names *n, const char *host, char (*list)[NAMES_ADDRESS], int count, const char *why)
{
	for (int i = 0; i < MOST; i++) {
		struct entry *e = &n->entries[i];
		int kept = 0;

		if (strcmp(e->host, host) != 0)
			continue;
		for (int k = 0; k < count; k++)
			kept |= strcmp(list[k], e->address) == 0;
		if (count > 0 && !kept)
			str_copy(e->address, sizeof e->address, list[0]);
		str_copy(e->why, sizeof e->why, count > 0 ? "" : why);
		e->looked_us = clock_mono_us(&n->clock);
	}
	pthread_cond_broadcast(&n->changed);
}

static void until(int64_t us, const struct clock *clock, struct timespec *out)
{
	int64_t left = us - clock_mono_us(clock);

	clock_gettime(CLOCK_MONOTONIC, out);
	left = left < 0 ? 0 : left > FORGET_US ? FORGET_US : left;
	out->tv_sec += left / 1000000;
	out->tv_nsec += left % 1000000 * 1000;
	if (out->tv_nsec >= 1000000000) {
		out->tv_nsec -= 1000000000;
		out->tv_sec++;
	}
}

/* The name that is due next, or NULL and when one will be. The lock is held. */
static const struct entry *next_due(const struct names *n, int64_t *when)
{
	const struct entry *first = NULL;

	*when = INT64_MAX;
	for (int i = 0; i < MOST; i++) {
		int64_t due = due_us(n, &n->entries[i]);

		if (due >= *when)
			continue;
		*when = due;
		first = &n->entries[i];
	}
	return *when <= clock_mono_us(&n->clock) ? first : NULL;
}

static void *run(void *arg)
{
	struct names *n = arg;
	char list[ANSWERS][NAMES_ADDRESS], host[sizeof n->entries[0].host], why[NAMES_WHY] = "";
	struct timespec at;
	int64_t when;
	int count;

	pthread_mutex_lock(&n->lock);
	while (!n->stop) {
		const struct entry *e = next_due(n, &when);

		if (!e) {
			until(when, &n->clock, &at);
			pthread_cond_timedwait(&n->changed, &n->lock, &at);
			continue;
		}
		str_copy(host, sizeof host, e->host);
		pthread_mutex_unlock(&n->lock);
		count = n->lookup(n->arg, host, list, ANSWERS, why, sizeof why);
		pthread_mutex_lock(&n->lock);
		take(n, host, list, count, why);
	}
	pthread_mutex_unlock(&n->lock);
	release(n);
	return NULL;
}

struct names *names_new(const int64_t *every_ms, names_lookup lookup, void *arg)
{
	struct names *n = xcalloc(1, sizeof *n);
	pthread_condattr_t by_mono;
	sigset_t all, old;
	pthread_t thread;

	n->every_ms = every_ms;
	n->period_us = *every_ms * 1000;
	n->lookup = lookup ? lookup : lookup_by_machine;
	n->arg = arg;
	n->clock = clock_system();
	n->owners = 2;
	pthread_mutex_init(&n->lock, NULL);
	pthread_condattr_init(&by_mono);
	pthread_condattr_setclock(&by_mono, CLOCK_MONOTONIC);
	pthread_cond_init(&n->changed, &by_mono);
	pthread_condattr_destroy(&by_mono);
	sigfillset(&all); /* signals are for the loop's thread */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	must(pthread_create(&thread, NULL, run, n) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_detach(thread);
	return n;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->stop = 1;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
	release(n);
}

/* The entry of host, made where there is none. The lock is held. */
static struct entry *entry_of(struct names *n, const char *host)
{
	struct entry *oldest = &n->entries[0];

	for (int i = 0; i < MOST; i++) {
		struct entry *e = &n->entries[i];

		if (strcmp(e->host, host) == 0)
			return e;
		if (!e->host[0] || (oldest->host[0] && e->asked_us < oldest->asked_us))
			oldest = e;
	}
	*oldest = (struct entry){.looked_us = 0};
	str_copy(oldest->host, sizeof oldest->host, host);
	return oldest;
}

int names_find(struct names *n, const char *host, int wait_ms, char out[NAMES_ADDRESS], char *why,
	size_t size)
{
	struct timespec at;
	struct entry *e;
	int rc;

	pthread_mutex_lock(&n->lock);
	until(clock_mono_us(&n->clock) + wait_ms * INT64_C(1000), &n->clock, &at);
	n->period_us = *n->every_ms * 1000;
	e = entry_of(n, host);
	e->asked_us = clock_mono_us(&n->clock);
	if (!e->looked_us)
		pthread_cond_broadcast(&n->changed);
	while (!e->looked_us && wait_ms > 0)
		if (pthread_cond_timedwait(&n->changed, &n->lock, &at) == ETIMEDOUT)
			break;
	rc = e->address[0] ? 1 : e->looked_us ? -1 : 0;
	str_copy(out, NAMES_ADDRESS, e->address);
	str_copy(why, size, rc == 0 ? "its name is being looked up" : e->why);
	pthread_mutex_unlock(&n->lock);
	return rc;
}
