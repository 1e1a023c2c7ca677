/* haproxy_config.c: the gateway's configuration as text, pure. The rules of one request stand in
 * format_split and format_segment in their order; the order is the safety:
 * share, segment override, unreadable segment, lease, gate (last, so that it beats them all).
 *
 * The prediction log is one JSON object per request, every value a string save v, lc and pid:
 *   v 1; lc the frontend's counter, from 0 in each process pid; ts UTC us of routing; id; ep; env;
 *   ver version that served; ro rollout; arm 0 stable 1 candidate; bkt 0..9999; share in force;
 *   keyed; key first 16 hex digits of the key's SHA-256; seg base64; su 1 = overrides in force and
 *   segment unreadable; st status; us to the answer's first byte; tr, ta as %Tr, %Ta in ms;
 *   tsx termination state; be backend; srv server; score base64 of X-Pithead-Score or the
 *   declared header;
 *   mt the first 8 bytes of the method; path base64 of the first 512 of path and query; ct base64
 *   of the first 96 of the request's Content-Type;
 *   req, res base64 of whole bodies up to body_max. "-" or "" = absent. */
#include "backend/adapters/haproxy_config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/digest.h"
#include "backend/base/xalloc.h"

/* The only store that a server added at run time may name, as HAProxy loads it for itself. */
#define CA_FILE "@system-ca"

/* So many numbers of a path may be places in a list or names of members, each by itself. */
#define NUMBERS_MOST 3

static const char log_head[] =
	"\tlog-format '{\"v\":1,\"lc\":%lc,\"pid\":%pid,\"ts\":\"%[var(txn.ts)]\",\"id\":\"%ID\"";

static const char log_rest[] =
	",\"ver\":\"%[var(txn.ver)]\",\"ro\":\"%[var(txn.ro)]\",\"arm\":\"%[var(txn.arm)]\""
	",\"bkt\":\"%[var(txn.bkt)]\",\"share\":\"%[var(txn.share)]\""
	",\"keyed\":\"%[var(txn.keyed)]\""
	",\"key\":\"%[var(txn.key),sha2(256),bytes(0,8),hex,lower]\""
	",\"seg\":\"%[var(txn.seg),base64]\",\"su\":\"%[var(txn.su)]\",\"st\":\"%ST\""
	",\"us\":\"%[var(txn.us)]\",\"tr\":\"%Tr\",\"ta\":\"%Ta\",\"tsx\":\"%tsc\""
	",\"be\":\"%b\",\"srv\":\"%s\",\"score\":\"%[var(txn.score)]\""
	",\"mt\":\"%[var(txn.mt)]\",\"path\":\"%[var(txn.path)]\",\"ct\":\"%[var(txn.ct)]\""
	",\"req\":\"%[var(txn.q)]\",\"res\":\"%[var(txn.r)]\"}'\n";

static int made_of(const char *s, const char *others)
{
	for (; *s; s++)
		if (!isascii((unsigned char)*s) ||
			(!isalnum((unsigned char)*s) && !strchr(others, *s)))
			return 0;
	return 1;
}

static int refuse(struct err *e, const char *endpoint, const char *part, const char *text)
{
	err_set(e, ERR_INVALID, "%s: \"%.100s\" cannot be used as %s of the gateway", endpoint,
		text, part);
	err_field(e, part);
	return ERR_INVALID;
}

static int check_source(
	const char *id, const struct gateway_source *s, const char *part, struct err *e)
{
	int ok = 1;

	if (s->kind == 1)
		ok = s->name[0] && made_of(s->name, "-_");
	else if (s->kind == 2)
		ok = strcmp(s->name, ".") == 0 ||
		     (s->name[0] && made_of(s->name, "-_.") && s->name[0] != '.' &&
			     s->name[strlen(s->name) - 1] != '.' && !strstr(s->name, ".."));
	else if (s->kind != 0)
		ok = 0;
	return ok ? 0 : refuse(e, id, part, s->name);
}

