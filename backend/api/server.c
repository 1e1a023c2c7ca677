/* server.c: libmicrohttpd on a unix socket, driven by the engine's loop. The only file that knows
 * the HTTP library: it turns connections into struct request and sends their replies. */
#include "backend/api/server.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/api/auth.h"
#include "backend/api/members.h"
#include "backend/api/metrics.h"
#include "backend/api/notes.h"
#include "backend/api/request.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"
#include "backend/wire/paths.h"

#define CONNECTIONS  512u
#define PER_PERSON   160 /* so that nobody can take all connections from the others */
#define IDLE_S	     60u
#define DRAIN_MOST   (8 << 20) /* of a refused body that is read so that the answer arrives */
#define REQUEST_LINE 65536u

struct api {
	struct MHD_Daemon *daemon;
	int fd; /* the library's epoll descriptor */
	char path[108];
	dev_t device; /* of our socket file, so that api_close never removes another's */
	ino_t inode;
	struct api_state state;
	struct peer *peers; /* all connections */
	int woken;	    /* waiting requests must be asked */
	int kick;	    /* connections were resumed: the library needs further runs */
	int closing;	    /* nobody may wait any more */
	struct waiting *waiting;
};

/* One connection: who is there, asked once. */
struct peer {
	struct caller caller;
	int known; /* 0: the kernel did not say; nothing is served */
	struct peer *next, *prev;
};

/* A request whose connection is suspended. */
struct waiting {
	struct request *request;
	struct MHD_Connection *connection;
	struct waiting *next;
};

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
	struct api *a = cls;

	(void)c;
	return request_new(&a->state, "", uri);
}

static void peer_refuse_crowd(struct api *a, struct peer *peer, int fd)
{
	int count = 0;

	for (const struct peer *p = a->peers; p; p = p->next)
		count += p->caller.uid == peer->caller.uid;
	if (count <= PER_PERSON || auth_is_owner(&peer->caller))
		return;
	log_warn("crowd", "%s has more than %d connections; a new one is closed", peer->caller.user,
		PER_PERSON);
	peer->known = 0;
	shutdown(fd, SHUT_RDWR);
}

static void on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct api *a = cls;
	struct peer *p = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

		p = *socket_context = xcalloc(1, sizeof *p);
		p->next = a->peers;
		if (p->next)
			p->next->prev = p;
		a->peers = p;
		p->known = info && auth_read_peer(info->connect_fd, &p->caller, NULL) == 0;
		if (info)
			peer_refuse_crowd(a, p, info->connect_fd);
	} else if (p) {
		if (p->prev)
			p->prev->next = p->next;
		else
			a->peers = p->next;
		if (p->next)
			p->next->prev = p->prev;
		free(p);
		*socket_context = NULL;
	}
}

static void on_completed(
	void *cls, struct MHD_Connection *c, void **con, enum MHD_RequestTerminationCode code)
{
	struct request *rq = *con;

	(void)cls;
	(void)c;
	(void)code;
	if (!rq)
		return;
	request_free(rq);
	*con = NULL;
}

static void take_header(struct MHD_Connection *c, const char *name, char *out, size_t size)
{
	const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);

	/* One that does not fit must fail its check, and not pass as another value. */
	if (value && !str_copy(out, size, value))
		str_copy(out, size, "\x01");
}

static int is_request_id(const char *id)
{
	return *id && strlen(id) <= 64 &&
	       id[strspn(
		       id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] ==
		       '\0';
}

static void take_head(struct request *rq, struct MHD_Connection *c, const char *method)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const char *id = MHD_lookup_connection_value(c, MHD_HEADER_KIND, HEADER_REQUEST_ID);
	const struct peer *peer = info ? info->socket_context : NULL;

	str_copy(rq->method, sizeof rq->method, method);
	if (peer && peer->known) {
		rq->peer = peer->caller;
		members_check(rq->api->members, &rq->peer, clock_mono_us(&rq->world->clock),
			strcmp(method, MHD_HTTP_METHOD_GET) != 0 && !auth_is_owner(&rq->peer));
	}
	if (id && is_request_id(id))
		str_copy(rq->id, sizeof rq->id, id);
	take_header(c, HEADER_REVISION, rq->if_match, sizeof rq->if_match);
	take_header(c, HEADER_IDEMPOTENCY, rq->idempotency, sizeof rq->idempotency);
	take_header(c, HEADER_VIA, rq->via, sizeof rq->via);
	take_header(c, HEADER_ROLE, rq->as, sizeof rq->as);
	take_header(c, HEADER_API, rq->api_version, sizeof rq->api_version);
}

