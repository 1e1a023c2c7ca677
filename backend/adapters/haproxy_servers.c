/* haproxy_servers.c: servers of a slot at run time: add, drain, remove, and their states. Done at
 * every live generation, as an old worker may still route by the same row. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/adapters/gateway_haproxy_priv.h"
#include "backend/base/log.h"
#include "backend/base/xalloc.h"

#define COLUMNS_MOST 128
#define NAME_WAIT_MS 200 /* for a name that was not looked up before */

/* Splits "HOST:PORT"; an IPv6 address loses its brackets. The port's text, with its colon. */
static const char *split_address(const char *address, char *host, size_t size)
{
	const char *colon = strrchr(address, ':');

	snprintf(host, size, "%.*s", (int)(colon - address), address);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	return colon;
}

int haproxy_server_address(struct haproxy_gateway *h, const struct gateway_server *s, int wait_ms,
	char *out, size_t size, struct err *e)
{
	char host[160], ip[NAMES_ADDRESS], why[100];
	unsigned char literal[16];
	const char *port;

	str_copy(out, size, s->address);
	if (strncmp(s->address, "unix@", 5) == 0)
		return 0;
	port = split_address(s->address, host, sizeof host);
	if (inet_pton(AF_INET, host, literal) == 1 || inet_pton(AF_INET6, host, literal) == 1)
		return 0;
	if (names_find(h->names, host, wait_ms, ip, why, sizeof why) == 1) {
		snprintf(out, size, strchr(ip, ':') ? "[%s]%s" : "%s%s", ip, port);
		return 0;
	}
	err_set(e, ERR_UNREACHABLE, "%s has no address: %s", host, why);
	return err_hint(e, "check the name, or give an IP address");
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

/* `set server B/NAME WHAT`; an answer that does not begin with `fine` is a refusal. */
static int set_server(struct haproxy_gateway *h, const char *endpoint, int slot, const char *name,
	const char *what, const char *fine, struct err *e)
{
	char backend[HAPROXY_BACKEND_SIZE], *command;
	struct buf said = {0};
	int rc = check_names(endpoint, slot, name, e);
	const char *text;

	if (rc < 0)
		return rc;
	haproxy_backend_name(endpoint, slot, backend);
	command = xasprintf("set server %s/%s %s\n", backend, name, what);
	rc = ask_everywhere(h, command, 1, &said, e);
	free(command);
	text = buf_text(&said) + strspn(buf_text(&said), "\n ");
	if (rc == 0 && strstr(text, "No such server"))
		rc = err_set(e, ERR_NOT_FOUND, "the gateway has no server %s/%s", backend, name);
	else if (rc == 0 && *text && !(fine && strstr(text, fine)))
		rc = unexpected(backend, name, text, e);
	buf_release(&said);
	return rc;
}

/* What a new server needs to get requests. HAProxy takes it for healthy until a check fails: here
 * it is not before one has passed, so that nobody is sent to a server that never answered. */
static int put_to_work(struct haproxy_gateway *h, const char *backend,
	const struct gateway_server *s, struct err *e)
{
	struct buf commands = {0}, said = {0};
	int rc;

	buf_addf(&commands,
		"enable health %s/%s\nset server %s/%s state %s\nset server %s/%s health down\n",
		backend, s->name, backend, s->name, s->drained ? "drain" : "ready", backend,
		s->name);
	rc = ask_everywhere(h, buf_text(&commands), 3, &said, e);
	buf_release(&commands);
	buf_release(&said);
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
		rc = haproxy_server_address(h, s, NAME_WAIT_MS, address, sizeof address, e);
	if (rc < 0)
		return rc;
	haproxy_backend_name(endpoint, slot, backend);
	buf_addf(&commands, "add server %s/%s ", backend, s->name);
	haproxy_server_format(s, address, &commands);
	buf_addc(&commands, '\n');
	rc = ask_everywhere(h, buf_text(&commands), 1, &said, e);
	if (rc == 0 && strstr(buf_text(&said), "Already exists")) {
		rc = check_same(h, backend, s, address, e);
		if (rc == 0 && !s->drained)
			rc = set_server(h, endpoint, slot, s->name, "state ready", NULL, e);
	} else if (rc == 0 && !strstr(buf_text(&said), "New server registered"))
		rc = unexpected(backend, s->name, buf_text(&said), e);
	else if (rc == 0)
		rc = put_to_work(h, backend, s, e);
	buf_release(&commands);
	buf_release(&said);
	return rc;
}

int haproxy_server_drain(
	struct haproxy_gateway *h, const char *endpoint, int slot, const char *name, struct err *e)
{
	return set_server(h, endpoint, slot, name, "state drain", NULL, e);
}

int haproxy_server_ready(
	struct haproxy_gateway *h, const char *endpoint, int slot, const char *name, struct err *e)
{
	return set_server(h, endpoint, slot, name, "state ready", NULL, e);
}

int haproxy_server_follow(struct haproxy_gateway *h, const char *endpoint, int slot,
	const struct gateway_server *s, const char *now, struct err *e)
{
	char address[160] = "", host[160], what[220];
	const char *port;
	int rc = haproxy_server_check(s, e);

	if (rc == 0 && strncmp(s->address, "unix@", 5) == 0)
		return 0;
	if (rc == 0)
		rc = haproxy_server_address(h, s, 0, address, sizeof address, e);
	if (rc < 0 || !*now || strcmp(address, now) == 0)
		return rc;
	port = split_address(address, host, sizeof host);
	snprintf(what, sizeof what, "addr %s port %s", host, port + 1);
	rc = set_server(h, endpoint, slot, s->name, what, "stats socket command", e);
	if (rc == 0)
		log_event(LOG_LEVEL_INFO, "server.moved", address, "endpoint", endpoint, "server",
			s->name, "from", now, NULL);
	return rc < 0 ? rc : 1;
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

/* Splits a line of CSV in place; the number of columns. What holds a comma stands in quotes, and a
 * quote within them is doubled. */
static int split(char *line, char *columns[COLUMNS_MOST])
{
	int n = 0;

	while (line && n < COLUMNS_MOST) {
		char *to = line;

		columns[n++] = line;
		if (*line != '"') {
			strsep(&line, ",");
			continue;
		}
		for (line++; *line && (*line != '"' || line[1] == '"'); line++) {
			line += *line == '"';
			*to++ = *line;
		}
		line += *line == '"';
		line = *line == ',' ? line + 1 : NULL;
		*to = '\0';
	}
	return n;
}

static int column_of(char *const columns[], int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(columns[i] + strspn(columns[i], "# "), name) == 0)
			return i;
	return COLUMNS_MOST;
}

/* Columns of `show stat` that are read, and where they stand in this answer. */
enum stat {
	STAT_BACKEND,
	STAT_SERVER,
	STAT_CURRENT,
	STAT_STATUS,
	STAT_CUT,
	STAT_REQUESTS,
	STAT_ADDRESS,
	STAT_CODE,
	STAT_CHECK,
	STAT_LAST,
	STAT_COUNT
};
static const char *const stat_names[STAT_COUNT] = {"pxname", "svname", "scur", "status", "srv_abrt",
	"stot", "addr", "check_code", "check_desc", "last_chk"};

/* "Layer7 wrong status: 503", "Layer4 connection problem: Connection refused". */
static void check_text(const char *columns[STAT_COUNT], char *out, size_t size)
{
	const char *more = *columns[STAT_LAST] ? columns[STAT_LAST] : columns[STAT_CODE];
	size_t n = 0;

	if (*columns[STAT_CHECK])
		snprintf(out, size, "%s%s%s", columns[STAT_CHECK], *more ? ": " : "", more);
	/* Part of it comes from the server. */
	for (; n < size && out[n]; n++)
		if ((unsigned char)out[n] < 0x20 || (unsigned char)out[n] > 0x7e)
			out[n] = '?';
}

static void server_read(const char *columns[STAT_COUNT], struct gateway_server_state *out)
{
	str_copy(out->name, sizeof out->name, columns[STAT_SERVER]);
	str_copy(out->state, sizeof out->state, state_of(columns[STAT_STATUS]));
	if (strcmp(columns[STAT_ADDRESS], "unix") != 0)
		str_copy(out->address, sizeof out->address, columns[STAT_ADDRESS]);
	check_text(columns, out->check, sizeof out->check);
	out->sessions = atoi(columns[STAT_CURRENT]);
	out->cut = atoll(columns[STAT_CUT]);
	out->requests = atoll(columns[STAT_REQUESTS]);
}

/* One answer to `show stat`: a line of names, then a line per server. Returns the new count. */
static int read_stats(const char *endpoint, const char *answer, int have, int most,
	struct gateway_server_state *out)
{
	char *text = xstrdup(answer), *rest = text, *line, *columns[COLUMNS_MOST];
	const char *picked[STAT_COUNT];
	int at[STAT_COUNT] = {0}, named = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		int is_head = strncmp(line, "# ", 2) == 0, n = split(line, columns), slot,
		    whole = 1;

		for (int i = 0; is_head && i < STAT_COUNT; i++)
			at[i] = column_of(columns, n, stat_names[i]);
		named |= is_head;
		for (int i = 0; i < STAT_COUNT; i++) {
			whole &= at[i] < n;
			picked[i] = at[i] < n ? columns[at[i]] : "";
		}
		if (is_head || !named || !whole || have >= most)
			continue;
		slot = haproxy_backend_slot(endpoint, picked[STAT_BACKEND]);
		if (slot < 0)
			continue;
		out[have] = (struct gateway_server_state){.slot = slot};
		server_read(picked, &out[have++]);
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
