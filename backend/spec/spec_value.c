/* spec_value.c: the scalar types of the schema: how each text is read into its member and written
 * back. Names, headers, paths and hosts end up in the gateway's configuration, so their
 * characters are those that mean nothing there: no blank, quote, `#`, `$`, `%` or backslash. */
#include "backend/spec/spec_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/host.h"
#include "backend/base/clock.h"
#include "backend/base/digest.h"
#include "backend/base/xalloc.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define ALNUM  LOWER UPPER DIGITS

static int only(const char *text, const char *allowed)
{
	return text[0] && text[strspn(text, allowed)] == '\0';
}

static int name_is(const char *text)
{
	return strlen(text) <= 63 && only(text, LOWER DIGITS "_.-") &&
	       strchr(LOWER DIGITS, text[0]);
}

static int name_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	if (!name_is(text) || !str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID,
			"expected a name of at most 63 small letters, digits, `-`, `_` and `.`, "
			"beginning with a letter or digit");
	return 0;
}

static int text_format(const struct spec_field *f, const void *at, struct buf *out)
{
	const char *text = at;

	(void)f;
	buf_adds(out, text);
	return text[0] != '\0';
}

const struct spec_type type_name = {name_parse, text_format, "^[a-z0-9][a-z0-9_.-]{0,62}$", 0};

static int text_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	if (text[0] == '\0' || text[strspn(text, " ")] == '\0')
		return err_set(e, ERR_INVALID, "expected a text");
	if (strpbrk(text, "\n\t\r"))
		return err_set(e, ERR_INVALID, "expected a text on one line, without tabs");
	if (!str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID, "expected at most %zu bytes", f->size - 1);
	return 0;
}

const struct spec_type type_text = {text_parse, text_format, "^[^\\n\\t]*[^\\n\\t ][^\\n\\t]*$", 0};

static int word_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct buf words = {0};
	const char *near;

	for (int i = 0; f->words[i]; i++)
		if (strcmp(f->words[i], text) == 0)
			return str_copy(at, f->size, text) ? 0 : ERR_INVALID;
	spec_words_format(f->words, &words);
	for (int i = 0; f->later && f->later[i]; i++)
		if (strcmp(f->later[i], text) == 0) {
			err_set(e, ERR_INVALID, "which is not there yet, expected %s",
				buf_text(&words));
			buf_release(&words);
			return ERR_INVALID;
		}
	near = spec_nearest(text, f->words);
	err_set(e, ERR_INVALID, "expected %s%s%s%s", buf_text(&words),
		near ? ", did you mean `" : "", near ? near : "", near ? "`?" : "");
	buf_release(&words);
	return ERR_INVALID;
}

const struct spec_type type_word = {word_parse, text_format, NULL, 0};

static int int_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	long n = only(text, DIGITS) && strlen(text) <= 9 ? strtol(text, NULL, 10) : -1;

	if (n < f->min || n > f->max || (text[0] == '0' && text[1]))
		return err_set(e, ERR_INVALID, "expected a whole number from %d to %d", (int)f->min,
			(int)f->max);
	*(int *)at = (int)n;
	return 0;
}

static int int_format(const struct spec_field *f, const void *at, struct buf *out)
{
	int n = *(const int *)at;

	buf_addf(out, "%d", n);
	return n != 0 || f->min <= 0; /* 0 where none is allowed: it was never given */
}

const struct spec_type type_int = {int_parse, int_format, NULL, 1};

static int duration_check(const char *text, int64_t min, int64_t max, int64_t *ms, struct err *e)
{
	char from[32], to[32];

	if (duration_parse(text, ms) == 0 && *ms >= min && *ms <= max)
		return 0;
	duration_format(min, from, sizeof from);
	duration_format(max, to, sizeof to);
	return err_set(
		e, ERR_INVALID, "expected a time from %s to %s, such as 90s or 1h30m", from, to);
}

static int time_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	return duration_check(text, f->min, f->max, at, e);
}

static int time_format(const struct spec_field *f, const void *at, struct buf *out)
{
	int64_t ms = *(const int64_t *)at;
	char text[32];

	/* 0 is a value only where the row allows it; else the member was never given. */
	if (ms == 0 && f->min > 0)
		return 0;
	duration_format(ms, text, sizeof text);
	buf_adds(out, text);
	return 1;
}