static enum MHD_Result send_reply(struct request *rq, struct MHD_Connection *c)
{
	struct MHD_Response *r;
	enum MHD_Result sent;

	if (rq->reply.fd >= 0) {
		r = MHD_create_response_from_fd((size_t)rq->reply.fd_size, rq->reply.fd);
		rq->reply.fd = -1; /* the response closes it */
	} else {
		size_t n = rq->reply.body.len;

		r = MHD_create_response_from_buffer(
			n, buf_detach(&rq->reply.body), MHD_RESPMEM_MUST_FREE);
	}
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, rq->reply.type);
	MHD_add_response_header(r, HEADER_REQUEST_ID, rq->id);
	MHD_add_response_header(r, HEADER_API, version_api());
	if (rq->reply.status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, rq->reply.allow);
	sent = MHD_queue_response(c, (unsigned)rq->reply.status, r);
	MHD_destroy_response(r);
	return sent;
}

static enum MHD_Result suspend(struct api *a, struct request *rq, struct MHD_Connection *c)
{
	struct waiting *w = xcalloc(1, sizeof *w);

	*w = (struct waiting){rq, c, a->waiting};
	a->waiting = w;
	MHD_suspend_connection(c);
	return MHD_YES;
}

/* Called with the head, with each piece of the body, at its end, and again after a wait. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **con)
{
	struct api *a = cls;
	struct request *rq = *con;

	(void)url;
	(void)version;
	if (!rq->method[0]) {
		take_head(rq, c, method);
		request_begin(rq);
		return MHD_YES;
	}
	if (*size) {
		request_add_body(rq, data, *size);
		*size = 0;
		/* So much more than allowed is no mistake: the connection is closed. */
		if (rq->upload_bytes > request_body_limit(rq) + DRAIN_MOST)
			return MHD_NO;
		return MHD_YES;
	}
	if (!rq->done && !rq->poll)
		request_finish(rq);
	if (!rq->done && a->closing) {
		rq->deadline_us = 0;
		request_poll(rq, clock_mono_us(&a->state.world->clock));
	}
	if (a->state.changed) {
		a->state.changed = 0;
		a->woken = 1;
	}
	return rq->done ? send_reply(rq, c) : suspend(a, rq, c);
}

/* Asks everybody who waits; those who have an answer go on. */
static void ask_waiting(struct api *a)
{
	int64_t now = clock_mono_us(&a->state.world->clock);
	int woken = a->woken;

	a->woken = 0;
	for (struct waiting **at = &a->waiting; *at;) {
		struct waiting *w = *at;

		if (woken || now >= w->request->deadline_us)
			request_poll(w->request, now);
		if (!w->request->done) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		MHD_resume_connection(w->connection);
		a->kick = 1;
		free(w);
	}
}

static void on_log(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *cls, const char *fmt, va_list ap)
{
	char text[300];

	(void)cls;
	vsnprintf(text, sizeof text, fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_info("http", "%s", text);
}

/* A listening socket at a temporary name beside path, renamed to it. -1 with *e. */
static int listen_at(struct api *a, const char *path, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int fd;

	if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s.%ld", path,
		    (long)getpid()) >= sizeof address.sun_path) {
		err_set(e, ERR_INVALID, "the socket's path is too long for the system: %s", path);
		err_hint(e, "choose a shorter PITHEAD_HOME (at most 90 characters)");
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
		listen(fd, 511) != 0 || chmod(address.sun_path, 0666) != 0 ||
		stat(address.sun_path, &st) != 0 || rename(address.sun_path, path) != 0) {
		err_set(e, ERR_FAILED, "cannot listen at %s: %s", path, strerror(errno));
		unlink(address.sun_path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	str_copy(a->path, sizeof a->path, path);
	a->device = st.st_dev;
	a->inode = st.st_ino;
	return fd;
}

/* The socket that we were handed, if it is the one that clients find at path; else -1. */
static int listen_on(struct api *a, const char *path, int handed)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = sizeof address, n = sizeof(int);
	struct stat st;
	int listens = 0;

	if (handed < 0)
		return -1;
	/* Bound under the name of the process that made it, and renamed. */
	if (getsockopt(handed, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) != 0 || !listens ||
		getsockname(handed, (struct sockaddr *)&address, &size) != 0 ||
		strncmp(address.sun_path, path, strlen(path)) != 0 || stat(path, &st) != 0) {
		close(handed);
		return -1;
	}
	fcntl(handed, F_SETFD, FD_CLOEXEC);
	str_copy(a->path, sizeof a->path, path);
	a->device = st.st_dev;
	a->inode = st.st_ino;
	return handed;
}

