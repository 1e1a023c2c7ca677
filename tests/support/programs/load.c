/* load.c: steady traffic for the end-to-end tests: one thread, raw sockets, kept and fresh
 * connections mixed. Every request is a line of --out: seq, sent_us, done_us (UTC), status (0 =
 * broken), version, key, request id. The last line of stdout is a summary as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 256
#define ANSWER_MAX  8192
#define TIMEOUT_US  5000000

struct options {
	int port;
	double rate, for_s;
	long requests, keys, first;
	int fresh_percent;
	const char *body, *out, *path;
	char *origins[32]; /* of the bodies, in turn; none = `body` */
	int origin_count;
};

struct conn {
	int fd; /* -1 = unused */
	int busy, fresh;
	long seq;
	int64_t sent_us;
	char key[32];
	char answer[ANSWER_MAX];
	size_t got;
};

struct load {
	struct options o;
	struct conn conns[CONNECTIONS];
	int epoll, busy;
	FILE *out;
	long sent, ok, failed;
	uint32_t *latency_us; /* of all answers */
	size_t answers, room;
	sigset_t calm; /* signals as they were: none blocked */
};

static volatile sig_atomic_t stopping;

static void on_signal(int signo)
{
	(void)signo;
	stopping = 1;
}

static int64_t now_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void header_of(const struct conn *c, const char *name, char *out, size_t size)
{
	const char *at = strcasestr(c->answer, name);
	size_t n;

	snprintf(out, size, "-");
	if (!at)
		return;
	at += strlen(name);
	n = strcspn(at, "\r\n");
	if (n > 0 && n < size)
		snprintf(out, size, "%.*s", (int)n, at);
}

static void note(struct load *l, const struct conn *c, int status)
{
	int64_t done = now_us(CLOCK_REALTIME);
	char version[80], id[80];

	if (status >= 200 && status < 300)
		l->ok++;
	else
		l->failed++;
	if (l->answers == l->room) {
		l->room = l->room ? l->room * 2 : 65536;
		l->latency_us = realloc(l->latency_us, l->room * sizeof *l->latency_us);
		if (!l->latency_us)
			abort();
	}
	l->latency_us[l->answers++] = (uint32_t)(done - c->sent_us);
	if (!l->out)
		return;
	header_of(c, "\r\nx-pithead-version: ", version, sizeof version);
	header_of(c, "\r\nx-request-id: ", id, sizeof id);
	fprintf(l->out, "%ld\t%lld\t%lld\t%d\t%s\t%s\t%s\n", c->seq, (long long)c->sent_us,
		(long long)done, status, version, c->key[0] ? c->key : "-", id);
}

static void hang_up(struct load *l, struct conn *c)
{
	if (c->busy)
		l->busy--;
	close(c->fd);
	*c = (struct conn){.fd = -1};
}

/* Blocking: on loopback a connection is there at once, or refused. */
static int dial(struct load *l, struct conn *c)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->o.port)};
	struct timeval limit = {.tv_sec = 2};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -1;
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(c->fd);
		c->fd = -1;
		return -1;
	}
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev);
	return 0;
}

/* An idle connection, or an unused place for a new one; NULL when all are busy. */
static struct conn *pick(struct load *l, int fresh)
{
	struct conn *empty = NULL;

	for (int i = 0; i < CONNECTIONS; i++) {
		struct conn *c = &l->conns[i];
		if (c->fd >= 0 && !c->busy && !fresh)
			return c;
		if (c->fd < 0 && !empty)
			empty = c;
	}
	return empty;
}

static void ask(struct load *l)
{
	long seq = l->o.first + l->sent++;
	int fresh = (int)(seq % 100) < l->o.fresh_percent, n;
	struct conn lost = {.fd = -1}, *c = pick(l, fresh);
	char key[32] = "", line[64] = "", own[128], text[4096];
	const char *body = l->o.body;
	int64_t sent = now_us(CLOCK_REALTIME);

	if (l->o.keys > 0) {
		snprintf(key, sizeof key, "k%ld", seq % l->o.keys);
		snprintf(line, sizeof line, "X-Key: %s\r\n", key);
	}
	if (l->o.origin_count) {
		snprintf(own, sizeof own, "{\"origin\":\"%s\",\"hour\":17}",
			l->o.origins[seq % l->o.origin_count]);
		body = own;
	}
	if (!c)
		c = &lost;
	memset(c->answer, 0, 1);
	c->seq = seq;
	c->sent_us = sent;
	c->fresh = fresh;
	c->got = 0;
	memcpy(c->key, key, sizeof key);
	if (c == &lost || (c->fd < 0 && dial(l, c) < 0)) {
		note(l, c, 0);
		return;
	}
	n = snprintf(text, sizeof text,
		"POST %s HTTP/1.1\r\nHost: localhost\r\n%s%sContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		l->o.path, line, fresh ? "Connection: close\r\n" : "", strlen(body), body);
	c->busy = 1;
	l->busy++;
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n) {
		note(l, c, 0);
		hang_up(l, c);
	}
}

/* 1 when the answer is whole. */
static int whole(const struct conn *c)
{
	const char *end = strstr(c->answer, "\r\n\r\n");
	const char *length = strcasestr(c->answer, "\r\ncontent-length: ");

	if (!end)
		return 0;
	return !length || c->got >= (size_t)(end + 4 - c->answer) + strtoul(length + 18, NULL, 10);
}