int haproxy_server_check(const struct gateway_server *s, struct err *e)
{
	const char *colon = strrchr(s->address, ':');

	if (!s->name[0] || !made_of(s->name, "-_."))
		return err_set(e, ERR_INVALID,
			"\"%.60s\" is not a server's name: letters, digits and -", s->name);
	if (strncmp(s->address, "unix@/", 6) == 0 && made_of(s->address + 5, "/._-+=~:")) {
		if (strlen(s->address + 5) < 108)
			return 0;
		err_set(e, ERR_INVALID, "the socket's path %s is longer than 107 bytes",
			s->address + 5);
		return err_hint(e, "use a shorter PITHEAD_HOME");
	}
	if (s->server_name[0] && !made_of(s->server_name, ".-"))
		return err_set(e, ERR_INVALID,
			"\"%.120s\" is not the name of a server's certificate", s->server_name);
	if (s->address[0] != '/' && colon && colon != s->address && made_of(s->address, ".-_:[]") &&
		atoi(colon + 1) > 0 && atoi(colon + 1) < 65536 && made_of(colon + 1, "") &&
		strspn(colon + 1, "0123456789") == strlen(colon + 1))
		return 0;
	return err_set(e, ERR_INVALID,
		"\"%.120s\" is not a server's address: HOST:PORT, or unix@/PATH", s->address);
}

static int check_endpoint(const struct gateway_endpoint *ep, struct err *e)
{
	char port[16];

	snprintf(port, sizeof port, "%d", ep->port);
	if (!haproxy_endpoint_valid(ep->id))
		return refuse(e, ep->id, "name", ep->id);
	if (!ep->host[0] || !made_of(ep->host, ".:-*"))
		return refuse(e, ep->id, "listen", ep->host);
	if (ep->port < 1 || ep->port > 65535)
		return refuse(e, ep->id, "listen", port);
	if (!made_of(ep->environment, "-_."))
		return refuse(e, ep->id, "environment", ep->environment);
	if (ep->health[0] && (ep->health[0] != '/' || !made_of(ep->health, "/._-~?&=:+")))
		return refuse(e, ep->id, "health", ep->health);
	if (!made_of(ep->host_header, ".-"))
		return refuse(e, ep->id, "host", ep->host_header);
	if (ep->timeout_ms < 1 || ep->timeout_ms > 86400000 || ep->stream_ms < 0 ||
		ep->stream_ms > 86400000)
		return refuse(e, ep->id, "timeout", "this length");
	if (check_source(ep->id, &ep->key, "key", e) < 0 ||
		check_source(ep->id, &ep->segment, "segment", e) < 0 ||
		check_source(ep->id, &ep->score, "score", e) < 0)
		return ERR_INVALID;
	for (int s = 0; s < ep->slot_count; s++)
		for (int i = 0; i < ep->slots[s].server_count; i++)
			if (haproxy_server_check(&ep->slots[s].servers[i], e) < 0)
				return ERR_INVALID;
	return 0;
}

int haproxy_config_check(const struct haproxy_config *c, struct err *e)
{
	if (c->log_socket[0] != '/' || !made_of(c->log_socket, "/._-+=~"))
		return err_set(e, ERR_INVALID, "the gateway cannot log to a path like \"%s\"",
			c->log_socket);
	if (strlen(c->log_socket) > 107) {
		err_set(e, ERR_INVALID, "the log socket's path is longer than 107 bytes: %s",
			c->log_socket);
		return err_hint(e, "use a shorter PITHEAD_HOME");
	}
	for (int i = 0; i < c->count; i++) {
		if (check_endpoint(&c->eps[i], e) < 0)
			return ERR_INVALID;
		for (int k = 0; k < i; k++) {
			if (strcmp(c->eps[i].id, c->eps[k].id) == 0)
				return refuse(e, c->eps[i].id, "name", "the same name twice");
			if (c->eps[i].port == c->eps[k].port &&
				strcmp(c->eps[i].host, c->eps[k].host) == 0)
				return err_set(e, ERR_CONFLICT,
					"%s and %s both want to listen on %s:%d", c->eps[k].id,
					c->eps[i].id, c->eps[i].host, c->eps[i].port);
		}
	}
	return 0;
}

