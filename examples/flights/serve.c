/*
 * serve.c: serves one version over HTTP on a unix socket: GET /healthz and
 * POST /predict. A thread per connection, so that an answer that is slow on
 * purpose delays only itself. Which version it is, and how it misbehaves, is
 * read from the bundle (bundle.c); this program is the same in all of them.
 */
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "bundle.h"
#include "common.h"
#include "request.h"

#define USAGE		"serve --model FILE --socket PATH"
#define BODY_MAX	65536
#define CONNECTIONS_MAX 512u
#define STACK_SIZE	((size_t)256 * 1024)
#define DRAIN_MS	10000 /* how long SIGTERM waits for answers */
#define DRAIN_STEP_MS	5
#define QUIET_MS	100 /* a request may be sent, yet not read by us */

struct server {
	struct bundle bundle;
	atomic_int in_flight;
	atomic_bool draining;
};

/* One request, from its headers until its answer is sent. */
struct exchange {
	char *body; /* owned */
	size_t len;
	int too_large;
};

struct answer {
	unsigned status;
	char json[256];
};

static void sleep_ms(unsigned ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		continue;
}

/* The sentences are ours and hold nothing that JSON would want escaped. */
static void answer_error(struct answer *a, unsigned status, const char *sentence)
{
	a->status = status;
	snprintf(a->json, sizeof a->json, "{\"error\":\"%s\"}", sentence);
}

static void answer_predict(const struct bundle *b, struct MHD_Connection *c,
	const struct exchange *x, struct answer *a)
{
	const char *key = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-Flight");
	struct flight f;
	char why[160];

	if (x->too_large) {
		answer_error(a, 413, "the body is over 64 KiB");
		return;
	}
	if (!request_parse(x->body, x->len, &f, why, sizeof why)) {
		answer_error(a, 400, why);
		return;
	}
	if (key != NULL ? bundle_is_slow(b, key, strlen(key)) : bundle_is_slow(b, x->body, x->len))
		sleep_ms(b->slow_ms);
	if (strcmp(b->fail_origin, f.origin) == 0) {
		answer_error(a, 500, "the model failed on this origin");
		return;
	}
	a->status = 200;
	snprintf(a->json, sizeof a->json, "{\"probability\":%.4f,\"version\":\"%s\"}",
		bundle_predict(b, &f), b->version);
}

static void route(const struct bundle *b, struct MHD_Connection *c, const char *url,
	const char *method, const struct exchange *x, struct answer *a)
{
	int health = strcmp(url, "/healthz") == 0;
	int predict = strcmp(url, "/predict") == 0;

	if (health && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)) {
		a->status = 200;
		snprintf(a->json, sizeof a->json, "{\"status\":\"ok\"}");
	} else if (predict && strcmp(method, "POST") == 0)
		answer_predict(b, c, x, a);
	else if (health)
		answer_error(a, 405, "/healthz takes GET");
	else if (predict)
		answer_error(a, 405, "/predict takes POST");
	else
		answer_error(a, 404, "there are only /healthz and /predict");
}

static enum MHD_Result send_answer(
	const struct server *s, struct MHD_Connection *c, const struct answer *a)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		strlen(a->json), (void *)a->json, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result sent;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", "application/json");
	if (atomic_load(&s->draining))
		MHD_add_response_header(r, "Connection", "close");
	sent = MHD_queue_response(c, a->status, r);
	MHD_destroy_response(r);
	return sent;
}

static void take_body(struct exchange *x, const char *data, size_t len)
{
	/* the rest is still read, so that the client hears why */
	if (x->too_large || x->len + len > BODY_MAX) {
		x->too_large = 1;
		return;
	}
	x->body = xrealloc(x->body, x->len + len, 1);
	memcpy(x->body + x->len, data, len);
	x->len += len;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *len, void **state)
{
	struct server *s = cls;
	struct answer a;

	(void)version;
	if (*state == NULL) {
		*state = xcalloc(1, sizeof(struct exchange));
		atomic_fetch_add(&s->in_flight, 1);
		return MHD_YES;
	}
	if (*len > 0) {
		take_body(*state, data, *len);
		*len = 0;
		return MHD_YES;
	}
	route(&s->bundle, c, url, method, *state, &a);
	return send_answer(s, c, &a);
}

