/* haproxy_servers.c: servers of a slot at run time: add, drain, remove, and their states. Done at
 * every live generation, as an old worker may still route by the same row. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/adapters/gateway_haproxy_priv.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define COLUMNS_MOST 128

/* HAProxy takes a host name of a server added at run time without resolving it, and then never
 * sends it anything: we resolve. 0 and "IP:PORT" (or the address as it is), or ERR_INVALID. */
static int resolve(const struct gateway_server *s, char *out, size_t size, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *a = NULL;
	const char *colon = strrchr(s->address, ':');
	char host[200], ip[100];
	int rc;

	str_copy(out, size, s->address);
	if (strncmp(s->address, "unix@", 5) == 0)
		return 0;
	snprintf(host, sizeof host, "%.*s", (int)(colon - s->address), s->address);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	rc = getaddrinfo(host, colon + 1, &hints, &a);
	if (rc == 0)
		rc = getnameinfo(a->ai_addr, a->ai_addrlen, ip, sizeof ip, NULL, 0, NI_NUMERICHOST);
	if (rc == 0)
		snprintf(out, size, strchr(ip, ':') ? "[%s]%s" : "%s%s", ip, colon);
	if (a)
		freeaddrinfo(a);
	if (rc != 0) {
		err_set(e, ERR_INVALID, "cannot find the address of server %s: %s", s->address,
			gai_strerror(rc));
		return err_hint(e, "check the name, or give an IP address");
	}
	return 0;
}

static int check_names(const char *endpoint, int slot, const char *name, struct err *e)
{
	struct gateway_server s = {.address = "127.0.0.1:1"};

	if (!haproxy_endpoint_valid(endpoint) || slot < 0)
		return err_set(
			e, ERR_INVALID, "there is no slot %d of endpoint \"%s\"", slot, endpoint);
	str_copy(s.name, sizeof s.name, name);
	return haproxy_server_check(&s, e);
}

/* Sends the lines to every generation; `said` gets the answers of the newest (released by the
 * caller). An old worker's refusal is no matter here. */
static int ask_everywhere(
	struct haproxy_gateway *h, const char *commands, int count, struct buf *said, struct err *e)
{
	if (!haproxy_process_look(&h->process))
		return err_set(e, ERR_UNREACHABLE, "the gateway (HAProxy) is not running");
	for (int i = h->process.count - 1; i >= 1; i--) {
		struct buf old = {0};
		if (h->process.live[i].cli)
			haproxy_ask(h, i, commands, count, &old, NULL);
		buf_release(&old);
	}
	return haproxy_ask(h, 0, commands, count, said, e);
}

static int unexpected(const char *backend, const char *name, const char *said, struct err *e)
{
	said += strspn(said, "\n ");
	if (strstr(said, "No such backend") || strstr(said, "can't find backend") ||
		strstr(said, "Can't find backend"))
		return err_set(e, ERR_NOT_FOUND, "the gateway has no slot %s", backend);
	return err_set(e, ERR_GATEWAY, "server %s/%s: the gateway answered \"%.200s\"", backend,
		name, said);
}

/* ERR_CONFLICT when a server of this name has another address. Sockets cannot be told apart here:
 * their names are unique for ever. */
static int check_same(struct haproxy_gateway *h, const char *backend,
	const struct gateway_server *s, const char *address, struct err *e)
{
	char *command = xasprintf("show servers state %s\n", backend);
	char name[64], ip[110], fqdn[160], port[16], seen[300];
	struct buf out = {0};
	int rc = haproxy_ask(h, 0, command, 1, &out, e);

	for (char *rest = out.data, *line; rc == 0 && (line = strsep(&rest, "\n")) != NULL;) {
		/* Columns 4 name, 5 address, 18 host name, 19 port. */
		if (sscanf(line,
			    "%*s %*s %*s %63s %109s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			    "%*s %*s %159s %15s",
			    name, ip, fqdn, port) != 4 ||
			strcmp(name, s->name) != 0 || strncmp(address, "unix@", 5) == 0)
			continue;
		snprintf(seen, sizeof seen, strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip, port);
		if (strcmp(seen, address) != 0)
			rc = err_set(e, ERR_CONFLICT,
				"server %s/%s exists already with another address: %s", backend,
				s->name, seen);
	}
	buf_release(&out);
	free(command);
	return rc;
}

