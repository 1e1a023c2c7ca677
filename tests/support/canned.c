/* canned.c: see canned.h. */
#include "tests/support/canned.h"

#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/xalloc.h"

struct canned {
	const struct canned_answer *answers;
	const struct canned_match *matches;
	int match_count;
	int count, asked, listener, held;
	pthread_t thread;
	pthread_mutex_t lock;
	sem_t ready;
	char last[16384];
};

/* Reads head and body of one request; its length, 0 when the peer left. */
static size_t take(int fd, char *text, size_t size)
{
	size_t n = 0, want = 0;

	for (;;) {
		const char *end, *length;
		ssize_t got;

		text[n] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		if (end && !want)
			want = (size_t)(end + 4 - text) +
			       (length ? strtoul(length + 16, NULL, 10) : 0);
		if (want && n >= want)
			return n;
		got = read(fd, text + n, size - 1 - n);
		if (got <= 0)
			return 0;
		n += (size_t)got;
	}
}

static void answer(struct canned *c, int fd)
{
	struct canned_answer a;
	char *body, text[sizeof c->last];

	if (!take(fd, text, sizeof text)) {
		close(fd);
		return;
	}
	pthread_mutex_lock(&c->lock);
	str_copy(c->last, sizeof c->last, text);
	a = c->answers[c->asked < c->count ? c->asked : c->count - 1];
	for (int i = 0; i < c->match_count; i++)
		if (strstr(text, c->matches[i].text))
			a = c->matches[i].answer;
	c->asked++;
	body = xstrdup(a.body); /* its owner may have another one soon */
	pthread_mutex_unlock(&c->lock);
	if (a.status == 0) { /* held until the end */
		c->held = fd;
		free(body);
		return;
	}
	dprintf(fd, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", a.status,
		strlen(body), body);
	free(body);
	close(fd);
}

static void *serve(void *arg)
{
	struct canned *c = arg;
	int fd;

	sem_post(&c->ready);
	while ((fd = accept(c->listener, NULL, NULL)) >= 0)
		answer(c, fd);
	return NULL;
}

struct canned *canned_start(const struct canned_answer *answers, int count, int *port)
{
	struct canned *c = xcalloc(1, sizeof *c);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof in;

	c->answers = answers;
	c->count = count;
	c->held = -1;
	c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(c->listener, (struct sockaddr *)&in, sizeof in) == 0);
	must(listen(c->listener, 16) == 0);
	must(getsockname(c->listener, (struct sockaddr *)&in, &n) == 0);
	*port = ntohs(in.sin_port);
	must(pthread_mutex_init(&c->lock, NULL) == 0);
	must(sem_init(&c->ready, 0, 0) == 0);
	must(pthread_create(&c->thread, NULL, serve, c) == 0);
	/* A process forked while the thread begins would keep a lock of the sanitizers' for good.
	 */
	while (sem_wait(&c->ready) < 0)
		;
	return c;
}

void canned_set(struct canned *c, const struct canned_match *matches, int count)
{
	pthread_mutex_lock(&c->lock);
	c->matches = matches;
	c->match_count = count;
	pthread_mutex_unlock(&c->lock);
}

void canned_stop(struct canned *c)
{
	shutdown(c->listener, SHUT_RDWR);
	pthread_join(c->thread, NULL);
	close(c->listener);
	if (c->held >= 0)
		close(c->held);
	pthread_mutex_destroy(&c->lock);
	sem_destroy(&c->ready);
	free(c);
}

int canned_count(struct canned *c)
{
	int n;

	pthread_mutex_lock(&c->lock);
	n = c->asked;
	pthread_mutex_unlock(&c->lock);
	return n;
}

const char *canned_last(struct canned *c)
{
	return c->last;
}