static void on_completed(
	void *cls, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
	struct server *s = cls;
	struct exchange *x = *state;

	(void)c;
	(void)code;
	if (x == NULL) /* so malformed that on_request never saw it */
		return;
	free(x->body);
	free(x);
	*state = NULL;
	atomic_fetch_sub(&s->in_flight, 1);
}

/* Takes away a socket that nobody listens on; anything else is left alone. */
static void remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;

	if (lstat(addr->sun_path, &st) != 0)
		return;
	if (!S_ISSOCK(st.st_mode))
		die("%s is in the way and is not a socket", addr->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0)
		die("another server listens on %s", addr->sun_path);
	if (fd >= 0)
		close(fd);
	if (unlink(addr->sun_path) != 0 && errno != ENOENT)
		die("cannot remove the old %s: %s", addr->sun_path, strerror(errno));
}

static int listen_on(const char *path, struct stat *id)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof addr.sun_path)
		die("the path of the socket is over %zu bytes: %s", sizeof addr.sun_path - 1, path);
	strcpy(addr.sun_path, path);
	remove_stale(&addr);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 ||
		listen(fd, SOMAXCONN) != 0 || lstat(path, id) != 0)
		die("cannot listen on %s: %s", path, strerror(errno));
	return fd;
}

/* Only our own socket: a successor may have put its own there by now. */
static void unlink_ours(const char *path, const struct stat *id)
{
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_ino == id->st_ino && st.st_dev == id->st_dev)
		unlink(path);
}

static struct MHD_Daemon *start(struct server *s, int fd)
{
	struct MHD_Daemon *d =
		MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
					 MHD_USE_POLL | MHD_USE_ITC,
			0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
			MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_CONNECTION_LIMIT,
			CONNECTIONS_MAX, MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE, MHD_OPTION_END);

	if (d == NULL)
		die("cannot start the HTTP server: %s", strerror(errno));
	return d;
}

/* Accepts no more, lets what is under way be answered, and stops. */
static void drain(struct server *s, struct MHD_Daemon *d)
{
	int fd, quiet = 0;

	atomic_store(&s->draining, true);
	fd = MHD_quiesce_daemon(d);
	if (fd >= 0)
		close(fd);
	for (int ms = 0; quiet < QUIET_MS && ms < DRAIN_MS; ms += DRAIN_STEP_MS) {
		sleep_ms(DRAIN_STEP_MS);
		quiet = atomic_load(&s->in_flight) > 0 ? 0 : quiet + DRAIN_STEP_MS;
	}
	MHD_stop_daemon(d);
}

static void parse_options(int argc, char **argv, const char **model, const char **path)
{
	static const struct option longs[] = {
		{.name = "model", .has_arg = 1, .val = 'm'},
		{.name = "socket", .has_arg = 1, .val = 's'},
		{.name = NULL},
	};
	int c;

	*model = *path = NULL;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'm')
			*model = optarg;
		else if (c == 's')
			*path = optarg;
		else
			die_usage("usage: " USAGE);
	}
	if (*model == NULL || *path == NULL || optind != argc)
		die_usage("usage: " USAGE);
}

int main(int argc, char **argv)
{
	static struct server s;
	struct MHD_Daemon *d;
	const char *model, *path;
	struct stat id;
	sigset_t stop;
	int sig;

	parse_options(argc, argv, &model, &path);
	signal(SIGPIPE, SIG_IGN);
	/* before any thread exists, so that only sigwait below gets them */
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	bundle_load(&s.bundle, model);
	d = start(&s, listen_on(path, &id));
	printf("%s listens on %s\n", s.bundle.version, path);
	fflush(stdout);
	sigwait(&stop, &sig);
	drain(&s, d);
	unlink_ours(path, &id);
	bundle_release(&s.bundle);
	return 0;
}