const struct spec_type type_duration = {time_parse, time_format, "^([0-9]+(d|h|ms|m|s))+$", 0};

/* Splits "HOST:PORT" at the last colon. The port, or 0. */
static int address_split(const char *text, char *host, size_t size)
{
	const char *colon = strrchr(text, ':');
	long port;

	if (!colon || colon == text || (size_t)(colon - text) >= size)
		return 0;
	if (!only(colon + 1, DIGITS) || strlen(colon + 1) > 5 || colon[1] == '0')
		return 0;
	port = strtol(colon + 1, NULL, 10);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	return port <= 65535 ? (int)port : 0;
}

static int listen_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct spec_endpoint *ep = at;
	char host[sizeof ep->listen_host];
	int port = address_split(text, host, sizeof host);
	struct in_addr v4;

	(void)f;
	if (port && strcmp(host, "localhost") == 0)
		str_copy(host, sizeof host, "127.0.0.1");
	if (port && strcmp(host, "*") == 0)
		str_copy(host, sizeof host, "0.0.0.0");
	if (!port)
		return err_set(e, ERR_INVALID,
			"expected HOST:PORT with a port from 1 to 65535, such as 127.0.0.1:8100");
	if (strcmp(host, "[::1]") != 0 && strcmp(host, "[::]") != 0 &&
		!(inet_pton(AF_INET, host, &v4) == 1 &&
			(v4.s_addr == 0 || ntohl(v4.s_addr) >> 24 == 127)))
		return err_set(e, ERR_INVALID,
			"expected a loopback address (127.0.0.1, [::1]) or all addresses (0.0.0.0, "
			"[::]) before the port");
	str_copy(ep->listen_host, sizeof ep->listen_host, host);
	ep->listen_port = port;
	return 0;
}

static int listen_format(const struct spec_field *f, const void *at, struct buf *out)
{
	const struct spec_endpoint *ep = at;

	(void)f;
	buf_addf(out, "%s:%d", ep->listen_host, ep->listen_port);
	return ep->listen_port > 0;
}

const struct spec_type type_listen = {listen_parse, listen_format,
	"^(127\\.[0-9.]+|0\\.0\\.0\\.0|localhost|\\*|\\[::1?\\]):[1-9][0-9]{0,4}$", 0};

/* A path of the health check: what an HTTP path may hold, less what a configuration reads; or
 * `tcp`, for a server that has no such path: one that takes a connection is well. */
static int health_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	if (strcmp(text, "tcp") != 0 && (text[0] != '/' || !only(text, ALNUM "/_.~?=&:@,+-")))
		return err_set(e, ERR_INVALID,
			"expected `tcp`, or a path that begins with `/`, of letters, digits and "
			"any of /_.~?=&:@,+-");
	if (!str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID, "expected at most %zu bytes", f->size - 1);
	return 0;
}

const struct spec_type type_health = {
	health_parse, text_format, "^(tcp|/[A-Za-z0-9/_.~?=&:@,+-]*)$", 0};

/* Reads `header NAME` or `json PATH` into s; what remains of the text must be empty, or
 * " else random" where that is allowed. */
static int source_read(const char *text, struct source *s, int may_random, struct err *e)
{
	int header = strncmp(text, "header ", 7) == 0;
	const char *p = text + (header ? 7 : 5);
	size_t n;

	*s = (struct source){0};
	if (!header && strncmp(text, "json ", 5) != 0)
		return err_set(e, ERR_INVALID, "expected `header NAME` or `json PATH`%s",
			may_random ? ", with `else random` after it where needed" : "");
	p += strspn(p, " ");
	n = strspn(p, ALNUM "_.-");
	if (n == 0 || n >= sizeof s->name || (p[n] && p[n] != ' '))
		return err_set(e, ERR_INVALID,
			"expected a %s of at most %zu letters, digits, `-`, `_` and `.`",
			header ? "header name" : "JSON path", sizeof s->name - 1);
	memcpy(s->name, p, n);
	s->name[n] = '\0';
	/* `json .` is the whole body, where it is one number or one text. */
	if (!header && strcmp(s->name, ".") != 0 &&
		(s->name[0] == '.' || s->name[n - 1] == '.' || strstr(s->name, "..")))
		return err_set(e, ERR_INVALID, "expected a JSON path with a name between its dots");
	p += n + strspn(p + n, " ");
	if (*p && may_random && strcmp(p, "else random") == 0)
		s->else_random = 1;
	else if (*p)
		return err_set(e, ERR_INVALID, "expected nothing after the %s%s",
			header ? "header name" : "JSON path",
			may_random ? " but `else random`" : "");
	s->kind = header ? SOURCE_HEADER : SOURCE_JSON;
	return 0;
}