static void format_head(const struct haproxy_config *c, struct buf *out)
{
	buf_adds(out, "# written by pithead; a change by hand is noticed and refused\nglobal\n");
	/* It opens its ports and the admin socket as root, and is somebody else from then on. */
	if (c->user.uid != 0)
		buf_addf(out, "\tuid %lld\n\tgid %lld\n", (long long)c->user.uid,
			(long long)c->user.gid);
	buf_adds(out,
		"\tstats socket unix@" HAPROXY_ADMIN " mode 600 level admin expose-fd listeners\n"
		"\tstats timeout 1d\n"); /* our connections are lasting */
	buf_addf(out, "\tdescription gen=%lld fp=%s\n", (long long)c->generation,
		c->fingerprint ? c->fingerprint : "-");
	/* noreuseport: else a stray second gateway would silently share the ports. */
	buf_adds(out, "\tnoreuseport\n\thard-stop-after 10s\n\tnbthread 2\n"
		      "\ttune.bufsize 32768\n");
	buf_addf(out, "\tlog %s len 65535 format raw local0\n", c->log_socket);
	buf_adds(out, "\ndefaults\n\tmode http\n\tlog global\n"
		      "\toption idle-close-on-response\n" /* else a reload resets requests */
		      /* A record when the answer's head is there, and its body where we wait for
		       * it: at its end, a stream would come too late for the judge's tick. */
		      "\toption logasap\n"
		      "\toption http-no-delay\n" /* else streams wait 200 ms */
		      /* A connection that was never used is no request: no 408, no record. */
		      "\toption http-ignore-probes\n\toption dontlognull\n"
		      "\tretries 3\n\toption redispatch 1\n\tretry-on conn-failure\n"
		      "\ttimeout connect 1s\n\ttimeout queue 1s\n\ttimeout client 60s\n"
		      "\ttimeout http-request 15s\n\ttimeout http-keep-alive 60s\n"
		      "\ttimeout check 2s\n\ttimeout server 60s\n"
		      /* Upgraded connections: silence is normal there. */
		      "\ttimeout tunnel 1h\n\ttimeout client-fin 30s\n"
		      "\thttp-error status 503 content-type application/json string "
		      "'{\"error\":\"no server of this version answers\"}'\n"
		      "\thttp-error status 504 content-type application/json string "
		      "'{\"error\":\"the server did not answer in time\"}'\n");
}

static int is_number(const char *part)
{
	return *part && strspn(part, "0123456789") == strlen(part);
}

/* A dotted path as json_query reads it. Of its parts that are numbers, those whose bit is set in
 * `members` are names of members, the others places in a list: json_query wants to be told. How
 * many numbers there are. */
static int format_path(const char *dotted, unsigned members, struct buf *out)
{
	char name[sizeof((struct gateway_source *)0)->name], *part, *rest = name;
	int numbers = 0;

	str_copy(name, sizeof name, strcmp(dotted, ".") == 0 ? "" : dotted);
	buf_adds(out, "$");
	while (*name && (part = strsep(&rest, ".")) != NULL) {
		int list = is_number(part) && !(members >> numbers & 1);

		numbers += is_number(part);
		buf_addf(out, list ? "[%s]" : ".%s", part);
	}
	return numbers;
}

/* Sets txn.VAR from a JSON path: as record_parse reads a score, a number is a place in a list, or
 * the name of a member where there is an object. The first reading that finds something counts. */
static void format_json(const char *dotted, const char *var, struct buf *out)
{
	struct buf path = {0};
	unsigned readings = 1;

	for (unsigned members = 0; members < readings; members++) {
		int numbers;

		buf_reset(&path);
		numbers = format_path(dotted, members, &path);
		readings = 1u << (numbers < NUMBERS_MOST ? numbers : NUMBERS_MOST);
		buf_addf(out,
			"\thttp-request set-var(txn.%s) req.body,json_query('%s') if small%s%s%s\n",
			var, buf_text(&path), members ? " !{ var(txn." : "", members ? var : "",
			members ? ") -m found }" : "");
	}
	buf_release(&path);
}

