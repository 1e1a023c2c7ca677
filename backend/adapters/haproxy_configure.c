/* haproxy_configure.c: makes HAProxy's files be what the engine wants, and the process follow
 * them: notices a hand-edited file, finds taken ports before HAProxy trips over them, validates,
 * starts or reloads, and carries leases and overrides over to the new worker. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/adapters/gateway_haproxy_priv.h"
#include "backend/adapters/process.h"
#include "backend/base/digest.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define SUM_FILE     HAPROXY_CFG ".sum" /* SHA-256 of what we wrote; two lines during a change */
#define NEW_FILE     HAPROXY_CFG ".new"
#define FILE_MOST    (64u << 20)
#define NAME_WAIT_MS 200 /* for a name that was not looked up before */

static int write_file(
	const struct haproxy_gateway *h, const char *name, const struct buf *text, struct err *e)
{
	char *path = xasprintf("%s/%s", h->folder, name);
	int rc = file_write_atomic(path, buf_text(text), text->len, 0600);

	if (rc < 0)
		rc = err_set(e, errno == ENOSPC ? ERR_DISK_FULL : ERR_FAILED, "cannot write %s: %s",
			path, strerror(errno));
	free(path);
	return rc;
}

static int read_file(const struct haproxy_gateway *h, const char *name, struct buf *out)
{
	char *path = xasprintf("%s/%s", h->folder, name);
	int rc = buf_read_file(out, path, FILE_MOST);

	free(path);
	return rc;
}

/* 1 when the file is as we wrote it, 0 when there is none, ERR_CONFLICT when somebody edited it. */
static int check_edited(const struct haproxy_gateway *h, const struct buf *cfg, struct err *e)
{
	struct buf sums = {0};
	char hex[DIGEST_HEX];
	int rc = 1;

	if (cfg->len == 0)
		return 0;
	digest_hex(cfg->data, cfg->len, hex);
	if (read_file(h, SUM_FILE, &sums) < 0 || !strstr(buf_text(&sums), hex)) {
		rc = err_set(e, ERR_CONFLICT, "%s/%s was changed by somebody other than the engine",
			h->folder, HAPROXY_CFG);
		err_hint(e, "put what you need of it into pithead.yaml, then remove the file: the "
			    "engine writes its own again");
	}
	buf_release(&sums);
	return rc;
}

static int write_sums(
	const struct haproxy_gateway *h, const struct buf *a, const struct buf *b, struct err *e)
{
	struct buf text = {0};
	char hex[DIGEST_HEX];
	int rc;

	digest_hex(buf_text(a), a->len, hex);
	buf_addf(&text, "%s\n", hex);
	if (b && b->len) {
		digest_hex(b->data, b->len, hex);
		buf_addf(&text, "%s\n", hex);
	}
	rc = write_file(h, SUM_FILE, &text, e);
	buf_release(&text);
	return rc;
}

static int port_taken(const struct gateway_endpoint *ep)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *a = NULL;
	char port[16];
	int one = 1, taken = 0, fd;

	snprintf(port, sizeof port, "%d", ep->port);
	if (getaddrinfo(strcmp(ep->host, "*") ? ep->host : NULL, port, &hints, &a) != 0)
		return 0; /* HAProxy says it better */
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		taken = bind(fd, a->ai_addr, a->ai_addrlen) < 0 && errno == EADDRINUSE;
		/* With SO_REUSEADDR the clash may only show when listening. */
		taken = taken || (listen(fd, 1) < 0 && errno == EADDRINUSE);
		close(fd);
	}
	freeaddrinfo(a);
	return taken;
}

/* HAProxy would pause the old worker's listeners while it waits for a taken port: so we look
 * first. Addresses that the running configuration holds already are its own. */
static int check_ports(
	const struct gateway_endpoint *eps, int count, const char *running, struct err *e)
{
	char bind_line[128], who[160];

	for (int i = 0; i < count; i++) {
		snprintf(bind_line, sizeof bind_line, "\tbind %s%s:%d\n",
			strchr(eps[i].host, ':') ? "ipv6@" : "", eps[i].host, eps[i].port);
		if ((running && strstr(running, bind_line)) || !port_taken(&eps[i]))
			continue;
		if (process_of_port(eps[i].port, who, sizeof who) < 0)
			str_copy(who, sizeof who, "another program");
		err_set(e, ERR_CONFLICT, "%s cannot listen on %s:%d: %s uses it", eps[i].id,
			eps[i].host, eps[i].port, who);
		err_field(e, "listen");
		return err_hint(e, "stop that program or choose another `listen`");
	}
	return 0;
}