static int source_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	(void)f;
	return source_read(text, at, 0, e);
}

static int key_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	(void)f;
	return source_read(text, at, 1, e);
}

static int source_format(const struct spec_field *f, const void *at, struct buf *out)
{
	const struct source *s = at;

	(void)f;
	if (s->kind == SOURCE_NONE)
		return 0;
	buf_addf(out, "%s %s%s", s->kind == SOURCE_HEADER ? "header" : "json", s->name,
		s->else_random ? " else random" : "");
	return 1;
}

const struct spec_type type_source = {
	source_parse, source_format, "^(header|json) +[A-Za-z0-9_.-]{1,95}$", 0};
const struct spec_type type_key = {
	key_parse, source_format, "^(header|json) +[A-Za-z0-9_.-]{1,95}( +else random)?$", 0};

static int outcome_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct spec_endpoint *ep = at;
	const char *within = strstr(text, " within ");
	char name[sizeof ep->outcome];
	int64_t ms;

	if (!within || (size_t)(within - text) >= sizeof name)
		return err_set(
			e, ERR_INVALID, "expected NAME within DURATION, such as late within 6h");
	memcpy(name, text, (size_t)(within - text));
	name[within - text] = '\0';
	if (!name_is(name))
		return err_set(e, ERR_INVALID,
			"expected a name of small letters, digits, `-`, `_` and `.` before "
			"`within`");
	if (duration_check(within + 8, f->min, f->max, &ms, e) < 0)
		return ERR_INVALID;
	str_copy(ep->outcome, sizeof ep->outcome, name);
	ep->outcome_within_ms = ms;
	return 0;
}

static int outcome_format(const struct spec_field *f, const void *at, struct buf *out)
{
	const struct spec_endpoint *ep = at;
	char text[32];

	(void)f;
	if (!ep->outcome[0])
		return 0;
	duration_format(ep->outcome_within_ms, text, sizeof text);
	buf_addf(out, "%s within %s", ep->outcome, text);
	return 1;
}

const struct spec_type type_outcome = {outcome_parse, outcome_format,
	"^[a-z0-9][a-z0-9_.-]{0,62} within ([0-9]+(d|h|ms|m|s))+$", 0};

/* The name of a server's certificate. */
static int name_of_host_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	if (!host_is_valid(text) || host_is_address(text))
		return err_set(e, ERR_INVALID, "expected a host name, such as models.example.com");
	if (!str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID, "expected at most %zu bytes", f->size - 1);
	return 0;
}

const struct spec_type type_host = {
	name_of_host_parse, text_format, "^[A-Za-z0-9][A-Za-z0-9.-]*$", 0};

/* The text itself, not a file's name: the engine opens no path that somebody else names, and what
 * is vouched for stands in the same review as the server. */
static int certificates_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct err why = {0};

	if (strlen(text) >= f->size)
		return err_set(e, ERR_INVALID, "expected at most %zu bytes", f->size - 1);
	if (certificates_check(text, &why) < 0)
		return err_set(e, ERR_INVALID,
			"expected certificates in PEM form, the text and not a file's name: %s",
			why.message);
	str_copy(at, f->size, text);
	return 0;
}

const struct spec_type type_certificates = {
	certificates_parse, text_format, "-----BEGIN CERTIFICATE-----", 0};

static int server_add(struct spec_arm *arm, const char *text, struct err *e)
{
	struct spec_upstream *u = &arm->servers[arm->server_count];

	if (arm->server_count == sizeof arm->servers / sizeof arm->servers[0])
		return err_set(e, ERR_INVALID, "expected at most %d servers", arm->server_count);
	u->port = address_split(text, u->host, sizeof u->host);
	if (!u->port || !host_is_valid(u->host))
		return err_set(e, ERR_INVALID,
			"expected HOST:PORT, HOST:PORT or tls HOST:PORT, such as 10.0.0.7:9000");
	for (int i = 0; i < arm->server_count; i++)
		if (arm->servers[i].port == u->port && strcmp(arm->servers[i].host, u->host) == 0)
			return err_set(e, ERR_INVALID, "where one server stands twice");
	arm->server_count++;
	return 0;
}

