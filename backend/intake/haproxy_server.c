/* haproxy_server.c: the words of `server`, `server-template` and `default-server` (section 5.2),
 * and addresses (section 11 of HAProxy's management: str2sa_range in its tools.c). */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/host.h"
#include "backend/base/xalloc.h"
#include "backend/intake/haproxy_priv.h"

static int whole_number(const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	return isdigit((unsigned char)*text) && !*end && v <= 65535 ? (int)v : -1;
}

/* The options that matter, and those of the rest that take a value: it is no option itself. */
static int takes_value(const char *word)
{
	static const char *const with[] = {"addr", "agent-addr", "agent-inter", "agent-port",
		"agent-send", "alpn", "ca-file", "ca-verify-file", "check-alpn", "check-proto",
		"check-sni", "ciphers", "ciphersuites", "cookie", "crl-file", "crt", "downinter",
		"error-limit", "fall", "fastinter", "id", "init-addr", "inter", "log-bufsize",
		"log-proto", "max-reuse", "maxconn", "maxqueue", "minconn", "namespace", "npn",
		"observe", "on-error", "on-marked-down", "on-marked-up", "pool-low-conn",
		"pool-max-conn", "pool-purge-delay", "port", "proto", "proxy-v2-options", "redir",
		"resolve-net", "resolve-opts", "resolve-prefer", "resolvers", "rise", "shard",
		"slowstart", "sni", "socks4", "source", "ssl-max-ver", "ssl-min-ver", "tcp-ut",
		"track", "usesrc", "verify", "verifyhost", "weight", "ws", "guid", "hash-key"};

	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
		if (strcmp(with[i], word) == 0)
			return 1;
	return 0;
}

static void set_flag(struct haproxy_server *s, const char *word)
{
	if (strcmp(word, "ssl") == 0)
		s->tls = 1;
	else if (strcmp(word, "no-ssl") == 0)
		s->tls = 0;
	else if (strcmp(word, "backup") == 0)
		s->backup = 1;
	else if (strcmp(word, "no-backup") == 0)
		s->backup = 0;
	else if (strcmp(word, "disabled") == 0)
		s->disabled = 1;
	else if (strcmp(word, "enabled") == 0)
		s->disabled = 0;
	else if (strncmp(word, "send-proxy", 10) == 0)
		str_copy(s->problem, sizeof s->problem,
			"it wants the PROXY protocol, which the gateway does not send");
}

static void set_value(struct haproxy_server *s, const char *word, const char *value)
{
	if (strcmp(word, "weight") == 0)
		s->weight = whole_number(value);
	else if (strcmp(word, "verify") == 0)
		s->verified = strcmp(value, "required") == 0;
	else if (strcmp(word, "ca-file") == 0)
		str_copy(s->ca_file, sizeof s->ca_file, value[0] == '@' ? "" : value);
	else if (strcmp(word, "verifyhost") == 0)
		str_copy(s->certificate, sizeof s->certificate, value);
	else if (strcmp(word, "sni") == 0 && strncmp(value, "str(", 4) == 0 && !s->certificate[0])
		snprintf(s->certificate, sizeof s->certificate, "%.*s",
			(int)strcspn(value + 4, ")"), value + 4);
	else if (strcmp(word, "maxconn") == 0)
		s->connections = whole_number(value) > 0 ? whole_number(value) : 0;
	else if (strcmp(word, "port") == 0)
		s->check_port = whole_number(value);
	else if (strcmp(word, "proto") == 0 && strcmp(value, "h2") == 0)
		str_copy(s->problem, sizeof s->problem,
			"it speaks HTTP/2 only, which the gateway does not");
	else if (strcmp(word, "proto") == 0 && strcmp(value, "fcgi") == 0)
		str_copy(s->problem, sizeof s->problem, "it speaks FastCGI");
}

void haproxy_server_options(struct haproxy_server *s, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (takes_value(words[i]) && i + 1 < count) {
			set_value(s, words[i], words[i + 1]);
			i++;
		} else {
			set_flag(s, words[i]);
		}
}

/* "HOST", "HOST:PORT", IPv6 with or without brackets into s. */
static void address_set(struct haproxy_server *s, const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[160], full[168];
	struct in6_addr v6;

	str_copy(host, sizeof host, text);
	if (colon && (text[0] != '[' || strchr(colon, ']') == NULL)) {
		host[colon - text < 150 ? colon - text : 150] = '\0';
		s->at.port = whole_number(colon[1] == '+' ? colon + 2 : colon + 1);
		if (colon[1] == '+' || colon[1] == '-')
			str_copy(s->problem, sizeof s->problem,
				"its port is relative to that of the client");
		else if (s->at.port < 0 || (s->at.port == 0 && colon[1]))
			snprintf(s->problem, sizeof s->problem, "\"%.24s\" is no port", colon + 1);
		s->at.port = s->at.port < 0 ? 0 : s->at.port;
	}
	/* 2001:db8::7:8000 and ::1:8000: the last part is the port. */
	if (host[0] != '[' && strchr(host, ':') && inet_pton(AF_INET6, host, &v6) == 1) {
		snprintf(full, sizeof full, "[%s]", host);
		str_copy(host, sizeof host, full);
	}
	if (host[0] == '_')
		snprintf(s->problem, sizeof s->problem,
			"\"%.40s\" is an SRV record: pithead looks up HOST:PORT", host);
	else if (!host_is_valid(host) || !str_copy(s->at.host, sizeof s->at.host, host))
		snprintf(s->problem, sizeof s->problem, "\"%.48s\" is no host that pithead takes",
			host);
}

static void address_read(struct haproxy_server *s, const char *text)
{
	static const char *const kinds[] = {"ipv4@", "ipv6@", "tcp4@", "tcp6@", "tcp@"};
	static const char *const other[] = {
		"unix@", "abns@", "fd@", "uxst@", "sockpair@", "/", "udp@", "quic4@", "rhttp@"};

	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		if (strncmp(text, other[i], strlen(other[i])) == 0) {
			snprintf(s->problem, sizeof s->problem,
				"\"%.40s\" is no TCP address, such as HOST:PORT", text);
			return;
		}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strncmp(text, kinds[i], strlen(kinds[i])) == 0)
			text += strlen(kinds[i]);
	address_set(s, text);
}

static struct haproxy_server *server_new(struct haproxy_proxy *p, const char *name)
{
	struct haproxy_server *s;

	p->servers = xrealloc(p->servers, (size_t)p->server_count + 1, sizeof *p->servers);
	s = &p->servers[p->server_count++];
	*s = p->model;
	str_copy(s->name, sizeof s->name, name);
	return s;
}

void haproxy_server_read(
	struct haproxy_proxy *p, const char *const *words, int count, haproxy_env env, void *arg)
{
	int from_dns = strcmp(words[0], "server-template") == 0, at = from_dns ? 3 : 2;
	struct haproxy_server *s;
	char address[160];

	if (count <= at)
		return;
	s = server_new(p, words[1]);
	s->from_dns = from_dns;
	if (haproxy_expand(words[at], env, arg, address, sizeof address) < 0)
		snprintf(s->problem, sizeof s->problem,
			"its address needs the environment variable %.40s", address);
	else
		address_read(s, address);
	haproxy_server_options(s, words + at + 1, count - at - 1);
}