/* Sets txn.NAME from a header or a JSON path; unset when it cannot be read. */
static void format_source(const struct gateway_source *s, const char *var, struct buf *out)
{
	if (s->kind == 1)
		buf_addf(out,
			"\thttp-request set-var(txn.%s) req.fhdr(%s)"
			" if { req.fhdr_cnt(%s) eq 1 } { req.fhdr(%s) -m len 1: }\n",
			var, s->name, s->name, s->name);
	else if (s->kind == 2)
		format_json(s->name, var, out);
}

/* A body can hide the segment from us and show another to the server: by a second key of the
 * same name (in any case), by an escaped letter, by a byte 0 (the regular expression stops
 * there), or by a truth value (read as 0 or 1). Then it counts as unread. A number in the path
 * hides nothing where it is a place in a list. */
static void format_hiding(const struct gateway_source *s, struct buf *out)
{
	char name[sizeof s->name], *part, *rest = name, *last = name;

	str_copy(name, sizeof name, strcmp(s->name, ".") == 0 ? "" : s->name);
	buf_adds(out, "\thttp-request set-var(txn.len) req.body,length if small\n"
		      "\thttp-request unset-var(txn.seg) if small "
		      "!{ req.body_len,sub(txn.len) eq 0 }\n"
		      "\thttp-request unset-var(txn.seg) if small { req.body -m reg -i '(?s)\\\\u");
	while (*name && (part = strsep(&rest, ".")) != NULL) {
		const char *colon = is_number(part) ? "\\s*:" : "";

		buf_addf(out, "|\"%s\"%s.*\"%s\"%s", part, colon, part, colon);
		last = part;
	}
	if (is_number(last))
		buf_addf(out, "|[[,]\\s*[tfn]|\"%s\"\\s*:\\s*[tfn]", last);
	else if (*last)
		buf_addf(out, "|\"%s\"\\s*:\\s*[tfn]", last);
	else
		buf_adds(out, "|^\\s*[tfn]");
	buf_adds(out, "' }\n");
}

static void format_segment(const struct gateway_endpoint *ep, struct buf *out)
{
	format_source(&ep->segment, "seg", out);
	if (ep->segment.kind == 2)
		format_hiding(&ep->segment, out);
	if (ep->segment.kind != 0)
		buf_adds(out, "\thttp-request unset-var(txn.seg) unless "
			      "{ var(txn.seg) -m reg '^[A-Za-z0-9_.:-]{1,60}\\z' }\n");
}

static void format_bucket(const struct gateway_endpoint *ep, struct buf *out)
{
	buf_adds(out, "\thttp-request set-var(txn.keyed) int(0)\n");
	format_source(&ep->key, "key", out);
	if (ep->key.kind != 0)
		buf_addf(out,
			"\thttp-request set-var(txn.bkt) var(txn.key),concat(|%s|,txn.ro),"
			"xxh32(7),mod(10000) if { var(txn.key) -m found }\n"
			"\thttp-request set-var(txn.keyed) int(1) if { var(txn.bkt) -m found }\n",
			ep->id);
	buf_adds(out, "\thttp-request set-var(txn.bkt) rand(10000) unless "
		      "{ var(txn.bkt) -m found }\n");
}