/* Map files hold the safe state: stable serves, nothing reaches a candidate. */
static int write_maps(struct haproxy_gateway *h, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count, struct err *e)
{
	struct buf route = {0}, lease = {0}, none = {0};
	char row[HAPROXY_ROW_SIZE];
	int rc = 0;

	for (int i = 0; i < count && rc == 0; i++) {
		struct gateway_route r = routes[i];
		r.gate = 0;
		rc = haproxy_route_format(eps[i].id, &r, row, e);
		buf_addf(&route, "%s %s\n", eps[i].id, row);
		buf_addf(&lease, "%s 0\n", eps[i].id);
	}
	if (rc == 0)
		rc = write_file(h, HAPROXY_ROUTES, &route, e);
	if (rc == 0)
		rc = write_file(h, HAPROXY_LEASES, &lease, e);
	if (rc == 0)
		rc = write_file(h, HAPROXY_OVERRIDES, &none, e);
	buf_release(&route);
	buf_release(&lease);
	return rc;
}

/* Puts "KEY VALUE" lines of the former worker into the new one. Rows of endpoints that are gone
 * are left out. */
static int put_rows(
	struct haproxy_gateway *h, const char *map, struct buf *rows, int add, struct err *e)
{
	char *rest = rows->data, *line;
	int rc = 0;

	while (rc == 0 && rest && (line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		rc = haproxy_map_put(h, map, line, value, add, e);
		if (rc == ERR_NOT_FOUND)
			rc = 0;
	}
	return rc;
}

static int put_routes(struct haproxy_gateway *h, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count, struct err *e)
{
	char row[HAPROXY_ROW_SIZE];
	int rc = 0;

	for (int i = 0; i < count && rc == 0; i++) {
		rc = haproxy_route_format(eps[i].id, &routes[i], row, e);
		if (rc == 0)
			rc = haproxy_map_put(h, HAPROXY_ROUTES, eps[i].id, row, 0, e);
	}
	return rc;
}

static int64_t next_generation(const struct haproxy_gateway *h, const struct buf *cfg)
{
	const char *text = strstr(buf_text(cfg), "description gen=");
	int64_t number = text ? atoll(text + 16) : 0;

	if (h->process.count > 0 && h->process.live[0].number > number)
		number = h->process.live[0].number;
	return number + 1;
}

/* Writes, checks and puts the file in place; `before` is what stands there now. */
static int install(
	struct haproxy_gateway *h, const struct buf *text, const struct buf *before, struct err *e)
{
	char *from = xasprintf("%s/%s", h->folder, NEW_FILE);
	char *to = xasprintf("%s/%s", h->folder, HAPROXY_CFG);
	int rc = write_file(h, NEW_FILE, text, e);

	if (rc == 0)
		rc = haproxy_process_validate(&h->process, NEW_FILE, e);
	/* Both sums are valid over the rename, so that a crash here is not taken for an edit. */
	if (rc == 0)
		rc = write_sums(h, text, before, e);
	if (rc == 0 && rename(from, to) < 0)
		rc = err_set(e, ERR_FAILED, "cannot replace %s: %s", to, strerror(errno));
	free(from);
	free(to);
	return rc;
}

/* Starts by the installed file; on failure the file that runs is put back. */
static int start(struct haproxy_gateway *h, int64_t generation, const char *fingerprint,
	const struct buf *text, const struct buf *before, struct err *e)
{
	char fault[400];
	int rc = haproxy_process_start(&h->process, generation, fault, sizeof fault, e);

	if (rc == 0) {
		str_copy(h->process.live[0].fingerprint, HAPROXY_FINGERPRINT, fingerprint);
		if (write_sums(h, text, NULL, NULL) < 0)
			log_warn("gateway", "cannot write %s/%s", h->folder, SUM_FILE);
		return 0;
	}
	if (before->len > 0 && write_file(h, HAPROXY_CFG, before, NULL) < 0)
		log_warn("gateway", "cannot put back %s/%s", h->folder, HAPROXY_CFG);
	return rc;
}

static void remember(struct haproxy_gateway *h, const struct gateway_endpoint *eps, int count)
{
	xfree(h->known);
	h->known = xcalloc((size_t)count, sizeof *h->known);
	h->known_count = count;
	for (int i = 0; i < count; i++) {
		str_copy(h->known[i].id, sizeof h->known[i].id, eps[i].id);
		h->known[i].slot_count = eps[i].slot_count;
	}
}

/* The certificates that the new file names. Those of former ones are left: an old worker and a way
 * back may need them, and they are small. */
static int write_authorities(
	struct haproxy_gateway *h, const struct haproxy_config *c, struct err *e)
{
	char name[HAPROXY_CA_SIZE];
	int rc = 0;