static int make_upload_folder(const struct world *w, struct err *e)
{
	static const char *const parts[] = {"run", "run/upload"};
	char path[300];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", w->home, parts[i]);
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return err_set(e, ERR_FAILED, "cannot make %s: %s", path, strerror(errno));
	}
	return 0;
}

static void api_release(struct api *a)
{
	notes_free(a->state.notes);
	metrics_free(a->state.metrics);
	members_free(a->state.members);
	free(a);
}

struct api *api_open(struct world *w, const char *socket_path, int handed, struct err *e)
{
	struct api *a = xcalloc(1, sizeof *a);
	const union MHD_DaemonInfo *info;
	int fd;

	a->state.world = w;
	a->state.notes = notes_new(w);
	a->state.metrics = metrics_new();
	a->state.members = members_new(NULL);
	fd = listen_on(a, socket_path, handed);
	if (fd < 0)
		fd = make_upload_folder(w, e) == 0 ? listen_at(a, socket_path, e) : -1;
	if (fd < 0) {
		api_release(a);
		return NULL;
	}
	a->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, a, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, a,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, a, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, a, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)REQUEST_LINE, MHD_OPTION_END);
	info = a->daemon ? MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		err_set(e, ERR_FAILED, "the HTTP server does not start at %s", socket_path);
		close(fd);
		unlink(socket_path);
		api_release(a);
		return NULL;
	}
	a->fd = info->epoll_fd;
	return a;
}

int api_fd(const struct api *a)
{
	return a ? a->fd : -1;
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

int api_timeout_ms(const struct api *a)
{
	int64_t now = clock_mono_us(&a->state.world->clock);
	MHD_UNSIGNED_LONG_LONG library;
	int ms = notes_timeout_ms(a->state.notes);

	if (a->woken || a->kick)
		return 0;
	if (MHD_get_timeout(a->daemon, &library) == MHD_YES)
		ms = sooner(ms, library > 60000 ? 60000 : (int)library);
	for (const struct waiting *w = a->waiting; w; w = w->next) {
		int64_t left = (w->request->deadline_us - now) / 1000 + 1;

		ms = sooner(ms, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
	}
	return ms;
}

void api_run(struct api *a)
{
	MHD_run(a->daemon);
	ask_waiting(a);
	while (a->kick) {
		a->kick = 0;
		/* Required: the first run puts resumed connections back, the second serves them. */
		MHD_run(a->daemon);
		MHD_run(a->daemon);
		ask_waiting(a);
	}
	notes_run(a->state.notes);
}

void api_wake(struct api *a)
{
	if (a)
		a->woken = 1;
}

void api_on_record(void *arg, const struct record *r)
{
	struct api *a = arg;

	metrics_on_record(a->state.metrics, r);
}

static void answer_all(struct api *a)
{
	a->closing = 1;
	for (struct waiting *w = a->waiting; w; w = w->next)
		w->request->deadline_us = 0;
	api_run(a);
	must(!a->waiting);
}

int api_hand_over(struct api *a)
{
	int fd;

	answer_all(a);
	fd = MHD_quiesce_daemon(a->daemon);
	MHD_stop_daemon(a->daemon);
	api_release(a);
	return fd;
}

void api_close(struct api *a)
{
	struct stat st;

	if (!a)
		return;
	answer_all(a);
	MHD_stop_daemon(a->daemon);
	if (stat(a->path, &st) == 0 && st.st_dev == a->device && st.st_ino == a->inode)
		unlink(a->path);
	api_release(a);
}
