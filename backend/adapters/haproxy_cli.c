/* haproxy_cli.c: one exchange with HAProxy's admin socket: lines out, as many answers back, each
 * ended by the prompt "\n> ". Trusts nothing that it reads: limits of time and size, and any
 * surplus breaks the connection, so that answers can never be paired with the wrong question. */
#include "backend/adapters/haproxy_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/adapters/process.h"
#include "backend/base/xalloc.h"

#define ANSWER_MAX (8u << 20) /* bytes of one exchange */

struct haproxy_cli {
	int fd; /* owned */
	int broken;
	struct buf in;
};

int haproxy_cli_broken(const struct haproxy_cli *c)
{
	return c->broken;
}

void haproxy_cli_close(struct haproxy_cli *c)
{
	if (!c)
		return;
	close(c->fd);
	buf_release(&c->in);
	free(c);
}

/* By way of /proc/self/fd, as a socket's address holds 107 bytes only. */
static int connect_in(const char *folder, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = -1;

	if (dir >= 0 && fd >= 0) {
		snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%.60s", dir, name);
		rc = connect(fd, (struct sockaddr *)&a, sizeof a);
	}
	int saved = errno;
	if (dir >= 0)
		close(dir);
	if (rc < 0 && fd >= 0)
		close(fd);
	errno = saved;
	return rc < 0 ? -1 : fd;
}

struct haproxy_cli *haproxy_cli_open(const char *folder, const char *name, struct err *e)
{
	int fd = connect_in(folder, name);

	if (fd < 0) {
		err_set(e, ERR_UNREACHABLE, "the gateway's admin socket %s/%s does not answer: %s",
			folder, name, strerror(errno));
		return NULL;
	}
	return haproxy_cli_take(fd, e);
}

struct haproxy_cli *haproxy_cli_take(int fd, struct err *e)
{
	struct haproxy_cli *c = xcalloc(1, sizeof *c);
	struct buf out = {0};

	c->fd = fd;
	if (haproxy_cli_ask(c, "prompt\n", 1, &out, e) < 0) {
		haproxy_cli_close(c);
		c = NULL;
	}
	buf_release(&out);
	return c;
}

static int send_all(struct haproxy_cli *c, const char *text, size_t n, int64_t end_ms)
{
	while (n > 0) {
		ssize_t done = send(c->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done > 0) {
			text += done;
			n -= (size_t)done;
			continue;
		}
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno != EAGAIN)
			return ERR_UNREACHABLE;
		struct pollfd p = {c->fd, POLLOUT, 0};
		int64_t left = end_ms - process_now_ms();
		if (left <= 0)
			return ERR_TIMEOUT;
		poll(&p, 1, (int)left);
	}
	return 0;
}

/* Reads what is there, waiting at most until end_ms. */
static int receive(struct haproxy_cli *c, int64_t end_ms)
{
	char text[16384];
	struct pollfd p = {c->fd, POLLIN, 0};
	int64_t left = end_ms - process_now_ms();
	ssize_t n;

	if (left <= 0)
		return ERR_TIMEOUT;
	if (poll(&p, 1, (int)left) <= 0)
		return 0;
	n = recv(c->fd, text, sizeof text, MSG_DONTWAIT);
	if (n == 0)
		return ERR_UNREACHABLE;
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : ERR_UNREACHABLE;
	if (c->in.len + (size_t)n > ANSWER_MAX || memchr(text, '\0', (size_t)n))
		return ERR_GATEWAY;
	buf_add(&c->in, text, (size_t)n);
	return 0;
}

/* Moves whole answers from in to out; how many. */
static int take_answers(struct haproxy_cli *c, int most, struct buf *out)
{
	size_t at = 0;
	int n = 0;
	char *end;

	/* An answer of nothing is the prompt alone: "\n> ". */
	while (n < most && c->in.len > at && (end = strstr(c->in.data + at, "\n> ")) != NULL) {
		buf_add(out, c->in.data + at, (size_t)(end - c->in.data) - at);
		buf_addc(out, '\0');
		at = (size_t)(end - c->in.data) + 3;
		n++;
	}
	buf_consume(&c->in, at);
	return n;
}

static int fail(struct haproxy_cli *c, int code, struct err *e)
{
	c->broken = 1;
	if (code == ERR_TIMEOUT)
		return err_set(e, code, "the gateway did not answer within %d ms", HAPROXY_CLI_MS);
	if (code == ERR_UNREACHABLE)
		return err_set(e, code, "the gateway closed its admin connection");
	return err_set(e, ERR_GATEWAY,
		"the gateway's admin socket answered with something that "
		"is not an answer: is it HAProxy?");
}

int haproxy_cli_ask(
	struct haproxy_cli *c, const char *commands, int count, struct buf *out, struct err *e)
{
	int64_t end = process_now_ms() + HAPROXY_CLI_MS;
	int got = 0, rc;

	if (c->broken)
		return err_set(e, ERR_UNREACHABLE, "the gateway's admin connection is broken");
	rc = send_all(c, commands, strlen(commands), end);
	while (rc == 0 && got < count) {
		got += take_answers(c, count - got, out);
		if (got < count)
			rc = receive(c, end);
	}
	if (rc == 0 && c->in.len > 0)
		rc = ERR_GATEWAY;
	return rc < 0 ? fail(c, rc, e) : 0;
}

const char *haproxy_cli_next(const struct buf *out, const char *before)
{
	const char *next = before ? before + strlen(before) + 1 : out->data;

	if (!out->data || next >= out->data + out->len)
		return NULL;
	return next;
}