static void format_split(const struct gateway_endpoint *ep, struct buf *out)
{
	buf_addf(out,
		"\thttp-request set-var(txn.row) str(%s),map(" HAPROXY_ROUTES ")\n"
		"\thttp-request set-var(txn.ro) var(txn.row),field(5,|)\n",
		ep->id);
	format_bucket(ep, out);
	format_segment(ep, out);
	buf_adds(out, "\tacl overrides var(txn.row),field(6,|) -m str 1\n"
		      "\thttp-request set-var(txn.share) var(txn.row),field(1,|)\n"
		      "\thttp-request set-var(txn.su) int(0)\n");
	buf_addf(out,
		"\thttp-request set-var(txn.ok) str(%s),concat(|,txn.ro,|),concat(,txn.seg)"
		" if overrides { var(txn.seg) -m found }\n"
		"\thttp-request set-var(txn.share) var(txn.ok),map(" HAPROXY_OVERRIDES
		") if overrides { var(txn.ok) -m found }\n",
		ep->id);
	buf_adds(out, "\thttp-request set-var(txn.su) int(1) if overrides "
		      "!{ var(txn.seg) -m found }\n"
		      "\thttp-request set-var(txn.share) int(0) if { var(txn.su) -m int 1 }\n");
	buf_addf(out,
		"\thttp-request set-var(txn.now) date(0,ms)\n"
		"\thttp-request set-var(txn.left) str(%s),map(" HAPROXY_LEASES ",0),sub(txn.now)\n"
		"\thttp-request set-var(txn.share) int(0) unless { var(txn.left) -m int gt 0 }\n",
		ep->id);
	buf_adds(out, "\thttp-request set-var(txn.share) int(0) unless "
		      "{ var(txn.row),field(4,|) -m str 1 } { var(txn.row),field(3,|) -m len 2: }\n"
		      "\thttp-request set-var(txn.d) var(txn.bkt),sub(txn.share)\n"
		      "\thttp-request set-var(txn.arm) int(0)\n"
		      "\thttp-request set-var(txn.arm) int(1) if { var(txn.d) -m int lt 0 }\n"
		      "\tacl candidate var(txn.arm) -m int 1\n"
		      "\thttp-request set-var(txn.be) var(txn.row),field(2,|)\n"
		      "\thttp-request set-var(txn.be) var(txn.row),field(3,|) if candidate\n"
		      "\thttp-request set-var(txn.ver) var(txn.row),field(7,|)\n"
		      "\thttp-request set-var(txn.ver) var(txn.row),field(8,|) if candidate\n"
		      "\thttp-request return status 503 content-type application/json string "
		      "'{\"error\":\"no version serves this endpoint yet\"}' "
		      "unless { var(txn.be) -m len 2: }\n");
}

/* Headers that tell what served the answer, also on answers that the gateway made itself. */
static void format_answer(const struct gateway_endpoint *ep, int64_t body_max, struct buf *out)
{
	buf_addf(out,
		"\thttp-response set-var(txn.us) date(0,us),sub(txn.ts)\n"
		"\thttp-response set-var(txn.score) res.fhdr(%s),base64\n"
		/* What a server tells us is not for its clients. */
		"\thttp-response del-header X-Pithead-Score\n",
		ep->score.kind == 1 ? ep->score.name : "X-Pithead-Score");
	/* Only bodies of a known small length are waited for: waiting for a stream would be 504.
	 * The limit stands above the time that the server itself has. */
	buf_addf(out,
		"\tacl small_answer res.fhdr(content-length) -m int le %lld\n"
		"\thttp-response wait-for-body time %lldms if small_answer\n"
		"\thttp-response set-var(txn.all) res.body_size\n"
		"\thttp-response set-var(txn.r) res.body,base64 if small_answer "
		"{ res.body_len,sub(txn.all) eq 0 }\n",
		(long long)body_max, (long long)(ep->timeout_ms * 2 + 60000));
	buf_adds(out, "\thttp-after-response set-header X-Request-ID %[unique-id]\n"
		      "\thttp-after-response del-header X-Pithead-Version\n"
		      "\thttp-after-response del-header X-Pithead-Environment\n"
		      "\thttp-after-response del-header X-Pithead-Rollout\n"
		      "\thttp-after-response set-header X-Pithead-Version %[var(txn.ver)]"
		      " if { var(txn.ver) -m found } !{ var(txn.ver) -m str -- - }\n"
		      "\thttp-after-response set-header X-Pithead-Rollout %[var(txn.ro)]"
		      " if { var(txn.ro) -m found } !{ var(txn.ro) -m str 0 }\n");
	if (ep->environment[0])
		buf_addf(out, "\thttp-after-response set-header X-Pithead-Environment %s\n",
			ep->environment);
}

/* Whose answer may be a stream: then the server may be silent for longer than the time that it has
 * for its first byte elsewhere. One timer counts for both here, and it can be set only before the
 * answer: what a request asks for must tell. Others are cut when the server is silent for longer
 * than the endpoint's timeout, however long they last in all. */