	for (int i = 0; i < c->count && rc == 0; i++) {
		struct buf text = {0};

		if (!c->eps[i].ca)
			continue;
		haproxy_ca_name(c->eps[i].ca, name);
		buf_adds(&text, c->eps[i].ca);
		rc = write_file(h, name, &text, e);
		buf_release(&text);
	}
	return rc;
}

static int address_now(void *arg, const struct gateway_server *s, char *out, size_t size)
{
	return haproxy_server_address(arg, s, NAME_WAIT_MS, out, size, NULL);
}

/* The change itself; cfg is the text of the file in place. */
static int change(struct haproxy_gateway *h, struct haproxy_config *c,
	const struct gateway_route *routes, const struct buf *cfg, struct err *e)
{
	struct buf text = {0}, leases = {0}, overrides = {0};
	int rc = check_ports(c->eps, c->count, h->process.count > 0 ? buf_text(cfg) : NULL, e);

	if (rc == 0 && h->process.count > 0) {
		rc = haproxy_map_list(h, HAPROXY_LEASES, &leases, e);
		if (rc == 0)
			rc = haproxy_map_list(h, HAPROXY_OVERRIDES, &overrides, e);
	}
	c->generation = next_generation(h, cfg);
	haproxy_config_format(c, &text);
	if (rc == 0)
		rc = write_maps(h, c->eps, routes, c->count, e);
	if (rc == 0)
		rc = write_authorities(h, c, e);
	if (rc == 0)
		rc = install(h, &text, cfg, e);
	if (rc == 0)
		rc = start(h, c->generation, c->fingerprint, &text, cfg, e);
	/* Overrides before routes: a row that opens the gate must find its pins in place. */
	if (rc == 0)
		rc = put_rows(h, HAPROXY_OVERRIDES, &overrides, 1, e);
	if (rc == 0)
		rc = put_routes(h, c->eps, routes, c->count, e);
	if (rc == 0)
		rc = put_rows(h, HAPROXY_LEASES, &leases, 0, e);
	buf_release(&text);
	buf_release(&leases);
	buf_release(&overrides);
	return rc;
}

int haproxy_configure(struct haproxy_gateway *h, const struct gateway_endpoint *eps,
	const struct gateway_route *routes, int count, int overwrite, struct err *e)
{
	char fingerprint[HAPROXY_FINGERPRINT];
	struct haproxy_config c = {.eps = eps,
		.count = count,
		.log_socket = h->log_socket,
		.user = h->user,
		.body_max = h->settings->body_max,
		.fingerprint = fingerprint,
		.servers = 1,
		.address = address_now,
		.arg = h};
	struct buf cfg = {0};
	int rc = haproxy_config_check(&c, e), edited;

	if (rc == 0)
		rc = haproxy_process_adopt(&h->process, e);
	if (rc < 0)
		return rc;
	haproxy_config_fingerprint(&c, fingerprint);
	read_file(h, HAPROXY_CFG, &cfg);
	edited = check_edited(h, &cfg, overwrite ? NULL : e);
	if (edited < 0 && !overwrite)
		rc = edited;
	else if (rc == 1 && edited == 1 && strcmp(h->process.live[0].fingerprint, fingerprint) == 0)
		rc = 0;
	else
		rc = change(h, &c, routes, &cfg, e);
	if (rc == 0)
		remember(h, eps, count);
	buf_release(&cfg);
	return rc;
}
