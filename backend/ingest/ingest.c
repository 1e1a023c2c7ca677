/* ingest.c: the receiver of the prediction log. Its thread only moves datagrams from the socket
 * into the ring; the engine's loop waits on ingest_fd and calls ingest_drain, where each datagram
 * is parsed once and handed to the subscribers. It keeps nothing and decides nothing. */
#include "backend/ingest/ingest.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/xalloc.h"
#include "backend/ingest/ingest_priv.h"

#define BATCH	    32
#define SUBSCRIBERS 16
#define WAKE_US	    1000
#define ARENA_LEAST ((size_t)1 << 20)
#define ARENA_MOST  ((size_t)32 << 20)
#define ARENA_EACH  2048 /* bytes of arena for each record of the ring, on average */

struct subscriber {
	ingest_on_record fn;
	void *arg;
};

struct ingest {
	int fd, wake_fd;
	struct stat file; /* the socket's, to remove only our own at the end */
	char *path;	  /* owned */
	pthread_t thread;
	struct ring *ring;	      /* owned */
	struct gaps *gaps;	      /* owned */
	struct ingest_endpoint *list; /* owned */
	int list_count;
	struct subscriber subscribers[SUBSCRIBERS];
	int subscriber_count;
	int64_t opened_ticks; /* of the machine, to know which gateways are younger */
	struct clock clock;
	int64_t parsed, bad; /* the loop's */
	const char *now;     /* the datagram that is being handed on, now_len bytes; NULL = none */
	size_t now_len;
	char *room; /* owned: INGEST_DATAGRAM bytes for its bodies; NULL until they are asked for */
	struct record_bodies bodies;
	int bodies_known; /* bodies are those of the datagram `now` */
	_Atomic int64_t received, ring_full;
	/* 1: the loop has seen an empty ring and must be woken for the next record. */
	atomic_int asleep;
	atomic_int stop;
};

struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	char text[BATCH][INGEST_DATAGRAM];
};

/* The receiver's memory of when it last woke the loop. */
struct pace {
	int64_t woken_us; /* monotonic */
	int pending;	  /* records wait, and the loop sleeps */
};

static void wake(struct ingest *in)
{
	const uint64_t one = 1;

	if (write(in->wake_fd, &one, sizeof one) != (ssize_t)sizeof one)
		must(errno == EAGAIN); /* full means that it is readable, which is all we want */
}

/* Wakes the loop if it sleeps, at most once in WAKE_US, however many records come. */
static void wake_or_wait(struct ingest *in, struct pace *p)
{
	int64_t now_us = clock_mono_us(&in->clock);

	p->pending = 0;
	if (!atomic_load(&in->asleep))
		return;
	if (now_us - p->woken_us < WAKE_US) {
		p->pending = 1;
	} else if (atomic_exchange(&in->asleep, 0)) {
		p->woken_us = now_us;
		wake(in);
	}
}

static void batch_push(struct ingest *in, struct batch *b, int n)
{
	int64_t full = 0;

	for (int i = 0; i < n; i++)
		full += !ring_push(in->ring, b->text[i], b->messages[i].msg_len);
	atomic_fetch_add_explicit(&in->ring_full, full, memory_order_relaxed);
	atomic_fetch_add_explicit(&in->received, n, memory_order_relaxed);
}

/* The next datagrams, without a limit of time unless the loop is still to be woken. */
static int batch_receive(struct ingest *in, struct batch *b, const struct pace *p)
{
	struct pollfd wait = {in->fd, POLLIN, 0};
	const struct timespec pause = {0, WAKE_US * 1000};

	if (p->pending && ppoll(&wait, 1, &pause, NULL) == 0)
		return 0;
	return recvmmsg(in->fd, b->messages, BATCH, MSG_WAITFORONE, NULL);
}

/* What a sender may have under way is small (some 200 kB), so the receiver must run at once on a
 * busy machine. It only copies; where the machine refuses, losses are likelier and still counted.
 */
static void hurry(void)
{
	const struct sched_param least = {.sched_priority = sched_get_priority_min(SCHED_RR)};

	pthread_setschedparam(pthread_self(), SCHED_RR | SCHED_RESET_ON_FORK, &least);
}

static void *receive(void *arg)
{
	struct ingest *in = arg;
	struct batch *b = xcalloc(1, sizeof *b);
	struct pace pace = {0, 0};

	for (int i = 0; i < BATCH; i++) {
		b->parts[i] = (struct iovec){b->text[i], sizeof b->text[i]};
		b->messages[i].msg_hdr.msg_iov = &b->parts[i];
		b->messages[i].msg_hdr.msg_iovlen = 1;
	}
	hurry();
	while (!atomic_load(&in->stop)) {
		int n = batch_receive(in, b, &pace);
		if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
			break;
		if (n > 0 && !atomic_load(&in->stop))
			batch_push(in, b, n);
		wake_or_wait(in, &pace);
	}
	free(b);
	return NULL;
}

static int64_t machine_ticks(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * sysconf(_SC_CLK_TCK) + ts.tv_nsec / (1000000000 / sysconf(_SC_CLK_TCK));
}

/* Field 22 of /proc/PID/stat is the start in ticks since boot; a process that is gone or cannot be
 * read is taken for an old one, so that nothing is called lost that may have come before us. */
static int process_is_fresh(void *arg, int64_t pid)
{
	const struct ingest *in = arg;
	char path[64], text[1024], *p;
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name before it may hold anything */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p && strtoll(p + 1, NULL, 10) >= in->opened_ticks;
}