static int upstream_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	struct spec_arm *arm = at;
	char *copy = xstrdup(text), *rest = copy, *word;
	int rc = 0;

	(void)f;
	arm->server_count = 0;
	arm->tls = strncmp(rest, "tls ", 4) == 0;
	if (arm->tls)
		rest += 4;
	while (rc == 0 && (word = strsep(&rest, ","))) {
		word += strspn(word, " ");
		if (arm->tls && strncmp(word, "tls ", 4) == 0) /* of each member of a list */
			word += 4 + strspn(word + 4, " ");
		for (size_t n = strlen(word); n && word[n - 1] == ' '; n--)
			word[n - 1] = '\0';
		rc = server_add(arm, word, e);
	}
	free(copy);
	return rc;
}

static int upstream_format(const struct spec_field *f, const void *at, struct buf *out)
{
	const struct spec_arm *arm = at;

	(void)f;
	if (arm->tls)
		buf_adds(out, "tls ");
	for (int i = 0; i < arm->server_count; i++)
		buf_addf(out, "%s%s:%d", i ? ", " : "", arm->servers[i].host, arm->servers[i].port);
	return arm->server_count > 0;
}

#define HOSTPORT "([A-Za-z0-9][A-Za-z0-9._-]*|\\[[0-9a-fA-F:.]+\\]):[1-9][0-9]{0,4}"
const struct spec_type type_upstream = {upstream_parse, upstream_format,
	"^(tls +)?" HOSTPORT "( *, *(tls +)?" HOSTPORT "){0,7} *$", 0};

/* A unix user, or @group. */
static int member_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	const char *name = text[0] == '@' ? text + 1 : text;

	if (!only(name, ALNUM "_.-") || strchr(".-", name[0]) || !str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID, "expected a unix user or \"@group\"");
	return 0;
}

const struct spec_type type_member = {
	member_parse, text_format, "^@?[A-Za-z0-9_][A-Za-z0-9_.-]{0,61}$", 0};

/* A row of commands.def, or `outcomes`, which has no command. */
static const char *const command_words[] = {
#define COMMAND(name, ...) name,
#include "backend/wire/commands.def"
#undef COMMAND
	"outcomes", "predictions", NULL};

static int command_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	const char *near;

	for (int i = 0; command_words[i]; i++)
		if (strcmp(command_words[i], text) == 0 && str_copy(at, f->size, text))
			return 0;
	near = spec_nearest(text, command_words);
	return err_set(e, ERR_INVALID, "expected a command such as `rollout start`%s%s%s",
		near ? ", did you mean `" : "", near ? near : "", near ? "`?" : "");
}

const struct spec_type type_command = {
	command_parse, text_format, "^[a-z][a-z-]*( [a-z][a-z-]*)?$", 0};

/* An account is one unix user. */
static int user_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	if (text[0] == '@' || member_parse(f, text, at, NULL) < 0)
		return err_set(e, ERR_INVALID, "expected a unix user");
	return 0;
}

const struct spec_type type_user = {
	user_parse, text_format, "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,61}$", 0};

/* The label of a metric, as Prometheus has it. */
static int label_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	if (!only(text, ALNUM "_") || strchr(DIGITS, text[0]) || !str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID,
			"expected a label: letters, digits and `_`, not beginning with a digit");
	return 0;
}

const struct spec_type type_label = {label_parse, text_format, "^[A-Za-z_][A-Za-z0-9_]{0,62}$", 0};

static int url_parse(const struct spec_field *f, const char *text, void *at, struct err *e)
{
	const char *host = strncmp(text, "http://", 7) == 0    ? text + 7
			   : strncmp(text, "https://", 8) == 0 ? text + 8
							       : "";

	if (!*host || *host == '/' || strchr(host, '@') || strpbrk(text, " \"\\?#") ||
		!str_copy(at, f->size, text))
		return err_set(e, ERR_INVALID,
			"expected an address such as http://127.0.0.1:9090 or "
			"https://metrics.example/prometheus, without a login");
	return 0;
}

const struct spec_type type_url = {url_parse, text_format, "^https?://[^/@?# ][^@?# ]*$", 0};