static void format_stream(const struct gateway_endpoint *ep, struct buf *out)
{
	if (ep->stream_ms > ep->timeout_ms)
		buf_adds(out, "\thttp-request set-var(txn.stream) int(1)"
			      " if { req.hdr(accept) -m sub -i text/event-stream }\n"
			      "\thttp-request set-var(txn.stream) int(1)"
			      " if small { req.body -m reg '\"stream\"\\s*:\\s*true' }\n");
}

/* What of a request goes into the log. A body that does not fit beside the headers into one buffer
 * is not whole, however small: it is left out. */
static void format_request(int64_t body_max, struct buf *out)
{
	buf_adds(out, "\thttp-request set-var(txn.ts) date(0,us)\n"
		      "\thttp-request del-header x-pithead- -m beg\n"
		      "\thttp-request set-header X-Request-ID %[unique-id]\n"
		      "\thttp-request set-var(txn.mt) method,bytes(0,8)\n"
		      "\thttp-request set-var(txn.path) pathq,bytes(0,512),base64\n"
		      "\thttp-request set-var(txn.ct) "
		      "req.fhdr(content-type),bytes(0,96),base64\n");
	buf_addf(out,
		"\tacl small req.fhdr(content-length) -m int le %lld\n"
		"\thttp-request wait-for-body time 10s if small\n"
		"\thttp-request set-var(txn.all) req.body_size\n"
		"\thttp-request set-var(txn.q) req.body,base64 if small "
		"{ req.body_len,sub(txn.all) eq 0 }\n",
		(long long)body_max);
}

static void format_frontend(
	const struct gateway_endpoint *ep, const struct haproxy_config *c, struct buf *out)
{
	char name[HAPROXY_BACKEND_SIZE];

	haproxy_backend_name(ep->id, 0, name);
	*strrchr(name, ':') = '\0';
	buf_addf(out, "\nfrontend in:%s\n\tbind %s%s:%d\n", name,
		strchr(ep->host, ':') ? "ipv6@" : "", ep->host, ep->port);
	buf_adds(out, "\tunique-id-format %[uuid()]\n");
	buf_adds(out, log_head);
	buf_addf(out, ",\"ep\":\"%s\",\"env\":\"%s\"", ep->id, ep->environment);
	buf_adds(out, log_rest);
	format_request(c->body_max, out);
	format_stream(ep, out);
	format_split(ep, out);
	format_answer(ep, c->body_max, out);
	buf_adds(out, "\tuse_backend %[var(txn.be)]\n\tdefault_backend none\n");
}

void haproxy_ca_name(const char *pem, char out[HAPROXY_CA_SIZE])
{
	char hex[DIGEST_HEX];

	digest_hex(pem, strlen(pem), hex);
	snprintf(out, HAPROXY_CA_SIZE, "ca-%.16s.pem", hex);
}

void haproxy_tls_name(const struct gateway_server *s, char *out, size_t size)
{
	const char *colon = strrchr(s->address, ':');
	struct in_addr v4;

	str_copy(out, size, s->server_name);
	if (*out || !colon)
		return;
	snprintf(out, size, "%.*s", (int)(colon - s->address), s->address);
	if (*out == '[' || inet_pton(AF_INET, out, &v4) == 1)
		*out = '\0';
}

static void format_tls(const struct gateway_server *s, struct buf *out)
{
	char ca[HAPROXY_CA_SIZE] = CA_FILE, name[160];

	haproxy_tls_name(s, name, sizeof name);
	if (s->ca)
		haproxy_ca_name(s->ca, ca);
	/* Of a server added at run time, HAProxy 2.6 checks the health in the clear unless told. */
	buf_adds(out, " check-ssl");
	if (s->verify_none)
		buf_adds(out, " ssl verify none");
	else
		buf_addf(out, " ssl verify required ca-file %s", ca);
	if (*name)
		buf_addf(out, " sni str(%s) check-sni %s", name, name);
	if (*name && !s->verify_none)
		buf_addf(out, " verifyhost %s", name);
}