/* Signals are for the loop's thread. */
static int thread_start(struct ingest *in, struct err *e)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&in->thread, NULL, receive, in);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		return err_set(e, ERR_FAILED, "cannot start the log's receiver: %s", strerror(rc));
	return 0;
}

static void ingest_free(struct ingest *in)
{
	if (in->fd >= 0)
		close(in->fd);
	if (in->wake_fd >= 0)
		close(in->wake_fd);
	ring_free(in->ring);
	gaps_free(in->gaps);
	free(in->list);
	free(in->room);
	free(in->path);
	free(in);
}

static void path_remove(const struct ingest *in)
{
	struct stat now;

	if (stat(in->path, &now) == 0 && now.st_ino == in->file.st_ino &&
		now.st_dev == in->file.st_dev)
		unlink(in->path);
}

struct ingest *ingest_open(const char *path, int64_t ring_records, struct err *e)
{
	struct ingest *in = xcalloc(1, sizeof *in);
	size_t bytes = ring_records > 0 ? (size_t)ring_records * ARENA_EACH : 0;
	int queue;

	if (bytes < ARENA_LEAST)
		bytes = ARENA_LEAST;
	in->clock = clock_system();
	in->path = xstrdup(path);
	in->opened_ticks = machine_ticks();
	in->ring = ring_new(
		bytes < ARENA_MOST ? bytes : ARENA_MOST, ring_records > 0 ? ring_records : 1);
	in->gaps = gaps_new(process_is_fresh, in);
	atomic_init(&in->asleep, 1);
	in->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	in->fd = ingest_socket_open(path, &queue, e);
	if (in->fd < 0) {
		ingest_free(in);
		return NULL;
	}
	if (in->wake_fd < 0 || stat(path, &in->file) != 0) {
		err_set(e, ERR_FAILED, "cannot watch the log socket %s: %s", path, strerror(errno));
		goto fail;
	}
	if (thread_start(in, e) == 0)
		return in;
fail:
	path_remove(in);
	ingest_free(in);
	return NULL;
}

void ingest_close(struct ingest *in)
{
	if (!in)
		return;
	atomic_store(&in->stop, 1);
	shutdown(in->fd, SHUT_RD); /* ends the wait in recvmmsg */
	pthread_join(in->thread, NULL);
	path_remove(in);
	ingest_free(in);
}

void ingest_subscribe(struct ingest *in, ingest_on_record fn, void *arg)
{
	must(in->subscriber_count < SUBSCRIBERS);
	in->subscribers[in->subscriber_count++] = (struct subscriber){fn, arg};
}

void ingest_set_endpoints(struct ingest *in, const struct ingest_endpoint *list, int count)
{
	must(count >= 0);
	free(in->list);
	in->list = xcalloc((size_t)count + 1, sizeof *list);
	if (count)
		memcpy(in->list, list, (size_t)count * sizeof *list);
	in->list_count = count;
}

const struct record_bodies *ingest_bodies(struct ingest *in)
{
	if (!in->now)
		return NULL;
	if (!in->room)
		in->room = xcalloc(1, INGEST_DATAGRAM);
	if (!in->bodies_known)
		record_bodies_parse(in->now, in->now_len, in->room, &in->bodies);
	in->bodies_known = 1;
	return &in->bodies;
}

int ingest_fd(const struct ingest *in)
{
	return in->wake_fd;
}

static void hand_on(struct ingest *in, const char *text, size_t n, int64_t now_us)
{
	struct record r;
	int64_t pid, seq;
	int rc = record_parse(text, n, in->list, in->list_count, &r, &pid, &seq);

	/* A line that was cut still tells its number, and so is not called lost as well. */
	if (pid >= 0 && seq >= 0 && r.endpoint[0])
		gaps_add(in->gaps, pid, r.endpoint, seq, now_us);
	if (rc != 0) {
		in->bad++;
		return;
	}
	if (!r.routed_us)
		r.routed_us = clock_wall_us(&in->clock);
	in->parsed++;
	in->now = text;
	in->now_len = n;
	in->bodies_known = 0;
	for (int i = 0; i < in->subscriber_count; i++)
		in->subscribers[i].fn(in->subscribers[i].arg, &r);
	in->now = NULL;
}

/* Nothing waits: the descriptor goes quiet until the receiver is told that we sleep and writes
 * again. A record that slipped in between is seen by the second look. */
static void go_to_sleep(struct ingest *in)
{
	uint64_t count;
	int64_t dropped;
	size_t n;

	if (read(in->wake_fd, &count, sizeof count) < 0)
		must(errno == EAGAIN);
	atomic_store(&in->asleep, 1);
	if (ring_peek(in->ring, &n, &dropped) && atomic_exchange(&in->asleep, 0))
		wake(in);
}

int ingest_drain(struct ingest *in, int most)
{
	int64_t now_us = clock_mono_us(&in->clock), dropped;
	const char *text;
	size_t n;
	int count = 0;

	while (count < most && (text = ring_peek(in->ring, &n, &dropped)) != NULL) {
		gaps_excuse(in->gaps, dropped);
		hand_on(in, text, n, now_us);
		ring_pop(in->ring);
		count++;
	}
	if (count < most)
		go_to_sleep(in);
	return count;
}

struct ingest_counts ingest_get_counts(const struct ingest *in)
{
	return (struct ingest_counts){
		.received = atomic_load_explicit(&in->received, memory_order_relaxed),
		.parsed = in->parsed,
		.bad = in->bad,
		.ring_full = atomic_load_explicit(&in->ring_full, memory_order_relaxed),
		.lost = gaps_lost(in->gaps, clock_mono_us(&in->clock)),
	};
}
