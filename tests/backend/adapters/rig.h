/* rig.h: a real gateway in a temporary folder with two servers behind endpoint t/one, for the
 * tests of the HAProxy gateway. Included by those tests only. */
#ifndef PITHEAD_TESTS_ADAPTERS_RIG_H
#define PITHEAD_TESTS_ADAPTERS_RIG_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/adapters/gateway.h"
#include "backend/adapters/process.h"
#include "backend/base/xalloc.h"
#include "tests/support/httpd.h"

#define RIG_EP "t/one"

struct rig {
	char folder[64], gw[80], log_path[80];
	struct settings settings;
	struct clock clock;
	struct gateway *g;
	struct httpd *servers[2];
	struct gateway_slot slots[3], slots2[3];
	struct gateway_endpoint eps[2];
	struct gateway_route routes[2];
	int log_fd;
};

/* A port nobody listens on now, below the range from which the system takes those of outgoing
 * connections; each program begins at a place of its own, so that two at once do not meet. */
static inline int rig_free_port(void)
{
	static int next;

	if (!next)
		next = 20000 + (int)getpid() % 1200 * 10;
	for (int i = 0; i < 1000; i++) {
		struct sockaddr_in a = {
			.sin_family = AF_INET, .sin_port = htons((uint16_t)(next + i))};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		rc = bind(fd, (struct sockaddr *)&a, sizeof a);
		close(fd);
		if (rc < 0)
			continue;
		next += i + 1;
		return next - 1;
	}
	return 0;
}

static inline void rig_log_open(struct rig *r)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(r->log_path, sizeof r->log_path, "%s/log.sock", r->folder);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", r->log_path);
	r->log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bind(r->log_fd, (struct sockaddr *)&a, sizeof a);
	struct timeval limit = {3, 0};
	setsockopt(r->log_fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static inline void rig_endpoint(struct rig *r, int i, const char *id, struct gateway_slot *slots)
{
	struct gateway_endpoint *ep = &r->eps[i];

	*ep = (struct gateway_endpoint){
		.port = rig_free_port(), .timeout_ms = 2000, .slots = slots, .slot_count = 3};
	str_copy(ep->id, sizeof ep->id, id);
	str_copy(ep->environment, sizeof ep->environment, "test");
	str_copy(ep->host, sizeof ep->host, "127.0.0.1");
	str_copy(ep->health, sizeof ep->health, "/healthz");
	ep->key = (struct gateway_source){.kind = 1, .name = "X-Key", .else_random = 1};
	ep->segment = (struct gateway_source){.kind = 2, .name = "origin"};
	for (int s = 0; s < 2; s++) {
		slots[s].server_count = 1;
		snprintf(slots[s].version, sizeof slots[s].version, "v%d", s + 1);
		snprintf(slots[s].servers[0].name, 48, "r%d", s + 1);
		snprintf(slots[s].servers[0].address, 160, "unix@%s/s%d.sock", r->folder, s + 1);
	}
	r->routes[i] = (struct gateway_route){
		.stable_slot = 0, .candidate_slot = 1, .gate = 1, .rollout = 41};
	str_copy(r->routes[i].stable_version, 64, "v1");
	str_copy(r->routes[i].candidate_version, 64, "v2");
}

static inline struct gateway *rig_gateway(struct rig *r)
{
	return gateway_new(r->gw, r->log_path, NULL, &r->settings, &r->clock);
}

/* Fills r; the gateway is not started. */
static inline void rig_open(struct rig *r)
{
	char path[96];

	memset(r, 0, sizeof *r);
	str_copy(r->folder, sizeof r->folder, "/tmp/pithead-gw-XXXXXX");
	if (!mkdtemp(r->folder))
		abort();
	snprintf(r->gw, sizeof r->gw, "%s/gw", r->folder);
	settings_init(&r->settings);
	r->clock = clock_system();
	rig_log_open(r);
	for (int s = 0; s < 2; s++) {
		snprintf(path, sizeof path, "%s/s%d.sock", r->folder, s + 1);
		r->servers[s] = httpd_start(path, s ? "two" : "one");
	}
	rig_endpoint(r, 0, RIG_EP, r->slots);
	rig_endpoint(r, 1, "t/other", r->slots2);
	r->g = rig_gateway(r);
}

static inline void rig_close(struct rig *r)
{
	char command[128];

	gateway_stop(r->g, NULL);
	gateway_free(r->g);
	for (int s = 0; s < 2; s++)
		if (r->servers[s])
			httpd_stop(r->servers[s]);
	close(r->log_fd);
	snprintf(command, sizeof command, "rm -rf %s", r->folder);
	if (system(command) != 0)
		fprintf(stderr, "left behind: %s\n", r->folder);
}

/* Sets share and a lease that lasts. */
static inline int rig_share(struct rig *r, int share_bp, struct err *e)
{
	r->routes[0].share_bp = share_bp;
	int rc = gateway_set_route(r->g, RIG_EP, &r->routes[0], e);
	return rc < 0 ? rc
		      : gateway_set_lease(r->g, RIG_EP, clock_wall_us(&r->clock) + 60000000, e);
}

/* Which server answered: 1 or 2, else the negative status. */
static inline int rig_ask(
	int fd, const char *headers, const char *body, size_t n, struct http_reply *out)
{
	char head[1024];

	snprintf(head, sizeof head,
		"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s", n, headers);
	if (http_ask(fd, head, body, n, out) < 0)
		return 0;
	if (out->status != 200)
		return -out->status;
	return strstr(out->body, "\"two\"") ? 2 : 1;
}

#endif