static void receive(struct load *l, struct conn *c)
{
	ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->got += (size_t)n;
		c->answer[c->got] = '\0';
	}
	if (n <= 0 || c->got == ANSWER_MAX - 1) {
		/* An idle connection may be closed by the other side at any time. */
		if (c->busy)
			note(l, c, 0);
		hang_up(l, c);
		return;
	}
	if (!c->busy || !whole(c))
		return;
	note(l, c, (int)strtol(c->answer + 9, NULL, 10));
	if (c->fresh || strcasestr(c->answer, "\r\nconnection: close")) {
		hang_up(l, c);
		return;
	}
	c->busy = 0;
	l->busy--;
}

static void drop_late(struct load *l)
{
	int64_t limit = now_us(CLOCK_REALTIME) - TIMEOUT_US;

	for (int i = 0; i < CONNECTIONS; i++)
		if (l->conns[i].busy && l->conns[i].sent_us < limit) {
			note(l, &l->conns[i], 0);
			hang_up(l, &l->conns[i]);
		}
}

static void wait_answers(struct load *l, int64_t until_us)
{
	struct epoll_event events[64];
	int64_t left = until_us - now_us(CLOCK_MONOTONIC);
	struct timespec t = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
	int n;

	if (left < 0)
		t = (struct timespec){0};
	n = epoll_pwait2(l->epoll, events, 64, &t, &l->calm);
	for (int i = 0; i < n; i++)
		receive(l, events[i].data.ptr);
}

static int over(const struct load *l, int64_t start)
{
	return stopping || (l->o.requests > 0 && l->sent >= l->o.requests) ||
	       (l->o.for_s > 0 && (double)(now_us(CLOCK_MONOTONIC) - start) > l->o.for_s * 1e6);
}

static void run(struct load *l)
{
	int64_t start = now_us(CLOCK_MONOTONIC), end, swept = start;

	while (!over(l, start)) {
		int64_t next = start + (int64_t)((double)l->sent * 1e6 / l->o.rate);
		int64_t now = now_us(CLOCK_MONOTONIC);

		if (now >= next)
			ask(l);
		wait_answers(l, now >= next ? 0 : next);
		if (now - swept > 500000) {
			drop_late(l);
			swept = now;
			if (l->out)
				fflush(l->out);
		}
	}
	for (end = now_us(CLOCK_MONOTONIC) + TIMEOUT_US; l->busy > 0;) {
		if (now_us(CLOCK_MONOTONIC) > end + 1000000)
			break;
		wait_answers(l, now_us(CLOCK_MONOTONIC) + 20000);
		drop_late(l);
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned quantile(const struct load *l, double q)
{
	return l->answers ? l->latency_us[(size_t)((double)(l->answers - 1) * q)] : 0;
}

static void usage(void)
{
	fprintf(stderr, "usage: load --port N [--rate R] [--for S] [--requests N] [--keys N] "
			"[--first N] [--fresh PERCENT] [--body TEXT | --origins A,B,...] "
			"[--path P] [--out FILE]\n");
	exit(2);
}

static void read_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"port", 1, NULL, 'p'}, {"rate", 1, NULL, 'r'},
		{"for", 1, NULL, 's'}, {"requests", 1, NULL, 'n'}, {"keys", 1, NULL, 'k'},
		{"first", 1, NULL, 'i'}, {"fresh", 1, NULL, 'f'}, {"body", 1, NULL, 'b'},
		{"path", 1, NULL, 'u'}, {"origins", 1, NULL, 'g'}, {"out", 1, NULL, 'o'},
		{NULL, 0, NULL, 0}};
	char *word;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'p':
			o->port = atoi(optarg);
			break;
		case 'r':
			o->rate = atof(optarg);
			break;
		case 's':
			o->for_s = atof(optarg);
			break;
		case 'n':
			o->requests = atol(optarg);
			break;
		case 'k':
			o->keys = atol(optarg);
			break;
		case 'i':
			o->first = atol(optarg);
			break;
		case 'f':
			o->fresh_percent = atoi(optarg);
			break;
		case 'b':
			o->body = optarg;
			break;
		case 'g':
			while ((word = strsep(&optarg, ",")) && o->origin_count < 32)
				o->origins[o->origin_count++] = word;
			break;
		case 'u':
			o->path = optarg;
			break;
		case 'o':
			o->out = optarg;
			break;
		default:
			usage();
		}
	if (o->port <= 0 || o->rate <= 0 || optind != argc)
		usage();
}

int main(int argc, char **argv)
{
	static struct load l = {
		.o = {.rate = 100, .path = "/predict", .body = "{\"origin\":\"ORD\",\"hour\":17}"}};
	sigset_t ends;

	read_options(argc, argv, &l.o);
	/* Taken while waiting only: with a time limit set, a connect() that a signal meets fails,
	 * and a request would count as failed that nobody has refused. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, &l.calm);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	for (int i = 0; i < CONNECTIONS; i++)
		l.conns[i].fd = -1;
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l.o.out && !(l.out = fopen(l.o.out, "w"))) {
		perror(l.o.out);
		return 1;
	}
	run(&l);
	if (l.out)
		fclose(l.out);
	qsort(l.latency_us, l.answers, sizeof *l.latency_us, by_size);
	printf("{\"sent\":%ld,\"ok\":%ld,\"failed\":%ld,\"p50_us\":%u,\"p99_us\":%u,"
	       "\"max_us\":%u}\n",
		l.sent, l.ok, l.failed, quantile(&l, 0.5), quantile(&l, 0.99), quantile(&l, 1));
	free(l.latency_us);
	return 0;
}
