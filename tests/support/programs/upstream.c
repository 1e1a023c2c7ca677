/* upstream.c: the smallest server of a model, for the end-to-end tests: answers JSON with a name,
 * always with the same status, or with it only where a request names an origin. Serves TCP ports
 * (`upstream 9001=v1 9002=bad=500 9003=worse=500@ORD 9004=far=200%0.9`), or as a replica
 * in a sandbox a unix socket (`upstream --socket PATH --name-file FILE`). One thread. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 65536

struct listener {
	int is_listener; /* first member of both kinds, as epoll gives back either */
	int fd, status;
	char name[64];
	char origin[64]; /* `"origin":"ORD"`: whose requests get the status; "" = all */
	char score[16];	 /* of its answers; "none": they hold none; "stream": in chunks, unread */
};

struct conn {
	int is_listener;
	int fd;
	const struct listener *from;
	size_t got;
	char in[REQUEST_MAX];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int epoll, int fd, void *who)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = who};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

static struct listener *listener_new(int epoll, int fd, const char *name, int status)
{
	struct listener *l = calloc(1, sizeof *l);

	if (!l || listen(fd, 512) < 0)
		die("listen");
	l->is_listener = 1;
	l->fd = fd;
	l->status = status;
	snprintf(l->name, sizeof l->name, "%s", name);
	watch(epoll, fd, l);
	return l;
}

/* PORT=NAME[=STATUS[@ORIGIN][%SCORE]] */
static void listen_tcp(int epoll, char *word)
{
	char *name = strchr(word, '='), *status = name ? strchr(name + 1, '=') : NULL;
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	char *origin = strchr(word, '@'), *score = strchr(word, '%');
	struct listener *l;

	if (!name) {
		fprintf(stderr, "usage: upstream PORT=NAME[=STATUS[@ORIGIN]]... | --socket PATH "
				"--name-file FILE\n");
		exit(2);
	}
	if (status)
		*status++ = '\0';
	*name++ = '\0';
	a.sin_port = htons((uint16_t)atoi(word));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0)
		die(word);
	if (score)
		*score++ = '\0';
	l = listener_new(epoll, fd, name, status ? atoi(status) : 200);
	if (score)
		snprintf(l->score, sizeof l->score, "%s", score);
	if (origin)
		snprintf(l->origin, sizeof l->origin, "\"origin\":\"%s\"", origin + 1);
}

static void listen_unix(int epoll, const char *path, const char *name_file)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[64] = "", *end;
	FILE *f = fopen(name_file, "r");

	if (!f || !fgets(name, sizeof name, f))
		die(name_file);
	fclose(f);
	end = strchr(name, '\n');
	if (end)
		*end = '\0';
	if (strlen(path) >= sizeof a.sun_path)
		die(path);
	memcpy(a.sun_path, path, strlen(path));
	unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0)
		die(path);
	listener_new(epoll, fd, name, 200);
}

static void take(int epoll, const struct listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;
	struct conn *c;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c = calloc(1, sizeof *c);
	if (!c)
		die("calloc");
	c->fd = fd;
	c->from = l;
	watch(epoll, fd, c);
}

/* Length of the first whole request in c->in; 0 = not there yet. A chunked one is taken to end
 * with what was received: it is the only one on its connection at the time. */
static size_t request_length(const struct conn *c)
{
	const char *end = strstr(c->in, "\r\n\r\n"), *length;
	size_t head;

	if (!end)
		return 0;
	head = (size_t)(end + 4 - c->in);
	if (strcasestr(c->in, "\r\ntransfer-encoding: chunked"))
		return strstr(end + 2, "\r\n0\r\n\r\n") ? c->got : 0;
	length = strcasestr(c->in, "\r\ncontent-length: ");
	if (length && length < end)
		head += strtoul(length + 18, NULL, 10);
	return c->got >= head ? head : 0;
}

static void answer(const struct conn *c)
{
	int well = strncmp(c->in, "GET /healthz", 12) == 0 || !strstr(c->in, c->from->origin);
	int status = well ? 200 : c->from->status;
	char body[200], text[512];
	const char *score = c->from->score[0] ? c->from->score : "0.25";
	int n = strcmp(score, "none") == 0
			? snprintf(body, sizeof body, "{\"version\":\"%s\"}\n", c->from->name)
			: snprintf(body, sizeof body, "{\"version\":\"%s\",\"probability\":%s}\n",
				  c->from->name, score);

	if (strcmp(score, "stream") == 0 && !well) {
		n = snprintf(text, sizeof text,
			"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n"
			"Transfer-Encoding: chunked\r\n\r\n"
			"15\r\n{\"probability\":0.25}\n\r\n0\r\n\r\n",
			status);
		if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
			shutdown(c->fd, SHUT_RDWR);
		return;
	}
	n = snprintf(text, sizeof text,
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		status, status == 200 ? "OK" : "Bad", n, body);
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		shutdown(c->fd, SHUT_RDWR);
}

static void serve(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->got, REQUEST_MAX - 1 - c->got, MSG_DONTWAIT);
	size_t length;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(c->fd);
		free(c);
		return;
	}
	c->got += (size_t)n;
	c->in[c->got] = '\0';
	while ((length = request_length(c)) > 0) {
		answer(c);
		c->got -= length;
		memmove(c->in, c->in + length, c->got + 1);
	}
}

int main(int argc, char **argv)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];

	signal(SIGPIPE, SIG_IGN);
	if (argc == 5 && strcmp(argv[1], "--socket") == 0)
		listen_unix(epoll, argv[2], argv[4]);
	else
		for (int i = 1; i < argc; i++)
			listen_tcp(epoll, argv[i]);
	for (;;) {
		int n = epoll_wait(epoll, events, 64, -1);
		for (int i = 0; i < n; i++)
			if (((struct listener *)events[i].data.ptr)->is_listener)
				take(epoll, events[i].data.ptr);
			else
				serve(events[i].data.ptr);
	}
}