void haproxy_server_format(const struct gateway_server *s, const char *address, struct buf *out)
{
	buf_adds(out, address ? address : s->address);
	buf_adds(out, " check inter 500ms fall 2 rise 1");
	if (s->connections > 0)
		buf_addf(out, " maxconn %d", s->connections);
	if (s->tls)
		format_tls(s, out);
}

static void format_backend(const struct gateway_endpoint *ep, int slot,
	const struct haproxy_config *c, struct buf *out)
{
	char name[HAPROXY_BACKEND_SIZE];

	haproxy_backend_name(ep->id, slot, name);
	/* Only frontends log: a backend's "server is up" is no record of a request. */
	buf_addf(out, "\nbackend %s\n\tno log\n\tbalance leastconn\n\thttp-reuse safe\n", name);
	buf_addf(out, "\ttimeout server %lldms\n", (long long)ep->timeout_ms);
	if (ep->stream_ms > ep->timeout_ms)
		buf_addf(out,
			"\thttp-request set-timeout server %lldms if { var(txn.stream) -m found "
			"}\n",
			(long long)ep->stream_ms);
	if (ep->health[0])
		buf_addf(out,
			"\toption httpchk\n\thttp-check send meth GET uri %s ver HTTP/1.1"
			" hdr Host %s\n",
			ep->health, ep->host_header[0] ? ep->host_header : "localhost");
	if (ep->host_header[0])
		buf_addf(out, "\thttp-request set-header Host %s\n", ep->host_header);
	for (int i = 0; c->servers && i < ep->slots[slot].server_count; i++) {
		const struct gateway_server *s = &ep->slots[slot].servers[i];
		char at[sizeof s->address];

		/* A name without an address must not keep the gateway from starting: its server is
		 * added as soon as it has one. */
		if (c->address && c->address(c->arg, s, at, sizeof at) < 0)
			continue;
		buf_addf(out, "\tserver %s ", s->name);
		haproxy_server_format(s, c->address ? at : NULL, out);
		buf_adds(out, s->drained ? " disabled\n" : "\n");
	}
}

/* A server added at run time can name only certificates that were loaded with the file: servers
 * that never serve name them here, so that a new `ca` is a reload, and a new version is none. */
static void format_authorities(const struct haproxy_config *c, struct buf *out)
{
	char name[HAPROXY_CA_SIZE];
	int any = 0;

	for (int i = 0; i < c->count; i++) {
		if (!c->eps[i].ca)
			continue;
		if (!any++)
			buf_adds(out, "\nbackend authorities\n\tno log\n");
		haproxy_ca_name(c->eps[i].ca, name);
		buf_addf(out, "\tserver e%d 127.0.0.1:1 disabled ssl verify required ca-file %s\n",
			i, name);
	}
}

void haproxy_config_format(const struct haproxy_config *c, struct buf *out)
{
	format_head(c, out);
	for (int i = 0; i < c->count; i++) {
		format_frontend(&c->eps[i], c, out);
		for (int s = 0; s < c->eps[i].slot_count; s++)
			format_backend(&c->eps[i], s, c, out);
	}
	format_authorities(c, out);
	/* Where a row names a backend that does not exist: 503 with a sentence. It also names the
	 * maps, so that they exist when there is no endpoint. */
	buf_adds(out, "\nbackend none\n"
		      "\thttp-request set-var(txn.none) str(-),map(" HAPROXY_ROUTES ")\n"
		      "\thttp-request set-var(txn.none) str(-),map(" HAPROXY_LEASES ")\n"
		      "\thttp-request set-var(txn.none) str(-),map(" HAPROXY_OVERRIDES ")\n");
}

void haproxy_config_fingerprint(const struct haproxy_config *c, char out[HAPROXY_FINGERPRINT])
{
	struct haproxy_config plain = *c;
	struct buf text = {0};
	char hex[DIGEST_HEX];

	plain.servers = 0;
	plain.generation = 0;
	plain.fingerprint = NULL;
	haproxy_config_format(&plain, &text);
	digest_hex(text.data, text.len, hex);
	str_copy(out, HAPROXY_FINGERPRINT, hex);
	buf_release(&text);
}