int haproxy_server_add(struct haproxy_gateway *h, const char *endpoint, int slot,
	const struct gateway_server *s, struct err *e)
{
	char backend[HAPROXY_BACKEND_SIZE], address[320];
	struct buf commands = {0}, said = {0};
	int rc = check_names(endpoint, slot, s->name, e);

	if (rc == 0)
		rc = haproxy_server_check(s, e);
	if (rc == 0)
		rc = resolve(s, address, sizeof address, e);
	if (rc < 0)
		return rc;
	haproxy_backend_name(endpoint, slot, backend);
	buf_addf(&commands, "add server %s/%s ", backend, s->name);
	haproxy_server_format(s, address, &commands);
	buf_addf(&commands, "\nenable health %s/%s\nset server %s/%s state ready\n", backend,
		s->name, backend, s->name);
	rc = ask_everywhere(h, buf_text(&commands), 3, &said, e);
	if (rc == 0) {
		const char *added = buf_text(&said);
		if (strstr(added, "Already exists"))
			rc = check_same(h, backend, s, address, e);
		else if (!strstr(added, "New server registered"))
			rc = unexpected(backend, s->name, added, e);
	}
	buf_release(&commands);
	buf_release(&said);
	return rc;
}

int haproxy_server_drain(
	struct haproxy_gateway *h, const char *endpoint, int slot, const char *name, struct err *e)
{
	char backend[HAPROXY_BACKEND_SIZE];
	struct buf said = {0};
	int rc = check_names(endpoint, slot, name, e);

	if (rc < 0)
		return rc;
	haproxy_backend_name(endpoint, slot, backend);
	char *command = xasprintf("set server %s/%s state drain\n", backend, name);
	rc = ask_everywhere(h, command, 1, &said, e);
	free(command);
	if (rc == 0 && strstr(buf_text(&said), "No such server"))
		rc = err_set(e, ERR_NOT_FOUND, "the gateway has no server %s/%s", backend, name);
	else if (rc == 0 && strspn(buf_text(&said), "\n ") != strlen(buf_text(&said)))
		rc = unexpected(backend, name, buf_text(&said), e);
	buf_release(&said);
	return rc;
}

int haproxy_server_remove(
	struct haproxy_gateway *h, const char *endpoint, int slot, const char *name, struct err *e)
{
	char backend[HAPROXY_BACKEND_SIZE];
	struct buf said = {0};
	int rc = check_names(endpoint, slot, name, e);

	if (rc < 0)
		return rc;
	haproxy_backend_name(endpoint, slot, backend);
	char *commands = xasprintf(
		"set server %s/%s state maint\ndel server %s/%s\n", backend, name, backend, name);
	rc = ask_everywhere(h, commands, 2, &said, e);
	free(commands);
	if (rc == 0) {
		const char *first = haproxy_cli_next(&said, NULL);
		const char *gone = first ? haproxy_cli_next(&said, first) : NULL;
		gone = gone ? gone : "";
		if (strstr(gone, "still has connections"))
			rc = err_set(e, ERR_CONFLICT, "server %s/%s still has connections", backend,
				name);
		else if (!strstr(gone, "Server deleted") && !strstr(gone, "No such server"))
			rc = unexpected(backend, name, gone, e);
	}
	buf_release(&said);
	return rc;
}

static const struct {
	const char *prefix, *state;
} states[] = {
	{"UP", "up"},
	{"no check", "up"},
	{"MAINT", "maint"},
	{"DRAIN", "drain"},
	{"NOLB", "drain"},
	{"DOWN", "down"},
};

static const char *state_of(const char *status)
{
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (strncmp(status, states[i].prefix, strlen(states[i].prefix)) == 0)
			return states[i].state;
	return "down";
}

/* Splits a line of CSV without quotes; the number of columns. */
static int split(char *line, char *columns[COLUMNS_MOST])
{
	int n = 0;

	while (line && n < COLUMNS_MOST)
		columns[n++] = strsep(&line, ",");
	return n;
}

static int column_of(char *const columns[], int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(columns[i] + strspn(columns[i], "# "), name) == 0)
			return i;
	return COLUMNS_MOST;
}

/* One answer to `show stat`: a line of names, then a line per server. Returns the new count. */
static int read_stats(const char *endpoint, const char *answer, int have, int most,
	struct gateway_server_state *out)
{
	char *text = xstrdup(answer), *rest = text, *line, *columns[COLUMNS_MOST];
	int backend = COLUMNS_MOST, server = COLUMNS_MOST, current = COLUMNS_MOST;
	int status = COLUMNS_MOST;

	while ((line = strsep(&rest, "\n")) != NULL) {
		int n = split(line, columns);
		if (strncmp(line, "# ", 2) == 0) {
			backend = column_of(columns, n, "pxname");
			server = column_of(columns, n, "svname");
			current = column_of(columns, n, "scur");
			status = column_of(columns, n, "status");
			continue;
		}
		if (backend >= n || server >= n || current >= n || status >= n || have >= most)
			continue;
		int slot = haproxy_backend_slot(endpoint, columns[backend]);
		if (slot < 0)
			continue;
		out[have] = (struct gateway_server_state){.slot = slot};
		str_copy(out[have].name, sizeof out[have].name, columns[server]);
		str_copy(out[have].state, sizeof out[have].state, state_of(columns[status]));
		out[have].sessions = atoi(columns[current]);
		have++;
	}
	free(text);
	return have;
}

int64_t haproxy_stats_sum(const char *answer, const char *name)
{
	char *text = xstrdup(answer), *rest = text, *line, *columns[COLUMNS_MOST];
	int column = COLUMNS_MOST;
	int64_t sum = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		int n = split(line, columns);
		if (strncmp(line, "# ", 2) == 0)
			column = column_of(columns, n, name);
		else if (column < n)
			sum += atoll(columns[column]);
	}
	free(text);
	return sum;
}

static int slots_known(const struct haproxy_gateway *h, const char *endpoint)
{
	for (int i = 0; i < h->known_count; i++)
		if (strcmp(h->known[i].id, endpoint) == 0)
			return h->known[i].slot_count;
	return 0;
}

int haproxy_server_states(struct haproxy_gateway *h, const char *endpoint,
	struct gateway_server_state *out, int most, struct err *e)
{
	char backend[HAPROXY_BACKEND_SIZE];
	struct buf commands = {0}, said = {0};
	int slots = slots_known(h, endpoint), have = 0, rc;

	if (!haproxy_endpoint_valid(endpoint))
		return err_set(e, ERR_INVALID, "\"%s\" is not an endpoint", endpoint);
	if (!haproxy_process_look(&h->process))
		return err_set(e, ERR_UNREACHABLE, "the gateway (HAProxy) is not running");
	for (int i = 0; i < slots; i++) {
		haproxy_backend_name(endpoint, i, backend);
		buf_addf(&commands, "show stat %s 4 -1\n", backend);
	}
	if (slots == 0)
		buf_adds(&commands, "show stat -1 4 -1\n"); /* adopted: look at all */
	rc = haproxy_ask(h, 0, buf_text(&commands), slots ? slots : 1, &said, e);
	for (const char *a = NULL; rc == 0 && (a = haproxy_cli_next(&said, a)) != NULL;)
		have = read_stats(endpoint, a, have, most, out);
	buf_release(&commands);
	buf_release(&said);
	return rc < 0 ? rc : have;
}
